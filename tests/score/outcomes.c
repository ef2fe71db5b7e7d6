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
    campaign = campaign_new(1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    campaign_free(campaign);
    return 0;
}

static const struct ld_outcome *outcome_of(size_t run)
{
    campaign_judge(campaign);
    for (size_t i = 0; i < campaign->score.outcome_count; i++) {
        const struct ld_outcome *outcome = &campaign->score.outcomes[i];
        if (outcome->run == run && strcmp(outcome->detector, "subject") == 0)
            return outcome;
    }
    fail_msg("no outcome of run %zu", run);
    return NULL;
}

static void assert_outcome(enum ld_outcome_kind wanted)
{
    assert_string_equal(ld_outcome_name(outcome_of(0)->kind), ld_outcome_name(wanted));
}

static void in_time_late_and_never(void **state)
{
    (void)state;
    campaign->expectation.time_given = true;
    campaign->expectation.deadline_ns = 4 * LD_SECOND;
    assert_outcome(LD_OUTCOME_FN);
    assert_int_equal(outcome_of(0)->censored_ns, 14 * LD_SECOND);
    struct ld_alert *alert = campaign_open(campaign, 0, SUBJECT, 10 * LD_SECOND, SITE);
    assert_outcome(LD_OUTCOME_TP);
    assert_int_equal(outcome_of(0)->detect_ns, 4 * LD_SECOND);
    assert_int_equal(outcome_of(0)->from_first_ns, 5 * LD_SECOND);
    assert_int_equal(outcome_of(0)->cause, LD_CAUSE_RIGHT);
    assert_int_equal(outcome_of(0)->site, LD_SITE_RIGHT);
    assert_false(outcome_of(0)->culprit);
    alert->receipt_ns++;
    assert_outcome(LD_OUTCOME_TP_LATE);
    campaign->scenario.time_scale = 2; /* the deadline is scaled like the schedule */
    alert->receipt_ns = 8 * LD_SECOND;
    assert_outcome(LD_OUTCOME_TP);
    alert->receipt_ns++;
    assert_outcome(LD_OUTCOME_TP_LATE);
}

static void seen_before_the_mth_unit(void **state)
{
    (void)state;
    campaign_open(campaign, 0, SUBJECT, 5500 * LD_MS, "mailer.go:42")->cause = LD_CAUSE_LOCK;
    assert_outcome(LD_OUTCOME_TP);
    assert_int_equal(outcome_of(0)->detect_ns, -500 * LD_MS);
    assert_int_equal(outcome_of(0)->cause, LD_CAUSE_WRONG);
    assert_true(outcome_of(0)->culprit);
    assert_int_equal(campaign->verdicts.rows[0].time.median_ns, 0);
}

/* Said when the target was told to stop, at the end of the follow-up (20 s): about what it held then. */
static void the_farewell_is_about_the_end(void **state)
{
    (void)state;
    struct ld_alert *alert = campaign_open(campaign, 0, SUBJECT, 21 * LD_SECOND, SITE);
    alert->evidence_time_ns = 20 * LD_SECOND; /* not of the farewell: it came too late, as always */
    assert_outcome(LD_OUTCOME_FN);
    alert->evidence_time_ns = 21 * LD_SECOND;
    assert_outcome(LD_OUTCOME_TP);
    assert_int_equal(outcome_of(0)->detect_ns, 15 * LD_SECOND); /* the time goes on */
    alert->receipt_ns = 25 * LD_SECOND;
    alert->evidence_time_ns = 23 * LD_SECOND;
    assert_outcome(LD_OUTCOME_TP);
    campaign->intervals[0][0].end = LD_END_KILL; /* what was let go of before is not reported */
    campaign->intervals[0][0].end_ns = 19 * LD_SECOND;
    assert_outcome(LD_OUTCOME_FN);
}

