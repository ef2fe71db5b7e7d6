#include "score/compare.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "score/campaign.h"
#include "score/groups.h"

#define PAIRS 8

static struct campaign *left, *right;

static int set_up(void **state)
{
    (void)state;
    left = campaign_new(PAIRS);
    right = campaign_new(PAIRS);
    for (size_t i = 0; i < left->count; i++)
        left->run_plans[i].seed = right->run_plans[i].seed = 1000 + left->run_plans[i].repetition;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    campaign_free(left);
    campaign_free(right);
    return 0;
}

static struct ld_comparison compare(const char *left_detector, const char *right_detector)
{
    struct ld_comparison comparison;
    struct ld_error error = {0};
    campaign_judge(left);
    campaign_judge(right);
    const struct ld_compare_side a = {&left->plan, left->runs, left->count, &left->score, left_detector};
    const struct ld_compare_side b = {&right->plan, right->runs, right->count, &right->score, right_detector};
    if (ld_compare(&comparison, &a, &b, 7, &error) != 0)
        fail_msg("compare: %s", error.message);
    return comparison;
}

static void assert_table(const struct ld_compare_table *table, uint32_t both, uint32_t left_only, uint32_t right_only,
                         uint32_t neither)
{
    assert_int_equal(table->both, both);
    assert_int_equal(table->left_only, left_only);
    assert_int_equal(table->right_only, right_only);
    assert_int_equal(table->neither, neither);
}

/* So many runs are left out on both sides, for that reason and no other; -1: none. */
static void assert_unpaired(const struct ld_comparison *comparison, int reason, uint32_t of_left, uint32_t of_right)
{
    for (int why = 0; why < LD_UNPAIRED_COUNT; why++) {
        print_message("%s: %u %u\n", ld_unpaired_table[why].name, comparison->unpaired_left[why],
                      comparison->unpaired_right[why]);
        assert_int_equal(comparison->unpaired_left[why], why == reason ? of_left : 0);
        assert_int_equal(comparison->unpaired_right[why], why == reason ? of_right : 0);
    }
}

static void alike(void **state)
{
    (void)state;
    campaign_subject_sees(left, LD_SECOND);
    campaign_subject_sees(right, LD_SECOND);
    struct ld_comparison comparison = compare("subject", "subject");
    assert_table(&comparison.leaks, PAIRS, 0, 0, 0);
    assert_table(&comparison.false_alarms, 0, 0, 0, 2 * PAIRS);
    assert_true(comparison.leaks.p == 1 && comparison.false_alarms.p == 1);
    assert_int_equal(comparison.difference_count, 0);
    assert_int_equal(comparison.time_pairs, PAIRS);
    assert_int_equal(comparison.left_mean_ns, LD_SECOND);
    assert_int_equal(comparison.pairs, 2 * PAIRS);
    assert_unpaired(&comparison, -1, 0, 0);
    assert_false(comparison.plans_differ);
    assert_int_equal(comparison.difference_ns, 0);
    assert_int_equal(comparison.lower_ns, 0);
    assert_int_equal(comparison.upper_ns, 0);
    ld_comparison_done(&comparison);
}

static void one_side_misses(void **state)
{
    (void)state;
    campaign_subject_sees(left, LD_SECOND);
    for (size_t i = 0; i < 2; i++) /* the leaky runs are the even ones */
        campaign_open(right, 2 * i, SUBJECT, 8 * LD_SECOND, SITE);
    struct ld_comparison comparison = compare("subject", "subject");
    assert_table(&comparison.leaks, 2, PAIRS - 2, 0, 0);
    assert_true(fabs(comparison.leaks.p - 2 * pow(0.5, PAIRS - 2)) < 1e-12); /* six against none */
    assert_int_equal(comparison.difference_count, PAIRS - 2);
    const struct ld_compare_difference *first = &comparison.differences[0];
    assert_string_equal(first->cell, "chan/leaky/none");
    assert_int_equal(first->repetition, 2);
    assert_int_equal(first->left_run, 4);
    assert_int_equal(first->left, LD_OUTCOME_TP);
    assert_int_equal(first->right, LD_OUTCOME_FN);
    /* Followed for 14 s: two were seen after 2 s, six not. */
    assert_int_equal(comparison.restricted_to_ns, 14 * LD_SECOND);
    assert_int_equal(comparison.left_mean_ns, LD_SECOND);
    assert_int_equal(comparison.right_mean_ns, 2 * LD_SECOND + 9 * LD_SECOND);
    assert_int_equal(comparison.difference_ns, -10 * LD_SECOND);
    assert_true(comparison.lower_ns < comparison.difference_ns && comparison.difference_ns < comparison.upper_ns);
    assert_true(comparison.upper_ns < 0);
    ld_comparison_done(&comparison);
}

