/* The files of tests/data/scenarios/good give the values that they say. */
#include "groups.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "catalogue.h"
#include "observe/observation.h"

static struct ld_scenario *read_good(const char *name)
{
    char path[512], line[1024];
    struct ld_errors errors = {0};
    struct ld_scenario *scenario = NULL;
    snprintf(path, sizeof path, TEST_DATA "/scenarios/good/%s.yaml", name);
    int code = ld_scenario_read(&scenario, path, &test_catalogue, &errors);
    if (code)
        fail_msg("%s", errors.count ? ld_error_format(&errors.items[0], line, sizeof line) : ld_code_name(code));
    assert_int_equal(errors.count, 0);
    ld_errors_done(&errors);
    assert_string_equal(scenario->name, name);
    return scenario;
}

static void target_of_everything(void **state)
{
    (void)state;
    struct ld_scenario *scenario = read_good("everything");
    const struct ld_target_spec *target = &scenario->target;
    assert_int_equal(target->kind, LD_TARGET_FIXTURE);
    assert_string_equal(target->fixture, "http/body-not-closed");
    assert_int_equal(target->truth, LD_TRUTH_FD);
    assert_true(target->variants[LD_VARIANT_LEAKY] && target->variants[LD_VARIANT_HEALTHY]);
    assert_int_equal(target->instances, 2);
    assert_int_equal(target->rates.count, 3);
    assert_float_equal(((const double *)target->rates.items)[0], 0.25, 0);
    assert_int_equal(target->depths.count, 2);
    assert_int_equal(((const int64_t *)target->depths.items)[1], 3);
    assert_int_equal(target->gomaxprocs, 4);
    assert_int_equal(target->environment.names.count, 2);
    assert_string_equal(((const char **)target->environment.names.items)[1], "Name");
    assert_string_equal(((const char **)target->environment.values.items)[0], "gctrace=1");
    assert_int_equal(target->limits.memory_bytes, 512 << 20);
    assert_int_equal(target->limits.open_files, 1024);
    assert_int_equal(target->limits.wall_ns, 5 * LD_MINUTE);
    assert_string_equal(target->metrics_path, "");
    assert_string_equal(target->ready_path, "/healthz");
    ld_scenario_free(scenario);
}

static void schedule_of_everything(void **state)
{
    (void)state;
    struct ld_scenario *scenario = read_good("everything");
    assert_string_equal(scenario->doc, "Every key that is there.");
    assert_string_equal(scenario->upstream, "http-echo");
    assert_string_equal(scenario->load.path, "/work");
    assert_float_equal(scenario->load.per_second, 1.5, 0);
    assert_int_equal(scenario->load.from_ns, 2 * LD_SECOND);
    assert_int_equal(scenario->load.for_ns, 10 * LD_SECOND);
    assert_float_equal(scenario->time_scale, 2.5, 0);
    assert_int_equal(scenario->phases.ready_ns, 20 * LD_SECOND);
    assert_int_equal(scenario->phases.baseline_ns, 2 * LD_SECOND);
    assert_int_equal(scenario->phases.drain_ns, LD_SECOND);
    assert_int_equal(scenario->phases.settle_ns, 1500 * LD_MS);
    assert_int_equal(scenario->phases.stop_ns, 3 * LD_SECOND);
    assert_int_equal(scenario->sampling.every_ns, 500 * LD_MS);
    assert_true(scenario->sampling.profiles[LD_PROFILE_GOROUTINE] && scenario->sampling.profiles[LD_PROFILE_HEAP]);
    assert_false(scenario->sampling.profiles[LD_PROFILE_MUTEX]);
    assert_int_equal(scenario->sampling.full_below, 100);
    assert_int_equal(scenario->sampling.idle_periods, 4);
    assert_int_equal(scenario->sampling.timeout_ns, LD_SECOND);
    assert_int_equal(scenario->manifest, 7);
    assert_int_equal(scenario->repeat.runs, 60);
    ld_scenario_free(scenario);
}

