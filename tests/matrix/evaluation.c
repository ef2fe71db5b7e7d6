/* Cells and columns one by one, blindness, and hostile series of observations. */
#include "detect/feed.h"
#include "matrix/groups.h"

#include "base/random.h"
#include "matrix/function.h"
#include "matrix/matrix.h"

static int deliver_matrix(void *to, const struct ld_observation *observation, const struct ld_alert_sink *sink)
{
    return ld_matrix_observe(to, observation, sink);
}

struct bench {
    struct ld_matrix *matrix;
    struct ld_matrix_state *state;
    struct feed *feed;
};

static struct bench bench_of(const char *scope, const char *cells, double time_scale)
{
    struct bench bench = {0};
    struct ld_errors errors = {0};
    char text[2048], line[1024];
    snprintf(text, sizeof text,
             "matrix: 1\nversion: 0.1.0\nlibraries: [google.golang.org/grpc]\nrows:\n  - id: a\n    scope: %s\n    "
             "cause: any\n"
             "    colour: amber\n    explain: x\n    repair: y\n    when: [%s]\n",
             scope, cells);
    if (ld_matrix_parse(&bench.matrix, "r.yaml", text, strlen(text), &errors) != 0)
        fail_msg("%s", errors.count ? ld_error_format(&errors.items[0], line, sizeof line) : "?");
    assert_int_equal(ld_matrix_state_new(&bench.state, bench.matrix, time_scale, PERIOD_NS), 0);
    bench.feed = feed_new(bench.state, deliver_matrix);
    return bench;
}

static void bench_done(struct bench *bench)
{
    free(bench->feed);
    ld_matrix_state_free(bench->state);
    ld_matrix_free(bench->matrix);
}

static size_t opened(const struct bench *bench)
{
    return count_action(&bench->feed->kept, LD_ALERT_OPEN);
}

static void metric_series(struct bench *bench, enum ld_metric metric, double from, double step, int count)
{
    for (int i = 0; i < count; i++) {
        bench->feed->time_ns += PERIOD_NS;
        hand_metric(bench->feed, metric, from + step * i);
        assert_int_equal(bench->feed->code, 0);
    }
}

/* {cells, step per period, does the row hold after 3 s?} over a metric that begins at 1000. */
static void test_metric_cells(void **unused)
{
    (void)unused;
    static const struct {
        const char *cells;
        enum ld_metric metric;
        double step;
        bool holds;
    } cases[] = {
#define ALWAYS ", {column: goroutines_growth, over: 1s, at_least: 0}"
#define ALWAYS_HEAP ", {column: heap_inuse, at_least: 0B}"
        {"{column: goroutines, at_least: 1010}" ALWAYS, LD_METRIC_GOROUTINES, 1, true},
        {"{column: goroutines, at_least: 1013}" ALWAYS, LD_METRIC_GOROUTINES, 1, false},
        {"{column: goroutines, above: 1002, over: 1s}" ALWAYS, LD_METRIC_GOROUTINES, 1, true},
        {"{column: goroutines, above: 1011, over: 1s}" ALWAYS, LD_METRIC_GOROUTINES, 1, false},
        {"{column: goroutines_slope, at_least: 3.9/s, over: 2s}" ALWAYS, LD_METRIC_GOROUTINES, 1, true},
        {"{column: goroutines_slope, above: 4.1/s, over: 2s}" ALWAYS, LD_METRIC_GOROUTINES, 1, false},
        {"{column: goroutines_persistence, at_least: 100%, over: 2s}" ALWAYS, LD_METRIC_GOROUTINES, 1, true},
        {"{column: goroutines_persistence, at_least: 25%, over: 2s}" ALWAYS, LD_METRIC_GOROUTINES, 0, false},
        {"{column: goroutines_growth, over: 2s, at_least: 8}, {metric: go_sched_goroutines_count, fact: rate, over: "
         "2s, "
         "at_most: 4/s}",
         LD_METRIC_GOROUTINES, 1, true},
        {"{column: heap_inuse_slope, above: 3MiB/s, over: 2s}" ALWAYS_HEAP, LD_METRIC_HEAP_INUSE, 1048576, true},
        {"{column: heap_inuse_slope, above: 5MiB/s, over: 2s}" ALWAYS_HEAP, LD_METRIC_HEAP_INUSE, 1048576, false},
        {"{column: cpu_share, above: 90%, over: 1s}, {metric: process_cpu_time_seconds, at_least: 1s}", LD_METRIC_CPU,
         0.24, true},
        {"{column: goroutines_growth, over: 1m, at_least: 0}, {column: goroutines, at_least: 0}", LD_METRIC_GOROUTINES,
         1, false}, /* the window is not covered */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench bench = bench_of("instance", cases[i].cells, 1);
        metric_series(&bench, cases[i].metric, 1000, cases[i].step, 13);
        if ((opened(&bench) > 0) != cases[i].holds)
            fail_msg("%s: holds %d, expected %d", cases[i].cells, opened(&bench) > 0, cases[i].holds);
        bench_done(&bench);
    }
}

