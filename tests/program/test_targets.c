#include "groups.h"
int test_targets(void){return 0;}
