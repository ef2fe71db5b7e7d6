/* What a seed decides, and what it must not decide. */
#include "groups.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "scenario/claim.h"

#define HEAD                                                                                                           \
    "leakdrill: 1\nname: paired\ntarget: {fixture: queue/consumer-unclosed, rate: [1, 4], depth: [0, 3]}\n"            \
    "upstream: http-echo\nload: {rate: 40/s, from: 1s, for: 4s}\ndetectors: [before-after, growth]\nrepeat: {runs: "   \
    "3}\n"
#define SLOW "  slow:\n    - {at: 2s, for: 1s, latency: {latency: 200ms}}\n"
#define KILLED "  killed:\n    - {at: 3s, kill: {who: upstream, restart_after: 4s}}\n"

static const struct ld_plan_setting seed_7 = {.seed = 7}, seed_8 = {.seed = 8};

static const char *cell_name(const struct ld_plan *plan, const struct ld_run_plan *run)
{
    return plan->cells[run->cell].name;
}

static const struct ld_run_plan *find_run(const struct ld_plan *plan, const char *cell, uint32_t repetition)
{
    for (size_t i = 0; i < plan->run_count; i++)
        if (strcmp(cell_name(plan, &plan->runs[i]), cell) == 0 && plan->runs[i].repetition == repetition)
            return &plan->runs[i];
    fail_msg("no run %u of %s", repetition, cell);
    return NULL;
}

static void assert_same_decisions(const struct ld_run_plan *a, const struct ld_run_plan *b)
{
    assert_int_equal(a->seed, b->seed);
    assert_int_equal(a->phase_ns, b->phase_ns);
    assert_memory_equal(&a->load_per_second, &b->load_per_second, sizeof a->load_per_second);
    assert_int_equal(a->action_count, b->action_count);
    for (size_t i = 0; i < a->action_count; i++) {
        assert_int_equal(a->actions[i].at_ns, b->actions[i].at_ns);
        assert_int_equal(a->actions[i].kind, b->actions[i].kind);
        assert_int_equal(a->actions[i].fault, b->actions[i].fault);
    }
}

static void one_seed_gives_one_plan(void **state)
{
    (void)state;
    struct ld_scenario *scenario = test_scenario(HEAD "faults:\n" SLOW KILLED);
    struct ld_plan *first = test_plan(scenario, &seed_7), *second = test_plan(scenario, &seed_7),
                   *other = test_plan(scenario, &seed_8);
    struct ld_buffer out;
    char hash[LD_HASH_HEX];
    assert_string_equal(first->json, second->json);
    assert_string_equal(first->hash, second->hash);
    assert_string_not_equal(first->json, other->json);
    assert_string_not_equal(first->hash, other->hash);
    ld_buffer_init(&out, LD_PLAN_JSON_MAX);
    assert_int_equal(ld_plan_json(first, &out), 0);
    ld_hash_of(out.bytes, out.length, hash);
    assert_string_equal(hash, first->hash);
    ld_buffer_done(&out);
    ld_plan_free(first);
    ld_plan_free(second);
    ld_plan_free(other);
    ld_scenario_free(scenario);
}

/* A case more, and a fault more in another case, change no run of the cases that were there. */
static void an_unrelated_fault_changes_no_other_decision(void **state)
{
    (void)state;
    struct ld_scenario *few = test_scenario(HEAD "faults:\n" KILLED),
                       *more = test_scenario(HEAD "faults:\n" SLOW "    - {at: 1s, latency: {latency: 1s}}\n" KILLED);
    struct ld_plan *before = test_plan(few, &seed_7), *after = test_plan(more, &seed_7);
    assert_true(after->run_count > before->run_count);
    for (size_t i = 0; i < before->run_count; i++) {
        const struct ld_run_plan *run = &before->runs[i];
        assert_same_decisions(run, find_run(after, cell_name(before, run), run->repetition));
    }
    ld_plan_free(before);
    ld_plan_free(after);
    ld_scenario_free(few);
    ld_scenario_free(more);
}