static void test_windows_shrink_and_rates_grow_with_time_scale(void **unused)
{
    (void)unused;
    /* 1 goroutine in 250 ms at time_scale 4 is one a second of the schedule as written; 8 s shrink to 2 s. */
    struct bench bench = bench_of("instance", "{column: goroutines_slope, over: 8s, above: 0.9/s, below: 1.1/s}, "
                                              "{column: goroutines, at_least: 0}", 4);
    metric_series(&bench, LD_METRIC_GOROUTINES, 0, 1, 8);
    assert_int_equal(opened(&bench), 0);
    metric_series(&bench, LD_METRIC_GOROUTINES, 8, 1, 4);
    assert_int_equal(opened(&bench), 1);
    bench_done(&bench);
}

#define ONE(count, function) {count, {"runtime.gopark", "runtime.chanrecv1", function, "runtime.goexit"}}

static void test_site_columns(void **unused)
{
    (void)unused;
    static const struct {
        const char *cells;
        const char *site; /* that alone alarms, NULL: none */
    } cases[] = {
#define BOTH ", {column: site_count, at_least: 1}, {column: site_growth, over: 1s, at_least: 0}"
        {"{column: site_kind, is: user}" BOTH, "main.work"},
        {"{column: site_kind, is: go}" BOTH, "net/http.work"},
        {"{column: site_kind, is: library}" BOTH, "google.golang.org/grpc.work"},
        {"{column: site, is: net/http.work}" BOTH, "net/http.work"},
        {"{column: wait, is: select}" BOTH, NULL},
        {"{column: site_share, above: 50%}" BOTH, "main.work"},
        {"{column: site_leaked, at_least: 2}" BOTH, "net/http.work"},
        {"{column: site_count, at: net/http.work, waiting: chan-receive, at_least: 30, as: other}, {column: site_kind, "
         "is: user}" BOTH,
         NULL},
        {"{column: site_count, at: net/http.none, waiting: io, at_most: 0, as: other}, {column: site_kind, is: "
         "user}" BOTH,
         "main.work"},
    };
    struct group groups[] = {ONE(60, "main.work"), ONE(20, "net/http.work"), ONE(20, "google.golang.org/grpc.work")};
    struct group leaks[] = {ONE(2, "net/http.work")};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench bench = bench_of("site", cases[i].cells, 1);
        hand_profile_as(bench.feed, LD_PROFILE_GOROUTINELEAK, LD_PURPOSE_PERIOD, leaks, 1);
        for (int k = 0; k < 8; k++) {
            bench.feed->time_ns += PERIOD_NS;
            hand_profile(bench.feed, groups, 3);
        }
        if (opened(&bench) != (cases[i].site ? 1 : 0))
            fail_msg("%s: %zu alerts", cases[i].cells, opened(&bench));
        if (cases[i].site)
            assert_string_equal(find_open(&bench.feed->kept, 0)->site, cases[i].site);
        bench_done(&bench);
    }
}

static void test_functions_know_their_owner(void **unused)
{
    (void)unused;
    static const struct {
        const char *function;
        enum ld_function_kind kind;
    } cases[] = {
        {"net/http.(*persistConn).readLoop", LD_FUNCTION_GO},
        {"main.main.func1", LD_FUNCTION_USER},
        {"netx/http.f", LD_FUNCTION_USER},
        {"orders/net.(*T).f", LD_FUNCTION_USER},
        {"slices.SortFunc[github.com/a/b.T]", LD_FUNCTION_GO},
        {"example.com/a.F[go.shape.struct { net/http.X }]", LD_FUNCTION_USER},
        {"google.golang.org/grpc/internal/transport.(*x).y", LD_FUNCTION_LIBRARY},
        {"google.golang.org/grpcx.f", LD_FUNCTION_USER},
        {"gopkg.in/yaml%2ev3.(*parser).f", LD_FUNCTION_LIBRARY},
        {"vendor/golang.org/x/net/http2.f", LD_FUNCTION_GO},
        {"_cgoexp_1", LD_FUNCTION_USER},
        {"", LD_FUNCTION_USER},
    };
    const char *const libraries[] = {"google.golang.org/grpc", "gopkg.in/yaml.v3"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum ld_function_kind kind = ld_function_kind_of(cases[i].function, libraries, 2);
        if (kind != cases[i].kind)
            fail_msg("%s is %s, expected %s", cases[i].function, ld_function_kinds[kind],
                     ld_function_kinds[cases[i].kind]);
    }
}

