/* The fault table: everything that can be done to a target, its upstream or the sampling.
 *
 * One row a fault: its name and attributes are Toxiproxy's where Toxiproxy has it. From the table come the scenario
 * schema, explain, dispatch in the runner and the receipts' meaning. A new fault is one file and one row. */
#ifndef LD_FAULT_FAULT_H
#define LD_FAULT_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "yaml/schema.h"

enum ld_fault_scope {
    LD_SCOPE_PROXY,    /* on the connections between target and upstream, in the proxy loop */
    LD_SCOPE_PROCESS,  /* on a process, through the guard */
    LD_SCOPE_RESOURCE, /* a limit of the target */
    LD_SCOPE_SAMPLING, /* in the read gateway */
    LD_SCOPE_REACTION  /* on the load, or on what the service lets in */
};

enum ld_stream { LD_STREAM_DOWN, LD_STREAM_UP, LD_STREAM_BOTH }; /* Toxiproxy: downstream is towards the client */
const char *ld_stream_name(enum ld_stream stream);

/* Attributes of the faults. Durations ns. */

/* Which connections and directions a fault of the proxy reaches; the first member of their attributes. */
struct ld_fault_reach {
    double toxicity; /* share of connections it touches, 0 to 1 */
    int stream;      /* enum ld_stream */
};
struct ld_fault_latency {
    struct ld_fault_reach reach;
    int64_t latency_ns, jitter_ns;
};
struct ld_fault_bandwidth {
    struct ld_fault_reach reach;
    uint64_t rate; /* bytes per second, at least 1 */
};
struct ld_fault_slow_close {
    struct ld_fault_reach reach;
    int64_t delay_ns;
};
struct ld_fault_timeout { /* timeout, reset_peer */
    struct ld_fault_reach reach;
    int64_t timeout_ns; /* timeout: 0 is never */
};
struct ld_fault_slicer {
    struct ld_fault_reach reach;
    uint64_t average_size, size_variation; /* bytes; the variation is smaller than the size */
    int64_t delay_ns;
};
struct ld_fault_limit_data {
    struct ld_fault_reach reach;
    uint64_t bytes;
};
struct ld_fault_connect_delay {
    struct ld_fault_reach reach;
    int64_t delay_ns, jitter_ns;
};
enum ld_who { LD_WHO_TARGET, LD_WHO_UPSTREAM };
/* Whom a fault of a process or resource is meant for; the first member of their attributes. */
struct ld_fault_victims {
    int who;          /* enum ld_who */
    int64_t instance; /* of the target; -1: all, or a share */
    double share;     /* of the target's instances, drawn from the seed; 1: all */
};
#define LD_FAULT_INSTANCES_MAX 1000
struct ld_fault_kill { /* kill, crash, exit */
    struct ld_fault_victims victims;
    int signal;               /* kill, crash: index into the fault's own signals, see ld_fault_signal_name */
    int64_t restart_after_ns; /* -1: stays dead */
    int64_t times;            /* how often, at least 1 */
    int64_t every_ns;         /* from one time to the next */
};
struct ld_fault_pause {
    struct ld_fault_victims victims;
};
struct ld_fault_cpu {
    struct ld_fault_victims victims;
    double limit; /* share of the time, 0..1, in which it may run */
};
struct ld_fault_open_files {
    struct ld_fault_victims victims;
    int64_t limit;
};
struct ld_fault_memory {
    struct ld_fault_victims victims;
    uint64_t limit_bytes;
    int64_t restart_after_ns; /* when it died of it; -1: stays dead */
};
struct ld_fault_disk {
    struct ld_fault_victims victims;
    uint64_t size_bytes; /* of the folder that is full */
};

enum ld_sampling_how {
    LD_SAMPLING_SLOW,
    LD_SAMPLING_TRUNCATED,
    LD_SAMPLING_REFUSED,
    LD_SAMPLING_NOT_FOUND,
    LD_SAMPLING_WRONG_CONTENT,
    LD_SAMPLING_HOWS
};
const char *ld_sampling_how_name(enum ld_sampling_how how); /* "slow", "not-found" */
enum ld_sampling_content { LD_SAMPLING_HTML, LD_SAMPLING_NOISE, LD_SAMPLING_EMPTY };
#define LD_SAMPLING_METRICS (1u << 31) /* in `reads`, beside 1 << enum ld_profile_kind */
#define LD_SAMPLING_ENDPOINTS (1u << 30)
struct ld_fault_sampling {
    int how;                     /* enum ld_sampling_how */
    unsigned reads;              /* which it aims at */
    int64_t delay_ns, jitter_ns; /* slow */
    uint64_t after;              /* truncated: bytes of the body that still come */
    int content;                 /* wrong-content: enum ld_sampling_content */
    double toxicity;             /* share of those reads it touches */
};

struct ld_fault_load {
    double factor; /* of the load's rate; 0: none is left */
};

union ld_fault_attributes {
    struct ld_fault_reach reach; /* of every fault of the proxy */
    struct ld_fault_latency latency;
    struct ld_fault_bandwidth bandwidth;
    struct ld_fault_slow_close slow_close;
    struct ld_fault_timeout timeout; /* timeout, reset_peer */
    struct ld_fault_slicer slicer;
    struct ld_fault_limit_data limit_data;
    struct ld_fault_connect_delay connect_delay;
    struct ld_fault_victims victims; /* of every fault of a process or resource */
    struct ld_fault_kill kill;       /* kill, crash, exit */
    struct ld_fault_pause pause;
    struct ld_fault_cpu cpu;
    struct ld_fault_open_files open_files;
    struct ld_fault_memory memory;
    struct ld_fault_disk disk;
    struct ld_fault_sampling sampling;
    struct ld_fault_load load;
};

