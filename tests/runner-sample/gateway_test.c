/* The read gateway as its clients see it: what passes, what does not, and clients that behave badly. */
#include <stdio.h>
#include <strings.h>

#include "runner-sample/fixture.h"
#include "blind/blind.h"
#include "runner/sample/gateway.h"

#define TOKEN UINT64_C(0x0123456789abcdef)
#define BASE "/0123456789abcdef/0"
#define CROWD (LD_GATEWAY_CONNECTIONS_MAX + 20)
#define LARGE ((size_t)24 << 20)
#define WATCH_MS 30
#define TURNS_MAX 200 /* loop turns within WATCH_MS; a loop that spins makes tens of thousands */

struct scene {
    struct fixture *fixture;
    struct ld_gateway *gateway; /* NULL: closed by the test */
    struct ld_blind *blind;     /* NULL: names are handed out */
    struct ld_door door;
    unsigned door_closed;
    struct client *clients[CROWD];
    size_t client_count;
};

static struct scene scene;

static void add_route(int64_t timeout_ns)
{
    struct ld_gateway_route route = {TOKEN, 0, &scene.door, "/metrics", timeout_ns, scene.blind};
    assert_int_equal(ld_gateway_add(scene.gateway, &route), 0);
}

static int setup(void **state)
{
    struct ld_error error = {0};
    memset(&scene, 0, sizeof scene);
    fixture_setup(state);
    scene.fixture = *state;
    assert_int_equal(ld_gateway_new(&scene.gateway, &scene.fixture->loop, &error), 0);
    assert_int_equal(ld_door_init(&scene.door, scene.fixture->fetcher, &scene.fixture->loop), 0);
    ld_door_point(&scene.door, scene.fixture->target.address);
    add_route(20 * LD_SECOND);
    serve_text(scene.fixture, "/metrics", "go_goroutines 7\n");
    serve_text(scene.fixture, "/debug/pprof/goroutine?debug=2", "goroutine 1 [running]:\n");
    serve_text(scene.fixture, "/work", "control");
    return 0;
}

static void on_door_closed(void *context)
{
    ++*(unsigned *)context;
}

static int teardown(void **state)
{
    for (size_t i = 0; i < scene.client_count; i++)
        client_close(scene.clients[i]);
    if (scene.gateway) {
        ld_gateway_remove(scene.gateway, TOKEN, 0);
        ld_gateway_close(scene.gateway);
    }
    ld_blind_free(scene.blind);
    ld_door_close(&scene.door, on_door_closed, &scene.door_closed);
    run_until(scene.fixture, &scene.door_closed, 1);
    return fixture_teardown(state);
}

static struct client *open_client(void)
{
    struct client *client = client_open(scene.fixture, ld_gateway_port(scene.gateway));
    scene.clients[scene.client_count++] = client;
    return client;
}

static void leave_client(struct client *client)
{
    for (size_t i = 0; i < scene.client_count; i++)
        if (scene.clients[i] == client)
            scene.clients[i] = scene.clients[--scene.client_count];
    client_close(client);
}

static void ask(struct client *client, const char *method, const char *target, const char *headers)
{
    char text[2048];
    snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: x\r\n%s\r\n", method, target, headers);
    client_send(client, text);
}

static struct reply get(struct client *client, const char *target)
{
    unsigned index = client->replies;
    ask(client, "GET", target, "");
    return client_reply(client, index);
}

static const struct ld_reader *reader(const char *name)
{
    for (size_t i = 0; i < scene.door.reader_count; i++)
        if (strcmp(scene.door.readers[i].name, name) == 0)
            return &scene.door.readers[i];
    fail_msg("no reader %s", name);
    return NULL;
}

/* ---- what passes */

