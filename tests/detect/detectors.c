/* The detectors by themselves: when they speak, when they fall silent, and what a restart or a failed read does. */
#include "detect/groups.h"
#include "detect/rig.h"

#include <unistd.h>

static void dump(struct rig *rig, enum ld_purpose purpose, int64_t work, int64_t other)
{
    struct group groups[] = {WAITING(work, "main.work"), WAITING(other, "main.other")};
    hand_profile_as(rig->feed, LD_PROFILE_GOROUTINE, purpose, groups, 2);
    assert_int_equal(rig->feed->code, 0);
}

/* ---- before-after */

static void test_two_dumps_apart(void **unused)
{
    (void)unused;
    struct rig rig = rig_of("before-after", "{apart: 3s}");
    dump(&rig, LD_PURPOSE_WARM_UP, 0, 0);
    dump(&rig, LD_PURPOSE_BEFORE, 5, 5);
    for (int i = 1; i <= 11; i++) {
        pass(&rig, PERIOD_NS);
        dump(&rig, LD_PURPOSE_PERIOD, 5 + 2 * i, 5);
    }
    assert_int_equal(opens(&rig), 0); /* 2.75 s after the first */
    pass(&rig, PERIOD_NS);
    dump(&rig, LD_PURPOSE_PERIOD, 15, 14);
    assert_int_equal(opens(&rig), 1);
    const struct kept_alert *alert = find_open(&rig.feed->kept, 0);
    assert_string_equal(alert->site, "main.work");
    assert_string_equal(alert->why, "main.work: 15 goroutines, 10 more than in the dump 3s before");
    assert_int_equal(alert->amount, 10);
    assert_int_equal(alert->cause, LD_CAUSE_GOROUTINE_GROWTH);
    pass(&rig, 3 * LD_SECOND);
    dump(&rig, LD_PURPOSE_PERIOD, 24, 24); /* 9 more, and 10 more */
    assert_int_equal(opens(&rig), 2);
    assert_int_equal(closes(&rig), 1);
    rig_done(&rig);
}

static void test_dump_after_is_held_against_the_one_before(void **unused)
{
    (void)unused;
    struct rig rig = rig_of("before-after", "{apart: 3s}");
    dump(&rig, LD_PURPOSE_BEFORE, 5, 5);
    for (int i = 0; i < 2; i++) { /* six more in each pair: too few for it, and twelve from before to after */
        pass(&rig, 3 * LD_SECOND);
        dump(&rig, LD_PURPOSE_PERIOD, 5, 11 + 6 * i);
    }
    assert_int_equal(opens(&rig), 0);
    dump(&rig, LD_PURPOSE_AFTER, 14, 17);
    assert_int_equal(opens(&rig), 1);
    const struct kept_alert *alert = find_open(&rig.feed->kept, 0);
    assert_string_equal(alert->site, "main.other");
    assert_string_equal(alert->why, "main.other: 17 goroutines, 12 more than in the dump 6s before");
    rig_done(&rig);
}

static void test_no_two_dumps_nearer_are_compared(void **unused)
{
    (void)unused;
    struct rig rig = rig_of("before-after", "{}");
    dump(&rig, LD_PURPOSE_BEFORE, 5, 5);
    pass(&rig, 29 * LD_SECOND);
    dump(&rig, LD_PURPOSE_PERIOD, 100, 5);
    dump(&rig, LD_PURPOSE_AFTER, 100, 5);
    assert_int_equal(opens(&rig), 0); /* the published interval is thirty */
    pass(&rig, LD_SECOND);
    dump(&rig, LD_PURPOSE_AFTER, 100, 5);
    assert_int_equal(opens(&rig), 1);
    rig_done(&rig);
}

