/* Which runs a page draws, and their numbers from the store. */
#include <string.h>

#include "reports/chart.h"
#include "reports/report.h"

#define RUN_MEMORY ((size_t)2 << 30) /* the numbers of one run before they are thinned */

static bool has_failed_check(const struct ld_report *report, const struct ld_cell *cell)
{
    for (size_t i = 0; i < report->verdicts->check_count; i++) {
        const struct ld_check *check = &report->verdicts->checks[i];
        if (check->verdict != LD_VERDICT_PASS && strcmp(check->cell, cell->name) == 0)
            return true;
    }
    return false;
}

/* The runs to draw, marked: 2 for those of failed checks or without evidence, 1 for one of every other cell, its first
 * valid one. */
static void mark_runs(const struct ld_report *report, char *marks)
{
    for (size_t c = 0; c < report->plan->cell_count; c++) {
        const struct ld_cell *cell = &report->plan->cells[c];
        bool failed = has_failed_check(report, cell);
        size_t chosen = report->run_count;
        for (size_t i = 0; i < report->run_count; i++) {
            const struct ld_run_plan *run = ld_plan_find_run(report->plan, report->runs[i].run);
            if (!run || &report->plan->cells[run->cell] != cell)
                continue;
            bool valid = report->runs[i].validity == LD_VALID;
            if (failed || !valid)
                marks[i] = 2;
            if (chosen == report->run_count || (valid && report->runs[chosen].validity != LD_VALID))
                chosen = i;
        }
        if (chosen < report->run_count && !marks[chosen])
            marks[chosen] = 1;
    }
}

/* Thin a line to the least and the most of each of equally many samples, so that no peak is lost. */
static int thin(struct ld_stored_series *series, const struct ld_stored_series *full, struct ld_arena *arena)
{
    size_t group = 1 + 2 * full->count / LD_REPORT_SAMPLES_MAX;
    *series = *full;
    series->samples = ld_arena_array(arena, full->count + 1, sizeof *series->samples);
    if (!series->samples)
        return LD_ENOMEM;
    if (full->count <= LD_REPORT_SAMPLES_MAX) {
        memcpy(series->samples, full->samples, full->count * sizeof *full->samples);
        return 0;
    }
    series->count = 0;
    for (size_t begin = 0; begin < full->count; begin += group) {
        size_t least = begin, most = begin;
        for (size_t i = begin; i < full->count && i < begin + group; i++) {
            least = full->samples[i].value < full->samples[least].value ? i : least;
            most = full->samples[i].value > full->samples[most].value ? i : most;
        }
        series->samples[series->count++] = full->samples[least < most ? least : most];
        if (least != most)
            series->samples[series->count++] = full->samples[least < most ? most : least];
    }
    return 0;
}

static int read_series(struct ld_report_run_detail *detail, struct ld_store *store, struct ld_arena *arena,
                       struct ld_error *error)
{
    enum ld_metric metrics[LD_METRIC_COUNT];
    struct ld_stored_series *full, *thinned;
    size_t metric_count = chart_metrics(metrics), count;
    struct ld_arena *scratch = ld_arena_new(RUN_MEMORY);
    if (!scratch)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    int code = ld_store_read_series(store, detail->record->run, metrics, metric_count, &full, &count, scratch, error);
    if (!code) {
        thinned = ld_arena_array(arena, count + 1, sizeof *thinned);
        code = thinned ? 0 : LD_ENOMEM;
        for (size_t i = 0; i < count && !code; i++)
            code = thin(&thinned[i], &full[i], arena);
        if (code)
            ld_fail(error, code, "out of memory");
    }
    ld_arena_free(scratch);
    if (code)
        return code;
    detail->series = thinned;
    detail->series_count = count;
    return 0;
}

static int read_run(struct ld_report_run_detail *detail, struct ld_store *store, struct ld_arena *arena,
                    struct ld_error *error)
{
    struct ld_stored_fault *faults;
    int code = ld_store_read_run(store, detail->record->run, &detail->stored, arena, error);
    if (!code)
        code = ld_store_read_faults(store, detail->record->run, &faults, &detail->fault_count, arena, error);
    if (code)
        return code;
    detail->faults = faults;
    return read_series(detail, store, arena, error);
}

int ld_report_details_read(struct ld_report_details *ret_details, const struct ld_report *report,
                           struct ld_store *store, struct ld_arena *arena, struct ld_error *error)
{
    struct ld_report_details details = {.runs = ld_arena_array(arena, LD_REPORT_RUNS_MAX, sizeof *details.runs)};
    char *marks = ld_arena_take(arena, report->run_count + 1);
    int code = details.runs && marks ? 0 : ld_fail(error, LD_ENOMEM, "out of memory");
    if (!code)
        mark_runs(report, marks);
    for (char mark = 2; mark > 0 && !code; mark--) {
        for (size_t i = 0; i < report->run_count && !code; i++) {
            if (marks[i] != mark)
                continue;
            if (details.count == LD_REPORT_RUNS_MAX) {
                details.left_out++;
                continue;
            }
            struct ld_report_run_detail *detail = &details.runs[details.count++];
            const struct ld_run_plan *run = ld_plan_find_run(report->plan, report->runs[i].run);
            *detail = (struct ld_report_run_detail){
                .record = &report->runs[i], .cell = &report->plan->cells[run->cell], .failed = mark == 2};
            code = read_run(detail, store, arena, error);
        }
    }
    if (!code)
        *ret_details = details;
    return code;
}
