/* What makes a run evidence and what voids it: gaps, deaths, what a target says of itself, kills that overlap, and
 * processes of leakdrill's own that somebody kills. */
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "aftermath.h"
#include "groups.h"
#include "in_lab.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- one campaign of targets, each with what is to become of its runs */

struct judged {
    const char *name, *behaviour;
    const char *death; /* the field, or "" */
    int runs;
    const char *validity, *reason; /* reason: a pattern of LIKE */
    const char *note;              /* a pattern; NULL: none of the kind `death` */
    const char *outcome;           /* of the silent detector; NULL: there is none */
};

static const struct judged targets[] = {
    {"growing", "growing", "", 1, "valid", "", NULL, "FN"},
    {"collects-unasked", "collects-unasked", "", 1, "valid", "", NULL, "FN"},
    {"hides-metrics", "hides-metrics", "", 1, "gaps",
     "% ms without metrics of target %, over 2 periods of 250 ms", NULL, "HARNESS_ERROR"},
    {"hides-profiles", "hides-profiles", "", 1, "gaps",
     "% ms without goroutine profiles of target %, over 3 periods of 250 ms", NULL, "HARNESS_ERROR"},
    /* Several: their periods end at different times before the last look. */
    {"hides-to-the-end", "hides-to-the-end", "", 4, "gaps", "% ms without % of target %", NULL, "HARNESS_ERROR"},
    {"dies", "dies-of-collecting", "", 1, "valid", "", "target % died of its leak (exit code 66)", "FN"},
    {"dies-under-our-eyes", "dies-of-the-second-look", "", 1, "valid", "", "target % died of its leak (exit code 66)",
     "FN"},
    {"dies-as-declared", "dies-of-collecting", "death: {exit: 66}", 1, "valid", "",
     "target % died of its leak (exit code 66)", "FN"},
    {"dies-otherwise", "dies-of-collecting", "death: {exit: 3}", 1, "harness",
     "target % died with exit code 66, which is not the death that was declared", NULL, "HARNESS_ERROR"},
    {"dies-without-units", "dies-without-units", "", 1, "harness", "target % died by itself (exit code 66)", NULL,
     "HARNESS_ERROR"},
    {"dies-saying", "dies-saying", "", 1, "valid", "", "target % died of its leak (exit code 66)", "FN"},
    {"says-future", "says-future", "", 1, "truth", "target %: a truth line from the future", NULL, "HARNESS_ERROR"},
    {"says-too-much", "says-too-much", "", 1, "harness", "target %: truth: %", NULL, "HARNESS_ERROR"},
};

/* How many rows of the target's runs there are, of `from` with `condition`. */
static int64_t count_rows(const struct judged *target, const char *from, const char *condition)
{
    char sql[768];
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM run AS r JOIN cell AS c USING (cell) %s WHERE c.name LIKE '%s/%%' AND %s", from,
             target->name, condition);
    return lab_number(&lab, "judged.db", sql);
}

static void show_runs(const struct judged *target)
{
    char sql[512];
    snprintf(
        sql, sizeof sql,
        "SELECT group_concat(validity || ': ' || reason || ' ' || coalesce((SELECT group_concat(kind) FROM "
        "outcome AS o WHERE o.run = r.run AND detector = 'growth'), 'no outcome'), '; ') FROM run AS r JOIN cell AS c "
        "USING (cell) WHERE c.name LIKE '%s/%%'",
        target->name);
    char *runs = lab_text(&lab, "judged.db", sql);
    print_message("%s: %s\n", target->name, runs);
    free(runs);
}

static void assert_rows(const struct judged *target, const char *from, const char *condition, int64_t expected)
{
    int64_t number = count_rows(target, from, condition);
    if (number == expected)
        return;
    show_runs(target);
    fail_msg("%s: %" PRId64 " rows, not %" PRId64 ", of %s with %s", target->name, number, expected, from, condition);
}

static void assert_judged(const struct judged *target)
{
    char condition[512];
    snprintf(condition, sizeof condition, "validity = '%s' AND reason LIKE '%s' AND left_processes = 0",
             target->validity, target->reason);
    assert_rows(target, "", condition, target->runs);
    assert_rows(target, "JOIN note AS n ON n.run = r.run", "n.kind = 'death'", target->note ? target->runs : 0);
    if (target->note) {
        snprintf(condition, sizeof condition, "n.kind = 'death' AND n.text LIKE '%s'", target->note);
        assert_rows(target, "JOIN note AS n ON n.run = r.run", condition, target->runs);
    }
    assert_rows(target, "JOIN outcome AS o ON o.run = r.run", "o.detector = 'growth'",
                target->outcome ? target->runs : 0);
    if (target->outcome) {
        snprintf(condition, sizeof condition, "o.detector = 'growth' AND o.kind = '%s'", target->outcome);
        assert_rows(target, "JOIN outcome AS o ON o.run = r.run", condition, target->runs);
    }
}

