/* What a baseline keeps of a campaign. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "detect/exec.h"
#include "score/internal.h"
#include "score/regress.h"
#include "score/regressing.h"

static bool is_in(const struct ld_outcome *outcome, const struct ld_plan *plan, const struct ld_board_row *row)
{
    if (strcmp(outcome->detector, row->detector) != 0)
        return false;
    const struct ld_run_plan *run = ld_plan_find_run(plan, outcome->run);
    return run && run->cell == row->cell;
}

static bool is_of(const struct ld_outcome *outcome, const struct ld_plan *plan, const struct ld_board_row *row)
{
    return outcome->interval >= 0 && ld_outcome_is_evidence(outcome->kind) && is_in(outcome, plan, row);
}

static void take_times(struct ld_baseline_row *made, const struct ld_plan *plan, const struct ld_score *score,
                       const struct ld_board_row *row)
{
    for (size_t i = 0; i < score->outcome_count; i++) {
        const struct ld_outcome *outcome = &score->outcomes[i];
        if (is_of(outcome, plan, row))
            made->time_count += ld_outcome_time(outcome, &made->times[made->time_count]);
    }
}

static int by_leaks(const void *left, const void *right)
{
    const struct ld_baseline_rule *a = left, *b = right;
    if (a->leaks != b->leaks)
        return a->leaks > b->leaks ? -1 : 1;
    int rules = strcmp(a->rule, b->rule);
    return rules ? rules : strcmp(a->version, b->version);
}

static int count_rule(struct ld_baseline_row *made, const struct ld_outcome *outcome, struct ld_arena *arena)
{
    for (size_t i = 0; i < made->rule_count; i++) {
        struct ld_baseline_rule *known = &made->rules[i];
        if (strcmp(known->rule, outcome->rule) == 0 && strcmp(known->version, outcome->rule_version) == 0) {
            known->leaks++;
            return 0;
        }
    }
    if (made->rule_count == LD_BASELINE_RULES_MAX)
        return 0;
    struct ld_baseline_rule *rule = &made->rules[made->rule_count++];
    *rule =
        (struct ld_baseline_rule){ld_arena_text(arena, outcome->rule), ld_arena_text(arena, outcome->rule_version), 1};
    return rule->rule && rule->version ? 0 : LD_ENOMEM;
}

/* By which rules leaks were seen, and in which runs not. */
static int take_rules(struct ld_baseline_row *made, const struct ld_plan *plan, const struct ld_score *score,
                      const struct ld_board_row *row, struct ld_arena *arena)
{
    size_t missed = 0;
    int code = 0;
    for (size_t i = 0; i < score->outcome_count && !code; i++) {
        const struct ld_outcome *outcome = &score->outcomes[i];
        if (!is_of(outcome, plan, row))
            continue;
        if (outcome->kind == LD_OUTCOME_TP && *outcome->rule)
            code = count_rule(made, outcome, arena);
        if (outcome->kind != LD_OUTCOME_TP && missed < LD_BASELINE_MISSED_MAX)
            made->missed[missed++] = outcome->run;
    }
    if (made->rule_count)
        qsort(made->rules, made->rule_count, sizeof *made->rules, by_leaks);
    return code;
}

static int take_false_alarms(struct ld_baseline_row *made, const struct ld_plan *plan, const struct ld_score *score,
                             const struct ld_board_row *row, struct ld_arena *arena)
{
    for (size_t i = 0; i < score->detector_run_count; i++) {
        const struct ld_detector_run *run = &score->detector_runs[i];
        const struct ld_run_plan *planned = ld_plan_find_run(plan, run->run);
        if (!planned || planned->cell != row->cell || strcmp(run->detector, row->detector) != 0 || !run->valid ||
            !run->false_alarms)
            continue;
        if (made->false_alarm_runs++ == 0) {
            made->false_rule = ld_arena_text(arena, run->false_rule);
            made->false_site = ld_arena_text(arena, run->false_site);
        }
    }
    return made->false_alarm_runs && (!made->false_rule || !made->false_site) ? LD_ENOMEM : 0;
}

