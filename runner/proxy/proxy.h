/* The in-process TCP proxy between targets and their upstreams: where the toxics of harness/fault meet real sockets.
 *
 * It runs in its own thread with its own libuv loop, so that no parsing of a profile delays a byte. Its owner is the
 * control loop; the two talk by messages only. Every function here is called on the control loop's thread and never
 * blocks; every callback runs there too. Many listeners, one for each run and upstream, live in one proxy.
 *
 * What passes is passed faithfully: a FIN as a FIN, with the other direction left open; a reset as a reset. Both travel
 * with the bytes and are delayed like them. Only 127.0.0.1 is served and only 127.0.0.1 is connected to.
 *
 * An upstream that is down looks to the client like the dead server it is: told of it (port 0), the proxy closes the
 * listening socket, so that connects are refused, and holds the port by a second socket that is bound and never
 * listens. An upstream that died untold is found out at the connect, and the client, accepted already, is reset.
 * Open connections are left to what the upstream's kernel does to them: it ends or resets them, and that is passed on.
 *
 * While a fault acts, the thread asks for the lowest real-time priority, so that busy targets do not make toxics late;
 * where that is refused it does without.
 *
 * Times are CLOCK_MONOTONIC nanoseconds, as uv_hrtime gives them. */
#ifndef LD_PROXY_PROXY_H
#define LD_PROXY_PROXY_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/clock.h"
#include "base/error.h"
#include "fault/fault.h"

struct ld_proxy;
struct ld_proxy_listener;

#define LD_PROXY_CONNECTIONS_MAX 4096 /* default of a listener: open at once; what comes beyond is reset */
#define LD_PROXY_HELD_MAX ((size_t)512 << 20) /* bytes held in all links; beyond, a link holds no more than 64 KiB */

#define LD_PROXY_STALL_NS (1 * LD_SECOND) /* a peer that takes nothing for so long is told of */

/* What a listener did, from its opening to its close. */
struct ld_proxy_counts {
    uint64_t accepted;         /* connections served; their indices are 0 to accepted - 1 */
    uint64_t refused;          /* reset because of the limit, of open files or of memory; they get no index */
    uint64_t upstream_refused; /* served connections that found no upstream */
    uint64_t resets;           /* by either end of served connections */
    uint64_t bytes_up, bytes_down;
    uint64_t bytes_spliced;    /* of these, what never left the kernel */
    uint64_t stalls;           /* how often a peer did not read for LD_PROXY_STALL_NS though bytes waited for it */
    uint64_t lost_events;      /* messages to the owner that found no memory; anything but 0 makes the run void */
};

/* A fault that acts, and its receipt so far. */
struct ld_proxy_fault_status {
    const char *id;
    int64_t began_ns;
    struct ld_receipt receipt;
};

/* A listener at one instant. */
struct ld_proxy_status {
    struct ld_proxy_counts counts;
    uint32_t connections; /* open now */
    size_t held;          /* bytes in its links and pipes */
    size_t fault_count;
    const struct ld_proxy_fault_status *faults; /* in order of their start */
};

/* Each may be NULL. Pointers handed in live until the callback returns. */
struct ld_proxy_events {
    /* Whether a fault touches a connection: once for each pair of them. */
    void (*decision)(void *context, const char *fault_id, uint64_t connection, bool touched, int64_t time_ns);
    /* The fault acts from time_ns on. Or it does not: LD_EUSAGE when one of this id acts already, LD_ELIMIT when too
     * many act at once; it then never ends. */
    void (*fault_began)(void *context, const char *fault_id, int code, int64_t time_ns);
    /* The answer to ld_proxy_fault_stop, and what a close does to faults that still act. What is held then stays held
     * until its time and is not in the receipt. `receipt` is NULL when no fault of this id acted. */
    void (*fault_ended)(void *context, const char *fault_id, int64_t began_ns, int64_t ended_ns,
                        const struct ld_receipt *receipt);
    /* The answer to ld_proxy_upstream; port 0: down. LD_ESYSTEM when the port could not be listened on again. */
    void (*upstream_changed)(void *context, uint16_t port, int code, int64_t time_ns);
    /* `count` connections were refused by a limit. */
    void (*refused)(void *context, uint64_t count, int64_t time_ns);
    /* The peer at the end of this stream has not read since began_ns, LD_PROXY_STALL_NS ago, though bytes wait for it.
     * Told once, until it reads again. */
    void (*stalled)(void *context, uint64_t connection, enum ld_stream stream, int64_t began_ns, int64_t time_ns);
    /* The answer to ld_proxy_status; NULL when there was no memory for it. */
    void (*status)(void *context, const struct ld_proxy_status *status);
    /* After ld_proxy_drain: no connection is left. */
    void (*drained)(void *context);
    /* The last word about a listener; it is gone when this returns. */
    void (*closed)(void *context, const struct ld_proxy_counts *counts);
};

