#include <stddef.h>

#include "groups.h"

static int (*const groups[])(void) = {test_site, test_series, test_tables, test_prometheus, test_procfs};

int main(void)
{
    int failed = 0;
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        failed += groups[i]();
    return failed != 0;
}
