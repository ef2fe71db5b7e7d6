#ifndef TEST_RUNNER_RUN_GROUPS_H
#define TEST_RUNNER_RUN_GROUPS_H

int test_service(void);
int test_lag(void);
int test_writer(void);
int test_agreement(void);
int test_blind_panel(void);
int test_baseline_file(void);
int test_own(void);

#endif
