/* What a recording holds, beside what a detector needs: one that never was given what it judges by is not quiet, it
 * cannot judge. */
#ifndef LD_RUN_READS_H
#define LD_RUN_READS_H

#include <stdbool.h>
#include <stddef.h>

#include "observe/observation.h"

struct ld_reads_seen {
    bool numbers, gctrace;
    bool profiles[LD_PROFILE_KINDS];
};

void ld_reads_see(struct ld_reads_seen *seen, const struct ld_observation *observation);
enum ld_reads_judge { LD_READS_ALL, LD_READS_SOME, LD_READS_NONE };
/* How much of `reads` (enum ld_read bits) is there; the rest as text, "no goroutineleak profiles, no gctrace lines". */
enum ld_reads_judge ld_reads_judge(const struct ld_reads_seen *seen, unsigned reads, char *ret_missing, size_t room);

#endif
