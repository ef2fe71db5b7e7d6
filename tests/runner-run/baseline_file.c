/* Baselines as files: what is written is read back, and so are files of an older leakdrill. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "groups.h"
#include "runner/run/baseline_file.h"
#include "runner/run/judge.h"

static char folder[] = "/tmp/leakdrill-baseline-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/a.json", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static struct ld_baseline read_back(void)
{
    struct ld_baseline baseline;
    struct ld_error error = {0};
    if (ld_baseline_read(&baseline, path, &error) != 0)
        fail_msg("%s", error.message);
    return baseline;
}

static void write_text(const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) < 0, 0);
    assert_int_equal(fclose(file), 0);
}

/* One that has times, and a tool that read the source, which has leaks and no time. */
static void what_is_written_is_read_back(void **state)
{
    (void)state;
    struct ld_error error = {0};
    struct ld_survival_time times[] = {{LD_SECOND, true}, {5 * LD_SECOND, false}};
    struct ld_baseline_rule rule = {"wait", "v1.0.0-aaaaaa", 1};
    struct ld_baseline_row rows[] = {{.cell = "a/leaky/none/arm=passive",
                                      .scenario = "a",
                                      .detector = "matrix",
                                      .runs = 2,
                                      .leaks = 2,
                                      .seen = 1,
                                      .leaky_runs = 2,
                                      .whole_runs = 1,
                                      .false_alarm_runs = 1,
                                      .tried_runs = 3,
                                      .blamed_runs = 1,
                                      .time_count = 2,
                                      .times = times,
                                      .rule_count = 1,
                                      .rules = &rule,
                                      .options = "{\"window\":\"2s\"}",
                                      .files = "my-rules.yml 0123456789ab"},
                                     {.cell = "a/leaky/none/arm=passive",
                                      .scenario = "a",
                                      .detector = "go-vet",
                                      .runs = 2,
                                      .leaks = 2,
                                      .seen = 2,
                                      .options = "",
                                      .files = ""}};
    struct ld_baseline made = {.name = "main", .campaign = "c", .version = "0.1.0", .made_wall_ns = 7, .row_count = 2,
                               .rows = rows};
    if (ld_baseline_write(&made, path, &error) != 0)
        fail_msg("%s", error.message);
    struct ld_baseline read = read_back();
    assert_int_equal(read.row_count, 2);
    assert_int_equal(read.made_wall_ns, 7);
    assert_string_equal(read.rows[0].cell, rows[0].cell);
    assert_string_equal(read.rows[0].options, rows[0].options);
    assert_string_equal(read.rows[0].files, rows[0].files);
    assert_int_equal(read.rows[0].leaky_runs, 2);
    assert_int_equal(read.rows[0].whole_runs, 1);
    assert_int_equal(read.rows[0].tried_runs, 3);
    assert_int_equal(read.rows[0].blamed_runs, 1);
    assert_int_equal(read.rows[0].time_count, 2);
    assert_true(read.rows[0].times[0].event && !read.rows[0].times[1].event);
    assert_int_equal(read.rows[0].times[1].time_ns, 5 * LD_SECOND);
    assert_string_equal(read.rows[0].rules[0].version, rule.version);
    assert_string_equal(read.rows[1].detector, "go-vet");
    assert_int_equal(read.rows[1].leaks, 2);
    assert_int_equal(read.rows[1].time_count, 0);
    ld_baseline_done(&read);
}

/* As the first leakdrill with baselines wrote them: without rules, options and arms. */
static void an_old_file_is_read(void **state)
{
    (void)state;
    write_text("{\"leakdrill_baseline\": 1, \"name\": \"main\", \"campaign\": \"c\", \"version\": \"0.1.0\", "
               "\"made_wall_ns\": 7, \"rows\": [\n {\"cell\": \"a/leaky/none\", \"scenario\": \"a\", \"detector\": "
               "\"growth\", \"runs\": 2, \"leaks\": 2, \"seen\": 1, \"false_alarm_runs\": 0, \"seen_ns\": [5], "
               "\"missed_ns\": [9]}\n]}\n");
    struct ld_baseline read = read_back();
    assert_int_equal(read.row_count, 1);
    assert_int_equal(read.rows[0].rule_count, 0);
    assert_string_equal(read.rows[0].options, "");
    assert_string_equal(read.rows[0].files, "");
    ld_baseline_done(&read);
}

#define HEAD "{\"leakdrill_baseline\": 1, \"name\": \"main\", \"campaign\": \"c\", \"version\": \"0.1.0\", \"rows\": ["
#define ROW(numbers) \
    HEAD "{\"cell\": \"a/leaky/none\", \"scenario\": \"a\", \"detector\": \"growth\", \"runs\": 2, " numbers "}]}"

