/* The owner's half: requests go out, events come back and are told. */
#include "runner/proxy/proxy.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "runner/proxy/internal.h"

struct ld_proxy {
    uv_poll_t wake;
    uv_thread_t thread;
    struct queue requests, events;
    struct engine *engine; /* the thread's, from its start until it was joined */
    struct message shutdown;
    bool stopping;
    void (*done)(void *context);
    void *context;
};

struct ld_proxy_listener {
    struct ld_proxy *proxy;
    struct listener *listener; /* the thread's, until `closed` */
    uint64_t seed;
    uint16_t port;
    bool closing;
    struct ld_proxy_events events;
    void *context;
    struct message drain, close;
};

/* ---- events, one function each */

static void tell_upstream_changed(struct ld_proxy_listener *handle, struct message *message)
{
    if (handle->events.upstream_changed)
        handle->events.upstream_changed(handle->context, message->port, message->code, message->time_ns);
    free(message);
}

static void tell_fault_began(struct ld_proxy_listener *handle, struct message *message)
{
    if (handle->events.fault_began)
        handle->events.fault_began(handle->context, message->fault->spec.id, message->code, message->time_ns);
    if (message->code != 0)
        fault_free(message->fault);
    free(message);
}

static void tell_decision(struct ld_proxy_listener *handle, struct message *message)
{
    if (handle->events.decision)
        handle->events.decision(handle->context, message->fault->spec.id, message->number, message->touched,
                                message->time_ns);
    free(message);
}

static void tell_fault_ended(struct ld_proxy_listener *handle, struct message *message)
{
    struct fault *fault = message->fault;
    if (!fault) {
        if (handle->events.fault_ended)
            handle->events.fault_ended(handle->context, message->fault_id, 0, 0, NULL);
        free(message->fault_id);
        free(message);
        return;
    }
    struct ld_receipt receipt;
    ld_effect_receipt(fault->effect, &fault->spec, &receipt);
    if (handle->events.fault_ended)
        handle->events.fault_ended(handle->context, fault->spec.id, fault->began_ns, fault->ended_ns, &receipt);
    fault_free(fault); /* and the message in it */
}

static void tell_refused(struct ld_proxy_listener *handle, struct message *message)
{
    if (handle->events.refused)
        handle->events.refused(handle->context, message->number, message->time_ns);
    free(message);
}

static void tell_stalled(struct ld_proxy_listener *handle, struct message *message)
{
    if (handle->events.stalled)
        handle->events.stalled(handle->context, message->number, message->stream, message->began_ns,
                               message->time_ns);
    free(message);
}

static void tell_status(struct ld_proxy_listener *handle, struct message *message)
{
    if (handle->events.status)
        handle->events.status(handle->context, status_told(message->status));
    status_free(message->status);
    free(message);
}

static void tell_drained(struct ld_proxy_listener *handle, struct message *message)
{
    (void)message; /* part of the listener */
    if (handle->events.drained)
        handle->events.drained(handle->context);
}

static void tell_closed(struct ld_proxy_listener *handle, struct message *message)
{
    struct listener *listener = message->listener;
    if (handle->events.closed)
        handle->events.closed(handle->context, &listener->counts);
    listener_free(listener); /* and the message in it */
    free(handle);
}

static void proxy_free(struct ld_proxy *proxy)
{
    queue_done(&proxy->requests);
    queue_done(&proxy->events);
    free(proxy->engine);
    free(proxy);
}

static void on_gone(uv_handle_t *wake)
{
    struct ld_proxy *proxy = wake->data;
    void (*done)(void *context) = proxy->done;
    void *context = proxy->context;
    proxy_free(proxy);
    if (done)
        done(context);
}

/* The thread's last message: all that it still does is to return. */
static void finish(struct ld_proxy *proxy)
{
    uv_thread_join(&proxy->thread);
    uv_close((uv_handle_t *)&proxy->wake, on_gone);
}

static void tell(struct ld_proxy *proxy, struct message *message)
{
    static void (*const tellers[])(struct ld_proxy_listener *, struct message *) = {
        [MESSAGE_UPSTREAM_CHANGED] = tell_upstream_changed,
        [MESSAGE_FAULT_BEGAN] = tell_fault_began,
        [MESSAGE_DECISION] = tell_decision,
        [MESSAGE_FAULT_ENDED] = tell_fault_ended,
        [MESSAGE_REFUSED] = tell_refused,
        [MESSAGE_STALLED] = tell_stalled,
        [MESSAGE_STATUS_IS] = tell_status,
        [MESSAGE_DRAINED] = tell_drained,
        [MESSAGE_CLOSED] = tell_closed,
    };
    if (message->kind == MESSAGE_STOPPED)
        finish(proxy);
    else
        tellers[message->kind](message->handle, message);
}

static void on_wake(uv_poll_t *wake, int status, int events)
{
    struct ld_proxy *proxy = wake->data;
    (void)status, (void)events;
    for (struct message *message = queue_take(&proxy->events), *next; message; message = next) {
        next = message->next;
        tell(proxy, message);
    }
}

/* ---- start and end */

/* The thread takes no signals: they are the control loop's. */
static int start_thread(struct ld_proxy *proxy)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = uv_thread_create(&proxy->thread, engine_run, proxy->engine);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

/* Engine and thread. Leaves nothing behind when it fails. */
static int start_engine(struct ld_proxy *proxy, struct ld_error *error)
{
    int code = engine_init(proxy->engine, &proxy->requests, &proxy->events, error);
    if (code != 0)
        return code;
    int result = start_thread(proxy);
    if (result == 0)
        return 0;
    engine_abandon(proxy->engine);
    return ld_fail(error, LD_ESYSTEM, "the proxy cannot start its thread: %s", uv_strerror(result));
}

