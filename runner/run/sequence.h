/* Sequential repeats, live: each run of a cell with sequential tests is scored as soon as its end is durable, from the
 * database, on a thread, and what came of it decides whether the cell goes on (score/sequential.h).
 *
 * It has a reader of its own on the campaign's database; the loop's thread calls everything here. */
#ifndef LD_RUN_SEQUENCE_H
#define LD_RUN_SEQUENCE_H

#include <uv.h>

#include "plan/plan.h"

struct ld_sequence;

/* `database` exists. `scored` runs on the loop whenever runs were scored, or scoring failed. *ret_sequence is NULL when
 * no cell of the plan has a test. */
int ld_sequence_new(struct ld_sequence **ret_sequence, uv_loop_t *loop, const struct ld_plan *plan,
                    const char *database, void (*scored)(void *context), void *context, struct ld_error *error);
/* Not while it is busy. NULL is allowed. */
void ld_sequence_free(struct ld_sequence *sequence);

/* In all of these NULL is allowed: nothing is sequential then. */

/* The run's end is in the database. */
void ld_sequence_ended(struct ld_sequence *sequence, const struct ld_run_plan *run);
/* Runs are being scored: `scored` is still to come. */
bool ld_sequence_is_busy(const struct ld_sequence *sequence);
/* 0, or why runs cannot be scored. */
int ld_sequence_status(const struct ld_sequence *sequence, struct ld_error *error);
/* ld_sequential_is_settled and ld_sequential_wants of the run's cell. */
bool ld_sequence_is_settled(const struct ld_sequence *sequence, const struct ld_run_plan *run);
bool ld_sequence_wants(const struct ld_sequence *sequence, const struct ld_run_plan *run);
/* The run is started. */
void ld_sequence_started(struct ld_sequence *sequence, const struct ld_run_plan *run);

#endif
