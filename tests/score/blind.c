/* Whether a blind campaign's detectors said the same with names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "score/campaign.h"
#include "score/groups.h"

static struct campaign *campaign;

static int tear_down(void **state)
{
    (void)state;
    campaign_free(campaign);
    return 0;
}

static void set_up(const char *text)
{
    campaign = campaign_new(6);
    campaign_subject_sees(campaign, LD_SECOND);
    for (size_t i = 0; i < campaign->count; i++)
        campaign->runs[i].detectors[SUBJECT].blind = text;
}

static void agreement_is_a_check_that_passes(void **state)
{
    (void)state;
    set_up("agrees: 1 alert");
    campaign_judge(campaign);
    assert_check(campaign, LD_CHECK_BLIND, NULL, LD_VERDICT_PASS);
    assert_string_equal(campaign_check(campaign, LD_CHECK_BLIND, NULL)->seen, "1 detector agrees in 12 runs");
    assert_verdict(campaign, LD_VERDICT_PASS);
}

static void one_difference_fails_the_campaign(void **state)
{
    (void)state;
    set_up("agrees: 1 alert");
    campaign->runs[4].detectors[SUBJECT].blind = "differs: only with names: open at observation 7 (site \"main.f\")";
    campaign->runs[7].detectors[SUBJECT].blind = "differs: it broke";
    campaign_judge(campaign);
    assert_check(campaign, LD_CHECK_BLIND, NULL, LD_VERDICT_FAIL);
    assert_string_equal(campaign_check(campaign, LD_CHECK_BLIND, NULL)->seen,
                        "subject differs in 2 of 12 runs, first in run 4: only with names: open at observation 7 (site "
                        "\"main.f\")");
    assert_string_equal(campaign_check(campaign, LD_CHECK_BLIND, NULL)->detector, "subject");
    assert_verdict(campaign, LD_VERDICT_FAIL);
}

/* Who has no twin is told of, and neither agrees nor differs. */
static void who_is_alone_is_told_of(void **state)
{
    (void)state;
    set_up("alone: leakdrill replay --sighted tells it the names");
    campaign->runs[3].detectors[ORACLE].blind = "agrees: 1 alert";
    campaign_judge(campaign);
    assert_string_equal(campaign_check(campaign, LD_CHECK_BLIND, NULL)->seen, "1 detector agrees in 1 run");
    assert_string_equal(campaign_check(campaign, LD_CHECK_BLIND_ALONE, NULL)->seen,
                        "subject, not compared in the runs: leakdrill replay --sighted tells it the names");
    assert_verdict(campaign, LD_VERDICT_PASS);
    campaign->runs[3].detectors[ORACLE].blind = NULL;
    campaign_judge(campaign);
    assert_null(campaign_check(campaign, LD_CHECK_BLIND, NULL));
    assert_non_null(campaign_check(campaign, LD_CHECK_BLIND_ALONE, NULL));
}

static void where_nobody_compared_nothing_is_checked(void **state)
{
    (void)state;
    set_up(NULL);
    campaign_judge(campaign);
    assert_null(campaign_check(campaign, LD_CHECK_BLIND, NULL));
}

/* News, not a failure: whether an edit matters is for people to judge. */
static void an_edited_program_is_news(void **state)
{
    (void)state;
    set_up(NULL);
    campaign->runs[4].detectors[SUBJECT].changed = "./mine.py is 0123 and was 4567 when the campaign began";
    campaign->runs[7].detectors[SUBJECT].changed = "./mine.py cannot be read any more";
    campaign_judge(campaign);
    const struct ld_check *check = campaign_check(campaign, LD_CHECK_PROGRAM, NULL);
    assert_non_null(check);
    assert_true(check->notable);
    assert_int_equal(check->verdict, LD_VERDICT_PASS);
    assert_string_equal(check->seen, "subject was another one in 2 of 12 runs, first in run 4: ./mine.py is 0123 and "
                                     "was 4567 when the campaign began");
    assert_verdict(campaign, LD_VERDICT_PASS);
}

/* A typo in a rule file is news too; what was there in one run is none, and a void run says nothing. */
static void what_is_asked_in_vain_is_news(void **state)
{
    static const char *typo[] = {"go_gorutines (rule TooMany)", "errors_total (rule Errors)"};
    (void)state;
    set_up(NULL);
    for (size_t i = 0; i < campaign->count; i++) {
        campaign->runs[i].detectors[SUBJECT].in_vain = typo;
        campaign->runs[i].detectors[SUBJECT].in_vain_count = i == 5 ? 1 : 2;
    }
    campaign->runs[0].validity = LD_INVALID_LAG;
    campaign->runs[0].detectors[SUBJECT].in_vain_count = 0;
    campaign_judge(campaign);
    const struct ld_check *check = campaign_check(campaign, LD_CHECK_IN_VAIN, NULL);
    assert_non_null(check);
    assert_true(check->notable);
    assert_string_equal(check->seen, "1 of its selectors matched nothing in 11 runs: go_gorutines (rule TooMany)");
    campaign->runs[3].detectors[SUBJECT].in_vain_count = 0;
    campaign_judge(campaign);
    assert_null(campaign_check(campaign, LD_CHECK_IN_VAIN, NULL));
}

/* A detector of that name in another scenario has other rules: neither answers for the other. */
static void what_is_asked_in_vain_is_news_in_each_scenario(void **state)
{
    static const char *typo[] = {"go_gorutines (rule TooMany)"}, *other_typo[] = {"errrors (rule Errors)"};
    struct ld_scenario other;
    size_t found = 0;
    (void)state;
    set_up(NULL);
    other = campaign->scenario;
    other.name = "twin";
    campaign->cells[1].scenario = &other;
    for (size_t i = 0; i < campaign->count; i++) { /* runs of the two cells in turn */
        campaign->runs[i].detectors[SUBJECT].in_vain = i % 2 ? other_typo : typo;
        campaign->runs[i].detectors[SUBJECT].in_vain_count = 1;
    }
    campaign_judge(campaign);
    for (size_t i = 0; i < campaign->verdicts.check_count; i++) {
        const struct ld_check *check = &campaign->verdicts.checks[i];
        if (strcmp(check->what, LD_CHECK_IN_VAIN) != 0)
            continue;
        assert_string_equal(check->seen, found++ == 0 ? "1 of its selectors matched nothing in 6 runs of chan: "
                                                        "go_gorutines (rule TooMany)"
                                                      : "1 of its selectors matched nothing in 6 runs of twin: errrors "
                                                        "(rule Errors)");
    }
    assert_int_equal(found, 2);
}

int test_blind(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(agreement_is_a_check_that_passes, tear_down),
        cmocka_unit_test_teardown(one_difference_fails_the_campaign, tear_down),
        cmocka_unit_test_teardown(an_edited_program_is_news, tear_down),
        cmocka_unit_test_teardown(what_is_asked_in_vain_is_news, tear_down),
        cmocka_unit_test_teardown(what_is_asked_in_vain_is_news_in_each_scenario, tear_down),
        cmocka_unit_test_teardown(who_is_alone_is_told_of, tear_down),
        cmocka_unit_test_teardown(where_nobody_compared_nothing_is_checked, tear_down),
    };
    return cmocka_run_group_tests_name("blind", tests, NULL, NULL);
}
