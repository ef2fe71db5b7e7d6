/* What a recording holds, beside what a detector needs: one that never was given what it judges by is not quiet, it
 * cannot judge. */
#ifndef LD_RUN_READS_H
#define LD_RUN_READS_H

#include <stdbool.h>
#include <stddef.h>

#include "detect/detector.h"

struct ld_reads_seen {
    bool numbers, gctrace;
    bool profiles[LD_PROFILE_KINDS];
    size_t path_count; /* endpoints that answered */
    char paths[LD_ENDPOINTS_MAX][LD_OBSERVATION_PATH_MAX];
};

void ld_reads_see(struct ld_reads_seen *seen, const struct ld_observation *observation);
enum ld_reads_judge { LD_READS_ALL, LD_READS_SOME, LD_READS_NONE };
/* How much of what the detector judges by is there; the rest as text, "no metrics, no goroutineleak profiles". Of one
 * that judges by what is no read (a farewell), LD_READS_ALL. `options`: as the kind bound them. */
enum ld_reads_judge ld_reads_judge(const struct ld_reads_seen *seen, const struct ld_detector_kind *kind,
                                   const void *options, char *ret_missing, size_t room);

#endif
