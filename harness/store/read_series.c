/* Reading the numbers of one run as series over time, and its faults as stretches of time. */
#include <math.h>
#include <stdlib.h>

#include "store/internal.h"

struct place { /* an observation that carried numbers */
    uint64_t sequence;
    int64_t time_ns;
    uint32_t instance, incarnation;
};

static int read_place(struct ld_row *row, void *context)
{
    struct place *place = ld_rows_add(context, row);
    if (!place)
        return row->code;
    place->sequence = ld_row_unsigned(row);
    place->time_ns = ld_row_integer(row, INT64_MIN, INT64_MAX);
    place->instance = ld_row_index(row);
    place->incarnation = ld_row_index(row);
    return row->code;
}

struct total { /* a goroutine profile */
    struct place place;
    int64_t goroutines;
};

static int read_total(struct ld_row *row, void *context)
{
    struct total *total = ld_rows_add(context, row);
    if (!total)
        return row->code;
    total->place.time_ns = ld_row_integer(row, INT64_MIN, INT64_MAX);
    total->place.instance = ld_row_index(row);
    total->place.incarnation = ld_row_index(row);
    total->goroutines = ld_row_integer(row, INT64_MIN, INT64_MAX);
    return row->code;
}

/* What one number is added to: looked up twice, to count and to fill. */
struct gathering {
    struct ld_stored_series *items;
    size_t count, capacity;
    struct ld_arena *arena;
    bool filling;
};

static struct ld_stored_series *series_of(struct gathering *gathering, enum ld_metric metric, const struct place *place)
{
    for (size_t i = 0; i < gathering->count; i++) {
        struct ld_stored_series *series = &gathering->items[i];
        if (series->metric == metric && series->instance == place->instance &&
            series->incarnation == place->incarnation)
            return series;
    }
    if (gathering->count == gathering->capacity) {
        size_t capacity = gathering->capacity ? gathering->capacity * 2 : 16;
        struct ld_stored_series *grown = ld_arena_array(gathering->arena, capacity, sizeof *grown);
        if (!grown)
            return NULL;
        for (size_t i = 0; i < gathering->count; i++)
            grown[i] = gathering->items[i];
        gathering->items = grown;
        gathering->capacity = capacity;
    }
    struct ld_stored_series *series = &gathering->items[gathering->count++];
    *series =
        (struct ld_stored_series){.metric = metric, .instance = place->instance, .incarnation = place->incarnation};
    return series;
}

static int gather(struct gathering *gathering, enum ld_metric metric, const struct place *place, double value)
{
    struct ld_stored_series *series = series_of(gathering, metric, place);
    if (!series)
        return LD_ENOMEM;
    if (gathering->filling)
        series->samples[series->count] = (struct ld_stored_sample){place->time_ns, value};
    series->count++;
    return 0;
}

struct numbers {
    struct ld_stored_points points;
    struct ld_rows places, totals;
};

static int gather_all(struct gathering *gathering, const struct numbers *numbers, const enum ld_metric *metrics,
                      size_t metric_count)
{
    const struct place *places = numbers->places.items;
    const struct total *totals = numbers->totals.items;
    size_t at = 0;
    int code = 0;
    for (size_t i = 0; i < numbers->points.count && !code; i++) {
        const struct ld_stored_point *point = &numbers->points.items[i];
        bool wanted = false;
        for (size_t j = 0; j < metric_count; j++)
            wanted = wanted || (metrics[j] == point->metric && point->metric != LD_METRIC_PROFILE_GOROUTINES);
        while (at < numbers->places.count && places[at].sequence < point->sequence)
            at++;
        if (wanted && isfinite(point->value) && at < numbers->places.count && places[at].sequence == point->sequence)
            code = gather(gathering, point->metric, &places[at], point->value);
    }
    for (size_t i = 0; i < numbers->totals.count && !code; i++)
        code = gather(gathering, LD_METRIC_PROFILE_GOROUTINES, &totals[i].place, (double)totals[i].goroutines);
    return code;
}

static int by_time(const void *left, const void *right)
{
    const struct ld_stored_sample *a = left, *b = right;
    return a->time_ns < b->time_ns ? -1 : a->time_ns > b->time_ns;
}

