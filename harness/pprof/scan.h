/* Scanning text without copying it: lines, numbers, and Go's quoted strings. Of harness/pprof and
 * harness/observe.
 *
 * Every function takes [at, end) and moves `at` only when it succeeds; none reads at or beyond `end`. */
#ifndef LD_PPROF_SCAN_H
#define LD_PPROF_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct ld_span {
    const char *at;
    const char *end;
};

static inline size_t ld_span_length(struct ld_span span)
{
    return (size_t)(span.end - span.at);
}

static inline bool ld_span_is(struct ld_span span, const char *text)
{
    size_t n = strlen(text);
    return ld_span_length(span) == n && memcmp(span.at, text, n) == 0;
}

/* Step over `text` when the span begins with it. */
static inline bool ld_scan_text(struct ld_span *span, const char *text)
{
    size_t n = strlen(text);
    if (ld_span_length(*span) < n || memcmp(span->at, text, n) != 0)
        return false;
    span->at += n;
    return true;
}

/* Cut `text` off the span's end. */
static inline bool ld_scan_suffix(struct ld_span *span, const char *text)
{
    size_t n = strlen(text);
    if (ld_span_length(*span) < n || memcmp(span->end - n, text, n) != 0)
        return false;
    span->end -= n;
    return true;
}

/* The next line without its newline. False at the end of the text, and when its last line has no newline. */
static inline bool ld_scan_line(struct ld_span *text, struct ld_span *ret_line)
{
    if (text->at == text->end)
        return false;
    const char *newline = memchr(text->at, '\n', ld_span_length(*text));
    if (!newline)
        return false;
    *ret_line = (struct ld_span){text->at, newline};
    text->at = newline + 1;
    return true;
}

/* Decimal digits, no sign; false without a digit or beyond 64 bits. */
bool ld_scan_decimal(struct ld_span *span, uint64_t *ret_value);
/* The same, at most INT64_MAX. */
bool ld_scan_count(struct ld_span *span, int64_t *ret_value);
/* "0x" and hex digits. */
bool ld_scan_hex(struct ld_span *span, uint64_t *ret_value);
/* A string in double quotes with the escapes of Go's strconv.Quote and of the runtime's printquoted. Its text goes to
 * `out`, which has room for at least as many bytes as the span. */
bool ld_scan_quoted(struct ld_span *span, char *out, size_t *ret_length);
/* The last `byte` of the span, NULL when there is none. */
const char *ld_scan_last(struct ld_span span, char byte);

#endif
