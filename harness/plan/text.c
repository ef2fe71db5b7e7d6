/* The plan for people: what would run, how long it would take, and whether that can prove what is expected. */
#include "plan/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/text.h"
#include "scenario/arm.h"
#include "scenario/claim.h"

#define RUNS_MAX INT64_C(100000000)
#define DURATION_SIZE 32
#define ATTRIBUTES_MAX ((size_t)4096)

int64_t ld_plan_runs_needed(double share, double confidence)
{
    double miss = (1 - confidence) * (1 + 1e-12); /* so that rounding does not ask for one more */
    double all_seen = share;
    for (int64_t runs = 1; runs <= RUNS_MAX; runs++, all_seen *= share)
        if (all_seen <= miss)
            return runs;
    return INT64_MAX;
}

/* ---- times */

static const char *duration(int64_t ns, char buffer[DURATION_SIZE])
{
    return ld_format_duration_short(ns, buffer, DURATION_SIZE);
}

static int64_t cell_duration(const struct ld_plan *plan, size_t cell, uint32_t *ret_runs)
{
    int64_t total = 0;
    *ret_runs = 0;
    for (size_t i = 0; i < plan->run_count; i++) {
        if (plan->runs[i].cell != cell)
            continue;
        total += ld_plan_run_duration(plan, &plan->runs[i]);
        ++*ret_runs;
    }
    return *ret_runs ? total / *ret_runs : 0;
}

/* Longest of an even share of all, and of the longest run: no more jobs can beat that. `shares`: of each cell's runs,
 * the part that comes to be run; NULL: all. */
static int64_t duration_of(const struct ld_plan *plan, unsigned jobs, const double *shares)
{
    double total = 0;
    int64_t longest = 0;
    for (size_t i = 0; i < plan->run_count; i++) {
        int64_t one = ld_plan_run_duration(plan, &plan->runs[i]);
        total += (double)one * (shares ? shares[plan->runs[i].cell] : 1);
        longest = one > longest ? one : longest;
    }
    int64_t share = (int64_t)(total / (jobs ? jobs : 1));
    return share > longest ? share : longest;
}

int64_t ld_plan_duration(const struct ld_plan *plan, unsigned jobs)
{
    return duration_of(plan, jobs, NULL);
}

/* The part of a cell's runs that its slowest test is expected to need where every rate is just acceptable. */
static int cell_share(const struct ld_plan *plan, const struct ld_cell *cell, double *ret_share)
{
    double share = ld_cell_sequential_tests(cell) ? 0 : 1;
    for (size_t i = 0; i < cell->scenario->expectation_count; i++) {
        struct ld_sprt_test test;
        struct ld_sprt_expectation expected;
        if (!ld_plan_sequential_test(plan, cell, &cell->scenario->expectations[i], &test))
            continue;
        bool known = test.max <= LD_SPRT_TRIALS_MAX; /* --runs may be more */
        int code = known ? ld_sprt_expect(&test, test.p0, &expected) : 0;
        if (code)
            return code;
        double part = known ? expected.trials / (double)test.max : 1;
        share = part > share ? part : share;
    }
    *ret_share = share;
    return 0;
}

/* -1 when out of memory. */
static int64_t expected_duration(const struct ld_plan *plan, unsigned jobs)
{
    double *shares = calloc(plan->cell_count + 1, sizeof *shares);
    int code = shares ? 0 : LD_ENOMEM;
    for (size_t i = 0; i < plan->cell_count && !code; i++)
        code = cell_share(plan, &plan->cells[i], &shares[i]);
    int64_t expected_ns = code ? -1 : duration_of(plan, jobs, shares);
    free(shares);
    return expected_ns;
}

/* ---- the parts of the text; each adds to `out` and returns its code */

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static int sequential_head_text(const struct ld_plan *plan, unsigned jobs, struct ld_buffer *out)
{
    char expected[DURATION_SIZE];
    int64_t expected_ns = expected_duration(plan, jobs);
    if (expected_ns < 0)
        return LD_ENOMEM;
    return ld_buffer_printf(
        out,
        "about %s where every rate is acceptable: cells end when their sequential tests are decided; "
        "%u test%s share one alpha\n",
        duration(expected_ns, expected), plan->sequential_tests, plural(plan->sequential_tests));
}