static int gather_twice(struct gathering *gathering, const struct numbers *numbers, const enum ld_metric *metrics,
                        size_t metric_count)
{
    int code = gather_all(gathering, numbers, metrics, metric_count);
    for (size_t i = 0; i < gathering->count && !code; i++) {
        struct ld_stored_series *series = &gathering->items[i];
        series->samples = ld_arena_array(gathering->arena, series->count, sizeof *series->samples);
        code = series->samples ? 0 : LD_ENOMEM;
        series->count = 0;
    }
    gathering->filling = true;
    if (!code)
        code = gather_all(gathering, numbers, metrics, metric_count);
    for (size_t i = 0; i < gathering->count && !code; i++) /* reads may be delivered in another order than they began */
        qsort(gathering->items[i].samples, gathering->items[i].count, sizeof(struct ld_stored_sample), by_time);
    return code;
}

int ld_store_read_series(struct ld_store *store, uint32_t run, const enum ld_metric *metrics, size_t metric_count,
                         struct ld_stored_series **ret_series, size_t *ret_count, struct ld_arena *arena,
                         struct ld_error *error)
{
    static const char select_places[] = "SELECT sequence, time_ns, instance, incarnation FROM observation "
                                        "WHERE run = ? AND kind = 'metrics' ORDER BY sequence";
    static const char select_totals[] =
        "SELECT o.time_ns, o.instance, o.incarnation, p.total FROM observation AS o JOIN profile AS p "
        "ON p.profile = o.profile WHERE o.run = ? AND p.kind = 'goroutine' ORDER BY o.sequence";
    struct numbers numbers = {.places = {.size = sizeof(struct place)}, .totals = {.size = sizeof(struct total)}};
    struct gathering gathering = {.arena = arena};
    bool totals = false;
    for (size_t i = 0; i < metric_count; i++)
        totals = totals || metrics[i] == LD_METRIC_PROFILE_GOROUTINES;
    int code = ld_store_points_read(store, run, &numbers.points, error);
    if (code)
        return code;
    code = ld_store_each(store, error, select_places, run, "observation", arena, read_place, &numbers.places);
    if (!code && totals)
        code = ld_store_each(store, error, select_totals, run, "observation", arena, read_total, &numbers.totals);
    if (!code && gather_twice(&gathering, &numbers, metrics, metric_count) != 0)
        code = ld_store_nomem(store, error);
    ld_store_points_done(&numbers.points);
    if (code)
        return code;
    *ret_series = gathering.items;
    *ret_count = gathering.count;
    return 0;
}

static int read_fault(struct ld_row *row, void *context)
{
    struct ld_stored_fault *fault = ld_rows_add(context, row);
    if (!fault)
        return row->code;
    fault->id = ld_row_text(row);
    fault->type = ld_row_text(row);
    fault->time_ns = ld_row_integer(row, INT64_MIN, INT64_MAX);
    fault->until_ns = ld_row_integer(row, INT64_MIN, INT64_MAX);
    fault->began_ns = ld_row_integer_or(row, -1);
    fault->ended_ns = ld_row_integer_or(row, -1);
    fault->effective = ld_row_bool(row);
    fault->receipt = ld_row_text_or(row, "");
    return row->code;
}

int ld_store_read_faults(struct ld_store *store, uint32_t run, struct ld_stored_fault **ret_items, size_t *ret_count,
                         struct ld_arena *arena, struct ld_error *error)
{
    static const char select_faults[] =
        "SELECT i.fault, i.type, i.time_ns, i.until_ns, f.began_ns, f.ended_ns, f.effective, f.text "
        "FROM fault_intent AS i LEFT JOIN fault_receipt AS f ON f.run = i.run AND f.fault = i.fault "
        "WHERE i.run = ? ORDER BY i.time_ns, i.fault";
    struct ld_rows rows = {.size = sizeof(struct ld_stored_fault)};
    int code = ld_store_each(store, error, select_faults, run, "fault_intent", arena, read_fault, &rows);
    if (code)
        return code;
    *ret_items = rows.items;
    *ret_count = rows.count;
    return 0;
}
