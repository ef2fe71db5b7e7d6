/* A proxied connection: two sockets, and between them a link for each direction. How it begins and ends, and which
 * faults act on it; how bytes move is in pump.c. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "runner/proxy/internal.h"
#include "runner/proxy/socket.h"

#define ENTRIES 4 /* in the schedule, at most */

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
        close(side->fd);
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

/* Both sockets are closed, or about to be: forget the connection. Its memory goes with its last handle. */
void connection_end(struct connection *connection, bool with_reset)
{
    struct listener *listener = connection->listener;
    assert(!connection->closing && connection->handles > 0);
    connection->closing = true;
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

bool connection_add_fault(struct connection *connection, struct fault *fault, int64_t now_ns)
{
    struct listener *listener = connection->listener;
    struct direction *directions[] = {&connection->up, &connection->down};
    /* what is in a pipe arrived before the fault, and leaves before what it holds */
    if (stream_stop(&connection->up, now_ns) != 0 || stream_stop(&connection->down, now_ns) != 0) {
        connection_end(connection, true);
        return false;
    }
    bool touched = ld_toxic_touches(listener->seed, fault->spec.id, connection->index,
                                    ld_fault_toxicity(&fault->spec));
    for (size_t i = 0; i < 2; i++) {
        int code = ld_link_add(directions[i]->link, &fault->spec, now_ns);
        assert(code == 0); /* implemented, and no more than LD_LINK_TOXICS_MAX act on a listener */
        (void)code;
        if (touched && ld_fault_on_stream(&fault->spec, directions[i]->stream))
            ld_meter_attach(directions[i]->meter, fault->effect, now_ns);
    }
    ld_effect_connection(fault->effect, touched);
    struct message *message = engine_event(listener, MESSAGE_DECISION);
    if (!message)
        return true;
    message->fault = fault;
    message->number = connection->index;
    message->touched = touched;
    message->time_ns = now_ns;
    queue_post(listener->engine->events, message);
    return true;
}

void connection_remove_fault(struct connection *connection, const struct fault *fault, int64_t now_ns)
{
    ld_link_remove(connection->up.link, fault->spec.id, now_ns);
    ld_link_remove(connection->down.link, fault->spec.id, now_ns);
    ld_meter_detach(connection->up.meter, fault->effect, 0);
    ld_meter_detach(connection->down.meter, fault->effect, 0);
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
        .meter = ld_meter_new(),
    };
}

static void connection_discard(struct connection *connection)
{
    ld_link_free(connection->up.link);
    ld_link_free(connection->down.link);
    ld_meter_free(connection->up.meter);
    ld_meter_free(connection->down.meter);
    free(connection);
}

/* All the memory that a connection needs; NULL when there is none. */
static struct connection *connection_new(struct listener *listener)
{
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        return NULL;
    connection->listener = listener;
    connection->index = listener->counts.accepted;
    connection->client = connection->upstream =
        (struct side){.connection = connection, .fd = -1, .watch_errors = true};
    connection->up = direction_between(&connection->client, &connection->upstream, LD_STREAM_UP);
    connection->down = direction_between(&connection->upstream, &connection->client, LD_STREAM_DOWN);
    size_t entries = ENTRIES * (listener->engine->connection_count + 1);
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
    for (struct fault *fault = listener->faults; fault; fault = fault->next)
        connection_add_fault(connection, fault, now_ns);
}

int connection_open(struct listener *listener, int fd)
{
    bool connected = false;
    int upstream = socket_connect(listener->upstream_port, &connected);
    if (upstream == -EMFILE || upstream == -ENFILE || upstream == -ENOBUFS || upstream == -ENOMEM)
        return LD_ESYSTEM; /* our own lack, not the upstream's death */
    struct connection *connection = connection_new(listener);
    if (!connection || !watch_begin(&connection->client, fd, true)) {
        if (connection)
            connection_discard(connection);
        if (upstream >= 0)
            close(upstream);
        return connection ? LD_ESYSTEM : LD_ENOMEM;
    }
    socket_set_no_delay(fd);
    enrol(connection);
    if (upstream >= 0 && watch_begin(&connection->upstream, upstream, connected)) {
        pump(connection, engine_now());
        return 0;
    }
    if (upstream >= 0)
        close(upstream);
    listener->counts.upstream_refused++;
    connection_end(connection, true);
    return 0;
}
