/* What a toxic is made of, for the files of this room: each toxic is one file that fills one struct ld_toxic_kind, and
 * one row of the fault table. A link knows no toxic by name. */
#ifndef LD_FAULT_TOXIC_KIND_H
#define LD_FAULT_TOXIC_KIND_H

#include "fault/effect.h"
#include "fault/toxic.h"

/* An active toxic on one link: its attributes and what it remembers. */
struct ld_toxic {
    const struct ld_fault_spec *fault;
    int64_t began_ns; /* on this link */
    uint64_t seed, connection;
    enum ld_stream stream;
    union {
        int64_t paid_until_ns;                              /* bandwidth */
        struct { uint64_t cut; int64_t pause_until_ns; } slicer; /* cut: position at which the piece in hand ends */
        uint64_t passed;                                    /* limit_data: bytes */
    } state;
};

/* What waits at the exit of a link. */
struct ld_exit {
    int64_t now_ns;
    int64_t since_ns;  /* since when the first byte waits for the gates */
    uint64_t position; /* of the first byte in the stream */
    size_t available;  /* bytes that could leave in one piece, at least 1 */
};

/* Everything may be NULL or false: a toxic has what it needs. */
struct ld_toxic_kind {
    bool looks_at_bytes; /* they may not bypass the link */
    bool holds;          /* neither byte nor end leaves */
    bool stops_reading;
    bool refuses;        /* new connections, all of them */
    /* the delay: of the bytes that arrive at `position`, or of the end there; and the most it can be */
    int64_t (*delay_ns)(const struct ld_toxic *toxic, uint64_t position);
    int64_t (*most_delay_ns)(const struct ld_toxic *toxic);
    int64_t (*end_delay_ns)(const struct ld_toxic *toxic); /* of an end, after everything before it has left */
    /* the gate: how many of the available bytes may leave now, when the next may at the latest, what left */
    size_t (*allow)(struct ld_toxic *toxic, const struct ld_exit *exit);
    int64_t (*ready_ns)(const struct ld_toxic *toxic, const struct ld_exit *exit); /* now_ns is not set */
    void (*took)(struct ld_toxic *toxic, const struct ld_exit *exit, size_t length);
    uint64_t (*rate)(const struct ld_toxic *toxic); /* bytes per second that pass at most; UINT64_MAX: any */
    /* the fate */
    enum ld_fate fate;
    int64_t (*fate_ns)(const struct ld_toxic *toxic); /* INT64_MAX: never */
    int64_t (*needs_ns)(const struct ld_fault_spec *fault); /* how long it must act before anything happens */
    /* the receipt: what is taken from a piece or an end that was measured, and what that proves */
    void (*measure_piece)(struct ld_effect *effect, const struct ld_fault_spec *fault, const struct ld_piece *piece);
    void (*measure_end)(struct ld_effect *effect, const struct ld_fault_spec *fault, const struct ld_end *end);
    void (*measure_connect)(struct ld_effect *effect, const struct ld_fault_spec *fault,
                            const struct ld_connect *connect);
    void (*judge)(const struct ld_measures *measures, const struct ld_fault_spec *fault, struct ld_receipt *receipt);
};

extern const struct ld_toxic_kind ld_toxic_latency, ld_toxic_bandwidth, ld_toxic_slow_close, ld_toxic_timeout,
    ld_toxic_reset_peer, ld_toxic_slicer, ld_toxic_limit_data, ld_toxic_down, ld_toxic_connect_delay, ld_toxic_stall;

#endif