static int head_text(const struct ld_plan *plan, unsigned jobs, struct ld_buffer *out)
{
    char total[DURATION_SIZE];
    int code = ld_buffer_printf(out, "plan %.12s  seed %llu  %zu cell%s, %zu run%s", plan->hash,
                                (unsigned long long)plan->seed, plan->cell_count, plural(plan->cell_count),
                                plan->run_count, plural(plan->run_count));
    if (!code && plan->run_count != plan->whole_run_count)
        code = ld_buffer_printf(out, " of %u cell%s, %u run%s", plan->whole_cell_count, plural(plan->whole_cell_count),
                                plan->whole_run_count, plural(plan->whole_run_count));
    if (!code)
        code = ld_buffer_printf(out, "\n%s %s with %u at once, starting and stopping not counted\n",
                                plan->sequential_tests ? "at most" : "about",
                                duration(ld_plan_duration(plan, jobs), total), jobs ? jobs : 1);
    return code || !plan->sequential_tests ? code : sequential_head_text(plan, jobs, out);
}

/* Cells with exactly so many runs, and the least number of runs above; 0 when no cell has more. Those that end by what
 * they show promise nothing that rests on a number. */
static size_t cells_with(const struct ld_plan *plan, uint32_t runs, uint32_t *ret_next)
{
    size_t count = 0;
    *ret_next = 0;
    for (size_t i = 0; i < plan->cell_count; i++) {
        uint32_t of_cell;
        if (ld_cell_sequential_tests(&plan->cells[i]))
            continue;
        cell_duration(plan, i, &of_cell);
        count += of_cell == runs;
        if (of_cell > runs && (!*ret_next || of_cell < *ret_next))
            *ret_next = of_cell;
    }
    return count;
}

static int claims_text(const struct ld_plan *plan, struct ld_buffer *out)
{
    int code = 0;
    for (uint32_t runs = 0, next; !code; runs = next) {
        size_t cells = cells_with(plan, runs, &next);
        if (runs)
            code = ld_buffer_printf(out, "%zu cell%s of %u run%s: %s\n", cells, plural(cells), runs, plural(runs),
                                    runs < ld_claims[0].runs ? "counts only" : "counts, and");
        for (const struct ld_claim *claim = ld_claims; !code && claim->runs && claim->runs <= runs; claim++)
            code = ld_buffer_printf(out, "  %s\n", claim->text);
        if (!next)
            break;
    }
    return code;
}

static int cells_text(const struct ld_plan *plan, const struct ld_scenario *scenario, struct ld_buffer *out)
{
    char each[DURATION_SIZE];
    uint32_t runs;
    int code = ld_buffer_add_text(out, "  cells\n");
    for (size_t i = 0; !code && i < plan->cell_count; i++) {
        if (plan->cells[i].scenario != scenario)
            continue;
        int64_t ns = cell_duration(plan, i, &runs);
        code = ld_buffer_printf(out, "    %4u  %-60s %s%u run%s, %s each\n", plan->cells[i].index, plan->cells[i].name,
                                ld_cell_sequential_tests(&plan->cells[i]) ? "at most " : "", runs, plural(runs),
                                duration(ns, each));
    }
    return code;
}

/* Who watches in which arm; nothing where all watch every run. */
static int arms_text(const struct ld_scenario *scenario, struct ld_buffer *out)
{
    size_t count = ld_scenario_arm_count(scenario);
    int code = count > 1 ? ld_buffer_add_text(out, "  arms, of one seed each repetition\n") : 0;
    for (size_t i = 0; count > 1 && i < count && !code; i++) {
        struct ld_arm arm = ld_scenario_arm(scenario, i);
        const char *before = "";
        code = ld_buffer_printf(out, "    %-16s ", arm.name);
        for (size_t k = 0; k < scenario->detector_count && !code; k++) {
            if (!ld_arm_has(&arm, k))
                continue;
            code = ld_buffer_printf(out, "%s%s", before, scenario->detectors[k].name);
            before = ", ";
        }
        if (!code)
            code = ld_buffer_add_text(out, *before ? "\n" : "the calibration set alone\n");
    }
    return code;
}

