/* The fault `pause`: its attributes. The shim stops and continues. */
#include "fault/schemas.h"

static const struct ld_field fields[] = {
    {.name = "who", .type = LD_FIELD_CHOICE, .offset = LD_VICTIMS_AT(who), .choices = ld_fault_who_names,
     .initial = "target", .doc = LD_VICTIM_WHO_DOC},
    LD_VICTIM_FIELDS,
    {0},
};

const struct ld_schema ld_fault_pause_schema = {
    .name = "pause",
    .doc =
        "Stop the target or its upstream (SIGSTOP to its process group) and continue it at the end; a child that "
        "made a session of its own goes on. Its shim keeps the lease: it continues them when the time is up, whatever "
        "became of leakdrill.",
    .fields = fields,
    .check = ld_fault_check_victims,
};
