/* The faults of a run: intent, act, receipt.
 *
 *   waiting -> intended (its row is on its way to the disk) -> acting -> [ending ->] over (receipt)
 *
 * Here is when, and who acts: the proxy, whose fault is of bytes (run_line.c), or the process's shim, whose fault is of
 * a process (run_kill.c) or a resource (run_strain.c). */
#include <stdio.h>

#include "runner/run/run_internal.h"

static void begin_those_that_wait(struct ld_run *run);

void ld_run_fault_finish(struct ld_run_fault *fault, const struct ld_receipt *receipt)
{
    struct ld_run *run = fault->run;
    fault->state = LD_FAULT_OVER;
    fault->ended_ns = ld_run_now(run);
    if (receipt) {
        fault->receipt = *receipt;
        fault->receipt.effective = ld_receipt_proves(receipt);
        fault->have_receipt = true;
        ld_run_written(run, ld_writer_fault_receipt(run->control->writer, run->run_plan->index, fault->spec->id,
                                                    fault->began_ns, fault->ended_ns, &fault->receipt));
    }
    begin_those_that_wait(run);
    ld_run_proceed(run);
}

/* ---- who acts */

struct actor {
    void (*begin)(struct ld_run_fault *fault);
    void (*end)(struct ld_run_fault *fault);
};
static const struct actor proxy_actor = {ld_lines_fault_begin, ld_lines_fault_end},
                          kill_actor = {ld_kill_begin, ld_kill_end},
                          strain_actor = {ld_strain_fault_begin, ld_strain_fault_end},
                          sampling_actor = {ld_run_sampling_begin, ld_run_sampling_end},
                          reaction_actor = {ld_run_reaction_begin, ld_run_reaction_end};

static bool is_strain(const struct ld_run_fault *fault)
{
    return fault->victim_count && !ld_fault_is_instant(fault->spec->type);
}

static const struct actor *actor_of(const struct ld_run_fault *fault)
{
    if (ld_fault_table[fault->spec->type].scope == LD_SCOPE_SAMPLING)
        return &sampling_actor;
    if (ld_fault_table[fault->spec->type].scope == LD_SCOPE_REACTION)
        return &reaction_actor;
    return is_strain(fault) ? &strain_actor : fault->victim_count ? &kill_actor : &proxy_actor;
}

/* ---- the schedule */

/* What acts, or is just being taken off, where this one would; NULL: nothing. Lint refuses those that the clock
 * starts. */
static const struct ld_run_fault *rival_of(const struct ld_run_fault *fault)
{
    const struct ld_run *run = fault->run;
    for (size_t i = 0; i < run->fault_count; i++) {
        const struct ld_run_fault *other = &run->faults[i];
        bool acts = other->state == LD_FAULT_ACTING || other->state == LD_FAULT_ENDING;
        if (other != fault && acts && ld_fault_excludes(fault->spec, other->spec))
            return other;
    }
    return NULL;
}

/* rival: NULL: the run was ended while the intent was being written. */
static void refuse(struct ld_run_fault *fault, const struct ld_run_fault *rival)
{
    struct ld_receipt receipt = {.effective = false};
    if (rival)
        snprintf(receipt.text, sizeof receipt.text, "not begun: %.120s acts there already", rival->spec->id);
    else
        snprintf(receipt.text, sizeof receipt.text, "not begun: the run was ended before");
    ld_run_fault_finish(fault, &receipt);
}

static void begin(struct ld_run_fault *fault)
{
    const struct ld_run_fault *rival = rival_of(fault);
    bool ended = fault->run->ended_early;
    fault->waits_for_room = !ended && rival && rival->state == LD_FAULT_ENDING; /* not for long: it has its limit */
    if (fault->waits_for_room)
        return;
    fault->began_ns = ld_run_now(fault->run);
    if (ended || rival) {
        refuse(fault, ended ? NULL : rival);
        return;
    }
    fault->state = LD_FAULT_ACTING;
    actor_of(fault)->begin(fault);
    if (fault->off_asked && fault->state == LD_FAULT_ACTING)
        ld_run_fault_off(fault->run, (uint32_t)(fault - fault->run->faults));
}

static void begin_those_that_wait(struct ld_run *run)
{
    for (size_t i = 0; run->phase < LD_PHASE_STOP && i < run->fault_count; i++)
        if (run->faults[i].waits_for_room)
            begin(&run->faults[i]);
}

