#include "detect/groups.h"

int main(void)
{
    return test_interface() + test_detectors() + test_calibration() ? 1 : 0;
}
