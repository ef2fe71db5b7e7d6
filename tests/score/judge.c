#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "score/campaign.h"
#include "score/groups.h"

#define LEAKY "chan/leaky/none"
#define HEALTHY "chan/healthy/none"

static struct campaign *campaign;

static int tear_down(void **state)
{
    (void)state;
    campaign_free(campaign);
    return 0;
}

static void all_is_well(void **state)
{
    (void)state;
    campaign = campaign_new(6);
    campaign_subject_sees(campaign, LD_SECOND);
    campaign->expectation.detection.given = true;
    campaign->expectation.detection.observed = 1;
    campaign->expectation.false_alarms_given = true;
    campaign->expectation.time_given = true;
    campaign->expectation.median_ns = LD_SECOND;
    campaign->expectation.cause_right = campaign->expectation.site_observable = true;
    campaign_judge(campaign);
    assert_verdict(campaign, LD_VERDICT_PASS);
    assert_true(campaign->verdicts.calibrated);
    assert_check(campaign, "detection", LEAKY, LD_VERDICT_PASS);
    assert_null(campaign_check(campaign, "detection", HEALTHY));
    assert_check(campaign, "false alarms", LEAKY, LD_VERDICT_PASS);
    assert_check(campaign, "false alarms", HEALTHY, LD_VERDICT_PASS);
    assert_check(campaign, "median time to detect", LEAKY, LD_VERDICT_PASS);
    assert_int_equal(campaign_check(campaign, "detection", LEAKY)->line, 31);
    assert_int_equal(campaign->verdicts.row_count, 2 * DETECTORS);
    assert_string_equal(campaign->verdicts.rows[0].detector, "subject");
    assert_int_equal(campaign->verdicts.rows[0].counts[LD_OUTCOME_TP], 6);
    assert_int_equal(campaign->verdicts.rows[0].hit_runs, 6);

    campaign->expectation.median_ns = LD_SECOND - 1;
    campaign_judge(campaign);
    assert_check(campaign, "median time to detect", LEAKY, LD_VERDICT_FAIL);
    assert_verdict(campaign, LD_VERDICT_FAIL);
}

/* In a case in which nothing is asked, nobody fails. */
static void only_the_cases_that_are_named_are_judged(void **state)
{
    static const char *elsewhere[] = {"throttled"}, *here[] = {"throttled", "none"};
    (void)state;
    campaign = campaign_new(6);
    campaign->expectation.detection.given = true;
    campaign->expectation.detection.observed = 1;
    campaign->expectation.cases = (struct ld_list){.items = elsewhere, .count = 1};
    campaign_judge(campaign);
    assert_null(campaign_check(campaign, "detection", NULL));
    assert_verdict(campaign, LD_VERDICT_PASS);

    campaign->expectation.cases = (struct ld_list){.items = here, .count = 2};
    campaign_judge(campaign);
    assert_check(campaign, "detection", LEAKY, LD_VERDICT_FAIL);
    assert_verdict(campaign, LD_VERDICT_FAIL);
}

/* A filter leaves cells whose stable index is not their place in the plan any more. */
static void a_filtered_plan_is_judged_like_a_whole_one(void **state)
{
    (void)state;
    campaign = campaign_new(6);
    campaign_subject_sees(campaign, LD_SECOND);
    campaign->expectation.detection.given = true;
    campaign->expectation.detection.observed = 1;
    campaign->expectation.false_alarms_given = true;
    for (size_t i = 0; i < 2; i++)
        campaign->cells[i].index += 40;
    for (size_t i = 0; i < campaign->count; i++) {
        campaign->run_plans[i].index += 200;
        campaign->runs[i].run += 200;
    }
    campaign_judge(campaign);
    assert_verdict(campaign, LD_VERDICT_PASS);
    assert_check(campaign, "detection", LEAKY, LD_VERDICT_PASS);
    assert_check(campaign, "false alarms", HEALTHY, LD_VERDICT_PASS);
}

