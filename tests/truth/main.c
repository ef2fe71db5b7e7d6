#include "truth/groups.h"

int main(void)
{
    return test_cause() + test_parse() + test_fold() + test_confirm();
}
