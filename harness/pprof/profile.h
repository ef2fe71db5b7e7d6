/* Profiles as Go programs serve them, parsed from untrusted bytes.
 *
 * One model for all encodings of net/http/pprof: samples (values, stack, labels) over interned frames. What an
 * encoding does not carry is zero or NULL: debug=0 and debug=1 have no goroutine ids, states and ages. Sources:
 * github.com/google/pprof/proto/profile.proto (debug=0), runtime/pprof/pprof.go (debug=1) and runtime/traceback.go
 * (debug=2) of Go 1.19 to 1.27. Every parser is bounded by struct ld_profile_limits and never recurses.
 *
 * Texts are valid UTF-8 without NUL: what is not becomes U+FFFD, so that they can be printed, stored and sent as JSON.
 * Frames and texts are interned: within one profile, equal ones share a pointer. */
#ifndef LD_PPROF_PROFILE_H
#define LD_PPROF_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

enum ld_profile_kind {
    LD_PROFILE_GOROUTINE,
    LD_PROFILE_GOROUTINELEAK,
    LD_PROFILE_HEAP,
    LD_PROFILE_ALLOCS,
    LD_PROFILE_MUTEX,
    LD_PROFILE_BLOCK,
    LD_PROFILE_THREADCREATE,
    LD_PROFILE_CPU,
    LD_PROFILE_KINDS
};
/* "goroutine", "goroutineleak", …: the name under /debug/pprof/ ("profile" for CPU). */
const char *ld_profile_kind_name(enum ld_profile_kind kind);
/* -1 when unknown. */
int ld_profile_kind_find(const char *name);

enum ld_profile_encoding {
    LD_ENCODING_PROTO,  /* debug=0: gzip'd protobuf */
    LD_ENCODING_GROUPS, /* debug=1: text, one group per distinct stack */
    LD_ENCODING_STACKS  /* debug=2: text, one goroutine per paragraph */
};

struct ld_frame {
    const char *function; /* "net/http.(*persistConn).readLoop"; never NULL, "" when unknown; generic
                           * arguments are always "[...]", as the text encodings print them */
    const char *file;     /* "" when unknown */
    int64_t line;         /* 0 when unknown */
    uint64_t address;     /* 0 when unknown */
};

struct ld_label {
    const char *key;
    const char *text;  /* NULL for a numeric label */
    int64_t number;
    const char *unit;  /* numeric labels only; may be NULL */
};

#define LD_PROFILE_VALUES_MAX 8
#define LD_ELIDED_UNKNOWN UINT32_MAX

struct ld_sample {
    int64_t values[LD_PROFILE_VALUES_MAX]; /* meaning: profile->value_types; goroutine count first */
    uint32_t frame_count;                  /* may be 0: Go 1.27 reports phantom leaks without a stack */
    const struct ld_frame *const *frames;  /* leaf first, runtime frames included where the encoding has them */
    uint32_t label_count;
    const struct ld_label *labels;
    /* debug=2 only, but runtime_hidden */
    uint64_t goroutine;         /* id, 0 when unknown */
    const char *state;          /* raw wait reason "chan receive (nil chan)", NULL when unknown */
    int64_t age_minutes;        /* -1 when not printed; evidence only beside a GC clock */
    bool leaked, locked_to_thread, stack_unavailable;
    bool runtime_hidden;        /* debug=1, debug=2: leading runtime frames are left out of `frames` */
    uint32_t elided;            /* frames elided; LD_ELIDED_UNKNOWN when the runtime does not say how many */
    const struct ld_frame *created_by; /* NULL when unknown */
    uint64_t created_in;        /* goroutine id of the creator, 0 when not printed (Go 1.19) */
};

struct ld_value_type {
    const char *type; /* "goroutine", "inuse_space" */
    const char *unit; /* "count", "bytes" */
};

struct ld_memstats {
    bool present; /* heap debug=1 ends with runtime.MemStats as comments */
    uint64_t heap_alloc, heap_inuse, heap_sys, heap_objects, next_gc, num_gc, num_forced_gc;
};

struct ld_profile {
    enum ld_profile_kind kind;
    enum ld_profile_encoding encoding;
    uint32_t value_count;
    struct ld_value_type value_types[LD_PROFILE_VALUES_MAX];
    uint32_t sample_count;
    const struct ld_sample *samples;
    int64_t total;         /* sum of values[0]; the printed total for debug=1 */
    int64_t time_ns;       /* wall clock the profile says it was taken, 0 when unknown */
    int64_t duration_ns;   /* CPU profiles */
    int64_t period;
    bool truncated;        /* debug=2 cut at exactly 64 MiB or within its last record, which is then left out */
    struct ld_memstats memstats;
    struct ld_arena *arena; /* owns everything above */
};

struct ld_profile_limits {
    size_t bytes;        /* of input, and of inflated protobuf */
    uint32_t samples;
    uint32_t frames;     /* per sample */
    uint32_t strings;    /* string table entries */
    size_t memory;       /* arena bytes */
};
extern const struct ld_profile_limits ld_profile_limits_default; /* 256 MiB, 2 000 000, 1 024, 2 000 000, 1 GiB */

/* Parse a body; the encoding is recognised from its bytes. `limits` NULL: the defaults.
 * LD_ESYNTAX with the byte offset in the message (also for an empty body, HTML, or a profile of another kind),
 * LD_ETRUNCATED, LD_ELIMIT, LD_ENOMEM. After a failure *ret_profile is untouched.
 *
 * Values: counts are never negative (the difference profiles of ?seconds=N are refused). A heap profile has
 * alloc_objects, alloc_space, inuse_objects, inuse_space; those of debug=1 are the samples as taken, those of debug=0
 * were scaled up by the target. A goroutineleak profile in debug=2 lists every goroutine: those not marked (leaked)
 * have the value 0.
 *
 * `kind` LD_PROFILE_KINDS: whatever kind the bytes say, for files of others. Where they cannot tell, it is the first
 * of those that look alike: GOROUTINE for any dump in debug=2, HEAP for ALLOCS (the same values), and in debug=0 MUTEX
 * for BLOCK. A protobuf without value types stays LD_PROFILE_KINDS. */
int ld_profile_parse(struct ld_profile *ret_profile, enum ld_profile_kind kind, const void *bytes, size_t length,
                     const struct ld_profile_limits *limits, struct ld_error *error);
void ld_profile_done(struct ld_profile *profile);

#endif