/* What read the source knew it before, at whichever instance, and has no time; beside the truth it is false. */
static void a_finding_has_no_time(void **state)
{
    (void)state;
    campaign->expectation.time_given = true;
    campaign->expectation.deadline_ns = LD_SECOND;
    struct ld_alert *alert = campaign_open(campaign, 0, SUBJECT, 10 * LD_MS, SITE);
    alert->instance = 7;
    alert->incarnation = 0;
    alert->evidence = 0;
    assert_outcome(LD_OUTCOME_FN); /* of one with a time it came too early, and of another instance */
    campaign->detectors[0][SUBJECT].timeless = true;
    assert_outcome(LD_OUTCOME_TP);
    assert_int_equal(outcome_of(0)->site, LD_SITE_RIGHT);
    assert_true(outcome_of(0)->timeless);
    assert_int_equal(outcome_of(0)->detect_ns, -1);
    assert_int_equal(campaign->verdicts.rows[0].time.n, 0);
    assert_true(campaign->verdicts.rows[0].timeless);
    for (size_t i = 0; i < campaign->score.detector_run_count; i++)
        if (campaign->score.detector_runs[i].run == 0 &&
            strcmp(campaign->score.detector_runs[i].detector, "subject") == 0)
            assert_true(campaign->score.detector_runs[i].quiet_seconds <= 0 &&
                        campaign->score.detector_runs[i].false_alarms == 0);
    alert->site = "shop/mail.elsewhere";
    assert_outcome(LD_OUTCOME_FN);
    campaign->intervals[0][0].end_ns = campaign->intervals[0][0].manifest_ns + 1; /* however short it was */
    campaign->intervals[0][0].end = LD_END_CURED;
    assert_outcome(LD_OUTCOME_FN);
    assert_int_equal(outcome_of(0)->site, LD_SITE_WRONG);
}

static void an_alert_from_before_detects_nothing(void **state)
{
    (void)state;
    campaign_open(campaign, 0, SUBJECT, 4 * LD_SECOND, SITE); /* open since before the onset */
    campaign_open(campaign, 0, SUBJECT, 7 * LD_SECOND, SITE); /* and the same again: no news */
    assert_outcome(LD_OUTCOME_FN);
}

static void a_wrong_site_detects_nothing(void **state)
{
    (void)state;
    campaign_open(campaign, 0, SUBJECT, 7 * LD_SECOND, "shop/cache.janitor");
    assert_outcome(LD_OUTCOME_FN);
    assert_int_equal(outcome_of(0)->site, LD_SITE_WRONG);
    assert_int_equal(campaign->verdicts.rows[0].wrong_site, 1);
}

static void not_manifested_is_no_miss(void **state)
{
    (void)state;
    campaign->intervals[0][0].manifest_ns = -1;
    assert_outcome(LD_OUTCOME_NOT_MANIFESTED);
    campaign->intervals[0][0].manifest_ns = 6 * LD_SECOND;
    campaign->intervals[0][0].confirmed = 2; /* the look from outside saw fewer than M */
    assert_outcome(LD_OUTCOME_NOT_MANIFESTED);
    campaign->intervals[0][0].confirmed = -1;
    assert_outcome(LD_OUTCOME_FN);
    assert_string_equal(ld_outcome_name(outcome_of(1)->kind), "NOT_MANIFESTED");
    assert_int_equal(outcome_of(1)->interval, -1);
}

static void kills_censor_and_deaths_do_not(void **state)
{
    (void)state;
    struct ld_truth_interval *interval = &campaign->intervals[0][0];
    campaign->expectation.time_given = true;
    campaign->expectation.deadline_ns = 4 * LD_SECOND;
    interval->end = LD_END_KILL;
    interval->end_ns = 9 * LD_SECOND;
    assert_outcome(LD_OUTCOME_FN); /* before the deadline: it could have spoken, and did not */
    assert_int_equal(outcome_of(0)->censored_ns, 3 * LD_SECOND);
    interval->end_ns = 6 * LD_SECOND + 250 * LD_MS - 1; /* no look is sure to fall into it */
    assert_outcome(LD_OUTCOME_OUT_OF_RANGE);
    assert_int_equal(outcome_of(0)->censored_ns, 250 * LD_MS - 1);
    interval->end = LD_END_DEATH;
    assert_outcome(LD_OUTCOME_FN); /* the leak killed it first: a miss */
    assert_int_equal(outcome_of(0)->censored_ns, 14 * LD_SECOND);
}

static int64_t two_seconds(const struct ld_detector_setting *setting)
{
    return (int64_t)(2e9 / setting->time_scale);
}

static const struct ld_detector_kind windowed = {
    .name = "growth", .type = LD_DETECTOR_BUILTIN, .window_ns = two_seconds};
static const struct ld_detector_kind foreign = {.name = "exec", .type = LD_DETECTOR_EXEC};
static const struct ld_detector_kind hosted = {.name = "prometheus", .type = LD_DETECTOR_WEBHOOK};
static const struct ld_detector_kind told = {.name = "exec", .type = LD_DETECTOR_EXEC, .window_ns = two_seconds};

