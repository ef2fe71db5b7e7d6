#ifndef TEST_TRUTH_GROUPS_H
#define TEST_TRUTH_GROUPS_H

int test_cause(void);
int test_parse(void);
int test_fold(void);
int test_confirm(void);

#endif
