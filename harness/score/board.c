/* The board: a row for every detector in every cell that has runs. */
#include <stdlib.h>
#include <string.h>

#include "score/internal.h"

static const struct ld_run_record *record_of(const struct score_inputs *inputs, uint32_t run)
{
    for (size_t i = 0; i < inputs->count; i++) {
        if (inputs->runs[i].run == run)
            return &inputs->runs[i];
    }
    return NULL;
}

static const struct ld_detector_record *detector_of(const struct ld_run_record *run, const char *detector)
{
    for (size_t i = 0; run && i < run->detector_count; i++) {
        if (strcmp(run->detectors[i].name, detector) == 0)
            return &run->detectors[i];
    }
    return NULL;
}

/* What of the score belongs to one run. Scores come run by run, so this is a slice. */
struct slice {
    const struct ld_outcome *outcomes;
    size_t outcome_count;
    const struct ld_detector_run *rows;
    size_t row_count;
};

static struct ld_board_row *find_row(struct ld_board_row *rows, size_t count, uint32_t cell, const char *detector)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i].cell == cell && strcmp(rows[i].detector, detector) == 0)
            return &rows[i];
    }
    return NULL;
}

static void count_outcome(struct ld_board_row *row, const struct ld_outcome *outcome)
{
    row->counts[outcome->kind]++;
    row->manifested += outcome->interval >= 0;
    bool seen = outcome->kind == LD_OUTCOME_TP || outcome->kind == LD_OUTCOME_TP_LATE;
    row->cause_right += seen && outcome->cause == LD_CAUSE_RIGHT;
    row->cause_wrong += seen && outcome->cause == LD_CAUSE_WRONG;
    row->site_right += seen && outcome->site == LD_SITE_RIGHT;
    row->site_wrong += ld_outcome_is_evidence(outcome->kind) && outcome->site == LD_SITE_WRONG;
}

/* By runs: seeds are independent, intervals of one run are not. */
static void count_run(struct ld_board_row *row, const struct slice *slice)
{
    uint32_t evident = 0, hits = 0;
    for (size_t i = 0; i < slice->outcome_count; i++) {
        if (strcmp(slice->outcomes[i].detector, row->detector) != 0)
            continue;
        count_outcome(row, &slice->outcomes[i]);
        evident += ld_outcome_is_evidence(slice->outcomes[i].kind);
        hits += slice->outcomes[i].kind == LD_OUTCOME_TP;
    }
    row->evident_runs += evident > 0;
    row->hit_runs += evident > 0 && hits == evident;
    for (size_t i = 0; i < slice->row_count; i++) {
        const struct ld_detector_run *run = &slice->rows[i];
        if (strcmp(run->detector, row->detector) != 0)
            continue;
        row->alerted += run->alerted;
        row->false_alarms += run->false_alarms;
        row->wrong_site += run->wrong_site;
        row->during_hold += run->during_hold;
        row->quiet_hours += run->quiet_seconds / 3600;
        row->hold_hours += run->hold_seconds / 3600;
    }
}

static int add_rows(const struct score_inputs *inputs, struct ld_board_row *rows, size_t *count, uint32_t cell,
                    bool calibration)
{
    for (size_t i = 0; i < inputs->count; i++) {
        const struct ld_run_plan *planned = ld_plan_find_run(inputs->plan, inputs->runs[i].run);
        if (!planned || planned->cell != cell)
            continue;
        for (size_t j = 0; j < inputs->runs[i].detector_count; j++) {
            const struct ld_detector_record *detector = &inputs->runs[i].detectors[j];
            if (detector->calibration != calibration || find_row(rows, *count, cell, detector->name))
                continue;
            const char *name = ld_arena_text(inputs->arena, detector->name);
            if (!name)
                return LD_ENOMEM;
            rows[(*count)++] = (struct ld_board_row){
                .cell = cell, .detector = name, .calibration = calibration, .timeless = detector->timeless};
        }
    }
    return 0;
}