static void false_alarms_pair_in_healthy_runs_too(void **state)
{
    (void)state;
    campaign_open(right, 1, SUBJECT, 10 * LD_SECOND, SITE);
    campaign_open(right, 3, SUBJECT, 10 * LD_SECOND, SITE);
    campaign_open(left, 3, SUBJECT, 10 * LD_SECOND, SITE);
    struct ld_comparison comparison = compare("subject", "subject");
    assert_table(&comparison.false_alarms, 1, 0, 1, 2 * PAIRS - 2);
    assert_int_equal(comparison.difference_count, 1);
    assert_string_equal(comparison.differences[0].cell, "chan/healthy/none");
    assert_int_equal(comparison.differences[0].interval, -1);
    assert_int_equal(comparison.differences[0].left_false_alarms, 0);
    assert_int_equal(comparison.differences[0].right_false_alarms, 1);
    ld_comparison_done(&comparison);
}

static void two_detectors_of_one_campaign(void **state)
{
    (void)state;
    struct ld_comparison comparison = compare("oracle", "oracle-delay");
    assert_table(&comparison.leaks, PAIRS, 0, 0, 0);
    assert_int_equal(comparison.difference_ns, LD_MS - 600 * LD_MS);
    assert_int_equal(comparison.upper_ns, LD_MS - 600 * LD_MS); /* all alike: no spread */
    ld_comparison_done(&comparison);
}

/* Times of eight pairs in seconds, 0: missed. The numbers below are of an independent program: the exact test by
 * summing binomials, the means by integrating Kaplan and Meier's curve in fractions. */
static void the_means_end_with_the_shorter_follow_up(void **state)
{
    static const int seen_left[PAIRS] = {1, 2, 3, 0, 0, 2, 4, 1}, seen_right[PAIRS] = {2, 5, 0, 6, 0, 0, 0, 0};
    (void)state;
    for (size_t i = 0; i < PAIRS; i++) {
        if (seen_left[i])
            campaign_open(left, 2 * i, SUBJECT, (6 + seen_left[i]) * LD_SECOND, SITE);
        if (seen_right[i])
            campaign_open(right, 2 * i, SUBJECT, (6 + seen_right[i]) * LD_SECOND, SITE);
    }
    left->intervals[6][0].end_ns = 16 * LD_SECOND; /* followed for 10 s */
    left->intervals[8][0].end_ns = 15 * LD_SECOND; /* for 9 s; all the others for 14 */
    struct ld_comparison comparison = compare("subject", "subject");
    assert_table(&comparison.leaks, 2, 4, 1, 1);
    assert_true(fabs(comparison.leaks.p - 0.375) < 1e-12);
    /* Nobody knows what the left would have seen after 10 s: up to 14 s it would be 5.125 s and 10.375 s. */
    assert_int_equal(comparison.restricted_to_ns, 10 * LD_SECOND);
    assert_int_equal(comparison.left_mean_ns, 4125 * LD_MS);
    assert_int_equal(comparison.right_mean_ns, 7875 * LD_MS);
    assert_int_equal(comparison.difference_ns, -3750 * LD_MS);
    assert_true(comparison.lower_ns < -3750 * LD_MS && comparison.upper_ns > -3750 * LD_MS);
    ld_comparison_done(&comparison);
}

static void what_is_no_evidence_is_left_out(void **state)
{
    (void)state;
    campaign_subject_sees(left, LD_SECOND);
    campaign_subject_sees(right, LD_SECOND);
    right->detectors[0][SUBJECT].failed = true;
    left->detectors[2][SUBJECT].out_of_range = true;
    struct ld_comparison comparison = compare("subject", "subject");
    assert_table(&comparison.leaks, PAIRS - 2, 0, 0, 0);
    assert_int_equal(comparison.no_evidence, 2);
    assert_int_equal(comparison.pairs, 2 * PAIRS - 1);
    assert_unpaired(&comparison, LD_UNPAIRED_BROKEN, 1, 1);
    ld_comparison_done(&comparison);
}