static void cells_of_one_repetition_are_paired(void **state)
{
    (void)state;
    struct ld_scenario *scenario = test_scenario(HEAD "faults:\n" SLOW);
    struct ld_plan *plan = test_plan(scenario, &seed_7);
    for (size_t i = 0; i < plan->run_count; i++) {
        const struct ld_run_plan *run = &plan->runs[i], *first = find_run(plan, plan->cells[0].name, run->repetition);
        assert_int_equal(run->seed, first->seed);
        assert_int_equal(run->phase_ns, first->phase_ns);
        assert_true(run->seed <= INT64_MAX);
    }
    assert_int_not_equal(find_run(plan, plan->cells[0].name, 0)->seed, find_run(plan, plan->cells[0].name, 1)->seed);
    ld_plan_free(plan);
    ld_scenario_free(scenario);
}

static void cells_cross_all_axes(void **state)
{
    (void)state;
    struct ld_scenario *scenario = test_scenario(HEAD "faults:\n" SLOW KILLED);
    struct ld_plan *plan = test_plan(scenario, &seed_7);
    assert_int_equal(plan->cell_count, 2 * 3 * 2 * 2);
    assert_int_equal(plan->run_count, 3 * plan->cell_count);
    assert_string_equal(plan->cells[0].name, "paired/leaky/none");
    assert_string_equal(plan->cells[3].name, "paired/leaky/none/rate=4/depth=3");
    assert_string_equal(plan->cells[plan->cell_count - 1].name, "paired/healthy/killed/rate=4/depth=3");
    for (size_t i = 0; i < plan->cell_count; i++) {
        assert_int_equal(plan->cells[i].index, i);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(plan->cells[i].name, plan->cells[j].name);
    }
    ld_plan_free(plan);
    ld_scenario_free(scenario);
}

static void the_schedule_follows_the_scenario(void **state)
{
    (void)state;
    struct ld_scenario *scenario = test_scenario(HEAD "faults:\n" SLOW KILLED);
    struct ld_plan *plan = test_plan(scenario, &seed_7);
    const struct ld_run_plan *slow = find_run(plan, "paired/leaky/slow", 1);
    static const struct ld_action expected[] = {{1 * LD_SECOND, LD_ACTION_LOAD_ON, 0},
                                                {2 * LD_SECOND, LD_ACTION_FAULT_ON, 0},
                                                {3 * LD_SECOND, LD_ACTION_FAULT_OFF, 0},
                                                {5 * LD_SECOND, LD_ACTION_LOAD_OFF, 0},
                                                {5 * LD_SECOND, LD_ACTION_END, 0}};
    assert_int_equal(slow->action_count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(slow->actions[i].at_ns - slow->phase_ns, expected[i].at_ns);
        assert_int_equal(slow->actions[i].kind, expected[i].kind);
    }
    const struct ld_run_plan *killed = find_run(plan, "paired/leaky/killed", 0);
    assert_int_equal(killed->action_count, 4); /* an instant has no end of its own, its restart is awaited */
    assert_int_equal(killed->actions[3].kind, LD_ACTION_END);
    assert_int_equal(killed->actions[3].at_ns - killed->phase_ns, 7 * LD_SECOND);
    assert_int_equal(ld_plan_run_duration(plan, killed), 9 * LD_SECOND + killed->phase_ns);
    ld_plan_free(plan);
    ld_scenario_free(scenario);
}

static void a_fault_without_for_ends_with_the_method(void **state)
{
    (void)state;
    struct ld_scenario *scenario = test_scenario("leakdrill: 1\nname: open\ntarget: {fixture: a, variants: [leaky]}\n"
                                                 "upstream: a\nload: {path: /work, rate: 1/s, for: 2s}\nfaults:\n"
                                                 "  open:\n    - {at: 1s, pause: {}}\n"
                                                 "    - {at: 1s, kill: {who: upstream, restart_after: 4s}}\n"
                                                 "detectors: [growth]\n");
    struct ld_plan *plan = test_plan(scenario, &seed_7);
    const struct ld_run_plan *run = find_run(plan, "open/leaky/open", 0);
    const struct ld_action *off = &run->actions[run->action_count - 2], *end = &run->actions[run->action_count - 1];
    assert_int_equal(off->kind, LD_ACTION_FAULT_OFF);
    assert_int_equal(off->at_ns, end->at_ns);
    assert_int_equal(off->at_ns - run->phase_ns, 5 * LD_SECOND);
    ld_plan_free(plan);
    ld_scenario_free(scenario);
}

