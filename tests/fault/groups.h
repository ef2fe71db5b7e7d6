#ifndef LD_TESTS_FAULT_GROUPS_H
#define LD_TESTS_FAULT_GROUPS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Each runs one group and returns the number of tests that failed. */
int test_table(void);
int test_decision(void);
int test_link(void);
int test_effect(void);
int test_toxics(void);
int test_meter(void);
int test_receipts(void);
int test_timing(void);
int test_sampling(void);
int test_condition(void);
int test_proxies(void);

#endif
