/* The numbers of reports/definitions.md, "How many runs a claim needs", and the plan as people read it. */
#include "groups.h"

#include <string.h>

#include "base/buffer.h"
#include "scenario/claim.h"

static void runs_needed_are_the_known_ones(void **state)
{
    (void)state;
    assert_int_equal(ld_plan_runs_needed(0.95, 0.90), 45);
    assert_int_equal(ld_plan_runs_needed(0.95, 0.95), 59);
    assert_int_equal(ld_plan_runs_needed(0.992, 0.95), 373);
    assert_int_equal(ld_plan_runs_needed(0.99, 0.95), 299);
    assert_int_equal(ld_plan_runs_needed(0.5, 0.75), 2); /* met exactly: rounding must not ask for a third */
    assert_int_equal(ld_plan_runs_needed(0.1, 0.9), 1);
    assert_int_equal(ld_plan_runs_needed(0.9, 0.95), 29);
}

static void assert_says(const char *text, const char *expected)
{
    if (!strstr(text, expected))
        fail_msg("does not say \"%s\" but:\n%s", expected, text);
}

static void the_text_says_what_the_runs_support(void **state)
{
    (void)state;
    static const char text[] =
        "leakdrill: 1\nname: said\ntarget: {fixture: a}\nupstream: u\nload: {rate: 40/s, for: 4s}\n"
        "faults:\n  slow:\n    - {at: 1s, for: 2s, latency: {latency: 200ms}}\n"
        "detectors: [before-after, growth, threshold]\nrepeat: {runs: 50}\nexpect:\n"
        "  - {detector: before-after, detection: {confident: 95%, at: 90%}, time_to_detect: {p95: 4s}}\n"
        "  - {detector: growth, detection: {confident: 95%, at: 95%}, false_alarms: {at_most: 0}}\n"
        "  - {detector: threshold, during_holds: {at_most: 2}, cases: [none, slow]}\n";
    const struct ld_plan_setting setting = {.seed = 1}, filtered = {.seed = 1, .filter = "*/leaky/none"};
    struct ld_scenario *scenario = test_scenario(text);
    struct ld_plan *plan = test_plan(scenario, &setting), *part = test_plan(scenario, &filtered);
    struct ld_buffer out;
    ld_buffer_init(&out, 1 << 20);
    assert_int_equal(ld_plan_text(plan, 2, &out), 0);
    assert_says(ld_buffer_text(&out), "4 cells, 200 runs");
    assert_says(ld_buffer_text(&out), "said/healthy/slow");
    assert_says(ld_buffer_text(&out), "slow/0/latency for 2s\n");
    assert_says(ld_buffer_text(&out), " latency: 200ms, jitter: 0s, toxicity: 1, stream: downstream\n");
    assert_says(ld_buffer_text(&out),
                "detection confident 95% at 90%: supported: needs 45 runs of a cell without a miss, has 50");
    assert_says(ld_buffer_text(&out),
                "detection confident 95% at 95%: NOT supported: needs 59 runs of a cell without a miss, has 50");
    assert_says(ld_buffer_text(&out), "p95 of time to detect 4s: NOT supported: needs 59 runs");
    assert_says(ld_buffer_text(&out), "false alarms at most 0: supported, a count over 50 runs of a cell");
    assert_says(ld_buffer_text(&out), "threshold\n      asked in none, slow alone\n      alerts during holds at most "
                                      "2: supported, a count over 50 runs of a cell");
    ld_buffer_clear(&out);
    assert_int_equal(ld_plan_text(part, 2, &out), 0);
    assert_says(ld_buffer_text(&out), "1 cell, 50 runs of 4 cells, 200 runs");
    ld_buffer_done(&out);
    ld_plan_free(plan);
    ld_plan_free(part);
    ld_scenario_free(scenario);
}

/* Where real and written time differ, each part says which it is. */
static void the_text_says_whose_time_it_is(void **state)
{
    (void)state;
    static const char text[] =
        "leakdrill: 1\nname: scaled\ntarget: {command: [./svc, \"{listen}\"]}\nload: {rate: 40/s, for: 40s}\n"
        "time_scale: 10\nsampling: {every: 1s}\nfaults:\n  killed:\n    - {at: 10s, kill: {who: target, restart_after: "
        "5s}}\n"
        "detectors: [growth]\nrepeat: {runs: 1}\n";
    const struct ld_plan_setting setting = {.seed = 1, .filter = "*/killed"};
    struct ld_scenario *scenario = test_scenario(text);
    struct ld_plan *plan = test_plan(scenario, &setting);
    struct ld_buffer out;
    ld_buffer_init(&out, 1 << 20);
    assert_int_equal(ld_plan_text(plan, 2, &out), 0);
    assert_says(ld_buffer_text(&out), "1 cell, 1 run of 2 cells, 2 runs\n");
    assert_says(ld_buffer_text(&out), "scaled/observed/killed");
    assert_says(ld_buffer_text(&out), " 1 run, ");
    assert_says(ld_buffer_text(&out), "schedule, real time (faults' attributes as written);");
    assert_says(ld_buffer_text(&out), "1s  fault-on  killed/0/kill");
    assert_says(ld_buffer_text(&out), "restart_after: 5s");
    ld_buffer_done(&out);
    ld_plan_free(plan);
    ld_scenario_free(scenario);
}

