/* One fault of a fault case. Its keys are the fault table's rows, so that a new row is a new key. */
#include <string.h>

#include "fault/condition.h"
#include "scenario/draft.h"

struct fault_item {
    int64_t at_ns, for_ns;
    const struct ld_node *when;
    const struct ld_node *attributes[LD_FAULT_TYPES]; /* NULL: not named */
};

#define AT(member) offsetof(struct fault_item, member)

void ld_fault_item_fields(struct ld_field fields[LD_FAULT_ITEM_FIELDS])
{
    size_t count = 0;
    memset(fields, 0, LD_FAULT_ITEM_FIELDS * sizeof *fields);
    fields[count++] = (struct ld_field){.name = "at",
                                        .type = LD_FIELD_DURATION,
                                        .offset = AT(at_ns),
                                        .maximum = (double)LD_SCENARIO_METHOD_MAX_NS,
                                        .doc = "When it begins, after the method began; or else `when`."};
    fields[count++] = (struct ld_field){.name = "for",
                                        .type = LD_FIELD_DURATION,
                                        .offset = AT(for_ns),
                                        .minimum = 1e6,
                                        .maximum = (double)LD_SCENARIO_METHOD_MAX_NS,
                                        .doc = "How long it lasts. Not given: until the load and all other faults have "
                                               "ended. An instant such as kill has none."};
    fields[count++] =
        (struct ld_field){.name = "when",
                          .type = LD_FIELD_NODE,
                          .offset = AT(when),
                          .object = &ld_when_schema,
                          .doc = "Instead of `at`: a condition that starts it, such as {matrix: red, for: "
                                 "3m}. Once, before the method's end, which ends it too. From then on "
                                 "the run no longer counts for or against a detector."};
    for (int type = 0; type < LD_FAULT_TYPES; type++) {
        const struct ld_fault_info *info = &ld_fault_table[type];
        fields[count++] = (struct ld_field){.name = info->name,
                                            .type = LD_FIELD_NODE,
                                            .offset = AT(attributes) + (size_t)type * sizeof(const struct ld_node *),
                                            .doc = info->doc};
    }
}

/* By the clock or by a condition: one of the two. */
static int bind_start(struct ld_schema_context *context, const struct ld_node *node, const struct fault_item *item,
                      struct ld_fault_spec *fault)
{
    const struct ld_node *at = ld_node_get(node, "at");
    fault->when = NULL;
    if (!at && !item->when)
        return ld_schema_error(context, node, LD_ESPEC, "required key \"at\" is missing: when it begins; or `when`, a "
                                                        "condition");
    if (!item->when)
        return 0;
    size_t length = ld_schema_push(context, "when");
    int code = 0;
    struct ld_when *when = ld_arena_take(context->arena, sizeof *when);
    if (at)
        code = ld_schema_error(context, item->when, LD_ESPEC, "either at or when, not both");
    else if (!when)
        code = ld_schema_error(context, item->when, LD_ENOMEM, "out of memory");
    else
        code = ld_schema_bind(context, &ld_when_schema, item->when, when);
    ld_schema_pop(context, length);
    fault->when = code ? NULL : when;
    return code;
}

int ld_fault_item_bind(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                       void *value)
{
    struct ld_fault_spec *fault = value;
    struct fault_item item = {0};
    struct ld_field fields[LD_FAULT_ITEM_FIELDS];
    (void)field;
    ld_fault_item_fields(fields);
    const struct ld_schema schema = {.name = "fault", .doc = "", .fields = fields};
    enum ld_fault_type type = LD_FAULT_TYPES;
    int code = ld_schema_bind(context, &schema, node, &item);
    if (!code)
        code = bind_start(context, node, &item, fault);
    if (!code)
        code = ld_fault_named(context, node, item.attributes, "fault", "latency or kill", &type);
    if (code)
        return code;
    code = ld_fault_bind(context, type, item.attributes[type], &fault->attributes);
    const struct ld_node *duration = ld_node_get(node, "for");
    if (duration && ld_fault_is_instant(type)) {
        size_t length = ld_schema_push(context, "for");
        code = ld_schema_error(context, duration, LD_ESPEC, "%s is an instant and has no duration",
                               ld_fault_table[type].name);
        ld_schema_pop(context, length);
    }
    fault->type = type;
    fault->at_ns = fault->when ? 0 : item.at_ns;
    fault->for_ns = duration ? item.for_ns : -1;
    return code;
}
