#ifndef LD_TEST_REPORTS_GROUPS_H
#define LD_TEST_REPORTS_GROUPS_H

int test_page(void);
int test_observed(void);
int test_summary(void);
int test_standings(void);
int test_compare_report(void);
int test_regressions_report(void);

#endif
