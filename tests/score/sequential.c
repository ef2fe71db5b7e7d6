/* Sequential repeats: what they decide, how often wrongly, how soon, and that it does not matter
 * which run ends first. */
#include "score/sequential.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/random.h"
#include "score/campaign.h"
#include "score/groups.h"

#define PAIRS 60
#define CAMPAIGNS 10000
#define SUBJECTS 6

static const struct ld_sequential_spec spec = {
    .miss = {0.05, 0.20}, .false_alarm = {0.02, 0.15}, .alpha = 0.05, .beta = 0.05, .min = 1, .max = PAIRS};

/* The campaign's plan, repeated sequentially, its one test with the whole alpha. */
static struct campaign *sequential_campaign(const struct ld_sequential_spec *sequential)
{
    struct campaign *campaign = campaign_new(PAIRS);
    campaign->scenario.repeat.sequential = sequential;
    campaign->expectation.detection =
        (struct ld_rate_expectation){.given = true, .observed = 1, .confident = -1, .at = 0.95};
    campaign->plan.sequential_tests = 1;
    return campaign;
}

static struct ld_sequential *tests_of(const struct campaign *campaign)
{
    struct ld_sequential *sequential;
    struct ld_error error = {0};
    if (ld_sequential_new(&sequential, &campaign->plan, &error) != 0)
        fail_msg("sequential: %s", error.message);
    return sequential;
}

static const struct ld_sequential_result *only(const struct ld_sequential *sequential)
{
    size_t count;
    const struct ld_sequential_result *results = ld_sequential_results(sequential, &count);
    assert_int_equal(count, 1);
    return results;
}

/* ---- the policy */

static void goods_accept_at_the_known_run(void **state)
{
    (void)state;
    struct campaign *campaign = sequential_campaign(&spec);
    struct ld_sequential *sequential = tests_of(campaign);
    assert_true(ld_sequential_wants(sequential, 0, 17));
    assert_false(ld_sequential_wants(sequential, 0, 18)); /* 18 in hand may do */
    for (uint32_t i = 0; i < 17; i++)
        ld_sequential_feed(sequential, 0, i, LD_TRIAL_GOOD);
    assert_false(ld_sequential_is_settled(sequential, 0));
    ld_sequential_feed(sequential, 0, 17, LD_TRIAL_NONE); /* passed over: one more is wanted */
    assert_false(ld_sequential_is_settled(sequential, 0));
    assert_true(ld_sequential_wants(sequential, 0, 18));
    ld_sequential_feed(sequential, 0, 18, LD_TRIAL_GOOD);
    assert_true(ld_sequential_is_settled(sequential, 0));
    assert_false(ld_sequential_wants(sequential, 0, 19));
    ld_sequential_feed(sequential, 0, 19, LD_TRIAL_BAD); /* it was in hand: no evidence any more */
    const struct ld_sequential_result *result = only(sequential);
    assert_int_equal(result->decision, LD_SPRT_ACCEPT);
    assert_int_equal(result->trials, 18);
    assert_int_equal(result->bad, 0);
    assert_int_equal(result->passed_over, 1);
    assert_int_equal(result->ended, 20);
    assert_int_equal(result->later, 1);
    assert_false(ld_sequential_is_settled(sequential, 1)); /* the healthy cell has no test, and always goes on */
    assert_true(ld_sequential_wants(sequential, 1, 1000));
    ld_sequential_free(sequential);
    campaign_free(campaign);
}

static void a_gap_is_waited_for(void **state)
{
    (void)state;
    struct campaign *campaign = sequential_campaign(&spec);
    struct ld_sequential *sequential = tests_of(campaign);
    for (uint32_t i = 1; i < 4; i++)
        ld_sequential_feed(sequential, 0, i, LD_TRIAL_BAD);
    assert_int_equal(only(sequential)->decision, LD_SPRT_CONTINUE); /* three misses, but the first run has not ended */
    ld_sequential_feed(sequential, 0, 0, LD_TRIAL_GOOD);
    assert_int_equal(only(sequential)->decision, LD_SPRT_REJECT);
    assert_int_equal(only(sequential)->trials, 4);
    ld_sequential_free(sequential);
    campaign_free(campaign);
}