/* What happened is in the database, or a row of the table shows nothing. */
static void assert_it_happened(void)
{
    const struct judged unasked = {.name = "collects-unasked"}, saying = {.name = "dies-saying"},
                        dies = {.name = "dies-under-our-eyes"};
    assert_true(count_rows(&unasked, "JOIN truth_event AS e ON e.run = r.run", "e.kind = 'gc' AND e.amount = 0") >= 2);
    /* Its last words, said at the instant of its death, are its whole truth. */
    assert_rows(&saying, "JOIN truth_event AS e ON e.run = r.run", "e.kind = 'leak'", 1);
    assert_rows(&saying, "JOIN truth_interval AS i ON i.run = r.run", "i.amount = 7 AND i.ended_by = 'death'", 1);
    assert_rows(&dies, "JOIN phase AS p ON p.run = r.run", "p.name = 'after'", 1);
}

static void each_run_is_judged(void **state)
{
    struct program_result result;
    char folder[128], file[96], runs[16];
    (void)state;
    snprintf(folder, sizeof folder, "%s/all", lab.folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    for (size_t i = 0; i < COUNT(targets); i++) {
        snprintf(file, sizeof file, "all/%s.yaml", targets[i].name);
        snprintf(runs, sizeof runs, "%d", targets[i].runs);
        LAB_SCENARIO(&lab, file, "validity.yaml", "NAME", targets[i].name, "BEHAVIOUR", targets[i].behaviour, "DEATH",
                     targets[i].death, "RUNS", runs);
    }
    RUN_UNTIL(&result,
              "SELECT count(*) = 0 FROM run JOIN cell USING (cell) WHERE " LAB_DISTURBED
              " AND NOT (validity = 'gaps' AND name LIKE 'hides%')",
              "judged.db", "run", "all", "--jobs", "3");
    lab_check(&result, 5, "Calibration: holds", NULL);
    program_result_done(&result);
    lab_assert_clean(&lab);
    lab_assert_database(&lab, "judged.db");
    for (size_t i = 0; i < COUNT(targets); i++)
        assert_judged(&targets[i]);
    assert_it_happened();
}

/* ---- three kills, each with a clock of its own */

static int64_t kills_ms(const char *sql)
{
    return lab_number(&lab, "kills.db", sql) / 1000000;
}

static void each_kill_restarts_by_its_own_clock(void **state)
{
    static const struct {
        const char *down; /* from the death to the next life */
        int64_t least_ms, most_ms;
    } rests[] = {
        {"SELECT (SELECT from_ns FROM incarnation WHERE incarnation = 2) - (SELECT time_ns FROM fault_intent ORDER BY "
         "time_ns LIMIT 1)",
         100, 790},
        {"SELECT (SELECT from_ns FROM incarnation WHERE incarnation = 3) - (SELECT time_ns FROM fault_intent ORDER BY "
         "time_ns LIMIT 1 OFFSET 1)",
         800, 5000},
    };
    struct program_result result;
    (void)state;
    LAB_SCENARIO(&lab, "kills.yaml", "kills.yaml", "NAME", "kills");
    RUN_UNTIL(&result, LAB_UNDISTURBED, "kills.db", "run", "kills.yaml", "--filter", "*/thrice");
    lab_check(&result, 0, "Verdict: PASS, 1 of 1 run\n", NULL);
    program_result_done(&result);
    lab_assert_number(&lab, "kills.db", "SELECT count(*) FROM incarnation", 3);
    lab_assert_number(&lab, "kills.db", "SELECT count(*) FROM incarnation WHERE exit_status = -9 AND expected = 1", 3);
    lab_assert_number(&lab, "kills.db", "SELECT count(*) FROM fault_receipt WHERE effective = 1 AND touched = 1", 3);
    for (size_t i = 0; i < COUNT(rests); i++) {
        int64_t down = kills_ms(rests[i].down);
        if (down < rests[i].least_ms || down > rests[i].most_ms)
            fail_msg("after kill %zu it was down for %" PRId64 " ms, not %" PRId64 " to %" PRId64, i + 1, down,
                     rests[i].least_ms, rests[i].most_ms);
    }
    /* Down for good: the method, draining and settling go on without it, and nobody looks at it afterwards. */
    assert_true(kills_ms("SELECT (SELECT time_ns FROM phase WHERE name = 'after') - (SELECT to_ns FROM incarnation "
                         "WHERE incarnation = 3)") >= 500);
    lab_assert_number(&lab, "kills.db", "SELECT count(*) FROM truth_interval WHERE ended_by = 'kill'", 3);
    lab_assert_number(&lab, "kills.db", "SELECT count(*) FROM truth_interval", 3);
}

/* ---- leakdrill's own processes are killed */

/* leakdrill where no PID namespace can be made: the guard then shares ours. */
static void start_without_namespaces(struct running_program *ret_running, const char *database)
{
    program_start(ret_running, PROGRAM_HANGS_S, "/usr/bin/unshare", lab.folder, lab.environment,
                  (const char *const[]){"-Ur", "sh", "-c", "echo 0 >/proc/sys/user/max_pid_namespaces && exec \"$@\"",
                                        "sh", LEAKDRILL, "run", "killed.yaml", "--jobs", "1", "--db", database, NULL});
}

/* NULL: it can be; else why not. */
static const char *why_not_without_namespaces(void)
{
    int status;
    if (access("/usr/bin/unshare", X_OK) != 0)
        return "there is no unshare";
    status = system("unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_pid_namespaces && ! unshare -p true' 2>/dev/null");
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? NULL : "no user namespace in which to forbid PID namespaces";
}

static bool shares_our_namespace(pid_t pid)
{
    char path[64], theirs[64], ours[64];
    snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)pid);
    ssize_t one = readlink(path, theirs, sizeof theirs), other = readlink("/proc/self/ns/pid", ours, sizeof ours);
    return one > 0 && one == other && memcmp(theirs, ours, (size_t)one) == 0;
}

