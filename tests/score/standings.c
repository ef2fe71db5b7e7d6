#include "score/standings.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "score/groups.h"

#define LEAKS 6
#define RUNS 20
#define SCENARIOS (LEAKS + 1) /* the last never leaks */
#define FAULTS 2
#define CELLS (SCENARIOS * FAULTS * 2)

static const struct ld_detector_kind kind = {.name = "probe"};
static struct ld_detector_spec detectors[] = {{.name = "probe", .kind = &kind}};
static struct ld_fault_case cases[FAULTS] = {{.name = "none"}, {.name = "kill"}};
static const char *const names[SCENARIOS] = {"l0", "l1", "l2", "l3", "l4", "l5", "calm"};
static struct ld_scenario scenarios[SCENARIOS];
static struct ld_cell cells[CELLS];
static struct ld_run_plan run_plans[CELLS * RUNS];
static struct ld_board_row rows[CELLS * 2];
static struct ld_outcome outcomes[CELLS * RUNS];
static struct ld_plan plan;
static struct ld_score score;
static struct ld_verdicts verdicts;

static void assert_near(double seen, double expected)
{
    if (fabs(seen - expected) > 1e-6)
        fail_msg("%.9f is not %.9f", seen, expected);
}

static struct ld_board_row *add_row(uint32_t cell, const char *detector, bool calibration)
{
    struct ld_board_row *row = &rows[verdicts.row_count++];
    *row = (struct ld_board_row){.cell = cell,
                                 .detector = detector,
                                 .calibration = calibration,
                                 .runs = RUNS,
                                 .valid = RUNS,
                                 .quiet_hours = 0.05};
    return row;
}

/* Every leak but the last is seen in all its runs, after one to twenty seconds; the last in none, followed for a
 * minute. */
static void add_runs(uint32_t cell, bool seen)
{
    struct ld_board_row *row = &rows[verdicts.row_count - 1];
    for (uint32_t i = 0; i < RUNS; i++) {
        uint32_t run = (uint32_t)plan.run_count++;
        run_plans[run] = (struct ld_run_plan){.index = run, .cell = cell, .repetition = i};
        if (cells[cell].variant != LD_VARIANT_LEAKY)
            continue;
        outcomes[score.outcome_count++] = (struct ld_outcome){.run = run,
                                                              .detector = "probe",
                                                              .kind = seen ? LD_OUTCOME_TP : LD_OUTCOME_FN,
                                                              .detect_ns = (i + 1) * LD_SECOND,
                                                              .censored_ns = LD_MINUTE};
        row->counts[seen ? LD_OUTCOME_TP : LD_OUTCOME_FN]++;
        row->alerted += seen;
        row->cause_right += seen;
    }
}

static int set_up(void **state)
{
    (void)state;
    uint32_t cell = 0;
    plan = (struct ld_plan){.seed = 7, .cells = cells, .runs = run_plans};
    score = (struct ld_score){.outcomes = outcomes};
    verdicts = (struct ld_verdicts){.rows = rows};
    for (uint32_t i = 0; i < SCENARIOS; i++) {
        scenarios[i] = (struct ld_scenario){.name = names[i], .time_scale = 20, .sampling = {.every_ns = 5 * LD_SECOND},
                                            .fault_case_count = FAULTS, .fault_cases = cases,
                                            .detector_count = 1, .detectors = detectors};
        for (uint32_t variant = i < LEAKS ? 0 : 1; variant < 2; variant++)
            for (uint32_t fault = 0; fault < FAULTS; fault++, cell++) {
                cells[cell] = (struct ld_cell){.index = cell,
                                               .scenario = &scenarios[i],
                                               .variant = (enum ld_variant)variant,
                                               .fault_case = fault,
                                               .rate = 1};
                add_row(cell, "never", true);
                add_row(cell, "probe", false);
                add_runs(cell, i < LEAKS - 1);
            }
    }
    plan.cell_count = cell;
    return 0;
}

