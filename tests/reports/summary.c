/* The board at a glance: its sums are those of the rows, it fits every width, and it stands under long tables only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reports/groups.h"
#include "reports/summary.h"

static struct ld_fault_case fault_cases[] = {{.name = "none"}, {.name = "slow"}};
static const struct ld_scenario leaking = {
    .name = "a-leak-with-a-name-of-some-length", .time_scale = 1, .fault_case_count = 2, .fault_cases = fault_cases};
static const struct ld_scenario calm = {
    .name = "calm", .time_scale = 1, .fault_case_count = 1, .fault_cases = fault_cases};
static const struct ld_cell cells[] = {
    {.index = 0, .scenario = &leaking, .variant = LD_VARIANT_LEAKY, .name = "a/leaky/none"},
    {.index = 1, .scenario = &leaking, .variant = LD_VARIANT_LEAKY, .fault_case = 1, .name = "a/leaky/slow"},
    {.index = 2, .scenario = &leaking, .variant = LD_VARIANT_HEALTHY, .name = "a/healthy/none"},
    {.index = 3, .scenario = &calm, .variant = LD_VARIANT_HEALTHY, .name = "calm/healthy/none"}};
static const struct ld_plan plan = {.cell_count = 4, .cells = cells, .run_count = 20, .hash = "ab"};
static const struct ld_plan short_plan = {.cell_count = 3, .cells = cells, .run_count = 15, .hash = "ab"};
#define NO_TIME .time = {.median_ns = -1, .p95_ns = -1}, .from_first = {.median_ns = -1, .p95_ns = -1}
static struct ld_board_row rows[] = {
    {.cell = 0,
     .detector = "matrix",
     .runs = 5,
     .valid = 5,
     .manifested = 5,
     .counts = {[LD_OUTCOME_TP] = 4, [LD_OUTCOME_TP_LATE] = 1},
     .cause_right = 5,
     .site_right = 3,
     .alerted = 5,
     NO_TIME},
    {.cell = 0,
     .detector = "goroutine-count-threshold",
     .runs = 5,
     .valid = 5,
     .manifested = 5,
     .counts = {[LD_OUTCOME_FN] = 5},
     NO_TIME},
    {.cell = 0,
     .detector = "oracle",
     .calibration = true,
     .runs = 5,
     .valid = 5,
     .counts = {[LD_OUTCOME_TP] = 5},
     NO_TIME},
    {.cell = 1,
     .detector = "matrix",
     .runs = 5,
     .valid = 5,
     .manifested = 5,
     .counts = {[LD_OUTCOME_TP] = 5},
     .cause_right = 5,
     .site_right = 5,
     .alerted = 5,
     NO_TIME},
    {.cell = 1,
     .detector = "goroutine-count-threshold",
     .runs = 5,
     .valid = 5,
     .manifested = 5,
     .counts = {[LD_OUTCOME_TP] = 3, [LD_OUTCOME_OUT_OF_RANGE] = 2},
     .alerted = 3,
     .false_alarms = 1,
     NO_TIME},
    {.cell = 2, .detector = "matrix", .runs = 5, .valid = 4, NO_TIME},
    {.cell = 2,
     .detector = "goroutine-count-threshold",
     .runs = 5,
     .valid = 5,
     .alerted = 2,
     .false_alarms = 2,
     NO_TIME},
    {.cell = 3, .detector = "matrix", .runs = 5, .valid = 5, .alerted = 1, .during_hold = 1, NO_TIME},
    {.cell = 3, .detector = "goroutine-count-threshold", .runs = 5, .valid = 5, NO_TIME},
    {.cell = 3, .detector = "here-only", .runs = 5, .valid = 5, .alerted = 4, .false_alarms = 11, NO_TIME}};
static struct ld_verdicts verdicts = {.calibrated = true, .row_count = sizeof rows / sizeof *rows, .rows = rows};
static const struct ld_score no_score;
static const struct ld_report report = {.plan = &plan, .score = &no_score, .verdicts = &verdicts};

static void print(struct ld_buffer *out, const struct ld_report *of, unsigned width)
{
    ld_buffer_clear(out);
    assert_int_equal(ld_report_text(of, &(struct ld_text_style){width, false, true}, out), 0);
}

/* A row of the summary, as it is from its name on. */
static void assert_row(const struct ld_buffer *out, const char *row)
{
    const char *glance = strstr(ld_buffer_text(out), "At a glance\n");
    assert_non_null(glance);
    if (!strstr(glance, row))
        fail_msg("no \"%s\" in:\n%s", row, glance);
}