static void passes_what_the_target_says(void **state)
{
    (void)state;
    serve(scene.fixture, "/debug/pprof/goroutineleak", "404 Not Found",
          "Content-Type: text/plain; charset=utf-8\r\nX-Go-Pprof: 1\r\n", "Unknown profile\n", 16);
    serve(scene.fixture, "/debug/pprof/heap", "500 Internal Server Error", "", "\0\x1f\x8b", 3);
    struct client *client = open_client();
    struct reply reply = get(client, BASE "/debug/pprof/goroutine?debug=2");
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.head, "Content-Type: text/plain\r\n"));
    assert_null(strcasestr(reply.head, "X-Go-Pprof"));
    assert_body(&reply, "goroutine 1 [running]:\n");
    reply = get(client, BASE "/debug/pprof/goroutineleak");
    assert_int_equal(reply.status, 404);
    assert_non_null(strcasestr(reply.head, "X-Go-Pprof: 1\r\n"));
    assert_non_null(strstr(reply.head, "Content-Type: text/plain; charset=utf-8\r\n"));
    assert_body(&reply, "Unknown profile\n");
    reply = get(client, BASE "/debug/pprof/heap");
    assert_int_equal(reply.status, 500);
    assert_null(strcasestr(reply.head, "\r\nContent-Type:"));
    assert_int_equal(reply.length, 3);
    assert_memory_equal(reply.body, "\0\x1f\x8b", 3);
    reply = get(client, BASE "/metrics");
    assert_body(&reply, "go_goroutines 7\n");
    assert_int_equal(scene.client_count, 1); /* all on one connection */
}

/* Every body under the run's names; what is nothing without names is refused unread. */
static void a_blind_run_hands_out_no_names(void **state)
{
    static const char *const own[] = {"shop"};
    static const char dump[] = "goroutine 1 [running]:\nshop/digest.Open(0x1)\n\t/src/shop/digest/digest.go:3 +0x1\n";
    static const char *const hidden[] = {"/debug/pprof/symbol?0x1", "/debug/pprof/trace?seconds=1"};
    (void)state;
    assert_int_equal(ld_blind_new(&scene.blind, 1, own, 1), 0);
    ld_gateway_remove(scene.gateway, TOKEN, 0);
    add_route(20 * LD_SECOND);
    serve_text(scene.fixture, "/debug/pprof/goroutine?debug=2", dump);
    serve_text(scene.fixture, "/debug/pprof/cmdline", "orders\0--secret");
    serve_text(scene.fixture, "/metrics", "shop_orders_total 7\ngo_goroutines 7\n");
    serve(scene.fixture, "/debug/pprof/heap", "200 OK", "", "\x1f\x8b\x08 damaged", 12);
    struct client *client = open_client();
    struct reply reply = get(client, BASE "/debug/pprof/goroutine?debug=2");
    assert_int_equal(reply.status, 200);
    assert_null(memmem(reply.body, reply.length, "shop", 4));
    assert_null(memmem(reply.body, reply.length, "Open", 4));
    assert_non_null(memmem(reply.body, reply.length, ".go:3 +0x1\n", 11));
    reply = get(client, BASE "/debug/pprof/cmdline");
    assert_body(&reply, "target");
    reply = get(client, BASE "/metrics");
    assert_null(memmem(reply.body, reply.length, "shop", 4));
    assert_non_null(memmem(reply.body, reply.length, "_total 7\ngo_goroutines 7\n", 24));
    reply = get(client, BASE "/debug/pprof/heap");
    assert_int_equal(reply.status, 502); /* rather nothing than a name */
    for (size_t i = 0; i < 2; i++) {
        char target[128];
        snprintf(target, sizeof target, BASE "%s", hidden[i]);
        reply = get(client, target);
        assert_int_equal(reply.status, 403);
        assert_int_equal(times_asked(scene.fixture, hidden[i]), 0);
    }
}

static void passes_the_query_unchanged(void **state)
{
    (void)state;
    get(open_client(), BASE "/debug/pprof/goroutine?debug=2&x=%2e%2E&y=a+b;c=\"");
    assert_int_equal(times_asked(scene.fixture, "/debug/pprof/goroutine?debug=2&x=%2e%2E&y=a+b;c=\""), 1);
}

