/* The status page of `leakdrill proxy`: one JSON document at http://127.0.0.1:PORT/, taken when it is asked for. */
#ifndef LD_RUNNER_CLI_PROXY_PAGE_H
#define LD_RUNNER_CLI_PROXY_PAGE_H

#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "runner/cli/proxy_set.h"

struct ld_proxy_page;

struct ld_proxy_page_source {
    struct ld_proxy_set *set;
    /* Everything but the proxies: an object, owned by the caller; NULL when out of memory. */
    json_t *(*about)(void *context);
    void *context;
};

/* LD_ENOMEM, LD_ESYSTEM: the port is taken. Port 0: any. */
int ld_proxy_page_new(struct ld_proxy_page **ret_page, uv_loop_t *loop, uint16_t port,
                      const struct ld_proxy_page_source *source, struct ld_error *error);
uint16_t ld_proxy_page_port(const struct ld_proxy_page *page);
/* Drops all connections; gone once the loop has run its close callbacks. Before its set is closed. */
void ld_proxy_page_close(struct ld_proxy_page *page);

#endif