static void test_time_scale_shortens_the_pair(void **unused)
{
    (void)unused;
    struct rig rig;
    struct ld_error error;
    assert_int_equal(rig_open(&rig, "before-after", "{}", (struct ld_detector_setting){.time_scale = 30}, &error), 0);
    dump(&rig, LD_PURPOSE_PERIOD, 0, 0);
    pass(&rig, LD_SECOND - PERIOD_NS / 2 - 1);
    dump(&rig, LD_PURPOSE_PERIOD, 50, 0);
    assert_int_equal(opens(&rig), 0);
    pass(&rig, 1); /* the sample that is nearest to 1 s */
    dump(&rig, LD_PURPOSE_PERIOD, 50, 0);
    assert_int_equal(opens(&rig), 1);
    rig_done(&rig);
}

/* Answers come some milliseconds off the grid on which they are asked for. */
static void test_pairs_stay_on_a_grid_that_jitters(void **unused)
{
    (void)unused;
    static const int64_t off_ms[] = {3, 0, 5, 1, 4, 2, 0, 5, 3};
    struct rig rig = rig_of("before-after", "{apart: 1s}");
    for (size_t i = 0; i < sizeof off_ms / sizeof *off_ms; i++) {
        rig.feed->time_ns = (int64_t)i * LD_SECOND + off_ms[i] * LD_MS;
        dump(&rig, LD_PURPOSE_PERIOD, i % 2 ? 50 : 0, 0);
        assert_int_equal(opens(&rig), (i + 1) / 2); /* each dump is held against the one before it */
        assert_int_equal(closes(&rig), i / 2);
    }
    rig_done(&rig);
}

static void test_metrics_without_a_count_are_unknown(void **unused)
{
    (void)unused;
    static const char *const names[] = {"threshold", "growth", "rate-sigma", "gc-frequency", "rate-quantile"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct rig rig = rig_of(names[i], "{}");
        hand_metric(rig.feed, LD_METRIC_RSS, 1e6); /* a target without metrics of its own */
        hand_metric(rig.feed, LD_METRIC_RSS, 1e6);
        assert_int_equal(unknowns(&rig), 1);
        assert_string_equal(rig.feed->kept.items[0].why, "could not look: the metrics hold no count of goroutines");
        hand_metric(rig.feed, LD_METRIC_GOROUTINES, 5);
        assert_int_equal(knowns(&rig), 1);
        rig_done(&rig);
    }
}

static void test_restart_drops_dumps(void **unused)
{
    (void)unused;
    struct rig rig = rig_of("before-after", "{apart: 1s}");
    dump(&rig, LD_PURPOSE_BEFORE, 0, 0);
    pass(&rig, LD_SECOND);
    dump(&rig, LD_PURPOSE_PERIOD, 50, 0);
    assert_int_equal(opens(&rig), 1);
    restart(rig.feed);
    assert_int_equal(closes(&rig), 1);
    pass(&rig, LD_SECOND);
    dump(&rig, LD_PURPOSE_PERIOD, 30, 0); /* compared with nothing */
    dump(&rig, LD_PURPOSE_AFTER, 30, 0);
    assert_int_equal(opens(&rig), 1);
    pass(&rig, LD_SECOND);
    dump(&rig, LD_PURPOSE_PERIOD, 40, 0);
    assert_int_equal(opens(&rig), 2);
    assert_int_equal(find_open(&rig.feed->kept, 1)->incarnation, 2);
    rig_done(&rig);
}

/* ---- unknown */

