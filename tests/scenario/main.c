#include "groups.h"

int main(void)
{
    int failed = test_bad();
    failed += test_good();
    failed += test_explain();
    failed += test_sprt();
    failed += test_published();
    return failed != 0;
}
