#include "runner-sample/fixture.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 30000
#define RECEIVED_MAX ((size_t)256 << 20)
#define IDLE_TURNS 50

/* ---- the loop */

static void on_watchdog(uv_timer_t *timer)
{
    ((struct fixture *)timer->data)->late = true;
}

void run_until(struct fixture *fixture, const unsigned *counter, unsigned count)
{
    while (*counter < count && !fixture->late)
        uv_run(&fixture->loop, UV_RUN_ONCE);
    if (fixture->late)
        fail_msg("waited for %u, have %u", count, *counter);
}

void run_now(struct fixture *fixture)
{
    for (int i = 0; i < IDLE_TURNS; i++)
        uv_run(&fixture->loop, UV_RUN_NOWAIT);
}

/* ---- the target */

struct visitor {
    struct visitor *next, **link;
    struct target *target;
    uv_tcp_t tcp;
    char text[HEAD_MAX * 8];
    size_t length;
    const struct script *held;
};

struct sending {
    uv_write_t write;
    struct visitor *visitor;
    enum act act;
    char bytes[];
};

static const struct script not_found = {
    .bytes = (char *)(uintptr_t)"HTTP/1.1 404 Not Found\r\nContent-Length: 10\r\n\r\nnot found\n", .length = 57};

static void on_visitor_closed(uv_handle_t *handle)
{
    struct visitor *visitor = handle->data;
    visitor->target->open--;
    free(visitor);
}

static void leave(struct visitor *visitor, bool reset)
{
    if (uv_is_closing((uv_handle_t *)&visitor->tcp))
        return;
    *visitor->link = visitor->next;
    if (visitor->next)
        visitor->next->link = visitor->link;
    visitor->target->held -= visitor->held != NULL;
    if (reset)
        uv_tcp_close_reset(&visitor->tcp, on_visitor_closed);
    else
        uv_close((uv_handle_t *)&visitor->tcp, on_visitor_closed);
}

static void on_sent(uv_write_t *write, int status)
{
    struct sending *sending = write->data;
    if (status != UV_ECANCELED && sending->act == CUT)
        leave(sending->visitor, false);
    if (status != UV_ECANCELED && sending->act == RESET)
        leave(sending->visitor, true);
    free(sending);
}

static void play(struct visitor *visitor, const struct script *script)
{
    struct sending *sending = malloc(sizeof *sending + script->length);
    assert_non_null(sending);
    sending->visitor = visitor;
    sending->act = script->act;
    sending->write.data = sending;
    memcpy(sending->bytes, script->bytes, script->length);
    uv_buf_t buffer = uv_buf_init(sending->bytes, (unsigned)script->length);
    assert_int_equal(uv_write(&sending->write, (uv_stream_t *)&visitor->tcp, &buffer, 1, on_sent), 0);
}

static const struct script *find_script(const struct target *target, const char *path)
{
    for (size_t i = 0; i < target->script_count; i++)
        if (strcmp(target->scripts[i].target, path) == 0)
            return &target->scripts[i];
    return &not_found;
}

static void take_request(struct visitor *visitor, size_t length)
{
    struct target *target = visitor->target;
    char path[128] = "";
    snprintf(target->head, sizeof target->head, "%.*s", (int)length, visitor->text);
    sscanf(target->head, "%*s %127s", path);
    if (target->asked_count < ASKED_MAX)
        snprintf(target->asked[target->asked_count], sizeof target->asked[0], "%s", path);
    target->asked_count++;
    visitor->length -= length;
    memmove(visitor->text, visitor->text + length, visitor->length + 1);
    const struct script *script = find_script(target, path);
    if (script->act == HOLD) {
        visitor->held = script;
        target->held++;
    } else
        play(visitor, script);
}

static void on_visitor_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct visitor *visitor = handle->data;
    (void)suggested;
    *buffer = uv_buf_init(visitor->text + visitor->length, (unsigned)(sizeof visitor->text - 1 - visitor->length));
}

static void on_visitor_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer)
{
    struct visitor *visitor = stream->data;
    (void)buffer;
    if (length < 0) {
        leave(visitor, false);
        return;
    }
    visitor->length += (size_t)length;
    visitor->text[visitor->length] = '\0';
    for (char *end; (end = strstr(visitor->text, "\r\n\r\n"));)
        take_request(visitor, (size_t)(end - visitor->text) + 4);
}

