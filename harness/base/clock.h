/* Time. Always int64_t nanoseconds with the suffix _ns, monotonic unless the name says wall; never a float.
 * Code in harness never asks the system for the time: it is given a time or a struct ld_clock. */
#ifndef LD_BASE_CLOCK_H
#define LD_BASE_CLOCK_H

#include <stdint.h>

#define LD_US ((int64_t)1000)
#define LD_MS ((int64_t)1000000)
#define LD_SECOND ((int64_t)1000000000)
#define LD_MINUTE (60 * LD_SECOND)
#define LD_HOUR (60 * LD_MINUTE)
#define LD_DAY (24 * LD_HOUR)

struct ld_clock {
    int64_t (*now_ns)(void *context);
    void *context;
};

static inline int64_t ld_clock_now(const struct ld_clock *clock)
{
    return clock->now_ns(clock->context);
}

#endif
