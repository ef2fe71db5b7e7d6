/* Faults of processes and resources: they take effect and say so, they are gone afterwards, and where their effect is
 * disabled the run is no evidence. */
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "groups.h"
#include "in_lab.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct fault_case {
    const char *name, *fault;
    const char *receipt; /* a pattern of LIKE */
};

static void write_cases(const struct fault_case *cases, size_t count, const char *file, const char *behaviour,
                        const char *instances)
{
    char text[8192];
    size_t used = 0;
    for (size_t i = 0; i < count; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "  %s: [%s]\n", cases[i].name, cases[i].fault);
    assert_true(used < sizeof text);
    LAB_SCENARIO(&lab, file, "faults.yaml", "NAME", behaviour, "BEHAVIOUR", behaviour, "INSTANCES", instances, "FAULTS",
                 text, "stop: 10s",
                 strcmp(behaviour, "resists") == 0    ? "stop: 500ms"
                 : strcmp(cases[0].name, "late") == 0 ? "stop: 2s"
                                                      : "stop: 10s");
}

static void assert_case(const char *database, const char *scenario, const struct fault_case *fault, bool effective)
{
    char sql[1024];
    snprintf(
        sql, sizeof sql,
        "SELECT r.validity || ', effective ' || f.effective || ', ' || f.text || ', ' || coalesce(r.reason, '') FROM "
        "run AS r JOIN cell AS c USING (cell) JOIN fault_receipt AS f ON f.run = r.run WHERE c.name = "
        "'%s/leaky/%s' LIMIT 1",
        scenario, fault->name);
    char *is = lab_text(&lab, database, sql);
    snprintf(
        sql, sizeof sql,
        "SELECT count(*) FROM run AS r JOIN cell AS c USING (cell) JOIN fault_receipt AS f ON f.run = r.run WHERE "
        "c.name = '%s/leaky/%s' AND r.validity = '%s' AND f.effective = %d AND f.text LIKE '%s' AND "
        "left_processes = 0 AND EXISTS (SELECT 1 FROM outcome AS o WHERE o.run = r.run AND o.detector = 'threshold' "
        "AND (o.kind = 'FAULT_NOT_EFFECTIVE') = %d)",
        scenario, fault->name, effective ? "valid" : "fault", effective, fault->receipt, !effective);
    int64_t rows = lab_number(&lab, database, sql);
    if (rows < 1)
        fail_msg("%s/%s is not as expected (%s, %s): %s", scenario, fault->name,
                 effective ? "effective" : "not effective", fault->receipt, is);
    free(is);
}

static void run(const char *file, const char *database, int exit_code)
{
    struct program_result result;
    RUN_UNTIL(&result, LAB_UNDISTURBED, database, "run", file, "--jobs", "3", "--filter", "*/leaky/*");
    lab_assert_clean(&lab);
    lab_assert_database(&lab, database);
    lab_check(&result, exit_code, NULL, NULL);
    program_result_done(&result);
}

