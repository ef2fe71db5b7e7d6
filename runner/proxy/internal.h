/* What the files of the proxy share. Two threads: a struct ld_proxy and its ld_proxy_listeners belong to the control
 * loop, a struct engine and all below it to the proxy's thread. Neither looks into the other's; they pass messages, and
 * a pointer of the other's side is only a name to hand back. */
#ifndef LD_PROXY_INTERNAL_H
#define LD_PROXY_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "fault/fault.h"
#include "fault/meter.h"
#include "fault/toxic.h"
#include "runner/proxy/pipe.h"
#include "runner/proxy/proxy.h"
#include "runner/proxy/queue.h"
#include "runner/proxy/schedule.h"

/* ---- messages */

enum message_kind {
    /* requests */
    MESSAGE_OPEN,        /* listener: the engine takes it over */
    MESSAGE_UPSTREAM,    /* number: the port */
    MESSAGE_FAULT_START, /* fault: the engine takes it over */
    MESSAGE_FAULT_CHANGE, /* fault, in place of the one of its id: the engine takes it over */
    MESSAGE_FAULT_STOP,  /* fault_id: owned by the message */
    MESSAGE_LIMIT,       /* number */
    MESSAGE_STATUS,
    MESSAGE_DRAIN,
    MESSAGE_CLOSE,
    MESSAGE_SHUTDOWN,
    /* events */
    MESSAGE_UPSTREAM_CHANGED, /* port, code */
    MESSAGE_FAULT_BEGAN,      /* fault, code; the owner frees the fault when the code is not 0 */
    MESSAGE_DECISION,         /* fault, connection, touched */
    MESSAGE_FAULT_ENDED,      /* fault: the owner frees it; or, none of this id acted, fault_id */
    MESSAGE_REFUSED,          /* number */
    MESSAGE_STALLED,          /* number: connection, stream, began_ns */
    MESSAGE_STATUS_IS,        /* status: owned by the message, NULL when there was no memory */
    MESSAGE_DRAINED,
    MESSAGE_CLOSED,           /* listener: the owner frees it */
    MESSAGE_STOPPED           /* the thread is about to end */
};

struct fault;
struct listener;
struct status; /* status.c */

struct message {
    struct message *next;
    enum message_kind kind;
    struct ld_proxy_listener *handle; /* NULL: about the proxy */
    struct listener *listener;
    struct fault *fault;
    char *fault_id;
    struct status *status;
    uint64_t number; /* connection, or how many */
    int64_t time_ns, began_ns;
    enum ld_stream stream;
    uint16_t port;
    int code;
    bool touched;
};

/* ---- the proxy's thread */

/* A fault that acts on a listener. Made by the owner, lent to the engine, and given back by MESSAGE_FAULT_ENDED: its
 * id may be named by any message posted before that one. */
struct fault {
    struct fault *next;
    struct ld_fault_spec spec; /* its id is owned */
    struct ld_effect *effect;
    int64_t began_ns, ended_ns;
    struct message message; /* FAULT_ENDED, so that an end needs no memory */
};

struct engine {
    uv_loop_t loop;
    uv_poll_t wake;
    struct schedule schedule;
    struct queue *requests, *events; /* of struct ld_proxy */
    struct listener *listeners;
    size_t connection_count, listener_count;
    size_t fault_count;              /* that act, on all listeners */
    size_t held;                     /* bytes in all links */
    struct pipes pipes;
    int spare_fd;                    /* given up for a moment to refuse a connection when descriptors run out */
    bool stopping;
    struct message stopped;
    unsigned char buffer[64 << 10];  /* every read goes here first */
};

struct acceptor;
struct connection;

struct listener {
    struct listener *next;
    struct engine *engine;
    struct ld_proxy_listener *handle;
    uint64_t seed;
    uint16_t port, upstream_port;
    uint32_t connections_max, connection_count;
    int reserve_fd;               /* bound, never listens: keeps the port while the upstream is down */
    int listen_fd;                /* until an acceptor takes it over; -1 */
    struct acceptor *acceptor;    /* NULL: not listening */
    struct fault *faults;         /* that act, in order of their start */
    size_t downs;                 /* of them, that let it not listen */
    struct connection *connections;
    struct schedule_entry sweep;  /* of what a close has still to end */
    size_t handles;               /* of libuv, not closed yet */
    bool draining, closing;
    struct ld_proxy_counts counts;
    struct message opened, drained, closed; /* so that none needs memory */
};

struct side { /* one socket of a connection */
    uv_poll_t poll;
    struct connection *connection;
    int fd;             /* -1: closed */
    int watched;        /* events asked of uv_poll; 0: none */
    bool watch_errors;  /* when nothing else is to be watched */
    bool connected;
    bool blocked;       /* the kernel takes no more bytes now */
    bool read_ended;    /* FIN or reset seen */
    bool write_ended;   /* FIN sent */
};

