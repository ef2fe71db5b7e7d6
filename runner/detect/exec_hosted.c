/* A detector that is a program, as one that the runner hosts for a run. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "detect/builtin.h"
#include "detect/exec.h"
#include "runner/detect/exec.h"
#include "runner/detect/hosted.h"
#include "score/score.h"

struct exec_seat {
    struct ld_exec *exec;
    bool gateway; /* it reads the target itself, too */
    char file[PATH_MAX]; /* the scenario's, seen from here */
    const struct ld_hosted_events *events;
    void *context;
};

static void on_alert(void *context, const struct ld_alert *alert)
{
    const struct exec_seat *seat = context;
    seat->events->alert(seat->context, alert);
}

static void on_broken(void *context, enum ld_exec_fault fault, const char *reason)
{
    const struct exec_seat *seat = context;
    (void)fault;
    seat->events->broken(seat->context, reason);
}

static void on_note(void *context, const char *text)
{
    const struct exec_seat *seat = context;
    seat->events->note(seat->context, text);
}

static void on_closed(void *context)
{
    const struct exec_seat *seat = context;
    seat->events->closed(seat->context);
}

static const struct ld_exec_events exec_events = {on_alert, on_broken, on_note, on_closed};

static bool exec_replays(const void *options)
{
    return !((const struct ld_exec_options *)options)->gateway;
}

static void see_file(struct exec_seat *seat, const struct ld_scenario *scenario)
{
    bool elsewhere = scenario->folder && scenario->file[0] != '/';
    snprintf(seat->file, sizeof seat->file, "%s%s%s", elsewhere ? scenario->folder : "", elsewhere ? "/" : "",
             scenario->file);
}

static int exec_open(void **ret_state, const struct ld_hosted_setting *setting, const struct ld_hosted_events *events,
                     void *context, struct ld_error *error)
{
    const struct ld_scenario *scenario = setting->cell->scenario;
    const struct ld_exec_options *options = setting->spec->options;
    struct exec_seat *seat = calloc(1, sizeof *seat);
    if (!seat)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    see_file(seat, scenario);
    struct ld_exec_setting is = {.loop = setting->loop,
                                 .guard = setting->guard,
                                 .work_folder = setting->work_folder,
                                 .folder_token = setting->folder_token,
                                 .file = seat->file,
                                 .hello = {.token = ld_derive(setting->run->seed, "run", setting->run->index),
                                           .instances = (uint32_t)scenario->target.instances,
                                           .time_scale = scenario->time_scale,
                                           .period_ns = ld_scenario_scaled_ns(scenario, scenario->sampling.every_ns),
                                           .options = options,
                                           .gateway = options->gateway ? setting->gateway_urls : NULL},
                                 .seen = setting->seen};
    if (ld_exec_new(&seat->exec, &is, &exec_events, seat) != 0) {
        free(seat);
        return ld_fail(error, LD_ENOMEM, "out of memory");
    }
    seat->gateway = options->gateway;
    seat->events = events;
    seat->context = context;
    *ret_state = seat;
    return 0;
}

static void exec_start(void *state)
{
    ld_exec_start(((struct exec_seat *)state)->exec);
}

static void exec_observe(void *state, const struct ld_observation *observation)
{
    ld_exec_observe(((struct exec_seat *)state)->exec, observation);
}

static bool exec_idle(const void *state)
{
    return ld_exec_idle(((const struct exec_seat *)state)->exec);
}

/* Told twice in one run it would cost twice, and a program need not be deterministic. */
static void exec_sight(const void *state, const struct ld_blind *blind, char *text, size_t room)
{
    const struct exec_seat *seat = state;
    (void)blind;
    snprintf(text, room, LD_BLIND_ALONE "%s",
             seat->gateway ? "it reads the target itself: leakdrill compare with runs of this seed without --blind"
                           : "leakdrill replay --sighted tells it the names");
}

static bool exec_end(void *state, bool hurry)
{
    return ld_exec_end(((struct exec_seat *)state)->exec, hurry);
}

static void exec_free(void *state)
{
    struct exec_seat *seat = state;
    if (seat)
        ld_exec_free(seat->exec);
    free(seat);
}

const struct ld_hosted_kind ld_hosted_exec = {.kind = &ld_detector_exec,
                                              .replays = exec_replays,
                                              .why_no_replay = "reads the target through the gateway",
                                              .idle = exec_idle,
                                              LD_HOSTED_LIFE(exec)};
