/* How late the loop was, between two snapshots of its counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "groups.h"
#include "runner/run/control.h"

#define TICK_MS 10

/* As the loop counts: a stall swallows the ticks due during it, each a tick less late than the one before. */
static void stall(struct ld_lag *lag, int64_t stall_ms)
{
    for (int64_t late = stall_ms; late >= 0; late -= TICK_MS)
        lag->counts[late < LD_LAG_BUCKETS ? late : LD_LAG_BUCKETS - 1]++;
    if (stall_ms * LD_MS > lag->worst_ns)
        lag->worst_ns = stall_ms * LD_MS;
}

static void in_time(struct ld_lag *lag, int64_t duration_ms)
{
    lag->counts[0] += (uint64_t)(duration_ms / TICK_MS);
}

static void a_stall_is_not_outvoted(void **state)
{
    static struct ld_lag before, after;
    (void)state;
    in_time(&before, 60000);
    after = before;
    in_time(&after, 1100);
    stall(&after, 900); /* of 2 s */
    /* 201 ticks: all but two were at most 880 ms late. The upper edges of their buckets. */
    assert_int_equal(ld_lag_p99(&before, &after), 881 * LD_MS);
    assert_int_equal(ld_lag_worst(&before, &after), 901 * LD_MS);
}

static void what_was_before_is_not_the_runs(void **state)
{
    static struct ld_lag before, after;
    (void)state;
    stall(&before, 3000);
    after = before;
    in_time(&after, 2000);
    stall(&after, 900);
    assert_int_equal(ld_lag_worst(&before, &after), 901 * LD_MS);
    before = after;
    in_time(&after, 2000);
    stall(&after, 40);
    assert_int_equal(ld_lag_worst(&before, &after), 41 * LD_MS);
    assert_true(ld_lag_p99(&before, &after) <= 41 * LD_MS);
    assert_int_equal(ld_lag_worst(&after, &after), 0);
    assert_int_equal(ld_lag_p99(&after, &after), 0);
}

/* The percentile is what one tick in a hundred was later than, not the worst. */
static void a_percentile_stands_in_its_bucket(void **state)
{
    static struct ld_lag before, after;
    (void)state;
    after = before;
    in_time(&after, 9000);
    stall(&after, 300);
    /* 931 ticks, 1 % of which is 9: the tenth from above is 90 ms less late than the stall was long. */
    assert_in_range((unsigned long)ld_lag_p99(&before, &after), 205 * LD_MS, 225 * LD_MS);
    assert_int_equal(ld_lag_worst(&before, &after), 301 * LD_MS);
}

int test_lag(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stall_is_not_outvoted),
        cmocka_unit_test(what_was_before_is_not_the_runs),
        cmocka_unit_test(a_percentile_stands_in_its_bucket),
    };
    return cmocka_run_group_tests_name("lag", tests, NULL, NULL);
}