static void on_visitor(uv_stream_t *listener, int status)
{
    struct target *target = listener->data;
    struct visitor *visitor = calloc(1, sizeof *visitor);
    assert_int_equal(status, 0);
    assert_non_null(visitor);
    visitor->target = target;
    visitor->tcp.data = visitor;
    uv_tcp_init(listener->loop, &visitor->tcp);
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&visitor->tcp), 0);
    visitor->next = target->visitors;
    visitor->link = &target->visitors;
    if (visitor->next)
        visitor->next->link = &visitor->next;
    target->visitors = visitor;
    target->accepted++;
    target->open++;
    uv_read_start((uv_stream_t *)&visitor->tcp, on_visitor_room, on_visitor_read);
}

void serve_raw(struct fixture *fixture, const char *path, enum act act, const char *bytes)
{
    struct target *target = &fixture->target;
    struct script *script = (struct script *)(uintptr_t)find_script(target, path);
    if (script == &not_found) {
        assert_true(target->script_count < SCRIPTS_MAX);
        script = &target->scripts[target->script_count++];
        snprintf(script->target, sizeof script->target, "%s", path);
    }
    free(script->bytes);
    script->act = act;
    script->bytes = strdup(bytes);
    script->length = strlen(bytes);
}

void serve(struct fixture *fixture, const char *path, const char *status, const char *headers, const void *body,
           size_t length)
{
    char head[512];
    serve_raw(fixture, path, STAY, "");
    struct script *script = (struct script *)(uintptr_t)find_script(&fixture->target, path);
    int n = snprintf(head, sizeof head, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n", status, headers, length);
    free(script->bytes);
    script->length = (size_t)n + length;
    script->bytes = malloc(script->length);
    assert_non_null(script->bytes);
    memcpy(script->bytes, head, (size_t)n);
    memcpy(script->bytes + n, body, length);
}

void serve_text(struct fixture *fixture, const char *path, const char *body)
{
    serve(fixture, path, "200 OK", "Content-Type: text/plain\r\n", body, strlen(body));
}

void serve_file(struct fixture *fixture, const char *path, const char *file)
{
    char name[256];
    static char bytes[1 << 20];
    snprintf(name, sizeof name, "%s/%s", TEST_DATA, file);
    FILE *stream = fopen(name, "rb");
    if (!stream)
        fail_msg("cannot read %s", name);
    size_t length = fread(bytes, 1, sizeof bytes, stream);
    assert_true(length > 0 && length < sizeof bytes);
    fclose(stream);
    serve(fixture, path, "200 OK", "Content-Type: application/octet-stream\r\n", bytes, length);
}

void hold(struct fixture *fixture, const char *path)
{
    struct script *script = (struct script *)(uintptr_t)find_script(&fixture->target, path);
    assert_ptr_not_equal(script, &not_found);
    script->act = HOLD;
}

void release_all(struct fixture *fixture)
{
    for (size_t i = 0; i < fixture->target.script_count; i++)
        if (fixture->target.scripts[i].act == HOLD)
            fixture->target.scripts[i].act = STAY;
    for (struct visitor *visitor = fixture->target.visitors; visitor; visitor = visitor->next) {
        if (!visitor->held)
            continue;
        play(visitor, visitor->held);
        visitor->held = NULL;
        fixture->target.held--;
    }
}

void target_down(struct fixture *fixture)
{
    while (fixture->target.visitors)
        leave(fixture->target.visitors, true);
    if (fixture->target.listening)
        uv_close((uv_handle_t *)&fixture->target.listener, NULL);
    fixture->target.listening = false;
}

unsigned times_asked(const struct fixture *fixture, const char *path)
{
    unsigned count = 0;
    assert_true(fixture->target.asked_count <= ASKED_MAX);
    for (unsigned i = 0; i < fixture->target.asked_count; i++)
        count += strcmp(fixture->target.asked[i], path) == 0;
    return count;
}

int refusing_socket(char address[64])
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof name;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &length), 0);
    snprintf(address, 64, "127.0.0.1:%u", ntohs(name.sin_port));
    return fd;
}

/* ---- clients */

static void count_replies(struct client *client)
{
    const char *at = ld_buffer_text(&client->received);
    size_t left = client->received.length;
    for (client->replies = 0;; client->replies++) {
        const char *end = strstr(at, "\r\n\r\n");
        const char *length = strcasestr(at, "\r\nContent-Length: ");
        if (!end)
            return;
        size_t size = (size_t)(end - at) + 4;
        size += client->head_only || !length || length > end ? 0 : strtoul(length + 18, NULL, 10);
        if (size > left)
            return;
        at += size;
        left -= size;
    }
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    static char room[65536];
    (void)handle, (void)suggested;
    *buffer = uv_buf_init(room, sizeof room);
}