static void test_failed_reads_are_unknown(void **unused)
{
    (void)unused;
    static const struct {
        const char *name;
        bool of_profile;
        enum ld_profile_kind kind;
    } cases[] = {{"before-after", true, LD_PROFILE_GOROUTINE}, {"threshold", false, 0}, {"growth", false, 0},
                 {"goroutineleak", true, LD_PROFILE_GOROUTINELEAK}, {"matrix", true, LD_PROFILE_GOROUTINE}};
    struct group groups[] = {WAITING(3, "main.work")};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig rig = rig_of(cases[i].name, "{}");
        hand_failure(rig.feed, true, LD_PROFILE_HEAP, LD_READ_TIMEOUT); /* needed by none of them */
        assert_int_equal(unknowns(&rig), 0);
        hand_failure(rig.feed, cases[i].of_profile, cases[i].kind, LD_READ_NOT_AVAILABLE);
        hand_failure(rig.feed, cases[i].of_profile, cases[i].kind, LD_READ_TRUNCATED);
        if (unknowns(&rig) != 1)
            fail_msg("%s said unknown %zu times", cases[i].name, unknowns(&rig));
        hand_tick(rig.feed);
        restart(rig.feed);
        assert_int_equal(knowns(&rig), 0); /* a restart is not a look */
        if (cases[i].of_profile)
            hand_profile_as(rig.feed, cases[i].kind, LD_PURPOSE_PERIOD, groups, 1);
        else
            hand_metric(rig.feed, LD_METRIC_GOROUTINES, 5);
        if (knowns(&rig) != 1)
            fail_msg("%s said known %zu times", cases[i].name, knowns(&rig));
        assert_int_equal(opens(&rig), 0);
        rig_done(&rig);
    }
}

static void test_truncated_profile_is_unknown(void **unused)
{
    (void)unused;
    struct rig rig = rig_of("before-after", "{}");
    struct made_profile made;
    struct group groups[] = {WAITING(3, "main.work")};
    make_profile(&made, LD_PROFILE_GOROUTINE, groups, 1);
    made.profile.truncated = true;
    hand(rig.feed, (struct ld_observation){.kind = LD_OBSERVATION_PROFILE, .profile = &made.profile});
    assert_int_equal(unknowns(&rig), 1);
    rig_done(&rig);
}

/* ---- threshold */

static void count_is(struct rig *rig, double count)
{
    pass(rig, PERIOD_NS);
    hand_metric(rig->feed, LD_METRIC_GOROUTINES, count);
    assert_int_equal(rig->feed->code, 0);
}

static void test_threshold_colours(void **unused)
{
    (void)unused;
    struct rig rig = rig_of("threshold", "{}");
    static const struct {
        double count;
        size_t opens, closes;
    } steps[] = {{500, 0, 0},  {501, 1, 0},  {2000, 1, 0}, {2001, 2, 1},
                 {9000, 2, 1}, {1999, 3, 2}, {7, 3, 3},    {2500, 4, 3}};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        count_is(&rig, steps[i].count);
        if (opens(&rig) != steps[i].opens || closes(&rig) != steps[i].closes)
            fail_msg("at %.0f: %zu opened, %zu closed; expected %zu, %zu", steps[i].count, opens(&rig), closes(&rig),
                     steps[i].opens, steps[i].closes);
    }
    const enum ld_severity colours[] = {LD_SEVERITY_AMBER, LD_SEVERITY_RED, LD_SEVERITY_AMBER, LD_SEVERITY_RED};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(find_open(&rig.feed->kept, i)->severity, colours[i]);
    assert_string_equal(find_open(&rig.feed->kept, 0)->why, "501 goroutines, the limit is 500");
    restart(rig.feed);
    assert_int_equal(closes(&rig), 4);
    count_is(&rig, 4);
    rig.feed->incarnation = 1;
    count_is(&rig, 9000); /* late news of the dead one */
    assert_int_equal(opens(&rig), 4);
    rig_done(&rig);
}

static void test_threshold_limits_must_rise(void **unused)
{
    (void)unused;
    struct ld_errors errors = {0};
    struct ld_document document;
    const char *text = "{warn: 100, break: 100}";
    assert_int_equal(ld_document_parse(&document, "s.yaml", text, strlen(text), &errors), 0);
    struct ld_arena *arena = ld_arena_new(1 << 16);
    struct ld_schema_context context = {.file = "s.yaml", .arena = arena, .errors = &errors};
    int64_t options[8];
    assert_int_equal(ld_schema_bind(&context, ld_detector_find("threshold")->options, document.root, options),
                     LD_ESPEC);
    assert_string_equal(errors.items[0].message, "warn (100) must be below break (100)");
    ld_errors_done(&errors);
    ld_arena_free(arena);
    ld_document_done(&document);
}

