#include "score/regress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "detect/detector.h"
#include "detect/exec.h"
#include "score/campaign.h"
#include "score/groups.h"
#include "score/regressing.h"

#define PAIRS 8

static struct campaign *before, *now;
static struct ld_baseline old, new; /* of the last comparison */

static int set_up(void **state)
{
    (void)state;
    before = campaign_new(PAIRS);
    now = campaign_new(PAIRS);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    campaign_free(before);
    campaign_free(now);
    ld_baseline_done(&old);
    ld_baseline_done(&new);
    return 0;
}

static struct ld_baseline baseline_of(struct campaign *campaign)
{
    struct ld_baseline baseline;
    struct ld_error error = {0};
    campaign_judge(campaign);
    if (ld_baseline_make(&baseline, &campaign->plan, &campaign->score, &campaign->verdicts, &error) != 0)
        fail_msg("baseline: %s", error.message);
    return baseline;
}

static struct ld_regressions regress(void)
{
    struct ld_regressions regressions;
    struct ld_error error = {0};
    ld_baseline_done(&old);
    ld_baseline_done(&new);
    old = baseline_of(before);
    new = baseline_of(now);
    if (ld_regress(&regressions, &old, &new, &now->plan, "", &error) != 0)
        fail_msg("regress: %s", error.message);
    return regressions;
}

/* As if this campaign were the rerun. */
static void run_again(struct ld_regressions *regressions, struct campaign *campaign)
{
    struct ld_error error = {0};
    struct ld_baseline again = baseline_of(campaign);
    if (ld_regressions_confirm(regressions, &old, &new, &again, &now->plan, &error) != 0)
        fail_msg("confirm: %s", error.message);
    ld_baseline_done(&again);
}

static void assert_rerun(const struct ld_regression *item, enum ld_rerun wanted)
{
    if (item->rerun != wanted)
        fail_msg("%s, wanted %s: %s", ld_rerun_name(item->rerun), ld_rerun_name(wanted), item->text);
}

static void assert_only(const struct ld_regressions *regressions, enum ld_regression_kind kind, bool worse,
                        const char *cell, const char *text)
{
    assert_int_equal(regressions->count, 1);
    assert_string_equal(ld_regression_name(regressions->items[0].kind), ld_regression_name(kind));
    assert_int_equal(regressions->items[0].worse, worse);
    assert_string_equal(regressions->items[0].cell, cell);
    assert_string_equal(regressions->items[0].detector, "subject");
    assert_string_equal(regressions->items[0].text, text);
}

static void what_is_alike_is_no_regression(void **state)
{
    (void)state;
    campaign_subject_sees(before, LD_SECOND);
    campaign_subject_sees(now, LD_SECOND);
    struct ld_regressions regressions = regress();
    assert_int_equal(regressions.count, 0);
    assert_false(ld_regressions_fail(&regressions));
    ld_regressions_done(&regressions);
}

static void a_baseline_keeps_no_calibration(void **state)
{
    (void)state;
    campaign_subject_sees(before, LD_SECOND);
    before->alerts[0][SUBJECT][0].receipt_ns = 0;
    before->detectors[0][SUBJECT].alert_count = 0; /* one miss, followed for 14 s */
    campaign_open(before, 1, SUBJECT, 9 * LD_SECOND, SITE);
    struct ld_baseline baseline = baseline_of(before);
    assert_int_equal(baseline.row_count, 2);
    assert_string_equal(baseline.rows[0].cell, "chan/leaky/none");
    assert_string_equal(baseline.rows[0].scenario, "chan");
    assert_int_equal(baseline.rows[0].leaks, PAIRS);
    assert_int_equal(baseline.rows[0].seen, PAIRS - 1);
    assert_int_equal(baseline.rows[0].time_count, PAIRS);
    assert_int_equal(baseline.rows[0].times[0].time_ns, 14 * LD_SECOND);
    assert_false(baseline.rows[0].times[0].event);
    assert_int_equal(baseline.rows[0].times[1].time_ns, LD_SECOND);
    assert_int_equal(baseline.rows[1].runs, PAIRS);
    assert_int_equal(baseline.rows[1].leaks, 0);
    assert_int_equal(baseline.rows[1].false_alarm_runs, 1);
    ld_baseline_done(&baseline);
}

