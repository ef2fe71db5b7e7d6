/* Looks that fail, conditions that act, and the chaos that ships: what a user sees of them. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "groups.h"
#include "in_lab.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define RUN_OF(cell) "(SELECT r.run FROM run AS r JOIN cell AS c ON c.cell = r.cell WHERE c.name = '" cell "')"

/* Until every cell has a run that counts. */
static void run_campaign(const char *scenario, const char *database)
{
    struct program_result result;
    RUN_UNTIL(&result, LAB_EACH_CELL, database, "run", scenario, "--jobs", "4");
    lab_check_judged(&lab, &result, database);
    program_result_done(&result);
}

/* ---- looks that fail */

static void failing_looks_make_detectors_say_unknown(void **state)
{
    static const char *const cases[] = {"slow", "refused", "truncated", "not-found", "wrong-content"};
    char sql[1024];
    (void)state;
    LAB_SCENARIO(&lab, "blind.yaml", "blind.yaml", "NAME", "blind");
    run_campaign("blind.yaml", "blind.db");
#define BLIND(text) lab_assert_number(&lab, "blind.db", text, 0)
    /* no gap that was meant voids a run, */
    BLIND("SELECT count(*) FROM run WHERE validity <> 'valid' AND NOT " LAB_DISTURBED);
    /* nobody takes silence for a leak: not before the load, when nothing but the look fails, and the surer ones never
     * (under load a busy machine makes healthy programs look worse to the others), */
    BLIND("SELECT count(*) FROM alert AS a JOIN run AS r USING (run) JOIN cell AS c USING (cell) JOIN detector AS d "
          "ON d.run = a.run AND d.name = a.detector WHERE r.validity = 'valid' AND c.variant = 'healthy' AND a.action "
          "= 'open' AND NOT d.calibration AND (d.name IN ('matrix', 'threshold', 'goroutineleak') OR "
          "a.evidence_time_ns < r.method_from_ns + (SELECT at_ns FROM action WHERE run = r.run AND kind = 'load-on'))");
    /* and every UNKNOWN comes to an end. */
    BLIND("SELECT abs(sum(action = 'unknown') - sum(action = 'known')) FROM alert");
    for (size_t i = 0; i < COUNT(cases); i++) {
        /* every detector that looks at anything said unknown while it could not (a run that lags
         * may not have looked; of a cut profile one run of two says so at times, which is not explained), */
        snprintf(
            sql, sizeof sql,
            "SELECT count(*) FROM detector AS d JOIN run USING (run) JOIN cell AS c USING (cell) WHERE NOT "
            "d.calibration AND run.validity = 'valid' AND c.fault_case = '%s' AND NOT EXISTS (SELECT * FROM alert AS a "
            "WHERE a.run = d.run AND a.detector = d.name AND a.action = 'unknown') AND NOT ('%s' = 'slow' AND d.name "
            "IN ('before-after', 'goroutineleak', 'site-threshold')) AND NOT ('%s' = 'truncated' AND d.name IN "
            "('before-after', 'site-threshold') AND EXISTS (SELECT * FROM alert AS o JOIN run AS r ON r.run = o.run JOIN "
            "cell AS k ON k.cell = r.cell WHERE k.fault_case = 'truncated' AND o.detector = d.name AND o.action = "
            "'unknown'))",
            cases[i], cases[i], cases[i]);
        BLIND(sql);
        /* and is scored as blind, not as quiet */
        snprintf(sql, sizeof sql,
                 "SELECT count(*) FROM detector_run AS d JOIN run USING (run) JOIN cell AS c USING (cell) WHERE "
                 "c.fault_case = '%s' AND run.validity = 'valid' AND d.detector = 'growth' AND d.unknown_seconds <= 0",
                 cases[i]);
        BLIND(sql);
        snprintf(sql, sizeof sql,
                 "SELECT count(*) FROM fault_receipt WHERE fault = '%s/0/sampling' AND NOT (effective AND touched > 0 "
                 "AND count > 0)",
                 cases[i]);
        BLIND(sql);
    }
    /* the leak that came afterwards was found all the same */
    BLIND("SELECT count(*) FROM detector AS d JOIN run USING (run) JOIN cell AS c USING (cell) WHERE c.variant = "
          "'leaky' AND run.validity = 'valid' AND d.name IN ('before-after', 'threshold', 'growth', 'matrix', "
          "'goroutineleak') "
          "AND NOT EXISTS (SELECT * FROM outcome AS o WHERE o.run = d.run AND o.detector = d.name AND o.kind = 'TP')");
    lab_assert_number(&lab, "blind.db", "SELECT count(*) FROM fault_receipt WHERE asked_ns = 400000000 AND p50_ns >= "
                                        "400000000 AND worst_early_ns = 0", 2);
#undef BLIND
}

