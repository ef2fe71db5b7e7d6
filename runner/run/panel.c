#include "runner/run/panel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/random.h"
#include "blind/blind.h"
#include "detect/watch.h"
#include "runner/detect/hosted.h"
#include "runner/detect/watched_programs.h"
#include "runner/run/agreement.h"
#include "runner/sample/gateway.h"
#include "scenario/arm.h"

#define PANEL_MEMORY ((size_t)4 << 20)
#define NAMES_MAX ((size_t)1 << 20) /* of an alert's text with its names put back */

struct seat {
    struct ld_panel *panel;
    const char *name;
    struct ld_detector *detector;        /* NULL when it is hosted */
    const struct ld_hosted_kind *hosted; /* NULL when it is built in */
    void *state;                         /* of what is hosted */
    const struct ld_scenario *scenario;  /* with its declaration, of what is hosted */
    const struct ld_detector_spec *spec;
    bool started, broken;
    int64_t least_goroutines; /* 0: it may speak at any number */
    bool blind;                     /* it is told renamed observations */
    struct ld_detector *sighted;    /* in a blind run: the same detector, told everything; NULL: broken, or none */
    struct ld_agreement *agreement; /* NULL: nothing is compared */
};

struct ld_panel {
    const struct ld_panel_events *events;
    void *context;
    struct ld_arena *arena;
    size_t count;
    struct seat *seats;
    struct ld_panel_member *members;
    double peak_goroutines; /* the most that any observation showed of one instance */
    struct ld_panel_host host;
    bool hosted;
    struct ld_seen *seen;     /* NULL without hosted ones */
    const char *const *urls;  /* of the instances, at the gateway; NULL before anybody needs them, or in a replay */
    size_t hosted_open;       /* after ld_panel_end: that are not gone yet */
    bool ending;
    struct ld_blind *blind;   /* the caller's; NULL: everybody is told the names */
    struct ld_buffer site, why; /* of the alert in hand, its names put back */
};

/* A blind detector named what it was told: who is told of its alerts knows the program's own names. */
static void on_alert(void *context, const struct ld_alert *alert)
{
    const struct seat *seat = context;
    struct ld_panel *panel = seat->panel;
    struct ld_alert named = *alert;
    if (seat->blind) {
        ld_buffer_clear(&panel->site);
        ld_buffer_clear(&panel->why);
        if (ld_blind_back(panel->blind, alert->site, &panel->site) == 0)
            named.site = ld_buffer_text(&panel->site);
        if (ld_blind_back(panel->blind, alert->why, &panel->why) == 0)
            named.why = ld_buffer_text(&panel->why);
    }
    if (seat->agreement)
        ld_agreement_add(seat->agreement, LD_SIGHT_BLIND, &named);
    panel->events->alert(panel->context, seat->name, &named);
}

static void on_sighted_alert(void *context, const struct ld_alert *alert)
{
    const struct seat *seat = context;
    ld_agreement_add(seat->agreement, LD_SIGHT_SIGHTED, alert);
}

/* ---- hosted detectors */

static void on_hosted_ready(void *context)
{
    const struct seat *seat = context;
    if (seat->panel->events->ready)
        seat->panel->events->ready(seat->panel->context);
}

/* Once: one that could not be told an observation may break by itself, too. */
static void break_seat(struct seat *seat, const char *reason)
{
    if (seat->broken)
        return;
    seat->broken = true;
    seat->panel->events->broken(seat->panel->context, seat->name, reason);
    if (seat->agreement)
        ld_agreement_broke(seat->agreement, LD_SIGHT_BLIND, reason);
    if (seat->hosted && seat->hosted->ready)
        on_hosted_ready(seat); /* nobody waits for it any more */
}

static void on_hosted_broken(void *context, const char *reason)
{
    break_seat(context, reason);
}

static void on_hosted_note(void *context, const char *text)
{
    const struct seat *seat = context;
    if (seat->panel->events->note)
        seat->panel->events->note(seat->panel->context, seat->name, text);
}

static void on_hosted_in_vain(void *context, const char *what)
{
    const struct seat *seat = context;
    if (seat->panel->events->in_vain)
        seat->panel->events->in_vain(seat->panel->context, seat->name, what);
}

static void on_hosted_closed(void *context)
{
    const struct seat *seat = context;
    struct ld_panel *panel = seat->panel;
    if (--panel->hosted_open == 0)
        panel->events->ended(panel->context);
}