static size_t rows_at_most(const struct score_inputs *inputs)
{
    size_t most = 1;
    for (size_t i = 0; i < inputs->count; i++)
        most += inputs->runs[i].detector_count;
    return most;
}

static void fill(const struct score_inputs *inputs, struct ld_board_row *rows, size_t count)
{
    const struct ld_score *score = inputs->score;
    size_t outcome = 0, line = 0;
    while (line < score->detector_run_count) {
        uint32_t run = score->detector_runs[line].run;
        struct slice slice = {.outcomes = score->outcomes + outcome, .rows = score->detector_runs + line};
        for (; line < score->detector_run_count && score->detector_runs[line].run == run; line++)
            slice.row_count++;
        for (; outcome < score->outcome_count && score->outcomes[outcome].run == run; outcome++)
            slice.outcome_count++;
        const struct ld_run_record *record = record_of(inputs, run);
        const struct ld_run_plan *planned = ld_plan_find_run(inputs->plan, run);
        for (size_t i = 0; i < count && planned; i++) {
            const struct ld_detector_record *detector = detector_of(record, rows[i].detector);
            if (rows[i].cell != planned->cell || !detector)
                continue;
            rows[i].runs++;
            if (record->validity == LD_VALID && !detector->failed) {
                rows[i].valid++;
                count_run(&rows[i], &slice);
                continue;
            }
            for (size_t j = 0; j < slice.outcome_count; j++) { /* why it is none, and nothing else */
                if (strcmp(slice.outcomes[j].detector, rows[i].detector) == 0)
                    rows[i].counts[slice.outcomes[j].kind]++;
            }
        }
    }
}

/* How long after its first unit the leak manifested. */
static int64_t manifested_after(const struct score_inputs *inputs, const struct ld_outcome *outcome)
{
    const struct ld_truth_interval *interval = &record_of(inputs, outcome->run)->truth->intervals[outcome->interval];
    return interval->manifest_ns - interval->first_ns;
}

/* Time to detect in the row's cell: hits are events (before the M-th unit: at 0), misses are censored. */
static int survive(const struct score_inputs *inputs, struct ld_board_row *row)
{
    size_t n = 0, room = inputs->score->outcome_count + 1;
    struct ld_survival_time *times = calloc(2 * room, sizeof *times), *from_first = times + room;
    if (!times)
        return LD_ENOMEM;
    for (size_t i = 0; i < inputs->score->outcome_count; i++) {
        const struct ld_outcome *outcome = &inputs->score->outcomes[i];
        if (strcmp(outcome->detector, row->detector) != 0) /* first: to find a run takes longer */
            continue;
        const struct ld_run_plan *planned = ld_plan_find_run(inputs->plan, outcome->run);
        if (!planned || planned->cell != row->cell || !ld_outcome_time(outcome, &times[n]))
            continue;
        bool seen = times[n].event;
        int64_t later_ns = manifested_after(inputs, outcome);
        from_first[n++] =
            (struct ld_survival_time){seen ? outcome->from_first_ns : outcome->censored_ns + later_ns, seen};
    }
    ld_kaplan_meier(times, n, &row->time);
    ld_kaplan_meier(from_first, n, &row->from_first);
    free(times);
    return 0;
}

int score_board(const struct score_inputs *inputs, struct ld_board_row **ret_rows, size_t *ret_count)
{
    struct ld_board_row *rows = ld_arena_array(inputs->arena, rows_at_most(inputs), sizeof *rows);
    if (!rows)
        return LD_ENOMEM;
    size_t count = 0;
    int code = 0;
    for (uint32_t cell = 0; !code && cell < inputs->plan->cell_count; cell++) {
        code = add_rows(inputs, rows, &count, cell, false);
        if (!code)
            code = add_rows(inputs, rows, &count, cell, true);
    }
    if (!code)
        fill(inputs, rows, count);
    for (size_t i = 0; !code && i < count; i++)
        code = survive(inputs, &rows[i]);
    if (code)
        return code;
    *ret_rows = rows;
    *ret_count = count;
    return 0;
}
