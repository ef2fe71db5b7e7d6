/* Sampling faults at a door: what each makes of a read, for whoever asked, and what the receipt says of it. */
#include <stdio.h>

#include "runner-sample/fixture.h"
#include "runner/sample/gateway.h"

#define PAGE "/debug/pprof/goroutine"

struct got {
    unsigned count;
    enum ld_fetch_failure failure;
    long status;
    bool pprof_header;
    size_t length;
    int64_t took_ns;
    char body[600], content_type[64];
};

static struct scene {
    struct fixture *fixture;
    struct ld_door door;
    unsigned closed;
    struct ld_fault_spec spec;
    struct ld_door_fault fault;
} scene;

static void on_done(void *context, const struct ld_fetch_result *result)
{
    struct got *got = context;
    got->count++;
    got->failure = result->failure;
    got->status = result->status;
    got->pprof_header = result->pprof_header;
    got->length = result->length;
    got->took_ns = result->ended_ns - result->began_ns;
    snprintf(got->content_type, sizeof got->content_type, "%s", result->content_type);
    assert_true(result->length < sizeof got->body);
    memcpy(got->body, result->body, result->length);
    assert_int_equal(result->body[result->length], '\0');
}

static void ask(struct got *got, const char *path, int64_t timeout_ns)
{
    struct ld_door_request request = {.reader = "x", .path = path, .timeout_ns = timeout_ns, .body_max = 100000};
    *got = (struct got){0};
    assert_int_equal(ld_door_read(&scene.door, &request, on_done, got), 0);
    assert_int_equal(got->count, 0); /* never before it returns */
}

static struct got read_one(const char *path, int64_t timeout_ns)
{
    static struct got got;
    ask(&got, path, timeout_ns);
    run_until(scene.fixture, &got.count, 1);
    return got;
}

static void begin(struct ld_fault_sampling sampling)
{
    scene.spec = (struct ld_fault_spec){.id = "c/0/sampling", .type = LD_FAULT_SAMPLING};
    if (!sampling.reads)
        sampling.reads = ~0u;
    if (sampling.toxicity <= 0)
        sampling.toxicity = 1;
    scene.spec.attributes.sampling = sampling;
    scene.fault = (struct ld_door_fault){.spec = &scene.spec, .seed = 11};
    ld_door_fault_add(&scene.door, &scene.fault);
}

static void assert_effect(uint64_t touched, uint64_t delivered, uint64_t spared)
{
    assert_int_equal(scene.fault.effect.touched, touched);
    assert_int_equal(scene.fault.effect.delivered, delivered);
    assert_int_equal(scene.fault.effect.unchanged, touched - delivered);
    assert_int_equal(scene.fault.effect.spared, spared);
}

static int setup(void **state)
{
    memset(&scene, 0, sizeof scene);
    fixture_setup(state);
    scene.fixture = *state;
    serve_text(scene.fixture, PAGE, "0123456789");
    serve_text(scene.fixture, "/metrics", "go_goroutines 3\n");
    assert_int_equal(ld_door_init(&scene.door, scene.fixture->fetcher, &scene.fixture->loop), 0);
    ld_door_point(&scene.door, scene.fixture->target.address);
    return 0;
}

static void on_closed(void *context)
{
    ++*(unsigned *)context;
}

static int teardown(void **state)
{
    ld_door_close(&scene.door, on_closed, &scene.closed);
    run_until(scene.fixture, &scene.closed, 1);
    return fixture_teardown(state);
}

static void refused(void **state)
{
    (void)state;
    begin((struct ld_fault_sampling){.how = LD_SAMPLING_REFUSED});
    assert_int_equal(read_one(PAGE, LD_SECOND).failure, LD_FETCH_REFUSED);
    assert_int_equal(scene.fixture->target.asked_count, 0);
    assert_effect(1, 1, 0);
    ld_door_fault_remove(&scene.door, &scene.fault);
    assert_int_equal(read_one(PAGE, LD_SECOND).failure, LD_FETCH_OK);
    assert_effect(1, 1, 0);
    assert_int_equal(scene.door.readers[0].reads, 2);
    assert_int_equal(scene.door.readers[0].failures, 1);
}

static void not_found_in_gos_words(void **state)
{
    (void)state;
    begin((struct ld_fault_sampling){.how = LD_SAMPLING_NOT_FOUND});
    struct got got = read_one(PAGE, LD_SECOND);
    assert_int_equal(got.failure, LD_FETCH_OK);
    assert_int_equal(got.status, 404);
    assert_true(got.pprof_header);
    assert_string_equal(got.body, "Unknown profile\n");
    assert_false(read_one("/metrics", LD_SECOND).pprof_header);
    assert_int_equal(scene.fixture->target.asked_count, 0);
    assert_effect(2, 2, 0);
}