#define OPTIONS_MAX ((size_t)4096)

/* "" for what has none, or none that can be written. */
static const char *options_of(const struct ld_scenario *scenario, const char *detector, struct ld_arena *arena)
{
    const struct ld_detector_spec *spec = score_spec(scenario, detector);
    struct ld_buffer text;
    if (!spec || !spec->kind || !spec->kind->options || !spec->options)
        return "";
    ld_buffer_init(&text, OPTIONS_MAX);
    int code = ld_schema_values(spec->kind->options, spec->options, &text);
    const char *copy = code ? "" : ld_arena_text(arena, ld_buffer_text(&text));
    ld_buffer_done(&text);
    return code == LD_ENOMEM ? NULL : copy;
}

/* What it read in the campaign; "" for what reads none, or for a campaign that kept none. NULL: out of memory. */
static const char *files_of(const struct ld_scenario *scenario, const char *detector, struct ld_arena *arena)
{
    const struct ld_detector_spec *spec = score_spec(scenario, detector);
    struct ld_detector_file_use use;
    const char *text = "";
    if (!spec || !spec->kind || !spec->kind->file)
        return "";
    const struct ld_detector_setting setting = {
        .name = spec->name, .options = spec->options, .time_scale = 1, .scenario_file = scenario->file};
    for (size_t i = 0; text && spec->kind->file(&setting, i, &use); i++) {
        const struct ld_detector_file *file = ld_detector_files_find(scenario->files, use.name);
        if (file)
            text = ld_arena_printf(arena, "%s%s%.200s %.12s", text, *text ? ", " : "",
                                   *use.name ? use.name : "(shipped)", file->hash);
    }
    return text;
}

/* A run in which it broke is none of the valid ones. Outcomes of a run and detector stand together. */
static void take_blame(struct ld_baseline_row *made, const struct ld_plan *plan, const struct ld_score *score,
                       const struct ld_board_row *row)
{
    int64_t last = -1;
    made->tried_runs = row->valid;
    for (size_t i = 0; i < score->outcome_count; i++) {
        const struct ld_outcome *outcome = &score->outcomes[i];
        bool broke = outcome->kind == LD_OUTCOME_DETECTOR_ERROR;
        if ((!broke && outcome->kind != LD_OUTCOME_OUT_OF_RANGE) || outcome->run == last ||
            !is_in(outcome, plan, row))
            continue;
        last = outcome->run;
        made->tried_runs += broke;
        made->blamed_runs++;
    }
}

static int add_row(struct ld_baseline *baseline, const struct ld_plan *plan, const struct ld_score *score,
                   const struct ld_board_row *row)
{
    const struct ld_cell *cell = &plan->cells[row->cell];
    struct ld_baseline_row *made = &baseline->rows[baseline->row_count];
    uint32_t leaks = row->counts[LD_OUTCOME_TP] + row->counts[LD_OUTCOME_TP_LATE] + row->counts[LD_OUTCOME_FN];
    *made =
        (struct ld_baseline_row){.cell = ld_arena_text(baseline->arena, cell->name),
                                 .scenario = ld_arena_text(baseline->arena, cell->scenario->name),
                                 .detector = ld_arena_text(baseline->arena, row->detector),
                                 .runs = row->valid,
                                 .leaks = leaks,
                                 .seen = row->counts[LD_OUTCOME_TP],
                                 .leaky_runs = row->evident_runs,
                                 .whole_runs = row->hit_runs,
                                 .options = options_of(cell->scenario, row->detector, baseline->arena),
                                 .files = files_of(cell->scenario, row->detector, baseline->arena),
                                 .rules = ld_arena_array(baseline->arena, LD_BASELINE_RULES_MAX, sizeof *made->rules),
                                 .times = ld_arena_array(baseline->arena, leaks + 1, sizeof *made->times)};
    if (!made->cell || !made->scenario || !made->detector || !made->times || !made->rules || !made->options ||
        !made->files)
        return LD_ENOMEM;
    take_times(made, plan, score, row);
    take_blame(made, plan, score, row);
    baseline->row_count++;
    int code = take_rules(made, plan, score, row, baseline->arena);
    return code ? code : take_false_alarms(made, plan, score, row, baseline->arena);
}

