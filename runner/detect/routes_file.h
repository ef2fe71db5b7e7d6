/* A user's own Alertmanager configuration (detect/alertmanager.h) for one detector: as the scenario has it, checked,
 * and what a run is given of it. */
#ifndef LD_RUNNER_DETECT_ROUTES_FILE_H
#define LD_RUNNER_DETECT_ROUTES_FILE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "detect/alertmanager.h"
#include "scenario/scenario.h"

struct ld_routes_file {
    bool given;                        /* else the rest is nothing: a configuration of our own is run */
    char path[LD_DETECTOR_PATH_MAX];
    struct ld_buffer bytes;            /* what is kept of it */
    struct ld_alertmanager_times times;
};

/* The codes of ld_detector_files_read and ld_alertmanager_keep. */
int ld_routes_file_read(struct ld_routes_file *ret_routes, const struct ld_scenario *scenario,
                        const struct ld_detector_spec *spec, struct ld_error *error);
void ld_routes_file_done(struct ld_routes_file *routes); /* zeroed is allowed */
/* What Alertmanager is started with, added to `out`. */
int ld_routes_file_hosted(const struct ld_routes_file *routes, const char *webhook_url, struct ld_buffer *out,
                          struct ld_error *error);
/* What amtool says of that; nothing where there is none. LD_ESPEC, without a place: amtool knows none in the file. */
int ld_routes_file_amtool(const struct ld_routes_file *routes, struct ld_error *error);

#endif
