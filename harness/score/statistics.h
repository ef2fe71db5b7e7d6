/* Exact and asymptotic statistics, each with its source. No allocation; invalid arguments give NAN. The sequential test
 * is scenario/sprt.h. */
#ifndef LD_SCORE_STATISTICS_H
#define LD_SCORE_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Regularised incomplete beta and gamma functions (Lentz's continued fraction; Numerical Recipes 6.4, 6.2). */
double ld_beta_regularised(double a, double b, double x);
double ld_gamma_regularised(double a, double x); /* lower */

/* Clopper and Pearson 1934. One-sided bounds at `confidence`; for a two-sided interval pass 1 - (1 - c) / 2. */
double ld_clopper_pearson_lower(int64_t hits, int64_t n, double confidence);
double ld_clopper_pearson_upper(int64_t hits, int64_t n, double confidence);
/* Wilson 1927, two-sided. */
void ld_wilson(int64_t hits, int64_t n, double confidence, double *ret_lower, double *ret_upper);
/* Exact Poisson bounds (Garwood 1936) on a rate: events over exposure, one-sided. */
double ld_poisson_lower(int64_t events, double exposure, double confidence);
double ld_poisson_upper(int64_t events, double exposure, double confidence);
/* Two-sided p of `events` where `expected` were to come: twice the smaller tail, at most 1. Never too small. */
double ld_poisson_test(int64_t events, double expected);
/* Exact McNemar: two-sided p of b against c discordant pairs. */
double ld_mcnemar(int64_t b, int64_t c);
/* Fisher's exact test, two-sided p of a 2x2 table: all tables with these margins that are no likelier. NAN when the
 * table sums to more than LD_FISHER_MAX. */
#define LD_FISHER_MAX INT64_C(10000000)
double ld_fisher(int64_t a, int64_t b, int64_t c, int64_t d);
/* The same, one-sided: tables with these margins whose first cell is a or more. */
double ld_fisher_more(int64_t a, int64_t b, int64_t c, int64_t d);

/* Kaplan and Meier 1958. Observations: time and whether the event was seen (else censored then). */
struct ld_survival_time {
    int64_t time_ns;
    bool event;
};
struct ld_survival {
    size_t n, events;
    int64_t median_ns;          /* -1 when the curve never falls to one half */
    int64_t p95_ns;             /* -1 when not reached, or fewer than 59 runs */
    int64_t restricted_mean_ns; /* up to the longest time observed */
    int64_t restricted_to_ns;
    double fraction;            /* 1 - S(end) */
};
/* `times` is sorted in place; what lies before 0 counts as 0. At equal times events come before censorings. */
void ld_kaplan_meier(struct ld_survival_time *times, size_t n, struct ld_survival *ret_survival);

#endif
