/* Writing truth: events as they arrive, intervals when the run is over. */
#include "store/internal.h"

#define SEEN_AT_MAX ((size_t)4 << 20)

static int texts(struct ld_store *store, struct ld_buffer *json, const char *const *items, size_t count,
                 struct ld_error *error)
{
    ld_buffer_clear(json);
    int code = ld_store_texts_write(json, items, count);
    return code ? ld_fail(error, code, "%s: cannot write the sites of a truth", store->path) : 0;
}

int ld_store_truth_event(struct ld_store *store, uint32_t run, const struct ld_truth_event *event,
                         struct ld_error *error)
{
    static const char insert[] =
        "INSERT INTO truth_event (run, ordinal, after_sequence, time_ns, instance, incarnation, kind, interval, cause, "
        "unit, amount, goroutines_per_unit, descriptors_per_unit, bytes_per_unit, seen_at, culprit, text) "
        "SELECT ?1, coalesce(max(ordinal) + 1, 0), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16 "
        "FROM truth_event WHERE run = ?1";
    struct ld_buffer json;
    ld_buffer_init(&json, SEEN_AT_MAX);
    int code = texts(store, &json, event->seen_at, event->seen_at_count, error);
    if (code == 0)
        code = ld_store_write(
            store, error, insert, "iuiiittttiiiittt", (int64_t)run, event->after_sequence, event->time_ns,
            (int64_t)event->instance, (int64_t)event->incarnation, ld_truth_kind_name(event->kind), event->interval,
            ld_cause_table[event->cause].name, ld_unit_name(event->unit), event->amount, event->goroutines_per_unit,
            event->descriptors_per_unit, event->bytes_per_unit, ld_buffer_text(&json), event->culprit, event->text);
    ld_buffer_done(&json);
    return code;
}

static int write_interval(struct ld_store *store, uint32_t run, size_t ordinal,
                          const struct ld_truth_interval *interval, struct ld_buffer *json, struct ld_error *error)
{
    static const char insert[] =
        "INSERT INTO truth_interval (run, ordinal, id, instance, incarnation, cause, unit, first_ns, manifest_ns, "
        "end_ns, "
        "manifest_after_sequence, ended_by, amount, final_amount, goroutines_per_unit, descriptors_per_unit, "
        "bytes_per_unit, seen_at, culprit, hold, confirmed) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    int code = texts(store, json, interval->seen_at, interval->seen_at_count, error);
    if (code)
        return code;
    return ld_store_write(store, error, insert, "iitiittioiutiiiiittio", (int64_t)run, (int64_t)ordinal, interval->id,
                          (int64_t)interval->instance, (int64_t)interval->incarnation,
                          ld_cause_table[interval->cause].name, ld_unit_name(interval->unit), interval->first_ns,
                          interval->manifest_ns, interval->end_ns, interval->manifest_after_sequence,
                          ld_store_end_name((int)interval->end), interval->amount, interval->final_amount,
                          interval->goroutines_per_unit, interval->descriptors_per_unit, interval->bytes_per_unit,
                          ld_buffer_text(json), interval->culprit, (int64_t)interval->hold, interval->confirmed);
}

static int clear(struct ld_store *store, uint32_t run, struct ld_error *error)
{
    static const char delete_intervals[] = "DELETE FROM truth_interval WHERE run = ?";
    static const char delete_calm[] = "DELETE FROM calm_site WHERE run = ?";
    int code = ld_store_write(store, error, delete_intervals, "i", (int64_t)run);
    return code ? code : ld_store_write(store, error, delete_calm, "i", (int64_t)run);
}

int ld_store_truth(struct ld_store *store, uint32_t run, const struct ld_truth *truth, struct ld_error *error)
{
    static const char insert_calm[] = "INSERT INTO calm_site (run, ordinal, site) VALUES (?, ?, ?)";
    struct ld_buffer json;
    ld_buffer_init(&json, SEEN_AT_MAX);
    int code = clear(store, run, error);
    for (size_t i = 0; i < truth->interval_count && code == 0; i++)
        code = write_interval(store, run, i, &truth->intervals[i], &json, error);
    for (size_t i = 0; i < truth->calm_count && code == 0; i++)
        code = ld_store_write(store, error, insert_calm, "iit", (int64_t)run, (int64_t)i, truth->calm[i]);
    ld_buffer_done(&json);
    return code;
}
