/* Replay and compare, both on a stored campaign: the stored observations give the stored alerts again, to the bit, and
 * what was changed is found. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>
#include <sqlite3.h>

#include "groups.h"
#include "in_lab.h"

#define ALERTS                                                                                                        \
    "SELECT run, detector, action, id, evidence, evidence_time_ns, instance, incarnation, cause, coalesce(site, ''), " \
    "severity, coalesce(why, ''), coalesce(rule, ''), coalesce(rule_version, ''), amount, amount_bits FROM %s "       \
    "ORDER BY run, alert"
/* These do, or the tests show nothing; random does so by chance only, and never not at all. */
#define SPEAKS                                                                                                         \
    "('matrix', 'before-after', 'threshold', 'growth', 'goroutineleak', 'oracle', 'oracle-delay', 'always', "          \
    "'site-low', 'rate-sigma', 'gc-frequency', 'rate-quantile')"

static sqlite3 *open_database(const char *name)
{
    char path[256];
    sqlite3 *handle;
    snprintf(path, sizeof path, "%s/%s", lab.folder, name);
    assert_int_equal(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    return handle;
}

static void execute(const char *database, const char *sql)
{
    char *why = NULL;
    sqlite3 *handle = open_database(database);
    if (sqlite3_exec(handle, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s: %s", database, sql, why);
    sqlite3_close(handle);
}

/* The original stays as it was written; each test changes a copy. */
static void copy_database(const char *copy)
{
    char sql[256];
    snprintf(sql, sizeof sql, "VACUUM INTO '%s/%s'", lab.folder, copy);
    execute("original.db", sql);
}

static int replay(const char *database, bool json, struct program_result *ret_result)
{
    if (json)
        LAB_RUN(&lab, ret_result, "replay", "--db", database, "--json");
    else
        LAB_RUN(&lab, ret_result, "replay", "--db", database);
    return ret_result->exit_code;
}

/* ---- one stored alert against one line of JSON */

static void assert_text(const char *what, const char *stored, const json_t *line, int64_t number)
{
    const char *now = json_string_value(json_object_get(line, what));
    if (!now || strcmp(now, stored) != 0)
        fail_msg("alert %" PRId64 ": %s is \"%s\", stored \"%s\"", number, what, now ? now : "?", stored);
}

static void assert_whole(const char *what, int64_t stored, const json_t *line, int64_t number)
{
    const json_t *value = json_object_get(line, what);
    if (!json_is_integer(value) || json_integer_value(value) != stored)
        fail_msg("alert %" PRId64 ": %s is %lld, stored %" PRId64, number, what,
                 (long long)json_integer_value(value), stored);
}

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void assert_same(sqlite3_stmt *stored, const json_t *line, int64_t number)
{
    static const char *const columns[] = {"run",         "detector", "action", "id",       "evidence",
                                          "evidence_time_ns", "instance", "incarnation", "cause", "site",
                                          "severity",    "why",      "rule",   "rule_version"};
    for (int i = 0; i < (int)(sizeof columns / sizeof *columns); i++)
        if (sqlite3_column_type(stored, i) == SQLITE_INTEGER)
            assert_whole(columns[i], sqlite3_column_int64(stored, i), line, number);
        else
            assert_text(columns[i], (const char *)sqlite3_column_text(stored, i), line, number);
    if (sqlite3_column_type(stored, 15) != SQLITE_NULL)
        return; /* not a number, which JSON does not know */
    double amount = json_number_value(json_object_get(line, "amount"));
    if (bits_of(amount) != bits_of(sqlite3_column_double(stored, 14)))
        fail_msg("alert %" PRId64 ": amount is %.17g, stored %.17g", number, amount,
                 sqlite3_column_double(stored, 14));
}

/* The lines are the rows of `table`, one for one. */
static void assert_same_alerts(const char *database, const char *table, const char *lines)
{
    char sql[512];
    sqlite3_stmt *statement;
    sqlite3 *handle = open_database(database);
    int64_t number = 0;
    snprintf(sql, sizeof sql, ALERTS, table);
    assert_int_equal(sqlite3_prepare_v2(handle, sql, -1, &statement, NULL), SQLITE_OK);
    for (; sqlite3_step(statement) == SQLITE_ROW; number++) {
        json_error_t why;
        json_t *line = json_loads(lines, JSON_DISABLE_EOF_CHECK, &why);
        if (!line)
            fail_msg("alert %" PRId64 " did not come again: %s", number, why.text);
        assert_same(statement, line, number);
        json_decref(line);
        lines = strchr(lines, '\n') + 1;
    }
    if (*lines)
        fail_msg("an alert that is not stored: %.300s", lines);
    assert_true(number > 0);
    sqlite3_finalize(statement);
    sqlite3_close(handle);
}

/* ---- tests */

static void what_is_stored_comes_again(void **state)
{
    struct program_result result;
    (void)state;
    lab_assert_number(&lab, "original.db", "SELECT count(*) FROM alert WHERE detector = 'never'", 0);
    replay("original.db", false, &result);
    lab_check(&result, 0, "identical to the stored ones", NULL);
    assert_string_equal(result.err, "");
    program_result_done(&result);
}

/* Runs of some hundred goroutines never reach LeakProf's ten thousand: no miss, and the same in replay. How long the
 * collector pauses is the machine's affair: rate-quantile may be out of its range in one of them. */
static void what_cannot_be_reached_is_out_of_range(void **state)
{
    struct program_result result;
    (void)state;
    lab_assert_number(&lab, "original.db",
                      "SELECT count(*) FROM detector WHERE name = 'site-threshold' AND NOT out_of_range", 0);
    lab_assert_number(&lab, "original.db",
                      "SELECT count(*) FROM detector AS d JOIN run AS r ON r.run = d.run JOIN cell AS c ON c.cell = "
                      "r.cell WHERE c.name LIKE '%/leaky/%' AND d.name NOT IN ('site-threshold', 'rate-quantile') AND "
                      "d.out_of_range", 0);
    lab_assert_text(&lab, "original.db", "SELECT reason FROM detector WHERE name = 'site-threshold' LIMIT 1",
                    "it speaks from 10001 goroutines on, the run never held more than ");
    lab_assert_number(
        &lab, "original.db",
        "SELECT count(*) FROM outcome WHERE detector = 'site-threshold' AND interval IS NOT NULL AND kind "
        "<> 'OUT_OF_RANGE'",
        0);
    copy_database("range.db");
    execute("range.db", "UPDATE detector SET out_of_range = 0 WHERE name = 'site-threshold' AND run = 0");
    replay("range.db", false, &result);
    lab_check(&result, 1, "NOT the stored ones", "site-threshold: out of its range, which it was not live");
    program_result_done(&result);
    execute("range.db", "UPDATE detector SET out_of_range = (name IN ('site-threshold', 'never')) WHERE run = 0");
    replay("range.db", false, &result);
    lab_check(&result, 1, "NOT the stored ones", "never: within its range, which it was not live");
    program_result_done(&result);
    execute("range.db", "UPDATE detector SET out_of_range = (name = 'site-threshold'), failed = (name = 'never') "
                        "WHERE run = 0");
    replay("range.db", false, &result);
    lab_check(&result, 1, "NOT the stored ones", "never: did not break, which it did live");
    program_result_done(&result);
}

static void deleted_alerts_come_back_to_the_bit(void **state)
{
    struct program_result result;
    (void)state;
    copy_database("deleted.db");
    execute("deleted.db", "CREATE TABLE saved AS SELECT * FROM alert; DELETE FROM alert;");
    replay("deleted.db", true, &result);
    lab_check(&result, 1, NULL, "an alert that is not stored");
    assert_same_alerts("deleted.db", "saved", result.out);
    program_result_done(&result);
    execute("deleted.db", "INSERT INTO alert SELECT * FROM saved; DROP TABLE saved;");
    replay("deleted.db", true, &result);
    lab_check(&result, 0, NULL, NULL);
    assert_same_alerts("deleted.db", "alert", result.out);
    program_result_done(&result);
}

static void one_stored_alert_changed_is_found(void **state)
{
    static const struct {
        const char *sql, *message;
    } cases[] = {
        {"UPDATE alert SET amount = amount + 1e-9 WHERE alert = (SELECT min(alert) FROM alert WHERE amount > 0 AND "
         "amount < 1000)",
         "another alert than the stored one"},
        {"UPDATE alert SET why = why || '.' WHERE alert = (SELECT min(alert) FROM alert WHERE detector = 'matrix')",
         "matrix: another alert than the stored one"},
        {"DELETE FROM alert WHERE alert = (SELECT max(alert) FROM alert WHERE detector = 'growth')", "growth: "},
        {"INSERT INTO alert (run, detector, id, action, evidence, evidence_time_ns, receipt_ns, instance, incarnation, "
         "cause, severity, amount) SELECT run, 'never', 1, 'open', 1, 1, 1, 0, 1, cause, severity, 1 FROM alert LIMIT "
         "1",
         "never: a stored alert that did not come again"},
    };
    struct program_result result;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[32];
        snprintf(name, sizeof name, "alert-%zu.db", i);
        copy_database(name);
        execute(name, cases[i].sql);
        replay(name, false, &result);
        lab_check(&result, 1, "NOT the stored ones", cases[i].message);
        program_result_done(&result);
    }
}

/* The difference names the observation whose alert is another one now. */
static void assert_named(const char *database, int64_t run, const char *detector, int64_t sequence)
{
    struct program_result result;
    char where[64], who[32], number[24];
    snprintf(number, sizeof number, "%" PRId64, run);
    LAB_RUN(&lab, &result, "replay", number, "--db", database, "--detector", detector);
    snprintf(who, sizeof who, "%s: ", detector);
    snprintf(where, sizeof where, "observation %" PRId64 " ", sequence);
    lab_check(&result, 1, "NOT the stored ones", who);
    lab_check(&result, 1, NULL, where);
    program_result_done(&result);
}

static void a_changed_number_is_found(void **state)
{
    char sql[1024];
    (void)state;
    copy_database("number.db");
    /* The count that made threshold speak first in the run that leaks and nobody disturbs: now it is 1. */
#define FIRST_OF(detector)                                                                                             \
    "FROM alert AS a JOIN run AS r ON r.run = a.run JOIN cell AS c ON c.cell = r.cell WHERE c.name = "                 \
    "'recv/leaky/none' AND a.detector = '" detector "' AND a.action = 'open' ORDER BY a.alert LIMIT 1"
    int64_t run = lab_number(&lab, "number.db", "SELECT a.run " FIRST_OF("threshold"));
    int64_t sequence = lab_number(&lab, "number.db", "SELECT a.evidence " FIRST_OF("threshold"));
    snprintf(sql, sizeof sql,
             "UPDATE series SET samples = (SELECT json_group_array(json(CASE WHEN json_extract(e.value, '$[0]') = %lld "
             "THEN json_array(json_extract(e.value, '$[0]'), 1.0) ELSE e.value END)) FROM json_each(series.samples) AS "
             "e) WHERE run = %lld AND metric = (SELECT metric FROM metric WHERE name = "
             "'go_sched_goroutines_count')",
             (long long)sequence, (long long)run);
    execute("number.db", sql);
    assert_named("number.db", run, "threshold", sequence);
}

static void a_changed_profile_is_found(void **state)
{
    char sql[1024];
    (void)state;
    copy_database("body.db");
    /* The profile that made before-after speak first is now the one that was read before anything leaked. */
    int64_t run = lab_number(&lab, "body.db", "SELECT a.run " FIRST_OF("before-after"));
    int64_t sequence = lab_number(&lab, "body.db", "SELECT a.evidence " FIRST_OF("before-after"));
    snprintf(
        sql, sizeof sql,
        "UPDATE observation SET (body, profile, encoding) = (SELECT o.body, o.profile, o.encoding FROM observation "
        "AS o WHERE o.run = %lld AND o.profile_kind = 'goroutine' AND o.body IS NOT NULL ORDER BY o.sequence LIMIT "
        "1) WHERE run = %lld AND sequence = %lld AND kind = 'profile'",
        (long long)run, (long long)run, (long long)sequence);
    execute("body.db", sql);
    assert_named("body.db", run, "before-after", sequence);
}

static void a_damaged_body_is_an_error_not_a_difference(void **state)
{
    struct program_result result;
    (void)state;
    copy_database("damaged.db");
    execute("damaged.db",
            "UPDATE body SET stored = CAST(substr(stored, 1, length(stored) - 1) || x'ff' AS BLOB) WHERE body = 1");
    replay("damaged.db", false, &result);
    lab_check(&result, 3, NULL, "damaged.db");
    program_result_done(&result);
}

/* Two detectors on the same runs, and one detector in two campaigns. */
static void detectors_and_campaigns_compare(void **state)
{
    static const struct {
        const char *arguments[8];
        int exit_code;
        const char *out, *err;
    } cases[] = {
        {{"matrix", "oracle", "--db", "original.db"}, 0, "left: matrix, right: oracle", NULL},
        {{"matrix", "never", "--db", "original.db", "--json"}, 0, "\"left_only\":", NULL},
        {{"original.db", "original.db", "--detector", "growth"}, 0, "The two do not differ in any run.", NULL},
        {{"matri", "growth", "--db", "original.db"}, 4, NULL,
         "no run of original.db was watched by \"matri\"; did you mean matrix?"},
        {{"matrix", "growth", "--db", "none.db"}, 4, NULL, "none.db"},
        {{"original.db", "original.db"}, 4, NULL, "two databases need --detector DETECTOR"},
        {{"matrix"}, 4, NULL, "takes two detectors"},
        {{"a", "b", "--db", "original.db", "--detector", "matrix"}, 4, NULL, "--db goes with two detectors"},
    };
    struct program_result result;
    (void)state;
    bool counts = lab_number(&lab, "original.db", "SELECT count(*) FROM run WHERE validity = 'valid'") > 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *words[10] = {"compare"};
        memcpy(words + 1, cases[i].arguments, sizeof cases[i].arguments);
        lab_run(&lab, &result, words);
        if (cases[i].exit_code == 0 && !counts) /* of void runs nothing is compared */
            lab_check(&result, 5, NULL, NULL);
        else
            lab_check(&result, cases[i].exit_code, cases[i].out, cases[i].err);
        program_result_done(&result);
    }
}

/* Where it watched, its alerts are compared; where it did not, they are told and scored. */
static void one_detector_is_replayed_everywhere(void **state)
{
    struct program_result result;
    (void)state;
    LAB_SCENARIO(&lab, "counted.yaml", "healthy.yaml", "NAME", "counted", "WARN", "20");
    LAB_SCENARIO(&lab, "grown.yaml", "healthy.yaml", "NAME", "grown", "threshold: {warn: WARN, break: 400}", "growth",
                 "detector: threshold", "detector: growth");
    RUN_UNTIL(&result, LAB_UNDISTURBED, "two.db", "run", "counted.yaml", "grown.yaml", "--runs", "1");
    lab_check(&result, 0, NULL, NULL);
    program_result_done(&result);
    LAB_RUN(&lab, &result, "replay", "--db", "two.db", "--detector", "growth");
    lab_check(&result, 0, " of growth, which did not watch it\n", "");
    lab_check(&result, 0, "1 run, ", NULL);
    lab_check(&result, 0, "all identical to the stored ones\n", NULL);
    lab_check(&result, 0, "By the time of the observations; receipts are only known live.\n", NULL);
    program_result_done(&result);
    LAB_RUN(&lab, &result, "replay", "--db", "two.db", "--detector", "oracle");
    lab_check(&result, 0, "2 runs, 0 alerts: all identical to the stored ones\n", NULL);
    assert_string_equal(result.err, "");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "replay", "0", "--db", "two.db", "--detector", "growth");
    lab_check(&result, 0, "run 0: ", NULL);
    program_result_done(&result);
    LAB_RUN(&lab, &result, "replay", "--db", "two.db", "--detector", "grwth");
    lab_check(&result, 4, NULL,
              "no scenario of this database has a detector \"grwth\", nor is it one; did you mean growth?");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "show", "7", "--db", "two.db");
    lab_check(&result, 4, NULL, "two.db: has no run 7");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "replay", "0", "7", "--db", "two.db");
    lab_check(&result, 4, NULL, "the campaign has no run 7 that began");
    assert_string_equal(result.out, ""); /* nothing was replayed */
    program_result_done(&result);
    LAB_RUN(&lab, &result, "replay", "7", "--db", "two.db", "--detector", "growth");
    lab_check(&result, 4, NULL, "the campaign has no run 7 that began");
    program_result_done(&result);
}

