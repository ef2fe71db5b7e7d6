/* Cells that are repeated until their tests are decided: how many runs are planned, in which
 * order, with which alpha. */
#include "groups.h"

#include <string.h>

#include "base/buffer.h"

#define TEXT                                                                                                           \
    "leakdrill: 1\nname: tested\ntarget: {fixture: a}\nupstream: u\nload: {rate: 40/s, for: 4s}\n"                     \
    "faults:\n  slow:\n    - {at: 1s, for: 2s, latency: {latency: 200ms}}\n"                                           \
    "detectors: [growth, threshold, goroutineleak]\n"                                                                  \
    "repeat: {runs: 4, sequential: {miss: [5%, 20%], max: 60}}\nexpect:\n"                                             \
    "  - {detector: growth, detection: {observed: 100%}, time_to_detect: {p95: 4s}}\n"                                 \
    "  - {detector: threshold, detection: {observed: 80%}}\n"                                                          \
    "  - {detector: goroutineleak, detection: {missed: all}}\n"

static const struct ld_plan_setting whole = {.seed = 7}, filtered = {.seed = 7, .filter = "*/leaky/none"},
                                    shard = {.seed = 7, .shard = 2, .shards = 3}, given = {.seed = 7, .runs = 30};

static uint32_t runs_of(const struct ld_plan *plan, const char *cell)
{
    uint32_t runs = 0;
    for (size_t i = 0; i < plan->run_count; i++)
        runs += strcmp(plan->cells[plan->runs[i].cell].name, cell) == 0;
    return runs;
}

static void tested_cells_have_the_most_they_may_need(void **state)
{
    (void)state;
    struct ld_scenario *scenario = test_scenario(TEXT);
    struct ld_plan *plan = test_plan(scenario, &whole), *part = test_plan(scenario, &given);
    assert_int_equal(runs_of(plan, "tested/leaky/none"), 60);
    assert_int_equal(runs_of(plan, "tested/leaky/slow"), 60);
    assert_int_equal(runs_of(plan, "tested/healthy/none"), 4); /* nothing is decided there */
    assert_int_equal(runs_of(part, "tested/leaky/none"), 30);
    assert_int_equal(runs_of(part, "tested/healthy/none"), 30);
    ld_plan_free(plan);
    ld_plan_free(part);
    ld_scenario_free(scenario);
}

static void alpha_is_divided_over_the_whole_plan(void **state)
{
    (void)state;
    struct ld_scenario *scenario = test_scenario(TEXT);
    static const struct ld_plan_setting *const settings[] = {&whole, &filtered, &shard};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        struct ld_plan *plan = test_plan(scenario, settings[i]);
        struct ld_sprt_test test;
        assert_int_equal(plan->sequential_tests, 4); /* two cells by two detectors, whatever is left out */
        assert_true(ld_plan_sequential_test(plan, &plan->cells[0], &scenario->expectations[0], &test));
        assert_float_equal(test.alpha, 0.0125, 1e-12);
        assert_float_equal(test.beta, 0.05, 1e-12);
        assert_int_equal(test.max, 60);
        assert_false(ld_plan_sequential_test(plan, &plan->cells[0], &scenario->expectations[2], &test));
        ld_plan_free(plan);
    }
    ld_scenario_free(scenario);
}

static void tested_runs_stand_by_repetition_among_the_others(void **state)
{
    (void)state;
    struct ld_scenario *scenario = test_scenario(TEXT);
    struct ld_plan *plan = test_plan(scenario, &whole);
    uint32_t next[4] = {0}, switches = 0;
    bool seen[128] = {false};
    for (size_t i = 0; i < plan->run_count; i++) {
        const struct ld_run_plan *run = &plan->runs[plan->order[i]];
        assert_false(seen[run->index]);
        seen[run->index] = true;
        assert_int_equal(run->order, i);
        if (ld_cell_sequential_tests(&plan->cells[run->cell]))
            assert_int_equal(run->repetition, next[run->cell]++);
        switches += i && plan->runs[plan->order[i - 1]].cell != run->cell;
    }
    assert_true(switches > 30); /* cells still take turns by lot */
    ld_plan_free(plan);
    ld_scenario_free(scenario);
}

static void assert_says(const struct ld_plan *plan, const char *expected)
{
    struct ld_buffer out;
    ld_buffer_init(&out, 1 << 20);
    assert_int_equal(ld_plan_text(plan, 2, &out), 0);
    if (!strstr(ld_buffer_text(&out), expected))
        fail_msg("does not say \"%s\" but:\n%s", expected, ld_buffer_text(&out));
    ld_buffer_done(&out);
}

static void the_text_says_what_the_tests_cost(void **state)
{
    (void)state;
    struct ld_scenario *scenario = test_scenario(TEXT);
    struct ld_plan *plan = test_plan(scenario, &whole),
                   *few = test_plan(scenario, &(struct ld_plan_setting){.runs = 9});
    assert_says(plan, "4 cells, 128 runs\nat most ");
    assert_says(plan, "4 tests share one alpha\n2 cells of 4 runs: counts only\n\n");
    assert_says(plan, "at most 60 runs, ");
    assert_says(plan,
                "misses, sequential: a rate of 5%, not 20%; alpha 1.25% (5% over 4 tests), beta 5%\n"
                "        supported: 18 runs of a cell without a bad one, at most 60; on average 30 at 5% and 31 at "
                "20%; not decided by then: 8.9%");
    assert_says(plan, "p95 of time to detect 4s: NOT supported: needs 59 runs of a cell without a miss, has 18");
    assert_says(plan, "goroutineleak\n      detection: declared to be missed");
    assert_says(few, "NOT supported: needs more runs of a cell without a bad one than 9");
    ld_plan_free(plan);
    ld_plan_free(few);
    ld_scenario_free(scenario);
}

int test_sequential(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tested_cells_have_the_most_they_may_need),
        cmocka_unit_test(alpha_is_divided_over_the_whole_plan),
        cmocka_unit_test(tested_runs_stand_by_repetition_among_the_others),
        cmocka_unit_test(the_text_says_what_the_tests_cost),
    };
    return cmocka_run_group_tests_name("sequential plans", tests, NULL, NULL);
}
