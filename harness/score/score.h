/* From alerts and truth to outcomes, rates, expectations and a verdict. reports/definitions.md says what each number
 * means; this is its only implementation. Pure: everything it needs is in the records it is given, live or read back
 * from the store. */
#ifndef LD_SCORE_SCORE_H
#define LD_SCORE_SCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detect/alert.h"
#include "plan/plan.h"
#include "score/statistics.h"
#include "truth/truth.h"

#define LD_EPISODE_QUIET_NS (5 * INT64_C(1000000000)) /* the least Q, as written; see ld_score_quiet_ns */
/* An alert about what was seen before the leak ended, received this much later at most, is late, not false. */
#define LD_RECEIPT_LAG_NS INT64_C(1000000000)
#define LD_NOTE_BLIND "blind" /* a run's note for each detector that was compared: "matrix: agrees: 12 alerts" */
#define LD_BLIND_AGREES "agrees: "
#define LD_BLIND_DIFFERS "differs: "
#define LD_BLIND_ALONE "alone: " /* nobody compared in the run; what can follows */
#define LD_CHECK_BLIND "blind agreement"
#define LD_CHECK_BLIND_ALONE "blind, not compared" /* passes, and is told */
/* A run's note for each detector whose program was not what it was when the campaign began: "mine: ./mine.py is ..." */
#define LD_NOTE_PROGRAM "program"
#define LD_CHECK_PROGRAM "detector program"
/* A run's note for each thing that a detector's rules asked for and that was never there: "prometheus: go_gorutines
 * (rule TooMany)". */
#define LD_NOTE_IN_VAIN "in vain"
#define LD_CHECK_IN_VAIN "asked in vain"
#define LD_EXCLUDED_MAX 0.05 /* share of runs without evidence beyond which a campaign is inconclusive */
/* A check that draws lots may fail a sound campaign with this probability at most; there is one such per `random`
 * and one per detector of the shuffle (5 standard errors: 6e-7 each), in all under 1 in 1000. */
#define LD_LOT_FAILS 1e-4
#define LD_SHUFFLES 200
#define LD_SHUFFLE_ERRORS 5

/*    id, name, is it evidence?, meaning */
#define LD_OUTCOMES(X)                                                                              \
    X(TP, "TP", true, "first matching receipt by the deadline")                                     \
    X(TP_LATE, "TP_LATE", true, "first matching receipt after the deadline")                        \
    X(FN, "FN", true, "no matching receipt")                                                        \
    X(NOT_MANIFESTED, "NOT_MANIFESTED", false, "the leak did not happen in this run")               \
    X(FAULT_NOT_EFFECTIVE, "FAULT_NOT_EFFECTIVE", false, "a fault left no receipt in its range")    \
    X(DETECTOR_ERROR, "DETECTOR_ERROR", false, "the detector broke or broke its protocol")          \
    X(HARNESS_ERROR, "HARNESS_ERROR", false, "the harness, its machine or the target failed")       \
    X(OUT_OF_RANGE, "OUT_OF_RANGE", false, "dose or duration cannot reach the detector's parameters, seen or not")

enum ld_outcome_kind {
#define X(id, ...) LD_OUTCOME_##id,
    LD_OUTCOMES(X)
#undef X
    LD_OUTCOME_COUNT
};
const char *ld_outcome_name(enum ld_outcome_kind kind);
int ld_outcome_find(const char *name);
bool ld_outcome_is_evidence(enum ld_outcome_kind kind);

/* Why a run is no evidence; decided blind to alerts. VALID is the only good one. */
enum ld_validity {
    LD_VALID,
    LD_INVALID_HARNESS,   /* target or harness failed: HARNESS_ERROR */
    LD_INVALID_LAG,       /* the control loop lagged: HARNESS_ERROR */
    LD_INVALID_GAPS,      /* samples missing outside sampling faults: HARNESS_ERROR */
    LD_INVALID_TRUTH,     /* truth and the look from outside disagree: HARNESS_ERROR */
    LD_INVALID_FAULT,     /* FAULT_NOT_EFFECTIVE */
    LD_INVALID_UNSTEADY   /* the gate before the method never opened: HARNESS_ERROR */
};
const char *ld_validity_name(enum ld_validity validity);
int ld_validity_find(const char *name);

struct ld_life_span { /* one incarnation */
    uint32_t instance, incarnation;
    int64_t from_ns, to_ns;
};

