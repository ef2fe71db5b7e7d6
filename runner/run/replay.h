/* Replay: the stored observations of a run, fed to its detectors again in the order in which they were delivered live,
 * and what comes out compared with the stored alerts. */
#ifndef LD_RUN_REPLAY_H
#define LD_RUN_REPLAY_H

#include "base/buffer.h"
#include "plan/plan.h"
#include "runner/run/host.h"
#include "store/store.h"

struct ld_replay_setting {
    struct ld_store *store;
    const struct ld_plan *plan;
    uint32_t run;
    const char *data_folder;
    const char *const *only; /* detectors, ends with NULL; NULL: all */
    struct ld_host *host;    /* for detectors that are programs; NULL: they are left out */
    const char *own;         /* the own modules of the run's target, with spaces between them */
    bool blind;              /* names are hidden from the detectors */
    bool json;               /* write every alert as a JSON line to `out` */
    struct ld_buffer *out;
};

struct ld_replay_result {
    size_t observations, truth_events;
    size_t alerts;             /* all actions of all detectors replayed */
    size_t conditions;         /* decided again and compared */
    bool different;            /* from the stored ones, in anything but the receipt */
    char first_difference[512];
};

/* LD_EUSAGE: no such run, or no such detector in it. LD_ESTORE, LD_EDETECTOR. */
int ld_replay_run(struct ld_replay_result *ret_result, const struct ld_replay_setting *setting, struct ld_error *error);

#endif
