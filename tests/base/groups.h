/* The test groups of harness/base: one file each. */
#ifndef LD_TEST_BASE_GROUPS_H
#define LD_TEST_BASE_GROUPS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

int test_error(void);
int test_buffer(void);
int test_arena(void);
int test_random(void);
int test_hash(void);
int test_text(void);

#endif
