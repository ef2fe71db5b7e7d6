#include "score/regress.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "score/internal.h"
#include "score/regressing.h"

static const struct {
    const char *name, *doc;
    bool worse;
} kinds[LD_REGRESSION_KINDS] = {
#define X(id, name, worse, doc) [LD_REGRESSION_##id] = {name, doc, worse},
    LD_REGRESSIONS(X)
#undef X
};

const char *ld_regression_name(enum ld_regression_kind kind)
{
    return kinds[kind].name;
}

const char *ld_rerun_name(enum ld_rerun rerun)
{
    static const char *const names[LD_RERUN_COUNT] = {
#define X(id, name, ...) [LD_RERUN_##id] = name,
        LD_RERUNS(X)
#undef X
    };
    return names[rerun];
}

const char *ld_regression_doc(enum ld_regression_kind kind)
{
    return kinds[kind].doc;
}

struct ld_regression *regress_add(struct regressing *regressing, enum ld_regression_kind kind, const char *cell,
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
                                   .worse = kinds[kind].worse,
                                   .p = NAN,
                                   .cell = ld_arena_text(result->arena, cell),
                                   .detector = ld_arena_text(result->arena, detector)};
    if (!item->cell || !item->detector)
        return NULL;
    result->count++;
    return item;
}

/* Apart from their arms. */
static int compare_cells(const char *left, const char *right)
{
    const char *left_arm = strstr(left, LD_CELL_ARM), *right_arm = strstr(right, LD_CELL_ARM);
    size_t length = left_arm ? (size_t)(left_arm - left) : strlen(left);
    size_t other = right_arm ? (size_t)(right_arm - right) : strlen(right);
    int order = memcmp(left, right, length < other ? length : other);
    return order ? order : (length > other) - (length < other);
}

int ld_baseline_row_order(const struct ld_baseline_row *left, const struct ld_baseline_row *right)
{
    int order = strcmp(left->detector, right->detector);
    return order ? order : compare_cells(left->cell, right->cell);
}

const struct ld_baseline_row *regress_row(const struct ld_baseline *baseline, const char *cell, const char *detector)
{
    for (size_t i = 0; i < baseline->row_count; i++)
        if (strcmp(baseline->rows[i].detector, detector) == 0 && compare_cells(baseline->rows[i].cell, cell) == 0)
            return &baseline->rows[i];
    return NULL;
}

const struct ld_scenario *regress_scenario(const struct ld_plan *plan, const char *name)
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
    const struct ld_scenario *scenario = regress_scenario(regressing->plan, row->scenario);
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

#define RERUN_ROOM 200 /* for what the rerun said */
#define CUT "..."

/* Up to `room` bytes of the text; what does not fit is cut at the end of a character, and marked. */
static void __attribute__((format(printf, 3, 0))) say(struct ld_regression *item, size_t room, const char *format,
                                                      va_list arguments)
{
    size_t used = strlen(item->text), end = room - sizeof CUT;
    if (used >= room || vsnprintf(item->text + used, room - used, format, arguments) < (int)(room - used))
        return;
    while (end && (item->text[end] & 0xC0) == 0x80)
        end--;
    memcpy(item->text + end, CUT, sizeof CUT);
}

void regress_say(struct ld_regression *item, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(item, sizeof item->text - RERUN_ROOM, format, arguments);
    va_end(arguments);
}

void regress_say_again(struct ld_regression *item, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(item, sizeof item->text, format, arguments);
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
        regress_say(item, "; the baseline saw %u by row %.60s of %.40s", rule->leaks, rule->rule, rule->version);
        if (!*rules.version)
            continue;
        if (!has_rule(&rules, rule->rule))
            regress_say(item, ", and the rules of now, %.40s, have no such row", rules.version);
        else
            regress_say(item, ", the same row of %.40s sees %u", rules.version, seen_by(now, rule->rule));
    }
}

static void say_missed(struct ld_regression *item, const struct ld_baseline_row *now)
{
    uint32_t missed = now->leaks - now->seen;
    uint32_t listed = missed < LD_BASELINE_MISSED_MAX ? missed : LD_BASELINE_MISSED_MAX;
    for (uint32_t i = 0; i < listed; i++)
        regress_say(item, "%s%u", i ? ", " : missed > 1 ? "; missed in runs " : "; missed in run ", now->missed[i]);
    if (missed > listed)
        regress_say(item, ", ...");
}

static void say_false_alarm(struct ld_regression *item, const struct ld_baseline_row *now)
{
    bool rule = now->false_rule && *now->false_rule, site = now->false_site && *now->false_site;
    if (now->false_alarm_runs && (rule || site))
        regress_say(item, "; the first%s%.60s%s%.120s", rule ? " by row " : "", rule ? now->false_rule : "",
                    site ? " at " : "", site ? now->false_site : "");
}