/* ---- conditions that act */

static void number_is(const char *sql, int64_t expected)
{
    lab_assert_number(&lab, "reacting.db", sql, expected);
}

/* The gate: nothing of the method before the observation that opened it. */
static void check_gate(void)
{
    number_is("SELECT count(*) FROM condition WHERE kind = 'steady' AND sequence IS NOT NULL", 5);
    number_is("SELECT count(*) FROM condition AS k JOIN run AS r USING (run) WHERE k.kind = 'steady' AND "
              "k.time_ns > r.method_from_ns", 0);
    number_is("SELECT count(*) FROM condition AS k JOIN observation AS o ON o.run = k.run AND o.sequence = k.sequence "
              "WHERE k.kind = 'steady' AND o.time_ns = k.time_ns AND o.kind = 'metrics'", 5);
}

/* It was the first observation of the method with more than 50 goroutines, and nothing acted before it. */
static void check_trigger(const char *cell, const char *condition)
{
    char sql[700];
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM condition AS k JOIN run AS r USING (run) JOIN cell AS c USING (cell) WHERE c.name = "
             "'%s' AND k.condition = '%s' AND k.sequence = (SELECT min(sequence) FROM points WHERE run = k.run AND "
             "metric = 'go_sched_goroutines_count' AND value > 50 AND time_ns >= r.method_from_ns) AND k.acted_ns >= "
             "k.time_ns AND k.acted_ns <= (SELECT time_ns FROM fault_intent AS i WHERE i.run = k.run AND i.fault = "
             "k.condition)",
             cell, condition);
    number_is(sql, 1);
}

static void conditions_start_faults_and_reactions(void **state)
{
    struct program_result result;
    (void)state;
    LAB_SCENARIO(&lab, "reacting.yaml", "reactions.yaml", "NAME", "reacting");
    run_campaign("reacting.yaml", "reacting.db");
    check_gate();
    check_trigger("reacting/leaky/restart", "restart/0/kill");
    check_trigger("reacting/leaky/shed", "shed/0/load");
    number_is("SELECT count(*) FROM fault_receipt WHERE effective AND fault <> 'never/0/kill'", 3);
    /* a condition that never held is no fault without effect */
    number_is("SELECT count(*) FROM run AS r JOIN cell USING (cell) WHERE fault_case = 'never' AND validity = 'valid'",
              1);
    number_is("SELECT count(*) FROM condition WHERE condition = 'never/0/kill' AND sequence IS NULL AND acted_ns IS "
              "NULL", 1);
    number_is("SELECT count(*) FROM condition WHERE kind = 'abort' AND acted_ns IS NOT NULL", 0);
    /* a restart ends the life; the next one leaks again, and that is held against nobody: the run is marked */
    number_is("SELECT count(*) FROM incarnation WHERE run = " RUN_OF("reacting/leaky/restart"), 2);
    number_is("SELECT count(*) FROM truth_interval WHERE incarnation = 2 AND manifest_ns IS NOT NULL AND run = " RUN_OF(
                  "reacting/leaky/restart"), 1);
    number_is("SELECT count(*) FROM outcome WHERE detector = 'threshold' AND run = " RUN_OF("reacting/leaky/restart"),
              1);
    /* fewer requests were sent, and others were answered with 503 */
    lab_assert_text(&lab, "reacting.db", "SELECT text FROM fault_receipt WHERE fault = 'shed/0/load'",
                    "asked 0.25 times the load, sent ");
    lab_assert_text(&lab, "reacting.db", "SELECT text FROM fault_receipt WHERE fault = 'breaker/0/breaker'",
                    " requests answered with 503");
    number_is("SELECT count(*) FROM condition WHERE condition = 'shed/0/load' AND recovers AND recovered_ns IS NULL",
              1);
    LAB_RUN(&lab, &result, "report", "--db", "reacting.db");
    lab_check_said(&result, "Conditions and reactions", NULL);
    lab_check_said(&result, "restart/0/kill when go_sched_goroutines_count over 50", NULL);
    lab_check_said(&result, "count neither for nor against a detector", NULL);
    program_result_done(&result);
    LAB_RUN(&lab, &result, "show", "1", "--db", "reacting.db");
    lab_check(&result, 0, "holds, from here on", NULL);
    program_result_done(&result);
}

