/* `compare` as it is written, from a comparison made by hand. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "reports/groups.h"
#include "reports/report.h"

static const struct ld_truth_interval leak = {.id = "i1", .instance = 2, .incarnation = 1};
static struct ld_compare_difference differences[] = {
    {.cell = "a/leaky/none", .repetition = 3, .left_run = 6, .right_run = 7, .interval = 0, .leak = &leak,
     .left = LD_OUTCOME_TP, .right = LD_OUTCOME_FN},
    {.cell = "a/healthy/none", .repetition = 1, .left_run = 2, .right_run = 3, .interval = -1, .left_false_alarms = 1}};
static const struct ld_comparison comparison = {
    .leaks = {4, 1, 0, 2, 1},
    .false_alarms = {0, 1, 0, 13, 1},
    .no_evidence = 3,
    .unmatched_left = 2,
    .unmatched_right = 5,
    .pairs = 14,
    .unpaired_left = {[LD_UNPAIRED_SEED] = 8, [LD_UNPAIRED_VOID] = 1},
    .unpaired_right = {[LD_UNPAIRED_NOT_ENDED] = 6},
    .plans_differ = true,
    .difference_count = 2,
    .differences = differences};
static const struct ld_report_sides sides = {"a.db", "b.db"};

static void print(const struct ld_comparison *of, struct ld_buffer *out)
{
    ld_buffer_init(out, 1 << 20);
    assert_int_equal(ld_report_compare(of, &sides, &(struct ld_text_style){400, false, true}, out), 0);
}

static void assert_says(const struct ld_buffer *out, const char *text)
{
    if (!strstr(ld_buffer_text(out), text))
        fail_msg("no \"%s\" in:\n%s", text, ld_buffer_text(out));
}

static void what_is_left_out_is_told_with_its_reason(void **state)
{
    struct ld_buffer out;
    (void)state;
    print(&comparison, &out);
    assert_says(&out, "14 pairs of runs, each of one seed; 7 pairs of leaks\n");
    assert_says(&out, "The two are of different plans");
    assert_says(&out, "Left out, 9 runs of the left: 8 whose counterpart has another seed; 1 void, or whose "
                      "counterpart is.\n");
    assert_says(&out, "Left out, 6 runs of the right: 6 that did not end, or whose counterpart did not.\n");
    assert_says(&out, "Left out, leaks: 3 that are no evidence on one side; without the same leak in the other run, "
                      "2 of the left and 5 of the right.\n");
    assert_says(&out, "a/leaky/none #3: TP and FN (runs 6, 7; leak i1 of instance 2.1)\n");
    assert_says(&out, "a/healthy/none #1: false alarms 1 and 0 (runs 2, 3)\n");
    ld_buffer_done(&out);
}

static void without_a_pair_nothing_is_said_of_a_difference(void **state)
{
    static const struct ld_comparison nothing = {.unpaired_left = {[LD_UNPAIRED_SEED] = 8},
                                                 .unpaired_right = {[LD_UNPAIRED_SEED] = 8}};
    struct ld_buffer out;
    (void)state;
    print(&nothing, &out);
    assert_says(&out, "0 pairs of runs");
    assert_says(&out, "Nothing is compared: no run of one side has a partner of the same seed on the other");
    assert_null(strstr(ld_buffer_text(&out), "do not differ"));
    ld_buffer_done(&out);
}

static json_int_t number(json_t *object, const char *first, const char *second)
{
    json_t *item = json_object_get(object, first);
    item = second ? json_object_get(item, second) : item;
    if (!json_is_integer(item))
        fail_msg("no number %s %s", first, second ? second : "");
    return json_integer_value(item);
}

static void machines_are_told_the_same(void **state)
{
    struct ld_buffer out;
    (void)state;
    ld_buffer_init(&out, 1 << 20);
    assert_int_equal(ld_report_compare_json(&comparison, &sides, &out), 0);
    json_t *object = json_loads(ld_buffer_text(&out), JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(object);
    assert_int_equal(number(object, "pairs", NULL), 14);
    assert_int_equal(number(object, "no_evidence", NULL), 3);
    assert_int_equal(number(object, "unmatched_leaks_left", NULL), 2);
    assert_int_equal(number(object, "unmatched_leaks_right", NULL), 5);
    assert_int_equal(number(object, "unpaired_left", "runs"), 9);
    assert_int_equal(number(object, "unpaired_left", "other_seed"), 8);
    assert_int_equal(number(object, "unpaired_left", "not_ended"), 0);
    assert_int_equal(number(object, "unpaired_right", "not_ended"), 6);
    assert_int_equal(number(object, "leaks", "both"), 4);
    assert_true(json_is_true(json_object_get(object, "plans_differ")));
    assert_true(json_is_null(json_object_get(object, "time_to_detect")));
    json_t *first = json_array_get(json_object_get(object, "differences"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "leak")), "i1");
    assert_int_equal(number(first, "instance", NULL), 2);
    json_decref(object);
    ld_buffer_done(&out);
}

int test_compare_report(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_out_is_told_with_its_reason),
        cmocka_unit_test(without_a_pair_nothing_is_said_of_a_difference),
        cmocka_unit_test(machines_are_told_the_same),
    };
    return cmocka_run_group_tests_name("compare", tests, NULL, NULL);
}
