#include "runner/detect/webhook_server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "runner/detect/webhook.h"
#include "runner/sample/server.h"

#define WEBHOOK_MAGIC 0x6c647768u
#define CONNECTION_MEMORY ((size_t)16 << 10)

struct ld_webhook_server {
    unsigned magic;
    struct ld_server server;
    const struct ld_webhook_server_events *events;
    void *context;
    char path[24]; /* "/0123456789abcdef" */
};

/* One request: its body so far. */
struct post {
    struct ld_buffer body;
    bool too_large;
};

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static unsigned judge(struct ld_webhook_server *server, const char *url, const char *method, const struct post *post)
{
    if (strcmp(url, server->path) != 0)
        return MHD_HTTP_NOT_FOUND;
    if (strcmp(method, MHD_HTTP_METHOD_POST) != 0)
        return MHD_HTTP_METHOD_NOT_ALLOWED;
    if (post->too_large)
        return MHD_HTTP_CONTENT_TOO_LARGE;
    return server->events->post(server->context, ld_buffer_text(&post->body), post->body.length) == 0
               ? MHD_HTTP_OK
               : MHD_HTTP_BAD_REQUEST;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload, size_t *upload_length,
                                  void **state)
{
    struct ld_webhook_server *server = context;
    struct post *post = *state;
    (void)version;
    assert(server->magic == WEBHOOK_MAGIC);
    if (!post) {
        post = calloc(1, sizeof *post);
        if (!post)
            return MHD_NO;
        ld_buffer_init(&post->body, LD_WEBHOOK_BODY_BYTES_MAX);
        *state = post;
        return MHD_YES;
    }
    if (!*upload_length)
        return answer(connection, judge(server, url, method, post));
    post->too_large = post->too_large || ld_buffer_add(&post->body, upload, *upload_length) != 0;
    *upload_length = 0;
    return MHD_YES;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    struct post *post = *state;
    (void)context, (void)connection, (void)code;
    if (!post)
        return;
    ld_buffer_done(&post->body);
    free(post);
    *state = NULL;
}

int ld_webhook_server_new(struct ld_webhook_server **ret_server, uv_loop_t *loop, uint64_t token,
                          const struct ld_webhook_server_events *events, void *context, struct ld_error *error)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct ld_webhook_server *server = calloc(1, sizeof *server);
    if (!server)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    server->magic = WEBHOOK_MAGIC;
    server->events = events;
    server->context = context;
    snprintf(server->path, sizeof server->path, "/%016" PRIx64, token);
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL, 0, NULL, NULL, on_request, server, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)LD_WEBHOOK_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)LD_WEBHOOK_IDLE_S, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
        MHD_OPTION_NOTIFY_CONNECTION, ld_server_on_connection, &server->server, MHD_OPTION_END);
    int code = daemon ? ld_server_begin(&server->server, loop, daemon, error)
                      : ld_fail_errno(error, LD_ESYSTEM, errno, "cannot listen on 127.0.0.1");
    if (code)
        free(server);
    else
        *ret_server = server;
    return code;
}

static void on_closed(void *context)
{
    struct ld_webhook_server *server = context;
    void (*closed)(void *context) = server->events->closed;
    void *whose = server->context;
    server->magic = 0;
    free(server);
    closed(whose);
}

void ld_webhook_server_close(struct ld_webhook_server *server)
{
    assert(server->magic == WEBHOOK_MAGIC);
    ld_server_end(&server->server, on_closed, server);
}

const char *ld_webhook_server_url(const struct ld_webhook_server *server, char url[LD_WEBHOOK_URL_MAX])
{
    snprintf(url, LD_WEBHOOK_URL_MAX, "http://127.0.0.1:%u%s", ld_server_port(&server->server), server->path);
    return url;
}
