/* Moving bytes between the two sockets of a connection.
 *
 * Bytes go straight on where no toxic looks at them and the kernel takes them, in bulk without leaving the kernel
 * (stream.c); else they wait in the link. Reading stops while the other side takes no more, or while the link is full.
 * Errors are always watched for: also where nothing is to be read or written, a reset must be seen. Every loop is
 * bounded, so that no connection keeps the others waiting; poll is level-triggered and the schedule fires at once for
 * what is overdue, so what a bound leaves over is never forgotten. */
#include <assert.h>
#include <errno.h>
#include <sys/socket.h>

#include "runner/proxy/internal.h"
#include "runner/proxy/socket.h"

#define READS_MAX 4                      /* of 64 KiB, before other connections get their turn */
#define STREAMS_MAX 2                    /* of up to PIPE_BYTES, likewise */
#define WRITE_MAX ((size_t)1 << 20)      /* bytes at a time, likewise; the schedule brings us back at once */
#define HELD_FLOOR ((size_t)64 << 10)    /* what a link may always hold, whatever the others do */
#define ROOM_AGAIN ((size_t)16 << 10)    /* room that a full link must have before it is read for again */
#define UNTOLD_NS (5 * LD_MS)            /* until it is looked again whether the peer's kernel has what was written */
#define BUFFER_SIZE sizeof(((struct engine *)0)->buffer)

struct direction *pump_reads_into(const struct side *side)
{
    struct connection *connection = side->connection;
    return side == &connection->client ? &connection->up : &connection->down;
}

static struct direction *writes_from(const struct side *side)
{
    struct connection *connection = side->connection;
    return side == &connection->client ? &connection->down : &connection->up;
}

/* ---- a peer that does not read */

/* The kernel takes no more bytes for this side. */
void pump_blocked(struct side *side)
{
    struct direction *direction = writes_from(side);
    side->blocked = true;
    direction->blocked_ns = engine_now();
    if (!direction->stall.place) /* armed once a period, not at every block of a fast stream */
        schedule_set(&side->connection->listener->engine->schedule, &direction->stall,
                     direction->blocked_ns + LD_PROXY_STALL_NS);
}

static void tell_stall(struct direction *direction, int64_t now_ns)
{
    struct listener *listener = direction->connection->listener;
    struct message *message = engine_event(listener, MESSAGE_STALLED);
    if (!message)
        return;
    message->number = direction->connection->index;
    message->stream = direction->stream;
    message->time_ns = now_ns;
    message->began_ns = direction->blocked_ns;
    queue_post(listener->engine->events, message);
}

void pump_on_stall_due(struct schedule_entry *entry, int64_t now_ns)
{
    struct direction *direction = (struct direction *)((char *)entry - offsetof(struct direction, stall));
    struct side *to = direction->to;
    if (!to->blocked || to->fd < 0)
        return;
    int64_t due_ns = direction->blocked_ns + LD_PROXY_STALL_NS;
    if (due_ns > now_ns) {
        schedule_set(&direction->connection->listener->engine->schedule, entry, due_ns);
        return;
    }
    direction->connection->listener->counts.stalls++;
    tell_stall(direction, now_ns);
}

/* ---- moving bytes */

/* Tell the meter what the peer's kernel has: what was written, but for what waits for its window to open. */
static void settle(struct direction *direction)
{
    size_t unsent = ld_meter_idle(direction->meter) ? 0 : socket_unsent(direction->to->fd);
    if (direction->untold <= unsent)
        return;
    ld_meter_sent(direction->meter, direction->untold - unsent, engine_now());
    direction->untold = unsent;
}

void pump_sent(struct direction *direction, size_t length)
{
    *direction->bytes += (uint64_t)length;
    direction->untold += length;
    settle(direction);
}

/* The peer of this side reset the connection. What it sent before still goes its way, then the reset; nothing more
 * goes to it. */
