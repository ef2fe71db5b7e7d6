/* What looks like a leak and is none: each documented confounder makes a naive detector speak, or it is too tame to
 * show anything. Whether matrix keeps quiet is for campaigns to say, which have the runs for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "groups.h"
#include "in_lab.h"

/* Of the runs of a confounder, under any fault, those in which a naive detector spoke. */
#define TEMPTED                                                                                                        \
    "SELECT s.name FROM alert AS a JOIN run AS r USING (run) JOIN cell AS c ON c.cell = r.cell JOIN scenario AS s "    \
    "ON s.scenario = c.scenario WHERE a.action = 'open' AND a.detector IN ('threshold', 'growth', 'before-after')"

static void each_tempts_a_naive_detector(void **state)
{
    struct program_result result;
    (void)state;
    /* What was seen in void runs counts here all the same. */
    RUN_UNTIL(&result, "SELECT count(*) = 0 FROM scenario WHERE name NOT IN (" TEMPTED ")", "calm.db", "run",
              SOURCE_FOLDER "/scenarios/documented/confounders", "--runs", "1", "--jobs", "4");
    lab_check_said(&result, "\nVerdict: ", NULL);
    program_result_done(&result);
    assert_true(lab_number(&lab, "calm.db", "SELECT count(*) FROM scenario") > 0);
    lab_assert_text(&lab, "calm.db",
                    "SELECT coalesce(group_concat(name), 'none') FROM scenario WHERE name NOT IN (" TEMPTED ")",
                    "none");
    lab_assert_number(&lab, "calm.db", "SELECT count(*) FROM truth_event WHERE kind = 'leak'", 0);
}

int test_confounders(void)
{
    const struct CMUnitTest tests[] = {IN_LAB(each_tempts_a_naive_detector)};
    if (lacks_programs("confounders"))
        return GROUP_SKIPPED;
    return cmocka_run_group_tests_name("confounders", tests, NULL, NULL);
}
