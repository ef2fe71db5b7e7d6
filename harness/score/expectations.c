/* Expectations to checks: what was asked of a detector in every cell of its scenario, and what was seen. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "scenario/claim.h"
#include "score/internal.h"

struct asking {
    const struct score_inputs *inputs;
    struct score_checks *checks;
    const struct ld_cell *cell;
    const struct ld_expectation *expectation;
    const struct ld_board_row *row; /* NULL: the cell has no runs */
    bool unreliable;                /* the detector broke in too many of its runs */
};

static struct ld_check *add(const struct asking *asking, const char *what, enum ld_verdict verdict)
{
    struct ld_check *check = score_check_add(asking->checks, what, verdict);
    check->scenario = asking->cell->scenario->name;
    check->cell = asking->cell->name;
    check->detector = asking->expectation->detector;
    check->line = asking->expectation->line;
    return check;
}

static enum ld_verdict pass_if(bool met)
{
    return met ? LD_VERDICT_PASS : LD_VERDICT_FAIL;
}

/* Excluded leaky runs of the row: invalid ones, and those in which the detector broke. */
static uint32_t excluded(const struct ld_board_row *row)
{
    return row->runs - row->valid;
}

/* Leaks mostly did not happen: what is left is no fair sample. */
static bool mostly_absent(const struct ld_board_row *row)
{
    return row->valid > 0 && 2 * row->counts[LD_OUTCOME_NOT_MANIFESTED] > row->valid;
}

static void check_observed(const struct asking *asking)
{
    const struct ld_board_row *row = asking->row;
    uint32_t hits = row->counts[LD_OUTCOME_TP];
    uint32_t n = hits + row->counts[LD_OUTCOME_TP_LATE] + row->counts[LD_OUTCOME_FN];
    bool met = n > 0 && (double)hits >= asking->expectation->detection.observed * n - 1e-9;
    bool judged = n > 0 && !mostly_absent(row) && !asking->unreliable;
    struct ld_check *check = add(asking, "detection", judged ? pass_if(met) : LD_VERDICT_INCONCLUSIVE);
    snprintf(check->asked, sizeof check->asked, "observed %.4g%%", asking->expectation->detection.observed * 100);
    snprintf(check->seen, sizeof check->seen,
             "%u of %u in time, %u late; with excluded runs %u of %u; %u did not manifest", hits, n,
             row->counts[LD_OUTCOME_TP_LATE], hits, n + excluded(row), row->counts[LD_OUTCOME_NOT_MANIFESTED]);
}

/* It is known not to see the leak: what it sees nevertheless is nobody's failure, and news. Out of its range it cannot
 * see it either, which is what was declared, and which no further run would change. */
static void check_declared_miss(const struct asking *asking)
{
    const struct ld_board_row *row = asking->row;
    uint32_t seen = row->counts[LD_OUTCOME_TP] + row->counts[LD_OUTCOME_TP_LATE], n = seen + row->counts[LD_OUTCOME_FN];
    uint32_t beyond = row->counts[LD_OUTCOME_OUT_OF_RANGE];
    bool judged = n + beyond > 0 && !mostly_absent(row) && !asking->unreliable;
    struct ld_check *check = add(asking, seen ? "declared miss found now" : "declared miss",
                                 seen || judged ? LD_VERDICT_PASS : LD_VERDICT_INCONCLUSIVE);
    check->notable = seen > 0;
    snprintf(check->asked, sizeof check->asked, "all missed");
    snprintf(check->seen, sizeof check->seen, "%u of %u found, %u late; %u out of its range; %u did not manifest", seen,
             n, row->counts[LD_OUTCOME_TP_LATE], beyond, row->counts[LD_OUTCOME_NOT_MANIFESTED]);
}

static const struct ld_sequential_result *sequential_of(const struct asking *asking)
{
    const struct score_inputs *inputs = asking->inputs;
    for (size_t i = 0; i < inputs->sequential_count; i++)
        if (strcmp(inputs->sequential[i].cell, asking->cell->name) == 0 &&
            strcmp(inputs->sequential[i].detector, asking->expectation->detector) == 0)
            return &inputs->sequential[i];
    return NULL;
}

