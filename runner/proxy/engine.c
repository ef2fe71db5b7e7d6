/* The proxy's thread: its loop, and the requests that come in. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "runner/proxy/internal.h"

int64_t engine_now(void)
{
    return (int64_t)uv_hrtime();
}

/* Real time, or back. Refused to most users: then it goes without. Of this thread alone, as all of Linux's scheduling
 * is. */
static void set_urgent(bool urgent)
{
    const struct sched_param parameter = {.sched_priority = urgent ? sched_get_priority_min(SCHED_RR) : 0};
    sched_setscheduler(0, (urgent ? SCHED_RR : SCHED_OTHER) | SCHED_RESET_ON_FORK, &parameter);
}

void engine_fault_began(struct engine *engine)
{
    if (engine->fault_count++ == 0)
        set_urgent(true);
}

void engine_fault_ended(struct engine *engine)
{
    assert(engine->fault_count > 0);
    if (--engine->fault_count == 0)
        set_urgent(false);
}

struct message *engine_event(struct listener *listener, enum message_kind kind)
{
    struct message *message = calloc(1, sizeof *message);
    if (!message) {
        listener->counts.lost_events++;
        return NULL;
    }
    message->kind = kind;
    message->handle = listener->handle;
    return message;
}

static void shut_down(struct engine *engine)
{
    assert(!engine->stopping);
    engine->stopping = true;
    for (struct listener *listener = engine->listeners, *next; listener; listener = next) {
        next = listener->next; /* a listener without connections is gone at once */
        listener_close_at_once(listener);
    }
    schedule_close(&engine->schedule);
    uv_close((uv_handle_t *)&engine->wake, NULL);
}

static void serve(struct engine *engine, struct message *message)
{
    switch (message->kind) {
    case MESSAGE_OPEN:
        listener_open(engine, message->listener);
        break;
    case MESSAGE_UPSTREAM:
        listener_set_upstream(message->listener, message);
        break;
    case MESSAGE_FAULT_START:
        listener_start_fault(message->listener, message);
        break;
    case MESSAGE_FAULT_CHANGE:
        listener_change_fault(message->listener, message);
        break;
    case MESSAGE_FAULT_STOP:
        listener_stop_fault(message->listener, message);
        break;
    case MESSAGE_LIMIT:
        message->listener->connections_max = (uint32_t)message->number;
        free(message);
        break;
    case MESSAGE_STATUS:
        message->kind = MESSAGE_STATUS_IS;
        message->status = status_of(message->listener);
        queue_post(engine->events, message);
        break;
    case MESSAGE_DRAIN:
        listener_drain(message->listener);
        break;
    case MESSAGE_CLOSE:
        listener_close(message->listener);
        break;
    case MESSAGE_SHUTDOWN:
        shut_down(engine);
        break;
    default:
        assert(false); /* an event is no request */
    }
}

static void on_wake(uv_poll_t *wake, int status, int events)
{
    struct engine *engine = wake->data;
    (void)status, (void)events;
    for (struct message *message = queue_take(engine->requests), *next; message; message = next) {
        next = message->next;
        serve(engine, message);
    }
    if (!engine->stopping)
        schedule_settle(&engine->schedule);
}

/* Open the first handles; undone by closing them and running the loop dry. */
static int open_handles(struct engine *engine, struct ld_error *error)
{
    int result = queue_watch(engine->requests, &engine->loop, &engine->wake, on_wake);
    if (result != 0)
        return ld_fail(error, LD_ESYSTEM, "the proxy cannot watch its requests: %s", uv_strerror(result));
    engine->wake.data = engine;
    int code = schedule_init(&engine->schedule, &engine->loop, error);
    if (code == 0)
        return 0;
    uv_close((uv_handle_t *)&engine->wake, NULL);
    uv_run(&engine->loop, UV_RUN_DEFAULT);
    return code;
}

static void close_loop(struct engine *engine)
{
    int result = uv_loop_close(&engine->loop);
    assert(result == 0); /* else a handle was forgotten */
    (void)result;
}

int engine_init(struct engine *engine, struct queue *requests, struct queue *events, struct ld_error *error)
{
    engine->requests = requests;
    engine->events = events;
    engine->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (engine->spare_fd < 0)
        return ld_fail_errno(error, LD_ESYSTEM, errno, "the proxy cannot open /dev/null");
    int result = uv_loop_init(&engine->loop);
    if (result != 0) {
        close(engine->spare_fd);
        return ld_fail(error, LD_ESYSTEM, "the proxy cannot make its loop: %s", uv_strerror(result));
    }
    int code = open_handles(engine, error);
    if (code != 0) {
        close_loop(engine);
        close(engine->spare_fd);
    }
    return code;
}

static void run_dry(struct engine *engine)
{
    uv_run(&engine->loop, UV_RUN_DEFAULT);
    assert(!engine->listeners && engine->connection_count == 0 && engine->held == 0);
    close_loop(engine);
    pipes_done(&engine->pipes);
    if (engine->spare_fd >= 0)
        close(engine->spare_fd);
}

void engine_abandon(struct engine *engine)
{
    shut_down(engine);
    run_dry(engine);
}

void engine_run(void *argument)
{
    struct engine *engine = argument;
    run_dry(engine);
    engine->stopped = (struct message){.kind = MESSAGE_STOPPED};
    queue_post(engine->events, &engine->stopped); /* the owner joins the thread, then frees the engine */
}
