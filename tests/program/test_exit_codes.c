/* The exit codes of leakdrill run: each with what stands on stdout and stderr, and in the database. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "groups.h"
#include "in_lab.h"

static void met_expectations_are_0(void **state)
{
    (void)state;
    struct program_result result;
    LAB_SCENARIO(&lab, "leak.yaml", "leak.yaml", "NAME", "leak", "EXPECTATION", "detection: {observed: 100%}");
    LAB_SCENARIO(&lab, "healthy.yaml", "healthy.yaml", "NAME", "healthy", "WARN", "20");
    RUN_UNTIL(&result, LAB_UNDISTURBED, "met.db", "run", "leak.yaml", "healthy.yaml", "--jobs", "4");
    lab_check(&result, 0, "\nVerdict: PASS, 4 of 4 runs\n", "[4/4] run ");
    lab_check(&result, 0, "Database: met.db\n", "leakdrill: 4 runs, 4 at a time, seed 1, plan ");
    program_result_done(&result);
    lab_assert_database(&lab, "met.db");
    lab_assert_text(&lab, "met.db", "SELECT verdict FROM campaign", "pass");
    lab_assert_number(&lab, "met.db", "SELECT interrupted FROM campaign", 0);
    lab_assert_number(&lab, "met.db", "SELECT count(*) FROM run WHERE validity = 'valid' AND left_processes = 0", 4);
    lab_assert_number(&lab, "met.db", "SELECT count(*) FROM alert WHERE detector = 'threshold' AND action = 'open'", 2);
    lab_assert_number(&lab, "met.db", "SELECT count(*) FROM truth_interval WHERE manifest_ns IS NOT NULL", 2);
}

static void an_unmet_expectation_is_1(void **state)
{
    (void)state;
    struct program_result result;
    /* A threshold names no cause: this cannot be met. */
    LAB_SCENARIO(&lab, "unmet.yaml", "leak.yaml", "NAME", "unmet", "EXPECTATION", "cause: right");
    RUN_UNTIL(&result, LAB_UNDISTURBED, "unmet.db", "run", "unmet.yaml");
    lab_check(&result, 1, "unmet.yaml:14: asked right, seen right in 0 of 2", "leakdrill: 2 runs");
    lab_check(&result, 1, "\nVerdict: FAIL, 2 of 2 runs\n", NULL);
    program_result_done(&result);
    lab_assert_text(&lab, "unmet.db", "SELECT verdict FROM campaign", "fail");
}

static void a_false_alarm_too_many_is_1(void **state)
{
    (void)state;
    struct program_result result;
    LAB_SCENARIO(&lab, "alarm.yaml", "healthy.yaml", "NAME", "alarm", "WARN", "4");
    RUN_UNTIL(&result, LAB_UNDISTURBED, "alarm.db", "run", "alarm.yaml");
    lab_check(&result, 1, "alarm.yaml:14: asked at most 0, seen 2", NULL);
    program_result_done(&result);
    lab_assert_number(&lab, "alarm.db", "SELECT count(*) FROM run WHERE validity = 'valid'", 2);
    lab_assert_number(&lab, "alarm.db", "SELECT count(*) FROM alert WHERE detector = 'threshold' AND action = 'open'",
                      2);
}

static void a_typo_in_a_scenario_is_2_before_anything_starts(void **state)
{
    (void)state;
    struct program_result result;
    LAB_SCENARIO(&lab, "typo.yaml", "leak.yaml", "NAME", "typo", "EXPECTATION", "detection: {observd: 100%}");
    LAB_SCENARIO(&lab, "right.yaml", "leak.yaml", "NAME", "right", "EXPECTATION", "detection: {observed: 100%}");
    LAB_RUN(&lab, &result, "run", "right.yaml", "typo.yaml", "--db", "typo.db");
    lab_check(&result, 2, NULL, "typo.yaml:15:17: expect[0].detection.observd: unknown key \"observd\"; did you mean "
                                "\"observed\"?\n");
    lab_check(&result, 2, NULL, "the scenarios have errors; nothing was started\n");
    assert_string_equal(result.out, "");
    program_result_done(&result);
    assert_false(lab_has(&lab, "typo.db"));
}

