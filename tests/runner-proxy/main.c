/* Runs the test groups of the proxy. */
#include "runner-proxy/fixture.h"

int main(void)
{
    return test_passing() + test_faults() + test_toxics() + test_lifetime() != 0;
}
