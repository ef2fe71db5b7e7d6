/* A stream through a link in virtual time: a pump that always comes exactly when the link asks for it, or late. */
#ifndef LD_TESTS_FAULT_STREAM_H
#define LD_TESTS_FAULT_STREAM_H

#include "fault/groups.h"

#include <stdbool.h>

#include "base/clock.h"
#include "fault/toxic.h"

#define SEED UINT64_C(7)
#define MS LD_MS
#define DEPARTURES_MAX 100000

struct departure {
    uint64_t position; /* of its first byte */
    size_t length;
    int64_t at_ns;
};

struct stream {
    struct ld_link *link;
    uint64_t written, left; /* bytes; what is written is a pattern of its position, checked when it leaves */
    struct departure *departures;
    size_t count;
    bool ended; /* the end left */
    int64_t ended_ns;
};

struct stream stream_new(uint64_t connection, enum ld_stream stream);
void stream_free(struct stream *stream);
void stream_write(struct stream *stream, size_t length, int64_t now_ns);
/* Everything that may leave by until_ns, each piece at the instant that ld_link_due names. */
void stream_run(struct stream *stream, int64_t until_ns);
/* Everything that may leave at this one instant; returns the bytes. */
size_t stream_look(struct stream *stream, int64_t now_ns);
/* The last instant at which a byte left; INT64_MIN when none did. */
int64_t stream_last_ns(const struct stream *stream);

struct ld_fault_spec toxic_spec(enum ld_fault_type type, const char *id); /* toxicity 1, downstream */

#endif