static void each_fault_takes_effect(void **state)
{
    static const struct fault_case cases[] = {
        {"term", "{at: 500ms, kill: {who: target, signal: TERM, restart_after: 200ms}}",
         "TERM to 2 processes, 2 dead, with exit code 0, the slowest after % ms"},
        {"one-of-two", "{at: 500ms, kill: {who: target, share: 10%}}", "KILL to 1 process, 1 dead, by signal 9, %"},
        {"loop", "{at: 200ms, kill: {who: target, times: 3, every: 600ms, restart_after: 100ms}}",
         "KILL to 6 processes, 6 dead, by signal 9, %"},
        {"segv", "{at: 500ms, crash: {restart_after: 200ms}}", "SEGV to 2 processes, 2 dead, by signal 11, %"},
        {"abort", "{at: 500ms, crash: {signal: ABRT, instance: 1}}", "ABRT to 1 process, 1 dead, by signal 6, %"},
        {"exit", "{at: 500ms, exit: {restart_after: 200ms}}", "stop to 2 processes, 2 dead, with exit code 0, %"},
        {"pause", "{at: 500ms, for: 900ms, pause: {}}",
         "stopped after % ms, in % of % looks, free after % ms; by SIGSTOP and SIGCONT"},
        {"cpu", "{at: 500ms, for: 900ms, cpu: {limit: 30%}}",
         "held back after % ms, in % of % looks, free after % ms; by %; used % of a core"},
        {"files", "{at: 500ms, for: 900ms, open_files: {limit: 64}}",
         "limited after % ms, in % of % looks, free after % ms; by the % limit of the process"},
        {"memory", "{at: 500ms, for: 900ms, memory: {limit: 1GiB}}",
         "limited after % ms, in % of % looks, free after % ms; by %"},
        {"disk", "{at: 500ms, for: 900ms, disk: {size: 64KiB}}",
         "full after % ms, in % of % looks, free after % ms; by a file in its own file system"},
        {"open", "{at: 500ms, pause: {instance: 0}}", "stopped after %, free after % ms; by SIGSTOP and SIGCONT"},
    };
    (void)state;
    write_cases(cases, COUNT(cases), "growing.yaml", "growing", "2");
    run("growing.yaml", "growing.db", 0);
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_case("growing.db", "growing", &cases[i], true);
    /* The program's lives are those that the faults leave it. */
    lab_assert_number(&lab, "growing.db",
                      "SELECT count(*) FROM incarnation JOIN run USING (run) JOIN cell USING (cell) WHERE fault_case = "
                      "'loop'",
                      8);
    lab_assert_number(&lab, "growing.db",
                      "SELECT max(incarnation) FROM incarnation JOIN run USING (run) JOIN cell USING "
                      "(cell) WHERE fault_case IN ('pause', 'cpu', 'files', 'memory', 'disk')",
                      1);
    /* Whom a share means is written down. */
    lab_assert_number(&lab, "growing.db", "SELECT count(*) FROM fault_decision WHERE fault = 'one-of-two/0/kill'", 2);
    lab_assert_number(
        &lab, "growing.db",
        "SELECT count(*) FROM fault_decision AS d JOIN incarnation AS i ON i.run = d.run AND i.instance = "
        "d.connection WHERE fault = 'one-of-two/0/kill' AND touched = (coalesce(exit_status, 0) = -9)",
        2);
    /* Stopped, it did not answer; afterwards it did. */
    lab_assert_number(
        &lab, "growing.db",
        "SELECT count(*) > 0 FROM observation JOIN fault_receipt AS f USING (run) WHERE kind = 'failed' AND "
        "fault = 'pause/0/pause' AND time_ns BETWEEN began_ns AND ended_ns + 500000000",
        1);
    lab_assert_number(
        &lab, "growing.db",
        "SELECT count(*) FROM v_faults WHERE receipt IS NULL OR attributes IS NULL OR json_valid(attributes) = 0", 0);
}

static void programs_that_feel_it_are_heard(void **state)
{
    static const struct fault_case files = {"full", "{at: 200ms, for: 1500ms, open_files: {limit: 32}}",
                                            "limited after %; by the % limit of the process; said so % times"};
    static const struct fault_case disk = {"full", "{at: 500ms, for: 1s, disk: {}}", "full after %; said so % times"};
    static const struct fault_case memory = {
        "full", "{at: 500ms, for: 1s, memory: {limit: 24MiB, restart_after: 100ms}}", "limited after %; % died of it"};
    (void)state;
    write_cases(&files, 1, "opens.yaml", "opens-more", "1");
    run("opens.yaml", "opens.db", 0);
    assert_case("opens.db", "opens-more", &files, true);
    write_cases(&disk, 1, "writes.yaml", "writes-more", "1");
    run("writes.yaml", "writes.db", 0);
    assert_case("writes.db", "writes-more", &disk, true);
    /* It dies of it, as often as it is limited: each time the fault is why, and the run is evidence. */
    write_cases(&memory, 1, "hoards.yaml", "hoards", "1");
    run("hoards.yaml", "hoards.db", 0);
    assert_case("hoards.db", "hoards", &memory, true);
    lab_assert_number(&lab, "hoards.db", "SELECT count(*) >= 1 FROM incarnation WHERE exit_status = 2 AND expected = 1",
                      1);
    lab_assert_number(&lab, "hoards.db", "SELECT max(incarnation) >= 2 FROM incarnation", 1);
}

