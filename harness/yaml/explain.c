#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "yaml/schema.h"
#include "yaml/schema_text.h"

#define WIDTH 78
#define INDENT 2

/* Words of `text` wrapped at WIDTH, each line indented by `indent`. A word longer than a line stays whole. */
static int write_wrapped(struct ld_buffer *out, unsigned indent, const char *text)
{
    int code = 0;
    size_t column = 0;
    while (!code && *text) {
        size_t length = strcspn(text, " \n");
        if (length && column && column + 1 + length > WIDTH) {
            code = ld_buffer_add_text(out, "\n");
            column = 0;
        }
        if (!code && length) {
            code = column ? ld_buffer_add_text(out, " ") : ld_buffer_printf(out, "%*s", (int)indent, "");
            column = column ? column + 1 : indent;
            column += length;
        }
        if (!code)
            code = ld_buffer_add(out, text, length);
        text += length + (text[length] != '\0');
    }
    return code ? code : ld_buffer_add_text(out, column ? "\n" : "");
}

/* The schema of a field's value or of its items, however deep in lists; NULL when it has none. */
static const struct ld_schema *schema_of(const struct ld_field *field)
{
    while (field->type == LD_FIELD_LIST || field->type == LD_FIELD_MAP)
        field = field->item;
    return field->object;
}

static int write_type(struct ld_buffer *out, const struct ld_field *field)
{
    char choices[300];
    if (field->type == LD_FIELD_LIST || field->type == LD_FIELD_MAP) {
        int code = ld_buffer_printf(out, "%s, each ", ld_type_phrase(field->type));
        return code ? code : write_type(out, field->item);
    }
    if (field->type == LD_FIELD_CHOICE)
        return ld_buffer_printf(out, "one of %s", ld_names_text(field->choices, choices, sizeof choices));
    return ld_buffer_add_text(out, ld_type_phrase(field->object ? LD_FIELD_OBJECT : field->type));
}

/* "every: a duration with its unit, such as 250ms; 10ms to 10s; default 250ms" */
static int write_heading(struct ld_buffer *out, const struct ld_field *field)
{
    char range[120];
    int code = ld_buffer_printf(out, "%s: ", field->name);
    if (!code)
        code = write_type(out, field);
    if (!code && ld_range_text(field, range, sizeof range)[0])
        code = ld_buffer_printf(out, "; %s", range);
    if (!code && (field->flags & LD_FIELD_REQUIRED))
        code = ld_buffer_add_text(out, "; required");
    if (!code && field->initial)
        code = ld_buffer_printf(out, "; default %s", field->initial[0] ? field->initial : "none");
    if (!code && (field->flags & LD_FIELD_NOT_YET))
        code = ld_buffer_add_text(out, "; not implemented yet");
    return code;
}

static int explain_fields(const struct ld_schema *schema, unsigned depth, unsigned indent, struct ld_buffer *out);

static int explain_field(const struct ld_field *field, unsigned depth, unsigned indent, struct ld_buffer *out)
{
    struct ld_buffer heading;
    ld_buffer_init(&heading, 4096);
    int code = write_heading(&heading, field);
    if (!code)
        code = write_wrapped(out, indent, ld_buffer_text(&heading));
    ld_buffer_done(&heading);
    if (!code && field->doc)
        code = write_wrapped(out, indent + 2 * INDENT, field->doc);
    const struct ld_schema *nested = schema_of(field);
    if (!code && nested && depth > 0)
        code = explain_fields(nested, depth - 1, indent + INDENT, out);
    return code;
}

/* As they are: broken lines would be no YAML. */
static int write_example(const char *lines, unsigned indent, struct ld_buffer *out)
{
    int code = ld_buffer_printf(out, "%*sSuch as:\n", (int)indent, "");
    while (!code && *lines) {
        size_t length = strcspn(lines, "\n");
        code = ld_buffer_printf(out, "%*s%.*s\n", (int)(indent + INDENT), "", (int)length, lines);
        lines += length + (lines[length] == '\n');
    }
    return code;
}

static int explain_fields(const struct ld_schema *schema, unsigned depth, unsigned indent, struct ld_buffer *out)
{
    int code = 0;
    for (const struct ld_field *field = schema->fields; !code && field->name; field++)
        code = explain_field(field, depth, indent, out);
    return code || !schema->example ? code : write_example(schema->example, indent, out);
}

int ld_schema_explain(const struct ld_schema *schema, unsigned depth, struct ld_buffer *out)
{
    int code = ld_buffer_printf(out, "%s\n", schema->name);
    if (!code && schema->doc)
        code = write_wrapped(out, 2 * INDENT, schema->doc);
    return code ? code : explain_fields(schema, depth, INDENT, out);
}

static const struct ld_field *field_named(const struct ld_schema *schema, const char *name, size_t length)
{
    for (const struct ld_field *field = schema->fields; field->name; field++)
        if (strlen(field->name) == length && memcmp(field->name, name, length) == 0)
            return field;
    return NULL;
}

/* Segments may carry an index ("faults[0]"), and a name that the user chose in a mapping may stand between keys. */
const struct ld_field *ld_schema_find(const struct ld_schema *schema, const char *path)
{
    const struct ld_field *field = NULL;
    bool chosen_name = false;
    while (schema && *path) {
        size_t length = strcspn(path, ".");
        const struct ld_field *next = field_named(schema, path, strcspn(path, ".["));
        if (!next && !chosen_name)
            return NULL;
        chosen_name = next && next->type == LD_FIELD_MAP;
        if (next) {
            field = next;
            schema = schema_of(next);
        }
        path += length + (path[length] == '.');
    }
    return *path ? NULL : field;
}
