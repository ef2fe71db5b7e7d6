/* Killing everything below a process that is a child subreaper: SIGKILL to its children until it has none.
 *
 * A daemon that called setsid and forked twice becomes a child of the nearest subreaper when its parents die, so that
 * "my children, again and again until waitpid says ECHILD" reaches every descendant without walking a moving tree. */
#ifndef LD_PROCESS_SWEEP_H
#define LD_PROCESS_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ld_swept {
    int64_t found; /* processes that were there */
    int64_t left;  /* that were still there at the deadline (uninterruptible sleep); 0 or a bug of the kernel's */
};

/* Call `visit` for every child of the calling thread's process. Returns how many, or a negative errno. */
int ld_children(void (*visit)(void *context, pid_t child), void *context);

/* Kill and reap every child. `reaped` (may be NULL) hears of each. Blocks until done, at most `limit_ns`. Only for the
 * guard, a shim, and leakdrill when its guard is dead: it waits for any child. */
struct ld_swept ld_sweep_children(int64_t limit_ns, void (*reaped)(void *context, pid_t child, int status),
                                  void *context);

/* Remove a folder and everything in it, following no link out of it. Missing is fine. 0 or -errno. */
int ld_remove_tree(const char *path);

#endif
