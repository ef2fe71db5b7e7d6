/* A program that is run to its end for what it says, such as a compiler: under the guard like any other, so that it
 * ends with leakdrill, and with a limit of its time. The loop turns meanwhile. */
#ifndef LD_PROCESS_TOOL_H
#define LD_PROCESS_TOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/buffer.h"
#include "base/error.h"
#include "runner/process/guard.h"

struct ld_tool {
    uv_loop_t *loop;
    const struct ld_guard *guard;
    const char *program;            /* absolute path */
    const char *folder;             /* working directory */
    const char *const *arguments;   /* argv, ends with NULL */
    const char *const *environment; /* NAME=value, ends with NULL */
    int64_t deadline_ns;            /* of uv_hrtime: killed then */
    const bool *cancelled;          /* killed when this becomes true; NULL: never */
};

/* Run it to its end. `out` and `err` get what it writes, as far as their limits go; the rest is passed over. Its exit
 * code, or -signal. LD_ETIMEOUT, LD_ECANCELLED, LD_ETARGET (cannot be started), LD_ESYSTEM. */
int ld_tool_run(const struct ld_tool *tool, struct ld_buffer *out, struct ld_buffer *err, int64_t *ret_status,
                struct ld_error *error);

#endif
