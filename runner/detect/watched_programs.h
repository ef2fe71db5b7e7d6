/* The programs of detectors of kind exec: the one file that a campaign cannot hold fast, since a program may read what
 * lies beside it. What they are is kept when the campaign begins, and looked at again as each run begins: who edits one
 * meanwhile is told which runs had another one.
 *
 * Of a command these are looked at: the program, and every word that names a file beside the scenario. */
#ifndef LD_RUNNER_DETECT_WATCHED_PROGRAMS_H
#define LD_RUNNER_DETECT_WATCHED_PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/hash.h"
#include "plan/plan.h"

#define LD_WATCHED_PROGRAMS_MAX 256 /* files of a campaign; what is beyond is not looked at */

struct ld_watched_programs;

/* Of the plan's detectors, as they are now. A file that cannot be read is none: who starts it says so. LD_ENOMEM. */
int ld_watched_programs_new(struct ld_watched_programs **ret_programs, const struct ld_plan *plan,
                            struct ld_error *error);
void ld_watched_programs_free(struct ld_watched_programs *programs); /* NULL is allowed */

size_t ld_watched_programs_count(const struct ld_watched_programs *programs); /* NULL: 0 */
/* As the scenario finds it, from the working folder on, and its hash at the beginning; live as long as `programs`. */
void ld_watched_programs_at(const struct ld_watched_programs *programs, size_t index, const char **ret_path,
                            const char **ret_hash);

/* Is a file of the detector another one now, or gone? Says which and how in `text`. Cheap while nobody touched them:
 * the content is read again only when the file's times, size or place on the disk differ. `programs` NULL: no. */
bool ld_watched_programs_changed(const struct ld_watched_programs *programs, const struct ld_scenario *scenario,
                                 const struct ld_detector_spec *spec, char *text, size_t room);

#endif
