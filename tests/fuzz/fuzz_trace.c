/* Lines of stderr: gctrace and schedtrace. */
#include <stdlib.h>

#include "pprof/trace_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ld_gctrace gc;
    struct ld_schedtrace schedule;
    if (ld_gctrace_parse((const char *)data, size, &gc) && (gc.at_ns < 0 || gc.stw_mark_ns < 0 || gc.cpu_fraction > 1))
        abort();
    if (ld_schedtrace_parse((const char *)data, size, &schedule) && schedule.at_ns < 0)
        abort();
    return 0;
}
