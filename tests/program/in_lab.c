#include "in_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

struct lab lab;

int open_lab(void **state)
{
    (void)state;
    lab_open(&lab);
    return 0;
}

int close_lab(void **state)
{
    (void)state;
    lab_close(&lab);
    return 0;
}

bool has_prometheus(void)
{
    struct program_result result;
    RUN(&result, "doctor", "--json");
    bool there = strstr(result.out, "\"name\": \"Prometheus\",\n      \"status\": \"ok\"") != NULL;
    program_result_done(&result);
    return there;
}

bool lacks_programs(const char *group)
{
    if (lab_has_programs())
        return false;
    print_message("%s: skipped, the Go programs are not built\n", group);
    return true;
}
