/* A loop and a guard for detectors that are programs, where no campaign runs: replay, and `detector check`. */
#ifndef LD_RUN_HOST_H
#define LD_RUN_HOST_H

#include <uv.h>

#include "base/error.h"
#include "runner/process/guard.h"

struct ld_host {
    uv_loop_t loop;
    struct ld_guard guard;
    char work_folder[128];
    int work_lock;
};

/* Before any thread exists. LD_ESYSTEM: nothing is left. The process ignores SIGPIPE from here on: whom it speaks to
 * may be dead. */
int ld_host_start(struct ld_host *host, struct ld_error *error);
/* Runs the loop to its end (asserted empty), stops the guard, which kills what there may be. */
void ld_host_stop(struct ld_host *host);

#endif