static void faults_of_everything(void **state)
{
    (void)state;
    struct ld_scenario *scenario = read_good("everything");
    assert_int_equal(scenario->fault_case_count, 3);
    assert_string_equal(scenario->fault_cases[0].name, "none");
    assert_int_equal(scenario->fault_cases[0].fault_count, 0);
    const struct ld_fault_case *slow = &scenario->fault_cases[1], *killed = &scenario->fault_cases[2];
    assert_string_equal(slow->name, "slow-upstream");
    assert_int_equal(slow->fault_count, 2);
    assert_string_equal(slow->faults[0].id, "slow-upstream/0/latency");
    assert_int_equal(slow->faults[0].at_ns, 3 * LD_SECOND);
    assert_int_equal(slow->faults[0].for_ns, 6 * LD_SECOND);
    assert_int_equal(slow->faults[0].attributes.latency.latency_ns, 200 * LD_MS);
    assert_int_equal(slow->faults[0].attributes.latency.jitter_ns, 50 * LD_MS);
    assert_float_equal(slow->faults[0].attributes.latency.reach.toxicity, 0.99, 0);
    assert_int_equal(slow->faults[0].attributes.latency.reach.stream, LD_STREAM_UP);
    assert_string_equal(slow->faults[1].id, "slow-upstream/1/latency");
    assert_int_equal(slow->faults[1].for_ns, -1);
    assert_int_equal(killed->faults[0].type, LD_FAULT_KILL);
    assert_int_equal(killed->faults[0].attributes.kill.victims.who, LD_WHO_TARGET);
    assert_string_equal(ld_fault_signal_name(&killed->faults[0]), "TERM");
    assert_int_equal(killed->faults[0].attributes.kill.restart_after_ns, 30 * LD_SECOND);
    assert_int_equal(killed->faults[0].attributes.kill.victims.instance, 1);
    assert_int_equal(ld_scenario_method_ns(scenario, &scenario->fault_cases[0]), 12 * LD_SECOND);
    assert_int_equal(ld_scenario_method_ns(scenario, slow), 12 * LD_SECOND);
    assert_int_equal(ld_scenario_method_ns(scenario, killed), 34 * LD_SECOND);
    assert_int_equal(ld_scenario_scaled_ns(scenario, 34 * LD_SECOND), 13600 * LD_MS);
    ld_scenario_free(scenario);
}

static void detectors_and_expectations_of_everything(void **state)
{
    (void)state;
    struct ld_scenario *scenario = read_good("everything");
    assert_int_equal(scenario->detector_count, 4);
    assert_string_equal(scenario->detectors[1].name, "quick-growth");
    assert_string_equal(scenario->detectors[1].kind->name, "growth");
    assert_non_null(scenario->detectors[1].options);
    assert_string_equal(scenario->detectors[2].name, "growth");
    const struct ld_detector_setting quick = {
        .name = "", .options = scenario->detectors[1].options, .time_scale = 1, .period_ns = LD_SECOND};
    assert_int_equal(scenario->detectors[1].kind->window_ns(&quick), 2 * LD_SECOND);
    assert_int_equal(scenario->expectation_count, 3);
    const struct ld_expectation *expectation = scenario->expectations;
    assert_string_equal(expectation[0].detector, "quick-growth");
    assert_true(expectation[0].detection.given);
    assert_float_equal(expectation[0].detection.confident, 0.9, 1e-12);
    assert_float_equal(expectation[0].detection.at, 0.95, 1e-12);
    assert_float_equal(expectation[0].detection.observed, -1, 0);
    assert_true(expectation[0].false_alarms_given);
    assert_int_equal(expectation[0].false_alarms_at_most, 3);
    assert_true(expectation[0].time_given);
    assert_int_equal(expectation[0].median_ns, 2 * LD_SECOND);
    assert_int_equal(expectation[0].p95_ns, 4 * LD_SECOND);
    assert_int_equal(expectation[0].deadline_ns, 8 * LD_SECOND);
    assert_true(expectation[0].cause_right && expectation[0].site_observable && !expectation[0].report_only);
    assert_int_equal(expectation[0].line, 33);
    assert_float_equal(expectation[1].detection.observed, 0.995, 1e-12);
    assert_float_equal(expectation[1].detection.confident, -1, 0);
    assert_true(expectation[1].during_holds_given && !expectation[0].during_holds_given);
    assert_int_equal(expectation[1].during_holds_at_most, 2);
    assert_false(expectation[1].false_alarms_given || expectation[1].time_given || expectation[1].cause_right);
    assert_true(expectation[2].report_only && !expectation[2].detection.given);
    ld_scenario_free(scenario);
}