/* A condition of a run, and what came of it. Times count from the run's start. */
struct ld_condition_record {
    uint32_t run; /* of what is read */
    const char *cell;
    const char *condition, *kind, *asked, *text; /* kind: steady, abort, fault */
    int64_t from_ns, to_ns; /* to: -1 while the gate was shut */
    uint64_t sequence;      /* 0: nothing decided */
    int64_t time_ns;        /* -1 likewise */
    uint32_t instance;
    int64_t acted_ns; /* -1: it did not act */
    bool recovers;
    int64_t recovered_ns, relapsed_ns; /* -1: not */
    int64_t followed_to_ns; /* of what is read: the recovery was looked for until then */
};

/* Everything scoring needs to know of one run. */
struct ld_run_record {
    uint32_t run;                 /* index in the plan */
    enum ld_validity validity;
    const char *reason;           /* for people; "" when valid */
    int64_t observed_from_ns;     /* ready of the first instance */
    int64_t observed_to_ns;       /* end of follow-up */
    int64_t marked_ns;            /* a condition acted: from here on it counts neither for nor against; -1: none did */
    const struct ld_truth *truth;
    size_t condition_count;       /* for reports: the gate, aborts, and what faults waited for */
    const struct ld_condition_record *conditions;
    size_t life_count;
    const struct ld_life_span *lives;
    size_t detector_count;
    struct ld_detector_record {
        const char *name;
        bool calibration;
        bool timeless;            /* it read the source: its claims were there before the run, and have no time */
        bool failed;              /* DETECTOR_ERROR */
        bool out_of_range;
        const char *reason;
        const char *said; /* failed: the last it wrote on standard error; NULL or "": nothing */
        const char *blind;        /* what it said without names, beside its sighted twin: "agrees: ...", "differs: ..."
                                   * (LD_BLIND_AGREES); NULL: nobody compared */
        const char *changed;      /* how its program differed from the one that the campaign began with; NULL: not */
        const char **in_vain;     /* what its rules asked for and nobody had */
        size_t in_vain_count;
        size_t alert_count;
        const struct ld_alert *alerts; /* by receipt; receipt_ns set */
    } *detectors;
};

/* End the follow-up of a marked run where it was marked: what came later, alerts and truth alike, is not looked at. A
 * run that is not marked stays as it is. What changes is copied to the arena; LD_ENOMEM. */
int ld_score_censor(struct ld_run_record *run, struct ld_arena *arena);

/* One alert from open to close, or several of one cause and site with less than Q between them. An incarnation's end
 * closes its episodes. A unit is outstanding at an episode's beginning when it is at the receipt, or was at any instant
 * since the deciding observation (at most LD_RECEIPT_LAG_NS before): a true claim about a target that died meanwhile is
 * no false alarm. It detects nothing, though: for that the receipt itself counts. What the target says when it is told
 * to stop (LD_READ_FAREWELL: observed after observed_to_ns) is about what it held at observed_to_ns; the time to detect
 * goes on to the receipt. */
struct ld_episode {
    uint32_t instance, incarnation;
    enum ld_cause cause;
    const char *site;
    int64_t from_ns, to_ns;       /* receipts */
    uint64_t evidence;            /* of the first alert */
    enum ld_severity severity;    /* the worst */
    const struct ld_alert *first;
    bool false_alarm;             /* begins with no unit outstanding, or names a site absent from truth */
    bool wrong_site;              /* of the two reasons, the second: something was held, in a leak or a hold */
    bool during_hold;             /* reported on its own line */
    bool timeless;                /* of a detector that read the source: it explains every interval at its site */
    int32_t interval;             /* index into truth->intervals it explains; -1 */
};
struct ld_episodes {
    struct ld_episode *items;
    size_t count;
};
/* The episodes of one detector in one run. */
/* Q of a scenario in real time: LD_EPISODE_QUIET_NS, but at least two sampling periods, for a detector that sees
 * nothing between two looks is not quiet in between; divided by time_scale like all windows. */
int64_t ld_score_quiet_ns(const struct ld_scenario *scenario);
/* The window that a detector of the scenario needs before it can speak, in real time; 0: none, or nobody knows. */
int64_t ld_score_window_ns(const struct ld_scenario *scenario, const char *detector);
int ld_episodes_make(struct ld_episodes *ret_episodes, const struct ld_run_record *run, size_t detector,
                     int64_t quiet_ns);
void ld_episodes_done(struct ld_episodes *episodes);