/* ---- growth */

static void test_growth_over_a_whole_window(void **unused)
{
    (void)unused;
    struct rig rig = rig_of("growth", "{window: 3s, per_second: 5}");
    double count = 20;
    for (int i = 0; i < 12; i++)
        count_is(&rig, count += 3); /* 12/s, but 2.75 s are not a window */
    assert_int_equal(opens(&rig), 0);
    count_is(&rig, count += 3);
    assert_int_equal(opens(&rig), 1);
    assert_string_equal(find_open(&rig.feed->kept, 0)->why,
                        "the goroutine count rose by 12.00/s over 3s, from 23 to 59");
    for (int i = 0; i < 20; i++)
        count_is(&rig, count += 1); /* 4/s */
    assert_int_equal(closes(&rig), 1);
    restart(rig.feed);
    for (int i = 0; i < 40; i++)
        count_is(&rig, 5 + i % 2);
    assert_int_equal(opens(&rig), 1);
    rig_done(&rig);
}

/* ---- goroutineleak */

static void report(struct rig *rig, int64_t work, int64_t phantoms)
{
    struct group groups[] = {WAITING(work, "main.work"), {phantoms, {NULL}}};
    pass(rig, LD_SECOND);
    hand_profile_as(rig->feed, LD_PROFILE_GOROUTINELEAK, LD_PURPOSE_PERIOD, groups, 2);
    assert_int_equal(rig->feed->code, 0);
}

static void test_two_leak_reports_in_a_row(void **unused)
{
    (void)unused;
    struct rig rig = rig_of("goroutineleak", "{at_least: 2}");
    report(&rig, 3, 1);
    report(&rig, 1, 1);
    report(&rig, 4, 1);
    assert_int_equal(opens(&rig), 0);
    report(&rig, 5, 1);
    assert_int_equal(opens(&rig), 1);
    const struct kept_alert *alert = find_open(&rig.feed->kept, 0);
    assert_string_equal(alert->site, "main.work");
    assert_int_equal(alert->cause, LD_CAUSE_CHAN_RECEIVE);
    assert_int_equal(alert->amount, 5);
    report(&rig, 0, 1);
    assert_int_equal(closes(&rig), 0);
    report(&rig, 0, 1);
    assert_int_equal(closes(&rig), 1);
    report(&rig, 9, 0);
    hand_failure(rig.feed, true, LD_PROFILE_GOROUTINELEAK, LD_READ_OVERLAP); /* not in a row */
    report(&rig, 9, 0);
    assert_int_equal(opens(&rig), 1);
    restart(rig.feed);
    report(&rig, 9, 0);
    assert_int_equal(opens(&rig), 1);
    report(&rig, 9, 0);
    assert_int_equal(opens(&rig), 2);
    rig_done(&rig);
}

static void test_phantoms_on_request(void **unused)
{
    (void)unused;
    struct rig rig = rig_of("goroutineleak", "{phantoms: true}");
    report(&rig, 0, 1);
    report(&rig, 0, 1);
    assert_int_equal(opens(&rig), 1);
    assert_string_equal(find_open(&rig.feed->kept, 0)->site, "");
    rig_done(&rig);
}

/* What Go 1.27.3 serves for a program whose main waits in select {}: a leak without a stack, beside one real leak. */
static void test_real_phantom_is_passed_over(void **unused)
{
    (void)unused;
    FILE *file = fopen(TEST_DATA "/goprof/go1.27/goroutineleak.phantom-empty-stack.pb.gz", "rb");
    if (!file)
        skip();
    static unsigned char bytes[65536];
    size_t length = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    struct ld_profile profile;
    struct ld_error error;
    if (ld_profile_parse(&profile, LD_PROFILE_GOROUTINELEAK, bytes, length, NULL, &error) != 0)
        fail_msg("%s", error.message);
    for (int phantoms = 0; phantoms < 2; phantoms++) {
        struct rig rig = rig_of("goroutineleak", phantoms ? "{phantoms: true}" : "{}");
        for (int i = 0; i < 2; i++)
            hand(rig.feed, (struct ld_observation){.kind = LD_OBSERVATION_PROFILE,
                                                   .profile_kind = LD_PROFILE_GOROUTINELEAK, .profile = &profile});
        assert_int_equal(opens(&rig), 1 + phantoms);
        assert_string_equal(find_open(&rig.feed->kept, (size_t)phantoms)->site, "main.main.func1.1");
        rig_done(&rig);
    }
    ld_profile_done(&profile);
}

