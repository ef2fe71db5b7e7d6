#include "groups.h"

int main(void)
{
    return test_lag() + test_writer() + test_agreement() != 0;
}
