/* HTTP GET on the loop: every way a transfer can end, ends once, with the right word for it. */
#include <stdio.h>
#include <unistd.h>

#include "runner-sample/fixture.h"

#define PATIENT (20 * LD_SECOND)
#define LARGE 300000

struct ending {
    unsigned count; /* must become 1 */
    enum ld_fetch_failure failure;
    long status;
    bool pprof_header;
    char content_type[64];
    char body[256];
    size_t length;
    int64_t time_ns;
    char message[256];
    struct fixture *chain; /* start another from within the callback */
    struct ending *chained;
};

static struct ld_fetch *start(struct fixture *fixture, const char *url, int64_t timeout_ns, size_t body_max, bool keep,
                              struct ending *ending);

static void on_done(void *context, const struct ld_fetch_result *result)
{
    struct ending *ending = context;
    ending->count++;
    ending->failure = result->failure;
    ending->status = result->status;
    ending->pprof_header = result->pprof_header;
    ending->length = result->length;
    ending->time_ns = result->ended_ns - result->began_ns;
    snprintf(ending->content_type, sizeof ending->content_type, "%s", result->content_type);
    snprintf(ending->body, sizeof ending->body, "%s", result->body);
    snprintf(ending->message, sizeof ending->message, "%s", result->message);
    if (ending->chain) {
        char url[128];
        snprintf(url, sizeof url, "http://%s/next", ending->chain->target.address);
        start(ending->chain, url, PATIENT, 1000, true, ending->chained);
    }
}

static struct ld_fetch *start(struct fixture *fixture, const char *url, int64_t timeout_ns, size_t body_max, bool keep,
                              struct ending *ending)
{
    struct ld_fetch *fetch;
    struct ld_fetch_request request = {url, timeout_ns, body_max, keep};
    assert_int_equal(ld_fetch_start(&fetch, fixture->fetcher, &request, on_done, ending), 0);
    assert_int_equal(ending->count, 0); /* never before it returns */
    return fetch;
}

static struct ld_fetch *get(struct fixture *fixture, const char *path, int64_t timeout_ns, struct ending *ending)
{
    char url[256];
    snprintf(url, sizeof url, "http://%s%s", fixture->target.address, path);
    return start(fixture, url, timeout_ns, 1000, true, ending);
}

static void brings_a_body(void **state)
{
    struct fixture *fixture = *state;
    struct ending ending = {0};
    serve_text(fixture, "/a?debug=1", "hello");
    get(fixture, "/a?debug=1", PATIENT, &ending);
    run_until(fixture, &ending.count, 1);
    assert_int_equal(ending.failure, LD_FETCH_OK);
    assert_int_equal(ending.status, 200);
    assert_string_equal(ending.body, "hello");
    assert_string_equal(ending.content_type, "text/plain");
    assert_string_equal(ending.message, "");
    assert_int_equal(ending.length, 5);
    assert_false(ending.pprof_header);
    assert_true(ending.time_ns > 0);
}

static void an_empty_body_is_a_body(void **state)
{
    struct fixture *fixture = *state;
    struct ending ending = {0};
    serve(fixture, "/a", "200 OK", "", "", 0);
    get(fixture, "/a", PATIENT, &ending);
    run_until(fixture, &ending.count, 1);
    assert_int_equal(ending.failure, LD_FETCH_OK);
    assert_string_equal(ending.body, "");
    assert_string_equal(ending.content_type, "");
}

static void says_what_the_runtime_does_not_have(void **state)
{
    struct fixture *fixture = *state;
    struct ending ending = {0};
    serve(fixture, "/a", "404 Not Found", "X-Go-Pprof: 1\r\n", "Unknown profile\n", 16);
    get(fixture, "/a", PATIENT, &ending);
    run_until(fixture, &ending.count, 1);
    assert_int_equal(ending.failure, LD_FETCH_OK);
    assert_int_equal(ending.status, 404);
    assert_true(ending.pprof_header);
    assert_string_equal(ending.body, "Unknown profile\n");
}

