#include "detect/promql.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

static bool begins_name(char c)
{
    return isalpha((unsigned char)c) || c == '_' || c == ':';
}

static bool in_name(char c)
{
    return begins_name(c) || isdigit((unsigned char)c);
}

/* Past spaces and comments. */
static const char *past_space(const char *at)
{
    for (;;) {
        at += strspn(at, " \t\r\n");
        if (*at != '#')
            return at;
        at += strcspn(at, "\n");
    }
}

/* Past a string with its quotes; only ` has no escapes. */
static const char *past_string(const char *at)
{
    char quote = *at++;
    while (*at && *at != quote)
        at += *at == '\\' && quote != '`' && at[1] ? 2 : 1;
    return *at ? at + 1 : at;
}

/* Past a bracket and what it holds. */
static const char *past_bracket(const char *at, char end)
{
    for (at++; *at && *at != end;)
        at = strchr("'\"`", *at) ? past_string(at) : at + 1;
    return *at ? at + 1 : at;
}

static bool is_among(const char *const *words, const char *name, size_t length)
{
    for (; *words; words++)
        if (strlen(*words) == length && strncasecmp(*words, name, length) == 0)
            return true;
    return false;
}

static const char *const operators[] = {"and", "or", "unless", "atan2", "bool", "offset", "inf", "nan", NULL};
/* After these come names of labels in parentheses. */
static const char *const groupings[] = {"by", "without", "on", "ignoring", "group_left", "group_right", NULL};

static const char *past_name(const char *at)
{
    while (in_name(*at))
        at++;
    return at;
}

/* Is what follows a name that which follows a function's or an aggregation's? */
static bool is_called(const char *after)
{
    return *after == '(' ||
           (begins_name(*after) && is_among(groupings, after, (size_t)(past_name(after) - after)) &&
            *past_space(past_name(after)) == '(');
}

/* From a name on; past it, and past what belongs to it. */
static const char *read_name(const char *at, int *ret_code, int (*take)(void *, const char *, size_t), void *context)
{
    const char *end = past_name(at), *after = past_space(end);
    size_t length = (size_t)(end - at);
    if (is_among(groupings, at, length))
        return *after == '(' ? past_bracket(after, ')') : end;
    if (is_among(operators, at, length) || is_called(after))
        return end;
    if (*after == '{')
        end = past_bracket(after, '}');
    *ret_code = take(context, at, (size_t)(end - at));
    return end;
}

/* Past a number or a duration: 5m, 1e-3, 0x1f. */
static const char *past_number(const char *at)
{
    while (in_name(*at) || *at == '.' || ((*at == '-' || *at == '+') && (at[-1] == 'e' || at[-1] == 'E')))
        at++;
    return at;
}

int ld_promql_selectors(const char *text, int (*take)(void *context, const char *selector, size_t length),
                        void *context)
{
    int code = 0;
    for (const char *at = past_space(text); *at && !code; at = past_space(at)) {
        if (begins_name(*at)) {
            at = read_name(at, &code, take, context);
        } else if (*at == '{') {
            const char *end = past_bracket(at, '}');
            code = take(context, at, (size_t)(end - at));
            at = end;
        } else if (isdigit((unsigned char)*at)) {
            at = past_number(at + 1);
        } else {
            at = *at == '[' ? past_bracket(at, ']') : strchr("'\"`", *at) ? past_string(at) : at + 1;
        }
    }
    return code;
}
