/* Verdicts that a target holds itself, end to end: read at the door, told, stored, and told again in replay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "groups.h"
#include "in_lab.h"

#define DATABASE "endpoint.db"
#define DETECTORS "('goleak', 'leaks', 'health')"
#define OF_CELL " JOIN run AS r USING (run) JOIN cell AS c USING (cell) WHERE r.validity = 'valid' AND "

static int run_scenario(void **state)
{
    struct program_result result;
    open_lab(state);
    LAB_SCENARIO(&lab, "endpoint.yaml", "endpoint.yaml", "NAME", "endpoint");
    if (!RUN_UNTIL(&result, LAB_EACH_CELL, DATABASE, "run", "endpoint.yaml", "--jobs", "3"))
        return 0;
    lab_check_judged(&lab, &result, DATABASE);
    program_result_done(&result);
    return 0;
}

static void none(const char *sql)
{
    lab_assert_number(&lab, DATABASE, sql, 0);
}

static void every_leak_is_seen_and_named(void **state)
{
    (void)state;
    none("SELECT count(*) FROM outcome AS o" OF_CELL "c.variant = 'leaky' AND o.detector IN " DETECTORS
         " AND o.kind <> 'TP'");
    none("SELECT count(*) FROM alert AS a" OF_CELL "a.detector IN ('goleak', 'leaks') AND a.action = 'open' AND "
         "c.variant = 'leaky' AND c.fault_case = 'none' AND a.site LIKE 'shop/%' AND NOT (a.cause = 'chan-receive' AND "
         "a.site = 'shop/cases/digest.(*Desk).collect')");
    none("SELECT count(*) FROM alert AS a" OF_CELL
         "a.detector = 'health' AND a.action = 'open' AND NOT (a.cause = 'any' "
         "AND coalesce(a.site, '') = '')");
}

/* Its twin holds nothing for good: the leak profile says so, and so do all of them before the load. */
static void the_twin_is_quiet(void **state)
{
    (void)state;
    none("SELECT count(*) FROM alert AS a" OF_CELL
         "c.variant = 'healthy' AND a.action = 'open' AND (a.detector = 'leaks' "
         "OR a.detector IN " DETECTORS " AND a.evidence_time_ns < r.method_from_ns)");
}

/* Nobody answers, or something else does: unknown, until the endpoint is heard again. A status is a status. */
static void what_is_no_verdict_is_unknown(void **state)
{
    (void)state;
    none("SELECT count(*) FROM detector AS d" OF_CELL "c.fault_case IN ('hidden', 'masked') AND d.name IN " DETECTORS
         " AND NOT (c.fault_case = 'masked' AND d.name = 'health') AND NOT EXISTS (SELECT * FROM alert AS a WHERE "
         "a.run = d.run AND a.detector = d.name AND a.action = 'unknown' AND a.why LIKE 'could not look: %')");
    none("SELECT count(*) FROM alert AS a" OF_CELL "a.action = 'unknown' AND a.detector NOT IN " DETECTORS);
    none("SELECT abs(sum(action = 'unknown') - sum(action = 'known')) FROM alert");
    none("SELECT count(*) FROM fault_receipt JOIN run AS r USING (run) WHERE r.validity = 'valid' AND NOT (effective "
         "AND touched > 0 AND touched = count)");
}

/* What was read stands in the store, whatever its status, and the reads are counted as anybody's. */
static void what_was_read_is_kept(void **state)
{
    (void)state;
    none(
        "SELECT count(*) FROM run AS r WHERE r.validity = 'valid' AND NOT EXISTS (SELECT * FROM observation AS o WHERE "
        "o.run = r.run AND o.kind = 'answer' AND o.body IS NOT NULL AND o.text LIKE '/debug/%')");
    none("SELECT count(*) FROM run AS r JOIN cell AS c USING (cell) WHERE r.validity = 'valid' AND c.variant = 'leaky' "
         "AND NOT EXISTS (SELECT * FROM observation AS o WHERE o.run = r.run AND o.kind = 'answer' AND o.http_status = "
         "500)");
    none("SELECT count(*) FROM run AS r WHERE r.validity = 'valid' AND NOT EXISTS (SELECT * FROM reader AS d WHERE "
         "d.run = r.run AND d.reader = 'endpoint' AND d.reads > 0)");
    none("SELECT count(*) FROM observation WHERE kind = 'failed' AND of_profile = 2 AND text NOT LIKE '/debug/%'");
}

static void a_replay_is_told_the_same(void **state)
{
    struct program_result result;
    (void)state;
    LAB_RUN(&lab, &result, "replay", "--db", DATABASE);
    lab_check(&result, 0, "identical to the stored ones", NULL);
    program_result_done(&result);
}

int test_endpoint(void)
{
    const struct CMUnitTest tests[] = {
        IN_GROUP(every_leak_is_seen_and_named),  IN_GROUP(the_twin_is_quiet),
        IN_GROUP(what_is_no_verdict_is_unknown), IN_GROUP(what_was_read_is_kept),
        IN_GROUP(a_replay_is_told_the_same),
    };
    if (lacks_programs("endpoint"))
        return GROUP_SKIPPED;
    return cmocka_run_group_tests_name("endpoint", tests, run_scenario, close_lab);
}
