/* The phases of a run. */
#include "runner/run/run.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "runner/run/own.h"
#include "runner/run/run_internal.h"

#define FATE_MS 300 /* a reset connection is heard of before the death behind it, by less than this */
#define OPTIONS_MAX ((size_t)64 * 1024) /* of one detector, as JSON */

static void enter(struct ld_run *run, enum ld_phase phase);

/* A phase: what begins it, and whether what it waits for is there. The table stands behind the functions it names. */
struct phase {
    const char *name;
    void (*enter)(struct ld_run *run);
    bool (*is_over)(const struct ld_run *run);
};
static const struct phase phases[LD_PHASE_COUNT];

int64_t ld_run_now(const struct ld_run *run)
{
    return (int64_t)uv_hrtime() - run->start_ns;
}

const char *ld_run_phase_name(const struct ld_run *run)
{
    return phases[run->phase].name;
}

const char *ld_run_cell_name(const struct ld_run *run)
{
    return run->cell->name;
}

const struct ld_run_plan *ld_run_plan_of(const struct ld_run *run)
{
    return run->run_plan;
}

uint32_t ld_run_alerts(const struct ld_run *run)
{
    return run->summary.alerts;
}

void ld_run_note(struct ld_run *run, const char *kind, const char *text)
{
    ld_run_written(run, ld_writer_note(run->control->writer, run->run_plan->index, ld_run_now(run), kind, text));
}

void ld_run_void(struct ld_run *run, enum ld_validity validity, const char *format, ...)
{
    char text[sizeof run->summary.reason];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (run->summary.validity == LD_VALID) {
        run->summary.validity = validity;
        snprintf(run->summary.reason, sizeof run->summary.reason, "%s", text);
    }
    if (run->phase < LD_PHASE_STOP)
        enter(run, LD_PHASE_STOP);
}

static void judge_fate(struct ld_run *run)
{
    for (uint32_t i = 0; i < run->instance_count; i++) {
        const struct ld_instance *instance = &run->instances[i];
        if (instance->unreadable[0] && !instance->died_by_itself)
            ld_run_void(run, LD_INVALID_HARNESS, "%s cannot be read (%s)", instance->name, instance->unreadable);
    }
}

static void on_fate(uv_timer_t *timer)
{
    struct ld_run *run = timer->data;
    judge_fate(run);
}

void ld_run_await_fate(struct ld_run *run)
{
    uv_update_time(&run->control->loop);
    uv_timer_start(&run->fate_timer, on_fate, FATE_MS, 0);
}

void ld_run_end_early(struct ld_run *run)
{
    if (run->phase < LD_PHASE_STOP)
        enter(run, LD_PHASE_STOP);
}

void ld_run_written(struct ld_run *run, int code)
{
    struct ld_error error;
    if (code == 0 || (run->summary.validity != LD_VALID && run->phase >= LD_PHASE_STOP))
        return;
    ld_fail(&error, code, "%s", ld_code_text(code));
    ld_writer_status(run->control->writer, &error);
    ld_run_void(run, LD_INVALID_HARNESS, "%s", error.message);
}

/* ---- the schedule */

static void on_schedule(uv_timer_t *timer);

static void declare_leak(struct ld_run *run)
{
    const struct ld_declared_truth *declared = run->scenario->target.declared;
    struct ld_truth_event event = {.time_ns = ld_run_now(run),
                                   .incarnation = 1,
                                   .kind = LD_TRUTH_LEAK,
                                   .interval = "declared",
                                   .cause = declared->cause,
                                   .unit = LD_UNIT_GOROUTINES,
                                   .amount = declared->amount,
                                   .goroutines_per_unit = 1,
                                   .culprit = "",
                                   .text = ""};
    for (size_t i = 0; i < declared->seen_at.count && i < LD_TRUTH_SITES_MAX; i++)
        event.seen_at[event.seen_at_count++] = ((const char **)declared->seen_at.items)[i];
    run->declared_due = false;
    ld_run_truth_add(run, &event);
}

static int64_t declared_at(const struct ld_run *run)
{
    return run->declared_due
               ? ld_scenario_scaled_ns(run->scenario, run->scenario->target.declared->from_ns) + run->run_plan->phase_ns
               : INT64_MAX;
}

