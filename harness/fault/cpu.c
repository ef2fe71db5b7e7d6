/* The fault `cpu`: its attributes.  */
#include "fault/schemas.h"

static const struct ld_field fields[] = {
    {.name = "limit", .type = LD_FIELD_PERCENT, .offset = offsetof(union ld_fault_attributes, cpu.limit),
     .flags = LD_FIELD_REQUIRED, .minimum = 0.01, .maximum = 0.99, .doc = "Share of one core, or of the time."},
    {.name = "who", .type = LD_FIELD_CHOICE, .offset = LD_VICTIMS_AT(who), .choices = ld_fault_who_names,
     .initial = "target", .doc = LD_VICTIM_WHO_DOC},
    LD_VICTIM_FIELDS,
    {0},
};

const struct ld_schema ld_fault_cpu_schema = {
    .name = "cpu",
    .doc = "Limit the share of a core: by cpu.max where there is a cgroup v2 with that controller, else by stopping and "
           "continuing the process 20 times a second, so that it runs in that share of the time. The receipt says which.",
    .fields = fields,
    .check = ld_fault_check_victims,
};