static void joins_chunks(void **state)
{
    struct fixture *fixture = *state;
    struct ending ending = {0};
    serve_raw(fixture, "/a", STAY,
              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    get(fixture, "/a", PATIENT, &ending);
    run_until(fixture, &ending.count, 1);
    assert_int_equal(ending.failure, LD_FETCH_OK);
    assert_string_equal(ending.body, "abcde");
}

/* How a raw answer ends. */
struct ending_case {
    const char *bytes;
    enum act act;
    enum ld_fetch_failure failure;
    long status;
};

static void names_every_bad_end(void **state)
{
    static const struct ending_case cases[] = {
        {"", RESET, LD_FETCH_REFUSED, 0},
        {"", CUT, LD_FETCH_REFUSED, 0},
        {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", CUT, LD_FETCH_TRUNCATED, 200},
        {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", CUT, LD_FETCH_TRUNCATED, 200},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", CUT, LD_FETCH_TRUNCATED, 200},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n", CUT, LD_FETCH_TRUNCATED, 200},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", STAY, LD_FETCH_TRUNCATED, 200},
        {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", STAY, LD_FETCH_TIMEOUT, 200},
        {"SSH-2.0-something\r\n\r\n", CUT, LD_FETCH_BROKEN, 0},
        {"\x01\x02\x03", CUT, LD_FETCH_BROKEN, 0},
        {"", HOLD, LD_FETCH_TIMEOUT, 0},
        {"HTTP/1.1 200 OK\r\nContent-Le", STAY, LD_FETCH_TIMEOUT, 200},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ending ending = {0};
        serve_raw(fixture, "/a", cases[i].act, cases[i].bytes);
        get(fixture, "/a", cases[i].failure == LD_FETCH_TIMEOUT ? 20 * LD_MS : PATIENT, &ending);
        run_until(fixture, &ending.count, 1);
        if (ending.failure != cases[i].failure || ending.status != cases[i].status)
            fail_msg("case %zu: failure %d status %ld (%s), not %d and %ld", i, ending.failure, ending.status,
                     ending.message, cases[i].failure, cases[i].status);
        assert_true(ending.message[0] != '\0');
    }
}

/* Once an answer has begun its loss is a cut answer, not a refusal, whether or not a byte of its body came. */
static void a_reset_within_an_answer_truncates_it(void **state)
{
    struct fixture *fixture = *state;
    struct ending header = {0}, half = {0};
    serve_raw(fixture, "/header", STAY, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
    serve_raw(fixture, "/half", STAY, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    get(fixture, "/header", PATIENT, &header);
    get(fixture, "/half", PATIENT, &half);
    run_until(fixture, &fixture->target.asked_count, 2);
    run_now(fixture); /* what was sent has arrived */
    target_down(fixture);
    run_until(fixture, &header.count, 1);
    run_until(fixture, &half.count, 1);
    assert_int_equal(header.failure, LD_FETCH_TRUNCATED);
    assert_int_equal(half.failure, LD_FETCH_TRUNCATED);
    assert_int_equal(header.status, 200);
    assert_int_equal(half.length, 4);
}

/* libuv stops the poll handle by itself here: libcurl must be told, or this waits until its timeout. */
static void a_refused_connection_is_refused_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct ending ending = {0};
    char address[64], url[96];
    int fd = refusing_socket(address);
    snprintf(url, sizeof url, "http://%s/a", address);
    start(fixture, url, 60 * LD_SECOND, 1000, true, &ending);
    run_until(fixture, &ending.count, 1);
    close(fd);
    assert_int_equal(ending.failure, LD_FETCH_REFUSED);
    assert_int_equal(ending.status, 0);
    assert_true(ending.time_ns < 10 * LD_SECOND);
}

static void no_timeout_is_lost(void **state)
{
    enum { COUNT = 60 };
    struct fixture *fixture = *state;
    struct ending endings[COUNT] = {0};
    serve_text(fixture, "/a", "late");
    hold(fixture, "/a");
    for (int i = 0; i < COUNT; i++)
        get(fixture, "/a", (10 + i % 5) * LD_MS, &endings[i]);
    for (int i = 0; i < COUNT; i++) {
        run_until(fixture, &endings[i].count, 1);
        assert_int_equal(endings[i].failure, LD_FETCH_TIMEOUT);
        assert_true(endings[i].time_ns >= 9 * LD_MS);
        assert_int_equal(endings[i].count, 1);
    }
}

static void stops_a_body_that_is_too_large(void **state)
{
    struct fixture *fixture = *state;
    char *body = malloc(LARGE), url[128];
    assert_non_null(body);
    memset(body, 'x', LARGE);
    serve(fixture, "/large", "200 OK", "", body, LARGE);
    free(body);
    snprintf(url, sizeof url, "http://%s/large", fixture->target.address);
    const struct {
        size_t body_max;
        bool keep;
        enum ld_fetch_failure failure;
    } cases[] = {{LARGE - 1, true, LD_FETCH_TOO_LARGE}, {LARGE - 1, false, LD_FETCH_TOO_LARGE},
                 {LARGE, true, LD_FETCH_OK},            {LARGE, false, LD_FETCH_OK},
                 {1, true, LD_FETCH_TOO_LARGE}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ending ending = {0};
        start(fixture, url, PATIENT, cases[i].body_max, cases[i].keep, &ending);
        run_until(fixture, &ending.count, 1);
        assert_int_equal(ending.failure, cases[i].failure);
        assert_int_equal(ending.body[0], cases[i].keep && cases[i].failure == LD_FETCH_OK ? 'x' : ending.body[0]);
        if (!cases[i].keep)
            assert_string_equal(ending.body, "");
        if (cases[i].failure == LD_FETCH_OK)
            assert_int_equal(ending.length, LARGE);
    }
}

static void keeps_connections(void **state)
{
    struct fixture *fixture = *state;
    serve_text(fixture, "/a", "hello");
    for (unsigned i = 0; i < 5; i++) {
        struct ending ending = {0};
        get(fixture, "/a", PATIENT, &ending);
        run_until(fixture, &ending.count, 1);
        assert_int_equal(ending.failure, LD_FETCH_OK);
    }
    assert_int_equal(fixture->target.asked_count, 5);
    assert_int_equal(fixture->target.accepted, 1);
}

/* A kept connection that the target dropped meanwhile must not fail the next read. */
static void survives_a_dropped_connection(void **state)
{
    struct fixture *fixture = *state;
    struct ending first = {0}, second = {0};
    serve_raw(fixture, "/a", CUT, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    get(fixture, "/a", PATIENT, &first);
    run_until(fixture, &first.count, 1);
    get(fixture, "/a", PATIENT, &second);
    run_until(fixture, &second.count, 1);
    assert_int_equal(first.failure, LD_FETCH_OK);
    assert_int_equal(second.failure, LD_FETCH_OK);
    assert_int_equal(fixture->target.accepted, 2);
}

static void does_not_follow_redirects(void **state)
{
    struct fixture *fixture = *state;
    struct ending ending = {0};
    serve(fixture, "/a", "302 Found", "Location: /b\r\n", "", 0);
    get(fixture, "/a", PATIENT, &ending);
    run_until(fixture, &ending.count, 1);
    assert_int_equal(ending.status, 302);
    assert_int_equal(fixture->target.asked_count, 1);
}

static void one_may_start_another(void **state)
{
    struct fixture *fixture = *state;
    struct ending second = {0}, first = {.chain = fixture, .chained = &second};
    serve_text(fixture, "/a", "one");
    serve_text(fixture, "/next", "two");
    get(fixture, "/a", PATIENT, &first);
    run_until(fixture, &second.count, 1);
    assert_string_equal(first.body, "one");
    assert_string_equal(second.body, "two");
}

static void a_cancelled_one_is_silent(void **state)
{
    struct fixture *fixture = *state;
    struct ending silent = {0}, unsent = {0}, other = {0};
    serve_text(fixture, "/held", "held");
    hold(fixture, "/held");
    serve_text(fixture, "/a", "hello");
    struct ld_fetch *fetch = get(fixture, "/held", PATIENT, &silent);
    run_until(fixture, &fixture->target.held, 1);
    ld_fetch_cancel(fetch);
    ld_fetch_cancel(get(fixture, "/a", PATIENT, &unsent)); /* before it was sent */
    ld_fetch_cancel(NULL);
    get(fixture, "/a", PATIENT, &other);
    run_until(fixture, &other.count, 1);
    release_all(fixture);
    run_now(fixture);
    assert_int_equal(silent.count, 0);
    assert_int_equal(unsent.count, 0);
    assert_string_equal(other.body, "hello");
}

/* Connecting, waiting for an answer, in a body, and kept: all at once when the fetcher closes. */
static void closes_with_everything_under_way(void **state)
{
    struct fixture *fixture = *state;
    struct ending kept = {0}, held = {0}, body = {0}, connecting = {0};
    serve_text(fixture, "/a", "hello");
    serve_text(fixture, "/held", "held");
    hold(fixture, "/held");
    serve_raw(fixture, "/body", STAY, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    get(fixture, "/a", PATIENT, &kept);
    run_until(fixture, &kept.count, 1);
    get(fixture, "/held", PATIENT, &held);
    get(fixture, "/body", PATIENT, &body);
    run_until(fixture, &fixture->target.asked_count, 3);
    run_now(fixture);
    get(fixture, "/a", PATIENT, &connecting);
    ld_fetcher_close(fixture->fetcher);
    fixture->fetcher = NULL;
    run_now(fixture);
    assert_int_equal(held.count + body.count + connecting.count, 0);
    assert_int_equal(fixture->target.open, 0);
}

int test_fetch(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(brings_a_body),
        TEST(an_empty_body_is_a_body),
        TEST(says_what_the_runtime_does_not_have),
        TEST(joins_chunks),
        TEST(names_every_bad_end),
        TEST(a_reset_within_an_answer_truncates_it),
        TEST(a_refused_connection_is_refused_at_once),
        TEST(no_timeout_is_lost),
        TEST(stops_a_body_that_is_too_large),
        TEST(keeps_connections),
        TEST(survives_a_dropped_connection),
        TEST(does_not_follow_redirects),
        TEST(one_may_start_another),
        TEST(a_cancelled_one_is_silent),
        TEST(closes_with_everything_under_way),
    };
    return cmocka_run_group_tests_name("fetch", tests, NULL, NULL);
}
