/* One detector of a scenario: a name, or a mapping of one name to its options. */
#include <stdalign.h>
#include <string.h>

#include "base/text.h"
#include "scenario/draft.h"

/* Behind a kind's options lies the name that `as` gives. */
static size_t as_offset(const struct ld_detector_kind *kind)
{
    size_t size = kind->options ? kind->options_size : 0;
    return (size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
}

const struct ld_schema *ld_detector_item_schema(const struct ld_detector_kind *kind, struct ld_arena *arena)
{
    size_t count = 0;
    while (kind->options && kind->options->fields[count].name)
        count++;
    struct ld_schema *schema = ld_arena_take(arena, sizeof *schema);
    struct ld_field *fields = ld_arena_array(arena, count + 2, sizeof *fields);
    if (!schema || !fields)
        return NULL;
    if (count)
        memcpy(fields, kind->options->fields, count * sizeof *fields);
    fields[count] = (struct ld_field){.name = "as",
                                      .type = LD_FIELD_NAME,
                                      .offset = as_offset(kind),
                                      .doc = "Another name for it, so that two of one kind can watch the same run."};
    *schema = (struct ld_schema){
        .name = kind->name, .doc = kind->doc, .fields = fields, .check = kind->options ? kind->options->check : NULL};
    return schema;
}

/* The kinds of detectors that have no name of their own in the table. */
static bool is_detector_type(const char *name)
{
    static const enum ld_detector_type declared[] = {LD_DETECTOR_ENDPOINT, LD_DETECTOR_WEBHOOK, LD_DETECTOR_STATIC};
    for (size_t i = 0; i < sizeof declared / sizeof declared[0]; i++)
        if (strcmp(name, ld_detector_type_name(declared[i])) == 0)
            return true;
    return false;
}

static int find_kind(struct ld_schema_context *context, const struct ld_node *name,
                     const struct ld_detector_kind **ret_kind)
{
    const struct ld_detector_kind *kind = ld_detector_find(name->text);
    if (!kind && is_detector_type(name->text))
        return ld_schema_error(context, name, LD_ENOTYET, "a detector of kind %s is not implemented yet", name->text);
    if (!kind)
        return ld_unknown_name(context, name, "detector", name->text, ld_detector_names());
    if (kind->calibration)
        return ld_schema_error(context, name, LD_ESPEC, "%s is of the calibration set, which always runs", name->text);
    *ret_kind = kind;
    return 0;
}

/* NULL when a bare name will do. */
static const char *required_option(const struct ld_detector_kind *kind)
{
    for (const struct ld_field *field = kind->options ? kind->options->fields : NULL; field && field->name; field++)
        if (field->flags & LD_FIELD_REQUIRED)
            return field->name;
    return NULL;
}

/* A bare text as the mapping that it is short for; NULL: out of memory. */
static const struct ld_node *write_out(struct ld_schema_context *context, const char *option,
                                       const struct ld_node *text)
{
    struct ld_node *nodes = ld_arena_array(context->arena, 3, sizeof *nodes);
    struct ld_node **links = ld_arena_array(context->arena, 2, sizeof *links);
    if (!nodes || !links)
        return NULL;
    nodes[0] = (struct ld_node){.kind = LD_NODE_MAPPING, .line = text->line, .column = text->column, .count = 1,
                                .keys = &links[0], .items = &links[1]};
    nodes[1] = (struct ld_node){.kind = LD_NODE_SCALAR, .line = text->line, .column = text->column, .text = option};
    nodes[2] = *text;
    links[0] = &nodes[1];
    links[1] = &nodes[2];
    return nodes;
}

/* `node` NULL: without options; then `place` is where errors are. */
static int bind_options(struct ld_schema_context *context, const struct ld_node *node, const struct ld_node *place,
                        struct ld_detector_spec *detector)
{
    const struct ld_detector_kind *kind = detector->kind;
    const struct ld_schema *schema = ld_detector_item_schema(kind, context->arena);
    const char *missing = node ? NULL : required_option(kind);
    if (missing)
        return ld_schema_error(context, place, LD_ESPEC, "needs `%s`: write {%s: {%s: ...}}", missing, kind->name,
                               missing);
    char *memory = ld_arena_take(context->arena, as_offset(kind) + sizeof(const char *));
    bool is_short = node && node->kind == LD_NODE_SCALAR && kind->short_option;
    const struct ld_node *given = is_short ? write_out(context, kind->short_option, node) : node;
    if (!schema || !memory || (is_short && !given))
        return ld_schema_error(context, place, LD_ENOMEM, "out of memory");
    int code = given ? ld_schema_bind(context, schema, given, memory) : ld_schema_defaults(context, schema, memory);
    if (code)
        return code;
    const char *as = *(const char **)(void *)(memory + as_offset(kind));
    if (as)
        detector->name = as;
    detector->options = kind->options ? memory : NULL;
    return 0;
}

int ld_detector_item_bind(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                          void *value)
{
    struct ld_detector_spec *detector = value;
    bool mapping = node->kind == LD_NODE_MAPPING && node->count == 1;
    (void)field;
    if (node->kind != LD_NODE_SCALAR && !mapping)
        return ld_schema_error(context, node, LD_ESPEC,
                               "must be a detector's name, or a mapping of one name to its options");
    const struct ld_node *name = mapping ? node->keys[0] : node;
    int code = find_kind(context, name, &detector->kind);
    if (code)
        return code;
    detector->name = name->text;
    size_t length = mapping ? ld_schema_push(context, name->text) : 0;
    code = bind_options(context, mapping ? node->items[0] : NULL, node, detector);
    if (mapping)
        ld_schema_pop(context, length);
    return code;
}

int ld_detector_declaration_parse(struct ld_detector_spec *ret_spec, struct ld_arena *arena, const char *file,
                                  const char *text, size_t length, struct ld_errors *errors)
{
    struct ld_schema_context context = {.file = file, .arena = arena, .errors = errors};
    struct ld_detector_spec spec = {0};
    struct ld_node *root = NULL;
    int code = ld_node_parse(&root, arena, file, text, length, errors);
    if (!code)
        code = ld_detector_item_bind(&context, NULL, root, &spec);
    if (!code)
        *ret_spec = spec;
    return code;
}