static void on_intent_durable(struct ld_ticket_wait *wait)
{
    struct ld_run_fault *fault = wait->context;
    struct ld_run *run = fault->run;
    struct ld_error error;
    if (run->phase >= LD_PHASE_STOP) {
        fault->state = LD_FAULT_OVER;
        ld_run_proceed(run);
        return;
    }
    if (ld_writer_status(run->control->writer, &error) != 0)
        ld_run_void(run, LD_INVALID_HARNESS, "%s", error.message);
    else
        begin(fault);
}

void ld_run_fault_on(struct ld_run *run, uint32_t index)
{
    struct ld_run_fault *fault = &run->faults[index];
    uint64_t ticket = 0;
    int64_t now = ld_run_now(run), lasts = ld_fault_lasts_ns(fault->spec);
    fault->state = LD_FAULT_INTENDED;
    fault->intent.done = on_intent_durable;
    fault->intent.context = fault;
    int code = ld_writer_fault_intent(run->control->writer, run->run_plan->index, fault->spec, now,
                                      lasts >= 0 ? now + ld_scenario_scaled_ns(run->scenario, lasts) : now,
                                      ld_control_wake(run->control), &ticket);
    ld_run_written(run, code);
    if (code == 0)
        ld_control_await(run->control, &fault->intent, ticket);
}

void ld_run_fault_off(struct ld_run *run, uint32_t index)
{
    struct ld_run_fault *fault = &run->faults[index];
    fault->off_asked = true;
    if (fault->state == LD_FAULT_ACTING)
        actor_of(fault)->end(fault);
}

bool ld_run_faults_over(const struct ld_run *run)
{
    for (size_t i = 0; i < run->fault_count; i++) {
        const struct ld_run_fault *fault = &run->faults[i];
        if (fault->state == LD_FAULT_WAITING && (fault->spec->when || run->ended_early))
            continue; /* its condition never held, or its time will not come */
        if (fault->state != LD_FAULT_OVER)
            return false;
        for (uint32_t k = 0; k < fault->victim_count; k++)
            if (ld_victim_awaits_restart(&fault->victims[k]))
                return false;
    }
    return true;
}

/* ---- what services say */

void ld_run_fault_started(struct ld_run *run, const struct ld_service *service)
{
    for (size_t i = 0; run->phase < LD_PHASE_STOP && i < run->fault_count; i++) {
        struct ld_victim *victim = ld_victim_of(&run->faults[i], service);
        if (victim && is_strain(&run->faults[i]) && run->faults[i].state == LD_FAULT_ACTING)
            ld_strain_fault_started(&run->faults[i], victim);
    }
}

void ld_run_fault_line(struct ld_run *run, const struct ld_service *service, const char *line)
{
    for (size_t i = 0; i < run->fault_count; i++) {
        struct ld_victim *victim = ld_victim_of(&run->faults[i], service);
        if (victim && is_strain(&run->faults[i]) && run->faults[i].state == LD_FAULT_ACTING)
            ld_strain_fault_line(&run->faults[i], victim, line);
    }
}

void ld_run_fault_strained(struct ld_run *run, const struct ld_service *service, enum ld_strain strain,
                           enum ld_means means, int saved_errno)
{
    for (size_t i = 0; i < run->fault_count; i++) {
        struct ld_victim *victim = ld_victim_of(&run->faults[i], service);
        if (victim && is_strain(&run->faults[i]))
            ld_strain_fault_answered(&run->faults[i], victim, strain, means, saved_errno);
    }
}

bool ld_run_fault_explains(const struct ld_run *run, const struct ld_service *service)
{
    for (size_t i = 0; i < run->fault_count; i++) {
        const struct ld_victim *victim = ld_victim_of(&run->faults[i], service);
        if (!victim)
            continue;
        if (is_strain(&run->faults[i]) ? ld_strain_fault_explains(&run->faults[i], victim) : ld_kill_explains(victim))
            return true;
    }
    return false;
}

static void note_late_death(const struct ld_run_fault *fault, const struct ld_service *service, int64_t status)
{
    char text[256];
    snprintf(text, sizeof text, "%s died late of %.100s (%s %d)", service->spec.name, fault->spec->id,
             status < 0 ? "signal" : "exit code", (int)(status < 0 ? -status : status));
    ld_run_note(fault->run, "death", text);
}

