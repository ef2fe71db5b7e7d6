#include "runner/run/replay.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner/detect/hosted.h"
#include "runner/run/own.h"
#include "runner/run/panel.h"

#define NOT_STARTED "not-started: " /* runner/detect/fault.h */
#define RECORD_MEMORY ((size_t)2 << 30)

/* Per detector, how many of its stored alerts have been met. */
struct comparison {
    const struct ld_detector_record *stored; /* NULL: it had no alerts, or the alerts were deleted */
    const char *name;
    struct ld_alert *alerts; /* the stored ones, of which some may be brought forward */
    size_t met;
    bool hosted;               /* a program may break at one time and not at another */
    bool broken, out_of_range; /* in this replay */
};

struct replay {
    const struct ld_replay_setting *setting;
    struct ld_replay_result result;
    struct ld_blind *blind; /* NULL: names are shown */
    struct ld_panel *panel;
    struct ld_arena *arena;
    struct ld_run_record record;
    struct comparison *comparisons;
    size_t comparison_count;
    struct ld_detector_record found; /* of the declared detector */
    size_t found_room;
    char not_started[320]; /* a program that started live; "": none */
    bool programs_gone;
    /* the run's conditions, decided again; NULL when they cannot be, for want of a detector */
    struct ld_conditions *conditions;
    struct ld_condition *condition_items;
    struct ld_condition_record *stored_conditions;
    size_t stored_condition_count;
    int code;
};

/* The first difference is kept: what follows is often only its consequence. */
static void differ(struct replay *replay, const char *detector, const char *what, const struct ld_alert *alert)
{
    char text[192] = "";
    if (replay->result.different)
        return;
    if (alert)
        ld_alert_describe(alert, text, sizeof text);
    snprintf(replay->result.first_difference, sizeof replay->result.first_difference, "%s: %s%s%s", detector, what,
             alert ? ": " : "", text);
    replay->result.different = true;
}

/* Which of the two, and where: the observation that decided one of them is not what it was. */
static void differ_from(struct replay *replay, const char *detector, const struct ld_alert *alert,
                        const struct ld_alert *stored)
{
    char now[192], then[192];
    if (replay->result.different)
        return;
    ld_alert_describe(alert, now, sizeof now);
    ld_alert_describe(stored, then, sizeof then);
    snprintf(replay->result.first_difference, sizeof replay->result.first_difference,
             "%s: another alert than the stored one: %s, stored is %s", detector, now, then);
    replay->result.different = true;
}

static struct comparison *comparison_of(struct replay *replay, const char *detector)
{
    for (size_t i = 0; i < replay->comparison_count; i++)
        if (strcmp(replay->comparisons[i].name, detector) == 0)
            return &replay->comparisons[i];
    return NULL;
}

static void write_json(struct replay *replay, const char *detector, const struct ld_alert *alert)
{
    json_t *object =
        json_pack("{s:I, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:f, s:s, s:s, s:s, s:s}", "run",
                  (json_int_t)replay->setting->run, "detector", detector, "action", ld_alert_action_name(alert->action),
                  "id", (json_int_t)alert->id, "evidence", (json_int_t)alert->evidence, "evidence_time_ns",
                  (json_int_t)alert->evidence_time_ns, "instance", (json_int_t)alert->instance, "incarnation",
                  (json_int_t)alert->incarnation, "cause", ld_cause_table[alert->cause].name, "site", alert->site,
                  "amount", alert->amount, "severity", ld_severity_name(alert->severity), "why", alert->why, "rule",
                  alert->rule, "rule_version", alert->rule_version);
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    if (!text || ld_buffer_printf(replay->setting->out, "%s\n", text) != 0)
        replay->code = LD_ENOMEM;
    free(text);
    json_decref(object);
}

