#include "runner-sample/fixture.h"
int test_gateway(void){return 0;}
