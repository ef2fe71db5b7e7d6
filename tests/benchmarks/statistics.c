#include "statistics.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "score/statistics.h"

#define RESAMPLES 4000
#define SEED 20240607u /* any: the same figures from the same measurements */

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double quantile_of_sorted(const double *sorted, size_t count, double share)
{
    double place = share * (double)(count - 1);
    size_t below = (size_t)place;
    size_t above = below + 1 < count ? below + 1 : below;
    return sorted[below] + (place - (double)below) * (sorted[above] - sorted[below]);
}

double bench_mean(const double *values, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    return sum / (double)count;
}

double bench_quantile(const double *values, size_t count, double share)
{
    double sorted[BENCH_VALUES_MAX];
    assert(count > 0 && count <= BENCH_VALUES_MAX);
    memcpy(sorted, values, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare);
    return quantile_of_sorted(sorted, count, share);
}

static void resample(struct ld_random *random, const double *values, size_t count, double *ret_sample)
{
    for (size_t i = 0; i < count; i++)
        ret_sample[i] = values[ld_random_below(random, count)];
}

static struct bench_interval interval_of(double *statistics, double tail)
{
    qsort(statistics, RESAMPLES, sizeof *statistics, compare);
    return (struct bench_interval){quantile_of_sorted(statistics, RESAMPLES, tail),
                                   quantile_of_sorted(statistics, RESAMPLES, 1 - tail)};
}

struct bench_interval bench_bootstrap_mean(const double *values, size_t count, double tail)
{
    static double means[RESAMPLES];
    double sample[BENCH_VALUES_MAX];
    struct ld_random random;
    assert(count > 0 && count <= BENCH_VALUES_MAX);
    ld_random_init(&random, SEED);
    for (size_t i = 0; i < RESAMPLES; i++) {
        resample(&random, values, count, sample);
        means[i] = bench_mean(sample, count);
    }
    return interval_of(means, tail);
}

struct bench_interval bench_bootstrap_ratio(const double *values, size_t count, const double *baseline,
                                            size_t baseline_count, double tail)
{
    static double ratios[RESAMPLES];
    double sample[BENCH_VALUES_MAX];
    struct ld_random random;
    assert(count > 0 && count <= BENCH_VALUES_MAX && baseline_count > 0 && baseline_count <= BENCH_VALUES_MAX);
    ld_random_init(&random, SEED);
    for (size_t i = 0; i < RESAMPLES; i++) {
        resample(&random, values, count, sample);
        double above = bench_quantile(sample, count, 0.5);
        resample(&random, baseline, baseline_count, sample);
        ratios[i] = above / bench_quantile(sample, baseline_count, 0.5);
    }
    return interval_of(ratios, tail);
}

/* The 0.95 quantile of Student's t, by bisection of its tail I_{n/(n+t^2)}(n/2, 1/2) / 2. */
static double t_quantile(double freedom)
{
    double low = 0, high = 1000;
    for (int i = 0; i < 200; i++) {
        double t = (low + high) / 2;
        double tail = ld_beta_regularised(freedom / 2, 0.5, freedom / (freedom + t * t)) / 2;
        *(tail > 0.05 ? &low : &high) = t;
    }
    return (low + high) / 2;
}

double bench_t_upper(const double *values, size_t count)
{
    assert(count >= 2);
    double mean = bench_mean(values, count), squares = 0;
    for (size_t i = 0; i < count; i++)
        squares += (values[i] - mean) * (values[i] - mean);
    double error = sqrt(squares / (double)(count - 1) / (double)count);
    return mean + t_quantile((double)count - 1) * error;
}
