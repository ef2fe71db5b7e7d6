/* /proc/PID/stat and status. */
#include <stdlib.h>

#include "observe/procfs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ld_proc_stat stat;
    uint64_t bytes;
    (void)ld_proc_stat_parse((const char *)data, size, &stat);
    if (ld_proc_field_bytes((const char *)data, size, "VmRSS", &bytes) == 0 && bytes % 1024)
        abort();
    return 0;
}
