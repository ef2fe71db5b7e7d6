#include "detect/groups.h"

int main(void)
{
    int failed = 0;
#define X(group) failed += test_##group();
    LD_DETECT_TESTS(X)
#undef X
    return failed ? 1 : 0;
}
