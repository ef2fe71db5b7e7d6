#ifndef TEST_STORE_GROUPS_H
#define TEST_STORE_GROUPS_H

int test_files(void);
int test_replay(void);
int test_rows(void);
int test_crash(void);
int test_hostile(void);

#endif