/* A declaration, inline or in a file, with its mistakes at their places. */
static void a_detector_that_did_not_watch_is_declared(void **state)
{
    struct program_result result;
    (void)state;
    LAB_RUN(&lab, &result, "replay", "--db", "original.db", "--json", "--detector",
            "threshold: {warn: 20, break: 400}");
    lab_check(&result, 0, "\"detector\":\"threshold\"", "which did not watch live as it is declared here");
    program_result_done(&result);
    lab_write(&lab, "mine.yaml", "# mine\nthreshold:\n  warn: 20\n  braek: 400\n");
    LAB_RUN(&lab, &result, "replay", "--db", "original.db", "--detector", "mine.yaml");
    lab_check(&result, 2, "", "mine.yaml:4:3: threshold.braek: unknown key \"braek\"; did you mean \"break\"?\n");
    program_result_done(&result);
    lab_write(&lab, "mine.yaml", "threshold: {warn: 20, break: 400, as: mine}\n");
    LAB_RUN(&lab, &result, "replay", "--db", "original.db", "--detector", "mine.yaml");
    lab_check(&result, 0, " of mine, which did not watch it\n", "");
    lab_check(&result, 0, "recv/leaky/none ", NULL);
    program_result_done(&result);
    LAB_RUN(&lab, &result, "replay", "--db", "original.db", "--detector", "threshold: {warn: many}");
    lab_check(&result, 2, "", "--detector:1:19: threshold.warn: ");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "replay", "--db", "original.db", "--detector",
            "exec: {command: [" SOURCE_FOLDER "/runner/detect/examples/python/site_growth.py], gateway: true}");
    lab_check(&result, 4, "", "reads the target through the gateway: it cannot be replayed");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "replay", "0", "--db", "original.db", "--detector",
            "exec: {command: [" SOURCE_FOLDER "/runner/detect/examples/python/site_growth.py]}");
    lab_check(&result, 0, " of exec, which did not watch it\n", NULL);
    program_result_done(&result);
    LAB_RUN(&lab, &result, "replay", "0", "--db", "original.db", "--detector", "exec: {command: [\"false\"]}");
    lab_check(&result, 3, "it broke: ", NULL);
    program_result_done(&result);
}

