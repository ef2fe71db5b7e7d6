/* Runs the test groups of the room `fault`. */
#include "fault/groups.h"

int main(void)
{
    return test_table() + test_decision() + test_link() + test_effect() + test_sampling() + test_proxies() != 0;
}