/* What cries in void runs alone is no more than the valid runs there are. */
static void void_runs_do_not_count(void **state)
{
    (void)state;
    for (size_t i = 1; i < 2 * PAIRS; i += 2) {
        before->runs[i].validity = LD_INVALID_LAG;
        campaign_open(before, i, SUBJECT, 9 * LD_SECOND, SITE);
    }
    struct ld_baseline baseline = baseline_of(before);
    assert_int_equal(baseline.rows[1].runs, 0);
    assert_int_equal(baseline.rows[1].false_alarm_runs, 0);
    ld_baseline_done(&baseline);
}

static void see_no_more(struct campaign *campaign, size_t runs)
{
    for (size_t i = 0; i < runs; i++)
        campaign->detectors[2 * i][SUBJECT].alert_count = 0;
}

static void a_lost_leak_waits_for_the_rerun(void **state)
{
    (void)state;
    campaign_subject_sees(before, LD_SECOND);
    campaign_subject_sees(now, LD_SECOND);
    now->detectors[4][SUBJECT].alert_count = 0;
    struct ld_regressions regressions = regress();
    assert_only(&regressions, LD_REGRESSION_LOST, true, "chan/leaky/none",
                "saw 7 of 8 leaks, in the baseline 8 of 8; missed in run 4");
    assert_false(ld_regressions_fail(&regressions));
    assert_true(ld_regressions_open(&regressions)); /* nothing ran again yet */
    run_again(&regressions, before);
    assert_string_equal(regressions.items[0].text,
                        "saw 7 of 8 leaks, in the baseline 8 of 8; missed in run 4; run again: 8 of 8");
    assert_rerun(&regressions.items[0], LD_RERUN_NOT_AGAIN);
    assert_false(ld_regressions_fail(&regressions) || ld_regressions_open(&regressions));
    ld_regressions_done(&regressions);
}

/* To be worse twice is not enough, nor is to be unlikely by itself: it must be so among all that was compared. */
static void a_loss_must_be_beyond_chance(void **state)
{
    static const struct {
        size_t missed, comparisons;
        enum ld_rerun rerun;
        const char *text;
    } cases[] = {
        {1, 1, LD_RERUN_CHANCE, "; run again: 7 of 8; together p = 0.43, which can be chance among 1 comparison"},
        {4, 1, LD_RERUN_CONFIRMED, "; run again: 4 of 8; together p = 0.017, beyond chance among 1 comparison"},
        {4, 4, LD_RERUN_CHANCE, "; run again: 4 of 8; together p = 0.017, which can be chance among 4 comparisons"},
        {6, 50000, LD_RERUN_OPEN,
         "; run again: 2 of 8; together p = 0.00067, which can be chance among 50000 comparisons"
         ": so few runs cannot tell"},
        {8, 50, LD_RERUN_CONFIRMED, "; run again: 0 of 8; together p = 1.4e-06, beyond chance among 50 comparisons"},
    };
    (void)state;
    campaign_subject_sees(before, LD_SECOND);
    campaign_subject_sees(now, LD_SECOND);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        see_no_more(now, cases[i].missed);
        struct ld_regressions regressions = regress();
        assert_int_equal(regressions.items[0].kind, LD_REGRESSION_LOST);
        for (size_t j = 1; j < regressions.count; j++)
            regressions.items[j].worse = false; /* slower, too */
        regressions.comparisons = cases[i].comparisons;
        run_again(&regressions, now);
        assert_rerun(&regressions.items[0], cases[i].rerun);
        if (!strstr(regressions.items[0].text, cases[i].text))
            fail_msg("\"%s\" is not in \"%s\"", cases[i].text, regressions.items[0].text);
        assert_int_equal(ld_regressions_open(&regressions), cases[i].rerun == LD_RERUN_OPEN);
        assert_int_equal(ld_regressions_fail(&regressions), cases[i].rerun == LD_RERUN_CONFIRMED);
        ld_regressions_done(&regressions);
    }
}

/* Many that are each as likely as one in a hundred are, all together, not chance at all. */
static void many_losses_help_each_other(void **state)
{
    (void)state;
    campaign_subject_sees(before, LD_SECOND);
    campaign_open(before, 1, SUBJECT, 9 * LD_SECOND, SITE);
    for (size_t i = 0; i < 4; i++)
        campaign_open(now, 2 * i, SUBJECT, 7 * LD_SECOND, SITE);
    for (size_t i = 0; i < PAIRS - 1; i++)
        campaign_open(now, 2 * i + 1, SUBJECT, 9 * LD_SECOND, SITE);
    struct ld_regressions regressions = regress();
    regressions.comparisons = 4; /* 0.0125 for the first, 0.025 for two, 0.0375 for three */
    run_again(&regressions, now);
    for (size_t i = 0; i < regressions.count; i++)
        assert_rerun(&regressions.items[i], LD_RERUN_CONFIRMED);
    ld_regressions_done(&regressions);
}