/* An interval is detected by the first episode that begins in it (first_ns to end_ns) with its site or none. Whether
 * it counts is decided before anybody looks at alerts, by the interval and the detector alone: one that was cured,
 * killed by the schedule or cut off by the end of follow-up before the detector can have spoken (its window and one
 * sampling period after tM; where nobody knows its window the declared deadline) is OUT_OF_RANGE, seen or not. Any
 * other that was not detected is a miss, also when it ended before the deadline, and so is a plain death. A leak that
 * the look from outside did not confirm (0 <= confirmed < M at the end of follow-up) did not manifest. */
struct ld_outcome {
    uint32_t run;
    const char *detector;
    int32_t interval;              /* -1: the run has none (healthy, or not manifested) */
    enum ld_outcome_kind kind;     /* healthy runs: TP etc. do not apply; NOT_MANIFESTED with interval -1 */
    bool seen_anyway;              /* OUT_OF_RANGE: it was seen all the same, which counts for its time alone */
    int64_t detect_ns;             /* receipt - tM; -1: not seen. May be negative: seen between t0 and tM */
    int64_t from_first_ns;         /* receipt - t0; -1 likewise */
    const char *rule, *rule_version; /* of the alert that detected it; "" when it names none, or there is none */
    int64_t censored_ns;           /* FN, OUT_OF_RANGE: follow-up after tM (after a plain death: to the run's end) */
    enum ld_cause_match cause;
    enum { LD_SITE_NONE, LD_SITE_WRONG, LD_SITE_RIGHT } site;
    bool culprit;                  /* it named the line at fault */
    bool timeless;                 /* of a detector without time: none of the times above, in TP too */
};

/* How long it took: a leak that was seen is an event, one that was missed or cut off is censored, OUT_OF_RANGE or not.
 * False: the outcome says nothing of a time, for it is of no leak, or its detector has no time or was out of its range
 * from the start. */
bool ld_outcome_time(const struct ld_outcome *outcome, struct ld_survival_time *ret_time);

/* Per detector and run: what it did besides outcomes. */
struct ld_detector_run {
    uint32_t run;
    const char *detector;
    bool valid;                    /* the run is evidence, and the detector whole; what follows counts either way */
    bool alerted;                  /* any episode */
    uint32_t episodes;
    uint32_t false_alarms;         /* all of them, */
    uint32_t wrong_site;           /* and how many of them for naming a wrong site while something was held */
    uint32_t during_hold;          /* not among the false alarms */
    const char *false_rule, *false_site; /* of the first false alarm; "" */
    double quiet_seconds;          /* exposure in which nothing was held, unknown time not counted; instances add up */
    double hold_seconds;           /* likewise, in which something was held for a while and nothing leaked */
    double unknown_seconds;        /* the detector said it could not see */
};

struct ld_score {
    size_t outcome_count;
    struct ld_outcome *outcomes;
    size_t detector_run_count;
    struct ld_detector_run *detector_runs;
    struct ld_arena *arena;
};

/* One row of the board: a detector in a cell. */
struct ld_board_row {
    uint32_t cell;
    const char *detector;
    bool calibration;
    bool timeless;                 /* it read the source: its runs are one result told again */
    uint32_t runs;                 /* that ended, valid or not */
    uint32_t valid;                /* of them, with this detector whole */
    uint32_t manifested;           /* leak intervals that manifested in valid runs */
    uint32_t counts[LD_OUTCOME_COUNT];
    uint32_t evident_runs, hit_runs; /* runs with TP, TP_LATE or FN; of them those with nothing but TP */
    uint32_t alerted;              /* runs with any episode */
    uint32_t false_alarms, wrong_site, during_hold;
    double quiet_hours, hold_hours;
    struct ld_survival time;       /* time to detect from tM */
    struct ld_survival from_first; /* the same from t0 */
    uint32_t cause_right, cause_wrong, site_right, site_wrong;
};

enum ld_verdict { LD_VERDICT_PASS, LD_VERDICT_FAIL, LD_VERDICT_INCONCLUSIVE, LD_VERDICT_HARNESS };
const char *ld_verdict_name(enum ld_verdict verdict);

/* One expectation in one cell, or (scenario and cell "") one check of the campaign: calibration, exclusions, the twins'
 * truth, completeness. */
struct ld_check {
    const char *scenario, *cell, *detector;
    const char *what;              /* "detection", "false alarms", "median time to detect", "calibration: oracle" */
    char asked[96], seen[160];
    enum ld_verdict verdict;
    bool notable;                  /* passed, and yet to be told: a declared miss that was found, another program */
    unsigned line;                 /* of the scenario file, 0 for calibration */
};