/* ---- simulated campaigns */

struct counts {
    size_t accepts, rejects, undecided;
    double trials;
};

/* One campaign's outcomes, ended in the given order; trials fit `spec`'s test. */
static struct ld_sequential_result simulate(const struct campaign *campaign, const enum ld_trial *trials,
                                            const uint32_t *arrival)
{
    struct ld_sequential *sequential = tests_of(campaign);
    for (size_t i = 0; i < PAIRS; i++)
        ld_sequential_feed(sequential, 0, arrival[i], trials[arrival[i]]);
    struct ld_sequential_result result = *only(sequential);
    ld_sequential_free(sequential);
    return result;
}

static void draw(struct ld_random *random, double bad, double none, enum ld_trial trials[PAIRS])
{
    for (size_t i = 0; i < PAIRS; i++) {
        bool is_none = ld_random_unit(random) < none, is_bad = ld_random_unit(random) < bad;
        trials[i] = is_none ? LD_TRIAL_NONE : is_bad ? LD_TRIAL_BAD : LD_TRIAL_GOOD;
    }
}

static struct counts simulate_many(const struct campaign *campaign, double rate, uint64_t seed)
{
    struct counts counts = {0};
    struct ld_random random;
    ld_random_init(&random, seed);
    for (size_t i = 0; i < CAMPAIGNS; i++) {
        enum ld_trial trials[PAIRS];
        uint32_t arrival[PAIRS];
        for (uint32_t k = 0; k < PAIRS; k++)
            arrival[k] = k;
        draw(&random, rate, 0, trials);
        ld_random_shuffle(&random, arrival, PAIRS);
        struct ld_sequential_result result = simulate(campaign, trials, arrival);
        counts.accepts += result.decision == LD_SPRT_ACCEPT;
        counts.rejects += result.decision == LD_SPRT_REJECT;
        counts.undecided += result.decision == LD_SPRT_CONTINUE;
        counts.trials += result.trials;
    }
    counts.trials /= CAMPAIGNS;
    return counts;
}

/* As often as the exact distribution says, within five standard errors. */
static void assert_share(size_t seen, double expected)
{
    double spread = 5 * sqrt(fmax(expected * (1 - expected), 1e-6) / CAMPAIGNS);
    if (fabs((double)seen / CAMPAIGNS - expected) > spread)
        fail_msg("%zu of %d, expected a share of %g", seen, CAMPAIGNS, expected);
}

static void errors_stay_within_their_bounds(void **state)
{
    static const struct {
        double rate, least_runs, most_runs; /* Wald: 28 and 19; the cap of 60 cuts a little off */
    } cases[] = {{0.05, 24, 30}, {0.20, 17, 25}};
    (void)state;
    struct campaign *campaign = sequential_campaign(&spec);
    for (size_t i = 0; i < 2; i++) {
        struct counts counts = simulate_many(campaign, cases[i].rate, 17 + i);
        struct ld_sprt_test test = {0.05, 0.20, 0.05, 0.05, 1, PAIRS};
        struct ld_sprt_expectation expected;
        assert_int_equal(ld_sprt_expect(&test, cases[i].rate, &expected), 0);
        assert_share(counts.accepts, expected.accepts);
        assert_share(counts.rejects, expected.rejects);
        assert_share(counts.undecided, expected.undecided);
        assert_true((double)(i ? counts.accepts : counts.rejects) / CAMPAIGNS < 0.05);
        if (counts.trials < cases[i].least_runs || counts.trials > cases[i].most_runs ||
            fabs(counts.trials - expected.trials) > 1)
            fail_msg("%g runs on average at %g, exactly %g", counts.trials, cases[i].rate, expected.trials);
    }
    campaign_free(campaign);
}

