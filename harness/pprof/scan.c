#include "pprof/scan.h"

bool ld_scan_decimal(struct ld_span *span, uint64_t *ret_value)
{
    const char *at = span->at;
    uint64_t value = 0;
    for (; at < span->end && *at >= '0' && *at <= '9'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    if (at == span->at)
        return false;
    span->at = at;
    *ret_value = value;
    return true;
}

bool ld_scan_count(struct ld_span *span, int64_t *ret_value)
{
    struct ld_span ahead = *span;
    uint64_t value;
    if (!ld_scan_decimal(&ahead, &value) || value > INT64_MAX)
        return false;
    *span = ahead;
    *ret_value = (int64_t)value;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool ld_scan_hex(struct ld_span *span, uint64_t *ret_value)
{
    struct ld_span ahead = *span;
    uint64_t value = 0;
    if (!ld_scan_text(&ahead, "0x"))
        return false;
    const char *first = ahead.at;
    for (int digit; ahead.at < ahead.end && (digit = hex_digit(*ahead.at)) >= 0; ahead.at++) {
        if (value >> 60)
            return false;
        value = value << 4 | (uint64_t)digit;
    }
    if (ahead.at == first)
        return false;
    *span = ahead;
    *ret_value = value;
    return true;
}

const char *ld_scan_last(struct ld_span span, char byte)
{
    return ld_span_length(span) ? memrchr(span.at, byte, ld_span_length(span)) : NULL;
}

static size_t put_utf8(uint32_t rune, char *out)
{
    if (rune < 0x80) {
        out[0] = (char)rune;
        return 1;
    }
    if (rune < 0x800) {
        out[0] = (char)(0xc0 | rune >> 6);
        out[1] = (char)(0x80 | (rune & 0x3f));
        return 2;
    }
    if (rune < 0x10000) {
        out[0] = (char)(0xe0 | rune >> 12);
        out[1] = (char)(0x80 | (rune >> 6 & 0x3f));
        out[2] = (char)(0x80 | (rune & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | rune >> 18);
    out[1] = (char)(0x80 | (rune >> 12 & 0x3f));
    out[2] = (char)(0x80 | (rune >> 6 & 0x3f));
    out[3] = (char)(0x80 | (rune & 0x3f));
    return 4;
}

/* What follows a backslash. `digits` hex digits make a byte (2) or a rune (4, 8). */
static const struct {
    char letter;
    char byte;
    int digits;
} escapes[] = {
    {'a', '\a', 0}, {'b', '\b', 0}, {'f', '\f', 0},  {'n', '\n', 0}, {'r', '\r', 0}, {'t', '\t', 0},
    {'v', '\v', 0}, {'"', '"', 0},  {'\\', '\\', 0}, {'x', 0, 2},    {'u', 0, 4},    {'U', 0, 8},
};

/* An escape is never shorter than the text it stands for: \xNN 1 byte, \uNNNN at most 3, \UNNNNNNNN at most 4. */
static bool scan_escape(struct ld_span *span, char *out, size_t *length)
{
    size_t row = 0, rows = sizeof escapes / sizeof escapes[0];
    if (span->at == span->end)
        return false;
    while (row < rows && escapes[row].letter != *span->at)
        row++;
    span->at++;
    if (row == rows)
        return false;
    if (escapes[row].digits == 0) {
        out[(*length)++] = escapes[row].byte;
        return true;
    }
    uint32_t value = 0;
    for (int i = 0; i < escapes[row].digits; i++, span->at++) {
        int digit = span->at < span->end ? hex_digit(*span->at) : -1;
        if (digit < 0)
            return false;
        value = value << 4 | (uint32_t)digit;
    }
    if (value > 0x10ffff)
        return false;
    if (escapes[row].digits == 2)
        out[(*length)++] = (char)value;
    else
        *length += put_utf8(value, out + *length);
    return true;
}

bool ld_scan_quoted(struct ld_span *span, char *out, size_t *ret_length)
{
    struct ld_span ahead = *span;
    size_t length = 0;
    if (!ld_scan_text(&ahead, "\""))
        return false;
    while (ahead.at < ahead.end && *ahead.at != '"') {
        char c = *ahead.at++;
        if (c != '\\')
            out[length++] = c;
        else if (!scan_escape(&ahead, out, &length))
            return false;
    }
    if (!ld_scan_text(&ahead, "\""))
        return false;
    *span = ahead;
    *ret_length = length;
    return true;
}
