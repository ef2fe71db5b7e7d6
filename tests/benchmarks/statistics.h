/* What the benchmarks say about a row of measurements. Nothing here keeps or frees what it is given. */
#ifndef LD_BENCHMARKS_STATISTICS_H
#define LD_BENCHMARKS_STATISTICS_H

#include <stddef.h>

double bench_mean(const double *values, size_t count);
/* Linear between order statistics; 0 <= share <= 1. Sorts a copy; at most BENCH_VALUES_MAX values. */
double bench_quantile(const double *values, size_t count, double share);

struct bench_interval {
    double lower, upper;
};

/* Percentile bootstrap (Efron 1979) of a mean: the interval that leaves `tail` of the resamples on either side. */
struct bench_interval bench_bootstrap_mean(const double *values, size_t count, double tail);
/* The same of median(values) / median(baseline), each arm resampled by itself. */
struct bench_interval bench_bootstrap_ratio(const double *values, size_t count, const double *baseline,
                                            size_t baseline_count, double tail);
/* Upper one-sided 95 % bound of the mean by Student's t (1908); at least two values. */
double bench_t_upper(const double *values, size_t count);

#define BENCH_VALUES_MAX 4096

#endif