static struct ld_standings make(void)
{
    struct ld_standings made;
    struct ld_error error = {0};
    if (ld_standings_make(&made, &plan, &score, &verdicts, NULL, &error) != 0)
        fail_msg("%s", error.message);
    return made;
}

static void the_whole_and_each_fault(void **state)
{
    (void)state;
    struct ld_standings made = make();
    assert_int_equal(made.detector_count, 1); /* without the calibration set */
    assert_int_equal(made.group_count, 3);
    assert_string_equal(made.groups[0], "");
    assert_string_equal(made.groups[2], "kill");
    assert_int_equal(made.leaks, LEAKS);
    assert_int_equal(made.calm, 1);
    assert_int_equal(made.runs_least, RUNS);
    assert_int_equal(made.period_ns, 250 * LD_MS);
    assert_true(made.time_scale > 19.9 && made.time_scale < 20.1);
    const struct ld_standing *whole = ld_standing_of(&made, 0, 0), *kill = ld_standing_of(&made, 2, 0);
    assert_int_equal(whole->seen, 5 * 2 * RUNS);
    assert_int_equal(whole->missed, 2 * RUNS);
    assert_int_equal(kill->seen, 5 * RUNS);
    assert_int_equal(kill->missed, RUNS);
    assert_int_equal(whole->leaky_runs, 12 * RUNS);
    assert_int_equal(whole->leaky_alerted, 10 * RUNS);
    assert_int_equal(whole->twin_runs, 12 * RUNS);
    assert_int_equal(whole->calm_runs, 2 * RUNS);
    assert_int_equal(whole->cause_right, 10 * RUNS);
    ld_standings_done(&made);
}

/* Six leaks of which one is never seen: 240 runs say little more than six. */
static void an_interval_by_leak_is_wide(void **state)
{
    (void)state;
    struct ld_standings made = make();
    const struct ld_standing *whole = ld_standing_of(&made, 0, 0);
    assert_true(ld_standings_can_claim(&made));
    assert_int_equal(whole->leaks_told, LEAKS);
    assert_true(whole->wilson.given && whole->wilson.lower > 0.77 && whole->wilson.upper < 0.88);
    assert_true(whole->clustered.given);
    assert_near(whole->clustered.lower, 0.5); /* three of six draws the blind one: 6 %; four: 1 % */
    assert_near(whole->clustered.upper, 1);
    assert_true(whole->difference.given);
    assert_near(whole->difference.lower, whole->clustered.lower); /* no twin alerted */
    ld_standings_done(&made);
}

/* Six leaks seen in every run: of a seventh that says little, and a bootstrap of equals would say all. */
static void leaks_all_alike_have_the_exact_bound(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < verdicts.row_count; i++)
        if (cells[rows[i].cell].scenario == &scenarios[LEAKS - 1]) {
            rows[i].counts[LD_OUTCOME_TP] += rows[i].counts[LD_OUTCOME_FN];
            rows[i].counts[LD_OUTCOME_FN] = 0;
        }
    struct ld_standings made = make();
    const struct ld_bounds *bounds = &ld_standing_of(&made, 0, 0)->clustered;
    assert_true(bounds->given);
    assert_near(bounds->lower, pow(0.025, 1.0 / LEAKS));
    assert_near(bounds->upper, 1);
    ld_standings_done(&made);
}

/* A leaky run of each leak alerts and no twin does: six leaks say as little of a difference as of a share. */
static void differences_all_alike_are_no_certainty(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < verdicts.row_count; i++)
        if (!rows[i].calibration)
            rows[i].alerted = cells[rows[i].cell].variant == LD_VARIANT_LEAKY ? RUNS : 0;
    struct ld_standings made = make();
    const struct ld_bounds *bounds = &ld_standing_of(&made, 0, 0)->difference;
    assert_true(bounds->given);
    assert_near(bounds->lower, pow(0.025, 1.0 / LEAKS));
    assert_near(bounds->upper, 1);
    ld_standings_done(&made);
    for (uint32_t i = 0; i < verdicts.row_count; i++)
        rows[i].alerted = 0;
    made = make();
    bounds = &ld_standing_of(&made, 0, 0)->difference;
    assert_near(bounds->upper, 1 - pow(0.025, 1.0 / LEAKS));
    assert_near(bounds->lower, -bounds->upper);
    ld_standings_done(&made);
}

