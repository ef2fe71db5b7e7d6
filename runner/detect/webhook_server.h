/* Where an alerting system posts to: one path of an HTTP server on 127.0.0.1, run by the loop without a thread. What is
 * posted is bounded; nothing else is answered there. A connection is closed after its post, so that none that lies idle
 * keeps others out. */
#ifndef LD_RUNNER_DETECT_WEBHOOK_SERVER_H
#define LD_RUNNER_DETECT_WEBHOOK_SERVER_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "runner/detect/alert_book.h"

#define LD_WEBHOOK_CONNECTIONS_MAX LD_ALERT_BOOK_MAX /* each alert may be a post of its own, all at once */
#define LD_WEBHOOK_IDLE_S 60
#define LD_WEBHOOK_URL_MAX 64

struct ld_webhook_server;

struct ld_webhook_server_events {
    /* A whole post. 0: answered with 200; else with 400, and it is not sent again. */
    int (*post)(void *context, const char *bytes, size_t length);
    void (*closed)(void *context); /* after ld_webhook_server_close; it is freed then */
};

/* `token`: only a post to /<token> counts. LD_ENOMEM, LD_ESYSTEM (it cannot listen). */
int ld_webhook_server_new(struct ld_webhook_server **ret_server, uv_loop_t *loop, uint64_t token,
                          const struct ld_webhook_server_events *events, void *context, struct ld_error *error);
void ld_webhook_server_close(struct ld_webhook_server *server);
/* "http://127.0.0.1:4567/0123456789abcdef". Returns `url`. */
const char *ld_webhook_server_url(const struct ld_webhook_server *server, char url[LD_WEBHOOK_URL_MAX]);

#endif
