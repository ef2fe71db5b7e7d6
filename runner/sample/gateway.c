#include "runner/sample/gateway.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "blind/blind.h"
#include "runner/sample/address.h"
#include "runner/sample/sampler.h"
#include "runner/sample/server.h"

#define GATEWAY_MAGIC 0x6c646777u
#define REQUEST_MAGIC 0x6c647271u
#define CONNECTION_MEMORY ((size_t)16 << 10) /* request line, headers and what is being sent */
#define LINE_MAX_LENGTH 512

struct route {
    struct route *next;
    struct ld_gateway_route is;
    struct request *waiting; /* suspended until the door answers */
    size_t waiting_count;
};

struct ld_gateway {
    unsigned magic;
    struct ld_server server;
    struct route *routes;
    size_t held;      /* bytes of bodies not yet sent */
};

/* One request, from its first line to its last byte sent or the end of its connection. */
struct request {
    unsigned magic;
    struct ld_gateway *gateway;
    struct MHD_Connection *connection;
    struct route *route;           /* whose door reads for it; NULL when nothing is under way */
    struct request *next, **link;  /* among those waiting for the route */
    struct MHD_Response *response; /* known, not yet handed over */
    unsigned status;
    bool seen;                     /* its headers are */
    int target_code;
    struct ld_address address;
};

/* ---- answers */