/* Phase within [0, period), load within 5 %, both spread and not the same for all. */
static void phase_and_load_stay_in_their_ranges(void **state)
{
    (void)state;
    struct ld_scenario *scenario = test_scenario("leakdrill: 1\nname: many\ntarget: {fixture: a, variants: [leaky]}\n"
                                                 "load: {rate: 40/s, for: 1s}\nrepeat: {runs: 1000}\n");
    struct ld_plan *plan = test_plan(scenario, &seed_7);
    int64_t least = INT64_MAX, most = 0;
    double slowest = 1e9, fastest = 0;
    for (size_t i = 0; i < plan->run_count; i++) {
        int64_t phase = plan->runs[i].phase_ns;
        double load = plan->runs[i].load_per_second;
        least = phase < least ? phase : least;
        most = phase > most ? phase : most;
        slowest = load < slowest ? load : slowest;
        fastest = load > fastest ? load : fastest;
    }
    assert_in_range(least, 0, 5 * LD_MS);
    assert_in_range(most, 245 * LD_MS, 250 * LD_MS - 1);
    if (slowest < 38 || slowest > 38.1 || fastest < 41.9 || fastest > 42)
        fail_msg("load from %g to %g", slowest, fastest);
    ld_plan_free(plan);
    ld_scenario_free(scenario);
}

static void time_scale_divides(void **state)
{
    (void)state;
    struct ld_scenario *plain = test_scenario(HEAD "faults:\n" SLOW),
                       *fast = test_scenario(HEAD "time_scale: 4\nfaults:\n" SLOW);
    struct ld_plan *written = test_plan(plain, &seed_7), *scaled = test_plan(fast, &seed_7);
    for (size_t i = 0; i < written->run_count; i++) {
        const struct ld_run_plan *a = &written->runs[i], *b = &scaled->runs[i];
        assert_in_range(b->phase_ns, 0, 62500 * LD_US - 1);
        assert_int_equal(a->action_count, b->action_count);
        for (size_t j = 0; j < a->action_count; j++)
            assert_int_equal((a->actions[j].at_ns - a->phase_ns) / 4, b->actions[j].at_ns - b->phase_ns);
        double off = b->load_per_second - 4 * a->load_per_second; /* both in whole millionths */
        if (off < -1e-5 || off > 1e-5)
            fail_msg("%g, not 4 times %g", b->load_per_second, a->load_per_second);
    }
    ld_plan_free(written);
    ld_plan_free(scaled);
    ld_scenario_free(plain);
    ld_scenario_free(fast);
}

static void order_is_a_permutation_by_seed(void **state)
{
    (void)state;
    struct ld_scenario *scenario = test_scenario(HEAD "faults:\n" SLOW KILLED);
    struct ld_plan *plan = test_plan(scenario, &seed_7), *other = test_plan(scenario, &seed_8);
    bool seen[1000] = {false}, moved = false;
    for (uint32_t i = 0; i < plan->run_count; i++) {
        assert_in_range(plan->order[i], 0, plan->run_count - 1);
        assert_false(seen[plan->order[i]]);
        seen[plan->order[i]] = true;
        assert_int_equal(plan->runs[plan->order[i]].order, i);
        moved = moved || plan->order[i] != i;
    }
    assert_true(moved);
    assert_memory_not_equal(plan->order, other->order, plan->run_count * sizeof *plan->order);
    ld_plan_free(plan);
    ld_plan_free(other);
    ld_scenario_free(scenario);
}