#define RISING_CELLS "{column: site_growth, over: 1s, at_least: 4}, {column: site_count, at_least: 1}"

static void rise(struct bench *bench, int64_t from, int count)
{
    for (int i = 0; i < count; i++) {
        bench->feed->time_ns += PERIOD_NS;
        struct group groups[] = {ONE(from + 3 * i, "main.work")};
        hand_profile(bench->feed, groups, 1);
    }
}

static void test_failed_reads_are_unknown(void **unused)
{
    (void)unused;
    struct bench bench = bench_of("site", RISING_CELLS, 1);
    const struct kept *kept = &bench.feed->kept;
    hand_failure(bench.feed, true, LD_PROFILE_HEAP, LD_READ_TIMEOUT);
    hand_failure(bench.feed, false, LD_PROFILE_GOROUTINE, LD_READ_TIMEOUT);
    assert_int_equal(kept->count, 0); /* neither is needed by these rules */
    rise(&bench, 0, 6);
    assert_int_equal(opened(&bench), 1);
    hand_failure(bench.feed, true, LD_PROFILE_GOROUTINE, LD_READ_TRUNCATED);
    hand_failure(bench.feed, true, LD_PROFILE_GOROUTINE, LD_READ_OVERLAP);
    assert_int_equal(count_action(kept, LD_ALERT_UNKNOWN), 1);
    for (int i = 0; i < 20; i++) {
        bench.feed->time_ns += PERIOD_NS;
        hand_tick(bench.feed);
    }
    assert_int_equal(count_action(kept, LD_ALERT_CLOSE), 0); /* it cannot look, so it withdraws nothing */
    rise(&bench, 100, 1);
    assert_int_equal(count_action(kept, LD_ALERT_KNOWN), 1);
    struct made_profile made;
    struct group groups[] = {ONE(100, "main.work")};
    make_profile(&made, LD_PROFILE_GOROUTINE, groups, 1);
    made.profile.encoding = LD_ENCODING_GROUPS; /* debug=1 hides what goroutines wait for */
    hand(bench.feed, (struct ld_observation){.kind = LD_OBSERVATION_PROFILE, .profile = &made.profile});
    assert_int_equal(count_action(kept, LD_ALERT_UNKNOWN), 2);
    bench_done(&bench);
}

/* Two rows' worth of sources in one row: what one read shows does not cure the other's blindness. */
static void test_each_source_is_blind_by_itself(void **unused)
{
    static const struct {
        enum ld_read_failure failure;
        enum ld_metric other, own; /* of the source that still shows, and of the one that failed */
    } cases[] = {{LD_READ_STATUS, LD_METRIC_DESCRIPTORS, LD_METRIC_GOROUTINES},
                 {LD_READ_GONE, LD_METRIC_GOROUTINES, LD_METRIC_DESCRIPTORS}};
    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench bench = bench_of("instance",
                                      "{metric: go_sched_goroutines_count, at_least: 500}, "
                                      "{metric: process_open_descriptors_count, at_least: 500}",
                                      1);
        const struct kept *kept = &bench.feed->kept;
        hand_metric(bench.feed, LD_METRIC_GOROUTINES, 600);
        hand_metric(bench.feed, LD_METRIC_DESCRIPTORS, 600);
        assert_int_equal(opened(&bench), 1);
        for (int period = 0; period < 4; period++) {
            bench.feed->time_ns += PERIOD_NS;
            hand_failure(bench.feed, false, LD_PROFILE_GOROUTINE, cases[i].failure);
            hand_metric(bench.feed, cases[i].other, 0);
        }
        assert_int_equal(count_action(kept, LD_ALERT_UNKNOWN), 1);
        assert_int_equal(count_action(kept, LD_ALERT_KNOWN), 0);
        assert_int_equal(count_action(kept, LD_ALERT_CLOSE), 0); /* half blind, it withdraws nothing */
        bench.feed->time_ns += PERIOD_NS;
        hand_metric(bench.feed, cases[i].own, 600);
        assert_int_equal(count_action(kept, LD_ALERT_KNOWN), 1);
        bench_done(&bench);
    }
}

