#include "pprof/trace_line.h"

#include "groups.h"
#include "support.h"

static bool gctrace(const char *line, struct ld_gctrace *ret_trace)
{
    return ld_gctrace_parse(line, strlen(line), ret_trace);
}

#define MB ((uint64_t)1 << 20)

static void a_gctrace_line_to_the_letter(void **state)
{
    struct ld_gctrace t;
    (void)state;
    assert_true(
        gctrace("gc 12 @1.025s 7%: 0.050+0.87+0.005 ms clock, 0.10+0.1/0.2/0.3+0.01 ms cpu, 40->44->8 MB, 41 MB goal, "
                "1 MB stacks, 2 MB globals, 2 P (forced)",
                &t));
    assert_int_equal(t.number, 12);
    assert_int_equal(t.at_ns, 1025000000);
    assert_true(t.cpu_fraction == 0.07);
    assert_int_equal(t.stw_sweep_ns, 50000);
    assert_int_equal(t.concurrent_ns, 870000);
    assert_int_equal(t.stw_mark_ns, 5000);
    assert_int_equal(t.heap_start, 40 * MB);
    assert_int_equal(t.heap_end, 44 * MB);
    assert_int_equal(t.heap_live, 8 * MB);
    assert_int_equal(t.goal, 41 * MB);
    assert_int_equal(t.stacks, MB);
    assert_int_equal(t.globals, 2 * MB);
    assert_int_equal(t.processors, 2);
    assert_true(t.forced);
    assert_false(t.leak_check);
    assert_true(gctrace(
        "gc 1 @12s 0% (checking for goroutine leaks): 1+2+3 ms clock, 1+0/0/0+1 ms cpu, 0->0->0 MB, 4 MB goal, 8 P",
        &t));
    assert_true(t.leak_check);
    assert_false(t.forced);
    assert_int_equal(t.stacks, 0);
    assert_int_equal(t.processors, 8);
    assert_int_equal(t.at_ns, 12000000000);
}

static void broken_lines_are_no_gctrace(void **state)
{
    static const char *const lines[] = {
        "", "gc", "gc x", "hello", "gc 1 @1s 101%: ",
        "gc 1 @0.025s 0%: 0.050+0.87 ms clock, 0.1+0/0/0+0 ms cpu, 0->0->0 MB, 4 MB goal, 2 P",
        "gc 1 @0.025s 0%: 1+2+3 ms clock, 1+0/0/0+1 ms cpu, 0->0->0 MB, 4 MB goal, 2 P (odd)",
        "gc 1 @0.025s 0%: 1+2+3 ms clock, 1+0/0/0+1 ms cpu, 99999999999999->0->0 MB, 4 MB goal, 2 P",
        "gc 1 @99999999999s 0%: 1+2+3 ms clock, 1+0/0/0+1 ms cpu, 0->0->0 MB, 4 MB goal, 2 P",
        "gc 1 @0.025s 0%: -1+2+3 ms clock, 1+0/0/0+1 ms cpu, 0->0->0 MB, 4 MB goal, 2 P",
    };
    struct ld_gctrace trace = {.number = 4711};
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (gctrace(lines[i], &trace))
            fail_msg("was taken for a gctrace line: %s", lines[i]);
    assert_int_equal(trace.number, 4711);
}

static void schedtrace_lines(void **state)
{
    static const char *const good[] = {
        "SCHED 306ms: gomaxprocs=2 idleprocs=1 threads=8 spinningthreads=0 needspinning=0 idlethreads=3 runqueue=5 [ 0 "
        "0 ] schedticks=[ 33 99 ]",
        "SCHED 306ms: gomaxprocs=2 idleprocs=1 threads=8 spinningthreads=0 idlethreads=3 runqueue=5 [0 0]",
        "SCHED 306ms: gomaxprocs=2 idleprocs=1 threads=8 spinningthreads=0 needspinning=1 idlethreads=3 runqueue=5 "
        "gcwaiting=false",
    };
    static const char bad[] =
        "SCHED 306ms: gomaxprocs=2 idleprocs=-1 threads=8 spinningthreads=0 idlethreads=3 runqueue=5";
    struct ld_schedtrace t;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(ld_schedtrace_parse(good[i], strlen(good[i]), &t));
        assert_int_equal(t.at_ns, 306000000);
        assert_int_equal(t.gomaxprocs, 2);
        assert_int_equal(t.idle_procs, 1);
        assert_int_equal(t.threads, 8);
        assert_int_equal(t.spinning_threads, 0);
        assert_int_equal(t.idle_threads, 3);
        assert_int_equal(t.run_queue, 5);
    }
    assert_false(ld_schedtrace_parse(bad, strlen(bad), &t));
}

static void every_line_of_a_real_run(void **state)
{
    static const char *const paths[] = {"profiles/go1.26/stderr.txt", "profiles/go1.27/stderr.txt"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        size_t length;
        int collections = 0, schedules = 0, forced = 0, neither = 0;
        char *text = read_golden(paths[i], &length);
        for (char *rest = text, *line; (line = strsep(&rest, "\n")) && rest;) {
            struct ld_gctrace gc;
            struct ld_schedtrace schedule;
            if (ld_gctrace_parse(line, strlen(line), &gc)) {
                assert_int_equal(gc.number, ++collections);
                forced += gc.forced;
            } else if (ld_schedtrace_parse(line, strlen(line), &schedule)) {
                schedules++;
            } else {
                neither++;
            }
        }
        print_message("%s\n", paths[i]);
        assert_in_range(collections, 6, 9);
        assert_int_equal(forced, 2);
        assert_int_equal(schedules, 2);
        assert_int_equal(neither, 1); /* "done" */
        free(text);
    }
}

int test_trace_line(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gctrace_line_to_the_letter),
        cmocka_unit_test(broken_lines_are_no_gctrace),
        cmocka_unit_test(schedtrace_lines),
        cmocka_unit_test(every_line_of_a_real_run),
    };
    return cmocka_run_group_tests_name("trace lines", tests, NULL, NULL);
}