/* A rerun that says nothing confirms nothing, and dismisses nothing. */
static void a_void_rerun_leaves_it_open(void **state)
{
    (void)state;
    campaign_subject_sees(before, LD_SECOND);
    struct ld_regressions regressions = regress();
    struct ld_error error = {0};
    const struct ld_baseline nothing = {0};
    assert_int_equal(ld_regressions_confirm(&regressions, &old, &new, &nothing, &now->plan, &error), 0);
    assert_rerun(&regressions.items[0], LD_RERUN_NONE);
    assert_true(ld_regressions_open(&regressions));
    assert_false(ld_regressions_fail(&regressions));
    ld_regressions_done(&regressions);
}

/* Only the cells of what is worse, and as often as a total loss needs to be beyond chance. */
static void what_is_worse_runs_again_and_nothing_else(void **state)
{
    (void)state;
    struct ld_error error = {0};
    const char *const *cells;
    campaign_subject_sees(before, LD_SECOND);
    campaign_open(before, 1, SUBJECT, 9 * LD_SECOND, SITE); /* quiet now: better */
    struct ld_regressions regressions = regress();
    assert_int_equal(ld_regressions_cells(&regressions, &old, &new, &cells, &error), 0);
    assert_string_equal(cells[0], "chan/leaky/none");
    assert_null(cells[1]);
    assert_int_equal(ld_regressions_reruns(&regressions), LD_REGRESS_RERUNS);
    regressions.items[0].before.runs = regressions.items[0].now.runs = regressions.items[0].now.bad = 1;
    regressions.comparisons = 1; /* 1/(n + 2) <= 0.05 */
    assert_int_equal(ld_regressions_reruns(&regressions), 18);
    regressions.comparisons = 100;
    assert_int_equal(ld_regressions_reruns(&regressions), LD_REGRESS_RERUNS_MAX);
    ld_regressions_done(&regressions);
}

static void rarer_needs_significance(void **state)
{
    (void)state;
    for (size_t i = 0; i < PAIRS - 1; i++) /* seven of eight then */
        campaign_open(before, 2 * i, SUBJECT, 7 * LD_SECOND, SITE);
    for (size_t i = 0; i < 4; i++) /* four now: Fisher's p is 0.14 */
        campaign_open(now, 2 * i, SUBJECT, 7 * LD_SECOND, SITE);
    struct ld_regressions regressions = regress();
    for (size_t i = 0; i < regressions.count; i++)
        assert_int_not_equal(regressions.items[i].kind, LD_REGRESSION_RARER);
    ld_regressions_done(&regressions);
    see_no_more(now, 3); /* one: 0.005 */
    regressions = regress();
    assert_int_equal(regressions.items[0].kind, LD_REGRESSION_RARER);
    run_again(&regressions, now);
    assert_rerun(&regressions.items[0], LD_RERUN_CONFIRMED);
    ld_regressions_done(&regressions);
    regressions = regress();
    run_again(&regressions, before);
    assert_rerun(&regressions.items[0], LD_RERUN_NOT_AGAIN);
    assert_false(ld_regressions_open(&regressions));
    ld_regressions_done(&regressions);
}

static void what_is_found_now_does_not_fail(void **state)
{
    (void)state;
    campaign_open(now, 0, SUBJECT, 7 * LD_SECOND, SITE);
    struct ld_regressions regressions = regress();
    assert_only(&regressions, LD_REGRESSION_FOUND, false, "chan/leaky/none",
                "saw 1 of 8 leaks, in the baseline 0 of 8");
    ld_regressions_done(&regressions);
}

static void a_new_false_alarm_fails_and_a_gone_one_does_not(void **state)
{
    (void)state;
    campaign_open(now, 1, SUBJECT, 9 * LD_SECOND, SITE);
    struct ld_regressions regressions = regress();
    assert_only(&regressions, LD_REGRESSION_FALSE_ALARM, true, "chan/healthy/none",
                "false alarms in 1 of 8 runs, in the baseline 0 of 8; the first at " SITE);
    ld_regressions_done(&regressions);
    campaign_open(before, 3, SUBJECT, 9 * LD_SECOND, SITE);
    now->detectors[1][SUBJECT].alert_count = 0;
    regressions = regress();
    assert_only(&regressions, LD_REGRESSION_QUIET, false, "chan/healthy/none",
                "false alarms in 0 of 8 runs, in the baseline 1 of 8");
    ld_regressions_done(&regressions);
}

