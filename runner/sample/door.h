/* The door to one instance: every read of a target goes through it: the read gateway's core.
 *
 * It keeps one reading at a time (a goroutineleak profile under way makes others under-report) but for endpoints and
 * for profiles of a while, which go beside it, one of each kind at a time. It
 * counts reads, bytes, time and failures per reader, and follows the instance across incarnations. The gateway's HTTP
 * front serves other programs through the same door. A read asked for while the instance is down is answered REFUSED.
 * Sampling faults act here, so that every reader meets them. */
#ifndef LD_SAMPLE_DOOR_H
#define LD_SAMPLE_DOOR_H

#include <stdbool.h>
#include <stdint.h>

#include "fault/sampling.h"
#include "runner/sample/fetch.h"

#define LD_DOOR_READERS_MAX 32
#define LD_DOOR_QUEUE_MAX 64
#define LD_READER_SAMPLER "sampler"

struct ld_reader {
    char name[48];
    uint64_t reads, failures, bytes;
    int64_t time_ns; /* waiting for the target's answers */
    int64_t slow_ns, slow_ended_ns; /* the longest of its reads in turn of late, by uv_hrtime */
};

struct ld_door_read;

/* A sampling fault at this door. The caller's; its effect may be read at any time. */
struct ld_door_fault {
    struct ld_door_fault *next;
    bool on;
    const struct ld_fault_spec *spec;
    uint64_t seed;
    uint32_t instance;
    uint64_t reads; /* that it could touch so far: the number of the next one */
    struct ld_sampling_effect effect;
};

/* Reads wait in lanes, in each of which one is under way at a time. */
enum ld_door_way {
    LD_DOOR_IN_TURN, /* profiles, metrics, and whatever would disturb them */
    LD_DOOR_BESIDE,  /* endpoints, which may take their time: nothing else waits for them */
    LD_DOOR_LASTING, /* profiles of a while (seconds=30), asked for through the gateway: nothing else waits */
    LD_DOOR_WAYS
};

struct ld_door_lane {
    struct ld_door *door;
    struct ld_door_read *first;  /* queue; the first one is under way */
    struct ld_door_read **last;
    uv_idle_t answer;            /* answers queued reads of a shut door outside of the asker's call */
    uv_timer_t hold;             /* until a slowed read may begin */
};

struct ld_door {
    unsigned magic;
    struct ld_fetcher *fetcher;
    char address[64];            /* "127.0.0.1:4567" of the present incarnation; "" while it is down */
    struct ld_door_lane lanes[LD_DOOR_WAYS];
    size_t queued;               /* in all lanes */
    unsigned open_handles;
    struct ld_door_fault *faults; /* in the order in which they began */
    struct ld_reader readers[LD_DOOR_READERS_MAX];
    size_t reader_count;
    void (*closed)(void *context);
    void *closed_context;
};

struct ld_door_request {
    const char *reader;   /* "sampler", "goroutineleak", "http:…"; readers beyond the limit are counted as "others" */
    const char *path;     /* "/debug/pprof/goroutine?debug=2" */
    int64_t timeout_ns;
    size_t body_max;
    enum ld_door_way way; /* 0: in turn */
    bool endpoint;        /* not a profile and not the metrics, whatever its path: for sampling faults */
};

/* Who, but for the sampler, read longest in turn since then (uv_hrtime), while others waited; NULL: nobody did. */
const struct ld_reader *ld_door_held_by(const struct ld_door *door, int64_t since_ns);
int ld_door_init(struct ld_door *door, struct ld_fetcher *fetcher, uv_loop_t *loop);
/* Forget all reads (no callbacks) and close; `closed` follows. */
void ld_door_close(struct ld_door *door, void (*closed)(void *context), void *context);
/* An incarnation serves at this numeric loopback address; NULL: it is gone. */
void ld_door_point(struct ld_door *door, const char *address);
/* Queue a read. `done` runs once on the loop, never before this returns. LD_ENOMEM, LD_ELIMIT (queue full). */
int ld_door_read(struct ld_door *door, const struct ld_door_request *request, ld_fetch_done *done, void *context);
/* Forget the reads asked for with this context: their `done` will not run. Not from within such a `done`. */
void ld_door_forget(struct ld_door *door, const void *context);
/* Begin a sampling fault: spec, seed and instance are set, the rest is zero. It touches reads that begin from now on;
 * of several faults every delay counts, and the first one that changes the answer decides it. */
void ld_door_fault_add(struct ld_door *door, struct ld_door_fault *fault);
/* End it. A read that it delays goes on as decided, but is not counted any more. Not added: nothing happens. */
void ld_door_fault_remove(struct ld_door *door, struct ld_door_fault *fault);
/* Bytes and time over all readers. */
void ld_door_totals(const struct ld_door *door, uint64_t *ret_bytes, int64_t *ret_time_ns);

#endif
