/* The fault `exit`: its attributes. */
#include "fault/schemas.h"

static const struct ld_field fields[] = {
    {.name = "who", .type = LD_FIELD_CHOICE, .offset = LD_VICTIMS_AT(who), .choices = ld_fault_who_names,
     .initial = "target", .doc = "Which process ends: the target or its upstream."},
    LD_AGAIN_FIELDS,
    LD_VICTIM_FIELDS,
    {0},
};

const struct ld_schema ld_fault_exit_schema = {
    .name = "exit",
    .doc = "Ask the target or its upstream to end by itself: a program that keeps the contract is told to stop over "
           "descriptor 5, any other gets SIGTERM. Not effective when it has not ended within phases.stop.",
    .fields = fields,
    .check = ld_fault_check_again,
};
