/* What two of a kind said of the same observations, with and without names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "groups.h"
#include "runner/run/agreement.h"

static const struct ld_alert alert = {.id = 1,
                                      .evidence = 41,
                                      .evidence_time_ns = 5,
                                      .receipt_ns = 9,
                                      .cause = LD_CAUSE_CHAN_RECEIVE,
                                      .site = "shop/digest.Open",
                                      .amount = 4,
                                      .why = "4 wait",
                                      .rule = "r",
                                      .rule_version = "v1"};

static void check_difference(const struct ld_alert *blind, const struct ld_alert *sighted, const char *expected)
{
    struct ld_agreement *agreement = ld_agreement_new();
    assert_non_null(agreement);
    if (blind)
        ld_agreement_add(agreement, LD_SIGHT_BLIND, blind);
    if (sighted)
        ld_agreement_add(agreement, LD_SIGHT_SIGHTED, sighted);
    ld_agreement_compare(agreement);
    assert_string_equal(ld_agreement_text(agreement), expected);
    ld_agreement_free(agreement);
}

static void equal_alerts_agree(void **state)
{
    struct ld_agreement *agreement = ld_agreement_new();
    struct ld_alert later = alert;
    (void)state;
    assert_string_equal(ld_agreement_text(agreement), "agrees: 0 alerts");
    later.receipt_ns = 77; /* when it arrived is no difference */
    for (int i = 0; i < 40; i++) {
        ld_agreement_add(agreement, LD_SIGHT_SIGHTED, &later);
        ld_agreement_add(agreement, LD_SIGHT_BLIND, &alert);
    }
    ld_agreement_compare(agreement);
    ld_agreement_compare(agreement);
    assert_string_equal(ld_agreement_text(agreement), "agrees: 40 alerts");
    ld_agreement_free(agreement);
}

static void every_difference_is_told(void **state)
{
    struct ld_alert other = alert;
    (void)state;
    check_difference(&alert, NULL, "differs: only without names: open at observation 41 (site \"shop/digest.Open\")");
    check_difference(NULL, &alert, "differs: only with names: open at observation 41 (site \"shop/digest.Open\")");
    other.site = "shop/digest.Close";
    check_difference(&other, &alert,
                     "differs: without names: open at observation 41 (site \"shop/digest.Close\"), with names open at "
                     "observation 41 (site \"shop/digest.Open\")");
    other.site = alert.site;
    other.why = "5 wait";
    check_difference(
        &other, &alert,
        "differs: open at observation 41 (site \"shop/digest.Open\"): without names \"5 wait\", with names "
        "\"4 wait\"");
    other.why = alert.why;
    other.amount = 4.5;
    check_difference(
        &other, &alert,
        "differs: open at observation 41 (site \"shop/digest.Open\"): without names \"4 wait\", with names "
        "\"4 wait\"");
}

/* Sites come in the order of their names: claims made at once may change places, and with them their numbers. */
static void order_within_an_observation_is_no_difference(void **state)
{
    struct ld_agreement *agreement = ld_agreement_new();
    struct ld_alert first = alert, second = alert;
    (void)state;
    second.id = 2;
    second.site = "shop/digest.Close";
    ld_agreement_add(agreement, LD_SIGHT_BLIND, &first);
    ld_agreement_add(agreement, LD_SIGHT_BLIND, &second);
    first.id = 2;
    second.id = 1;
    ld_agreement_add(agreement, LD_SIGHT_SIGHTED, &second);
    ld_agreement_add(agreement, LD_SIGHT_SIGHTED, &first);
    ld_agreement_compare(agreement);
    assert_string_equal(ld_agreement_text(agreement), "agrees: 2 alerts");
    ld_agreement_free(agreement);
}

/* What was said of one observation is not compared with what was said of the next. */
static void the_observation_counts(void **state)
{
    struct ld_agreement *agreement = ld_agreement_new();
    (void)state;
    ld_agreement_add(agreement, LD_SIGHT_BLIND, &alert);
    ld_agreement_compare(agreement);
    ld_agreement_add(agreement, LD_SIGHT_SIGHTED, &alert);
    ld_agreement_compare(agreement);
    assert_string_equal(ld_agreement_text(agreement),
                        "differs: only without names: open at observation 41 (site \"shop/digest.Open\")");
    ld_agreement_free(agreement);
}

static void one_that_broke_differs(void **state)
{
    struct ld_agreement *agreement = ld_agreement_new();
    (void)state;
    ld_agreement_broke(agreement, LD_SIGHT_BLIND, "out of memory");
    ld_agreement_broke(agreement, LD_SIGHT_SIGHTED, "out of memory");
    assert_string_equal(ld_agreement_text(agreement), "differs: without names: it broke, out of memory");
    ld_agreement_free(agreement);
}

int test_agreement(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_alerts_agree),
        cmocka_unit_test(every_difference_is_told),
        cmocka_unit_test(order_within_an_observation_is_no_difference),
        cmocka_unit_test(the_observation_counts),
        cmocka_unit_test(one_that_broke_differs),
    };
    return cmocka_run_group_tests_name("agreement", tests, NULL, NULL);
}
