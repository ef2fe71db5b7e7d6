#ifndef TESTS_BLIND_GROUPS_H
#define TESTS_BLIND_GROUPS_H

int test_names(void);
int test_lines(void);
int test_bodies(void);
int test_module(void);

#endif
