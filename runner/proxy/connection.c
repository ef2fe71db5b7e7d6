/* A proxied connection: two sockets, and between them a link for each direction.
 *
 * Bytes go straight on where no toxic acts and the kernel takes them; else they wait in the link. Reading stops while
 * the other side takes no more, or while the link is full. Errors are always watched for: also where nothing is to be
 * read or written, a reset must be seen. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runner/proxy/internal.h"
#include "runner/proxy/socket.h"

#define READS_MAX 4                      /* of 64 KiB, before other connections get their turn */
#define WRITE_MAX ((size_t)1 << 20)      /* bytes at a time, likewise; the schedule brings us back at once */
#define HELD_FLOOR ((size_t)64 << 10)    /* what a link may always hold, whatever the others do */
#define BUFFER_SIZE sizeof(((struct engine *)0)->buffer)

static int64_t now(void)
{
    return (int64_t)uv_hrtime();
}

static struct direction *reads_into(const struct side *side)
{
    struct connection *connection = side->connection;
    return side == &connection->client ? &connection->up : &connection->down;
}

static struct direction *writes_from(const struct side *side)
{
    struct connection *connection = side->connection;
    return side == &connection->client ? &connection->down : &connection->up;
}

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

static void close_side(struct side *side, bool with_reset)
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
    schedule_set(&engine->schedule, &direction->entry, INT64_MAX);
    engine->held -= ld_link_held(direction->link);
    ld_link_free(direction->link);
    direction->link = NULL;
}

/* Both sockets are closed, or about to be: forget the connection. Its memory goes with its last handle. */
static void end_connection(struct connection *connection, bool with_reset)
{
    struct listener *listener = connection->listener;
    assert(!connection->closing && connection->handles > 0);
    connection->closing = true;
    close_side(&connection->client, with_reset);
    close_side(&connection->upstream, with_reset);
    drop_link(&connection->up);
    drop_link(&connection->down);
    *connection->place = connection->next;
    if (connection->next)
        connection->next->place = connection->place;
    listener->connection_count--;
    listener->engine->connection_count--;
}

void connection_abort(struct connection *connection)
{
    end_connection(connection, true);
}

/* The peer of this side reset the connection. What it sent before still goes its way, then the reset; nothing more
 * goes to it. */
static void side_was_reset(struct side *side, int64_t now_ns)
{
    struct direction *out = reads_into(side);
    side->connection->listener->counts.resets++;
    side->read_ended = side->write_ended = true;
    out->reset = true;
    ld_link_end(out->link, now_ns);
    close_side(side, true);
}

/* ---- moving bytes */

/* Send to a side. Bytes taken; 0 when it takes none now (then it is blocked) or was found reset (then it is closed). */
static size_t send_to(struct side *side, const void *bytes, size_t length, int64_t now_ns)
{
    for (;;) {
        ssize_t sent = send(side->fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            *writes_from(side)->bytes += (uint64_t)sent;
            side->blocked = (size_t)sent < length;
            return (size_t)sent;
        }
        if (errno == EINTR)
            continue;
        if (errno == EAGAIN)
            side->blocked = true;
        else
            side_was_reset(side, now_ns);
        return 0;
    }
}

static int hold(struct direction *direction, const unsigned char *bytes, size_t length, int64_t now_ns)
{
    int code = ld_link_write(direction->link, bytes, length, now_ns);
    if (code == 0)
        direction->connection->listener->engine->held += length;
    return code;
}

/* Take what was read. LD_ENOMEM: bytes were lost, the connection cannot go on. */
static int take(struct direction *direction, const unsigned char *bytes, size_t length, int64_t now_ns)
{
    struct side *to = direction->to;
    size_t sent = 0;
    if (to->fd < 0)
        return 0; /* its reader is gone: like bytes on the way to a host that resets */
    if (ld_link_transparent(direction->link) && to->connected && !to->blocked)
        sent = send_to(to, bytes, length, now_ns);
    if (sent == length || to->fd < 0)
        return 0;
    return hold(direction, bytes + sent, length - sent, now_ns);
}

/* How many bytes may be read for this direction now. */
static size_t room(const struct direction *direction)
{
    const struct engine *engine = direction->connection->listener->engine;
    size_t room = ld_link_room(direction->link);
    if (engine->held >= LD_PROXY_HELD_MAX && ld_link_held(direction->link) >= HELD_FLOOR)
        return 0;
    return room < BUFFER_SIZE ? room : BUFFER_SIZE;
}