/* It had them all along, and now has many more; and the other way round. */
static void more_false_alarms_than_before_are_told(void **state)
{
    (void)state;
    campaign_open(before, 1, SUBJECT, 9 * LD_SECOND, SITE);
    for (size_t i = 0; i < 4; i++)
        campaign_open(now, 2 * i + 1, SUBJECT, 9 * LD_SECOND, SITE);
    struct ld_regressions regressions = regress();
    assert_int_equal(regressions.count, 0); /* 4 of 8 after 1 of 8: p is 0.14 */
    ld_regressions_done(&regressions);
    for (size_t i = 4; i < PAIRS; i++)
        campaign_open(now, 2 * i + 1, SUBJECT, 9 * LD_SECOND, SITE);
    regressions = regress();
    assert_only(&regressions, LD_REGRESSION_FALSE_ALARM, true, "chan/healthy/none",
                "false alarms in 8 of 8 runs, in the baseline 1 of 8; the first at " SITE);
    run_again(&regressions, now);
    assert_rerun(&regressions.items[0], LD_RERUN_CONFIRMED);
    ld_regressions_done(&regressions);
    regressions = regress();
    run_again(&regressions, before); /* as many as ever */
    assert_rerun(&regressions.items[0], LD_RERUN_NOT_AGAIN);
    ld_regressions_done(&regressions);
    struct campaign *kept = before;
    before = now;
    now = kept;
    regressions = regress();
    assert_int_equal(regressions.count, 1);
    assert_int_equal(regressions.items[0].kind, LD_REGRESSION_QUIET);
    assert_non_null(strstr(regressions.items[0].text, "false alarms in 1 of 8 runs, in the baseline 8 of 8"));
    ld_regressions_done(&regressions);
}

/* ---- where to look */

static const char *rows_of_now[] = {"wait", "spin"};

static int rules_of_now(struct ld_rule_set *ret_rules, const struct ld_detector_setting *setting,
                        struct ld_arena *arena)
{
    (void)arena;
    assert_string_equal(setting->name, "subject");
    *ret_rules = (struct ld_rule_set){.version = "v2.0.0-bbbbbb", .count = 2, .ids = rows_of_now};
    return 0;
}

static void see_by(struct campaign *campaign, size_t run, const char *rule, const char *version)
{
    struct ld_alert *alert = campaign_open(campaign, run, SUBJECT, 7 * LD_SECOND, SITE);
    alert->rule = rule;
    alert->rule_version = version;
}

static void a_lost_leak_names_the_row_that_saw_it(void **state)
{
    static const struct ld_detector_kind ruled = {.name = "matrix", .type = LD_DETECTOR_BUILTIN, .rules = rules_of_now};
    (void)state;
    now->subject.kind = &ruled;
    for (size_t i = 0; i < PAIRS; i++)
        see_by(before, 2 * i, i < 6 ? "gone-row" : "wait", "v1.0.0-aaaaaa");
    see_by(now, 0, "wait", "v2.0.0-bbbbbb");
    struct ld_regressions regressions = regress();
    assert_int_equal(regressions.items[0].kind, LD_REGRESSION_LOST);
    assert_string_equal(
        regressions.items[0].text,
        "saw 1 of 8 leaks, in the baseline 8 of 8; missed in runs 2, 4, 6, 8, 10, ...; the baseline saw "
        "6 by row gone-row of v1.0.0-aaaaaa, and the rules of now, v2.0.0-bbbbbb, have no such row; the "
        "baseline saw 2 by row wait of v1.0.0-aaaaaa, the same row of v2.0.0-bbbbbb sees 1");
    ld_regressions_done(&regressions);
}

static void a_false_alarm_names_its_row(void **state)
{
    (void)state;
    see_by(now, 1, "spin", "v2.0.0-bbbbbb");
    struct ld_regressions regressions = regress();
    assert_only(&regressions, LD_REGRESSION_FALSE_ALARM, true, "chan/healthy/none",
                "false alarms in 1 of 8 runs, in the baseline 0 of 8; the first by row spin at " SITE);
    ld_regressions_done(&regressions);
}

