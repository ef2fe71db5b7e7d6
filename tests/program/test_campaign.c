#include "groups.h"
int test_campaign(void){return 0;}
