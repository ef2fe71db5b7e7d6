/* Toxics as state machines on bytes and time: no sockets, no loop, an injected clock.
 *
 * A link is one direction of one proxied connection with the toxics active on it. The pump offers what it read
 * (ld_link_write), asks what may leave now (ld_link_peek, ld_link_consume), and when to ask again (ld_link_due).
 * Whether a toxic touches a connection is decided once per (toxic id, connection index) from the seed: a toxic added
 * or removed later, or in another scenario line, changes no other decision. */
#ifndef LD_FAULT_TOXIC_H
#define LD_FAULT_TOXIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault/fault.h"

/* Does the toxic touch this connection? Pure; the same on every machine. */
bool ld_toxic_touches(uint64_t seed, const char *fault_id, uint64_t connection, double toxicity);
/* Latency of chunk number `chunk` of a connection and direction: latency + uniform(-jitter, +jitter), at least 0, as
 * Toxiproxy draws it. Chunks are counted by each toxic for itself, from 0 when it was added: one that is added
 * elsewhere changes no number. Pure. */
int64_t ld_toxic_latency_ns(uint64_t seed, const struct ld_fault_spec *fault, uint64_t connection,
                            enum ld_stream stream, uint64_t chunk);

struct ld_link;

/* What one direction may hold back before the pump must stop reading. 100 ms of latency then still pass 640 MB/s on
 * one connection (Toxiproxy: 315); the second limit bounds the cost of many tiny chunks. */
#define LD_LINK_BYTES_MAX ((size_t)64 << 20)
#define LD_LINK_CHUNKS_MAX ((size_t)1 << 16)
#define LD_LINK_TOXICS_MAX 16 /* active at once on one link */

/* `connection`: index of the connection at its listener, 0-based. NULL when out of memory. */
struct ld_link *ld_link_new(uint64_t seed, uint64_t connection, enum ld_stream stream);
void ld_link_free(struct ld_link *link); /* NULL is allowed; held bytes are dropped */

/* Start or stop a toxic, in mid-connection too. The spec must outlive the link or its removal. Bytes already held
 * keep the time they were given. Adding one that does not touch this connection or direction changes nothing.
 * LD_ENOTYET for a fault that is no toxic or not implemented, LD_ELIMIT beyond LD_LINK_TOXICS_MAX. */
int ld_link_add(struct ld_link *link, const struct ld_fault_spec *fault, int64_t now_ns);
void ld_link_remove(struct ld_link *link, const char *fault_id, int64_t now_ns);

/* Take bytes that arrived at now_ns, one chunk; nothing is taken on failure: LD_ELIMIT when ld_link_room is exceeded,
 * LD_ENOMEM. now_ns never goes back. */
int ld_link_write(struct ld_link *link, const void *bytes, size_t length, int64_t now_ns);
/* The sender half-closed at now_ns; ld_link_finished turns true when everything before it has left and its own time
 * came. It is delayed like a chunk. Nothing may be written after it; a second end changes nothing. */
void ld_link_end(struct ld_link *link, int64_t now_ns);
/* When the end may pass, absolute; INT64_MAX while there is none. A reset does not wait for bytes that found no
 * reader. */
int64_t ld_link_end_due(const struct ld_link *link);
size_t ld_link_room(const struct ld_link *link); /* bytes that may be written now */
size_t ld_link_held(const struct ld_link *link); /* bytes in it */
bool ld_link_empty(const struct ld_link *link);

/* Bytes that may leave at now_ns: the first contiguous piece; 0 when none. The order of bytes is never changed. */
size_t ld_link_peek(struct ld_link *link, int64_t now_ns, const void **ret_bytes);
void ld_link_consume(struct ld_link *link, size_t length, int64_t now_ns);
bool ld_link_finished(const struct ld_link *link, int64_t now_ns);
/* When something, byte or end, may leave next, absolute; INT64_MAX when there is nothing. */
int64_t ld_link_due(const struct ld_link *link);
/* No toxic is active, nothing is held and no end came: bytes may bypass the link. */
bool ld_link_transparent(const struct ld_link *link);

/* Measured effect of one fault over many links and chunks. Quantiles come from a log-scaled histogram of fixed size:
 * p50 and p99 are right to 0.2 % of their value, and never outside of the least and the most that was measured. */
struct ld_effect;
struct ld_effect *ld_effect_new(int64_t asked_ns); /* NULL when out of memory */
void ld_effect_free(struct ld_effect *effect);     /* NULL is allowed */
void ld_effect_connection(struct ld_effect *effect, bool touched);
/* A chunk that arrived, was due and left (its first byte) at these instants. */
void ld_effect_chunk(struct ld_effect *effect, int64_t arrived_ns, int64_t due_ns, int64_t left_ns);
/* `fault` gives the range in which it counts as effective: at least one chunk, p50 within latency ± (jitter + 5 ms +
 * 0.2 %), none early. */
void ld_effect_receipt(const struct ld_effect *effect, const struct ld_fault_spec *fault,
                       struct ld_receipt *ret_receipt);
/* Let the link report the chunks delayed by `fault_id` to `effect` (NULL: no more). Only its own part of the delay is
 * reported where several toxics delay a chunk. Changes nothing when the toxic is not on this link; ends with its
 * removal, whatever is held then is not reported. */
void ld_link_measure(struct ld_link *link, const char *fault_id, struct ld_effect *effect);

#endif
