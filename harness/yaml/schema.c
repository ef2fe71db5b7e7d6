#include "yaml/schema.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "yaml/schema_text.h"

#define NAME_LENGTH_MAX 100
#define COUNT_MAX 1000     /* of a list or mapping whose field names no other limit */
#define KEYS_LISTED_MAX 24 /* a schema's keys that a message names */
#define FIELDS_MAX 64      /* of one schema */

/* ---- errors and the key path */

int ld_schema_error(struct ld_schema_context *context, const struct ld_node *node, int code, const char *format, ...)
{
    struct ld_error error = {.code = code};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error.message, sizeof error.message, format, arguments);
    va_end(arguments);
    snprintf(error.file, sizeof error.file, "%s", context->file);
    snprintf(error.path, sizeof error.path, "%s", context->path);
    if (node) {
        error.line = node->line;
        error.column = node->column;
    }
    ld_errors_add(context->errors, &error);
    return code;
}

static int no_memory(struct ld_schema_context *context)
{
    return ld_schema_error(context, NULL, LD_ENOMEM, "%s", ld_code_text(LD_ENOMEM));
}

size_t ld_schema_push(struct ld_schema_context *context, const char *key)
{
    size_t length = strlen(context->path);
    snprintf(context->path + length, sizeof context->path - length, "%s%s", length ? "." : "", key);
    return length;
}

size_t ld_schema_push_index(struct ld_schema_context *context, size_t index)
{
    size_t length = strlen(context->path);
    snprintf(context->path + length, sizeof context->path - length, "[%zu]", index);
    return length;
}

void ld_schema_pop(struct ld_schema_context *context, size_t length)
{
    assert(length < sizeof context->path);
    context->path[length] = '\0';
}

/* Keep the first error's code. */
static void keep_first(int *code, int next)
{
    if (!*code)
        *code = next;
}

/* ---- scalars */