static void check_sequential(const struct asking *asking, const struct ld_sequential_result *result)
{
    static const enum ld_verdict verdicts[] = {[LD_SPRT_CONTINUE] = LD_VERDICT_INCONCLUSIVE,
                                               [LD_SPRT_ACCEPT] = LD_VERDICT_PASS,
                                               [LD_SPRT_REJECT] = LD_VERDICT_FAIL};
    static const char *const words[] = {
        [LD_SPRT_CONTINUE] = "not decided", [LD_SPRT_ACCEPT] = "accepted", [LD_SPRT_REJECT] = "rejected"};
    bool judged = !asking->unreliable && (result->false_alarms || !mostly_absent(asking->row));
    struct ld_check *check = add(asking, result->false_alarms ? "false alarms (sequential)" : "detection (sequential)",
                                 judged ? verdicts[result->decision] : LD_VERDICT_INCONCLUSIVE);
    snprintf(check->asked, sizeof check->asked,
             "a rate of %.4g%%, not %.4g%%; alpha %.3g%%, beta %.3g%%; at most %u runs", result->test.p0 * 100,
             result->test.p1 * 100, result->test.alpha * 100, result->test.beta * 100, result->planned);
    snprintf(check->seen, sizeof check->seen,
             "%s by %u runs, %u of them %s; %u without evidence passed over, %u ended later", words[result->decision],
             result->trials, result->bad, result->false_alarms ? "with a false alarm" : "with a miss",
             result->passed_over, result->later);
}

/* Beside `observed` the bound is asked for only where the plan has the runs for it, so that one file serves a smoke
 * table and `--full`. Alone it is always asked for, and with too few runs inconclusive. */
static bool may_be_confident(const struct asking *asking)
{
    const struct ld_rate_expectation *rate = &asking->expectation->detection;
    const struct ld_plan *plan = asking->inputs->plan;
    int64_t planned = 0;
    for (size_t i = 0; i < plan->run_count; i++)
        planned += &plan->cells[plan->runs[i].cell] == asking->cell;
    return rate->observed < 0 || planned >= ld_plan_runs_needed(rate->confident, rate->at);
}

static void check_confident(const struct asking *asking)
{
    const struct ld_board_row *row = asking->row;
    double share = asking->expectation->detection.confident, at = asking->expectation->detection.at;
    int64_t n = row->evident_runs + excluded(row), hits = row->hit_runs;
    double lower = n > 0 ? ld_clopper_pearson_lower(hits, n, at) : 0;
    double conditional = row->evident_runs ? ld_clopper_pearson_lower(hits, row->evident_runs, at) : 0;
    bool supported = n > 0 && ld_clopper_pearson_lower(n, n, at) >= share;
    bool could_tell =
        row->evident_runs > 0 && ld_clopper_pearson_lower(row->evident_runs, row->evident_runs, at) >= share;
    bool refuted = row->evident_runs > 0 && ld_clopper_pearson_upper(hits, row->evident_runs, at) < share;
    enum ld_verdict verdict = LD_VERDICT_INCONCLUSIVE;
    if (!mostly_absent(row) && !asking->unreliable) {
        if (supported && lower >= share)
            verdict = LD_VERDICT_PASS;
        else if (refuted || (could_tell && conditional < share))
            verdict = LD_VERDICT_FAIL;
    }
    struct ld_check *check = add(asking, "detection", verdict);
    snprintf(check->asked, sizeof check->asked, "at least %.4g%%, %.4g%% confident", share * 100, at * 100);
    snprintf(check->seen, sizeof check->seen,
             "%lld of %lld runs: at least %.1f%% (exact); without %u excluded %.1f%%%s", (long long)hits, (long long)n,
             lower * 100, excluded(row), conditional * 100, supported ? "" : "; too few runs for this claim");
}

