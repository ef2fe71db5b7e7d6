/* Every fault of the proxy in a real campaign: it is proven and harms no run; where it has no effect, that is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "groups.h"
#include "in_lab.h"

#define TOXICS 11 /* of toxics.yaml, one in each case; timeout is there twice */
#define MOST "8"  /* and more must have taken effect */

#define OF_TOXICS "type NOT IN ('kill')"

/* The campaign with leakdrill, or with the program whose toxics have no effect. Runs that the machine voids have their
 * receipts, too. */
static void run_campaign(const char *program, const char *database, const char *evidence)
{
    struct program_result result;
    lab_scenario(&lab, "toxics.yaml", "toxics.yaml", (const char *const[]){NULL});
    const char *const arguments[] = {"run", "toxics.yaml", "--seed", "7", "--jobs", "2", NULL};
    if (!lab_run_until(&lab, &result, evidence, database, program, arguments))
        skip_for("given up");
    program_result_done(&result);
}

static void show(const char *database, const char *where)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "SELECT coalesce(group_concat(fault || ': ' || coalesce(receipt, 'no receipt'), char(10)), '') FROM "
             "v_faults WHERE " OF_TOXICS " AND %s",
             where);
    char *text = lab_text(&lab, database, sql);
    if (*text)
        print_message("%s\n", text);
    free(text);
}

static void every_toxic_is_proven(void **state)
{
    (void)state;
    run_campaign(NULL, "toxics.db", "SELECT count(*) > " MOST " FROM v_faults WHERE effective = 1 AND " OF_TOXICS);
    show("toxics.db", "effective IS NOT 1");
    lab_assert_number(&lab, "toxics.db", "SELECT count(*) FROM v_faults WHERE " OF_TOXICS, TOXICS);
    lab_assert_number(&lab, "toxics.db", "SELECT count(DISTINCT type) FROM v_faults WHERE " OF_TOXICS, 10);
    /* a load that lagged may have missed its fault; nothing else excuses one */
    lab_assert_number(&lab, "toxics.db",
                      "SELECT count(*) FROM v_faults AS f JOIN run AS r ON r.run = f.run WHERE f.effective IS NOT 1 "
                      "AND r.validity NOT IN ('lag', 'gaps')",
                      0);
    /* every run that is not evidence is so for the machine's lag, none for the harness or a fault */
    lab_assert_number(&lab, "toxics.db", "SELECT count(*) FROM run WHERE validity NOT IN ('valid', 'lag', 'gaps')", 0);
    lab_assert_number(&lab, "toxics.db", "SELECT count(*) FROM fault_receipt WHERE worst_early_ns > 0", 0);
}

/* What is said and counted, of the faults that took effect: on a busy machine one may have missed its traffic. */
static void the_receipts_have_their_numbers(void **state)
{
    static const struct {
        const char *type, *right;
    } rows[] = {
        {"latency", "receipt LIKE 'asked 20ms, delivered p50 % over %' AND asked_ms = 20 AND p50_ms > 15"},
        {"bandwidth", "receipt LIKE 'asked 20KiB/s, delivered %' AND unit = 'B/s' AND asked = 20480 AND delivered "
                      "BETWEEN 1000 AND 20900 AND attributes LIKE '%\"rate\":\"20KiB/s\"%'"},
        {"slow_close", "asked_ms = 60 AND p50_ms >= 60"},
        {"timeout", "(asked_ms = 100 AND p50_ms >= 100) OR receipt LIKE '% kept back on %'"},
        {"reset_peer", "asked_ms = 50 AND p50_ms >= 50 AND unit IS NULL"},
        {"slicer", "asked = 16 AND delivered <= 24 AND unit = 'B'"},
        {"limit_data", "receipt LIKE '%closed after 40B to 40B%' AND delivered = 40 AND unit = 'B'"},
        {"down", "receipt LIKE '2 of 2 connects refused%'"},
        {"connect_delay", "asked_ms = 30 AND p50_ms BETWEEN 20 AND 900"},
        {"stall", "receipt LIKE '% kept waiting on %' AND count > 0"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char sql[512];
        snprintf(sql, sizeof sql, "SELECT count(*) FROM v_faults WHERE effective = 1 AND type = '%s' AND NOT (%s)",
                 rows[i].type, rows[i].right);
        lab_assert_number(&lab, "toxics.db", sql, 0);
    }
    lab_assert_number(&lab, "toxics.db",
                      "SELECT count(*) FROM v_faults WHERE fault = 'hold/0/timeout' AND touched + spared >= 20 AND "
                      "(touched = 0 OR spared = 0)",
                      0);
}

/* A build in which the toxics do nothing: no receipt claims an effect, and no such run counts. */
static void what_has_no_effect_is_no_evidence(void **state)
{
    (void)state;
    run_campaign(TOOTHLESS, "toothless.db", "SELECT 1");
    show("toothless.db", "effective IS NOT 0");
    lab_assert_number(&lab, "toothless.db", "SELECT count(*) FROM v_faults WHERE " OF_TOXICS, TOXICS);
    lab_assert_number(&lab, "toothless.db", "SELECT count(*) FROM v_faults WHERE effective <> 0 AND " OF_TOXICS, 0);
    lab_assert_number(&lab, "toothless.db",
                      "SELECT count(*) FROM run AS r JOIN cell AS c ON c.cell = r.cell WHERE c.fault_case <> 'none' "
                      "AND r.validity NOT IN ('fault', 'lag', 'gaps')",
                      0);
    lab_assert_number(&lab, "toothless.db",
                      "SELECT count(*) > 0 OR (SELECT count(*) FROM run WHERE validity = 'fault') = 0 FROM v_outcomes "
                      "WHERE kind = 'FAULT_NOT_EFFECTIVE'",
                      1);
}

int test_toxics(void)
{
    const struct CMUnitTest tests[] = {
        IN_GROUP(every_toxic_is_proven),
        IN_GROUP(the_receipts_have_their_numbers),
        IN_GROUP(what_has_no_effect_is_no_evidence),
    };
    if (lacks_programs("toxics"))
        return GROUP_SKIPPED;
    return cmocka_run_group_tests_name("toxics", tests, open_lab, close_lab);
}
