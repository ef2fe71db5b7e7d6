/* The faults of a run: intent, act, receipt.
 *
 *   waiting -> intended (its row is on its way to the disk) -> acting -> over (receipt)
 *
 * What a fault does to bytes is the proxy's and harness/fault's business; here is when, and killing. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "runner/run/run_internal.h"

#define DIED_MAX (sizeof((struct ld_run_fault *)0)->died_after_ns / sizeof(int64_t))

static bool is_kill(const struct ld_run_fault *fault)
{
    return fault->spec->type == LD_FAULT_KILL;
}

static const struct ld_fault_kill *kill_of(const struct ld_run_fault *fault)
{
    return &fault->spec->attributes.kill;
}

static struct ld_run_fault *find(struct ld_run *run, const char *id)
{
    for (size_t i = 0; i < run->fault_count; i++)
        if (strcmp(run->faults[i].spec->id, id) == 0)
            return &run->faults[i];
    return NULL;
}

void ld_run_fault_finish(struct ld_run_fault *fault, const struct ld_receipt *receipt)
{
    struct ld_run *run = fault->run;
    fault->state = LD_FAULT_OVER;
    fault->ended_ns = ld_run_now(run);
    if (receipt) {
        fault->receipt = *receipt;
        fault->have_receipt = true;
        ld_run_written(run, ld_writer_fault_receipt(run->control->writer, run->run_plan->index, fault->spec->id,
                                                    fault->began_ns, fault->ended_ns, receipt));
    }
    ld_run_proceed(run);
}

/* ---- kill */

static void kill_instance(struct ld_run_fault *fault, struct ld_instance *instance)
{
    const struct ld_fault_kill *kill = kill_of(fault);
    if (!instance->up || (kill->victims.instance >= 0 && kill->victims.instance != (int64_t)instance->index))
        return;
    instance->death_expected = true;
    if (ld_service_signal(&instance->service, ld_fault_signal(fault->spec)) != 0)
        return;
    fault->killed[instance->index] = instance->service.incarnation;
    fault->asked++;
}

static void kill_upstream(struct ld_run_fault *fault)
{
    struct ld_run *run = fault->run;
    if (!run->upstream_up)
        return;
    run->upstream_death_expected = true;
    if (ld_service_signal(&run->upstream, ld_fault_signal(fault->spec)) != 0)
        return;
    fault->killed[0] = run->upstream.incarnation;
    fault->asked++;
}

/* Did this kill mean the service's present (or just ended) incarnation? */
static bool killed_it(const struct ld_run_fault *fault, const struct ld_service *service)
{
    bool upstream = service == &fault->run->upstream;
    if (!is_kill(fault) || (kill_of(fault)->victims.who == LD_WHO_UPSTREAM) != upstream)
        return false;
    return fault->killed[upstream ? 0 : service->index] == service->incarnation;
}

static void receipt_of_kill(struct ld_run_fault *fault)
{
    struct ld_receipt receipt = {.touched = fault->died,
                                 .count = fault->died,
                                 .effective = fault->asked > 0 && fault->died == fault->asked};
    uint32_t known = fault->died < DIED_MAX ? fault->died : (uint32_t)DIED_MAX;
    for (uint32_t i = 0; i < known; i++) {
        receipt.p50_ns = receipt.p50_ns ? receipt.p50_ns : fault->died_after_ns[i];
        if (fault->died_after_ns[i] > receipt.p99_ns)
            receipt.p99_ns = fault->died_after_ns[i];
    }
    if (kill_of(fault)->victims.who == LD_WHO_TARGET)
        receipt.spared = fault->run->instance_count - fault->died;
    snprintf(receipt.text, sizeof receipt.text, "%s to %u process%s, %u dead, the slowest after %.1f ms",
             ld_fault_signal_name(fault->spec), fault->asked, fault->asked == 1 ? "" : "es", fault->died,
             (double)receipt.p99_ns / 1e6);
    ld_run_fault_finish(fault, &receipt);
}

void ld_run_fault_died(struct ld_run *run, const struct ld_service *service)
{
    for (size_t i = 0; i < run->fault_count; i++) {
        struct ld_run_fault *fault = &run->faults[i];
        if (fault->state != LD_FAULT_ACTING || !killed_it(fault, service))
            continue;
        if (fault->died < DIED_MAX)
            fault->died_after_ns[fault->died] = ld_run_now(run) - fault->began_ns;
        fault->died++;
        if (fault->died == fault->asked)
            receipt_of_kill(fault);
    }
}