static void perform(struct ld_run *run, const struct ld_action *action)
{
    switch (action->kind) {
    case LD_ACTION_LOAD_ON:
        run->load_drained = false;
        ld_load_start(&run->load, run->run_plan->load_per_second);
        break;
    case LD_ACTION_LOAD_OFF:
        ld_load_stop(&run->load);
        break;
    case LD_ACTION_FAULT_ON:
        ld_run_fault_on(run, action->fault);
        break;
    case LD_ACTION_FAULT_OFF:
        ld_run_fault_off(run, action->fault);
        break;
    case LD_ACTION_END:
        ld_run_conditions_over(run);
        run->time_up = true;
        ld_run_proceed(run);
        break;
    }
}

static void arm_schedule(struct ld_run *run)
{
    int64_t next = declared_at(run);
    if (run->next_action < run->run_plan->action_count && run->run_plan->actions[run->next_action].at_ns < next)
        next = run->run_plan->actions[run->next_action].at_ns;
    if (next == INT64_MAX || run->phase != LD_PHASE_METHOD)
        return;
    int64_t wait_ns = run->method_ns + next - (int64_t)uv_hrtime();
    uv_update_time(&run->control->loop);
    uv_timer_start(&run->schedule_timer, on_schedule, wait_ns > 0 ? (uint64_t)((wait_ns + LD_MS - 1) / LD_MS) : 0, 0);
}

static void on_schedule(uv_timer_t *timer)
{
    struct ld_run *run = timer->data;
    int64_t at = (int64_t)uv_hrtime() - run->method_ns;
    if (declared_at(run) <= at)
        declare_leak(run);
    while (run->phase == LD_PHASE_METHOD && run->next_action < run->run_plan->action_count &&
           run->run_plan->actions[run->next_action].at_ns <= at)
        perform(run, &run->run_plan->actions[run->next_action++]);
    arm_schedule(run);
}

/* ---- entering and leaving phases */

static void on_phase_timer(uv_timer_t *timer)
{
    struct ld_run *run = timer->data;
    run->time_up = true;
    ld_run_proceed(run);
}

static void arm_phase(struct ld_run *run, int64_t ns)
{
    run->time_up = false;
    uv_update_time(&run->control->loop);
    uv_timer_start(&run->phase_timer, on_phase_timer, (uint64_t)((ns + LD_MS - 1) / LD_MS), 0);
}

/* Whom the phase waits for; NULL: nobody in particular. */
static const char *awaited(const struct ld_run *run)
{
    if (run->phase == LD_PHASE_PREPARE)
        return run->has_upstream && !run->upstream_up ? run->upstream.spec.name : NULL;
    for (uint32_t i = 0; i < run->instance_count; i++) {
        const struct ld_instance *instance = &run->instances[i];
        bool here = run->phase == LD_PHASE_SPAWN ? instance->up : instance->surveyed;
        if (!here)
            return instance->name;
    }
    return run->phase == LD_PHASE_WARM_UP ? ld_panel_awaited(run->panel) : NULL;
}

static void on_wall(uv_timer_t *timer)
{
    struct ld_run *run = timer->data;
    const char *whom = awaited(run);
    ld_run_void(run, LD_INVALID_HARNESS, "took longer than limits.wall (%.0f s), in phase %s%s%s",
                (double)run->scenario->target.limits.wall_ns / 1e9, phases[run->phase].name,
                whom ? ", waiting for " : "", whom ? whom : "");
}

static void start_service(struct ld_run *run, struct ld_service *service)
{
    struct ld_error error;
    if (run->phase < LD_PHASE_STOP && ld_service_start(service, &error) != 0)
        ld_run_void(run, LD_INVALID_HARNESS, "%s", error.message);
}

static void enter_spawn(struct ld_run *run)
{
    for (uint32_t i = 0; i < run->instance_count; i++)
        start_service(run, &run->instances[i].service);
}

static void enter_baseline(struct ld_run *run)
{
    for (uint32_t i = 0; i < run->instance_count; i++)
        ld_instance_close_gaps(&run->instances[i], false);
    arm_phase(run, ld_scenario_scaled_ns(run->scenario, run->scenario->phases.baseline_ns));
    ld_instances_survey(run, LD_PURPOSE_BEFORE);
    for (uint32_t i = 0; i < run->instance_count; i++)
        ld_sampler_start(&run->instances[i].sampler);
}

