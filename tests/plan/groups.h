/* cmocka with what it needs before it, and the groups of this room. */
#ifndef TEST_PLAN_GROUPS_H
#define TEST_PLAN_GROUPS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plan/plan.h"

int test_make(void);
int test_select(void);
int test_text(void);
int test_json(void);
int test_arms(void);
int test_sequential(void);

/* A scenario from text; the test fails when it is refused. */
struct ld_scenario *test_scenario(const char *text);
/* A plan of one scenario; the test fails when there is none. */
struct ld_plan *test_plan(const struct ld_scenario *scenario, const struct ld_plan_setting *setting);

#endif