/* The same faults on a program that undoes them as soon as they act. */
static void a_disabled_effect_is_no_evidence(void **state)
{
    static const struct fault_case cases[] = {
        {"term", "{at: 500ms, kill: {who: target, signal: TERM}}", "TERM to 1 process, 0 dead, %"},
        {"loop", "{at: 200ms, kill: {who: target, signal: TERM, times: 2, every: 600ms, restart_after: 100ms}}",
         "TERM to 2 processes, 0 dead%"},
        {"segv", "{at: 500ms, crash: {}}", "SEGV to 1 process, 0 dead, %"},
        {"abort", "{at: 500ms, crash: {signal: ABRT}}", "ABRT to 1 process, 0 dead, %"},
        {"exit", "{at: 500ms, exit: {}}", "stop to 1 process, 0 dead, %"},
        {"pause", "{at: 500ms, for: 900ms, pause: {}}", "%stopped%"},
        {"cpu", "{at: 500ms, for: 900ms, cpu: {limit: 30%}}", "%held back%"},
        {"files", "{at: 500ms, for: 900ms, open_files: {limit: 64}}", "%limited%"},
        {"memory", "{at: 500ms, for: 900ms, memory: {limit: 1GiB}}", "%limited%"},
        {"disk", "{at: 500ms, for: 900ms, disk: {size: 64KiB}}", "%full%"},
    };
    (void)state;
    static const struct fault_case again = {"dead-already",
                                            "{at: 500ms, kill: {who: target}}, {at: 1s, kill: {who: target}}",
                                            "KILL to 0 processes, 0 dead%"};
    write_cases(cases, COUNT(cases), "resists.yaml", "resists", "1");
    run("resists.yaml", "resists.db", 3);
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_case("resists.db", "resists", &cases[i], false);
    /* Nobody is left to kill. */
    write_cases(&again, 1, "again.yaml", "growing", "1");
    run("again.yaml", "again.db", 5);
    lab_assert_number(&lab, "again.db",
                      "SELECT count(*) FROM fault_receipt WHERE effective = 0 AND text LIKE 'KILL to 0 "
                      "processes, 0 dead%' AND fault = 'dead-already/1/kill'",
                      1);
    lab_assert_number(&lab, "again.db", "SELECT count(*) FROM run WHERE validity = 'fault'", 1);
}

/* One campaign of these cases on a target that grows. */
static void run_cases(const struct fault_case *cases, size_t count, const char *name, const char *instances,
                      int exit_code)
{
    char file[64], database[64];
    snprintf(file, sizeof file, "%s.yaml", name);
    snprintf(database, sizeof database, "%s.db", name);
    write_cases(cases, count, file, "growing", instances);
    run(file, database, exit_code);
}

static void what_died_before_does_not_die_again(void **state)
{
    static const struct fault_case both = {
        "half", "{at: 500ms, kill: {who: target, instance: 0}}, {at: 1s, kill: {who: target}}", ""};
    (void)state;
    run_cases(&both, 1, "half", "2", 5);
    lab_assert_text(&lab, "half.db", "SELECT text FROM fault_receipt WHERE effective = 0 AND fault = 'half/1/kill'",
                    "KILL to 1 process, 1 dead, by signal 9");
    lab_assert_text(&lab, "half.db", "SELECT text FROM fault_receipt WHERE fault = 'half/1/kill'",
                    "; dead already: instance 0");
    lab_assert_number(&lab, "half.db", "SELECT count(*) FROM run WHERE validity = 'fault'", 1);
}

/* TERM waits while the process is stopped: it dies of it when the fault has long been told to have had no effect, which
 * is so after phases.stop. */
