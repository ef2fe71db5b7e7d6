#include "base/text.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"

#define DIGITS_MAX 18 /* 10^18 fits int64_t and uint64_t */
#define DURATION_MAX_NS (366 * LD_DAY)
#define NEAREST_LENGTH_MAX 63

static const char *const expected_duration = "a duration with its unit, such as 250ms (ns, us, ms, s, m, h, d)";
static const char *const expected_size = "a size with its unit, such as 512MiB (B, KB, MB, GB, KiB, MiB, GiB)";
static const char *const expected_rate = "a rate with its unit, such as 40/s (/s, /m, /h)";
static const char *const expected_bandwidth = "a size for each second, such as 100KiB/s";
static const char *const expected_percent = "a percentage from 0% to 100%, such as 99.2%";
static const char *const expected_number = "a number such as 0.5 or 12";
static const char *const expected_integer = "a whole number such as 12";

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit duration_units[] = { /* from large to small: the order in which parts may follow */
    {"d", (uint64_t)LD_DAY}, {"h", (uint64_t)LD_HOUR}, {"m", (uint64_t)LD_MINUTE}, {"s", (uint64_t)LD_SECOND},
    {"ms", (uint64_t)LD_MS}, {"us", (uint64_t)LD_US},  {"ns", 1},                  {NULL, 0},
};

static const struct unit size_units[] = {
    {"GiB", (uint64_t)1 << 30}, {"MiB", (uint64_t)1 << 20}, {"KiB", (uint64_t)1 << 10}, {"GB", 1000000000},
    {"MB", 1000000},            {"KB", 1000},               {"B", 1},                   {NULL, 0},
};

static const struct unit rate_units[] = {{"/s", 1}, {"/m", 60}, {"/h", 3600}, {NULL, 0}};

