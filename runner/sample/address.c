#include "runner/sample/address.h"

#include <ctype.h>
#include <string.h>

#include "base/error.h"

#define TOKEN_DIGITS 16
#define INSTANCE_DIGITS 9 /* fits uint32_t */

static bool is_path_byte(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("/._-", c));
}

/* Printable, and nothing that ends a request target or starts a fragment. */
static bool is_query_byte(char c)
{
    return c > ' ' && c < 0x7f && c != '#' && c != '\\';
}

static bool is_clean_path(const char *path, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!is_path_byte(path[i]))
            return false;
    for (size_t i = 0; i < length; i++) {
        if (path[i] != '/')
            continue;
        const char *segment = path + i + 1;
        size_t size = strcspn(segment, "/?");
        if ((size == 1 && segment[0] == '.') || (size == 2 && segment[0] == '.' && segment[1] == '.'))
            return false;
    }
    return true;
}

/* `count` lower-case hexadecimal digits and a slash. */
static const char *take_token(const char *text, uint64_t *ret_token)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t token = 0;
    for (size_t i = 0; i < TOKEN_DIGITS; i++) {
        const char *digit = text[i] ? strchr(digits, text[i]) : NULL;
        if (!digit)
            return NULL;
        token = token << 4 | (uint64_t)(digit - digits);
    }
    *ret_token = token;
    return text[TOKEN_DIGITS] == '/' ? text + TOKEN_DIGITS + 1 : NULL;
}

/* A decimal number without leading zeros; stops before the slash. */
static const char *take_instance(const char *text, uint32_t *ret_instance)
{
    size_t length = strspn(text, "0123456789");
    uint32_t instance = 0;
    if (length == 0 || length > INSTANCE_DIGITS || (length > 1 && text[0] == '0') || text[length] != '/')
        return NULL;
    for (size_t i = 0; i < length; i++)
        instance = instance * 10 + (uint32_t)(text[i] - '0');
    *ret_instance = instance;
    return text + length;
}

int ld_address_parse(const char *target, struct ld_address *ret_address)
{
    struct ld_address address;
    size_t length = strnlen(target, LD_ADDRESS_MAX + 1), path = strcspn(target, "?");
    if (length > LD_ADDRESS_MAX)
        return LD_ELIMIT;
    if (!is_clean_path(target, path))
        return LD_ESYNTAX;
    for (size_t i = path; i < length; i++)
        if (!is_query_byte(target[i]))
            return LD_ESYNTAX;
    const char *rest = target[0] == '/' ? take_token(target + 1, &address.token) : NULL;
    rest = rest ? take_instance(rest, &address.instance) : NULL;
    if (!rest)
        return LD_ENOENT;
    if (strlen(rest) > LD_ADDRESS_PATH_MAX)
        return LD_ELIMIT;
    strcpy(address.path, rest);
    *ret_address = address;
    return 0;
}

bool ld_address_readable(const struct ld_address *address, const char *metrics_path)
{
    static const char profiles[] = "/debug/pprof/";
    size_t length = strcspn(address->path, "?");
    if (strncmp(address->path, profiles, sizeof profiles - 1) == 0)
        return true;
    return metrics_path[0] && strlen(metrics_path) == length && memcmp(address->path, metrics_path, length) == 0;
}

/* The whole seconds of `value`, rounded up; 0 when it is no number above 0; LD_LASTS_UNKNOWN when it hides behind %. */
static int64_t seconds_of(const char *value, size_t length)
{
    size_t digits = strspn(value, "0123456789");
    int64_t seconds = 0;
    if (memchr(value, '%', length))
        return LD_LASTS_UNKNOWN;
    digits = digits < length ? digits : length;
    for (size_t i = 0; i < digits && seconds < LD_LASTS_MOST_S; i++)
        seconds = seconds * 10 + (value[i] - '0');
    return seconds + (digits < length); /* 0.5, 1e9: the target says what it is, within the time of a read */
}

/* What `seconds` asks for in the query; 0: it does not. */
static int64_t seconds_asked(const char *query)
{
    static const char key[] = "seconds=";
    int64_t most = 0;
    while (*query) {
        size_t length = strcspn(query, "&"), name = strcspn(query, "=&");
        int64_t seconds = 0;
        if (memchr(query, '%', name))
            return LD_LASTS_UNKNOWN;
        if (strncmp(query, key, sizeof key - 1) == 0)
            seconds = seconds_of(query + sizeof key - 1, length - (sizeof key - 1));
        if (seconds == LD_LASTS_UNKNOWN)
            return seconds;
        most = seconds > most ? seconds : most;
        query += length + (query[length] == '&');
    }
    return most;
}

int64_t ld_address_lasts_s(const struct ld_address *address)
{
    static const struct {
        const char *path;
        int64_t seconds; /* without being asked */
    } lasting[] = {{"/debug/pprof/profile", 30}, {"/debug/pprof/trace", 1}};
    size_t length = strcspn(address->path, "?");
    const char *query = address->path + length;
    int64_t asked = seconds_asked(*query ? query + 1 : query);
    for (size_t i = 0; i < sizeof lasting / sizeof *lasting; i++)
        if (strlen(lasting[i].path) == length && memcmp(address->path, lasting[i].path, length) == 0)
            return asked ? asked : lasting[i].seconds;
    return asked;
}

void ld_address_reader(const char *reader, const char *user_agent, char ret_name[LD_READER_MAX + 6])
{
    static const char prefix[] = "http:";
    const char *name = reader && reader[0] ? reader : user_agent && user_agent[0] ? user_agent : "unnamed";
    size_t length = strcspn(name, " "), at = sizeof prefix - 1;
    if (length > LD_READER_MAX)
        length = LD_READER_MAX;
    memcpy(ret_name, prefix, at);
    for (size_t i = 0; i < length; i++)
        ret_name[at++] = is_path_byte(name[i]) ? name[i] : '_';
    ret_name[at] = '\0';
}
