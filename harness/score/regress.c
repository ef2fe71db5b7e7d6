#include "score/regress.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/random.h"
#include "base/text.h"
#include "scenario/claim.h"
#include "score/internal.h"

#define SIGNIFICANT 0.05

static const struct {
    const char *name, *doc;
    bool fails;
} kinds[LD_REGRESSION_KINDS] = {
#define X(id, name, fails, doc) [LD_REGRESSION_##id] = {name, doc, fails},
    LD_REGRESSIONS(X)
#undef X
};

const char *ld_regression_name(enum ld_regression_kind kind)
{
    return kinds[kind].name;
}

const char *ld_regression_doc(enum ld_regression_kind kind)
{
    return kinds[kind].doc;
}

struct regressing {
    struct ld_regressions *result;
    const struct ld_baseline *before, *now;
    const struct ld_plan *plan;
    const char *data_folder;
    size_t room;
};

/* A new finding, NULL when memory ran out. */
static struct ld_regression *add(struct regressing *regressing, enum ld_regression_kind kind, const char *cell,
                                 const char *detector)
{
    struct ld_regressions *result = regressing->result;
    if (result->count == regressing->room) {
        size_t room = regressing->room ? regressing->room * 2 : 32;
        struct ld_regression *grown = ld_arena_array(result->arena, room, sizeof *grown);
        if (!grown)
            return NULL;
        if (result->count)
            memcpy(grown, result->items, result->count * sizeof *grown);
        result->items = grown;
        regressing->room = room;
    }
    struct ld_regression *item = &result->items[result->count];
    *item = (struct ld_regression){.kind = kind,
                                   .fails = kinds[kind].fails,
                                   .cell = ld_arena_text(result->arena, cell),
                                   .detector = ld_arena_text(result->arena, detector)};
    if (!item->cell || !item->detector)
        return NULL;
    result->count++;
    return item;
}

/* Apart from their arms. */
static bool is_same_cell(const char *left, const char *right)
{
    const char *left_arm = strstr(left, LD_CELL_ARM), *right_arm = strstr(right, LD_CELL_ARM);
    size_t length = left_arm ? (size_t)(left_arm - left) : strlen(left);
    return length == (right_arm ? (size_t)(right_arm - right) : strlen(right)) && strncmp(left, right, length) == 0;
}

static const struct ld_baseline_row *row_of(const struct ld_baseline *baseline, const char *cell, const char *detector)
{
    for (size_t i = 0; i < baseline->row_count; i++)
        if (is_same_cell(baseline->rows[i].cell, cell) && strcmp(baseline->rows[i].detector, detector) == 0)
            return &baseline->rows[i];
    return NULL;
}

static const struct ld_scenario *scenario_of(const struct ld_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->cell_count; i++)
        if (strcmp(plan->cells[i].scenario->name, name) == 0)
            return plan->cells[i].scenario;
    return NULL;
}

/* ---- where to look: the rules that saw it then, and what became of them; runs that missed it; who cried wolf */

/* The rules that a detector evaluates now; an empty set when it has none or they cannot be read. */
static struct ld_rule_set rules_now(const struct regressing *regressing, const struct ld_baseline_row *row)
{
    const struct ld_scenario *scenario = scenario_of(regressing->plan, row->scenario);
    const struct ld_detector_spec *spec = scenario ? score_spec(scenario, row->detector) : NULL;
    struct ld_rule_set rules = {.version = ""};
    if (!spec || !spec->kind || !spec->kind->rules)
        return rules;
    const struct ld_detector_setting setting = {.name = spec->name,
                                                .options = spec->options,
                                                .time_scale = scenario->time_scale,
                                                .period_ns = score_period_ns(scenario),
                                                .manifest = scenario->manifest,
                                                .data_folder = regressing->data_folder,
                                                .scenario_file = scenario->file,
                                                .files = scenario->files};
    if (spec->kind->rules(&rules, &setting, regressing->result->arena) != 0)
        rules = (struct ld_rule_set){.version = ""};
    return rules;
}

static bool has_rule(const struct ld_rule_set *rules, const char *id)
{
    for (size_t i = 0; i < rules->count; i++)
        if (strcmp(rules->ids[i], id) == 0)
            return true;
    return false;
}

static uint32_t seen_by(const struct ld_baseline_row *row, const char *rule)
{
    uint32_t leaks = 0;
    for (size_t i = 0; i < row->rule_count; i++)
        leaks += strcmp(row->rules[i].rule, rule) == 0 ? row->rules[i].leaks : 0;
    return leaks;
}

