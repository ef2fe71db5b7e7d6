/* A listener: its port, whom it accepts, and the faults that act on it. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runner/proxy/internal.h"
#include "runner/proxy/socket.h"

#define BACKLOG 4096
#define ACCEPTS_MAX 8 /* at a time; poll is level-triggered and comes back for the rest */
#define ENDS_MAX 16   /* connections of a listener that closes, likewise */

/* The listening socket and its handle; outlives the listener's interest in it until libuv has closed the handle. */
struct acceptor {
    uv_poll_t poll;
    struct listener *listener;
    int fd;
};

/* A listening socket on the port held by reserve_fd: the descriptor, or -errno. */
static int listen_on(uint16_t port)
{
    int fd = socket_bind(port, NULL);
    if (fd < 0 || listen(fd, BACKLOG) == 0)
        return fd;
    int failure = -errno;
    close(fd);
    return failure;
}

int listener_new(const struct ld_proxy_spec *spec, struct ld_proxy_listener *handle, struct listener **ret_listener,
                 struct ld_error *error)
{
    struct listener *listener = calloc(1, sizeof *listener);
    if (!listener)
        return ld_fail(error, LD_ENOMEM, "no memory for a listener of the proxy");
    listener->handle = handle;
    listener->seed = spec->seed;
    listener->upstream_port = spec->upstream_port;
    listener->connections_max = spec->connections_max ? spec->connections_max : LD_PROXY_CONNECTIONS_MAX;
    listener->listen_fd = -1;
    listener->reserve_fd = socket_bind(spec->port, &listener->port);
    if (listener->reserve_fd >= 0 && listener->upstream_port != 0)
        listener->listen_fd = listen_on(listener->port);
    int failure = listener->reserve_fd < 0 ? listener->reserve_fd : listener->upstream_port ? listener->listen_fd : 0;
    if (failure < 0) {
        listener_free(listener);
        return ld_fail_errno(error, LD_ESYSTEM, -failure, "the proxy cannot listen on 127.0.0.1:%u", spec->port);
    }
    *ret_listener = listener;
    return 0;
}

void listener_free(struct listener *listener)
{
    if (listener->listen_fd >= 0)
        close(listener->listen_fd);
    if (listener->reserve_fd >= 0)
        close(listener->reserve_fd);
    free(listener);
}

/* ---- accepting */

static void tell_refused(struct listener *listener, uint64_t count)
{
    listener->counts.refused += count;
    struct message *message = engine_event(listener, MESSAGE_REFUSED);
    if (!message)
        return;
    message->number = count;
    message->time_ns = engine_now();
    queue_post(listener->engine->events, message);
}

/* No descriptor is left: give up the spare one to take the client off the backlog, or poll would spin on it. */
static bool refuse_by_spare(struct listener *listener)
{
    struct engine *engine = listener->engine;
    if (engine->spare_fd >= 0)
        close(engine->spare_fd);
    int fd = accept4(listener->acceptor->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        socket_reset(fd);
    engine->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return fd >= 0;
}

static bool serve_client(struct listener *listener, int fd)
{
    if (listener->connection_count < listener->connections_max && connection_open(listener, fd) == 0)
        return true;
    socket_reset(fd);
    return false;
}

static void on_clients(uv_poll_t *poll, int status, int events)
{
    struct acceptor *acceptor = poll->data;
    struct listener *listener = acceptor->listener;
    uint64_t refused = 0;
    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        int fd = accept4(acceptor->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            refused += serve_client(listener, fd) ? 0 : 1;
        } else if (errno == EMFILE || errno == ENFILE) {
            if (!refuse_by_spare(listener))
                break;
            refused++;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            break;
        }
    }
    if (refused)
        tell_refused(listener, refused);
    schedule_settle(&listener->engine->schedule);
}

static void on_acceptor_closed(uv_handle_t *handle)
{
    struct acceptor *acceptor = handle->data;
    struct listener *listener = acceptor->listener;
    free(acceptor);
    listener->handles--;
    listener_check_closed(listener);
}

static void stop_accepting(struct listener *listener)
{
    struct acceptor *acceptor = listener->acceptor;
    if (!acceptor)
        return;
    uv_close((uv_handle_t *)&acceptor->poll, on_acceptor_closed);
    close(acceptor->fd); /* resets what is in the backlog */
    listener->acceptor = NULL;
}