static void reads_are_the_union(void **state)
{
    (void)state;
    static const char head[] = "leakdrill: 1\nname: reads\ntarget: {fixture: a}\n";
    char text[400];
    static const struct {
        const char *more;
        unsigned with, without;
    } cases[] = {
        {"", LD_READ_METRICS_PERIOD | LD_READ_GOROUTINE_PERIOD, LD_READ_HEAP_PERIOD | LD_READ_GOROUTINELEAK},
        {"sampling: {profiles: [heap]}\n", LD_READ_HEAP_PERIOD, LD_READ_GOROUTINELEAK},
        {"detectors: [goroutineleak]\n", LD_READ_GOROUTINELEAK | LD_READ_GOROUTINE_PERIOD, LD_READ_HEAP_PERIOD},
        {"detectors: [goleak]\n", LD_READ_ENDPOINT, LD_READ_GOROUTINELEAK},
        {"detectors: [matrix]\nsampling: {full_below: 0}\n", LD_READ_METRICS_PERIOD, LD_READ_GOROUTINE_FULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(text, sizeof text, "%s%s", head, cases[i].more);
        struct ld_scenario *scenario = test_scenario(text);
        struct ld_plan *plan = test_plan(scenario, &seed_7);
        assert_int_equal(plan->cells[0].reads & cases[i].with, cases[i].with);
        assert_int_equal(plan->cells[0].reads & cases[i].without, 0);
        ld_plan_free(plan);
        ld_scenario_free(scenario);
    }
}

/* Cells that read other paths, or as often as others do not, are not the same. */
static void reads_tell_endpoints_apart(void **state)
{
    static const char *const detectors[] = {"goleak: {}", "goleak: {settle: 0s}", "goleak: {every: 20}",
                                            "endpoint: {path: /health}", "endpoint: {path: /health, active: true}"};
    unsigned reads[sizeof detectors / sizeof *detectors];
    char text[200];
    (void)state;
    for (size_t i = 0; i < sizeof reads / sizeof *reads; i++) {
        snprintf(text, sizeof text, "leakdrill: 1\nname: reads\ntarget: {fixture: a}\ndetectors: [%s]\n",
                 detectors[i]);
        struct ld_scenario *scenario = test_scenario(text);
        struct ld_plan *plan = test_plan(scenario, &seed_7);
        reads[i] = plan->cells[0].reads;
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(reads[k], reads[i]);
        ld_plan_free(plan);
        ld_scenario_free(scenario);
    }
}

static void what_cannot_be_planned_is_refused(void **state)
{
    (void)state;
    struct ld_scenario *scenario = test_scenario(HEAD);
    const struct ld_scenario *twice[] = {scenario, scenario};
    struct ld_error error;
    struct ld_plan *plan = NULL;
    const struct ld_plan_setting huge = {.seed = UINT64_MAX}, many = {.runs = LD_PLAN_RUNS_MAX},
                                 both = {.runs = 3, .full = true};
    assert_int_equal(ld_plan_make(&plan, twice, 2, &seed_7, &error), LD_ESPEC);
    assert_string_equal(error.message, "two scenarios are named paired: test.yaml and test.yaml");
    assert_int_equal(ld_plan_make(&plan, twice, 1, &huge, &error), LD_EUSAGE);
    assert_int_equal(ld_plan_make(&plan, twice, 1, &many, &error), LD_ELIMIT);
    assert_int_equal(ld_plan_make(&plan, twice, 1, &both, &error), LD_EUSAGE);
    assert_null(plan);
    ld_scenario_free(scenario);
}

static void runs_can_be_overridden(void **state)
{
    (void)state;
    const struct ld_plan_setting one = {.seed = 7, .runs = 1};
    struct ld_scenario *scenario = test_scenario(HEAD);
    struct ld_plan *all = test_plan(scenario, &seed_7), *plan = test_plan(scenario, &one);
    assert_int_equal(plan->run_count, plan->cell_count);
    assert_same_decisions(find_run(plan, "paired/leaky/none", 0), find_run(all, "paired/leaky/none", 0));
    ld_plan_free(plan);
    ld_plan_free(all);
    ld_scenario_free(scenario);
}

/* Who is judged gets the runs of a claim, who is only shown does not; a scenario may say otherwise. */
static void full_runs_are_those_of_a_claim(void **state)
{
    (void)state;
    static const struct {
        const char *repeat, *expectation;
        int64_t runs;
    } cases[] = {
        {"runs: 3", "report_only: true", 3},
        {"runs: 3", "false_alarms: {at_most: 0}", LD_RUNS_FULL},
        {"runs: 3, full: 5", "false_alarms: {at_most: 0}", 5},
        {"runs: 3, full: 299", "report_only: true", 299},
        {"runs: 100", "false_alarms: {at_most: 0}", 100},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[400];
        snprintf(text, sizeof text,
                 "leakdrill: 1\nname: full\ntarget: {fixture: a, variants: [healthy]}\nload: {rate: 40/s, for: 1s}\n"
                 "detectors: [threshold]\nrepeat: {%s}\nexpect: [{detector: threshold, %s}]\n",
                 cases[i].repeat, cases[i].expectation);
        struct ld_scenario *scenario = test_scenario(text);
        struct ld_plan *plan = test_plan(scenario, &(const struct ld_plan_setting){.seed = 7, .full = true});
        if (plan->run_count != (size_t)cases[i].runs)
            fail_msg("{%s}, %s: %zu runs, not %lld", cases[i].repeat, cases[i].expectation, plan->run_count,
                     (long long)cases[i].runs);
        ld_plan_free(plan);
        ld_scenario_free(scenario);
    }
}

/* No clock starts it, so that it has no action and lengthens nothing; the plan still names it. */
static void a_conditional_fault_has_no_action(void **state)
{
    (void)state;
    struct ld_scenario *scenario = test_scenario(
        HEAD "faults:\n  waiting:\n    - {when: {detector: growth, for: 1s}, for: 90s, latency: {latency: 200ms}}\n"
             "    - {when: {metric: go_sched_goroutines_count, over: 50}, kill: {who: target, restart_after: 9s}}\n");
    struct ld_plan *plan = test_plan(scenario, &seed_7);
    const struct ld_run_plan *waiting = find_run(plan, "paired/leaky/waiting", 0);
    struct ld_buffer out;
    assert_same_decisions(waiting, find_run(plan, "paired/leaky/none", 0));
    assert_int_equal(waiting->actions[waiting->action_count - 1].at_ns, 5 * LD_SECOND + waiting->phase_ns);
    assert_non_null(strstr(plan->json, "{\"at_ns\":-1,\"for_ns\":90000000000,\"id\":\"waiting/0/latency\""));
    ld_buffer_init(&out, 1 << 20);
    assert_int_equal(ld_plan_text(plan, 1, &out), 0);
    assert_non_null(strstr(ld_buffer_text(&out), "waiting/0/latency, when growth amber for 1s, for "));
    assert_non_null(strstr(ld_buffer_text(&out), "waiting/1/kill, when go_sched_goroutines_count over 50"));
    ld_buffer_done(&out);
    ld_plan_free(plan);
    ld_scenario_free(scenario);
}

int test_make(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_seed_gives_one_plan),
        cmocka_unit_test(an_unrelated_fault_changes_no_other_decision),
        cmocka_unit_test(cells_of_one_repetition_are_paired),
        cmocka_unit_test(cells_cross_all_axes),
        cmocka_unit_test(the_schedule_follows_the_scenario),
        cmocka_unit_test(a_fault_without_for_ends_with_the_method),
        cmocka_unit_test(a_conditional_fault_has_no_action),
        cmocka_unit_test(phase_and_load_stay_in_their_ranges),
        cmocka_unit_test(time_scale_divides),
        cmocka_unit_test(order_is_a_permutation_by_seed),
        cmocka_unit_test(reads_are_the_union),
        cmocka_unit_test(reads_tell_endpoints_apart),
        cmocka_unit_test(what_cannot_be_planned_is_refused),
        cmocka_unit_test(runs_can_be_overridden),
        cmocka_unit_test(full_runs_are_those_of_a_claim),
    };
    return cmocka_run_group_tests_name("making plans", tests, NULL, NULL);
}
