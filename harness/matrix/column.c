#include "matrix/column.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

#define SITE(name, unit, series, fact, doc) \
    {name, LD_LEVEL_SITE, LD_COLUMN_##unit, LD_SERIES_##series, LD_FACT_##fact, 0, 0, false, doc}
#define METRIC(name, unit, fact, metric, doc) \
    {name, LD_LEVEL_INSTANCE, LD_COLUMN_##unit, LD_SERIES_METRIC, LD_FACT_##fact, LD_METRIC_##metric, 0, false, doc}
#define PART(name, metric, whole, doc)                                                                              \
    {name, LD_LEVEL_INSTANCE, LD_COLUMN_SHARE, LD_SERIES_METRIC, LD_FACT_PART, LD_METRIC_##metric, LD_METRIC_##whole, \
     false, doc}
#define SANITIZER(name, unit, fact, doc) \
    {name, LD_LEVEL_INSTANCE, LD_COLUMN_##unit, LD_SERIES_SANITIZER, LD_FACT_##fact, 0, 0, false, doc}
#define LATER(name, doc) {name, LD_LEVEL_INSTANCE, LD_COLUMN_COUNT, LD_SERIES_NONE, LD_FACT_LAST, 0, 0, true, doc}

static const struct ld_column columns[] = {
    SITE("site", NAME, NONE, NAME, "the site's function; only Go's own and listed libraries may be named"),
    SITE("site_kind", NAME, NONE, KIND,
         "whose code the site is: go (the standard library), library (listed under "
         "`libraries`) or user"),
    SITE("wait", NAME, NONE, WAIT, "what the site's goroutines wait for, the canonical class"),
    SITE("site_count", COUNT, SITE, LAST, "goroutines at the site in its wait"),
    SITE("site_growth", COUNT, SITE, GROWTH, "how many more they are than at the window's start"),
    SITE("site_slope", PER_SECOND, SITE, SLOPE, "slope of their number, least squares"),
    SITE("site_rising", SHARE, SITE, RISING, "profiles of the window that show more of them than the one before"),
    SITE("site_falling", SHARE, SITE, FALLING, "profiles of the window that show fewer than the one before"),
    SITE("site_persistence", SHARE, SITE, PERSISTENCE,
         "quarters of the window that gained at least an eighth of its whole growth: 100% is growth that never paused, "
         "a burst or a ramp to a plateau fills one to three; holds nothing while a quarter was not looked at"),
    SITE("site_share", SHARE, SITE_SHARE, LAST, "share of all goroutines of the profile"),
    SITE("site_leaked", COUNT, NONE, LEAKED,
         "goroutines at the site in the last leak profile, any wait; holds nothing "
         "while no leak profile was read"),
    METRIC("goroutines", COUNT, LAST, GOROUTINES, "goroutines that exist"),
    METRIC("goroutines_growth", COUNT, GROWTH, GOROUTINES, "growth of the goroutine count"),
    METRIC("goroutines_slope", PER_SECOND, SLOPE, GOROUTINES, "slope of the goroutine count"),
    METRIC("goroutines_persistence", SHARE, PERSISTENCE, GOROUTINES,
           "quarters in which the count grew, as for site_persistence"),
    {"persistconn_share", LD_LEVEL_INSTANCE, LD_COLUMN_SHARE, LD_SERIES_CONNECTIONS, LD_FACT_LAST, 0, 0, false,
     "share of goroutines that serve a connection of an HTTP client (readLoop and writeLoop)"},
    METRIC("heap_inuse", BYTES, LAST, HEAP_INUSE, "heap spans in use"),
    METRIC("heap_inuse_growth", BYTES, GROWTH, HEAP_INUSE, "growth of the heap in use"),
    METRIC("heap_inuse_slope", BYTES_PER_SECOND, SLOPE, HEAP_INUSE, "slope of the heap in use"),
    METRIC("heap_inuse_persistence", SHARE, PERSISTENCE, HEAP_INUSE,
           "quarters in which the heap in use grew, as for site_persistence"),
    METRIC("heap_inuse_floor_growth", BYTES, FLOOR_GROWTH, HEAP_INUSE,
           "growth of its floor, from the least of the window's first quarter to the least of its last: what comes and "
           "goes between two collections does not lift it; holds nothing while a quarter was not looked at"),
    METRIC("heap_inuse_floor_persistence", SHARE, FLOOR_PERSISTENCE, HEAP_INUSE,
           "of the three steps from quarter to quarter, those whose floor gained at least an eighth of its growth"),
    METRIC("heap_objects_growth", COUNT, GROWTH, HEAP_OBJECTS, "growth of the number of heap objects"),
    METRIC("gc_cycles", COUNT, GROWTH, GC_CYCLES, "collections completed in the window"),
    METRIC("gc_rate", PER_SECOND, RATE, GC_CYCLES, "collections per second"),
    METRIC("gc_live", BYTES, LAST, GC_LIVE, "heap marked live by the last collection"),
    METRIC("gc_live_growth", BYTES, GROWTH, GC_LIVE, "growth of the live heap, collection to collection"),
    METRIC("descriptors", COUNT, LAST, DESCRIPTORS, "open file descriptors"),
    METRIC("descriptors_growth", COUNT, GROWTH, DESCRIPTORS, "growth of the open descriptors"),
    METRIC("descriptors_slope", PER_SECOND, SLOPE, DESCRIPTORS, "slope of the open descriptors"),
    METRIC("sockets_growth", COUNT, GROWTH, SOCKETS, "growth of the open descriptors that are sockets"),
    METRIC("resident", BYTES, LAST, RSS, "resident memory"),
    METRIC("resident_growth", BYTES, GROWTH, RSS, "growth of the resident memory"),
    METRIC("resident_floor_growth", BYTES, FLOOR_GROWTH, RSS, "growth of its floor, as for heap_inuse_floor_growth"),
    METRIC("resident_floor_persistence", SHARE, FLOOR_PERSISTENCE, RSS, "steps of its floor, quarter to quarter"),
    METRIC("threads", COUNT, LAST, THREADS, "kernel threads"),
    METRIC("cpu_share", SHARE, RATE, CPU, "CPU time per second, 100% is one core"),
    METRIC("requests_rate", PER_SECOND, RATE, REQUESTS, "requests sent per second"),
    METRIC("in_flight", COUNT, LAST, IN_FLIGHT, "requests that wait for an answer"),
    PART("errors_share", ERRORS, REQUESTS, "requests of the window that failed"),
    METRIC("latency_p50", SECONDS, LAST, LATENCY_P50, "median latency of the service"),
    METRIC("latency_p99", SECONDS, LAST, LATENCY_P99, "99th percentile of the latency"),
    SANITIZER("sanitizer_report", NAME, REPORT,
              "what AddressSanitizer's last report on stderr is about, such as heap-use-after-free; quoted with its "
              "first line and the function of its innermost frame that is the program's, which is the alert's site"),
    SANITIZER("sanitizer_reports", COUNT, REPORTS, "reports of AddressSanitizer on stderr so far"),
    SANITIZER("sanitizer_frames", COUNT, FRAMES,
              "frames of the last report's first stack, as far as it is written; the row is judged at the program's "
              "first"),
    LATER("gc_pause_p99", "quantile of the collector's pauses"),
    LATER("gc_live_share", "live heap / heap at the start of the collection, the X and Y of gctrace"),
    LATER("survival", "goroutines of the site that outlive forced collections"),
    LATER("mutex_time", "time lost on locks, mutex profile"),
    LATER("block_time", "time blocked, block profile"),
    LATER("fan_out", "goroutines that one creator started"),
    LATER("depth", "frames of the deepest stack"),
    LATER("repeated_labels", "goroutines that share one set of labels"),
    LATER("health", "0.4 SLI + 0.3 latency penalty + 0.3 dependency risk"),
};
#define COLUMN_COUNT (sizeof columns / sizeof columns[0])

const struct ld_column *ld_column_find(const char *name)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        if (strcmp(columns[i].name, name) == 0)
            return &columns[i];
    return NULL;
}

const struct ld_column *ld_column_at(unsigned index)
{
    return index < COLUMN_COUNT ? &columns[index] : NULL;
}

const char *const *ld_column_names(void)
{
    static const char *names[COLUMN_COUNT + 1];
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        names[i] = columns[i].name;
    return names;
}

bool ld_column_may_have_window(const struct ld_column *column)
{
    return column->fact >= LD_FACT_LAST && column->series != LD_SERIES_SITE_SHARE;
}

bool ld_column_needs_window(const struct ld_column *column)
{
    return ld_column_may_have_window(column) && column->fact != LD_FACT_LAST;
}

const char *ld_column_unit_text(enum ld_column_unit unit)
{
    static const char *const texts[] = {
        [LD_COLUMN_COUNT] = "a number such as 12",
        [LD_COLUMN_SHARE] = "a share such as 60%",
        [LD_COLUMN_BYTES] = "a size such as 64MiB",
        [LD_COLUMN_SECONDS] = "a duration such as 200ms",
        [LD_COLUMN_PER_SECOND] = "a rate such as 10/s",
        [LD_COLUMN_BYTES_PER_SECOND] = "a size per second such as 1MiB/s",
        [LD_COLUMN_NAME] = "is or is_not with names",
    };
    return texts[unit];
}

static int parse_bytes(const char *text, double *ret_value, const char **ret_expected)
{
    uint64_t bytes;
    int code = ld_parse_size(text, &bytes, ret_expected);
    if (!code)
        *ret_value = (double)bytes;
    return code;
}

static int parse_seconds(const char *text, double *ret_value, const char **ret_expected)
{
    int64_t ns;
    int code = ld_parse_duration(text, &ns, ret_expected);
    if (!code)
        *ret_value = (double)ns / 1e9;
    return code;
}

static int parse_bytes_per_second(const char *text, double *ret_value, const char **ret_expected)
{
    char size[64];
    size_t length = strlen(text);
    if (length < 3 || length >= sizeof size || strcmp(text + length - 2, "/s") != 0)
        return LD_ESPEC;
    memcpy(size, text, length - 2);
    size[length - 2] = '\0';
    return parse_bytes(size, ret_value, ret_expected);
}

int ld_column_parse(enum ld_column_unit unit, const char *text, double *ret_value, const char **ret_expected)
{
    static int (*const parsers[])(const char *, double *, const char **) = {
        [LD_COLUMN_COUNT] = ld_parse_number,
        [LD_COLUMN_SHARE] = ld_parse_percent,
        [LD_COLUMN_BYTES] = parse_bytes,
        [LD_COLUMN_SECONDS] = parse_seconds,
        [LD_COLUMN_PER_SECOND] = ld_parse_rate,
        [LD_COLUMN_BYTES_PER_SECOND] = parse_bytes_per_second,
        [LD_COLUMN_NAME] = NULL,
    };
    const char *ignored;
    double value = 0;
    int code = parsers[unit] ? parsers[unit](text, &value, &ignored) : LD_ESPEC;
    if (code) {
        *ret_expected = ld_column_unit_text(unit);
        return LD_ESPEC;
    }
    *ret_value = value;
    return 0;
}

static int print_bytes(double value, const char *suffix, struct ld_buffer *out)
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    unsigned step = 0;
    while (fabs(value) >= 1024 && step < 4) {
        value /= 1024;
        step++;
    }
    return ld_buffer_printf(out, "%.3g%s%s", value, names[step], suffix);
}

int ld_column_print(enum ld_column_unit unit, double value, struct ld_buffer *out)
{
    switch (unit) {
    case LD_COLUMN_SHARE:
        return ld_buffer_printf(out, "%.4g%%", value * 100);
    case LD_COLUMN_BYTES:
        return print_bytes(value, "", out);
    case LD_COLUMN_BYTES_PER_SECOND:
        return print_bytes(value, "/s", out);
    case LD_COLUMN_SECONDS:
        return value < 1 ? ld_buffer_printf(out, "%.4gms", value * 1e3) : ld_buffer_printf(out, "%.4gs", value);
    case LD_COLUMN_PER_SECOND:
        return ld_buffer_printf(out, "%.4g/s", value);
    default:
        return ld_buffer_printf(out, "%.10g", value);
    }
}

const char *const ld_metric_facts[] = {"last", "growth", "slope", "rate", "persistence", NULL};

static enum ld_column_unit unit_of_metric(enum ld_metric metric, bool per_second)
{
    const char *unit = ld_metric_table[metric].unit;
    if (strcmp(unit, "bytes") == 0)
        return per_second ? LD_COLUMN_BYTES_PER_SECOND : LD_COLUMN_BYTES;
    if (per_second)
        return LD_COLUMN_PER_SECOND;
    return strcmp(unit, "seconds") == 0 ? LD_COLUMN_SECONDS : LD_COLUMN_COUNT;
}

struct ld_column ld_column_of_metric(enum ld_metric metric, int fact)
{
    static const enum ld_column_fact facts[] = {LD_FACT_LAST, LD_FACT_GROWTH, LD_FACT_SLOPE, LD_FACT_RATE,
                                                LD_FACT_PERSISTENCE};
    bool per_second = facts[fact] == LD_FACT_SLOPE || facts[fact] == LD_FACT_RATE;
    return (struct ld_column){
        .name = ld_metric_table[metric].name,
        .level = LD_LEVEL_INSTANCE,
        .unit = facts[fact] == LD_FACT_PERSISTENCE ? LD_COLUMN_SHARE : unit_of_metric(metric, per_second),
        .series = LD_SERIES_METRIC,
        .fact = facts[fact],
        .metric = metric,
        .doc = ld_metric_table[metric].doc,
    };
}
