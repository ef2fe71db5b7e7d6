/* The sampler against a scripted target: what it reads, when, and what every kind of failure becomes. */
#include <stdio.h>
#include <unistd.h>

#include "detect/detector.h"
#include "runner-sample/fixture.h"
#include "runner/sample/sampler.h"

#define SEEN_MAX 512
#define PERIOD_NS (3 * LD_MS)
#define PROFILE "/debug/pprof/goroutine"
#define STACKS "/debug/pprof/goroutine?debug=2"
#define HEAP "/debug/pprof/heap"
#define LEAKS "/debug/pprof/goroutineleak"

struct seen {
    enum ld_observation_kind kind;
    enum ld_purpose purpose;
    bool of_profile;
    enum ld_profile_kind profile_kind;
    enum ld_profile_encoding encoding;
    enum ld_read_failure failure;
    int http_status;
    double goroutines, extra; /* -1: not among the points */
    bool has_process, has_body;
    char path[64];
    int64_t time_ns, read_ns;
};

struct scene {
    struct fixture *fixture;
    struct ld_door door;
    struct ld_sampler sampler;
    unsigned count, surveys, closed;
    unsigned metrics, profiles, failed, ticks, answers; /* observations by kind */
    unsigned failures;                         /* of the last survey */
    char first_failure[160];
    struct seen seen[SEEN_MAX];
};

static struct scene scene;

static void on_observed(void *context, struct ld_observation *observation)
{
    unsigned *const counters[] = {[LD_OBSERVATION_METRICS] = &scene.metrics,
                                  [LD_OBSERVATION_PROFILE] = &scene.profiles,
                                  [LD_OBSERVATION_FAILED] = &scene.failed,
                                  [LD_OBSERVATION_TICK] = &scene.ticks,
                                  [LD_OBSERVATION_ANSWER] = &scene.answers};
    assert_ptr_equal(context, &scene);
    assert_non_null(counters[observation->kind]);
    ++*counters[observation->kind];
    struct seen seen = {.kind = observation->kind,
                        .purpose = observation->purpose,
                        .of_profile = observation->of_profile,
                        .profile_kind = observation->profile_kind,
                        .encoding = observation->encoding,
                        .failure = observation->failure,
                        .http_status = observation->http_status,
                        .goroutines = -1,
                        .extra = -1,
                        .has_body = observation->profile && observation->body && observation->body_length,
                        .time_ns = observation->time_ns,
                        .read_ns = observation->read_ns};
    snprintf(seen.path, sizeof seen.path, "%s", observation->path ? observation->path : "");
    if (observation->kind == LD_OBSERVATION_ANSWER)
        seen.has_body = observation->body && observation->body_length;
    for (size_t i = 0; i < observation->point_count; i++) {
        if (observation->points[i].metric == LD_METRIC_GOROUTINES)
            seen.goroutines = observation->points[i].value;
        if (observation->points[i].metric == LD_METRIC_IN_FLIGHT)
            seen.extra = observation->points[i].value;
        seen.has_process |= observation->points[i].metric == LD_METRIC_RSS;
    }
    if (scene.count < SEEN_MAX)
        scene.seen[scene.count++] = seen;
}

static size_t on_extra(void *context, struct ld_point *points, size_t room)
{
    (void)context;
    assert_true(room >= 1);
    points[0] = (struct ld_point){LD_METRIC_IN_FLIGHT, 5};
    return 1;
}

static void on_surveyed(void *context, unsigned failures, const char *first_failure)
{
    (void)context;
    scene.surveys++;
    scene.failures = failures;
    snprintf(scene.first_failure, sizeof scene.first_failure, "%s", first_failure);
}

static void on_closed(void *context)
{
    ((struct scene *)context)->closed++;
}

static const struct ld_sampler_events events = {on_observed, on_extra, on_surveyed, on_closed};