/* The probe is out of its range in every run of all leaks but the first `told`. */
static void put_out_of_range(uint32_t told)
{
    for (uint32_t i = 0; i < verdicts.row_count; i++)
        for (uint32_t leak = told; leak < LEAKS; leak++)
            if (cells[rows[i].cell].scenario == &scenarios[leak] && !rows[i].calibration)
                memset(rows[i].counts, 0, sizeof rows[i].counts);
    for (size_t i = 0; i < score.outcome_count; i++)
        for (uint32_t leak = told; leak < LEAKS; leak++)
            if (cells[run_plans[outcomes[i].run].cell].scenario == &scenarios[leak])
                outcomes[i] = (struct ld_outcome){.run = outcomes[i].run, .detector = "probe",
                                                  .kind = LD_OUTCOME_OUT_OF_RANGE};
}

static void leaks_without_evidence_are_not_drawn(void **state)
{
    (void)state;
    put_out_of_range(5);
    struct ld_standings made = make();
    const struct ld_standing *whole = ld_standing_of(&made, 0, 0);
    assert_int_equal(whole->leaks_told, 5);
    assert_true(whole->clustered.given);
    assert_near(whole->clustered.lower, pow(0.025, 1.0 / 5)); /* of five, not of six */
    assert_int_equal(whole->time.n, 5 * 2 * RUNS);
    ld_standings_done(&made);
    put_out_of_range(4);
    made = make();
    whole = ld_standing_of(&made, 0, 0);
    assert_int_equal(whole->leaks_told, 4);
    assert_true(ld_standing_has_share(whole));
    assert_false(whole->clustered.given);
    assert_true(whole->difference.given); /* it alerts or not, whatever it is asked for */
    ld_standings_done(&made);
}

/* Twenty runs of a cell of which three say something are three. */
static void few_that_are_evidence_have_no_percentage(void **state)
{
    (void)state;
    put_out_of_range(0);
    rows[1].counts[LD_OUTCOME_TP] = 3;
    for (int i = 0; i < 3; i++)
        outcomes[i] = (struct ld_outcome){.run = (uint32_t)i, .detector = "probe", .detect_ns = LD_SECOND};
    struct ld_standings made = make();
    const struct ld_standing *whole = ld_standing_of(&made, 0, 0);
    assert_int_equal(whole->seen, 3);
    assert_int_equal(whole->time.n, 3);
    assert_true(whole->has_shares);
    assert_false(ld_standing_has_share(whole) || whole->wilson.given || ld_standing_has_time(whole));
    ld_standings_done(&made);
}

static void scenarios_of_one_fixture_are_one_leak(void **state)
{
    (void)state;
    scenarios[0].target.fixture = scenarios[1].target.fixture = "queue/slow";
    scenarios[2].target.fixture = "queue/lost";
    struct ld_standings made = make();
    const struct ld_standing *whole = ld_standing_of(&made, 0, 0);
    assert_int_equal(made.leaks, LEAKS - 1);
    assert_int_equal(whole->leaks_told, LEAKS - 1);
    assert_int_equal(whole->seen, 5 * 2 * RUNS);
    ld_standings_done(&made);
}

/* A tool on the source says the same of each run: twenty are no twenty. */
static void what_read_the_source_has_no_time_and_no_wilson(void **state)
{
    (void)state;
    for (size_t i = 0; i < score.outcome_count; i++)
        outcomes[i].timeless = true;
    for (size_t i = 0; i < verdicts.row_count; i++)
        rows[i].timeless = !rows[i].calibration;
    struct ld_standings made = make();
    const struct ld_standing *whole = ld_standing_of(&made, 0, 0);
    assert_true(whole->timeless && whole->clustered.given);
    assert_false(whole->wilson.given || ld_standing_has_time(whole));
    ld_standings_done(&made);
}