/* The attributes as a user writes them, defaults too, in a line of their own; nothing for a fault without any. */
static int attributes_text(const struct ld_fault_spec *fault, struct ld_buffer *out)
{
    struct ld_buffer values;
    ld_buffer_init(&values, ATTRIBUTES_MAX);
    int code = ld_schema_values(ld_fault_table[fault->type].attributes, &fault->attributes, &values);
    const char *text = ld_buffer_text(&values);
    if (!code && strcmp(text, "{}") != 0) {
        code = ld_buffer_printf(out, "%28s", "");
        for (const char *p = text + 1; !code && p[1]; p++) /* JSON without its quotes, a space behind : and , */
            if (*p != '"')
                code = ld_buffer_printf(out, *p == ':' || *p == ',' ? "%c " : "%c", *p);
        code = code ? code : ld_buffer_add_text(out, "\n");
    }
    ld_buffer_done(&values);
    return code;
}

static int fault_on_text(const struct ld_scenario *scenario, const struct ld_fault_spec *fault, struct ld_buffer *out)
{
    char until[DURATION_SIZE];
    int code = ld_buffer_printf(out, "  %s", fault->id);
    if (!code && fault->for_ns >= 0)
        code = ld_buffer_printf(out, " for %s", duration(ld_scenario_scaled_ns(scenario, fault->for_ns), until));
    if (!code)
        code = ld_buffer_add_text(out, "\n");
    return code ? code : attributes_text(fault, out);
}

static int action_text(const struct ld_scenario *scenario, const struct ld_fault_case *fault_case,
                       const struct ld_action *action, int64_t phase_ns, struct ld_buffer *out)
{
    char at[DURATION_SIZE];
    const struct ld_fault_spec *fault = fault_case->fault_count ? &fault_case->faults[action->fault] : NULL;
    int code = ld_buffer_printf(out, "      %8s  %s", duration(action->at_ns - phase_ns, at),
                                ld_action_kind_name(action->kind));
    if (code)
        return code;
    switch (action->kind) {
    case LD_ACTION_LOAD_ON:
        return ld_buffer_printf(out, "  %s at %g/s +-5%%\n", scenario->load.path,
                                scenario->load.per_second * scenario->time_scale);
    case LD_ACTION_FAULT_ON:
        return fault_on_text(scenario, fault, out);
    case LD_ACTION_FAULT_OFF:
        return ld_buffer_printf(out, "  %s\n", fault->id);
    default:
        return ld_buffer_add_text(out, "\n");
    }
}

/* In real time, as the rest of the schedule. */
static const char *when_text(const struct ld_scenario *scenario, const struct ld_when *when, char *text, size_t size)
{
    struct ld_when scaled = *when;
    scaled.for_ns = ld_scenario_scaled_ns(scenario, when->for_ns);
    return ld_when_text(&scaled, text, size);
}

/* A fault that no clock starts. */
static int condition_text(const struct ld_scenario *scenario, const struct ld_fault_spec *fault, struct ld_buffer *out)
{
    char when[160], until[DURATION_SIZE] = "the method's end";
    if (fault->for_ns > 0)
        duration(ld_scenario_scaled_ns(scenario, fault->for_ns), until);
    int code = ld_buffer_printf(out, "      %8s  fault-on  %s, when %s%s%s\n", "?", fault->id,
                                when_text(scenario, fault->when, when, sizeof when),
                                ld_fault_is_instant(fault->type) ? "" : fault->for_ns > 0 ? ", for " : ", until ",
                                ld_fault_is_instant(fault->type) ? "" : until);
    return code ? code : attributes_text(fault, out);
}

