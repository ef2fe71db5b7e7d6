#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "score/campaign.h"
#include "score/groups.h"

static struct campaign *campaign;

static int set_up(void **state)
{
    (void)state;
    campaign = campaign_new(20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    campaign_free(campaign);
    return 0;
}

static void assert_void(const char *what)
{
    campaign_judge(campaign);
    assert_check(campaign, what, "", LD_VERDICT_HARNESS);
    assert_verdict(campaign, LD_VERDICT_HARNESS);
    assert_false(campaign->verdicts.calibrated);
}

static void known_scores_pass(void **state)
{
    (void)state;
    campaign_judge(campaign);
    assert_verdict(campaign, LD_VERDICT_PASS);
    assert_true(campaign->verdicts.calibrated);
    assert_int_equal(campaign->verdicts.check_count, 6);
}

static void an_oracle_that_misses(void **state)
{
    (void)state;
    campaign->detectors[4][ORACLE].alert_count = 0;
    assert_void("calibration: oracle");
    campaign->intervals[4][0].end_ns = 6 * LD_SECOND + 400 * LD_MS; /* too short to ask anything of it */
    campaign->intervals[4][0].end = LD_END_KILL;
    campaign->lives[4][0].to_ns = campaign->intervals[4][0].end_ns;
    campaign->detectors[4][ORACLE_DELAY].alert_count = 0;
    campaign_judge(campaign);
    assert_check(campaign, "calibration: oracle", "", LD_VERDICT_PASS);
    assert_check(campaign, "calibration: oracle-delay", "", LD_VERDICT_PASS);
}

static void an_oracle_that_cries_wolf(void **state)
{
    (void)state;
    campaign_open(campaign, 1, ORACLE, 3 * LD_SECOND, SITE);
    assert_void("calibration: oracle");
}

static void a_never_that_speaks(void **state)
{
    (void)state;
    campaign_open(campaign, 0, NEVER, 7 * LD_SECOND, SITE);
    assert_void("calibration: never");
}

static void an_always_that_is_late_silent_or_double(void **state)
{
    (void)state;
    campaign->alerts[0][ALWAYS][0].evidence_time_ns = 3 * LD_SECOND;
    assert_void("calibration: always");
    campaign->alerts[0][ALWAYS][0].evidence_time_ns = 0;
    campaign_open(campaign, 0, ALWAYS, 30 * LD_MS, "elsewhere"); /* in time, but the second */
    assert_void("calibration: always");
    campaign->detectors[0][ALWAYS].alert_count = 0;
    assert_void("calibration: always");
}

static void a_delay_that_is_not_kept(void **state)
{
    (void)state;
    campaign->alerts[0][ORACLE_DELAY][0].receipt_ns = 6 * LD_SECOND + 500 * LD_MS - 1;
    assert_void("calibration: oracle-delay");
    campaign->alerts[0][ORACLE_DELAY][0].receipt_ns = 6 * LD_SECOND + 1000 * LD_MS;
    campaign_judge(campaign);
    assert_check(campaign, "calibration: oracle-delay", "", LD_VERDICT_PASS);
    campaign->alerts[0][ORACLE_DELAY][0].receipt_ns++;
    assert_void("calibration: oracle-delay");
}

static void a_random_off_its_hazard(void **state)
{
    (void)state;
    campaign_judge(campaign);
    const struct ld_check *check = campaign_check(campaign, "calibration: random", "");
    assert_non_null(check);
    assert_non_null(strstr(check->seen, "80 alerts, 76.0 expected"));
    for (size_t i = 0; i < 32; i++)
        campaign->detectors[i][RANDOM].alert_count = 0; /* 16 of 76 */
    assert_void("calibration: random");
}

static void a_set_that_is_not_whole(void **state)
{
    (void)state;
    campaign->detectors[3][NEVER].failed = true;
    assert_void("calibration: never");
    campaign->detectors[3][NEVER].failed = false;
    campaign->runs[3].detector_count = RANDOM; /* without random */
    assert_void("calibration: random");
}

static void excluded_runs_calibrate_nothing(void **state)
{
    (void)state;
    campaign->runs[0].validity = LD_INVALID_LAG;
    campaign->detectors[0][ORACLE].alert_count = 0;
    campaign_judge(campaign);
    assert_true(campaign->verdicts.calibrated);
}

static void shuffled_truth_is_chance(void **state)
{
    (void)state;
    campaign_subject_sees(campaign, LD_SECOND);
    struct ld_arena *arena = ld_arena_new(1 << 20);
    struct ld_shuffle *rows;
    size_t count;
    assert_int_equal(ld_score_shuffle(&rows, &count, &campaign->plan, campaign->runs, campaign->count, 1, arena), 0);
    assert_int_equal(count, DETECTORS);
    assert_string_equal(rows[SUBJECT].detector, "subject");
    assert_true(fabs(rows[SUBJECT].true_difference - 1) < 1e-12); /* it sees all leaks and nothing else */
    assert_true(fabs(rows[ORACLE].true_difference - 1) < 1e-12);
    assert_true(fabs(rows[NEVER].true_difference) < 1e-12);
    assert_true(fabs(rows[ALWAYS].true_difference) < 1e-12);
    for (size_t i = 0; i < count; i++) {
        if (!rows[i].at_chance || fabs(rows[i].difference) > 0.1)
            fail_msg("%s: %g, error %g", rows[i].detector, rows[i].difference, rows[i].standard_error);
    }
    assert_true(rows[SUBJECT].standard_error > 0.001);
    ld_arena_free(arena);
}

/* 300 seeds: none may fail (at 6e-7 a row the chance of one is under 1 in 1000). */
static void chance_does_not_fail(void **state)
{
    (void)state;
    campaign_free(campaign);
    campaign = campaign_new(4);
    campaign_subject_sees(campaign, LD_SECOND);
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct ld_arena *arena = ld_arena_new(1 << 20);
        struct ld_shuffle *rows;
        size_t count;
        assert_int_equal(ld_score_shuffle(&rows, &count, &campaign->plan, campaign->runs, campaign->count, seed, arena),
                         0);
        for (size_t i = 0; i < count; i++)
            assert_true(rows[i].at_chance);
        ld_arena_free(arena);
    }
}

int test_calibration(void)
{
#define CALIBRATED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CALIBRATED(known_scores_pass),
        CALIBRATED(an_oracle_that_misses),
        CALIBRATED(an_oracle_that_cries_wolf),
        CALIBRATED(a_never_that_speaks),
        CALIBRATED(an_always_that_is_late_silent_or_double),
        CALIBRATED(a_delay_that_is_not_kept),
        CALIBRATED(a_random_off_its_hazard),
        CALIBRATED(a_set_that_is_not_whole),
        CALIBRATED(excluded_runs_calibrate_nothing),
        CALIBRATED(shuffled_truth_is_chance),
        CALIBRATED(chance_does_not_fail),
    };
    return cmocka_run_group_tests_name("calibration", tests, NULL, NULL);
}
