/* Lines the Go runtime prints on stderr: GODEBUG=gctrace=1 (runtime/mgc.go) and schedtrace (runtime/proc.go). */
#ifndef LD_PPROF_TRACE_LINE_H
#define LD_PPROF_TRACE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ld_gctrace {
    uint64_t number;              /* "gc 12" */
    int64_t at_ns;                /* since program start */
    double cpu_fraction;          /* 0..1 */
    int64_t stw_sweep_ns, concurrent_ns, stw_mark_ns; /* the clock triple */
    uint64_t heap_start, heap_end, heap_live, goal;   /* bytes (printed in MB) */
    uint64_t stacks, globals;     /* bytes, 0 when not printed (before 1.18) */
    uint32_t processors;
    bool forced, leak_check;      /* "(forced)", "(checking for goroutine leaks)" */
};

struct ld_schedtrace {
    int64_t at_ns;
    uint32_t gomaxprocs, idle_procs, threads, spinning_threads, idle_threads, run_queue;
};

/* One line without its newline. False when it is no such line or malformed. */
bool ld_gctrace_parse(const char *line, size_t length, struct ld_gctrace *ret_trace);
bool ld_schedtrace_parse(const char *line, size_t length, struct ld_schedtrace *ret_trace);

#endif