/* The schedule of a fault case, from the first of its runs; they differ by the phase alone. */
static int case_text(const struct ld_plan *plan, const struct ld_scenario *scenario, uint32_t fault_case,
                     struct ld_buffer *out)
{
    const struct ld_run_plan *run = NULL;
    for (size_t i = 0; !run && i < plan->run_count; i++) {
        const struct ld_cell *cell = &plan->cells[plan->runs[i].cell];
        if (cell->scenario == scenario && cell->fault_case == fault_case)
            run = &plan->runs[i];
    }
    if (!run)
        return 0; /* filtered out */
    int code = ld_buffer_printf(out, "    %s\n", scenario->fault_cases[fault_case].name);
    const struct ld_fault_case *conditional = &scenario->fault_cases[fault_case];
    for (size_t i = 0; !code && i < conditional->fault_count; i++)
        if (conditional->faults[i].when)
            code = condition_text(scenario, &conditional->faults[i], out);
    for (size_t i = 0; !code && i < run->action_count; i++)
        code = action_text(scenario, &scenario->fault_cases[fault_case], &run->actions[i], run->phase_ns, out);
    return code;
}

static bool is_scaled(const struct ld_scenario *scenario)
{
    return ld_scenario_scaled_ns(scenario, LD_SECOND) != LD_SECOND;
}

static int schedule_text(const struct ld_plan *plan, const struct ld_scenario *scenario, struct ld_buffer *out)
{
    char period[DURATION_SIZE], baseline[DURATION_SIZE], drain[DURATION_SIZE], settle[DURATION_SIZE];
    int code = ld_buffer_printf(out,
                                "  schedule, real time%s; each run is delayed by less than %s\n    baseline %s before, "
                                "drain %s and settle %s after\n",
                                is_scaled(scenario) ? " (faults' attributes as written)" : "",
                                duration(ld_scenario_scaled_ns(scenario, scenario->sampling.every_ns), period),
                                duration(ld_scenario_scaled_ns(scenario, scenario->phases.baseline_ns), baseline),
                                duration(ld_scenario_scaled_ns(scenario, scenario->phases.drain_ns), drain),
                                duration(ld_scenario_scaled_ns(scenario, scenario->phases.settle_ns), settle));
    char for_text[DURATION_SIZE], at_most[DURATION_SIZE], when[160];
    if (!code && scenario->steady)
        code = ld_buffer_printf(
            out, "    steady: %zu numbers within %g%% for %s, at most %s\n", scenario->steady->metric_count,
            scenario->steady->within * 100,
            duration(ld_scenario_scaled_ns(scenario, scenario->steady->for_ns), for_text),
            duration(ld_scenario_scaled_ns(scenario, scenario->steady->at_most_ns), at_most));
    for (size_t i = 0; !code && i < scenario->abort_count; i++)
        code = ld_buffer_printf(out, "    abort when %s\n",
                                when_text(scenario, &scenario->aborts[i], when, sizeof when));
    for (uint32_t i = 0; !code && i < scenario->fault_case_count; i++)
        code = case_text(plan, scenario, i, out);
    return code;
}

static int support_text(int64_t needed, int64_t runs, struct ld_buffer *out)
{
    if (needed == INT64_MAX)
        return ld_buffer_add_text(out, "NOT supported: no practical number of runs is enough\n");
    if (runs >= needed)
        return ld_buffer_printf(out, "supported: needs %lld runs of a cell without a miss, has %lld\n",
                                (long long)needed, (long long)runs);
    return ld_buffer_printf(out, "NOT supported: needs %lld runs of a cell without a miss, has %lld\n",
                            (long long)needed, (long long)runs);
}

static int detection_text(const struct ld_rate_expectation *rate, int64_t runs, struct ld_buffer *out)
{
    if (!rate->given)
        return 0;
    if (rate->missed)
        return ld_buffer_add_text(out,
                                  "      detection: declared to be missed; what is seen nevertheless is reported\n");
    int code = 0;
    if (rate->observed >= 0)
        code = ld_buffer_printf(out, "      detection observed %g%%: supported, a count over %lld runs of a cell\n",
                                rate->observed * 100, (long long)runs);
    if (code || rate->confident < 0)
        return code;
    if (rate->observed >= 0 && runs < ld_plan_runs_needed(rate->confident, rate->at))
        return ld_buffer_printf(out,
                                "      detection confident %g%% at %g%%: not judged, needs %lld runs of a cell without "
                                "a miss (--full), has %lld\n",
                                rate->confident * 100, rate->at * 100,
                                (long long)ld_plan_runs_needed(rate->confident, rate->at), (long long)runs);
    code = ld_buffer_printf(out, "      detection confident %g%% at %g%%: ", rate->confident * 100, rate->at * 100);
    return code ? code : support_text(ld_plan_runs_needed(rate->confident, rate->at), runs, out);
}