static void too_few_runs_have_no_shares(void **state)
{
    (void)state;
    rows[5].runs = RUNS - 1; /* l0's, healthy, without a fault */
    struct ld_standings made = make();
    const struct ld_standing *whole = ld_standing_of(&made, 0, 0), *kill = ld_standing_of(&made, 2, 0);
    assert_false(ld_standings_can_claim(&made));
    assert_false(whole->has_shares || whole->wilson.given || whole->clustered.given || whole->difference.given);
    assert_int_equal(whole->seen, 10 * RUNS);
    assert_true(kill->has_shares && kill->wilson.given);
    assert_int_equal(made.runs_least, RUNS - 1);
    ld_standings_done(&made);
}

static void false_alarms_are_by_the_hour(void **state)
{
    (void)state;
    struct ld_standings made = make();
    const struct ld_standing *whole = ld_standing_of(&made, 0, 0);
    double hours = 0.05 * (LEAKS * 4 + 2);
    assert_near(whole->quiet_hours, hours);
    assert_near(whole->rate, 0);
    assert_near(whole->rate_upper, -log(0.025) / hours); /* none seen */
    ld_standings_done(&made);
    rows[1].false_alarms = 5; /* two of them at a wrong site while it leaked: not of the quiet time */
    rows[1].wrong_site = 2;
    made = make();
    whole = ld_standing_of(&made, 0, 0);
    assert_int_equal(whole->false_alarms, 3);
    assert_int_equal(whole->wrong_site, 2);
    assert_near(whole->rate, 3 / hours);
    assert_true(whole->rate_lower > 0 && whole->rate_lower < whole->rate && whole->rate < whole->rate_upper);
    ld_standings_done(&made);
}

/* A false alarm each minute and a half in every program; then as many, all in one. */
static void false_alarms_sit_in_programs(void **state)
{
    (void)state;
    uint32_t all = 0;
    for (uint32_t i = 0; i < verdicts.row_count; i++)
        if (!rows[i].calibration)
            all += rows[i].false_alarms = 2;
    struct ld_standings made = make();
    const struct ld_standing *whole = ld_standing_of(&made, 0, 0);
    assert_int_equal(whole->false_alarms, all);
    assert_true(whole->rate_by_program.given);
    assert_near(whole->rate_by_program.lower, whole->rate_lower); /* no spread between them: chance's */
    assert_near(whole->rate_by_program.upper, whole->rate_upper);
    ld_standings_done(&made);
    for (uint32_t i = 0; i < verdicts.row_count; i++)
        rows[i].false_alarms = 0;
    rows[1].false_alarms = all;
    made = make();
    whole = ld_standing_of(&made, 0, 0);
    assert_near(whole->rate_lower, ld_poisson_lower(all, whole->quiet_hours, 0.975));
    assert_near(whole->rate_by_program.lower, 0); /* every third draw of seven is without it */
    assert_true(whole->rate_by_program.upper > 2 * whole->rate);
    ld_standings_done(&made);
    rows[1].false_alarms = 0;
    made = make();
    whole = ld_standing_of(&made, 0, 0);
    assert_near(whole->rate_by_program.lower, 0);
    assert_near(whole->rate_by_program.upper, -log(0.025) / whole->quiet_hours); /* nothing to draw: chance's */
    ld_standings_done(&made);
    for (uint32_t i = 0; i < verdicts.row_count; i++)
        if (cells[rows[i].cell].scenario > &scenarios[3])
            rows[i].quiet_hours = 0;
    made = make();
    assert_false(ld_standing_of(&made, 0, 0)->rate_by_program.given); /* of four programs none */
    ld_standings_done(&made);
}

