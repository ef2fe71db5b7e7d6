/* Calibration: says nothing. */
#include "detect/builtin.h"

static int never_open(void **ret_state, const struct ld_detector_setting *setting, struct ld_error *error)
{
    (void)setting;
    (void)error;
    *ret_state = NULL;
    return 0;
}

static int never_observe(void *state, const struct ld_observation *observation, const struct ld_alert_sink *sink)
{
    (void)state;
    (void)observation;
    (void)sink;
    return 0;
}

const struct ld_detector_kind ld_detector_never = {
    .name = "never",
    .type = LD_DETECTOR_BUILTIN,
    .doc = "Calibration: never opens an alert. Must score 0 % and no false alarm.",
    .calibration = true,
    .open = never_open,
    .observe = never_observe,
};
