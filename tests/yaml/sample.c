#include "sample.h"

#include <math.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/text.h"

#define PERIOD(member) offsetof(struct sample_period, member)
#define AT(member) offsetof(struct sample, member)

static const char *const variants[] = {"leaky", "healthy", NULL};

static const struct ld_field period_fields[] = {
    {.name = "every", .type = LD_FIELD_DURATION, .offset = PERIOD(every_ns), .minimum = 10 * LD_MS,
     .maximum = 10 * LD_SECOND, .initial = "250ms", .doc = "Time between two samples."},
    {.name = "share", .type = LD_FIELD_PERCENT, .offset = PERIOD(share), .minimum = 0.1, .maximum = 1},
    {.name = "memory", .type = LD_FIELD_SIZE, .offset = PERIOD(memory), .minimum = 1 << 20, .maximum = INFINITY},
    {0},
};

static int check_period(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    struct sample_period *period = value;
    if (period->every_ns == LD_SECOND)
        return ld_schema_error(context, node, LD_ESPEC, "every must not be 1s");
    return 0;
}

static const struct ld_schema period_schema = {
    .name = "period", .doc = "How often.", .fields = period_fields, .check = check_period};

static int bind_even(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                     void *value)
{
    int64_t number;
    const char *expected;
    (void)field;
    if (node->kind != LD_NODE_SCALAR || ld_parse_integer(node->text, &number, &expected) || number % 2)
        return ld_schema_error(context, node, LD_ESPEC, "must be even");
    *(int *)value = (int)number;
    return 0;
}

static const struct ld_field number = {.type = LD_FIELD_INTEGER, .minimum = 1, .maximum = 9};
static const struct ld_field weight = {.type = LD_FIELD_NUMBER};
static const struct ld_field period_item = {.type = LD_FIELD_OBJECT, .object = &period_schema};

static const struct ld_field fields[] = {
    {.name = "name", .type = LD_FIELD_NAME, .offset = AT(name), .flags = LD_FIELD_REQUIRED,
     .doc = "What it is called."},
    {.name = "note", .type = LD_FIELD_TEXT, .offset = AT(note), .initial = ""},
    {.name = "loud", .type = LD_FIELD_BOOL, .offset = AT(loud), .initial = "true"},
    {.name = "runs", .type = LD_FIELD_INTEGER, .offset = AT(runs), .minimum = -5, .maximum = 1000, .initial = "5"},
    {.name = "weight", .type = LD_FIELD_NUMBER, .offset = AT(weight), .minimum = -INFINITY, .maximum = 2},
    {.name = "rate", .type = LD_FIELD_RATE, .offset = AT(rate), .initial = "40/s"},
    {.name = "variant", .type = LD_FIELD_CHOICE, .offset = AT(variant), .choices = variants, .initial = "healthy"},
    {.name = "period", .type = LD_FIELD_OBJECT, .offset = AT(period), .object = &period_schema,
     .doc = "A period, with a documentation that is rather longer than one line of seventy-eight columns is."},
    {.name = "extra", .type = LD_FIELD_OPTIONAL_OBJECT, .offset = AT(extra), .object = &period_schema,
     .size = sizeof(struct sample_period)},
    {.name = "numbers", .type = LD_FIELD_LIST, .offset = AT(numbers), .item = &number, .size = sizeof(int64_t),
     .count_max = 5, .initial = "[1, 2]"},
    {.name = "periods", .type = LD_FIELD_LIST, .offset = AT(periods), .item = &period_item,
     .size = sizeof(struct sample_period)},
    {.name = "weights", .type = LD_FIELD_MAP, .offset = AT(weights), .item = &weight, .size = sizeof(double),
     .count_max = 3},
    {.name = "kept", .type = LD_FIELD_NODE, .offset = AT(kept)},
    {.name = "even", .type = LD_FIELD_CUSTOM, .offset = AT(even), .custom = bind_even},
    {.name = "later", .type = LD_FIELD_TEXT, .flags = LD_FIELD_NOT_YET, .doc = "Some day."},
    {0},
};

const struct ld_schema sample_schema = {.name = "sample", .doc = "Everything at once.", .fields = fields};

int sample_read(const char *bytes, size_t length, struct sample *ret_sample, struct ld_arena **ret_arena,
                struct ld_errors *errors)
{
    struct ld_node *root = NULL;
    *ret_arena = ld_arena_new(LD_YAML_ARENA_MAX);
    if (!*ret_arena)
        return LD_ENOMEM;
    int code = ld_node_parse(&root, *ret_arena, "a.yaml", bytes, length, errors);
    struct ld_schema_context context = {.file = "a.yaml", .arena = *ret_arena, .errors = errors};
    *ret_sample = (struct sample){0};
    int bound = root ? ld_schema_bind(&context, &sample_schema, root, ret_sample) : 0;
    return code ? code : bound;
}

void expect_errors_of(const char *bytes, size_t length, const char *expected)
{
    struct ld_errors errors = {0};
    struct ld_arena *arena;
    struct sample sample;
    struct ld_buffer text;
    char line[1200];
    int code = sample_read(bytes, length, &sample, &arena, &errors);
    ld_buffer_init(&text, 1 << 20);
    for (size_t i = 0; i < errors.count; i++)
        ld_buffer_printf(&text, "%s\n", ld_error_format(&errors.items[i], line, sizeof line));
    assert_string_equal(ld_buffer_text(&text), expected);
    if (errors.count)
        assert_int_equal(code, errors.items[0].code);
    ld_buffer_done(&text);
    ld_errors_done(&errors);
    ld_arena_free(arena);
}

void expect_errors(const char *yaml, const char *expected)
{
    expect_errors_of(yaml, strlen(yaml), expected);
}