/* Episodes are counted in valid runs: more than `most` are too many whatever else went wrong. */
static struct ld_check *check_episodes(const struct asking *asking, const char *what, uint32_t episodes, int64_t most)
{
    enum ld_verdict verdict = LD_VERDICT_PASS;
    if (episodes > most)
        verdict = LD_VERDICT_FAIL;
    else if (asking->row->valid == 0 || asking->unreliable)
        verdict = LD_VERDICT_INCONCLUSIVE;
    struct ld_check *check = add(asking, what, verdict);
    snprintf(check->asked, sizeof check->asked, "at most %lld", (long long)most);
    snprintf(check->seen, sizeof check->seen, "%u episodes in %u runs", episodes, asking->row->valid);
    return check;
}

static void check_false_alarms(const struct asking *asking)
{
    const struct ld_board_row *row = asking->row;
    struct ld_check *check =
        check_episodes(asking, "false alarms", row->false_alarms, asking->expectation->false_alarms_at_most);
    size_t used = strlen(check->seen);
    snprintf(check->seen + used, sizeof check->seen - used, ", %u of them at a wrong site", row->wrong_site);
}

/* A quantile that was not reached: could it lie within `limit` at all, had the censored been seen in time? */
static bool may_be_within(const struct asking *asking, int64_t limit_ns, double share)
{
    const struct ld_score *score = asking->inputs->score;
    size_t possible = 0, n = 0;
    for (size_t i = 0; i < score->outcome_count; i++) {
        const struct ld_outcome *outcome = &score->outcomes[i];
        const struct ld_run_plan *planned = ld_plan_find_run(asking->inputs->plan, outcome->run);
        struct ld_survival_time time;
        if (!planned || planned->cell != asking->row->cell || strcmp(outcome->detector, asking->row->detector) != 0 ||
            !ld_outcome_time(outcome, &time))
            continue;
        n++;
        possible += time.event ? time.time_ns <= limit_ns : time.time_ns < limit_ns;
    }
    return (double)possible >= share * (double)n;
}

static void check_quantile(const struct asking *asking, const char *what, int64_t asked_ns, int64_t seen_ns,
                           size_t least, double share)
{
    int64_t limit_ns = score_scaled(asking->cell->scenario, asked_ns);
    const struct ld_survival *time = &asking->row->time;
    enum ld_verdict verdict = LD_VERDICT_INCONCLUSIVE;
    if (time->n >= least && !asking->unreliable) {
        if (seen_ns >= 0)
            verdict = pass_if(seen_ns <= limit_ns);
        else if (!may_be_within(asking, limit_ns, share))
            verdict = LD_VERDICT_FAIL;
    }
    char asked[32] = "", seen[32] = "not reached";
    if (seen_ns >= 0)
        ld_format_duration_short(seen_ns, seen, sizeof seen);
    struct ld_check *check = add(asking, what, verdict);
    snprintf(check->asked, sizeof check->asked, "at most %s", ld_format_duration(limit_ns, asked, sizeof asked));
    if (time->n < least)
        snprintf(check->seen, sizeof check->seen, "%zu leaks, of %zu needed for this claim", time->n, least);
    else
        snprintf(check->seen, sizeof check->seen, "%s, %zu of %zu leaks seen", seen, time->events, time->n);
}

static void check_named(const struct asking *asking, const char *what, const char *asked, uint32_t right)
{
    uint32_t seen = asking->row->counts[LD_OUTCOME_TP] + asking->row->counts[LD_OUTCOME_TP_LATE];
    struct ld_check *check =
        add(asking, what, seen && !asking->unreliable ? pass_if(right == seen) : LD_VERDICT_INCONCLUSIVE);
    snprintf(check->asked, sizeof check->asked, "%s", asked);
    snprintf(check->seen, sizeof check->seen, "right in %u of %u detections", right, seen);
}