/* Quiet for want of anything to judge by is not quiet. */
static void a_detector_without_its_reads_cannot_judge(void **state)
{
    struct program_result result;
    (void)state;
    int64_t run = lab_number(&lab, "original.db", "SELECT r.run FROM run AS r JOIN cell AS c ON c.cell = r.cell WHERE "
                                                  "c.name = 'recv/leaky/none' LIMIT 1");
    char number[24];
    snprintf(number, sizeof number, "%" PRId64, run);
    LAB_RUN(&lab, &result, "replay", number, "--db", "original.db", "--detector", "goroutineleak");
    lab_check(&result, 5, "cannot judge: the recording has no goroutineleak profiles\n", "");
    program_result_done(&result);
}

/* A stored scenario needs nothing installed. */
static void replay_needs_no_programs(void **state)
{
    static const char *const environment[] = {"LEAKDRILL_FIXTURES_FILE=/nonexistent/fixtures.json", NULL};
    struct program_result result;
    (void)state;
    run_program(&result, PROGRAM_HANGS_S, lab.folder, environment,
                (const char *const[]){"replay", "--db", "original.db", "0", "--detector", "matrix", NULL});
    lab_check(&result, 0, "run 0: ", NULL);
    assert_string_equal(result.err, "");
    program_result_done(&result);
}

