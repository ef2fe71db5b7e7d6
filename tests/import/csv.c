/* CSV as programs write it, and what is wrong with it, by its place. */
#include "groups.h"
#include "rig.h"

static void rows_become_numbers(void **state)
{
    struct rig rig;
    (void)state;
    rig_open(&rig, NULL);
    assert_int_equal(rig_text(&rig, "a.csv",
                              "\xef\xbb\xbf\"time\",\"go_goroutines\",process_open_fds\r\n"
                              "2026-11-21T08:30:10Z,\"51\",NaN\r\n"
                              "2026-11-21T08:30:00Z,50,7\r\n"
                              "\r\n"
                              "1795249820,5.2e1,\r\n"
                              "1795249820000,52,"),
                     0);
    rig_deliver(&rig);
    rig_assert_lines(&rig, "0.000 i0/1 life started\n"
                           "0.000 i0/1 life ready\n"
                           "0.000 i0/1 metrics go_sched_goroutines_count=50 process_open_descriptors_count=7\n"
                           "10.000 i0/1 metrics go_sched_goroutines_count=51\n"
                           "20.000 i0/1 metrics go_sched_goroutines_count=52\n");
    assert_int_equal(rig.summary.period_ns, 10000000000);
    assert_int_equal(rig.summary.duplicates, 1);
    assert_int_equal(rig.summary.points, 4);
    rig_close(&rig);
}

static void instances_and_lives(void **state)
{
    struct rig rig;
    (void)state;
    rig_open(&rig, NULL);
    assert_int_equal(rig_text(&rig, "a.csv",
                              "instance;time;go_gc_cycles_total;process_start_time_seconds\n"
                              "b;0;5;1\na;1;5;1\nb;2;6;1\na;3;4;1\nb;4;7;9\n"),
                     0);
    rig_deliver(&rig);
    rig_assert_lines(&rig, "0.000 i1/1 life started\n0.000 i1/1 life ready\n"
                           "0.000 i1/1 metrics go_gc_cycles_total=5\n"
                           "1.000 i0/1 life started\n1.000 i0/1 life ready\n"
                           "1.000 i0/1 metrics go_gc_cycles_total=5\n"
                           "2.000 i1/1 metrics go_gc_cycles_total=6\n"
                           "3.000 i0/1 life ended\n3.000 i0/2 life started\n3.000 i0/2 life ready\n"
                           "3.000 i0/2 metrics go_gc_cycles_total=4\n"
                           "4.000 i1/1 life ended\n4.000 i1/2 life started\n4.000 i1/2 life ready\n"
                           "4.000 i1/2 metrics go_gc_cycles_total=7\n");
    assert_string_equal(rig.summary.instance_names[0], "a");
    assert_int_equal(rig.summary.restarts, 2);
    rig_close(&rig);
}

static void silence_is_a_failed_read(void **state)
{
    struct rig rig;
    (void)state;
    rig_open(&rig, NULL);
    assert_int_equal(
        rig_text(&rig, "a.csv", "time,go_threads\n0,1\n10,1\n20,1\n30,1\n40,1\n64,1\n74,1\n100,1\n110,1\n"), 0);
    rig_deliver(&rig);
    assert_int_equal(rig.summary.gaps, 1); /* 26 s are two and a half periods and more, 24 s are not */
    assert_non_null(strstr(rig.lines.bytes, "74.000 i0/1 metrics go_sched_threads_count=1\n84.000 i0/1 failed\n100."));
    rig_close(&rig);
}

static void columns_of_other_names(void **state)
{
    struct ld_import_columns columns;
    struct ld_arena *arena = ld_arena_new(1 << 20);
    struct ld_error error = {0};
    struct rig rig;
    (void)state;
    assert_int_equal(ld_import_columns_parse(&columns, "when=time, n=go_goroutines,note = -", arena, &error), 0);
    const struct ld_import_setting setting = {.columns = &columns};
    rig_open(&rig, &setting);
    assert_int_equal(rig_text(&rig, "a.csv", "n,note,when\n7,\"a, \"\"b\"\"\nc\",5\n"), 0);
    rig_deliver(&rig);
    assert_non_null(strstr(rig.lines.bytes, "metrics go_sched_goroutines_count=7\n"));
    rig_close(&rig);
    rig_open(&rig, &setting);
    columns.items[0].used = columns.items[1].used = columns.items[2].used = false;
    assert_int_equal(rig_text(&rig, "a.csv", "n,when\n7,5\n"), 0);
    assert_int_equal(ld_import_finish(rig.import, &rig.errors), LD_EUSAGE);
    rig_assert_errors(&rig, "--columns: no file has \"note\"\n");
    rig_close(&rig);
    assert_int_equal(ld_import_columns_parse(&columns, "n=go_goroutine", arena, &error), LD_EUSAGE);
    assert_string_equal(error.message, "--columns: unknown metric \"go_goroutine\"; did you mean go_goroutines?");
    assert_int_equal(ld_import_columns_parse(&columns, "n", arena, &error), LD_EUSAGE);
    assert_int_equal(ld_import_columns_parse(&columns, "n= ", arena, &error), LD_EUSAGE);
    assert_int_equal(ld_import_columns_parse(&columns, "n= ,note=-", arena, &error), LD_EUSAGE);
    assert_string_equal(error.message, "--columns: unknown metric \"\"");
    ld_arena_free(arena);
}

