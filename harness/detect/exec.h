/* What a scenario says of a detector that is a program of its own. The runner (runner/detect) starts it and speaks with
 * it; this room only knows how it is declared. */
#ifndef LD_DETECT_EXEC_H
#define LD_DETECT_EXEC_H

#include "detect/detector.h"

/* What it asks to have read, as `profiles` lists them. */
enum ld_exec_profile {
    LD_EXEC_GOROUTINE,
    LD_EXEC_GOROUTINE_FULL,
    LD_EXEC_GOROUTINELEAK,
    LD_EXEC_HEAP,
    LD_EXEC_PROFILES
};
extern const char *const ld_exec_profile_names[LD_EXEC_PROFILES + 1]; /* ends with NULL */

struct ld_exec_options {
    struct ld_list command;     /* const char *, at least one */
    struct ld_list profiles;    /* int, enum ld_exec_profile */
    int64_t timeout_ns;         /* of one answer */
    int64_t window_ns;          /* what it needs before it can speak; 0: nothing */
    struct ld_map options;      /* const char *: handed to it as they are */
    struct ld_list environment; /* const char *, "NAME=value" */
    bool gateway;               /* it reads the target itself: then no replay */
    uint64_t memory_bytes;
    int64_t cpu_ns;
};

bool ld_exec_wants(const struct ld_exec_options *options, enum ld_exec_profile profile);

#endif