static void end_after(int64_t follow_up_ns)
{
    for (size_t run = 0; run < campaign->count; run += 2) {
        campaign->intervals[run][0].end = LD_END_KILL;
        campaign->intervals[run][0].end_ns = campaign->intervals[run][0].manifest_ns + follow_up_ns;
    }
}

/* One run of two sees the leak, both for as long: both are evidence, or neither is. */
static void what_counts_is_decided_before_alerts_are_looked_at(void **state)
{
    (void)state;
    campaign_free(campaign);
    campaign = campaign_new(2);
    campaign->subject.kind = &windowed;
    campaign->expectation.time_given = true;
    campaign->expectation.deadline_ns = 8 * LD_SECOND;
    campaign_open(campaign, 0, SUBJECT, 7 * LD_SECOND, SITE);
    end_after(2250 * LD_MS);
    assert_outcome(LD_OUTCOME_TP);
    assert_false(outcome_of(0)->seen_anyway);
    assert_string_equal(ld_outcome_name(outcome_of(2)->kind), "FN");
    assert_int_equal(campaign->verdicts.rows[0].evident_runs, 2);
    end_after(2250 * LD_MS - 1);
    assert_outcome(LD_OUTCOME_OUT_OF_RANGE);
    assert_true(outcome_of(0)->seen_anyway);
    assert_string_equal(ld_outcome_name(outcome_of(2)->kind), "OUT_OF_RANGE");
    const struct ld_board_row *row = &campaign->verdicts.rows[0];
    assert_int_equal(row->counts[LD_OUTCOME_OUT_OF_RANGE], 2);
    assert_int_equal(row->evident_runs + row->hit_runs + row->cause_right + row->site_right, 0);
    assert_int_equal(row->time.n, 2); /* their times are still known: one event, one censored */
    assert_int_equal(row->time.events, 1);
    assert_int_equal(row->time.median_ns, LD_SECOND);
    assert_int_equal(row->from_first.median_ns, 2 * LD_SECOND);
    campaign->scenario.time_scale = 2; /* a window is scaled, and so is the period */
    assert_outcome(LD_OUTCOME_TP);
}

/* Of what nobody knows how long it looks the deadline says when it must have spoken. */
static void an_unknown_window_is_the_deadline(void **state)
{
    (void)state;
    campaign_open(campaign, 0, SUBJECT, 7 * LD_SECOND, SITE);
    end_after(4 * LD_SECOND - 1);
    campaign->subject.kind = &foreign;
    assert_outcome(LD_OUTCOME_TP); /* none given: a single period */
    campaign->expectation.time_given = true;
    campaign->expectation.deadline_ns = 4 * LD_SECOND;
    assert_outcome(LD_OUTCOME_OUT_OF_RANGE);
    campaign->subject.kind = &hosted;
    assert_outcome(LD_OUTCOME_OUT_OF_RANGE);
    end_after(4 * LD_SECOND);
    assert_outcome(LD_OUTCOME_TP);
    end_after(2250 * LD_MS);
    campaign->subject.kind = &told;
    assert_outcome(LD_OUTCOME_TP);
}

static void every_incarnation_is_scored(void **state)
{
    (void)state;
    struct ld_truth_interval *interval = campaign->intervals[0];
    interval[1] = interval[0];
    interval[0].end = LD_END_KILL;
    interval[0].end_ns = campaign->lives[0][0].to_ns = 10 * LD_SECOND;
    interval[1].incarnation = 2;
    interval[1].first_ns = interval[1].manifest_ns = 12 * LD_SECOND;
    campaign->truths[0].interval_count = 2;
    campaign->lives[0][1] = (struct ld_life_span){.incarnation = 2, .from_ns = 11 * LD_SECOND, .to_ns = 20 * LD_SECOND};
    campaign->runs[0].life_count = 2;
    campaign_open(campaign, 0, SUBJECT, 7 * LD_SECOND, SITE);
    campaign_judge(campaign);
    const struct ld_board_row *row = &campaign->verdicts.rows[0];
    assert_int_equal(row->manifested, 2);
    assert_int_equal(row->counts[LD_OUTCOME_TP], 1);
    assert_int_equal(row->counts[LD_OUTCOME_FN], 1);
    assert_int_equal(row->evident_runs, 1);
    assert_int_equal(row->hit_runs, 0); /* not all of it */
    assert_true(fabs(row->quiet_hours * 3600 - (4 + 1)) < 1e-9); /* 1..5 s and 11..12 s */
}