/* Steady: nothing moved that the method could be blamed for afterwards. What is only watched may move as it likes. */
static void enter_steady(struct ld_run *run)
{
    const struct ld_fault_case *fault_case = &run->scenario->fault_cases[run->cell->fault_case];
    bool method = ld_scenario_method_ns(run->scenario, fault_case) > 0;
    for (uint32_t i = 0; i < run->instance_count && method; i++) {
        const struct ld_instance *instance = &run->instances[i];
        double moved = instance->most_count - instance->least_count;
        double allowed = instance->least_count / 4 > 20 ? instance->least_count / 4 : 20;
        if (moved > allowed) {
            ld_run_void(run, LD_INVALID_HARNESS, "%s is not steady: %.0f to %.0f goroutines before anything began",
                        instance->name, instance->least_count, instance->most_count);
            return;
        }
    }
    ld_run_conditions_gate(run);
    ld_run_proceed(run);
}

static void enter_method(struct ld_run *run)
{
    run->method_ns = (int64_t)uv_hrtime();
    run->time_up = false;
    ld_run_conditions_arm(run);
    run->declared_due = run->scenario->target.truth == LD_TRUTH_DECLARED && run->scenario->target.declared &&
                        !run->scenario->target.declared->healthy && run->cell->variant == LD_VARIANT_LEAKY;
    arm_schedule(run);
}

static void enter_drain(struct ld_run *run)
{
    arm_phase(run, ld_scenario_scaled_ns(run->scenario, run->scenario->phases.drain_ns));
    ld_run_proceed(run);
}

static void enter_settle(struct ld_run *run)
{
    ld_load_cancel(&run->load);
    arm_phase(run, ld_scenario_scaled_ns(run->scenario, run->scenario->phases.settle_ns));
}

static void enter_after(struct ld_run *run)
{
    for (uint32_t i = 0; i < run->instance_count; i++)
        if (run->instances[i].up)
            ld_instance_close_gaps(&run->instances[i], true); /* a gap that is still open is one, too */
    ld_instances_survey(run, LD_PURPOSE_AFTER);
    ld_run_proceed(run);
}

static void enter_stop(struct ld_run *run)
{
    run->observed_to_ns = run->observed_from_ns >= 0 ? ld_run_now(run) : -1;
    if (ld_panel_end(run->panel, run->summary.validity != LD_VALID))
        run->open_handles++;
    uv_timer_stop(&run->phase_timer);
    uv_timer_stop(&run->schedule_timer);
    uv_timer_stop(&run->wall_timer);
    uv_timer_stop(&run->fate_timer);
    uv_timer_stop(&run->conditions.timer);
    ld_run_conditions_write(run);
    ld_load_cancel(&run->load);
    /* Judged while all that belongs to it is still there, and before any alert is looked at. */
    ld_run_judge_validity(run);
    ld_run_truth_settle(run);
    for (uint32_t i = 0; i < run->instance_count; i++) {
        run->instances[i].death_expected = true;
        if (run->instances[i].sampler.magic)
            ld_sampler_stop(&run->instances[i].sampler);
        if (run->instances[i].service.magic)
            ld_service_stop(&run->instances[i].service);
    }
    run->upstream_death_expected = true;
    if (run->has_upstream)
        ld_service_stop(&run->upstream);
    ld_run_proceed(run);
}

static void write_readers(struct ld_run *run)
{
    for (uint32_t i = 0; i < run->instance_count; i++) {
        const struct ld_door *door = &run->instances[i].door;
        for (size_t k = 0; k < door->reader_count; k++) {
            const struct ld_reader *reader = &door->readers[k];
            ld_run_written(run, ld_writer_reader(run->control->writer, run->run_plan->index, i, reader->name,
                                                 reader->reads, reader->bytes, reader->time_ns, reader->failures));
        }
    }
}

static void on_timer_closed(uv_handle_t *handle)
{
    ld_run_handle_closed(handle->data);
}

static void on_load_closed(void *context)
{
    ld_run_handle_closed(context);
}

/* Nothing is left of any process: let go of everything the loop holds. */
static void enter_check(struct ld_run *run)
{
    char text[64];
    snprintf(text, sizeof text, "%lld left", (long long)run->summary.left);
    ld_run_note(run, "teardown", text);
    if (run->lines_left_out) {
        snprintf(text, sizeof text, "%u lines were too many to keep", run->lines_left_out);
        ld_run_note(run, "stderr", text);
    }
    write_readers(run);
    ld_panel_finish(run->panel);
    ld_run_faults_end(run);
    ld_instances_close(run);
    ld_load_close(&run->load);
    uv_close((uv_handle_t *)&run->phase_timer, on_timer_closed);
    uv_close((uv_handle_t *)&run->schedule_timer, on_timer_closed);
    uv_close((uv_handle_t *)&run->wall_timer, on_timer_closed);
    uv_close((uv_handle_t *)&run->fate_timer, on_timer_closed);
    uv_close((uv_handle_t *)&run->conditions.timer, on_timer_closed);
}

