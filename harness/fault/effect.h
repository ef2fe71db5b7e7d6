/* What a fault of the proxy did, measured at the sockets and not where it was asked: pieces that went out, ends that
 * were emitted, connects that were refused. From it comes the receipt, by each toxic's own definition of effective.
 *
 * An effect gathers over all connections of a listener. Nothing here knows what a toxic decided; the meter
 * (fault/meter.h) and the proxy tell what they saw. */
#ifndef LD_FAULT_EFFECT_H
#define LD_FAULT_EFFECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "fault/fault.h"

/* Bytes that left for the receiver in one piece. */
struct ld_piece {
    uint64_t connection;
    enum ld_stream stream;
    uint64_t position;   /* in the stream, of the first byte that was taken from the sender in one go with it */
    size_t length;
    int64_t received_ns; /* taken from the sender's side */
    int64_t due_ns;      /* it had the delays that the faults on it draw from the seed, and so had all before it */
    int64_t turn_ns;     /* nothing before it waited any more: due_ns, or when the piece before it left */
    int64_t sent_ns;     /* its receiver's side had it */
    bool cut;            /* bytes before it were taken from the sender in one go with it, and left before it */
    bool shared;         /* other faults acted on these bytes too */
};

enum ld_end_kind { LD_END_FIN, LD_END_RESET };

/* An end that was emitted towards the receiver. */
struct ld_end {
    enum ld_end_kind kind;
    bool by_fault;      /* no end of the sender was passed on: a fault cut the connection */
    int64_t from_ns;    /* by_fault: the fault began to act on the connection; else: the sender's end was seen, or the
                         * last byte before it left, whichever is later */
    int64_t passed_ns;
    uint64_t delivered; /* bytes that left in this direction while the fault acted */
    bool shared;        /* other faults acted on this direction too */
};

/* A direction of a connection on which the fault acted, and acts no more. */
struct ld_stretch {
    uint64_t delivered, waiting; /* bytes that left; that still waited */
    int64_t acted_ns;
    bool cut;                    /* a fault closed or reset the connection */
};

/* One wait that a fault draws from the seed. */
struct ld_wait {
    int64_t took_ns;
    int64_t due_ns;   /* as long as all faults on it want it to take */
    int64_t drawn_ns; /* this fault's part of that */
    int64_t slack_ns; /* as much longer may it take */
    bool shared;      /* faults that draw no time had their part too: it may take any longer */
};

/* The sums. Values are ns, or bytes, as the toxic says. */
struct ld_measures {
    uint64_t touched, spared;          /* connections */
    uint64_t count;                    /* values measured */
    uint64_t shared;                   /* of them: other faults had their part in them */
    int64_t least, most, p50, p99;
    int64_t worst_early_ns;
    uint64_t fitting;                  /* values that are what was drawn for them */
    int64_t felt_ns;                   /* drawn times that no machine delays by itself, summed up; at most a second */
    uint64_t pieces, bytes;            /* that left */
    uint64_t shared_pieces;            /* of them: other faults acted on them too */
    uint64_t turns;                    /* unbroken runs of pieces, each of which waited for the one before */
    int64_t turn_ns;                   /* from each piece's turn to its leaving, summed up */
    uint64_t cuts;                     /* pieces that were cut off from the one before */
    uint64_t fins, resets;             /* emitted by the fault */
    uint64_t streams;                  /* directions of connections on which it acted and came to its end */
    uint64_t delivered_most;           /* bytes that left on one of them */
    uint64_t held_streams, held_bytes; /* on which bytes still waited at the end */
    int64_t uncut_ns;                  /* the longest that it acted on one that no fault cut */
    uint64_t connects_refused, connects_taken; /* of those tried to see */
};

/* A connect to the upstream that may have been delayed. */
struct ld_connect {
    uint64_t connection;
    int64_t accepted_ns, started_ns;
    bool shared; /* other faults delay it too */
};

struct ld_effect;
/* The attributes are copied, the id must outlive it. `seed`: the links' own. NULL when out of memory. */
struct ld_effect *ld_effect_new(uint64_t seed, const struct ld_fault_spec *fault);
void ld_effect_free(struct ld_effect *effect); /* NULL is allowed */

/* A connection was there while the fault acted. */
void ld_effect_connection(struct ld_effect *effect, bool touched);
void ld_effect_piece(struct ld_effect *effect, const struct ld_piece *piece);
void ld_effect_end(struct ld_effect *effect, const struct ld_end *end);
/* The fault stopped acting on a direction, or the direction is gone. */
void ld_effect_stream(struct ld_effect *effect, const struct ld_stretch *stretch);
/* The delay that the fault draws for what is received at `position`; 0 when it draws none. */
int64_t ld_effect_delay_ns(const struct ld_effect *effect, uint64_t connection, enum ld_stream stream,
                           uint64_t position);
/* A connect was tried while the fault acted, to see whether it is refused. */
void ld_effect_probe(struct ld_effect *effect, bool refused);
/* A touched connection was accepted, and its upstream connected to. */
void ld_effect_connect(struct ld_effect *effect, const struct ld_connect *connect);

/* `fault`: the spec it was made with, with its attributes as they are now. Each toxic's file says what is effective. */
void ld_effect_receipt(const struct ld_effect *effect, const struct ld_fault_spec *fault,
                       struct ld_receipt *ret_receipt);

/* ---- for the toxics' files */

/* One value of what the toxic delays or counts. A value below `floor` was early by the difference. */
void ld_effect_value(struct ld_effect *effect, int64_t value, int64_t floor, bool shared);
uint64_t ld_effect_seed(const struct ld_effect *effect);
/* A value that is a time drawn from the seed. */
void ld_effect_wait(struct ld_effect *effect, const struct ld_wait *wait);
/* Did it wait as drawn? None was early, half of them or more came no later than the slack, and what was drawn is enough
 * to tell it from the machine's own delays: it was LD_EFFECT_FELT_NS or more and comes to LD_EFFECT_FELT_SUM_NS. */
bool ld_effect_as_drawn(const struct ld_measures *measures);
#define LD_EFFECT_FELT_NS (100 * LD_US)
#define LD_EFFECT_FELT_SUM_NS LD_MS
/* Was there a direction on which it acted for longer than `after_ns`, and no fault cut the connection? */
bool ld_effect_overdue(const struct ld_measures *measures, int64_t after_ns);
#define LD_EFFECT_OVERDUE_NS (100 * LD_MS) /* a busy machine may cut so much later */
#define LD_EFFECT_SLACK_NS (5 * LD_MS) /* what a busy machine may add before a time counts as another than asked */
#define LD_EFFECT_END_SLACK_NS (20 * LD_MS) /* the same where all may come at one instant, as ends and closes do */
/* Is p50 where a time of `asked_ns` belongs: none early, not later than asked + slack + 0.2 % unless shared? */
bool ld_effect_on_time(const struct ld_measures *measures, int64_t asked_ns, int64_t slack_ns);
/* "asked 200ms, delivered p50 201ms p99 209ms over 812", or, when nothing was measured, "asked 200ms, <nothing>; 3
 * connections touched, 4 spared". Sets count, asked_ns, p50_ns, p99_ns, worst_early_ns and text. */
void ld_effect_describe_time(const struct ld_measures *measures, int64_t asked_ns, const char *nothing,
                             struct ld_receipt *receipt);
void ld_effect_append(struct ld_receipt *receipt, const char *text); /* to its text */
/* Appends "; 3 connections touched, 4 spared". */
void ld_effect_describe_reach(const struct ld_measures *measures, struct ld_receipt *receipt);

#endif