/* Six tests share one alpha: any of them rejects wrongly in at most 5 % of campaigns. */
static void many_tests_share_one_error(void **state)
{
    (void)state;
    struct campaign *campaign = sequential_campaign(&spec);
    struct ld_random random;
    size_t families = 0;
    uint32_t arrival[PAIRS];
    for (uint32_t k = 0; k < PAIRS; k++)
        arrival[k] = k;
    for (int share = 0; share < 2; share++) {
        families = 0;
        campaign->plan.sequential_tests = share ? SUBJECTS : 1;
        ld_random_init(&random, 5);
        for (size_t i = 0; i < CAMPAIGNS / SUBJECTS * 3; i++) {
            bool any = false;
            for (int k = 0; k < SUBJECTS; k++) {
                enum ld_trial trials[PAIRS];
                draw(&random, 0.05, 0, trials);
                any = simulate(campaign, trials, arrival).decision == LD_SPRT_REJECT || any;
            }
            families += any;
        }
        double rate = (double)families / (CAMPAIGNS / SUBJECTS * 3);
        if (share ? rate > 0.05 : rate < 0.10) /* undivided it is some 20 %: the division is what keeps it */
            fail_msg("with alpha %s %.3f of campaigns fail wrongly", share ? "divided" : "undivided", rate);
    }
    campaign_free(campaign);
}

static void arrival_decides_nothing(void **state)
{
    (void)state;
    struct campaign *campaign = sequential_campaign(&spec);
    struct ld_random random;
    ld_random_init(&random, 3);
    for (int i = 0; i < 300; i++) {
        enum ld_trial trials[PAIRS];
        uint32_t in_order[PAIRS], arrival[PAIRS];
        draw(&random, 0.12, 0.1, trials);
        for (uint32_t k = 0; k < PAIRS; k++)
            in_order[k] = arrival[k] = k;
        ld_random_shuffle(&random, arrival, PAIRS);
        struct ld_sequential_result first = simulate(campaign, trials, in_order);
        struct ld_sequential_result other = simulate(campaign, trials, arrival);
        assert_int_equal(first.decision, other.decision);
        assert_int_equal(first.trials, other.trials);
        assert_int_equal(first.bad, other.bad);
        assert_int_equal(first.passed_over, other.passed_over);
    }
    campaign_free(campaign);
}

static void nothing_is_decided_before_the_least(void **state)
{
    (void)state;
    struct ld_sequential_spec patient = spec;
    patient.min = 10;
    struct campaign *campaign = sequential_campaign(&patient);
    struct ld_sequential *sequential = tests_of(campaign);
    for (uint32_t i = 0; i < 9; i++)
        ld_sequential_feed(sequential, 0, i, LD_TRIAL_BAD);
    assert_int_equal(only(sequential)->decision, LD_SPRT_CONTINUE);
    ld_sequential_feed(sequential, 0, 9, LD_TRIAL_BAD);
    assert_int_equal(only(sequential)->decision, LD_SPRT_REJECT);
    ld_sequential_free(sequential);
    campaign_free(campaign);
}

/* ---- judged */

static void an_early_stop_passes_and_misses_no_run(void **state)
{
    (void)state;
    struct campaign *campaign = sequential_campaign(&spec);
    campaign_subject_sees(campaign, 300 * LD_MS);
    campaign->count = 2 * 20; /* 20 of 60 leaky and healthy runs; the healthy ones have no test and are missing */
    campaign_judge(campaign);
    assert_check(campaign, "detection (sequential)", "chan/leaky/none", LD_VERDICT_PASS);
    assert_null(campaign_check(campaign, "detection", NULL));
    assert_int_equal(campaign->verdicts.not_needed, 40);
    const struct ld_check *check = campaign_check(campaign, "all runs", NULL);
    assert_non_null(check);
    assert_string_equal(check->asked, "80 runs");
    assert_string_equal(check->seen, "40 ended");
    campaign->expectation.false_alarms_given = true; /* now they have */
    campaign->plan.sequential_tests = 2;
    campaign->count = 2 * 25;
    campaign_judge(campaign);
    assert_check(campaign, "false alarms (sequential)", "chan/healthy/none", LD_VERDICT_PASS);
    assert_check(campaign, "false alarms", "chan/leaky/none", LD_VERDICT_PASS);
    assert_int_equal(campaign->verdicts.not_needed, 70);
    assert_null(campaign_check(campaign, "all runs", NULL));
    assert_verdict(campaign, LD_VERDICT_PASS);
    campaign_free(campaign);
}

