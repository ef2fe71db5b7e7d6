#include "sample.h"

static int (*const groups[])(void) = {test_document, test_schema, test_explain, test_memory, test_values};

int main(void)
{
    int failed = 0;
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        failed += groups[i]();
    return failed != 0;
}
