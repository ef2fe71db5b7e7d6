/* Two detectors on the same runs, or one detector in two campaigns of the same plan: paired, run by run.
 *
 * Leaks pair by cell name, repetition and interval, so that both sides had the same seed and the same schedule. A pair
 * counts when both sides are evidence (TP, TP_LATE or FN); seen is TP. Valid runs, healthy and leaky, pair by
 * cell and repetition for false alarms.
 *
 * Two detectors that share an arm pair within it. Where they watch in different arms only, their runs pair over the arms
 * by everything else that a cell is, which is said: each then read what its own detector needs. Apart from that, cells
 * whose sets of reads differ are left out: a read that intrudes changes the run. */
#ifndef LD_SCORE_COMPARE_H
#define LD_SCORE_COMPARE_H

#include "score/score.h"

#define LD_COMPARE_RESAMPLES 2000 /* of the bootstrap */
#define LD_COMPARE_CLUSTERS_MIN 5 /* with so many leaks they are drawn whole, else pairs by themselves */

struct ld_compare_side {
    const struct ld_plan *plan;
    const struct ld_score *score;
    const char *detector;
};

struct ld_compare_table { /* a 2 x 2 table of pairs and its exact McNemar p, two-sided */
    uint32_t both, left_only, right_only, neither;
    double p;
};

struct ld_compare_difference {
    const char *cell;      /* the plan's */
    uint32_t repetition, left_run, right_run;
    int32_t interval;      /* -1: false alarms of the run */
    enum ld_outcome_kind left, right; /* of the interval */
    uint32_t left_false_alarms, right_false_alarms;
};

struct ld_comparison {
    struct ld_compare_table leaks, false_alarms;
    uint32_t no_evidence;      /* leaks with an outcome on both sides, one of them no evidence */
    uint32_t across_arms, reads_differ; /* of the pairs of runs: of two arms; and in which something else was read */
    uint32_t pairs;                         /* of runs; 0: nothing is compared */
    uint32_t unpaired_reads;                /* of the left without a partner, those whose cell has one that reads otherwise */
    uint32_t unpaired_left, unpaired_right; /* runs whose partner is missing, or whose cell reads something else */
    /* Restricted mean time to detect, left minus right, up to the longest time in any pair; its 95 % interval is the
     * percentile bootstrap over pairs (leaks when there are enough). Without a pair: 0. */
    size_t time_pairs, clusters;
    int64_t left_mean_ns, right_mean_ns, difference_ns, lower_ns, upper_ns, restricted_to_ns;
    size_t difference_count;
    struct ld_compare_difference *differences; /* pairs that are not alike, by cell, repetition and interval */
    struct ld_arena *arena;
};

/* `seed`: of the bootstrap. LD_ENOMEM. */
int ld_compare(struct ld_comparison *ret_comparison, const struct ld_compare_side *left,
               const struct ld_compare_side *right, uint64_t seed, struct ld_error *error);
void ld_comparison_done(struct ld_comparison *comparison); /* NULL is allowed */

#endif
