/* The lab of the test, or of the group of tests, that runs now, and cmocka's functions that open and close it. One at a
 * time: a setup of a file's own begins with open_lab, a teardown ends with close_lab.
 *
 * The macros are for cmocka's table. What they name is run so that a test which fails shows what the last programs were
 * asked and said, and which of their runs do not count and why: enough to explain it in a log. */
#ifndef LD_TEST_PROGRAM_IN_LAB_H
#define LD_TEST_PROGRAM_IN_LAB_H

#include <stdbool.h>

#include "lab.h"

extern struct lab lab;

int open_lab(void **state);
int close_lab(void **state);

/* A test in a lab of its own. */
#define IN_LAB(test) IN_LAB_OF(test, open_lab, close_lab)
/* The same, with setup and teardown of the file's own. */
#define IN_LAB_OF(test, setup, teardown) {#test, run_in_lab, setup, teardown, (void *)(test)}
/* A test in the lab of its group. */
#define IN_GROUP(test) IN_LAB_OF(test, NULL, after_test)
#define IN_GROUP_TEARDOWN(test, teardown) IN_LAB_OF(test, NULL, teardown)

/* Run leakdrill in the lab until there is evidence, see lab_run_until. When it is given up, the test that runs is
 * skipped; in the setup of a group this returns false, and its tests are. */
bool run_until(struct program_result *ret_result, const char *evidence, const char *database,
               const char *const *arguments);
#define RUN_UNTIL(result, evidence, database, ...) \
    run_until(result, evidence, database, (const char *const[]){__VA_ARGS__, NULL})

/* For these macros. `*state`: the test. */
void run_in_lab(void **state);
int after_test(void **state);

/* Are Prometheus, Alertmanager and promtool there, as doctor sees it? */
bool has_prometheus(void);

/* Where the Go programs are not built: says that the group is skipped for it. */
bool lacks_programs(const char *group);
/* End the test that runs, which cannot be made here. */
_Noreturn void skip_for(const char *why);

#endif
