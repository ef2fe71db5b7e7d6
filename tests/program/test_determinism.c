/* One seed, one plan, one set of decisions, however many runs there are at once; and what is added disturbs nothing. */
#include <inttypes.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "groups.h"
#include "in_lab.h"

#define JITTER_MAX_NS INT64_C(250000000) /* of what came soonest; a busy machine may be late with the others */

/* Names of what belongs to the same run in two databases, whose run numbers may differ. */
#define RUN_OF(db) db ".run AS r JOIN " db ".cell AS c ON c.cell = r.cell"

/* Rows of `columns` in the first database that the second lacks. */
#define MISSING(columns, from, where)                                                                                  \
    "SELECT count(*) FROM (SELECT c.name, r.repetition, " columns                                                      \
    " FROM " RUN_OF("main") " " from("main") " WHERE " where " EXCEPT SELECT c.name, r.repetition, " columns           \
                                             " FROM " RUN_OF("b") " " from("b") ")"
#define NOTHING(db) ""
#define ACTIONS(db) "JOIN " db ".action AS a ON a.run = r.run"
#define INTENTS(db) "JOIN " db ".fault_intent AS i ON i.run = r.run"

/* Decisions on the same connection of the same run by the same toxic. */
#define DECISIONS(what)                                                                                                \
    "SELECT " what " FROM (SELECT c.name AS cell, r.repetition AS repetition, d.* FROM " RUN_OF(                       \
        "main") " JOIN main.fault_decision AS d ON d.run = r.run) AS x JOIN (SELECT c.name AS cell, r.repetition AS "  \
                "repetition, "                                                                                         \
                "d.* FROM " RUN_OF(                                                                                    \
                    "b") " JOIN b.fault_decision AS d ON d.run = r.run) AS y ON y.cell = x.cell AND y.repetition = "   \
                         "x.repetition AND y.fault = x.fault AND y.connection = x.connection"

static void run_campaign(const char *database, const char *toxic, const char *fault_case, const char *jobs)
{
    struct program_result result;
    char scenario[64];
    snprintf(scenario, sizeof scenario, "%s.yaml", database);
    LAB_SCENARIO(&lab, scenario, "determinism.yaml", "ANOTHER_TOXIC", toxic, "ANOTHER_CASE", fault_case);
    LAB_RUN(&lab, &result, "run", scenario, "--seed", "7", "--jobs", jobs, "--db", database);
    /* Void runs have their schedule and decisions all the same; where a slow machine has few connections, the toxic may
     * spare them all. */
    lab_check_said(&result, "Verdict: ", NULL);
    program_result_done(&result);
}

/* One number out of `first` as main and `second` as b. */
static int64_t across(const char *first, const char *second, const char *sql)
{
    char path[256], attach[320];
    sqlite3 *handle;
    sqlite3_stmt *statement;
    snprintf(path, sizeof path, "%s/%s", lab.folder, first);
    snprintf(attach, sizeof attach, "ATTACH '%s/%s' AS b", lab.folder, second);
    assert_int_equal(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, attach, NULL, NULL, NULL), SQLITE_OK);
    if (sqlite3_prepare_v2(handle, sql, -1, &statement, NULL) != SQLITE_OK || sqlite3_step(statement) != SQLITE_ROW)
        fail_msg("%s: %s", sql, sqlite3_errmsg(handle));
    int64_t number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    return number;
}

static void assert_across(const char *first, const char *second, const char *sql, int64_t expected)
{
    int64_t number = across(first, second, sql);
    if (number != expected)
        fail_msg("%s and %s: %" PRId64 ", not %" PRId64 ": %s", first, second, number, expected, sql);
}

static void assert_at_least(const char *first, const char *second, const char *sql, int64_t least)
{
    int64_t number = across(first, second, sql);
    if (number < least)
        fail_msg("%s and %s: %" PRId64 ", not %" PRId64 " at least: %s", first, second, number, least, sql);
}

/* All that `first` planned and decided, `second` did too. */
static void assert_contains(const char *first, const char *second)
{
    assert_across(first, second, MISSING("r.seed, r.load_per_second, r.phase_ns", NOTHING, "1"), 0);
    assert_across(first, second, MISSING("a.at_ns, a.kind, a.fault", ACTIONS, "1"), 0);
    assert_across(first, second, MISSING("i.fault, i.type, i.at_ns, i.for_ns, i.attributes", INTENTS, "1"), 0);
    assert_across(first, second, DECISIONS("coalesce(sum(x.touched <> y.touched), 0)"), 0);
    /* Enough of them, of both kinds, or the line above says nothing. */
    assert_at_least(first, second, DECISIONS("count(*)"), 100);
    assert_at_least(first, second, DECISIONS("sum(x.touched)"), 25);
    assert_at_least(first, second, DECISIONS("sum(1 - x.touched)"), 25);
}

