#include "runner/sample/server.h"

#include <assert.h>

#define SERVER_MAGIC 0x6c647376u

static void on_timeout(uv_timer_t *timer);
static void on_again(uv_idle_t *idle);

/* One turn of the server, which never blocks, and when the next one is due. */
static void turn(struct ld_server *server)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms;
    assert(server->magic == SERVER_MAGIC);
    uv_idle_stop(&server->again);
    MHD_run(server->daemon);
    if (MHD_get_timeout(server->daemon, &timeout_ms) != MHD_YES)
        uv_timer_stop(&server->timer);
    else if (timeout_ms == 0)
        uv_idle_start(&server->again, on_again); /* a timer of 0 would keep the loop from everything else */
    else
        uv_timer_start(&server->timer, on_timeout, timeout_ms, 0);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    turn(poll->data);
}

static void on_timeout(uv_timer_t *timer)
{
    turn(timer->data);
}

static void on_again(uv_idle_t *idle)
{
    turn(idle->data);
}

int ld_server_begin(struct ld_server *server, uv_loop_t *loop, struct MHD_Daemon *daemon, struct ld_error *error)
{
    int descriptor = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    *server = (struct ld_server){.magic = SERVER_MAGIC, .daemon = daemon};
    int problem = uv_poll_init(loop, &server->poll, descriptor);
    if (problem) {
        MHD_stop_daemon(daemon);
        return ld_fail(error, LD_ESYSTEM, "an HTTP server cannot be watched: %s", uv_strerror(problem));
    }
    server->poll.data = server->timer.data = server->again.data = server;
    uv_timer_init(loop, &server->timer);
    uv_idle_init(loop, &server->again);
    uv_poll_start(&server->poll, UV_READABLE, on_ready);
    return 0;
}

void ld_server_again(struct ld_server *server)
{
    assert(server->magic == SERVER_MAGIC);
    if (!uv_is_closing((uv_handle_t *)&server->again))
        uv_idle_start(&server->again, on_again);
}

void ld_server_on_connection(void *server, struct MHD_Connection *connection, void **state,
                             enum MHD_ConnectionNotificationCode code)
{
    (void)connection, (void)state;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED)
        ld_server_again(server);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct ld_server *server = handle->data;
    if (--server->open_handles)
        return;
    server->magic = 0;
    server->closed(server->context);
}

void ld_server_end(struct ld_server *server, void (*closed)(void *context), void *context)
{
    assert(server->magic == SERVER_MAGIC);
    MHD_run(server->daemon); /* the last answers go out, as far as the sockets take them */
    server->closed = closed;
    server->context = context;
    server->open_handles = 3;
    uv_close((uv_handle_t *)&server->poll, on_handle_closed);
    uv_close((uv_handle_t *)&server->timer, on_handle_closed);
    uv_close((uv_handle_t *)&server->again, on_handle_closed);
    MHD_stop_daemon(server->daemon);
}

uint16_t ld_server_port(const struct ld_server *server)
{
    return MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}