/* A line of our own. Without memory there is no response and the connection is dropped. */
static void say(struct request *request, unsigned status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(struct request *request, unsigned status, const char *format, ...)
{
    char line[LINE_MAX_LENGTH];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    size_t used = length < 0 ? 0 : (size_t)length < sizeof line - 1 ? (size_t)length : sizeof line - 2;
    line[used++] = '\n';
    request->status = status;
    request->response = MHD_create_response_from_buffer(used, line, MHD_RESPMEM_MUST_COPY);
    if (!request->response)
        return;
    MHD_add_response_header(request->response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain; charset=utf-8");
    MHD_add_response_header(request->response, "X-Content-Type-Options", "nosniff");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(request->response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
}

/* A body on its way to a client; counted while it is held. */
struct held_body {
    struct ld_gateway *gateway;
    size_t length;
    char bytes[];
};

static void on_body_sent(void *context)
{
    struct held_body *body = context;
    body->gateway->held -= body->length;
    free(body);
}

static struct MHD_Response *hold_body(struct ld_gateway *gateway, const char *bytes, size_t length)
{
    if (gateway->held + length > LD_GATEWAY_HELD_MAX)
        return NULL;
    struct held_body *body = malloc(sizeof *body + length);
    if (!body)
        return NULL;
    *body = (struct held_body){gateway, length};
    memcpy(body->bytes, bytes, length);
    gateway->held += length;
    struct MHD_Response *response =
        MHD_create_response_from_buffer_with_free_callback_cls(length, body->bytes, on_body_sent, body);
    if (!response)
        on_body_sent(body);
    return response;
}

/* Pass the target's answer on. */
static void pass(struct request *request, const struct ld_fetch_result *result)
{
    request->response = hold_body(request->gateway, result->body, result->length);
    if (!request->response) {
        say(request, MHD_HTTP_SERVICE_UNAVAILABLE, "too much is held for slow readers");
        return;
    }
    request->status = (unsigned)result->status;
    /* Refused by libmicrohttpd when it holds what a header must not: then it goes without. */
    if (result->content_type[0])
        MHD_add_response_header(request->response, MHD_HTTP_HEADER_CONTENT_TYPE, result->content_type);
    if (result->pprof_header)
        MHD_add_response_header(request->response, "X-Go-Pprof", "1");
    MHD_add_response_header(request->response, "X-Content-Type-Options", "nosniff");
}

/* Is it /debug/pprof/<profile>, whatever its query? */
static bool asks_for(const struct request *request, const char *profile)
{
    static const char profiles[] = "/debug/pprof/";
    const char *path = request->address.path;
    size_t length = strcspn(path, "?"), before = sizeof profiles - 1;
    return strncmp(path, profiles, before) == 0 && length - before == strlen(profile) &&
           memcmp(path + before, profile, strlen(profile)) == 0;
}

/* What of a target cannot be read without its names: an execution trace is all names; symbols are what it is about. */
static bool is_hidden(const struct request *request, const struct route *route)
{
    return route->is.blind && (asks_for(request, "trace") || asks_for(request, "symbol"));
}

/* Under the run's names, whatever it is. */
static int rename_body(const struct request *request, const struct ld_fetch_result *result, struct ld_buffer *out,
                       struct ld_error *error)
{
    const struct ld_gateway_route *route = &request->route->is;
    struct ld_span body = {result->body, result->body + result->length};
    size_t path = strcspn(request->address.path, "?");
    if (asks_for(request, "cmdline"))
        return ld_buffer_add_text(out, "target"); /* its words may say anything */
    if (strlen(route->metrics_path) != path || memcmp(route->metrics_path, request->address.path, path) != 0)
        return ld_blind_profile(route->blind, result->body, result->length, out, error);
    int code = ld_blind_metrics(route->blind, body, out);
    return code ? ld_fail(error, code, "%s", ld_code_text(code)) : 0;
}

static void pass_renamed(struct request *request, const struct ld_fetch_result *result)
{
    struct ld_fetch_result renamed = *result;
    struct ld_error error = {0};
    struct ld_buffer body;
    ld_buffer_init(&body, LD_BLIND_BODY_MAX);
    if (rename_body(request, result, &body, &error) != 0) {
        say(request, MHD_HTTP_BAD_GATEWAY, "the answer of the instance could not be renamed: %s", error.message);
    } else {
        renamed.body = ld_buffer_text(&body);
        renamed.length = body.length;
        pass(request, &renamed);
    }
    ld_buffer_done(&body);
}

static void answer(struct request *request, const struct ld_fetch_result *result)
{
    if (result->failure == LD_FETCH_TIMEOUT)
        say(request, MHD_HTTP_GATEWAY_TIMEOUT, "the instance did not answer in time: %s", result->message);
    else if (result->failure != LD_FETCH_OK)
        say(request, MHD_HTTP_BAD_GATEWAY, "no whole answer from the instance: %s", result->message);
    else if (result->status < 200 || result->status > 599)
        say(request, MHD_HTTP_BAD_GATEWAY, "the instance answered with status %ld", result->status);
    else if (request->route->is.blind)
        pass_renamed(request, result);
    else
        pass(request, result);
}

/* ---- requests that wait for a door */

static void detach(struct request *request)
{
    *request->link = request->next;
    if (request->next)
        request->next->link = request->link;
    request->route->waiting_count--;
    request->route = NULL;
}

static void resume(struct request *request)
{
    detach(request);
    MHD_resume_connection(request->connection);
    ld_server_again(&request->gateway->server);
}

static void on_read(void *context, const struct ld_fetch_result *result)
{
    struct request *request = context;
    assert(request->magic == REQUEST_MAGIC);
    answer(request, result);
    resume(request);
}

static void wait_for(struct request *request, struct route *route)
{
    request->route = route;
    request->next = route->waiting;
    request->link = &route->waiting;
    if (request->next)
        request->next->link = &request->next;
    route->waiting = request;
    route->waiting_count++;
    MHD_suspend_connection(request->connection);
}

static struct route *find_route(struct ld_gateway *gateway, uint64_t token, uint32_t instance)
{
    struct route *route = gateway->routes;
    while (route && (route->is.token != token || route->is.instance != instance))
        route = route->next;
    return route;
}

/* A profile of a while (profile, trace, any with `seconds`) takes as long as it is told to. It waits for others of its
 * kind alone, and nobody else for it, least of all the sampler; what cannot end in time is refused unread. */
static bool is_too_long(const struct request *request, const struct route *route)
{
    return ld_address_lasts_s(&request->address) * LD_SECOND >= route->is.timeout_ns;
}

/* The leak profile marks goroutines while it is made: never beside another one, nor for a while. */
static bool is_long_leak_profile(const struct request *request)
{
    return asks_for(request, "goroutineleak") && ld_address_lasts_s(&request->address) != 0;
}

static void read_through_door(struct request *request, struct route *route)
{
    bool lasts = ld_address_lasts_s(&request->address) != 0;
    char reader[LD_READER_MAX + 6];
    ld_address_reader(MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "X-Reader"),
                      MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_USER_AGENT),
                      reader);
    struct ld_door_request read = {.reader = reader,
                                   .path = request->address.path,
                                   .way = lasts ? LD_DOOR_LASTING : LD_DOOR_IN_TURN,
                                   .timeout_ns = route->is.timeout_ns,
                                   .body_max = LD_SAMPLER_BODY_MAX};
    int code = route->waiting_count == LD_GATEWAY_WAITING_MAX
                   ? LD_ELIMIT
                   : ld_door_read(route->is.door, &read, on_read, request);
    if (code)
        say(request, MHD_HTTP_SERVICE_UNAVAILABLE, "%s",
            code == LD_ELIMIT ? "too many readers wait for this instance" : ld_code_text(code));
    else
        wait_for(request, route);
}

/* The request is whole: answer it or ask for what it wants. */
static void begin(struct request *request, const char *method)
{
    const struct ld_address *address = &request->address;
    struct route *route =
        request->target_code ? NULL : find_route(request->gateway, address->token, address->instance);
    if (request->target_code == LD_ELIMIT)
        say(request, MHD_HTTP_URI_TOO_LONG, "the request's target is too long");
    else if (request->target_code == LD_ESYNTAX)
        say(request, MHD_HTTP_BAD_REQUEST, "the request's target holds what it must not");
    else if (!route || !ld_address_readable(address, route->is.metrics_path))
        say(request, MHD_HTTP_NOT_FOUND, "nothing can be read here");
    else if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        say(request, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD");
    else if (is_hidden(request, route))
        say(request, MHD_HTTP_FORBIDDEN, "this run is blind: what names the program's own code cannot be read");
    else if (is_too_long(request, route))
        say(request, MHD_HTTP_BAD_REQUEST,
            "this takes %" PRId64 " s, and a read through the gateway less than %g s: ask for fewer ?seconds=",
            ld_address_lasts_s(address), (double)route->is.timeout_ns / 1e9);
    else if (is_long_leak_profile(request))
        say(request, MHD_HTTP_BAD_REQUEST, "the leak profile takes no seconds here");
    else
        read_through_door(request, route);
}

/* ---- libmicrohttpd's callbacks */

/* The raw target, before it is decoded and taken apart. NULL: out of memory, and on_request drops the connection. */
static void *on_target(void *context, const char *target, struct MHD_Connection *connection)
{
    struct request *request = calloc(1, sizeof *request);
    if (!request)
        return NULL;
    request->magic = REQUEST_MAGIC;
    request->gateway = context;
    request->connection = connection;
    request->target_code = ld_address_parse(target, &request->address);
    return request;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload, size_t *upload_length,
                                  void **state)
{
    struct request *request = *state;
    (void)context, (void)url, (void)version, (void)upload;
    if (!request)
        return MHD_NO;
    assert(request->magic == REQUEST_MAGIC);
    if (!request->seen) {
        request->seen = true; /* an answer now, before a body was read, would cost the connection */
        return MHD_YES;
    }
    if (*upload_length) {
        *upload_length = 0; /* nothing here takes a body */
        return MHD_YES;
    }
    if (!request->response) {
        begin(request, method);
        if (request->route)
            return MHD_YES; /* suspended: called again once it is resumed */
    }
    struct MHD_Response *response = request->response;
    request->response = NULL;
    if (!response)
        return MHD_NO;
    enum MHD_Result result = MHD_queue_response(connection, request->status, response);
    MHD_destroy_response(response);
    return result;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    struct request *request = *state;
    (void)context, (void)connection, (void)code;
    if (!request)
        return;
    assert(request->magic == REQUEST_MAGIC && !request->route); /* what is suspended does not complete */
    if (request->response)
        MHD_destroy_response(request->response);
    request->magic = 0;
    free(request);
    *state = NULL;
}

/* ---- the gateway */

static struct MHD_Daemon *listen_on_loopback(struct ld_gateway *gateway)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, gateway,
                            MHD_OPTION_SOCK_ADDR, &address,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)LD_GATEWAY_CONNECTIONS_MAX,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)LD_GATEWAY_IDLE_S,
                            MHD_OPTION_URI_LOG_CALLBACK, on_target, gateway,
                            MHD_OPTION_NOTIFY_COMPLETED, on_completed, gateway,
                            MHD_OPTION_NOTIFY_CONNECTION, ld_server_on_connection, &gateway->server, MHD_OPTION_END);
}