/* What was done came when the plan said: never before. */
static void assert_on_time(const char *database)
{
    lab_assert_number(&lab, database, "SELECT count(*) FROM fault_intent", 8); /* 2 variants, 2 cases, 2 runs */
    int64_t earliest = lab_number(&lab, database,
                                  "SELECT min(i.time_ns - r.method_from_ns - a.at_ns) FROM fault_intent AS i JOIN run "
                                  "AS r ON r.run = i.run JOIN action AS a ON a.run = i.run AND a.fault = i.fault AND "
                                  "a.kind = 'fault-on'");
    if (earliest < 0 || earliest > JITTER_MAX_NS)
        fail_msg("%s: the first fault came %" PRId64 " ns after its time", database, earliest);
}

static void one_seed_is_one_campaign(void **state)
{
    (void)state;
    run_campaign("one.db", "", "", "1");
    run_campaign("four.db", "", "", "4");
    assert_across("one.db", "four.db",
                  "SELECT count(*) FROM main.plan AS x JOIN b.plan AS y ON x.hash = y.hash AND x.json = y.json", 1);
    assert_contains("one.db", "four.db");
    assert_contains("four.db", "one.db");
    assert_on_time("one.db");
    assert_on_time("four.db");
}

static void another_seed_is_another_one(void **state)
{
    struct program_result result;
    (void)state;
    LAB_RUN(&lab, &result, "run", "one.db.yaml", "--seed", "8", "--jobs", "4", "--db", "other.db");
    program_result_done(&result);
    assert_across("one.db", "other.db", "SELECT count(*) FROM main.plan AS x JOIN b.plan AS y ON x.hash = y.hash", 0);
    assert_at_least("one.db", "other.db", DECISIONS("sum(x.touched <> y.touched)"), 10);
    assert_across("one.db", "other.db", "SELECT count(*) FROM main.run AS x JOIN b.run AS y ON x.seed = y.seed", 0);
}

static void a_fault_more_changes_no_other(void **state)
{
    (void)state;
    run_campaign("toxic.db", "- {at: 100ms, for: 300ms, latency: {latency: 2ms, toxicity: 0.3}}", "", "4");
    assert_contains("one.db", "toxic.db");
    assert_at_least("one.db", "toxic.db", "SELECT count(*) FROM b.fault_decision WHERE fault = 'slow/1/latency'", 25);
    run_campaign("case.db", "", "another: [{at: 100ms, kill: {who: upstream, signal: KILL, restart_after: 50ms}}]",
                 "4");
    assert_contains("one.db", "case.db");
    assert_at_least("one.db", "case.db", "SELECT count(*) FROM b.fault_intent WHERE fault = 'another/0/kill'", 4);
}

/* Spin on the first processor until killed, or for a minute. */
static pid_t start_competitor(void)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    sched_setaffinity(0, sizeof first, &first);
    alarm(60);
    for (volatile unsigned long spins = 0;; spins++)
        ;
}

/* The same campaign on a part of one processor: everything comes at other times, connections are fewer, and whom the
 * toxic touches is the same. Such runs are void for their lag; what they decided is recorded all the same. */
static void a_throttled_machine_decides_the_same(void **state)
{
    struct program_result result;
    (void)state;
    const char *const arguments[] = {"-c", "0",      "nice", "-n",     "10", LEAKDRILL, "run",          "one.db.yaml",
                                     "--seed", "7", "--jobs", "4", "--db", "throttled.db", NULL};
    pid_t competitor = start_competitor();
    lab_run_program(&lab, &result, "/usr/bin/taskset", arguments);
    kill(competitor, SIGKILL);
    waitpid(competitor, NULL, 0);
    lab_check_said(&result, "Verdict: ", NULL);
    program_result_done(&result);
    assert_across("one.db", "throttled.db",
                  "SELECT count(*) FROM main.plan AS x JOIN b.plan AS y ON x.hash = y.hash AND x.json = y.json", 1);
    assert_across("one.db", "throttled.db", DECISIONS("coalesce(sum(x.touched <> y.touched), 0)"), 0);
    assert_at_least("one.db", "throttled.db", DECISIONS("sum(x.touched)"), 10);
    assert_at_least("one.db", "throttled.db", DECISIONS("sum(1 - x.touched)"), 10);
    print_message("           %" PRId64 " decisions compared\n",
                  across("one.db", "throttled.db", DECISIONS("count(*)")));
}

int test_determinism(void)
{
    const struct CMUnitTest tests[] = {
        IN_GROUP(one_seed_is_one_campaign),
        IN_GROUP(another_seed_is_another_one),
        IN_GROUP(a_throttled_machine_decides_the_same),
        IN_GROUP(a_fault_more_changes_no_other),
    };
    if (lacks_programs("determinism"))
        return GROUP_SKIPPED;
    return cmocka_run_group_tests_name("determinism", tests, open_lab, close_lab);
}