static void a_target_that_is_never_ready_is_3(void **state)
{
    (void)state;
    struct program_result result;
    LAB_SCENARIO(&lab, "deaf.yaml", "command.yaml", "NAME", "deaf", "BEHAVIOUR", "never-listens");
    LAB_RUN(&lab, &result, "run", "deaf.yaml", "--db", "deaf.db");
    lab_check(&result, 3, "\nVerdict: HARNESS, 1 of 1 run\n", "run 0 deaf/observed/none: void, harness: target ");
    lab_check(&result, 3, "was not ready within 1.0 s:", "/ready: nobody listens there");
    program_result_done(&result);
    lab_assert_text(&lab, "deaf.db", "SELECT verdict FROM campaign", "harness");
    lab_write(&lab, "empty.json",
              "{\"leakdrill_baseline\": 1, \"name\": \"empty\", \"campaign\": \"c\", \"version\": \"0\", "
              "\"rows\": []}");
    LAB_RUN(&lab, &result, "run", "deaf.yaml", "--db", "deaf-again.db", "--against", "empty.json");
    lab_check(&result, 3, NULL, "leakdrill: the campaign is void: not compared with the baseline empty\n");
    assert_null(strstr(result.out, "Against the baseline"));
    program_result_done(&result);
    assert_false(lab_has(&lab, "deaf-again-rerun.db"));
    lab_assert_number(&lab, "deaf.db",
                      "SELECT count(*) FROM run WHERE validity = 'harness' AND reason LIKE '%not ready%'", 1);
}

static void programs_that_are_not_built_are_3(void **state)
{
    (void)state;
    struct program_result result;
    snprintf(lab.fixtures, sizeof lab.fixtures, "LEAKDRILL_FIXTURES_FILE=%s/none.json", lab.folder);
    LAB_SCENARIO(&lab, "go.yaml", "fixture.yaml", "NAME", "go");
    LAB_RUN(&lab, &result, "run", "go.yaml", "--db", "go.db");
    lab_check(&result, 3, NULL, "leakdrill run: the Go programs are not built (no ");
    assert_string_equal(result.out, "");
    program_result_done(&result);
    assert_false(lab_has(&lab, "go.db"));
}

static void wrong_usage_is_4(void **state)
{
    (void)state;
    static const struct {
        const char *words[8];
        const char *message;
    } cases[] = {
        {{"run", "--jbos", "3"}, "leakdrill run: unknown option --jbos; did you mean --jobs?\n"},
        {{"run", "--runs", "0"}, "leakdrill run: --runs: 0 is out of range"},
        {{"run", "--full", "--runs", "3"},
         "leakdrill run: --full and --runs both say how many runs: give one of them\n"},
        {{"plan", "--full", "--runs", "3"}, "leakdrill plan: --full and --runs both say how many runs"},
        {{"run", "--shard", "0/2"}, "leakdrill run: --shard: \"0/2\" is not K/N"},
        {{"run", "nowhere.yaml"}, "leakdrill run: nowhere.yaml: No such file or directory\n"},
        {{"run", "usage.yaml", "--filter", "nothing"}, "no cell matches"},
        {{"show", "9", "--db", "nowhere.db"}, "nowhere.db: No such file or directory\n"},
    };
    LAB_SCENARIO(&lab, "usage.yaml", "healthy.yaml", "NAME", "usage", "WARN", "20");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct program_result result;
        lab_run(&lab, &result, cases[i].words);
        lab_check(&result, 4, NULL, cases[i].message);
        assert_string_equal(result.out, "");
        program_result_done(&result);
    }
    assert_false(lab_has(&lab, "runs"));
}

