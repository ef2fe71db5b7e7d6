#include "groups.h"

int main(void)
{
    return test_writer();
}
