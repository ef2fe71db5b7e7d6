#include "observe/series.h"

#include <math.h>

#include "base/clock.h"
#include "groups.h"
#include "pprof/support.h"

static void add(struct ld_series *series, int64_t time_ns, double value)
{
    assert_int_equal(ld_series_add(series, time_ns, value), 0);
}

/* Both are exact in binary: no tolerance. */
static void assert_number(double got, double expected)
{
    if (got != expected)
        fail_msg("expected %.17g, got %.17g", expected, got);
}

static void facts_of_a_known_series(void **state)
{
    struct ld_series series;
    struct ld_window_facts facts;
    (void)state;
    assert_int_equal(ld_series_init(&series, LD_MINUTE), 0);
    for (int i = 0; i <= 4; i++)
        add(&series, i * LD_SECOND, (const double[]){1, 3, 2, 2, 5}[i]);
    assert_true(ld_series_window(&series, 4 * LD_SECOND, 4 * LD_SECOND, &facts));
    assert_int_equal(facts.count, 5);
    assert_number(facts.first, 1);
    assert_number(facts.last, 5);
    assert_number(facts.minimum, 1);
    assert_number(facts.maximum, 5);
    assert_number(facts.growth, 4);
    assert_number(facts.slope_per_second, 0.7); /* 7 / 10 */
    assert_number(facts.rising_share, 0.5);
    assert_number(facts.falling_share, 0.25);
    assert_int_equal(facts.covered_ns, 4 * LD_SECOND);
    assert_int_equal(facts.gap_ns, LD_SECOND);
    ld_series_done(&series);
}

/* now - window is outside, the edge is the last point at or before it, now is inside. */
static void the_edges_of_a_window(void **state)
{
    struct ld_series series;
    struct ld_window_facts facts;
    (void)state;
    assert_int_equal(ld_series_init(&series, LD_MINUTE), 0);
    for (int i = 1; i <= 6; i++)
        add(&series, i * 10, i);
    assert_true(ld_series_window(&series, 60, 20, &facts)); /* edge 40, inside 50 and 60 */
    assert_int_equal(facts.count, 3);
    assert_number(facts.first, 4);
    assert_true(ld_series_window(&series, 60, 21, &facts)); /* left edge 39: edge 30 */
    assert_number(facts.first, 3);
    assert_int_equal(facts.covered_ns, 30);
    assert_true(ld_series_window(&series, 55, 20, &facts)); /* 60 is later than now */
    assert_number(facts.first, 3);
    assert_number(facts.last, 5);
    assert_int_equal(facts.gap_ns, 10);
    ld_series_done(&series);
}

static void what_is_not_covered(void **state)
{
    struct ld_series series;
    struct ld_window_facts facts = {.count = 4711};
    (void)state;
    assert_int_equal(ld_series_init(&series, LD_MINUTE), 0);
    assert_false(ld_series_window(&series, 100, 50, &facts)); /* nothing at all */
    add(&series, 100, 1);
    assert_false(ld_series_window(&series, 100, 50, &facts)); /* one point is no window */
    add(&series, 149, 1);
    assert_false(ld_series_window(&series, 149, 50, &facts)); /* younger than the window by one */
    add(&series, 150, 1);
    assert_true(ld_series_window(&series, 150, 50, &facts));
    assert_true(ld_series_window(&series, 199, 50, &facts)); /* left edge 149 */
    facts.count = 4711;
    assert_false(ld_series_window(&series, 200, 50, &facts)); /* silent since the window began */
    add(&series, 250, 1);
    assert_true(ld_series_window(&series, 250, 50, &facts)); /* the edge 150 is 50 before the left edge 200 */
    facts.count = 4711;
    assert_false(ld_series_window(&series, 251, 50, &facts)); /* … and now 51 */
    assert_int_equal(facts.count, 4711);
    ld_series_done(&series);
}

static void the_horizon_keeps_one_edge(void **state)
{
    struct ld_series series;
    struct ld_window_facts facts;
    (void)state;
    assert_int_equal(ld_series_init(&series, 100), 0);
    for (int i = 0; i <= 1000; i++) {
        add(&series, i * 30, i);
        assert_true(series.count <= 5);
    }
    assert_int_equal(series.points[0].time_ns, 30000 - 120); /* the last at or before 29900 */
    assert_true(ld_series_window(&series, 30000, 100, &facts));
    assert_int_equal(facts.count, 5);
    ld_series_clear(&series);
    assert_false(ld_series_window(&series, 30000, 100, &facts));
    add(&series, 0, 1); /* after clearing, time may begin anew */
    ld_series_done(&series);
}

static void nonsense_is_refused(void **state)
{
    struct ld_series series;
    (void)state;
    assert_int_equal(ld_series_init(&series, 100), 0);
    add(&series, 50, 1);
    assert_int_equal(ld_series_add(&series, 49, 1), LD_EUSAGE);
    assert_int_equal(ld_series_add(&series, 51, (double)NAN), LD_EUSAGE);
    assert_int_equal(ld_series_add(&series, 51, (double)INFINITY), LD_EUSAGE);
    add(&series, 50, 2);
    assert_int_equal(series.count, 2);
    ld_series_done(&series);
}

static void points_of_one_time_have_no_slope(void **state)
{
    struct ld_series series;
    struct ld_window_facts facts;
    (void)state;
    assert_int_equal(ld_series_init(&series, 0), 0);
    add(&series, 50, 1);
    add(&series, 60, 9);
    assert_int_equal(series.count, 1); /* horizon 0: the newest is its own edge */
    ld_series_done(&series);
    assert_int_equal(ld_series_init(&series, 10), 0);
    add(&series, 50, 1);
    add(&series, 60, 1);
    add(&series, 60, 4);
    assert_true(ld_series_window(&series, 60, 10, &facts));
    assert_number(facts.slope_per_second, 150000000); /* least squares: (1 at 0, 1 and 4 at 10 ns) */
    ld_series_done(&series);
}

static void the_number_of_points_is_limited(void **state)
{
    struct ld_series series;
    (void)state;
    assert_int_equal(ld_series_init(&series, LD_DAY), 0);
    for (size_t i = 0; i < LD_SERIES_POINTS_MAX; i++)
        if (ld_series_add(&series, (int64_t)i, 1))
            fail_msg("refused at %zu", i);
    assert_int_equal(ld_series_add(&series, LD_SECOND, 1), LD_ELIMIT);
    assert_int_equal(series.count, LD_SERIES_POINTS_MAX);
    ld_series_done(&series);
}

int test_series(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_of_a_known_series),      cmocka_unit_test(the_edges_of_a_window),
        cmocka_unit_test(what_is_not_covered),          cmocka_unit_test(the_horizon_keeps_one_edge),
        cmocka_unit_test(nonsense_is_refused),          cmocka_unit_test(points_of_one_time_have_no_slope),
        cmocka_unit_test(the_number_of_points_is_limited),
    };
    return cmocka_run_group_tests_name("series", tests, NULL, NULL);
}
