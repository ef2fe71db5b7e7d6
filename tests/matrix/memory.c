/* The shipped rules for memory and for waits of WaitGroups: leaks, their twins, and what only looks like them. */
#include "detect/feed.h"
#include "matrix/groups.h"

#include "base/random.h"
#include "matrix/matrix.h"

#define RULES SOURCE_FOLDER "/scenarios/matrix/current.yaml"
#define TIME_SCALE 20 /* of the documented scenarios, at which the scenes play */
#define MIB 1048576.0
#define SEEDS 20

/* Numbers as measured at 40 requests a second: a heap whose garbage is collected once a second, and pages that stay
 * with the process. */
struct process {
    const char *name;
    double heap_kept, native_kept; /* MiB a second, from leak_from_ns on */
    double garbage;                /* MiB a second, gone at each collection */
    int64_t collect_every_ns;
    double settling;               /* MiB of pages that each of the first three collections touches for good */
    double goroutines;             /* a second, 8 KiB of stack and 10 KiB of heap each */
    int64_t leak_from_ns;
    const char *rule;              /* expected; NULL: silence */
};

struct scene {
    struct ld_matrix *matrix;
    struct ld_matrix_state *state;
    struct feed *feed;
};

static int deliver_matrix(void *to, const struct ld_observation *observation, const struct ld_alert_sink *sink)
{
    return ld_matrix_observe(to, observation, sink);
}

static struct scene begin(void)
{
    struct scene scene = {0};
    struct ld_errors errors = {0};
    char text[1024];
    if (ld_matrix_read(&scene.matrix, RULES, &errors) != 0)
        fail_msg("%s", errors.count ? ld_error_format(&errors.items[0], text, sizeof text) : "unreadable");
    assert_int_equal(ld_matrix_state_new(&scene.state, scene.matrix, TIME_SCALE, PERIOD_NS), 0);
    scene.feed = feed_new(scene.state, deliver_matrix);
    return scene;
}

static void end(struct scene *scene)
{
    free(scene->feed);
    ld_matrix_state_free(scene->state);
    ld_matrix_free(scene->matrix);
}

static void hand_numbers(struct feed *feed, const struct process *process, uint64_t seed)
{
    double lot = ld_unit(ld_derive(seed, "memory", (uint64_t)feed->time_ns));
    double now = (double)feed->time_ns / 1e9;
    double leaking = feed->time_ns > process->leak_from_ns ? (double)(feed->time_ns - process->leak_from_ns) / 1e9 : 0;
    int64_t phase_ns = (int64_t)(ld_unit(ld_derive(seed, "collection", 0)) * (double)process->collect_every_ns);
    int64_t cycles = (feed->time_ns + phase_ns) / process->collect_every_ns;
    double since = (double)((feed->time_ns + phase_ns) % process->collect_every_ns) / 1e9;
    double goroutines = 9 + process->goroutines * leaking;
    double stacks = 0.5 + (goroutines - 9) * 8 / 1024;
    double heap = 1.8 + 0.4 * lot + process->garbage * since + process->heap_kept * leaking +
                  (goroutines - 9) * 10 / 1024;
    double settled = process->settling * (double)(cycles < 3 ? cycles : 3) + (now < 0.3 ? 0 : 1.5);
    double peak = process->garbage * (double)process->collect_every_ns / 1e9;
    double resident = 9 + settled + peak + 0.8 * lot + stacks + process->heap_kept * leaking +
                      process->native_kept * leaking;
    const struct ld_point own[] = {{LD_METRIC_GOROUTINES, (double)(int64_t)goroutines},
                                   {LD_METRIC_HEAP_INUSE, heap * MIB},
                                   {LD_METRIC_STACK_INUSE, stacks * MIB},
                                   {LD_METRIC_GC_CYCLES, (double)cycles}};
    const struct ld_point kernel[] = {{LD_METRIC_RSS, resident * MIB}};
    hand(feed, (struct ld_observation){.kind = LD_OBSERVATION_METRICS, .point_count = 1, .points = kernel});
    hand(feed, (struct ld_observation){.kind = LD_OBSERVATION_METRICS, .point_count = 4, .points = own});
    assert_int_equal(feed->code, 0);
}