static void count_goroutines(int count)
{
    char text[64];
    snprintf(text, sizeof text, "# TYPE go_goroutines gauge\ngo_goroutines %d\n", count);
    serve_text(scene.fixture, "/metrics", text);
}

static int setup(void **state)
{
    memset(&scene, 0, sizeof scene);
    fixture_setup(state);
    scene.fixture = *state;
    count_goroutines(10);
    serve_file(scene.fixture, PROFILE, "profiles/go1.27/goroutine.debug0.pb.gz");
    serve_file(scene.fixture, STACKS, "profiles/go1.27/goroutine.debug2.txt");
    serve_file(scene.fixture, HEAP, "profiles/go1.27/heap.debug0.pb.gz");
    serve_file(scene.fixture, LEAKS, "goprof/go1.27/goroutineleak.debug0.pb.gz");
    assert_int_equal(ld_door_init(&scene.door, scene.fixture->fetcher, &scene.fixture->loop), 0);
    ld_door_point(&scene.door, scene.fixture->target.address);
    return 0;
}

static int teardown(void **state)
{
    unsigned count = scene.count;
    ld_sampler_close(&scene.sampler);
    ld_door_close(&scene.door, on_closed, &scene);
    run_until(scene.fixture, &scene.closed, 2);
    assert_int_equal(scene.count, count); /* nothing is seen after the end */
    return fixture_teardown(state);
}

static struct ld_sampler_setting everything(void)
{
    return (struct ld_sampler_setting){.heap = true,
                                       .goroutines = true,
                                       .leaks = true,
                                       .metrics_path = "/metrics",
                                       .period_ns = PERIOD_NS,
                                       .timeout_ns = 20 * LD_SECOND,
                                       .idle_periods = 1000,
                                       .full_below = 2000};
}

static void make(struct ld_sampler_setting setting, int64_t pid)
{
    assert_int_equal(
        ld_sampler_init(&scene.sampler, &scene.fixture->loop, &scene.door, &setting, &events, &scene), 0);
    ld_sampler_point(&scene.sampler, pid);
}

static void survey(enum ld_purpose purpose, bool dump_only)
{
    unsigned surveys = scene.surveys;
    ld_sampler_survey(&scene.sampler, purpose, dump_only);
    run_until(scene.fixture, &scene.surveys, surveys + 1);
}

static void assert_asked(unsigned first, const char *const *targets, unsigned count)
{
    assert_int_equal(scene.fixture->target.asked_count, first + count);
    for (unsigned i = 0; i < count; i++)
        assert_string_equal(scene.fixture->target.asked[first + i], targets[i]);
}

/* ---- surveys */

/* The heap before the leak profile, which forces a GC and erases the ages that the dump shows. */
static void a_survey_reads_everything_in_order(void **state)
{
    static const char *const order[] = {"/metrics", HEAP, PROFILE, STACKS, LEAKS};
    (void)state;
    make(everything(), getpid());
    survey(LD_PURPOSE_BEFORE, false);
    assert_asked(0, order, 5);
    assert_int_equal(scene.failures, 0);
    assert_string_equal(scene.first_failure, "");
    assert_int_equal(scene.count, 5);
    assert_int_equal(scene.seen[0].kind, LD_OBSERVATION_METRICS);
    assert_true(scene.seen[0].goroutines == 10 && scene.seen[0].extra == 5 && scene.seen[0].has_process);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(scene.seen[i].purpose, LD_PURPOSE_BEFORE);
        assert_true(scene.seen[i].read_ns > 0 && scene.seen[i].time_ns > 0);
        assert_int_equal(scene.seen[i].has_body, i > 0);
    }
    assert_int_equal(scene.seen[1].profile_kind, LD_PROFILE_HEAP);
    assert_int_equal(scene.seen[2].encoding, LD_ENCODING_PROTO);
    assert_int_equal(scene.seen[3].encoding, LD_ENCODING_STACKS);
    assert_int_equal(scene.seen[4].profile_kind, LD_PROFILE_GOROUTINELEAK);
}