/* Takes over the listening fd, on failure too. */
static int start_accepting(struct listener *listener, int fd)
{
    struct acceptor *acceptor = calloc(1, sizeof *acceptor);
    if (!acceptor || uv_poll_init(&listener->engine->loop, &acceptor->poll, fd) != 0) {
        free(acceptor);
        close(fd);
        return acceptor ? LD_ESYSTEM : LD_ENOMEM;
    }
    acceptor->poll.data = acceptor;
    acceptor->listener = listener;
    acceptor->fd = fd;
    listener->acceptor = acceptor;
    listener->handles++;
    int result = uv_poll_start(&acceptor->poll, UV_READABLE, on_clients);
    assert(result == 0);
    (void)result;
    return 0;
}

/* ---- requests */

static void tell_upstream(struct listener *listener, struct message *message, int code)
{
    message->kind = MESSAGE_UPSTREAM_CHANGED;
    message->port = listener->upstream_port;
    message->code = code;
    message->time_ns = engine_now();
    queue_post(listener->engine->events, message);
}

/* Listen while there is an upstream and nothing forbids it. */
static int settle_listening(struct listener *listener)
{
    bool listens = listener->upstream_port != 0 && !listener->draining && listener->downs == 0;
    if (!listens)
        stop_accepting(listener);
    if (!listens || listener->acceptor)
        return 0;
    int fd = listen_on(listener->port);
    return fd < 0 ? LD_ESYSTEM : start_accepting(listener, fd);
}

void listener_open(struct engine *engine, struct listener *listener)
{
    listener->engine = engine;
    listener->next = engine->listeners;
    engine->listeners = listener;
    engine->listener_count++;
    if (listener->listen_fd < 0)
        return; /* the upstream is down */
    int code = start_accepting(listener, listener->listen_fd);
    listener->listen_fd = -1;
    if (code == 0)
        return;
    struct message *message = engine_event(listener, MESSAGE_UPSTREAM_CHANGED);
    if (message)
        tell_upstream(listener, message, code);
}

void listener_set_upstream(struct listener *listener, struct message *message)
{
    listener->upstream_port = (uint16_t)message->number;
    tell_upstream(listener, message, settle_listening(listener));
}

/* ---- faults */

/* The fault `down` begins, or is about to end: does it refuse? */
static void probe(struct listener *listener, struct fault *fault)
{
    if (fault->spec.type == LD_FAULT_DOWN)
        ld_effect_probe(fault->effect, socket_refuses(listener->port));
}

static void begin_down(struct listener *listener, struct fault *fault)
{
    if (ld_toxic_refuses(&fault->spec)) {
        listener->downs++;
        settle_listening(listener); /* only ever stops here */
    }
    probe(listener, fault);
}

static void end_down(struct listener *listener, struct fault *fault)
{
    probe(listener, fault);
    if (!ld_toxic_refuses(&fault->spec))
        return;
    listener->downs--;
    int code = listener->closing ? 0 : settle_listening(listener);
    struct message *message = code ? engine_event(listener, MESSAGE_UPSTREAM_CHANGED) : NULL;
    if (message)
        tell_upstream(listener, message, code);
}

void listener_start_fault(struct listener *listener, struct message *message)
{
    struct fault *fault = message->fault;
    struct fault **last = &listener->faults;
    size_t count = 0;
    int code = 0;
    for (; *last; last = &(*last)->next, count++)
        if (strcmp((*last)->spec.id, fault->spec.id) == 0)
            code = LD_EUSAGE;
    if (code == 0 && count == LD_LINK_TOXICS_MAX)
        code = LD_ELIMIT;
    fault->began_ns = engine_now();
    message->kind = MESSAGE_FAULT_BEGAN;
    message->code = code;
    message->time_ns = fault->began_ns;
    queue_post(listener->engine->events, message);
    if (code != 0)
        return; /* the owner frees it, has freed it by now perhaps */
    *last = fault;
    engine_fault_began(listener->engine);
    begin_down(listener, fault);
    for (struct connection *connection = listener->connections, *next; connection; connection = next) {
        next = connection->next;
        if (connection_add_fault(connection, fault, fault->began_ns))
            pump(connection, fault->began_ns);
    }
}

