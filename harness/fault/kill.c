/* The fault `kill`: its attributes. leakdrill sends the signal, by the process's pidfd. */
#include <signal.h>

#include "fault/schemas.h"

const char *const ld_fault_kill_signals[] = {"KILL", "TERM", NULL};
const int ld_fault_kill_numbers[] = {SIGKILL, SIGTERM};

static const struct ld_field fields[] = {
    {.name = "who", .type = LD_FIELD_CHOICE, .offset = LD_VICTIMS_AT(who), .flags = LD_FIELD_REQUIRED,
     .choices = ld_fault_who_names, .doc = "Which process dies: the target or its upstream."},
    {.name = "signal", .type = LD_FIELD_CHOICE, .offset = LD_AGAIN_AT(signal), .choices = ld_fault_kill_signals,
     .initial = "KILL", .doc = "The signal sent."},
    LD_AGAIN_FIELDS,
    LD_VICTIM_FIELDS,
    {0},
};

const struct ld_schema ld_fault_kill_schema = {
    .name = "kill",
    .doc = "Kill the target or its upstream by a signal, and restart it if asked. A killed target ends its "
           "incarnation; the restart begins the next.",
    .fields = fields,
    .check = ld_fault_check_again,
};
