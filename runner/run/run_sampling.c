/* Sampling faults of a run: at the doors of all its instances. What a read becomes is the doors' and harness/fault's
 * business; here is when, and what of the gaps in the samples was meant. */
#include "runner/run/run_internal.h"

static bool is_sampling(const struct ld_run_fault *fault)
{
    return ld_fault_table[fault->spec->type].scope == LD_SCOPE_SAMPLING;
}

void ld_run_sampling_begin(struct ld_run_fault *fault)
{
    struct ld_run *run = fault->run;
    fault->doors = ld_arena_array(run->arena, run->instance_count, sizeof *fault->doors);
    if (!fault->doors) {
        ld_run_void(run, LD_INVALID_HARNESS, "fault %s: out of memory", fault->spec->id);
        return;
    }
    for (uint32_t i = 0; i < run->instance_count; i++) {
        fault->doors[i] =
            (struct ld_door_fault){.spec = fault->spec, .seed = run->run_plan->seed, .instance = i};
        ld_door_fault_add(&run->instances[i].door, &fault->doors[i]);
    }
}

void ld_run_sampling_end(struct ld_run_fault *fault)
{
    struct ld_run *run = fault->run;
    struct ld_sampling_effect sum = {0};
    struct ld_receipt receipt;
    for (uint32_t i = 0; i < run->instance_count; i++) {
        ld_door_fault_remove(&run->instances[i].door, &fault->doors[i]);
        ld_sampling_effect_add(&sum, &fault->doors[i].effect);
    }
    ld_sampling_receipt(&sum, fault->spec, &receipt);
    ld_run_fault_finish(fault, &receipt);
}

/* A read that was delayed in time may end later than the fault, but not later than a reader waits. */
static int64_t end_of(const struct ld_run *run, const struct ld_run_fault *fault)
{
    int64_t late_ns =
        fault->spec->attributes.sampling.how == LD_SAMPLING_SLOW ? run->scenario->sampling.timeout_ns : 0;
    return fault->state == LD_FAULT_OVER ? fault->ended_ns + late_ns : INT64_MAX;
}

int64_t ld_run_sampling_within(const struct ld_run *run, int64_t from_ns, int64_t to_ns)
{
    int64_t within_ns = 0;
    /* Faults may overlap: from one end to the furthest that covers it, and then on to the next beginning. */
    for (int64_t at_ns = from_ns; at_ns < to_ns;) {
        int64_t covered_to_ns = at_ns, next_ns = to_ns;
        for (size_t i = 0; i < run->fault_count; i++) {
            const struct ld_run_fault *fault = &run->faults[i];
            if (!is_sampling(fault) || fault->state < LD_FAULT_ACTING)
                continue;
            if (fault->began_ns <= at_ns && end_of(run, fault) > covered_to_ns)
                covered_to_ns = end_of(run, fault);
            if (fault->began_ns > at_ns && fault->began_ns < next_ns)
                next_ns = fault->began_ns;
        }
        covered_to_ns = covered_to_ns < to_ns ? covered_to_ns : to_ns;
        within_ns += covered_to_ns - at_ns;
        at_ns = covered_to_ns > at_ns ? covered_to_ns : next_ns;
    }
    return within_ns;
}