void pump_side_was_reset(struct side *side, int64_t now_ns)
{
    struct direction *out = pump_reads_into(side);
    side->connection->listener->counts.resets++;
    side->read_ended = side->write_ended = true;
    out->reset = true;
    ld_meter_end_seen(out->meter, now_ns);
    ld_link_end(out->link, now_ns);
    connection_close_side(side, true);
}

/* Send to a side. Bytes taken; 0 when it takes none now (then it is blocked) or was found reset (then it is closed). */
static size_t send_to(struct side *side, const void *bytes, size_t length, int64_t now_ns)
{
    for (;;) {
        ssize_t sent = send(side->fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            pump_sent(writes_from(side), (size_t)sent);
            if ((size_t)sent < length)
                pump_blocked(side);
            return (size_t)sent;
        }
        if (errno == EINTR)
            continue;
        if (errno == EAGAIN)
            pump_blocked(side);
        else
            pump_side_was_reset(side, now_ns);
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
    if (ld_link_passes_bytes(direction->link) && to->connected && !to->blocked)
        sent = send_to(to, bytes, length, now_ns);
    ld_link_passed(direction->link, sent);
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
           direction->piped == 0 && !direction->full && room(direction) > 0;
}

enum read_result { READ_MORE, READ_LATER, READ_BROKEN };

/* A read gave `length`, no bytes: an end, a reset, or nothing now (errno). */
static enum read_result read_nothing(struct direction *direction, ssize_t length)
{
    struct side *from = direction->from;
    if (length == 0) {
        from->read_ended = true;
        ld_meter_end_seen(direction->meter, engine_now());
        ld_link_end(direction->link, engine_now());
        return READ_LATER;
    }
    if (errno == EINTR)
        return READ_MORE;
    if (errno != EAGAIN)
        pump_side_was_reset(from, engine_now());
    return READ_LATER;
}

static enum read_result read_once(struct direction *direction, size_t size)
{
    unsigned char *buffer = direction->connection->listener->engine->buffer;
    ssize_t length = recv(direction->from->fd, buffer, size, MSG_DONTWAIT);
    if (length <= 0)
        return read_nothing(direction, length);
    ld_meter_received(direction->meter, (size_t)length, engine_now());
    stream_note_read(direction, (size_t)length);
    return take(direction, buffer, (size_t)length, engine_now()) == 0 ? READ_MORE : READ_BROKEN;
}

static bool may_stream(const struct direction *direction)
{
    return direction->pipe && may_read(direction) && ld_link_passes_bytes(direction->link);
}

static void read_stream(struct direction *direction)
{
    size_t moved = 0;
    for (int i = 0; i < STREAMS_MAX && may_stream(direction); i++) {
        ssize_t length = stream_read(direction);
        if (length > 0)
            moved += (size_t)length;
        else if (read_nothing(direction, length) != READ_MORE)
            break;
    }
    stream_note_wake(direction, moved);
}

/* False when memory ran out. */
static bool read_side(struct side *side)
{
    struct direction *direction = pump_reads_into(side);
    if (may_stream(direction)) {
        read_stream(direction);
        return true;
    }
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
    struct direction *direction = pump_reads_into(side);
    enum read_result result = READ_MORE;
    if (stream_stop(direction, engine_now()) != 0)
        return false;
    while (result == READ_MORE && !side->read_ended &&
           ld_link_held(direction->link) <= LD_LINK_BYTES_MAX - BUFFER_SIZE)
        result = read_once(direction, BUFFER_SIZE);
    if (side->fd >= 0)
        pump_side_was_reset(side, engine_now());
    return result != READ_BROKEN;
}

/* Let leave what may. */
static void write_due(struct direction *direction, int64_t now_ns)
{
    struct side *to = direction->to;
    size_t written = 0;
    stream_flush(direction, now_ns);
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
    if (direction->reset && now_ns >= ld_link_end_due(direction->link)) {
        ld_meter_end_passed(direction->meter, LD_END_RESET, false, now_ns);
        return true;
    }
    if (direction->reset || to->fd < 0 || !to->connected || to->write_ended || direction->piped > 0 ||
        !ld_link_finished(direction->link, now_ns))
        return false;
    to->write_ended = true;
    stream_discard(direction);
    if (shutdown(to->fd, SHUT_WR) == 0) /* fails when the peer has just reset; poll tells */
        ld_meter_end_passed(direction->meter, LD_END_FIN, false, now_ns);
    return false;
}

/* What a toxic does to the whole connection, now. */
static enum ld_fate fate_of(const struct connection *connection, int64_t now_ns)
{
    enum ld_fate up = ld_link_fate(connection->up.link, now_ns), down = ld_link_fate(connection->down.link, now_ns);
    return up > down ? up : down; /* a reset before a close */
}

static void suffer(struct connection *connection, enum ld_fate fate, int64_t now_ns)
{
    struct direction *directions[] = {&connection->up, &connection->down};
    bool reset = fate == LD_FATE_RESET;
    for (size_t i = 0; i < 2; i++)
        if (directions[i]->to->fd >= 0 && (reset || !directions[i]->to->write_ended))
            ld_meter_end_passed(directions[i]->meter, reset ? LD_END_RESET : LD_END_FIN, true, now_ns);
    connection_end(connection, reset);
}

/* When to look again at what this direction holds. */
static int64_t bytes_due(const struct direction *direction)
{
    const struct side *to = direction->to;
    if (direction->reset && (to->blocked || !to->connected))
        return ld_link_end_due(direction->link);
    if (to->fd < 0 || to->blocked || !to->connected || to->write_ended)
        return INT64_MAX;
    return ld_link_due(direction->link);
}

static int64_t due(const struct direction *direction, int64_t now_ns)
{
    int64_t due_ns = bytes_due(direction), fate_ns = ld_link_fate_due(direction->link);
    due_ns = fate_ns < due_ns ? fate_ns : due_ns;
    bool look = direction->untold > 0 && direction->to->fd >= 0;
    return look && now_ns + UNTOLD_NS < due_ns ? now_ns + UNTOLD_NS : due_ns;
}

static void on_side(uv_poll_t *poll, int status, int events);

static void watch(struct side *side)
{
    if (side->fd < 0)
        return;
    int events = 0;
    if (may_read(pump_reads_into(side)))
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

static void settle_reading(struct direction *direction)
{
    size_t free_bytes = room(direction);
    direction->full = direction->full ? free_bytes < ROOM_AGAIN && !ld_link_empty(direction->link) : free_bytes == 0;
    if (direction->untold > 0 && direction->to->fd >= 0)
        settle(direction);
}

static void close_if_done(struct side *side)
{
    if (side->fd >= 0 && side->read_ended && side->write_ended)
        connection_close_side(side, false);
}

/* Do for both directions what can be done now, then say what to wait for. */
void pump(struct connection *connection, int64_t now_ns)
{
    struct schedule *schedule = &connection->listener->engine->schedule;
    write_due(&connection->up, now_ns);
    write_due(&connection->down, now_ns);
    enum ld_fate fate = fate_of(connection, now_ns);
    if (fate != LD_FATE_NONE) {
        suffer(connection, fate, now_ns);
        return;
    }
    if (pass_end(&connection->up, now_ns) || pass_end(&connection->down, now_ns)) {
        connection_end(connection, true);
        return;
    }
    close_if_done(&connection->client);
    close_if_done(&connection->upstream);
    if (connection->client.fd < 0 && connection->upstream.fd < 0) { /* also while the connect is delayed */
        connection_end(connection, false);
        return;
    }
    settle_reading(&connection->up);
    settle_reading(&connection->down);
    schedule_set(schedule, &connection->up.entry, due(&connection->up, now_ns));
    schedule_set(schedule, &connection->down.entry, due(&connection->down, now_ns));
    watch(&connection->client);
    watch(&connection->upstream);
}

void pump_on_due(struct schedule_entry *entry, int64_t now_ns)
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
        pump_side_was_reset(side, engine_now());
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
        pump(connection, engine_now());
    else
        connection_end(connection, true);
    schedule_settle(schedule);
}

