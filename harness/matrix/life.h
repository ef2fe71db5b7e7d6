/* What the matrix remembers of one life of one instance: series by (site, wait), by metric, and the last leak report.
 * Private to the room. Bounded: sites, points per series and the length of names have limits. */
#ifndef LD_MATRIX_LIFE_H
#define LD_MATRIX_LIFE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "matrix/function.h"
#include "matrix/report.h"
#include "matrix/rules.h"
#include "observe/observation.h"
#include "observe/series.h"

#define LD_LIFE_SITES_MAX 2048  /* (site, wait) pairs; new ones beyond are passed over until others fall empty */
#define LD_LIFE_SITE_MAX 1024   /* bytes of a site's name; goroutines at longer ones are passed over */
#define LD_LIFE_POINTS_MAX 1024 /* points of a series: samples that follow each other faster are passed over */

struct ld_site_series {
    char *site; /* owned */
    enum ld_wait wait;
    enum ld_function_kind kind;
    bool seen;  /* in the profile in hand */
    struct ld_series counts;
};

struct ld_row_claim {
    uint64_t id;
    const struct ld_row *row;
    char *site; /* owned; "" for rows of the instance */
    bool held;
    int64_t failing_ns; /* since when the row no longer holds, -1: it holds */
};

struct ld_life_record {
    uint32_t instance, incarnation;
    int64_t spacing_ns, horizon_ns;
    size_t site_count, site_room;
    struct ld_site_series *sites; /* by site, then wait */
    struct ld_series totals;      /* goroutines of each profile: its times are the times of all site series */
    struct ld_series connections; /* share of goroutines that serve an HTTP client's connection */
    struct ld_series metrics[LD_METRIC_COUNT]; /* begun when first seen */
    bool metric_begun[LD_METRIC_COUNT];
    bool profiles_begun;
    int64_t metrics_ns;           /* of the newest metrics that were kept */
    struct ld_sanitizer_report report;
    bool has_leaks;
    struct ld_site_counts leaks;  /* the last leak profile */
    size_t claim_count, claim_room;
    struct ld_row_claim *claims;  /* in order of opening */
    bool blind_profiles;
    unsigned blind_sources;       /* bits 1 << enum ld_metric_source whose last read failed */
    uint64_t blind_id;            /* of the UNKNOWN that is open; outlives the incarnation */
};

/* Forget the incarnation: everything but the instance and whether it can be seen. Claims must be closed. */
void ld_life_clear(struct ld_life_record *life);
/* A whole goroutine profile that shows waits. *ret_kept: it went into the series. LD_ENOMEM. */
int ld_life_profile(struct ld_life_record *life, const struct ld_matrix *matrix,
                    const struct ld_observation *observation, bool *ret_kept);
int ld_life_leaks(struct ld_life_record *life, const struct ld_profile *profile);
/* Points of a METRICS observation. *ret_kept: at least one went into a series. */
int ld_life_metrics(struct ld_life_record *life, const struct ld_observation *observation, bool *ret_kept);
/* NULL when the site was not seen within the horizon. */
const struct ld_site_series *ld_life_site(const struct ld_life_record *life, const char *site, enum ld_wait wait);

#endif