/* One test of a cell that is repeated until it is decided: score/sequential.h. */
struct ld_sequential_result {
    const char *cell, *detector;
    bool false_alarms;             /* else misses */
    struct ld_sprt_test test;      /* with its own part of alpha, and at most the planned runs */
    enum ld_sprt decision;         /* CONTINUE: not decided */
    uint32_t trials, bad;          /* runs with evidence until then, and how many of them bad */
    uint32_t passed_over;          /* runs without evidence among them */
    uint32_t ended, later; /* of the cell's runs, all, and those beyond the one that decided or an earlier gap */
    uint32_t planned;
};

struct ld_verdicts {
    enum ld_verdict verdict;       /* the campaign's */
    bool calibrated;               /* false: the campaign is void */
    size_t check_count;
    struct ld_check *checks;
    size_t row_count;
    struct ld_board_row *rows;     /* by cell, then detector in declared order, calibration last */
    uint32_t excluded;             /* runs that are not valid; leaks that did not manifest are not among them */
    double excluded_share;         /* over 5 %: inconclusive */
    size_t sequential_count;
    struct ld_sequential_result *sequential;
    uint32_t not_needed;           /* planned runs that no test asked for any more: none is missing */
    struct ld_arena *arena;
};

/* Outcomes of all runs. `deadline` from the scenario's expectation of the detector, else the end of follow-up. */
int ld_score_runs(struct ld_score *ret_score, const struct ld_plan *plan, const struct ld_run_record *runs,
                  size_t count, struct ld_error *error);
void ld_score_done(struct ld_score *score);

/* Rates, expectations, calibration (oracle, never, always, random, oracle+delay, shuffled truth), agreement with and
 * without names, and the verdict. A blind campaign fails when a detector's alerts depend on names: one check for each
 * that differed, or one that says how many agreed.
 *
 * Durations of an expectation are divided by the scenario's time_scale, like the schedule. `observed` is judged on the
 * conditional rate (TP of TP, TP_LATE and FN); `confident` on the primary one, by runs, excluded leaky runs counted as
 * misses. What the runs cannot support is inconclusive: `confident` with too few, a median from fewer than
 * LD_RUNS_FOR_MEDIAN, a p95 from fewer than LD_RUNS_FOR_P95, a cell in which most leaks did not manifest, a detector
 * that broke in over 5 % of its runs. Where repeat.sequential has a test of detection or false alarms it stands in
 * place of `observed` and `false_alarms`; not decided by the cap is inconclusive; everything else is judged on all runs
 * that ended. A declared miss passes whatever came of it, OUT_OF_RANGE in all runs included, and is notable when a leak
 * was seen. The worst check decides: HARNESS, then FAIL, INCONCLUSIVE, PASS. Fewer runs than planned, those not counted
 * that no sequential test needed any more (interrupted): inconclusive unless one failed already. No valid run at all:
 * HARNESS. */
int ld_judge(struct ld_verdicts *ret_verdicts, const struct ld_plan *plan, const struct ld_run_record *runs,
             size_t count, const struct ld_score *score, struct ld_error *error);
void ld_verdicts_done(struct ld_verdicts *verdicts);
int ld_verdict_exit(enum ld_verdict verdict); /* exit code */

/* Shuffled truth: every run's alerts are scored against the truth of another run of its scenario and arm, LD_SHUFFLES
 * random permutations of all of them (a run may draw its own, once in n). A run that drew a leaky truth counts in the
 * first rate, one that drew a healthy one is scored against a leaky truth drawn at random and counts in the second, so
 * that both rates have exactly the same expectation unless the score looks at more than alerts and truth. A row gives
 * the mean of the difference over the permutations and its standard error: within LD_SHUFFLE_ERRORS of 0 is chance,
 * which bad luck leaves in 6 of 10 million rows. `true_difference`: the same with everyone's own truth, the healthy
 * runs scored against their leaky twins' (0 when there are none). Scenarios without leaky or healthy runs are left out.
 */
struct ld_shuffle {
    const char *detector;
    double difference, standard_error, true_difference;
    bool at_chance;
};
int ld_score_shuffle(struct ld_shuffle **ret_rows, size_t *ret_count, const struct ld_plan *plan,
                     const struct ld_run_record *runs, size_t count, uint64_t seed, struct ld_arena *arena);

#endif
