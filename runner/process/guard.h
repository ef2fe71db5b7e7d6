/* The guard: a tiny process between leakdrill and everything it starts.
 *
 * It forks the shims, is the subreaper of them all, and holds a socket from leakdrill: when that closes, however
 * leakdrill died, it kills everything and removes the work folder. Where the kernel allows it the guard is the init
 * process of a PID namespace of its own (with its own /proc): then its own death, by whatever signal, makes the kernel
 * kill all that is in it, so that no order of SIGKILLs leaves anything. Without namespaces PR_SET_PDEATHSIG does the
 * same for targets, and leakdrill, a subreaper too, sweeps what a dead guard leaves; then only a daemon that called
 * setsid survives a SIGKILL of leakdrill and guard at the same instant. `isolated` tells which it is.
 *
 * Guard and shims are forked with _Fork, which runs no pthread_atfork handlers: libuv's would close and reopen
 * descriptor numbers that by then are others' (uv__signal_global_reinit). */
#ifndef LD_PROCESS_GUARD_H
#define LD_PROCESS_GUARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "runner/process/group.h"

struct ld_guard {
    int socket;        /* to the guard; owned */
    pid_t launcher;    /* our child: the guard itself, or its parent outside the namespace */
    pid_t pid;         /* of the guard, as we see it */
    bool isolated;     /* in a PID namespace of its own */
    char why_not[160]; /* when it is not isolated */
    struct ld_group group;
};

/* Start the guard. To be called before any thread exists. `work_folder` is removed by the guard when all is over, and
 * so is the cgroup that is made here for all it starts, where there can be one. LD_ESYSTEM. Makes the calling process a
 * subreaper. `isolate` false: do not try a namespace (for tests). */
int ld_guard_start(struct ld_guard *ret_guard, const char *work_folder, bool isolate, struct ld_error *error);
/* Whether it lives. The end of file on its socket can come late: a shim that is just being forked holds a copy until it
 * dies, too, which may be after the death of another shim was heard. So the process is looked at as well: one that has
 * begun to exit is dead. */
bool ld_guard_lives(const struct ld_guard *guard);
/* Close the socket and wait until the guard has ended everything. Returns processes that were left, normally 0; -1 when
 * it was killed: then ld_guard_clean_up is due. */
int64_t ld_guard_stop(struct ld_guard *guard);
/* After the guard's death was seen: kill what it may have left. Returns how many there were. */
int64_t ld_guard_clean_up(struct ld_guard *guard, const char *work_folder);

#endif
