/* Everything scoring needs of one run, from rows alone. */
#include <string.h>

#include "store/internal.h"

#define SEEN_AT_MAX 1000u

static int read_interval(struct ld_row *row, void *context)
{
    struct ld_truth_interval *interval = ld_rows_add(context, row);
    if (!interval)
        return row->code;
    interval->id = ld_row_text(row);
    interval->instance = ld_row_index(row);
    interval->incarnation = ld_row_index(row);
    interval->cause = (enum ld_cause)ld_row_name(row, ld_cause_find, -1);
    interval->unit = (enum ld_unit)ld_row_name(row, ld_unit_find, -1);
    interval->first_ns = ld_row_integer(row, INT64_MIN, INT64_MAX);
    interval->manifest_ns = ld_row_integer_or(row, -1);
    interval->end_ns = ld_row_integer(row, INT64_MIN, INT64_MAX);
    interval->manifest_after_sequence = ld_row_unsigned(row);
    interval->end = (unsigned)ld_row_name(row, ld_store_end_find, -1);
    interval->amount = ld_row_integer(row, INT64_MIN, INT64_MAX);
    interval->final_amount = ld_row_integer(row, INT64_MIN, INT64_MAX);
    interval->goroutines_per_unit = ld_row_integer(row, INT64_MIN, INT64_MAX);
    interval->descriptors_per_unit = ld_row_integer(row, INT64_MIN, INT64_MAX);
    interval->bytes_per_unit = ld_row_integer(row, INT64_MIN, INT64_MAX);
    const char *json = ld_row_text(row);
    interval->culprit = ld_row_text_or(row, NULL);
    interval->hold = ld_row_bool(row);
    interval->confirmed = ld_row_integer_or(row, -1);
    if (row->code)
        return row->code;
    const char **sites;
    int code = ld_store_texts_read(json, SEEN_AT_MAX, &sites, &interval->seen_at_count, row->arena);
    interval->seen_at = code ? NULL : sites;
    if (code == LD_ENOMEM)
        return ld_store_nomem(row->store, row->error);
    return code ? ld_store_damaged(row->store, row->error, "truth_interval.seen_at: is not a list of texts") : 0;
}

static int read_calm(struct ld_row *row, void *context)
{
    const char **site = ld_rows_add(context, row);
    if (site)
        *site = ld_row_text(row);
    return row->code;
}

static int read_truth(struct ld_store *store, uint32_t run, struct ld_run_record *record, struct ld_arena *arena,
                      struct ld_error *error)
{
    static const char select_intervals[] =
        "SELECT id, instance, incarnation, cause, unit, first_ns, manifest_ns, end_ns, manifest_after_sequence, "
        "ended_by, "
        "amount, final_amount, goroutines_per_unit, descriptors_per_unit, bytes_per_unit, seen_at, culprit, hold, "
        "confirmed FROM truth_interval WHERE run = ? ORDER BY ordinal";
    static const char select_calm[] = "SELECT site FROM calm_site WHERE run = ? ORDER BY ordinal";
    struct ld_rows intervals = {.size = sizeof(struct ld_truth_interval)}, calm = {.size = sizeof(const char *)};
    struct ld_truth *truth = ld_arena_take(arena, sizeof *truth);
    if (!truth)
        return ld_store_nomem(store, error);
    int code = ld_store_each(store, error, select_intervals, run, "truth_interval", arena, read_interval, &intervals);
    if (code == 0)
        code = ld_store_each(store, error, select_calm, run, "calm_site", arena, read_calm, &calm);
    truth->intervals = intervals.items;
    truth->interval_count = intervals.count;
    truth->calm = calm.items;
    truth->calm_count = calm.count;
    record->truth = truth;
    return code;
}

struct life_reading {
    struct ld_rows rows;
    int64_t until_ns; /* lives without an end last until then */
};

static int read_life(struct ld_row *row, void *context)
{
    struct life_reading *reading = context;
    struct ld_life_span *life = ld_rows_add(&reading->rows, row);
    if (!life)
        return row->code;
    life->instance = ld_row_index(row);
    life->incarnation = ld_row_index(row);
    life->from_ns = ld_row_integer(row, INT64_MIN, INT64_MAX);
    life->to_ns = ld_row_integer_or(row, reading->until_ns);
    return row->code;
}

static int read_lives(struct ld_store *store, uint32_t run, struct ld_run_record *record, struct ld_arena *arena,
                      struct ld_error *error)
{
    static const char select_lives[] =
        "SELECT instance, incarnation, from_ns, to_ns FROM incarnation WHERE run = ? ORDER BY instance, incarnation";
    struct life_reading reading = {{.size = sizeof(struct ld_life_span)}, record->observed_to_ns};
    int code = ld_store_each(store, error, select_lives, run, "incarnation", arena, read_life, &reading);
    record->lives = reading.rows.items;
    record->life_count = reading.rows.count;
    return code;
}