int ld_gateway_new(struct ld_gateway **ret_gateway, uv_loop_t *loop, struct ld_error *error)
{
    struct ld_gateway *gateway = calloc(1, sizeof *gateway);
    if (!gateway)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    gateway->magic = GATEWAY_MAGIC;
    struct MHD_Daemon *daemon = listen_on_loopback(gateway);
    if (!daemon) {
        int code = ld_fail_errno(error, LD_ESYSTEM, errno, "the read gateway cannot listen on 127.0.0.1");
        free(gateway);
        return code;
    }
    int code = ld_server_begin(&gateway->server, loop, daemon, error);
    if (code) {
        free(gateway);
        return code;
    }
    *ret_gateway = gateway;
    return 0;
}

static void on_closed(void *context)
{
    struct ld_gateway *gateway = context;
    gateway->magic = 0;
    free(gateway);
}

void ld_gateway_close(struct ld_gateway *gateway)
{
    assert(gateway->magic == GATEWAY_MAGIC);
    while (gateway->routes)
        ld_gateway_remove(gateway, gateway->routes->is.token, gateway->routes->is.instance);
    ld_server_end(&gateway->server, on_closed, gateway);
    assert(gateway->held == 0);
}

uint16_t ld_gateway_port(const struct ld_gateway *gateway)
{
    return ld_server_port(&gateway->server);
}

