/* A campaign against a baseline: what a detector lost, gained and got slower at.
 *
 * A baseline keeps, for each cell and detector, how many leaks happened and were seen, by which rules, in how many runs
 * there was a false alarm, and every time to detect; the runs themselves are not needed. Only what both have is compared.
 * A detector watches one arm of a cell, so that which it is does not matter: a scenario that was split into arms since
 * is compared all the same, and the finding says so.
 * Rules whose alerts saw a leak then are looked for among the rules of now, so that what is lost is named by its row; a
 * detector whose options are others now is told so. */
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
    uint32_t false_alarm_runs;
    size_t time_count;
    struct ld_survival_time *times; /* of seen and missed leaks, from tM */
    size_t rule_count;
    struct ld_baseline_rule *rules; /* most leaks first; "" is no rule */
    const char *options;            /* the detector's, as JSON; "": it has none, or they are unknown */
    const char *files;              /* that it read: "my-rules.yml 0123456789ab, ...", the hash of each; "": likewise */
    /* Of a campaign in hand, not kept: where to look. */
    uint32_t blamed; /* leaks without evidence because the detector broke, or was out of its range */
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
void ld_baseline_done(struct ld_baseline *baseline); /* NULL is allowed */

/*    id, name, does it fail?, meaning */
#define LD_REGRESSIONS(X)                                                                                        \
    X(LOST, "lost", true, "leaks of a cell in which the baseline saw all are missed")                            \
    X(RARER, "rarer", true, "leaks of a cell are seen less often (Fisher's exact test, p < 0.05)")               \
    X(UNJUDGED, "unjudged", true, "no leak of a cell is evidence any more: the detector broke or is out of its range") \
    X(FALSE_ALARM, "false-alarm", true, "runs of a cell that was quiet in the baseline have a false alarm")      \
    X(SLOWER, "slower", true, "the mean time to detect of a scenario rose beyond its interval")                  \
    X(VOID, "void", false, "no leak of a cell is evidence now, and the detector is not to blame: void runs, no leak") \
    X(FOUND, "found", false, "leaks of a cell in which the baseline saw none are seen; a declared miss is named so") \
    X(QUIET, "quiet", false, "no run of a cell that had false alarms in the baseline has one")                   \
    X(CHANGED, "changed", false, "a rule file of a detector is not what it was in the baseline")                 \
    X(GONE, "gone", false, "the baseline has this cell and detector, the campaign has not")

enum ld_regression_kind {
#define X(id, ...) LD_REGRESSION_##id,
    LD_REGRESSIONS(X)
#undef X
    LD_REGRESSION_KINDS
};
const char *ld_regression_name(enum ld_regression_kind kind);
const char *ld_regression_doc(enum ld_regression_kind kind);

struct ld_regression {
    enum ld_regression_kind kind;
    bool fails;     /* of its kind, unless a rerun did not confirm it */
    bool confirmed; /* LOST: the rerun missed one too */
    bool rerun;     /* LOST: there was a rerun */
    const char *cell, *detector; /* SLOWER, CHANGED: the scenario's name */
    char text[1024]; /* the numbers, and where to look */
};

/* The interval of SLOWER: percentile bootstrap of the difference of restricted means, 95 %; both sides need
 * LD_RUNS_FOR_MEDIAN leaks, and the difference must be more than one sampling period. */
#define LD_REGRESS_RESAMPLES 2000
#define LD_REGRESS_RERUNS 11 /* of a cell that lost a leak: they catch a 20 % loss with 90 % power */

struct ld_regressions {
    size_t count;
    struct ld_regression *items; /* by kind, then cell and detector */
    size_t compared;             /* rows that both have; 0: nothing is said of anything */
    struct ld_arena *arena;
};
/* `data_folder`: where shipped rules are, as for detectors; "" for the working folder. */
int ld_regress(struct ld_regressions *ret_regressions, const struct ld_baseline *baseline,
               const struct ld_baseline *now, const struct ld_plan *plan, const char *data_folder,
               struct ld_error *error);
/* A rerun of the cells that lost leaks: what it sees wholly is not confirmed and fails no more. */
void ld_regressions_confirm(struct ld_regressions *regressions, const struct ld_baseline *rerun);
bool ld_regressions_fail(const struct ld_regressions *regressions);
void ld_regressions_done(struct ld_regressions *regressions); /* NULL is allowed */

#endif
