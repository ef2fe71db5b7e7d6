/* Conditions of a run: the gate before the method, what ends the run, and faults and reactions that wait for something.
 * What decides is harness/fault/condition; here is what is done about it, and the rows. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "runner/run/run_internal.h"

static bool is_abort(const struct ld_condition *condition)
{
    return !condition->recovers;
}

static int64_t timer_ms(int64_t ns)
{
    return ns > 0 ? (ns + LD_MS - 1) / LD_MS : 0;
}

/* The fault that waits for this condition; run->fault_count: none, it is an abort. */
static uint32_t fault_of(const struct ld_run *run, const char *id)
{
    uint32_t index = 0;
    while (index < run->fault_count && strcmp(run->faults[index].spec->id, id) != 0)
        index++;
    return index;
}

/* ---- rows */

/* As it is written: the engine's own has the time scale in it. */
static const struct ld_when *written_when(const struct ld_run *run, size_t index)
{
    uint32_t fault = fault_of(run, run->conditions.items[index].id);
    /* aborts come first */
    return fault < run->fault_count ? run->faults[fault].spec->when : &run->scenario->aborts[index];
}

static void write_condition(struct ld_run *run, size_t index)
{
    const struct ld_run_conditions *own = &run->conditions;
    const struct ld_condition *condition = &own->items[index];
    const struct ld_condition_state *state = ld_conditions_state(own->engine, index);
    char asked[192];
    struct ld_condition_record row = {.condition = condition->id,
                                      .kind = is_abort(condition) ? "abort" : "fault",
                                      .asked = ld_when_text(written_when(run, index), asked, sizeof asked),
                                      .text = state->text,
                                      .from_ns = own->armed_from_ns,
                                      .to_ns = own->armed_to_ns,
                                      .sequence = state->sequence,
                                      .time_ns = state->time_ns,
                                      .instance = state->instance,
                                      .acted_ns = own->acted_ns[index],
                                      .recovers = condition->recovers && own->steady,
                                      .recovered_ns = state->recovered_ns,
                                      .relapsed_ns = state->relapsed_ns};
    ld_run_written(run, ld_writer_condition(run->control->writer, run->run_plan->index, &row));
}

static void write_steady(struct ld_run *run)
{
    const struct ld_run_conditions *own = &run->conditions;
    const struct ld_steady_state *state = ld_conditions_steady(own->engine);
    char asked[160], lasts[40];
    snprintf(asked, sizeof asked, "%zu numbers within %g%% for %s", own->steady->metric_count,
             own->steady->within * 100,
             ld_format_duration_short(run->scenario->steady->for_ns, lasts, sizeof lasts));
    struct ld_condition_record row = {.condition = "steady",
                                      .kind = "steady",
                                      .asked = asked,
                                      .text = state->text,
                                      .from_ns = own->gate_from_ns,
                                      .to_ns = -1,
                                      .sequence = state->sequence,
                                      .time_ns = state->time_ns,
                                      .acted_ns = -1,
                                      .recovered_ns = -1,
                                      .relapsed_ns = -1};
    ld_run_written(run, ld_writer_condition(run->control->writer, run->run_plan->index, &row));
}

void ld_run_conditions_write(struct ld_run *run)
{
    struct ld_run_conditions *own = &run->conditions;
    if (!own->engine)
        return;
    if (own->steady && own->gate_from_ns >= 0)
        write_steady(run);
    if (own->armed_from_ns < 0)
        return;
    ld_conditions_settle(own->engine);
    for (size_t i = 0; i < own->count; i++)
        write_condition(run, i);
}

/* ---- acting */

/* Undo what acts. */
static void undo_all(struct ld_run *run)
{
    for (uint32_t i = 0; i < run->fault_count; i++)
        if (run->faults[i].state == LD_FAULT_INTENDED || run->faults[i].state == LD_FAULT_ACTING)
            ld_run_fault_off(run, i);
}

/* The method ends here. Drain, settle and the look from outside follow as ever, so that what came before is
 * evidence. */
static void abort_run(struct ld_run *run, size_t index)
{
    run->ended_early = true;
    run->next_action = run->run_plan->action_count;
    uv_timer_stop(&run->schedule_timer);
    uv_timer_stop(&run->conditions.timer);
    ld_run_note(run, "aborted", ld_conditions_state(run->conditions.engine, index)->text);
    undo_all(run);
    if (run->load.on)
        ld_load_stop(&run->load);
    run->time_up = true;
    ld_run_proceed(run);
}

static void on_timer(uv_timer_t *timer);

