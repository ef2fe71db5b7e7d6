/* A meter: what really passed in one direction of a connection, told to the effects of the faults that act on it.
 *
 * The proxy feeds it from the sockets: bytes taken from the sender's side, bytes that the receiver's side has, ends
 * seen and ends emitted. It knows positions in the stream, instants, and what the faults draw from the seed for a
 * position, and nothing of links, so that a toxic that does not work shows. Times are the proxy's, bytes are counted
 * even while nothing is attached. */
#ifndef LD_FAULT_METER_H
#define LD_FAULT_METER_H

#include "fault/effect.h"

struct ld_meter;

/* Of this direction of the connection with this index at its listener. NULL when out of memory. */
struct ld_meter *ld_meter_new(uint64_t connection, enum ld_stream stream);
void ld_meter_free(struct ld_meter *meter); /* NULL is allowed; what is attached is not told */

void ld_meter_received(struct ld_meter *meter, size_t length, int64_t now_ns);
/* One call for each piece that was sent. What was received while nothing was attached is counted, not measured. */
void ld_meter_sent(struct ld_meter *meter, size_t length, int64_t now_ns);
void ld_meter_end_seen(struct ld_meter *meter, int64_t now_ns);
void ld_meter_end_passed(struct ld_meter *meter, enum ld_end_kind kind, bool by_fault, int64_t now_ns);

/* The fault with this effect acts on the direction from now on. At most LD_LINK_TOXICS_MAX at once; the effect must
 * live until it is detached or the meter is freed. */
void ld_meter_attach(struct ld_meter *meter, struct ld_effect *effect, int64_t now_ns);
/* It acts no more, or the connection is gone. `waiting`: bytes that wait unread at the sender's side; those that the
 * meter saw come in and not go out are added. Nothing when it was not attached. */
void ld_meter_detach(struct ld_meter *meter, const struct ld_effect *effect, uint64_t waiting, int64_t now_ns);
bool ld_meter_idle(const struct ld_meter *meter); /* nothing is attached */

#endif