static void start_again(struct ld_run *run, struct ld_service *service)
{
    struct ld_error error;
    if (service->state == LD_SERVICE_DOWN && ld_service_start(service, &error) != 0)
        ld_run_void(run, LD_INVALID_HARNESS, "%s cannot be restarted: %s", service->spec.name, error.message);
}

static void on_restart(uv_timer_t *timer)
{
    struct ld_run_fault *fault = timer->data;
    struct ld_run *run = fault->run;
    const struct ld_fault_kill *kill = kill_of(fault);
    if (run->phase >= LD_PHASE_STOP)
        return;
    if (kill->victims.who == LD_WHO_UPSTREAM && killed_it(fault, &run->upstream))
        start_again(run, &run->upstream);
    for (uint32_t i = 0; kill->victims.who == LD_WHO_TARGET && i < run->instance_count; i++)
        if (killed_it(fault, &run->instances[i].service))
            start_again(run, &run->instances[i].service);
}

/* The restart counts from the kill; when what was killed is swept away later than that, from then. */
static void arm_restart(struct ld_run_fault *fault)
{
    struct ld_run *run = fault->run;
    int64_t restart_after = ld_scenario_scaled_ns(run->scenario, kill_of(fault)->restart_after_ns);
    int64_t wait_ns = fault->began_ns + restart_after - ld_run_now(run);
    uv_update_time(&run->control->loop);
    uv_timer_start(&fault->restart, on_restart, wait_ns > 0 ? (uint64_t)((wait_ns + LD_MS - 1) / LD_MS) : 0, 0);
}

void ld_run_fault_gone(struct ld_run *run, const struct ld_service *service)
{
    for (size_t i = 0; run->phase < LD_PHASE_STOP && i < run->fault_count; i++) {
        struct ld_run_fault *fault = &run->faults[i];
        if (killed_it(fault, service) && kill_of(fault)->restart_after_ns >= 0)
            arm_restart(fault);
    }
}

/* ---- acting */

static void act(struct ld_run_fault *fault)
{
    struct ld_run *run = fault->run;
    struct ld_error error;
    fault->state = LD_FAULT_ACTING;
    fault->began_ns = ld_run_now(run);
    if (ld_fault_table[fault->spec->type].scope == LD_SCOPE_SAMPLING) {
        ld_run_sampling_begin(fault);
        return;
    }
    if (!is_kill(fault)) {
        if (ld_proxy_fault_start(run->listener, fault->spec, &error) != 0)
            ld_run_void(run, LD_INVALID_HARNESS, "fault %s: %s", fault->spec->id, error.message);
        return;
    }
    if (kill_of(fault)->victims.who == LD_WHO_UPSTREAM)
        kill_upstream(fault);
    else
        for (uint32_t i = 0; i < run->instance_count; i++)
            kill_instance(fault, &run->instances[i]);
    if (fault->asked == 0)
        receipt_of_kill(fault); /* nobody was there to kill: not effective */
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
    if (ld_writer_status(run->control->writer, &error) != 0) {
        ld_run_void(run, LD_INVALID_HARNESS, "%s", error.message);
        return;
    }
    act(fault);
    if (fault->off_asked && fault->state == LD_FAULT_ACTING)
        ld_run_fault_off(run, (uint32_t)(fault - run->faults));
}

void ld_run_fault_on(struct ld_run *run, uint32_t index)
{
    struct ld_run_fault *fault = &run->faults[index];
    uint64_t ticket = 0;
    int64_t now = ld_run_now(run);
    int64_t lasts = fault->spec->for_ns;
    if (is_kill(fault) && kill_of(fault)->restart_after_ns >= 0)
        lasts = kill_of(fault)->restart_after_ns;
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
    if (fault->state == LD_FAULT_ACTING && ld_fault_table[fault->spec->type].scope == LD_SCOPE_SAMPLING) {
        ld_run_sampling_end(fault);
        return;
    }
    if (fault->state == LD_FAULT_ACTING && !is_kill(fault))
        if (ld_proxy_fault_stop(run->listener, fault->spec->id) != 0)
            ld_run_void(run, LD_INVALID_HARNESS, "out of memory");
}

/* Has what it killed, or the life after that, yet to come up? One that came up is not waited for any more: a later kill
 * may have it down for good. */
static bool awaits_service(const struct ld_run_fault *fault, const struct ld_service *service, uint32_t killed)
{
    return killed_it(fault, service) || (killed && service->state == LD_SERVICE_STARTING);
}

static bool awaits_restart(const struct ld_run_fault *fault)
{
    const struct ld_run *run = fault->run;
    if (kill_of(fault)->victims.who == LD_WHO_UPSTREAM)
        return awaits_service(fault, &run->upstream, fault->killed[0]);
    for (uint32_t i = 0; i < run->instance_count; i++)
        if (awaits_service(fault, &run->instances[i].service, fault->killed[i]))
            return true;
    return false;
}

