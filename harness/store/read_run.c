/* Reading one run: its row, its detectors, and its timeline. */
#include "store/internal.h"

struct run_reading {
    struct ld_stored_run *run;
    bool found;
};

static void read_end(struct ld_row *row, struct ld_stored_run *run)
{
    int validity = ld_row_name(row, ld_validity_find, LD_VALID);
    run->end.validity = (enum ld_validity)validity;
    run->end.reason = ld_row_text_or(row, "");
    run->end.method_from_ns = ld_row_integer_or(row, 0);
    run->end.observed_from_ns = ld_row_integer_or(row, 0);
    run->end.observed_to_ns = ld_row_integer_or(row, 0);
    run->end.ended_ns = ld_row_integer_or(row, 0);
    run->end.lag_p99_ns = ld_row_integer_or(row, 0);
    run->end.lag_max_ns = ld_row_integer_or(row, 0);
    run->end.left = ld_row_integer_or(row, 0);
}

static int read_run(struct ld_row *row, void *context)
{
    struct run_reading *reading = context;
    struct ld_stored_run *run = reading->run;
    run->run = ld_row_index(row);
    run->cell = ld_row_text(row);
    run->scenario = ld_row_text(row);
    run->variant = ld_row_text(row);
    run->fault_case = ld_row_text(row);
    run->seed = ld_row_unsigned(row);
    run->repetition = ld_row_index(row);
    run->rate = ld_row_real(row);
    run->depth = ld_row_integer(row, INT64_MIN, INT64_MAX);
    run->started_wall_ns = ld_row_integer_or(row, 0);
    run->ended = ld_row_bool(row);
    read_end(row, run);
    reading->found = true;
    return row->code;
}

int ld_store_read_run(struct ld_store *store, uint32_t run, struct ld_stored_run *ret_run, struct ld_arena *arena,
                      struct ld_error *error)
{
    static const char select_run[] =
        "SELECT r.run, c.name, s.name, c.variant, c.fault_case, r.seed, r.repetition, c.rate, c.depth, "
        "r.started_wall_ns, "
        "r.validity IS NOT NULL, r.validity, r.reason, r.method_from_ns, r.observed_from_ns, r.observed_to_ns, "
        "r.ended_ns, "
        "r.lag_p99_ns, r.lag_max_ns, r.left_processes FROM run AS r JOIN cell AS c ON c.cell = r.cell "
        "JOIN scenario AS s ON s.scenario = c.scenario WHERE r.run = ?";
    struct ld_stored_run stored = {0};
    struct run_reading reading = {.run = &stored};
    int code = ld_store_each(store, error, select_run, run, "run", arena, read_run, &reading);
    if (code == 0 && !reading.found)
        code = ld_fail(error, LD_ENOENT, "%s: has no run %u", store->path, run);
    if (code == 0)
        *ret_run = stored;
    return code;
}

static int read_detector(struct ld_row *row, void *context)
{
    struct ld_stored_detector *detector = ld_rows_add(context, row);
    if (!detector)
        return row->code;
    detector->name = ld_row_text(row);
    detector->kind = ld_row_text(row);
    detector->options_json = ld_row_text(row);
    detector->calibration = ld_row_bool(row);
    detector->failed = ld_row_bool(row);
    detector->reason = ld_row_text_or(row, "");
    return row->code;
}

int ld_store_read_detectors(struct ld_store *store, uint32_t run, struct ld_stored_detector **ret_items,
                            size_t *ret_count, struct ld_arena *arena, struct ld_error *error)
{
    static const char select_detectors[] =
        "SELECT name, kind, options, calibration, failed, reason FROM detector WHERE run = ? ORDER BY detector";
    struct ld_rows rows = {.size = sizeof(struct ld_stored_detector)};
    int code = ld_store_each(store, error, select_detectors, run, "detector", arena, read_detector, &rows);
    if (code)
        return code;
    *ret_items = rows.items;
    *ret_count = rows.count;
    return 0;
}

static int read_line(struct ld_row *row, void *context)
{
    struct ld_timeline_row *line = ld_rows_add(context, row);
    if (!line)
        return row->code;
    line->time_ns = ld_row_integer(row, INT64_MIN, INT64_MAX);
    line->kind = ld_row_text(row);
    line->who = ld_row_text(row);
    line->text = ld_row_text(row);
    line->instance = ld_row_integer_or(row, -1);
    line->amount = ld_row_integer_or(row, -1);
    return row->code;
}

int ld_store_read_timeline(struct ld_store *store, uint32_t run, struct ld_timeline_row **ret_rows, size_t *ret_count,
                           struct ld_arena *arena, struct ld_error *error)
{
    static const char select_timeline[] =
        "SELECT time_ns, kind, who, text, instance, amount FROM v_timeline WHERE run = ? ORDER BY time_ns, rank";
    struct ld_rows rows = {.size = sizeof(struct ld_timeline_row)};
    int code = ld_store_each(store, error, select_timeline, run, "v_timeline", arena, read_line, &rows);
    if (code)
        return code;
    *ret_rows = rows.items;
    *ret_count = rows.count;
    return 0;
}
