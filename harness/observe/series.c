#include "observe/series.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define FIRST_CAPACITY 64

int ld_series_init(struct ld_series *series, int64_t horizon_ns)
{
    assert(horizon_ns >= 0);
    *series = (struct ld_series){.horizon_ns = horizon_ns};
    return 0;
}

void ld_series_done(struct ld_series *series)
{
    free(series->points);
    *series = (struct ld_series){.horizon_ns = series->horizon_ns};
}

void ld_series_clear(struct ld_series *series)
{
    series->count = 0;
}

/* Points before the last one at or before `edge_ns` can be seen by no window any more. */
static void drop_old(struct ld_series *series, int64_t edge_ns)
{
    size_t old = 0;
    while (old + 1 < series->count && series->points[old + 1].time_ns <= edge_ns)
        old++;
    if (old)
        memmove(series->points, series->points + old, (series->count - old) * sizeof *series->points);
    series->count -= old;
}

static int reserve(struct ld_series *series)
{
    if (series->count < series->capacity)
        return 0;
    if (series->count >= LD_SERIES_POINTS_MAX)
        return LD_ELIMIT;
    size_t capacity = series->capacity ? series->capacity * 2 : FIRST_CAPACITY;
    struct ld_sample_point *grown = realloc(series->points, capacity * sizeof *grown);
    if (!grown)
        return LD_ENOMEM;
    series->points = grown;
    series->capacity = capacity;
    return 0;
}

int ld_series_add(struct ld_series *series, int64_t time_ns, double value)
{
    if (!isfinite(value) || (series->count && time_ns < series->points[series->count - 1].time_ns))
        return LD_EUSAGE;
    int code = reserve(series);
    if (code)
        return code;
    series->points[series->count++] = (struct ld_sample_point){time_ns, value};
    drop_old(series, time_ns < INT64_MIN + series->horizon_ns ? INT64_MIN : time_ns - series->horizon_ns);
    return 0;
}

/* ---- windows */

/* Least squares over times counted from the first point; the differences from the means keep the sums small. */
static double slope_per_second(const struct ld_sample_point *points, size_t count)
{
    double time_sum = 0, value_sum = 0, covariance = 0, variance = 0;
    for (size_t i = 0; i < count; i++) {
        time_sum += (double)(points[i].time_ns - points[0].time_ns);
        value_sum += points[i].value;
    }
    double time_mean = time_sum / (double)count, value_mean = value_sum / (double)count;
    for (size_t i = 0; i < count; i++) {
        double time = (double)(points[i].time_ns - points[0].time_ns) - time_mean;
        covariance += time * (points[i].value - value_mean);
        variance += time * time;
    }
    return variance > 0 ? covariance / variance * (double)LD_SECOND : 0;
}

static struct ld_window_facts facts_of(const struct ld_sample_point *points, size_t count, int64_t now_ns)
{
    const struct ld_sample_point *last = &points[count - 1];
    struct ld_window_facts facts = {
        .count = count,
        .first = points[0].value,
        .last = last->value,
        .minimum = points[0].value,
        .maximum = points[0].value,
        .growth = last->value - points[0].value,
        .slope_per_second = slope_per_second(points, count),
        .covered_ns = last->time_ns - points[0].time_ns,
        .gap_ns = now_ns - last->time_ns,
    };
    size_t rose = 0, fell = 0;
    for (size_t i = 1; i < count; i++) {
        double value = points[i].value;
        int64_t gap_ns = points[i].time_ns - points[i - 1].time_ns;
        rose += value > points[i - 1].value;
        fell += value < points[i - 1].value;
        facts.minimum = value < facts.minimum ? value : facts.minimum;
        facts.maximum = value > facts.maximum ? value : facts.maximum;
        facts.gap_ns = gap_ns > facts.gap_ns ? gap_ns : facts.gap_ns;
    }
    facts.rising_share = (double)rose / (double)(count - 1);
    facts.falling_share = (double)fell / (double)(count - 1);
    return facts;
}

bool ld_series_window(const struct ld_series *series, int64_t now_ns, int64_t window_ns,
                      struct ld_window_facts *ret_facts)
{
    size_t end = series->count;
    assert(window_ns > 0);
    int64_t left_ns = now_ns - window_ns;
    while (end > 0 && series->points[end - 1].time_ns > now_ns)
        end--;
    size_t first = end;
    while (first > 0 && series->points[first - 1].time_ns > left_ns)
        first--;
    if (first == 0 || first == end)
        return false;
    if (left_ns - series->points[first - 1].time_ns > window_ns)
        return false;
    *ret_facts = facts_of(series->points + first - 1, end - first + 1, now_ns);
    return true;
}