static void a_late_death_is_the_faults(void **state)
{
    static const struct fault_case late = {
        "late", "{at: 300ms, for: 6s, pause: {}}, {at: 600ms, kill: {who: target, signal: TERM}}", ""};
    (void)state;
    run_cases(&late, 1, "late", "1", 5);
    lab_assert_number(&lab, "late.db", "SELECT count(*) FROM run WHERE validity = 'fault'", 1);
    lab_assert_text(&lab, "late.db", "SELECT text FROM note WHERE kind = 'death'",
                    "died late of late/1/kill (exit code 0)");
    lab_assert_number(&lab, "late.db", "SELECT count(*) FROM note WHERE text LIKE '%died of its leak%'", 0);
    lab_assert_number(&lab, "late.db", "SELECT count(*) FROM incarnation AS i JOIN note AS n USING (run) WHERE "
                                      "n.kind = 'death' AND exit_status = 0 AND expected", 1);
}

static void a_restart_under_a_strain_counts_anew(void **state)
{
    static const struct fault_case cases[] = {
        {"paused", "{at: 300ms, for: 1200ms, pause: {}}, {at: 600ms, kill: {who: target, restart_after: 100ms}}",
         "stopped after % ms, in %"},
        {"limited", "{at: 200ms, for: 1800ms, open_files: {limit: 64}}, "
                    "{at: 500ms, kill: {who: target, times: 3, every: 500ms, restart_after: 50ms}}",
         "limited after % ms, in %"},
        /* One after the other, and beside each other, they are not in each other's way. */
        {"steps", "{at: 300ms, for: 400ms, pause: {instance: 0}}, {at: 700ms, for: 400ms, pause: {instance: 0}}, "
                  "{at: 500ms, for: 500ms, pause: {instance: 1}}",
         "stopped after % ms, in %"},
        /* The restart counts from the death, which the pause puts off. */
        {"counted", "{at: 400ms, for: 400ms, pause: {}}, "
                    "{at: 500ms, kill: {who: target, signal: TERM, restart_after: 200ms}}",
         "TERM to 2 processes, 2 dead, %"},
    };
    (void)state;
    run_cases(cases, COUNT(cases), "anew", "2", 0);
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_case("anew.db", "growing", &cases[i], true);
    lab_assert_number(&lab, "anew.db",
                      "SELECT count(*) FROM fault_receipt WHERE NOT effective OR text LIKE '%NOT free%'", 0);
    lab_assert_number(&lab, "anew.db",
                      "SELECT min(b.from_ns - a.to_ns) >= 200000000 FROM incarnation AS a JOIN incarnation AS b "
                      "USING (run, instance) JOIN run AS r USING (run) JOIN cell AS c USING (cell) WHERE "
                      "a.incarnation = 1 AND b.incarnation = 2 AND c.fault_case = 'counted'",
                      1);
}

#define GROWN "go_sched_goroutines_count, over: 25"

/* A kill that was to strike twenty times strikes no more once the run is aborted, or its method is over. */
static void kills_end_with_the_run(void **state)
{
    static const struct fault_case aborted = {
        "loop",
        "{at: 200ms, kill: {who: target, instance: 0, times: 20, every: 600ms, restart_after: 100ms}}]\n"
        "abort: [{when: {metric: " GROWN "}}",
        ""};
    static const struct fault_case over = {"loop",
                                           "{when: {metric: " GROWN "}, kill: {who: target, instance: 0, times: 20, "
                                           "every: 600ms, restart_after: 100ms}}",
                                           "KILL to % dead, %; ended after % of 20 times"};
    (void)state;
    run_cases(&aborted, 1, "aborted", "2", 0);
    lab_assert_number(&lab, "aborted.db",
                      "SELECT count(*) FROM note JOIN fault_receipt USING (run) WHERE kind = 'aborted'", 1);
    lab_assert_text(&lab, "aborted.db", "SELECT text FROM fault_receipt", " of 20 times");
    lab_assert_number(&lab, "aborted.db", "SELECT count(*) FROM incarnation WHERE instance = 0 AND incarnation > 8", 0);
    lab_assert_number(&lab, "aborted.db",
                      "SELECT count(*) FROM incarnation AS i JOIN condition AS k USING (run) WHERE exit_status = "
                      "-9 AND i.to_ns > k.acted_ns + 500000000",
                      0);
    run_cases(&over, 1, "over", "2", 0);
    assert_case("over.db", "growing", &over, true);
    lab_assert_number(&lab, "over.db",
                      "SELECT count(*) FROM run WHERE observed_to_ns - method_from_ns > 10000000000", 0);
}

