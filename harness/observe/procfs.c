#include "observe/procfs.h"

#include "base/error.h"
#include "pprof/scan.h"

/* proc(5) numbers the fields from 1; the state, behind the command name, is field 3. */
enum stat_field {
    STAT_PARENT = 4,
    STAT_GROUP = 5,
    STAT_SESSION = 6,
    STAT_FLAGS = 9,
    STAT_USER = 14,
    STAT_SYSTEM = 15,
    STAT_THREADS = 20,
    STAT_START = 22,
    STAT_RESIDENT = 24,
    STAT_FIELDS
};

/* A number with an optional minus, two's complement. */
static bool scan_signed(struct ld_span *text, uint64_t *ret_value)
{
    bool minus = ld_scan_text(text, "-");
    uint64_t value;
    if (!ld_scan_decimal(text, &value) || (minus && value > (uint64_t)INT64_MAX + 1))
        return false;
    *ret_value = minus ? 0 - value : value;
    return true;
}

int ld_proc_stat_parse(const char *bytes, size_t length, struct ld_proc_stat *ret_stat)
{
    struct ld_span text = {bytes, bytes + length};
    uint64_t fields[STAT_FIELDS];
    const char *close = ld_scan_last(text, ')');
    if (!close)
        return LD_ESYNTAX;
    text.at = close + 1;
    if (!ld_scan_text(&text, " ") || text.at == text.end)
        return LD_ESYNTAX;
    char state = *text.at++;
    for (int i = STAT_PARENT; i < STAT_FIELDS; i++)
        if (!ld_scan_text(&text, " ") || !scan_signed(&text, &fields[i]))
            return LD_ESYNTAX;
    /* A number that ends with the bytes may have been cut. */
    if (text.at == text.end)
        return LD_ESYNTAX;
    *ret_stat = (struct ld_proc_stat){
        .state = state,
        .parent = (int32_t)fields[STAT_PARENT],
        .group = (int32_t)fields[STAT_GROUP],
        .session = (int32_t)fields[STAT_SESSION],
        .user_ticks = fields[STAT_USER],
        .system_ticks = fields[STAT_SYSTEM],
        .threads = (int64_t)fields[STAT_THREADS],
        .start_ticks = fields[STAT_START],
        .resident_pages = fields[STAT_RESIDENT],
        .flags = fields[STAT_FLAGS],
    };
    return 0;
}

int ld_proc_field_bytes(const char *bytes, size_t length, const char *name, uint64_t *ret_bytes)
{
    struct ld_span text = {bytes, bytes + length}, line;
    uint64_t kilobytes;
    while (ld_scan_line(&text, &line)) {
        if (!ld_scan_text(&line, name) || !ld_scan_text(&line, ":"))
            continue;
        while (line.at < line.end && (*line.at == ' ' || *line.at == '\t'))
            line.at++;
        if (!ld_scan_decimal(&line, &kilobytes) || !ld_span_is(line, " kB") || kilobytes > UINT64_MAX >> 10)
            return LD_ESYNTAX;
        *ret_bytes = kilobytes << 10;
        return 0;
    }
    return LD_ENOENT;
}
