#include "observe/procfs.h"

#include <unistd.h>

#include "groups.h"
#include "pprof/support.h"

static const char stat_line[] =
    "4242 (odd) S 1 (x) R 17 4242 4000 34816 -1 4194304 2000 0 3 0 150 25 0 0 20 -5 9 0 987654 1269760000 1575 "
    "18446744073709551615 1 1 0 0 0 0 0 0 0\n";

static void a_stat_line_to_the_letter(void **state)
{
    struct ld_proc_stat stat;
    (void)state;
    assert_int_equal(ld_proc_stat_parse(stat_line, strlen(stat_line), &stat), 0);
    assert_int_equal(stat.state, 'R');
    assert_int_equal(stat.parent, 17);
    assert_int_equal(stat.group, 4242);
    assert_int_equal(stat.session, 4000);
    assert_int_equal(stat.user_ticks, 150);
    assert_int_equal(stat.system_ticks, 25);
    assert_int_equal(stat.threads, 9);
    assert_int_equal(stat.start_ticks, 987654);
    assert_int_equal(stat.resident_pages, 1575);
}

static void every_cut_of_a_stat_line_is_noticed(void **state)
{
    struct ld_proc_stat stat = {.threads = 4711};
    size_t needed = (size_t)(strstr(stat_line, "1575 ") - stat_line) + 5;
    (void)state;
    for (size_t cut = 0; cut < needed; cut++)
        if (ld_proc_stat_parse(stat_line, cut, &stat) != LD_ESYNTAX)
            fail_msg("cut at %zu passed", cut);
    assert_int_equal(stat.threads, 4711);
    assert_int_equal(ld_proc_stat_parse(stat_line, needed, &stat), 0);
    assert_int_equal(ld_proc_stat_parse("1 (a) S x", 9, &stat), LD_ESYNTAX);
}

static size_t read_proc(const char *path, char *bytes, size_t room)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t length = fread(bytes, 1, room, file);
    fclose(file);
    return length;
}

static void this_very_process(void **state)
{
    char bytes[8192];
    struct ld_proc_stat stat;
    uint64_t rss = 0, pss = 0;
    (void)state;
    size_t length = read_proc("/proc/self/stat", bytes, sizeof bytes);
    assert_int_equal(ld_proc_stat_parse(bytes, length, &stat), 0);
    assert_int_equal(stat.state, 'R');
    assert_int_equal(stat.parent, getppid());
    assert_int_equal(stat.group, getpgrp());
    assert_true(stat.threads >= 1);
    length = read_proc("/proc/self/status", bytes, sizeof bytes);
    assert_int_equal(ld_proc_field_bytes(bytes, length, "VmRSS", &rss), 0);
    assert_in_range(rss, 100 << 10, (uint64_t)64 << 30);
    length = read_proc("/proc/self/smaps_rollup", bytes, sizeof bytes);
    assert_int_equal(ld_proc_field_bytes(bytes, length, "Pss", &pss), 0);
    assert_true(pss > 0);
}

static void fields_and_what_is_none(void **state)
{
    static const char text[] =
        "Name:\tx\nVmRSSx:\t 1 kB\nVmRSS:\t  1234 kB\nVmBad:\t1234\nVmHuge:\t18446744073709551615 kB\nVmCut:\t12 kB";
    uint64_t bytes = 4711;
    (void)state;
    assert_int_equal(ld_proc_field_bytes(text, strlen(text), "VmRSS", &bytes), 0);
    assert_int_equal(bytes, 1234 * 1024);
    bytes = 4711;
    assert_int_equal(ld_proc_field_bytes(text, strlen(text), "Vm", &bytes), LD_ENOENT);
    assert_int_equal(ld_proc_field_bytes(text, strlen(text), "VmBad", &bytes), LD_ESYNTAX);
    assert_int_equal(ld_proc_field_bytes(text, strlen(text), "VmHuge", &bytes), LD_ESYNTAX);
    assert_int_equal(ld_proc_field_bytes(text, strlen(text), "VmCut", &bytes), LD_ENOENT); /* its line is not whole */
    assert_int_equal(bytes, 4711);
}

int test_procfs(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stat_line_to_the_letter),
        cmocka_unit_test(every_cut_of_a_stat_line_is_noticed),
        cmocka_unit_test(this_very_process),
        cmocka_unit_test(fields_and_what_is_none),
    };
    return cmocka_run_group_tests_name("/proc", tests, NULL, NULL);
}
