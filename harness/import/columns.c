/* Which metric of the registry a column or a series is. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "import/internal.h"

/* What the official clients call what the registry reads elsewhere (/proc), and the roles that are no metric. */
static const struct {
    const char *name;
    int role;
} aliases[] = {
    {"process_cpu_seconds_total", LD_METRIC_CPU},
    {"process_resident_memory_bytes", LD_METRIC_RSS},
    {"process_open_fds", LD_METRIC_DESCRIPTORS},
    {"process_start_time_seconds", LD_IMPORT_START},
    {"time", LD_IMPORT_TIME},
    {"timestamp", LD_IMPORT_TIME},
    {"instance", LD_IMPORT_INSTANCE},
    {"pod", LD_IMPORT_INSTANCE},
    {"-", LD_IMPORT_NOTHING},
};
#define ALIASES (sizeof aliases / sizeof *aliases)

int ld_import_role_find(const char *name)
{
    int metric = ld_metric_find(name);
    for (int i = 0; i < LD_METRIC_COUNT && metric < 0; i++)
        if (ld_metric_table[i].prometheus && strcmp(ld_metric_table[i].prometheus, name) == 0)
            metric = i;
    for (size_t i = 0; i < ALIASES && metric < 0; i++)
        if (strcmp(aliases[i].name, name) == 0)
            metric = aliases[i].role;
    return metric;
}

const char *const *ld_import_role_names(void)
{
    static const char *names[2 * LD_METRIC_COUNT + ALIASES + 1];
    size_t count = 0;
    for (int i = 0; i < LD_METRIC_COUNT; i++)
        names[count++] = ld_metric_table[i].name;
    for (int i = 0; i < LD_METRIC_COUNT; i++)
        if (ld_metric_table[i].prometheus)
            names[count++] = ld_metric_table[i].prometheus;
    for (size_t i = 0; i < ALIASES; i++)
        names[count++] = aliases[i].name;
    names[count] = NULL;
    return names;
}

/* ---- --columns */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static const char *skip_blanks(const char *text)
{
    while (is_blank(*text))
        text++;
    return text;
}

static size_t without_blanks(const char *text, size_t length)
{
    while (length && is_blank(text[length - 1]))
        length--;
    return length;
}

static int parse_column(struct ld_import_column *ret_column, const char *text, size_t length, struct ld_arena *arena,
                        struct ld_error *error)
{
    const char *sign = memchr(text, '=', length);
    /* The last one: a name may hold one, a metric does not. */
    for (const char *next = sign; next; next = memchr(next + 1, '=', length - (size_t)(next + 1 - text)))
        sign = next;
    if (!sign || sign == text)
        return ld_fail(error, LD_EUSAGE, "--columns: \"%.*s\" is not NAME=METRIC", (int)length, text);
    size_t name_length = without_blanks(text, (size_t)(sign - text));
    const char *metric = sign + 1, *end = text + length;
    while (metric < end && is_blank(*metric))
        metric++;
    ret_column->name = ld_arena_copy(arena, text, name_length);
    char *role = ld_arena_copy(arena, metric, without_blanks(metric, (size_t)(end - metric)));
    if (!ret_column->name || !role)
        return ld_fail(error, LD_ENOMEM, "%s", ld_code_text(LD_ENOMEM));
    ret_column->role = ld_import_role_find(role);
    if (ret_column->role >= 0)
        return 0;
    const char *nearest = *role ? ld_nearest(role, ld_import_role_names()) : NULL;
    return ld_fail(error, LD_EUSAGE, "--columns: unknown metric \"%s\"%s%s%s", role, nearest ? "; did you mean " : "",
                   nearest ? nearest : "", nearest ? "?" : "");
}

int ld_import_columns_parse(struct ld_import_columns *ret_columns, const char *text, struct ld_arena *arena,
                            struct ld_error *error)
{
    struct ld_import_columns columns = {0};
    size_t room = 1;
    for (const char *comma = strchr(text, ','); comma; comma = strchr(comma + 1, ','))
        room++;
    columns.items = room <= LD_IMPORT_COLUMNS_MAX ? ld_arena_array(arena, room, sizeof *columns.items) : NULL;
    if (!columns.items)
        return ld_fail(error, LD_EUSAGE, "--columns: more than %d columns", LD_IMPORT_COLUMNS_MAX);
    for (const char *at = skip_blanks(text); *at; at = skip_blanks(at)) {
        size_t length = strcspn(at, ",");
        int code = parse_column(&columns.items[columns.count++], at, without_blanks(at, length), arena, error);
        if (code)
            return code;
        at += length + (at[length] == ',');
    }
    *ret_columns = columns;
    return 0;
}

int ld_import_role_of(struct ld_import *import, const char *name)
{
    struct ld_import_columns *columns = import->setting.columns;
    for (size_t i = 0; columns && i < columns->count; i++)
        if (strcmp(columns->items[i].name, name) == 0) {
            columns->items[i].used = true;
            return columns->items[i].role;
        }
    return ld_import_role_find(name);
}

/* ---- values */

bool ld_import_value(const char *text, double *ret_value, bool *ret_finite)
{
    static const char *const specials[] = {"NaN", "nan", "+Inf", "-Inf", "Inf", "null", NULL};
    char *end;
    for (size_t i = 0; specials[i]; i++)
        if (strcmp(text, specials[i]) == 0) {
            *ret_finite = false;
            return true;
        }
    if (!*text || strspn(text, "+-.0123456789eE") != strlen(text))
        return false;
    *ret_value = strtod(text, &end);
    *ret_finite = isfinite(*ret_value);
    return !*end;
}
