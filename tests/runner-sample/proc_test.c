/* What /proc says, asked about this very process. */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner-sample/fixture.h"
#include "runner/sample/proc.h"

static double value_of(int64_t pid, bool sockets, enum ld_metric metric)
{
    struct ld_point points[LD_PROC_POINTS];
    size_t count = ld_proc_read(pid, sockets, points);
    for (size_t i = 0; i < count; i++)
        if (points[i].metric == metric)
            return points[i].value;
    return -1;
}

static void counts_descriptors_and_sockets(void **state)
{
    int pair[2];
    (void)state;
    double descriptors = value_of(getpid(), true, LD_METRIC_DESCRIPTORS);
    double sockets = value_of(getpid(), true, LD_METRIC_SOCKETS);
    assert_true(descriptors >= 3);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal((int)value_of(getpid(), true, LD_METRIC_DESCRIPTORS), (int)descriptors + 3);
    assert_int_equal((int)value_of(getpid(), true, LD_METRIC_SOCKETS), (int)sockets + 2);
    assert_int_equal((int)value_of(getpid(), false, LD_METRIC_SOCKETS), -1); /* not asked for */
    assert_int_equal((int)value_of(getpid(), false, LD_METRIC_DESCRIPTORS), (int)descriptors + 3);
    close(pair[0]);
    close(pair[1]);
    close(file);
}

static void measures_memory_time_and_threads(void **state)
{
    (void)state;
    size_t size = (size_t)32 << 20;
    double before = value_of(getpid(), false, LD_METRIC_RSS);
    char *memory = malloc(size);
    assert_non_null(memory);
    memset(memory, 1, size);
    double after = value_of(getpid(), false, LD_METRIC_RSS);
    assert_true(((volatile char *)memory)[size / 2] == 1);
    free(memory);
    assert_true(before > 0 && after - before > (double)size * 0.9);
#ifndef __SANITIZE_THREAD__ /* its shadow takes several times what it shadows */
    assert_true(after - before < (double)size * 2);
#endif
    struct rusage usage;
    double cpu = value_of(getpid(), false, LD_METRIC_CPU);
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    double truth = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                   (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    assert_true(cpu >= 0 && cpu <= truth + 0.05 && cpu >= truth - 0.5);
    assert_true(value_of(getpid(), false, LD_METRIC_THREADS) >= 1);
}

static void the_dead_have_no_numbers(void **state)
{
    struct ld_point points[LD_PROC_POINTS];
    (void)state;
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    siginfo_t information;
    assert_int_equal(waitid(P_PID, (id_t)child, &information, WEXITED | WNOWAIT), 0);
    assert_int_equal(ld_proc_read(child, true, points), 0); /* a zombie */
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(ld_proc_read(child, true, points), 0);
    assert_int_equal(ld_proc_open_files_limit(child), -1);
    assert_int_equal(ld_proc_read(0, true, points), 0);
    assert_int_equal(ld_proc_read(-1, true, points), 0);
}

static void reads_the_hard_limit(void **state)
{
    struct rlimit limit;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_max == RLIM_INFINITY)
        skip();
    struct rlimit lower = {limit.rlim_cur / 2, limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &lower), 0);
    int64_t seen = ld_proc_open_files_limit(getpid());
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(seen, limit.rlim_max);
}

int test_proc(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_descriptors_and_sockets),
        cmocka_unit_test(measures_memory_time_and_threads),
        cmocka_unit_test(the_dead_have_no_numbers),
        cmocka_unit_test(reads_the_hard_limit),
    };
    return cmocka_run_group_tests_name("proc", tests, NULL, NULL);
}
