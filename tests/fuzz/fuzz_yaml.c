/* Any bytes as a YAML document, bound to a schema with a field of each type. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "yaml/schema.h"

struct inner {
    int64_t every_ns;
    double share;
    uint64_t memory;
};

struct outer {
    const char *name, *note;
    bool loud;
    int64_t runs;
    double weight, rate;
    int variant;
    struct inner period, *extra;
    struct ld_list periods;
    struct ld_map weights;
    const struct ld_node *kept;
};

static const char *const variants[] = {"leaky", "healthy", NULL};

static const struct ld_field inner_fields[] = {
    {.name = "every", .type = LD_FIELD_DURATION, .offset = offsetof(struct inner, every_ns), .minimum = 1,
     .maximum = 1e9},
    {.name = "share", .type = LD_FIELD_PERCENT, .offset = offsetof(struct inner, share)},
    {.name = "memory", .type = LD_FIELD_SIZE, .offset = offsetof(struct inner, memory)},
    {0},
};
static const struct ld_schema inner_schema = {.name = "inner", .fields = inner_fields};
static const struct ld_field inner_item = {.type = LD_FIELD_OBJECT, .object = &inner_schema};
static const struct ld_field weight_item = {.type = LD_FIELD_NUMBER};

static const struct ld_field outer_fields[] = {
    {.name = "name", .type = LD_FIELD_NAME, .offset = offsetof(struct outer, name), .flags = LD_FIELD_REQUIRED},
    {.name = "note", .type = LD_FIELD_TEXT, .offset = offsetof(struct outer, note)},
    {.name = "loud", .type = LD_FIELD_BOOL, .offset = offsetof(struct outer, loud)},
    {.name = "runs", .type = LD_FIELD_INTEGER, .offset = offsetof(struct outer, runs), .minimum = 1, .maximum = 9},
    {.name = "weight", .type = LD_FIELD_NUMBER, .offset = offsetof(struct outer, weight)},
    {.name = "rate", .type = LD_FIELD_RATE, .offset = offsetof(struct outer, rate)},
    {.name = "variant", .type = LD_FIELD_CHOICE, .offset = offsetof(struct outer, variant), .choices = variants},
    {.name = "period", .type = LD_FIELD_OBJECT, .offset = offsetof(struct outer, period), .object = &inner_schema},
    {.name = "extra", .type = LD_FIELD_OPTIONAL_OBJECT, .offset = offsetof(struct outer, extra),
     .object = &inner_schema, .size = sizeof(struct inner)},
    {.name = "periods", .type = LD_FIELD_LIST, .offset = offsetof(struct outer, periods), .item = &inner_item,
     .size = sizeof(struct inner)},
    {.name = "weights", .type = LD_FIELD_MAP, .offset = offsetof(struct outer, weights), .item = &weight_item,
     .size = sizeof(double)},
    {.name = "kept", .type = LD_FIELD_NODE, .offset = offsetof(struct outer, kept)},
    {.name = "later", .type = LD_FIELD_TEXT, .flags = LD_FIELD_NOT_YET},
    {0},
};
static const struct ld_schema outer_schema = {.name = "outer", .fields = outer_fields};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct ld_errors errors = {0};
    struct ld_node *root = NULL;
    struct outer outer = {0};
    struct ld_arena *arena = ld_arena_new(LD_YAML_ARENA_MAX);
    if (!arena)
        return 0;
    int code = ld_node_parse(&root, arena, "fuzz", bytes, length, &errors);
    if (root) {
        struct ld_schema_context context = {.file = "fuzz", .arena = arena, .errors = &errors};
        int bound = ld_schema_bind(&context, &outer_schema, root, &outer);
        code = code ? code : bound;
        assert(context.path[0] == '\0');
    }
    /* A code and a message come together. */
    assert((code != 0) == (errors.count + errors.dropped > 0));
    char line[1200];
    for (size_t i = 0; i < errors.count; i++)
        ld_error_format(&errors.items[i], line, sizeof line);
    ld_errors_done(&errors);
    ld_arena_free(arena);
    return 0;
}