enum ld_fault_type {
    LD_FAULT_LATENCY,
    LD_FAULT_BANDWIDTH, LD_FAULT_SLOW_CLOSE, LD_FAULT_TIMEOUT, LD_FAULT_RESET_PEER, LD_FAULT_SLICER,
    LD_FAULT_LIMIT_DATA, LD_FAULT_DOWN, LD_FAULT_CONNECT_DELAY, LD_FAULT_STALL,
    LD_FAULT_KILL, LD_FAULT_CRASH, LD_FAULT_EXIT, LD_FAULT_PAUSE,
    LD_FAULT_OPEN_FILES, LD_FAULT_MEMORY, LD_FAULT_CPU, LD_FAULT_DISK,
    LD_FAULT_SAMPLING,
    LD_FAULT_LOAD, LD_FAULT_BREAKER,
    LD_FAULT_TYPES
};

struct ld_toxic_kind;

struct ld_fault_info {
    enum ld_fault_type type;
    const char *name;
    enum ld_fault_scope scope;
    const struct ld_schema *attributes; /* binds union ld_fault_attributes */
    const char *doc;
    const struct ld_toxic_kind *toxic; /* what a fault of the proxy does; NULL for all others */
};
extern const struct ld_fault_info ld_fault_table[LD_FAULT_TYPES];
const struct ld_fault_info *ld_fault_find(const char *name); /* NULL when unknown */

/* One fault of a fault case, as the scenario declares it. */
struct ld_when;
struct ld_fault_spec {
    const struct ld_when *when; /* the condition that starts it (fault/condition.h); NULL: the schedule does */
    int64_t at_ns;        /* after the method began; of a conditional fault 0 */
    int64_t for_ns;       /* how long; -1: an instant (kill) or until the method's end */
    enum ld_fault_type type;
    union ld_fault_attributes attributes;
    const char *id;       /* "<case>/<index>/<type>": what decisions are derived from */
};

/* The one fault that an item names: `attributes` holds, for each row of the table, the node behind its name, or NULL.
 * `what` and `such_as` are for the error when it names two or none. LD_ESPEC. */
int ld_fault_named(struct ld_schema_context *context, const struct ld_node *node,
                   const struct ld_node *const attributes[LD_FAULT_TYPES], const char *what, const char *such_as,
                   enum ld_fault_type *ret_type);

/* Bind the attributes of one fault, as scenarios and proxy files write them: `node` is the mapping behind the fault's
 * name. LD_ESPEC also when it would touch nothing (toxicity: 0). */
int ld_fault_bind(struct ld_schema_context *context, enum ld_fault_type type, const struct ld_node *node,
                  union ld_fault_attributes *ret_attributes);

/* An instant has no duration: it is over when whom it hit is gone. */
bool ld_fault_is_instant(enum ld_fault_type type);
/* How long the scenario says that it goes on, the last restart included; -1: until the method's end. */
int64_t ld_fault_lasts_ns(const struct ld_fault_spec *fault);
/* How long a fault must act before it does what it is for; 0: at once. Not scaled by time_scale. */
int64_t ld_fault_needs_ns(const struct ld_fault_spec *fault);
/* kill, crash: the signal's number, and its name without SIG. */
int ld_fault_signal(const struct ld_fault_spec *fault);
const char *ld_fault_signal_name(const struct ld_fault_spec *fault);
/* Which of `count` instances a fault of a process or resource is meant for: the one that is named, or a share (at
 * least one, drawn from the seed). Pure: the same on every machine. `ret_chosen` has room for `count`. */
void ld_fault_choose(uint64_t seed, const struct ld_fault_spec *fault, uint32_t count, bool *ret_chosen);

/* Would the two be in each other's way, acting at the same time: of one kind, on one process (a share may mean
 * anybody), or on the load? There is one limit a kind, one load, one breaker: the end of one is the end of both. Toxics
 * add up, and who is to die may die of either. */
bool ld_fault_excludes(const struct ld_fault_spec *fault, const struct ld_fault_spec *other);

/* What the fault did, measured at the point of effect. */
struct ld_receipt {
    uint64_t touched, spared; /* connections, processes or reads */
    uint64_t count;           /* of the measured effect (chunks delayed, signals delivered, looks that saw it) */
    int64_t asked_ns;         /* latency asked, 0 when meaningless */
    int64_t p50_ns, p99_ns;   /* delivered: latency, or time until the process was gone or the limit seen */
    int64_t worst_early_ns;   /* most a delivery came before its time; 0 when none did */
    const char *unit;         /* of the next two: "B", "B/s"; static; NULL: it is about times, or counts, only */
    uint64_t asked, delivered;
    bool effective;           /* false: FAULT_NOT_EFFECTIVE */
    bool idle;                /* a toxic's: there was nothing on which it could have acted; then it is not effective */
    char text[192];           /* for people: "asked 200ms, delivered p50 201ms p99 209ms over 812" */
};

#endif
