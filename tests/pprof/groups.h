#ifndef TESTS_PPROF_GROUPS_H
#define TESTS_PPROF_GROUPS_H

int test_golden(void);
int test_proto(void);
int test_stacks(void);
int test_groups(void);
int test_trace_line(void);

#endif