static void on_end_durable(struct ld_ticket_wait *wait)
{
    struct ld_run *run = wait->context;
    run->summary.stored = ld_writer_kept(run->control->writer, wait->ticket);
    run->events->finished(run->context, run, &run->summary);
    ld_panel_free(run->panel);
    ld_blind_free(run->blind);
    ld_conditions_free(run->conditions.engine);
    run->magic = 0;
    struct ld_arena *arena = run->arena;
    free(run);
    ld_arena_free(arena);
}

static void enter_done(struct ld_run *run)
{
    uint64_t ticket = 0;
    int64_t ended = ld_run_now(run);
    run->summary.duration_ns = ended;
    struct ld_run_end end = {.validity = run->summary.validity,
                             .reason = run->summary.reason,
                             .method_from_ns = run->method_ns ? run->method_ns - run->start_ns : -1,
                             .observed_from_ns = run->observed_from_ns,
                             .observed_to_ns = run->observed_to_ns,
                             .ended_ns = ended,
                             .lag_p99_ns = ld_lag_p99(&run->lag_before, &run->control->lag),
                             .lag_max_ns = ld_lag_worst(&run->lag_before, &run->control->lag),
                             .left = run->summary.left};
    run->end_ticket.done = on_end_durable;
    run->end_ticket.context = run;
    /* When the writer is broken its tickets are settled at once: the run still ends, and the campaign says why. */
    (void)ld_writer_run_end(run->control->writer, run->run_plan->index, &end, ld_control_wake(run->control), &ticket);
    ld_control_await(run->control, &run->end_ticket, ticket);
    run->events->vacated(run->context, run, &run->summary);
}

static void enter(struct ld_run *run, enum ld_phase phase)
{
    assert(run->magic == LD_RUN_MAGIC && phase > run->phase);
    run->phase = phase;
    ld_run_written(run, ld_writer_phase(run->control->writer, run->run_plan->index, phases[phase].name,
                                        ld_run_now(run)));
    if (run->phase != phase)
        return; /* the write failed and the teardown has begun */
    phases[phase].enter(run);
}

static bool all_up(const struct ld_run *run)
{
    for (uint32_t i = 0; i < run->instance_count; i++)
        if (!run->instances[i].up)
            return false;
    return true;
}

static bool all_down(const struct ld_run *run)
{
    for (uint32_t i = 0; i < run->instance_count; i++)
        if (run->instances[i].service.magic && run->instances[i].service.state != LD_SERVICE_DOWN)
            return false;
    return !run->has_upstream || run->upstream.state == LD_SERVICE_DOWN;
}

static bool upstream_is_up(const struct ld_run *run)
{
    return !run->has_upstream || run->upstream_up;
}

static bool warm_up_is_over(const struct ld_run *run)
{
    return ld_instances_surveyed(run) && !ld_panel_awaited(run->panel);
}

static bool baseline_is_over(const struct ld_run *run)
{
    return run->time_up && ld_instances_surveyed(run);
}

static bool is_steady(const struct ld_run *run)
{
    return run->conditions.is_steady;
}

static bool method_is_over(const struct ld_run *run)
{
    return run->time_up && ld_run_faults_over(run);
}

static bool drain_is_over(const struct ld_run *run)
{
    return run->time_up || run->load_drained;
}

static bool time_is_up(const struct ld_run *run)
{
    return run->time_up;
}

static bool all_is_closed(const struct ld_run *run)
{
    return run->open_handles == 0;
}

/* It goes on by itself, or not at all. */
static bool never(const struct ld_run *run)
{
    (void)run;
    return false;
}

static void enter_prepare(struct ld_run *run)
{
    (void)run; /* ld_run_start has prepared it */
}

static void enter_warm_up(struct ld_run *run)
{
    ld_instances_survey(run, LD_PURPOSE_WARM_UP);
}