static void a_declared_miss_is_named_when_found(void **state)
{
    (void)state;
    now->expectation.detection.given = now->expectation.detection.missed = true;
    campaign_open(now, 0, SUBJECT, 7 * LD_SECOND, SITE);
    struct ld_regressions regressions = regress();
    assert_only(&regressions, LD_REGRESSION_FOUND, false, "chan/leaky/none",
                "a declared miss is found now: saw 1 of 8 leaks, in the baseline 0 of 8");
    ld_regressions_done(&regressions);
}

/* Asked for another fault case: of this one nothing was declared. */
static void a_miss_that_is_declared_elsewhere_is_none_here(void **state)
{
    static const char *elsewhere[] = {"throttled"};
    (void)state;
    now->expectation.detection.given = now->expectation.detection.missed = true;
    now->expectation.cases = (struct ld_list){.items = elsewhere, .count = 1};
    campaign_open(now, 0, SUBJECT, 7 * LD_SECOND, SITE);
    struct ld_regressions regressions = regress();
    assert_only(&regressions, LD_REGRESSION_FOUND, false, "chan/leaky/none",
                "saw 1 of 8 leaks, in the baseline 0 of 8");
    ld_regressions_done(&regressions);
}

/* Of so many no p of 4000 draws could be beyond chance; and of too many none of any. */
static void slower_among_many_comparisons(void **state)
{
    (void)state;
    campaign_subject_sees(before, LD_SECOND);
    campaign_subject_sees(now, 3 * LD_SECOND);
    struct ld_regressions regressions = regress();
    assert_int_equal(regressions.count, 1);
    assert_int_equal(regressions.items[0].kind, LD_REGRESSION_SLOWER);
    regressions.comparisons = 1000; /* the first may have a p of 0.00005 */
    run_again(&regressions, now);
    assert_rerun(&regressions.items[0], LD_RERUN_CONFIRMED);
    ld_regressions_done(&regressions);
    regressions = regress();
    regressions.comparisons = (size_t)1 << 40;
    run_again(&regressions, now);
    assert_rerun(&regressions.items[0], LD_RERUN_OPEN);
    assert_non_null(strstr(regressions.items[0].text, ": so few draws cannot tell"));
    ld_regressions_done(&regressions);
}

static void slower_is_beyond_interval_and_period(void **state)
{
    (void)state;
    for (size_t i = 0; i < PAIRS; i++) {
        campaign_open(before, 2 * i, SUBJECT, 7 * LD_SECOND + (int64_t)i * 50 * LD_MS, SITE);
        campaign_open(now, 2 * i, SUBJECT, 7 * LD_SECOND + 200 * LD_MS + (int64_t)i * 50 * LD_MS, SITE);
    }
    struct ld_regressions regressions = regress();
    assert_int_equal(regressions.count, 0); /* 200 ms: less than a period */
    ld_regressions_done(&regressions);
    for (size_t i = 0; i < PAIRS; i++)
        now->alerts[2 * i][SUBJECT][0].receipt_ns += 400 * LD_MS;
    regressions = regress();
    assert_int_equal(regressions.count, 1);
    assert_int_equal(regressions.items[0].kind, LD_REGRESSION_SLOWER);
    assert_string_equal(regressions.items[0].cell, "chan");
    assert_non_null(strstr(regressions.items[0].text, "is 600ms longer, at least "));
    run_again(&regressions, now);
    assert_rerun(&regressions.items[0], LD_RERUN_CONFIRMED);
    assert_non_null(strstr(regressions.items[0].text, "; run again: 600ms over 8; together p = "));
    ld_regressions_done(&regressions);
    regressions = regress();
    run_again(&regressions, before);
    assert_rerun(&regressions.items[0], LD_RERUN_NOT_AGAIN);
    assert_false(ld_regressions_open(&regressions));
    ld_regressions_done(&regressions);
    for (size_t i = 0; i < PAIRS; i++) /* half of them slow: the interval holds 0 */
        now->alerts[2 * i][SUBJECT][0].receipt_ns -= i % 2 ? 1100 * LD_MS : 0;
    regressions = regress();
    assert_int_equal(regressions.count, 0);
    ld_regressions_done(&regressions);
}

static void out_of_range_is_worse_than_before(void **state)
{
    (void)state;
    campaign_subject_sees(before, LD_SECOND);
    campaign_subject_sees(now, LD_SECOND);
    for (size_t i = 0; i < 2 * PAIRS; i++)
        now->detectors[i][SUBJECT].out_of_range = true;
    struct ld_regressions regressions = regress();
    assert_only(&regressions, LD_REGRESSION_UNJUDGED, true, "chan/leaky/none",
                "it broke or was out of its range in 8 of 8 runs, in the baseline in 0 of 8");
    run_again(&regressions, now);
    assert_rerun(&regressions.items[0], LD_RERUN_CONFIRMED);
    ld_regressions_done(&regressions);
    regressions = regress();
    run_again(&regressions, before);
    assert_rerun(&regressions.items[0], LD_RERUN_NOT_AGAIN);
    ld_regressions_done(&regressions);
}

