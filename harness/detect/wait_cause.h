/* What a goroutine that waits so for ever has leaked by. */
#ifndef LD_DETECT_WAIT_CAUSE_H
#define LD_DETECT_WAIT_CAUSE_H

#include "observe/site.h"
#include "truth/cause.h"

enum ld_cause ld_cause_of_wait(enum ld_wait wait);

#endif
