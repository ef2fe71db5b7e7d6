/* The door: one read at a time, counted per reader, and what becomes of reads when it is shut or closed. */
#include <stdio.h>

#include "runner-sample/fixture.h"

struct asker {
    unsigned count;
    enum ld_fetch_failure failure;
    long status;
    char body[64], message[128];
    unsigned order;         /* the how-manieth answer of all */
    unsigned asked_so_far;  /* requests the target had seen when the answer came */
};

struct scene {
    struct fixture *fixture;
    struct ld_door door;
    bool open;
    unsigned closed, answers;
    struct asker askers[LD_DOOR_QUEUE_MAX + 1];
};

static struct scene scene;

static void on_done(void *context, const struct ld_fetch_result *result)
{
    struct asker *asker = context;
    asker->count++;
    asker->failure = result->failure;
    asker->status = result->status;
    asker->order = ++scene.answers;
    asker->asked_so_far = scene.fixture->target.asked_count;
    snprintf(asker->body, sizeof asker->body, "%s", result->body);
    snprintf(asker->message, sizeof asker->message, "%s", result->message);
}

static int ask(struct asker *asker, const char *reader, const char *path)
{
    struct ld_door_request request = {.reader = reader, .path = path, .timeout_ns = 20 * LD_SECOND, .body_max = 1000};
    int code = ld_door_read(&scene.door, &request, on_done, asker);
    assert_int_equal(asker->count, 0); /* never before it returns */
    return code;
}

static void on_closed(void *context)
{
    ++*(unsigned *)context;
}

static int setup(void **state)
{
    memset(&scene, 0, sizeof scene);
    fixture_setup(state);
    scene.fixture = *state;
    serve_text(scene.fixture, "/a", "12345");
    serve_text(scene.fixture, "/b", "1234567");
    assert_int_equal(ld_door_init(&scene.door, scene.fixture->fetcher, &scene.fixture->loop), 0);
    ld_door_point(&scene.door, scene.fixture->target.address);
    scene.open = true;
    return 0;
}

static void close_door(void)
{
    ld_door_close(&scene.door, on_closed, &scene.closed);
    scene.open = false;
    assert_int_equal(scene.closed, 0);
    run_until(scene.fixture, &scene.closed, 1);
}

static int teardown(void **state)
{
    if (scene.open)
        close_door();
    return fixture_teardown(state);
}

static const struct ld_reader *reader(const char *name)
{
    for (size_t i = 0; i < scene.door.reader_count; i++)
        if (strcmp(scene.door.readers[i].name, name) == 0)
            return &scene.door.readers[i];
    fail_msg("no reader %s", name);
    return NULL;
}

static void reads_one_at_a_time(void **state)
{
    (void)state;
    hold(scene.fixture, "/a");
    assert_int_equal(ask(&scene.askers[0], "x", "/a"), 0);
    assert_int_equal(ask(&scene.askers[1], "y", "/b"), 0);
    assert_int_equal(ask(&scene.askers[2], "x", "/a"), 0);
    run_until(scene.fixture, &scene.fixture->target.held, 1);
    run_now(scene.fixture);
    assert_int_equal(scene.fixture->target.asked_count, 1);
    release_all(scene.fixture);
    run_until(scene.fixture, &scene.answers, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(scene.askers[i].order, i + 1);
        assert_int_equal(scene.askers[i].count, 1);
        assert_int_equal(scene.askers[i].asked_so_far, i + 1);
    }
    assert_string_equal(scene.askers[1].body, "1234567");
}

/* What is read beside waits for its like only, and nothing waits for it. */
static void reads_beside(void **state)
{
    (void)state;
    struct ld_door_request beside = {.reader = "e",
                                     .path = "/a",
                                     .timeout_ns = 20 * LD_SECOND,
                                     .body_max = 1000,
                                     .way = LD_DOOR_BESIDE};
    hold(scene.fixture, "/a");
    assert_int_equal(ld_door_read(&scene.door, &beside, on_done, &scene.askers[0]), 0);
    beside.path = "/b";
    assert_int_equal(ld_door_read(&scene.door, &beside, on_done, &scene.askers[1]), 0);
    assert_int_equal(ask(&scene.askers[2], "x", "/b"), 0);
    assert_int_equal(scene.door.queued, 3);
    run_until(scene.fixture, &scene.answers, 1);
    run_now(scene.fixture);
    assert_int_equal(scene.askers[2].order, 1);
    assert_int_equal(scene.fixture->target.asked_count, 2);
    release_all(scene.fixture);
    run_until(scene.fixture, &scene.answers, 3);
    assert_int_equal(scene.askers[0].order, 2);
    assert_int_equal(scene.askers[1].order, 3);
    assert_int_equal(scene.door.queued, 0);
    hold(scene.fixture, "/a"); /* forgotten when the door closes */
    beside.path = "/a";
    assert_int_equal(ld_door_read(&scene.door, &beside, on_done, &scene.askers[3]), 0);
    run_until(scene.fixture, &scene.fixture->target.held, 1);
    close_door();
    assert_int_equal(scene.askers[3].count, 0);
}