/* What the test of an expectation does in cells of a variant, from the first of them; nothing when there is none. */
static int sequential_text(const struct ld_plan *plan, const struct ld_scenario *scenario, enum ld_variant variant,
                           const struct ld_expectation *expectation, struct ld_buffer *out)
{
    struct ld_sprt_test test = {0};
    struct ld_sprt_expectation good, bad;
    bool found = false;
    for (size_t i = 0; i < plan->cell_count && !found; i++)
        found = plan->cells[i].scenario == scenario && plan->cells[i].variant == variant &&
                ld_plan_sequential_test(plan, &plan->cells[i], expectation, &test);
    if (!found)
        return 0;
    int64_t least = ld_sprt_goods_needed(&test, 0, 0);
    int code = ld_buffer_printf(
        out, "      %s, sequential: a rate of %g%%, not %g%%; alpha %.3g%% (%g%% over %u test%s), beta %g%%\n",
        variant == LD_VARIANT_LEAKY ? "misses" : "false alarms in healthy runs", test.p0 * 100, test.p1 * 100,
        test.alpha * 100, scenario->repeat.sequential->alpha * 100, plan->sequential_tests,
        plural(plan->sequential_tests), test.beta * 100);
    if (code || least > test.max)
        return code ? code
                    : ld_buffer_printf(out,
                                       "        NOT supported: needs more runs of a cell without a bad one than %lld\n",
                                       (long long)test.max);
    if (test.max > LD_SPRT_TRIALS_MAX)
        return ld_buffer_printf(out, "        supported: %lld to %lld runs of a cell\n", (long long)least,
                                (long long)test.max);
    code = ld_sprt_expect(&test, test.p0, &good);
    if (!code)
        code = ld_sprt_expect(&test, test.p1, &bad);
    return code ? code
                : ld_buffer_printf(
                      out,
                      "        supported: %lld runs of a cell without a bad one, at most %lld; on average %.0f at "
                      "%g%% and %.0f at %g%%; not decided by then: %.2g%% and %.2g%%\n",
                      (long long)least, (long long)test.max, good.trials, test.p0 * 100, bad.trials, test.p1 * 100,
                      good.undecided * 100, bad.undecided * 100);
}

static int time_text(const struct ld_expectation *expectation, int64_t runs, struct ld_buffer *out)
{
    char text[DURATION_SIZE];
    int code = 0;
    if (expectation->median_ns)
        code = ld_buffer_printf(out, "      median time to detect %s: supported\n",
                                duration(expectation->median_ns, text));
    if (!code && expectation->p95_ns) {
        code = ld_buffer_printf(out, "      p95 of time to detect %s: ", duration(expectation->p95_ns, text));
        code = code ? code : support_text(LD_RUNS_FOR_P95, runs, out);
    }
    if (!code && expectation->deadline_ns)
        code = ld_buffer_printf(out, "      deadline %s\n", duration(expectation->deadline_ns, text));
    return code;
}