static void truncated(void **state)
{
    (void)state;
    begin((struct ld_fault_sampling){.how = LD_SAMPLING_TRUNCATED, .after = 4});
    struct got got = read_one(PAGE, LD_SECOND);
    assert_int_equal(got.failure, LD_FETCH_TRUNCATED);
    assert_int_equal(got.length, 4);
    assert_string_equal(got.body, "0123");
    assert_effect(1, 1, 0);
    serve_text(scene.fixture, PAGE, "0123");
    got = read_one(PAGE, LD_SECOND);
    assert_int_equal(got.failure, LD_FETCH_OK); /* nothing is left to cut off */
    assert_effect(2, 1, 0);
}

static void wrong_content(void **state)
{
    (void)state;
    begin((struct ld_fault_sampling){.how = LD_SAMPLING_WRONG_CONTENT, .content = LD_SAMPLING_HTML});
    struct got got = read_one(PAGE, LD_SECOND);
    assert_int_equal(got.status, 200);
    assert_string_equal(got.content_type, "text/html; charset=utf-8");
    assert_non_null(strstr(got.body, "Sign in"));
    assert_effect(1, 1, 0);
}

static void slow(void **state)
{
    (void)state;
    begin((struct ld_fault_sampling){.how = LD_SAMPLING_SLOW, .delay_ns = 40 * LD_MS});
    struct got got = read_one(PAGE, 20 * LD_SECOND);
    assert_int_equal(got.failure, LD_FETCH_OK);
    assert_string_equal(got.body, "0123456789");
    if (got.took_ns < 40 * LD_MS)
        fail_msg("came after %.3f ms, not after 40 at the least", (double)got.took_ns / 1e6);
    assert_effect(1, 1, 0);
    assert_int_equal(scene.fault.effect.delay_count, 1);
    assert_int_equal(scene.fault.effect.worst_early_ns, 0);
    assert_true(scene.fault.effect.delay_least_ns >= 40 * LD_MS);
}

static void slower_than_the_reader_waits(void **state)
{
    (void)state;
    begin((struct ld_fault_sampling){.how = LD_SAMPLING_SLOW, .delay_ns = 10 * LD_SECOND});
    struct got got = read_one(PAGE, 30 * LD_MS);
    assert_int_equal(got.failure, LD_FETCH_TIMEOUT);
    assert_true(got.took_ns >= 30 * LD_MS);
    assert_int_equal(scene.fixture->target.asked_count, 0);
    assert_effect(1, 1, 0);
    assert_int_equal(scene.fault.effect.delay_count, 0);
}

static void only_what_it_names(void **state)
{
    (void)state;
    begin((struct ld_fault_sampling){.how = LD_SAMPLING_REFUSED, .reads = LD_SAMPLING_METRICS});
    assert_int_equal(read_one(PAGE, LD_SECOND).failure, LD_FETCH_OK);
    assert_int_equal(read_one("/metrics", LD_SECOND).failure, LD_FETCH_REFUSED);
    assert_effect(1, 1, 0);
}

static void endpoints_have_a_name_of_their_own(void **state)
{
    (void)state;
    begin((struct ld_fault_sampling){.how = LD_SAMPLING_REFUSED, .reads = LD_SAMPLING_ENDPOINTS});
    assert_int_equal(read_one("/metrics", LD_SECOND).failure, LD_FETCH_OK);
    struct ld_door_request request = {.reader = "x",
                                      .path = "/metrics",
                                      .timeout_ns = LD_SECOND,
                                      .body_max = 100000,
                                      .way = LD_DOOR_BESIDE,
                                      .endpoint = true};
    struct got got = {0};
    assert_int_equal(ld_door_read(&scene.door, &request, on_done, &got), 0);
    run_until(scene.fixture, &got.count, 1);
    assert_int_equal(got.failure, LD_FETCH_REFUSED);
    assert_effect(1, 1, 0);
}

static void a_share_as_decided(void **state)
{
    uint64_t expected = 0;
    (void)state;
    begin((struct ld_fault_sampling){.how = LD_SAMPLING_REFUSED, .toxicity = 0.5});
    for (uint64_t read = 0; read < 20; read++) {
        bool touched = ld_sampling_touches(11, &scene.spec, 0, read);
        expected += touched;
        assert_int_equal(read_one(PAGE, LD_SECOND).failure, touched ? LD_FETCH_REFUSED : LD_FETCH_OK);
    }
    assert_in_range(expected, 3, 17);
    assert_effect(expected, expected, 20 - expected);
}

