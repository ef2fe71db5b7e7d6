#ifndef TESTS_OBSERVE_GROUPS_H
#define TESTS_OBSERVE_GROUPS_H

int test_site(void);
int test_series(void);
int test_tables(void);
int test_prometheus(void);
int test_procfs(void);

#endif
