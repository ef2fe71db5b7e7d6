#include "runner/cli/stranger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "score/score.h"

#define MEMORY ((size_t)4 << 30)

int ld_stranger_init(struct ld_stranger *stranger, const struct ld_plan *plan, struct ld_error *error)
{
    stranger->plan = plan;
    if (!stranger->spec.kind)
        return 0;
    stranger->arena = ld_arena_new(MEMORY);
    stranger->files = ld_detector_files_new();
    if (!stranger->arena || !stranger->files)
        return ld_fail(error, LD_ENOMEM, "%s", ld_code_text(LD_ENOMEM));
    const struct ld_detector_setting setting = {.name = stranger->spec.name,
                                                .options = stranger->spec.options,
                                                .time_scale = 1,
                                                .data_folder = LEAKDRILL_SOURCE_FOLDER,
                                                .scenario_file = stranger->declared_in};
    return ld_detector_read_files(stranger->spec.kind, &setting, stranger->files, error);
}

void ld_stranger_done(struct ld_stranger *stranger)
{
    ld_arena_free(stranger->arena);
    ld_detector_files_free(stranger->files);
    stranger->arena = NULL;
    stranger->files = NULL;
}

#define REASON_SHOWN 1024 /* bytes of why a detector broke, with its end */

/* ---- one run */

static void tell_alert(const struct ld_alert *alert, struct ld_buffer *out)
{
    char site[256], why[512];
    ld_buffer_printf(out, "  %10.3fs instance %u/%u: %s %s %s %s: %s\n", (double)alert->evidence_time_ns / 1e9,
                     alert->instance, alert->incarnation, ld_alert_action_name(alert->action),
                     ld_severity_name(alert->severity), ld_cause_table[alert->cause].name,
                     alert->site[0] ? ld_format_harmless(alert->site, site, sizeof site) : "(no site)",
                     ld_format_harmless(alert->why, why, sizeof why));
}

static void tell_run(const struct ld_stranger *stranger, const struct ld_replay_setting *setting,
                     const struct ld_replay_result *result, const char *cannot)
{
    const struct ld_detector_record *detector = &result->record.detectors[0];
    ld_buffer_printf(setting->out, "run %u: %zu observations, %zu alert%s of %s, which did not watch it%s%s%s\n",
                     setting->run, result->observations, result->alerts, result->alerts == 1 ? "" : "s", detector->name,
                     stranger->namesake ? " as it is declared here" : "",
                     cannot[0] ? ": " : "", cannot);
    char reason[REASON_SHOWN];
    if (detector->failed)
        ld_buffer_printf(setting->out, "  it broke: %s\n",
                         ld_format_harmless(detector->reason, reason, sizeof reason));
    else if (detector->out_of_range)
        ld_buffer_printf(setting->out, "  out of its range: %s\n",
                         ld_format_harmless(detector->reason, reason, sizeof reason));
    for (size_t i = 0; i < detector->alert_count; i++)
        tell_alert(&detector->alerts[i], setting->out);
}

static void count_run(struct ld_stranger *stranger, const struct ld_replay_result *result, char *ret_cannot,
                      size_t room)
{
    char missing[sizeof stranger->missing];
    const struct ld_detector_record *detector = &result->record.detectors[0];
    enum ld_reads_judge judge =
        ld_reads_judge(&result->seen, stranger->spec.kind, stranger->spec.options, missing, sizeof missing);
    ret_cannot[0] = '\0';
    stranger->alerts += result->alerts;
    if (detector->failed && !stranger->broken++) {
        stranger->broken_run = result->record.run;
        stranger->broken_reason = detector->reason;
    }
    if (judge == LD_READS_NONE) {
        stranger->blind++;
        snprintf(stranger->missing, sizeof stranger->missing, "%s", missing);
        snprintf(ret_cannot, room, "cannot judge: the recording has %s", missing);
    } else if (judge == LD_READS_SOME) {
        stranger->half_blind++;
        snprintf(stranger->half_missing, sizeof stranger->half_missing, "%s", missing);
    }
}