static void break_in(struct campaign *campaign, size_t first, size_t runs)
{
    for (size_t i = 0; i < PAIRS; i++)
        campaign->detectors[2 * i + first][SUBJECT].failed = i < runs;
}

/* In some runs only, and in healthy ones, where nothing else would tell. */
static void a_detector_that_breaks_is_worse(void **state)
{
    (void)state;
    for (size_t healthy = 0; healthy < 2; healthy++) {
        campaign_subject_sees(before, LD_SECOND);
        campaign_subject_sees(now, LD_SECOND);
        break_in(now, healthy, PAIRS - 1);
        struct ld_regressions regressions = regress();
        assert_only(&regressions, LD_REGRESSION_UNJUDGED, true, healthy ? "chan/healthy/none" : "chan/leaky/none",
                    "it broke or was out of its range in 7 of 8 runs, in the baseline in 0 of 8");
        assert_int_equal(regressions.comparisons, 1);
        run_again(&regressions, now);
        assert_rerun(&regressions.items[0], LD_RERUN_CONFIRMED);
        assert_non_null(strstr(regressions.items[0].text, "; run again: 7 of 8; together p = "));
        ld_regressions_done(&regressions);
        regressions = regress();
        break_in(now, healthy, 0);
        run_again(&regressions, now);
        assert_rerun(&regressions.items[0], LD_RERUN_NOT_AGAIN);
        ld_regressions_done(&regressions);
    }
}

/* It always broke in one of eight: twice is no more. */
static void one_that_broke_before_is_no_worse(void **state)
{
    (void)state;
    campaign_subject_sees(before, LD_SECOND);
    campaign_subject_sees(now, LD_SECOND);
    break_in(before, 0, 1);
    break_in(now, 0, 2);
    struct ld_regressions regressions = regress();
    assert_int_equal(regressions.count, 0);
    ld_regressions_done(&regressions);
    break_in(now, 0, 6); /* 0.02 */
    regressions = regress();
    assert_int_equal(regressions.items[0].kind, LD_REGRESSION_UNJUDGED);
    ld_regressions_done(&regressions);
}

/* An older baseline tells nothing of runs in which the detector broke, only that it was judged. */
static void an_older_baseline_knows_no_broken_runs(void **state)
{
    struct ld_regressions regressions;
    struct ld_error error = {0};
    (void)state;
    campaign_subject_sees(before, LD_SECOND);
    campaign_subject_sees(now, LD_SECOND);
    for (size_t broken = PAIRS - 1; broken <= PAIRS; broken++) {
        break_in(now, 0, broken);
        ld_baseline_done(&old);
        ld_baseline_done(&new);
        old = baseline_of(before);
        new = baseline_of(now);
        old.rows[0].tried_runs = old.rows[1].tried_runs = 0;
        assert_int_equal(ld_regress(&regressions, &old, &new, &now->plan, "", &error), 0);
        assert_int_equal(regressions.count, broken == PAIRS);
        ld_regressions_done(&regressions);
    }
}

/* A busy machine is no regression. */
static void void_runs_blame_nobody(void **state)
{
    (void)state;
    campaign_subject_sees(before, LD_SECOND);
    campaign_subject_sees(now, LD_SECOND);
    for (size_t i = 0; i < 2 * PAIRS; i++)
        now->runs[i].validity = LD_INVALID_LAG;
    struct ld_regressions regressions = regress();
    assert_only(&regressions, LD_REGRESSION_VOID, false, "chan/leaky/none",
                "saw 0 of 0 leaks, in the baseline 8 of 8");
    ld_regressions_done(&regressions);
}

static void what_is_gone_is_said(void **state)
{
    (void)state;
    campaign_subject_sees(before, LD_SECOND);
    now->cells[0].name[0] = 'x';
    struct ld_regressions regressions = regress();
    assert_only(&regressions, LD_REGRESSION_GONE, false, "chan/leaky/none",
                "not in this campaign; in the baseline it saw 8 of 8 leaks");
    assert_int_equal(regressions.compared, 1);
    ld_regressions_done(&regressions);
    now->cells[1].name[0] = 'x';
    regressions = regress();
    assert_int_equal(regressions.compared, 0);
    assert_false(ld_regressions_fail(&regressions));
    ld_regressions_done(&regressions);
}

