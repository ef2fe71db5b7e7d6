#include "groups.h"

int main(void)
{
    int failed = test_service(); /* first: a guard is forked before there are threads */
    return failed + test_writer();
}