static int keep_record(struct ld_stranger *stranger, const struct ld_run_record *record, struct ld_error *error)
{
    if (stranger->count == stranger->room) {
        size_t room = stranger->room ? stranger->room * 2 : 64;
        struct ld_run_record *grown = ld_arena_array(stranger->arena, room, sizeof *grown);
        if (!grown)
            return ld_fail(error, LD_ENOMEM, "%s", ld_code_text(LD_ENOMEM));
        if (stranger->count)
            memcpy(grown, stranger->records, stranger->count * sizeof *grown);
        stranger->records = grown;
        stranger->room = room;
    }
    stranger->records[stranger->count] = *record;
    if (ld_score_censor(&stranger->records[stranger->count], stranger->arena) != 0)
        return ld_fail(error, LD_ENOMEM, "%s", ld_code_text(LD_ENOMEM));
    stranger->count++;
    return 0;
}

int ld_stranger_replay(struct ld_stranger *stranger, struct ld_replay_setting *setting, struct ld_error *error)
{
    struct ld_replay_result result;
    char cannot[480];
    setting->only = NULL;
    setting->declared = &stranger->spec;
    setting->declared_in = stranger->declared_in;
    setting->declared_files = stranger->files;
    setting->arena = stranger->arena;
    int code = ld_replay_run(&result, setting, error);
    if (code)
        return code;
    count_run(stranger, &result, cannot, sizeof cannot);
    if (!setting->json)
        tell_run(stranger, setting, &result, cannot);
    return keep_record(stranger, &result.record, error);
}

/* ---- all of them, scored as if it had watched */

/* The plan whose scenarios declare this detector and expect nothing. */
static int let_in(struct ld_stranger *stranger, struct ld_plan *ret_plan)
{
    const struct ld_plan *plan = stranger->plan;
    struct ld_cell *cells = ld_arena_array(stranger->arena, plan->cell_count + 1, sizeof *cells);
    struct ld_scenario *scenarios = ld_arena_array(stranger->arena, plan->cell_count + 1, sizeof *scenarios);
    if (!cells || !scenarios)
        return LD_ENOMEM;
    for (size_t i = 0; i < plan->cell_count; i++) {
        cells[i] = plan->cells[i];
        scenarios[i] = *plan->cells[i].scenario;
        scenarios[i].detectors = &stranger->spec;
        scenarios[i].detector_count = 1;
        scenarios[i].expectation_count = 0;
        scenarios[i].files = stranger->files;
        scenarios[i].arms = LD_ARMS_TOGETHER;
        cells[i].scenario = &scenarios[i];
        cells[i].arm = 0;
    }
    *ret_plan = *plan;
    ret_plan->cells = cells;
    return 0;
}

struct sum {
    unsigned runs, seen, late, missed, no_evidence, false_alarms;
    struct ld_survival_time *times;
    size_t time_count;
};

static void add_outcome(struct sum *sum, const struct ld_outcome *outcome)
{
    if (outcome->interval < 0)
        return;
    sum->seen += outcome->kind == LD_OUTCOME_TP || outcome->kind == LD_OUTCOME_TP_LATE;
    sum->late += outcome->kind == LD_OUTCOME_TP_LATE;
    sum->missed += outcome->kind == LD_OUTCOME_FN;
    sum->no_evidence += !ld_outcome_is_evidence(outcome->kind);
    sum->time_count += ld_outcome_time(outcome, &sum->times[sum->time_count]);
}

static void tell_cell(struct sum *sum, const char *name, struct ld_buffer *out)
{
    struct ld_survival survival;
    char median[32] = "-";
    ld_kaplan_meier(sum->times, sum->time_count, &survival);
    if (sum->time_count && survival.median_ns >= 0)
        ld_format_duration_short(survival.median_ns, median, sizeof median);
    ld_buffer_printf(out, "  %-48s %4u %6u %5u %7u %8u %8s %13u\n", name, sum->runs, sum->seen, sum->late, sum->missed,
                     sum->no_evidence, median, sum->false_alarms);
}

static uint32_t cell_of(const struct ld_plan *plan, uint32_t run)
{
    return ld_plan_find_run(plan, run)->cell;
}

