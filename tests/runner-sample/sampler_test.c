#include "runner-sample/fixture.h"
int test_sampler(void){return 0;}
