#include "observe/metric.h"

#include <string.h>

const struct ld_metric_info ld_metric_table[LD_METRIC_COUNT] = {
#define X(id, name, unit, source, prometheus, doc) [LD_METRIC_##id] = {name, unit, LD_SOURCE_##source, prometheus, doc},
    LD_METRICS(X)
#undef X
};

int ld_metric_find(const char *name)
{
    for (int i = 0; i < LD_METRIC_COUNT; i++)
        if (strcmp(ld_metric_table[i].name, name) == 0)
            return i;
    return -1;
}

const char *ld_metric_source_name(enum ld_metric_source source)
{
    static const char *const names[] = {
        [LD_SOURCE_PROC] = "proc",       [LD_SOURCE_METRICS] = "metrics", [LD_SOURCE_GCTRACE] = "gctrace",
        [LD_SOURCE_PROFILE] = "profile", [LD_SOURCE_LOAD] = "load",       [LD_SOURCE_GATEWAY] = "gateway",
    };
    return names[source];
}
