#include "score/cost.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "score/groups.h"

#define PAIRS 8

static const struct ld_detector_kind kind = {.name = "probe"};
static struct ld_detector_spec detectors[] = {{.name = "probe", .kind = &kind}, {.name = "other", .kind = &kind}};
static struct ld_scenario scenario = {.name = "cost",
                                      .time_scale = 1,
                                      .sampling = {.every_ns = LD_SECOND},
                                      .detector_count = 2,
                                      .detectors = detectors,
                                      .arms = LD_ARMS_EACH};
static struct ld_cell cells[3];
static struct ld_run_plan run_plans[3 * PAIRS];
static struct ld_plan plan = {.seed = 7, .cell_count = 3, .cells = cells, .run_count = 3 * PAIRS, .runs = run_plans};
static struct ld_detector_record records_of[3 * PAIRS];
static struct ld_run_record records[3 * PAIRS];
static struct ld_cost_run runs[3 * PAIRS];

/* Run 3i is bare, then one of each detector: probe adds 100 ms and a tenth of them per pair, other adds nothing. */
static int set_up(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 3 * PAIRS; i++) {
        uint32_t arm = i % 3, pair = i / 3;
        cells[arm] = (struct ld_cell){.index = arm, .scenario = &scenario, .arm = arm, .rate = 1};
        run_plans[i] = (struct ld_run_plan){.index = i, .cell = arm, .repetition = pair};
        records_of[i] = (struct ld_detector_record){.name = arm ? detectors[arm - 1].name : "never"};
        records[i] = (struct ld_run_record){.run = i, .detector_count = 1, .detectors = &records_of[i]};
        runs[i] = (struct ld_cost_run){.run = i, .values = {-1, -1, -1, -1, -1}};
        runs[i].values[LD_COST_CPU] = LD_SECOND + pair * 7 * LD_MS + (arm == 1 ? 100 * LD_MS + pair * 10 * LD_MS : 0);
    }
    return 0;
}

static struct ld_costs costs(void)
{
    struct ld_costs made;
    struct ld_error error = {0};
    if (ld_cost_make(&made, &plan, records, 3 * PAIRS, runs, 3 * PAIRS, &error) != 0)
        fail_msg("%s", error.message);
    assert_int_equal(made.row_count, 2);
    return made;
}

static void pairs_tell_what_a_detector_adds(void **state)
{
    (void)state;
    struct ld_costs made = costs();
    const struct ld_cost_value *cpu = &made.rows[0].values[LD_COST_CPU];
    assert_string_equal(made.rows[0].detector, "probe");
    assert_int_equal(made.rows[0].pairs, PAIRS);
    assert_int_equal(made.rows[0].period_ns, LD_SECOND);
    assert_int_equal(cpu->without, LD_SECOND + 245 * LD_MS / 10); /* 7 ms times 3.5 */
    assert_int_equal(cpu->difference, 135 * LD_MS);
    assert_true(cpu->bounded && cpu->lower > 100 * LD_MS && cpu->lower < 130 * LD_MS);
    assert_true(cpu->upper > 140 * LD_MS && cpu->upper < 170 * LD_MS);
    cpu = &made.rows[1].values[LD_COST_CPU];
    assert_int_equal(cpu->difference, 0);
    assert_true(cpu->bounded && cpu->lower == 0 && cpu->upper == 0);
    ld_costs_done(&made);
}

static void what_is_not_served_is_unknown(void **state)
{
    (void)state;
    struct ld_costs made = costs();
    assert_int_equal(made.rows[0].values[LD_COST_PAUSE].pairs, 0);
    ld_costs_done(&made);
    for (uint32_t i = 0; i < 3 * (LD_COST_PAIRS_MIN - 1); i++)
        runs[i].values[LD_COST_PAUSE] = 5;
    made = costs();
    assert_int_equal(made.rows[0].values[LD_COST_PAUSE].pairs, LD_COST_PAIRS_MIN - 1);
    assert_false(made.rows[0].values[LD_COST_PAUSE].bounded);
    ld_costs_done(&made);
}

static void what_is_no_evidence_pairs_with_nothing(void **state)
{
    (void)state;
    records[0].validity = LD_INVALID_LAG; /* bare: for both */
    records_of[4].failed = true;          /* probe's second */
    struct ld_costs made = costs();
    assert_int_equal(made.rows[0].pairs, PAIRS - 2);
    assert_int_equal(made.rows[1].pairs, PAIRS - 1);
    ld_costs_done(&made);
}

static void a_scenario_without_a_bare_arm_measures_nothing(void **state)
{
    (void)state;
    struct ld_costs made;
    struct ld_error error = {0};
    scenario.arms = LD_ARMS_TOGETHER;
    assert_false(ld_cost_is_measured(&cells[0]));
    assert_int_equal(ld_cost_make(&made, &plan, records, 3 * PAIRS, runs, 3 * PAIRS, &error), 0);
    assert_int_equal(made.row_count, 0);
    ld_costs_done(&made);
    scenario.arms = LD_ARMS_EACH;
}

/* Two lives of a counter add up; the time between them is nobody's. */
static void growth_is_by_the_minute(void **state)
{
    (void)state;
    const struct ld_cost_growth growths[] = {
        {LD_METRIC_CPU, 10 * LD_SECOND, 20 * LD_SECOND, 4, 5},
        {LD_METRIC_CPU, 50 * LD_SECOND, 60 * LD_SECOND, 0.5, 1.5},
        {LD_METRIC_PAUSE_GC, 10 * LD_SECOND, 20 * LD_SECOND, 0, 0.001}, /* and nothing of the other pauses */
        {LD_METRIC_ALLOC_BYTES, 10 * LD_SECOND, 10 * LD_SECOND, 7, 7},  /* seen once */
        {LD_METRIC_READ_BYTES, 10 * LD_SECOND, 40 * LD_SECOND, 1000, 1000},
    };
    struct ld_cost_run run = ld_cost_of_run(3, growths, sizeof growths / sizeof *growths);
    assert_int_equal(run.run, 3);
    assert_int_equal(run.values[LD_COST_CPU], 6 * LD_SECOND);
    assert_int_equal(run.values[LD_COST_PAUSE], -1);
    assert_int_equal(run.values[LD_COST_ALLOCATED], -1);
    assert_int_equal(run.values[LD_COST_OBJECTS], -1);
    assert_int_equal(run.values[LD_COST_READ], 0);
}

int test_cost(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(pairs_tell_what_a_detector_adds, set_up),
        cmocka_unit_test_setup(what_is_not_served_is_unknown, set_up),
        cmocka_unit_test_setup(what_is_no_evidence_pairs_with_nothing, set_up),
        cmocka_unit_test_setup(a_scenario_without_a_bare_arm_measures_nothing, set_up),
        cmocka_unit_test_setup(growth_is_by_the_minute, set_up),
    };
    return cmocka_run_group_tests_name("cost", tests, NULL, NULL);
}