__attribute__((format(printf, 2, 3))) static void say(struct ld_regression *item, const char *format, ...)
{
    size_t used = strlen(item->text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(item->text + used, sizeof item->text - used, format, arguments);
    va_end(arguments);
}

#define RULES_SAID 2

static void say_rules(const struct regressing *regressing, struct ld_regression *item,
                      const struct ld_baseline_row *before, const struct ld_baseline_row *now)
{
    if (!before->rule_count)
        return;
    struct ld_rule_set rules = rules_now(regressing, now);
    for (size_t i = 0; i < before->rule_count && i < RULES_SAID; i++) {
        const struct ld_baseline_rule *rule = &before->rules[i];
        say(item, "; the baseline saw %u by row %.60s of %.40s", rule->leaks, rule->rule, rule->version);
        if (!*rules.version)
            continue;
        if (!has_rule(&rules, rule->rule))
            say(item, ", and the rules of now, %.40s, have no such row", rules.version);
        else
            say(item, ", the same row of %.40s sees %u", rules.version, seen_by(now, rule->rule));
    }
}

static void say_missed(struct ld_regression *item, const struct ld_baseline_row *now)
{
    uint32_t missed = now->leaks - now->seen, listed = missed < LD_BASELINE_MISSED_MAX ? missed : LD_BASELINE_MISSED_MAX;
    for (uint32_t i = 0; i < listed; i++)
        say(item, "%s%u", i ? ", " : missed > 1 ? "; missed in runs " : "; missed in run ", now->missed[i]);
    if (missed > listed)
        say(item, ", ...");
}

static void say_false_alarm(struct ld_regression *item, const struct ld_baseline_row *now)
{
    bool rule = now->false_rule && *now->false_rule, site = now->false_site && *now->false_site;
    if (now->false_alarm_runs && (rule || site))
        say(item, "; the first%s%.60s%s%.120s", rule ? " by row " : "", rule ? now->false_rule : "", site ? " at " : "",
            site ? now->false_site : "");
}

static void say_options(struct ld_regression *item, const struct ld_baseline_row *before,
                        const struct ld_baseline_row *now)
{
    if (*before->options && *now->options && strcmp(before->options, now->options) != 0)
        say(item, "; its options were %.160s and are %.160s", before->options, now->options);
}

static void say_arm(struct ld_regression *item, const struct ld_baseline_row *before, const struct ld_baseline_row *now)
{
    if (strcmp(before->cell, now->cell) != 0)
        say(item, "; the cell was %.160s: what is read beside it may differ", before->cell);
}

static bool is_declared_miss(const struct regressing *regressing, const struct ld_baseline_row *row)
{
    const struct ld_scenario *scenario = scenario_of(regressing->plan, row->scenario);
    const struct ld_expectation *expectation = scenario ? score_expectation(scenario, row->detector) : NULL;
    return expectation && expectation->detection.missed;
}

/* ---- leaks and false alarms, cell by cell */

static int compare_leaks(struct regressing *regressing, const struct ld_baseline_row *before,
                         const struct ld_baseline_row *now)
{
    enum ld_regression_kind kind;
    if (!before->leaks)
        return 0;
    if (!now->leaks)
        kind = now->blamed ? LD_REGRESSION_UNJUDGED : LD_REGRESSION_VOID;
    else if (before->seen == before->leaks && now->seen < now->leaks)
        kind = LD_REGRESSION_LOST;
    else if (before->seen == 0 && now->seen > 0)
        kind = LD_REGRESSION_FOUND;
    else if ((uint64_t)now->seen * before->leaks < (uint64_t)before->seen * now->leaks &&
             ld_fisher(before->seen, before->leaks - before->seen, now->seen, now->leaks - now->seen) < SIGNIFICANT)
        kind = LD_REGRESSION_RARER;
    else
        return 0;
    struct ld_regression *item = add(regressing, kind, now->cell, now->detector);
    if (!item)
        return LD_ENOMEM;
    if (kind == LD_REGRESSION_FOUND && is_declared_miss(regressing, now))
        say(item, "a declared miss is found now: ");
    say(item, "saw %u of %u leaks, in the baseline %u of %u", now->seen, now->leaks, before->seen, before->leaks);
    if (kind != LD_REGRESSION_FOUND && kind != LD_REGRESSION_VOID) {
        say_missed(item, now);
        say_rules(regressing, item, before, now);
        say_options(item, before, now);
        say_arm(item, before, now);
    }
    return 0;
}

static int compare_false_alarms(struct regressing *regressing, const struct ld_baseline_row *before,
                                const struct ld_baseline_row *now)
{
    if (!before->runs || !now->runs || (before->false_alarm_runs > 0) == (now->false_alarm_runs > 0))
        return 0;
    struct ld_regression *item = add(regressing, now->false_alarm_runs ? LD_REGRESSION_FALSE_ALARM : LD_REGRESSION_QUIET,
                                     now->cell, now->detector);
    if (!item)
        return LD_ENOMEM;
    say(item, "false alarms in %u of %u runs, in the baseline %u of %u", now->false_alarm_runs, now->runs,
        before->false_alarm_runs, before->runs);
    say_false_alarm(item, now);
    say_options(item, before, now);
    say_arm(item, before, now);
    return 0;
}

static int compare_rows(struct regressing *regressing)
{
    int code = 0;
    for (size_t i = 0; i < regressing->before->row_count && !code; i++) {
        const struct ld_baseline_row *before = &regressing->before->rows[i];
        const struct ld_baseline_row *now = row_of(regressing->now, before->cell, before->detector);
        if (!now) {
            struct ld_regression *item = add(regressing, LD_REGRESSION_GONE, before->cell, before->detector);
            if (!item)
                return LD_ENOMEM;
            snprintf(item->text, sizeof item->text, "not in this campaign; in the baseline it saw %u of %u leaks",
                     before->seen, before->leaks);
            continue;
        }
        regressing->result->compared++;
        code = compare_leaks(regressing, before, now);
        if (!code)
            code = compare_false_alarms(regressing, before, now);
    }
    return code;
}

/* ---- times, scenario by scenario: the cells of one scenario are too small each */

struct times {
    struct ld_survival_time *items;
    size_t count;
};

/* The times of one scenario and detector, of the cells that both have. */
static int gather(struct times *ret_times, const struct ld_baseline *from, const struct ld_baseline *other,
                  const struct ld_baseline_row *like)
{
    struct times times = {0};
    size_t room = 0;
    for (size_t i = 0; i < from->row_count; i++)
        room += from->rows[i].time_count;
    times.items = calloc(room + 1, sizeof *times.items);
    if (!times.items)
        return LD_ENOMEM;
    for (size_t i = 0; i < from->row_count; i++) {
        const struct ld_baseline_row *row = &from->rows[i];
        const struct ld_baseline_row *partner = row_of(other, row->cell, row->detector);
        if (strcmp(row->scenario, like->scenario) != 0 || strcmp(row->detector, like->detector) != 0 || !partner ||
            !partner->time_count || !row->time_count)
            continue;
        memcpy(times.items + times.count, row->times, row->time_count * sizeof *times.items);
        times.count += row->time_count;
    }
    *ret_times = times;
    return 0;
}

static int64_t longest_of(const struct times *times)
{
    int64_t longest_ns = 0;
    for (size_t i = 0; i < times->count; i++)
        longest_ns = times->items[i].time_ns > longest_ns ? times->items[i].time_ns : longest_ns;
    return longest_ns;
}

static int64_t drawn_mean(const struct times *times, struct ld_random *random, struct ld_survival_time *scratch,
                          int64_t to_ns)
{
    for (size_t i = 0; i < times->count; i++)
        scratch[i] = times->items[ld_random_below(random, times->count)];
    return score_restricted_mean(scratch, times->count, to_ns);
}

/* The lower 95 % bound of the difference of the restricted means, now minus before. */
static int bound_difference(const struct times *before, const struct times *now, uint64_t seed, int64_t *ret_difference,
                            int64_t *ret_lower)
{
    size_t most = before->count > now->count ? before->count : now->count;
    int64_t to_ns = longest_of(before) > longest_of(now) ? longest_of(before) : longest_of(now);
    struct ld_survival_time *scratch = calloc(most, sizeof *scratch);
    int64_t *drawn = calloc(LD_REGRESS_RESAMPLES, sizeof *drawn);
    if (!scratch || !drawn) {
        free(scratch);
        free(drawn);
        return LD_ENOMEM;
    }
    struct ld_random random;
    ld_random_init(&random, seed);
    for (size_t i = 0; i < LD_REGRESS_RESAMPLES; i++) {
        int64_t later = drawn_mean(now, &random, scratch, to_ns);
        drawn[i] = later - drawn_mean(before, &random, scratch, to_ns);
    }
    int64_t upper_ns;
    score_percentile_interval(drawn, LD_REGRESS_RESAMPLES, ret_lower, &upper_ns);
    memcpy(scratch, now->items, now->count * sizeof *scratch);
    *ret_difference = score_restricted_mean(scratch, now->count, to_ns);
    memcpy(scratch, before->items, before->count * sizeof *scratch);
    *ret_difference -= score_restricted_mean(scratch, before->count, to_ns);
    free(scratch);
    free(drawn);
    return 0;
}

static int64_t period_of(const struct ld_plan *plan, const char *scenario)
{
    const struct ld_scenario *found = scenario_of(plan, scenario);
    return found ? score_period_ns(found) : 0;
}

static int compare_times_of(struct regressing *regressing, const struct ld_baseline_row *like)
{
    struct times before = {0}, now = {0};
    int64_t difference_ns = 0, lower_ns = 0;
    int code = gather(&before, regressing->before, regressing->now, like);
    if (!code)
        code = gather(&now, regressing->now, regressing->before, like);
    bool enough = !code && before.count >= LD_RUNS_FOR_MEDIAN && now.count >= LD_RUNS_FOR_MEDIAN;
    if (enough)
        code = bound_difference(&before, &now, regressing->plan->seed, &difference_ns, &lower_ns);
    if (!code && enough && lower_ns > 0 && difference_ns > period_of(regressing->plan, like->scenario)) {
        struct ld_regression *item = add(regressing, LD_REGRESSION_SLOWER, like->scenario, like->detector);
        char difference[32], lower[32];
        ld_format_duration_short(difference_ns, difference, sizeof difference);
        ld_format_duration_short(lower_ns, lower, sizeof lower);
        const struct ld_baseline_row *then = row_of(regressing->before, like->cell, like->detector);
        if (item)
            say(item, "the restricted mean time to detect is %s longer, at least %s (95%%), over %zu leaks and %zu",
                difference, lower, now.count, before.count);
        else
            code = LD_ENOMEM;
        if (item && then)
            say_options(item, then, like);
    }
    free(before.items);
    free(now.items);
    return code;
}

/* The first row of its scenario and detector stands for them all. */
static bool is_first(const struct ld_baseline *baseline, size_t index)
{
    const struct ld_baseline_row *row = &baseline->rows[index];
    for (size_t i = 0; i < index; i++)
        if (strcmp(baseline->rows[i].scenario, row->scenario) == 0 &&
            strcmp(baseline->rows[i].detector, row->detector) == 0)
            return false;
    return true;
}

/* An older leakdrill kept none: then nothing is known. */
static int compare_files_of(struct regressing *regressing, const struct ld_baseline_row *now)
{
    const struct ld_baseline_row *before = row_of(regressing->before, now->cell, now->detector);
    if (!before || !*before->files || !*now->files || strcmp(before->files, now->files) == 0)
        return 0;
    struct ld_regression *item = add(regressing, LD_REGRESSION_CHANGED, now->scenario, now->detector);
    if (item)
        say(item, "it reads %.400s; in the baseline it was %.400s", now->files, before->files);
    return item ? 0 : LD_ENOMEM;
}

static int compare_scenarios(struct regressing *regressing)
{
    int code = 0;
    for (size_t i = 0; i < regressing->now->row_count && !code; i++) {
        if (!is_first(regressing->now, i))
            continue;
        code = compare_times_of(regressing, &regressing->now->rows[i]);
        if (!code)
            code = compare_files_of(regressing, &regressing->now->rows[i]);
    }
    return code;
}

/* ---- together */

static int by_kind(const void *left, const void *right)
{
    const struct ld_regression *a = left, *b = right;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    int cells = strcmp(a->cell, b->cell);
    return cells ? cells : strcmp(a->detector, b->detector);
}

int ld_regress(struct ld_regressions *ret_regressions, const struct ld_baseline *baseline,
               const struct ld_baseline *now, const struct ld_plan *plan, const char *data_folder,
               struct ld_error *error)
{
    struct ld_regressions result = {.arena = ld_arena_new(SCORE_ARENA_MAX)};
    struct regressing regressing = {.result = &result, .before = baseline, .now = now, .plan = plan,
                                   .data_folder = data_folder};
    int code = result.arena ? compare_rows(&regressing) : LD_ENOMEM;
    if (!code)
        code = compare_scenarios(&regressing);
    if (code) {
        ld_regressions_done(&result);
        return ld_fail(error, code, "regress: out of memory");
    }
    if (result.count)
        qsort(result.items, result.count, sizeof *result.items, by_kind);
    *ret_regressions = result;
    return 0;
}

void ld_regressions_confirm(struct ld_regressions *regressions, const struct ld_baseline *rerun)
{
    for (size_t i = 0; i < regressions->count; i++) {
        struct ld_regression *item = &regressions->items[i];
        const struct ld_baseline_row *row =
            item->kind == LD_REGRESSION_LOST ? row_of(rerun, item->cell, item->detector) : NULL;
        if (!row || !row->leaks)
            continue;
        item->rerun = true;
        item->confirmed = row->seen < row->leaks;
        item->fails = item->confirmed;
        say(item, "; run again: %u of %u", row->seen, row->leaks);
    }
}

bool ld_regressions_fail(const struct ld_regressions *regressions)
{
    for (size_t i = 0; i < regressions->count; i++)
        if (regressions->items[i].fails)
            return true;
    return false;
}

void ld_regressions_done(struct ld_regressions *regressions)
{
    if (!regressions)
        return;
    ld_arena_free(regressions->arena);
    *regressions = (struct ld_regressions){0};
}
