/* explain: every key, fault and detector has its documentation, and a wrong name its nearest. */
#include "groups.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "catalogue.h"

static void assert_says(const char *path, const char *expected)
{
    struct ld_buffer out;
    struct ld_error error;
    ld_buffer_init(&out, 1 << 20);
    int code = ld_scenario_explain(path, &out, &error);
    if (code)
        fail_msg("explain %s: %s", path ? path : "(all)", error.message);
    if (!strstr(ld_buffer_text(&out), expected))
        fail_msg("explain %s does not say \"%s\" but:\n%s", path ? path : "(all)", expected, ld_buffer_text(&out));
    ld_buffer_done(&out);
}

static void everything_is_explained(void **state)
{
    (void)state;
    size_t count;
    const struct ld_detector_kind *const *kinds = ld_detector_kinds(&count);
    for (const struct ld_field *field = ld_scenario_schema.fields; field->name; field++)
        assert_says(NULL, field->name);
    for (int type = 0; type < LD_FAULT_TYPES; type++)
        assert_says(NULL, ld_fault_table[type].name);
    for (size_t i = 0; i < count; i++)
        assert_says(NULL, kinds[i]->name);
}

static void parts_are_explained(void **state)
{
    (void)state;
    assert_says("target", "fixture");
    assert_says("target.limits", "open_files");
    assert_says("target.limits.memory", "Most memory of one instance");
    assert_says("sampling.every", "The sampling period");
    assert_says("expect", "detector");
    assert_says("faults", "bandwidth");
    assert_says("detectors", "matrix");
    assert_says("latency", "toxicity");
    assert_says("bandwidth", "100KiB/s");
    assert_says("growth", "window");
    assert_says("growth", "as");
    assert_says("matrix", "rules");
    assert_says("never", "calibration set");
    assert_says("faults.latency", "toxicity");
    assert_says("steady", "at_most");
    assert_says("steady", "steady: {metrics:");
    assert_says("abort", "abort: {when:");
    assert_says("abort", "What ends the run, or a list of them");
    assert_says("abort.when.over", "above this");
}

/* Wherever a reader looks for conditions, all their keys are there, and one line of each kind. */
static void conditions_are_explained(void **state)
{
    static const char *const paths[] = {NULL, "when", "condition", "fault", "faults", "faults.when", "abort"};
    static const char *const says[] = {"matrix:", "detector:", "severity:", "metric:", "over:", "under:", "for:",
                                       "when: {matrix: ", "when: {detector: ", "when: {metric: "};
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        for (size_t k = 0; k < sizeof says / sizeof *says; k++)
            assert_says(paths[i], says[k]);
    assert_says("faults.when.severity", "amber or red");
}

/* A scenario of `before`, the first `length` bytes of `part` at most, and `after`. */
static void assert_parses(const char *before, const char *part, int length, const char *after)
{
    char text[2000];
    struct ld_errors errors = {0};
    struct ld_scenario *scenario = NULL;
    int size = snprintf(text, sizeof text, "%s%.*s%s", before, length, part, after);
    assert_in_range(size, 1, sizeof text - 1);
    if (ld_scenario_parse(&scenario, "example", text, (size_t)size, &test_catalogue, &errors) != 0) {
        char line[1024];
        fail_msg("%s\nis refused: %s", text, ld_error_format(&errors.items[0], line, sizeof line));
    }
    ld_scenario_free(scenario);
    ld_errors_done(&errors);
}

#define SCENARIO                                                                                                      \
    "leakdrill: 1\nname: example\ndoc: An example.\n"                                                                 \
    "target: {fixture: queue/consumer-unclosed, limits: {wall: 10m}}\nupstream: http-echo\n"                          \
    "load: {path: /work, rate: 5/s, for: 20s}\ndetectors: [growth, matrix]\nrepeat: {runs: 1}\n"                      \
    "expect: [{detector: growth, report_only: true}, {detector: matrix, report_only: true}]\n"

static void examples_are_taken(void **state)
{
    struct ld_buffer out;
    struct ld_error error;
    size_t conditions = 0;
    (void)state;
    for (const char *line = ld_when_schema.example; *line; line = strchr(line, '\n') + 1, conditions++)
        assert_parses(SCENARIO "faults: {a: [{", line, (int)strcspn(line, "\n"), ", kill: {who: target}}]}\n");
    assert_int_equal(conditions, 3);
    assert_parses(SCENARIO, ld_steady_schema.example, 1000, "");
    ld_buffer_init(&out, 1 << 20);
    assert_int_equal(ld_scenario_explain("abort", &out, &error), 0);
    const char *example = strstr(ld_buffer_text(&out), "abort: {when:");
    assert_non_null(example);
    assert_parses(SCENARIO, example, 1000, "");
    ld_buffer_clear(&out);
    assert_int_equal(ld_scenario_explain("faults", &out, &error), 0);
    example = strstr(ld_buffer_text(&out), "    faults:\n");
    assert_non_null(example);
    assert_parses("    leakdrill: 1\n    name: e\n    doc: E.\n"
                  "    target: {fixture: queue/consumer-unclosed, limits: {wall: 10m}}\n    upstream: http-echo\n"
                  "    load: {path: /work, rate: 5/s, for: 20s}\n    detectors: [matrix]\n    repeat: {runs: 1}\n"
                  "    expect: [{detector: matrix, report_only: true}]\n",
                  example, 1000, "");
    ld_buffer_done(&out);
}

static void a_wrong_name_is_told_the_nearest(void **state)
{
    (void)state;
    struct ld_buffer out;
    struct ld_error error = {0};
    ld_buffer_init(&out, 1 << 20);
    assert_int_equal(ld_scenario_explain("latncy", &out, &error), LD_ENOENT);
    assert_string_equal(error.message, "nothing is called \"latncy\"; did you mean \"latency\"?");
    assert_int_equal(ld_scenario_explain("target.nothing", &out, &error), LD_ENOENT);
    assert_int_equal(out.length, 0);
    ld_buffer_done(&out);
}

static void a_full_buffer_is_said(void **state)
{
    (void)state;
    struct ld_buffer out;
    struct ld_error error = {0};
    ld_buffer_init(&out, 100);
    assert_int_equal(ld_scenario_explain(NULL, &out, &error), LD_ELIMIT);
    assert_int_equal(error.code, LD_ELIMIT);
    ld_buffer_done(&out);
}

static void keys_are_found_by_their_end(void **state)
{
    (void)state;
    char paths[LD_KEY_ENDS_MAX][LD_KEY_PATH_MAX];
    assert_int_equal(ld_scenario_keys_ending("detection", paths, LD_KEY_ENDS_MAX), 1);
    assert_string_equal(paths[0], "expect.detection");
    assert_int_equal(ld_scenario_keys_ending("cause", paths, LD_KEY_ENDS_MAX), 2);
    assert_string_equal(paths[1], "expect.cause");
    assert_int_equal(ld_scenario_keys_ending("cause", paths, 1), 1);
    assert_int_equal(ld_scenario_keys_ending("nothing", paths, LD_KEY_ENDS_MAX), 0);
}

int test_explain(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_explained),
        cmocka_unit_test(parts_are_explained),
        cmocka_unit_test(conditions_are_explained),
        cmocka_unit_test(keys_are_found_by_their_end),
        cmocka_unit_test(examples_are_taken),
        cmocka_unit_test(a_wrong_name_is_told_the_nearest),
        cmocka_unit_test(a_full_buffer_is_said),
    };
    return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
