/* cmocka with what it needs before it, and the groups of this room. */
#ifndef TEST_SCENARIO_GROUPS_H
#define TEST_SCENARIO_GROUPS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

int test_bad(void);
int test_good(void);
int test_explain(void);
int test_sprt(void);
int test_published(void);

#endif
