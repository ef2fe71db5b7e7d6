#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "truth/groups.h"
#include "truth/truth.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static struct ld_truth_event event(int64_t time_s, uint32_t incarnation, enum ld_truth_kind kind, const char *interval,
                                   int64_t amount)
{
    return (struct ld_truth_event){.time_ns = time_s * LD_SECOND,
                                   .after_sequence = (uint64_t)time_s * 10,
                                   .incarnation = incarnation,
                                   .kind = kind,
                                   .interval = interval,
                                   .amount = amount,
                                   .culprit = "",
                                   .text = ""};
}

static struct ld_truth_event first_leak(int64_t time_s, uint32_t incarnation, const char *interval, int64_t amount)
{
    struct ld_truth_event made = event(time_s, incarnation, LD_TRUTH_LEAK, interval, amount);
    made.cause = LD_CAUSE_CHAN_RECEIVE;
    made.goroutines_per_unit = 1;
    made.seen_at_count = 1;
    made.seen_at[0] = "shop/mail.consume";
    made.culprit = "mailer.go:42 shop/mail.Start";
    return made;
}

static struct ld_truth_event ended(int64_t time_s, uint32_t incarnation, const char *text)
{
    struct ld_truth_event made = event(time_s, incarnation, LD_TRUTH_ENDED, "", 0);
    made.text = text;
    return made;
}

static struct ld_truth fold(const struct ld_truth_event *events, size_t count, int64_t manifest, int64_t end_s)
{
    struct ld_truth truth;
    struct ld_error error = {0};
    int code = ld_truth_fold(&truth, events, count, manifest, end_s * LD_SECOND, &error);
    if (code)
        fail_msg("fold: %d %s", code, error.message);
    return truth;
}

static void onset_and_the_unit_that_manifests(void **state)
{
    (void)state;
    struct ld_truth_event events[] = {first_leak(1, 1, "i1", 1), event(2, 1, LD_TRUTH_LEAK, "i1", 2),
                                      event(3, 1, LD_TRUTH_LEAK, "i1", 5), event(4, 1, LD_TRUTH_LEAK, "i1", 9)};
    struct ld_truth truth = fold(events, COUNT_OF(events), 3, 10);
    assert_int_equal(truth.interval_count, 1);
    const struct ld_truth_interval *interval = &truth.intervals[0];
    assert_int_equal(interval->first_ns, LD_SECOND);
    assert_int_equal(interval->manifest_ns, 3 * LD_SECOND);
    assert_int_equal(interval->manifest_after_sequence, 30);
    assert_int_equal(interval->end_ns, 10 * LD_SECOND);
    assert_int_equal(interval->end, LD_END_FOLLOW_UP);
    assert_int_equal(interval->amount, 9);
    assert_int_equal(interval->final_amount, 9);
    assert_int_equal(interval->confirmed, -1);
    assert_false(interval->hold);
    assert_int_equal(interval->cause, LD_CAUSE_CHAN_RECEIVE);
    assert_int_equal(interval->goroutines_per_unit, 1); /* from the first line */
    assert_string_equal(interval->culprit, "mailer.go:42 shop/mail.Start");
    assert_true(ld_truth_site_matches(interval, "shop/mail.consume"));
    assert_false(ld_truth_site_matches(interval, "shop/mail.consum"));
    assert_false(ld_truth_site_matches(interval, ""));
    assert_true(ld_truth_names_culprit(interval, "mailer.go:42"));
    assert_true(ld_truth_names_culprit(interval, "shop/mail.Start"));
    assert_true(ld_truth_names_culprit(interval, "mailer.go:42 shop/mail.Start"));
    assert_false(ld_truth_names_culprit(interval, "mailer.go:4"));
    assert_false(ld_truth_names_culprit(interval, ""));
    ld_truth_done(&truth);
    assert_null(truth.arena);
}

static void too_few_units_never_manifest(void **state)
{
    (void)state;
    struct ld_truth_event events[] = {first_leak(1, 1, "i1", 1), event(2, 1, LD_TRUTH_LEAK, "i1", 2)};
    struct ld_truth truth = fold(events, COUNT_OF(events), 3, 10);
    assert_int_equal(truth.intervals[0].manifest_ns, -1);
    ld_truth_done(&truth);
}

