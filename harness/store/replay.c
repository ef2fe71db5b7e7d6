/* Observations and truth events of a run, in the order in which they were delivered. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

static int read_sites(struct ld_row *row, struct ld_truth_event *event)
{
    const char **sites;
    const char *json = ld_row_text(row);
    if (row->code)
        return row->code;
    int code = ld_store_texts_read(json, LD_TRUTH_SITES_MAX, &sites, &event->seen_at_count, row->arena);
    if (code == LD_ENOMEM)
        return ld_store_nomem(row->store, row->error);
    if (code)
        return ld_store_damaged(row->store, row->error, "truth_event.seen_at: is not a short list of texts");
    for (size_t i = 0; i < event->seen_at_count; i++)
        event->seen_at[i] = sites[i];
    return 0;
}

static int read_event(struct ld_row *row, void *context)
{
    struct ld_truth_event *event = ld_rows_add(context, row);
    if (!event)
        return row->code;
    event->after_sequence = ld_row_unsigned(row);
    event->time_ns = ld_row_integer(row, INT64_MIN, INT64_MAX);
    event->instance = ld_row_index(row);
    event->incarnation = ld_row_index(row);
    event->kind = (enum ld_truth_kind)ld_row_name(row, ld_truth_kind_find, -1);
    event->interval = ld_row_text_or(row, NULL);
    event->cause = (enum ld_cause)ld_row_name(row, ld_cause_find, -1);
    event->unit = (enum ld_unit)ld_row_name(row, ld_unit_find, -1);
    event->amount = ld_row_integer(row, INT64_MIN, INT64_MAX);
    event->goroutines_per_unit = ld_row_integer(row, INT64_MIN, INT64_MAX);
    event->descriptors_per_unit = ld_row_integer(row, INT64_MIN, INT64_MAX);
    event->bytes_per_unit = ld_row_integer(row, INT64_MIN, INT64_MAX);
    int code = read_sites(row, event);
    if (code)
        return code;
    event->culprit = ld_row_text_or(row, NULL);
    event->text = ld_row_text_or(row, NULL);
    return row->code;
}

/* What the replay of one run has in hand. */
struct replay {
    struct ld_store *store;
    const struct ld_replay_sink *sink;
    struct ld_error *error;
    struct ld_stored_points stored;
    size_t next_point;
    struct ld_point *points; /* of the observation in hand */
    size_t point_capacity;
    struct ld_rows truth; /* struct ld_truth_event, read beforehand: there are few */
    size_t next_truth;
};

/* Truth that had arrived when observation `sequence` was the last delivered. */
static int deliver_truth(struct replay *replay, uint64_t sequence)
{
    const struct ld_truth_event *events = replay->truth.items;
    for (; replay->next_truth < replay->truth.count && events[replay->next_truth].after_sequence <= sequence;
         replay->next_truth++) {
        const struct ld_truth_event *event = &events[replay->next_truth];
        int code = replay->sink->truth ? replay->sink->truth(replay->sink->context, event) : 0;
        if (code)
            return code;
    }
    return 0;
}

/* The observation's points out of the sorted list; all of them must be there, in places 0, 1, 2 ... */
static int take_points(struct replay *replay, struct ld_observation *o, uint64_t claimed)
{
    const struct ld_stored_points *stored = &replay->stored;
    size_t first = replay->next_point, count = 0;
    while (first + count < stored->count && stored->items[first + count].sequence == o->sequence)
        count++;
    if (count != claimed)
        return ld_store_damaged(replay->store, replay->error, "observation %llu should have %llu points, but has %zu",
                                (unsigned long long)o->sequence, (unsigned long long)claimed, count);
    if (count > replay->point_capacity) {
        struct ld_point *grown = realloc(replay->points, count * sizeof *grown);
        if (!grown)
            return ld_store_nomem(replay->store, replay->error);
        replay->points = grown;
        replay->point_capacity = count;
    }
    for (size_t i = 0; i < count; i++) {
        const struct ld_stored_point *point = &stored->items[first + i];
        if (point->ordinal != i)
            return ld_store_damaged(replay->store, replay->error, "the points of observation %llu are out of order",
                                    (unsigned long long)o->sequence);
        replay->points[i].metric = point->metric;
        replay->points[i].value = point->value;
    }
    replay->next_point = first + count;
    o->point_count = count;
    o->points = count ? replay->points : NULL;
    return 0;
}

/* The path out of the column text: up to its first space. What is behind it is the text. */
static void split_path(struct ld_row *row, struct ld_observation *o, char path[LD_OBSERVATION_PATH_MAX])
{
    const char *text = o->text ? o->text : "";
    size_t length = strcspn(text, " ");
    if (length == 0 || length >= LD_OBSERVATION_PATH_MAX) {
        row->code = ld_store_damaged(row->store, row->error, "observation.text: does not begin with a path");
        return;
    }
    memcpy(path, text, length);
    path[length] = '\0';
    o->path = path;
    o->text = text[length] ? text + length + 1 : NULL;
}

