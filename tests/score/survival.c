/* Freireich et al. 1963 (Blood 21, 699-716), remission of acute leukaemia in weeks, as in every textbook (Kleinbaum
 * and Klein, Survival Analysis, ch. 2): with 6-MP S(6) = 0.857, S(10) = 0.753, S(23) = 0.448 and median 23; placebo
 * median 8, mean 8.667. Restricted mean of 6-MP to week 35: 23.29 (R survfit, rmean). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "score/groups.h"
#include "score/internal.h"
#include "score/statistics.h"

static const struct {
    int week;
    bool event;
} six_mp[] = {{6, true},   {6, true},   {6, true},   {6, false},  {7, true},   {9, false},  {10, true},
              {10, false}, {11, false}, {13, true},  {16, true},  {17, false}, {19, false}, {20, false},
              {22, true},  {23, true},  {25, false}, {32, false}, {32, false}, {34, false}, {35, false}};
static const int placebo[] = {1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23};

static void freireich(void **state)
{
    (void)state;
    struct ld_survival_time times[21];
    for (size_t i = 0; i < 21; i++) /* backwards: the function sorts */
        times[20 - i] = (struct ld_survival_time){six_mp[i].week * LD_SECOND, six_mp[i].event};
    struct ld_survival survival;
    ld_kaplan_meier(times, 21, &survival);
    assert_int_equal(survival.n, 21);
    assert_int_equal(survival.events, 9);
    assert_int_equal(survival.median_ns, 23 * LD_SECOND);
    assert_int_equal(survival.p95_ns, -1);
    assert_int_equal(survival.restricted_to_ns, 35 * LD_SECOND);
    assert_true(fabs(survival.fraction - (1 - 0.448)) < 0.0005);
    assert_true(fabs((double)survival.restricted_mean_ns / 1e9 - 23.29) < 0.005);

    for (size_t i = 0; i < 21; i++)
        times[i] = (struct ld_survival_time){placebo[i] * LD_SECOND, true};
    ld_kaplan_meier(times, 21, &survival);
    assert_int_equal(survival.median_ns, 8 * LD_SECOND);
    assert_int_equal(survival.restricted_mean_ns, INT64_C(8666666667)); /* 182 / 21 */
    assert_true(survival.fraction > 0.999999);
}

static void small_and_odd(void **state)
{
    (void)state;
    struct ld_survival survival;
    ld_kaplan_meier(NULL, 0, &survival);
    assert_int_equal(survival.n, 0);
    assert_int_equal(survival.median_ns, -1);
    assert_int_equal(survival.restricted_mean_ns, 0);

    struct ld_survival_time four[] = {{3, true}, {1, true}, {4, false}, {2, true}};
    ld_kaplan_meier(four, 4, &survival);
    assert_int_equal(survival.median_ns, 2); /* S(2) is exactly one half */

    struct ld_survival_time censored[] = {{5, false}, {5, false}, {5, true}};
    ld_kaplan_meier(censored, 3, &survival); /* at a tie the event comes first: 1 of 3 */
    assert_int_equal(survival.median_ns, -1);
    assert_true(fabs(survival.fraction - 1.0 / 3) < 1e-12);

    struct ld_survival_time early[] = {{-7, true}, {10, true}};
    ld_kaplan_meier(early, 2, &survival);
    assert_int_equal(survival.median_ns, 0);
    assert_int_equal(survival.restricted_mean_ns, 5);
}

static void p95_needs_its_runs(void **state)
{
    (void)state;
    struct ld_survival_time times[59];
    struct ld_survival survival;
    for (int i = 0; i < 59; i++)
        times[i] = (struct ld_survival_time){(i + 1) * LD_SECOND, true};
    ld_kaplan_meier(times, 59, &survival);
    assert_int_equal(survival.p95_ns, 57 * LD_SECOND); /* S(56) = 3/59 > 5 %, S(57) = 2/59 */
    assert_int_equal(survival.median_ns, 30 * LD_SECOND);
    ld_kaplan_meier(times, 58, &survival);
    assert_int_equal(survival.p95_ns, -1);
}

/* A curve that fell to nothing is known for ever, one that somebody still waits in to its end. */
static void two_sides_are_told_as_far_as_both_are_known(void **state)
{
    static const struct {
        struct ld_survival_time left, right;
        int64_t to_ns;
    } cases[] = {
        {{5, true}, {9, true}, 9}, {{5, false}, {9, true}, 5}, {{5, true}, {9, false}, 9}, {{5, false}, {9, false}, 5}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct score_reach left = {0, -1}, right = {0, -1};
        score_reach_add(&left, &cases[i].left);
        score_reach_add(&right, &cases[i].right);
        assert_int_equal(score_restrict_to(&left, &right), cases[i].to_ns);
        assert_int_equal(score_restrict_to(&right, &left), cases[i].to_ns);
    }
    assert_false(score_restricted((struct ld_survival_time){9, true}, 5).event);
    assert_true(score_restricted((struct ld_survival_time){5, true}, 5).event);
}

int test_survival(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(freireich),
        cmocka_unit_test(small_and_odd),
        cmocka_unit_test(p95_needs_its_runs),
        cmocka_unit_test(two_sides_are_told_as_far_as_both_are_known),
    };
    return cmocka_run_group_tests_name("survival", tests, NULL, NULL);
}
