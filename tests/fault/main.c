/* Runs the test groups of the room `fault`. */
#include "fault/groups.h"

int main(void)
{
    static int (*const groups[])(void) = {test_table, test_decision, test_link,     test_toxics,   test_timing,
                                          test_meter, test_effect,   test_receipts, test_sampling, test_proxies,
                                          test_condition};
    int failed = 0;
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        failed += groups[i]();
    return failed != 0;
}
