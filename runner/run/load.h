/* The load generator: an open loop of GET requests at a given rate, round robin over the instances.
 *
 * Open: arrivals follow the clock, not the answers, so that a slow target gets no fewer requests. The grid of arrivals
 * is regular from the (randomised) start of the load. What a client sees (requests, errors, latency) is counted. */
#ifndef LD_RUN_LOAD_H
#define LD_RUN_LOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "observe/observation.h"
#include "runner/sample/fetch.h"

#define LD_LOAD_IN_FLIGHT_MAX 1024
#define LD_LOAD_LATENCIES_MAX 4096
#define LD_LOAD_POINTS 6

struct ld_load_request;

struct ld_load {
    unsigned magic;
    uv_loop_t *loop;
    uv_timer_t timer;
    struct ld_fetcher *fetcher;
    const char *path;
    int64_t timeout_ns;
    double per_second;
    double factor; /* of per_second, by a reaction; 1 */
    /* Where the next request goes: an address, or NULL when that instance is down (the request is then an error). */
    const char *(*address)(void *context, uint64_t request);
    void (*drained)(void *context); /* stopped, and nothing is in flight any more */
    void (*closed)(void *context);
    void *context;
    bool on;
    int64_t start_ns;
    uint64_t sent_since_start;
    uint64_t requests, responses, errors, skipped; /* skipped: the limit in flight was reached */
    uint64_t unavailable;        /* of the errors: answered 503 */
    double offered;              /* requests that the full rate would have sent before this start or change of factor */
    size_t in_flight;
    struct ld_load_request *first;
    size_t latency_count;
    int64_t latencies[LD_LOAD_LATENCIES_MAX]; /* since the last sample */
};

int ld_load_init(struct ld_load *load, uv_loop_t *loop, struct ld_fetcher *fetcher);
void ld_load_start(struct ld_load *load, double per_second);
/* From now on `factor` times the rate, 0: none; also of starts to come. */
void ld_load_factor(struct ld_load *load, double factor);
/* How many requests the full rate would have sent so far. */
double ld_load_offered(const struct ld_load *load);
/* No new requests; `drained` follows once nothing is in flight (at once, before this returns, when nothing is). */
void ld_load_stop(struct ld_load *load);
/* Forget what is in flight. */
void ld_load_cancel(struct ld_load *load);
/* Requests, responses, errors, in flight, latency since the last call. Returns the points written, 0 before any
 * request. */
size_t ld_load_points(struct ld_load *load, struct ld_point points[LD_LOAD_POINTS]);
void ld_load_close(struct ld_load *load);

#endif
