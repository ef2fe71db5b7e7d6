/* The body of /metrics. */
#include <math.h>
#include <stdlib.h>

#include "observe/prometheus.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ld_point points[LD_METRIC_COUNT];
    struct ld_error error = {0};
    size_t count = 0;
    int code = ld_prometheus_parse((const char *)data, size, points, LD_METRIC_COUNT, &count, &error);
    if (code ? error.code != code || !error.line : count > LD_METRIC_COUNT)
        abort();
    for (size_t i = 0; i < count; i++)
        if (!isfinite(points[i].value) || !ld_metric_table[points[i].metric].prometheus)
            abort();
    return 0;
}