static void head_has_no_body(void **state)
{
    (void)state;
    struct client *client = open_client();
    client->head_only = true;
    ask(client, "HEAD", BASE "/metrics", "");
    ask(client, "HEAD", "/elsewhere", "");
    struct reply reply = client_reply(client, 0);
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.head, "Content-Length: 16\r\n"));
    reply = client_reply(client, 1); /* the second head follows the first at once */
    assert_int_equal(reply.status, 404);
}

static void counts_readers_by_name(void **state)
{
    (void)state;
    struct client *client = open_client();
    ask(client, "GET", BASE "/metrics", "X-Reader: goleak watcher\r\nUser-Agent: curl/8.0\r\n");
    ask(client, "GET", BASE "/metrics", "User-Agent: Prometheus/2.45.0 (linux)\r\n");
    ask(client, "GET", BASE "/metrics", "");
    client_reply(client, 2);
    assert_int_equal(reader("http:goleak")->reads, 1);
    assert_int_equal(reader("http:goleak")->bytes, 16);
    assert_int_equal(reader("http:Prometheus/2.45.0")->reads, 1);
    assert_int_equal(reader("http:unnamed")->reads, 1);
}

static void the_address_outlives_an_incarnation(void **state)
{
    (void)state;
    char url[LD_GATEWAY_URL_MAX], expected[128];
    snprintf(expected, sizeof expected, "http://127.0.0.1:%u%s", ld_gateway_port(scene.gateway), BASE);
    assert_string_equal(ld_gateway_url(scene.gateway, TOKEN, 0, url), expected);
    struct client *client = open_client();
    ld_door_point(&scene.door, NULL);
    struct reply reply = get(client, BASE "/metrics");
    assert_int_equal(reply.status, 502);
    assert_body(&reply, "no whole answer from the instance: the instance is not up\n");
    ld_door_point(&scene.door, scene.fixture->target.address);
    reply = get(client, BASE "/metrics");
    assert_int_equal(reply.status, 200);
}

static void tokens_differ_by_run_and_stay(void **state)
{
    (void)state;
    assert_true(ld_gateway_token(42, 1) == ld_gateway_token(42, 1));
    assert_true(ld_gateway_token(42, 1) != ld_gateway_token(42, 2));
    assert_true(ld_gateway_token(42, 1) != ld_gateway_token(43, 1));
}

/* ---- what does not */

static void hides_everything_else(void **state)
{
    static const char *const targets[] = {
        "/",        "/metrics",        BASE,          BASE "/",          BASE "/work",  BASE "/debug/vars",
        "/work",    BASE "/metrics/x", "/0123456789abcdef/1/metrics",    "/fedcba9876543210/0/metrics"};
    (void)state;
    struct client *client = open_client();
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        struct reply reply = get(client, targets[i]);
        if (reply.status != 404)
            fail_msg("%s: %d, not 404", targets[i], reply.status);
        assert_body(&reply, "nothing can be read here\n");
    }
    static const char *const bad[] = {BASE "/debug/pprof/../../work", BASE "/debug/pprof/%2e%2e/%2e%2e/work",
                                      BASE "/debug/pprof/heap?a#b", BASE "/debug/pprof/;/heap"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct reply reply = get(client, bad[i]);
        if (reply.status != 400)
            fail_msg("%s: %d, not 400", bad[i], reply.status);
    }
    char target[600] = BASE "/debug/pprof/heap?";
    memset(target + strlen(target), 'x', 300);
    assert_int_equal(get(client, target).status, 414);
    assert_int_equal(scene.fixture->target.asked_count, 0);
}

