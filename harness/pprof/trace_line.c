#include "pprof/trace_line.h"

#include "pprof/scan.h"

#define MS_DIGITS 6 /* decimals of a millisecond down to a nanosecond */
#define S_DIGITS 9
#define TOO_LONG_NS (INT64_MAX / 10)

/* "0.025" in units of 10^digits ns, exactly: no floating point. Decimals below a nanosecond are cut. */
static bool scan_time(struct ld_span *line, int digits, int64_t *ret_ns)
{
    struct ld_span ahead = *line;
    int64_t ns;
    if (!ld_scan_count(&ahead, &ns))
        return false;
    bool decimals = ld_scan_text(&ahead, ".");
    for (int i = 0; i < digits; i++) {
        bool digit = decimals && ahead.at < ahead.end && *ahead.at >= '0' && *ahead.at <= '9';
        if (ns > TOO_LONG_NS)
            return false;
        ns = ns * 10 + (digit ? *ahead.at++ - '0' : 0);
    }
    while (decimals && ahead.at < ahead.end && *ahead.at >= '0' && *ahead.at <= '9')
        ahead.at++;
    *line = ahead;
    *ret_ns = ns;
    return true;
}

/* "12" megabytes: the runtime prints bytes >> 20. */
static bool scan_megabytes(struct ld_span *line, uint64_t *ret_bytes)
{
    uint64_t megabytes;
    if (!ld_scan_decimal(line, &megabytes) || megabytes > UINT64_MAX >> 20)
        return false;
    *ret_bytes = megabytes << 20;
    return true;
}

static bool scan_small(struct ld_span *line, uint32_t *ret_value)
{
    uint64_t value;
    if (!ld_scan_decimal(line, &value) || value > UINT32_MAX)
        return false;
    *ret_value = (uint32_t)value;
    return true;
}

/* "0.050+0.87+0.005 ms clock, 0.10+0/0.5/0+0.01 ms cpu, " */
static bool scan_clocks(struct ld_span *line, struct ld_gctrace *trace)
{
    int64_t cpu_ns;
    if (!scan_time(line, MS_DIGITS, &trace->stw_sweep_ns) || !ld_scan_text(line, "+") ||
        !scan_time(line, MS_DIGITS, &trace->concurrent_ns) || !ld_scan_text(line, "+") ||
        !scan_time(line, MS_DIGITS, &trace->stw_mark_ns) || !ld_scan_text(line, " ms clock, "))
        return false;
    for (int i = 0; i < 5; i++)
        if ((i && !ld_scan_text(line, i == 2 || i == 3 ? "/" : "+")) || !scan_time(line, MS_DIGITS, &cpu_ns))
            return false;
    return ld_scan_text(line, " ms cpu, ");
}

/* "4->4->0 MB, 4 MB goal, 0 MB stacks, 0 MB globals, " */
static bool scan_heap(struct ld_span *line, struct ld_gctrace *trace)
{
    if (!scan_megabytes(line, &trace->heap_start) || !ld_scan_text(line, "->") ||
        !scan_megabytes(line, &trace->heap_end) || !ld_scan_text(line, "->") ||
        !scan_megabytes(line, &trace->heap_live) || !ld_scan_text(line, " MB, ") ||
        !scan_megabytes(line, &trace->goal) || !ld_scan_text(line, " MB goal, "))
        return false;
    struct ld_span ahead = *line;
    if (scan_megabytes(&ahead, &trace->stacks) && ld_scan_text(&ahead, " MB stacks, ")) {
        if (!scan_megabytes(&ahead, &trace->globals) || !ld_scan_text(&ahead, " MB globals, "))
            return false;
        *line = ahead;
    } else {
        trace->stacks = 0; /* before Go 1.18 this was the number of processors */
    }
    return true;
}

bool ld_gctrace_parse(const char *bytes, size_t length, struct ld_gctrace *ret_trace)
{
    struct ld_span line = {bytes, bytes + length};
    struct ld_gctrace trace = {0};
    uint64_t percent;
    if (!ld_scan_text(&line, "gc ") || !ld_scan_decimal(&line, &trace.number) || !ld_scan_text(&line, " @") ||
        !scan_time(&line, S_DIGITS, &trace.at_ns) || !ld_scan_text(&line, "s ") ||
        !ld_scan_decimal(&line, &percent) || percent > 100 || !ld_scan_text(&line, "%"))
        return false;
    trace.cpu_fraction = (double)percent / 100;
    trace.leak_check = ld_scan_text(&line, " (checking for goroutine leaks)");
    if (!ld_scan_text(&line, ": ") || !scan_clocks(&line, &trace) || !scan_heap(&line, &trace) ||
        !scan_small(&line, &trace.processors) || !ld_scan_text(&line, " P"))
        return false;
    trace.forced = ld_scan_text(&line, " (forced)");
    if (line.at != line.end)
        return false;
    *ret_trace = trace;
    return true;
}

bool ld_schedtrace_parse(const char *bytes, size_t length, struct ld_schedtrace *ret_trace)
{
    struct ld_span line = {bytes, bytes + length};
    struct ld_schedtrace trace = {0};
    uint32_t spinning_wanted;
    if (!ld_scan_text(&line, "SCHED ") || !scan_time(&line, MS_DIGITS, &trace.at_ns) ||
        !ld_scan_text(&line, "ms: gomaxprocs=") || !scan_small(&line, &trace.gomaxprocs) ||
        !ld_scan_text(&line, " idleprocs=") || !scan_small(&line, &trace.idle_procs) ||
        !ld_scan_text(&line, " threads=") || !scan_small(&line, &trace.threads) ||
        !ld_scan_text(&line, " spinningthreads=") || !scan_small(&line, &trace.spinning_threads))
        return false;
    if (ld_scan_text(&line, " needspinning=") && !scan_small(&line, &spinning_wanted)) /* from Go 1.20 */
        return false;
    if (!ld_scan_text(&line, " idlethreads=") || !scan_small(&line, &trace.idle_threads) ||
        !ld_scan_text(&line, " runqueue=") || !scan_small(&line, &trace.run_queue))
        return false;
    if (line.at != line.end && *line.at != ' ') /* per-processor queues and ticks follow, or details */
        return false;
    *ret_trace = trace;
    return true;
}
