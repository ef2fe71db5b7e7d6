/* The fault `memory`: its attributes.  */
#include "fault/schemas.h"

static const struct ld_field fields[] = {
    {.name = "limit", .type = LD_FIELD_SIZE, .offset = offsetof(union ld_fault_attributes, memory.limit_bytes),
     .flags = LD_FIELD_REQUIRED, .minimum = 1024.0 * 1024, .maximum = 1e15, .doc = "Most memory it may have."},
    {.name = "restart_after", .type = LD_FIELD_DURATION,
     .offset = offsetof(union ld_fault_attributes, memory.restart_after_ns), .maximum = LD_HOUR,
     .doc = "Time from its death by this fault to its restart. Not given: it stays dead."},
    {.name = "who", .type = LD_FIELD_CHOICE, .offset = LD_VICTIMS_AT(who), .choices = ld_fault_who_names,
     .initial = "target", .doc = LD_VICTIM_WHO_DOC},
    LD_VICTIM_FIELDS,
    {0},
};

static int check(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    struct ld_fault_memory *memory = &((union ld_fault_attributes *)value)->memory;
    if (!ld_node_get(node, "restart_after"))
        memory->restart_after_ns = -1;
    return ld_fault_check_victims(context, node, value);
}

const struct ld_schema ld_fault_memory_schema = {
    .name = "memory",
    .doc =
        "Limit the memory of the running process: by memory.max where there is a cgroup v2 with that controller (the "
        "kernel then kills it, or it is slowed down by reclaim), else by RLIMIT_DATA, which refuses it more "
        "private memory than that (a Go program then ends with out of memory and exit code 2). The receipt says "
        "which. A death under it counts as the fault's.",
    .fields = fields,
    .check = check,
};
