/* Regression mode: a campaign against a baseline, with a planted regression that must be found and named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "groups.h"
#include "in_lab.h"

#define SHARP "growth: {window: 300ms, per_second: 5}"
#define BLUNT "growth: {window: 300ms, per_second: 1000000}" /* no leak here rises so fast */

/* Evidence: growth came out so at least so often in the cell that is looked at; of one run alone little
 * is to be told. */
#define OF_GROWTH(kind, least)                                                                                         \
    "SELECT count(*) >= " least " FROM outcome JOIN run USING (run) JOIN cell USING (cell) WHERE detector = 'growth' " \
    "AND kind = '" kind "' AND cell.name = 'recv/leaky/none'"

static void save_keeps_the_campaign(void **state)
{
    struct program_result result;
    (void)state;
    LAB_RUN(&lab, &result, "baseline", "save", "main", "--db", "first.db");
    lab_check(&result, 0, "leakdrill-baselines/main.json: 12 rows of first.db",
              "what is gone is found, and not what became");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "baseline", "save", "main", "--db", "first.db");
    lab_check(&result, 4, NULL, "leakdrill-baselines/main.json exists; --replace replaces it");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "baseline", "save", "main", "--db", "first.db", "--replace");
    lab_check(&result, 0, "12 rows", NULL);
    program_result_done(&result);
    LAB_RUN(&lab, &result, "baseline", "list");
    lab_check(&result, 0, "main", NULL);
    program_result_done(&result);
    lab_write(&lab, "leakdrill-baselines/odd.json", "{\"leakdrill_baseline\": 1, \"name\": \"odd\", \"campaign\": "
                                                    "\"c\\u001b[2J\", \"version\": \"0\", \"rows\": []}");
    LAB_RUN(&lab, &result, "baseline", "list");
    lab_check(&result, 0, "campaign c\\x1b[2J\n", NULL); /* no terminal obeys it */
    program_result_done(&result);
    lab_sh(&lab, "rm leakdrill-baselines/odd.json");
    lab_write(&lab, "leakdrill-baselines/broken.json", "{\n");
    LAB_RUN(&lab, &result, "baseline", "list");
    lab_check(&result, 2, "main", "leakdrill baseline: leakdrill-baselines/broken.json:");
    program_result_done(&result);
    lab_sh(&lab, "rm leakdrill-baselines/broken.json");
}

static void what_is_alike_passes(void **state)
{
    struct program_result result;
    (void)state;
    /* Without healthy programs: so sharp a detector alerts in them now and then, and two runs do not say how often. */
    LAB_RUN(&lab, &result, "run", "sharp.yaml", "--jobs", "2", "--db", "alike.db", "--filter", "recv/leaky/[ns]*",
            "--against", "main");
    lab_check_judged(&lab, &result, "alike.db");
    assert_non_null(strstr(result.out, "Against the baseline main: "));
    assert_null(strstr(result.out, "lost "));
    program_result_done(&result);
}

static void a_planted_regression_is_found_and_named(void **state)
{
    struct program_result result;
    (void)state;
    RUN_UNTIL(&result, OF_GROWTH("FN", "1"), "blunt.db", "run", "blunt.yaml", "--jobs", "2", "--filter",
              "recv/leaky/none", "--against", "leakdrill-baselines/main.json");
    lab_check(&result, 1, "Against the baseline main: worse", "the cells concerned run ");
    lab_check(&result, 1, "lost        growth, recv/leaky/none: saw 0 of ", NULL);
    lab_check(&result, 1, "run again: 0 of ", NULL);
    assert_null(strstr(result.out, "lost        threshold"));
    lab_assert_database(&lab, "blunt-rerun.db");
    lab_assert_number(&lab, "blunt-rerun.db", "SELECT count(*) BETWEEN 11 AND 45 FROM run", 1);
    lab_assert_number(
        &lab, "blunt-rerun.db",
        "SELECT count(*) FROM run AS r JOIN cell AS c ON c.cell = r.cell WHERE c.name <> 'recv/leaky/none'", 0);
    lab_assert_clean(&lab);
    program_result_done(&result);
}

static void bad_baselines_are_refused_before_anything_starts(void **state)
{
    static const struct {
        const char *text, *message;
        int exit_code;
    } cases[] = {
        {"", "bad.json:1:", 2},
        {"{\"leakdrill_baseline\": 1,\n \"rows\": [}", "bad.json:2:", 2},
        {"[1]", "it has no \"leakdrill_baseline\"", 2},
        {"{\"leakdrill_baseline\": 7}", "is a baseline of format 7, this leakdrill reads 1", 2},
        {"{\"leakdrill_baseline\": 1, \"name\": \"x\"}", "\"name\", \"campaign\" or \"version\" is missing", 2},
        {"{\"leakdrill_baseline\": 1, \"name\": \"x\", \"campaign\": \"y\", \"version\": \"0\", \"rows\": 1}",
         "\"rows\" is missing or too long", 2},
        {"{\"leakdrill_baseline\": 1, \"name\": \"x\", \"campaign\": \"y\", \"version\": \"0\", \"rows\": [{\"cell\": "
         "\"c\", \"scenario\": \"s\", \"detector\": \"d\", \"runs\": 1, \"leaks\": 1, \"seen\": 2, "
         "\"false_alarm_runs\": 0, \"seen_ns\": [1], \"missed_ns\": []}]}",
         "row 0 of \"rows\" is not one of a baseline", 2},
    };
    struct program_result result;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lab_write(&lab, "bad.json", cases[i].text);
        LAB_RUN(&lab, &result, "run", "sharp.yaml", "--db", "never.db", "--against", "bad.json");
        lab_check(&result, cases[i].exit_code, NULL, cases[i].message);
        program_result_done(&result);
    }
    LAB_RUN(&lab, &result, "run", "sharp.yaml", "--db", "never.db", "--against", "nobody");
    lab_check(&result, 4, NULL, "there is no baseline nobody (no leakdrill-baselines/nobody.json)");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "run", "sharp.yaml", "--db", "never.db", "--against", "no body");
    lab_check(&result, 4, NULL, "\"no body\" is no name of a baseline");
    program_result_done(&result);
    assert_false(lab_has(&lab, "never.db"));
}

static int prepare(void **state)
{
    struct program_result result;
    open_lab(state);
    LAB_SCENARIO(&lab, "sharp.yaml", "quick-recv.yaml", "growth", SHARP, "50ms}", "100ms}");
    LAB_SCENARIO(&lab, "blunt.yaml", "quick-recv.yaml", "growth", BLUNT, "50ms}", "100ms}");
    if (!RUN_UNTIL(&result, OF_GROWTH("TP", "2"), "first.db", "run", "sharp.yaml", "--jobs", "2", "--runs", "3"))
        return 0;
    lab_check_judged(&lab, &result, "first.db");
    program_result_done(&result);
    return 0;
}

int test_baseline(void)
{
    const struct CMUnitTest tests[] = {
        IN_GROUP(save_keeps_the_campaign),
        IN_GROUP(what_is_alike_passes),
        IN_GROUP(a_planted_regression_is_found_and_named),
        IN_GROUP(bad_baselines_are_refused_before_anything_starts),
    };
    if (lacks_programs("baseline"))
        return GROUP_SKIPPED;
    return cmocka_run_group_tests_name("baseline", tests, prepare, close_lab);
}