/* Damage: times of some leaks and not of others, more runs than leaks, what no campaign can be. */
static void what_cannot_be_is_refused(void **state)
{
    static const char *const texts[] = {
        ROW("\"leaks\": 2, \"seen\": 1, \"false_alarm_runs\": 0, \"seen_ns\": [5], \"missed_ns\": []"),
        ROW("\"leaks\": 2, \"seen\": 3, \"false_alarm_runs\": 0, \"seen_ns\": [], \"missed_ns\": []"),
        ROW("\"leaks\": 2, \"seen\": 2, \"false_alarm_runs\": 3, \"seen_ns\": [], \"missed_ns\": []"),
        ROW("\"leaks\": 2, \"seen\": 2, \"leaky_runs\": 3, \"whole_runs\": 2, \"false_alarm_runs\": 0, \"seen_ns\": "
            "[], "
            "\"missed_ns\": []"),
        ROW("\"leaks\": 2, \"seen\": 1, \"leaky_runs\": 2, \"whole_runs\": 2, \"false_alarm_runs\": 0, \"seen_ns\": "
            "[], "
            "\"missed_ns\": []"),
        ROW("\"leaks\": 2, \"seen\": 2, \"leaky_runs\": 2, \"false_alarm_runs\": 0, \"seen_ns\": [], \"missed_ns\": "
            "[]"),
        ROW("\"leaks\": 2000000, \"seen\": 2, \"false_alarm_runs\": 0, \"seen_ns\": [], \"missed_ns\": []"),
        ROW("\"leaks\": 0, \"seen\": 0, \"false_alarm_runs\": 0, \"tried_runs\": 2, \"blamed_runs\": 3, \"seen_ns\": "
            "[], "
            "\"missed_ns\": []"),
        ROW("\"leaks\": 0, \"seen\": 0, \"false_alarm_runs\": 0, \"tried_runs\": 4, \"blamed_runs\": 1, \"seen_ns\": "
            "[], "
            "\"missed_ns\": []"),
        ROW("\"leaks\": 1, \"seen\": 1, \"false_alarm_runs\": 0, \"seen_ns\": [9223372036854775807], \"missed_ns\": "
            "[]"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct ld_baseline read;
        struct ld_error error = {0};
        write_text(texts[i]);
        if (ld_baseline_read(&read, path, &error) != LD_ESPEC)
            fail_msg("accepted: %s", texts[i]);
        assert_non_null(strstr(error.message, "row 0 of \"rows\" is not one of a baseline"));
    }
}

#define EMPTY(cell, detector)                                                                                          \
    "{\"cell\": \"" cell "\", \"scenario\": \"a\", \"detector\": \"" detector                                          \
    "\", \"runs\": 2, \"leaks\": 0, \"seen\": 0, "                                                                     \
    "\"false_alarm_runs\": 0, \"seen_ns\": [], \"missed_ns\": []}"

/* A detector watches one arm of a cell. */
static void two_rows_of_one_cell_are_refused(void **state)
{
    static const struct {
        const char *text;
        int code;
    } cases[] = {
        {HEAD EMPTY("a/leaky/none", "growth") "," EMPTY("a/leaky/none", "growth") "]}", LD_ESPEC},
        {HEAD EMPTY("a/leaky/none", "growth") "," EMPTY("b", "growth") "," EMPTY("a/leaky/none/arm=x", "growth") "]}",
         LD_ESPEC},
        {HEAD EMPTY("a/leaky/none/arm=y", "growth") "," EMPTY("a/leaky/none/arm=x", "growth") "]}", LD_ESPEC},
        {HEAD EMPTY("a/leaky/none", "growth") "," EMPTY("a/leaky/none", "matrix") "]}", 0},
        {HEAD EMPTY("a/leaky/none", "growth") "," EMPTY("a/leaky/nones", "growth") "]}", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ld_baseline read = {0};
        struct ld_error error = {0};
        write_text(cases[i].text);
        if (ld_baseline_read(&read, path, &error) != cases[i].code)
            fail_msg("%s: %s", error.message, cases[i].text);
        if (cases[i].code)
            assert_non_null(strstr(error.message, "growth has two rows of the cell a/leaky/none"));
        ld_baseline_done(&read);
    }
}

/* Off its calibration, or by its verdict. */
static void void_campaigns_say_nothing(void **state)
{
    (void)state;
    assert_true(ld_judged_is_void(&(struct ld_judged){.verdicts = {.calibrated = false}}));
    assert_true(
        ld_judged_is_void(&(struct ld_judged){.verdicts = {.calibrated = true, .verdict = LD_VERDICT_HARNESS}}));
    assert_false(ld_judged_is_void(&(struct ld_judged){.verdicts = {.calibrated = true, .verdict = LD_VERDICT_FAIL}}));
}

int test_baseline_file(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(an_old_file_is_read),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(two_rows_of_one_cell_are_refused),
        cmocka_unit_test(void_campaigns_say_nothing),
    };
    return cmocka_run_group_tests_name("baseline files", tests, make_folder, remove_folder);
}
