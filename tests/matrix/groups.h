/* The groups of tests of this room; each returns how many failed. */
#ifndef LD_TEST_MATRIX_GROUPS_H
#define LD_TEST_MATRIX_GROUPS_H

int test_rules(void);
int test_evaluation(void);
int test_scenes(void);
int test_memory(void);

#endif
