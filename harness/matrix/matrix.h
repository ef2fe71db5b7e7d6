/* The diagnosis matrix: a versioned rule file. Rows are behaviours, columns are observables, a cell is a predicate
 * with a window. A row gives a cause, a colour, an explanation that quotes the evidence, and a repair.
 *
 * Its identity is v<semver>-<first 6 hex of SHA-256 of the canonical form>; the canonical form is independent of
 * comments, key order and spelling of quantities. */
#ifndef LD_MATRIX_MATRIX_H
#define LD_MATRIX_MATRIX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"
#include "detect/alert.h"
#include "observe/observation.h"

struct ld_matrix;

/* Parse and check a rule file; every error in `errors`. */
int ld_matrix_parse(struct ld_matrix **ret_matrix, const char *file, const void *bytes, size_t length,
                    struct ld_errors *errors);
int ld_matrix_read(struct ld_matrix **ret_matrix, const char *file, struct ld_errors *errors);
void ld_matrix_free(struct ld_matrix *matrix); /* NULL is allowed */

const char *ld_matrix_version(const struct ld_matrix *matrix); /* "v0.1.0-a1b2c3" */
const char *ld_matrix_hash(const struct ld_matrix *matrix);    /* 64 hex */
/* The canonical form, JSON with sorted keys; owned by the matrix. */
const char *ld_matrix_canonical(const struct ld_matrix *matrix);
/* Its rows by id. */
size_t ld_matrix_row_count(const struct ld_matrix *matrix);
const char *ld_matrix_row_id(const struct ld_matrix *matrix, size_t index);
int64_t ld_matrix_window_ns(const struct ld_matrix *matrix);   /* the longest window of any row */
/* Documentation of the rule language: schema, columns, predicates. */
struct ld_buffer;
int ld_matrix_explain(struct ld_buffer *out);

/* Evaluation over one run: keeps the series of each instance's current incarnation. */
struct ld_matrix_state;
int ld_matrix_state_new(struct ld_matrix_state **ret_state, const struct ld_matrix *matrix, double time_scale,
                        int64_t period_ns);
void ld_matrix_state_free(struct ld_matrix_state *state);
int ld_matrix_observe(struct ld_matrix_state *state, const struct ld_observation *observation,
                      const struct ld_alert_sink *sink);
/* The colour of an instance now: the worst of its open rows. */
enum ld_severity ld_matrix_colour(const struct ld_matrix_state *state, uint32_t instance);

#endif