static bool may_read(const struct direction *direction)
{
    const struct side *from = direction->from, *to = direction->to;
    return from->fd >= 0 && from->connected && !from->read_ended && to->fd >= 0 && to->connected && !to->blocked &&
           room(direction) > 0;
}

enum read_result { READ_MORE, READ_LATER, READ_BROKEN };

static enum read_result read_once(struct direction *direction, size_t size)
{
    struct side *from = direction->from;
    unsigned char *buffer = direction->connection->listener->engine->buffer;
    ssize_t length = recv(from->fd, buffer, size, MSG_DONTWAIT);
    if (length > 0)
        return take(direction, buffer, (size_t)length, now()) == 0 ? READ_MORE : READ_BROKEN;
    if (length == 0) {
        from->read_ended = true;
        ld_link_end(direction->link, now());
        return READ_LATER;
    }
    if (errno == EINTR)
        return READ_MORE;
    if (errno != EAGAIN)
        side_was_reset(from, now());
    return READ_LATER;
}

/* False when memory ran out. */
static bool read_side(struct side *side)
{
    struct direction *direction = reads_into(side);
    for (int i = 0; i < READS_MAX && may_read(direction); i++) {
        enum read_result result = read_once(direction, room(direction));
        if (result != READ_MORE)
            return result == READ_LATER;
    }
    return true;
}

/* The peer reset the connection. What it sent before is still there and is taken first, though it may have to wait;
 * recv then tells the error, or an end when the error was asked for already. False when memory ran out. */
static bool drain_reset_side(struct side *side)
{
    struct direction *direction = reads_into(side);
    enum read_result result = READ_MORE;
    while (result == READ_MORE && !side->read_ended && ld_link_room(direction->link) >= BUFFER_SIZE)
        result = read_once(direction, BUFFER_SIZE);
    if (side->fd >= 0)
        side_was_reset(side, now());
    return result != READ_BROKEN;
}

/* Let leave what may. */
static void write_due(struct direction *direction, int64_t now_ns)
{
    struct side *to = direction->to;
    size_t written = 0;
    while (to->fd >= 0 && to->connected && !to->blocked && written < WRITE_MAX) {
        const void *bytes;
        size_t length = ld_link_peek(direction->link, now_ns, &bytes);
        if (length == 0)
            break;
        size_t sent = send_to(to, bytes, length, now_ns);
        ld_link_consume(direction->link, sent, now_ns);
        direction->connection->listener->engine->held -= sent;
        written += sent;
    }
}

/* The end of a direction leaves: true when it was a reset, which ends the connection. */
static bool pass_end(struct direction *direction, int64_t now_ns)
{
    struct side *to = direction->to;
    if (direction->reset)
        return now_ns >= ld_link_end_due(direction->link);
    if (to->fd < 0 || !to->connected || to->write_ended || !ld_link_finished(direction->link, now_ns))
        return false;
    to->write_ended = true;
    shutdown(to->fd, SHUT_WR); /* fails when the peer has just reset; poll tells */
    return false;
}

/* When to look again at this direction. */
static int64_t due(const struct direction *direction)
{
    const struct side *to = direction->to;
    if (direction->reset && (to->blocked || !to->connected))
        return ld_link_end_due(direction->link);
    if (to->fd < 0 || to->blocked || !to->connected || to->write_ended)
        return INT64_MAX;
    return ld_link_due(direction->link);
}

static void on_side(uv_poll_t *poll, int status, int events);

static void watch(struct side *side)
{
    if (side->fd < 0)
        return;
    int events = 0;
    if (may_read(reads_into(side)))
        events |= UV_READABLE;
    if (!side->connected || (side->blocked && !side->write_ended))
        events |= UV_WRITABLE;
    if (side->watch_errors)
        events |= UV_PRIORITIZED; /* asks for nothing that comes, but keeps the errors coming */
    if (events == side->watched)
        return;
    side->watched = events;
    int result = events ? uv_poll_start(&side->poll, events, on_side) : uv_poll_stop(&side->poll);
    assert(result == 0);
    (void)result;
}

static void close_if_done(struct side *side)
{
    if (side->fd >= 0 && side->read_ended && side->write_ended)
        close_side(side, false);
}

