/* The metric registry: every number that may be observed, with unit and source. One table; the store's registry,
 * the matrix's columns and the documentation come from it.
 *
 * Names follow service_name_operation_type_unit, as Prometheus and the texts' whitelist want them. */
#ifndef LD_OBSERVE_METRIC_H
#define LD_OBSERVE_METRIC_H

#include <stdint.h>

enum ld_metric_source {
    LD_SOURCE_PROC,     /* /proc of the process, read beside the gateway */
    LD_SOURCE_METRICS,  /* the target's own /metrics, Prometheus text format */
    LD_SOURCE_GCTRACE,  /* GODEBUG=gctrace=1 on stderr */
    LD_SOURCE_PROFILE,  /* derived from a profile */
    LD_SOURCE_LOAD,     /* the load generator: what a client of the service sees */
    LD_SOURCE_GATEWAY   /* the read gateway: what looking cost */
};

/*    id, name, unit, source, Prometheus name in the target's /metrics (or NULL), description */
#define LD_METRICS(X)                                                                                                  \
    X(GOROUTINES, "go_sched_goroutines_count", "goroutines", METRICS, "go_goroutines", "goroutines that exist")        \
    X(OS_THREADS, "go_sched_threads_count", "threads", METRICS, "go_threads", "OS threads created by the runtime")     \
    X(HEAP_ALLOC, "go_heap_alloc_bytes", "bytes", METRICS, "go_memstats_heap_alloc_bytes",                             \
      "heap objects, live or not yet swept")                                                                           \
    X(HEAP_INUSE, "go_heap_inuse_bytes", "bytes", METRICS, "go_memstats_heap_inuse_bytes", "heap spans in use")        \
    X(HEAP_OBJECTS, "go_heap_objects_count", "objects", METRICS, "go_memstats_heap_objects", "heap objects")           \
    X(STACK_INUSE, "go_stack_inuse_bytes", "bytes", METRICS, "go_memstats_stack_inuse_bytes", "stack spans in use")    \
    X(NEXT_GC, "go_gc_next_goal_bytes", "bytes", METRICS, "go_memstats_next_gc_bytes", "heap size of the next GC")     \
    X(GC_CYCLES, "go_gc_cycles_total", "cycles", METRICS, "go_gc_duration_seconds_count", "completed GC cycles")       \
    X(GC_PAUSE_SUM, "go_gc_pause_sum_seconds", "seconds", METRICS, "go_gc_duration_seconds_sum",                       \
      "stop-the-world time")                                                                                           \
    X(PAUSE_GC, "go_sched_pause_gc_seconds", "seconds", METRICS, "go_sched_pauses_total_gc_seconds_sum",               \
      "stop-the-world time of collections, an estimate: up to ten times too little with the Go client's own buckets")  \
    X(PAUSE_OTHER, "go_sched_pause_other_seconds", "seconds", METRICS, "go_sched_pauses_total_other_seconds_sum",      \
      "other stop-the-world time, an estimate likewise")                                                               \
    X(ALLOC_BYTES, "go_heap_allocated_total_bytes", "bytes", METRICS, "go_memstats_alloc_bytes_total",                 \
      "bytes ever allocated on the heap")                                                                              \
    X(ALLOC_OBJECTS, "go_heap_allocated_total_objects", "objects", METRICS, "go_memstats_mallocs_total",               \
      "objects ever allocated on the heap")                                                                            \
    X(GC_LIVE, "go_gc_heap_live_bytes", "bytes", GCTRACE, NULL, "heap marked live by the last GC")                     \
    X(GC_START, "go_gc_heap_start_bytes", "bytes", GCTRACE, NULL, "heap size when the last GC started")                \
    X(GC_GOAL, "go_gc_heap_goal_bytes", "bytes", GCTRACE, NULL, "goal of the last GC")                                 \
    X(GC_PAUSE, "go_gc_pause_last_seconds", "seconds", GCTRACE, NULL, "stop-the-world time of the last GC")            \
    X(GC_FORCED, "go_gc_forced_last_bool", "bool", GCTRACE, NULL, "1 when the last GC was forced")                     \
    X(CPU, "process_cpu_time_seconds", "seconds", PROC, NULL, "user and system CPU time since start")                  \
    X(RSS, "process_memory_resident_bytes", "bytes", PROC, NULL, "resident set size")                                  \
    X(DESCRIPTORS, "process_open_descriptors_count", "descriptors", PROC, NULL, "open file descriptors")               \
    X(THREADS, "process_threads_count", "threads", PROC, NULL, "kernel threads")                                       \
    X(SOCKETS, "process_open_sockets_count", "descriptors", PROC, NULL, "open descriptors that are sockets")           \
    X(PROFILE_GOROUTINES, "profile_goroutines_count", "goroutines", PROFILE, NULL, "total of a goroutine profile")     \
    X(PROFILE_LEAKED, "profile_goroutineleak_count", "goroutines", PROFILE, NULL, "total of a goroutineleak profile")  \
    X(PROFILE_HEAP_INUSE, "profile_heap_inuse_bytes", "bytes", PROFILE, NULL, "in-use space of a heap profile")        \
    X(REQUESTS, "service_work_requests_total", "requests", LOAD, NULL, "requests sent so far")                         \
    X(RESPONSES, "service_work_responses_total", "requests", LOAD, NULL, "requests answered with 2xx so far")          \
    X(ERRORS, "service_work_errors_total", "requests", LOAD, NULL, "requests failed, refused or answered otherwise")   \
    X(IN_FLIGHT, "service_work_inflight_count", "requests", LOAD, NULL, "requests waiting for an answer")              \
    X(LATENCY_P50, "service_work_latency_p50_seconds", "seconds", LOAD, NULL, "median latency since the last sample")  \
    X(LATENCY_P99, "service_work_latency_p99_seconds", "seconds", LOAD, NULL, "99th percentile since the last sample") \
    X(READ_BYTES, "gateway_read_body_bytes", "bytes", GATEWAY, NULL, "bytes read from the target so far")              \
    X(READ_TIME, "gateway_read_time_seconds", "seconds", GATEWAY, NULL, "time spent waiting for the target's answers")

enum ld_metric {
#define X(id, ...) LD_METRIC_##id,
    LD_METRICS(X)
#undef X
    LD_METRIC_COUNT
};

struct ld_metric_info {
    const char *name, *unit;
    enum ld_metric_source source;
    const char *prometheus; /* NULL when it does not come from /metrics */
    const char *doc;
};
extern const struct ld_metric_info ld_metric_table[LD_METRIC_COUNT];
/* By registry name; -1 when unknown. */
int ld_metric_find(const char *name);
const char *ld_metric_source_name(enum ld_metric_source source); /* "proc" */

#endif
