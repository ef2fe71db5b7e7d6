/* Bulk bytes between two sockets without a visit to memory: splice(2) through a pipe.
 *
 * A direction begins to stream when its reads are large, and stops when they have become small, at once when pipes
 * are scarce, or when a toxic comes: what is in the pipe then goes to the link, in front of all that follows. Small
 * messages are cheaper, and sooner there, through memory. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "runner/proxy/internal.h"

#define BULK ((size_t)32 << 10)        /* a read of so much: the kernel hands out up to 64 KiB, if never quite */
#define BULK_READS 2                   /* of them, one after the other, and the direction streams */
#define SMALL ((size_t)16 << 10)       /* a wake-up that moved less was not worth a pipe */
#define SMALL_WAKES 16                 /* of them in a row, and it streams no more */

void stream_note_read(struct direction *direction, size_t length)
{
    struct engine *engine = direction->connection->listener->engine;
    if (direction->pipe || !ld_link_passes_bytes(direction->link))
        return;
    direction->bulk_reads = length >= BULK ? direction->bulk_reads + 1 : 0;
    if (direction->bulk_reads < BULK_READS)
        return;
    direction->bulk_reads = 0;
    direction->small_wakes = 0;
    direction->pipe = pipe_borrow(&engine->pipes);
}

void stream_discard(struct direction *direction)
{
    struct engine *engine = direction->connection->listener->engine;
    pipe_return(&engine->pipes, direction->pipe, direction->piped == 0);
    direction->pipe = NULL;
    direction->piped = 0;
}

void stream_note_wake(struct direction *direction, size_t moved)
{
    direction->small_wakes = moved < SMALL ? direction->small_wakes + 1 : 0;
    bool scarce = direction->connection->listener->engine->pipes.count > PIPES_MAX / 2;
    /* readable, and nothing came: urgent data stops a splice, a recv takes what is behind it */
    if (direction->piped == 0 && (moved == 0 || scarce || direction->small_wakes == SMALL_WAKES))
        stream_discard(direction);
}

void stream_flush(struct direction *direction, int64_t now_ns)
{
    struct side *to = direction->to;
    while (direction->piped > 0 && to->fd >= 0 && to->connected && !to->blocked) {
        ssize_t sent = splice(direction->pipe->read_fd, NULL, to->fd, NULL, direction->piped,
                              SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
        if (sent > 0) {
            direction->piped -= (size_t)sent;
            ld_link_passed(direction->link, (size_t)sent);
            pump_sent(direction, (size_t)sent);
            direction->connection->listener->counts.bytes_spliced += (uint64_t)sent;
        } else if (errno == EAGAIN) {
            pump_blocked(to);
        } else if (errno != EINTR) {
            pump_side_was_reset(to, now_ns);
        }
    }
}

ssize_t stream_read(struct direction *direction)
{
    ssize_t length = splice(direction->from->fd, NULL, direction->pipe->write_fd, NULL, PIPE_BYTES,
                            SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (length <= 0)
        return length;
    direction->piped += (size_t)length;
    ld_meter_received(direction->meter, (size_t)length, engine_now());
    stream_flush(direction, engine_now());
    return length;
}

int stream_stop(struct direction *direction, int64_t now_ns)
{
    struct engine *engine = direction->connection->listener->engine;
    while (direction->piped > 0 && direction->to->fd >= 0) {
        ssize_t length = read(direction->pipe->read_fd, engine->buffer, sizeof engine->buffer);
        if (length < 0 && errno == EINTR)
            continue;
        assert(length > 0); /* it holds what was counted */
        int code = ld_link_write(direction->link, engine->buffer, (size_t)length, now_ns);
        if (code != 0)
            return code;
        direction->piped -= (size_t)length;
        engine->held += (size_t)length;
    }
    stream_discard(direction);
    return 0;
}
