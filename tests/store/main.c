#include "groups.h"

int main(void)
{
    return test_files() + test_replay() + test_rows() + test_crash() + test_hostile();
}