/* --full runs what claims need; the bound is judged then, and its database says so when it is read again. */
static void the_full_number_of_runs_is_judged(void **state)
{
    (void)state;
    struct program_result result;
    LAB_SCENARIO(&lab, "full.yaml", "leak.yaml", "NAME", "full", "runs: 2", "runs: 1, full: 4", "EXPECTATION",
                 "detection: {observed: 100%, confident: 40%, at: 95%}");
    LAB_RUN(&lab, &result, "plan", "full.yaml", "--full");
    lab_check(&result, 0, "1 cell of 4 runs: counts only\n", NULL);
    lab_check(&result, 0, "confident 40% at 95%: supported: needs 4 runs of a cell without a miss, has 4", NULL);
    program_result_done(&result);
    RUN_UNTIL(&result, LAB_UNDISTURBED, "full.db", "run", "full.yaml", "--full");
    lab_check(&result, 0, "\nVerdict: PASS, 4 of 4 runs\n", "leakdrill: 4 runs");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "report", "--format", "json", "--db", "full.db");
    lab_check(&result, 0, "at least 40%, 95% confident", NULL);
    program_result_done(&result);
    RUN_UNTIL(&result, LAB_UNDISTURBED, "smoke.db", "run", "full.yaml");
    lab_check(&result, 0, "\nVerdict: PASS, 1 of 1 run\n", "leakdrill: 1 run");
    program_result_done(&result);
}

static void too_few_runs_for_the_claim_are_5(void **state)
{
    (void)state;
    struct program_result result;
    LAB_SCENARIO(&lab, "few.yaml", "leak.yaml", "NAME", "few", "EXPECTATION",
                 "detection: {confident: 90%, at: 95%}");
    LAB_RUN(&lab, &result, "plan", "few.yaml");
    lab_check(&result, 0, "", NULL);
    program_result_done(&result);
    RUN_UNTIL(&result, LAB_UNDISTURBED, "few.db", "run", "few.yaml");
    lab_check(&result, 5, "few.yaml:14: asked at least 90%, 95% confident, seen 2 of 2", NULL);
    lab_check(&result, 5, "too few runs for this claim\n", NULL);
    lab_check(&result, 5, "\nVerdict: INCONCLUSIVE, 2 of 2 runs\n", NULL);
    program_result_done(&result);
    lab_assert_text(&lab, "few.db", "SELECT verdict FROM campaign", "inconclusive");
}

static void an_empty_shard_is_77(void **state)
{
    (void)state;
    struct program_result result;
    LAB_SCENARIO(&lab, "one.yaml", "healthy.yaml", "NAME", "one", "WARN", "20");
    LAB_RUN(&lab, &result, "run", "one.yaml", "--shard", "2/2", "--db", "empty.db");
    int other = result.exit_code;
    program_result_done(&result);
    assert_true(other == 77 || other == 0 || other == 3 ||
                other == 5); /* one cell: one shard has it, the other has none */
    LAB_RUN(&lab, &result, "run", "one.yaml", "--shard", other == 77 ? "2/2" : "1/2", "--db", "skipped.db");
    lab_check(&result, 77, NULL, "leakdrill run: this shard has no runs\n");
    assert_string_equal(result.out, "");
    program_result_done(&result);
    assert_false(lab_has(&lab, "skipped.db"));
}

/* ---- signals */

