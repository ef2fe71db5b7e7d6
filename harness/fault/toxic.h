/* Toxics as state machines on bytes and time: no sockets, no loop, an injected clock.
 *
 * A link is one direction of one proxied connection with the toxics active on it. The pump offers what it read
 * (ld_link_write), asks what may leave now (ld_link_peek, ld_link_consume), and when to ask again (ld_link_due,
 * ld_link_fate_due). Bytes pass first the delay of every toxic and then, at the exit, the gate of every toxic, so that
 * the order in which toxics were started does not matter.
 *
 * Whether a toxic touches a connection is decided once per (toxic id, connection index) from the seed: a toxic added
 * or removed later, or in another scenario line, changes no other decision. What a toxic draws for bytes, it draws for
 * their position in the stream, so that neither timing nor the sizes in which the kernel hands out bytes change it. */
#ifndef LD_FAULT_TOXIC_H
#define LD_FAULT_TOXIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault/fault.h"

/* Share of the connections that a fault of the proxy touches, 0 to 1. */
double ld_fault_toxicity(const struct ld_fault_spec *fault);
/* Does the toxic touch this connection? Pure; the same on every machine. */
bool ld_toxic_touches(uint64_t seed, const char *fault_id, uint64_t connection, double toxicity);
/* Does the fault of the proxy act on this direction? */
bool ld_fault_on_stream(const struct ld_fault_spec *fault, enum ld_stream stream);
/* Latency of bytes that begin at `position` of a connection's direction: latency + uniform(-jitter, +jitter), at least
 * 0, as Toxiproxy draws it. Pure. */
int64_t ld_toxic_latency_ns(uint64_t seed, const struct ld_fault_spec *fault, uint64_t connection,
                            enum ld_stream stream, uint64_t position);
/* How long connect_delay keeps this connection from the upstream; 0 for every other fault and for an untouched
 * connection. Pure. */
int64_t ld_toxic_connect_delay_ns(uint64_t seed, const struct ld_fault_spec *fault, uint64_t connection);

/* Is every new connection refused while the fault acts? */
bool ld_toxic_refuses(const struct ld_fault_spec *fault);

struct ld_link;

/* What one direction may hold back before the pump must stop reading. 100 ms of latency then still pass 640 MB/s on
 * one connection (Toxiproxy: 315); the second limit bounds the cost of many tiny chunks. Where a toxic limits the
 * rate, only what that rate and the delays need is held, and LD_LINK_THROTTLED_BYTES more: the sender feels it. */
#define LD_LINK_BYTES_MAX ((size_t)64 << 20)
#define LD_LINK_THROTTLED_BYTES ((size_t)64 << 10)
#define LD_LINK_CHUNKS_MAX ((size_t)1 << 16)
#define LD_LINK_TOXICS_MAX 16 /* active at once on one link */

/* `connection`: index of the connection at its listener, 0-based. NULL when out of memory. */
struct ld_link *ld_link_new(uint64_t seed, uint64_t connection, enum ld_stream stream);
void ld_link_free(struct ld_link *link); /* NULL is allowed; held bytes are dropped */

/* Start, change or stop a toxic, in mid-connection too. The spec must outlive the link, its change or its removal. A
 * delay that held bytes were given stays theirs; a gate that goes lets them pass. A change keeps what the toxic
 * remembers: the instant from which a timeout counts, the bytes that passed. Adding one that does not touch this
 * connection or direction changes nothing.
 * LD_ENOTYET for a fault that is no toxic, LD_ELIMIT beyond LD_LINK_TOXICS_MAX. */
int ld_link_add(struct ld_link *link, const struct ld_fault_spec *fault, int64_t now_ns);
int ld_link_change(struct ld_link *link, const struct ld_fault_spec *fault, int64_t now_ns);
void ld_link_remove(struct ld_link *link, const char *fault_id);

/* Take bytes that arrived at now_ns, one chunk; nothing is taken on failure: LD_ELIMIT beyond LD_LINK_BYTES_MAX or
 * LD_LINK_CHUNKS_MAX (not beyond the smaller ld_link_room: what was read already may come in), LD_ENOMEM. now_ns never
 * goes back. */
int ld_link_write(struct ld_link *link, const void *bytes, size_t length, int64_t now_ns);
/* Bytes went past the link, while it passed bytes: it counts them, for positions. */
void ld_link_passed(struct ld_link *link, size_t length);
/* The sender half-closed at now_ns; ld_link_finished turns true when everything before it has left and its own time
 * came. It is delayed like a chunk. Nothing may be written after it; a second end changes nothing. */
void ld_link_end(struct ld_link *link, int64_t now_ns);
/* When the end may pass, absolute; INT64_MAX while there is none or a toxic holds it. A reset does not wait for bytes
 * that found no reader. */
int64_t ld_link_end_due(const struct ld_link *link);
size_t ld_link_room(const struct ld_link *link); /* bytes that may be read and written now; 0: stop reading */
size_t ld_link_held(const struct ld_link *link); /* bytes in it */
bool ld_link_empty(const struct ld_link *link);

/* Bytes that may leave at now_ns: the first contiguous piece; 0 when none. The order of bytes is never changed. */
size_t ld_link_peek(struct ld_link *link, int64_t now_ns, const void **ret_bytes);
/* So many of the peeked bytes left at now_ns. */
void ld_link_consume(struct ld_link *link, size_t length, int64_t now_ns);
bool ld_link_finished(const struct ld_link *link, int64_t now_ns);
/* When something, byte or end, may leave next, absolute; INT64_MAX when there is nothing. */
int64_t ld_link_due(const struct ld_link *link);
/* Nothing is held, no end came and no active toxic looks at bytes: they may bypass the link. */
bool ld_link_passes_bytes(const struct ld_link *link);

/* What a toxic does to the whole connection, at an absolute instant that no byte postpones. */
enum ld_fate {
    LD_FATE_NONE,
    LD_FATE_CLOSE, /* close both ends, by FIN; what is held is dropped */
    LD_FATE_RESET  /* reset both ends */
};
enum ld_fate ld_link_fate(const struct ld_link *link, int64_t now_ns);
int64_t ld_link_fate_due(const struct ld_link *link); /* INT64_MAX: none */

#endif
