/* Two detectors on the same runs, or one detector in two campaigns of the same scenarios: paired, run by run.
 *
 * Runs pair by cell name and repetition, and only where both have the same seed, so that both sides had the same
 * schedule; a pair is compared when both runs ended and are valid, and the detector was whole in both. What has no
 * partner is counted by its reason. Runs of a pair are compared for false alarms, healthy and leaky alike. Leaks pair
 * in pairs of runs by what the program calls them: instance, incarnation and the id of the truth interval (the n-th one
 * of that id). A pair of leaks counts when both sides are evidence (TP, TP_LATE or FN); seen is TP. Its times count
 * where both sides have one (ld_outcome_time), OUT_OF_RANGE or not.
 *
 * Two detectors that share an arm pair within it. Where they watch in different arms only, their runs pair over the
 * arms by everything else that a cell is, which is said: each then read what its own detector needs. Apart from that,
 * cells whose sets of reads differ are left out: a read that intrudes changes the run. */
#ifndef LD_SCORE_COMPARE_H
#define LD_SCORE_COMPARE_H

#include "score/score.h"

#define LD_COMPARE_RESAMPLES 2000 /* of the bootstrap */
#define LD_COMPARE_CLUSTERS_MIN 5 /* with so many leaks they are drawn whole, else pairs by themselves */

/* Why a run is left out; the first that holds.
 *    id, name, what such runs are, for people */
#define LD_UNPAIRED(X)                                                                                     \
    X(READS, "other_reads", "whose counterpart reads something else of the target, which changes the run") \
    X(COUNTERPART, "no_counterpart", "without a counterpart")                                              \
    X(SEED, "other_seed", "whose counterpart has another seed")                                            \
    X(NOT_ENDED, "not_ended", "that did not end, or whose counterpart did not")                            \
    X(VOID, "void", "void, or whose counterpart is")                                                       \
    X(BROKEN, "detector_error", "in which the detector broke, or in whose counterpart it did")

enum ld_unpaired {
#define X(id, ...) LD_UNPAIRED_##id,
    LD_UNPAIRED(X)
#undef X
    LD_UNPAIRED_COUNT
};
struct ld_unpaired_info {
    const char *name, *words;
};
extern const struct ld_unpaired_info ld_unpaired_table[LD_UNPAIRED_COUNT];

struct ld_compare_side {
    const struct ld_plan *plan;
    const struct ld_run_record *runs; /* that the score is of */
    size_t run_count;
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
    int32_t interval;      /* of the left run's truth; -1: false alarms of the run */
    const struct ld_truth_interval *leak; /* the left side's; NULL: false alarms */
    enum ld_outcome_kind left, right; /* of the interval */
    uint32_t left_false_alarms, right_false_alarms;
};

struct ld_comparison {
    struct ld_compare_table leaks, false_alarms;
    uint32_t no_evidence;      /* leaks with an outcome on both sides, one of them no evidence */
    uint32_t unmatched_left, unmatched_right; /* leaks whose run has a partner of the same seed, which has no such leak:
                                               * it is void, or the leak did not come or manifest in it */
    uint32_t pairs;            /* of runs that were compared; 0: nothing is */
    uint32_t across_arms, reads_differ; /* of the pairs: of two arms; and in which something else was read */
    /* Planned runs that a side's detector was to watch, and that are in no pair, by reason. */
    uint32_t unpaired_left[LD_UNPAIRED_COUNT], unpaired_right[LD_UNPAIRED_COUNT];
    bool plans_differ;         /* their hashes: other seeds, or something was edited */
    /* Restricted mean time to detect, left minus right; its 95 % interval is the percentile bootstrap over pairs (leaks
     * when there are enough). Up to the smaller of the two sides' longest follow-ups: beyond the last leak that a side
     * was still waiting for nobody knows how it went on. A side that saw its last leak too is known for ever. Without a
     * pair: 0. */
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