static void misses_reject_and_the_cap_is_inconclusive(void **state)
{
    (void)state;
    struct campaign *campaign = sequential_campaign(&spec);
    campaign->count = 2 * 10;
    campaign_judge(campaign);
    assert_check(campaign, "detection (sequential)", NULL, LD_VERDICT_FAIL);
    campaign->count = 2 * PAIRS;
    for (size_t i = 0; i < campaign->count; i += 2) /* 6 of 60 missed, spread: between what is good and what is not */
        if (i / 2 % 10 != 5)
            campaign_open(campaign, i, SUBJECT, 7 * LD_SECOND, SITE);
    campaign_judge(campaign);
    assert_check(campaign, "detection (sequential)", NULL, LD_VERDICT_INCONCLUSIVE);
    assert_string_equal(campaign_check(campaign, "detection (sequential)", NULL)->seen,
                        "not decided by 60 runs, 6 of them with a miss; 0 without evidence passed over, 0 ended later");
    assert_verdict(campaign, LD_VERDICT_INCONCLUSIVE);
    campaign_free(campaign);
}

static void a_run_without_evidence_is_replaced(void **state)
{
    (void)state;
    struct campaign *campaign = sequential_campaign(&spec);
    campaign_subject_sees(campaign, 300 * LD_MS);
    campaign->runs[0].validity = LD_INVALID_HARNESS; /* nobody was there yet */
    campaign->runs[0].detector_count = 0;
    campaign->count = 2 * 18;
    campaign_judge(campaign);
    assert_check(campaign, "detection (sequential)", NULL, LD_VERDICT_INCONCLUSIVE);
    campaign->count = 2 * 19;
    campaign_judge(campaign);
    assert_check(campaign, "detection (sequential)", NULL, LD_VERDICT_PASS);
    campaign_free(campaign);
}

/* ---- declared misses */

static void a_declared_miss_passes_and_is_told_when_found(void **state)
{
    (void)state;
    struct campaign *campaign = campaign_new(4);
    campaign->expectation.detection =
        (struct ld_rate_expectation){.given = true, .missed = true, .observed = -1, .confident = -1, .at = 0.95};
    campaign_judge(campaign);
    assert_check(campaign, "declared miss", NULL, LD_VERDICT_PASS);
    assert_false(campaign_check(campaign, "declared miss", NULL)->notable);
    campaign_open(campaign, 2, SUBJECT, 7 * LD_SECOND, SITE);
    campaign_judge(campaign);
    assert_null(campaign_check(campaign, "declared miss", NULL));
    assert_check(campaign, "declared miss found now", NULL, LD_VERDICT_PASS);
    assert_true(campaign_check(campaign, "declared miss found now", NULL)->notable);
    assert_verdict(campaign, LD_VERDICT_PASS);
    for (size_t i = 0; i < campaign->count; i += 2)
        campaign->detectors[i][SUBJECT].out_of_range = true;
    campaign_judge(campaign);
    assert_check(campaign, "declared miss", NULL, LD_VERDICT_PASS); /* what cannot be seen is not seen, as declared */
    assert_string_equal(campaign_check(campaign, "declared miss", NULL)->seen,
                        "0 of 0 found, 0 late; 4 out of its range; 0 did not manifest");
    for (size_t i = 0; i < campaign->count; i += 2)
        campaign->runs[i].validity = LD_INVALID_HARNESS;
    campaign_judge(campaign);
    assert_check(campaign, "declared miss", NULL, LD_VERDICT_INCONCLUSIVE); /* nobody looked */
    campaign_free(campaign);
}

int test_sequential(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goods_accept_at_the_known_run),
        cmocka_unit_test(a_gap_is_waited_for),
        cmocka_unit_test(errors_stay_within_their_bounds),
        cmocka_unit_test(many_tests_share_one_error),
        cmocka_unit_test(arrival_decides_nothing),
        cmocka_unit_test(nothing_is_decided_before_the_least),
        cmocka_unit_test(an_early_stop_passes_and_misses_no_run),
        cmocka_unit_test(misses_reject_and_the_cap_is_inconclusive),
        cmocka_unit_test(a_run_without_evidence_is_replaced),
        cmocka_unit_test(a_declared_miss_passes_and_is_told_when_found),
    };
    return cmocka_run_group_tests_name("sequential", tests, NULL, NULL);
}
