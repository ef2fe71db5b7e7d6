#include "runner/cli/proxy_page.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "runner/sample/server.h"

#define CONNECTIONS_MAX 32
#define CONNECTION_MEMORY ((size_t)16 << 10)
#define IDLE_S 30
#define TEXT_MAX ((size_t)64 << 20)
#define REQUEST_MAGIC 0x6c647071u

struct ld_proxy_page {
    struct ld_server server;
    struct ld_proxy_page_source source;
    struct request *waiting;
};

/* From its first line to its last byte sent or the end of its connection. */
struct request {
    unsigned magic;
    struct ld_proxy_page *page;
    struct MHD_Connection *connection;
    struct request *next, **link; /* among those that wait for the set */
    bool seen, waits;
    unsigned status;
    char *body; /* owned; NULL: none yet */
};

static void say(struct request *request, unsigned status, const char *text)
{
    request->status = status;
    free(request->body);
    request->body = strdup(text);
}

/* With a newline behind it, for people; NULL when out of memory. */
static char *text_of(const json_t *document)
{
    struct ld_buffer text;
    char *dumped = json_dumps(document, JSON_INDENT(2));
    ld_buffer_init(&text, TEXT_MAX);
    int code = dumped ? ld_buffer_printf(&text, "%s\n", dumped) : LD_ENOMEM;
    free(dumped);
    char *taken = code ? NULL : ld_buffer_take(&text, NULL);
    ld_buffer_done(&text);
    return taken;
}

static void on_told(void *context, json_t *proxies)
{
    struct request *request = context;
    struct ld_proxy_page *page = request->page;
    assert(request->magic == REQUEST_MAGIC);
    json_t *document = page->source.about(page->source.context);
    if (proxies && document && json_object_set(document, "proxies", proxies) == 0) {
        request->status = MHD_HTTP_OK;
        request->body = text_of(document);
    } else {
        say(request, MHD_HTTP_SERVICE_UNAVAILABLE, "no memory to answer, or the proxy ends\n");
    }
    json_decref(document);
    json_decref(proxies);
    *request->link = request->next;
    if (request->next)
        request->next->link = request->link;
    request->waits = false;
    MHD_resume_connection(request->connection);
    ld_server_again(&page->server);
}

static void ask(struct request *request)
{
    struct ld_proxy_page *page = request->page;
    MHD_suspend_connection(request->connection);
    request->waits = true;
    request->next = page->waiting;
    request->link = &page->waiting;
    if (request->next)
        request->next->link = &request->next;
    page->waiting = request;
    if (ld_proxy_set_status(page->source.set, on_told, request) != 0)
        on_told(request, NULL);
}

static void begin(struct request *request, const char *url, const char *method)
{
    if (strcmp(url, "/") != 0)
        say(request, MHD_HTTP_NOT_FOUND, "the status is at /\n");
    else if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        say(request, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    else
        ask(request);
}

static enum MHD_Result answer(struct request *request)
{
    char *body = request->body;
    if (!body)
        return MHD_NO;
    struct MHD_Response *response = MHD_create_response_from_buffer(strlen(body), body, MHD_RESPMEM_MUST_FREE);
    if (!response)
        return MHD_NO;
    request->body = NULL; /* the response's now */
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                            request->status == MHD_HTTP_OK ? "application/json" : "text/plain; charset=utf-8");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (request->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    enum MHD_Result result = MHD_queue_response(request->connection, request->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload, size_t *upload_length,
                                  void **state)
{
    struct request *request = *state;
    (void)version, (void)upload;
    if (!request) {
        *state = request = calloc(1, sizeof *request);
        if (!request)
            return MHD_NO;
        *request = (struct request){.magic = REQUEST_MAGIC, .page = context, .connection = connection};
        return MHD_YES; /* an answer now, before a body was read, would cost the connection */
    }
    assert(request->magic == REQUEST_MAGIC);
    if (*upload_length) {
        *upload_length = 0; /* nothing here takes a body */
        return MHD_YES;
    }
    if (!request->seen) {
        request->seen = true;
        begin(request, url, method);
        if (request->waits)
            return MHD_YES; /* suspended: called again once it is resumed */
    }
    return answer(request);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    struct request *request = *state;
    (void)context, (void)connection, (void)code;
    if (!request)
        return;
    assert(request->magic == REQUEST_MAGIC && !request->waits); /* what is suspended does not complete */
    free(request->body);
    free(request);
    *state = NULL;
}

int ld_proxy_page_new(struct ld_proxy_page **ret_page, uv_loop_t *loop, uint16_t port,
                      const struct ld_proxy_page_source *source, struct ld_error *error)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct ld_proxy_page *page = calloc(1, sizeof *page);
    if (!page)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    page->source = *source;
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, page,
                         MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY,
                         MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u,
                         MHD_OPTION_NOTIFY_COMPLETED, on_completed, page,
                         MHD_OPTION_NOTIFY_CONNECTION, ld_server_on_connection, &page->server, MHD_OPTION_END);
    int code = daemon ? ld_server_begin(&page->server, loop, daemon, error)
                      : ld_fail_errno(error, LD_ESYSTEM, errno, "the status page cannot listen on 127.0.0.1:%u", port);
    if (code) {
        free(page);
        return code;
    }
    *ret_page = page;
    return 0;
}

uint16_t ld_proxy_page_port(const struct ld_proxy_page *page)
{
    return ld_server_port(&page->server);
}

void ld_proxy_page_close(struct ld_proxy_page *page)
{
    while (page->waiting) {
        ld_proxy_set_forget(page->source.set, page->waiting);
        on_told(page->waiting, NULL);
    }
    ld_server_end(&page->server, free, page);
}