/* Of a detector that did not watch: copied, for its texts live no longer than the call. */
static void keep_alert(struct replay *replay, const struct ld_alert *alert)
{
    struct ld_arena *arena = replay->setting->arena;
    struct ld_alert *alerts = (struct ld_alert *)replay->found.alerts;
    if (replay->found.alert_count == replay->found_room) {
        replay->found_room = replay->found_room ? replay->found_room * 2 : 16;
        alerts = ld_arena_array(arena, replay->found_room, sizeof *alerts);
        if (alerts && replay->found.alert_count)
            memcpy(alerts, replay->found.alerts, replay->found.alert_count * sizeof *alerts);
        replay->found.alerts = alerts;
    }
    if (!alerts) {
        replay->code = LD_ENOMEM;
        return;
    }
    struct ld_alert *kept = &alerts[replay->found.alert_count];
    *kept = *alert;
    kept->receipt_ns = alert->evidence_time_ns;
    kept->site = ld_arena_text(arena, alert->site);
    kept->why = ld_arena_text(arena, alert->why);
    kept->rule = ld_arena_text(arena, alert->rule);
    kept->rule_version = ld_arena_text(arena, alert->rule_version);
    if (kept->site && kept->why && kept->rule && kept->rule_version)
        replay->found.alert_count++;
    else
        replay->code = LD_ENOMEM;
}

/* Is it the stored one whose turn it is? */
static bool meet(const struct replay *replay, struct comparison *comparison, const struct ld_alert *alert)
{
    struct ld_alert *next = &comparison->alerts[comparison->met];
    if (!replay->setting->crossed)
        return ld_alert_same(alert, next);
    return ld_alert_bring(next, comparison->stored->alert_count - comparison->met, alert);
}

/* As a run counts them: claims that were opened, without those of the calibration set where that is not asked for. */
static void count_alert(struct replay *replay, const char *detector, const struct ld_alert *alert)
{
    const struct ld_detector_kind *kind = ld_detector_find(detector);
    if (replay->setting->only || replay->setting->declared || !kind || !kind->calibration)
        replay->result.alerts += (size_t)ld_alert_new_claims(alert);
}

static void on_alert(void *context, const char *detector, const struct ld_alert *alert)
{
    struct replay *replay = context;
    count_alert(replay, detector, alert);
    if (replay->setting->declared) {
        if (replay->setting->json)
            write_json(replay, detector, alert);
        keep_alert(replay, alert);
        return;
    }
    struct comparison *comparison = comparison_of(replay, detector);
    if (replay->conditions)
        ld_conditions_alert(replay->conditions, detector, alert);
    if (replay->setting->json)
        write_json(replay, detector, alert);
    bool beyond = !comparison || !comparison->stored || comparison->met >= comparison->stored->alert_count;
    bool broken_by_then = beyond && comparison && comparison->stored && comparison->stored->failed; /* live */
    if (beyond && !broken_by_then && !replay->result.cut)
        differ(replay, detector, "an alert that is not stored", alert);
    else if (!beyond && !meet(replay, comparison, alert))
        differ_from(replay, detector, alert, &comparison->alerts[comparison->met]);
    if (comparison)
        comparison->met++;
}

static void on_broken(void *context, const char *detector, const char *reason)
{
    struct replay *replay = context;
    struct comparison *comparison = comparison_of(replay, detector);
    char what[320];
    if (comparison)
        comparison->broken = true;
    if (replay->setting->declared) {
        replay->found.failed = true;
        replay->found.reason = ld_arena_text(replay->setting->arena, reason);
        return;
    }
    for (size_t i = 0; i < replay->record.detector_count; i++)
        if (strcmp(replay->record.detectors[i].name, detector) == 0 && replay->record.detectors[i].failed)
            return; /* it broke live too */
    if (strncmp(reason, NOT_STARTED, sizeof NOT_STARTED - 1) == 0) { /* nobody saw it judge */
        snprintf(replay->not_started, sizeof replay->not_started, "%.60s: %.240s", detector, reason);
        replay->code = LD_ESYSTEM;
        return;
    }
    snprintf(what, sizeof what, "broke, which it did not live: %.280s", reason);
    differ(replay, detector, what, NULL);
}