static void without_evidence(void **state)
{
    (void)state;
    campaign->detectors[0][SUBJECT].failed = true;
    assert_outcome(LD_OUTCOME_DETECTOR_ERROR);
    campaign->detectors[0][SUBJECT].failed = false;
    campaign->detectors[0][SUBJECT].out_of_range = true;
    assert_outcome(LD_OUTCOME_OUT_OF_RANGE);
    assert_int_equal(campaign->verdicts.rows[0].time.n, 0); /* it was never at risk of seeing it */
    campaign->runs[0].validity = LD_INVALID_LAG;
    assert_outcome(LD_OUTCOME_HARNESS_ERROR);
    campaign->runs[0].validity = LD_INVALID_FAULT;
    assert_outcome(LD_OUTCOME_FAULT_NOT_EFFECTIVE);
}

static void unknown_is_not_healthy(void **state)
{
    (void)state;
    campaign_open(campaign, 1, SUBJECT, 4 * LD_SECOND, "")->action = LD_ALERT_UNKNOWN;
    campaign_open(campaign, 1, SUBJECT, 6 * LD_SECOND, "")->action = LD_ALERT_KNOWN;
    campaign_open(campaign, 1, SUBJECT, 18 * LD_SECOND, "")->action = LD_ALERT_UNKNOWN;
    campaign_judge(campaign);
    for (size_t i = 0; i < campaign->score.detector_run_count; i++) {
        const struct ld_detector_run *row = &campaign->score.detector_runs[i];
        if (strcmp(row->detector, "subject") != 0)
            continue;
        double unknown = row->run == 1 ? 4 : 0, quiet = row->run == 1 ? 15 : 4;
        if (fabs(row->unknown_seconds - unknown) > 1e-9 || fabs(row->quiet_seconds - quiet) > 1e-9)
            fail_msg("run %u: unknown %g (wanted %g), quiet %g (wanted %g)", row->run, row->unknown_seconds, unknown,
                     row->quiet_seconds, quiet);
        assert_false(row->alerted);
    }
}

/* Blind from 4 s; the program ends at 8 s, the next begins at 10 s, seen from 13 s on. */
static void who_is_blind_stays_so_in_the_next_life(void **state)
{
    (void)state;
    struct ld_run_record *run = &campaign->runs[1];
    campaign->lives[1][0].to_ns = 8 * LD_SECOND;
    campaign->lives[1][1] = (struct ld_life_span){.incarnation = 2, .from_ns = 10 * LD_SECOND, .to_ns = 20 * LD_SECOND};
    run->life_count = 2;
    campaign_open(campaign, 1, SUBJECT, 4 * LD_SECOND, "")->action = LD_ALERT_UNKNOWN;
    struct ld_alert *known = campaign_open(campaign, 1, SUBJECT, 13 * LD_SECOND, "");
    known->action = LD_ALERT_KNOWN;
    known->incarnation = 2;
    campaign_judge(campaign);
    for (size_t i = 0; i < campaign->score.detector_run_count; i++) {
        const struct ld_detector_run *row = &campaign->score.detector_runs[i];
        if (strcmp(row->detector, "subject") != 0 || row->run != 1)
            continue;
        if (fabs(row->unknown_seconds - 7) > 1e-9 || fabs(row->quiet_seconds - 10) > 1e-9)
            fail_msg("unknown %g (wanted 7), quiet %g (wanted 10)", row->unknown_seconds, row->quiet_seconds);
        return;
    }
    fail_msg("the subject has no row");
}

static const struct ld_detector_run *line_of(uint32_t run)
{
    for (size_t i = 0; i < campaign->score.detector_run_count; i++)
        if (campaign->score.detector_runs[i].run == run &&
            strcmp(campaign->score.detector_runs[i].detector, "subject") == 0)
            return &campaign->score.detector_runs[i];
    fail_msg("the subject has no row in run %u", run);
    return NULL;
}

static void assert_seconds(double seen, double wanted)
{
    if (fabs(seen - wanted) > 1e-9)
        fail_msg("%g seconds, wanted %g", seen, wanted);
}