/* ---- routes */

int ld_gateway_add(struct ld_gateway *gateway, const struct ld_gateway_route *is)
{
    assert(gateway->magic == GATEWAY_MAGIC && !find_route(gateway, is->token, is->instance));
    struct route *route = calloc(1, sizeof *route);
    if (!route)
        return LD_ENOMEM;
    route->is = *is;
    route->next = gateway->routes;
    gateway->routes = route;
    return 0;
}

void ld_gateway_remove(struct ld_gateway *gateway, uint64_t token, uint32_t instance)
{
    assert(gateway->magic == GATEWAY_MAGIC);
    struct route *route = find_route(gateway, token, instance);
    if (!route)
        return;
    while (route->waiting) {
        struct request *request = route->waiting;
        ld_door_forget(route->is.door, request);
        say(request, MHD_HTTP_BAD_GATEWAY, "no whole answer from the instance: it is gone for good");
        resume(request);
    }
    struct route **link = &gateway->routes;
    while (*link != route)
        link = &(*link)->next;
    *link = route->next;
    free(route);
}

uint64_t ld_gateway_token(uint64_t run_seed, uint32_t run)
{
    return ld_derive(run_seed, "gateway", run);
}

const char *ld_gateway_url(const struct ld_gateway *gateway, uint64_t token, uint32_t instance,
                           char url[LD_GATEWAY_URL_MAX])
{
    snprintf(url, LD_GATEWAY_URL_MAX, "http://127.0.0.1:%u/%016" PRIx64 "/%" PRIu32, ld_gateway_port(gateway), token,
             instance);
    return url;
}