static void on_out_of_range(void *context, const char *detector, const char *reason)
{
    struct replay *replay = context;
    struct comparison *comparison = comparison_of(replay, detector);
    if (comparison)
        comparison->out_of_range = true;
    if (replay->setting->declared) {
        replay->found.out_of_range = true;
        replay->found.reason = ld_arena_text(replay->setting->arena, reason);
        return;
    }
    if (comparison && comparison->stored && !comparison->stored->out_of_range && !replay->result.cut)
        differ(replay, detector, "out of its range, which it was not live", NULL);
}

static void on_ended(void *context)
{
    ((struct replay *)context)->programs_gone = true;
}

static const struct ld_panel_events panel_events = {
    .alert = on_alert, .broken = on_broken, .out_of_range = on_out_of_range, .ended = on_ended};

static int on_observation(void *context, const struct ld_observation *observation)
{
    struct replay *replay = context;
    replay->result.observations++;
    ld_reads_see(&replay->result.seen, observation);
    if (replay->record.observed_to_ns > 0 && observation->time_ns > replay->record.observed_to_ns) {
        ld_panel_farewell(replay->panel, observation);
        return replay->code;
    }
    ld_panel_observe(replay->panel, observation);
    ld_panel_settle(replay->panel);
    if (replay->conditions)
        ld_conditions_observe(replay->conditions, observation);
    return replay->code;
}

static int on_truth(void *context, const struct ld_truth_event *event)
{
    struct replay *replay = context;
    replay->result.truth_events++;
    ld_panel_truth(replay->panel, event);
    return replay->code;
}

static int prepare_comparisons(struct replay *replay)
{
    const struct ld_panel_member *members;
    size_t count = ld_panel_members(replay->panel, &members);
    replay->comparisons = ld_arena_array(replay->arena, count + 1, sizeof *replay->comparisons);
    if (!replay->comparisons)
        return LD_ENOMEM;
    replay->comparison_count = count;
    for (size_t i = 0; i < count; i++) {
        struct comparison *comparison = &replay->comparisons[i];
        comparison->name = members[i].name;
        comparison->hosted = ld_hosted_find(members[i].kind) != NULL;
        for (size_t k = 0; k < replay->record.detector_count; k++)
            if (strcmp(replay->record.detectors[k].name, members[i].name) == 0)
                comparison->stored = &replay->record.detectors[k];
        size_t stored = comparison->stored ? comparison->stored->alert_count : 0;
        if (!(comparison->alerts = ld_arena_array(replay->arena, stored + 1, sizeof *comparison->alerts)))
            return LD_ENOMEM;
        if (stored)
            memcpy(comparison->alerts, comparison->stored->alerts, stored * sizeof *comparison->alerts);
    }
    return 0;
}

/* ---- conditions: the same observations must decide the same, down to the sequence number */

static void ignore_triggered(void *context, size_t index)
{
    (void)context;
    (void)index;
}

static const struct ld_conditions_events condition_events = {.triggered = ignore_triggered};

static bool watches(const struct replay *replay, const char *detector)
{
    const struct ld_panel_member *members;
    size_t count = ld_panel_members(replay->panel, &members);
    for (size_t i = 0; i < count; i++)
        if (strcmp(members[i].name, detector) == 0)
            return true;
    return false;
}

static int prepare_conditions(struct replay *replay, const struct ld_cell *cell, struct ld_error *error)
{
    const struct ld_scenario *scenario = cell->scenario;
    const struct ld_steady *steady;
    size_t count;
    int code = ld_store_read_conditions(replay->setting->store, replay->setting->run, &replay->stored_conditions,
                                        &replay->stored_condition_count, replay->arena, error);
    if (code || replay->stored_condition_count == 0)
        return code;
    if (ld_scenario_conditions(scenario, &scenario->fault_cases[cell->fault_case], replay->arena, &steady,
                               &replay->condition_items, &count) != 0)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    for (size_t i = 0; i < count; i++) {
        const struct ld_when *when = replay->condition_items[i].when;
        if (when->kind == LD_WHEN_ALERT && !watches(replay, when->detector))
            return 0; /* left out of this replay: nothing can be said */
    }
    code = ld_conditions_new(&replay->conditions, steady, replay->condition_items, count,
                             (uint32_t)scenario->target.instances, &condition_events, replay);
    if (code)
        return ld_fail(error, code, "conditions: %s", ld_code_text(code));
    for (size_t i = 0; i < replay->stored_condition_count; i++) {
        const struct ld_condition_record *stored = &replay->stored_conditions[i];
        if (strcmp(stored->kind, "steady") == 0)
            ld_conditions_gate(replay->conditions, stored->from_ns);
        else
            ld_conditions_arm(replay->conditions, stored->from_ns, stored->to_ns);
    }
    return 0;
}