bool ld_run_faults_over(const struct ld_run *run)
{
    for (size_t i = 0; i < run->fault_count; i++) {
        const struct ld_run_fault *fault = &run->faults[i];
        if (fault->state != LD_FAULT_OVER)
            return false;
        if (is_kill(fault) && kill_of(fault)->restart_after_ns >= 0 && awaits_restart(fault))
            return false;
    }
    return true;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct ld_run_fault *fault = handle->data;
    ld_run_handle_closed(fault->run);
}

int ld_run_faults_make(struct ld_run *run, struct ld_error *error)
{
    const struct ld_fault_case *fault_case = &run->scenario->fault_cases[run->cell->fault_case];
    run->faults = ld_arena_array(run->arena, fault_case->fault_count + 1, sizeof *run->faults);
    if (!run->faults)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    for (; run->fault_count < fault_case->fault_count; run->fault_count++) {
        struct ld_run_fault *fault = &run->faults[run->fault_count];
        fault->run = run;
        fault->spec = &fault_case->faults[run->fault_count];
        fault->killed = ld_arena_array(run->arena, (size_t)run->scenario->target.instances, sizeof *fault->killed);
        if (!fault->killed)
            return ld_fail(error, LD_ENOMEM, "out of memory");
        fault->restart.data = fault;
        uv_timer_init(&run->control->loop, &fault->restart);
        fault->restart_open = true;
        run->open_handles++;
    }
    return 0;
}

void ld_run_faults_end(struct ld_run *run)
{
    for (size_t i = 0; i < run->fault_count; i++) {
        struct ld_run_fault *fault = &run->faults[i];
        ld_control_forget(run->control, &fault->intent);
        if (fault->restart_open)
            uv_close((uv_handle_t *)&fault->restart, on_timer_closed);
        fault->restart_open = false;
    }
}

/* ---- what the proxy says */

static void on_decision(void *context, const char *fault_id, uint64_t connection, bool touched, int64_t time_ns)
{
    struct ld_run *run = context;
    (void)time_ns;
    ld_run_written(run, ld_writer_fault_decision(run->control->writer, run->run_plan->index, fault_id, connection,
                                                 touched));
}

static void on_began(void *context, const char *fault_id, int code, int64_t time_ns)
{
    struct ld_run *run = context;
    struct ld_run_fault *fault = find(run, fault_id);
    if (code)
        ld_run_void(run, LD_INVALID_HARNESS, "fault %s: %s", fault_id, ld_code_text(code));
    else if (fault)
        fault->began_ns = time_ns - run->start_ns;
}

static void on_ended(void *context, const char *fault_id, int64_t began_ns, int64_t ended_ns,
                     const struct ld_receipt *receipt)
{
    struct ld_run *run = context;
    struct ld_run_fault *fault = find(run, fault_id);
    (void)began_ns;
    (void)ended_ns;
    if (fault && fault->state == LD_FAULT_ACTING)
        ld_run_fault_finish(fault, receipt);
}

static void on_refused(void *context, uint64_t count, int64_t time_ns)
{
    struct ld_run *run = context;
    (void)time_ns;
    ld_run_void(run, LD_INVALID_HARNESS, "the proxy refused %llu connections over its limit",
                (unsigned long long)count);
}

static void on_closed(void *context, const struct ld_proxy_counts *counts)
{
    struct ld_run *run = context;
    char text[192];
    snprintf(text, sizeof text, "%llu connections, %llu found no upstream, %llu reset, %llu bytes up, %llu down",
             (unsigned long long)counts->accepted, (unsigned long long)counts->upstream_refused,
             (unsigned long long)counts->resets, (unsigned long long)counts->bytes_up,
             (unsigned long long)counts->bytes_down);
    ld_run_note(run, "proxy", text);
    if (counts->lost_events)
        ld_run_void(run, LD_INVALID_HARNESS, "the proxy lost %llu messages", (unsigned long long)counts->lost_events);
    run->listener_open = false;
    ld_run_handle_closed(run);
}

static void on_upstream_changed(void *context, uint16_t port, int code, int64_t time_ns)
{
    (void)port;
    (void)time_ns;
    if (code)
        ld_run_void(context, LD_INVALID_HARNESS, "the proxy cannot listen again");
}

const struct ld_proxy_events ld_run_proxy_events = {.decision = on_decision,
                                                    .fault_began = on_began,
                                                    .fault_ended = on_ended,
                                                    .upstream_changed = on_upstream_changed,
                                                    .refused = on_refused,
                                                    .closed = on_closed};
