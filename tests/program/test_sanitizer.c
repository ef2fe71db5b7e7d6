/* Programs that were built with AddressSanitizer, and the detector that reads what it and LeakSanitizer say: the one
 * while the program runs, the other when it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "groups.h"
#include "in_lab.h"

#define BLOCK "131072" /* bytes that a request takes */
#define SCENARIOS SOURCE_FOLDER "/scenarios/detectors/sanitizers"
#define OF(scenario, detector)                                                                                         \
    " FROM outcome AS o JOIN run AS r USING (run) JOIN cell AS c ON c.cell = r.cell JOIN truth_interval AS t ON "      \
    "t.run = o.run AND t.ordinal = o.interval WHERE c.name LIKE '" scenario "/%' AND o.detector = '" detector "'"

/* Which claims, by cause and site, and how they were scored: of the runs that count, for a busy machine voids some. */
static void reports_are_scored(void **state)
{
    struct program_result result;
    (void)state;
    RUN_UNTIL(&result, LAB_EACH_CELL, "s.db", "run", SCENARIOS, "--runs", "1", "--jobs", "2");
    lab_check(&result, 0, "\nVerdict: ", NULL);
    program_result_done(&result);
    lab_assert_text(&lab, "s.db", "SELECT group_concat(DISTINCT cause || ' ' || site) FROM alert WHERE detector = "
                                  "'sanitizer' AND cause = 'memory-safety'",
                    "memory-safety shop/cases/plates.(*Engraver).proofread");
    lab_assert_text(&lab, "s.db", "SELECT group_concat(DISTINCT cause || ' ' || site) FROM alert WHERE detector = "
                                  "'sanitizer' AND cause = 'native-memory'",
                    "native-memory C.set");
    lab_assert_text(&lab, "s.db",
                    "SELECT coalesce(group_concat(DISTINCT o.kind || ' ' || o.site_match), '')" OF(
                        "sanitizer-use-after-free", "sanitizer"),
                    "TP right");
    /* Not of a life that was killed: it never came to its end. */
    lab_assert_text(&lab, "s.db",
                    "SELECT coalesce(group_concat(DISTINCT t.ended_by || ' ' || o.kind), '')" OF(
                        "sanitizer-leak-of-c-memory", "sanitizer") " AND t.ended_by = 'follow-up'",
                    "follow-up TP");
    lab_assert_number(&lab, "s.db",
                      "SELECT count(*)" OF("sanitizer-leak-of-c-memory",
                                           "sanitizer") " AND t.ended_by = 'kill' AND o.kind = 'TP'",
                      0);
    /* To the block, but for one or two whose address still lies on some stack: LeakSanitizer takes those for reachable.
     * And after everything else: nobody but the one who asked heard of it. */
    lab_assert_number(&lab, "s.db",
                      "SELECT count(*) FROM alert AS a JOIN truth_interval AS t ON t.run = a.run AND t.incarnation = "
                      "a.incarnation WHERE a.detector = 'sanitizer' AND a.action = 'open' AND a.cause = "
                      "'native-memory' AND t.final_amount - a.amount NOT IN (0, " BLOCK ", 2 * " BLOCK ")",
                      0);
    lab_assert_number(&lab, "s.db",
                      "SELECT count(*) FROM alert AS a JOIN run AS r USING (run) WHERE r.validity = 'valid' AND "
                      "a.evidence_time_ns > r.observed_to_ns AND a.detector NOT IN ('sanitizer', 'leaks-alone')",
                      0);
    lab_assert_number(&lab, "s.db",
                      "SELECT coalesce(sum(false_alarms), 0) FROM detector_run JOIN run USING (run) WHERE "
                      "validity = 'valid' AND detector IN ('sanitizer', 'leaks-alone')",
                      0);
    LAB_RUN(&lab, &result, "replay", "--db", "s.db");
    lab_check(&result, 0, "identical", NULL);
    program_result_done(&result);
}

/* What is not built here has its reason in the list of what there is. */
static bool can_build(void)
{
    char command[] = "grep -q 'unavailable' '" BUILD_FOLDER "/fixtures/fixtures.json'";
    return lab_has_programs() && system(command) != 0;
}

int test_sanitizer(void)
{
    const struct CMUnitTest tests[] = {IN_LAB(reports_are_scored)};
    if (!can_build()) {
        print_message("sanitizer: skipped, the Go programs with AddressSanitizer are not built\n");
        return GROUP_SKIPPED;
    }
    return cmocka_run_group_tests_name("sanitizer", tests, NULL, NULL);
}
