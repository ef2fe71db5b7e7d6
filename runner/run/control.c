#include "runner/run/control.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "runner/process/sweep.h"
#include "runner/run/work_folder.h"

#define LAG_EVERY_MS 10

/* ---- lag */

static void count_lag(struct ld_lag *lag, int64_t late_ns)
{
    int64_t bucket = late_ns / LD_MS;
    lag->counts[bucket < LD_LAG_BUCKETS ? bucket : LD_LAG_BUCKETS - 1]++;
}

/* A stall swallows the ticks that were due during it: each of them was late too, one period less
 * than the one before. */
static void on_lag_timer(uv_timer_t *timer)
{
    struct ld_control *control = timer->data;
    int64_t late = (int64_t)uv_hrtime() - control->lag_due_ns;
    late = late > 0 ? late : 0;
    if (late > control->lag.worst_ns)
        control->lag.worst_ns = late;
    for (int64_t swallowed = late; swallowed >= 0; swallowed -= LAG_EVERY_MS * LD_MS)
        count_lag(&control->lag, swallowed);
    uv_update_time(&control->loop);
    control->lag_due_ns = (int64_t)uv_hrtime() + LAG_EVERY_MS * LD_MS;
    uv_timer_start(timer, on_lag_timer, LAG_EVERY_MS, 0);
}

/* The upper edge of a bucket; the last one has none but the worst ever seen. */
static int64_t edge_of(const struct ld_lag *lag, size_t bucket)
{
    return bucket == LD_LAG_BUCKETS - 1 ? lag->worst_ns : (int64_t)(bucket + 1) * LD_MS;
}

int64_t ld_lag_p99(const struct ld_lag *before, const struct ld_lag *after)
{
    uint64_t total = 0, seen = 0;
    for (size_t i = 0; i < LD_LAG_BUCKETS; i++)
        total += after->counts[i] - before->counts[i];
    for (size_t i = 0; total && i < LD_LAG_BUCKETS; i++) {
        seen += after->counts[i] - before->counts[i];
        if (seen * 100 >= total * 99)
            return edge_of(after, i);
    }
    return 0;
}

int64_t ld_lag_worst(const struct ld_lag *before, const struct ld_lag *after)
{
    for (size_t i = LD_LAG_BUCKETS; i-- > 0;)
        if (after->counts[i] != before->counts[i])
            return edge_of(after, i);
    return 0;
}

/* ---- tickets */

static void on_writer_wake(uv_async_t *async)
{
    struct ld_control *control = async->data;
    if (!control->writer)
        return;
    uint64_t durable = ld_writer_durable(control->writer);
    for (struct ld_ticket_wait **link = &control->waits; *link;) {
        struct ld_ticket_wait *wait = *link;
        if (wait->ticket > durable) {
            link = &wait->next;
            continue;
        }
        *link = wait->next;
        wait->waiting = false;
        wait->done(wait);
        link = &control->waits; /* the callback may have changed the list */
    }
}

static void wake(void *context)
{
    uv_async_send(context);
}

struct ld_writer_wake ld_control_wake(struct ld_control *control)
{
    return (struct ld_writer_wake){wake, &control->writer_wake};
}

void ld_control_await(struct ld_control *control, struct ld_ticket_wait *wait, uint64_t ticket)
{
    assert(!wait->waiting);
    wait->ticket = ticket;
    wait->waiting = true;
    wait->next = control->waits;
    control->waits = wait;
    uv_async_send(&control->writer_wake); /* it may be durable already */
}

void ld_control_forget(struct ld_control *control, struct ld_ticket_wait *wait)
{
    for (struct ld_ticket_wait **link = &control->waits; *link; link = &(*link)->next)
        if (*link == wait) {
            *link = wait->next;
            wait->waiting = false;
            return;
        }
}

/* ---- start and stop */

int ld_control_guard(struct ld_control *control, struct ld_error *error)
{
    int code = ld_work_folder_guarded(control->work_folder, sizeof control->work_folder, &control->work_lock,
                                      &control->guard, error);
    control->guarded = code == 0;
    return code;
}

/* Every connection of every run costs descriptors here; the hard limit is what we may have. */
static void raise_open_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int ld_control_start(struct ld_control *control, struct ld_error *error)
{
    raise_open_files();
    int problem = uv_loop_init(&control->loop);
    if (problem)
        return ld_fail(error, LD_ESYSTEM, "cannot make the control loop: %s", uv_strerror(problem));
    uv_async_init(&control->loop, &control->writer_wake, on_writer_wake);
    uv_timer_init(&control->loop, &control->lag_timer);
    control->writer_wake.data = control->lag_timer.data = control;
    control->lag_due_ns = (int64_t)uv_hrtime() + LAG_EVERY_MS * LD_MS;
    uv_timer_start(&control->lag_timer, on_lag_timer, LAG_EVERY_MS, 0);
    int code = ld_fetcher_new(&control->fetcher, &control->loop, error);
    if (!code)
        code = ld_gateway_new(&control->gateway, &control->loop, error);
    if (!code)
        code = ld_proxy_start(&control->proxy, &control->loop, error);
    return code;
}

static void on_proxy_down(void *context)
{
    *(bool *)context = true;
}

int64_t ld_control_stop(struct ld_control *control)
{
    bool down = control->proxy == NULL;
    if (control->proxy)
        ld_proxy_shutdown(control->proxy, on_proxy_down, &down);
    while (!down)
        uv_run(&control->loop, UV_RUN_ONCE);
    if (control->gateway)
        ld_gateway_close(control->gateway);
    if (control->fetcher)
        ld_fetcher_close(control->fetcher);
    uv_close((uv_handle_t *)&control->writer_wake, NULL);
    uv_close((uv_handle_t *)&control->lag_timer, NULL);
    uv_run(&control->loop, UV_RUN_DEFAULT);
    int problem = uv_loop_close(&control->loop);
    assert(problem == 0);
    (void)problem;
    control->guarded = false;
    int64_t left = ld_guard_stop(&control->guard);
    if (left < 0)
        ld_guard_clean_up(&control->guard, control->work_folder);
    close(control->work_lock);
    return left;
}
