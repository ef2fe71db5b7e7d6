/* The control loop and what all runs of a campaign share on it: fetcher, gateway, guard, proxy, writer, its lag. */
#ifndef LD_RUN_CONTROL_H
#define LD_RUN_CONTROL_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "runner/process/guard.h"
#include "runner/proxy/proxy.h"
#include "runner/run/writer.h"
#include "runner/sample/fetch.h"
#include "runner/sample/gateway.h"

/* How late the loop's timers came, as counts per bucket of 1 ms; the last holds everything longer. */
#define LD_LAG_BUCKETS 4096
struct ld_lag {
    uint64_t counts[LD_LAG_BUCKETS];
    int64_t worst_ns; /* ever */
};
/* The 99th percentile of what happened between two snapshots, upper edge of its bucket; 0 when nothing did. */
int64_t ld_lag_p99(const struct ld_lag *before, const struct ld_lag *after);
int64_t ld_lag_worst(const struct ld_lag *before, const struct ld_lag *after); /* likewise, the longest */

/* Something that waits until the writer has made a ticket durable. Embedded by the waiter; not moved while waiting. */
struct ld_ticket_wait {
    struct ld_ticket_wait *next;
    uint64_t ticket;
    void (*done)(struct ld_ticket_wait *wait);
    void *context;
    bool waiting;
};

struct ld_control {
    uv_loop_t loop;
    uv_async_t writer_wake;
    uv_timer_t lag_timer;
    int64_t lag_due_ns;
    struct ld_lag lag;
    struct ld_fetcher *fetcher;
    struct ld_gateway *gateway;
    struct ld_guard guard;
    struct ld_group group;      /* cgroup of all it starts, where there can be one */
    bool guarded;
    struct ld_proxy *proxy;
    struct ld_writer *writer;
    struct ld_ticket_wait *waits;
    char work_folder[128];      /* of this campaign; removed at the end, by the guard if need be */
    int work_lock;              /* holds it, see work_folder.h */
    const char *data_folder;    /* holds scenarios/matrix */
    bool blind;                 /* names are hidden from all who look at a target */
    const struct ld_statics *statics; /* what static tools found; NULL: nobody asked */
    const struct ld_watched_programs *programs; /* of detectors, as the campaign began; NULL: nobody looks at them */
};

/* Removes the work folders of dead campaigns, makes ours and starts the guard: before anything else, while there is one
 * thread only. */
int ld_control_guard(struct ld_control *control, struct ld_error *error);
/* Loop, fetcher, read gateway, proxy thread. The writer is the caller's and set afterwards. */
int ld_control_start(struct ld_control *control, struct ld_error *error);
/* Close everything, run the loop to its end (asserted empty), stop the guard. Returns processes left, normally 0;
 * -1 when the guard had been killed: what it left is swept. */
int64_t ld_control_stop(struct ld_control *control);
/* For ld_writer_…: wakes this control loop. */
struct ld_writer_wake ld_control_wake(struct ld_control *control);
/* `wait->done` runs on the loop once the ticket is settled. */
void ld_control_await(struct ld_control *control, struct ld_ticket_wait *wait, uint64_t ticket);
void ld_control_forget(struct ld_control *control, struct ld_ticket_wait *wait);

#endif