int ld_baseline_make(struct ld_baseline *ret_baseline, const struct ld_plan *plan, const struct ld_score *score,
                     const struct ld_verdicts *verdicts, struct ld_error *error)
{
    struct ld_baseline baseline = {.name = "", .campaign = "", .version = "", .arena = ld_arena_new(SCORE_ARENA_MAX)};
    if (baseline.arena)
        baseline.rows = ld_arena_array(baseline.arena, verdicts->row_count + 1, sizeof *baseline.rows);
    int code = baseline.rows ? 0 : LD_ENOMEM;
    for (size_t i = 0; i < verdicts->row_count && !code; i++)
        if (!verdicts->rows[i].calibration)
            code = add_row(&baseline, plan, score, &verdicts->rows[i]);
    if (code) {
        ld_baseline_done(&baseline);
        return ld_fail(error, code, "baseline: out of memory");
    }
    *ret_baseline = baseline;
    return 0;
}

/* ---- detectors that are programs */

static const struct ld_program_hash *find_program(const struct ld_scenario *scenario, const char *word,
                                                  const struct ld_program_hash *programs, size_t count)
{
    char path[LD_DETECTOR_PATH_MAX];
    if (word[0] == '.')
        ld_detector_beside(scenario->file, word, path, sizeof path);
    else
        snprintf(path, sizeof path, "%s%s", word[0] == '/' ? "" : "/", word); /* behind a folder of PATH */
    size_t length = strlen(path);
    for (size_t i = 0; i < count; i++) {
        size_t whole = strlen(programs[i].path);
        bool like = word[0] == '.' || word[0] == '/' ? whole == length : whole > length;
        if (like && strcmp(programs[i].path + whole - length, path) == 0)
            return &programs[i];
    }
    return NULL;
}

/* As the scenario names them, so that it may stand elsewhere. NULL: out of memory. */
static const char *programs_of(const struct ld_scenario *scenario, const struct ld_exec_options *options,
                               const struct ld_program_hash *programs, size_t count, struct ld_arena *arena)
{
    const char *text = "";
    for (size_t i = 0; text && i < options->command.count; i++) {
        const char *word = ((const char *const *)options->command.items)[i];
        const struct ld_program_hash *program = NULL;
        if (i == 0 || word[0] == '.')
            program = find_program(scenario, word, programs, count);
        if (program)
            text = ld_arena_printf(arena, "%s%s%.200s %.12s", text, *text ? ", " : "", word, program->hash);
    }
    return text;
}

int ld_baseline_add_programs(struct ld_baseline *baseline, const struct ld_plan *plan,
                             const struct ld_program_hash *programs, size_t count)
{
    for (size_t i = 0; i < baseline->row_count; i++) {
        struct ld_baseline_row *row = &baseline->rows[i];
        const struct ld_scenario *scenario = regress_scenario(plan, row->scenario);
        const struct ld_detector_spec *spec = scenario ? score_spec(scenario, row->detector) : NULL;
        if (!spec || !spec->kind || spec->kind->type != LD_DETECTOR_EXEC || !spec->options)
            continue;
        row->files = programs_of(scenario, spec->options, programs, count, baseline->arena);
        if (!row->files)
            return LD_ENOMEM;
    }
    return 0;
}

void ld_baseline_done(struct ld_baseline *baseline)
{
    if (!baseline)
        return;
    ld_arena_free(baseline->arena);
    *baseline = (struct ld_baseline){0};
}
