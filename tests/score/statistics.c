/* Known values. Newcombe 1998: R. G. Newcombe, Statistics in Medicine 17, 857-872, table I, methods 3 (Wilson) and 5
 * (Clopper-Pearson). R: the printed examples of binom.test, fisher.test and poisson.test. Others follow from closed
 * forms, which are given. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "score/groups.h"
#include "score/statistics.h"

#define NEAR(seen, wanted, within)                                                            \
    do {                                                                                      \
        double seen_value = (seen), wanted_value = (wanted);                                  \
        if (!(fabs(seen_value - wanted_value) <= (within)))                                   \
            fail_msg("%s is %.9g, wanted %.9g", #seen, seen_value, wanted_value);             \
    } while (0)

#define TWO_SIDED_95 0.975

static void beta_and_gamma(void **state)
{
    (void)state;
    NEAR(ld_beta_regularised(1, 1, 0.3), 0.3, 1e-13);                /* uniform */
    NEAR(ld_beta_regularised(2, 2, 0.25), 0.15625, 1e-13);           /* 3x^2 - 2x^3 */
    NEAR(ld_beta_regularised(0.5, 0.5, 0.5), 0.5, 1e-13);            /* arcsine law */
    NEAR(ld_beta_regularised(0.5, 0.5, 0.25), 1.0 / 3, 1e-13);       /* 2/pi asin(sqrt x) */
    NEAR(ld_beta_regularised(5000, 5000, 0.5), 0.5, 1e-9);
    NEAR(ld_gamma_regularised(1, 2), 1 - exp(-2), 1e-13);            /* exponential */
    NEAR(ld_gamma_regularised(0.5, 2), erf(sqrt(2)), 1e-13);
    NEAR(ld_gamma_regularised(3, 10), 1 - exp(-10) * 61, 1e-13);     /* Erlang: 1 + 10 + 50 */
    assert_true(isnan(ld_beta_regularised(0, 1, 0.5)));
    assert_true(isnan(ld_beta_regularised(1, 1, 1.5)));
    assert_true(isnan(ld_gamma_regularised(-1, 1)));
    assert_true(isnan(ld_gamma_regularised(1, NAN)));
}

static void clopper_pearson(void **state)
{
    (void)state;
    NEAR(ld_clopper_pearson_lower(20, 20, TWO_SIDED_95), 0.8316, 5e-5);  /* 0.025^(1/20) */
    NEAR(ld_clopper_pearson_lower(60, 60, TWO_SIDED_95), 0.9404, 5e-5);
    NEAR(ld_clopper_pearson_lower(100, 100, TWO_SIDED_95), 0.9638, 5e-5);
    NEAR(ld_clopper_pearson_lower(59, 59, 0.95), 0.9505, 5e-5);          /* 0.05^(1/59) >= 95 % */
    assert_true(ld_clopper_pearson_lower(58, 58, 0.95) < 0.95);
    assert_true(ld_clopper_pearson_lower(45, 45, 0.90) >= 0.95);
    assert_true(ld_clopper_pearson_lower(44, 44, 0.90) < 0.95);
    assert_true(ld_clopper_pearson_lower(373, 373, 0.95) >= 0.992);
    assert_true(ld_clopper_pearson_lower(372, 372, 0.95) < 0.992);
    NEAR(ld_clopper_pearson_lower(81, 263, TWO_SIDED_95), 0.2527, 5e-5); /* Newcombe 1998 */
    NEAR(ld_clopper_pearson_upper(81, 263, TWO_SIDED_95), 0.3676, 5e-5);
    NEAR(ld_clopper_pearson_lower(15, 148, TWO_SIDED_95), 0.0578, 5e-5);
    NEAR(ld_clopper_pearson_upper(15, 148, TWO_SIDED_95), 0.1617, 5e-5);
    NEAR(ld_clopper_pearson_lower(0, 20, TWO_SIDED_95), 0, 0);
    NEAR(ld_clopper_pearson_upper(0, 20, TWO_SIDED_95), 0.1684, 5e-5);
    NEAR(ld_clopper_pearson_lower(1, 29, TWO_SIDED_95), 0.0009, 5e-5);
    NEAR(ld_clopper_pearson_upper(1, 29, TWO_SIDED_95), 0.1776, 5e-5);
    NEAR(ld_clopper_pearson_lower(682, 925, TWO_SIDED_95), 0.7076683, 5e-8); /* R: Mendel's peas */
    NEAR(ld_clopper_pearson_upper(682, 925, TWO_SIDED_95), 0.7654066, 5e-8);
    assert_true(isnan(ld_clopper_pearson_lower(2, 1, 0.95)));
    assert_true(isnan(ld_clopper_pearson_lower(0, 0, 0.95)));
    assert_true(isnan(ld_clopper_pearson_upper(1, 1, 1)));
}