static void only_get_and_head(void **state)
{
    static const char *const methods[] = {"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"};
    (void)state;
    struct client *client = open_client();
    for (unsigned i = 0; i < sizeof methods / sizeof *methods; i++) {
        ask(client, methods[i], BASE "/metrics", "Content-Length: 5\r\n");
        client_send(client, "hello");
        struct reply reply = client_reply(client, i);
        if (reply.status != 405 || !strstr(reply.head, "Allow: GET, HEAD\r\n"))
            fail_msg("%s: %s", methods[i], reply.head);
        assert_body(&reply, "only GET and HEAD\n");
    }
    assert_int_equal(scene.fixture->target.asked_count, 0);
    assert_int_equal(get(client, BASE "/metrics").status, 200); /* and the connection is still in step */
}

static void survives_garbage(void **state)
{
    static const char *const garbage[] = {"\x16\x03\x01\x02\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
                                          "GET " BASE "/metrics HTTP/1.1\r\nHost", "\r\n\r\n\r\n"};
    char header[20 << 10];
    (void)state;
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        struct client *client = open_client();
        client_send(client, garbage[i]);
        run_now(scene.fixture);
        leave_client(client);
    }
    memset(header, 'x', sizeof header);
    memcpy(header, "GET / HTTP/1.1\r\nA: ", 19);
    memcpy(header + sizeof header - 5, "\r\n\r\n", 5);
    struct client *client = open_client();
    client_send(client, header);
    assert_int_equal(client_reply(client, 0).status, 431);
    assert_int_equal(get(open_client(), BASE "/metrics").status, 200);
}

/* ---- a target in trouble */

static void says_what_is_wrong_with_the_target(void **state)
{
    (void)state;
    serve_raw(scene.fixture, "/debug/pprof/cut", CUT, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    serve_raw(scene.fixture, "/debug/pprof/reset", RESET, "");
    serve_raw(scene.fixture, "/debug/pprof/odd", STAY, "HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n");
    serve_raw(scene.fixture, "/debug/pprof/type", STAY,
              "HTTP/1.1 200 OK\r\nContent-Type: a\x01\"b\r\nContent-Length: 2\r\n\r\nok");
    struct client *client = open_client();
    assert_int_equal(get(client, BASE "/debug/pprof/cut").status, 502);
    assert_int_equal(get(client, BASE "/debug/pprof/reset").status, 502);
    assert_int_equal(get(client, BASE "/debug/pprof/odd").status, 502);
    assert_int_equal(get(client, BASE "/debug/pprof/type").status, 200);
    target_down(scene.fixture);
    assert_int_equal(get(client, BASE "/metrics").status, 502);
}

static void a_silent_target_costs_one_timeout(void **state)
{
    (void)state;
    ld_gateway_remove(scene.gateway, TOKEN, 0);
    add_route(20 * LD_MS);
    hold(scene.fixture, "/metrics");
    struct client *client = open_client();
    assert_int_equal(get(client, BASE "/metrics").status, 504);
    assert_int_equal(get(client, BASE "/debug/pprof/goroutine?debug=2").status, 200);
}

static void count_read(void *context, const struct ld_fetch_result *result)
{
    assert_int_equal(result->status, 200);
    ++*(unsigned *)context;
}

/* A profile of a while goes beside what is read in turn, and beside endpoints. */
static void nobody_waits_for_a_profile_of_a_while(void **state)
{
    static const char profile[] = "/debug/pprof/profile?seconds=1";
    (void)state;
    serve_text(scene.fixture, profile, "cpu");
    hold(scene.fixture, profile);
    struct client *slow = open_client(), *quick = open_client();
    ask(slow, "GET", BASE "/debug/pprof/profile?seconds=1", "");
    run_until(scene.fixture, &scene.fixture->target.held, 1);
    assert_int_equal(get(quick, BASE "/metrics").status, 200);
    struct ld_door_request endpoint = {.reader = "endpoint",
                                       .path = "/work",
                                       .timeout_ns = 20 * LD_SECOND,
                                       .body_max = 1000,
                                       .way = LD_DOOR_BESIDE,
                                       .endpoint = true};
    unsigned answers = 0;
    assert_int_equal(ld_door_read(&scene.door, &endpoint, count_read, &answers), 0);
    run_until(scene.fixture, &answers, 1);
    assert_int_equal(slow->replies, 0);
    release_all(scene.fixture);
    struct reply reply = client_reply(slow, 0);
    assert_int_equal(reply.status, 200);
    assert_body(&reply, "cpu");
}

static void what_lasts_too_long_is_refused_unread(void **state)
{
    static const char *const targets[] = {"/debug/pprof/profile", "/debug/pprof/trace?seconds=20",
                                          "/debug/pprof/heap?seconds=21", "/debug/pprof/goroutineleak?seconds=1"};
    (void)state;
    struct client *client = open_client();
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        char target[128];
        snprintf(target, sizeof target, BASE "%s", targets[i]);
        assert_int_equal(get(client, target).status, 400);
    }
    struct reply reply = get(client, BASE "/debug/pprof/profile");
    assert_body(&reply, "this takes 30 s, and a read through the gateway less than 20 s: ask for fewer ?seconds=\n");
    assert_int_equal(scene.fixture->target.asked_count, 0);
}