static void check_leaky(const struct asking *asking)
{
    const struct ld_expectation *expectation = asking->expectation;
    const struct ld_sequential_result *result = sequential_of(asking);
    if (expectation->detection.missed)
        check_declared_miss(asking);
    else if (result)
        check_sequential(asking, result);
    else if (expectation->detection.given && expectation->detection.observed >= 0)
        check_observed(asking);
    if (expectation->detection.given && expectation->detection.confident >= 0 && may_be_confident(asking))
        check_confident(asking);
    if (expectation->time_given && expectation->median_ns > 0)
        check_quantile(asking, "median time to detect", expectation->median_ns, asking->row->time.median_ns,
                       LD_RUNS_FOR_MEDIAN, 0.5);
    if (expectation->time_given && expectation->p95_ns > 0)
        check_quantile(asking, "p95 time to detect", expectation->p95_ns, asking->row->time.p95_ns, LD_RUNS_FOR_P95,
                       0.95);
    if (expectation->cause_right)
        check_named(asking, "cause", "right", asking->row->cause_right);
    if (expectation->site_observable)
        check_named(asking, "site", "observable", asking->row->site_right);
}

/* The detector's share of runs in which it broke, over the whole campaign. */
static bool broke_too_often(const struct score_inputs *inputs, const char *detector)
{
    size_t runs = 0, broken = 0;
    for (size_t i = 0; i < inputs->count; i++) {
        for (size_t j = 0; j < inputs->runs[i].detector_count; j++) {
            if (strcmp(inputs->runs[i].detectors[j].name, detector) != 0)
                continue;
            runs++;
            broken += inputs->runs[i].detectors[j].failed;
        }
    }
    return (double)broken > LD_EXCLUDED_MAX * (double)runs;
}

static bool asks_anything(const struct ld_expectation *expectation)
{
    return expectation->detection.given || expectation->false_alarms_given || expectation->during_holds_given ||
           expectation->time_given || expectation->cause_right || expectation->site_observable;
}

static void check_cell(struct asking *asking, const struct ld_board_row *rows, size_t row_count)
{
    asking->row = NULL;
    for (size_t i = 0; i < row_count; i++) {
        /* Rows name a cell by its place in the plan, which a filter shifts against its stable index. */
        if (&asking->inputs->plan->cells[rows[i].cell] == asking->cell &&
            strcmp(rows[i].detector, asking->expectation->detector) == 0)
            asking->row = &rows[i];
    }
    if (!asking->row) {
        struct ld_check *check = add(asking, "runs", LD_VERDICT_INCONCLUSIVE);
        snprintf(check->asked, sizeof check->asked, "runs of this detector");
        snprintf(check->seen, sizeof check->seen, "none");
        return;
    }
    bool leaky = asking->cell->variant == LD_VARIANT_LEAKY;
    const struct ld_sequential_result *result = leaky ? NULL : sequential_of(asking);
    if (leaky)
        check_leaky(asking);
    if (result)
        check_sequential(asking, result);
    else if (asking->expectation->false_alarms_given)
        check_false_alarms(asking);
    if (asking->expectation->during_holds_given)
        check_episodes(asking, "alerts during holds", asking->row->during_hold,
                       asking->expectation->during_holds_at_most);
}

void score_expectations(const struct score_inputs *inputs, const struct ld_board_row *rows, size_t row_count,
                        struct score_checks *checks)
{
    for (size_t i = 0; i < inputs->plan->cell_count; i++) {
        const struct ld_cell *cell = &inputs->plan->cells[i];
        const struct ld_scenario *scenario = cell->scenario;
        for (size_t j = 0; j < scenario->expectation_count; j++) {
            const struct ld_expectation *expectation = &scenario->expectations[j];
            struct asking asking = {.inputs = inputs, .checks = checks, .cell = cell, .expectation = expectation};
            if (expectation->report_only || !asks_anything(expectation) || scenario->target.truth == LD_TRUTH_NONE ||
                !ld_cell_is_asked(cell, expectation))
                continue;
            asking.unreliable = broke_too_often(inputs, expectation->detector);
            check_cell(&asking, rows, row_count);
        }
    }
}