static void say_arm(struct ld_regression *item, const struct ld_baseline_row *before, const struct ld_baseline_row *now)
{
    if (strcmp(before->cell, now->cell) != 0)
        regress_say(item, "; the cell was %.160s: what is read beside it may differ", before->cell);
}

/* For this cell: another fault case may be asked otherwise. */
static bool is_declared_miss(const struct regressing *regressing, const struct ld_baseline_row *row)
{
    for (size_t i = 0; i < regressing->plan->cell_count; i++) {
        const struct ld_cell *cell = &regressing->plan->cells[i];
        if (strcmp(cell->name, row->cell) != 0)
            continue;
        const struct ld_expectation *expectation = score_expectation(cell->scenario, row->detector);
        return expectation && expectation->detection.missed && ld_cell_is_asked(cell, expectation);
    }
    return false;
}

/* ---- leaks and false alarms, cell by cell */

static struct ld_bad_runs blamed_runs(const struct ld_baseline_row *row, const struct ld_baseline_row *other)
{
    if (!row->tried_runs) /* an older file: where there is evidence the detector was not to blame */
        return (struct ld_bad_runs){0, row->leaky_runs ? row->leaky_runs : row->leaks};
    if (!other->tried_runs && row->leaks) /* it may have been no better then */
        return (struct ld_bad_runs){0, row->tried_runs};
    return (struct ld_bad_runs){row->blamed_runs, row->tried_runs};
}

struct ld_bad_runs regress_bad_runs(enum ld_regression_kind kind, const struct ld_baseline_row *row,
                                    const struct ld_baseline_row *other)
{
    if (kind == LD_REGRESSION_FALSE_ALARM)
        return (struct ld_bad_runs){row->false_alarm_runs, row->runs};
    if (kind == LD_REGRESSION_UNJUDGED)
        return blamed_runs(row, other);
    if (row->leaky_runs && other->leaky_runs)
        return (struct ld_bad_runs){row->leaky_runs - row->whole_runs, row->leaky_runs};
    return (struct ld_bad_runs){row->leaks - row->seen, row->leaks};
}

double regress_p(struct ld_bad_runs before, struct ld_bad_runs now)
{
    return ld_fisher_more(now.bad, (int64_t)now.runs - now.bad, before.bad, (int64_t)before.runs - before.bad);
}

/* Any where there was none, or beyond chance. */
static bool is_more(struct ld_bad_runs before, struct ld_bad_runs now)
{
    return now.bad && (!before.bad || regress_p(before, now) < LD_REGRESS_ERROR);
}

/* What cannot come out either way, for nothing or everything was bad, is no test. */
static void count_comparison(struct regressing *regressing, struct ld_bad_runs before, struct ld_bad_runs now)
{
    uint64_t bad = (uint64_t)before.bad + now.bad, runs = (uint64_t)before.runs + now.runs;
    regressing->result->comparisons += before.runs && now.runs && bad && bad < runs;
}

static struct ld_regression *add_counted(struct regressing *regressing, enum ld_regression_kind kind,
                                         const struct ld_baseline_row *row, struct ld_bad_runs before,
                                         struct ld_bad_runs now)
{
    struct ld_regression *item = regress_add(regressing, kind, row->cell, row->detector);
    if (item) {
        item->before = before;
        item->now = now;
        item->p = item->worse && now.runs ? regress_p(before, now) : NAN;
    }
    return item;
}

/* A detector that breaks is judged by fewer runs, or by none: that is no way to have no misses and no false alarms. */
static int compare_blame(struct regressing *regressing, const struct ld_baseline_row *before,
                         const struct ld_baseline_row *now, bool *ret_told)
{
    struct ld_bad_runs then = regress_bad_runs(LD_REGRESSION_UNJUDGED, before, now);
    struct ld_bad_runs today = regress_bad_runs(LD_REGRESSION_UNJUDGED, now, before);
    *ret_told = then.runs && today.runs && is_more(then, today);
    count_comparison(regressing, then, today);
    if (!*ret_told)
        return 0;
    struct ld_regression *item = add_counted(regressing, LD_REGRESSION_UNJUDGED, now, then, today);
    if (!item)
        return LD_ENOMEM;
    regress_say(item, "it broke or was out of its range in %u of %u runs, in the baseline in %u of %u", today.bad,
                today.runs, then.bad, then.runs);
    regress_say_options(item, before, now);
    say_arm(item, before, now);
    return 0;
}

