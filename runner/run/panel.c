#include "runner/run/panel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/random.h"
#include "detect/watch.h"

#define PANEL_MEMORY ((size_t)4 << 20)

struct seat {
    struct ld_panel *panel;
    struct ld_detector *detector;
    bool broken;
    int64_t least_goroutines; /* 0: it may speak at any number */
};

struct ld_panel {
    const struct ld_panel_events *events;
    void *context;
    struct ld_arena *arena;
    size_t count;
    struct seat *seats;
    struct ld_panel_member *members;
    double peak_goroutines; /* the most that any observation showed of one instance */
};

static void on_alert(void *context, const struct ld_alert *alert)
{
    const struct seat *seat = context;
    seat->panel->events->alert(seat->panel->context, ld_detector_name(seat->detector), alert);
}

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

static int take_seat(struct ld_panel *panel, const struct opening *opening, const struct ld_detector_kind *kind,
                     const char *name, const void *options, struct ld_error *error)
{
    const struct ld_scenario *scenario = opening->cell->scenario;
    struct ld_detector_setting setting = {.name = name,
                                          .options = options,
                                          .seed = ld_derive(opening->run->seed, name, 0),
                                          .time_scale = scenario->time_scale,
                                          .period_ns = ld_scenario_scaled_ns(scenario, scenario->sampling.every_ns),
                                          .manifest = scenario->manifest,
                                          .data_folder = opening->data_folder};
    struct seat *seat = &panel->seats[panel->count];
    int code = ld_detector_open(&seat->detector, kind, &setting, error);
    if (code)
        return code;
    seat->panel = panel;
    seat->least_goroutines = kind->least_goroutines ? kind->least_goroutines(&setting) : 0;
    panel->members[panel->count++] = (struct ld_panel_member){ld_detector_name(seat->detector), kind, options};
    return 0;
}

static int seat_all(struct ld_panel *panel, const struct opening *opening, const char *const *only,
                    struct ld_error *error)
{
    const struct ld_scenario *scenario = opening->cell->scenario;
    size_t kind_count;
    const struct ld_detector_kind *const *kinds = ld_detector_kinds(&kind_count);
    size_t room = scenario->detector_count + kind_count;
    panel->seats = ld_arena_array(panel->arena, room, sizeof *panel->seats);
    panel->members = ld_arena_array(panel->arena, room, sizeof *panel->members);
    if (!panel->seats || !panel->members)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    for (size_t i = 0; i < scenario->detector_count; i++) {
        const struct ld_detector_spec *spec = &scenario->detectors[i];
        int code = is_wanted(only, spec->name)
                       ? take_seat(panel, opening, spec->kind, spec->name, spec->options, error)
                       : 0;
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
    for (; only && *only; only++) {
        bool found = false;
        for (size_t i = 0; i < panel->count; i++)
            found = found || strcmp(panel->members[i].name, *only) == 0;
        if (!found)
            return ld_fail(error, LD_EUSAGE, "scenario %s has no detector \"%s\"", scenario->name, *only);
    }
    return 0;
}

int ld_panel_open(struct ld_panel **ret_panel, const struct ld_cell *cell, const struct ld_run_plan *run,
                  const char *data_folder, const char *const *only, const struct ld_panel_events *events,
                  void *context, struct ld_error *error)
{
    struct ld_panel *panel = calloc(1, sizeof *panel);
    if (!panel || !(panel->arena = ld_arena_new(PANEL_MEMORY))) {
        free(panel);
        return ld_fail(error, LD_ENOMEM, "out of memory");
    }
    panel->events = events;
    panel->context = context;
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
    if (code == 0 || seat->broken)
        return;
    seat->broken = true;
    seat->panel->events->broken(seat->panel->context, ld_detector_name(seat->detector), ld_code_text(code));
}

static double goroutines_of(const struct ld_observation *observation)
{
    double count = 0;
    if (ld_observation_has_profile(observation, LD_PROFILE_GOROUTINE))
        return (double)observation->profile->total;
    return ld_observation_point(observation, LD_METRIC_GOROUTINES, &count) ? count : 0;
}

void ld_panel_observe(struct ld_panel *panel, const struct ld_observation *observation)
{
    double goroutines = goroutines_of(observation);
    if (goroutines > panel->peak_goroutines)
        panel->peak_goroutines = goroutines;
    for (size_t i = 0; i < panel->count; i++) {
        struct seat *seat = &panel->seats[i];
        struct ld_alert_sink sink = {on_alert, seat};
        if (!seat->broken)
            settle(seat, ld_detector_observe(seat->detector, observation, &sink));
    }
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

void ld_panel_finish(struct ld_panel *panel)
{
    for (size_t i = 0; i < panel->count; i++) {
        const struct seat *seat = &panel->seats[i];
        if (seat->broken || panel->peak_goroutines >= (double)seat->least_goroutines)
            continue;
        char reason[160];
        snprintf(reason, sizeof reason, "it speaks from %lld goroutines on, the run never held more than %.0f",
                 (long long)seat->least_goroutines, panel->peak_goroutines);
        panel->events->out_of_range(panel->context, ld_detector_name(seat->detector), reason);
    }
}

void ld_panel_free(struct ld_panel *panel)
{
    if (!panel)
        return;
    for (size_t i = 0; i < panel->count; i++)
        ld_detector_free(panel->seats[i].detector);
    ld_arena_free(panel->arena);
    free(panel);
}
