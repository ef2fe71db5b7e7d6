#ifndef LD_TEST_RUNNER_PROCESS_CLAIM_H
#define LD_TEST_RUNNER_PROCESS_CLAIM_H

/* Runs the group; returns how many tests failed. */
int test_claim(void);

#endif
