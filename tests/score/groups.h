#ifndef TEST_SCORE_GROUPS_H
#define TEST_SCORE_GROUPS_H

int test_statistics(void);
int test_survival(void);
int test_episodes(void);
int test_outcomes(void);
int test_judge(void);
int test_calibration(void);
int test_compare(void);
int test_regress(void);
int test_regress_chance(void);
int test_censor(void);
int test_sequential(void);
int test_blind(void);
int test_cost(void);
int test_standings(void);

#endif
