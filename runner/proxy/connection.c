/* A proxied connection: two sockets, and between them a link for each direction. How it begins and ends, and which
 * faults act on it; how bytes move is in pump.c. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "runner/proxy/internal.h"
#include "runner/proxy/socket.h"

#define ENTRIES 5 /* in the schedule, at most */

/* ---- the end */

static void on_side_closed(uv_handle_t *handle)
{
    struct connection *connection = ((struct side *)handle->data)->connection;
    struct listener *listener = connection->listener;
    listener->handles--;
    if (--connection->handles > 0 || !connection->closing)
        return;
    free(connection);
    listener_check_closed(listener);
}

void connection_close_side(struct side *side, bool with_reset)
{
    if (side->fd < 0)
        return;
    uv_close((uv_handle_t *)&side->poll, on_side_closed);
    if (with_reset)
        socket_reset(side->fd);
    else
        socket_finish(side->fd);
    side->fd = -1;
    side->watched = 0;
}

static void drop_link(struct direction *direction)
{
    struct engine *engine = direction->connection->listener->engine;
    stream_discard(direction);
    schedule_set(&engine->schedule, &direction->entry, INT64_MAX);
    schedule_set(&engine->schedule, &direction->stall, INT64_MAX);
    engine->held -= ld_link_held(direction->link);
    ld_link_free(direction->link);
    direction->link = NULL;
    ld_meter_free(direction->meter);
    direction->meter = NULL;
}

/* What waits unread for this direction. */
static size_t waiting(const struct direction *direction)
{
    return direction->from->fd >= 0 ? socket_unread(direction->from->fd) : 0;
}

/* The faults that act hear how it ended. */
static void detach_all(struct connection *connection)
{
    struct direction *directions[] = {&connection->up, &connection->down};
    for (size_t i = 0; i < 2; i++) {
        if (ld_meter_idle(directions[i]->meter))
            continue;
        size_t unread = waiting(directions[i]);
        for (const struct fault *fault = connection->listener->faults; fault; fault = fault->next)
            ld_meter_detach(directions[i]->meter, fault->effect, unread, engine_now());
    }
}

/* Both sockets are closed, or about to be: forget the connection. Its memory goes with its last handle. */
void connection_end(struct connection *connection, bool with_reset)
{
    struct listener *listener = connection->listener;
    assert(!connection->closing && connection->handles > 0);
    connection->closing = true;
    detach_all(connection);
    schedule_set(&listener->engine->schedule, &connection->connect, INT64_MAX);
    if (connection->upstream_fd >= 0)
        close(connection->upstream_fd);
    connection_close_side(&connection->client, with_reset);
    connection_close_side(&connection->upstream, with_reset);
    drop_link(&connection->up);
    drop_link(&connection->down);
    *connection->place = connection->next;
    if (connection->next)
        connection->next->place = connection->place;
    listener->connection_count--;
    listener->engine->connection_count--;
    listener_check_drained(listener);
}

/* ---- faults */

/* What is in a pipe arrived before a fault, and leaves before what it holds. False when memory ran out. */
static bool stop_streams(struct connection *connection, int64_t now_ns)
{
    if (stream_stop(&connection->up, now_ns) == 0 && stream_stop(&connection->down, now_ns) == 0)
        return true;
    connection_end(connection, true);
    return false;
}

static bool touches(const struct connection *connection, const struct fault *fault)
{
    return ld_toxic_touches(connection->listener->seed, fault->spec.id, connection->index,
                            ld_fault_toxicity(&fault->spec));
}

static void tell_decision(struct connection *connection, struct fault *fault, bool touched, int64_t now_ns)
{
    struct listener *listener = connection->listener;
    ld_effect_connection(fault->effect, touched);
    struct message *message = engine_event(listener, MESSAGE_DECISION);
    if (!message)
        return;
    message->fault = fault;
    message->number = connection->index;
    message->touched = touched;
    message->time_ns = now_ns;
    queue_post(listener->engine->events, message);
}