/* Do for both directions what can be done now, then say what to wait for. */
static void pump(struct connection *connection, int64_t now_ns)
{
    struct schedule *schedule = &connection->listener->engine->schedule;
    write_due(&connection->up, now_ns);
    write_due(&connection->down, now_ns);
    if (pass_end(&connection->up, now_ns) || pass_end(&connection->down, now_ns)) {
        end_connection(connection, true);
        return;
    }
    close_if_done(&connection->client);
    close_if_done(&connection->upstream);
    if (connection->client.fd < 0 && connection->upstream.fd < 0) {
        end_connection(connection, false);
        return;
    }
    schedule_set(schedule, &connection->up.entry, due(&connection->up));
    schedule_set(schedule, &connection->down.entry, due(&connection->down));
    watch(&connection->client);
    watch(&connection->upstream);
}

static void on_due(struct schedule_entry *entry, int64_t now_ns)
{
    struct direction *direction = (struct direction *)((char *)entry - offsetof(struct direction, entry));
    pump(direction->connection, now_ns);
}

/* ---- events of the sockets */

/* The socket may be broken. False when memory ran out. */
static bool look_at_error(struct side *side, int status)
{
    if (status < 0)
        side->watched = 0; /* libuv has stopped the handle */
    if (!side->read_ended && status < 0)
        return drain_reset_side(side);
    int failure = side->read_ended ? socket_error(side->fd) : 0;
    if (failure != 0)
        side_was_reset(side, now());
    else
        side->watch_errors = false; /* urgent data, or both ends are shut: it would wake us for ever */
    return true;
}

/* What woke us, on a connected socket. False when memory ran out. */
static bool serve(struct side *side, int status, int events)
{
    bool fine = true;
    if (events & UV_WRITABLE)
        side->blocked = false;
    if (status < 0 || (events & UV_PRIORITIZED))
        fine = look_at_error(side, status);
    if (fine && (events & UV_READABLE))
        fine = read_side(side);
    return fine;
}

/* The upstream's connect came to its end. False when the connection cannot go on. */
static bool finish_connect(struct side *side, int status, int events)
{
    int failure = socket_error(side->fd);
    if (failure == 0) {
        side->connected = true;
        return serve(side, status, events);
    }
    if (failure != -ECONNRESET) {
        side->connection->listener->counts.upstream_refused++;
        return false;
    }
    side->connected = true; /* it was, and the upstream has reset it by now */
    side->watched = 0;
    return drain_reset_side(side);
}

static void on_side(uv_poll_t *poll, int status, int events)
{
    struct side *side = poll->data;
    struct connection *connection = side->connection;
    struct schedule *schedule = &connection->listener->engine->schedule;
    bool fine = side->connected ? serve(side, status, events) : finish_connect(side, status, events);
    if (fine)
        pump(connection, now());
    else
        connection_abort(connection);
    schedule_arm(schedule);
}

/* ---- faults */

void connection_add_fault(struct connection *connection, struct fault *fault, int64_t now_ns)
{
    struct listener *listener = connection->listener;
    struct ld_link *links[] = {connection->up.link, connection->down.link};
    bool touched = ld_toxic_touches(listener->seed, fault->spec.id, connection->index,
                                    fault->spec.attributes.latency.toxicity);
    for (size_t i = 0; i < 2; i++) {
        int code = ld_link_add(links[i], &fault->spec, now_ns);
        assert(code == 0); /* implemented, and no more than LD_LINK_TOXICS_MAX act on a listener */
        (void)code;
        ld_link_measure(links[i], fault->spec.id, fault->effect);
    }
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

void connection_remove_fault(struct connection *connection, const struct fault *fault, int64_t now_ns)
{
    ld_link_remove(connection->up.link, fault->spec.id, now_ns);
    ld_link_remove(connection->down.link, fault->spec.id, now_ns);
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
        .entry.ready = on_due,
        .connection = connection,
        .from = from,
        .to = to,
        .bytes = stream == LD_STREAM_UP ? &counts->bytes_up : &counts->bytes_down,
        .link = ld_link_new(connection->listener->seed, connection->index, stream),
    };
}

static void connection_discard(struct connection *connection)
{
    ld_link_free(connection->up.link);
    ld_link_free(connection->down.link);
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
    size_t entries = 2 * (listener->engine->connection_count + 1);
    if (connection->up.link && connection->down.link &&
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
    int64_t now_ns = now();
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
        pump(connection, now());
        return 0;
    }
    if (upstream >= 0)
        close(upstream);
    listener->counts.upstream_refused++;
    connection_abort(connection);
    return 0;
}