void ld_run_fault_died(struct ld_run *run, const struct ld_service *service, int64_t status)
{
    for (size_t i = 0; i < run->fault_count; i++) {
        struct ld_run_fault *fault = &run->faults[i];
        struct ld_victim *victim = ld_victim_of(fault, service);
        if (!victim)
            continue;
        if (is_strain(fault)) {
            ld_strain_fault_died(fault, victim);
        } else if (ld_kill_explains(victim)) {
            note_late_death(fault, service, status);
        } else if (fault->state == LD_FAULT_ACTING && ld_victim_killed(victim)) {
            victim->status = status;
            ld_kill_died(fault, victim);
        }
    }
}

void ld_run_fault_gone(struct ld_run *run, const struct ld_service *service)
{
    for (size_t i = 0; run->phase < LD_PHASE_STOP && i < run->fault_count; i++) {
        struct ld_victim *victim = ld_victim_of(&run->faults[i], service);
        if (victim && ld_victim_killed(victim))
            ld_victim_gone(victim);
    }
}

/* ---- making them */

static int make_victims(struct ld_run_fault *fault, struct ld_error *error)
{
    struct ld_run *run = fault->run;
    enum ld_fault_scope scope = ld_fault_table[fault->spec->type].scope;
    if (scope != LD_SCOPE_PROCESS && scope != LD_SCOPE_RESOURCE)
        return 0;
    bool upstream = fault->spec->attributes.victims.who == LD_WHO_UPSTREAM;
    uint32_t count = upstream ? 1 : (uint32_t)run->scenario->target.instances;
    fault->victims = ld_arena_array(run->arena, count, sizeof *fault->victims);
    if (!fault->victims)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    for (fault->victim_count = 0; fault->victim_count < count; fault->victim_count++) {
        struct ld_victim *victim = &fault->victims[fault->victim_count];
        *victim = (struct ld_victim){
            .fault = fault, .index = fault->victim_count, .shown_after_ns = -1, .slowest_ns = -1, .gone_after_ns = -1};
        uv_timer_init(&run->control->loop, &victim->restart);
        victim->restart.data = victim;
    }
    uv_timer_init(&run->control->loop, &fault->timer);
    uv_timer_init(&run->control->loop, &fault->limit);
    fault->timer.data = fault->limit.data = fault;
    fault->open = true;
    run->open_handles += count + 2;
    return 0;
}

int ld_run_faults_make(struct ld_run *run, struct ld_error *error)
{
    const struct ld_fault_case *fault_case = &run->scenario->fault_cases[run->cell->fault_case];
    int code = 0;
    run->faults = ld_arena_array(run->arena, fault_case->fault_count + 1, sizeof *run->faults);
    if (!run->faults)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    for (; run->fault_count < fault_case->fault_count && !code; run->fault_count++) {
        struct ld_run_fault *fault = &run->faults[run->fault_count];
        fault->run = run;
        fault->spec = &fault_case->faults[run->fault_count];
        code = make_victims(fault, error);
    }
    return code;
}

uint64_t ld_run_fault_disk_bytes(const struct ld_run *run)
{
    for (size_t i = 0; i < run->fault_count; i++)
        if (run->faults[i].spec->type == LD_FAULT_DISK)
            return run->faults[i].spec->attributes.disk.size_bytes;
    return 0;
}

static void on_victim_timer_closed(uv_handle_t *handle)
{
    ld_run_handle_closed(((struct ld_victim *)handle->data)->fault->run);
}

static void on_timer_closed(uv_handle_t *handle)
{
    ld_run_handle_closed(((struct ld_run_fault *)handle->data)->run);
}

void ld_run_faults_end(struct ld_run *run)
{
    for (size_t i = 0; i < run->fault_count; i++) {
        struct ld_run_fault *fault = &run->faults[i];
        ld_control_forget(run->control, &fault->intent);
        if (!fault->open)
            continue;
        fault->open = false;
        uv_close((uv_handle_t *)&fault->timer, on_timer_closed);
        uv_close((uv_handle_t *)&fault->limit, on_timer_closed);
        for (uint32_t k = 0; k < fault->victim_count; k++)
            uv_close((uv_handle_t *)&fault->victims[k].restart, on_victim_timer_closed);
    }
}