static void hand_back(struct listener *listener, struct fault *fault)
{
    fault->message = (struct message){.kind = MESSAGE_FAULT_ENDED, .handle = listener->handle, .fault = fault};
    queue_post(listener->engine->events, &fault->message);
}

static void change_fault(struct listener *listener, struct fault **place, struct fault *after)
{
    struct fault *before = *place;
    after->next = before->next;
    *place = after;
    before->ended_ns = after->began_ns = engine_now();
    for (struct connection *connection = listener->connections, *next; connection; connection = next) {
        next = connection->next;
        if (connection_change_fault(connection, before, after, after->began_ns))
            pump(connection, after->began_ns);
    }
    hand_back(listener, before);
}

void listener_change_fault(struct listener *listener, struct message *message)
{
    struct fault *after = message->fault, **place = &listener->faults;
    while (*place && strcmp((*place)->spec.id, after->spec.id) != 0)
        place = &(*place)->next;
    if (!*place || (*place)->spec.type != after->spec.type) {
        listener_start_fault(listener, message); /* nothing to change: begins, or fails as any other */
        return;
    }
    change_fault(listener, place, after);
    message->kind = MESSAGE_FAULT_BEGAN;
    message->time_ns = after->began_ns;
    queue_post(listener->engine->events, message);
}

/* Takes the fault off every connection and hands it back to the owner. */
static void end_fault(struct listener *listener, struct fault **place)
{
    struct fault *fault = *place;
    end_down(listener, fault);
    engine_fault_ended(listener->engine);
    *place = fault->next;
    fault->ended_ns = engine_now();
    for (struct connection *connection = listener->connections, *next; connection; connection = next) {
        next = connection->next;
        connection_remove_fault(connection, fault, fault->ended_ns);
        pump(connection, fault->ended_ns);
    }
    hand_back(listener, fault);
}

void listener_stop_fault(struct listener *listener, struct message *message)
{
    struct fault **place = &listener->faults;
    while (*place && strcmp((*place)->spec.id, message->fault_id) != 0)
        place = &(*place)->next;
    if (!*place) {
        message->kind = MESSAGE_FAULT_ENDED;
        queue_post(listener->engine->events, message);
        return;
    }
    end_fault(listener, place);
    free(message->fault_id);
    free(message);
}

void listener_check_drained(struct listener *listener)
{
    if (!listener->draining || listener->closing || listener->connection_count > 0)
        return;
    listener->drained = (struct message){.kind = MESSAGE_DRAINED, .handle = listener->handle};
    queue_post(listener->engine->events, &listener->drained);
}

void listener_drain(struct listener *listener)
{
    assert(!listener->draining && !listener->closing);
    listener->draining = true;
    stop_accepting(listener);
    listener_check_drained(listener);
}

/* Hundreds at once would make the toxics of other listeners late. */
static void on_sweep(struct schedule_entry *entry, int64_t now_ns)
{
    struct listener *listener = (struct listener *)((char *)entry - offsetof(struct listener, sweep));
    for (int i = 0; i < ENDS_MAX && listener->connections; i++)
        connection_end(listener->connections, true);
    if (listener->connections)
        schedule_set(&listener->engine->schedule, entry, now_ns + 1); /* others that are due come first */
    else
        listener_check_closed(listener);
}

static void begin_close(struct listener *listener)
{
    listener->closing = true;
    stop_accepting(listener);
    while (listener->faults)
        end_fault(listener, &listener->faults);
}

void listener_close(struct listener *listener)
{
    assert(!listener->closing);
    begin_close(listener);
    listener->sweep.ready = on_sweep;
    on_sweep(&listener->sweep, engine_now());
}

void listener_close_at_once(struct listener *listener)
{
    if (!listener->closing)
        begin_close(listener);
    while (listener->connections)
        connection_end(listener->connections, true);
    schedule_set(&listener->engine->schedule, &listener->sweep, INT64_MAX);
    listener_check_closed(listener);
}

void listener_check_closed(struct listener *listener)
{
    if (!listener->closing || listener->handles > 0 || listener->connections)
        return;
    struct listener **place = &listener->engine->listeners;
    while (*place != listener)
        place = &(*place)->next;
    *place = listener->next;
    listener->engine->listener_count--;
    listener->closed = (struct message){.kind = MESSAGE_CLOSED, .handle = listener->handle, .listener = listener};
    queue_post(listener->engine->events, &listener->closed);
}
