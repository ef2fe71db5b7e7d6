/* A campaign against a baseline: what a detector lost, gained and got slower at.
 *
 * A baseline keeps, for each cell and detector, how many leaks happened and were seen, in how many runs and by which
 * rules, in how many runs there was a false alarm, in how many the detector was to blame that there is no evidence, and
 * every time to detect; the runs themselves are not needed. Only what both have is compared. A detector watches one arm
 * of a cell, so that which it is does not matter: a scenario that was split into arms since is compared all the same,
 * and the finding says so. Rules whose alerts saw a leak then are looked for among the rules of now, so that what is
 * lost is named by its row; a detector whose options are others now is told so.
 *
 * Runs are what is counted: two leaks of one run are no two experiments. A campaign and its baseline usually have the
 * same seeds; as the baseline does not keep runs they are not paired, which errs on the safe side. */
#ifndef LD_SCORE_REGRESS_H
#define LD_SCORE_REGRESS_H

#include "score/score.h"

struct ld_baseline_rule { /* its alerts saw so many leaks */
    const char *rule, *version;
    uint32_t leaks;
};

#define LD_BASELINE_RULES_MAX 32 /* of a row; more are not kept */
#define LD_BASELINE_MISSED_MAX 5

struct ld_baseline_row {
    const char *cell, *scenario, *detector;
    uint32_t runs, leaks, seen; /* runs without harm; leaks with evidence; of them TP */
    uint32_t leaky_runs, whole_runs; /* runs with such a leak; of them those that saw all theirs. 0: an older file */
    uint32_t false_alarm_runs;
    uint32_t tried_runs, blamed_runs; /* not void; of them those in which the detector broke or was out of its range.
                                       * 0: an older file */
    size_t time_count;
    struct ld_survival_time *times; /* of seen and missed leaks, from tM */
    size_t rule_count;
    struct ld_baseline_rule *rules; /* most leaks first; "" is no rule */
    const char *options;            /* the detector's, as JSON; "": it has none, or they are unknown */
    const char *files;              /* that it read, or that it is: "my-rules.yml 0123456789ab, ...", the hash of
                                     * each; "": likewise */
    /* Of a campaign in hand, not kept: where to look. */
    uint32_t missed[LD_BASELINE_MISSED_MAX]; /* runs, the first of them; as many as leaks - seen say */
    const char *false_rule, *false_site;     /* of the first false alarm; "" or NULL */
};

struct ld_baseline {
    const char *name, *campaign, *version; /* the user's name for it; the campaign's id; leakdrill's version */
    int64_t made_wall_ns;
    size_t row_count;
    struct ld_baseline_row *rows;
    struct ld_arena *arena;
};
/* The rows of a judged campaign, calibration left out. LD_ENOMEM. */
int ld_baseline_make(struct ld_baseline *ret_baseline, const struct ld_plan *plan, const struct ld_score *score,
                     const struct ld_verdicts *verdicts, struct ld_error *error);
/* The file of a detector that is a program, as the campaign began. */
struct ld_program_hash {
    const char *path, *hash; /* seen from where the campaign ran */
};
/* Rows of detectors that are programs say which files they were, in `files`. LD_ENOMEM. */
int ld_baseline_add_programs(struct ld_baseline *baseline, const struct ld_plan *plan,
                             const struct ld_program_hash *programs, size_t count);
/* By detector, then by cell, apart from its arm: 0 for two rows of which a baseline has one. */
int ld_baseline_row_order(const struct ld_baseline_row *left, const struct ld_baseline_row *right);
void ld_baseline_done(struct ld_baseline *baseline); /* NULL is allowed */

/*    id, name, is it worse?, meaning */
#define LD_REGRESSIONS(X)                                                                                              \
    X(LOST, "lost", true, "leaks of a cell in which the baseline saw all are missed")                                  \
    X(RARER, "rarer", true, "leaks of a cell are seen in fewer runs (Fisher's exact test, one-sided, p < 0.05)")       \
    X(UNJUDGED, "unjudged", true,                                                                                      \
      "in more runs of a cell, healthy or leaky, the detector broke or was out of its range: "                         \
      "any where none had, else p < 0.05")                                                                             \
    X(FALSE_ALARM, "false-alarm", true, "more runs of a cell have a false alarm: any where none had, else p < 0.05")   \
    X(SLOWER, "slower", true, "the mean time to detect of a scenario rose beyond its interval")                        \
    X(VOID, "void", false,                                                                                             \
      "no leak of a cell is evidence now, and the detector is no more to blame: void runs, no leak")                   \
    X(FOUND, "found", false, "leaks of a cell in which the baseline saw none are seen; a declared miss is named so")   \
    X(QUIET, "quiet", false, "fewer runs of a cell have a false alarm: none where some had, or p < 0.05")              \
    X(CHANGED, "changed", false, "a detector's rule file, or its program, is not what it was in the baseline")         \
    X(GONE, "gone", false, "the baseline has this cell and detector, the campaign has not")

enum ld_regression_kind {
#define X(id, ...) LD_REGRESSION_##id,
    LD_REGRESSIONS(X)
#undef X
    LD_REGRESSION_KINDS
};
const char *ld_regression_name(enum ld_regression_kind kind);
const char *ld_regression_doc(enum ld_regression_kind kind);