/* A decimal number, exactly: mantissa / 10^scale. */
struct decimal {
    uint64_t mantissa;
    unsigned scale;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static uint64_t power_of_ten(unsigned exponent)
{
    uint64_t power = 1;
    while (exponent--)
        power *= 10;
    return power;
}

/* Digits, or digits.digits. Returns the first character behind, NULL when there is no such number or it is longer than
 * DIGITS_MAX. */
static const char *read_decimal(const char *text, struct decimal *ret_decimal)
{
    struct decimal decimal = {0};
    unsigned digits = 0;
    bool fraction = false;
    const char *p = text;
    for (; is_digit(*p) || (*p == '.' && !fraction); p++) {
        if (*p == '.') {
            if (p == text || !is_digit(p[1]))
                return NULL;
            fraction = true;
            continue;
        }
        if (++digits > DIGITS_MAX)
            return NULL;
        decimal.mantissa = decimal.mantissa * 10 + (uint64_t)(*p - '0');
        decimal.scale += fraction;
    }
    if (p == text)
        return NULL;
    *ret_decimal = decimal;
    return p;
}

static double decimal_value(struct decimal decimal)
{
    return (double)decimal.mantissa / (double)power_of_ten(decimal.scale);
}

/* decimal * factor as a whole number: LD_ESPEC when it is none, LD_ELIMIT when it does not fit. */
static int decimal_times(struct decimal decimal, uint64_t factor, uint64_t *ret_product)
{
    unsigned __int128 product = (unsigned __int128)decimal.mantissa * factor;
    uint64_t divisor = power_of_ten(decimal.scale);
    if (product % divisor != 0)
        return LD_ESPEC;
    product /= divisor;
    if (product > UINT64_MAX)
        return LD_ELIMIT;
    *ret_product = (uint64_t)product;
    return 0;
}

/* The unit at the start of `text`: all characters up to the next digit or the end. */
static const struct unit *read_unit(const struct unit *units, const char *text, const char **ret_end)
{
    size_t length = 0;
    while (text[length] && !is_digit(text[length]))
        length++;
    for (const struct unit *unit = units; unit->name; unit++) {
        if (strlen(unit->name) == length && memcmp(unit->name, text, length) == 0) {
            *ret_end = text + length;
            return unit;
        }
    }
    return NULL;
}

int ld_parse_duration(const char *text, int64_t *ret_ns, const char **ret_expected)
{
    *ret_expected = expected_duration;
    uint64_t total = 0;
    const struct unit *units = duration_units;
    const char *p = text;
    do {
        struct decimal decimal;
        p = read_decimal(p, &decimal);
        const struct unit *unit = p ? read_unit(units, p, &p) : NULL;
        if (!unit)
            return LD_ESPEC;
        uint64_t part;
        int code = decimal_times(decimal, unit->factor, &part);
        if (code)
            return code;
        if (part > (uint64_t)DURATION_MAX_NS - total)
            return LD_ELIMIT;
        total += part;
        units = unit + 1;
    } while (*p);
    *ret_ns = (int64_t)total;
    return 0;
}

int ld_parse_size(const char *text, uint64_t *ret_bytes, const char **ret_expected)
{
    *ret_expected = expected_size;
    struct decimal decimal;
    const char *p = read_decimal(text, &decimal);
    const struct unit *unit = p ? read_unit(size_units, p, &p) : NULL;
    if (!unit || *p)
        return LD_ESPEC;
    return decimal_times(decimal, unit->factor, ret_bytes);
}

int ld_parse_rate(const char *text, double *ret_per_second, const char **ret_expected)
{
    *ret_expected = expected_rate;
    struct decimal decimal;
    const char *p = read_decimal(text, &decimal);
    const struct unit *unit = p ? read_unit(rate_units, p, &p) : NULL;
    if (!unit || *p)
        return LD_ESPEC;
    *ret_per_second = decimal_value(decimal) / (double)unit->factor;
    return 0;
}

int ld_parse_bandwidth(const char *text, uint64_t *ret_per_second, const char **ret_expected)
{
    static const char each_second[] = "/s";
    char size[2 * DIGITS_MAX];
    const char *unused;
    size_t length = strlen(text), tail = sizeof each_second - 1;
    int code = LD_ESPEC;
    if (length > tail && length - tail < sizeof size && strcmp(text + length - tail, each_second) == 0) {
        memcpy(size, text, length - tail);
        size[length - tail] = '\0';
        code = ld_parse_size(size, ret_per_second, &unused);
    }
    *ret_expected = expected_bandwidth;
    return code;
}

int ld_parse_percent(const char *text, double *ret_fraction, const char **ret_expected)
{
    *ret_expected = expected_percent;
    struct decimal decimal;
    const char *p = read_decimal(text, &decimal);
    if (!p || strcmp(p, "%") != 0 || decimal_value(decimal) > 100)
        return LD_ESPEC;
    /* One division of two whole numbers, so that 99.2% is the same double as 0.992. */
    *ret_fraction = (double)decimal.mantissa / ((double)power_of_ten(decimal.scale) * 100);
    return 0;
}

int ld_parse_number(const char *text, double *ret_value, const char **ret_expected)
{
    *ret_expected = expected_number;
    struct decimal decimal;
    const char *p = read_decimal(text, &decimal);
    if (!p || *p)
        return LD_ESPEC;
    *ret_value = decimal_value(decimal);
    return 0;
}

int ld_parse_integer(const char *text, int64_t *ret_value, const char **ret_expected)
{
    *ret_expected = expected_integer;
    bool negative = *text == '-';
    uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    uint64_t value = 0;
    const char *p = text + negative;
    if (!is_digit(*p))
        return LD_ESPEC;
    for (; is_digit(*p); p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (value > (limit - digit) / 10)
            return LD_ELIMIT;
        value = value * 10 + digit;
    }
    if (*p)
        return LD_ESPEC;
    *ret_value = negative ? (int64_t)(0 - value) : (int64_t)value;
    return 0;
}

/* Append to a fixed buffer; what does not fit is cut off. */
static void append(char *buffer, size_t size, const char *text)
{
    size_t used = strlen(buffer);
    if (used < size)
        snprintf(buffer + used, size - used, "%s", text);
}

/* value / factor as a decimal without trailing zeros, and the unit. `factor` is a power of ten up to 10^9. */
static void append_decimal(char *buffer, size_t size, uint64_t value, const struct unit *unit)
{
    char part[48];
    unsigned places = 0;
    for (uint64_t power = 1; power < unit->factor; power *= 10)
        places++;
    uint64_t fraction = value % unit->factor;
    while (places && fraction % 10 == 0) {
        fraction /= 10;
        places--;
    }
    if (places)
        snprintf(part, sizeof part, "%llu.%0*llu%s", (unsigned long long)(value / unit->factor), (int)places,
                 (unsigned long long)fraction, unit->name);
    else
        snprintf(part, sizeof part, "%llu%s", (unsigned long long)(value / unit->factor), unit->name);
    append(buffer, size, part);
}

const char *ld_format_duration(int64_t ns, char *buffer, size_t size)
{
    if (size == 0)
        return buffer;
    buffer[0] = '\0';
    if (ns < 0)
        append(buffer, size, "-");
    uint64_t left = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    if (left == 0)
        append(buffer, size, "0s");
    for (const struct unit *unit = duration_units; left && unit->name; unit++) {
        if (left < unit->factor)
            continue;
        if (unit->factor <= (uint64_t)LD_SECOND) {
            append_decimal(buffer, size, left, unit);
            break;
        }
        char part[32];
        snprintf(part, sizeof part, "%llu%s", (unsigned long long)(left / unit->factor), unit->name);
        append(buffer, size, part);
        left %= unit->factor;
    }
    return buffer;
}

/* The step to which a duration is rounded for people: three digits below a minute, then seconds, minutes, hours. */
static uint64_t short_step(uint64_t ns)
{
    if (ns >= (uint64_t)LD_DAY)
        return (uint64_t)LD_HOUR;
    if (ns >= (uint64_t)LD_HOUR)
        return (uint64_t)LD_MINUTE;
    if (ns >= (uint64_t)LD_MINUTE)
        return (uint64_t)LD_SECOND;
    uint64_t step = 1;
    while (ns / step >= 1000)
        step *= 10;
    return step;
}

const char *ld_format_duration_short(int64_t ns, char *buffer, size_t size)
{
    uint64_t value = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    uint64_t step = short_step(value);
    uint64_t steps = value / step + (value % step >= step - value % step);
    uint64_t rounded = steps > (uint64_t)INT64_MAX / step ? (uint64_t)INT64_MAX : steps * step;
    return ld_format_duration(ns < 0 ? -(int64_t)rounded : (int64_t)rounded, buffer, size);
}

const char *ld_format_size(uint64_t bytes, char *buffer, size_t size)
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB"};
    size_t power = 0;
    while (bytes && power + 1 < sizeof names / sizeof names[0] && bytes % 1024 == 0) {
        bytes /= 1024;
        power++;
    }
    snprintf(buffer, size, "%llu%s", (unsigned long long)bytes, names[power]);
    return buffer;
}