/* Run 1 holds something from 5 to 9 s and from 8 to 12 s; run 0 from 3 to 7 s, and leaks from 5 s on. */
static void a_hold_is_no_quiet_time(void **state)
{
    (void)state;
    struct ld_truth_interval *healthy = campaign->intervals[1], *leaky = campaign->intervals[0];
    healthy[0].hold = true;
    healthy[0].end_ns = 9 * LD_SECOND;
    healthy[1] = healthy[0];
    healthy[1].first_ns = 8 * LD_SECOND;
    healthy[1].end_ns = 12 * LD_SECOND;
    campaign->truths[1].interval_count = 2;
    leaky[1] = healthy[0];
    leaky[1].first_ns = 3 * LD_SECOND;
    leaky[1].end_ns = 7 * LD_SECOND;
    campaign->truths[0].interval_count = 2;
    campaign_open(campaign, 1, SUBJECT, 6 * LD_SECOND, ""); /* in a hold */
    campaign_open(campaign, 1, SUBJECT, 6 * LD_SECOND, "shop/cache.janitor"); /* false, and not in quiet time */
    campaign_open(campaign, 1, SUBJECT, 15 * LD_SECOND, "shop/feed.poll");
    campaign_judge(campaign);
    assert_seconds(line_of(1)->quiet_seconds, 19 - 7);
    assert_seconds(line_of(1)->hold_seconds, 7);
    assert_int_equal(line_of(1)->during_hold, 1);
    assert_int_equal(line_of(1)->false_alarms, 2);
    assert_int_equal(line_of(1)->wrong_site, 1);
    assert_seconds(line_of(0)->quiet_seconds, 2);
    assert_seconds(line_of(0)->hold_seconds, 2);
    campaign_open(campaign, 1, SUBJECT, 16 * LD_SECOND, "")->action = LD_ALERT_UNKNOWN; /* by receipt: the last */
    campaign_judge(campaign);
    assert_seconds(line_of(1)->quiet_seconds, 19 - 7 - 4);
    assert_seconds(line_of(1)->unknown_seconds, 4);
    double held = 0;
    for (size_t i = 0; i < campaign->verdicts.row_count; i++)
        if (strcmp(campaign->verdicts.rows[i].detector, "subject") == 0)
            held += campaign->verdicts.rows[i].hold_hours * 3600;
    assert_seconds(held, 7 + 2);
}

static void a_stranger_is_refused(void **state)
{
    (void)state;
    campaign->runs[1].run = 99;
    struct ld_score score;
    struct ld_error error;
    assert_int_equal(ld_score_runs(&score, &campaign->plan, campaign->runs, 2, &error), LD_ESPEC);
}

static void names_come_back(void **state)
{
    (void)state;
    for (int i = 0; i < LD_OUTCOME_COUNT; i++)
        assert_int_equal(ld_outcome_find(ld_outcome_name((enum ld_outcome_kind)i)), i);
    for (int i = LD_VALID; i <= LD_INVALID_FAULT; i++)
        assert_int_equal(ld_validity_find(ld_validity_name((enum ld_validity)i)), i);
    assert_int_equal(ld_outcome_find("tp"), -1);
    assert_int_equal(ld_validity_find(""), -1);
    assert_true(ld_outcome_is_evidence(LD_OUTCOME_FN));
    assert_false(ld_outcome_is_evidence(LD_OUTCOME_OUT_OF_RANGE));
    assert_int_equal(ld_verdict_exit(LD_VERDICT_PASS), 0);
    assert_int_equal(ld_verdict_exit(LD_VERDICT_FAIL), 1);
    assert_int_equal(ld_verdict_exit(LD_VERDICT_HARNESS), 3);
    assert_int_equal(ld_verdict_exit(LD_VERDICT_INCONCLUSIVE), 5);
}

int test_outcomes(void)
{
#define WITH_RUNS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_RUNS(in_time_late_and_never),
        WITH_RUNS(seen_before_the_mth_unit),
        WITH_RUNS(the_farewell_is_about_the_end),
        WITH_RUNS(a_finding_has_no_time),
        WITH_RUNS(an_alert_from_before_detects_nothing),
        WITH_RUNS(a_wrong_site_detects_nothing),
        WITH_RUNS(not_manifested_is_no_miss),
        WITH_RUNS(kills_censor_and_deaths_do_not),
        WITH_RUNS(what_counts_is_decided_before_alerts_are_looked_at),
        WITH_RUNS(an_unknown_window_is_the_deadline),
        WITH_RUNS(every_incarnation_is_scored),
        WITH_RUNS(without_evidence),
        WITH_RUNS(unknown_is_not_healthy),
        WITH_RUNS(who_is_blind_stays_so_in_the_next_life),
        WITH_RUNS(a_hold_is_no_quiet_time),
        WITH_RUNS(a_stranger_is_refused),
        cmocka_unit_test(names_come_back),
    };
    return cmocka_run_group_tests_name("outcomes", tests, NULL, NULL);
}
