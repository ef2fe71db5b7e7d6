/* The fault `disk`: its attributes.  */
#include "fault/schemas.h"

static const struct ld_field fields[] = {
    {.name = "size", .type = LD_FIELD_SIZE, .offset = offsetof(union ld_fault_attributes, disk.size_bytes),
     .minimum = 64.0 * 1024, .maximum = 256.0 * 1024 * 1024, .initial = "1MiB",
     .doc = "Size of the folder, all faults of the case alike."},
    {.name = "who", .type = LD_FIELD_CHOICE, .offset = LD_VICTIMS_AT(who), .choices = ld_fault_who_names,
     .initial = "target", .doc = LD_VICTIM_WHO_DOC},
    LD_VICTIM_FIELDS,
    {0},
};

static int check(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    const struct ld_fault_disk *disk = &((union ld_fault_attributes *)value)->disk;
    int code = ld_fault_check_victims(context, node, value);
    if (!code && disk->victims.who == LD_WHO_UPSTREAM)
        code = ld_schema_error(context, ld_node_get(node, "who"), LD_ESPEC, "only a target has a folder of its own");
    return code;
}

const struct ld_schema ld_fault_disk_schema = {
    .name = "disk",
    .doc = "Fill the folder that the target may write to, and empty it at the end. In a case with this fault each "
           "instance has such a folder, a file system of its own in memory: its working folder (not of a command), and "
           "TMPDIR.",
    .fields = fields,
    .check = check,
};