static const struct phase phases[LD_PHASE_COUNT] = {
    [LD_PHASE_PREPARE] = {"prepare", enter_prepare, upstream_is_up},
    [LD_PHASE_SPAWN] = {"spawn", enter_spawn, all_up},
    [LD_PHASE_WARM_UP] = {"warm-up", enter_warm_up, warm_up_is_over},
    [LD_PHASE_BASELINE] = {"baseline", enter_baseline, baseline_is_over},
    [LD_PHASE_STEADY] = {"steady", enter_steady, is_steady},
    [LD_PHASE_METHOD] = {"method", enter_method, method_is_over},
    [LD_PHASE_DRAIN] = {"drain", enter_drain, drain_is_over},
    [LD_PHASE_SETTLE] = {"settle", enter_settle, time_is_up},
    [LD_PHASE_AFTER] = {"after", enter_after, ld_instances_surveyed},
    [LD_PHASE_STOP] = {"stop", enter_stop, all_down},
    [LD_PHASE_CHECK] = {"check", enter_check, all_is_closed},
    [LD_PHASE_DONE] = {"done", enter_done, never},
};

void ld_run_proceed(struct ld_run *run)
{
    if (run->magic == LD_RUN_MAGIC && phases[run->phase].is_over(run))
        enter(run, run->phase + 1);
}

void ld_run_handle_closed(struct ld_run *run)
{
    assert(run->open_handles > 0);
    run->open_handles--;
    ld_run_proceed(run);
}

/* ---- what the detectors and the load say */

static void on_alert(void *context, const char *detector, const struct ld_alert *alert)
{
    struct ld_run *run = context;
    struct ld_alert received = *alert;
    const struct ld_detector_kind *kind = ld_detector_find(detector);
    received.receipt_ns = ld_run_now(run);
    if (!(kind && kind->calibration))
        run->summary.alerts += (uint32_t)ld_alert_new_claims(alert);
    ld_run_written(run, ld_writer_alert(run->control->writer, run->run_plan->index, detector, &received));
    if (run->conditions.engine && run->phase < LD_PHASE_STOP)
        ld_conditions_alert(run->conditions.engine, detector, alert);
}

static void on_broken(void *context, const char *detector, const char *reason)
{
    struct ld_run *run = context;
    ld_run_written(run, ld_writer_detector_failed(run->control->writer, run->run_plan->index, detector, reason));
}

static void on_out_of_range(void *context, const char *detector, const char *reason)
{
    struct ld_run *run = context;
    ld_run_written(run, ld_writer_detector_out_of_range(run->control->writer, run->run_plan->index, detector, reason));
}

static void on_detector_note(void *context, const char *detector, const char *text)
{
    char kind[160];
    snprintf(kind, sizeof kind, "detector %s", detector);
    ld_run_note(context, kind, text);
}

static void on_in_vain(void *context, const char *detector, const char *what)
{
    char text[800];
    snprintf(text, sizeof text, "%s: %s", detector, what);
    ld_run_note(context, LD_NOTE_IN_VAIN, text);
}

static void on_compared(void *context, const char *detector, const char *agreement)
{
    char text[800];
    snprintf(text, sizeof text, "%s: %s", detector, agreement);
    ld_run_note(context, LD_NOTE_BLIND, text);
}

static void on_changed(void *context, const char *detector, const char *how)
{
    char text[800];
    snprintf(text, sizeof text, "%s: %s", detector, how);
    ld_run_note(context, LD_NOTE_PROGRAM, text);
}

static void on_panel_ended(void *context)
{
    ld_run_handle_closed(context);
}

static void on_panel_ready(void *context)
{
    struct ld_run *run = context;
    if (run->phase == LD_PHASE_WARM_UP)
        ld_run_proceed(run);
}

static const struct ld_panel_events panel_events = {on_alert,         on_broken,      on_out_of_range,
                                                    on_detector_note, on_in_vain,     on_compared,
                                                    on_changed,       on_panel_ready, on_panel_ended};

static void on_drained(void *context)
{
    struct ld_run *run = context;
    run->load_drained = true;
    ld_run_proceed(run);
}

/* ---- begin */

static int write_detectors(struct ld_run *run)
{
    const struct ld_panel_member *members;
    size_t count = ld_panel_members(run->panel, &members);
    int code = 0;
    struct ld_buffer options;
    ld_buffer_init(&options, OPTIONS_MAX);
    for (size_t i = 0; i < count && !code; i++) {
        ld_buffer_clear(&options);
        code = ld_schema_values(members[i].kind->options, members[i].options, &options);
        if (!code)
            code = ld_writer_detector(run->control->writer, run->run_plan->index, members[i].name,
                                      members[i].kind->name, members[i].kind->calibration, ld_buffer_text(&options));
    }
    ld_buffer_done(&options);
    return code;
}

