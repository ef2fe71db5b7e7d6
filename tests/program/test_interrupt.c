/* Signals that people and systems send: a clean end, whenever they come. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "aftermath.h"
#include "groups.h"
#include "in_lab.h"

#define SIGNAL_FIRST_RUN_TRIES 10
#define SIGNAL_SCORING_TRIES 10

static char database[32];
static unsigned databases;

static const char *next_database(void)
{
    snprintf(database, sizeof database, "interrupt-%u.db", ++databases);
    return database;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* As a terminal does: to the whole process group. */
static void send_to_group(const struct running_program *running, int number)
{
    assert_int_equal(kill(-running->pid, number), 0);
}

static void finish_clean(struct running_program *running, struct program_result *ret_result)
{
    program_finish(running, ret_result);
    assert_false(ret_result->timed_out);
    assert_no_child_within(CHILDREN_GO_S);
    lab_assert_clean(&lab);
}

static void one_signal_ends_cleanly_with_what_there_is(void **state)
{
    static const struct {
        int number, exit_code;
    } cases[] = {{SIGINT, 130}, {SIGTERM, 143}, {SIGHUP, 129}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct running_program running;
        struct program_result result;
        LAB_START(&lab, &running, "run", "recv.yaml", "body.yaml", "--jobs", "2", "--runs", "4", "--db",
                  next_database());
        program_await_err(&running, "[2/48]");
        send_to_group(&running, cases[i].number);
        finish_clean(&running, &result);
        lab_check(&result, cases[i].exit_code, "Verdict (interrupted)", "leakdrill: interrupted");
        lab_check(&result, cases[i].exit_code, "of 48 runs", NULL);
        program_result_done(&result);
        lab_assert_text(&lab, database, "PRAGMA integrity_check", "ok");
        lab_assert_number(&lab, database, "SELECT interrupted FROM campaign WHERE ended_wall_ns > 0",
                          cases[i].number);
        /* Those in hand were voided, not judged. */
        lab_assert_number(&lab, database,
                          "SELECT count(*) FROM run WHERE started_wall_ns IS NOT NULL AND validity IS NULL", 0);
        assert_true(lab_number(&lab, database,
                               "SELECT count(*) FROM run WHERE validity = 'harness' AND reason = 'interrupted'") > 0);
        assert_true(lab_number(&lab, database,
                               "SELECT count(*) FROM run WHERE validity IS NOT NULL AND reason <> 'interrupted'") >= 2);
        assert_true(lab_number(&lab, database, "SELECT count(*) FROM run WHERE started_wall_ns IS NULL") > 0);
    }
}

/* The target ignores TERM and is given a minute for it: only the second signal can end this soon. */
static void the_second_signal_ends_at_once(void **state)
{
    struct running_program running;
    struct program_result result;
    (void)state;
    LAB_START(&lab, &running, "run", "stubborn.yaml", "--db", next_database());
    lab_await_number(&lab, database, "SELECT count(*) FROM phase WHERE name = 'method'", 1);
    send_to_group(&running, SIGINT);
    program_await_err(&running, "leakdrill: interrupted");
    int64_t before = now_ms();
    send_to_group(&running, SIGINT);
    program_finish(&running, &result);
    int64_t took = now_ms() - before;
    lab_check(&result, 130, NULL, NULL);
    program_result_done(&result);
    if (took >= 30000)
        fail_msg("it took %lld ms, half of what its target was given", (long long)took);
    assert_no_child_within(CHILDREN_GO_S);
    lab_assert_clean(&lab);
    lab_assert_text(&lab, database, "PRAGMA integrity_check", "ok");
}

static void a_signal_before_the_first_run(void **state)
{
    (void)state;
    for (int i = 0; i < SIGNAL_FIRST_RUN_TRIES; i++) {
        struct running_program running;
        struct program_result result;
        LAB_START(&lab, &running, "run", "recv.yaml", "--db", next_database());
        program_await_err(&running, "leakdrill: 6 runs");
        send_to_group(&running, SIGINT);
        finish_clean(&running, &result);
        lab_check(&result, 130, NULL, NULL);
        program_result_done(&result);
    }
}

