/* The fault `crash`: its attributes. */
#include <signal.h>

#include "fault/schemas.h"

const char *const ld_fault_crash_signals[] = {"SEGV", "ABRT", NULL};
const int ld_fault_crash_numbers[] = {SIGSEGV, SIGABRT};

static const struct ld_field fields[] = {
    {.name = "who", .type = LD_FIELD_CHOICE, .offset = LD_VICTIMS_AT(who), .choices = ld_fault_who_names,
     .initial = "target", .doc = "Which process crashes: the target or its upstream."},
    {.name = "signal", .type = LD_FIELD_CHOICE, .offset = LD_AGAIN_AT(signal), .choices = ld_fault_crash_signals,
     .initial = "SEGV", .doc = "The signal that a bad pointer (SEGV) or an abort (ABRT) would raise."},
    LD_AGAIN_FIELDS,
    LD_VICTIM_FIELDS,
    {0},
};

const struct ld_schema ld_fault_crash_schema = {
    .name = "crash",
    .doc =
        "Let the target or its upstream crash: it gets the signal that a bad pointer or an abort raises. A Go program "
        "then writes the stacks of all goroutines and exits with code 2. The receipt says how each one ended.",
    .fields = fields,
    .check = ld_fault_check_again,
};