static void test_late_observations_of_the_dead_are_passed_over(void **unused)
{
    (void)unused;
    struct bench bench = bench_of("site", RISING_CELLS, 1);
    rise(&bench, 0, 6);
    restart(bench.feed);
    assert_int_equal(count_action(&bench.feed->kept, LD_ALERT_CLOSE), 1);
    bench.feed->incarnation = 1;
    rise(&bench, 100, 10);
    assert_int_equal(opened(&bench), 1);
    bench.feed->incarnation = 2;
    rise(&bench, 0, 6);
    assert_int_equal(opened(&bench), 2);
    assert_int_equal(find_open(&bench.feed->kept, 1)->incarnation, 2);
    bench_done(&bench);
}

static void profile_of(struct bench *bench, int64_t after_ns, int64_t count)
{
    bench->feed->time_ns += after_ns;
    struct group groups[] = {ONE(count, "main.work")};
    hand_profile(bench->feed, groups, 1);
}

/* 500 in a second, then a plateau that trembles upwards by one now and then: never four quarters of growth. */
static void test_trembling_plateau_is_no_persistence(void **unused)
{
    (void)unused;
    struct bench bench = bench_of("instance", "{column: goroutines_persistence, over: 2s, at_least: 100%}, "
                                              "{column: goroutines_growth, over: 2s, at_least: 12}", 1);
    metric_series(&bench, LD_METRIC_GOROUTINES, 7, 0, 12);
    metric_series(&bench, LD_METRIC_GOROUTINES, 132, 125, 4);
    metric_series(&bench, LD_METRIC_GOROUTINES, 508, 1, 12);
    assert_int_equal(opened(&bench), 0);
    bench_done(&bench);
}

/* The counts of the shipped rows for goroutines, nine sampling periods to the window. */
#define ENDLESS                                                                                                     \
    "{column: site_growth, over: 2250ms, at_least: 12}, {column: site_persistence, over: 2250ms, at_least: 100%}, " \
    "{column: site_rising, over: 2250ms, at_least: 60%}, {column: site_falling, over: 2250ms, at_most: 25%}"

/* Requests in flight that came to a plateau of 41 when their upstream grew slow, as one campaign recorded them: the
 * quarters gained 3, 14, 20 and 4. */
static void test_ramp_between_trembles_is_no_persistence(void **unused)
{
    (void)unused;
    static const int64_t counts[] = {2, 3, 5, 12, 19, 29, 39, 42, 41, 43};
    struct bench bench = bench_of("site", ENDLESS, 1);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        profile_of(&bench, PERIOD_NS, counts[i]);
    assert_int_equal(opened(&bench), 0);
    bench_done(&bench);
}

#define TRIALS 1000
#define TRIAL_PROFILES 28

/* Up to 3 more or fewer, mostly 1: what arrived and what was answered between two looks. */
static int64_t tremble(uint64_t seed, int index)
{
    static const int64_t lots[] = {-3, -2, -1, -1, 0, 0, 0, 0, 1, 1, 2, 3};
    return lots[(int)(ld_unit(ld_derive(seed, "tremble", (uint64_t)index)) * 12)];
}

/* In how many trials does the row open? Each is a level of 5 that rises by `growth` in `periods`, from about the tenth
 * profile. */
static int trials_seen(double growth, double periods)
{
    int seen = 0;
    for (uint64_t seed = 1; seed <= TRIALS; seed++) {
        struct bench bench = bench_of("site", ENDLESS, 1);
        double from = 9 + 2 * ld_unit(ld_derive(seed, "phase", 0));
        for (int i = 0; i < TRIAL_PROFILES; i++) {
            double risen = (i - from) / periods;
            risen = risen < 0 ? 0 : risen > 1 ? 1 : risen;
            profile_of(&bench, PERIOD_NS, 5 + (int64_t)(growth * risen) + tremble(seed, i));
        }
        seen += opened(&bench) > 0;
        bench_done(&bench);
    }
    return seen;
}

/* A ramp of 40 within 4 periods stays quiet but where the tremble fills two quarters by chance; a quarter of the
 * documented dose, 22 in 9 periods without end, is seen within 19 periods. */
