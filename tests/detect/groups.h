/* The groups of tests of this room; each returns how many failed. */
#ifndef LD_TEST_DETECT_GROUPS_H
#define LD_TEST_DETECT_GROUPS_H

int test_interface(void);
int test_detectors(void);
int test_calibration(void);

#endif
