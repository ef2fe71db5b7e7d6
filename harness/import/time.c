/* Times as people and programs write them, whole or within the name of a file. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "import/import.h"

#define YEAR_MIN 1970
#define YEAR_MAX 2200
#define UNIX_MIN INT64_C(946684800)  /* within a name: 2000 */
#define UNIX_MAX INT64_C(4102444800) /* to 2100; else it is some other number */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static size_t digits_at(const char *at)
{
    size_t count = 0;
    while (is_digit(at[count]))
        count++;
    return count;
}

static bool take_number(const char **at, unsigned digits, int minimum, int maximum, int *ret_value)
{
    int value = 0;
    for (unsigned i = 0; i < digits; i++) {
        if (!is_digit((*at)[i]))
            return false;
        value = value * 10 + ((*at)[i] - '0');
    }
    if (value < minimum || value > maximum)
        return false;
    *at += digits;
    *ret_value = value;
    return true;
}

static bool take_one_of(const char **at, const char *set, char *ret_taken)
{
    if (!**at || !strchr(set, **at))
        return false;
    *ret_taken = *(*at)++;
    return true;
}

/* ".5": at most nine digits. */
static int64_t take_fraction(const char **at)
{
    size_t count = (**at == '.' || **at == ',') ? digits_at(*at + 1) : 0;
    int64_t ns = 0;
    if (count == 0 || count > 9)
        return 0;
    for (size_t i = 0; i < 9; i++)
        ns = ns * 10 + (i < count ? (*at)[1 + i] - '0' : 0);
    *at += 1 + count;
    return ns;
}

/* Z, +02:00, +0200 or -02:00; a minus without a colon may be anything in a name. */
static void take_zone(const char **at, int64_t *ns)
{
    const char *p = *at;
    int hours, minutes;
    char sign, colon;
    if (*p == 'Z' || (*p == 'z' && !is_letter(p[1]))) {
        ++*at;
        return;
    }
    if (!take_one_of(&p, "+-", &sign) || !take_number(&p, 2, 0, 23, &hours))
        return;
    bool with_colon = take_one_of(&p, ":", &colon);
    if ((!with_colon && sign == '-') || !take_number(&p, 2, 0, 59, &minutes) || is_digit(*p))
        return;
    int64_t offset_ns = hours * LD_HOUR + minutes * LD_MINUTE;
    *ns += sign == '+' ? -offset_ns : offset_ns;
    *at = p;
}

static bool take_date(const char **at, struct tm *day, bool *ret_compact)
{
    char first = 0, second;
    if (!take_number(at, 4, YEAR_MIN, YEAR_MAX - 1, &day->tm_year))
        return false;
    *ret_compact = !take_one_of(at, "-_./", &first);
    if (!take_number(at, 2, 1, 12, &day->tm_mon))
        return false;
    if (!*ret_compact && (!take_one_of(at, "-_./", &second) || second != first))
        return false;
    return take_number(at, 2, 1, 31, &day->tm_mday);
}

/* Hours and minutes, and seconds unless they are not there. */
static bool take_clock(const char **at, struct tm *day)
{
    char between, again;
    if (!take_number(at, 2, 0, 23, &day->tm_hour))
        return false;
    bool separated = take_one_of(at, ":-_.", &between);
    if (!take_number(at, 2, 0, 59, &day->tm_min))
        return false;
    const char *p = *at;
    if (separated && (!take_one_of(&p, ":-_.", &again) || again != between))
        return true;
    if (take_number(&p, 2, 0, 60, &day->tm_sec))
        *at = p;
    return true;
}

/* A date with a time of day. */
static bool take_calendar(const char **at, int64_t *ret_ns)
{
    const char *p = *at;
    struct tm day = {0};
    bool compact;
    char between;
    if (!take_date(&p, &day, &compact) || (!take_one_of(&p, "Tt _-.@", &between) && !compact) || !take_clock(&p, &day))
        return false;
    int64_t fraction_ns = take_fraction(&p);
    if (is_digit(*p))
        return false;
    day.tm_year -= 1900;
    day.tm_mon--;
    struct tm again = day;
    int64_t seconds = (int64_t)timegm(&again);
    if (again.tm_mday != day.tm_mday)
        return false; /* the 31st of a month that has 30 */
    *ret_ns = seconds * LD_SECOND + fraction_ns;
    take_zone(&p, ret_ns);
    *at = p;
    return true;
}

/* Nanoseconds of a unit that has so many digits today: s, ms, us, ns. */
static int64_t unit_of(size_t digits)
{
    return digits <= 11 ? LD_SECOND : digits <= 14 ? LD_MS : digits <= 17 ? LD_US : 1;
}

static bool take_unix(const char **at, int64_t *ret_ns)
{
    size_t count = digits_at(*at);
    int64_t value = 0;
    if (count == 0 || count > 19)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (value > (INT64_MAX - 9) / 10)
            return false;
        value = value * 10 + ((*at)[i] - '0');
    }
    int64_t unit = unit_of(count);
    if (value > (int64_t)(YEAR_MAX - YEAR_MIN) * 366 * LD_DAY / unit)
        return false;
    *at += count;
    *ret_ns = value * unit;
    if (unit == LD_SECOND)
        *ret_ns += take_fraction(at);
    return true;
}

