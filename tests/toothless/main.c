/* Plays the scenes of the proxy's toxics where none of them has any effect. */
#include "runner-proxy/fixture.h"

int main(void)
{
    return test_toxics() != 0;
}