/* ---- matrix */

static void test_matrix_reports_the_place_of_a_bad_rule(void **unused)
{
    (void)unused;
    char path[256], options[300];
    snprintf(path, sizeof path, "%s/bad-rules-%ld.yaml", BUILD_FOLDER, (long)getpid());
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("matrix: 1\nversion: 0.1.0\nrows:\n  - {id: a, when: [{column: nothing}]}\n", file);
    fclose(file);
    snprintf(options, sizeof options, "{rules: \"%s\"}", path);
    struct rig rig;
    struct ld_error error = {0};
    int code = rig_open(&rig, "matrix", options, (struct ld_detector_setting){0}, &error);
    remove(path);
    assert_int_equal(code, LD_ESPEC);
    assert_string_equal(error.file, path);
    assert_int_equal(error.line, 4);
    assert_true(error.column > 0);
    rig.detector = NULL;
    rig_done(&rig);
    assert_int_not_equal(
        rig_open(&rig, "matrix", "{rules: /nowhere/at-all.yaml}", (struct ld_detector_setting){0}, &error), 0);
    rig.detector = NULL;
    rig_done(&rig);
}

static void test_matrix_uses_the_shipped_rules(void **unused)
{
    (void)unused;
    struct rig rig;
    struct ld_error error;
    assert_int_equal(rig_open(&rig, "matrix", "{}", (struct ld_detector_setting){.time_scale = 40}, &error), 0);
    struct ld_detector_setting setting = {.options = rig.options, .data_folder = SOURCE_FOLDER, .time_scale = 40};
    assert_int_equal(ld_detector_find("matrix")->window_ns(&setting), 1125 * LD_MS);
    for (int64_t i = 0; i < 16; i++) {
        pass(&rig, PERIOD_NS);
        dump(&rig, LD_PURPOSE_PERIOD, 10 * i, 3);
    }
    assert_int_equal(opens(&rig), 1);
    const struct kept_alert *alert = find_open(&rig.feed->kept, 0);
    assert_string_equal(alert->rule, "chan-recv-unclosed");
    assert_int_equal(strncmp(alert->version, "v0.4.1-", 7), 0);
    assert_string_equal(alert->site, "main.work");
    rig_done(&rig);
}

int test_detectors(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_dumps_apart),
        cmocka_unit_test(test_dump_after_is_held_against_the_one_before),
        cmocka_unit_test(test_no_two_dumps_nearer_are_compared),
        cmocka_unit_test(test_time_scale_shortens_the_pair),
        cmocka_unit_test(test_pairs_stay_on_a_grid_that_jitters),
        cmocka_unit_test(test_metrics_without_a_count_are_unknown),
        cmocka_unit_test(test_restart_drops_dumps),
        cmocka_unit_test(test_failed_reads_are_unknown),
        cmocka_unit_test(test_truncated_profile_is_unknown),
        cmocka_unit_test(test_threshold_colours),
        cmocka_unit_test(test_threshold_limits_must_rise),
        cmocka_unit_test(test_growth_over_a_whole_window),
        cmocka_unit_test(test_two_leak_reports_in_a_row),
        cmocka_unit_test(test_phantoms_on_request),
        cmocka_unit_test(test_real_phantom_is_passed_over),
        cmocka_unit_test(test_matrix_reports_the_place_of_a_bad_rule),
        cmocka_unit_test(test_matrix_uses_the_shipped_rules),
    };
    return cmocka_run_group_tests_name("detectors", tests, NULL, NULL);
}
