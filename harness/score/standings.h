/* The board over all leaks of a campaign: where each detector stands, over everything and fault case by fault case.
 *
 * Runs of one leak are near-copies of each other, so that an interval over leaks resamples leaks (the scenarios of one
 * fixture are one), not runs. Shares and their intervals are given only where every cell has LD_STANDINGS_RUNS_MIN runs
 * and as many of the detector's say something; counts always. Scenarios
 * that measure costs (`arms: each`) and those whose truth nobody knows are not counted. */
#ifndef LD_SCORE_STANDINGS_H
#define LD_SCORE_STANDINGS_H

#include "score/cost.h"
#include "score/score.h"

#define LD_STANDINGS_RUNS_MIN 20
#define LD_STANDINGS_CLUSTERS_MIN 5 /* fewer leaks (programs) than that have no interval over leaks (programs) */
#define LD_STANDINGS_RESAMPLES 2000
#define LD_STANDINGS_FAULTS_MAX 32  /* fault cases told apart; what more there are is in the whole only */

struct ld_bounds {
    bool given;
    double lower, upper; /* 95 % */
};

struct ld_standing {
    const char *detector;
    bool timeless;          /* it read the source: its runs are one result told again, and have no time */
    size_t leaks_told;      /* leaks that it had time to see in a run at least */
    bool has_shares;        /* every cell has enough runs */
    /* Leak intervals in leaky runs. */
    uint32_t seen, late, missed; /* seen: late ones among them; of seen + missed it had time to see */
    uint32_t counts[LD_OUTCOME_COUNT];
    /* Of the share seen: by intervals (of no timeless detector); by leaks (all alike: exact, of so many leaks). */
    struct ld_bounds wilson, clustered;
    uint32_t cause_right, cause_wrong, site_right, site_wrong; /* of the seen; site_wrong: of missed ones, too */
    /* Runs with any alert: leaky ones, their healthy twins, and programs that never leak. */
    uint32_t leaky_runs, leaky_alerted, twin_runs, twin_alerted, calm_runs, calm_alerted;
    struct ld_bounds difference; /* of leaky and twin alert probabilities, by leaks that have both */
    /* False alarms while nothing was held, over that time in all runs; those that named a wrong site while something
     * was; alerts during holds, which are none, over the time of holds without a leak. */
    uint32_t false_alarms, wrong_site, during_hold;
    double quiet_hours, hold_hours; /* real time */
    double rate, rate_lower, rate_upper; /* an hour; two-sided 95 %, exact Poisson */
    struct ld_bounds rate_by_program; /* 95 %: programs drawn with all their runs, never narrower than Poisson's */
    /* Time to detect from tM: Kaplan and Meier over all leaks; the mean up to the group's longest follow-up. */
    struct ld_survival time;
    int64_t mean_ns, mean_to_ns;
    const struct ld_cost_row *cost; /* of its scenarios that with most pairs; NULL: not measured. The same everywhere */
};

struct ld_standings {
    size_t detector_count; /* as first met, the calibration set left out */
    size_t group_count;    /* the whole, then each fault case as first met */
    const char **groups;   /* "" for the whole */
    struct ld_standing *items; /* by group, then detector */
    double time_scale;     /* of all scenarios counted; 0: they differ, or there is none */
    int64_t period_ns;     /* likewise, real time */
    size_t leaks, calm;    /* programs that leak, and that never do */
    uint32_t runs_least, runs_most; /* that ended, of a cell */
    struct ld_arena *arena;
};

/* `costs` must outlive the result. LD_ENOMEM. */
int ld_standings_make(struct ld_standings *ret_standings, const struct ld_plan *plan, const struct ld_score *score,
                      const struct ld_verdicts *verdicts, const struct ld_costs *costs, struct ld_error *error);
const struct ld_standing *ld_standing_of(const struct ld_standings *standings, size_t group, size_t detector);
/* Has it evidence enough for a percentage of leaks seen, of alerts, for a median and a mean time? */
bool ld_standing_has_share(const struct ld_standing *standing);
bool ld_standing_has_difference(const struct ld_standing *standing);
bool ld_standing_has_time(const struct ld_standing *standing);
/* Has the whole enough runs and leaks for shares and their intervals? */
bool ld_standings_can_claim(const struct ld_standings *standings);
void ld_standings_done(struct ld_standings *standings); /* NULL is allowed */

#endif
