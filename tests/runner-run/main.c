#include "groups.h"

int main(void)
{
    int failed = test_lag() + test_writer() + test_agreement() + test_blind_panel() + test_baseline_file() + test_own();
    return failed != 0;
}
