/* The read gateway's HTTP front: people, Prometheus and detectors that fetch for themselves read an
 * instance here and not at its own address.
 *
 * One server a campaign, on 127.0.0.1, run by the control loop without a thread. An instance keeps its address
 * http://127.0.0.1:PORT/<token>/<instance> over all its incarnations. Below it only /debug/pprof/… and the instance's
 * metrics path can be read, with GET and HEAD; control and the service's own paths cannot. Every read goes through the
 * instance's door, one at a time with the sampler's, but for profiles of a while (`profile`, `trace`, any with
 * `seconds`), which go beside them, for the sampler must not wait so long; and is counted there as "http:<name>", the
 * name being the header X-Reader or the first word of User-Agent. Status, Content-Type, X-Go-Pprof and body are the
 * target's.
 *
 * In a blind run (a route with `blind`) every body goes out under the run's names; cmdline is "target", and symbol and
 * trace, which cannot be had without names, are answered 403.
 *
 * Answers of the gateway itself, each with a line of text: 403 hidden in a blind run, 404 not readable here, 405
 * another method, 400 and 414 a bad target, 400 also for a profile of a while that lasts as long as a read may or
 * longer (`profile` lasts 30 s unless told otherwise), and for a leak profile with `seconds`, 502 no whole answer from
 * the instance (down, or its answer is cut short), 503 too many readers wait, 504 the instance did not answer within
 * the time of one read. */
#ifndef LD_SAMPLE_GATEWAY_H
#define LD_SAMPLE_GATEWAY_H

#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "runner/sample/door.h"

#define LD_GATEWAY_CONNECTIONS_MAX 64
#define LD_GATEWAY_WAITING_MAX 8                 /* reads of one instance: the sampler waits behind no more */
#define LD_GATEWAY_HELD_MAX ((size_t)256 << 20)  /* bytes of bodies held for slow clients, together */
#define LD_GATEWAY_IDLE_S 30                     /* a client that neither sends nor takes anything so long is dropped */
#define LD_GATEWAY_URL_MAX 64

struct ld_gateway;
struct ld_blind;

struct ld_gateway_route {
    uint64_t token;            /* of the run, ld_gateway_token */
    uint32_t instance;
    struct ld_door *door;      /* the caller's; outlives the route */
    const char *metrics_path;  /* "" when there is none; outlives the route */
    int64_t timeout_ns;        /* of one read: nobody holds the door longer than the sampler may */
    struct ld_blind *blind;    /* the run's renaming, outlives the route; NULL: names are handed out */
};

/* LD_ENOMEM, LD_ESYSTEM (it cannot listen). */
int ld_gateway_new(struct ld_gateway **ret_gateway, uv_loop_t *loop, struct ld_error *error);
/* Answers what waits with 502, drops all connections; it is gone once the loop has run its close callbacks. */
void ld_gateway_close(struct ld_gateway *gateway);
uint16_t ld_gateway_port(const struct ld_gateway *gateway);

/* LD_ENOMEM. The pair of token and instance must be new. */
int ld_gateway_add(struct ld_gateway *gateway, const struct ld_gateway_route *route);
/* Answers what waits for it with 502 and forgets it; before its door closes. What is unknown is ignored. */
void ld_gateway_remove(struct ld_gateway *gateway, uint64_t token, uint32_t instance);

/* The token of a run: it says nothing about what runs there. Not a secret. */
uint64_t ld_gateway_token(uint64_t run_seed, uint32_t run);
/* "http://127.0.0.1:4567/0123456789abcdef/0". Returns `url`. */
const char *ld_gateway_url(const struct ld_gateway *gateway, uint64_t token, uint32_t instance,
                           char url[LD_GATEWAY_URL_MAX]);

#endif