/* A profile of a while, that somebody asks for, keeps no endpoint waiting. */
static void a_lasting_read_keeps_none_waiting(void **state)
{
    (void)state;
    struct ld_door_request request = {.reader = "e",
                                      .path = "/a",
                                      .timeout_ns = 20 * LD_SECOND,
                                      .body_max = 1000,
                                      .way = LD_DOOR_LASTING};
    hold(scene.fixture, "/a");
    assert_int_equal(ld_door_read(&scene.door, &request, on_done, &scene.askers[0]), 0);
    run_until(scene.fixture, &scene.fixture->target.held, 1);
    request.path = "/b";
    assert_int_equal(ld_door_read(&scene.door, &request, on_done, &scene.askers[1]), 0);
    request.way = LD_DOOR_BESIDE;
    assert_int_equal(ld_door_read(&scene.door, &request, on_done, &scene.askers[2]), 0);
    run_until(scene.fixture, &scene.answers, 1);
    run_now(scene.fixture);
    assert_int_equal(scene.askers[2].order, 1);
    assert_int_equal(scene.askers[1].count, 0); /* its like waits */
    release_all(scene.fixture);
    run_until(scene.fixture, &scene.answers, 3);
}

static void names_who_held_it(void **state)
{
    (void)state;
    assert_null(ld_door_held_by(&scene.door, 0));
    ask(&scene.askers[0], LD_READER_SAMPLER, "/b");
    run_until(scene.fixture, &scene.answers, 1);
    assert_null(ld_door_held_by(&scene.door, 0));
    hold(scene.fixture, "/a");
    ask(&scene.askers[1], "slow", "/a");
    ask(&scene.askers[2], "quick", "/b");
    run_until(scene.fixture, &scene.fixture->target.held, 1);
    int64_t before_ns = (int64_t)uv_hrtime();
    while ((int64_t)uv_hrtime() - before_ns < 20 * LD_MS)
        run_now(scene.fixture);
    release_all(scene.fixture);
    run_until(scene.fixture, &scene.answers, 3);
    const struct ld_reader *held_by = ld_door_held_by(&scene.door, before_ns);
    assert_non_null(held_by);
    assert_string_equal(held_by->name, "slow");
    assert_true(held_by->slow_ns >= 20 * LD_MS);
    assert_null(ld_door_held_by(&scene.door, (int64_t)uv_hrtime()));
}

