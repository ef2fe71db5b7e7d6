/* Does a detector say the same with and without names? In a blind run each built-in detector is there twice: one is
 * told renamed observations, its sighted twin the run's own. The alerts of both are compared after every observation,
 * those of the first with their names put back; their order and their ids, which follow the order of names, are no
 * difference. */
#ifndef LD_RUN_AGREEMENT_H
#define LD_RUN_AGREEMENT_H

#include "detect/alert.h"

struct ld_agreement;

enum ld_sight { LD_SIGHT_BLIND, LD_SIGHT_SIGHTED, LD_SIGHTS };

struct ld_agreement *ld_agreement_new(void); /* NULL: out of memory */
void ld_agreement_free(struct ld_agreement *agreement); /* NULL is allowed */
/* The alert is copied. Without memory the two count as different. */
void ld_agreement_add(struct ld_agreement *agreement, enum ld_sight sight, const struct ld_alert *alert);
/* One of them broke, or could not be told. */
void ld_agreement_broke(struct ld_agreement *agreement, enum ld_sight sight, const char *reason);
/* Both have been told the same observation: compare and forget what they said of it. */
void ld_agreement_compare(struct ld_agreement *agreement);
/* "agrees: 12 alerts", or "differs: only with names: open at observation 41 (site ...)": the first difference. Valid
 * until the next call. */
const char *ld_agreement_text(const struct ld_agreement *agreement);

#endif
