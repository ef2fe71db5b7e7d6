/* What /proc says of a process, read beside the gateway: no request to the target, nothing it could notice. */
#ifndef LD_SAMPLE_PROC_H
#define LD_SAMPLE_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "observe/observation.h"

#define LD_PROC_POINTS 5

/* CPU, RSS, descriptors, threads; with `sockets` (a readlink a descriptor) how many of them are sockets.
 * Returns the points written, 0 when the process is gone. */
size_t ld_proc_read(int64_t pid, bool sockets, struct ld_point points[LD_PROC_POINTS]);
/* The hard limit on open files, from /proc/PID/limits; -1 when it cannot be read. */
int64_t ld_proc_open_files_limit(int64_t pid);

#endif
