/* Kaplan and Meier's estimate of the time to an event when some were not followed long enough to see it. */
#include <stdlib.h>

#include "scenario/claim.h"
#include "score/internal.h"

#define ROUNDING 1e-9 /* products of fractions miss one half by a few last bits */

static int by_time(const void *left, const void *right)
{
    const struct ld_survival_time *a = left, *b = right;
    return a->time_ns < b->time_ns ? -1
                                   : a->time_ns > b->time_ns; /* all of one instant are at risk in it: order is free */
}

void ld_kaplan_meier(struct ld_survival_time *times, size_t n, struct ld_survival *ret_survival)
{
    struct ld_survival survival = {.n = n, .median_ns = -1, .p95_ns = -1};
    for (size_t i = 0; i < n; i++)
        times[i].time_ns = times[i].time_ns < 0 ? 0 : times[i].time_ns;
    if (n > 0)
        qsort(times, n, sizeof *times, by_time);
    double surviving = 1, area = 0;
    int64_t previous_ns = 0;
    for (size_t i = 0; i < n;) {
        int64_t time_ns = times[i].time_ns;
        size_t at_risk = n - i, events = 0;
        for (; i < n && times[i].time_ns == time_ns; i++)
            events += times[i].event;
        area += surviving * (double)(time_ns - previous_ns);
        previous_ns = time_ns;
        surviving *= 1 - (double)events / (double)at_risk;
        survival.events += events;
        if (events && survival.median_ns < 0 && surviving <= 0.5 + ROUNDING)
            survival.median_ns = time_ns;
        if (events && survival.p95_ns < 0 && n >= LD_RUNS_FOR_P95 && surviving <= 0.05 + ROUNDING)
            survival.p95_ns = time_ns;
    }
    survival.restricted_to_ns = previous_ns;
    survival.restricted_mean_ns = (int64_t)(area + 0.5);
    survival.fraction = n > 0 ? 1 - surviving : 0;
    *ret_survival = survival;
}

void score_reach_add(struct score_reach *reach, const struct ld_survival_time *time)
{
    reach->longest_ns = time->time_ns > reach->longest_ns ? time->time_ns : reach->longest_ns;
    reach->waiting_ns = !time->event && time->time_ns > reach->waiting_ns ? time->time_ns : reach->waiting_ns;
}

static int64_t known_to(const struct score_reach *reach)
{
    return reach->waiting_ns == reach->longest_ns ? reach->longest_ns : INT64_MAX;
}

int64_t score_restrict_to(const struct score_reach *left, const struct score_reach *right)
{
    int64_t longest_ns = left->longest_ns > right->longest_ns ? left->longest_ns : right->longest_ns;
    int64_t left_ns = known_to(left), right_ns = known_to(right);
    int64_t known_ns = left_ns < right_ns ? left_ns : right_ns;
    return known_ns < longest_ns ? known_ns : longest_ns;
}

struct ld_survival_time score_restricted(struct ld_survival_time time, int64_t to_ns)
{
    return time.time_ns > to_ns ? (struct ld_survival_time){to_ns, false} : time;
}

int64_t score_restricted_mean(struct ld_survival_time *times, size_t count, int64_t to_ns)
{
    struct ld_survival survival;
    ld_kaplan_meier(times, count, &survival);
    double rest = (1 - survival.fraction) * (double)(to_ns - survival.restricted_to_ns);
    return survival.restricted_mean_ns + (int64_t)(rest + 0.5);
}

static int by_value(const void *left, const void *right)
{
    const int64_t *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

void score_percentile_interval(int64_t *drawn, size_t count, int64_t *ret_lower, int64_t *ret_upper)
{
    qsort(drawn, count, sizeof *drawn, by_value);
    *ret_lower = drawn[count / 40];
    *ret_upper = drawn[count - 1 - count / 40];
}