static void counts_per_reader(void **state)
{
    uint64_t bytes;
    int64_t time_ns;
    (void)state;
    serve(scene.fixture, "/none", "404 Not Found", "X-Go-Pprof: 1\r\n", "Unknown profile\n", 16);
    serve_raw(scene.fixture, "/cut", CUT, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    ask(&scene.askers[0], "x", "/a");
    ask(&scene.askers[1], "y", "/b");
    ask(&scene.askers[2], "x", "/none");
    ask(&scene.askers[3], "x", "/cut");
    run_until(scene.fixture, &scene.answers, 4);
    assert_int_equal(reader("x")->reads, 3);
    assert_int_equal(reader("x")->failures, 2);
    assert_int_equal(reader("x")->bytes, 5 + 16 + 4);
    assert_int_equal(reader("y")->reads, 1);
    assert_int_equal(reader("y")->failures, 0);
    assert_int_equal(reader("y")->bytes, 7);
    assert_true(reader("x")->time_ns > 0 && reader("y")->time_ns > 0);
    ld_door_totals(&scene.door, &bytes, &time_ns);
    assert_int_equal(bytes, 32);
    assert_true(time_ns == reader("x")->time_ns + reader("y")->time_ns);
}

static void readers_beyond_the_limit_are_others(void **state)
{
    enum { NAMES = LD_DOOR_READERS_MAX + 5 };
    (void)state;
    for (unsigned i = 0; i < NAMES; i++) {
        char name[16];
        snprintf(name, sizeof name, "reader-%u", i);
        assert_int_equal(ask(&scene.askers[i], name, "/a"), 0);
    }
    run_until(scene.fixture, &scene.answers, NAMES);
    assert_int_equal(scene.door.reader_count, LD_DOOR_READERS_MAX);
    assert_int_equal(reader("reader-0")->reads, 1);
    assert_int_equal(reader("others")->reads, NAMES - (LD_DOOR_READERS_MAX - 1));
}

static void a_shut_door_refuses(void **state)
{
    (void)state;
    ld_door_point(&scene.door, NULL);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(ask(&scene.askers[i], "x", "/a"), 0);
    assert_int_equal(scene.answers, 0);
    run_until(scene.fixture, &scene.answers, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(scene.askers[i].failure, LD_FETCH_REFUSED);
        assert_int_equal(scene.askers[i].status, 0);
        assert_int_equal(scene.askers[i].order, i + 1);
        assert_string_equal(scene.askers[i].message, "the instance is not up");
    }
    assert_int_equal(reader("x")->failures, 3);
    assert_int_equal(scene.fixture->target.asked_count, 0);
}

/* Reads that wait behind one under way when the instance dies are refused once it ends; the next life is read. */
static void follows_the_instance(void **state)
{
    (void)state;
    hold(scene.fixture, "/a");
    ask(&scene.askers[0], "x", "/a");
    ask(&scene.askers[1], "x", "/b");
    run_until(scene.fixture, &scene.fixture->target.held, 1);
    ld_door_point(&scene.door, NULL);
    release_all(scene.fixture);
    run_until(scene.fixture, &scene.answers, 2);
    assert_int_equal(scene.askers[0].failure, LD_FETCH_OK);
    assert_int_equal(scene.askers[1].failure, LD_FETCH_REFUSED);
    ld_door_point(&scene.door, scene.fixture->target.address);
    ask(&scene.askers[2], "x", "/b");
    run_until(scene.fixture, &scene.answers, 3);
    assert_string_equal(scene.askers[2].body, "1234567");
}

static void the_queue_is_bounded(void **state)
{
    char path[300];
    (void)state;
    hold(scene.fixture, "/a");
    for (unsigned i = 0; i < LD_DOOR_QUEUE_MAX; i++)
        assert_int_equal(ask(&scene.askers[i], "x", "/a"), 0);
    assert_int_equal(ask(&scene.askers[LD_DOOR_QUEUE_MAX], "x", "/a"), LD_ELIMIT);
    run_until(scene.fixture, &scene.fixture->target.held, 1);
    release_all(scene.fixture);
    run_until(scene.fixture, &scene.answers, LD_DOOR_QUEUE_MAX);
    memset(path, 'a', sizeof path);
    path[0] = '/';
    path[256] = '\0';
    assert_int_equal(ask(&scene.askers[LD_DOOR_QUEUE_MAX], "x", path), LD_ELIMIT);
    path[255] = '\0';
    assert_int_equal(ask(&scene.askers[LD_DOOR_QUEUE_MAX], "x", path), 0);
    run_until(scene.fixture, &scene.answers, LD_DOOR_QUEUE_MAX + 1);
    assert_int_equal(scene.askers[LD_DOOR_QUEUE_MAX].status, 404);
}

static void forgets_one_asker(void **state)
{
    (void)state;
    hold(scene.fixture, "/a");
    ask(&scene.askers[0], "x", "/a"); /* under way */
    ask(&scene.askers[1], "x", "/b");
    ask(&scene.askers[0], "x", "/b");
    ask(&scene.askers[2], "x", "/b");
    ask(&scene.askers[0], "x", "/b"); /* the last */
    run_until(scene.fixture, &scene.fixture->target.held, 1);
    ld_door_forget(&scene.door, &scene.askers[0]);
    run_until(scene.fixture, &scene.answers, 2); /* those behind it go on by themselves */
    ld_door_forget(&scene.door, &scene.askers[0]); /* unknown by now */
    ask(&scene.askers[3], "x", "/b"); /* the queue's end is still its end */
    run_until(scene.fixture, &scene.answers, 3);
    run_now(scene.fixture);
    assert_int_equal(scene.askers[0].count, 0);
    assert_int_equal(scene.askers[1].order, 1);
    assert_int_equal(scene.askers[2].order, 2);
    assert_int_equal(scene.askers[3].order, 3);
    ask(&scene.askers[0], "x", "/b");
    ld_door_forget(&scene.door, &scene.askers[0]); /* the only one */
    assert_int_equal(scene.door.queued, 0);
    ask(&scene.askers[4], "x", "/b");
    run_until(scene.fixture, &scene.answers, 4);
}

static void closes_with_reads_under_way(void **state)
{
    (void)state;
    hold(scene.fixture, "/a");
    ask(&scene.askers[0], "x", "/a");
    ask(&scene.askers[1], "x", "/b");
    run_until(scene.fixture, &scene.fixture->target.held, 1);
    close_door();
    release_all(scene.fixture);
    run_now(scene.fixture);
    assert_int_equal(scene.answers, 0);
}

static void closes_while_it_refuses(void **state)
{
    (void)state;
    ld_door_point(&scene.door, NULL);
    ask(&scene.askers[0], "x", "/a");
    close_door();
    run_now(scene.fixture);
    assert_int_equal(scene.answers, 0);
}

int test_door(void)
{
#define DOOR(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        DOOR(reads_one_at_a_time),
        DOOR(reads_beside),
        DOOR(a_lasting_read_keeps_none_waiting),
        DOOR(names_who_held_it),
        DOOR(counts_per_reader),
        DOOR(readers_beyond_the_limit_are_others),
        DOOR(a_shut_door_refuses),
        DOOR(follows_the_instance),
        DOOR(the_queue_is_bounded),
        DOOR(forgets_one_asker),
        DOOR(closes_with_reads_under_way),
        DOOR(closes_while_it_refuses),
    };
    return cmocka_run_group_tests_name("door", tests, NULL, NULL);
}