/* `unjudged`: why there may be no leak was told. */
static int compare_leaks(struct regressing *regressing, const struct ld_baseline_row *before,
                         const struct ld_baseline_row *now, bool unjudged)
{
    enum ld_regression_kind kind;
    if (!before->leaks || (!now->leaks && unjudged))
        return 0;
    struct ld_bad_runs then = regress_bad_runs(LD_REGRESSION_LOST, before, now);
    struct ld_bad_runs today = regress_bad_runs(LD_REGRESSION_LOST, now, before);
    count_comparison(regressing, then, today);
    if (!now->leaks)
        kind = LD_REGRESSION_VOID;
    else if (before->seen == 0 && now->seen > 0)
        kind = LD_REGRESSION_FOUND;
    else if (is_more(then, today))
        kind = then.bad ? LD_REGRESSION_RARER : LD_REGRESSION_LOST;
    else
        return 0;
    struct ld_regression *item = add_counted(regressing, kind, now, then, today);
    if (!item)
        return LD_ENOMEM;
    if (kind == LD_REGRESSION_FOUND && is_declared_miss(regressing, now))
        regress_say(item, "a declared miss is found now: ");
    regress_say(item, "saw %u of %u leaks, in the baseline %u of %u", now->seen, now->leaks, before->seen,
                before->leaks);
    if (item->worse) {
        say_missed(item, now);
        say_rules(regressing, item, before, now);
        regress_say_options(item, before, now);
        say_arm(item, before, now);
    }
    return 0;
}

static int compare_false_alarms(struct regressing *regressing, const struct ld_baseline_row *before,
                                const struct ld_baseline_row *now)
{
    struct ld_bad_runs then = regress_bad_runs(LD_REGRESSION_FALSE_ALARM, before, now);
    struct ld_bad_runs today = regress_bad_runs(LD_REGRESSION_FALSE_ALARM, now, before);
    if (!then.runs || !today.runs)
        return 0;
    count_comparison(regressing, then, today);
    bool more = is_more(then, today);
    if (!more && !(then.bad && !today.bad) && !(then.bad && regress_p(today, then) < LD_REGRESS_ERROR))
        return 0;
    struct ld_regression *item =
        add_counted(regressing, more ? LD_REGRESSION_FALSE_ALARM : LD_REGRESSION_QUIET, now, then, today);
    if (!item)
        return LD_ENOMEM;
    regress_say(item, "false alarms in %u of %u runs, in the baseline %u of %u", today.bad, today.runs, then.bad,
                then.runs);
    say_false_alarm(item, now);
    regress_say_options(item, before, now);
    say_arm(item, before, now);
    return 0;
}

static int compare_rows(struct regressing *regressing)
{
    int code = 0;
    for (size_t i = 0; i < regressing->before->row_count && !code; i++) {
        const struct ld_baseline_row *before = &regressing->before->rows[i];
        const struct ld_baseline_row *now = regress_row(regressing->now, before->cell, before->detector);
        if (!now) {
            struct ld_regression *item = regress_add(regressing, LD_REGRESSION_GONE, before->cell, before->detector);
            if (!item)
                return LD_ENOMEM;
            snprintf(item->text, sizeof item->text, "not in this campaign; in the baseline it saw %u of %u leaks",
                     before->seen, before->leaks);
            continue;
        }
        regressing->result->compared++;
        bool unjudged = false;
        code = compare_blame(regressing, before, now, &unjudged);
        if (!code)
            code = compare_leaks(regressing, before, now, unjudged);
        if (!code)
            code = compare_false_alarms(regressing, before, now);
    }
    return code;
}

/* ---- scenario by scenario */

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
    const struct ld_baseline_row *before = regress_row(regressing->before, now->cell, now->detector);
    if (!before || !*before->files || !*now->files || strcmp(before->files, now->files) == 0)
        return 0;
    struct ld_regression *item = regress_add(regressing, LD_REGRESSION_CHANGED, now->scenario, now->detector);
    const struct ld_scenario *scenario = regress_scenario(regressing->plan, now->scenario);
    const struct ld_detector_spec *spec = scenario ? score_spec(scenario, now->detector) : NULL;
    bool program = spec && spec->kind && spec->kind->type == LD_DETECTOR_EXEC;
    if (item)
        regress_say(item, "it %s %.400s; in the baseline it was %.400s", program ? "runs" : "reads", now->files,
                    before->files);
    return item ? 0 : LD_ENOMEM;
}

static int compare_scenarios(struct regressing *regressing)
{
    int code = 0;
    for (size_t i = 0; i < regressing->now->row_count && !code; i++) {
        if (!is_first(regressing->now, i))
            continue;
        code = regress_times_of(regressing, &regressing->now->rows[i]);
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

void ld_regressions_done(struct ld_regressions *regressions)
{
    if (!regressions)
        return;
    ld_arena_free(regressions->arena);
    *regressions = (struct ld_regressions){0};
}
