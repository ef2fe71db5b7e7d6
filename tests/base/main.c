#include "groups.h"

static int (*const groups[])(void) = {test_error, test_buffer, test_arena, test_random, test_hash, test_text};

int main(void)
{
    int failed = 0;
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        failed += groups[i]();
    return failed != 0;
}