static int prepare(void **state)
{
    static const char *const nothing[] = {NULL};
    struct program_result result;
    open_lab(state);
    LAB_SCENARIO(&lab, "recv.yaml", "replay.yaml", "NAME", "recv", "FIXTURE", "queue/consumer-unclosed");
    LAB_SCENARIO(&lab, "body.yaml", "replay.yaml", "NAME", "body", "FIXTURE", "http/body-not-closed");
    lab_scenario(&lab, "leak-profile.yaml", "replay-leak-profile.yaml", nothing);
    /* Every detector that can said something, in runs that count or not: those replay, too. */
    if (!RUN_UNTIL(
            &result,
            "SELECT count(DISTINCT detector) = 12 AND sum(cell.name = 'recv/leaky/none' AND detector = "
            "'before-after') > 0 FROM alert JOIN run USING (run) JOIN cell USING (cell) WHERE detector IN " SPEAKS,
            "original.db", "run", "recv.yaml", "body.yaml", "leak-profile.yaml", "--jobs", "3"))
        return 0;
    lab_check_judged(&lab, &result, "original.db");
    program_result_done(&result);
    return 0;
}

int test_replay(void)
{
    const struct CMUnitTest tests[] = {
        IN_GROUP(what_is_stored_comes_again),
        IN_GROUP(what_cannot_be_reached_is_out_of_range),
        IN_GROUP(deleted_alerts_come_back_to_the_bit),
        IN_GROUP(one_stored_alert_changed_is_found),
        IN_GROUP(a_changed_number_is_found),
        IN_GROUP(a_changed_profile_is_found),
        IN_GROUP(a_damaged_body_is_an_error_not_a_difference),
        IN_GROUP(detectors_and_campaigns_compare),
        IN_GROUP(one_detector_is_replayed_everywhere),
        IN_GROUP(a_detector_that_did_not_watch_is_declared),
        IN_GROUP(a_detector_without_its_reads_cannot_judge),
        IN_GROUP(replay_needs_no_programs),
    };
    if (lacks_programs("replay"))
        return GROUP_SKIPPED;
    return cmocka_run_group_tests_name("replay", tests, prepare, close_lab);
}