/* 20261121: no time, and not the seconds of a day in 1970 either. */
static bool is_compact_date(const char *text)
{
    struct tm day = {0};
    bool compact;
    return take_date(&text, &day, &compact) && compact && !*text;
}

int ld_import_time_parse(const char *text, int64_t *ret_ns)
{
    const char *p = text;
    int64_t ns;
    if (take_calendar(&p, &ns) && !*p && ns >= 0) {
        *ret_ns = ns;
        return 0;
    }
    p = text;
    if (is_compact_date(text) || !take_unix(&p, &ns) || *p)
        return LD_ESYNTAX;
    *ret_ns = ns;
    return 0;
}

/* Ten digits are seconds, thirteen milliseconds, …, within this century: other numbers are not times. */
static bool take_unix_in_name(const char **at, int64_t *ret_ns)
{
    size_t count = digits_at(*at);
    const char *p = *at;
    if ((count != 10 && count != 13 && count != 16 && count != 19) || !take_unix(&p, ret_ns))
        return false;
    if (*ret_ns < UNIX_MIN * LD_SECOND || *ret_ns / LD_SECOND > UNIX_MAX)
        return false;
    *at = p;
    return true;
}

int ld_import_time_of_name(const char *name, int64_t *ret_ns, size_t *ret_from, size_t *ret_to)
{
    bool found = false;
    for (const char *at = name; *at;) {
        const char *p = at;
        int64_t ns;
        bool begins = is_digit(*at) && (at == name || !is_digit(at[-1]));
        if (!begins || (!take_calendar(&p, &ns) && !take_unix_in_name(&p, &ns))) {
            at++;
            continue;
        }
        if (found && *ret_ns != ns)
            return LD_ESPEC;
        if (!found) {
            *ret_ns = ns;
            *ret_from = (size_t)(at - name);
            *ret_to = (size_t)(p - name);
        }
        found = true;
        at = p;
    }
    return found ? 0 : LD_ENOENT;
}

/* ---- what is left of the name */

/* Words of a profile's name that say no instance. */
static const char *const common_words[] = {"pb",    "gz",  "gzip", "txt",  "text",   "out",  "log",   "pprof",  "prof",
                                           "proto", "dump", "full", "debug", "stacks", "stack", "profile", NULL};

static bool is_word(const char *word, size_t length, const char *known)
{
    return strlen(known) == length && strncasecmp(word, known, length) == 0;
}

static bool is_common(const char *word, size_t length)
{
    for (size_t i = 0; common_words[i]; i++)
        if (is_word(word, length, common_words[i]))
            return true;
    return length == 6 && strncasecmp(word, "debug", 5) == 0 && is_digit(word[5]);
}

static enum ld_profile_kind kind_named(const char *word, size_t length)
{
    if (is_word(word, length, "cpu"))
        return LD_PROFILE_CPU;
    for (int kind = 0; kind < LD_PROFILE_KINDS; kind++) {
        const char *name = ld_profile_kind_name((enum ld_profile_kind)kind);
        size_t whole = strlen(name);
        if (kind != LD_PROFILE_CPU && length >= whole && strncasecmp(word, name, whole) == 0 &&
            (length == whole || (length == whole + 1 && (word[whole] == 's' || word[whole] == 'S'))))
            return (enum ld_profile_kind)kind;
    }
    return LD_PROFILE_KINDS;
}

static bool only_digits(const char *word, size_t length)
{
    return digits_at(word) >= length;
}

int ld_import_instance_of_name(const char *name, size_t from, size_t to, char *instance,
                               enum ld_profile_kind *ret_word)
{
    static const char between[] = "-_. +@=,:";
    char text[512];
    size_t used = 0;
    bool letters = false, after_debug = false;
    snprintf(text, sizeof text, "%.*s-%s", (int)(from < 256 ? from : 256), name, name + to);
    *ret_word = LD_PROFILE_KINDS;
    for (size_t at = strspn(text, between), length; text[at]; at += length, at += strspn(text + at, between)) {
        const char *word = text + at;
        length = strcspn(word, between);
        enum ld_profile_kind kind = kind_named(word, length);
        bool numbers_debug = after_debug && only_digits(word, length); /* debug=2 */
        after_debug = is_word(word, length, "debug");
        if (kind != LD_PROFILE_KINDS) {
            *ret_word = *ret_word == LD_PROFILE_KINDS ? kind : *ret_word;
            continue;
        }
        if (is_common(word, length) || numbers_debug)
            continue;
        if (used + length + 1 > LD_IMPORT_NAME_MAX) {
            instance[used] = '\0';
            return LD_ELIMIT;
        }
        if (used)
            instance[used++] = text[at - 1];
        memcpy(instance + used, word, length);
        used += length;
        letters = letters || !only_digits(word, length);
    }
    instance[letters ? used : 0] = '\0'; /* a number alone counts files */
    return 0;
}
