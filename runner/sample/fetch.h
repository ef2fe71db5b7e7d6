/* HTTP GET on the control loop: libcurl's multi interface driven by libuv.
 *
 * Numeric loopback addresses only, no proxies, no signals, bounded time and body. Handles and connections are kept
 * for reuse; an incarnation has a port of its own, so that a restarted target is never reached
 * by a stale connection. */
#ifndef LD_SAMPLE_FETCH_H
#define LD_SAMPLE_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"

struct ld_fetcher;
struct ld_fetch;

struct ld_fetch_request {
    const char *url;      /* copied */
    int64_t timeout_ns;   /* from start to the last byte */
    size_t body_max;      /* bytes; a longer body is LD_FETCH_TOO_LARGE */
    bool keep_body;       /* false: the body is counted and thrown away */
};

enum ld_fetch_failure {
    LD_FETCH_OK,
    LD_FETCH_REFUSED,
    LD_FETCH_TIMEOUT,
    LD_FETCH_TRUNCATED,
    LD_FETCH_TOO_LARGE,
    LD_FETCH_BROKEN
};

struct ld_fetch_result {
    enum ld_fetch_failure failure;
    long status;           /* HTTP status, 0 when there was no answer */
    bool pprof_header;     /* X-Go-Pprof: 1 came with it: the Go runtime's own words */
    const char *content_type; /* "" when there was none; valid during the callback */
    const char *body;      /* NUL-terminated behind length bytes; valid during the callback */
    size_t length;         /* bytes received, also when the body was not kept */
    int64_t began_ns, ended_ns; /* CLOCK_MONOTONIC (uv_hrtime) */
    const char *message;   /* libcurl's words when it failed, else "" */
};

typedef void ld_fetch_done(void *context, const struct ld_fetch_result *result);

/* LD_ENOMEM, LD_ESYSTEM. */
int ld_fetcher_new(struct ld_fetcher **ret_fetcher, uv_loop_t *loop, struct ld_error *error);
/* Cancel what is under way (no callbacks) and close; the fetcher is gone once the loop has run its close callbacks. */
void ld_fetcher_close(struct ld_fetcher *fetcher);

/* Begin. `done` runs once, on the loop and never before this returns. LD_ENOMEM. */
int ld_fetch_start(struct ld_fetch **ret_fetch, struct ld_fetcher *fetcher, const struct ld_fetch_request *request,
                   ld_fetch_done *done, void *context);
/* Forget it: `done` will not run. Not from within its own `done`. */
void ld_fetch_cancel(struct ld_fetch *fetch);

#endif