/* Other seeds are other runs, whatever their cell and repetition. */
static void other_seeds_are_no_pairs(void **state)
{
    (void)state;
    campaign_subject_sees(left, LD_SECOND);
    for (size_t i = 0; i < right->count; i++)
        right->run_plans[i].seed += i < 2 * (PAIRS - 1) ? 77 : 0;
    strcpy(right->plan.hash, "2f");
    struct ld_comparison comparison = compare("subject", "subject");
    assert_true(comparison.plans_differ);
    assert_int_equal(comparison.pairs, 2);
    assert_table(&comparison.leaks, 0, 1, 0, 0);
    assert_table(&comparison.false_alarms, 0, 0, 0, 2);
    assert_unpaired(&comparison, LD_UNPAIRED_SEED, 2 * PAIRS - 2, 2 * PAIRS - 2);
    assert_int_equal(comparison.unmatched_left + comparison.unmatched_right, 0);
    ld_comparison_done(&comparison);
    right->run_plans[right->count - 1].seed++;
    right->run_plans[right->count - 2].seed++;
    comparison = compare("subject", "subject");
    assert_int_equal(comparison.pairs, 0);
    assert_int_equal(comparison.time_pairs, 0);
    ld_comparison_done(&comparison);
}

static void leaks_without_the_same_one_are_counted(void **state)
{
    (void)state;
    campaign_subject_sees(left, LD_SECOND);
    campaign_subject_sees(right, LD_SECOND);
    right->runs[0].validity = LD_INVALID_LAG;
    left->runs[2].validity = LD_INVALID_GAPS;
    left->runs[3].validity = LD_INVALID_HARNESS; /* a healthy one */
    struct ld_comparison comparison = compare("subject", "subject");
    assert_table(&comparison.leaks, PAIRS - 2, 0, 0, 0);
    assert_table(&comparison.false_alarms, 0, 0, 0, 2 * PAIRS - 3);
    assert_int_equal(comparison.no_evidence, 0);
    assert_int_equal(comparison.unmatched_left, 1);
    assert_int_equal(comparison.unmatched_right, 1);
    assert_int_equal(comparison.pairs, 2 * PAIRS - 3);
    assert_unpaired(&comparison, LD_UNPAIRED_VOID, 3, 3);
    ld_comparison_done(&comparison);
    right->runs[0].validity = left->runs[2].validity = left->runs[3].validity = LD_VALID;
    right->intervals[4][0].manifest_ns = -1; /* the run is good, its leak did not come */
    comparison = compare("subject", "subject");
    assert_table(&comparison.leaks, PAIRS - 1, 0, 0, 0);
    assert_int_equal(comparison.unmatched_left, 1);
    assert_int_equal(comparison.unmatched_right, 0);
    assert_int_equal(comparison.pairs, 2 * PAIRS);
    ld_comparison_done(&comparison);
}

/* Of an interrupted campaign that is compared which ended. */
static void what_did_not_end_is_no_pair(void **state)
{
    (void)state;
    campaign_subject_sees(left, LD_SECOND);
    campaign_subject_sees(right, LD_SECOND);
    right->count -= 3;
    struct ld_comparison comparison = compare("subject", "subject");
    assert_int_equal(comparison.pairs, 2 * PAIRS - 3);
    assert_unpaired(&comparison, LD_UNPAIRED_NOT_ENDED, 3, 3);
    assert_int_equal(comparison.unmatched_left, 1);
    assert_table(&comparison.leaks, PAIRS - 1, 0, 0, 0);
    ld_comparison_done(&comparison);
}

static struct ld_truth_interval *add_interval(struct campaign *campaign, uint32_t instance, uint32_t incarnation,
                                              const char *id)
{
    struct ld_truth *truth = &campaign->truths[0];
    struct ld_truth_interval *interval = &campaign->intervals[0][truth->interval_count++];
    *interval = campaign->intervals[2][0];
    interval->id = id;
    interval->instance = instance;
    interval->incarnation = incarnation;
    return interval;
}

static void see(struct campaign *campaign, uint32_t instance, int64_t at_ns)
{
    campaign_open(campaign, 0, SUBJECT, at_ns, SITE)->instance = instance;
}

/* On the left the second instance leaks first, on the right a hold comes before and the third instance leaks, too. */
static void leaks_pair_by_their_name(void **state)
{
    (void)state;
    left->truths[0].interval_count = right->truths[0].interval_count = 0;
    add_interval(left, 1, 1, "i1");
    add_interval(left, 0, 1, "i1");
    add_interval(right, 0, 1, "h1")->hold = true;
    add_interval(right, 0, 1, "i1");
    add_interval(right, 2, 1, "i1");
    add_interval(right, 1, 1, "i1");
    see(left, 1, 8 * LD_SECOND);
    see(right, 1, 9 * LD_SECOND);
    struct ld_comparison comparison = compare("subject", "subject");
    assert_table(&comparison.leaks, 1, 0, 0, 1 + PAIRS - 1);
    assert_int_equal(comparison.unmatched_left, 0);
    assert_int_equal(comparison.unmatched_right, 1);
    assert_int_equal(comparison.difference_count, 0);
    ld_comparison_done(&comparison);
    see(left, 0, 9 * LD_SECOND);
    comparison = compare("subject", "subject");
    assert_table(&comparison.leaks, 1, 1, 0, PAIRS - 1);
    assert_int_equal(comparison.difference_count, 1);
    assert_int_equal(comparison.differences[0].leak->instance, 0);
    assert_string_equal(comparison.differences[0].leak->id, "i1");
    ld_comparison_done(&comparison);
}

