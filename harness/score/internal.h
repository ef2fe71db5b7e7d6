/* Shared inside the room only. */
#ifndef LD_SCORE_INTERNAL_H
#define LD_SCORE_INTERNAL_H

#include "score/score.h"

#define SCORE_ARENA_MAX ((size_t)1 << 30)

/* The cell of a record; NULL when the plan has no such run. */
const struct ld_cell *score_cell(const struct ld_plan *plan, const struct ld_run_record *run);

/* Its expectation, or NULL. */
const struct ld_expectation *score_expectation(const struct ld_scenario *scenario, const char *detector);
/* Its declaration in the scenario, or NULL (the calibration set is not declared). */
const struct ld_detector_spec *score_spec(const struct ld_scenario *scenario, const char *detector);
/* The kind's name: of the declaration, else the detector's own. */
const char *score_kind(const struct ld_scenario *scenario, const char *detector);
int64_t score_scaled(const struct ld_scenario *scenario, int64_t ns);
int64_t score_period_ns(const struct ld_scenario *scenario); /* as it really ran */

/* Did the interval reach its M units, as far as anybody could look? */
bool score_manifested(const struct ld_truth_interval *interval, int64_t manifest);
/* The first episode that detects interval `index`, NULL when none does. */
const struct ld_episode *score_detection(const struct ld_run_record *run, const struct ld_episodes *episodes,
                                         size_t index);
/* The instant the episode is about: its receipt. What a target that is told to stop says last, after the follow-up, is
 * about the end of the follow-up: nothing was let go of since, and only who asked for it hears it. */
int64_t score_spoken_ns(const struct ld_run_record *run, const struct ld_episode *episode);
/* Do they leak in the same way: are they one scenario, or two of one fixture? Such runs are near-copies. */
bool score_same_leak(const struct ld_scenario *left, const struct ld_scenario *right);
/* Seconds of the run, instances added up, in which the detector could see that nothing was held, in which something was
 * held for a while and nothing leaked, and in which it could not see. */
struct score_exposure {
    double quiet, held, unknown;
};
/* LD_ENOMEM. */
int score_exposure(struct score_exposure *ret_exposure, const struct ld_run_record *run, size_t detector);

/* How far one side's times tell of its curve; begin with {0, -1}. */
struct score_reach {
    int64_t longest_ns, waiting_ns; /* waiting: the longest that was censored, -1 */
};
void score_reach_add(struct score_reach *reach, const struct ld_survival_time *time);
/* Both sides as far as both can be told: a curve that fell to nothing stays there, another one is known to its end. */
int64_t score_restrict_to(const struct score_reach *left, const struct score_reach *right);
/* A time that was followed no further than that. */
struct ld_survival_time score_restricted(struct ld_survival_time time, int64_t to_ns);

/* The area under Kaplan and Meier's curve up to `to_ns`, which no time is beyond; what was not followed so long stays
 * at its last height. Sorts the times. */
int64_t score_restricted_mean(struct ld_survival_time *times, size_t count, int64_t to_ns);

/* The 95 % interval of a bootstrap: the percentiles of what was drawn, which is sorted in place. At least 40. */
void score_percentile_interval(int64_t *drawn, size_t count, int64_t *ret_lower, int64_t *ret_upper);

/* Growing list of checks. */
struct score_checks {
    struct ld_check *items; /* malloc'd until handed over */
    size_t count, capacity;
    bool failed; /* memory */
};
/* A new check, to be filled in; a scratch one when memory ran out. Texts are copied nowhere: they must outlive it. */
struct ld_check *score_check_add(struct score_checks *checks, const char *what, enum ld_verdict verdict);

struct score_inputs {
    const struct ld_plan *plan;
    const struct ld_run_record *runs;
    size_t count;
    const struct ld_score *score;
    const struct ld_sequential_result *sequential;
    size_t sequential_count;
    struct ld_arena *arena;
};
int score_board(const struct score_inputs *inputs, struct ld_board_row **ret_rows, size_t *ret_count);
void score_expectations(const struct score_inputs *inputs, const struct ld_board_row *rows, size_t row_count,
                        struct score_checks *checks);
int score_calibration(const struct score_inputs *inputs, struct score_checks *checks);
void score_programs(const struct score_inputs *inputs, struct score_checks *checks);
void score_in_vain(const struct score_inputs *inputs, struct score_checks *checks);
void score_blind(const struct score_inputs *inputs, struct score_checks *checks);

#endif
