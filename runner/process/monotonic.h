/* CLOCK_MONOTONIC where there is no loop whose time could be asked: in the guard, the shims and the writer's thread. */
#ifndef LD_PROCESS_MONOTONIC_H
#define LD_PROCESS_MONOTONIC_H

#include <stdint.h>
#include <time.h>

static inline int64_t ld_monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#endif
