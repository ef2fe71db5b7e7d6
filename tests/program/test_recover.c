/* What is left when leakdrill and its guard are killed at once, and how it is undone; and what touches nothing. */
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "aftermath.h"
#include "groups.h"
#include "lab.h"
#include "runner/process/identity.h"

static struct lab lab;

#define FAULTS "  pause: [{at: 200ms, for: 60s, pause: {}}]\n  killed: [{at: 60s, kill: {who: target}}]\n"

static void execute(const char *database, const char *sql)
{
    char path[256], *why = NULL;
    sqlite3 *handle;
    snprintf(path, sizeof path, "%s/%s", lab.folder, database);
    assert_int_equal(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    if (sqlite3_exec(handle, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
    sqlite3_close(handle);
}

/* A campaign with a paused target, up to the moment in which the pause is durable. */
static void start_paused(struct running_program *running, const char *database)
{
    LAB_SCENARIO(&lab, "paused.yaml", "faults.yaml", "NAME", "paused", "BEHAVIOUR", "growing", "INSTANCES", "2",
                 "FAULTS", FAULTS, "wall: 20s", "wall: 80s");
    LAB_START(&lab, running, "run", "paused.yaml", "--jobs", "2", "--db", database, "--filter", "*/pause");
    program_await_err(running, "leakdrill:");
    lab_await_number(&lab, database, "SELECT count(*) FROM fault_intent", 1);
}

/* Both at the same instant, in the middle of a pause. */
static void cut_off(const char *database)
{
    struct running_program running;
    struct program_result result;
    start_paused(&running, database);
    pid_t guard = guard_of(running.pid);
    assert_true(guard > 0);
    int status = 0;
    kill(running.pid, SIGSTOP); /* so that it sees nothing of its guard's death */
    assert_int_equal(waitpid(running.pid, &status, WUNTRACED), running.pid);
    assert_true(WIFSTOPPED(status));
    kill(guard, SIGKILL);
    kill(running.pid, SIGKILL);
    program_finish(&running, &result);
    assert_int_equal(result.signal, SIGKILL);
    program_result_done(&result);
    assert_no_child_within(10);
}

static void recover(const char *database, int exit_code, const char *out)
{
    struct program_result result;
    LAB_RUN(&lab, &result, "recover", database);
    lab_check(&result, exit_code, out, NULL);
    program_result_done(&result);
}

/* What other campaigns of this machine left may be removed meanwhile: nothing is said of this one. */
static void recover_nothing(const char *database)
{
    struct program_result result;
    LAB_RUN(&lab, &result, "recover", database);
    lab_check(&result, 0, "0 left\n", NULL);
    if (strstr(result.out, database))
        fail_msg("there was something to recover: %s", result.out);
    program_result_done(&result);
}

static void a_cut_off_campaign_is_undone_once(void **state)
{
    struct program_result result;
    (void)state;
    cut_off("cut.db");
    LAB_RUN(&lab, &result, "recover", "cut.db", "--dry-run");
    lab_check(&result, 0, "cut.db: would remove the folder ", NULL);
    lab_check(&result, 0, "cut.db: would mark 1 run that never ended, and 1 fault without a receipt", NULL);
    program_result_done(&result);
    lab_assert_number(&lab, "cut.db", "SELECT count(*) FROM fault_receipt", 0);
    LAB_RUN(&lab, &result, "recover", "cut.db");
    lab_check(&result, 0, "cut.db: removed the folder ", NULL);
    lab_check(&result, 0, "cut.db: marked 1 run that never ended, and 1 fault without a receipt", NULL);
    lab_check(&result, 0, "\n0 left\n", NULL);
    program_result_done(&result);
    lab_assert_clean(&lab);
    lab_assert_database(&lab, "cut.db");
    lab_assert_number(&lab, "cut.db",
                      "SELECT count(*) FROM fault_intent LEFT JOIN fault_receipt USING (run, fault) WHERE "
                      "effective IS NOT 0",
                      0);
    lab_assert_number(&lab, "cut.db", "SELECT count(*) FROM note WHERE kind = 'recover'", 1);
    lab_assert_number(&lab, "cut.db", "SELECT count(*) FROM note WHERE kind = 'process'", 2);
    recover_nothing("cut.db");
    lab_assert_number(&lab, "cut.db", "SELECT count(*) FROM note WHERE kind = 'recover'", 1);
}

/* As a target that survived: nobody is its parent but us. */
static pid_t start_survivor(struct ld_identity *ret_identity)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody stopped */
        setsid();
        (void)!write(ready[1], "", 1);
        for (;;)
            pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    kill(child, SIGSTOP); /* as the fault left it */
    assert_true(ld_identity_read(child, ret_identity));
    return child;
}

static void note_survivor(const char *database, const struct ld_identity *identity)
{
    char sql[256], text[64];
    snprintf(
        sql, sizeof sql,
        "INSERT INTO note (run, time_ns, kind, text) SELECT run, 1, 'process', '%s target survivor' FROM run WHERE "
        "started_wall_ns IS NOT NULL LIMIT 1",
        ld_identity_text(identity, text, sizeof text));
    execute(database, sql);
}

static bool lives(pid_t child)
{
    return waitpid(child, NULL, WNOHANG) == 0;
}

static void a_survivor_is_known_by_pid_and_start_time(void **state)
{
    struct ld_identity identity, other;
    (void)state;
    cut_off("alive.db");
    pid_t child = start_survivor(&identity);
    other = identity;
    other.start_ticks--; /* a process of that number, but not that process */
    note_survivor("alive.db", &other);
    recover("alive.db", 0, "0 left\n");
    assert_true(lives(child));
    note_survivor("alive.db", &identity);
    execute("alive.db",
            "CREATE TABLE boot AS SELECT value FROM fact WHERE name = 'recover.boot'; UPDATE fact SET value = "
            "'another' WHERE name = 'recover.boot'");
    recover_nothing("alive.db"); /* pids of another boot */
    assert_true(lives(child));
    execute("alive.db",
            "UPDATE fact SET value = (SELECT value FROM boot) WHERE name = 'recover.boot'; DROP TABLE boot");
    recover("alive.db", 0, ", target survivor\n");
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WIFSIGNALED(status) ? WTERMSIG(status) : 0, SIGKILL);
    recover_nothing("alive.db");
}

static void a_campaign_that_goes_on_is_not_touched(void **state)
{
    struct running_program running;
    struct program_result result;
    (void)state;
    start_paused(&running, "on.db");
    recover("on.db", 4, "on.db: its leakdrill still runs");
    lab_assert_number(&lab, "on.db", "SELECT count(*) FROM note WHERE kind = 'recover'", 0);
    kill(running.pid, SIGTERM);
    program_finish(&running, &result);
    lab_check(&result, 143, NULL, NULL);
    program_result_done(&result);
    lab_assert_clean(&lab);
    recover_nothing("on.db");
}

static void it_says_what_it_cannot_read(void **state)
{
    struct program_result result;
    (void)state;
    lab_write(&lab, "no.db", "this is no database, but long enough to look like one");
    LAB_RUN(&lab, &result, "recover", "no.db");
    lab_check(&result, 3, NULL, "no.db");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "recover", "missing.db");
    lab_check(&result, 3, NULL, "missing.db");
    program_result_done(&result);
}

