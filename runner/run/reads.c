#include "runner/run/reads.h"

#include <stdio.h>
#include <string.h>

static bool has_answered(const struct ld_reads_seen *seen, const char *path)
{
    for (size_t i = 0; i < seen->path_count; i++)
        if (strcmp(seen->paths[i], path) == 0)
            return true;
    return false;
}

void ld_reads_see(struct ld_reads_seen *seen, const struct ld_observation *observation)
{
    if (observation->kind == LD_OBSERVATION_PROFILE)
        seen->profiles[observation->profile_kind] = true;
    if (observation->kind == LD_OBSERVATION_ANSWER && seen->path_count < LD_ENDPOINTS_MAX &&
        !has_answered(seen, observation->path))
        snprintf(seen->paths[seen->path_count++], LD_OBSERVATION_PATH_MAX, "%s", observation->path);
    for (size_t i = 0; observation->kind == LD_OBSERVATION_METRICS && i < observation->point_count; i++) {
        if (ld_metric_table[observation->points[i].metric].source == LD_SOURCE_GCTRACE)
            seen->gctrace = true;
        else
            seen->numbers = true;
    }
}

struct need {
    bool asked, there;
    char missing[LD_OBSERVATION_PATH_MAX + 32];
};

static enum ld_reads_judge judge(const struct need *needs, size_t count, char *ret_missing, size_t room)
{
    size_t used = 0, asked = 0, there = 0;
    ret_missing[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        asked += needs[i].asked;
        there += needs[i].asked && needs[i].there;
        if (needs[i].asked && !needs[i].there && used < room)
            used += (size_t)snprintf(ret_missing + used, room - used, "%s%s", used ? ", " : "", needs[i].missing);
    }
    return there == asked ? LD_READS_ALL : there ? LD_READS_SOME : LD_READS_NONE;
}

enum ld_reads_judge ld_reads_judge(const struct ld_reads_seen *seen, const struct ld_detector_kind *kind,
                                   const void *options, char *ret_missing, size_t room)
{
    const unsigned reads = options ? ld_detector_reads(kind, options) : kind->reads;
    struct ld_endpoint endpoint;
    bool of_path = options && ld_detector_endpoint_of(kind, options, 1, LD_SECOND, &endpoint);
    struct need needs[] = {
        {(reads & LD_READ_METRICS_PERIOD) != 0, seen->numbers, "no metrics"},
        {(reads & (LD_READ_GOROUTINE_PERIOD | LD_READ_GOROUTINE_FULL)) != 0, seen->profiles[LD_PROFILE_GOROUTINE],
         "no goroutine profiles"},
        {(reads & LD_READ_HEAP_PERIOD) != 0, seen->profiles[LD_PROFILE_HEAP], "no heap profiles"},
        {(reads & LD_READ_GOROUTINELEAK) != 0, seen->profiles[LD_PROFILE_GOROUTINELEAK], "no goroutineleak profiles"},
        {(reads & LD_READ_GCTRACE) != 0, seen->gctrace, "no lines of gctrace"},
        {of_path, of_path && has_answered(seen, endpoint.path), ""},
    };
    if (of_path)
        snprintf(needs[5].missing, sizeof needs[5].missing, "no answers of %s", endpoint.path);
    return judge(needs, sizeof needs / sizeof *needs, ret_missing, room);
}