/* The table of counts, against the formula that it is from. */
static void claims_have_the_runs_they_need(void **state)
{
    (void)state;
    assert_int_equal(LD_RUNS_FOR_DETECTION, ld_plan_runs_needed(0.95, 0.95));
    assert_int_equal(LD_RUNS_FOR_FALSE_ALARMS, ld_plan_runs_needed(0.95, 0.95));
    assert_int_equal(LD_RUNS_FOR_FEW_FALSE_ALARMS, ld_plan_runs_needed(0.99, 0.95));
    assert_int_equal(LD_RUNS_FOR_P95, ld_plan_runs_needed(0.95, 0.95)); /* 58 may all lie below the quantile */
    for (const struct ld_claim *claim = ld_claims; claim[1].runs; claim++)
        if (claim->runs > claim[1].runs)
            fail_msg("\"%s\" with %lld stands before %lld", claim->text, (long long)claim->runs,
                     (long long)claim[1].runs);
}

static void the_text_says_what_can_be_claimed(void **state)
{
    (void)state;
    static const char judged[] =
        "leakdrill: 1\nname: judged\ntarget: {fixture: a}\nload: {rate: 40/s, for: 4s}\ndetectors: [growth: {window: "
        "1s}]\nrepeat: {runs: 3}\nexpect:\n"
        "  - {detector: growth, detection: {observed: 100%, confident: 95%, at: 95%}}\n";
    static const char shown[] = "leakdrill: 1\nname: shown\ntarget: {fixture: a}\nload: {rate: 40/s, for: 4s}\n"
                                "detectors: [growth]\nrepeat: {runs: 6}\nexpect:\n"
                                "  - {detector: growth, report_only: true}\n";
    struct ld_scenario *both[] = {test_scenario(judged), test_scenario(shown)};
    const struct ld_scenario *const scenarios[] = {both[0], both[1]};
    const struct ld_plan_setting smoke = {.seed = 1}, full = {.seed = 1, .full = true};
    struct ld_plan *plan;
    struct ld_buffer out;
    ld_buffer_init(&out, 1 << 20);
    assert_int_equal(ld_plan_make(&plan, scenarios, 2, &smoke, NULL), 0);
    assert_int_equal(ld_plan_text(plan, 2, &out), 0);
    assert_says(ld_buffer_text(&out), "\n2 cells of 3 runs: counts only\n"
                                      "2 cells of 6 runs: counts, and\n  median of the time to detect\n\n");
    assert_says(ld_buffer_text(&out),
                "detection observed 100%: supported, a count over 3 runs of a cell\n      detection "
                "confident 95% at 95%: not judged, needs 59 runs of a cell without a miss (--full)");
    ld_plan_free(plan);
    ld_buffer_clear(&out);
    assert_int_equal(ld_plan_make(&plan, scenarios, 2, &full, NULL), 0);
    assert_int_equal(ld_plan_text(plan, 2, &out), 0);
    assert_says(ld_buffer_text(&out), "\n2 cells of 6 runs: counts, and\n  median of the time to detect\n"
                                      "2 cells of 59 runs: counts, and\n  median of the time to detect\n  95 %");
    assert_says(ld_buffer_text(&out),
                "detection of at least 95 % if none is missed (95 % confident)\n  false alarms in "
                "at most 5 % of runs if there is none (95 % confident)\n\n");
    assert_says(ld_buffer_text(&out), "detection confident 95% at 95%: supported: needs 59 runs");
    ld_plan_free(plan);
    ld_buffer_done(&out);
    ld_scenario_free(both[0]);
    ld_scenario_free(both[1]);
}

int test_text(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_needed_are_the_known_ones),
        cmocka_unit_test(the_text_says_what_the_runs_support),
        cmocka_unit_test(the_text_says_whose_time_it_is),
        cmocka_unit_test(claims_have_the_runs_they_need),
        cmocka_unit_test(the_text_says_what_can_be_claimed),
    };
    return cmocka_run_group_tests_name("plan text", tests, NULL, NULL);
}