static const struct ld_hosted_events hosted_events = {on_alert, on_hosted_broken, on_hosted_note, on_hosted_in_vain,
                                                      on_hosted_ready, on_hosted_closed};

/* Options of a calibration detector: the defaults of its schema. */
static int default_options(struct ld_panel *panel, const struct ld_detector_kind *kind, const void **ret_options,
                           struct ld_error *error)
{
    struct ld_errors errors = {0};
    struct ld_schema_context context = {.file = kind->name, .arena = panel->arena, .errors = &errors};
    void *options = kind->options ? ld_arena_take(panel->arena, kind->options_size) : NULL;
    if (kind->options && !options)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    int code = kind->options ? ld_schema_defaults(&context, kind->options, options) : 0;
    if (code && errors.count)
        *error = errors.items[0];
    ld_errors_done(&errors);
    *ret_options = options;
    return code;
}

static bool is_wanted(const char *const *only, const char *name)
{
    if (!only)
        return true;
    for (; *only; only++)
        if (strcmp(*only, name) == 0)
            return true;
    return false;
}

struct opening {
    const struct ld_cell *cell;
    const struct ld_run_plan *run;
    const char *data_folder;
};

/* Where each instance can be read; NULL: out of memory. */
static const char *const *gateway_urls(struct ld_panel *panel, const struct ld_run_plan *run, uint32_t instances)
{
    const char **urls = panel->urls ? NULL : ld_arena_array(panel->arena, instances, sizeof *urls);
    char url[LD_GATEWAY_URL_MAX];
    for (uint32_t i = 0; urls && i < instances; i++) {
        urls[i] = ld_arena_text(
            panel->arena, ld_gateway_url(panel->host.gateway, ld_gateway_token(run->seed, run->index), i, url));
        if (!urls[i])
            return NULL;
    }
    panel->urls = urls ? urls : panel->urls;
    return panel->urls;
}

/* Can it take part: where the target can be read, or where it needs no more than observations? */
static bool is_welcome(const struct ld_panel *panel, const struct ld_hosted_kind *hosted, const void *options)
{
    return panel->hosted && (panel->host.gateway || (hosted->replays && hosted->replays(options)));
}

static int seat_hosted(struct ld_panel *panel, const struct opening *opening, const struct ld_hosted_kind *hosted,
                       const struct ld_detector_spec *spec, struct ld_error *error)
{
    const struct ld_run_plan *run = opening->run;
    uint32_t instances = (uint32_t)opening->cell->scenario->target.instances;
    struct seat *seat = &panel->seats[panel->count];
    if (!panel->seen)
        panel->seen = ld_seen_new();
    const struct ld_hosted_setting setting = {
        .loop = panel->host.loop,
        .guard = panel->host.guard,
        .work_folder = panel->host.work_folder,
        .folder_token = ld_derive(run->seed, spec->name, run->index),
        .cell = opening->cell,
        .run = run,
        .spec = spec,
        .data_folder = opening->data_folder,
        .gateway_urls = panel->host.gateway ? gateway_urls(panel, run, instances) : NULL,
        .seen = panel->seen,
        .statics = panel->host.statics,
        .blind = panel->blind};
    if (!panel->seen || (panel->host.gateway && !setting.gateway_urls))
        return ld_fail(error, LD_ENOMEM, "out of memory");
    *seat = (struct seat){.panel = panel, .name = spec->name, .hosted = hosted, .blind = panel->blind != NULL,
                          .scenario = opening->cell->scenario, .spec = spec};
    int code = hosted->open(&seat->state, &setting, &hosted_events, seat, error);
    if (!code)
        panel->members[panel->count++] = (struct ld_panel_member){spec->name, spec->kind, spec->options};
    return code;
}

/* The calibration set, which knows the truth by its names or looks at none, is never blind. */
static int seat_twin(struct seat *seat, const struct ld_detector_kind *kind, const struct ld_detector_setting *setting,
                     struct ld_error *error)
{
    seat->blind = true;
    seat->agreement = ld_agreement_new();
    if (!seat->agreement)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    return ld_detector_open(&seat->sighted, kind, setting, error);
}

