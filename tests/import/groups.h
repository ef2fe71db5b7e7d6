#ifndef TESTS_IMPORT_GROUPS_H
#define TESTS_IMPORT_GROUPS_H

int test_times(void);
int test_csv(void);
int test_range(void);
int test_profiles(void);

#endif