static void on_received(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer)
{
    struct client *client = stream->data;
    if (length < 0) {
        client->ended = 1;
        uv_read_stop(stream);
        return;
    }
    assert_int_equal(ld_buffer_add(&client->received, buffer->base, (size_t)length), 0);
    count_replies(client);
}

void client_read(struct client *client, bool on)
{
    if (on)
        uv_read_start((uv_stream_t *)&client->tcp, on_room, on_received);
    else
        uv_read_stop((uv_stream_t *)&client->tcp);
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct client *client = connect->data;
    if (status != UV_ECANCELED) {
        assert_int_equal(status, 0);
        client->connected = 1;
        client_read(client, true);
    }
}

struct client *client_open(struct fixture *fixture, uint16_t port)
{
    struct client *client = calloc(1, sizeof *client);
    struct sockaddr_in address;
    assert_non_null(client);
    uv_ip4_addr("127.0.0.1", port, &address);
    client->fixture = fixture;
    client->tcp.data = client->connect.data = client;
    ld_buffer_init(&client->received, RECEIVED_MAX);
    uv_tcp_init(&fixture->loop, &client->tcp);
    assert_int_equal(uv_tcp_connect(&client->connect, &client->tcp, (struct sockaddr *)&address, on_connected), 0);
    run_until(fixture, &client->connected, 1);
    return client;
}

void client_send(struct client *client, const char *text)
{
    uv_buf_t buffer = uv_buf_init((char *)(uintptr_t)text, (unsigned)strlen(text));
    assert_int_equal(uv_try_write((uv_stream_t *)&client->tcp, &buffer, 1), (int)buffer.len);
}

struct reply client_reply(struct client *client, unsigned index)
{
    struct reply reply = {0};
    run_until(client->fixture, &client->replies, index + 1);
    const char *at = ld_buffer_text(&client->received);
    for (unsigned i = 0;; i++) {
        const char *end = strstr(at, "\r\n\r\n") + 4;
        assert_true((size_t)(end - at) < sizeof reply.head);
        memcpy(reply.head, at, (size_t)(end - at));
        reply.head[end - at] = '\0';
        const char *length = strcasestr(reply.head, "\r\nContent-Length: ");
        reply.length = client->head_only || !length ? 0 : strtoul(length + 18, NULL, 10);
        reply.body = end;
        if (i == index)
            break;
        at = end + reply.length;
    }
    assert_int_equal(sscanf(reply.head, "HTTP/1.1 %d", &reply.status), 1);
    return reply;
}

static void on_client_closed(uv_handle_t *handle)
{
    struct client *client = handle->data;
    ld_buffer_done(&client->received);
    free(client);
}

void client_close(struct client *client)
{
    uv_close((uv_handle_t *)&client->tcp, on_client_closed);
}

void assert_body(const struct reply *reply, const char *text)
{
    if (reply->length != strlen(text) || memcmp(reply->body, text, reply->length) != 0)
        fail_msg("body is '%.*s', not '%s'", (int)reply->length, reply->body, text);
}

/* ---- set-up and teardown */

int fixture_setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct sockaddr_in address;
    int length = sizeof address;
    assert_non_null(fixture);
    assert_int_equal(uv_loop_init(&fixture->loop), 0);
    uv_timer_init(&fixture->loop, &fixture->watchdog);
    fixture->watchdog.data = fixture;
    uv_timer_start(&fixture->watchdog, on_watchdog, PATIENCE_MS, 0);
    struct ld_error error = {0};
    assert_int_equal(ld_fetcher_new(&fixture->fetcher, &fixture->loop, &error), 0);
    struct target *target = &fixture->target;
    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_tcp_init(&fixture->loop, &target->listener);
    target->listener.data = target;
    assert_int_equal(uv_tcp_bind(&target->listener, (struct sockaddr *)&address, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&target->listener, 128, on_visitor), 0);
    assert_int_equal(uv_tcp_getsockname(&target->listener, (struct sockaddr *)&address, &length), 0);
    target->listening = true;
    target->port = ntohs(address.sin_port);
    snprintf(target->address, sizeof target->address, "127.0.0.1:%u", target->port);
    *state = fixture;
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    if (fixture->fetcher)
        ld_fetcher_close(fixture->fetcher);
    target_down(fixture);
    uv_close((uv_handle_t *)&fixture->watchdog, NULL);
    assert_int_equal(uv_run(&fixture->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(fixture->target.open, 0);
    assert_int_equal(uv_loop_close(&fixture->loop), 0);
    for (size_t i = 0; i < fixture->target.script_count; i++)
        free(fixture->target.scripts[i].bytes);
    free(fixture);
    return 0;
}
