#include <stddef.h>

#include "groups.h"

static int (*const groups[])(void) = {test_times, test_csv, test_range, test_profiles};

int main(void)
{
    int failed = 0;
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        failed += groups[i]();
    return failed != 0;
}