static int take_seat(struct ld_panel *panel, const struct opening *opening, const struct ld_detector_kind *kind,
                     const char *name, const void *options, struct ld_error *error)
{
    const struct ld_scenario *scenario = opening->cell->scenario;
    struct ld_detector_setting setting = {.name = name,
                                          .options = options,
                                          /* Paired runs share their seed; lots are drawn for each of them alone. */
                                          .seed = ld_derive(opening->run->seed, name, opening->run->index),
                                          .time_scale = scenario->time_scale,
                                          .period_ns = ld_scenario_scaled_ns(scenario, scenario->sampling.every_ns),
                                          .manifest = scenario->manifest,
                                          .data_folder = opening->data_folder,
                                          .scenario_file = scenario->file,
                                          .files = scenario->files};
    struct seat *seat = &panel->seats[panel->count];
    int code = ld_detector_open(&seat->detector, kind, &setting, error);
    if (code)
        return code;
    seat->panel = panel;
    seat->name = ld_detector_name(seat->detector);
    seat->least_goroutines = kind->least_goroutines ? kind->least_goroutines(&setting) : 0;
    panel->members[panel->count++] = (struct ld_panel_member){seat->name, kind, options};
    return panel->blind && !kind->calibration ? seat_twin(seat, kind, &setting, error) : 0;
}

static const struct ld_detector_spec *find_spec(const struct ld_scenario *scenario, const char *name)
{
    for (size_t i = 0; i < scenario->detector_count; i++)
        if (strcmp(scenario->detectors[i].name, name) == 0)
            return &scenario->detectors[i];
    return NULL;
}

/* One that was asked for by its name: has it a seat, or why not? */
static int check_seated(const struct ld_panel *panel, const struct ld_cell *cell, const struct ld_arm *arm,
                        const char *name, struct ld_error *error)
{
    const struct ld_scenario *scenario = cell->scenario;
    for (size_t i = 0; i < panel->count; i++)
        if (strcmp(panel->members[i].name, name) == 0)
            return 0;
    const struct ld_detector_spec *spec = find_spec(scenario, name);
    const struct ld_hosted_kind *hosted = spec ? ld_hosted_find(spec->kind) : NULL;
    if (spec && !ld_arm_has(arm, (size_t)(spec - scenario->detectors)))
        return ld_fail(error, LD_EUSAGE, "%s does not watch %s: it is of another arm", name, cell->name);
    if (hosted)
        return ld_fail(error, LD_EUSAGE, "%s %s: it cannot be replayed", name, hosted->why_no_replay);
    return ld_fail(error, LD_EUSAGE, "scenario %s has no detector \"%s\"", scenario->name, name);
}

static int seat_all(struct ld_panel *panel, const struct opening *opening, const char *const *only,
                    struct ld_error *error)
{
    const struct ld_scenario *scenario = opening->cell->scenario;
    size_t kind_count;
    const struct ld_detector_kind *const *kinds = ld_detector_kinds(&kind_count);
    struct ld_arm arm = ld_scenario_arm(scenario, opening->cell->arm);
    size_t room = scenario->detector_count + kind_count;
    panel->seats = ld_arena_array(panel->arena, room, sizeof *panel->seats);
    panel->members = ld_arena_array(panel->arena, room, sizeof *panel->members);
    if (!panel->seats || !panel->members)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    for (size_t i = 0; i < scenario->detector_count; i++) {
        const struct ld_detector_spec *spec = &scenario->detectors[i];
        const struct ld_hosted_kind *hosted = ld_hosted_find(spec->kind);
        if (!ld_arm_has(&arm, i) || !is_wanted(only, spec->name) ||
            (hosted && !is_welcome(panel, hosted, spec->options)))
            continue;
        int code = hosted ? seat_hosted(panel, opening, hosted, spec, error)
                          : take_seat(panel, opening, spec->kind, spec->name, spec->options, error);
        if (code)
            return code;
    }
    for (size_t i = 0; i < kind_count; i++) {
        if (!kinds[i]->calibration || !is_wanted(only, kinds[i]->name))
            continue;
        const void *options = NULL;
        int code = default_options(panel, kinds[i], &options, error);
        if (!code)
            code = take_seat(panel, opening, kinds[i], kinds[i]->name, options, error);
        if (code)
            return code;
    }
    int code = 0;
    for (; only && *only && !code; only++)
        code = check_seated(panel, opening->cell, &arm, *only, error);
    return code;
}

