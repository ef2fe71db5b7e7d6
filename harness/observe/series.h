/* Per-site series of one incarnation: what detectors reason on.
 *
 * ld_site_counts folds one goroutine profile into counts per (site, wait), sorted by site then wait. ld_series keeps,
 * for each, the counts of the last profiles within a horizon. Times are observation times. */
#ifndef LD_OBSERVE_SERIES_H
#define LD_OBSERVE_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "observe/site.h"
#include "pprof/profile.h"

struct ld_site_count {
    const char *site;      /* owned by the list */
    enum ld_wait wait;
    int64_t count;
    int64_t leaked;        /* of them marked (leaked), debug=2 only */
    const char *created_by; /* "" when unknown or mixed */
};

struct ld_site_counts {
    struct ld_site_count *items;
    size_t count;
    struct ld_arena *arena;
};

int ld_site_counts_of(struct ld_site_counts *ret_counts, const struct ld_profile *profile);
void ld_site_counts_done(struct ld_site_counts *counts);
/* Sum over all waits of one site. */
int64_t ld_site_counts_get(const struct ld_site_counts *counts, const char *site);

struct ld_sample_point {
    int64_t time_ns;
    double value;
};

/* A bounded series of points in time order. */
struct ld_series {
    struct ld_sample_point *points; /* oldest first */
    size_t count, capacity;
    int64_t horizon_ns; /* points older than newest - horizon are dropped, but one is kept as the left edge */
};
int ld_series_init(struct ld_series *series, int64_t horizon_ns);
void ld_series_done(struct ld_series *series);
int ld_series_add(struct ld_series *series, int64_t time_ns, double value);
void ld_series_clear(struct ld_series *series);

/* Facts over the window (now - window, now], plus the last point at or before its left edge. All return false when
 * the series does not cover the window: then nothing can be said. */
struct ld_window_facts {
    size_t count;            /* points */
    double first, last, minimum, maximum;
    double growth;           /* last - first */
    double slope_per_second; /* least squares */
    double rising_share;     /* steps that rose / steps */
    double falling_share;
    int64_t covered_ns;
};
bool ld_series_window(const struct ld_series *series, int64_t now_ns, int64_t window_ns, struct ld_window_facts *ret_facts);

#endif
