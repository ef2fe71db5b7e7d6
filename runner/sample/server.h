/* libmicrohttpd on a libuv loop: a daemon made with MHD_USE_EPOLL, without a thread, run by the loop's events. */
#ifndef LD_SAMPLE_SERVER_H
#define LD_SAMPLE_SERVER_H

#include <microhttpd.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"

struct ld_server { /* embedded; all of it is the server's */
    unsigned magic;
    struct MHD_Daemon *daemon;
    uv_poll_t poll;   /* libmicrohttpd's epoll descriptor */
    uv_timer_t timer; /* its timeouts */
    uv_idle_t again;  /* it has more to do at once */
    unsigned open_handles;
    void (*closed)(void *context);
    void *context;
};

/* Takes over the daemon, on failure too. LD_ESYSTEM. */
int ld_server_begin(struct ld_server *server, uv_loop_t *loop, struct MHD_Daemon *daemon, struct ld_error *error);
/* There is more to do than its descriptors tell: a connection was resumed, or one has ended at the limit. */
void ld_server_again(struct ld_server *server);
/* For MHD_OPTION_NOTIFY_CONNECTION, with the server as its context. At the limit of connections the listening socket is
 * not watched, and the end of one is noticed only after this turn's look at it: look again, or those that wait to be
 * accepted wait for ever. */
void ld_server_on_connection(void *server, struct MHD_Connection *connection, void **state,
                             enum MHD_ConnectionNotificationCode code);
/* Sends what can be sent at once, and drops all connections. `closed` follows from the loop. */
void ld_server_end(struct ld_server *server, void (*closed)(void *context), void *context);
uint16_t ld_server_port(const struct ld_server *server);

#endif
