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

/* Of a goroutine or goroutineleak profile; samples that count 0 are left out. 0 or LD_ENOMEM. */
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
/* `horizon_ns` at least the longest window that will be asked for. Always 0. */
int ld_series_init(struct ld_series *series, int64_t horizon_ns);
void ld_series_done(struct ld_series *series);
/* LD_EUSAGE when the time is before the newest point's or the value is no finite number, LD_ELIMIT beyond
 * LD_SERIES_POINTS_MAX points, LD_ENOMEM; the series is then as it was. Points of one time are kept in order. */
#define LD_SERIES_POINTS_MAX ((size_t)1 << 20)
int ld_series_add(struct ld_series *series, int64_t time_ns, double value);
void ld_series_clear(struct ld_series *series);

/* Facts over the points of the window (now - window, now] and the edge, the last point at or before now - window.
 *
 * The series covers the window when at least one point lies in it, and there is an edge no older than one window
 * before it: now - 2 * window <= edge. So the facts always span at least the time from the left edge to the newest
 * point, and no silence within them is as long as a window. Else nothing can be said and the answer is false: too
 * young a series, one that is silent since the window began, one that was silent for too long before it. Who needs
 * more looks at gap_ns and count. Times are compared as integers; sums run from the oldest point to the newest, so the
 * same points give the same bits everywhere. Points later than `now` are not looked at. */
struct ld_window_facts {
    size_t count;            /* points, the edge included: at least 2 */
    double first, last, minimum, maximum;
    double growth;           /* last - first */
    double slope_per_second; /* least squares; 0 when all points are of one time */
    double rising_share;     /* steps that rose / steps */
    double falling_share;
    int64_t covered_ns;      /* from the edge to the newest point */
    int64_t gap_ns;          /* the longest silence: between neighbours, and from the newest point to now */
};
bool ld_series_window(const struct ld_series *series, int64_t now_ns, int64_t window_ns,
                      struct ld_window_facts *ret_facts);

#endif