int ld_panel_open(struct ld_panel **ret_panel, const struct ld_cell *cell, const struct ld_run_plan *run,
                  const char *data_folder, const char *const *only, const struct ld_panel_host *host,
                  struct ld_blind *blind, const struct ld_panel_events *events, void *context, struct ld_error *error)
{
    struct ld_panel *panel = calloc(1, sizeof *panel);
    if (!panel || !(panel->arena = ld_arena_new(PANEL_MEMORY))) {
        free(panel);
        return ld_fail(error, LD_ENOMEM, "out of memory");
    }
    panel->events = events;
    panel->context = context;
    panel->hosted = host != NULL;
    panel->blind = blind;
    ld_buffer_init(&panel->site, NAMES_MAX);
    ld_buffer_init(&panel->why, NAMES_MAX);
    if (host)
        panel->host = *host;
    struct opening opening = {cell, run, data_folder};
    int code = seat_all(panel, &opening, only, error);
    if (code) {
        ld_panel_free(panel);
        return code;
    }
    *ret_panel = panel;
    return 0;
}

size_t ld_panel_members(const struct ld_panel *panel, const struct ld_panel_member **ret_members)
{
    *ret_members = panel->members;
    return panel->count;
}

static void settle(struct seat *seat, int code)
{
    if (code)
        break_seat(seat, ld_code_text(code));
}

static double goroutines_of(const struct ld_observation *observation)
{
    double count = 0;
    if (ld_observation_has_profile(observation, LD_PROFILE_GOROUTINE))
        return (double)observation->profile->total;
    return ld_observation_point(observation, LD_METRIC_GOROUTINES, &count) ? count : 0;
}

/* The same observation as it is for the sighted one of a pair. */
static void observe_sighted(struct seat *seat, const struct ld_observation *observation)
{
    struct ld_alert_sink sink = {on_sighted_alert, seat};
    int code = seat->sighted ? ld_detector_observe(seat->sighted, observation, &sink) : 0;
    if (code) {
        ld_agreement_broke(seat->agreement, LD_SIGHT_SIGHTED, ld_code_text(code));
        ld_detector_free(seat->sighted);
        seat->sighted = NULL;
    }
    ld_agreement_compare(seat->agreement);
}

static void observe(struct seat *seat, const struct ld_observation *observation)
{
    struct ld_alert_sink sink = {on_alert, seat};
    if (seat->hosted && !seat->broken)
        seat->hosted->observe(seat->state, observation);
    else if (!seat->broken)
        settle(seat, ld_detector_observe(seat->detector, observation, &sink));
}

/* Nobody may be told names instead: the blind ones can see nothing from here on. */
static void go_dark(struct ld_panel *panel, const struct ld_error *error)
{
    char reason[600];
    snprintf(reason, sizeof reason, "harness: an observation could not be renamed: %s", error->message);
    for (size_t i = 0; i < panel->count; i++)
        if (panel->seats[i].blind)
            break_seat(&panel->seats[i], reason);
}

static bool awaits_farewell(const struct ld_panel *panel, size_t index)
{
    const struct ld_panel_member *member = &panel->members[index];
    return panel->seats[index].detector && (ld_detector_reads(member->kind, member->options) & LD_READ_FAREWELL);
}

bool ld_panel_awaits_farewell(const struct ld_panel *panel)
{
    for (size_t i = 0; i < panel->count; i++)
        if (awaits_farewell(panel, i))
            return true;
    return false;
}

static void tell(struct ld_panel *panel, const struct ld_observation *observation, bool farewell)
{
    struct ld_observation renamed = *observation;
    struct ld_error error = {0};
    bool dark = panel->blind && ld_blind_observation(panel->blind, observation, &renamed, &error) != 0;
    if (dark)
        go_dark(panel, &error);
    if (panel->seen && !dark)
        ld_seen_add(panel->seen, &renamed);
    for (size_t i = 0; i < panel->count; i++) {
        struct seat *seat = &panel->seats[i];
        if (farewell && !awaits_farewell(panel, i))
            continue;
        if (!seat->blind || !dark)
            observe(seat, seat->blind ? &renamed : observation);
        if (seat->agreement)
            observe_sighted(seat, observation);
    }
}

void ld_panel_observe(struct ld_panel *panel, const struct ld_observation *observation)
{
    double goroutines = goroutines_of(observation);
    if (goroutines > panel->peak_goroutines)
        panel->peak_goroutines = goroutines;
    tell(panel, observation, false);
}

void ld_panel_farewell(struct ld_panel *panel, const struct ld_observation *observation)
{
    tell(panel, observation, true);
}