struct ld_proxy_spec {
    uint64_t seed;            /* of the run: decides ld_toxic_touches(seed, fault id, connection index, toxicity) */
    uint16_t port;            /* to listen on; 0: any */
    uint16_t upstream_port;   /* on 127.0.0.1; 0: down for now */
    uint32_t connections_max; /* 0: LD_PROXY_CONNECTIONS_MAX */
    struct ld_proxy_events events;
    void *context;
};

/* Start the thread. `loop` must run until ld_proxy_shutdown is done. LD_ENOMEM, LD_ESYSTEM. */
int ld_proxy_start(struct ld_proxy **ret_proxy, uv_loop_t *loop, struct ld_error *error);
/* Close everything (listeners still open get their `closed`), join the thread, free the proxy, then call `done`.
 * Nothing of the proxy or its listeners may be called from now on. */
void ld_proxy_shutdown(struct ld_proxy *proxy, void (*done)(void *context), void *context);

/* Bind a port of 127.0.0.1, at once: clients may connect when this returns. LD_ENOMEM, LD_ESYSTEM (the port is in use,
 * among others). */
int ld_proxy_open(struct ld_proxy *proxy, const struct ld_proxy_spec *spec, struct ld_proxy_listener **ret_listener,
                  struct ld_error *error);
uint16_t ld_proxy_port(const struct ld_proxy_listener *listener); /* the same as long as it is open */
/* Reset the connections and close; `closed` follows, with `fault_ended` before it for every fault that acts. Not
 * twice. */
void ld_proxy_close(struct ld_proxy_listener *listener);

/* Accept no more, and leave what is connected alone; `drained` follows when that has ended, at once perhaps. Not twice;
 * an upstream given afterwards changes nothing. */
void ld_proxy_drain(struct ld_proxy_listener *listener);
/* `status` follows. LD_ENOMEM. */
int ld_proxy_status(struct ld_proxy_listener *listener);
/* Another limit of connections, at least 1; what is open stays open. LD_ENOMEM. */
int ld_proxy_limit(struct ld_proxy_listener *listener, uint32_t connections_max);

/* The upstream moved or (port 0) is down: holds for connections accepted from `upstream_changed` on. LD_ENOMEM. */
int ld_proxy_upstream(struct ld_proxy_listener *listener, uint16_t port);
/* Start a fault on all connections, present and to come; the spec is copied. LD_ENOTYET when it is no fault
 * of the proxy, LD_ENOMEM. `fault_began` follows. */
int ld_proxy_fault_start(struct ld_proxy_listener *listener, const struct ld_fault_spec *fault, struct ld_error *error);
/* Give the fault of this id and type other attributes. It goes on where it was: what it counted, when its time began.
 * Its receipt so far is told (`fault_ended`), a new one begins (`fault_began`); without such a fault it is started. */
int ld_proxy_fault_change(struct ld_proxy_listener *listener, const struct ld_fault_spec *fault,
                          struct ld_error *error);
/* `fault_ended` follows. LD_ENOMEM. */
int ld_proxy_fault_stop(struct ld_proxy_listener *listener, const char *fault_id);

#endif
