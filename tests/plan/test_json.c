/* The canonical JSON: readable by others, sorted, integers only, and with what the plan says. */
#include "groups.h"

#include <jansson.h>
#include <stdlib.h>

static const char text[] = "leakdrill: 1\nname: canonical\ntarget: {fixture: a, rate: [0.25]}\nupstream: u\n"
                           "load: {rate: 40/s, for: 4s}\nrepeat: {runs: 2}\n"
                           "faults:\n  slow:\n    - {at: 1s, for: 2s, latency: {latency: 200ms}}\n";

/* No number but integers, and every object's keys in order: read again, they must give the same bytes. */
static void assert_integers_only(const json_t *value)
{
    const char *key;
    json_t *member;
    size_t index;
    assert_false(json_is_real(value));
    if (json_is_object(value)) {
        json_object_foreach((json_t *)(uintptr_t)value, key, member) assert_integers_only(member);
    } else if (json_is_array(value)) {
        json_array_foreach(value, index, member) assert_integers_only(member);
    }
}

static int64_t integer(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value))
        fail_msg("%s is no integer", key);
    return json_integer_value(value);
}

static void the_json_is_canonical(void **state)
{
    (void)state;
    const struct ld_plan_setting setting = {.seed = 77};
    struct ld_scenario *scenario = test_scenario(text);
    struct ld_plan *plan = test_plan(scenario, &setting);
    json_t *document = json_loads(plan->json, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(document);
    assert_integers_only(document);
    char *again = json_dumps(document, JSON_SORT_KEYS | JSON_COMPACT);
    assert_string_equal(again, plan->json);
    free(again);
    json_decref(document);
    ld_plan_free(plan);
    ld_scenario_free(scenario);
}

static void the_json_says_what_the_plan_says(void **state)
{
    (void)state;
    const struct ld_plan_setting setting = {.seed = 77};
    struct ld_scenario *scenario = test_scenario(text);
    struct ld_plan *plan = test_plan(scenario, &setting);
    json_t *document = json_loads(plan->json, 0, NULL);
    const json_t *cells = json_object_get(document, "cells"), *runs = json_object_get(document, "runs");
    assert_int_equal(integer(document, "seed"), 77);
    assert_int_equal(json_array_size(cells), plan->cell_count);
    assert_int_equal(json_array_size(runs), plan->run_count);
    const json_t *file = json_array_get(json_object_get(document, "scenarios"), 0);
    assert_string_equal(json_string_value(json_object_get(file, "hash")), scenario->hash);
    for (size_t i = 0; i < plan->cell_count; i++) {
        const json_t *cell = json_array_get(cells, i);
        assert_string_equal(json_string_value(json_object_get(cell, "name")), plan->cells[i].name);
        assert_int_equal(integer(cell, "rate_millionths"), 250000);
        assert_int_equal(integer(cell, "reads"), plan->cells[i].reads);
        assert_int_equal(json_array_size(json_object_get(cell, "faults")),
                         scenario->fault_cases[plan->cells[i].fault_case].fault_count);
    }
    for (size_t i = 0; i < plan->run_count; i++) {
        const json_t *run = json_array_get(runs, i);
        assert_int_equal(integer(run, "seed"), plan->runs[i].seed);
        assert_int_equal(integer(run, "order"), plan->runs[i].order);
        assert_int_equal(integer(run, "phase_ns"), plan->runs[i].phase_ns);
        assert_int_equal(integer(run, "load_millionths"), (int64_t)(plan->runs[i].load_per_second * 1e6 + 0.5));
        const json_t *actions = json_object_get(run, "actions"), *last;
        assert_int_equal(json_array_size(actions), plan->runs[i].action_count);
        last = json_array_get(actions, plan->runs[i].action_count - 1);
        assert_int_equal(json_integer_value(json_array_get(last, 0)), 4 * LD_SECOND + plan->runs[i].phase_ns);
        assert_string_equal(json_string_value(json_array_get(last, 1)), "end");
    }
    json_decref(document);
    ld_plan_free(plan);
    ld_scenario_free(scenario);
}

int test_json(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_json_is_canonical),
        cmocka_unit_test(the_json_says_what_the_plan_says),
    };
    return cmocka_run_group_tests_name("plan JSON", tests, NULL, NULL);
}
