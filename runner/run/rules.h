/* The rule files that a campaign's detectors read: their texts are kept with the campaign, so that a replay opens the
 * very same rules though the files have changed or gone since. */
#ifndef LD_RUN_RULES_H
#define LD_RUN_RULES_H

#include "base/arena.h"
#include "detect/detector.h"
#include "plan/plan.h"
#include "store/store.h"

/* The facts: "rules." and the file as the detector's options name it, or "(shipped)". */
#define LD_FACT_RULES "rules."
#define LD_RULES_FILES_MAX 64 /* of a campaign; what is beyond is read from disk in a replay, as ever */

/* One fact for each file of the plan's detectors that can be read; at most LD_RULES_FILES_MAX. Memory is the arena's.
 * LD_ENOMEM. */
int ld_rules_facts(struct ld_fact *facts, size_t *ret_count, const struct ld_plan *plan, const char *data_folder,
                   struct ld_arena *arena);
/* The files of a stored campaign, for struct ld_catalogue; end with a name of NULL. NULL: out of memory. */
const struct ld_detector_file *ld_rules_stored(const struct ld_campaign_info *info, struct ld_arena *arena);
/* Is the file on disk another one now, or gone? The path is written to `path`. */
bool ld_rules_changed(const struct ld_plan *plan, const struct ld_detector_file *file, const char *data_folder,
                      char *path, size_t room);

#endif