/* The scenario has arms since, or its detector watches in another one. */
static void a_cell_is_the_same_in_any_arm(void **state)
{
    (void)state;
    campaign_subject_sees(before, LD_SECOND);
    campaign_subject_sees(now, LD_SECOND);
    now->detectors[4][SUBJECT].alert_count = 0;
    strcat(now->cells[0].name, "/arm=subject");
    strcat(now->cells[1].name, "/arm=subject");
    struct ld_regressions regressions = regress();
    assert_int_equal(regressions.compared, 2);
    assert_only(&regressions, LD_REGRESSION_LOST, true, "chan/leaky/none/arm=subject",
                "saw 7 of 8 leaks, in the baseline 8 of 8; missed in run 4; the cell was chan/leaky/none: what is read "
                "beside it may differ");
    ld_regressions_done(&regressions);
    strcat(before->cells[0].name, "/arm=passive");
    regressions = regress();
    assert_int_equal(regressions.items[0].kind, LD_REGRESSION_LOST);
    before->cells[0].name[strlen("chan/leaky/non")] = '\0'; /* and another cell is another one */
    ld_regressions_done(&regressions);
    regressions = regress();
    assert_int_equal(regressions.items[0].kind, LD_REGRESSION_GONE);
    ld_regressions_done(&regressions);
}

static bool one_file(const struct ld_detector_setting *setting, size_t index, struct ld_detector_file_use *ret_use)
{
    (void)setting;
    *ret_use = (struct ld_detector_file_use){.name = "my-rules.yml"};
    return index == 0;
}

static const struct ld_detector_kind reader_kind = {
    .name = "reader", .type = LD_DETECTOR_BUILTIN, .file = one_file};

static struct ld_detector_files *reads(struct campaign *campaign, const char *text)
{
    struct ld_detector_files *files = ld_detector_files_new();
    assert_int_equal(ld_detector_files_add(files, "my-rules.yml", text, strlen(text)), 0);
    campaign->subject.kind = &reader_kind;
    campaign->scenario.files = files;
    return files;
}

static void a_changed_rule_file_is_said(void **state)
{
    (void)state;
    campaign_subject_sees(before, LD_SECOND);
    campaign_subject_sees(now, LD_SECOND);
    struct ld_detector_files *then = reads(before, "a"), *same = reads(now, "a");
    struct ld_regressions regressions = regress();
    assert_int_equal(regressions.count, 0);
    ld_regressions_done(&regressions);
    struct ld_detector_files *edited = reads(now, "b");
    regressions = regress();
    assert_only(&regressions, LD_REGRESSION_CHANGED, false, "chan",
                "it reads my-rules.yml 3e23e8160039; in the baseline it was my-rules.yml ca978112ca1b");
    ld_regressions_done(&regressions);
    before->scenario.files = NULL; /* an older campaign: nothing is known */
    regressions = regress();
    assert_int_equal(regressions.count, 0);
    ld_regressions_done(&regressions);
    ld_detector_files_free(then);
    ld_detector_files_free(same);
    ld_detector_files_free(edited);
}

/* The program of a detector, under the same command. */
static void a_changed_program_is_said(void **state)
{
    static const char *const words[] = {"python3", "./mine.py"};
    struct ld_exec_options options = {.command = {2, (void *)words}};
    struct ld_program_hash then[] = {{"/usr/bin/python3", "0000000000000000"}, {"u/mine.py", "1111111111111111"}};
    struct ld_program_hash edited[] = {{"/opt/bin/python3", "0000000000000000"}, {"u/mine.py", "2222222222222222"}};
    struct ld_error error = {0};
    struct ld_regressions regressions;
    (void)state;
    campaign_subject_sees(before, LD_SECOND);
    campaign_subject_sees(now, LD_SECOND);
    before->subject.kind = now->subject.kind = ld_detector_find("exec");
    before->subject.options = now->subject.options = &options;
    before->scenario.file = now->scenario.file = "u/mine.yaml";
    old = baseline_of(before);
    new = baseline_of(now);
    old.rows[0].options = new.rows[0].options = "";
    assert_int_equal(ld_baseline_add_programs(&old, &before->plan, then, 2), 0);
    assert_int_equal(ld_baseline_add_programs(&new, &now->plan, edited, 2), 0);
    assert_int_equal(ld_regress(&regressions, &old, &new, &now->plan, "", &error), 0);
    assert_only(&regressions, LD_REGRESSION_CHANGED, false, "chan",
                "it runs python3 000000000000, ./mine.py 222222222222; in the baseline it was python3 000000000000, "
                "./mine.py 111111111111");
    ld_regressions_done(&regressions);
    assert_int_equal(ld_baseline_add_programs(&new, &now->plan, then, 2), 0);
    assert_int_equal(ld_regress(&regressions, &old, &new, &now->plan, "", &error), 0);
    assert_int_equal(regressions.count, 0);
    ld_regressions_done(&regressions);
}

