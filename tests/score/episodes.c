#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "score/campaign.h"
#include "score/groups.h"

static struct campaign *campaign;
static struct ld_episodes episodes;

static int set_up(void **state)
{
    (void)state;
    campaign = campaign_new(1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ld_episodes_done(&episodes);
    campaign_free(campaign);
    return 0;
}

static void q_is_scaled_and_outlasts_two_periods(void **state)
{
    (void)state;
    struct ld_scenario scenario = {.time_scale = 1, .sampling.every_ns = 250 * LD_MS};
    assert_int_equal(ld_score_quiet_ns(&scenario), 5 * LD_SECOND);
    scenario.time_scale = 20;
    assert_int_equal(ld_score_quiet_ns(&scenario), 250 * LD_MS);
    scenario.sampling.every_ns = 5 * LD_SECOND;
    assert_int_equal(ld_score_quiet_ns(&scenario), 500 * LD_MS);
}

static void make(size_t run)
{
    ld_episodes_done(&episodes);
    assert_int_equal(ld_episodes_make(&episodes, &campaign->runs[run], SUBJECT, LD_EPISODE_QUIET_NS), 0);
}

static struct ld_alert *open_at(int64_t receipt_ns, const char *site)
{
    return campaign_open(campaign, 0, SUBJECT, receipt_ns, site);
}

static void quiet_shorter_than_q_merges(void **state)
{
    (void)state;
    open_at(7 * LD_SECOND, SITE)->severity = LD_SEVERITY_AMBER;
    campaign_close(campaign, 0, SUBJECT, 8 * LD_SECOND, 1);
    open_at(8 * LD_SECOND + LD_EPISODE_QUIET_NS - 1, SITE)->severity = LD_SEVERITY_RED;
    make(0);
    assert_int_equal(episodes.count, 1);
    assert_int_equal(episodes.items[0].from_ns, 7 * LD_SECOND);
    assert_int_equal(episodes.items[0].to_ns, 20 * LD_SECOND); /* the incarnation's end closes */
    assert_int_equal(episodes.items[0].severity, LD_SEVERITY_RED);
    assert_int_equal(episodes.items[0].evidence, 1);
    assert_int_equal(episodes.items[0].interval, 0);
    assert_false(episodes.items[0].false_alarm);
    campaign->alerts[0][SUBJECT][2].receipt_ns++;
    make(0);
    assert_int_equal(episodes.count, 2);
}

static void sites_causes_and_lives_are_apart(void **state)
{
    (void)state;
    open_at(7 * LD_SECOND, SITE);
    open_at(7 * LD_SECOND, "shop/cache.janitor");
    open_at(7 * LD_SECOND, SITE)->cause = LD_CAUSE_LOCK;
    open_at(7 * LD_SECOND, SITE)->incarnation = 2;
    open_at(7 * LD_SECOND, SITE)->instance = 1;
    make(0);
    assert_int_equal(episodes.count, 5);
}

static void before_the_leak_it_is_false(void **state)
{
    (void)state;
    open_at(5 * LD_SECOND - 1, SITE); /* naming the right site does not help */
    make(0);
    assert_true(episodes.items[0].false_alarm);
    assert_false(episodes.items[0].wrong_site);
    assert_int_equal(episodes.items[0].interval, -1);
}

static void another_site_is_a_wrong_site(void **state)
{
    (void)state;
    open_at(7 * LD_SECOND, "shop/cache.janitor");
    open_at(8 * LD_SECOND, "");
    open_at(9 * LD_SECOND, "mailer.go:42");
    make(0);
    assert_int_equal(episodes.count, 3);
    assert_true(episodes.items[0].false_alarm);
    assert_true(episodes.items[0].wrong_site);
    assert_false(episodes.items[1].false_alarm); /* no site is none, not wrong */
    assert_int_equal(episodes.items[1].interval, 0);
    assert_false(episodes.items[2].false_alarm); /* the line at fault is a bonus */
    assert_int_equal(episodes.items[2].interval, 0);
}

static void in_a_healthy_run_all_is_false(void **state)
{
    (void)state;
    campaign_open(campaign, 1, SUBJECT, 7 * LD_SECOND, SITE);
    make(1);
    assert_true(episodes.items[0].false_alarm);
    assert_false(episodes.items[0].wrong_site);
}

static void during_a_hold_is_its_own_line(void **state)
{
    (void)state;
    campaign->intervals[0][0].hold = true;
    open_at(7 * LD_SECOND, SITE);
    open_at(7 * LD_SECOND, "");
    open_at(7 * LD_SECOND, "shop/cache.janitor");
    make(0);
    assert_int_equal(episodes.count, 3);
    for (size_t i = 0; i < 3; i++) {
        bool elsewhere = episodes.items[i].site[0] && episodes.items[i].first == &campaign->alerts[0][SUBJECT][2];
        assert_int_equal(episodes.items[i].during_hold, !elsewhere);
        assert_int_equal(episodes.items[i].false_alarm, elsewhere);
        assert_int_equal(episodes.items[i].wrong_site, elsewhere); /* something was held: it is not of quiet time */
        assert_int_equal(episodes.items[i].interval, -1);
    }
}

static void a_true_claim_about_the_dead_is_not_false(void **state)
{
    (void)state;
    campaign->intervals[0][0].end = LD_END_KILL;
    campaign->intervals[0][0].end_ns = campaign->lives[0][0].to_ns = 10 * LD_SECOND;
    open_at(10 * LD_SECOND + 5 * LD_MS, SITE); /* seen 5 ms before the death */
    make(0);
    assert_false(episodes.items[0].false_alarm);
    assert_int_equal(episodes.items[0].to_ns, episodes.items[0].from_ns);
    campaign->alerts[0][SUBJECT][0].evidence_time_ns = 10 * LD_SECOND;
    make(0);
    assert_true(episodes.items[0].false_alarm);
    campaign->alerts[0][SUBJECT][0].evidence_time_ns = 9 * LD_SECOND; /* old evidence excuses nothing */
    campaign->alerts[0][SUBJECT][0].receipt_ns = 12 * LD_SECOND;
    make(0);
    assert_true(episodes.items[0].false_alarm);
}

static void of_two_leaks_the_right_cause_is_explained(void **state)
{
    (void)state;
    campaign->intervals[0][1] = campaign->intervals[0][0];
    campaign->intervals[0][1].id = "i2";
    campaign->intervals[0][1].cause = LD_CAUSE_LOCK;
    campaign->truths[0].interval_count = 2;
    open_at(7 * LD_SECOND, "")->cause = LD_CAUSE_LOCK;
    make(0);
    assert_int_equal(episodes.items[0].interval, 1);
}

int test_episodes(void)
{
#define WITH_RUN(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_RUN(q_is_scaled_and_outlasts_two_periods),
        WITH_RUN(quiet_shorter_than_q_merges),
        WITH_RUN(sites_causes_and_lives_are_apart),
        WITH_RUN(before_the_leak_it_is_false),
        WITH_RUN(another_site_is_a_wrong_site),
        WITH_RUN(in_a_healthy_run_all_is_false),
        WITH_RUN(during_a_hold_is_its_own_line),
        WITH_RUN(a_true_claim_about_the_dead_is_not_false),
        WITH_RUN(of_two_leaks_the_right_cause_is_explained),
    };
    return cmocka_run_group_tests_name("episodes", tests, NULL, NULL);
}