static void check_alerts(const struct kept *kept, const struct process *process, uint64_t seed, double seen_max_s)
{
    const struct kept_alert *alert = find_open(kept, 0);
    if (!process->rule && alert)
        fail_msg("%s, seed %d: false alarm at %.2f s: %s", process->name, (int)seed, (double)alert->time_ns / 1e9,
                 alert->why);
    if (!process->rule)
        return;
    if (!alert)
        fail_msg("%s, seed %d: not seen", process->name, (int)seed);
    double after = (double)(alert->time_ns - process->leak_from_ns) / 1e9;
    if (after < 0 || after > seen_max_s)
        fail_msg("%s, seed %d: seen after %.2f s, not within %.1f s", process->name, (int)seed, after, seen_max_s);
    for (size_t i = 0; (alert = find_open(kept, i)) != NULL; i++) {
        assert_string_equal(alert->rule, process->rule);
        assert_string_equal(alert->site, "");
    }
}

static void test_memory_that_is_kept_is_told_from_what_comes_and_goes(void **unused)
{
    (void)unused;
    static const struct process processes[] = {
        {.name = "handles", .heap_kept = 2.5, .garbage = 1.5, .rule = "cgo-handle-not-deleted"},
        {.name = "handles, little garbage", .heap_kept = 2.5, .garbage = 0.3, .rule = "cgo-handle-not-deleted"},
        {.name = "C memory", .native_kept = 5, .garbage = 1.3, .rule = "cgo-malloc-not-freed"},
        {.name = "a sanitizer's quarantine", .native_kept = 1.5, .garbage = 1.3},
        {.name = "twin", .garbage = 1.5},
        {.name = "much garbage", .garbage = 8},
        {.name = "a life's first collections", .garbage = 1.3, .settling = 1.3},
        {.name = "goroutines with stacks and buffers", .garbage = 1.3, .goroutines = 160},
    };
    for (size_t i = 0; i < sizeof processes / sizeof processes[0]; i++)
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            struct process process = processes[i];
            process.collect_every_ns = LD_SECOND;
            process.leak_from_ns = 3 * LD_SECOND;
            struct scene scene = begin();
            while (scene.feed->time_ns < 12 * LD_SECOND) {
                scene.feed->time_ns += PERIOD_NS;
                hand_numbers(scene.feed, &process, seed);
            }
            check_alerts(&scene.feed->kept, &process, seed, 4);
            end(&scene);
        }
}

/* Without a collection in the window nobody knows what of the heap would stay. */
static void test_a_heap_that_was_not_collected_says_nothing(void **unused)
{
    (void)unused;
    const struct process process = {.name = "no collection", .garbage = 4, .collect_every_ns = 60 * LD_SECOND};
    struct scene scene = begin();
    while (scene.feed->time_ns < 12 * LD_SECOND) {
        scene.feed->time_ns += PERIOD_NS;
        hand_numbers(scene.feed, &process, 1);
    }
    check_alerts(&scene.feed->kept, &process, 1, 0);
    end(&scene);
}

/* ---- WaitGroups */

static void wait_at(struct feed *feed, const char *site, int64_t waiting)
{
    struct group groups[] = {
        {waiting, {"runtime.gopark", "runtime.semacquire1", "sync.runtime_SemacquireWaitGroup",
                   "sync.(*WaitGroup).Wait", site, "runtime.goexit"}},
        {1, {"runtime.gopark", "runtime.chanrecv1", "main.main", "runtime.main"}},
    };
    feed->time_ns += PERIOD_NS;
    hand_profile(feed, groups, 2);
}

