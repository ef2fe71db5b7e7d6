/* The three threads of leakdrill, control, proxy and writer, at work together: both documented leaks, under latency and
 * under kills, several runs at a time. Small enough to be run under ThreadSanitizer, which is what it is for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "groups.h"
#include "in_lab.h"

#define RUNS 12 /* two leaks, each with its twin, under three cases of faults */

static void all_at_work(void **state)
{
    struct program_result result;
    (void)state;
    LAB_SCENARIO(&lab, "recv.yaml", "threads.yaml", "NAME", "recv", "FIXTURE", "queue/consumer-unclosed", "WHO",
                 "target");
    LAB_SCENARIO(&lab, "body.yaml", "threads.yaml", "NAME", "body", "FIXTURE", "http/body-not-closed", "WHO",
                 "upstream");
    LAB_RUN(&lab, &result, "run", "recv.yaml", "body.yaml", "--jobs", "4", "--db", "threads.db");
    /* A busy machine, or a sanitizer, makes gaps and lag: some runs (5) or all of them (a verdict, too) may be void.
     * What the threads do to each other is the question here. */
    bool judged = result.exit_code == 0 || result.exit_code == 5 ||
                  (result.exit_code == 3 && strstr(result.out, "\nVerdict: HARNESS"));
    if (!judged || strstr(result.err, "ThreadSanitizer"))
        lab_check(&result, 0, NULL, "no data race");
    program_result_done(&result);
    lab_assert_clean(&lab);
    lab_assert_database(&lab, "threads.db");
    lab_assert_number(&lab, "threads.db", "SELECT count(*) FROM run WHERE validity IS NOT NULL", RUNS);
    lab_assert_number(&lab, "threads.db", "SELECT count(*) FROM run WHERE left_processes <> 0", 0);
    /* Each thread had its work: faults in the proxy, kills on the control loop, all of it written. */
    assert_true(lab_number(&lab, "threads.db",
                           "SELECT count(DISTINCT run) FROM fault_receipt WHERE effective = 1") > 4);
    assert_true(lab_number(&lab, "threads.db", "SELECT count(*) FROM fault_decision") > 0);
    assert_true(lab_number(&lab, "threads.db", "SELECT count(*) FROM incarnation WHERE incarnation = 2") > 0);
}

int test_threads(void)
{
    const struct CMUnitTest tests[] = {IN_LAB(all_at_work)};
    if (lacks_programs("threads"))
        return GROUP_SKIPPED;
    return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