static bool is_null(const struct ld_node *node)
{
    return node->kind == LD_NODE_SCALAR && !node->quoted &&
           (node->text[0] == '\0' || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}

/* A message quotes at most this much of what the user wrote. */
#define QUOTED "\"%.60s\""

static int wrong_kind(struct ld_schema_context *context, const struct ld_node *node, const char *expected)
{
    if (is_null(node))
        return ld_schema_error(context, node, LD_ESPEC, "needs a value: %s", expected);
    static const char *const kinds[] = {"text", "a list", "a mapping"};
    return ld_schema_error(context, node, LD_ESPEC, "expected %s, not %s", expected, kinds[node->kind]);
}

static int not_expected(struct ld_schema_context *context, const struct ld_node *node, const char *expected)
{
    return ld_schema_error(context, node, LD_ESPEC, QUOTED " is not %s", node->text, expected);
}

/* The least unit of time with which the number would be in range; `usual` when there is none. */
static const char *fitting_unit(const struct ld_field *field, double number, const char *usual)
{
    static const struct {
        const char *unit;
        double ns;
    } units[] = {{"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
    bool bounded = field->minimum != 0 || field->maximum != 0;
    for (size_t i = 0; i < sizeof units / sizeof *units && bounded; i++)
        if (number * units[i].ns >= field->minimum && number * units[i].ns <= field->maximum)
            return units[i].unit;
    return usual;
}

/* A bare number where a quantity is due: say what it would be with a unit. */
static int missing_unit(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                        double number)
{
    char share[40];
    enum ld_field_type type = field->type;
    const char *text = node->text;
    if (type == LD_FIELD_PERCENT && number <= 1) {
        snprintf(share, sizeof share, "%g", number * 100);
        text = share;
    }
    const struct ld_unit_hint *hint = ld_unit_hint(type);
    return ld_schema_error(context, node, LD_ESPEC, QUOTED " needs a unit; write %s such as %.40s%s", node->text,
                           hint->quantity, text,
                           type == LD_FIELD_DURATION ? fitting_unit(field, number, hint->unit) : hint->unit);
}

static int parse_quantity(enum ld_field_type type, const char *text, struct ld_quantity *ret, const char **ret_expected)
{
    switch (type) {
    case LD_FIELD_INTEGER:
        return ld_parse_integer(text, &ret->integer, ret_expected);
    case LD_FIELD_DURATION:
        return ld_parse_duration(text, &ret->integer, ret_expected);
    case LD_FIELD_SIZE:
        return ld_parse_size(text, &ret->size, ret_expected);
    case LD_FIELD_BANDWIDTH:
        return ld_parse_bandwidth(text, &ret->size, ret_expected);
    case LD_FIELD_RATE:
        return ld_parse_rate(text, &ret->number, ret_expected);
    case LD_FIELD_PERCENT:
        return ld_parse_percent(text, &ret->number, ret_expected);
    default:
        return ld_parse_number(text, &ret->number, ret_expected);
    }
}

static bool counts_bytes(enum ld_field_type type)
{
    return type == LD_FIELD_SIZE || type == LD_FIELD_BANDWIDTH;
}

static double quantity_value(enum ld_field_type type, const struct ld_quantity *quantity)
{
    if (type == LD_FIELD_INTEGER || type == LD_FIELD_DURATION)
        return (double)quantity->integer;
    return counts_bytes(type) ? (double)quantity->size : quantity->number;
}

static int out_of_range(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node)
{
    char range[120];
    if (field->minimum == 1 && field->maximum == 1) /* the version of a format */
        return ld_schema_error(context, node, LD_ESPEC, QUOTED ": this leakdrill reads version 1", node->text);
    ld_range_text(field, range, sizeof range);
    return ld_schema_error(context, node, LD_ESPEC, QUOTED " is out of range: %s", node->text, range);
}

static int wrong_quantity(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                          int code, const char *expected)
{
    double number;
    const char *ignored;
    if (code == LD_ELIMIT)
        return ld_schema_error(context, node, LD_ESPEC, QUOTED " is too large", node->text);
    if (ld_unit_hint(field->type) && ld_parse_number(node->text, &number, &ignored) == 0)
        return missing_unit(context, field, node, number);
    return not_expected(context, node, expected);
}

/* Integers, numbers and everything with a unit. */
static int bind_quantity(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                         void *value)
{
    struct ld_quantity quantity = {0};
    const char *expected = "";
    int code = parse_quantity(field->type, node->text, &quantity, &expected);
    if (code)
        return wrong_quantity(context, field, node, code, expected);
    if (node->quoted && !ld_unit_hint(field->type))
        return ld_schema_error(context, node, LD_ESPEC, QUOTED " is text; write %s without quotes", node->text,
                               ld_type_phrase(field->type));
    double comparable = quantity_value(field->type, &quantity);
    bool bounded = field->minimum != 0 || field->maximum != 0;
    if (bounded && (comparable < field->minimum || comparable > field->maximum))
        return out_of_range(context, field, node);
    if (field->type == LD_FIELD_INTEGER || field->type == LD_FIELD_DURATION)
        *(int64_t *)value = quantity.integer;
    else if (counts_bytes(field->type))
        *(uint64_t *)value = quantity.size;
    else
        *(double *)value = quantity.number;
    return 0;
}

static int bind_text(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                     void *value)
{
    if (field->type == LD_FIELD_NAME && !ld_is_name(node->text))
        return not_expected(context, node, "a name: 1 to 100 of a-z 0-9 . _ / - and first a letter or digit");
    char *copy = ld_arena_text(context->arena, node->text);
    if (!copy)
        return no_memory(context);
    *(const char **)value = copy;
    return 0;
}

static int bind_bool(struct ld_schema_context *context, const struct ld_node *node, bool *value)
{
    bool truth = strcmp(node->text, "true") == 0;
    if (node->quoted || (!truth && strcmp(node->text, "false") != 0))
        return not_expected(context, node, "true or false");
    *value = truth;
    return 0;
}

static int bind_choice(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                       int *value)
{
    for (int i = 0; field->choices[i]; i++) {
        if (strcmp(field->choices[i], node->text) == 0) {
            *value = i;
            return 0;
        }
    }
    char choices[300];
    ld_names_text(field->choices, choices, sizeof choices);
    const char *nearest = ld_nearest(node->text, field->choices);
    if (nearest)
        return ld_schema_error(context, node, LD_ESPEC, QUOTED " is not one of %s; did you mean \"%s\"?", node->text,
                               choices, nearest);
    return ld_schema_error(context, node, LD_ESPEC, QUOTED " is not one of %s", node->text, choices);
}

static int bind_scalar(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                       void *value)
{
    if (node->kind != LD_NODE_SCALAR || is_null(node))
        return wrong_kind(context, node, ld_type_phrase(field->type));
    switch (field->type) {
    case LD_FIELD_TEXT:
    case LD_FIELD_NAME:
        return bind_text(context, field, node, value);
    case LD_FIELD_BOOL:
        return bind_bool(context, node, value);
    case LD_FIELD_CHOICE:
        return bind_choice(context, field, node, value);
    default:
        return bind_quantity(context, field, node, value);
    }
}

/* ---- lists and mappings */

static int check_count(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node)
{
    size_t maximum = field->count_max ? field->count_max : COUNT_MAX;
    if (node->count <= maximum)
        return 0;
    const struct ld_node *first_beyond = node->kind == LD_NODE_MAPPING ? node->keys[maximum] : node->items[maximum];
    return ld_schema_error(context, first_beyond, LD_ESPEC, "has %zu items; at most %zu are allowed", node->count,
                           maximum);
}

static int bind_list(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                     struct ld_list *value)
{
    if (node->kind != LD_NODE_SEQUENCE)
        return wrong_kind(context, node, "a list such as [a, b]");
    int code = check_count(context, field, node);
    if (code)
        return code;
    struct ld_list list = {.count = node->count};
    list.items = ld_arena_array(context->arena, node->count, field->size);
    if (!list.items)
        return no_memory(context);
    for (size_t i = 0; i < node->count; i++) {
        size_t length = ld_schema_push_index(context, i);
        keep_first(&code, ld_field_bind(context, field->item, node->items[i], (char *)list.items + i * field->size));
        ld_schema_pop(context, length);
    }
    if (!code)
        *value = list;
    return code;
}

/* The names of a mapping are the user's, so they are checked only for what would spoil output. */
static int check_map_name(struct ld_schema_context *context, const struct ld_node *key)
{
    size_t length = strlen(key->text);
    if (length > NAME_LENGTH_MAX)
        return ld_schema_error(context, key, LD_ESPEC, "a name of %zu bytes; at most %d are allowed", length,
                               NAME_LENGTH_MAX);
    for (const char *p = key->text; *p; p++)
        if ((unsigned char)*p <= ' ')
            return ld_schema_error(context, key, LD_ESPEC, "a name cannot contain spaces or control characters");
    return 0;
}

static int bind_map_item(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                         size_t i, struct ld_map *map)
{
    size_t length = ld_schema_push(context, node->keys[i]->text);
    int code = check_map_name(context, node->keys[i]);
    char *name = ld_arena_text(context->arena, node->keys[i]->text);
    if (!name)
        keep_first(&code, no_memory(context));
    map->names[i] = name;
    map->name_nodes[i] = node->keys[i];
    keep_first(&code, ld_field_bind(context, field->item, node->items[i], (char *)map->items + i * field->size));
    ld_schema_pop(context, length);
    return code;
}

static int bind_map(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                    struct ld_map *value)
{
    if (node->kind != LD_NODE_MAPPING)
        return wrong_kind(context, node, "a mapping of names to values");
    int code = check_count(context, field, node);
    if (code)
        return code;
    struct ld_map map = {.count = node->count};
    map.names = ld_arena_array(context->arena, node->count, sizeof(const char *));
    map.name_nodes = ld_arena_array(context->arena, node->count, sizeof(const struct ld_node *));
    map.items = ld_arena_array(context->arena, node->count, field->size);
    if (!map.names || !map.name_nodes || !map.items)
        return no_memory(context);
    for (size_t i = 0; i < node->count; i++)
        keep_first(&code, bind_map_item(context, field, node, i, &map));
    if (!code)
        *value = map;
    return code;
}

static int bind_optional_object(struct ld_schema_context *context, const struct ld_field *field,
                                const struct ld_node *node, void **value)
{
    void *object = ld_arena_take(context->arena, field->size);
    if (!object)
        return no_memory(context);
    int code = ld_schema_bind(context, field->object, node, object);
    if (!code)
        *value = object;
    return code;
}

int ld_field_bind(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                  void *value)
{
    void *place = (char *)value + field->offset;
    switch (field->type) {
    case LD_FIELD_OBJECT:
        return ld_schema_bind(context, field->object, node, place);
    case LD_FIELD_OPTIONAL_OBJECT:
        return bind_optional_object(context, field, node, place);
    case LD_FIELD_LIST:
        return bind_list(context, field, node, place);
    case LD_FIELD_MAP:
        return bind_map(context, field, node, place);
    case LD_FIELD_NODE:
        *(const struct ld_node **)place = node;
        return 0;
    case LD_FIELD_CUSTOM:
        return field->custom(context, field, node, place);
    default:
        return bind_scalar(context, field, node, place);
    }
}

/* ---- schemas */

/* The default, written as in YAML, becomes a node and is bound like a user's value. Most are plain scalars, and need no
 * parser; "" is the empty text. */
static int bind_initial(struct ld_schema_context *context, const struct ld_field *field, void *value)
{
    struct ld_node *node = ld_arena_take(context->arena, sizeof *node);
    if (!node)
        return no_memory(context);
    *node = (struct ld_node){.kind = LD_NODE_SCALAR, .text = field->initial, .quoted = field->initial[0] == '\0'};
    int code = 0;
    if (field->initial[0] && strchr("[{\"'", field->initial[0]))
        code = ld_node_parse(&node, context->arena, context->file, field->initial, strlen(field->initial),
                             context->errors);
    if (code)
        return code;
    size_t length = ld_schema_push(context, field->name);
    code = ld_field_bind(context, field, node, value);
    ld_schema_pop(context, length);
    return code;
}

int ld_schema_defaults(struct ld_schema_context *context, const struct ld_schema *schema, void *value)
{
    int code = 0;
    for (const struct ld_field *field = schema->fields; field->name; field++) {
        if (field->initial)
            keep_first(&code, bind_initial(context, field, value));
        else if (field->type == LD_FIELD_OBJECT)
            keep_first(&code, ld_schema_defaults(context, field->object, (char *)value + field->offset));
    }
    return code;
}

static int unknown_key(struct ld_schema_context *context, const struct ld_schema *schema, const struct ld_node *key)
{
    const char *names[FIELDS_MAX + 1];
    size_t count = 0;
    for (const struct ld_field *field = schema->fields; field->name && count < FIELDS_MAX; field++)
        names[count++] = field->name;
    names[count] = NULL;
    const char *nearest = ld_nearest(key->text, names);
    if (nearest)
        return ld_schema_error(context, key, LD_ESPEC, "unknown key " QUOTED "; did you mean \"%s\"?", key->text,
                               nearest);
    char known[400];
    names[count < KEYS_LISTED_MAX ? count : KEYS_LISTED_MAX] = NULL;
    ld_names_text(names, known, sizeof known);
    return ld_schema_error(context, key, LD_ESPEC, "unknown key " QUOTED "; %s has %s", key->text, schema->name,
                           count ? known : "no keys");
}

static int bind_pair(struct ld_schema_context *context, const struct ld_schema *schema, const struct ld_node *key,
                     const struct ld_node *node, void *value)
{
    size_t length = ld_schema_push(context, key->text);
    const struct ld_field *field = schema->fields;
    while (field->name && strcmp(field->name, key->text) != 0)
        field++;
    int code;
    if (!field->name)
        code = unknown_key(context, schema, key);
    else if (field->flags & LD_FIELD_NOT_YET)
        code = ld_schema_error(context, key, LD_ENOTYET, "key \"%s\" is not implemented yet", field->name);
    else
        code = ld_field_bind(context, field, node, value);
    ld_schema_pop(context, length);
    return code;
}

static int check_required(struct ld_schema_context *context, const struct ld_schema *schema, const struct ld_node *node)
{
    int code = 0;
    for (const struct ld_field *field = schema->fields; field->name; field++) {
        if (!(field->flags & LD_FIELD_REQUIRED) || ld_node_get(node, field->name))
            continue;
        size_t length = ld_schema_push(context, field->name);
        keep_first(&code, ld_schema_error(context, node, LD_ESPEC, "required key \"%s\" is missing: %s", field->name,
                                          ld_type_phrase(field->type)));
        ld_schema_pop(context, length);
    }
    return code;
}

int ld_schema_bind(struct ld_schema_context *context, const struct ld_schema *schema, const struct ld_node *node,
                   void *value)
{
    int code = ld_schema_defaults(context, schema, value);
    if (code)
        return code;
    if (node->kind != LD_NODE_MAPPING)
        return wrong_kind(context, node, "a mapping of keys to values");
    for (size_t i = 0; i < node->count; i++)
        if (node->keys[i]->text[0]) /* else the parser refused it and said so */
            keep_first(&code, bind_pair(context, schema, node->keys[i], node->items[i], value));
    keep_first(&code, check_required(context, schema, node));
    if (!code && schema->check)
        code = schema->check(context, node, value);
    return code;
}
