#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "truth/cause.h"
#include "truth/groups.h"

static void names_are_found_and_distinct(void **state)
{
    (void)state;
    for (int i = 0; i < LD_CAUSE_COUNT; i++)
        assert_int_equal(ld_cause_find(ld_cause_table[i].name), i);
    assert_int_equal(ld_cause_find("channel-wait"), -1); /* a class is no cause */
    assert_int_equal(ld_cause_find(""), -1);
}

static void classes_decide(void **state)
{
    (void)state;
    assert_int_equal(ld_cause_compare(LD_CAUSE_CHAN_RECEIVE, LD_CAUSE_CHAN_RECEIVE), LD_CAUSE_RIGHT);
    assert_int_equal(ld_cause_compare(LD_CAUSE_CHAN_RECEIVE, LD_CAUSE_TICKER_WAIT), LD_CAUSE_RIGHT);
    assert_int_equal(ld_cause_compare(LD_CAUSE_CHAN_RECEIVE, LD_CAUSE_CHAN_SEND), LD_CAUSE_WRONG);
    assert_int_equal(ld_cause_compare(LD_CAUSE_CHAN_RECEIVE, LD_CAUSE_GOROUTINE_GROWTH), LD_CAUSE_UNNAMED);
    assert_int_equal(ld_cause_compare(LD_CAUSE_CHAN_RECEIVE, LD_CAUSE_NONE), LD_CAUSE_UNNAMED);
    assert_int_equal(ld_cause_compare(LD_CAUSE_ANY, LD_CAUSE_LOCK), LD_CAUSE_WRONG);
}

int test_cause(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found_and_distinct),
        cmocka_unit_test(classes_decide),
    };
    return cmocka_run_group_tests_name("cause", tests, NULL, NULL);
}