/* With a TMPDIR that is not there a campaign fails before it starts its first process: so neither was tried. */
static void a_dry_run_touches_nothing(void **state)
{
    static const char *const nowhere[] = {"TMPDIR=/nonexistent/folder", NULL};
    static const char *const dry[] = {"run", "calm.yaml", "--dry-run", "--report", "reports", NULL};
    static const char *const wet[] = {"run", "calm.yaml", NULL};
    static const char *const plan[] = {"plan", "calm.yaml", NULL};
    struct program_result result, planned;
    (void)state;
    LAB_SCENARIO(&lab, "calm.yaml", "faults.yaml", "NAME", "calm", "BEHAVIOUR", "calm", "INSTANCES", "1", "FAULTS",
                 FAULTS, "wall: 20s", "wall: 80s");
    run_program(&result, 10, lab.folder, nowhere, wet);
    lab_check(&result, 3, NULL, "cannot make the work folder");
    program_result_done(&result);
    run_program(&result, 10, lab.folder, nowhere, dry);
    lab_check(&result, 0, "pause/0/pause for 1m", NULL);
    run_program(&planned, 10, lab.folder, nowhere, plan);
    assert_string_equal(result.out, planned.out);
    program_result_done(&result);
    program_result_done(&planned);
    assert_false(lab_has(&lab, "reports"));
    lab_assert_clean(&lab);
}

static int open_lab(void **state)
{
    (void)state;
    lab_open(&lab);
    become_subreaper();
    return 0;
}

static int close_lab(void **state)
{
    (void)state;
    lab_close(&lab);
    return 0;
}

int test_recover(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_cut_off_campaign_is_undone_once, open_lab, close_lab),
        cmocka_unit_test_setup_teardown(a_survivor_is_known_by_pid_and_start_time, open_lab, close_lab),
        cmocka_unit_test_setup_teardown(a_campaign_that_goes_on_is_not_touched, open_lab, close_lab),
        cmocka_unit_test_setup_teardown(it_says_what_it_cannot_read, open_lab, close_lab),
        cmocka_unit_test_setup_teardown(a_dry_run_touches_nothing, open_lab, close_lab),
    };
    return cmocka_run_group_tests_name("recover", tests, NULL, NULL);
}