static void holds_have_hours_of_their_own(void **state)
{
    (void)state;
    rows[1].hold_hours = 0.5;
    rows[3].hold_hours = 0.25;
    rows[1].during_hold = 6;
    struct ld_standings made = make();
    const struct ld_standing *whole = ld_standing_of(&made, 0, 0);
    assert_near(whole->hold_hours, 0.75);
    assert_int_equal(whole->during_hold, 6);
    assert_near(whole->quiet_hours, 0.05 * (LEAKS * 4 + 2));
    ld_standings_done(&made);
}

/* The first scenario that measures it has no pair, the second eight, the third fewer. */
static void of_several_costs_the_one_that_knows_most(void **state)
{
    struct ld_cost_row measured[] = {{.scenario = "one", .detector = "probe"},
                                     {.scenario = "two", .detector = "other", .pairs = 20},
                                     {.scenario = "two", .detector = "probe", .pairs = 8},
                                     {.scenario = "three", .detector = "probe", .pairs = 3}};
    struct ld_costs costs = {.row_count = 4, .rows = measured};
    struct ld_standings made;
    struct ld_error error = {0};
    (void)state;
    assert_int_equal(ld_standings_make(&made, &plan, &score, &verdicts, &costs, &error), 0);
    assert_ptr_equal(ld_standing_of(&made, 0, 0)->cost, &measured[2]);
    ld_standings_done(&made);
}

/* Seen leaks after 10.5 s in the mean, a sixth never: up to a minute that is 8.75 s and 10 s. */
static void times_are_never_averaged_over_hits(void **state)
{
    (void)state;
    struct ld_standings made = make();
    const struct ld_standing *whole = ld_standing_of(&made, 0, 0);
    assert_int_equal(whole->time.n, 12 * RUNS);
    assert_int_equal(whole->time.median_ns, 12 * LD_SECOND);
    assert_int_equal(whole->mean_to_ns, LD_MINUTE);
    assert_true(llabs(whole->mean_ns - (8750 + 10000) * LD_MS) < LD_MS);
    ld_standings_done(&made);
}

/* Runs that measure a cost, and those whose truth nobody knows, say nothing here. */
static void what_is_not_counted(void **state)
{
    (void)state;
    scenarios[0].arms = LD_ARMS_EACH;
    scenarios[1].target.truth = LD_TRUTH_NONE;
    struct ld_standings made = make();
    assert_int_equal(made.leaks, LEAKS - 2);
    assert_int_equal(ld_standing_of(&made, 0, 0)->seen, 3 * 2 * RUNS);
    assert_false(ld_standing_of(&made, 0, 0)->clustered.given); /* of four leaks none */
    assert_false(ld_standings_can_claim(&made));
    ld_standings_done(&made);
    scenarios[0].arms = LD_ARMS_TOGETHER;
    scenarios[1].target.truth = LD_TRUTH_FD;
}

int test_standings(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_whole_and_each_fault, set_up),
        cmocka_unit_test_setup(an_interval_by_leak_is_wide, set_up),
        cmocka_unit_test_setup(leaks_all_alike_have_the_exact_bound, set_up),
        cmocka_unit_test_setup(differences_all_alike_are_no_certainty, set_up),
        cmocka_unit_test_setup(leaks_without_evidence_are_not_drawn, set_up),
        cmocka_unit_test_setup(few_that_are_evidence_have_no_percentage, set_up),
        cmocka_unit_test_setup(scenarios_of_one_fixture_are_one_leak, set_up),
        cmocka_unit_test_setup(what_read_the_source_has_no_time_and_no_wilson, set_up),
        cmocka_unit_test_setup(too_few_runs_have_no_shares, set_up),
        cmocka_unit_test_setup(false_alarms_are_by_the_hour, set_up),
        cmocka_unit_test_setup(false_alarms_sit_in_programs, set_up),
        cmocka_unit_test_setup(holds_have_hours_of_their_own, set_up),
        cmocka_unit_test_setup(of_several_costs_the_one_that_knows_most, set_up),
        cmocka_unit_test_setup(times_are_never_averaged_over_hits, set_up),
        cmocka_unit_test_setup(what_is_not_counted, set_up),
    };
    return cmocka_run_group_tests_name("standings", tests, NULL, NULL);
}