struct direction {
    struct schedule_entry entry, stall;
    struct connection *connection;
    struct side *from, *to;
    enum ld_stream stream;
    struct ld_link *link;
    struct ld_meter *meter;
    uint64_t *bytes;     /* of the listener's counts */
    bool reset;          /* what ends it is a reset */
    bool full;           /* enough is held: nothing is read until there is room for more than a little */
    size_t untold;       /* bytes written that the peer's kernel may not have yet: not told to the meter */
    int64_t blocked_ns;  /* when the kernel last took no more for `to` */
    struct pipe *pipe;   /* not NULL: it streams, while the link is transparent */
    size_t piped;        /* bytes in the pipe; the link is then empty */
    unsigned bulk_reads, small_wakes; /* in a row */
};

struct connection {
    struct connection *next, **place; /* in the listener's list */
    struct listener *listener;
    uint64_t index;
    struct side client, upstream;
    struct direction up, down;
    struct schedule_entry connect; /* waits while the connect to the upstream is delayed */
    int64_t accepted_ns;
    int upstream_fd;               /* of the upstream's side until it connects; -1 */
    unsigned handles;  /* of libuv, not closed yet */
    bool closing;
};

/* engine.c */
int engine_init(struct engine *engine, struct queue *requests, struct queue *events, struct ld_error *error);
void engine_run(void *engine);             /* the thread; the loop is closed when it returns */
void engine_abandon(struct engine *engine); /* after engine_init, when the thread could not be started */
int64_t engine_now(void);
/* While a fault acts, the thread runs in real time: sixteen busy programs on two cores make a toxic 10 ms late, in real
 * time 0.1 ms. What it does at a time is bounded, and the kernel leaves a share of each second to the others. Without
 * a fault throughput counts, which is better when senders are not interrupted for each piece. */
void engine_fault_began(struct engine *engine);
void engine_fault_ended(struct engine *engine);
/* A message to the owner about this listener; NULL, and counted as lost, when out of memory. */
struct message *engine_event(struct listener *listener, enum message_kind kind);

/* listener.c */
/* On the owner's thread: bind. ret_listener is to be posted with its `opened`. */
int listener_new(const struct ld_proxy_spec *spec, struct ld_proxy_listener *handle, struct listener **ret_listener,
                 struct ld_error *error);
void listener_free(struct listener *listener); /* on the owner's thread, before it was posted or after `closed` */
void listener_open(struct engine *engine, struct listener *listener);
void listener_set_upstream(struct listener *listener, struct message *message);
void listener_start_fault(struct listener *listener, struct message *message);
void listener_change_fault(struct listener *listener, struct message *message);
void listener_stop_fault(struct listener *listener, struct message *message);
void listener_drain(struct listener *listener);
void listener_close(struct listener *listener); /* its connections end a few at a time */
void listener_close_at_once(struct listener *listener); /* also one that closes already */
/* A connection has ended: when it was the last to be drained, say so. */
void listener_check_drained(struct listener *listener);
/* Something of the listener is gone: when it was the last, say so. */
void listener_check_closed(struct listener *listener);

/* connection.c */
/* Takes over fd. LD_ENOMEM or LD_ESYSTEM: the fd is untouched. */
int connection_open(struct listener *listener, int fd);
/* Close what is open of both ends and forget the connection. Its memory goes with its last handle. */
void connection_end(struct connection *connection, bool with_reset);
void connection_close_side(struct side *side, bool with_reset); /* once is enough */
/* False when memory ran out: the connection was ended by a reset. */
bool connection_add_fault(struct connection *connection, struct fault *fault, int64_t now_ns);
/* `after` acts in place of `before`, and goes on where that was. False as above. */
bool connection_change_fault(struct connection *connection, struct fault *before, struct fault *after,
                             int64_t now_ns);
void connection_remove_fault(struct connection *connection, const struct fault *fault, int64_t now_ns);

/* pump.c */
/* Do for both directions what can be done now, then say what to wait for. The connection may have ended. */
void pump(struct connection *connection, int64_t now_ns);
void pump_on_due(struct schedule_entry *entry, int64_t now_ns);       /* of direction.entry */
void pump_on_stall_due(struct schedule_entry *entry, int64_t now_ns); /* of direction.stall */
struct direction *pump_reads_into(const struct side *side);
void pump_sent(struct direction *direction, size_t length); /* the kernel took so many bytes */
void pump_blocked(struct side *side); /* the kernel takes no more bytes for this side */
void pump_side_was_reset(struct side *side, int64_t now_ns);

/* stream.c */
void stream_note_read(struct direction *direction, size_t length); /* through memory */
void stream_note_wake(struct direction *direction, size_t moved);
/* Into the pipe and on, as far as it goes: what splice gave. Only with a pipe that is empty. */
ssize_t stream_read(struct direction *direction);
void stream_flush(struct direction *direction, int64_t now_ns); /* out of the pipe */
/* What is in the pipe goes to the link. Changes nothing when it does not stream. LD_ENOMEM: bytes were lost. */
int stream_stop(struct direction *direction, int64_t now_ns);
void stream_discard(struct direction *direction); /* with what is in the pipe */

/* status.c */
struct status *status_of(const struct listener *listener); /* NULL when out of memory */
const struct ld_proxy_status *status_told(const struct status *status);
void status_free(struct status *status); /* NULL is allowed */

/* fault.c: on the owner's thread */
int fault_new(uint64_t seed, const struct ld_fault_spec *spec, struct fault **ret_fault, struct ld_error *error);
void fault_free(struct fault *fault); /* NULL is allowed */

#endif