static void a_second_look_is_a_dump_alone(void **state)
{
    static const char *const order[] = {"/metrics", STACKS};
    (void)state;
    make(everything(), 0);
    survey(LD_PURPOSE_AFTER, true);
    assert_asked(0, order, 2);
    assert_false(scene.seen[0].has_process); /* pid unknown */
}

static void stops_the_world_only_when_it_is_small(void **state)
{
    static const char *const order[] = {"/metrics", HEAP, PROFILE, LEAKS};
    (void)state;
    struct ld_sampler_setting setting = everything();
    make(setting, 0);
    count_goroutines(2500);
    survey(LD_PURPOSE_WARM_UP, false); /* the metrics come first: already here the count is known */
    assert_asked(0, order, 4);
    survey(LD_PURPOSE_BEFORE, false);
    assert_asked(4, order, 4);
}

static void leak_profiles_have_a_reader_of_their_own(void **state)
{
    (void)state;
    make(everything(), 0);
    survey(LD_PURPOSE_BEFORE, false);
    assert_int_equal(scene.door.reader_count, 2);
    assert_string_equal(scene.door.readers[0].name, "sampler");
    assert_string_equal(scene.door.readers[1].name, "goroutineleak");
    assert_int_equal(scene.door.readers[0].reads, 4);
    assert_int_equal(scene.door.readers[1].reads, 1);
}

/* The read in hand ends as it may; what the period still wanted is dropped. */
static void overtake(const char *held, const char *const *asked, unsigned count)
{
    struct ld_sampler_setting setting = everything();
    setting.idle_periods = 1; /* the period wants metrics, goroutines and heap */
    make(setting, 0);
    hold(scene.fixture, held);
    ld_sampler_start(&scene.sampler);
    run_until(scene.fixture, &scene.fixture->target.held, 1);
    ld_sampler_stop(&scene.sampler);
    ld_sampler_survey(&scene.sampler, LD_PURPOSE_AFTER, true);
    release_all(scene.fixture);
    run_until(scene.fixture, &scene.surveys, 1);
    assert_asked(0, asked, count);
    assert_int_equal(scene.failures, 0);
}

static void a_survey_overtakes_the_metrics(void **state)
{
    static const char *const asked[] = {"/metrics", STACKS};
    (void)state;
    overtake("/metrics", asked, 2);
}

static void a_survey_overtakes_a_profile(void **state)
{
    static const char *const asked[] = {"/metrics", PROFILE, STACKS};
    (void)state;
    overtake(PROFILE, asked, 3);
}

/* ---- failures */

