#include "groups.h"

int main(void)
{
    return test_lag() + test_writer() + test_agreement() + test_blind_panel() != 0;
}
