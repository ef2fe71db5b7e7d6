/* When what is to be done: one absolute-time timerfd and a min-heap. Timers of libuv have whole milliseconds and fire
 * early; this one is as exact as the kernel's and never early. */
#ifndef LD_PROXY_SCHEDULE_H
#define LD_PROXY_SCHEDULE_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"

/* Embedded in what waits. Zero-initialise, set `ready`. */
struct schedule_entry {
    int64_t due_ns;
    size_t place; /* in the heap, 1-based; 0: not waiting */
    void (*ready)(struct schedule_entry *entry, int64_t now_ns);
};

struct schedule {
    uv_poll_t poll;
    int fd;
    int64_t armed_ns; /* INT64_MAX: not armed */
    struct schedule_entry **heap;
    size_t count, capacity;
};

int schedule_init(struct schedule *schedule, uv_loop_t *loop, struct ld_error *error);
/* Begins to close the handle: the memory must live until the loop ran dry. Nothing may be waiting. */
void schedule_close(struct schedule *schedule);
/* Make room for `entries` that wait at the same time, so that schedule_set cannot fail. LD_ENOMEM. */
int schedule_reserve(struct schedule *schedule, size_t entries);
/* Wait until due_ns (INT64_MAX: not at all) instead of until what was set before; past: as soon as possible. */
void schedule_set(struct schedule *schedule, struct schedule_entry *entry, int64_t due_ns);
/* At the end of every callback of the loop: serve what is due by now, so that nothing waits for all that woke together
 * with it, and tell the kernel what is due next. Anything may be gone afterwards that an entry can end. */
void schedule_settle(struct schedule *schedule);

#endif
