#include <ctype.h>

#include "groups.h"
#include "observe/observation.h"
#include "pprof/support.h"

static void metrics_are_found_by_name(void **state)
{
    (void)state;
    for (int i = 0; i < LD_METRIC_COUNT; i++) {
        const struct ld_metric_info *info = &ld_metric_table[i];
        assert_int_equal(ld_metric_find(info->name), i); /* so names are unique */
        assert_true(info->unit[0] && info->doc[0]);
        assert_int_equal(info->prometheus != NULL, info->source == LD_SOURCE_METRICS);
        assert_true(ld_metric_source_name(info->source)[0]);
    }
    assert_int_equal(ld_metric_find("go_goroutines"), -1);
    assert_int_equal(ld_metric_find(""), -1);
    assert_string_equal(ld_metric_source_name(LD_SOURCE_GCTRACE), "gctrace");
    assert_string_equal(ld_metric_source_name(LD_SOURCE_GATEWAY), "gateway");
}

/* service_name_operation_type_unit: at least three words of small letters and digits. */
static void metric_names_have_their_form(void **state)
{
    (void)state;
    for (int i = 0; i < LD_METRIC_COUNT; i++) {
        int words = 1;
        for (const char *c = ld_metric_table[i].name; *c; c++) {
            assert_true(islower((unsigned char)*c) || isdigit((unsigned char)*c) || *c == '_');
            words += *c == '_';
        }
        if (words < 3)
            fail_msg("%s has %d words", ld_metric_table[i].name, words);
    }
}

static void observation_names_are_found(void **state)
{
    (void)state;
    for (int i = 0; i < LD_OBSERVATION_KINDS; i++)
        assert_int_equal(ld_observation_kind_find(ld_observation_kind_name((enum ld_observation_kind)i)), i);
    for (int i = 0; i < LD_READ_FAILURE_COUNT; i++)
        assert_int_equal(ld_read_failure_find(ld_read_failure_name((enum ld_read_failure)i)), i);
    assert_int_equal(ld_observation_kind_find("tock"), -1);
    assert_int_equal(ld_read_failure_find("bored"), -1);
    assert_string_equal(ld_observation_kind_name(LD_OBSERVATION_TICK), "tick");
    assert_string_equal(ld_read_failure_name(LD_READ_NOT_AVAILABLE), "not-available");
}

static void purposes_and_lives_have_names(void **state)
{
    static const char *const purposes[] = {"period", "warm-up", "before", "after", "escalation"};
    static const char *const lives[] = {"started", "ready", "ended"};
    (void)state;
    assert_int_equal(LD_PURPOSES, 5);
    for (int i = 0; i < LD_PURPOSES; i++)
        assert_string_equal(ld_purpose_name((enum ld_purpose)i), purposes[i]);
    for (int i = 0; i < 3; i++)
        assert_string_equal(ld_life_name((enum ld_life)i), lives[i]);
}

int test_tables(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics_are_found_by_name),
        cmocka_unit_test(metric_names_have_their_form),
        cmocka_unit_test(observation_names_are_found),
        cmocka_unit_test(purposes_and_lives_have_names),
    };
    return cmocka_run_group_tests_name("tables", tests, NULL, NULL);
}