static int expectation_text(const struct ld_plan *plan, const struct ld_scenario *scenario,
                            const struct ld_expectation *expectation, int64_t runs, struct ld_buffer *out)
{
    bool tested = ld_scenario_sequential_test(scenario, LD_VARIANT_LEAKY, expectation, NULL);
    const char *over = scenario->repeat.sequential ? "at least " : "";
    int code =
        ld_buffer_printf(out, "    %s%s\n", expectation->detector, expectation->report_only ? ": report only" : "");
    for (size_t i = 0; !code && i < expectation->cases.count; i++)
        code = ld_buffer_printf(out, "%s%s%s", i ? ", " : "      asked in ",
                                ((const char *const *)expectation->cases.items)[i],
                                i + 1 < expectation->cases.count ? "" : " alone\n");
    if (!code)
        code = tested ? sequential_text(plan, scenario, LD_VARIANT_LEAKY, expectation, out)
                      : detection_text(&expectation->detection, runs, out);
    if (!code)
        code = sequential_text(plan, scenario, LD_VARIANT_HEALTHY, expectation, out);
    if (!code && expectation->false_alarms_given)
        code = ld_buffer_printf(out, "      false alarms at most %lld: supported, a count over %s%lld runs of a cell\n",
                                (long long)expectation->false_alarms_at_most, over, (long long)runs);
    if (!code && expectation->during_holds_given)
        code = ld_buffer_printf(
            out, "      alerts during holds at most %lld: supported, a count over %s%lld runs of a cell\n",
            (long long)expectation->during_holds_at_most, over, (long long)runs);
    if (!code)
        code = time_text(expectation, runs, out);
    if (!code && expectation->cause_right)
        code = ld_buffer_add_text(out, "      cause right: supported\n");
    if (!code && expectation->site_observable)
        code = ld_buffer_add_text(out, "      site observable: supported\n");
    return code;
}

/* So many runs at least pass its tests. */
static int64_t least_runs(const struct ld_plan *plan, const struct ld_cell *cell)
{
    int64_t least = 0;
    for (size_t i = 0; i < cell->scenario->expectation_count; i++) {
        struct ld_sprt_test test;
        if (!ld_plan_sequential_test(plan, cell, &cell->scenario->expectations[i], &test))
            continue;
        int64_t needed = ld_sprt_goods_needed(&test, 0, 0);
        least = needed > least ? needed : least;
    }
    return least;
}

/* Runs of each cell of the scenario, of its leaky ones where they differ: those that may be relied on. 0 when none was
 * selected. */
static int64_t runs_of_cell(const struct ld_plan *plan, const struct ld_scenario *scenario)
{
    uint32_t runs = 0;
    for (size_t i = 0; i < plan->cell_count; i++) {
        if (plan->cells[i].scenario != scenario)
            continue;
        cell_duration(plan, i, &runs);
        return ld_cell_sequential_tests(&plan->cells[i]) ? least_runs(plan, &plan->cells[i]) : (int64_t)runs;
    }
    return 0;
}

/* The schedule above is real time, expectations are as written: where they differ, that is said. */
static int expectations_head_text(const struct ld_scenario *scenario, struct ld_buffer *out)
{
    if (!scenario->expectation_count)
        return ld_buffer_add_text(out, "  no expectations\n");
    if (!is_scaled(scenario))
        return ld_buffer_add_text(out, "  expectations\n");
    return ld_buffer_printf(out, "  expectations, times as written: %g times the real time\n", scenario->time_scale);
}

static int scenario_text(const struct ld_plan *plan, const struct ld_scenario *scenario, struct ld_buffer *out)
{
    int64_t runs = runs_of_cell(plan, scenario);
    char file[1024];
    int code = ld_buffer_printf(out, "\n%s  (%s)\n", scenario->name,
                                ld_format_harmless(scenario->file, file, sizeof file));
    if (!code)
        code = cells_text(plan, scenario, out);
    if (!code)
        code = arms_text(scenario, out);
    if (!code)
        code = schedule_text(plan, scenario, out);
    if (!code)
        code = expectations_head_text(scenario, out);
    for (size_t i = 0; !code && i < scenario->expectation_count; i++)
        code = expectation_text(plan, scenario, &scenario->expectations[i], runs, out);
    return code;
}

int ld_plan_text(const struct ld_plan *plan, unsigned jobs, struct ld_buffer *out)
{
    const struct ld_scenario *last = NULL;
    int code = head_text(plan, jobs, out);
    if (!code)
        code = claims_text(plan, out);
    for (size_t i = 0; !code && i < plan->cell_count; i++) {
        if (plan->cells[i].scenario == last)
            continue; /* cells of one scenario stand together */
        last = plan->cells[i].scenario;
        code = scenario_text(plan, last, out);
    }
    return code;
}
