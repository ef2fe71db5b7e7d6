/* Where a goroutine stands, and what it waits for, made comparable across encodings and Go versions.
 *
 * site: the first frame that is not the machinery of waiting: not in packages runtime, runtime/…, internal/…, sync,
 * sync/atomic, syscall, and not time.Sleep. It is what reports/definitions.md calls the first non-runtime frame. When
 * every frame is machinery the outermost one is the site; no frames: "". A frame without a name (C code) counts as
 * machinery. io, bufio and net do not: a goroutine in io.(*pipe).read stands there, whoever called. wait: the
 * canonical class of the wait, from frames first and the printed state second (frames are steadier: WaitGroup shows
 * "semacquire" up to Go 1.23; Mutex moved to internal/sync in 1.24). debug=1 hides leading runtime frames, so there
 * it is LD_WAIT_UNKNOWN unless a frame of sync, time, internal or syscall shows it. sync.RWMutex.Lock is
 * RWMUTEX_WRITE even when it parks in the RWMutex's inner Mutex, whatever state is printed. */
#ifndef LD_OBSERVE_SITE_H
#define LD_OBSERVE_SITE_H

#include <stdbool.h>

#include "pprof/profile.h"

/*    id, name, meaning */
#define LD_WAITS(X)                                                    \
    X(UNKNOWN, "unknown", "cannot be told from this encoding")         \
    X(RUNNING, "running", "running, runnable or in the scheduler")     \
    X(CHAN_RECEIVE, "chan-receive", "receive or range on a channel")   \
    X(CHAN_SEND, "chan-send", "send on a channel")                     \
    X(SELECT, "select", "select with cases")                           \
    X(SELECT_EMPTY, "select-empty", "select without cases")            \
    X(WAITGROUP, "waitgroup", "sync.WaitGroup.Wait")                   \
    X(MUTEX, "mutex", "sync.Mutex.Lock")                               \
    X(RWMUTEX_READ, "rwmutex-read", "sync.RWMutex.RLock")              \
    X(RWMUTEX_WRITE, "rwmutex-write", "sync.RWMutex.Lock")             \
    X(COND, "cond", "sync.Cond.Wait")                                  \
    X(SEMAPHORE, "semaphore", "another runtime semaphore")             \
    X(SLEEP, "sleep", "time.Sleep")                                    \
    X(IO, "io", "network poller")                                      \
    X(SYSCALL, "syscall", "system call or cgo")                        \
    X(FINALIZER, "finalizer", "finalizer or cleanup goroutine")        \
    X(GC, "gc", "the collector's own workers")

enum ld_wait {
#define X(id, ...) LD_WAIT_##id,
    LD_WAITS(X)
#undef X
    LD_WAIT_COUNT
};
const char *ld_wait_name(enum ld_wait wait);
int ld_wait_find(const char *name); /* -1 when unknown */

/* The site's function name; static "" or owned by the profile. `ret_frame` may be NULL; set to NULL for no frame. */
const char *ld_site_of(const struct ld_sample *sample, const struct ld_frame **ret_frame);
enum ld_wait ld_wait_of(const struct ld_sample *sample);
/* Does the function belong to the machinery that a site skips? True for "". */
bool ld_site_is_machinery(const char *function);

#endif
