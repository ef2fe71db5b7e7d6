/* The rules that others published: LeakProf, EVE's watcher, the field notes. When they speak, and on what. */
#include "detect/groups.h"
#include "detect/rig.h"

/* ---- site-threshold */

#define BLOCKED(count, operation, function) {count, {"runtime.gopark", operation, function, "runtime.goexit"}}

static void hand_blocked(struct rig *rig, int64_t receivers, int64_t senders, int64_t lockers)
{
    struct group groups[] = {
        BLOCKED(receivers, "runtime.chanrecv1", "main.receive"),
        BLOCKED(senders, "runtime.chansend1", "main.send"),
        {lockers, {"runtime.gopark", "runtime.semacquire1", "sync.(*WaitGroup).Wait", "main.wait"}}};
    hand_profile(rig->feed, groups, 3);
    assert_int_equal(rig->feed->code, 0);
}

static void test_site_threshold_claims_each_location(void **unused)
{
    (void)unused;
    struct rig rig = rig_of("site-threshold", "{blocked: 100}");
    hand_blocked(&rig, 100, 100, 5000);
    assert_int_equal(opens(&rig), 0); /* not over the limit; a WaitGroup is not its subject */
    hand_blocked(&rig, 101, 100, 5000);
    assert_int_equal(opens(&rig), 1);
    const struct kept_alert *first = find_open(&rig.feed->kept, 0);
    assert_string_equal(first->site, "main.receive");
    assert_int_equal(first->cause, LD_CAUSE_CHAN_RECEIVE);
    assert_int_equal(first->amount, 101);
    assert_string_equal(first->why, "101 goroutines are blocked (chan-receive) at main.receive, the limit is 100");
    hand_blocked(&rig, 150, 200, 0);
    assert_int_equal(opens(&rig), 2);
    assert_int_equal(find_open(&rig.feed->kept, 1)->cause, LD_CAUSE_CHAN_SEND);
    hand_blocked(&rig, 90, 200, 0);
    assert_int_equal(closes(&rig), 1);
    rig_done(&rig);
}

static void test_site_threshold_is_blind_without_a_profile(void **unused)
{
    (void)unused;
    struct rig rig = rig_of("site-threshold", "{blocked: 10}");
    hand_blocked(&rig, 11, 0, 0);
    hand_failure(rig.feed, true, LD_PROFILE_GOROUTINE, LD_READ_TIMEOUT);
    assert_int_equal(unknowns(&rig), 1);
    assert_int_equal(closes(&rig), 0);
    hand_blocked(&rig, 11, 0, 0);
    assert_int_equal(knowns(&rig), 1);
    assert_int_equal(opens(&rig), 1);
    restart(rig.feed);
    assert_int_equal(closes(&rig), 1);
    rig_done(&rig);
}

static void test_least_goroutines(void **unused)
{
    (void)unused;
    static const struct {
        const char *name, *options;
        int64_t least;
    } rows[] = {{"site-threshold", "{}", 10001}, {"site-threshold", "{blocked: 10}", 11}, {"threshold", "{}", 501}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rig rig = rig_of(rows[i].name, rows[i].options);
        struct ld_detector_setting setting = {.options = rig.options, .time_scale = 20};
        assert_int_equal(ld_detector_find(rows[i].name)->least_goroutines(&setting), rows[i].least);
        rig_done(&rig);
    }
}

/* ---- rate-sigma */

static void measure(struct rig *rig, double count)
{
    hand_metric(rig->feed, LD_METRIC_GOROUTINES, count);
    assert_int_equal(rig->feed->code, 0);
    pass(rig, LD_SECOND);
}

#define EVERY_SECOND "{interval: 1s, window: 20s, smooth: 3}"

static void test_rate_sigma_sees_a_steady_rise(void **unused)
{
    (void)unused;
    struct rig rig = rig_of("rate-sigma", EVERY_SECOND);
    for (int i = 0; i < 9; i++)
        measure(&rig, 10 + 2 * i);
    assert_int_equal(opens(&rig), 0); /* nine measurements are too few */
    measure(&rig, 10 + 2 * 9);
    assert_int_equal(opens(&rig), 1);
    assert_string_equal(find_open(&rig.feed->kept, 0)->why,
                        "the smoothed count rises by 2.00 an interval on average and by 2.00 now, both over 0.00 (1 "
                        "sigma of its rates)");
    for (int i = 0; i < 3; i++)
        measure(&rig, 28);
    assert_int_equal(closes(&rig), 1); /* the latest rate is none */
    rig_done(&rig);
}

