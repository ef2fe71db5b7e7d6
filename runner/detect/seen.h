/* The function names that a run's observations showed so far: a detector that names a site must have seen it.
 *
 * Each name is kept with the sequence number of the first observation that showed it, so that what a detector is held
 * to does not depend on how far behind it is. */
#ifndef LD_RUNNER_DETECT_SEEN_H
#define LD_RUNNER_DETECT_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "observe/observation.h"

struct ld_seen;

struct ld_seen *ld_seen_new(void); /* NULL when out of memory */
void ld_seen_free(struct ld_seen *seen);
/* Functions of profiles, and the words of lines. After too many of them, or without memory, every name counts as seen.
 */
void ld_seen_add(struct ld_seen *seen, const struct ld_observation *observation);
/* Did an observation up to `sequence` show it? */
bool ld_seen_has(const struct ld_seen *seen, const char *name, uint64_t sequence);

#endif