static void two_at_once(void **state)
{
    struct ld_fault_spec second_spec = {.id = "c/1/sampling", .type = LD_FAULT_SAMPLING};
    struct ld_door_fault second = {.spec = &second_spec, .seed = 11};
    (void)state;
    begin((struct ld_fault_sampling){.how = LD_SAMPLING_SLOW, .delay_ns = 20 * LD_MS});
    second_spec.attributes.sampling =
        (struct ld_fault_sampling){.how = LD_SAMPLING_NOT_FOUND, .reads = ~0u, .toxicity = 1};
    ld_door_fault_add(&scene.door, &second);
    struct got got = read_one(PAGE, LD_SECOND);
    assert_int_equal(got.status, 404);
    assert_true(got.took_ns >= 20 * LD_MS);
    assert_effect(1, 1, 0);
    assert_int_equal(second.effect.delivered, 1);
    ld_door_fault_remove(&scene.door, &scene.fault);
    ld_door_fault_remove(&scene.door, &scene.fault); /* twice changes nothing */
    ld_door_fault_remove(&scene.door, &second);
    assert_int_equal(read_one(PAGE, LD_SECOND).status, 200);
}

/* The instance goes, the asker goes, the fault goes, while a read is held. */
static void held_reads_end_well(void **state)
{
    static struct got got, next;
    (void)state;
    begin((struct ld_fault_sampling){.how = LD_SAMPLING_SLOW, .delay_ns = 30 * LD_MS});
    ask(&got, PAGE, LD_SECOND);
    ld_door_point(&scene.door, NULL);
    run_until(scene.fixture, &got.count, 1);
    assert_int_equal(got.failure, LD_FETCH_REFUSED);
    assert_effect(1, 0, 0);
    ld_door_point(&scene.door, scene.fixture->target.address);
    ask(&got, PAGE, LD_SECOND);
    ask(&next, "/metrics", LD_SECOND);
    ld_door_forget(&scene.door, &got);
    run_until(scene.fixture, &next.count, 1);
    assert_int_equal(got.count, 0);
    assert_int_equal(next.failure, LD_FETCH_OK);
    assert_true(next.took_ns >= 30 * LD_MS);
    ld_door_point(&scene.door, NULL);
    ask(&got, PAGE, LD_SECOND); /* about to be told that nobody is there; who comes behind is not told so instead */
    ld_door_point(&scene.door, scene.fixture->target.address);
    ask(&next, "/metrics", LD_SECOND);
    ld_door_forget(&scene.door, &got);
    run_until(scene.fixture, &next.count, 1);
    assert_int_equal(got.count, 0);
    assert_int_equal(next.failure, LD_FETCH_OK);
    assert_true(next.took_ns >= 30 * LD_MS);
    ask(&got, PAGE, LD_SECOND);
    ld_door_fault_remove(&scene.door, &scene.fault);
    run_until(scene.fixture, &got.count, 1);
    assert_int_equal(got.failure, LD_FETCH_OK);
    assert_effect(3, 2, 0); /* the last one came after its end */
    begin((struct ld_fault_sampling){.how = LD_SAMPLING_SLOW, .delay_ns = 10 * LD_SECOND});
    ask(&got, PAGE, 20 * LD_SECOND); /* the teardown closes the door upon it */
}

/* People meet the same fault at the gateway. */
static void people_too(void **state)
{
    struct ld_gateway *gateway;
    struct ld_error error;
    char request[160];
    (void)state;
    assert_int_equal(ld_gateway_new(&gateway, &scene.fixture->loop, &error), 0);
    struct ld_gateway_route route = {
        .token = 5, .instance = 0, .door = &scene.door, .metrics_path = "/metrics", .timeout_ns = LD_SECOND};
    assert_int_equal(ld_gateway_add(gateway, &route), 0);
    begin((struct ld_fault_sampling){.how = LD_SAMPLING_NOT_FOUND});
    struct client *client = client_open(scene.fixture, ld_gateway_port(gateway));
    snprintf(request, sizeof request, "GET /%016x/0%s HTTP/1.1\r\nHost: x\r\n\r\n", 5, PAGE);
    client_send(client, request);
    struct reply reply = client_reply(client, 0);
    assert_int_equal(reply.status, 404);
    assert_non_null(strstr(reply.head, "X-Go-Pprof: 1"));
    assert_body(&reply, "Unknown profile\n");
    ld_door_fault_remove(&scene.door, &scene.fault);
    begin((struct ld_fault_sampling){.how = LD_SAMPLING_TRUNCATED, .after = 3});
    client_send(client, request);
    assert_int_equal(client_reply(client, 1).status, 502);
    client_close(client);
    ld_gateway_remove(gateway, 5, 0);
    ld_gateway_close(gateway);
}

int test_door_fault(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(refused),
        TEST(not_found_in_gos_words),
        TEST(truncated),
        TEST(wrong_content),
        TEST(slow),
        TEST(slower_than_the_reader_waits),
        TEST(only_what_it_names),
        TEST(endpoints_have_a_name_of_their_own),
        TEST(a_share_as_decided),
        TEST(two_at_once),
        TEST(held_reads_end_well),
        TEST(people_too),
#undef TEST
    };
    return cmocka_run_group_tests_name("sampling faults at a door", tests, NULL, NULL);
}