static void differ_in_condition(struct replay *replay, const struct ld_condition_record *stored, uint64_t sequence)
{
    if (replay->result.different)
        return;
    snprintf(replay->result.first_difference, sizeof replay->result.first_difference,
             "condition %.80s: decided by observation %llu, stored is %llu", stored->condition,
             (unsigned long long)sequence, (unsigned long long)stored->sequence);
    replay->result.different = true;
}

static void compare_conditions(struct replay *replay)
{
    if (!replay->conditions)
        return;
    ld_conditions_settle(replay->conditions);
    for (size_t i = 0; i < replay->stored_condition_count; i++) {
        const struct ld_condition_record *stored = &replay->stored_conditions[i];
        uint64_t sequence = ld_conditions_steady(replay->conditions)->sequence;
        int64_t recovered_ns = -1, relapsed_ns = -1;
        for (size_t k = 0; strcmp(stored->kind, "steady") != 0 && replay->condition_items[k].id; k++)
            if (strcmp(replay->condition_items[k].id, stored->condition) == 0) {
                const struct ld_condition_state *state = ld_conditions_state(replay->conditions, k);
                sequence = state->sequence;
                recovered_ns = state->recovered_ns;
                relapsed_ns = state->relapsed_ns;
            }
        replay->result.conditions++;
        if (sequence != stored->sequence || recovered_ns != stored->recovered_ns || relapsed_ns != stored->relapsed_ns)
            differ_in_condition(replay, stored, sequence);
    }
}

/* The cell as it would be had its scenario declared this detector and no other. */
struct stranger {
    struct ld_scenario scenario;
    struct ld_cell cell;
    struct ld_detector_spec spec;
};

static const struct ld_cell *let_in(struct stranger *stranger, const struct ld_replay_setting *setting,
                                    const struct ld_cell *cell)
{
    stranger->scenario = *cell->scenario;
    stranger->cell = *cell;
    stranger->spec = *setting->declared;
    stranger->scenario.file = setting->declared_in;
    stranger->scenario.folder = NULL;
    stranger->scenario.detectors = &stranger->spec;
    stranger->scenario.detector_count = 1;
    stranger->scenario.files = setting->declared_files; /* it is of today */
    stranger->scenario.arms = LD_ARMS_TOGETHER;
    stranger->cell.scenario = &stranger->scenario;
    stranger->cell.arm = 0;
    return &stranger->cell;
}

static int open_panel(struct replay *replay, const struct ld_cell *cell, const struct ld_run_plan *run,
                      struct ld_error *error)
{
    const struct ld_replay_setting *setting = replay->setting;
    const char *alone[] = {setting->declared ? setting->declared->name : NULL, NULL};
    struct ld_panel_host host = {0};
    if (setting->host)
        host = (struct ld_panel_host){
            &setting->host->loop, &setting->host->guard, setting->host->work_folder, NULL, NULL, NULL};
    int code = setting->blind ? ld_own_blind(&replay->blind, run, setting->own) : 0;
    if (code)
        return ld_fail(error, code, "%s", ld_code_text(code));
    return ld_panel_open(&replay->panel, cell, run, setting->data_folder, setting->declared ? alone : setting->only,
                         setting->host ? &host : NULL, replay->blind, &panel_events, replay, error);
}