static int read_detector(struct ld_row *row, void *context)
{
    struct ld_detector_record *detector = ld_rows_add(context, row);
    if (!detector)
        return row->code;
    detector->name = ld_row_text(row);
    const struct ld_detector_kind *kind = ld_detector_find(ld_row_text(row));
    detector->timeless = kind && kind->type == LD_DETECTOR_STATIC;
    detector->calibration = ld_row_bool(row);
    detector->failed = ld_row_bool(row);
    detector->out_of_range = ld_row_bool(row);
    detector->reason = ld_row_text_or(row, "");
    detector->said = ld_row_text_or(row, "");
    return row->code;
}

struct alert_reading {
    struct ld_detector_record *detectors;
    size_t count;
    struct ld_rows *rows; /* struct ld_alert, per detector */
};

static int read_alert(struct ld_row *row, void *context)
{
    struct alert_reading *reading = context;
    const char *name = ld_row_text(row);
    size_t detector = 0;
    while (detector < reading->count && strcmp(reading->detectors[detector].name, name) != 0)
        detector++;
    if (row->code == 0 && detector == reading->count)
        return ld_store_damaged(row->store, row->error, "an alert is of the unknown detector %.60s", name);
    struct ld_alert *alert = row->code ? NULL : ld_rows_add(&reading->rows[detector], row);
    if (!alert)
        return row->code;
    alert->id = ld_row_unsigned(row);
    alert->action = (enum ld_alert_action)ld_row_name(row, ld_alert_action_find, -1);
    alert->evidence = ld_row_unsigned(row);
    alert->evidence_time_ns = ld_row_integer(row, INT64_MIN, INT64_MAX);
    alert->receipt_ns = ld_row_integer(row, INT64_MIN, INT64_MAX);
    alert->instance = ld_row_index(row);
    alert->incarnation = ld_row_index(row);
    alert->cause = (enum ld_cause)ld_row_name(row, ld_cause_find, -1);
    alert->site = ld_row_text_or(row, "");
    alert->amount = ld_row_double(row);
    alert->severity = (enum ld_severity)ld_row_name(row, ld_severity_find, -1);
    alert->why = ld_row_text_or(row, "");
    alert->rule = ld_row_text_or(row, "");
    alert->rule_version = ld_row_text_or(row, "");
    return row->code;
}

static int read_alerts(struct ld_store *store, uint32_t run, struct ld_run_record *record, struct ld_arena *arena,
                       struct ld_error *error)
{
    static const char select_alerts[] =
        "SELECT detector, id, action, evidence, evidence_time_ns, receipt_ns, instance, incarnation, cause, site, "
        "amount, "
        "amount_bits, severity, why, rule, rule_version FROM alert WHERE run = ? ORDER BY receipt_ns, alert";
    struct alert_reading reading = {record->detectors, record->detector_count,
                                    ld_arena_array(arena, record->detector_count + 1, sizeof *reading.rows)};
    if (!reading.rows)
        return ld_store_nomem(store, error);
    for (size_t i = 0; i < reading.count; i++)
        reading.rows[i].size = sizeof(struct ld_alert);
    int code = ld_store_each(store, error, select_alerts, run, "alert", arena, read_alert, &reading);
    for (size_t i = 0; i < reading.count; i++) {
        record->detectors[i].alerts = reading.rows[i].items;
        record->detectors[i].alert_count = reading.rows[i].count;
    }
    return code;
}

static int read_detectors(struct ld_store *store, uint32_t run, struct ld_run_record *record, struct ld_arena *arena,
                          struct ld_error *error)
{
    static const char select_detectors[] = "SELECT name, kind, calibration, failed, out_of_range, reason, CASE WHEN "
                                           "failed THEN (SELECT text FROM note AS n WHERE "
                                           "n.run = d.run AND n.kind = 'detector ' || d.name ORDER BY note DESC LIMIT "
                                           "1) END FROM detector AS d WHERE run = ? "
                                           "ORDER BY detector";
    struct ld_rows rows = {.size = sizeof(struct ld_detector_record)};
    int code = ld_store_each(store, error, select_detectors, run, "detector", arena, read_detector, &rows);
    record->detectors = rows.items;
    record->detector_count = rows.count;
    return code ? code : read_alerts(store, run, record, arena, error);
}

