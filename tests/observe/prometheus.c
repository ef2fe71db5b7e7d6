#include "observe/prometheus.h"

#include "groups.h"
#include "pprof/support.h"

static size_t parse(const char *text, struct ld_point *points, size_t room)
{
    struct ld_error error = {0};
    size_t count = 4711;
    if (ld_prometheus_parse(text, strlen(text), points, room, &count, &error))
        fail_msg("%s", error.message);
    return count;
}

/* What the official Go client (client_golang 1.20, Go 1.26) writes, shortened. */
static const char real[] = "# HELP go_gc_duration_seconds A summary of the wall-time pause (stop-the-world) duration "
                           "in garbage collection cycles.\n"
                           "# TYPE go_gc_duration_seconds summary\n"
                           "go_gc_duration_seconds{quantile=\"0\"} 2.4866e-05\n"
                           "go_gc_duration_seconds{quantile=\"1\"} 0.000157\n"
                           "go_gc_duration_seconds_sum 0.000182\n"
                           "go_gc_duration_seconds_count 3\n"
                           "# TYPE go_goroutines gauge\n"
                           "go_goroutines 19\n"
                           "go_info{version=\"go1.26 } x\\\"y\"} 1\n"
                           "go_memstats_heap_alloc_bytes 2.097152e+06\n"
                           "go_memstats_last_gc_time_seconds 1.7e+09 1700000000000\n"
                           "go_threads 8 \n"
                           "\n"
                           "promhttp_metric_handler_requests_total{code=\"200\",} 0\n"
                           "odd NaN\nodd2 +Inf -5\n";

static void real_metrics_are_read(void **state)
{
    static const struct ld_point expected[] = {
        {LD_METRIC_GC_PAUSE_SUM, 0.000182}, {LD_METRIC_GC_CYCLES, 3},   {LD_METRIC_GOROUTINES, 19},
        {LD_METRIC_HEAP_ALLOC, 2097152},    {LD_METRIC_OS_THREADS, 8},
    };
    struct ld_point points[LD_METRIC_COUNT];
    (void)state;
    assert_int_equal(parse(real, points, LD_METRIC_COUNT), 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(points[i].metric, expected[i].metric);
        assert_true(points[i].value == expected[i].value);
    }
    assert_int_equal(parse(real, points, 2), 2);
    assert_int_equal(parse("", points, 2), 0);
    assert_int_equal(parse("go_goroutines NaN\ngo_threads +Inf\n", points, 2), 0);
    assert_int_equal(parse("go_goroutines{instance=\"a\"} 7\n", points, 2), 0);
    assert_int_equal(parse("go_goroutines\t-1.5E+2\n", points, 2), 1);
    assert_true(points[0].value == -150);
}

static void broken_lines_are_told_by_number(void **state)
{
    static const struct {
        const char *text;
        int code;
        unsigned line;
    } rows[] = {
        {"<html>\n", LD_ESYNTAX, 1},
        {"# c\n\ngo_goroutines\n", LD_ESYNTAX, 3},
        {"go_goroutines 1 2 3\n", LD_ESYNTAX, 1},
        {"go_goroutines 1 x\n", LD_ESYNTAX, 1},
        {"go_goroutines 1x\n", LD_ESYNTAX, 1},
        {"go_goroutines 0x10\n", LD_ESYNTAX, 1},
        {"go_goroutines -\n", LD_ESYNTAX, 1},
        {"go_goroutines \n", LD_ESYNTAX, 1},
        {"a{b=\"c} 1\n", LD_ESYNTAX, 1},
        {"a{b=\"c\"\n", LD_ESYNTAX, 1},
        {"1a 1\n", LD_ESYNTAX, 1},
        {"a 1\nb-c 1\n", LD_ESYNTAX, 2},
        {"go_threads 1\ngo_threads 2\n", LD_ESYNTAX, 2},
        {"a 1\nb 1", LD_ETRUNCATED, 2},
        {"a 11111111111111111111111111111111111111111111111111111111111111111\n", LD_ESYNTAX, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ld_point points[4];
        struct ld_error error = {0};
        size_t count = 4711;
        char *exact = malloc(strlen(rows[i].text));
        assert_non_null(exact);
        memcpy(exact, rows[i].text, strlen(rows[i].text));
        print_message("%s\n", rows[i].text);
        assert_int_equal(ld_prometheus_parse(exact, strlen(rows[i].text), points, 4, &count, &error), rows[i].code);
        assert_int_equal(error.line, rows[i].line);
        assert_int_equal(count, 4711);
        free(exact);
    }
}

int test_prometheus(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_metrics_are_read),
        cmocka_unit_test(broken_lines_are_told_by_number),
    };
    return cmocka_run_group_tests_name("Prometheus text", tests, NULL, NULL);
}
