/* The test groups of runner/detect: one file each. */
#ifndef LD_TEST_RUNNER_DETECT_GROUPS_H
#define LD_TEST_RUNNER_DETECT_GROUPS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

int test_answers(void);
int test_questions(void);
int test_page(void);
int test_schema(void);
int test_behind(void);
int test_webhook(void);
int test_webhook_server(void);
int test_prometheus_config(void);
int test_rules(void);
int test_routes(void);
int test_watched(void);
int test_findings(void);

#endif