static void least_has_the_defaults(void **state)
{
    (void)state;
    struct ld_scenario *scenario = read_good("least");
    const struct ld_target_spec *target = &scenario->target;
    assert_true(target->variants[LD_VARIANT_LEAKY] && target->variants[LD_VARIANT_HEALTHY]);
    assert_int_equal(target->instances, 1);
    assert_int_equal(target->gomaxprocs, 2);
    assert_int_equal(target->limits.memory_bytes, 0);
    assert_int_equal(target->limits.wall_ns, LD_MINUTE);
    assert_int_equal(target->rates.count, 1);
    assert_float_equal(*(const double *)target->rates.items, 1, 0);
    assert_int_equal(*(const int64_t *)target->depths.items, 0);
    assert_string_equal(target->metrics_path, "/metrics");
    assert_string_equal(target->ready_path, "/debug/pprof/");
    assert_string_equal(scenario->doc, "");
    assert_string_equal(scenario->upstream, "");
    assert_string_equal(scenario->load.path, "");
    assert_float_equal(scenario->time_scale, 1, 0);
    assert_int_equal(scenario->sampling.every_ns, 250 * LD_MS);
    assert_true(scenario->sampling.profiles[LD_PROFILE_GOROUTINE]);
    assert_false(scenario->sampling.profiles[LD_PROFILE_HEAP]);
    assert_int_equal(scenario->sampling.full_below, 2000);
    assert_int_equal(scenario->sampling.idle_periods, 8);
    assert_int_equal(scenario->sampling.timeout_ns, 2 * LD_SECOND);
    assert_int_equal(scenario->phases.ready_ns, 10 * LD_SECOND);
    assert_int_equal(scenario->phases.baseline_ns, LD_SECOND);
    assert_int_equal(scenario->phases.drain_ns, 500 * LD_MS);
    assert_int_equal(scenario->phases.settle_ns, 500 * LD_MS);
    assert_int_equal(scenario->phases.stop_ns, 2 * LD_SECOND);
    assert_int_equal(scenario->manifest, 5);
    assert_int_equal(scenario->repeat.runs, 5);
    assert_int_equal(scenario->fault_case_count, 1);
    assert_int_equal(scenario->detector_count, 0);
    assert_int_equal(scenario->expectation_count, 0);
    assert_int_equal(strlen(scenario->hash), 64);
    assert_int_equal(scenario->text_length, strlen(scenario->text));
    ld_scenario_free(scenario);
}

static void a_command_says_what_leaks(void **state)
{
    (void)state;
    struct ld_scenario *scenario = read_good("command-declared");
    assert_int_equal(scenario->target.kind, LD_TARGET_COMMAND);
    assert_int_equal(scenario->target.command.count, 5);
    assert_string_equal(((const char **)scenario->target.command.items)[2], "{listen}");
    assert_int_equal(scenario->target.truth, LD_TRUTH_DECLARED);
    const struct ld_declared_truth *declared = scenario->target.declared;
    assert_non_null(declared);
    assert_false(declared->healthy);
    assert_int_equal(declared->cause, LD_CAUSE_CHAN_RECEIVE);
    assert_int_equal(declared->from_ns, 2 * LD_SECOND);
    assert_int_equal(declared->amount, 40);
    assert_int_equal(declared->seen_at.count, 2);
    assert_string_equal(((const char **)declared->seen_at.items)[1], "main.(*pool).wait");
    assert_true(scenario->target.variants[LD_VARIANT_LEAKY]);
    assert_false(scenario->target.variants[LD_VARIANT_HEALTHY]);
    ld_scenario_free(scenario);
}

static void a_healthy_command_is_the_healthy_variant(void **state)
{
    (void)state;
    struct ld_scenario *scenario = read_good("command-healthy");
    assert_true(scenario->target.declared->healthy);
    assert_false(scenario->target.variants[LD_VARIANT_LEAKY]);
    assert_true(scenario->target.variants[LD_VARIANT_HEALTHY]);
    ld_scenario_free(scenario);
}