static void too_many_readers_are_turned_away(void **state)
{
    struct client *clients[LD_GATEWAY_WAITING_MAX + 1];
    (void)state;
    hold(scene.fixture, "/metrics");
    for (unsigned i = 0; i <= LD_GATEWAY_WAITING_MAX; i++) {
        clients[i] = open_client();
        ask(clients[i], "GET", BASE "/metrics", "");
        run_now(scene.fixture);
    }
    struct reply reply = client_reply(clients[LD_GATEWAY_WAITING_MAX], 0);
    assert_int_equal(reply.status, 503);
    assert_body(&reply, "too many readers wait for this instance\n");
    assert_int_equal(scene.door.queued, LD_GATEWAY_WAITING_MAX);
    release_all(scene.fixture);
    for (unsigned i = 0; i < LD_GATEWAY_WAITING_MAX; i++)
        assert_int_equal(client_reply(clients[i], 0).status, 200);
    assert_int_equal(get(clients[0], BASE "/metrics").status, 200);
}

static void ignore_read(void *context, const struct ld_fetch_result *result)
{
    (void)context, (void)result;
}

static void a_full_queue_turns_away(void **state)
{
    (void)state;
    hold(scene.fixture, "/metrics");
    struct ld_door_request request = {
        .reader = "sampler", .path = "/metrics", .timeout_ns = 20 * LD_SECOND, .body_max = 1000};
    while (scene.door.queued < LD_DOOR_QUEUE_MAX)
        assert_int_equal(ld_door_read(&scene.door, &request, ignore_read, &scene), 0);
    assert_int_equal(get(open_client(), BASE "/metrics").status, 503);
}

/* ---- clients of all kinds */

static void answers_pipelined_requests_in_order(void **state)
{
    enum { COUNT = 12 };
    char text[COUNT * 128] = "";
    (void)state;
    for (unsigned i = 0; i < COUNT; i++) {
        char target[64], body[16], request[128];
        snprintf(target, sizeof target, "/debug/pprof/p%u", i);
        snprintf(body, sizeof body, "%u", i);
        serve_text(scene.fixture, target, body);
        snprintf(request, sizeof request, "GET %s%s HTTP/1.1\r\nHost: x\r\n\r\n", BASE, i % 3 == 2 ? "/none" : target);
        strcat(text, request);
    }
    struct client *client = open_client();
    client_send(client, text);
    for (unsigned i = 0; i < COUNT; i++) {
        char body[16];
        struct reply reply = client_reply(client, i);
        snprintf(body, sizeof body, "%u", i);
        assert_int_equal(reply.status, i % 3 == 2 ? 404 : 200);
        if (i % 3 != 2)
            assert_body(&reply, body);
    }
}