/* What a teardown relies on: there from the first moment on. */
static void make_handles(struct ld_run *run)
{
    uv_loop_t *loop = &run->control->loop;
    uv_timer_init(loop, &run->phase_timer);
    uv_timer_init(loop, &run->schedule_timer);
    uv_timer_init(loop, &run->wall_timer);
    uv_timer_init(loop, &run->fate_timer);
    uv_timer_init(loop, &run->conditions.timer);
    run->conditions.timer.data = run;
    run->phase_timer.data = run->schedule_timer.data = run->wall_timer.data = run->fate_timer.data = run;
    ld_load_init(&run->load, loop, run->control->fetcher);
    run->load.path = run->scenario->load.path;
    run->load.timeout_ns = 10 * LD_SECOND;
    run->load.address = ld_instance_address;
    run->load.drained = on_drained;
    run->load.closed = on_load_closed;
    run->load.context = run;
    run->load_drained = true;
    run->open_handles += 6;
}

static int prepare(struct ld_run *run, struct ld_error *error)
{
    int code = ld_run_faults_make(run, error);
    if (!code)
        code = ld_run_conditions_make(run, error);
    if (!code && run->scenario->upstream[0])
        code = ld_upstream_make(run, error);
    if (!code)
        code = ld_instances_make(run, error);
    return code;
}

static struct ld_run *make(struct ld_control *control, const struct ld_plan *plan, const struct ld_run_plan *run_plan,
                           const struct ld_run_programs *programs)
{
    struct ld_run *run = calloc(1, sizeof *run);
    if (!run || !(run->arena = ld_arena_new(LD_RUN_MEMORY))) {
        free(run);
        return NULL;
    }
    run->magic = LD_RUN_MAGIC;
    run->control = control;
    run->plan = plan;
    run->run_plan = run_plan;
    run->cell = &plan->cells[run_plan->cell];
    run->scenario = run->cell->scenario;
    run->programs = *programs;
    run->period_ns = ld_scenario_scaled_ns(run->scenario, run->scenario->sampling.every_ns);
    run->start_ns = (int64_t)uv_hrtime();
    run->observed_from_ns = run->observed_to_ns = -1;
    run->lag_before = control->lag;
    return run;
}

int ld_run_start(struct ld_run **ret_run, struct ld_control *control, const struct ld_plan *plan,
                 const struct ld_run_plan *run_plan, const struct ld_run_programs *programs,
                 const struct ld_run_events *events, void *context, struct ld_error *error)
{
    struct timespec wall;
    struct ld_run *run = make(control, plan, run_plan, programs);
    if (!run)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    run->events = events;
    run->context = context;
    const struct ld_panel_host host = {&control->loop, &control->guard, control->work_folder, control->gateway,
                                       control->statics, control->programs};
    int code = control->blind ? ld_own_blind(&run->blind, run_plan, programs->own) : 0;
    if (code)
        ld_fail(error, code, "%s", ld_code_text(code));
    else
        code = ld_panel_open(&run->panel, run->cell, run_plan, control->data_folder, NULL, &host, run->blind,
                             &panel_events, run, error);
    if (code) {
        ld_blind_free(run->blind);
        ld_arena_free(run->arena);
        free(run);
        return code;
    }
    make_handles(run);
    *ret_run = run;
    /* From here on failures are the run's own: it is torn down like any other and says why. */
    clock_gettime(CLOCK_REALTIME, &wall);
    ld_run_written(run, ld_writer_run_begin(control->writer, run_plan->index,
                                            (int64_t)wall.tv_sec * LD_SECOND + wall.tv_nsec));
    ld_run_written(run, write_detectors(run));
    if (run->phase < LD_PHASE_STOP)
        ld_panel_start(run->panel);
    struct ld_error problem;
    if (run->phase < LD_PHASE_STOP && prepare(run, &problem) != 0)
        ld_run_void(run, LD_INVALID_HARNESS, "%s", problem.message);
    if (run->phase >= LD_PHASE_STOP)
        return 0;
    uv_update_time(&control->loop);
    uv_timer_start(&run->wall_timer, on_wall, (uint64_t)(run->scenario->target.limits.wall_ns / LD_MS), 0);
    if (run->has_upstream)
        start_service(run, &run->upstream);
    else
        ld_run_proceed(run);
    return 0;
}

void ld_run_abort(struct ld_run *run, const char *reason)
{
    if (run->phase < LD_PHASE_DONE)
        ld_run_void(run, LD_INVALID_HARNESS, "%s", reason);
}