static void attach_reads_harmlessly(void **state)
{
    (void)state;
    struct ld_scenario *scenario = read_good("attach");
    assert_int_equal(scenario->target.kind, LD_TARGET_ATTACH);
    assert_string_equal(scenario->target.attach, "http://[::1]:6060/");
    assert_int_equal(scenario->target.truth, LD_TRUTH_NONE);
    assert_int_equal(scenario->sampling.full_below, 0);
    assert_string_equal(scenario->load.path, "");
    ld_scenario_free(scenario);
}

static void an_instrumented_program_is_described_whole(void **state)
{
    (void)state;
    struct ld_scenario *scenario = read_good("instrument");
    const struct ld_target_spec *target = &scenario->target;
    const struct ld_instrument_spec *instrument = target->instrument;
    assert_int_equal(target->kind, LD_TARGET_INSTRUMENT);
    assert_non_null(instrument);
    assert_string_equal(instrument->module, "example.org/shop/v2@v2.3.4");
    assert_string_equal(instrument->package, "./cmd/shop");
    assert_int_equal(instrument->main, LD_MAIN_HELD);
    assert_int_equal(instrument->flags.count, 2);
    assert_string_equal(((const char **)instrument->flags.items)[1], "-race");
    assert_string_equal(((const char **)instrument->environment.names.items)[0], "GOTOOLCHAIN");
    assert_string_equal(((const char **)instrument->environment.values.items)[0], "go1.27.3");
    assert_int_equal(instrument->wall_ns, 90 * LD_SECOND);
    /* The build's environment is not the program's. */
    assert_int_equal(target->environment.names.count, 1);
    assert_string_equal(((const char **)target->environment.names.items)[0], "SHOP");
    assert_int_equal(target->command.count, 2);
    assert_true(ld_target_listens(target));
    assert_false(ld_target_places_pprof(target));
    assert_int_equal(target->truth, LD_TRUTH_DECLARED);
    assert_true(target->variants[LD_VARIANT_HEALTHY]);
    ld_scenario_free(scenario);
}

static void an_instrumented_program_has_defaults(void **state)
{
    (void)state;
    struct ld_scenario *scenario = read_good("instrument-least");
    const struct ld_instrument_spec *instrument = scenario->target.instrument;
    assert_string_equal(instrument->module, "");
    assert_string_equal(instrument->package, "../shop");
    assert_int_equal(instrument->main, LD_MAIN_NORMAL);
    assert_int_equal(instrument->wall_ns, 300 * LD_SECOND);
    assert_int_equal(scenario->target.command.count, 0);
    assert_false(ld_target_listens(&scenario->target));
    assert_int_equal(scenario->target.truth, LD_TRUTH_NONE);
    assert_true(scenario->target.variants[LD_VARIANT_LEAKY]);
    ld_scenario_free(scenario);
}

static void pprof_may_be_elsewhere(void **state)
{
    (void)state;
    struct ld_scenario *scenario = read_good("attach-pprof");
    assert_string_equal(scenario->target.attach, "http://127.0.0.1:8080");
    assert_string_equal(scenario->target.profiles, "http://127.0.0.1:6060");
    ld_scenario_free(scenario);
    scenario = read_good("command-pprof");
    assert_string_equal(scenario->target.profiles, "");
    assert_true(ld_target_listens(&scenario->target));
    assert_true(ld_target_places_pprof(&scenario->target));
    ld_scenario_free(scenario);
}

/* One time_scale, one rounding: to the nearest nanosecond. */
static void scaling_rounds(void **state)
{
    (void)state;
    const struct ld_scenario thirds = {.time_scale = 3}, same = {.time_scale = 1};
    assert_int_equal(ld_scenario_scaled_ns(&thirds, 10), 3);
    assert_int_equal(ld_scenario_scaled_ns(&thirds, 11), 4);
    assert_int_equal(ld_scenario_scaled_ns(&thirds, 366 * LD_DAY), 122 * LD_DAY);
    assert_int_equal(ld_scenario_scaled_ns(&same, 12345678901), 12345678901);
}

