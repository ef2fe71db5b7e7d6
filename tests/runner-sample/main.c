/* Runs the test groups of sampling. */
#include <signal.h>

#include "runner-sample/fixture.h"

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the program does */
    return test_address() + test_fetch() + test_door() + test_door_fault() + test_proc() + test_sampler() +
               test_gateway() !=
           0;
}
