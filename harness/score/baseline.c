/* What a baseline keeps of a campaign. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "score/internal.h"
#include "score/regress.h"

static bool is_of(const struct ld_outcome *outcome, const struct ld_plan *plan, const struct ld_board_row *row)
{
    const struct ld_run_plan *run = ld_plan_find_run(plan, outcome->run);
    return run && run->cell == row->cell && outcome->interval >= 0 && ld_outcome_is_evidence(outcome->kind) &&
           strcmp(outcome->detector, row->detector) == 0;
}

static void take_times(struct ld_baseline_row *made, const struct ld_plan *plan, const struct ld_score *score,
                       const struct ld_board_row *row)
{
    for (size_t i = 0; i < score->outcome_count; i++) {
        const struct ld_outcome *outcome = &score->outcomes[i];
        if (!is_of(outcome, plan, row))
            continue;
        bool event = outcome->kind != LD_OUTCOME_FN;
        int64_t time_ns = event ? outcome->detect_ns : outcome->censored_ns;
        made->times[made->time_count++] = (struct ld_survival_time){time_ns > 0 ? time_ns : 0, event};
    }
}

static uint32_t false_alarm_runs(const struct ld_plan *plan, const struct ld_score *score,
                                 const struct ld_board_row *row)
{
    uint32_t count = 0;
    for (size_t i = 0; i < score->detector_run_count; i++) {
        const struct ld_detector_run *run = &score->detector_runs[i];
        const struct ld_run_plan *planned = ld_plan_find_run(plan, run->run);
        count += planned && planned->cell == row->cell && strcmp(run->detector, row->detector) == 0 && run->valid &&
                 run->false_alarms > 0;
    }
    return count;
}

static int add_row(struct ld_baseline *baseline, const struct ld_plan *plan, const struct ld_score *score,
                   const struct ld_board_row *row)
{
    const struct ld_cell *cell = &plan->cells[row->cell];
    struct ld_baseline_row *made = &baseline->rows[baseline->row_count];
    uint32_t leaks = row->counts[LD_OUTCOME_TP] + row->counts[LD_OUTCOME_TP_LATE] + row->counts[LD_OUTCOME_FN];
    *made = (struct ld_baseline_row){.cell = ld_arena_text(baseline->arena, cell->name),
                                     .scenario = ld_arena_text(baseline->arena, cell->scenario->name),
                                     .detector = ld_arena_text(baseline->arena, row->detector),
                                     .runs = row->valid,
                                     .leaks = leaks,
                                     .seen = row->counts[LD_OUTCOME_TP],
                                     .false_alarm_runs = false_alarm_runs(plan, score, row),
                                     .times = ld_arena_array(baseline->arena, leaks + 1, sizeof *made->times)};
    if (!made->cell || !made->scenario || !made->detector || !made->times)
        return LD_ENOMEM;
    take_times(made, plan, score, row);
    baseline->row_count++;
    return 0;
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

void ld_baseline_done(struct ld_baseline *baseline)
{
    if (!baseline)
        return;
    ld_arena_free(baseline->arena);
    *baseline = (struct ld_baseline){0};
}