static void test_waitgroups_that_are_never_done(void **unused)
{
    (void)unused;
    static const struct {
        int64_t per_period, in_flight, after; /* units stay; requests wait besides, from period `after` on */
        bool seen;
    } cases[] = {{10, 0, 0, true}, {2, 0, 0, true}, {10, 8, 8, true}, {0, 8, 8, false}, {0, 400, 8, false},
                 {0, 0, 0, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene scene = begin();
        for (int64_t period = 0; period < 40; period++) {
            int64_t lot = (int64_t)(2 * ld_unit(ld_derive(i, "waiting", (uint64_t)period)));
            int64_t busy = period >= cases[i].after ? cases[i].in_flight + (cases[i].in_flight ? lot : 0) : 0;
            wait_at(scene.feed, "example/orders.(*Desk).settle", cases[i].per_period * period + busy);
            assert_int_equal(scene.feed->code, 0);
        }
        const struct kept_alert *alert = find_open(&scene.feed->kept, 0);
        if ((alert != NULL) != cases[i].seen)
            fail_msg("case %zu: seen %d, expected %d: %s", i, alert != NULL, cases[i].seen, alert ? alert->why : "");
        if (alert) {
            assert_string_equal(alert->rule, "waitgroup-missing-done");
            assert_int_equal(alert->cause, LD_CAUSE_WAITGROUP);
            assert_string_equal(alert->site, "example/orders.(*Desk).settle");
        }
        end(&scene);
    }
}

/* ---- a sanitizer's words */

static void hand_line(struct feed *feed, const char *text)
{
    feed->time_ns += LD_MS;
    hand(feed, (struct ld_observation){.kind = LD_OBSERVATION_LINE, .text = text});
    assert_int_equal(feed->code, 0);
}

#define HEAD "==4711==ERROR: AddressSanitizer: heap-use-after-free on address 0x521000001500 at pc 0x55d0c5 bp 0x7ff0"
#define FRAME "    #0 0x55d0c5 in shop/cases/plates.(*Engraver).proofread shop/cases/plates/plates.go:85"

static const char *const report[] = {
    "=================================================================",
    HEAD,
    "READ of size 1 at 0x521000001500 thread T0",
    FRAME,
    "    #1 0x55d0c6 in shop/cases/plates.(*Engraver).engrave shop/cases/plates/plates.go:64",
    "",
    "0x521000001500 is located 0 bytes inside of 4096-byte region [0x521000001500,0x521000002500)",
    "freed by thread T0 here:",
    "    #0 0x7f11 in free (/lib/libasan.so.8+0xde)",
    "SUMMARY: AddressSanitizer: heap-use-after-free shop/cases/plates/plates.go:85 in proofread",
};
#define REPORT_LINES (sizeof report / sizeof report[0])

static void expect_dangling(const struct scene *scene, size_t alerts)
{
    const struct kept *kept = &scene->feed->kept;
    assert_int_equal(count_action(kept, LD_ALERT_OPEN), alerts);
    for (size_t i = 0; i < alerts; i++) {
        const struct kept_alert *alert = find_open(kept, i);
        assert_string_equal(alert->rule, "cgo-dangling");
        assert_string_equal(alert->site, "shop/cases/plates.(*Engraver).proofread");
        assert_int_equal(alert->cause, LD_CAUSE_MEMORY_SAFETY);
        assert_non_null(strstr(alert->why, "AddressSanitizer: heap-use-after-free on address 0x521000001500"));
    }
}

/* Whole, with the news of the death before any of its lines, and with another life behind it. */
static void test_a_report_is_told_once_whenever_it_comes(void **unused)
{
    (void)unused;
    for (size_t death = 0; death <= REPORT_LINES; death++) {
        struct scene scene = begin();
        for (size_t i = 0; i <= REPORT_LINES; i++) {
            if (i == death)
                hand_life(scene.feed, LD_LIFE_ENDED);
            if (i < REPORT_LINES)
                hand_line(scene.feed, report[i]);
            scene.feed->time_ns += 10 * PERIOD_NS;
            hand_tick(scene.feed); /* nor does time take back what was reported */
            hand_metric(scene.feed, LD_METRIC_RSS, 20 * MIB);
        }
        expect_dangling(&scene, 1);
        assert_int_equal(count_action(&scene.feed->kept, LD_ALERT_CLOSE), death > 3 ? 1 : 0);
        scene.feed->incarnation++;
        hand_life(scene.feed, LD_LIFE_STARTED);
        hand_line(scene.feed, FRAME); /* of no report of this life */
        expect_dangling(&scene, 1);
        assert_int_equal(count_action(&scene.feed->kept, LD_ALERT_CLOSE), 1);
        for (size_t i = 0; i < REPORT_LINES; i++)
            hand_line(scene.feed, report[i]);
        expect_dangling(&scene, 2);
        end(&scene);
    }
}

/* Who calls the C library is at fault, and a C function is called as Go calls it; a stack of machinery alone is named
 * when it ends. */
static void test_a_report_names_the_program_s_own_frame(void **unused)
{
    (void)unused;
    static const struct {
        const char *lines[4], *site;
    } cases[] = {
        {{HEAD, "    #0 0x7f11 in __interceptor_free (/lib/libasan.so.8+0xde)", FRAME},
         "shop/cases/plates.(*Engraver).proofread"},
        {{HEAD, "    #0 0x1 in runtime.asmcgocall runtime/asm.s:1", "    #1 0x2 in set /src/glyph.go:13"}, "C.set"},
        {{HEAD, "    #0 0x2 in _cgo_624abf7d3f6a_Cfunc_set /tmp/go-build/cgo-gcc-prolog:68"}, "C.set"},
        {{HEAD, "    #0 0x1 in runtime.memmove runtime/memmove.s:1", "    #1 0x1 in runtime.main x.go:1", ""},
         "runtime.memmove"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene scene = begin();
        for (size_t k = 0; k < 4 && cases[i].lines[k]; k++)
            hand_line(scene.feed, cases[i].lines[k]);
        const struct kept_alert *alert = find_open(&scene.feed->kept, 0);
        if (!alert)
            fail_msg("%s: not told", cases[i].lines[1]);
        assert_string_equal(alert->site, cases[i].site);
        end(&scene);
    }
}

static void test_other_lines_are_no_report(void **unused)
{
    (void)unused;
    static const char *const lines[][4] = {
        {"ERROR: AddressSanitizer: heap-use-after-free on address 0x1", FRAME},
        {"we link AddressSanitizer; ==1==ERROR: AddressSanitizer: heap-use-after-free", FRAME},
        {"==4711==ERROR: LeakSanitizer: detected memory leaks", FRAME},
        {"==4711==ERROR: AddressSanitizer: SEGV on unknown address 0x0", FRAME},
        {"==4711==ERROR: AddressSanitizer: ", FRAME},
        {"==x==ERROR: AddressSanitizer: heap-use-after-free", FRAME},
        {HEAD, "    #0 0x55d0c5"},
        {HEAD, "    #x 0x55d0c5 in main.work main.go:1"},
        {HEAD, "#"},
        {HEAD, "    #0 0x55d0c5", "freed by thread T0 here:", FRAME},
        {"xx4711==ERROR: AddressSanitizer: heap-use-after-free on address 0x1", FRAME},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct scene scene = begin();
        for (size_t k = 0; k < 4 && lines[i][k]; k++)
            hand_line(scene.feed, lines[i][k]);
        const struct kept_alert *alert = find_open(&scene.feed->kept, 0);
        if (alert)
            fail_msg("\"%s\", \"%s\": %s", lines[i][0], lines[i][1], alert->why);
        end(&scene);
    }
}

static void test_long_reports_stay_bounded(void **unused)
{
    (void)unused;
    char head[1024], frame[1024];
    snprintf(head, sizeof head, "%s", HEAD);
    memset(head + sizeof HEAD - 1, 'a', sizeof head - sizeof HEAD);
    head[sizeof head - 1] = '\0';
    memset(frame, 'f', sizeof frame);
    memcpy(frame, "    #0 0x1 in ", strlen("    #0 0x1 in "));
    frame[sizeof frame - 1] = '\0';
    struct scene scene = begin();
    for (int i = 0; i < 5000; i++) {
        hand_line(scene.feed, head);
        hand_line(scene.feed, frame);
    }
    assert_int_equal(count_action(&scene.feed->kept, LD_ALERT_OPEN), 1); /* one function, one alert */
    end(&scene);
}

int test_memory(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_that_is_kept_is_told_from_what_comes_and_goes),
        cmocka_unit_test(test_a_heap_that_was_not_collected_says_nothing),
        cmocka_unit_test(test_waitgroups_that_are_never_done),
        cmocka_unit_test(test_a_report_is_told_once_whenever_it_comes),
        cmocka_unit_test(test_a_report_names_the_program_s_own_frame),
        cmocka_unit_test(test_other_lines_are_no_report),
        cmocka_unit_test(test_long_reports_stay_bounded),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