/* The same observations decide the same, by the same sequence number; another one is noticed. */
static void a_replay_decides_the_same(void **state)
{
    struct program_result result;
    char path[200];
    sqlite3 *database;
    (void)state;
    LAB_SCENARIO(&lab, "reacting.yaml", "reactions.yaml", "NAME", "reacting");
    run_campaign("reacting.yaml", "reacting.db");
    LAB_RUN(&lab, &result, "replay", "--db", "reacting.db");
    lab_check(&result, 0, "and its conditions, identical to the stored ones", NULL);
    program_result_done(&result);
    snprintf(path, sizeof path, "%s/reacting.db", lab.folder);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, "UPDATE condition SET sequence = sequence + 1 WHERE condition = "
                                            "'restart/0/kill'", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
    LAB_RUN(&lab, &result, "replay", "--db", "reacting.db");
    lab_check(&result, 1, "NOT the stored ones", "condition restart/0/kill: decided by observation ");
    program_result_done(&result);
}

static void an_abort_ends_the_run_in_the_middle_of_a_fault(void **state)
{
    (void)state;
    LAB_SCENARIO(&lab, "aborting.yaml", "aborting.yaml", "NAME", "aborting");
    run_campaign("aborting.yaml", "aborting.db");
#define ABORTING(sql, expected) lab_assert_number(&lab, "aborting.db", sql, expected)
    ABORTING("SELECT count(*) FROM condition WHERE condition = 'abort/0' AND acted_ns IS NOT NULL", 2);
    ABORTING("SELECT count(*) FROM note WHERE kind = 'aborted' AND text LIKE 'go_sched_goroutines_count over 60: it "
             "was % at instance 0'", 2);
    ABORTING("SELECT count(*) FROM run WHERE validity <> 'valid' OR left_processes <> 0", 0);
    /* the load would have gone on for twenty seconds */
    ABORTING("SELECT count(*) FROM run WHERE observed_to_ns - method_from_ns >= 20000000000", 0);
    ABORTING("SELECT count(*) FROM run AS r JOIN condition AS k USING (run) WHERE r.observed_to_ns - k.acted_ns > "
             "8000000000", 0);
    ABORTING("SELECT count(*) FROM truth_interval WHERE confirmed <> final_amount", 0);
    ABORTING("SELECT count(*) FROM fault_receipt WHERE fault = 'slow/0/latency' AND ended_ns >= (SELECT max(acted_ns) "
             "FROM condition AS k WHERE k.run = fault_receipt.run)", 1);
#undef ABORTING
}