static void only_options_that_differ_are_said(void **state)
{
    static const struct {
        const char *before, *now, *said;
    } cases[] = {
        {"{\"a\":1,\"b\":[\"x\",{\"c\":\"},]\"}],\"d\":\"1s\"}", "{\"a\":1,\"b\":[\"y\"],\"d\":\"1s\"}",
         "; its b was [\"x\",{\"c\":\"},]\"}] and is [\"y\"]"},
        {"{\"a\":1}", "{\"a\":1,\"b\":2}", "; its b was not there and is 2"},
        {"{\"a\":1,\"b\":2}", "{\"a\":1}", "; its b was 2 and is no more"},
        {"{\"a\": 1, \"b\": \"q\\\"\"}", "{\"a\": 1, \"b\": \"\"}", "; its b was \"q\\\"\" and is \"\""},
        {"{}", "{}", ""},
        {"", "{\"a\":1}", ""},
        {"garbage", "{\"a\":[1", "; its a was not there and is [1"},
        {"{\"a", "{\"a\\", ""},
        {"{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1}", "{\"a\":2,\"b\":2,\"c\":2,\"d\":2,\"e\":2}",
         "; its a was 1 and is 2; its b was 1 and is 2; its c was 1 and is 2; its d was 1 and is 2; 1 more of its "
         "options differ"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ld_regression item = {0};
        const struct ld_baseline_row then = {.options = cases[i].before}, today = {.options = cases[i].now};
        regress_say_options(&item, &then, &today);
        assert_string_equal(item.text, cases[i].said);
    }
}

/* What is said of options may be long and foreign; what the rerun said stays. */
static void a_long_text_is_cut_and_the_rerun_is_said(void **state)
{
    struct ld_regression item = {0};
    (void)state;
    for (size_t i = 0; i < 300; i++)
        regress_say(&item, "%s", "\xc3\xa4\xc3\xb6\xc3\xbc");
    size_t length = strlen(item.text);
    assert_true(length > sizeof item.text - 220 && length < sizeof item.text - 200);
    assert_string_equal(item.text + length - 3, "...");
    assert_true((item.text[length - 4] & 0xC0) == 0x80 && (item.text[length - 5] & 0xC0) == 0xC0);
    regress_say(&item, "; its window was 1s");
    assert_int_equal(strlen(item.text), length);
    regress_say_again(&item, "; run again: 7 of 8");
    assert_string_equal(item.text + length, "; run again: 7 of 8");
}

int test_regress(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_alike_is_no_regression, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_baseline_keeps_no_calibration, set_up, tear_down),
        cmocka_unit_test_setup_teardown(void_runs_do_not_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lost_leak_waits_for_the_rerun, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_loss_must_be_beyond_chance, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_losses_help_each_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_void_rerun_leaves_it_open, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_worse_runs_again_and_nothing_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rarer_needs_significance, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_found_now_does_not_fail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_false_alarm_fails_and_a_gone_one_does_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_false_alarms_than_before_are_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lost_leak_names_the_row_that_saw_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_false_alarm_names_its_row, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_declared_miss_is_named_when_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slower_is_beyond_interval_and_period, set_up, tear_down),
        cmocka_unit_test_setup_teardown(out_of_range_is_worse_than_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_detector_that_breaks_is_worse, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_broke_before_is_no_worse, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_older_baseline_knows_no_broken_runs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_miss_that_is_declared_elsewhere_is_none_here, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slower_among_many_comparisons, set_up, tear_down),
        cmocka_unit_test(a_long_text_is_cut_and_the_rerun_is_said),
        cmocka_unit_test_setup_teardown(void_runs_blame_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_gone_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_changed_rule_file_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_changed_program_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_options_that_differ_are_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cell_is_the_same_in_any_arm, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("regress", tests, NULL, NULL);
}
