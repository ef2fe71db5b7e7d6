/* Filter and shard: whole cells, and nothing of what remains changes. */
#include "groups.h"

#include <string.h>

static const char text[] =
    "leakdrill: 1\nname: part\ntarget: {fixture: queue/consumer-unclosed}\nupstream: http-echo\n"
    "load: {rate: 40/s, for: 4s}\nrepeat: {runs: 4}\nfaults:\n"
    "  a:\n    - {at: 2s, for: 1s, latency: {latency: 200ms}}\n  b:\n    - {at: 1s, kill: {who: upstream}}\n"
    "  c:\n    - {at: 1s, kill: {who: target}}\n";

/* Every run of `part` is in `whole` with the same index, cell, seed and schedule, and comes in the same relative order.
 */
static void assert_part_of(const struct ld_plan *part, const struct ld_plan *whole)
{
    assert_string_equal(part->hash, whole->hash);
    assert_string_equal(part->json, whole->json);
    assert_int_equal(part->whole_run_count, whole->run_count);
    for (size_t i = 0; i < part->run_count; i++) {
        const struct ld_run_plan *run = &part->runs[i], *same = ld_plan_find_run(whole, run->index);
        assert_non_null(same);
        assert_int_equal(run->seed, same->seed);
        assert_int_equal(run->repetition, same->repetition);
        assert_ptr_equal(part->cells[run->cell].scenario, whole->cells[same->cell].scenario);
        assert_string_equal(part->cells[run->cell].name, whole->cells[same->cell].name);
        assert_int_equal(part->cells[run->cell].index, whole->cells[same->cell].index);
        assert_int_equal(run->action_count, same->action_count);
        for (size_t j = 0; j < run->action_count; j++)
            assert_int_equal(run->actions[j].at_ns, same->actions[j].at_ns);
        assert_int_equal(part->runs[part->order[i]].order, i);
    }
    for (size_t i = 1; i < part->run_count; i++)
        assert_true(ld_plan_find_run(whole, part->runs[part->order[i - 1]].index)->order <
                    ld_plan_find_run(whole, part->runs[part->order[i]].index)->order);
}

static void a_filter_keeps_whole_cells(void **state)
{
    (void)state;
    const struct ld_plan_setting all = {.seed = 3}, filtered = {.seed = 3, .filter = "*/healthy/[ac]"};
    struct ld_scenario *scenario = test_scenario(text);
    struct ld_plan *whole = test_plan(scenario, &all), *part = test_plan(scenario, &filtered);
    assert_int_equal(part->cell_count, 2);
    assert_int_equal(part->run_count, 8);
    assert_string_equal(part->cells[0].name, "part/healthy/a");
    assert_string_equal(part->cells[1].name, "part/healthy/c");
    assert_part_of(part, whole);
    assert_null(ld_plan_find_run(part, whole->runs[0].index));
    ld_plan_free(part);
    ld_plan_free(whole);
    ld_scenario_free(scenario);
}

static void shards_are_the_whole_and_disjoint(void **state)
{
    (void)state;
    const struct ld_plan_setting all = {.seed = 3};
    struct ld_scenario *scenario = test_scenario(text);
    struct ld_plan *whole = test_plan(scenario, &all);
    for (uint32_t shards = 1; shards <= 10; shards++) {
        int seen[100] = {0};
        size_t runs = 0;
        for (uint32_t shard = 1; shard <= shards; shard++) {
            const struct ld_plan_setting setting = {.seed = 3, .shard = shard, .shards = shards};
            struct ld_plan *part = test_plan(scenario, &setting);
            assert_part_of(part, whole);
            assert_int_equal(part->run_count, 4 * part->cell_count); /* a cell is never split */
            for (size_t i = 0; i < part->run_count; i++)
                seen[part->runs[i].index]++;
            runs += part->run_count;
            ld_plan_free(part);
        }
        assert_int_equal(runs, whole->run_count);
        for (size_t i = 0; i < runs; i++)
            assert_int_equal(seen[i], 1);
    }
    ld_plan_free(whole);
    ld_scenario_free(scenario);
}

static void a_wrong_selection_is_refused(void **state)
{
    (void)state;
    static const struct ld_plan_setting wrong[] = {
        {.shard = 0, .shards = 2}, {.shard = 3, .shards = 2}, {.shard = 1, .shards = 0}, {.filter = "nothing-like-it"}};
    struct ld_scenario *scenario = test_scenario(text);
    const struct ld_scenario *list[] = {scenario};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct ld_plan *plan = NULL;
        struct ld_error error = {0};
        assert_int_equal(ld_plan_make(&plan, list, 1, &wrong[i], &error), LD_EUSAGE);
        assert_null(plan);
        assert_true(error.message[0] != '\0');
    }
    ld_scenario_free(scenario);
}

int test_select(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_filter_keeps_whole_cells),
        cmocka_unit_test(shards_are_the_whole_and_disjoint),
        cmocka_unit_test(a_wrong_selection_is_refused),
    };
    return cmocka_run_group_tests_name("selecting", tests, NULL, NULL);
}