static void a_client_may_leave_at_any_time(void **state)
{
    (void)state;
    hold(scene.fixture, "/metrics");
    struct client *under_way = open_client(), *queued = open_client(), *half = open_client(), *stays = open_client();
    ask(under_way, "GET", BASE "/metrics", "");
    run_until(scene.fixture, &scene.fixture->target.held, 1);
    ask(queued, "GET", BASE "/debug/pprof/goroutine?debug=2", "");
    client_send(half, "GET " BASE "/met");
    ask(stays, "GET", BASE "/debug/pprof/goroutine?debug=2", "");
    run_now(scene.fixture);
    leave_client(under_way);
    leave_client(queued);
    leave_client(half);
    run_now(scene.fixture);
    release_all(scene.fixture);
    assert_int_equal(client_reply(stays, 0).status, 200);
    assert_int_equal(get(stays, BASE "/metrics").status, 200);
    assert_int_equal(scene.door.queued, 0);
}

static void on_prepare(uv_prepare_t *prepare)
{
    ++*(unsigned *)prepare->data;
}

static void on_over(uv_timer_t *timer)
{
    ++*(unsigned *)timer->data;
}

/* Loop turns while nothing should happen. */
static unsigned turns_of_a_while(void)
{
    unsigned turns = 0, over = 0;
    uv_prepare_t prepare = {.data = NULL};
    uv_timer_t timer;
    uv_prepare_init(&scene.fixture->loop, &prepare);
    uv_timer_init(&scene.fixture->loop, &timer);
    prepare.data = &turns;
    timer.data = &over;
    uv_prepare_start(&prepare, on_prepare);
    uv_timer_start(&timer, on_over, WATCH_MS, 0);
    run_until(scene.fixture, &over, 1);
    uv_close((uv_handle_t *)&prepare, NULL);
    uv_close((uv_handle_t *)&timer, NULL);
    run_now(scene.fixture);
    return turns;
}

static void a_slow_client_hinders_nobody(void **state)
{
    (void)state;
    char *body = malloc(LARGE);
    assert_non_null(body);
    for (size_t i = 0; i < LARGE; i++)
        body[i] = (char)('a' + i % 23);
    serve(scene.fixture, "/debug/pprof/large", "200 OK", "", body, LARGE);
    struct client *slow = open_client(), *gone = open_client(), *quick = open_client();
    client_read(slow, false);
    client_read(gone, false);
    ask(slow, "GET", BASE "/debug/pprof/large", "");
    ask(gone, "GET", BASE "/debug/pprof/large", "");
    while (scene.door.reader_count == 0 || scene.door.readers[0].reads < 2)
        uv_run(&scene.fixture->loop, UV_RUN_ONCE);
    assert_int_equal(get(quick, BASE "/metrics").status, 200);
    unsigned turns = turns_of_a_while();
    if (turns > TURNS_MAX)
        fail_msg("the loop spins: %u turns in %d ms", turns, WATCH_MS);
    leave_client(gone);
    client_read(slow, true);
    /* One look at a body this long; the client counts replies only once it is whole. */
    struct reply reply = client_reply(slow, 0);
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.length, LARGE);
    assert_memory_equal(reply.body, body, LARGE);
    free(body);
}

static void idle_connections_cost_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++)
        get(open_client(), BASE "/metrics");
    client_send(open_client(), "GET /");
    run_now(scene.fixture);
    unsigned turns = turns_of_a_while();
    if (turns > TURNS_MAX)
        fail_msg("the loop spins: %u turns in %d ms", turns, WATCH_MS);
}

