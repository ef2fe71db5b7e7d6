/* Sequential repeats as a user sees them: a cell ends when its tests are decided, says so, and is judged alike when it
 * is read back. With a declared miss that is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "groups.h"
#include "in_lab.h"

#define NEVER_SO_FAST "1000000" /* no leak here rises so fast */

/* Evidence: as many as are accepted without a miss. */
#define SIX_LEAKY                                                                                                      \
    "SELECT count(*) >= 6 FROM run JOIN cell USING (cell) WHERE validity = 'valid' AND cell.name = 'seq/leaky/none'"

/* The part of a text from a word on; the test fails when it is not there. */
static const char *from(const char *text, const char *word)
{
    const char *found = strstr(text, word);
    if (!found)
        fail_msg("\"%s\" is not in:\n%s", word, text);
    return found;
}

static void a_cell_ends_when_its_tests_are_decided(void **state)
{
    struct program_result result, again;
    (void)state;
    LAB_SCENARIO(&lab, "seq.yaml", "sequential.yaml", "SPEED", NEVER_SO_FAST);
    RUN_UNTIL(&result, SIX_LEAKY, "seq.db", "run", "seq.yaml", "--jobs", "2", "--report", "seq");
    lab_check(&result, 1, "accepted    threshold in seq/leaky/none: stopped after ", "at most 22 runs, 2 at a time");
    lab_check(&result, 1, "rejected    growth in seq/leaky/none: stopped after ", NULL);
    lab_check(&result, 1, "FAIL detection (sequential): growth in seq/leaky/none", NULL);
    lab_check(&result, 1, "FOUND declared miss found now: declared in seq/leaky/none", NULL);
    from(result.out, " not needed\n");
    assert_null(strstr(result.out, "all runs")); /* none is missing */
    lab_assert_database(&lab, "seq.db");
    int64_t leaky = lab_number(&lab, "seq.db",
                               "SELECT count(*) FROM v_runs WHERE cell = 'seq/leaky/none' AND state <> 'not begun'");
    if (leaky < 6 || leaky >= 20) /* 6 without a miss; some may be void */
        fail_msg("%lld runs of the leaky cell, of at most 20", (long long)leaky);
    lab_assert_number(&lab, "seq.db",
                      "SELECT count(*) FROM v_runs WHERE cell = 'seq/healthy/none' AND state <> 'not begun'", 2);
    /* By repetition: those that were run are the first ones. */
    lab_assert_number(&lab, "seq.db",
                      "SELECT max(repetition) + 1 - count(*) FROM run JOIN cell USING (cell) WHERE cell.name = "
                      "'seq/leaky/none' AND run.started_wall_ns IS NOT NULL", 0);
    lab_assert_text(&lab, "seq.db", "SELECT verdict FROM gate WHERE what = 'detection (sequential)' AND detector = "
                                    "'threshold'", "pass");
    LAB_RUN(&lab, &again, "report", "--db", "seq.db");
    assert_string_equal(from(again.out, "Sequential: "), from(result.out, "Sequential: "));
    lab_assert_clean(&lab);
    program_result_done(&again);
    program_result_done(&result);
}

/* Two runs cannot accept, and are not reported as a failure. */
static void what_the_cap_leaves_open_is_inconclusive(void **state)
{
    struct program_result result;
    (void)state;
    RUN_UNTIL(&result, LAB_EACH_CELL, "few.db", "run", "seq.yaml", "--jobs", "1", "--runs", "1");
    lab_check(&result, 5, "not decided growth in seq/leaky/none: not decided by the cap of 1 run", NULL);
    lab_check(&result, 5, "INCONCLUSIVE detection (sequential): threshold in seq/leaky/none", NULL);
    program_result_done(&result);
    LAB_RUN(&lab, &result, "plan", "seq.yaml", "--runs", "1");
    lab_check(&result, 0, "NOT supported: needs more runs of a cell without a bad one than 1", NULL);
    program_result_done(&result);
}

#define SAW_ALL                                                                                                        \
    "{\"leakdrill_baseline\": 1, \"name\": \"all\", \"campaign\": \"c\", \"version\": \"0\", \"rows\": [{\"cell\": "   \
    "\"seq/leaky/none\", \"scenario\": \"seq\", \"detector\": \"growth\", \"runs\": 40, \"leaks\": 40, \"seen\": 40, " \
    "\"leaky_runs\": 40, \"whole_runs\": 40, \"false_alarm_runs\": 0, \"seen_ns\": [], \"missed_ns\": []}]}"

/* The tests of the cell would be decided after 6 runs or so; a rerun is as long as its p needs. */
static void a_rerun_is_ended_by_no_test(void **state)
{
    struct program_result result;
    (void)state;
    lab_write(&lab, "all.json", SAW_ALL);
    RUN_UNTIL(&result, LAB_EACH_CELL, "again.db", "run", "seq.yaml", "--jobs", "4", "--runs", "2", "--filter",
              "seq/leaky/none", "--against", "all.json");
    assert_non_null(strstr(result.out, "lost        growth, seq/leaky/none: saw 0 of "));
    program_result_done(&result);
    lab_assert_number(&lab, "again-rerun.db", "SELECT count(*) FROM run WHERE started_wall_ns IS NOT NULL", 11);
}

/* As many as leave a verdict open. */
#define FEW_VOID "SELECT 20 * sum(validity <> 'valid') <= count(*) FROM run WHERE started_wall_ns IS NOT NULL"

/* README's example as it stands there, to its verdict. */
static void the_example_of_the_readme_passes(void **state)
{
    struct program_result result;
    (void)state;
    lab_sh(&lab, "awk '/^```/ { inside = 0 } /^# sequential.yaml$/ { inside = 1 } inside' '" SOURCE_FOLDER
                 "/README.md' >sequential.yaml");
    RUN_UNTIL(&result, FEW_VOID, "readme.db", "run", "sequential.yaml", "--jobs", "12");
    lab_check(&result, 0, "accepted    matrix in sequential/leaky/none: stopped after ", NULL);
    lab_check(&result, 0, "Verdict: PASS", NULL);
    lab_assert_text(&lab, "readme.db", "SELECT verdict FROM gate WHERE what = 'declared miss'", "pass");
    program_result_done(&result);
}

int test_sequential(void)
{
    const struct CMUnitTest tests[] = {
        IN_GROUP(a_cell_ends_when_its_tests_are_decided),
        IN_GROUP(what_the_cap_leaves_open_is_inconclusive),
        IN_GROUP(a_rerun_is_ended_by_no_test),
        IN_GROUP(the_example_of_the_readme_passes),
    };
    if (lacks_programs("sequential"))
        return GROUP_SKIPPED;
    return cmocka_run_group_tests_name("sequential", tests, open_lab, close_lab);
}