/* "matrix: agrees: 12 alerts": of the detector with that name, the longest that fits. */
static struct ld_detector_record *detector_of(struct ld_run_record *record, const char *text, const char **ret_said)
{
    struct ld_detector_record *found = NULL;
    size_t longest = 0;
    for (size_t i = 0; i < record->detector_count; i++) {
        size_t length = strlen(record->detectors[i].name);
        if (length >= longest && strncmp(text, record->detectors[i].name, length) == 0 &&
            strncmp(text + length, ": ", 2) == 0) {
            found = &record->detectors[i];
            longest = length;
        }
    }
    *ret_said = text + longest + 2;
    return found;
}

static int keep_in_vain(struct ld_detector_record *detector, const char *what, size_t notes, struct ld_arena *arena)
{
    if (!detector->in_vain)
        detector->in_vain = ld_arena_array(arena, notes, sizeof *detector->in_vain);
    if (!detector->in_vain)
        return LD_ENOMEM;
    detector->in_vain[detector->in_vain_count++] = what;
    return 0;
}

/* One of `notes` of the run. */
static int keep_note(struct ld_run_record *record, const struct ld_stored_note *note, size_t notes,
                     struct ld_arena *arena)
{
    bool blind = strcmp(note->kind, LD_NOTE_BLIND) == 0, program = strcmp(note->kind, LD_NOTE_PROGRAM) == 0,
         in_vain = strcmp(note->kind, LD_NOTE_IN_VAIN) == 0;
    const char *said;
    struct ld_detector_record *found = blind || program || in_vain ? detector_of(record, note->text, &said) : NULL;
    if (found && blind)
        found->blind = said;
    else if (found && program)
        found->changed = said;
    return found && in_vain ? keep_in_vain(found, said, notes, arena) : 0;
}

static int read_notes(struct ld_store *store, uint32_t run, struct ld_run_record *record, struct ld_arena *arena,
                           struct ld_error *error)
{
    struct ld_stored_note *notes;
    size_t count;
    int code = ld_store_read_notes(store, run, &notes, &count, arena, error);
    for (size_t i = 0; i < count && !code; i++)
        if (keep_note(record, &notes[i], count, arena) != 0)
            code = ld_fail(error, LD_ENOMEM, "out of memory");
    return code;
}

static int read_record(struct ld_store *store, struct ld_run_record record, struct ld_run_record *ret_record,
                       struct ld_arena *arena, struct ld_error *error)
{
    struct ld_condition_record *conditions;
    int code = ld_store_read_conditions(store, record.run, &conditions, &record.condition_count, arena, error);
    if (code)
        return code;
    record.conditions = conditions;
    for (size_t i = 0; i < record.condition_count; i++)
        if (conditions[i].acted_ns >= 0 && (record.marked_ns < 0 || conditions[i].acted_ns < record.marked_ns))
            record.marked_ns = conditions[i].acted_ns;
    code = read_truth(store, record.run, &record, arena, error);
    if (code == 0)
        code = read_lives(store, record.run, &record, arena, error);
    if (code == 0)
        code = read_detectors(store, record.run, &record, arena, error);
    if (code == 0)
        code = read_notes(store, record.run, &record, arena, error);
    if (code == 0)
        *ret_record = record;
    return code;
}

int ld_store_read_record(struct ld_store *store, uint32_t run, struct ld_run_record *ret_record, struct ld_arena *arena,
                         struct ld_error *error)
{
    struct ld_stored_run stored;
    int code = ld_store_read_run(store, run, &stored, arena, error);
    if (code)
        return code;
    if (!stored.ended)
        return ld_fail(error, LD_ENOENT, "%s: run %u did not end, so it cannot be scored", store->path, run);
    const struct ld_run_record record = {.run = run,
                                         .validity = stored.end.validity,
                                         .reason = stored.end.reason,
                                         .observed_from_ns = stored.end.observed_from_ns,
                                         .observed_to_ns = stored.end.observed_to_ns,
                                         .marked_ns = -1};
    return read_record(store, record, ret_record, arena, error);
}

int ld_store_read_cut(struct ld_store *store, uint32_t run, struct ld_run_record *ret_record, struct ld_arena *arena,
                      struct ld_error *error)
{
    static const char select_last[] = "SELECT coalesce(max(time_ns), -1) FROM observation WHERE run = ?";
    int64_t last_ns;
    int code = ld_store_number(store, error, &last_ns, select_last, "i", (int64_t)run);
    if (code)
        return code;
    if (last_ns < 0)
        return ld_fail(error, LD_ENOENT, "%s: run %u did not end, and nothing of it was observed", store->path, run);
    const struct ld_run_record record = {.run = run,
                                         .validity = LD_INVALID_HARNESS,
                                         .reason = "it never ended",
                                         .observed_to_ns = last_ns,
                                         .marked_ns = -1};
    return read_record(store, record, ret_record, arena, error);
}
