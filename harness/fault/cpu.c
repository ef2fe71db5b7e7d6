/* The fault `cpu`: its attributes, and what looks at a process that is stopped and continued prove. */
#include "fault/cpu.h"

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
    .doc = "Limit the share of a core: by cpu.max where there is a cgroup v2 with that controller, else by stopping "
           "and continuing the process 20 times a second, so that it runs in that share of the time. The receipt says "
           "which.",
    .fields = fields,
    .check = ld_fault_check_victims,
};

#define STOPPED_SLACK 0.15 /* a shim that shares its core stops and continues late */
#define STOPPED_LEAST 2    /* one look may have met somebody else's stop */

bool ld_cpu_is_held(const struct ld_fault_cpu *cpu, uint64_t stopped, uint64_t looks)
{
    double share = 1 - cpu->limit, least = share - STOPPED_SLACK;
    if (least < share / 2)
        least = share / 2;
    return stopped >= STOPPED_LEAST && (double)stopped >= least * (double)looks;
}