static void test_ramps_and_small_leaks_in_many_trials(void **unused)
{
    (void)unused;
    int ramps = trials_seen(40, 4), leaks = trials_seen(22.0 / 9 * 100, 100);
    print_message("ramps of 40 that alarm: %d of %d; leaks of 22 a window that are seen: %d of %d\n", ramps, TRIALS,
                  leaks, TRIALS);
    assert_true(ramps * 100 <= TRIALS);
    assert_true(leaks * 100 >= 97 * TRIALS);
}

/* A quarter without a point of its own: neither growth nor standstill can be claimed of it. The gap ends high above the
 * floor, and a step that is only the tooth's edge would fill it. */
static void test_gap_of_a_quarter_says_nothing(void **unused)
{
    (void)unused;
    static const struct {
        const char *cell;
        enum ld_metric metric;
    } cells[] = {
        {"{column: heap_inuse_floor_growth, over: 2s, at_least: 1B}" ALWAYS_HEAP, LD_METRIC_HEAP_INUSE},
        {"{column: heap_inuse_floor_growth, over: 2s, at_most: 1MiB}" ALWAYS_HEAP, LD_METRIC_HEAP_INUSE},
        {"{column: heap_inuse_floor_persistence, over: 2s, at_least: 0%}" ALWAYS_HEAP, LD_METRIC_HEAP_INUSE},
        {"{column: resident_floor_growth, over: 2s, at_least: 1B}, {column: resident, at_least: 0B}", LD_METRIC_RSS},
        {"{column: resident_floor_persistence, over: 2s, at_least: 0%}, {column: resident, at_least: 0B}",
         LD_METRIC_RSS},
        {"{column: goroutines_persistence, over: 2s, at_most: 100%}" ALWAYS, LD_METRIC_GOROUTINES},
        {"{column: heap_inuse_persistence, over: 2s, at_most: 100%}" ALWAYS_HEAP, LD_METRIC_HEAP_INUSE},
    };
    static const double points[9] = {10, 10, 90, 80, 85, 90, 95, 97, 99};
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        for (int left_out = 0; left_out < 2; left_out++) {
            struct bench bench = bench_of("instance", cells[i].cell, 1);
            for (int k = 0; k < 9; k++) {
                bench.feed->time_ns += PERIOD_NS;
                if (!left_out || (k != 3 && k != 4)) /* both points of the second quarter */
                    hand_metric(bench.feed, cells[i].metric, points[k]);
            }
            if ((opened(&bench) > 0) == left_out)
                fail_msg("%s: %zu opened, second quarter %s", cells[i].cell, opened(&bench),
                         left_out ? "left out" : "seen");
            bench_done(&bench);
        }
    }
}

