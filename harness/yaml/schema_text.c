#include "yaml/schema_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define NAME_LENGTH_MAX 100

static const struct {
    const char *phrase;
    struct ld_unit_hint hint;
} types[] = {
    [LD_FIELD_TEXT] = {"text", {NULL, NULL}},
    [LD_FIELD_NAME] = {"a name", {NULL, NULL}},
    [LD_FIELD_BOOL] = {"true or false", {NULL, NULL}},
    [LD_FIELD_INTEGER] = {"a whole number", {NULL, NULL}},
    [LD_FIELD_NUMBER] = {"a number", {NULL, NULL}},
    [LD_FIELD_DURATION] = {"a duration with its unit, such as 250ms", {"a duration", "ms"}},
    [LD_FIELD_SIZE] = {"a size with its unit, such as 512MiB", {"a size", "MiB"}},
    [LD_FIELD_RATE] = {"a rate with its unit, such as 40/s", {"a rate", "/s"}},
    [LD_FIELD_BANDWIDTH] = {"a size for each second, such as 100KiB/s", {"a bandwidth", "KiB/s"}},
    [LD_FIELD_PERCENT] = {"a percentage, such as 99.2%", {"a percentage", "%"}},
    [LD_FIELD_CHOICE] = {"one of a few names", {NULL, NULL}},
    [LD_FIELD_OBJECT] = {"a mapping", {NULL, NULL}},
    [LD_FIELD_OPTIONAL_OBJECT] = {"a mapping", {NULL, NULL}},
    [LD_FIELD_LIST] = {"a list", {NULL, NULL}},
    [LD_FIELD_MAP] = {"a mapping of names", {NULL, NULL}},
    [LD_FIELD_NODE] = {"a value", {NULL, NULL}},
    [LD_FIELD_CUSTOM] = {"a value", {NULL, NULL}},
};

const struct ld_unit_hint *ld_unit_hint(enum ld_field_type type)
{
    return types[type].hint.unit ? &types[type].hint : NULL;
}

const char *ld_type_phrase(enum ld_field_type type)
{
    return types[type].phrase;
}

bool ld_is_name(const char *text)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    static const char later[] = "abcdefghijklmnopqrstuvwxyz0123456789._/-";
    size_t length = strlen(text);
    return length > 0 && length <= NAME_LENGTH_MAX && strchr(first, text[0]) && strspn(text, later) == length;
}

static const char *bound_text(enum ld_field_type type, double bound, char *buffer, size_t size)
{
    switch (type) {
    case LD_FIELD_DURATION:
        return ld_format_duration((int64_t)bound, buffer, size);
    case LD_FIELD_SIZE:
        return ld_format_size((uint64_t)bound, buffer, size);
    case LD_FIELD_BANDWIDTH:
        ld_format_size((uint64_t)bound, buffer, size - 2);
        strcat(buffer, "/s");
        return buffer;
    case LD_FIELD_RATE:
        snprintf(buffer, size, "%g/s", bound);
        return buffer;
    case LD_FIELD_PERCENT:
        snprintf(buffer, size, "%g%%", bound * 100);
        return buffer;
    case LD_FIELD_INTEGER:
        snprintf(buffer, size, "%.0f", bound);
        return buffer;
    default:
        snprintf(buffer, size, "%g", bound);
        return buffer;
    }
}

const char *ld_range_text(const struct ld_field *field, char *buffer, size_t size)
{
    char minimum[48], maximum[48];
    buffer[0] = '\0';
    if (field->type == LD_FIELD_CUSTOM || (field->minimum == 0 && field->maximum == 0)) /* a custom one's are its own */
        return buffer;
    bool low = !isinf(field->minimum), high = !isinf(field->maximum);
    if (low)
        bound_text(field->type, field->minimum, minimum, sizeof minimum);
    if (high)
        bound_text(field->type, field->maximum, maximum, sizeof maximum);
    if (low && high && strcmp(minimum, maximum) == 0)
        snprintf(buffer, size, "%s", minimum);
    else if (low && high)
        snprintf(buffer, size, "%s to %s", minimum, maximum);
    else if (low || high)
        snprintf(buffer, size, "%s %s", low ? "at least" : "at most", low ? minimum : maximum);
    return buffer;
}

const char *ld_names_text(const char *const *names, char *buffer, size_t size)
{
    static const char more[] = ", …";
    size_t used = 0;
    buffer[0] = '\0';
    for (size_t i = 0; names[i]; i++) {
        size_t length = strlen(names[i]) + 2;
        if (used + length + sizeof more > size) {
            snprintf(buffer + used, size - used, "%s", more);
            break;
        }
        used += (size_t)snprintf(buffer + used, size - used, "%s%s", i ? ", " : "", names[i]);
    }
    return buffer;
}