static void mistakes_have_their_place(void **state)
{
    static const struct {
        const char *text, *errors;
    } rows[] = {
        {"time,go_goroutines,heap\n1,2,3\n",
         "a.csv:1:20: \"heap\" is no metric; --columns \"heap=METRIC\" says what it is (-: nothing), --ignore-others "
         "leaves out all such\n"},
        {"when,go_goroutines\n", "a.csv:1:1: \"when\" is no metric; --columns \"when=METRIC\" says what it is (-: "
                                 "nothing), --ignore-others leaves out all such\n"},
        {"go_goroutines\n1\n",
         "a.csv:1:1: the header has no column \"time\"; --columns NAME=time says which it is\n"},
        {"time,instance\n1,a\n", "a.csv:1:1: no column is a metric\n"},
        {"time,go_goroutines,go_sched_goroutines_count\n",
         "a.csv:1:20: \"go_sched_goroutines_count\" is the same as column 2\n"},
        {"time,go_goroutines\nnow,1\n5,many\n6\n7,7,7\n",
         "a.csv:2:1: \"now\" is no time: RFC 3339, or Unix seconds or milliseconds\n"
         "a.csv:3:3: \"many\" is no number\n"
         "a.csv:4:1: the row has 1 field, the header 2\n"
         "a.csv:5:1: the row has 3 fields, the header 2\n"},
        {"time,go_goroutines\n1,\"2\n", "a.csv:2:3: a quote that is never closed\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rig rig;
        rig_open(&rig, NULL);
        assert_int_not_equal(rig_text(&rig, "a.csv", rows[i].text), 0);
        rig_assert_errors(&rig, rows[i].errors);
        rig_close(&rig);
    }
}

static void a_csv_has_a_name_or_a_time(void **state)
{
    (void)state;
    assert_int_equal(ld_import_kind_of("a.csv", "x", 1), LD_IMPORT_CSV);
    assert_int_equal(ld_import_kind_of("a", "n,Time\n", 7), LD_IMPORT_CSV);
    assert_int_equal(ld_import_kind_of("a", "n,tim", 5), LD_IMPORT_UNKNOWN);
    assert_int_equal(ld_import_kind_of("a", "time\n", 5), LD_IMPORT_UNKNOWN);
    assert_int_equal(ld_import_kind_of("a", " \n{", 3), LD_IMPORT_RANGE);
    assert_int_equal(ld_import_kind_of("a", "goroutine 1 [", 13), LD_IMPORT_PROFILE);
    assert_int_equal(ld_import_kind_of("a", "", 0), LD_IMPORT_UNKNOWN);
    /* Texts that begin as a message of protobuf may, and one of Go's tools, which begins as a text may. */
    assert_int_equal(ld_import_kind_of("a.log", "2026/11/29 08:30:00 it began\n", 29), LD_IMPORT_UNKNOWN);
    assert_int_equal(ld_import_kind_of("README", "Read this", 9), LD_IMPORT_UNKNOWN);
    assert_int_equal(ld_import_kind_of("a", "\n\ntime", 6), LD_IMPORT_UNKNOWN);
    assert_int_equal(ld_import_kind_of("a", "\n\x04\x08\x01\x10\x02\x12\x04", 8), LD_IMPORT_PROFILE);
}

static void one_instant_has_one_value(void **state)
{
    struct rig rig;
    (void)state;
    rig_open(&rig, NULL);
    assert_int_equal(rig_text(&rig, "a.csv", "time,go_threads\n1,5\n1,6\n"), 0);
    assert_int_equal(ld_import_finish(rig.import, &rig.errors), LD_ESPEC);
    rig_assert_errors(&rig, "a.csv:3:3: go_sched_threads_count is 6 here and 5 at the same instant in a.csv, 2:3; what "
                            "tells the two apart is no instance\n");
    rig_close(&rig);
    rig_open(&rig, NULL);
    assert_int_equal(rig_text(&rig, "a.csv", "time,go_threads\n"), 0);
    assert_int_equal(ld_import_finish(rig.import, &rig.errors), LD_ESPEC);
    rig_assert_errors(&rig, "there is nothing to import: no profile, no number\n");
    rig_close(&rig);
}

int test_csv(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_become_numbers),    cmocka_unit_test(instances_and_lives),
        cmocka_unit_test(silence_is_a_failed_read), cmocka_unit_test(columns_of_other_names),
        cmocka_unit_test(mistakes_have_their_place), cmocka_unit_test(one_instant_has_one_value),
        cmocka_unit_test(a_csv_has_a_name_or_a_time),
    };
    return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