static void test_rate_sigma_passes_over_noise_and_bursts(void **unused)
{
    (void)unused;
    struct rig rig = rig_of("rate-sigma", EVERY_SECOND);
    for (int i = 0; i < 40; i++)
        measure(&rig, 100 + (i % 2 ? 20 : 0));
    assert_int_equal(opens(&rig), 0);
    measure(&rig, 400); /* one burst: its own deviation is larger than the mean */
    measure(&rig, 100);
    measure(&rig, 100);
    assert_int_equal(opens(&rig), 0);
    rig_done(&rig);
}

static void test_rate_sigma_measures_once_an_interval(void **unused)
{
    (void)unused;
    struct rig rig;
    struct ld_error error;
    assert_int_equal(rig_open(&rig, "rate-sigma", "{}", (struct ld_detector_setting){.time_scale = 60}, &error), 0);
    for (int i = 0; i < 36; i++) { /* 1 m at a scale of 60: every fourth of these */
        hand_metric(rig.feed, LD_METRIC_GOROUTINES, 10 + i);
        pass(&rig, 250 * LD_MS);
    }
    assert_int_equal(opens(&rig), 0); /* nine measurements */
    hand_metric(rig.feed, LD_METRIC_GOROUTINES, 46);
    assert_int_equal(opens(&rig), 1);
    rig_done(&rig);
}

/* Every read is a measurement when the interval is the sampling period, and every other when it is two, though its
 * answer comes some milliseconds off the grid. */
static void test_rate_sigma_keeps_its_rhythm_when_reads_jitter(void **unused)
{
    (void)unused;
    static const struct {
        const char *options;
        int every; /* reads to a measurement */
    } rows[] = {{"{interval: 250ms, window: 3s, threshold: 100000}", 1},
                {"{interval: 500ms, window: 6s, threshold: 100000}", 2},
                {"{interval: 750ms, window: 9s, threshold: 100000}", 3}};
    static const int64_t off_ms[] = {3, 0, 6, 1, 4, 2, 0, 5, 3, 1, 2};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rig rig = rig_of("rate-sigma", rows[i].options);
        int reads = 0;
        for (; reads < 40 && opens(&rig) == 0; reads++) {
            rig.feed->time_ns = LD_SECOND + reads * PERIOD_NS + off_ms[reads % 11] * LD_MS;
            hand_metric(rig.feed, LD_METRIC_GOROUTINES, 10 + reads);
        }
        assert_int_equal(reads, 9 * rows[i].every + 1); /* the tenth measurement is judged */
        rig_done(&rig);
    }
}

static void test_rate_sigma_passes_over_looks_around_the_load(void **unused)
{
    (void)unused;
    struct rig rig = rig_of("rate-sigma", EVERY_SECOND);
    struct ld_point point = {LD_METRIC_GOROUTINES, 10000};
    hand(rig.feed, (struct ld_observation){.kind = LD_OBSERVATION_METRICS, .purpose = LD_PURPOSE_BEFORE,
                                           .point_count = 1, .points = &point});
    assert_int_equal(opens(&rig), 0);
    measure(&rig, 10000);
    assert_int_equal(opens(&rig), 1);
    rig_done(&rig);
}

static void test_rate_sigma_threshold(void **unused)
{
    (void)unused;
    struct rig rig = rig_of("rate-sigma", "{threshold: 50, interval: 1s, window: 20s}");
    measure(&rig, 49);
    assert_int_equal(opens(&rig), 0);
    measure(&rig, 50);
    assert_int_equal(opens(&rig), 1);
    assert_string_equal(find_open(&rig.feed->kept, 0)->why, "50 goroutines, the threshold is 50");
    rig_done(&rig);
}

/* ---- gc-frequency */

static void hand_gc(struct rig *rig, double goroutines, double cycles)
{
    struct ld_point points[] = {{LD_METRIC_GOROUTINES, goroutines}, {LD_METRIC_GC_CYCLES, cycles}};
    hand(rig->feed, (struct ld_observation){.kind = LD_OBSERVATION_METRICS, .point_count = 2, .points = points});
    assert_int_equal(rig->feed->code, 0);
    pass(rig, LD_SECOND);
}

static void test_gc_frequency_wants_both(void **unused)
{
    (void)unused;
    struct rig rig = rig_of("gc-frequency", "{window: 4s, frequency: 4, goroutines: 6}");
    double cycles = 0;
    for (int i = 0; i < 5; i++, cycles++)
        hand_gc(&rig, 10, cycles); /* 4 collections in the first window, 10 goroutines */
    for (int i = 0; i < 8; i++, cycles += 5)
        hand_gc(&rig, 59, cycles); /* often enough, too few goroutines */
    assert_int_equal(opens(&rig), 0);
    for (int i = 0; i < 6; i++, cycles += 1)
        hand_gc(&rig, 100, cycles);
    size_t before = opens(&rig);
    for (int i = 0; i < 5; i++, cycles += 1)
        hand_gc(&rig, 100, cycles); /* many goroutines, too few collections */
    assert_int_equal(opens(&rig), before);
    for (int i = 0; i < 5; i++, cycles += 4)
        hand_gc(&rig, 60, cycles);
    assert_int_equal(opens(&rig), before + 1);
    assert_int_equal(closes(&rig), before);
    rig_done(&rig);
}