static void a_miss_fails_what_was_observed(void **state)
{
    (void)state;
    campaign = campaign_new(6);
    campaign_subject_sees(campaign, LD_SECOND);
    campaign->expectation.detection.given = true;
    campaign->expectation.detection.observed = 1;
    campaign->detectors[0][SUBJECT].alert_count = 0;
    campaign_judge(campaign);
    assert_check(campaign, "detection", LEAKY, LD_VERDICT_FAIL);
    campaign->expectation.detection.observed = 5.0 / 6;
    campaign_judge(campaign);
    assert_check(campaign, "detection", LEAKY, LD_VERDICT_PASS);
    campaign->expectation.detection.observed = 1;
    campaign->expectation.report_only = true;
    campaign_judge(campaign);
    assert_null(campaign_check(campaign, "detection", NULL));
    assert_verdict(campaign, LD_VERDICT_PASS);
}

static void late_is_not_in_time(void **state)
{
    (void)state;
    campaign = campaign_new(6);
    campaign_subject_sees(campaign, 2 * LD_SECOND);
    campaign->expectation.detection.given = true;
    campaign->expectation.detection.observed = 1;
    campaign->expectation.time_given = true;
    campaign->expectation.deadline_ns = LD_SECOND;
    campaign_judge(campaign);
    assert_check(campaign, "detection", LEAKY, LD_VERDICT_FAIL);
}

static void confidence_needs_its_runs(void **state)
{
    (void)state;
    campaign = campaign_new(58);
    campaign_subject_sees(campaign, LD_SECOND);
    campaign->expectation.detection.given = true;
    campaign->expectation.detection.confident = 0.95;
    campaign_judge(campaign);
    assert_check(campaign, "detection", LEAKY, LD_VERDICT_INCONCLUSIVE); /* 58 clean: too few, not a pass */
    assert_verdict(campaign, LD_VERDICT_INCONCLUSIVE);
    campaign_free(campaign);
    campaign = campaign_new(59);
    campaign_subject_sees(campaign, LD_SECOND);
    campaign->expectation.detection.given = true;
    campaign->expectation.detection.confident = 0.95;
    campaign_judge(campaign);
    assert_check(campaign, "detection", LEAKY, LD_VERDICT_PASS);
    campaign->runs[0].validity = LD_INVALID_LAG; /* an excluded leaky run is a miss of the primary rate: unproven */
    campaign_judge(campaign);
    assert_check(campaign, "detection", LEAKY, LD_VERDICT_INCONCLUSIVE);
    campaign->runs[0].validity = LD_VALID;
    campaign->detectors[0][SUBJECT].alert_count = 0;
    campaign_judge(campaign);
    assert_check(campaign, "detection", LEAKY, LD_VERDICT_FAIL);
}