static void a_missing_file_is_said(void **state)
{
    (void)state;
    struct ld_errors errors = {0};
    struct ld_scenario *scenario = NULL;
    assert_int_equal(ld_scenario_read(&scenario, "/nowhere/at-all.yaml", NULL, &errors), LD_ENOENT);
    assert_int_equal(errors.count, 1);
    assert_string_equal(errors.items[0].file, "/nowhere/at-all.yaml");
    assert_null(scenario);
    ld_errors_done(&errors);
}

/* The scenarios of leaks that ship, and their variants, are what the tool itself would accept. */
static void shipped_scenarios_are_good(void **state)
{
    (void)state;
    static const char *const files[] = {
        "chan-recv-unclosed",
        "http-body-not-closed",
        "waitgroup-missing-done",
        "ticker-not-stopped",
        "ctx-cancel-missing",
        "cgo-dangling",
        "cgo-handle-not-deleted",
        "cgo-malloc-not-freed",
        "variants/ticker-only-stopped",
        "variants/chan-recv-unclosed-dose",
        "variants/chan-recv-unclosed-depth",
        "variants/http-body-not-closed-dose",
        "variants/http-body-not-closed-depth",
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[512], line[1024] = "";
        struct ld_errors errors = {0};
        struct ld_scenario *scenario = NULL;
        snprintf(path, sizeof path, SOURCE_FOLDER "/scenarios/documented/%s.yaml", files[i]);
        if (ld_scenario_read(&scenario, path, &test_catalogue, &errors) != 0)
            fail_msg("%s", errors.count ? ld_error_format(&errors.items[0], line, sizeof line) : path);
        ld_errors_done(&errors);
        ld_scenario_free(scenario);
    }
}

/* The text of the file's list of detectors, up to the first line that is none of it; free(). */
static char *detector_list(const struct ld_scenario *scenario)
{
    const char *at = strstr(scenario->text, "\ndetectors:\n"), *end;
    if (!at)
        fail_msg("%s lists no detectors line by line", scenario->file);
    at += strlen("\ndetectors:\n");
    for (end = at; strncmp(end, "  - ", 4) == 0; end += strcspn(end, "\n") + 1)
        ;
    return strndup(at, (size_t)(end - at));
}

/* What the board compares is compared on everything: each of its files has the same detectors, to the letter. */
static void the_board_has_one_list_of_detectors(void **state)
{
    (void)state;
    glob_t files;
    char *first = NULL;
    assert_int_equal(glob(SOURCE_FOLDER "/scenarios/board/*.yaml", 0, NULL, &files), 0);
    assert_true(files.gl_pathc > 1);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        char line[1024] = "";
        struct ld_errors errors = {0};
        struct ld_scenario *scenario = NULL;
        if (ld_scenario_read(&scenario, files.gl_pathv[i], NULL, &errors) != 0)
            fail_msg("%s", errors.count ? ld_error_format(&errors.items[0], line, sizeof line) : files.gl_pathv[i]);
        char *list = detector_list(scenario);
        assert_true(scenario->detector_count >= 8 && *list);
        assert_int_equal(ld_scenario_full_runs(scenario), scenario->arms == LD_ARMS_EACH ? 6 : 20);
        if (first)
            assert_string_equal(list, first);
        else
            first = strdup(list);
        free(list);
        ld_errors_done(&errors);
        ld_scenario_free(scenario);
    }
    free(first);
    globfree(&files);
}

int test_good(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(target_of_everything),
        cmocka_unit_test(schedule_of_everything),
        cmocka_unit_test(faults_of_everything),
        cmocka_unit_test(detectors_and_expectations_of_everything),
        cmocka_unit_test(least_has_the_defaults),
        cmocka_unit_test(a_command_says_what_leaks),
        cmocka_unit_test(a_healthy_command_is_the_healthy_variant),
        cmocka_unit_test(attach_reads_harmlessly),
        cmocka_unit_test(an_instrumented_program_is_described_whole),
        cmocka_unit_test(an_instrumented_program_has_defaults),
        cmocka_unit_test(pprof_may_be_elsewhere),
        cmocka_unit_test(scaling_rounds),
        cmocka_unit_test(a_missing_file_is_said),
        cmocka_unit_test(shipped_scenarios_are_good),
        cmocka_unit_test(the_board_has_one_list_of_detectors),
    };
    return cmocka_run_group_tests_name("good scenarios", tests, NULL, NULL);
}