/* Beyond the limit clients wait to be accepted and are served as others leave. */
static void serves_a_crowd(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CROWD; i++)
        ask(open_client(), "GET", "/nothing", "");
    for (unsigned i = 0; i < LD_GATEWAY_CONNECTIONS_MAX; i++)
        assert_int_equal(client_reply(scene.clients[i], 0).status, 404);
    run_now(scene.fixture);
    for (unsigned i = LD_GATEWAY_CONNECTIONS_MAX; i < CROWD; i++)
        assert_int_equal(scene.clients[i]->replies, 0);
    struct client *clients[CROWD];
    memcpy(clients, scene.clients, sizeof clients);
    for (unsigned i = LD_GATEWAY_CONNECTIONS_MAX; i < CROWD; i++) {
        leave_client(clients[i - LD_GATEWAY_CONNECTIONS_MAX]);
        assert_int_equal(client_reply(clients[i], 0).status, 404);
    }
}

/* ---- endings */

static void removal_answers_what_waits(void **state)
{
    (void)state;
    hold(scene.fixture, "/metrics");
    struct client *first = open_client(), *second = open_client();
    ask(first, "GET", BASE "/metrics", "");
    run_until(scene.fixture, &scene.fixture->target.held, 1);
    ask(second, "GET", BASE "/metrics", "");
    run_now(scene.fixture);
    ld_gateway_remove(scene.gateway, TOKEN, 0);
    ld_gateway_remove(scene.gateway, TOKEN, 0); /* unknown by now: ignored */
    assert_int_equal(scene.door.queued, 0);
    struct reply reply = client_reply(first, 0);
    assert_int_equal(reply.status, 502);
    assert_body(&reply, "no whole answer from the instance: it is gone for good\n");
    assert_int_equal(client_reply(second, 0).status, 502);
    assert_int_equal(get(first, BASE "/metrics").status, 404);
    add_route(20 * LD_SECOND); /* the next run may have it */
    release_all(scene.fixture);
    assert_int_equal(get(first, BASE "/metrics").status, 200);
}

static void closes_in_the_middle_of_everything(void **state)
{
    (void)state;
    hold(scene.fixture, "/metrics");
    struct client *waits = open_client(), *half = open_client(), *idle = open_client();
    get(idle, "/nothing");
    client_send(half, "GET /");
    ask(waits, "GET", BASE "/metrics", "");
    run_until(scene.fixture, &scene.fixture->target.held, 1);
    ld_gateway_close(scene.gateway);
    scene.gateway = NULL;
    run_until(scene.fixture, &waits->ended, 1);
    run_until(scene.fixture, &half->ended, 1);
    run_until(scene.fixture, &idle->ended, 1);
    assert_int_equal(client_reply(waits, 0).status, 502); /* it was told before the end */
}

int test_gateway(void)
{
#define GATEWAY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        GATEWAY(passes_what_the_target_says),
        GATEWAY(a_blind_run_hands_out_no_names),
        GATEWAY(passes_the_query_unchanged),
        GATEWAY(head_has_no_body),
        GATEWAY(counts_readers_by_name),
        GATEWAY(the_address_outlives_an_incarnation),
        GATEWAY(tokens_differ_by_run_and_stay),
        GATEWAY(hides_everything_else),
        GATEWAY(only_get_and_head),
        GATEWAY(survives_garbage),
        GATEWAY(says_what_is_wrong_with_the_target),
        GATEWAY(a_silent_target_costs_one_timeout),
        GATEWAY(nobody_waits_for_a_profile_of_a_while),
        GATEWAY(what_lasts_too_long_is_refused_unread),
        GATEWAY(too_many_readers_are_turned_away),
        GATEWAY(a_full_queue_turns_away),
        GATEWAY(answers_pipelined_requests_in_order),
        GATEWAY(a_client_may_leave_at_any_time),
        GATEWAY(a_slow_client_hinders_nobody),
        GATEWAY(idle_connections_cost_nothing),
        GATEWAY(serves_a_crowd),
        GATEWAY(removal_answers_what_waits),
        GATEWAY(closes_in_the_middle_of_everything),
    };
    return cmocka_run_group_tests_name("gateway", tests, NULL, NULL);
}