const char *ld_format_size_short(uint64_t bytes, char *buffer, size_t size)
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t power = 0;
    for (; value >= 999.5; power++)
        value /= 1024;
    snprintf(buffer, size, "%.3g%s", value, names[power]);
    return buffer;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment distance; both at most NEAREST_LENGTH_MAX long. Three rows of the table are kept. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t rows[3][NEAREST_LENGTH_MAX + 1];
    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            row[j] = least(above[j] + 1, row[j - 1] + 1);
            row[j] = least(row[j], above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], two_above[j - 2] + 1);
        }
    }
    return rows[a_length % 3][b_length];
}

const char *ld_nearest(const char *text, const char *const *names)
{
    size_t length = strlen(text);
    if (length == 0 || length > NEAREST_LENGTH_MAX)
        return NULL;
    const char *nearest = NULL;
    size_t nearest_distance = SIZE_MAX;
    for (; *names; names++) {
        size_t name_length = strlen(*names);
        if (name_length == 0 || name_length > NEAREST_LENGTH_MAX)
            continue;
        size_t longer = length > name_length ? length : name_length;
        size_t limit = (longer + 1) / 3 > 1 ? (longer + 1) / 3 : 1;
        size_t found = distance(text, length, *names, name_length);
        if (found <= limit && found < longer && found < nearest_distance) {
            nearest = *names;
            nearest_distance = found;
        }
    }
    return nearest;
}

/* ---- what strangers wrote, for a terminal */

/* Bytes of the character at `p`, 1 to 4; 0: no UTF-8. Reads no further than the first byte that does not belong. */
static size_t character_length(const unsigned char *p, const unsigned char *end, uint32_t *ret_code)
{
    static const struct {
        unsigned char mask, lead;
        uint32_t least;
    } rows[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if ((*p & rows[i].mask) != rows[i].lead)
            continue;
        uint32_t code = *p & (unsigned char)~rows[i].mask;
        for (size_t k = 1; k <= i; k++) {
            if (p + k >= end || (p[k] & 0xc0) != 0x80)
                return 0;
            code = code << 6 | (p[k] & 0x3f);
        }
        bool good = code >= rows[i].least && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
        *ret_code = code;
        return good ? i + 1 : 0;
    }
    return 0;
}

/* Does a terminal obey it? C0, DEL, C1; what turns the direction of writing or ends a line. */
static bool is_obeyed(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c || code == 0x200e || code == 0x200f ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

/* What is shown for the character at `p`; returns the bytes that it takes. `plain`: these are shown as they are. */
static size_t harmless_piece(const unsigned char *p, const unsigned char *end, const char *plain, char piece[12])
{
    uint32_t code = *p;
    size_t length = character_length(p, end, &code);
    code = length ? code : *p;
    if (length && (!is_obeyed(code) || (code && code < 0x80 && strchr(plain, (int)code))))
        snprintf(piece, 12, "%.*s", (int)length, (const char *)p);
    else if (*p == '\n' || *p == '\t')
        snprintf(piece, 12, "\\%c", *p == '\n' ? 'n' : 't');
    else
        snprintf(piece, 12, code < 0x100 ? "\\x%02x" : "\\u%04x", (unsigned)code);
    return length ? length : 1;
}

const char *ld_format_harmless(const char *text, char *buffer, size_t size)
{
    const unsigned char *p = (const unsigned char *)text, *end = p + strlen(text);
    size_t used = 0;
    while (p < end) {
        char piece[12];
        size_t taken = harmless_piece(p, end, "", piece), length = strlen(piece);
        if (used + length >= size)
            break;
        memcpy(buffer + used, piece, length);
        used += length;
        p += taken;
    }
    buffer[used] = '\0';
    return buffer;
}

int ld_add_harmless_lines(struct ld_buffer *out, const char *text, size_t length)
{
    const unsigned char *p = (const unsigned char *)text, *end = p + length;
    int code = 0;
    while (p < end && !code) {
        char piece[12];
        p += harmless_piece(p, end, "\n\t", piece);
        code = ld_buffer_add_text(out, piece);
    }
    return code;
}