static void signalled(int number, int exit_code, const char *database)
{
    struct running_program running;
    struct program_result result;
    LAB_SCENARIO(&lab, "many.yaml", "leak.yaml", "NAME", "many", "EXPECTATION", "detection: {observed: 100%}");
    LAB_START(&lab, &running, "run", "many.yaml", "--runs", "20", "--jobs", "2", "--db", database);
    program_await_err(&running, "[2/20] ");
    assert_int_equal(kill(running.pid, number), 0);
    program_finish(&running, &result);
    lab_check(&result, exit_code, "\nVerdict (interrupted): ", "leakdrill: interrupted: stopping the runs in hand");
    lab_check(&result, exit_code, "threshold ", ": void, harness: interrupted\n");
    program_result_done(&result);
    lab_assert_clean(&lab);
    lab_assert_database(&lab, database);
    lab_assert_number(&lab, database, "SELECT interrupted FROM campaign", number);
    lab_assert_number(&lab, database, "SELECT ended_wall_ns IS NOT NULL FROM campaign", 1);
    assert_true(lab_number(&lab, database, "SELECT count(*) FROM run WHERE validity IS NOT NULL AND reason <> "
                                           "'interrupted'") >= 2);
    assert_true(lab_number(&lab, database,
                           "SELECT count(*) FROM run WHERE validity = 'harness' AND reason = 'interrupted'") >= 1);
    lab_assert_number(&lab, database, "SELECT count(*) FROM run WHERE started_wall_ns IS NOT NULL AND validity IS NULL",
                      0);
    /* Every run that counts is whole: all its phases, and its observations without a gap. */
    lab_assert_number(&lab, database,
                      "SELECT count(*) FROM run WHERE validity = 'valid' AND run NOT IN (SELECT run FROM "
                      "phase WHERE name = 'done')",
                      0);
    lab_assert_number(&lab, database,
                      "SELECT count(*) FROM (SELECT run FROM observation GROUP BY run HAVING count(*) <> "
                      "max(sequence))",
                      0);
}

static void an_interrupt_is_130_with_what_there_is(void **state)
{
    (void)state;
    signalled(SIGINT, 130, "interrupted.db");
}

static void a_termination_is_143_with_what_there_is(void **state)
{
    (void)state;
    signalled(SIGTERM, 143, "terminated.db");
}

/* The first would wait for a target that does not listen to it. */
static void the_second_interrupt_ends_everything_at_once(void **state)
{
    (void)state;
    struct running_program running;
    struct program_result result;
    LAB_SCENARIO(&lab, "stubborn.yaml", "command.yaml", "NAME", "stubborn", "BEHAVIOUR", "ignores-term", "stop: 300ms",
                 "stop: 40s", "800ms", "5s");
    LAB_START(&lab, &running, "run", "stubborn.yaml", "--db", "twice.db");
    program_await_err(&running, "leakdrill: 1 run");
    /* There is no event for a target that is up but the row that says so. */
    lab_await_number(&lab, "twice.db", "SELECT count(*) FROM phase WHERE name = 'method'", 1);
    assert_int_equal(kill(running.pid, SIGINT), 0);
    program_await_err(&running, "interrupted: stopping");
    assert_int_equal(kill(running.pid, SIGINT), 0);
    program_finish(&running, &result);
    lab_check(&result, 130, NULL, NULL);
    assert_string_equal(result.out, "");
    program_result_done(&result);
    lab_assert_clean(&lab);
    lab_assert_text(&lab, "twice.db", "PRAGMA integrity_check", "ok");
}

int test_exit_codes(void)
{
    const struct CMUnitTest tests[] = {
        IN_LAB(met_expectations_are_0),
        IN_LAB(an_unmet_expectation_is_1),
        IN_LAB(the_full_number_of_runs_is_judged),
        IN_LAB(a_false_alarm_too_many_is_1),
        IN_LAB(a_typo_in_a_scenario_is_2_before_anything_starts),
        IN_LAB(a_target_that_is_never_ready_is_3),
        IN_LAB(programs_that_are_not_built_are_3),
        IN_LAB(wrong_usage_is_4),
        IN_LAB(too_few_runs_for_the_claim_are_5),
        IN_LAB(an_empty_shard_is_77),
        IN_LAB(an_interrupt_is_130_with_what_there_is),
        IN_LAB(a_termination_is_143_with_what_there_is),
        IN_LAB(the_second_interrupt_ends_everything_at_once),
    };
    return cmocka_run_group_tests_name("exit codes", tests, NULL, NULL);
}