static void test_gc_frequency_learns_each_life_anew(void **unused)
{
    (void)unused;
    struct rig rig = rig_of("gc-frequency", "{window: 4s, frequency: 4, goroutines: 6}");
    for (int i = 0; i < 6; i++)
        hand_gc(&rig, 10, i);
    restart(rig.feed);
    for (int i = 0; i < 12; i++)
        hand_gc(&rig, 600, i * 16);
    assert_int_equal(opens(&rig), 0); /* this life began like that */
    rig_done(&rig);
}

/* ---- rate-quantile */

static void hand_pause(struct rig *rig, const char *milliseconds)
{
    char line[160];
    snprintf(line, sizeof line,
             "gc 1 @0.025s 0%%: 0.0+0.87+%s ms clock, 0.1+0/0.5/0+0.1 ms cpu, 4->4->1 MB, 4 MB goal, 0 MB stacks, 0 MB "
             "globals, 2 P",
             milliseconds);
    hand(rig->feed, (struct ld_observation){.kind = LD_OBSERVATION_LINE, .text = line});
    assert_int_equal(rig->feed->code, 0);
}

static void test_rate_quantile_wants_both(void **unused)
{
    (void)unused;
    struct rig rig = rig_of("rate-quantile", "{per_second: 10/s, over: 4s, pause: 15ms, pauses_over: 10s}");
    double count = 10;
    for (int i = 0; i < 8; i++, count += 11) {
        hand_pause(&rig, "0.02");
        measure(&rig, count);
    }
    assert_int_equal(opens(&rig), 0); /* steep, but the pauses are short */
    hand_pause(&rig, "16.0");
    measure(&rig, count);
    assert_int_equal(opens(&rig), 1); /* of nine pauses the 99 % quantile is the longest */
    for (int i = 0; i < 6; i++)
        measure(&rig, count);
    assert_int_equal(closes(&rig), 1);
    rig_done(&rig);
}

static void test_rate_quantile_forgets_old_pauses(void **unused)
{
    (void)unused;
    struct rig rig = rig_of("rate-quantile", "{per_second: 10/s, over: 4s, pause: 15ms, pauses_over: 10s}");
    measure(&rig, 10);
    hand_pause(&rig, "50.0");
    for (int i = 0; i < 12; i++)
        measure(&rig, 10);
    for (int i = 0; i < 8; i++)
        measure(&rig, 10 + 20 * i);
    assert_int_equal(opens(&rig), 0);
    rig_done(&rig);
}

/* Of a hundred the 99 % quantile is the second longest: one in a hundred is not over it. */
static void test_rate_quantile_is_the_nearest_rank(void **unused)
{
    (void)unused;
    struct rig rig = rig_of("rate-quantile", "{per_second: 10/s, over: 4s, pause: 15ms, pauses_over: 1h}");
    for (int i = 0; i < 99; i++)
        hand_pause(&rig, "0.02");
    for (int i = 0; i < 8; i++)
        measure(&rig, 10 + 20 * i);
    hand_pause(&rig, "16.0");
    measure(&rig, 170);
    assert_int_equal(opens(&rig), 0);
    hand_pause(&rig, "16.0");
    measure(&rig, 190);
    assert_int_equal(opens(&rig), 1);
    rig_done(&rig);
}

/* Who was never told what it judges by could not have spoken. */
static void test_what_was_not_told_is_not_missed(void **unused)
{
    static const struct {
        const char *name, *options, *why; /* of the count of goroutines alone */
    } rows[] = {{"gc-frequency", "{window: 4s}",
                 "it judges by collections and goroutines, and nothing told of collections (go_gc_cycles_total)"},
                {"matrix", "{}",
                 "a single number never decides, and nothing was told but go_sched_goroutines_count"}};
    (void)unused;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rig rig = rig_of(rows[i].name, rows[i].options);
        char why[200] = "";
        for (int k = 0; k < 8; k++)
            measure(&rig, 10 + 1000 * k);
        assert_int_equal(opens(&rig), 0);
        assert_false(ld_detector_reached(rig.detector, why, sizeof why));
        assert_string_equal(why, rows[i].why);
        hand_gc(&rig, 10, 1);
        assert_true(ld_detector_reached(rig.detector, why, sizeof why));
        rig_done(&rig);
    }
}

