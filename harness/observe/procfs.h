/* Parsers for /proc/PID files, proc(5): bytes in, values out. Reading the files is runner/sample's business. */
#ifndef LD_OBSERVE_PROCFS_H
#define LD_OBSERVE_PROCFS_H

#include <stddef.h>
#include <stdint.h>

struct ld_proc_stat {
    char state;            /* R S D Z T t X */
    int32_t parent, group, session;
    uint64_t user_ticks, system_ticks; /* in clock ticks */
    int64_t threads;
    uint64_t start_ticks;  /* since boot: with the pid it names a process */
    uint64_t resident_pages;
    uint64_t flags;        /* PF_… of linux/sched.h */
};

/* /proc/PID/stat; the command name may hold spaces and parentheses. 0 or LD_ESYNTAX. */
int ld_proc_stat_parse(const char *bytes, size_t length, struct ld_proc_stat *ret_stat);
/* A "Name:  value kB" line of /proc/PID/status or smaps_rollup in bytes ("VmRSS"); LD_ENOENT, LD_ESYNTAX. */
int ld_proc_field_bytes(const char *bytes, size_t length, const char *name, uint64_t *ret_bytes);

#endif
