#include "matrix/groups.h"

int main(void)
{
    return test_rules() + test_evaluation() + test_scenes() ? 1 : 0;
}