static void a_gate_that_never_opens_is_inconclusive(void **state)
{
    struct program_result result;
    (void)state;
    LAB_SCENARIO(&lab, "unsteady.yaml", "unsteady.yaml", "NAME", "unsteady");
    LAB_RUN(&lab, &result, "run", "unsteady.yaml", "--db", "unsteady.db");
    lab_check(&result, 5, "unsteady: not steady within 2s: go_sched_goroutines_count of instance 0", NULL);
    program_result_done(&result);
    lab_assert_number(&lab, "unsteady.db",
                      "SELECT count(*) FROM run WHERE validity = 'unsteady' AND method_from_ns = -1", 1);
    lab_assert_number(&lab, "unsteady.db", "SELECT count(*) FROM condition WHERE kind = 'steady' AND sequence IS NULL",
                      1);
    lab_assert_number(&lab, "unsteady.db", "SELECT count(*) FROM phase WHERE name = 'method'", 0);
}

/* ---- what ships */

#define CHAOS SOURCE_FOLDER "/scenarios/chaos"

static void the_chaos_that_ships_is_well_formed(void **state)
{
    struct program_result result;
    (void)state;
    LAB_RUN(&lab, &result, "lint", CHAOS);
    lab_check(&result, 0, "no errors", NULL);
    program_result_done(&result);
    LAB_RUN(&lab, &result, "plan", CHAOS);
    lab_check(&result, 0, "when matrix red for 500ms", NULL);
    program_result_done(&result);
}

/* One of each: a fault of the weekly chaos, a share of instances, a reaction to a leak and one to an outage. */
static const struct {
    const char *file, *filter, *shows; /* a query that must give 1 */
} chaos[] = {
    {"weekly.yaml", "*/upstream-unavailable",
     "SELECT count(*) = 2 FROM fault_receipt WHERE effective AND touched > 0"},
    {"instances-killed.yaml", "*/leaky/tenth-killed",
     "SELECT count(*) FROM fault_receipt WHERE touched = 1 AND spared = 9 AND effective"},
    {"reactions-to-a-leak.yaml", "*/restart",
     "SELECT count(*) FROM condition WHERE condition = 'restart/0/kill' AND recovered_ns > time_ns"},
    {"reactions-to-an-outage.yaml", "*/open-breaker",
     "SELECT count(*) FROM condition WHERE condition = 'open-breaker/1/breaker' AND recovered_ns > time_ns"},
};

static void one_of_each_runs(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(chaos); i++) {
        struct program_result result;
        char path[300];
        snprintf(path, sizeof path, CHAOS "/%s", chaos[i].file);
        RUN_UNTIL(&result, LAB_EACH_CELL, "chaos.db", "run", path, "--filter", chaos[i].filter);
        lab_check_judged(&lab, &result, "chaos.db");
        program_result_done(&result);
        lab_assert_number(&lab, "chaos.db", chaos[i].shows, 1);
        lab_assert_number(&lab, "chaos.db",
                          "SELECT count(*) FROM alert AS a JOIN run USING (run) JOIN cell AS c USING (cell) WHERE "
                          "c.variant = 'healthy' AND a.detector = 'matrix' AND a.action = 'open'", 0);
    }
}

int test_conditions(void)
{
    const struct CMUnitTest tests[] = {
        IN_LAB(failing_looks_make_detectors_say_unknown),
        IN_LAB(conditions_start_faults_and_reactions),
        IN_LAB(a_replay_decides_the_same),
        IN_LAB(an_abort_ends_the_run_in_the_middle_of_a_fault),
        IN_LAB(a_gate_that_never_opens_is_inconclusive),
        IN_LAB(the_chaos_that_ships_is_well_formed),
        IN_LAB(one_of_each_runs),
    };
    if (lacks_programs("conditions"))
        return GROUP_SKIPPED;
    return cmocka_run_group_tests_name("conditions", tests, NULL, NULL);
}