/* What lint cannot know: a condition holds while another fault of its kind acts. */
static void a_second_of_its_kind_is_refused(void **state)
{
    static const struct fault_case twice = {
        "twice",
        "{at: 200ms, for: 2s, pause: {instance: 0}}, "
        "{when: {metric: " GROWN "}, for: 300ms, pause: {instance: 0}}",
        ""};
    (void)state;
    run_cases(&twice, 1, "twice", "2", 5);
    lab_assert_text(&lab, "twice.db", "SELECT text FROM fault_receipt WHERE NOT effective AND fault = 'twice/1/pause'",
                    "not begun: twice/0/pause acts there already");
    lab_assert_number(&lab, "twice.db",
                      "SELECT count(*) FROM fault_receipt WHERE effective AND fault = 'twice/0/pause'",
                      1);
}

static int64_t differing_rows(const char *query)
{
    char path[160], sql[600];
    sqlite3 *handle;
    sqlite3_stmt *statement;
    snprintf(path, sizeof path, "%s/one.db", lab.folder);
    assert_int_equal(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    snprintf(sql, sizeof sql, "ATTACH '%s/other.db' AS b", lab.folder);
    assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(handle, query, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t rows = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    return rows;
}

/* Three instances behind one upstream, in campaigns of different haste: the nth connection of each draws the same. */
static void instances_draw_for_themselves(void **state)
{
    static const char differing[] =
        "SELECT count(*) FROM main.fault_decision AS d JOIN b.fault_decision AS e USING (run, "
        "fault, connection) WHERE d.touched <> e.touched";
    static const char *const databases[] = {"one.db", "other.db"}, *const jobs[] = {"1", "3"};
    struct program_result result;
    (void)state;
    if (!lab_has_programs())
        skip_for("the Go programs are not built");
    lab_scenario(&lab, "three.yaml", "three.yaml", (const char *const[]){NULL});
    for (int i = 0; i < 2; i++) {
        LAB_RUN(&lab, &result, "run", "three.yaml", "--db", databases[i], "--jobs", jobs[i]);
        assert_int_equal(result.signal, 0);
        program_result_done(&result);
        /* Every instance has connections, numbered from 0 on its own line. */
        lab_assert_number(&lab, databases[i],
                          "SELECT count(*) FROM (SELECT DISTINCT run, connection >> 32 FROM fault_decision WHERE fault "
                          "LIKE '%latency' AND connection & 4294967295 = 0)",
                          6);
        lab_assert_number(&lab, databases[i],
                          "SELECT count(DISTINCT touched) FROM fault_decision WHERE fault LIKE '%latency'", 2);
        lab_assert_number(&lab, databases[i], "SELECT sum(touched) FROM fault_decision WHERE fault = 'mixed/2/pause'",
                          1);
    }
    assert_int_equal(differing_rows(differing), 0);
}

int test_faults(void)
{
    const struct CMUnitTest tests[] = {
        IN_GROUP(each_fault_takes_effect),
        IN_GROUP(programs_that_feel_it_are_heard),
        IN_GROUP(a_disabled_effect_is_no_evidence),
        IN_GROUP(what_died_before_does_not_die_again),
        IN_GROUP(a_late_death_is_the_faults),
        IN_GROUP(a_restart_under_a_strain_counts_anew),
        IN_GROUP(kills_end_with_the_run),
        IN_GROUP(a_second_of_its_kind_is_refused),
        IN_GROUP(instances_draw_for_themselves),
    };
    return cmocka_run_group_tests_name("faults", tests, open_lab, close_lab);
}
