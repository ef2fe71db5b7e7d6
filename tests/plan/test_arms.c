/* Arms: which detectors watch which runs, and that nothing else of a run depends on it. */
#include "groups.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "scenario/arm.h"

#define HEAD                                                                                                           \
    "leakdrill: 1\nname: armed\ntarget: {fixture: a}\nupstream: u\nload: {rate: 40/s, for: 4s}\nrepeat: {runs: 2}\n"
#define TWO_ACTIVE "detectors: [growth, goroutineleak, before-after, goroutineleak: {as: second}]\n"

static const struct ld_plan_setting setting = {.seed = 7};

static void assert_arms(const char *text, const char *const *expected)
{
    struct ld_scenario *scenario = test_scenario(text);
    struct ld_plan *plan = test_plan(scenario, &setting);
    size_t count = 0;
    for (; expected[count]; count++) {
        char name[100];
        snprintf(name, sizeof name, "armed/leaky/none%s%s", *expected[count] ? "/arm=" : "", expected[count]);
        assert_string_equal(plan->cells[count].name, name);
        assert_int_equal(plan->cells[count].arm, count);
    }
    assert_int_equal(ld_scenario_arm_count(scenario), count);
    assert_int_equal(plan->cell_count, 2 * count);
    ld_plan_free(plan);
    ld_scenario_free(scenario);
}

static void arms_follow_the_active_detectors(void **state)
{
    (void)state;
    assert_arms(HEAD, (const char *const[]){"", NULL});
    assert_arms(HEAD "detectors: [growth, goroutineleak]\n", (const char *const[]){"", NULL});
    assert_arms(HEAD "detectors: [growth]\narms: apart\n", (const char *const[]){"", NULL});
    assert_arms(HEAD "detectors: [goroutineleak]\narms: apart\n", (const char *const[]){"", NULL});
    assert_arms(HEAD "detectors: [growth, goroutineleak]\narms: apart\n",
                (const char *const[]){"passive", "goroutineleak", NULL});
    assert_arms(HEAD TWO_ACTIVE, (const char *const[]){"passive", "goroutineleak", "second", NULL});
    assert_arms(HEAD "detectors: [goroutineleak, exec: {command: [./a], profiles: [goroutineleak]}]\n",
                (const char *const[]){"goroutineleak", "exec", NULL});
    assert_arms(HEAD "detectors: [growth, matrix]\narms: each\n",
                (const char *const[]){"bare", "growth", "matrix", NULL});
}

static const struct ld_cell *cell_named(const struct ld_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->cell_count; i++)
        if (strcmp(plan->cells[i].name, name) == 0)
            return &plan->cells[i];
    fail_msg("no cell %s", name);
    return NULL;
}

static void an_arm_reads_what_its_detectors_need(void **state)
{
    (void)state;
    struct ld_scenario *scenario = test_scenario(HEAD TWO_ACTIVE "sampling: {profiles: []}\n");
    struct ld_plan *plan = test_plan(scenario, &setting);
    const struct ld_cell *passive = cell_named(plan, "armed/leaky/none/arm=passive");
    const struct ld_cell *second = cell_named(plan, "armed/leaky/none/arm=second");
    assert_int_equal(passive->reads & (LD_READ_GOROUTINELEAK | LD_READ_GOROUTINE_FULL), LD_READ_GOROUTINE_FULL);
    assert_int_equal(second->reads & (LD_READ_GOROUTINELEAK | LD_READ_GOROUTINE_FULL), LD_READ_GOROUTINELEAK);
    assert_true(ld_cell_is_watched_by(passive, "growth") && ld_cell_is_watched_by(passive, "before-after"));
    assert_false(ld_cell_is_watched_by(passive, "second") || ld_cell_is_watched_by(second, "growth"));
    assert_true(ld_cell_is_watched_by(second, "second") && ld_cell_is_watched_by(second, "oracle"));
    assert_true(ld_cell_is_alike(passive, second));
    assert_false(ld_cell_is_alike(passive, cell_named(plan, "armed/healthy/none/arm=passive")));
    ld_plan_free(plan);
    ld_scenario_free(scenario);
}

static void arms_share_their_seed(void **state)
{
    (void)state;
    struct ld_scenario *alone = test_scenario(HEAD "detectors: [growth]\n"), *scenario = test_scenario(HEAD TWO_ACTIVE);
    struct ld_plan *before = test_plan(alone, &setting), *plan = test_plan(scenario, &setting);
    for (size_t i = 0; i < plan->run_count; i++) {
        const struct ld_run_plan *run = &plan->runs[i], *same = &before->runs[run->repetition];
        assert_int_equal(run->seed, same->seed);
        assert_int_equal(run->phase_ns, same->phase_ns);
        assert_true(run->load_per_second == same->load_per_second);
    }
    ld_plan_free(before);
    ld_plan_free(plan);
    ld_scenario_free(alone);
    ld_scenario_free(scenario);
}

static void the_only_arm_is_not_told_of(void **state)
{
    (void)state;
    struct ld_scenario *one = test_scenario(HEAD "detectors: [growth, goroutineleak]\n"),
                       *three = test_scenario(HEAD TWO_ACTIVE);
    struct ld_plan *without = test_plan(one, &setting), *with = test_plan(three, &setting);
    struct ld_buffer out;
    ld_buffer_init(&out, 1 << 20);
    assert_null(strstr(without->json, "arm\":"));
    assert_non_null(strstr(with->json, "\"arm\":\"passive\""));
    assert_int_equal(ld_plan_text(without, 1, &out), 0);
    assert_null(strstr(ld_buffer_text(&out), "  arms"));
    ld_buffer_clear(&out);
    assert_int_equal(ld_plan_text(with, 1, &out), 0);
    assert_non_null(strstr(ld_buffer_text(&out), "  arms, of one seed each repetition\n"
                                                 "    passive          growth, before-after\n"
                                                 "    goroutineleak    goroutineleak\n"
                                                 "    second           second\n"));
    ld_buffer_done(&out);
    ld_plan_free(without);
    ld_plan_free(with);
    ld_scenario_free(one);
    ld_scenario_free(three);
}

/* A filter that asks for one arm, and shards that deal arms out, leave whole cells. */
static void a_filter_chooses_an_arm(void **state)
{
    (void)state;
    const struct ld_plan_setting filtered = {.seed = 7, .filter = "*/arm=second"};
    struct ld_scenario *scenario = test_scenario(HEAD TWO_ACTIVE);
    struct ld_plan *whole = test_plan(scenario, &setting), *part = test_plan(scenario, &filtered);
    assert_int_equal(part->cell_count, 2);
    assert_int_equal(part->run_count, 4);
    assert_string_equal(part->hash, whole->hash);
    assert_string_equal(part->cells[0].name, "armed/leaky/none/arm=second");
    assert_int_equal(part->cells[0].arm, 2);
    ld_plan_free(whole);
    ld_plan_free(part);
    ld_scenario_free(scenario);
}

int test_arms(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arms_follow_the_active_detectors), cmocka_unit_test(an_arm_reads_what_its_detectors_need),
        cmocka_unit_test(arms_share_their_seed),            cmocka_unit_test(the_only_arm_is_not_told_of),
        cmocka_unit_test(a_filter_chooses_an_arm),
    };
    return cmocka_run_group_tests_name("arms", tests, NULL, NULL);
}
