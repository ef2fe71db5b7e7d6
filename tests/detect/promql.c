/* The selectors of PromQL expressions, as they are written in rule files that people publish. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "detect/groups.h"
#include "detect/promql.h"

static char found[1000];

static int take(void *context, const char *selector, size_t length)
{
    unsigned *left = context;
    size_t used = strlen(found);
    snprintf(found + used, sizeof found - used, "%s%.*s", used ? " | " : "", (int)length, selector);
    return --*left == 0 ? 7 : 0;
}

static void assert_selectors(const char *text, const char *wanted)
{
    unsigned left = 1000;
    found[0] = '\0';
    assert_int_equal(ld_promql_selectors(text, take, &left), 0);
    assert_string_equal(found, wanted);
}

static void test_selectors(void **unused)
{
    (void)unused;
    assert_selectors("go_goroutines > 1000", "go_goroutines");
    assert_selectors("up == 0", "up");
    assert_selectors("go_goroutines{job=\"shop\", instance!~\"a}b|c\"} > 1e3",
                     "go_goroutines{job=\"shop\", instance!~\"a}b|c\"}");
    assert_selectors("rate(process_cpu_seconds_total{job='a'}[5m:1m] offset 1h)", "process_cpu_seconds_total{job='a'}");
    assert_selectors("sum by (job, instance) (rate(http_requests_total[5m])) / on (job) group_left (team) "
                     "sum without(code)(http_up)", "http_requests_total | http_up");
    assert_selectors("sum(go_goroutines) by (job) > 5", "go_goroutines");
    assert_selectors("histogram_quantile(0.99, sum(rate(x_bucket[1m])) by (le)) > 0x1F", "x_bucket");
    assert_selectors("{__name__=~\"go_.*\", job=`a\\`} and ON() vector(1)", "{__name__=~\"go_.*\", job=`a\\`}");
    assert_selectors("job:requests:rate5m unless bool_metric", "job:requests:rate5m | bool_metric");
    assert_selectors("a # b\n+ c - Inf", "a | c");
    assert_selectors("predict_linear(process_resident_memory_bytes[1h], 4 * 3600) > 1.5e+9 and deriv(m[5m]) > .5",
                     "process_resident_memory_bytes | m");
    assert_selectors("label_replace(up, \"x\", \"$1\", \"job\", \"(.*)\") @ end()", "up");
    assert_selectors("go_goroutines { job = \"a\" } > bool 3", "go_goroutines { job = \"a\" }");
    assert_selectors("max_over_time(go_goroutines[1h] @ 1609746000) - min_over_time(go_goroutines[1h])",
                     "go_goroutines | go_goroutines");
}

/* What is cut off ends it. */
static void test_no_promql(void **unused)
{
    (void)unused;
    assert_selectors("", "");
    assert_selectors("#", "");
    assert_selectors("a{b=\"", "a{b=\"");
    assert_selectors("a{b=\"\\", "a{b=\"\\");
    assert_selectors("sum by (", "");
    assert_selectors("[5m", "");
    assert_selectors("by", "");
    assert_selectors("1e", "");
}

static void test_the_taker_ends_it(void **unused)
{
    unsigned left = 2;
    (void)unused;
    found[0] = '\0';
    assert_int_equal(ld_promql_selectors("a + b + c", take, &left), 7);
    assert_string_equal(found, "a | b");
}

int test_promql(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_selectors),
        cmocka_unit_test(test_no_promql),
        cmocka_unit_test(test_the_taker_ends_it),
    };
    return cmocka_run_group_tests_name("promql", tests, NULL, NULL);
}