static void write_killed(const char *behaviour, const char *lasts, const char *runs)
{
    LAB_SCENARIO(&lab, "killed.yaml", "killed-processes.yaml", "NAME", "killed", "BEHAVIOUR", behaviour, "FOR", lasts,
                 "RUNS", runs);
}

static void await_method(const char *database)
{
    lab_await_number(&lab, database, "SELECT count(*) FROM phase WHERE name = 'method'", 1);
}

static void a_killed_guard_leaves_nothing_without_namespaces(void **state)
{
    const char *why_not = why_not_without_namespaces();
    struct running_program running;
    struct program_result result;
    (void)state;
    if (why_not)
        skip_for(why_not);
    become_subreaper();
    write_killed("leaves-a-holder", "20s", "2");
    start_without_namespaces(&running, "guard.db");
    await_method("guard.db");
    pid_t guard = guard_of(running.pid);
    assert_true(guard > 0);
    assert_true(shares_our_namespace(guard));
    assert_int_equal(kill(guard, SIGKILL), 0);
    program_finish(&running, &result);
    lab_check(&result, 3, NULL, "the guard process was killed");
    program_result_done(&result);
    assert_no_child_within(CHILDREN_GO_S);
    lab_assert_clean(&lab);
    lab_assert_database(&lab, "guard.db");
}

static void assert_one_run_lost(struct running_program *running, const char *database)
{
    struct program_result result;
    await_method(database);
    pid_t shim = shim_of(guard_of(running->pid));
    assert_true(shim > 0);
    assert_int_equal(kill(shim, SIGKILL), 0);
    program_finish(running, &result);
    /* The other one counts, unless a busy machine voids it, too. */
    lab_check(&result, lab_number(&lab, database, "SELECT count(*) > 0 FROM run WHERE validity = 'valid'") ? 5 : 3,
              "of 2 runs\n", "void, harness: ");
    program_result_done(&result);
    assert_no_child_within(CHILDREN_GO_S);
    lab_assert_clean(&lab);
    lab_assert_database(&lab, database);
    lab_assert_number(&lab, database, "SELECT count(*) FROM run WHERE validity IN ('valid', 'lag', 'gaps') AND run = 1",
                      1);
    lab_assert_number(&lab, database, "SELECT count(*) FROM run WHERE validity = 'harness' AND run = 0", 1);
}

static void a_killed_shim_costs_one_run(void **state)
{
    struct running_program running;
    (void)state;
    become_subreaper();
    write_killed("growing", "1500ms", "2");
    LAB_START(&lab, &running, "run", "killed.yaml", "--jobs", "1", "--db", "shim.db");
    assert_one_run_lost(&running, "shim.db");
}

static void a_killed_shim_costs_one_run_without_namespaces(void **state)
{
    const char *why_not = why_not_without_namespaces();
    struct running_program running;
    (void)state;
    if (why_not)
        skip_for(why_not);
    become_subreaper();
    write_killed("growing", "1500ms", "2");
    start_without_namespaces(&running, "alone.db");
    assert_one_run_lost(&running, "alone.db");
}

int test_validity(void)
{
    const struct CMUnitTest tests[] = {
        IN_LAB(each_run_is_judged),
        IN_LAB(each_kill_restarts_by_its_own_clock),
        IN_LAB(a_killed_guard_leaves_nothing_without_namespaces),
        IN_LAB(a_killed_shim_costs_one_run),
        IN_LAB(a_killed_shim_costs_one_run_without_namespaces),
    };
    return cmocka_run_group_tests_name("validity", tests, NULL, NULL);
}