static void compare_all(struct replay *replay)
{
    for (size_t i = 0; i < replay->comparison_count; i++) {
        const struct comparison *comparison = &replay->comparisons[i];
        if (comparison->stored && comparison->met < comparison->stored->alert_count)
            differ(replay, comparison->name, "a stored alert that did not come again",
                   &comparison->alerts[comparison->met]);
        if (comparison->stored && comparison->stored->failed && !comparison->broken && !comparison->hosted)
            differ(replay, comparison->name, "did not break, which it did live", NULL);
        if (comparison->stored && comparison->stored->out_of_range && !comparison->out_of_range && !comparison->broken)
            differ(replay, comparison->name, "within its range, which it was not live", NULL);
    }
    compare_conditions(replay);
}

static int read_record(struct replay *replay, struct ld_error *error)
{
    const struct ld_replay_setting *setting = replay->setting;
    struct ld_arena *arena = setting->declared ? setting->arena : replay->arena;
    struct ld_stored_run stored;
    int code = ld_store_read_run(setting->store, setting->run, &stored, replay->arena, error);
    if (code)
        return code;
    replay->result.cut = !stored.ended;
    return stored.ended ? ld_store_read_record(setting->store, setting->run, &replay->record, arena, error)
                        : ld_store_read_cut(setting->store, setting->run, &replay->record, arena, error);
}

static int replay_all(struct replay *replay, struct stranger *stranger, struct ld_error *error)
{
    const struct ld_replay_setting *setting = replay->setting;
    const struct ld_run_plan *run = ld_plan_find_run(setting->plan, setting->run);
    if (!run)
        return ld_fail(error, LD_EUSAGE, "the campaign has no run %u", setting->run);
    const struct ld_cell *cell = &setting->plan->cells[run->cell];
    if (setting->declared)
        cell = let_in(stranger, setting, cell);
    int code = read_record(replay, error);
    if (!code)
        code = open_panel(replay, cell, run, error);
    if (!code && !setting->declared)
        code = prepare_comparisons(replay);
    if (!code && !setting->declared && !replay->result.cut)
        code = prepare_conditions(replay, cell, error);
    if (code)
        return code;
    ld_panel_start(replay->panel);
    const struct ld_replay_sink sink = {on_observation, on_truth, replay};
    code = ld_store_replay(setting->store, setting->run, &sink, error);
    if (!code)
        ld_panel_finish(replay->panel);
    if (replay->not_started[0])
        return ld_fail(error, LD_ESYSTEM, "run %u was not compared: %s (the scenario: %s%s%s)", setting->run,
                       replay->not_started, cell->scenario->folder ? cell->scenario->folder : "",
                       cell->scenario->folder ? "/" : "", cell->scenario->file);
    if (!code)
        compare_all(replay);
    return code;
}

/* The stored run, watched by the declared detector alone. */
static int keep_record(struct replay *replay, struct ld_error *error)
{
    struct ld_detector_record *detector = ld_arena_take(replay->setting->arena, sizeof *detector);
    if (!detector || (replay->found.failed && !replay->found.reason))
        return ld_fail(error, LD_ENOMEM, "%s", ld_code_text(LD_ENOMEM));
    *detector = replay->found;
    detector->name = replay->setting->declared->name;
    detector->reason = detector->reason ? detector->reason : "";
    replay->result.record = replay->record;
    replay->result.record.detectors = detector;
    replay->result.record.detector_count = 1;
    return 0;
}

int ld_replay_run(struct ld_replay_result *ret_result, const struct ld_replay_setting *setting, struct ld_error *error)
{
    struct replay replay = {.setting = setting, .arena = ld_arena_new(RECORD_MEMORY)};
    if (!replay.arena)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    struct stranger stranger;
    int code = replay_all(&replay, &stranger, error);
    bool wait = replay.panel && ld_panel_end(replay.panel, code != 0);
    while (wait && !replay.programs_gone)
        uv_run(&setting->host->loop, UV_RUN_ONCE);
    ld_panel_free(replay.panel);
    ld_blind_free(replay.blind);
    ld_conditions_free(replay.conditions);
    if (!code && setting->declared)
        code = keep_record(&replay, error);
    ld_arena_free(replay.arena);
    if (!code)
        *ret_result = replay.result;
    return code;
}
