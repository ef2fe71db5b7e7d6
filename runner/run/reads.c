#include "runner/run/reads.h"

#include <stdio.h>
#include <string.h>

#include "detect/detector.h"

void ld_reads_see(struct ld_reads_seen *seen, const struct ld_observation *observation)
{
    if (observation->kind == LD_OBSERVATION_PROFILE)
        seen->profiles[observation->profile_kind] = true;
    for (size_t i = 0; observation->kind == LD_OBSERVATION_METRICS && i < observation->point_count; i++) {
        if (ld_metric_table[observation->points[i].metric].source == LD_SOURCE_GCTRACE)
            seen->gctrace = true;
        else
            seen->numbers = true;
    }
}

enum ld_reads_judge ld_reads_judge(const struct ld_reads_seen *seen, unsigned reads, char *ret_missing, size_t room)
{
    const struct {
        unsigned reads;
        bool there;
        const char *missing;
    } rows[] = {
        {LD_READ_METRICS_PERIOD, seen->numbers, "no metrics"},
        {LD_READ_GOROUTINE_PERIOD | LD_READ_GOROUTINE_FULL, seen->profiles[LD_PROFILE_GOROUTINE],
         "no goroutine profiles"},
        {LD_READ_HEAP_PERIOD, seen->profiles[LD_PROFILE_HEAP], "no heap profiles"},
        {LD_READ_GOROUTINELEAK, seen->profiles[LD_PROFILE_GOROUTINELEAK], "no goroutineleak profiles"},
        {LD_READ_GCTRACE, seen->gctrace, "no lines of gctrace"},
    };
    size_t used = 0, asked = 0, there = 0;
    ret_missing[0] = '\0';
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!(reads & rows[i].reads))
            continue;
        asked++;
        there += rows[i].there;
        if (!rows[i].there && used < room)
            used += (size_t)snprintf(ret_missing + used, room - used, "%s%s", used ? ", " : "", rows[i].missing);
    }
    return there == asked ? LD_READS_ALL : there ? LD_READS_SOME : LD_READS_NONE;
}
