#include "runner/proxy/schedule.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"

#define READY_MAX 256 /* entries served before other handles get their turn */

static void place(struct schedule *schedule, struct schedule_entry *entry, size_t index)
{
    schedule->heap[index - 1] = entry;
    entry->place = index;
}

static void sift_up(struct schedule *schedule, struct schedule_entry *entry)
{
    size_t index = entry->place;
    while (index > 1 && schedule->heap[index / 2 - 1]->due_ns > entry->due_ns) {
        place(schedule, schedule->heap[index / 2 - 1], index);
        index /= 2;
    }
    place(schedule, entry, index);
}

static void sift_down(struct schedule *schedule, struct schedule_entry *entry)
{
    size_t index = entry->place;
    for (;;) {
        size_t child = 2 * index;
        if (child > schedule->count)
            break;
        if (child < schedule->count && schedule->heap[child]->due_ns < schedule->heap[child - 1]->due_ns)
            child++;
        if (schedule->heap[child - 1]->due_ns >= entry->due_ns)
            break;
        place(schedule, schedule->heap[child - 1], index);
        index = child;
    }
    place(schedule, entry, index);
}

static void take_out(struct schedule *schedule, struct schedule_entry *entry)
{
    struct schedule_entry *last = schedule->heap[--schedule->count];
    if (last != entry) {
        last->place = entry->place;
        sift_up(schedule, last);
        sift_down(schedule, last);
    }
    entry->place = 0;
}

void schedule_set(struct schedule *schedule, struct schedule_entry *entry, int64_t due_ns)
{
    if (due_ns == INT64_MAX) {
        if (entry->place)
            take_out(schedule, entry);
        return;
    }
    if (!entry->place) {
        assert(schedule->count < schedule->capacity);
        entry->place = ++schedule->count;
    } else if (entry->due_ns == due_ns) {
        return;
    }
    entry->due_ns = due_ns;
    sift_up(schedule, entry);
    sift_down(schedule, entry);
}

static void tell_kernel(struct schedule *schedule)
{
    int64_t due_ns = schedule->count ? schedule->heap[0]->due_ns : INT64_MAX;
    if (due_ns == schedule->armed_ns)
        return;
    schedule->armed_ns = due_ns;
    struct itimerspec when = {0}; /* all zero disarms */
    if (due_ns != INT64_MAX) {
        int64_t at_ns = due_ns > 0 ? due_ns : 1;
        when.it_value.tv_sec = at_ns / LD_SECOND;
        when.it_value.tv_nsec = at_ns % LD_SECOND;
    }
    int result = timerfd_settime(schedule->fd, TFD_TIMER_ABSTIME, &when, NULL);
    assert(result == 0);
    (void)result;
}

static void serve_due(struct schedule *schedule)
{
    int64_t now_ns = schedule->count ? (int64_t)uv_hrtime() : 0;
    for (int served = 0; served < READY_MAX && schedule->count && schedule->heap[0]->due_ns <= now_ns; served++) {
        struct schedule_entry *entry = schedule->heap[0];
        take_out(schedule, entry);
        entry->ready(entry, now_ns);
    }
}

void schedule_settle(struct schedule *schedule)
{
    serve_due(schedule);
    tell_kernel(schedule); /* what the bound left over is in the past and fires at once */
}

static void on_timer(uv_poll_t *poll, int status, int events)
{
    struct schedule *schedule = poll->data;
    uint64_t expirations;
    (void)status;
    (void)events;
    /* nothing to read: the timer was set anew in between; what is due is looked at all the same */
    if (read(schedule->fd, &expirations, sizeof expirations) < 0)
        assert(errno == EAGAIN || errno == EINTR);
    schedule->armed_ns = INT64_MAX;
    schedule_settle(schedule);
}

int schedule_init(struct schedule *schedule, uv_loop_t *loop, struct ld_error *error)
{
    *schedule = (struct schedule){.armed_ns = INT64_MAX};
    schedule->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (schedule->fd < 0)
        return ld_fail_errno(error, LD_ESYSTEM, errno, "the proxy cannot make a timer");
    int result = uv_poll_init(loop, &schedule->poll, schedule->fd);
    if (result != 0) {
        close(schedule->fd);
        return ld_fail(error, LD_ESYSTEM, "the proxy cannot watch its timer: %s", uv_strerror(result));
    }
    schedule->poll.data = schedule;
    result = uv_poll_start(&schedule->poll, UV_READABLE, on_timer);
    assert(result == 0);
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct schedule *schedule = handle->data;
    close(schedule->fd);
    free(schedule->heap);
}

void schedule_close(struct schedule *schedule)
{
    assert(schedule->count == 0);
    uv_close((uv_handle_t *)&schedule->poll, on_closed);
}

int schedule_reserve(struct schedule *schedule, size_t entries)
{
    if (entries <= schedule->capacity)
        return 0;
    size_t capacity = schedule->capacity ? schedule->capacity : 64;
    while (capacity < entries)
        capacity *= 2;
    struct schedule_entry **heap = realloc(schedule->heap, capacity * sizeof(struct schedule_entry *));
    if (!heap)
        return LD_ENOMEM;
    schedule->heap = heap;
    schedule->capacity = capacity;
    return 0;
}