static void sums_are_those_of_the_rows(void **state)
{
    (void)state;
    const struct summary_sum sum = summary_sum(&report, NULL, "goroutine-count-threshold");
    assert_int_equal(sum.leaks, 8); /* two were out of its range */
    assert_int_equal(sum.seen, 3);
    assert_int_equal(sum.healthy, 10);
    assert_int_equal(sum.alerted, 2);
    assert_int_equal(sum.false_alarms, 3);
    const struct summary_sum matrix = summary_sum(&report, &leaking, "matrix");
    assert_int_equal(matrix.leaks, 10);
    assert_int_equal(matrix.seen, 10); /* late is seen */
    assert_int_equal(matrix.site_right, 8);
    assert_int_equal(matrix.healthy, 4); /* one run was no evidence */
    assert_false(summary_sum(&report, &leaking, "here-only").watched);
    char value[SUMMARY_VALUE];
    assert_string_equal(summary_seen(&(struct summary_sum){.watched = true, .leaky = 3, .healthy = 3}, value), "-");
    assert_string_equal(summary_seen(&(struct summary_sum){.watched = true, .healthy = 3}, value), "quiet");
}

static void a_scenario_is_a_line(void **state)
{
    struct ld_buffer out;
    (void)state;
    ld_buffer_init(&out, 1 << 20);
    print(&out, &report, 100);
    assert_row(&out, "                                            goroutine-       \n"
                     "                                                count-  here-\n"
                     "                                    matrix   threshold   only\n");
    assert_row(&out, " a-leak-with-a-name-of-some-length");
    assert_row(&out, "  10/10      3/8 !3");
    assert_row(&out, " calm ");
    assert_row(&out, "  held    quiet  ");
    assert_row(&out, "!11\n");
    assert_row(&out, " healthy, alerted ");
    assert_row(&out, " 1/9 ");
    ld_buffer_done(&out);
}

static void every_width_holds_it(void **state)
{
    struct ld_buffer out;
    (void)state;
    ld_buffer_init(&out, 1 << 20);
    for (unsigned width = 60; width <= 220; width++) {
        print(&out, &report, width);
        unsigned used = 0;
        for (const char *at = ld_buffer_text(&out); *at; at += style_sequence(at)) {
            used = *at == '\n' ? 0 : used + 1;
            if (used > width)
                fail_msg("a line of more than %u columns before: %.60s", width, at);
        }
        assert_row(&out, "matrix");
        assert_row(&out, " 10/10 ");

    }
    ld_buffer_done(&out);
}

/* One scenario is in sight as it is. */
static void short_tables_have_none(void **state)
{
    struct ld_buffer out;
    struct ld_report one = report;
    struct ld_verdicts fewer = verdicts;
    (void)state;
    one.plan = &short_plan;
    fewer.row_count = 7;
    one.verdicts = &fewer;
    ld_buffer_init(&out, 1 << 20);
    print(&out, &one, 80);
    assert_null(strstr(ld_buffer_text(&out), "At a glance"));
    ld_buffer_done(&out);
}

int test_summary(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sums_are_those_of_the_rows),
                                       cmocka_unit_test(a_scenario_is_a_line), cmocka_unit_test(every_width_holds_it),
                                       cmocka_unit_test(short_tables_have_none)};
    return cmocka_run_group_tests_name("summary", tests, NULL, NULL);
}
