/* Calibration: cries wolf at once, in every life. */
#include <stdlib.h>

#include "detect/builtin.h"
#include "detect/watch.h"

static int always_open(void **ret_state, const struct ld_detector_setting *setting, struct ld_error *error)
{
    (void)setting;
    struct ld_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    ld_watch_init(watch, 1, NULL);
    *ret_state = watch;
    return 0;
}

static int always_observe(void *state, const struct ld_observation *observation, const struct ld_alert_sink *sink)
{
    struct ld_watch *watch = state;
    struct ld_life_state *life;
    bool fresh;
    int code = ld_watch_follow(watch, observation, sink, &life, &fresh);
    if (code || !life || !fresh)
        return code;
    struct ld_alert alert = {.cause = LD_CAUSE_ANY, .severity = LD_SEVERITY_RED,
                             .why = "the first observation of this incarnation"};
    return ld_claim_open(watch, life, observation, sink, &alert);
}

static void always_close(void *state)
{
    ld_watch_done(state);
    free(state);
}

const struct ld_detector_kind ld_detector_always = {
    .name = "always",
    .type = LD_DETECTOR_BUILTIN,
    .doc = "Calibration: one alert at the first observation of each incarnation, open until the incarnation ends. Its "
           "false alarms are known: one a life.",
    .calibration = true,
    .open = always_open,
    .observe = always_observe,
    .close = always_close,
};
