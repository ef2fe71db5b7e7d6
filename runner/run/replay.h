/* Replay: the stored observations of a run, fed to its detectors again in the order in which they were delivered live,
 * and what comes out compared with the stored alerts.
 *
 * Or fed to a detector that did not watch then: its alerts can be compared with nothing. They are kept, received at the
 * time of the observation that decided them, so that they can be scored against the stored truth. */
#ifndef LD_RUN_REPLAY_H
#define LD_RUN_REPLAY_H

#include "base/buffer.h"
#include "plan/plan.h"
#include "runner/run/host.h"
#include "runner/run/reads.h"
#include "store/store.h"

struct ld_replay_setting {
    struct ld_store *store;
    const struct ld_plan *plan;
    uint32_t run;
    const char *data_folder;
    const char *const *only; /* detectors, ends with NULL; NULL: all */
    const struct ld_detector_spec *declared; /* a detector that did not watch: it alone, and `only` is not looked at */
    const char *declared_in; /* the file that declares it, from which its program is seen; "" for none */
    const struct ld_detector_files *declared_files; /* what it reads; NULL: it reads them when it is opened */
    struct ld_arena *arena;  /* with `declared`: what is found lives there */
    struct ld_host *host;    /* for detectors that are hosted; NULL: they are left out */
    const char *own;         /* the own modules of the run's target, with spaces between them */
    bool blind;              /* names are hidden from the detectors */
    bool crossed; /* they were not when the run was stored, or the other way: of one observation, the order of
                   * alerts and their ids may differ then */
    bool json;               /* write every alert as a JSON line to `out` */
    struct ld_buffer *out;
};

struct ld_replay_result {
    size_t observations, truth_events;
    size_t alerts;             /* claims opened, as a run counts them; of the calibration set where it is asked for */
    size_t conditions;         /* decided again and compared */
    bool cut;                  /* the run never ended; it is compared as far as it went: what was decided last may not
                                * have reached the store */
    bool different;            /* from the stored ones, in anything but the receipt */
    char first_difference[512];
    struct ld_reads_seen seen; /* what the recording holds */
    /* with `declared` */
    struct ld_run_record record; /* the stored one, with this detector alone: for ld_score_runs */
};

/* LD_EUSAGE: no such run, or no such detector in it. LD_ESTORE, LD_EDETECTOR. */
int ld_replay_run(struct ld_replay_result *ret_result, const struct ld_replay_setting *setting, struct ld_error *error);

#endif
