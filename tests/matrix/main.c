#include "matrix/groups.h"

int main(void)
{
    return test_rules() + test_evaluation() + test_scenes() + test_memory() ? 1 : 0;
}