/* `path`: room for the one that the observation may name. */
static void read_row(struct ld_row *row, struct ld_observation *o, char path[LD_OBSERVATION_PATH_MAX],
                     uint64_t *ret_points, int64_t *ret_body)
{
    o->sequence = ld_row_unsigned(row);
    o->time_ns = ld_row_integer(row, INT64_MIN, INT64_MAX);
    o->instance = ld_row_index(row);
    o->incarnation = ld_row_index(row);
    o->kind = (enum ld_observation_kind)ld_row_name(row, ld_observation_kind_find, -1);
    o->purpose = (enum ld_purpose)ld_row_name(row, ld_store_purpose_find, 0);
    o->read_ns = ld_row_integer_or(row, 0);
    *ret_points = (uint64_t)ld_row_integer(row, 0, INT64_MAX);
    o->profile_kind = (enum ld_profile_kind)ld_row_name(row, ld_profile_kind_find, 0);
    o->encoding = (enum ld_profile_encoding)ld_row_name(row, ld_store_encoding_find, 0);
    *ret_body = ld_row_integer_or(row, 0);
    int64_t asked_for = ld_row_integer_or(row, 0);
    o->of_profile = asked_for == 1;
    o->failure = (enum ld_read_failure)ld_row_name(row, ld_read_failure_find, 0);
    int64_t status = ld_row_integer_or(row, 0);
    o->http_status = status > INT_MAX || status < INT_MIN ? -1 : (int)status;
    o->life = (enum ld_life)ld_row_name(row, ld_store_life_find, 0);
    o->exit_status = ld_row_integer_or(row, 0);
    o->expected = ld_row_bool(row);
    o->text = ld_row_text_or(row, NULL);
    if (row->code == 0 && asked_for != 0 && asked_for != 1 && asked_for != LD_STORE_OF_PATH)
        row->code = ld_store_damaged(row->store, row->error, "observation.of_profile: is none of 0, 1 and 2");
    if (row->code == 0 && (o->kind == LD_OBSERVATION_ANSWER || asked_for == LD_STORE_OF_PATH))
        split_path(row, o, path);
}

/* With the body in hand: parse what is a profile, deliver. */
static int deliver_body(struct replay *replay, struct ld_observation *o)
{
    if (o->kind != LD_OBSERVATION_PROFILE)
        return replay->sink->observation(replay->sink->context, o);
    struct ld_error why = {0};
    struct ld_profile profile;
    int code = ld_profile_parse(&profile, o->profile_kind, o->body, o->body_length, NULL, &why);
    if (code)
        return ld_fail(replay->error, LD_ESTORE, "%s: observation %llu: its profile cannot be parsed: %.200s",
                       replay->store->path, (unsigned long long)o->sequence, why.message);
    o->profile = &profile;
    code = replay->sink->observation(replay->sink->context, o);
    ld_profile_done(&profile);
    return code;
}

static int deliver(struct replay *replay, struct ld_observation *o, int64_t body)
{
    void *bytes = NULL;
    if (body) {
        int code = ld_store_body_read(replay->store, body, &bytes, &o->body_length, replay->error);
        if (code)
            return code;
        o->body = bytes;
    } else if (o->kind == LD_OBSERVATION_PROFILE) {
        return ld_store_damaged(replay->store, replay->error, "observation %llu is a profile without a body",
                                (unsigned long long)o->sequence);
    }
    int code = deliver_body(replay, o);
    free(bytes);
    return code;
}

static int replay_row(struct ld_row *row, void *context)
{
    struct replay *replay = context;
    struct ld_observation o = {0};
    char path[LD_OBSERVATION_PATH_MAX];
    uint64_t points;
    int64_t body;
    read_row(row, &o, path, &points, &body);
    int code = row->code ? row->code : take_points(replay, &o, points);
    if (code == 0)
        code = deliver_truth(replay, o.sequence - (o.sequence != 0));
    return code ? code : deliver(replay, &o, body);
}

int ld_store_replay(struct ld_store *store, uint32_t run, const struct ld_replay_sink *sink, struct ld_error *error)
{
    static const char find_run[] = "SELECT run FROM run WHERE run = ?";
    static const char select_events[] =
        "SELECT after_sequence, time_ns, instance, incarnation, kind, interval, cause, unit, amount, "
        "goroutines_per_unit, "
        "descriptors_per_unit, bytes_per_unit, seen_at, culprit, text FROM truth_event WHERE run = ? "
        "ORDER BY after_sequence, ordinal";
    static const char select_observations[] =
        "SELECT sequence, time_ns, instance, incarnation, kind, purpose, read_ns, points, profile_kind, encoding, "
        "body, "
        "of_profile, failure, http_status, life, exit_status, expected, text FROM observation WHERE run = ? "
        "ORDER BY sequence";
    struct replay replay = {.store = store, .sink = sink, .error = error, .truth.size = sizeof(struct ld_truth_event)};
    struct ld_arena *arena = ld_arena_new((size_t)256 << 20);
    if (!arena)
        return ld_store_nomem(store, error);
    int64_t found;
    int code = ld_store_number(store, error, &found, find_run, "i", (int64_t)run);
    if (code == LD_ENOENT)
        ld_fail(error, LD_ENOENT, "%s: has no run %u", store->path, run);
    if (code == 0)
        code = ld_store_each(store, error, select_events, run, "truth_event", arena, read_event, &replay.truth);
    if (code == 0)
        code = ld_store_points_read(store, run, &replay.stored, error);
    if (code == 0)
        code = ld_store_each(store, error, select_observations, run, "observation", NULL, replay_row, &replay);
    if (code == 0)
        code = deliver_truth(&replay, UINT64_MAX);
    ld_store_points_done(&replay.stored);
    free(replay.points);
    ld_arena_free(arena);
    return code;
}
