/* Conditions of runs: written when they act and at the run's end, read for replay, scoring and reports. */
#include "store/internal.h"

int ld_store_condition(struct ld_store *store, uint32_t run, const struct ld_condition_record *condition,
                       struct ld_error *error)
{
    static const char insert[] =
        "INSERT OR REPLACE INTO condition (run, condition, kind, asked, from_ns, to_ns, sequence, time_ns, instance, "
        "acted_ns, recovers, recovered_ns, relapsed_ns, text) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    bool decided = condition->sequence > 0;
    return ld_store_write(store, error, insert, "itttioooooioot", (int64_t)run, condition->condition, condition->kind,
                          condition->asked, condition->from_ns, condition->to_ns,
                          decided ? (int64_t)condition->sequence : INT64_C(-1),
                          decided ? condition->time_ns : INT64_C(-1),
                          decided ? (int64_t)condition->instance : INT64_C(-1), condition->acted_ns,
                          (int64_t)condition->recovers, condition->recovered_ns, condition->relapsed_ns,
                          condition->text);
}

static int read_condition(struct ld_row *row, void *context)
{
    struct ld_condition_record *condition = ld_rows_add(context, row);
    if (!condition)
        return row->code;
    condition->run = ld_row_index(row);
    condition->cell = ld_row_text(row);
    condition->condition = ld_row_text(row);
    condition->kind = ld_row_text(row);
    condition->asked = ld_row_text(row);
    condition->from_ns = ld_row_integer(row, INT64_MIN, INT64_MAX);
    condition->to_ns = ld_row_integer_or(row, -1);
    condition->sequence = (uint64_t)ld_row_integer_or(row, 0);
    condition->time_ns = ld_row_integer_or(row, -1);
    condition->instance = (uint32_t)ld_row_integer_or(row, 0);
    condition->acted_ns = ld_row_integer_or(row, -1);
    condition->recovers = ld_row_bool(row);
    condition->recovered_ns = ld_row_integer_or(row, -1);
    condition->relapsed_ns = ld_row_integer_or(row, -1);
    condition->text = ld_row_text(row);
    condition->followed_to_ns = ld_row_integer_or(row, -1);
    return row->code;
}

int ld_store_read_conditions(struct ld_store *store, uint32_t run, struct ld_condition_record **ret_items,
                             size_t *ret_count, struct ld_arena *arena, struct ld_error *error)
{
    static const char select_conditions[] =
        "SELECT k.run, c.name, k.condition, k.kind, k.asked, k.from_ns, k.to_ns, k.sequence, k.time_ns, k.instance, "
        "k.acted_ns, k.recovers, k.recovered_ns, k.relapsed_ns, k.text, "
        "min(coalesce(k.to_ns, r.observed_to_ns), r.observed_to_ns) "
        "FROM condition AS k JOIN run AS r ON r.run = k.run JOIN cell AS c ON c.cell = r.cell "
        "WHERE k.run = ? ORDER BY k.kind = 'fault', k.condition";
    struct ld_rows rows = {.size = sizeof(struct ld_condition_record)};
    int code = ld_store_each(store, error, select_conditions, run, "condition", arena, read_condition, &rows);
    if (code)
        return code;
    *ret_items = rows.items;
    *ret_count = rows.count;
    return 0;
}