static void tell_cells(struct ld_stranger *stranger, const struct ld_score *score, struct ld_survival_time *times,
                       struct ld_buffer *out)
{
    const struct ld_plan *plan = stranger->plan;
    ld_buffer_printf(out, "By the time of the observations; receipts are only known live.\n");
    static const char head[] = "  %-48s %4s %6s %5s %7s %8s %8s %13s\n";
    ld_buffer_printf(out, head, stranger->spec.name, "runs", "leaks", "", "not", "not", "median", "false alarms");
    ld_buffer_printf(out, head, "", "", "seen", "late", "seen", "counted", "time", "");
    for (uint32_t cell = 0; cell < plan->cell_count; cell++) {
        struct sum sum = {.times = times};
        for (size_t i = 0; i < stranger->count; i++)
            sum.runs += cell_of(plan, stranger->records[i].run) == cell;
        for (size_t i = 0; i < score->outcome_count; i++)
            if (cell_of(plan, score->outcomes[i].run) == cell)
                add_outcome(&sum, &score->outcomes[i]);
        for (size_t i = 0; i < score->detector_run_count; i++)
            if (cell_of(plan, score->detector_runs[i].run) == cell)
                sum.false_alarms += score->detector_runs[i].false_alarms;
        if (sum.runs)
            tell_cell(&sum, plan->cells[cell].name, out);
    }
}

/* Why leaks are no evidence, by kind. */
static void tell_not_counted(const struct ld_score *score, struct ld_buffer *out)
{
    size_t told = 0;
    for (int kind = 0; kind < LD_OUTCOME_COUNT; kind++) {
        size_t count = 0;
        for (size_t i = 0; i < score->outcome_count; i++)
            count += score->outcomes[i].interval >= 0 && score->outcomes[i].kind == (enum ld_outcome_kind)kind;
        if (count && !ld_outcome_is_evidence((enum ld_outcome_kind)kind))
            ld_buffer_printf(out, "%s%zu %s", told++ ? ", " : "  not counted: ", count,
                             ld_outcome_name((enum ld_outcome_kind)kind));
    }
    if (told)
        ld_buffer_add_text(out, "\n");
}

static int tell_score(struct ld_stranger *stranger, struct ld_buffer *out, struct ld_error *error)
{
    struct ld_plan plan;
    struct ld_score score;
    if (let_in(stranger, &plan) != 0)
        return ld_fail(error, LD_ENOMEM, "%s", ld_code_text(LD_ENOMEM));
    int code = ld_score_runs(&score, &plan, stranger->records, stranger->count, error);
    if (code)
        return code;
    struct ld_survival_time *times = ld_arena_array(stranger->arena, score.outcome_count + 1, sizeof *times);
    if (times)
        tell_cells(stranger, &score, times, out);
    if (times)
        tell_not_counted(&score, out);
    else
        code = ld_fail(error, LD_ENOMEM, "%s", ld_code_text(LD_ENOMEM));
    ld_score_done(&score);
    return code;
}

/* Where nobody says what leaked, an alert is neither right nor wrong. */
static bool has_truth(const struct ld_stranger *stranger)
{
    for (size_t i = 0; i < stranger->count; i++)
        if (stranger->plan->cells[cell_of(stranger->plan, stranger->records[i].run)].scenario->target.truth !=
            LD_TRUTH_NONE)
            return true;
    return false;
}

int ld_stranger_tell(struct ld_stranger *stranger, struct ld_buffer *out, struct ld_error *error)
{
    const char *name = stranger->spec.name;
    char reason[REASON_SHOWN];
    if (!stranger->count)
        return 0;
    ld_buffer_printf(out, "%zu run%s, %zu alert%s of %s, which did not watch live%s\n", stranger->count,
                     stranger->count == 1 ? "" : "s", stranger->alerts, stranger->alerts == 1 ? "" : "s", name,
                     stranger->namesake ? " as it is declared here" : "");
    if (stranger->blind)
        ld_buffer_printf(out, "%s cannot judge %zu of them: the recording has %s\n", name, stranger->blind,
                         stranger->missing);
    if (stranger->half_blind)
        ld_buffer_printf(out, "%s judges %zu of them by less than it asks for: the recording has %s\n", name,
                         stranger->half_blind, stranger->half_missing);
    if (stranger->broken)
        ld_buffer_printf(out, "%s broke in %zu of them, first in run %u: %s\n", name, stranger->broken,
                         stranger->broken_run,
                         ld_format_harmless(stranger->broken_reason, reason, sizeof reason));
    return has_truth(stranger) && stranger->blind < stranger->count ? tell_score(stranger, out, error) : 0;
}

int ld_stranger_exit(const struct ld_stranger *stranger)
{
    if (stranger->broken)
        return LD_EXIT_HARNESS;
    return stranger->count && stranger->blind == stranger->count ? LD_EXIT_INCONCLUSIVE : LD_EXIT_OK;
}
