/* The files that a campaign's detectors read (harness/detect/files.h): their texts are kept with the campaign, so that
 * it says what was evaluated, and a replay opens the very same rules though the files have changed or gone since. */
#ifndef LD_RUN_RULES_H
#define LD_RUN_RULES_H

#include "base/arena.h"
#include "detect/files.h"
#include "plan/plan.h"
#include "store/store.h"

/* The facts: "rules." and the file as the detector's options name it, or "(shipped)". */
#define LD_FACT_RULES "rules."
/* Beside them, the hash of each program of a detector, as the campaign began: "program." and its path. */
#define LD_FACT_PROGRAM "program."
#define LD_RULES_FILES_MAX LD_DETECTOR_FILES_MAX

/* One fact for each file that the scenarios have for the plan's detectors; at most LD_RULES_FILES_MAX. Names are the
 * arena's, texts the files'. LD_ENOMEM. */
int ld_rules_facts(struct ld_fact *facts, size_t *ret_count, const struct ld_plan *plan, struct ld_arena *arena);
/* The files of a stored campaign, for struct ld_catalogue; to be freed. NULL: out of memory. */
struct ld_detector_files *ld_rules_stored(const struct ld_campaign_info *info);
/* Is the file that the plan's detectors call so another one on disk now, or gone? The path is written to `path`. */
bool ld_rules_changed(const struct ld_plan *plan, const struct ld_detector_file *file, const char *data_folder,
                      char *path, size_t room);
/* Tells of each that is. */
void ld_rules_tell_changed(const struct ld_plan *plan, const char *data_folder,
                           void (*tell)(void *context, const char *path), void *context);

#endif