/* What never came near its published levels was not missed. */
static void test_rate_quantile_says_what_was_not_reached(void **unused)
{
    (void)unused;
    static const struct {
        const char *pause;
        int rise;
        const char *why; /* NULL: all was */
    } rows[] = {{"0.02", 20,
                 "it speaks when the 99% quantile of the pauses is over 15ms, the most of this run was 20us"},
                {"16.0", 3, "it speaks of 10 goroutines a second more over its window, the most of this run was 3"},
                {"16.0", 20, NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rig rig;
        struct ld_error error;
        char why[200] = "";
        assert_int_equal(rig_open(&rig, "rate-quantile", "{per_second: 10/s, over: 40s, pause: 15ms}",
                                  (struct ld_detector_setting){.time_scale = 10}, &error), 0);
        for (int k = 0; k < 8; k++) {
            measure(&rig, 10 + 10 * rows[i].rise * k); /* ten times as fast as written */
            hand_pause(&rig, rows[i].pause);
        }
        bool reached = ld_detector_reached(rig.detector, why, sizeof why);
        assert_string_equal(why, rows[i].why ? rows[i].why : "");
        assert_int_equal(reached, rows[i].why == NULL);
        assert_int_equal(opens(&rig), reached);
        rig_done(&rig);
    }
}

/* Before a window is whole a leak that kills is missed, and a target that is told to end is not. */
static void test_rate_quantile_misses_an_early_death(void **unused)
{
    static const struct {
        int counts;
        bool expected, reached;
    } rows[] = {{3, false, true}, {3, true, false}, {12, false, false}};
    (void)unused;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rig rig = rig_of("rate-quantile", "{per_second: 10/s, over: 4s, pause: 15ms}");
        char why[200] = "";
        for (int k = 0; k < rows[i].counts; k++)
            measure(&rig, 10 + 50 * k);
        hand(rig.feed, (struct ld_observation){.kind = LD_OBSERVATION_LIFE, .life = LD_LIFE_ENDED,
                                               .expected = rows[i].expected});
        assert_int_equal(rig.feed->code, 0);
        assert_int_equal(ld_detector_reached(rig.detector, why, sizeof why), rows[i].reached);
        rig_done(&rig);
    }
}

static void test_bad_options(void **unused)
{
    (void)unused;
    static const struct {
        const char *options, *message;
    } rows[] = {{"{interval: 1m, window: 5m}", "window must hold 10 to 1440 intervals, not 5"},
                {"{interval: 1s, window: 10s, smooth: 6}", "smooth (6) must be at most half the 10 measurements"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct ld_detector_kind *kind = ld_detector_find("rate-sigma");
        struct ld_errors errors = {0};
        struct ld_document document;
        struct ld_arena *arena = ld_arena_new((size_t)1 << 20);
        struct ld_schema_context context = {.file = "s.yaml", .arena = arena, .errors = &errors};
        void *options = calloc(1, kind->options_size);
        assert_int_equal(ld_document_parse(&document, "s.yaml", rows[i].options, strlen(rows[i].options), &errors), 0);
        assert_int_not_equal(ld_schema_bind(&context, kind->options, document.root, options), 0);
        assert_string_equal(errors.items[0].message, rows[i].message);
        ld_document_done(&document);
        ld_errors_done(&errors);
        ld_arena_free(arena);
        free(options);
    }
}

int test_published(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_site_threshold_claims_each_location),
        cmocka_unit_test(test_site_threshold_is_blind_without_a_profile),
        cmocka_unit_test(test_least_goroutines),
        cmocka_unit_test(test_rate_sigma_sees_a_steady_rise),
        cmocka_unit_test(test_rate_sigma_passes_over_noise_and_bursts),
        cmocka_unit_test(test_rate_sigma_measures_once_an_interval),
        cmocka_unit_test(test_rate_sigma_keeps_its_rhythm_when_reads_jitter),
        cmocka_unit_test(test_rate_sigma_passes_over_looks_around_the_load),
        cmocka_unit_test(test_rate_sigma_threshold),
        cmocka_unit_test(test_gc_frequency_wants_both),
        cmocka_unit_test(test_gc_frequency_learns_each_life_anew),
        cmocka_unit_test(test_rate_quantile_wants_both),
        cmocka_unit_test(test_rate_quantile_forgets_old_pauses),
        cmocka_unit_test(test_rate_quantile_is_the_nearest_rank),
        cmocka_unit_test(test_rate_quantile_says_what_was_not_reached),
        cmocka_unit_test(test_rate_quantile_misses_an_early_death),
        cmocka_unit_test(test_what_was_not_told_is_not_missed),
        cmocka_unit_test(test_bad_options),
    };
    return cmocka_run_group_tests_name("published rules", tests, NULL, NULL);
}