static void a_signal_while_it_scores(void **state)
{
    int while_it_scored = 0;
    (void)state;
    for (int i = 0; i < SIGNAL_SCORING_TRIES && while_it_scored < 2; i++) {
        struct running_program running;
        struct program_result result;
        LAB_START(&lab, &running, "run", "recv.yaml", "--jobs", "6", "--db", next_database());
        program_await_err(&running, "[6/6]");
        send_to_group(&running, SIGINT);
        finish_clean(&running, &result);
        while_it_scored += result.exit_code == 130;
        if (result.exit_code != 130) /* who came too late changes nothing */
            lab_check_judged(&lab, &result, database);
        program_result_done(&result);
        lab_assert_text(&lab, database, "PRAGMA integrity_check", "ok");
        lab_assert_number(&lab, database, "SELECT count(*) FROM run WHERE validity IS NOT NULL", 6);
        lab_assert_number(&lab, database, "SELECT ended_wall_ns IS NOT NULL FROM campaign", 1);
    }
    assert_true(while_it_scored > 0);
}

/* Run leakdrill from a shell line in which $0 is its path. */
static void start_by_shell(struct running_program *ret_running, const char *line)
{
    program_start(ret_running, PROGRAM_HANGS_S, "/bin/sh", lab.folder, lab.environment,
                  (const char *const[]){"-c", line, LEAKDRILL, NULL});
}

static void closed_descriptors_change_nothing(void **state)
{
    static const char *const closed[] = {"<&-", "<&- 2>&-", "<&- >&-"};
    (void)state;
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++) {
        struct running_program running;
        struct program_result result;
        char line[256];
        snprintf(line, sizeof line, "exec \"$0\" run recv.yaml --jobs 6 --filter recv/leaky/* --db %s %s",
                 next_database(), closed[i]);
        start_by_shell(&running, line);
        finish_clean(&running, &result);
        assert_int_equal(result.signal, 0);
        lab_assert_text(&lab, database, "PRAGMA integrity_check", "ok");
        lab_assert_number(&lab, database, "SELECT count(*) FROM run WHERE validity <> 'harness'", 3);
        program_result_done(&result);
    }
}

static void nohup_is_respected(void **state)
{
    struct running_program running;
    struct program_result result;
    char line[256];
    (void)state;
    snprintf(line, sizeof line, "trap '' HUP; exec \"$0\" run recv.yaml --jobs 3 --db %s", next_database());
    start_by_shell(&running, line);
    program_await_err(&running, "[1/6]");
    send_to_group(&running, SIGHUP);
    finish_clean(&running, &result);
    lab_check_judged(&lab, &result, database);
    lab_check_said(&result, "6 of 6 runs", "[6/6]");
    lab_assert_number(&lab, database, "SELECT count(*) FROM run WHERE validity <> 'harness'", 6);
    lab_assert_number(&lab, database, "SELECT interrupted FROM campaign", 0);
    assert_null(strstr(result.err, "interrupted"));
    program_result_done(&result);
}

static int prepare(void **state)
{
    static const char *const nothing[] = {NULL};
    open_lab(state);
    become_subreaper();
    lab_scenario(&lab, "recv.yaml", "quick-recv.yaml", nothing);
    lab_scenario(&lab, "body.yaml", "quick-body.yaml", nothing);
    lab_scenario(&lab, "stubborn.yaml", "stubborn.yaml", nothing);
    return 0;
}

int test_interrupt(void)
{
    const struct CMUnitTest tests[] = {
        IN_GROUP(one_signal_ends_cleanly_with_what_there_is),
        IN_GROUP(the_second_signal_ends_at_once),
        IN_GROUP(a_signal_before_the_first_run),
        IN_GROUP(a_signal_while_it_scores),
        IN_GROUP(closed_descriptors_change_nothing),
        IN_GROUP(nohup_is_respected),
    };
    if (lacks_programs("interrupt"))
        return GROUP_SKIPPED;
    return cmocka_run_group_tests_name("interrupt", tests, prepare, close_lab);
}