static void measure(struct direction *direction, const struct fault *fault, bool touched, int64_t now_ns)
{
    if (touched && ld_fault_on_stream(&fault->spec, direction->stream))
        ld_meter_attach(direction->meter, fault->effect, now_ns);
}

bool connection_add_fault(struct connection *connection, struct fault *fault, int64_t now_ns)
{
    struct direction *directions[] = {&connection->up, &connection->down};
    bool touched = touches(connection, fault);
    if (!stop_streams(connection, now_ns))
        return false;
    for (size_t i = 0; i < 2; i++) {
        int code = ld_link_add(directions[i]->link, &fault->spec, now_ns);
        assert(code == 0); /* a toxic, and no more than LD_LINK_TOXICS_MAX act on a listener */
        (void)code;
        measure(directions[i], fault, touched, now_ns);
    }
    tell_decision(connection, fault, touched, now_ns);
    return true;
}

bool connection_change_fault(struct connection *connection, struct fault *before, struct fault *after, int64_t now_ns)
{
    struct direction *directions[] = {&connection->up, &connection->down};
    bool touched = touches(connection, after);
    if (!stop_streams(connection, now_ns))
        return false;
    for (size_t i = 0; i < 2; i++) {
        int code = ld_link_change(directions[i]->link, &after->spec, now_ns);
        assert(code == 0); /* there are no more of them than before */
        (void)code;
        ld_meter_detach(directions[i]->meter, before->effect, waiting(directions[i]), now_ns);
        measure(directions[i], after, touched, now_ns);
    }
    tell_decision(connection, after, touched, now_ns);
    return true;
}

void connection_remove_fault(struct connection *connection, const struct fault *fault, int64_t now_ns)
{
    struct direction *directions[] = {&connection->up, &connection->down};
    for (size_t i = 0; i < 2; i++) {
        ld_link_remove(directions[i]->link, fault->spec.id);
        ld_meter_detach(directions[i]->meter, fault->effect, waiting(directions[i]), now_ns);
    }
}

/* ---- the beginning */

/* False when libuv cannot watch it: the fd is untouched. */
static bool watch_begin(struct side *side, int fd, bool connected)
{
    struct listener *listener = side->connection->listener;
    if (uv_poll_init(&listener->engine->loop, &side->poll, fd) != 0)
        return false;
    side->poll.data = side;
    side->fd = fd;
    side->connected = connected;
    side->connection->handles++;
    listener->handles++;
    return true;
}

static struct direction direction_between(struct side *from, struct side *to, enum ld_stream stream)
{
    struct connection *connection = from->connection;
    struct ld_proxy_counts *counts = &connection->listener->counts;
    return (struct direction){
        .entry.ready = pump_on_due,
        .stall.ready = pump_on_stall_due,
        .stream = stream,
        .connection = connection,
        .from = from,
        .to = to,
        .bytes = stream == LD_STREAM_UP ? &counts->bytes_up : &counts->bytes_down,
        .link = ld_link_new(connection->listener->seed, connection->index, stream),
        .meter = ld_meter_new(connection->index, stream),
    };
}

static void connection_discard(struct connection *connection)
{
    ld_link_free(connection->up.link);
    ld_link_free(connection->down.link);
    ld_meter_free(connection->up.meter);
    ld_meter_free(connection->down.meter);
    if (connection->upstream_fd >= 0)
        close(connection->upstream_fd);
    free(connection);
}

static void on_connect_due(struct schedule_entry *entry, int64_t now_ns);