/* What a rerun with other seeds says of something that is worse. One rule for all kinds: the rerun must be worse than
 * the baseline, too, and campaign and rerun together worse than chance makes it among all that was compared (below).
 *    id, name, is it settled?, meaning */
#define LD_RERUNS(X)                                                                                              \
    X(NONE, "none", false, "nothing ran again, or nothing of it is evidence")                                     \
    X(NOT_AGAIN, "not-again", true, "the rerun is no worse than the baseline")                                    \
    X(CHANCE, "chance", true, "worse again, but no more than chance makes it among all that was compared")        \
    X(OPEN, "open", false, "worse again, but so few runs, or so few draws of times, could not be beyond chance")  \
    X(CONFIRMED, "confirmed", true, "worse again, and beyond chance")

enum ld_rerun {
#define X(id, ...) LD_RERUN_##id,
    LD_RERUNS(X)
#undef X
    LD_RERUN_COUNT
};
const char *ld_rerun_name(enum ld_rerun rerun);

struct ld_bad_runs { /* with a leak that was not seen, with a false alarm, or without evidence by the detector's fault
                      */
    uint32_t bad, runs;
};

struct ld_regression {
    enum ld_regression_kind kind;
    bool worse;          /* of its kind; only such can run again */
    enum ld_rerun rerun; /* CONFIRMED fails */
    double p;            /* one-sided, of what there is: after a rerun, of campaign and rerun together. NAN: no test */
    double p_floor; /* SLOWER: no smaller p could have been drawn */
    struct ld_bad_runs before, now, again; /* LOST, RARER, UNJUDGED, FALSE_ALARM; again: of the rerun */
    const char *cell, *detector; /* SLOWER, CHANGED: the scenario's name */
    char text[1536]; /* the numbers, and where to look; cut with "...", but for what the rerun said */
};

/* SLOWER: the difference of restricted means within cells, weighted by b n / (b + n) runs, against a permutation test
 * within cells; both sides need LD_RUNS_FOR_MEDIAN leaks, and the difference must be more than one sampling period.
 * A p that is to be beyond chance among many comparisons needs more draws, which go on while few were as slow (Besag
 * and Clifford 1991). */
#define LD_REGRESS_DRAWS 4000
#define LD_REGRESS_DRAWS_EACH 200 /* for each comparison: ten times finer than the first limit of chance */
#define LD_REGRESS_DRAWS_MAX 400000
#define LD_REGRESS_DRAWS_SLOW 10 /* as slow: enough of them */
#define LD_REGRESS_ERROR 0.05 /* of a whole campaign in which nothing changed: to be told worse */
/* Runs of a cell that is worse: 11 show a 20 % loss again with 90 % power, 45 one of 5 %. As many between as a total
 * loss needs to be beyond chance. */
#define LD_REGRESS_RERUNS 11
#define LD_REGRESS_RERUNS_MAX 45

struct ld_regressions {
    size_t count;
    struct ld_regression *items; /* by kind, then cell and detector */
    size_t compared;             /* rows that both have; 0: nothing is said of anything */
    size_t comparisons;          /* tests that could have come out either way: they share LD_REGRESS_ERROR */
    struct ld_arena *arena;
};
/* What is worse waits for its rerun: none has run yet. `data_folder`: where shipped rules are, as for detectors; "" for
 * the working folder. LD_ENOMEM. */
int ld_regress(struct ld_regressions *ret_regressions, const struct ld_baseline *baseline,
               const struct ld_baseline *now, const struct ld_plan *plan, const char *data_folder,
               struct ld_error *error);
/* The cells of what is worse, each once, NULL at the end; the list and its names are the regressions'. LD_ENOMEM. */
int ld_regressions_cells(struct ld_regressions *regressions, const struct ld_baseline *baseline,
                         const struct ld_baseline *now, const char *const **ret_cells, struct ld_error *error);
/* How often each of them is to run again: LD_REGRESS_RERUNS to LD_REGRESS_RERUNS_MAX. */
uint32_t ld_regressions_reruns(const struct ld_regressions *regressions);
/* Judge what is worse by a rerun of those cells. Benjamini and Hochberg's step-up over all comparisons: when nothing
 * changed, a campaign is told worse with probability LD_REGRESS_ERROR at most, and of what is told worse no larger
 * share is chance on average. Comparisons are counted before the rerun, so that this is no theorem; it was tried
 * (tests/score/regress_chance.c). LD_ENOMEM. */
int ld_regressions_confirm(struct ld_regressions *regressions, const struct ld_baseline *baseline,
                           const struct ld_baseline *now, const struct ld_baseline *rerun, const struct ld_plan *plan,
                           struct ld_error *error);
bool ld_regression_is_open(const struct ld_regression *item); /* worse, and neither confirmed nor dismissed */
bool ld_regressions_fail(const struct ld_regressions *regressions); /* something is confirmed */
bool ld_regressions_open(const struct ld_regressions *regressions); /* something is open */
void ld_regressions_done(struct ld_regressions *regressions); /* NULL is allowed */

#endif
