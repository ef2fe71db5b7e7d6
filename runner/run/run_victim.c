/* Whom a fault of a process or resource is meant for, and how they come back. */
#include "base/clock.h"
#include "runner/run/run_internal.h"

static bool means_upstream(const struct ld_run_fault *fault)
{
    return fault->spec->attributes.victims.who == LD_WHO_UPSTREAM;
}

struct ld_instance *ld_victim_instance(const struct ld_victim *victim)
{
    return means_upstream(victim->fault) ? NULL : &victim->fault->run->instances[victim->index];
}

struct ld_service *ld_victim_service(const struct ld_victim *victim)
{
    struct ld_instance *instance = ld_victim_instance(victim);
    return instance ? &instance->service : &victim->fault->run->upstream;
}

bool ld_victim_up(const struct ld_victim *victim)
{
    struct ld_instance *instance = ld_victim_instance(victim);
    return instance ? instance->up : victim->fault->run->upstream_up;
}

struct ld_victim *ld_victim_of(const struct ld_run_fault *fault, const struct ld_service *service)
{
    bool upstream = service == &fault->run->upstream;
    if (fault->victim_count == 0 || means_upstream(fault) != upstream)
        return NULL;
    struct ld_victim *victim = &fault->victims[upstream ? 0 : service->index];
    return victim->chosen ? victim : NULL;
}

void ld_victims_choose(struct ld_run_fault *fault)
{
    struct ld_run *run = fault->run;
    bool chosen[LD_FAULT_INSTANCES_MAX] = {true};
    if (!means_upstream(fault))
        ld_fault_choose(run->run_plan->seed, fault->spec, fault->victim_count, chosen);
    for (uint32_t i = 0; i < fault->victim_count; i++) {
        fault->victims[i].chosen = chosen[i];
        ld_run_written(
            run, ld_writer_fault_decision(run->control->writer, run->run_plan->index, fault->spec->id, i, chosen[i]));
    }
}

/* ---- coming back */

static int64_t restart_after_ns(const struct ld_run_fault *fault)
{
    const union ld_fault_attributes *attributes = &fault->spec->attributes;
    if (ld_fault_is_instant(fault->spec->type))
        return attributes->kill.restart_after_ns;
    return fault->spec->type == LD_FAULT_MEMORY ? attributes->memory.restart_after_ns : -1;
}

bool ld_victim_killed(const struct ld_victim *victim)
{
    return victim->killed && victim->killed == ld_victim_service(victim)->incarnation;
}

static void on_restart(uv_timer_t *timer)
{
    struct ld_victim *victim = timer->data;
    struct ld_run *run = victim->fault->run;
    struct ld_service *service = ld_victim_service(victim);
    struct ld_error error;
    if (run->phase >= LD_PHASE_STOP || run->ended_early || !ld_victim_killed(victim) ||
        service->state != LD_SERVICE_DOWN)
        return;
    if (ld_service_start(service, &error) != 0)
        ld_run_void(run, LD_INVALID_HARNESS, "%s cannot be restarted: %s", service->spec.name, error.message);
}

/* The restart counts from the death; when what died is swept away later than that, from then. */
void ld_victim_gone(struct ld_victim *victim)
{
    struct ld_run *run = victim->fault->run;
    int64_t after_ns = restart_after_ns(victim->fault);
    if (after_ns < 0)
        return;
    int64_t wait_ns = victim->struck_ns + victim->died_after_ns + ld_scenario_scaled_ns(run->scenario, after_ns) -
                      ld_run_now(run);
    uv_update_time(&run->control->loop);
    uv_timer_start(&victim->restart, on_restart, wait_ns > 0 ? (uint64_t)((wait_ns + LD_MS - 1) / LD_MS) : 0, 0);
}

/* Has what it killed, or the life after that, yet to come up? One that came up is not waited for any more: a later kill
 * may have it down for good. In a run that was ended nothing is started any more. */
bool ld_victim_awaits_restart(const struct ld_victim *victim)
{
    if (!victim->killed || restart_after_ns(victim->fault) < 0 || victim->fault->run->ended_early)
        return false;
    return ld_victim_killed(victim) || ld_victim_service(victim)->state == LD_SERVICE_STARTING;
}
