/* The lab of the test, or of the group of tests, that runs now, and cmocka's functions that open and close it. One at a
 * time: a setup of a file's own begins with open_lab. */
#ifndef LD_TEST_PROGRAM_IN_LAB_H
#define LD_TEST_PROGRAM_IN_LAB_H

#include <stdbool.h>

#include "lab.h"

extern struct lab lab;

int open_lab(void **state);
int close_lab(void **state);

/* In cmocka's table: a test in a lab of its own. */
#define IN_LAB(test) cmocka_unit_test_setup_teardown(test, open_lab, close_lab)

/* Are Prometheus, Alertmanager and promtool there, as doctor sees it? */
bool has_prometheus(void);

/* Where the Go programs are not built: says that the group is skipped for it. */
bool lacks_programs(const char *group);

#endif
