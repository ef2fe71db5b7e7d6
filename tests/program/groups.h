/* The test groups of the whole program: one file each, run by main.c. Each returns how many of its tests failed, or
 * GROUP_SKIPPED when none of them could be run. */
#ifndef LD_TEST_PROGRAM_GROUPS_H
#define LD_TEST_PROGRAM_GROUPS_H

#define GROUP_SKIPPED 77 /* what ctest calls skipped, too; no group has so many tests */

int test_command_line(void);
int test_exit_codes(void);
int test_bad_targets(void);
int test_targets(void);
int test_campaign(void);
int test_kill(void);
int test_interrupt(void);
int test_replay(void);
int test_together(void);
int test_determinism(void);
int test_threads(void);
int test_truth(void);
int test_validity(void);
int test_doctor(void);
int test_completion(void);
int test_scaffold(void);
int test_proxy(void);
int test_instrument(void);

#endif
