/* Published parameters: what they cannot reach is OUT_OF_RANGE and no miss, and what reaches them is seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "groups.h"
#include "in_lab.h"

#define PUBLISHED SOURCE_FOLDER "/scenarios/detectors/published/"

static void a_short_run_is_out_of_everybodys_range(void **state)
{
    (void)state;
    struct program_result result;
    RUN_UNTIL(&result, LAB_UNDISTURBED, "short.db", "run", PUBLISHED "out-of-range.yaml", "--filter", "*/leaky/*",
              "--runs", "2", "--jobs", "2");
    program_result_done(&result);
    lab_assert_number(&lab, "short.db",
                      "SELECT count(*) FROM outcome JOIN detector AS d ON d.run = outcome.run AND d.name = "
                      "outcome.detector WHERE NOT d.calibration AND outcome.kind NOT IN ('OUT_OF_RANGE', "
                      "'HARNESS_ERROR')", 0);
    lab_assert_number(&lab, "short.db",
                      "SELECT count(*) FROM alert JOIN detector AS d ON d.run = alert.run AND d.name = alert.detector "
                      "WHERE NOT d.calibration AND action = 'open'", 0);
    lab_assert_number(&lab, "short.db", "SELECT count(*) FROM detector WHERE name = 'rate-quantile' AND out_of_range "
                      "AND reason LIKE 'it speaks when the 99% quantile of the pauses is over 15ms, %' OR name = "
                      "'rate-quantile' AND reason LIKE 'it speaks of 10 goroutines a second more %'", 2);
    LAB_RUN(&lab, &result, "replay", "--db", "short.db");
    lab_check(&result, 0, "identical to the stored ones", NULL);
    program_result_done(&result);
}

/* A quota of processor time makes pauses as rate-quantile wants them, and its published parameters are reached. */
static void a_throttled_container_has_the_pauses(void **state)
{
    (void)state;
    struct program_result result;
    RUN_UNTIL(&result, LAB_UNDISTURBED, "throttled.db", "run", PUBLISHED "rate-quantile.yaml", "--filter",
              "*/leaky/throttled/*", "--runs", "1", "--jobs", "2");
    program_result_done(&result);
    lab_assert_number(
        &lab, "throttled.db",
        "SELECT count(*) > 0 FROM alert WHERE detector = 'rate-quantile' AND action = 'open' AND why LIKE "
        "'%the 99% quantile of % pauses is %ms'",
        1);
    lab_assert_number(&lab, "throttled.db", "SELECT count(*) FROM detector WHERE out_of_range AND NOT calibration", 0);
    lab_assert_number(&lab, "throttled.db", "SELECT count(*) FROM outcome WHERE detector = 'rate-quantile' AND kind IN "
                      "('FN', 'OUT_OF_RANGE')", 0);
}

int test_published(void)
{
    const struct CMUnitTest tests[] = {
        IN_GROUP(a_short_run_is_out_of_everybodys_range),
        IN_GROUP(a_throttled_container_has_the_pauses),
    };
    if (lacks_programs("published"))
        return GROUP_SKIPPED;
    return cmocka_run_group_tests_name("published", tests, open_lab, close_lab);
}