/* Cured, it comes again: the first pairs with the first. */
static void a_leak_that_comes_again_pairs_by_its_turn(void **state)
{
    (void)state;
    struct campaign *sides[] = {left, right};
    for (int side = 0; side < 2; side++) {
        sides[side]->truths[0].interval_count = 0;
        add_interval(sides[side], 0, 1, "i1")->end_ns = 10 * LD_SECOND;
        struct ld_truth_interval *again = add_interval(sides[side], 0, 1, "i1");
        again->first_ns = again->manifest_ns = 12 * LD_SECOND;
    }
    see(left, 0, 8 * LD_SECOND);
    see(right, 0, 14 * LD_SECOND);
    struct ld_comparison comparison = compare("subject", "subject");
    assert_table(&comparison.leaks, 0, 1, 1, PAIRS - 1);
    ld_comparison_done(&comparison);
}

static void without_a_partner(void **state)
{
    (void)state;
    right->plan.run_count -= 2;
    right->count -= 2;
    struct ld_comparison comparison = compare("subject", "subject");
    assert_unpaired(&comparison, LD_UNPAIRED_COUNTERPART, 2, 0);
    assert_int_equal(comparison.pairs, 2 * PAIRS - 2);
    ld_comparison_done(&comparison);
    right->plan.run_count += 2;
    right->count += 2;
    left->cells[0].reads = LD_READ_GOROUTINELEAK; /* an intrusive read: other runs */
    comparison = compare("subject", "subject");
    assert_unpaired(&comparison, LD_UNPAIRED_READS, PAIRS, PAIRS);
    assert_int_equal(comparison.pairs, PAIRS);
    assert_int_equal(comparison.time_pairs, 0);
    ld_comparison_done(&comparison);
}

/* Two active detectors: each in runs of its own, of the same seeds. */
static void over_arms(void **state)
{
    (void)state;
    static const struct ld_detector_kind active = {.name = "probe", .active = true};
    struct ld_detector_spec detectors[] = {{.name = "subject", .kind = &active}, {.name = "other", .kind = &active}};
    struct campaign *sides[] = {left, right};
    for (int side = 0; side < 2; side++) {
        sides[side]->scenario.detectors = detectors;
        sides[side]->scenario.detector_count = 2;
        for (uint32_t i = 0; i < 2; i++) {
            struct ld_cell *cell = &sides[side]->cells[i];
            cell->arm = (uint32_t)side;
            cell->reads = side ? LD_READ_GOROUTINELEAK : 0;
            strcat(cell->name, side ? "/arm=other" : "/arm=subject");
        }
    }
    for (size_t i = 0; i < right->count; i++)
        right->detectors[i][SUBJECT].name = "other";
    campaign_subject_sees(left, LD_SECOND);
    struct ld_comparison comparison = compare("subject", "other");
    assert_table(&comparison.leaks, 0, PAIRS, 0, 0);
    assert_int_equal(comparison.across_arms, 2 * PAIRS);
    assert_int_equal(comparison.reads_differ, 2 * PAIRS);
    assert_unpaired(&comparison, -1, 0, 0);
    assert_string_equal(comparison.differences[0].cell, "chan/leaky/none/arm=subject");
    ld_comparison_done(&comparison);
    /* Runs that a side's detector did not watch are none of its runs. */
    comparison = compare("other", "other");
    assert_unpaired(&comparison, LD_UNPAIRED_COUNTERPART, 0, 2 * PAIRS);
    assert_table(&comparison.leaks, 0, 0, 0, 0);
    ld_comparison_done(&comparison);
    /* Who watches in both arms pairs in the first of each. */
    comparison = compare("oracle", "other");
    assert_table(&comparison.leaks, 0, PAIRS, 0, 0);
    assert_int_equal(comparison.across_arms, 2 * PAIRS);
    ld_comparison_done(&comparison);
}

int test_compare(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(alike, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_side_misses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(false_alarms_pair_in_healthy_runs_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_detectors_of_one_campaign, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_evidence_is_left_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_means_end_with_the_shorter_follow_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_seeds_are_no_pairs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leaks_without_the_same_one_are_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_did_not_end_is_no_pair, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leaks_pair_by_their_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_leak_that_comes_again_pairs_by_its_turn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_partner, set_up, tear_down),
        cmocka_unit_test_setup_teardown(over_arms, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("compare", tests, NULL, NULL);
}
