/* explain: every key, fault and detector has its documentation, and a wrong name its nearest. */
#include "groups.h"

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

int test_explain(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_explained),
        cmocka_unit_test(parts_are_explained),
        cmocka_unit_test(a_wrong_name_is_told_the_nearest),
        cmocka_unit_test(a_full_buffer_is_said),
    };
    return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