/* All the memory that a connection needs; NULL when there is none. */
static struct connection *connection_new(struct listener *listener)
{
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        return NULL;
    connection->listener = listener;
    connection->upstream_fd = -1;
    connection->connect.ready = on_connect_due;
    connection->index = listener->counts.accepted;
    connection->client = connection->upstream =
        (struct side){.connection = connection, .fd = -1, .watch_errors = true};
    connection->up = direction_between(&connection->client, &connection->upstream, LD_STREAM_UP);
    connection->down = direction_between(&connection->upstream, &connection->client, LD_STREAM_DOWN);
    /* and one for each listener that closes */
    size_t entries = ENTRIES * (listener->engine->connection_count + 1) + listener->engine->listener_count;
    if (connection->up.link && connection->down.link && connection->up.meter && connection->down.meter &&
        schedule_reserve(&listener->engine->schedule, entries) == 0)
        return connection;
    connection_discard(connection);
    return NULL;
}

/* It counts from now on: its index is taken and the faults that act look at it. */
static void enrol(struct connection *connection)
{
    struct listener *listener = connection->listener;
    connection->next = listener->connections;
    connection->place = &listener->connections;
    if (connection->next)
        connection->next->place = &connection->next;
    listener->connections = connection;
    listener->connection_count++;
    listener->engine->connection_count++;
    listener->counts.accepted++;
    int64_t now_ns = engine_now();
    for (struct fault *fault = listener->faults; fault; fault = fault->next) {
        bool added = connection_add_fault(connection, fault, now_ns);
        assert(added); /* only what streams can fail */
        (void)added;
    }
}

/* How long the faults that act keep it from its upstream. */
static int64_t connect_delay_ns(const struct connection *connection)
{
    const struct listener *listener = connection->listener;
    int64_t delay_ns = 0;
    for (const struct fault *fault = listener->faults; fault; fault = fault->next)
        delay_ns += ld_toxic_connect_delay_ns(listener->seed, &fault->spec, connection->index);
    return delay_ns;
}

static bool delays_connect(const struct connection *connection, const struct fault *fault)
{
    return fault->spec.type == LD_FAULT_CONNECT_DELAY && touches(connection, fault);
}

static void tell_connect(const struct connection *connection, int64_t now_ns)
{
    unsigned delays = 0;
    for (const struct fault *fault = connection->listener->faults; fault; fault = fault->next)
        delays += delays_connect(connection, fault);
    const struct ld_connect connect = {.connection = connection->index,
                                       .accepted_ns = connection->accepted_ns,
                                       .started_ns = now_ns,
                                       .shared = delays > 1};
    for (const struct fault *fault = connection->listener->faults; fault; fault = fault->next)
        if (fault->began_ns <= connection->accepted_ns && delays_connect(connection, fault))
            ld_effect_connect(fault->effect, &connect);
}

/* The connect to the upstream begins. The connection may have ended when this returns. */
static void connect_upstream(struct connection *connection, int64_t now_ns)
{
    bool connected = false;
    int fd = connection->upstream_fd;
    tell_connect(connection, now_ns);
    if (socket_connect(fd, connection->listener->upstream_port, &connected) == 0 &&
        watch_begin(&connection->upstream, fd, connected)) {
        connection->upstream_fd = -1; /* the side's now */
        pump(connection, now_ns);
        return;
    }
    connection->listener->counts.upstream_refused++;
    connection_end(connection, true);
}

static void on_connect_due(struct schedule_entry *entry, int64_t now_ns)
{
    connect_upstream((struct connection *)((char *)entry - offsetof(struct connection, connect)), now_ns);
}

int connection_open(struct listener *listener, int fd)
{
    struct connection *connection = connection_new(listener);
    if (!connection)
        return LD_ENOMEM;
    connection->upstream_fd = socket_new();
    if (connection->upstream_fd < 0 || !watch_begin(&connection->client, fd, true)) {
        connection_discard(connection);
        return LD_ESYSTEM;
    }
    socket_set_no_delay(fd);
    connection->accepted_ns = engine_now();
    enrol(connection);
    int64_t delay_ns = connect_delay_ns(connection);
    if (delay_ns == 0) {
        connect_upstream(connection, engine_now());
        return 0;
    }
    schedule_set(&listener->engine->schedule, &connection->connect, connection->accepted_ns + delay_ns);
    pump(connection, engine_now());
    return 0;
}
