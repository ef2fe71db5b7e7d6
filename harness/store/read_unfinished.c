/* Reading what a campaign that was cut off left behind: for `recover`. */
#include "store/internal.h"

static int read_index(struct ld_row *row, void *context)
{
    uint32_t *run = ld_rows_add(context, row);
    if (run)
        *run = ld_row_index(row);
    return row->code;
}

int ld_store_read_unfinished(struct ld_store *store, uint32_t **ret_runs, size_t *ret_count, struct ld_arena *arena,
                             struct ld_error *error)
{
    static const char select_runs[] =
        "SELECT run FROM run WHERE started_wall_ns IS NOT NULL AND validity IS NULL ORDER BY run";
    struct ld_rows rows = {.size = sizeof(uint32_t)};
    int code = ld_store_each(store, error, select_runs, -1, "run", arena, read_index, &rows);
    if (code)
        return code;
    *ret_runs = rows.items;
    *ret_count = rows.count;
    return 0;
}

static int read_note(struct ld_row *row, void *context)
{
    struct ld_stored_note *note = ld_rows_add(context, row);
    if (!note)
        return row->code;
    note->time_ns = ld_row_integer(row, INT64_MIN, INT64_MAX);
    note->kind = ld_row_text(row);
    note->text = ld_row_text(row);
    return row->code;
}

int ld_store_read_notes(struct ld_store *store, uint32_t run, struct ld_stored_note **ret_notes, size_t *ret_count,
                        struct ld_arena *arena, struct ld_error *error)
{
    static const char select_notes[] = "SELECT time_ns, kind, text FROM note WHERE run = ? ORDER BY time_ns, note";
    struct ld_rows rows = {.size = sizeof(struct ld_stored_note)};
    int code = ld_store_each(store, error, select_notes, run, "note", arena, read_note, &rows);
    if (code)
        return code;
    *ret_notes = rows.items;
    *ret_count = rows.count;
    return 0;
}
