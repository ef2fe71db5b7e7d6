/* Wald's test against its known decisions, and its exact operating characteristics against Wald's approximations. */
#include "groups.h"

#include <math.h>

#include "base/error.h"
#include "scenario/sprt.h"

static const struct ld_sprt_test usual = {0.05, 0.20, 0.05, 0.05, 1, 60};

static void sprt_decides_as_known(void **state)
{
    (void)state;
    assert_int_equal(ld_sprt(0, 17, 0.05, 0.20, 0.05, 0.05), LD_SPRT_CONTINUE);
    assert_int_equal(ld_sprt(0, 18, 0.05, 0.20, 0.05, 0.05), LD_SPRT_ACCEPT);
    assert_int_equal(ld_sprt(2, 2, 0.05, 0.20, 0.05, 0.05), LD_SPRT_CONTINUE);
    assert_int_equal(ld_sprt(3, 3, 0.05, 0.20, 0.05, 0.05), LD_SPRT_REJECT);
    assert_int_equal(ld_sprt(1, 25, 0.05, 0.20, 0.05, 0.05), LD_SPRT_CONTINUE);
    assert_int_equal(ld_sprt(1, 27, 0.05, 0.20, 0.05, 0.05), LD_SPRT_ACCEPT);
    assert_int_equal(ld_sprt(5, 4, 0.05, 0.20, 0.05, 0.05), LD_SPRT_CONTINUE); /* nonsense decides nothing */
}

static void least_and_most_hold(void **state)
{
    (void)state;
    struct ld_sprt_test test = usual;
    assert_int_equal(ld_sprt_goods_needed(&test, 0, 0), 18);
    assert_int_equal(ld_sprt_goods_needed(&test, 0, 17), 1);
    test.min = 30;
    assert_int_equal(ld_sprt_decide(&test, 0, 29), LD_SPRT_CONTINUE);
    assert_int_equal(ld_sprt_decide(&test, 0, 30), LD_SPRT_ACCEPT);
    assert_int_equal(ld_sprt_goods_needed(&test, 0, 0), 30);
    test.max = 20;
    assert_int_equal(ld_sprt_decide(&test, 0, 30), LD_SPRT_CONTINUE);
    assert_int_equal(ld_sprt_goods_needed(&test, 0, 15), 6); /* one more than there are: it cannot accept */
}

/* E[n] = (P(accept) ln(b/(1-a)) + P(reject) ln((1-b)/a)) / E[z], without the overshoot. */
static double wald(const struct ld_sprt_test *test, double p, double reject)
{
    double low = log(test->beta / (1 - test->alpha)), high = log((1 - test->beta) / test->alpha);
    double z = p * log(test->p1 / test->p0) + (1 - p) * log((1 - test->p1) / (1 - test->p0));
    return ((1 - reject) * low + reject * high) / z;
}

static void the_exact_numbers_are_near_walds(void **state)
{
    (void)state;
    struct ld_sprt_test open = usual;
    struct ld_sprt_expectation good, bad, capped;
    open.max = LD_SPRT_TRIALS_MAX;
    assert_int_equal(ld_sprt_expect(&open, 0.05, &good), 0);
    assert_int_equal(ld_sprt_expect(&open, 0.20, &bad), 0);
    assert_true(fabs(wald(&open, 0.05, 0.05) - 28) < 0.5 && fabs(wald(&open, 0.20, 0.95) - 19) < 0.5);
    assert_true(good.trials > 26 && good.trials < 33);
    assert_true(bad.trials > 18 && bad.trials < 25);
    assert_true(good.rejects <= 0.05 && bad.accepts <= 0.05);
    assert_true(good.undecided < 1e-9 && bad.undecided < 1e-9);
    assert_int_equal(ld_sprt_expect(&usual, 0.05, &capped), 0);
    assert_true(capped.trials < good.trials && capped.rejects <= good.rejects);
    assert_true(capped.undecided > 0.01 && capped.undecided < 0.10);
    assert_true(fabs(capped.accepts + capped.rejects + capped.undecided - 1) < 1e-9);
    open.max = LD_SPRT_TRIALS_MAX + 1;
    assert_int_equal(ld_sprt_expect(&open, 0.05, &good), LD_ELIMIT);
}

/* Bounds, not approximations: also where errors may be large and a step is short beside them. */
static void large_errors_stay_within_their_bounds(void **state)
{
    (void)state;
    for (int percent = 5; percent <= 45; percent += 5) {
        double error = percent / 100.0;
        for (int64_t min = 1; min <= 20; min += 19) {
            struct ld_sprt_test test = {0.40, 0.42, error, error, min, LD_SPRT_TRIALS_MAX};
            struct ld_sprt_expectation good, bad;
            assert_int_equal(ld_sprt_expect(&test, test.p0, &good), 0);
            assert_int_equal(ld_sprt_expect(&test, test.p1, &bad), 0);
            if (good.rejects > error || bad.accepts > error)
                fail_msg("min %lld: rejects %g, accepts %g, each at most %g", (long long)min, good.rejects, bad.accepts,
                         error);
        }
    }
}

static void certain_rates_need_the_known_trials(void **state)
{
    (void)state;
    struct ld_sprt_expectation expectation;
    assert_int_equal(ld_sprt_expect(&usual, 0, &expectation), 0);
    assert_true(fabs(expectation.trials - 18) < 1e-9 && fabs(expectation.accepts - 1) < 1e-9);
    assert_int_equal(ld_sprt_expect(&usual, 1, &expectation), 0);
    assert_true(fabs(expectation.trials - 3) < 1e-9 && fabs(expectation.rejects - 1) < 1e-9);
}

int test_sprt(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sprt_decides_as_known),
        cmocka_unit_test(least_and_most_hold),
        cmocka_unit_test(the_exact_numbers_are_near_walds),
        cmocka_unit_test(large_errors_stay_within_their_bounds),
        cmocka_unit_test(certain_rates_need_the_known_trials),
    };
    return cmocka_run_group_tests_name("sprt", tests, NULL, NULL);
}
