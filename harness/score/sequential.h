/* Sequential repeats: what the tests of a plan say, and which cells go on. Pure: fed with what came of runs, in
 * whatever order they ended.
 *
 * A test is of one cell and detector (ld_plan_sequential_test). It looks at the cell's runs in the order of their
 * repetition, as far as all of them have ended: its decision depends on outcomes alone, never on which run ended first.
 * In a leaky cell a run is bad in which a leak was missed or seen late; in a healthy one a run with a false alarm. A
 * run without evidence (void, no leak, the detector broke or was out of its range) is passed over: the next takes its
 * place. What lies beyond the run that decided is no evidence for the test any more. A cell all of whose tests are
 * decided needs no further run. */
#ifndef LD_SCORE_SEQUENTIAL_H
#define LD_SCORE_SEQUENTIAL_H

#include "score/score.h"

enum ld_trial { LD_TRIAL_PENDING, LD_TRIAL_NONE, LD_TRIAL_GOOD, LD_TRIAL_BAD };

struct ld_sequential;

/* All tests of the plan, undecided; the plan must outlive them. LD_ENOMEM. */
int ld_sequential_new(struct ld_sequential **ret_sequential, const struct ld_plan *plan, struct ld_error *error);
void ld_sequential_free(struct ld_sequential *sequential); /* NULL is allowed */

/* What came of runs: their records, and their score in the same order. Of a run that was given already the first
 * counts. */
void ld_sequential_add(struct ld_sequential *sequential, const struct ld_run_record *runs, size_t count,
                       const struct ld_score *score);
/* The same for one test, by its place in the results, and one repetition. */
void ld_sequential_feed(struct ld_sequential *sequential, size_t test, uint32_t repetition, enum ld_trial trial);

/* Has the cell (a place in the plan's cells) tests, and are all of them decided? */
bool ld_sequential_is_settled(const struct ld_sequential *sequential, size_t cell);
/* Is one more run of the cell to be started, when the first `started` of them were? Not while those in hand may decide
 * all its tests by being good; always in a cell without tests. With nothing in hand an unsettled cell wants one. */
bool ld_sequential_wants(const struct ld_sequential *sequential, size_t cell, uint32_t started);

/* By cell and then in the order of the scenario's expectations; they live as long as `sequential`. */
const struct ld_sequential_result *ld_sequential_results(const struct ld_sequential *sequential, size_t *ret_count);

#endif
