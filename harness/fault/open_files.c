/* The fault `open_files`: its attributes.  */
#include "fault/schemas.h"

static const struct ld_field fields[] = {
    {.name = "limit", .type = LD_FIELD_INTEGER, .offset = offsetof(union ld_fault_attributes, open_files.limit),
     .flags = LD_FIELD_REQUIRED, .minimum = 3, .maximum = 1048576, .doc = "Descriptors that it may have open."},
    {.name = "who", .type = LD_FIELD_CHOICE, .offset = LD_VICTIMS_AT(who), .choices = ld_fault_who_names,
     .initial = "target", .doc = LD_VICTIM_WHO_DOC},
    LD_VICTIM_FIELDS,
    {0},
};

const struct ld_schema ld_fault_open_files_schema = {
    .name = "open_files",
    .doc =
        "Lower the limit of open files of the running process, and raise it again at the end. Where the hard limit "
        "can be raised again (root) both limits are lowered, else the soft one. Descriptors that are open stay open.",
    .fields = fields,
    .check = ld_fault_check_victims,
};