/* Memory and queues; NULL when there are none. */
static struct ld_proxy *proxy_new(void)
{
    struct ld_proxy *proxy = calloc(1, sizeof *proxy);
    struct engine *engine = calloc(1, sizeof *engine);
    if (!proxy || !engine || queue_init(&proxy->events) != 0)
        goto failed;
    if (queue_init(&proxy->requests) != 0) {
        queue_done(&proxy->events);
        goto failed;
    }
    proxy->engine = engine;
    proxy->wake.data = proxy;
    return proxy;
failed:
    free(engine);
    free(proxy);
    return NULL;
}

int ld_proxy_start(struct ld_proxy **ret_proxy, uv_loop_t *loop, struct ld_error *error)
{
    struct ld_proxy *proxy = proxy_new();
    if (!proxy)
        return ld_fail(error, LD_ESYSTEM, "the proxy finds no memory, lock or descriptor");
    int result = queue_watch(&proxy->events, loop, &proxy->wake, on_wake);
    if (result != 0) {
        proxy_free(proxy);
        return ld_fail(error, LD_ESYSTEM, "the proxy cannot watch its events: %s", uv_strerror(result));
    }
    int code = start_engine(proxy, error);
    if (code != 0) {
        uv_close((uv_handle_t *)&proxy->wake, on_gone); /* nobody waits for `done` */
        return code;
    }
    *ret_proxy = proxy;
    return 0;
}

void ld_proxy_shutdown(struct ld_proxy *proxy, void (*done)(void *context), void *context)
{
    assert(!proxy->stopping);
    proxy->stopping = true;
    proxy->done = done;
    proxy->context = context;
    proxy->shutdown = (struct message){.kind = MESSAGE_SHUTDOWN};
    queue_post(&proxy->requests, &proxy->shutdown);
}

/* ---- requests */

int ld_proxy_open(struct ld_proxy *proxy, const struct ld_proxy_spec *spec, struct ld_proxy_listener **ret_listener,
                  struct ld_error *error)
{
    assert(!proxy->stopping);
    struct ld_proxy_listener *handle = calloc(1, sizeof *handle);
    struct listener *listener;
    if (!handle)
        return ld_fail(error, LD_ENOMEM, "no memory for a listener of the proxy");
    int code = listener_new(spec, handle, &listener, error);
    if (code != 0) {
        free(handle);
        return code;
    }
    handle->proxy = proxy;
    handle->listener = listener;
    handle->seed = spec->seed;
    handle->port = listener->port;
    handle->events = spec->events;
    handle->context = spec->context;
    listener->opened = (struct message){.kind = MESSAGE_OPEN, .handle = handle, .listener = listener};
    queue_post(&proxy->requests, &listener->opened);
    *ret_listener = handle;
    return 0;
}

uint16_t ld_proxy_port(const struct ld_proxy_listener *handle)
{
    return handle->port;
}

static void post(struct ld_proxy_listener *handle, struct message *message, enum message_kind kind)
{
    assert(!handle->closing && !handle->proxy->stopping);
    message->kind = kind;
    message->handle = handle;
    message->listener = handle->listener;
    queue_post(&handle->proxy->requests, message);
}

void ld_proxy_close(struct ld_proxy_listener *handle)
{
    post(handle, &handle->close, MESSAGE_CLOSE);
    handle->closing = true;
}

/* A request that is nothing but its kind and a number. */
static int ask(struct ld_proxy_listener *handle, enum message_kind kind, uint64_t number)
{
    struct message *message = calloc(1, sizeof *message);
    if (!message)
        return LD_ENOMEM;
    message->number = number;
    post(handle, message, kind);
    return 0;
}

int ld_proxy_upstream(struct ld_proxy_listener *handle, uint16_t port)
{
    return ask(handle, MESSAGE_UPSTREAM, port);
}

int ld_proxy_status(struct ld_proxy_listener *handle)
{
    return ask(handle, MESSAGE_STATUS, 0);
}

int ld_proxy_limit(struct ld_proxy_listener *handle, uint32_t connections_max)
{
    assert(connections_max > 0);
    return ask(handle, MESSAGE_LIMIT, connections_max);
}

void ld_proxy_drain(struct ld_proxy_listener *handle)
{
    post(handle, &handle->drain, MESSAGE_DRAIN);
}

static int post_fault(struct ld_proxy_listener *handle, enum message_kind kind, const struct ld_fault_spec *spec,
                      struct ld_error *error)
{
    struct fault *fault;
    struct message *message;
    int code = fault_new(handle->seed, spec, &fault, error);
    if (code != 0)
        return code;
    message = calloc(1, sizeof *message);
    if (!message) {
        fault_free(fault);
        return ld_fail(error, LD_ENOMEM, "no memory for fault %s", spec->id);
    }
    message->fault = fault;
    post(handle, message, kind);
    return 0;
}

int ld_proxy_fault_start(struct ld_proxy_listener *handle, const struct ld_fault_spec *spec, struct ld_error *error)
{
    return post_fault(handle, MESSAGE_FAULT_START, spec, error);
}

int ld_proxy_fault_change(struct ld_proxy_listener *handle, const struct ld_fault_spec *spec, struct ld_error *error)
{
    return post_fault(handle, MESSAGE_FAULT_CHANGE, spec, error);
}

int ld_proxy_fault_stop(struct ld_proxy_listener *handle, const char *fault_id)
{
    struct message *message = calloc(1, sizeof *message);
    if (!message)
        return LD_ENOMEM;
    message->fault_id = strdup(fault_id);
    if (!message->fault_id) {
        free(message);
        return LD_ENOMEM;
    }
    post(handle, message, MESSAGE_FAULT_STOP);
    return 0;
}
