/* Bound values back to text: what a detector or a fault was really set to, defaults included. */
#include "base/buffer.h"
#include "base/text.h"
#include "yaml/schema.h"

static int add_string(struct ld_buffer *out, const char *text)
{
    int code = ld_buffer_add_text(out, "\"");
    for (const char *p = text ? text : ""; *p && !code; p++) {
        if (*p == '"' || *p == '\\')
            code = ld_buffer_printf(out, "\\%c", *p);
        else if ((unsigned char)*p < 0x20)
            code = ld_buffer_printf(out, "\\u%04x", (unsigned)(unsigned char)*p);
        else
            code = ld_buffer_add(out, p, 1);
    }
    return code ? code : ld_buffer_add_text(out, "\"");
}

static int add_value(struct ld_buffer *out, const struct ld_field *field, const void *value);

static int add_list(struct ld_buffer *out, const struct ld_field *field, const struct ld_list *list)
{
    int code = ld_buffer_add_text(out, "[");
    for (size_t i = 0; i < list->count && !code; i++) {
        code = ld_buffer_add_text(out, i ? "," : "");
        if (!code)
            code = add_value(out, field->item, (const char *)list->items + i * field->size);
    }
    return code ? code : ld_buffer_add_text(out, "]");
}

static int add_map(struct ld_buffer *out, const struct ld_field *field, const struct ld_map *map)
{
    int code = ld_buffer_add_text(out, "{");
    for (size_t i = 0; i < map->count && !code; i++) {
        code = ld_buffer_add_text(out, i ? "," : "");
        if (!code)
            code = add_string(out, map->names[i]);
        if (!code)
            code = ld_buffer_add_text(out, ":");
        if (!code)
            code = add_value(out, field->item, (const char *)map->items + i * field->size);
    }
    return code ? code : ld_buffer_add_text(out, "}");
}

/* Quantities are written as a user writes them, with their unit. */
static int add_value(struct ld_buffer *out, const struct ld_field *field, const void *value)
{
    char text[64];
    switch (field->type) {
    case LD_FIELD_TEXT:
    case LD_FIELD_NAME:
        return add_string(out, *(const char *const *)value);
    case LD_FIELD_BOOL:
        return ld_buffer_add_text(out, *(const bool *)value ? "true" : "false");
    case LD_FIELD_INTEGER:
        return ld_buffer_printf(out, "%lld", (long long)*(const int64_t *)value);
    case LD_FIELD_NUMBER:
        return ld_buffer_printf(out, "%.17g", *(const double *)value);
    case LD_FIELD_DURATION:
        return add_string(out, ld_format_duration(*(const int64_t *)value, text, sizeof text));
    case LD_FIELD_SIZE:
        return add_string(out, ld_format_size(*(const uint64_t *)value, text, sizeof text));
    case LD_FIELD_BANDWIDTH:
        return ld_buffer_printf(out, "\"%s/s\"", ld_format_size(*(const uint64_t *)value, text, sizeof text));
    case LD_FIELD_RATE:
        return ld_buffer_printf(out, "\"%.17g/s\"", *(const double *)value);
    case LD_FIELD_PERCENT:
        return ld_buffer_printf(out, "\"%.17g%%\"", *(const double *)value * 100);
    case LD_FIELD_CHOICE:
        return add_string(out, field->choices[*(const int *)value]);
    case LD_FIELD_CUSTOM:
        return field->show ? field->show(field, value, out) : LD_ENOTYET;
    case LD_FIELD_LIST:
        return add_list(out, field, value);
    case LD_FIELD_MAP:
        return add_map(out, field, value);
    default:
        return LD_ENOTYET;
    }
}

int ld_schema_values(const struct ld_schema *schema, const void *value, struct ld_buffer *out)
{
    const char *separator = "";
    int code = ld_buffer_add_text(out, "{");
    for (const struct ld_field *field = schema ? schema->fields : NULL; field && field->name && !code; field++) {
        const void *bound = (const char *)value + field->offset;
        bool absent = field->type == LD_FIELD_DURATION && *(const int64_t *)bound < 0;
        if ((field->flags & LD_FIELD_NOT_YET) || absent)
            continue;
        code = ld_buffer_printf(out, "%s\"%s\":", separator, field->name);
        if (!code)
            code = add_value(out, field, bound);
        separator = ",";
    }
    return code ? code : ld_buffer_add_text(out, "}");
}
