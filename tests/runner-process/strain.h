#ifndef LD_TEST_RUNNER_PROCESS_STRAIN_H
#define LD_TEST_RUNNER_PROCESS_STRAIN_H

/* Runs the group; returns how many tests failed. */
int test_strain(void);

#endif