static void amounts_shrink_and_a_cure_ends(void **state)
{
    (void)state;
    struct ld_truth_event events[] = {first_leak(1, 1, "i1", 4), event(2, 1, LD_TRUTH_CURED, "i1", 2),
                                      event(3, 1, LD_TRUTH_LEAK, "i1", 1), event(4, 1, LD_TRUTH_CURED, "i1", 0),
                                      event(5, 1, LD_TRUTH_CURED, "i1", 0)};
    struct ld_truth truth = fold(events, COUNT_OF(events), 3, 10);
    assert_int_equal(truth.interval_count, 1);
    const struct ld_truth_interval *interval = &truth.intervals[0];
    assert_int_equal(interval->manifest_ns, LD_SECOND); /* it was manifest once: shrinking does not undo that */
    assert_int_equal(interval->amount, 4);
    assert_int_equal(interval->final_amount, 0);
    assert_int_equal(interval->end, LD_END_CURED);
    assert_int_equal(interval->end_ns, 4 * LD_SECOND);
    assert_true(ld_truth_outstanding(&truth, LD_SECOND, 0, 1));
    assert_true(ld_truth_outstanding(&truth, 4 * LD_SECOND - 1, 0, 1));
    assert_false(ld_truth_outstanding(&truth, 4 * LD_SECOND, 0, 1));
    assert_false(ld_truth_outstanding(&truth, LD_SECOND - 1, 0, 1));
    assert_false(ld_truth_outstanding(&truth, LD_SECOND, 1, 1)); /* another instance */
    ld_truth_done(&truth);
}

static void a_leak_after_its_cure_is_a_new_interval(void **state)
{
    (void)state;
    struct ld_truth_event events[] = {first_leak(1, 1, "i1", 4), event(2, 1, LD_TRUTH_CURED, "i1", 0),
                                      event(5, 1, LD_TRUTH_LEAK, "i1", 3)};
    struct ld_truth truth = fold(events, COUNT_OF(events), 3, 10);
    assert_int_equal(truth.interval_count, 2);
    assert_int_equal(truth.intervals[1].first_ns, 5 * LD_SECOND);
    assert_int_equal(truth.intervals[1].manifest_ns, 5 * LD_SECOND);
    assert_int_equal(truth.intervals[1].amount, 3);
    assert_int_equal(truth.intervals[1].cause, LD_CAUSE_CHAN_RECEIVE);
    assert_false(ld_truth_outstanding(&truth, 3 * LD_SECOND, 0, 1));
    ld_truth_done(&truth);
}

static void incarnations_are_apart(void **state)
{
    (void)state;
    struct ld_truth_event events[] = {
        first_leak(1, 1, "i1", 4), ended(3, 1, "kill"),      first_leak(5, 2, "i1", 2),
        ended(6, 2, ""),           first_leak(8, 3, "i1", 6), event(9, 2, LD_TRUTH_LEAK, "i1", 99),
    };
    struct ld_truth truth = fold(events, COUNT_OF(events), 3, 10);
    assert_int_equal(truth.interval_count, 3);
    assert_int_equal(truth.intervals[0].end, LD_END_KILL);
    assert_int_equal(truth.intervals[0].end_ns, 3 * LD_SECOND);
    assert_int_equal(truth.intervals[0].final_amount, 4);
    assert_int_equal(truth.intervals[1].end, LD_END_DEATH);
    assert_int_equal(truth.intervals[1].manifest_ns, -1);
    assert_int_equal(truth.intervals[1].amount, 2); /* the dead say nothing */
    assert_int_equal(truth.intervals[2].incarnation, 3);
    assert_int_equal(truth.intervals[2].end, LD_END_FOLLOW_UP);
    assert_true(ld_truth_outstanding(&truth, 2 * LD_SECOND, 0, 1));
    assert_false(ld_truth_outstanding(&truth, 2 * LD_SECOND, 0, 2));
    assert_true(ld_truth_outstanding(&truth, 2 * LD_SECOND, 0, 0));
    assert_true(ld_truth_outstanding(&truth, 10 * LD_SECOND, 0, 3)); /* the last instant of follow-up */
    ld_truth_done(&truth);
}

static void only_their_own_instance_dies(void **state)
{
    (void)state;
    struct ld_truth_event events[] = {first_leak(1, 1, "i1", 4), first_leak(1, 1, "i1", 4), ended(3, 1, "")};
    events[1].instance = 1;
    struct ld_truth truth = fold(events, COUNT_OF(events), 1, 10);
    assert_int_equal(truth.interval_count, 2);
    assert_int_equal(truth.intervals[0].end, LD_END_DEATH);
    assert_int_equal(truth.intervals[1].end, LD_END_FOLLOW_UP);
    ld_truth_done(&truth);
}

static void holds_are_no_leaks(void **state)
{
    (void)state;
    struct ld_truth_event events[] = {event(1, 1, LD_TRUTH_HOLD, "h1", 20), event(2, 1, LD_TRUTH_RELEASE, "h1", 7),
                                      event(3, 1, LD_TRUTH_RELEASE, "h1", 0)};
    struct ld_truth truth = fold(events, COUNT_OF(events), 3, 10);
    assert_int_equal(truth.interval_count, 1);
    assert_true(truth.intervals[0].hold);
    assert_int_equal(truth.intervals[0].manifest_ns, -1);
    assert_int_equal(truth.intervals[0].end_ns, 3 * LD_SECOND);
    assert_false(ld_truth_outstanding(&truth, 2 * LD_SECOND, 0, 1));
    ld_truth_done(&truth);
}