/* When the first of the faults that conditions began is to end. */
static void arm_timer(struct ld_run *run)
{
    int64_t next_ns = INT64_MAX;
    for (uint32_t i = 0; i < run->fault_count; i++)
        if (run->conditions.until_ns[i] < next_ns)
            next_ns = run->conditions.until_ns[i];
    if (next_ns == INT64_MAX || run->phase >= LD_PHASE_STOP)
        return;
    uv_update_time(&run->control->loop);
    uv_timer_start(&run->conditions.timer, on_timer, (uint64_t)timer_ms(next_ns - ld_run_now(run)), 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct ld_run *run = timer->data;
    int64_t now_ns = ld_run_now(run);
    for (uint32_t i = 0; run->phase < LD_PHASE_STOP && i < run->fault_count; i++) {
        if (run->conditions.until_ns[i] > now_ns)
            continue;
        run->conditions.until_ns[i] = INT64_MAX;
        ld_run_fault_off(run, i);
    }
    arm_timer(run);
}

static void begin_fault(struct ld_run *run, uint32_t index)
{
    const struct ld_fault_spec *spec = run->faults[index].spec;
    if (spec->for_ns > 0)
        run->conditions.until_ns[index] = ld_run_now(run) + ld_scenario_scaled_ns(run->scenario, spec->for_ns);
    ld_run_fault_on(run, index);
    arm_timer(run);
}

static void on_triggered(void *context, size_t index)
{
    struct ld_run *run = context;
    struct ld_run_conditions *own = &run->conditions;
    if (run->phase != LD_PHASE_METHOD || run->ended_early)
        return; /* another condition has just ended it */
    own->acted_ns[index] = ld_run_now(run);
    write_condition(run, index);
    if (run->phase != LD_PHASE_METHOD)
        return; /* it could not be written */
    if (is_abort(&own->items[index]))
        abort_run(run, index);
    else
        begin_fault(run, fault_of(run, own->items[index].id));
}

void ld_run_conditions_over(struct ld_run *run)
{
    for (uint32_t i = 0; i < run->fault_count; i++) {
        const struct ld_run_fault *fault = &run->faults[i];
        bool acts = fault->state == LD_FAULT_INTENDED || fault->state == LD_FAULT_ACTING;
        run->conditions.until_ns[i] = INT64_MAX;
        if (fault->spec->when && acts)
            ld_run_fault_off(run, i);
    }
    uv_timer_stop(&run->conditions.timer);
}

/* ---- the gate */

static void on_steady(void *context)
{
    struct ld_run *run = context;
    run->conditions.is_steady = true;
    write_steady(run);
    ld_run_proceed(run);
}

static void on_never_steady(uv_timer_t *timer)
{
    struct ld_run *run = timer->data;
    char waited[40];
    ld_run_void(run, LD_INVALID_UNSTEADY, "not steady within %s: %s",
                ld_format_duration_short(run->conditions.steady->at_most_ns, waited, sizeof waited),
                ld_conditions_steady(run->conditions.engine)->text);
}

void ld_run_conditions_gate(struct ld_run *run)
{
    struct ld_run_conditions *own = &run->conditions;
    if (!own->steady) {
        own->is_steady = true;
        return;
    }
    if (own->steady->per_second > 0) {
        run->load_drained = false;
        ld_load_start(&run->load, own->steady->per_second);
    }
    own->gate_from_ns = ld_run_now(run);
    ld_conditions_gate(own->engine, own->gate_from_ns);
    uv_update_time(&run->control->loop);
    uv_timer_start(&own->timer, on_never_steady, (uint64_t)timer_ms(own->steady->at_most_ns), 0);
}

void ld_run_conditions_arm(struct ld_run *run)
{
    struct ld_run_conditions *own = &run->conditions;
    const struct ld_run_plan *plan = run->run_plan;
    uv_timer_stop(&own->timer);
    own->armed_from_ns = ld_run_now(run);
    own->armed_to_ns = own->armed_from_ns + plan->actions[plan->action_count - 1].at_ns; /* END is last */
    ld_conditions_arm(own->engine, own->armed_from_ns, own->armed_to_ns);
}

/* ---- making */

static const struct ld_conditions_events events = {on_steady, on_triggered};

int ld_run_conditions_make(struct ld_run *run, struct ld_error *error)
{
    struct ld_run_conditions *own = &run->conditions;
    const struct ld_fault_case *fault_case = &run->scenario->fault_cases[run->cell->fault_case];
    int code = ld_scenario_conditions(run->scenario, fault_case, run->arena, &own->steady, &own->items, &own->count);
    if (!code)
        code = ld_conditions_new(&own->engine, own->steady, own->items, own->count,
                                 (uint32_t)run->scenario->target.instances, &events, run);
    own->acted_ns = ld_arena_array(run->arena, own->count + 1, sizeof *own->acted_ns);
    own->until_ns = ld_arena_array(run->arena, fault_case->fault_count + 1, sizeof *own->until_ns);
    if (!code && (!own->acted_ns || !own->until_ns))
        code = LD_ENOMEM;
    if (code)
        return ld_fail(error, code, "conditions: %s", ld_code_text(code));
    for (size_t i = 0; i < own->count; i++)
        own->acted_ns[i] = -1;
    for (size_t i = 0; i < fault_case->fault_count; i++)
        own->until_ns[i] = INT64_MAX;
    own->gate_from_ns = own->armed_from_ns = -1;
    return 0;
}