static void every_failure_has_its_kind(void **state)
{
    static const struct {
        enum act act;
        const char *bytes;
        enum ld_read_failure failure;
        int status;
        unsigned failures;
    } cases[] = {
        {RESET, "", LD_READ_REFUSED, 0, 1},
        {CUT, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", LD_READ_TRUNCATED, 200, 1},
        {STAY, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", LD_READ_STATUS, 500, 1},
        {STAY, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", LD_READ_STATUS, 404, 1},
        {STAY, "HTTP/1.1 404 Not Found\r\nX-Go-Pprof: 1\r\nContent-Length: 0\r\n\r\n", LD_READ_NOT_AVAILABLE, 404, 0},
        {STAY, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\ngarbage", LD_READ_GARBAGE, 200, 1},
        {CUT, "nonsense\r\n\r\n", LD_READ_GARBAGE, 0, 1},
        {HOLD, "", LD_READ_TIMEOUT, 0, 1},
    };
    (void)state;
    struct ld_sampler_setting setting = everything();
    setting.heap = setting.leaks = false;
    setting.full_below = 0;
    setting.timeout_ns = 200 * LD_MS;
    make(setting, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        serve_raw(scene.fixture, PROFILE, cases[i].act, cases[i].bytes);
        unsigned first = scene.count;
        survey(LD_PURPOSE_BEFORE, false);
        const struct seen *seen = &scene.seen[first + 1];
        assert_int_equal(scene.count, first + 2);
        assert_int_equal(scene.seen[first].kind, LD_OBSERVATION_METRICS);
        assert_int_equal(seen->kind, LD_OBSERVATION_FAILED);
        assert_true(seen->of_profile);
        if (seen->failure != cases[i].failure || seen->http_status != cases[i].status ||
            scene.failures != cases[i].failures)
            fail_msg("case %zu: %s, status %d, %u failures", i, ld_read_failure_name(seen->failure),
                     seen->http_status, scene.failures);
        char start[64] = "";
        if (cases[i].failures)
            snprintf(start, sizeof start, "goroutine: %s", ld_read_failure_name(cases[i].failure));
        scene.first_failure[strlen(start)] = '\0';
        assert_string_equal(scene.first_failure, start);
    }
}

static void metrics_that_cannot_be_read_leave_the_process(void **state)
{
    (void)state;
    make(everything(), getpid());
    serve_text(scene.fixture, "/metrics", "go_goroutines {{{ 12\n");
    survey(LD_PURPOSE_BEFORE, false);
    assert_int_equal(scene.seen[0].kind, LD_OBSERVATION_FAILED);
    assert_int_equal(scene.seen[0].failure, LD_READ_GARBAGE);
    assert_false(scene.seen[0].of_profile);
    assert_int_equal(scene.seen[1].kind, LD_OBSERVATION_METRICS);
    assert_true(scene.seen[1].has_process && scene.seen[1].goroutines < 0);
    assert_int_equal(scene.failures, 1);
    assert_int_equal(strncmp(scene.first_failure, "/metrics: garbage", 17), 0);
}

static void metrics_have_a_limit(void **state)
{
    (void)state;
    size_t length = ((size_t)1 << 20) + 1;
    char *text = malloc(length);
    assert_non_null(text);
    memset(text, '#', length);
    serve(scene.fixture, "/metrics", "200 OK", "", text, length);
    free(text);
    make(everything(), 0);
    survey(LD_PURPOSE_BEFORE, false);
    assert_int_equal(scene.seen[0].failure, LD_READ_TOO_LARGE);
}

/* ---- periods */

static void a_period_profiles_when_the_count_moved(void **state)
{
    (void)state;
    struct ld_sampler_setting setting = everything();
    setting.heap = setting.leaks = false;
    make(setting, 0);
    ld_sampler_start(&scene.sampler);
    run_until(scene.fixture, &scene.metrics, 12);
    assert_int_equal(times_asked(scene.fixture, PROFILE), 1);
    for (int count = 11; count < 14; count++) {
        unsigned metrics = scene.metrics;
        count_goroutines(count);
        run_until(scene.fixture, &scene.metrics, metrics + 12);
        assert_int_equal(times_asked(scene.fixture, PROFILE), (unsigned)count - 9);
    }
    assert_int_equal(times_asked(scene.fixture, STACKS), 0); /* nothing doubled above 50 */
    for (unsigned i = 0; i < scene.count; i++) /* a busy machine may overlap; nothing else may fail */
        assert_true(scene.seen[i].kind != LD_OBSERVATION_FAILED || scene.seen[i].failure == LD_READ_OVERLAP);
}

/* Metrics between goroutine profiles number exactly idle_periods when the count stands still. */
static void a_period_profiles_after_idle_periods(void **state)
{
    (void)state;
    struct ld_sampler_setting setting = everything();
    setting.heap = setting.leaks = false;
    setting.idle_periods = 4;
    make(setting, 0);
    ld_sampler_start(&scene.sampler);
    run_until(scene.fixture, &scene.profiles, 5);
    unsigned metrics = 0, profiles = 0;
    for (unsigned i = 0; i < scene.count; i++) {
        if (scene.seen[i].kind == LD_OBSERVATION_METRICS)
            metrics++;
        if (scene.seen[i].kind != LD_OBSERVATION_PROFILE)
            continue;
        assert_int_equal(scene.seen[i].purpose, LD_PURPOSE_PERIOD);
        if (profiles++)
            assert_int_equal(metrics, 4);
        metrics = 0;
    }
}

static void without_metrics_every_period_profiles(void **state)
{
    (void)state;
    struct ld_sampler_setting setting = everything();
    setting.heap = setting.leaks = false;
    setting.metrics_path = "";
    make(setting, 0);
    ld_sampler_start(&scene.sampler);
    run_until(scene.fixture, &scene.profiles, 6);
    assert_int_equal(times_asked(scene.fixture, "/metrics"), 0);
    assert_true(scene.metrics > 0); /* what the profiles cost is told all the same, */
    unsigned counted = 0;
    for (unsigned i = 0; i < scene.count; i++) {
        assert_int_not_equal(scene.seen[i].kind, LD_OBSERVATION_FAILED);
        counted += scene.seen[i].kind == LD_OBSERVATION_METRICS;
        if (scene.seen[i].kind == LD_OBSERVATION_METRICS && !(scene.seen[i].goroutines > 0))
            fail_msg("metrics %u: %g goroutines, though the profile counts them", i, scene.seen[i].goroutines);
    }
    assert_true(counted >= scene.profiles - 1); /* one of each profile */
}

static void heap_comes_before_the_leak_profile(void **state)
{
    (void)state;
    struct ld_sampler_setting setting = everything();
    setting.idle_periods = LD_SAMPLER_LEAK_PERIODS;
    setting.goroutines = false;
    make(setting, 0);
    ld_sampler_start(&scene.sampler);
    run_until(scene.fixture, &scene.profiles, 4);
    unsigned metrics = 0, profiles = 0;
    for (unsigned i = 0; i < scene.count; i++) {
        if (scene.seen[i].kind == LD_OBSERVATION_METRICS)
            metrics++;
        if (scene.seen[i].kind != LD_OBSERVATION_PROFILE)
            continue;
        assert_int_equal(scene.seen[i].profile_kind, profiles % 2 ? LD_PROFILE_GOROUTINELEAK : LD_PROFILE_HEAP);
        assert_int_equal(metrics % LD_SAMPLER_LEAK_PERIODS, 0);
        profiles++;
    }
    assert_true(profiles >= 4);
}

static void a_doubled_count_escalates(void **state)
{
    (void)state;
    struct ld_sampler_setting setting = everything();
    setting.heap = setting.leaks = false;
    setting.full_below = 300;
    make(setting, 0);
    const struct {
        int count;
        unsigned dumps; /* so far */
    } cases[] = {{49, 0}, {50, 1}, {99, 1}, {100, 2}, {199, 2}, {250, 3}, {500, 3}};
    ld_sampler_start(&scene.sampler);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        count_goroutines(cases[i].count);
        run_until(scene.fixture, &scene.metrics, scene.metrics + 3);
        if (times_asked(scene.fixture, STACKS) != cases[i].dumps)
            fail_msg("at %d: %u dumps, not %u", cases[i].count, times_asked(scene.fixture, STACKS), cases[i].dumps);
    }
    for (unsigned i = 0; i < scene.count; i++)
        if (scene.seen[i].kind == LD_OBSERVATION_PROFILE)
            assert_int_equal(scene.seen[i].purpose, scene.seen[i].encoding == LD_ENCODING_STACKS
                                                        ? LD_PURPOSE_ESCALATION
                                                        : LD_PURPOSE_PERIOD);
}

static void an_unanswered_read_overlaps(void **state)
{
    (void)state;
    make(everything(), 0);
    hold(scene.fixture, "/metrics");
    ld_sampler_start(&scene.sampler);
    run_until(scene.fixture, &scene.failed, 4);
    for (unsigned i = 0; i < scene.count; i++) {
        assert_int_equal(scene.seen[i].kind, LD_OBSERVATION_FAILED);
        assert_int_equal(scene.seen[i].failure, LD_READ_OVERLAP);
    }
    assert_true(scene.sampler.overlaps >= 4);
    assert_int_equal(scene.fixture->target.asked_count, 1); /* nothing was piled up */
    release_all(scene.fixture);
    run_until(scene.fixture, &scene.metrics, 3);
}

static void a_dead_instance_is_gone(void **state)
{
    (void)state;
    make(everything(), -1);
    ld_door_point(&scene.door, NULL);
    ld_sampler_start(&scene.sampler);
    run_until(scene.fixture, &scene.failed, 3);
    for (unsigned i = 0; i < scene.count; i++)
        assert_int_equal(scene.seen[i].failure, LD_READ_GONE);
    ld_door_point(&scene.door, scene.fixture->target.address);
    ld_sampler_point(&scene.sampler, getpid());
    unsigned before = scene.count;
    run_until(scene.fixture, &scene.metrics, 2);
    for (unsigned i = before; i < scene.count; i++)
        assert_true(scene.seen[i].kind != LD_OBSERVATION_FAILED || scene.seen[i].failure == LD_READ_OVERLAP);
    assert_true(times_asked(scene.fixture, PROFILE) >= 1); /* a new life is looked at anew */
}

static void silence_is_a_tick(void **state)
{
    (void)state;
    struct ld_sampler_setting setting = everything();
    setting.heap = setting.leaks = setting.goroutines = false;
    setting.metrics_path = "";
    make(setting, 0);
    ld_sampler_start(&scene.sampler);
    run_until(scene.fixture, &scene.ticks, 3);
    assert_int_equal(scene.count, scene.ticks);
    assert_int_equal(scene.fixture->target.asked_count, 0);
}

/* ---- endpoints */

#define ENDPOINT "/debug/goleak?settle=0ns"

static struct ld_sampler_setting with_endpoint(int64_t every)
{
    struct ld_sampler_setting setting = everything();
    setting.heap = setting.leaks = setting.goroutines = false;
    setting.endpoint_count = 1;
    setting.endpoints[0] = (struct ld_endpoint){.path = ENDPOINT, .every = every, .timeout_ns = 20 * LD_SECOND};
    return setting;
}

static const struct seen *last_of(const char *path)
{
    for (unsigned i = scene.count; i-- > 0;)
        if (strcmp(scene.seen[i].path, path) == 0)
            return &scene.seen[i];
    fail_msg("nothing was seen of %s", path);
    return NULL;
}

/* The detector judges the status: only no answer at all is a failed read. */
static void an_endpoint_answers_with_any_status(void **state)
{
    (void)state;
    make(with_endpoint(1), 0);
    serve(scene.fixture, ENDPOINT, "500 Internal Server Error", "", "found", 5);
    ld_sampler_start(&scene.sampler);
    run_until(scene.fixture, &scene.answers, 1);
    assert_int_equal(last_of(ENDPOINT)->kind, LD_OBSERVATION_ANSWER);
    assert_int_equal(last_of(ENDPOINT)->http_status, 500);
    assert_true(last_of(ENDPOINT)->has_body);
    serve_raw(scene.fixture, ENDPOINT, CUT, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfou");
    run_until(scene.fixture, &scene.failed, 1);
    assert_int_equal(last_of(ENDPOINT)->kind, LD_OBSERVATION_FAILED);
    assert_int_equal(last_of(ENDPOINT)->failure, LD_READ_TRUNCATED);
    assert_false(last_of(ENDPOINT)->of_profile);
}

static void an_endpoint_is_read_as_often_as_asked(void **state)
{
    (void)state;
    make(with_endpoint(4), 0);
    serve_text(scene.fixture, ENDPOINT, "");
    survey(LD_PURPOSE_BEFORE, false);
    assert_int_equal(times_asked(scene.fixture, ENDPOINT), 0);
    survey(LD_PURPOSE_WARM_UP, false);
    run_until(scene.fixture, &scene.answers, 1);
    assert_int_equal(last_of(ENDPOINT)->purpose, LD_PURPOSE_WARM_UP);
    ld_sampler_start(&scene.sampler);
    run_until(scene.fixture, &scene.answers, 4);
    assert_in_range(scene.sampler.cycles, 12, 14);
    assert_int_equal(last_of(ENDPOINT)->purpose, LD_PURPOSE_PERIOD);
}

/* One that takes its time holds up nothing; the next read does not pile up behind it. */
static void an_endpoint_may_take_its_time(void **state)
{
    (void)state;
    make(with_endpoint(2), 0);
    serve_text(scene.fixture, ENDPOINT, "");
    hold(scene.fixture, ENDPOINT);
    ld_sampler_start(&scene.sampler);
    run_until(scene.fixture, &scene.metrics, 9);
    assert_int_equal(times_asked(scene.fixture, ENDPOINT), 1);
    assert_true(scene.failed >= 2);
    assert_int_equal(last_of(ENDPOINT)->failure, LD_READ_OVERLAP);
    assert_int_equal(scene.answers, 0);
    release_all(scene.fixture);
    run_until(scene.fixture, &scene.answers, 2);
}

static void on_over(uv_timer_t *timer)
{
    ++*(unsigned *)timer->data;
}

/* Never more periods than fit, and none after stop. */
static void periods_keep_their_grid(void **state)
{
    (void)state;
    make(everything(), 0);
    int64_t began = (int64_t)uv_hrtime();
    ld_sampler_start(&scene.sampler);
    run_until(scene.fixture, &scene.metrics, 20);
    int64_t fit = ((int64_t)uv_hrtime() - began) / PERIOD_NS + 1;
    assert_true((int64_t)scene.sampler.cycles <= fit + 1);
    ld_sampler_stop(&scene.sampler);
    uint64_t cycles = scene.sampler.cycles;
    unsigned over = 0;
    uv_timer_t timer = {.data = NULL};
    uv_timer_init(&scene.fixture->loop, &timer);
    timer.data = &over;
    uv_timer_start(&timer, on_over, 5 * PERIOD_NS / LD_MS, 0);
    run_until(scene.fixture, &over, 1);
    uv_close((uv_handle_t *)&timer, NULL);
    run_now(scene.fixture);
    assert_int_equal(scene.sampler.cycles, cycles);
}

int test_sampler(void)
{
#define SAMPLER(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        SAMPLER(a_survey_reads_everything_in_order),
        SAMPLER(a_second_look_is_a_dump_alone),
        SAMPLER(stops_the_world_only_when_it_is_small),
        SAMPLER(leak_profiles_have_a_reader_of_their_own),
        SAMPLER(a_survey_overtakes_the_metrics),
        SAMPLER(a_survey_overtakes_a_profile),
        SAMPLER(every_failure_has_its_kind),
        SAMPLER(metrics_that_cannot_be_read_leave_the_process),
        SAMPLER(metrics_have_a_limit),
        SAMPLER(a_period_profiles_when_the_count_moved),
        SAMPLER(a_period_profiles_after_idle_periods),
        SAMPLER(without_metrics_every_period_profiles),
        SAMPLER(heap_comes_before_the_leak_profile),
        SAMPLER(a_doubled_count_escalates),
        SAMPLER(an_unanswered_read_overlaps),
        SAMPLER(a_dead_instance_is_gone),
        SAMPLER(silence_is_a_tick),
        SAMPLER(periods_keep_their_grid),
        SAMPLER(an_endpoint_answers_with_any_status),
        SAMPLER(an_endpoint_is_read_as_often_as_asked),
        SAMPLER(an_endpoint_may_take_its_time),
    };
    return cmocka_run_group_tests_name("sampler", tests, NULL, NULL);
}