/* Two points to a quarter of two seconds, behind one at its left edge: what lies above a floor does not count. */
static void test_floors_of_quarters(void **unused)
{
    (void)unused;
#define FLOOR "{column: heap_inuse_floor_growth, over: 2s, "
#define STEPS "{column: heap_inuse_floor_persistence, over: 2s, "
    static const struct {
        const char *cells;
        double points[9];
        bool holds;
    } cases[] = {
        {FLOOR "at_least: 12B, at_most: 12B}, " STEPS "at_least: 100%}", {90, 10, 80, 70, 14, 18, 60, 50, 22}, true},
        {FLOOR "at_least: 12B, at_most: 12B}, " STEPS "at_least: 100%}", {0, 80, 10, 14, 14, 30, 18, 22, 22}, true},
        {FLOOR "at_least: 12B, at_most: 12B}, " STEPS "at_least: 100%}", {0, 80, 10, 10, 90, 30, 18, 22, 22}, false},
        {FLOOR "at_least: 12B, at_most: 12B}, " STEPS "at_least: 60%, at_most: 70%}",
         {0, 80, 10, 11, 90, 30, 18, 22, 22}, true},
        {FLOOR "at_least: 1B}, " STEPS "at_least: 0%}", {10, 10, 80, 10, 90, 10, 99, 10, 99}, false},
        {FLOOR "at_most: 0B}, " STEPS "at_most: 0%}", {10, 10, 80, 10, 90, 10, 99, 10, 99}, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench bench = bench_of("instance", cases[i].cells, 1);
        for (size_t k = 0; k < 9; k++) {
            metric_series(&bench, LD_METRIC_HEAP_INUSE, cases[i].points[k], 0, 1);
            assert_true(k == 8 || opened(&bench) == 0); /* the window is not covered yet */
        }
        if ((opened(&bench) > 0) != cases[i].holds)
            fail_msg("case %zu: holds %d, expected %d", i, opened(&bench) > 0, cases[i].holds);
        bench_done(&bench);
    }
}

static void test_short_lapse_does_not_close(void **unused)
{
    (void)unused;
    struct bench bench = bench_of("site", RISING_CELLS, 1);
    rise(&bench, 0, 6);
    assert_int_equal(opened(&bench), 1);
    profile_of(&bench, PERIOD_NS, 0);
    profile_of(&bench, 100 * LD_MS, 0);
    profile_of(&bench, 150 * LD_MS, 40);
    assert_int_equal(count_action(&bench.feed->kept, LD_ALERT_CLOSE), 0);
    profile_of(&bench, PERIOD_NS, 0);
    profile_of(&bench, PERIOD_NS, 0);
    assert_int_equal(count_action(&bench.feed->kept, LD_ALERT_CLOSE), 1);
    assert_int_equal(opened(&bench), 1);
    bench_done(&bench);
}

/* A peak that leaves the window makes the rest of it look like growth; but nothing new was seen. */
static void test_ticks_open_nothing(void **unused)
{
    (void)unused;
    struct bench bench =
        bench_of("site", "{column: site_growth, over: 2s, at_least: 4}, {column: site_count, at_least: 1}", 1);
    static const int64_t counts[] = {50, 50, 50, 50, 10, 10, 10, 10, 10, 20, 20, 20};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        profile_of(&bench, PERIOD_NS, counts[i]);
    assert_int_equal(opened(&bench), 0);
    for (int i = 0; i < 3; i++) {
        bench.feed->time_ns += PERIOD_NS;
        hand_tick(bench.feed);
    }
    assert_int_equal(opened(&bench), 0);
    profile_of(&bench, 0, 20);
    assert_int_equal(opened(&bench), 1);
    bench_done(&bench);
}

/* Thousands of sites, thousands of profiles in one instant, times that run backwards, numbers that are none. */
static void test_hostile_series_stay_bounded(void **unused)
{
    (void)unused;
    struct bench bench = bench_of("site", RISING_CELLS, 1);
    char names[60][32];
    struct group groups[60];
    for (int round = 0; round < 400; round++) {
        for (int i = 0; i < 60; i++) {
            snprintf(names[i], sizeof names[i], "main.f%d", round * 60 + i);
            groups[i] = (struct group)ONE(1, names[i]);
        }
        bench.feed->time_ns += round % 7 == 0 ? -LD_SECOND : 300 * LD_MS;
        hand_profile(bench.feed, groups, 60);
        hand_metric(bench.feed, LD_METRIC_GOROUTINES, round % 2 ? __builtin_nan("") : 1e308);
        assert_int_equal(bench.feed->code, 0);
    }
    for (int i = 0; i < 5000; i++) {
        hand_profile(bench.feed, groups, 1);
        hand_tick(bench.feed);
        assert_int_equal(bench.feed->code, 0);
    }
    bench.feed->time_ns += 60 * LD_SECOND;
    for (int i = 0; i < 12; i++)
        profile_of(&bench, PERIOD_NS, 0);
    size_t before = opened(&bench);
    rise(&bench, 0, 8); /* the places of the sites that are gone are free again */
    assert_int_equal(opened(&bench), before + 1);
    bench_done(&bench);
}

int test_evaluation(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metric_cells),
        cmocka_unit_test(test_windows_shrink_and_rates_grow_with_time_scale),
        cmocka_unit_test(test_site_columns),
        cmocka_unit_test(test_functions_know_their_owner),
        cmocka_unit_test(test_failed_reads_are_unknown),
        cmocka_unit_test(test_each_source_is_blind_by_itself),
        cmocka_unit_test(test_late_observations_of_the_dead_are_passed_over),
        cmocka_unit_test(test_trembling_plateau_is_no_persistence),
        cmocka_unit_test(test_ramp_between_trembles_is_no_persistence),
        cmocka_unit_test(test_ramps_and_small_leaks_in_many_trials),
        cmocka_unit_test(test_gap_of_a_quarter_says_nothing),
        cmocka_unit_test(test_floors_of_quarters),
        cmocka_unit_test(test_short_lapse_does_not_close),
        cmocka_unit_test(test_ticks_open_nothing),
        cmocka_unit_test(test_hostile_series_stay_bounded),
    };
    return cmocka_run_group_tests_name("evaluation", tests, NULL, NULL);
}