void ld_panel_truth(struct ld_panel *panel, const struct ld_truth_event *event)
{
    for (size_t i = 0; i < panel->count; i++) {
        struct seat *seat = &panel->seats[i];
        struct ld_alert_sink sink = {on_alert, seat};
        if (!seat->broken && panel->members[i].kind->sees_truth)
            settle(seat, ld_detector_truth(seat->detector, event, &sink));
    }
}

/* What a blind run shows of it: the same with and without names? One that broke said nothing to compare. */
static void tell_sight(const struct ld_panel *panel, const struct seat *seat)
{
    char text[400];
    if (seat->agreement)
        panel->events->compared(panel->context, seat->name, ld_agreement_text(seat->agreement));
    if (!seat->hosted || !seat->blind || seat->broken)
        return;
    seat->hosted->sight(seat->state, panel->blind, text, sizeof text);
    panel->events->compared(panel->context, seat->name, text);
}

/* Could the run make it speak by its published parameters? */
static bool is_in_range(const struct ld_panel *panel, const struct seat *seat, char *why, size_t room)
{
    if (panel->peak_goroutines >= (double)seat->least_goroutines)
        return !seat->detector || ld_detector_reached(seat->detector, why, room);
    snprintf(why, room, "it speaks from %lld goroutines on, the run never held more than %.0f",
             (long long)seat->least_goroutines, panel->peak_goroutines);
    return false;
}

void ld_panel_finish(struct ld_panel *panel)
{
    for (size_t i = 0; i < panel->count; i++) {
        const struct seat *seat = &panel->seats[i];
        if (panel->events->compared)
            tell_sight(panel, seat);
        char reason[200];
        if (!seat->broken && !is_in_range(panel, seat, reason, sizeof reason))
            panel->events->out_of_range(panel->context, seat->name, reason);
    }
}

static void look_at_program(const struct seat *seat)
{
    char how[600];
    const struct ld_panel *panel = seat->panel;
    if (panel->events->changed &&
        ld_watched_programs_changed(panel->host.programs, seat->scenario, seat->spec, how, sizeof how))
        panel->events->changed(panel->context, seat->name, how);
}

void ld_panel_start(struct ld_panel *panel)
{
    for (size_t i = 0; i < panel->count; i++) {
        struct seat *seat = &panel->seats[i];
        seat->started = seat->hosted && !panel->ending; /* one that cannot start may end the run */
        if (!seat->started)
            continue;
        look_at_program(seat);
        seat->hosted->start(seat->state);
    }
}

const char *ld_panel_awaited(const struct ld_panel *panel)
{
    for (size_t i = 0; i < panel->count; i++) {
        const struct seat *seat = &panel->seats[i];
        if (seat->started && !seat->broken && seat->hosted->ready && !seat->hosted->ready(seat->state))
            return seat->name;
    }
    return NULL;
}

static bool is_idle(const struct seat *seat)
{
    return !seat->hosted || !seat->hosted->idle || seat->hosted->idle(seat->state);
}

void ld_panel_settle(struct ld_panel *panel)
{
    for (size_t i = 0; i < panel->count; i++)
        while (!is_idle(&panel->seats[i]))
            uv_run(panel->host.loop, UV_RUN_ONCE);
}

bool ld_panel_end(struct ld_panel *panel, bool hurry)
{
    panel->ending = true;
    panel->hosted_open = 1; /* counted first: nobody's end is the last within the call */
    for (size_t i = 0; i < panel->count; i++) {
        const struct seat *seat = &panel->seats[i];
        panel->hosted_open++;
        if (!seat->hosted || !seat->hosted->end(seat->state, hurry))
            panel->hosted_open--;
    }
    return --panel->hosted_open > 0;
}

void ld_panel_free(struct ld_panel *panel)
{
    if (!panel)
        return;
    for (size_t i = 0; i < panel->count; i++) {
        ld_detector_free(panel->seats[i].detector);
        ld_detector_free(panel->seats[i].sighted);
        ld_agreement_free(panel->seats[i].agreement);
        if (panel->seats[i].hosted)
            panel->seats[i].hosted->free(panel->seats[i].state);
    }
    ld_seen_free(panel->seen);
    ld_buffer_done(&panel->site);
    ld_buffer_done(&panel->why);
    ld_arena_free(panel->arena);
    free(panel);
}