static void stamps_give_the_order(void **state)
{
    (void)state;
    struct ld_truth_event events[] = {event(3, 1, LD_TRUTH_LEAK, "i1", 5), ended(4, 1, "kill"),
                                      first_leak(1, 1, "i1", 1), event(20, 1, LD_TRUTH_LEAK, "i1", 50)};
    struct ld_truth truth = fold(events, COUNT_OF(events), 3, 10);
    assert_int_equal(truth.interval_count, 1);
    assert_int_equal(truth.intervals[0].first_ns, LD_SECOND);
    assert_int_equal(truth.intervals[0].amount, 5);
    ld_truth_done(&truth);
}

static void calm_sites_are_kept_once(void **state)
{
    (void)state;
    struct ld_truth_event events[] = {event(1, 1, LD_TRUTH_CALM, "", 0), event(2, 1, LD_TRUTH_CALM, "", 0),
                                      event(3, 1, LD_TRUTH_CALM, "", 0)};
    events[0].text = events[2].text = "pool.worker";
    events[1].text = "cache.janitor";
    struct ld_truth truth = fold(events, COUNT_OF(events), 1, 10);
    assert_int_equal(truth.calm_count, 2);
    assert_string_equal(truth.calm[0], "pool.worker");
    assert_string_equal(truth.calm[1], "cache.janitor");
    ld_truth_done(&truth);
}

static void assert_refused(const struct ld_truth_event *events, size_t count, int wanted, const char *part)
{
    struct ld_truth truth = {.interval_count = 77};
    struct ld_error error = {0};
    int code = ld_truth_fold(&truth, events, count, 1, 10 * LD_SECOND, &error);
    if (code != wanted || !strstr(error.message, part))
        fail_msg("code %d (wanted %d), message \"%s\" (wanted \"%s\")", code, wanted, error.message, part);
    assert_int_equal(truth.interval_count, 77);
}

static void contradictions_are_refused(void **state)
{
    (void)state;
    struct ld_truth_event no_cause[] = {event(1, 1, LD_TRUTH_LEAK, "i1", 1)};
    assert_refused(no_cause, 1, LD_ESYNTAX, "gives no cause");
    struct ld_truth_event both[] = {first_leak(1, 1, "i1", 1), event(2, 1, LD_TRUTH_HOLD, "i1", 1)};
    assert_refused(both, 2, LD_ESYNTAX, "both a leak and a hold");
    struct ld_truth_event changed[] = {first_leak(1, 1, "i1", 1), first_leak(2, 1, "i1", 2)};
    changed[1].cause = LD_CAUSE_LOCK;
    assert_refused(changed, 2, LD_ESYNTAX, "changes its cause from chan-receive to lock");
    struct ld_truth_event cure[] = {event(1, 1, LD_TRUTH_CURED, "i1", 0)};
    assert_refused(cure, 1, LD_ESYNTAX, "never began");
    struct ld_truth_event crossed[] = {first_leak(1, 1, "i1", 1), event(2, 1, LD_TRUTH_RELEASE, "i1", 0)};
    assert_refused(crossed, 2, LD_ESYNTAX, "never began");
}

static void too_many_intervals_are_refused(void **state)
{
    (void)state;
    static struct ld_truth_event events[LD_TRUTH_INTERVALS_MAX + 1];
    static char ids[LD_TRUTH_INTERVALS_MAX + 1][8];
    for (int i = 0; i <= LD_TRUTH_INTERVALS_MAX; i++) {
        snprintf(ids[i], sizeof ids[i], "i%d", i);
        events[i] = first_leak(1, 1, ids[i], 1);
    }
    assert_refused(events, COUNT_OF(events), LD_ELIMIT, "more than 4096 intervals");
    struct ld_truth truth = fold(events, LD_TRUTH_INTERVALS_MAX, 1, 10);
    assert_int_equal(truth.interval_count, LD_TRUTH_INTERVALS_MAX);
    ld_truth_done(&truth);
}

static void nothing_is_nothing(void **state)
{
    (void)state;
    struct ld_truth truth = fold(NULL, 0, 1, 10);
    assert_int_equal(truth.interval_count, 0);
    assert_false(ld_truth_outstanding(&truth, 1, 0, 1));
    ld_truth_done(&truth);
    ld_truth_done(NULL);
}

int test_fold(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(onset_and_the_unit_that_manifests),
        cmocka_unit_test(too_few_units_never_manifest),
        cmocka_unit_test(amounts_shrink_and_a_cure_ends),
        cmocka_unit_test(a_leak_after_its_cure_is_a_new_interval),
        cmocka_unit_test(incarnations_are_apart),
        cmocka_unit_test(only_their_own_instance_dies),
        cmocka_unit_test(holds_are_no_leaks),
        cmocka_unit_test(stamps_give_the_order),
        cmocka_unit_test(calm_sites_are_kept_once),
        cmocka_unit_test(contradictions_are_refused),
        cmocka_unit_test(too_many_intervals_are_refused),
        cmocka_unit_test(nothing_is_nothing),
    };
    return cmocka_run_group_tests_name("truth fold", tests, NULL, NULL);
}