/* Beside what was observed the bound is judged only where the plan has the runs for it. */
static void confidence_beside_a_count_waits_for_its_runs(void **state)
{
    (void)state;
    static const struct {
        size_t pairs, checks;
    } cases[] = {{5, 1}, {58, 1}, {59, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (i > 0)
            campaign_free(campaign);
        campaign = campaign_new(cases[i].pairs);
        campaign_subject_sees(campaign, LD_SECOND);
        campaign->expectation.detection =
            (struct ld_rate_expectation){.given = true, .observed = 1, .confident = 0.95, .at = 0.95};
        campaign_judge(campaign);
        size_t checks = 0;
        for (size_t j = 0; j < campaign->verdicts.check_count; j++)
            checks += strcmp(campaign->verdicts.checks[j].what, "detection") == 0;
        assert_int_equal(checks, cases[i].checks);
        assert_verdict(campaign, LD_VERDICT_PASS);
    }
}

static void false_alarms_count_in_both_variants(void **state)
{
    (void)state;
    campaign = campaign_new(6);
    campaign_subject_sees(campaign, LD_SECOND);
    campaign->expectation.false_alarms_given = true;
    campaign_open(campaign, 1, SUBJECT, 3 * LD_SECOND, SITE);
    campaign_judge(campaign);
    assert_check(campaign, "false alarms", LEAKY, LD_VERDICT_PASS);
    assert_check(campaign, "false alarms", HEALTHY, LD_VERDICT_FAIL);
    campaign_open(campaign, 0, SUBJECT, 9 * LD_SECOND, "shop/cache.janitor");
    campaign_judge(campaign);
    assert_check(campaign, "false alarms", LEAKY, LD_VERDICT_FAIL);
    campaign->expectation.false_alarms_at_most = 1;
    campaign_judge(campaign);
    assert_verdict(campaign, LD_VERDICT_PASS);
}

/* Alerts while a bounded hold lasts are no false alarms: only an expectation of their own can fail by them. */
static void alerts_during_holds_have_their_own_expectation(void **state)
{
    (void)state;
    campaign = campaign_new(6);
    campaign_subject_sees(campaign, LD_SECOND);
    campaign->expectation.false_alarms_given = true;
    campaign->intervals[0][0].hold = true;
    campaign_judge(campaign);
    assert_check(campaign, "false alarms", LEAKY, LD_VERDICT_PASS);
    campaign->expectation.during_holds_given = true;
    campaign_judge(campaign);
    assert_check(campaign, "false alarms", LEAKY, LD_VERDICT_PASS);
    assert_check(campaign, "alerts during holds", LEAKY, LD_VERDICT_FAIL);
    assert_check(campaign, "alerts during holds", HEALTHY, LD_VERDICT_PASS);
    campaign->expectation.during_holds_at_most = 1;
    campaign_judge(campaign);
    assert_check(campaign, "alerts during holds", LEAKY, LD_VERDICT_PASS);
}

static void quantiles_need_their_runs(void **state)
{
    (void)state;
    campaign = campaign_new(5);
    campaign_subject_sees(campaign, LD_SECOND);
    campaign->expectation.time_given = true;
    campaign->expectation.median_ns = 2 * LD_SECOND;
    campaign_judge(campaign);
    assert_check(campaign, "median time to detect", LEAKY, LD_VERDICT_INCONCLUSIVE);
    campaign_free(campaign);
    campaign = campaign_new(59);
    campaign_subject_sees(campaign, LD_SECOND);
    campaign->expectation.time_given = true;
    campaign->expectation.p95_ns = 2 * LD_SECOND;
    campaign_judge(campaign);
    assert_check(campaign, "p95 time to detect", LEAKY, LD_VERDICT_PASS);
    for (size_t i = 0; i < 8; i += 2)
        campaign->detectors[i][SUBJECT].alert_count = 0; /* 4 of 59 followed long enough and missed */
    campaign_judge(campaign);
    assert_check(campaign, "p95 time to detect", LEAKY, LD_VERDICT_FAIL);
}

static void names_are_judged_where_something_was_seen(void **state)
{
    (void)state;
    campaign = campaign_new(2);
    campaign->expectation.cause_right = campaign->expectation.site_observable = true;
    campaign_judge(campaign);
    assert_check(campaign, "cause", LEAKY, LD_VERDICT_INCONCLUSIVE);
    campaign_open(campaign, 0, SUBJECT, 7 * LD_SECOND, SITE)->cause = LD_CAUSE_TICKER_WAIT; /* the same class */
    struct ld_alert *other = campaign_open(campaign, 2, SUBJECT, 7 * LD_SECOND, "");
    campaign_judge(campaign);
    assert_check(campaign, "cause", LEAKY, LD_VERDICT_PASS);
    assert_check(campaign, "site", LEAKY, LD_VERDICT_FAIL);
    other->site = SITE;
    other->cause = LD_CAUSE_ANY;
    campaign_judge(campaign);
    assert_check(campaign, "cause", LEAKY, LD_VERDICT_FAIL);
    assert_check(campaign, "site", LEAKY, LD_VERDICT_PASS);
}

static void too_many_exclusions_are_inconclusive(void **state)
{
    (void)state;
    campaign = campaign_new(10);
    campaign->runs[0].validity = LD_INVALID_GAPS; /* 1 of 20 is 5 % */
    campaign_judge(campaign);
    assert_verdict(campaign, LD_VERDICT_PASS);
    assert_int_equal(campaign->verdicts.excluded, 1);
    campaign->runs[1].validity = LD_INVALID_GAPS;
    campaign_judge(campaign);
    assert_check(campaign, "excluded runs", "", LD_VERDICT_INCONCLUSIVE);
    assert_verdict(campaign, LD_VERDICT_INCONCLUSIVE);
    for (size_t i = 0; i < campaign->count; i++)
        campaign->runs[i].validity = LD_INVALID_HARNESS;
    campaign_judge(campaign);
    assert_verdict(campaign, LD_VERDICT_HARNESS);
}

static void a_detector_that_breaks_proves_nothing(void **state)
{
    (void)state;
    campaign = campaign_new(6);
    campaign_subject_sees(campaign, LD_SECOND);
    campaign->expectation.detection.given = true;
    campaign->expectation.detection.observed = 1;
    campaign->detectors[0][SUBJECT].failed = true;
    campaign_judge(campaign);
    assert_check(campaign, "detection", LEAKY, LD_VERDICT_INCONCLUSIVE);
}

static void an_interrupted_campaign_passes_nothing(void **state)
{
    (void)state;
    campaign = campaign_new(6);
    campaign->count -= 2;
    campaign_judge(campaign);
    assert_check(campaign, "all runs", "", LD_VERDICT_INCONCLUSIVE);
    assert_verdict(campaign, LD_VERDICT_INCONCLUSIVE);
    campaign->count = 0;
    campaign_judge(campaign);
    assert_verdict(campaign, LD_VERDICT_INCONCLUSIVE);
    assert_true(campaign->verdicts.calibrated);
}

static void leaks_that_did_not_happen_are_no_evidence(void **state)
{
    (void)state;
    campaign = campaign_new(4);
    campaign_subject_sees(campaign, LD_SECOND);
    campaign->expectation.detection.given = true;
    campaign->expectation.detection.observed = 1;
    for (size_t i = 0; i < 6; i += 2) {
        campaign->truths[i].interval_count = 0;
        for (int j = SUBJECT; j <= ORACLE_DELAY; j++)
            campaign->detectors[i][j].alert_count = 0;
    }
    campaign_judge(campaign);
    assert_check(campaign, "detection", LEAKY, LD_VERDICT_INCONCLUSIVE);
    assert_int_equal(campaign->verdicts.excluded, 0);
}

static void a_leaking_twin_voids(void **state)
{
    (void)state;
    campaign = campaign_new(4);
    campaign->truths[1].interval_count = 1;
    campaign_judge(campaign);
    assert_check(campaign, "truth of healthy runs", "", LD_VERDICT_HARNESS);
}

int test_judge(void)
{
#define THEN_FREE(test) cmocka_unit_test_teardown(test, tear_down)
    const struct CMUnitTest tests[] = {
        THEN_FREE(all_is_well),
        THEN_FREE(only_the_cases_that_are_named_are_judged),
        THEN_FREE(a_filtered_plan_is_judged_like_a_whole_one),
        THEN_FREE(a_miss_fails_what_was_observed),
        THEN_FREE(late_is_not_in_time),
        THEN_FREE(confidence_needs_its_runs),
        THEN_FREE(confidence_beside_a_count_waits_for_its_runs),
        THEN_FREE(false_alarms_count_in_both_variants),
        THEN_FREE(alerts_during_holds_have_their_own_expectation),
        THEN_FREE(quantiles_need_their_runs),
        THEN_FREE(names_are_judged_where_something_was_seen),
        THEN_FREE(too_many_exclusions_are_inconclusive),
        THEN_FREE(a_detector_that_breaks_proves_nothing),
        THEN_FREE(an_interrupted_campaign_passes_nothing),
        THEN_FREE(leaks_that_did_not_happen_are_no_evidence),
        THEN_FREE(a_leaking_twin_voids),
    };
    return cmocka_run_group_tests_name("judge", tests, NULL, NULL);
}