static void wilson(void **state)
{
    (void)state;
    static const struct {
        int64_t hits, n;
        double lower, upper;
    } newcombe[] = {{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718}};
    for (size_t i = 0; i < sizeof newcombe / sizeof *newcombe; i++) {
        double lower, upper;
        ld_wilson(newcombe[i].hits, newcombe[i].n, 0.95, &lower, &upper);
        NEAR(lower, newcombe[i].lower, 5e-5);
        NEAR(upper, newcombe[i].upper, 5e-5);
        ld_wilson(newcombe[i].n - newcombe[i].hits, newcombe[i].n, 0.95, &lower, &upper);
        NEAR(lower, 1 - newcombe[i].upper, 5e-5);
        NEAR(upper, 1 - newcombe[i].lower, 5e-5);
    }
    double lower, upper;
    ld_wilson(-1, 5, 0.95, &lower, &upper);
    assert_true(isnan(lower) && isnan(upper));
}

static void poisson(void **state)
{
    (void)state;
    NEAR(ld_poisson_upper(0, 24, 0.95), 0.1248, 5e-5);          /* -ln 0.05 / 24: 0 in a day is at most 0.125/h */
    NEAR(ld_poisson_lower(0, 24, 0.95), 0, 0);
    NEAR(ld_poisson_upper(0, 1, TWO_SIDED_95), 3.689, 5e-4);    /* Garwood 1936, 95 % */
    NEAR(ld_poisson_lower(1, 1, TWO_SIDED_95), 0.0253, 5e-5);
    NEAR(ld_poisson_upper(1, 1, TWO_SIDED_95), 5.572, 5e-4);
    NEAR(ld_poisson_lower(10, 1, TWO_SIDED_95), 4.795, 5e-4);
    NEAR(ld_poisson_upper(10, 1, TWO_SIDED_95), 18.39, 5e-3);
    NEAR(ld_poisson_lower(137, 24.19893, TWO_SIDED_95), 4.753125, 5e-7); /* R: poisson.test(137, 24.19893) */
    NEAR(ld_poisson_upper(137, 24.19893, TWO_SIDED_95), 6.692709, 5e-7);
    NEAR(ld_poisson_test(0, 3), 2 * exp(-3), 1e-12);
    NEAR(ld_poisson_test(3, 3), 1, 0);
    NEAR(ld_poisson_test(8, 3), 2 * 0.011905, 5e-6);            /* 1 - P(X <= 7; 3) = 0.0119 in any Poisson table */
    NEAR(ld_poisson_test(0, 0), 1, 0);
    assert_true(ld_poisson_test(1000, 100) < 1e-12);
    assert_true(isnan(ld_poisson_upper(0, 0, 0.95)));
    assert_true(isnan(ld_poisson_test(-1, 1)));
}

static void mcnemar_and_fisher(void **state)
{
    (void)state;
    NEAR(ld_mcnemar(6, 0), 0.03125, 1e-12);     /* 2/2^6: six one-way pairs are needed for p < 0.05 */
    NEAR(ld_mcnemar(0, 5), 0.0625, 1e-12);
    NEAR(ld_mcnemar(10, 2), 158.0 / 4096, 1e-12); /* 2 (1 + 12 + 66) / 2^12 */
    NEAR(ld_mcnemar(3, 3), 1, 0);
    NEAR(ld_mcnemar(0, 0), 1, 0);
    assert_true(isnan(ld_mcnemar(-1, 0)));
    NEAR(ld_fisher(3, 1, 1, 3), 34.0 / 70, 1e-9);        /* Fisher's tea: (1 + 16 + 16 + 1) / 70 */
    NEAR(ld_fisher(2, 10, 15, 3), 0.0005367, 5e-8);      /* R: Convictions */
    NEAR(ld_fisher(5, 0, 0, 5), 2.0 / 252, 1e-9);
    NEAR(ld_fisher(0, 0, 0, 0), 1, 1e-12);
    NEAR(ld_fisher_more(3, 1, 1, 3), 17.0 / 70, 1e-9); /* half of the tea */
    NEAR(ld_fisher_more(1, 3, 3, 1), 69.0 / 70, 1e-9);
    NEAR(ld_fisher_more(2, 0, 0, 13), 1.0 / 105, 1e-9);
    NEAR(ld_fisher_more(0, 9, 0, 7), 1, 1e-12);
    assert_true(isnan(ld_fisher_more(-1, 0, 0, 0)));
    assert_true(isnan(ld_fisher(-1, 0, 0, 0)));
    assert_true(isnan(ld_fisher(LD_FISHER_MAX, 1, 0, 0)));
}

/* Wald with p0 = 5 %, p1 = 20 %, alpha = beta = 5 %: the bounds are ln 19 and -ln 19; a miss adds ln 4, a hit
 * ln(0.80/0.95), so 18 clean runs accept and 3 misses at once reject. */
int test_statistics(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beta_and_gamma),      cmocka_unit_test(clopper_pearson), cmocka_unit_test(wilson),
        cmocka_unit_test(poisson),             cmocka_unit_test(mcnemar_and_fisher),
    };
    return cmocka_run_group_tests_name("statistics", tests, NULL, NULL);
}
