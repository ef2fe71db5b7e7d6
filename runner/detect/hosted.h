/* Detectors that the runner hosts for one run: a program of somebody's own, an alerting system that already exists, a
 * tool. One row of LD_HOSTED_KINDS each; who watches a run (runner/run/panel.c) knows no more of them than this.
 *
 * All on one libuv loop and never blocking. What goes wrong with one breaks it alone, once, with a reason that is kept
 * as its DETECTOR_ERROR; then it ends with all it started. */
#ifndef LD_RUNNER_DETECT_HOSTED_H
#define LD_RUNNER_DETECT_HOSTED_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "blind/blind.h"
#include "detect/alert.h"
#include "observe/observation.h"
#include "plan/plan.h"
#include "runner/detect/seen.h"
#include "runner/detect/statics.h"
#include "runner/process/guard.h"

/* All on the loop; none before start, none after closed. */
struct ld_hosted_events {
    void (*alert)(void *context, const struct ld_alert *alert);
    void (*broken)(void *context, const char *reason);  /* once at most; nobody waits for it then */
    void (*note)(void *context, const char *text);      /* what it left to say: its standard error, how it ended */
    void (*in_vain)(void *context, const char *what); /* its rules asked for it, and nothing was there in all the run */
    void (*ready)(void *context);                       /* it became ready; only of kinds that have `ready` */
    void (*closed)(void *context);                      /* after end: nothing of it is left but free */
};

/* What it works on. All of it outlives the detector. */
struct ld_hosted_setting {
    uv_loop_t *loop;
    const struct ld_guard *guard;
    const char *work_folder;           /* its own folder is made below it, named by its token */
    uint64_t folder_token;
    const struct ld_cell *cell;        /* scenario, variant: for the host alone, never for what it hosts */
    const struct ld_run_plan *run;
    const struct ld_detector_spec *spec;
    const char *data_folder;
    const char *const *gateway_urls;   /* where each instance can be read; NULL: nowhere, a replay */
    const struct ld_seen *seen;
    const struct ld_statics *statics;  /* what static tools found; NULL: none was run */
    const struct ld_blind *blind;      /* the run's renaming; NULL: names are shown */
};

struct ld_hosted_kind {
    const struct ld_detector_kind *kind;
    /* Can it take part where the target cannot be read, on stored observations alone? NULL: never. */
    bool (*replays)(const void *options);
    const char *why_no_replay; /* "reads the target through the gateway" */
    /* Is what its options name there and good, seen from the scenario's `file`? For lint. NULL: nothing to ask. */
    int (*check)(const char *file, const struct ld_scenario *scenario, const struct ld_detector_spec *spec,
                 struct ld_error *error);
    /* What of its options is allowed and hardly meant, a line each. NULL: nothing is. */
    void (*remark)(const struct ld_scenario *scenario, const struct ld_detector_spec *spec, struct ld_buffer *out);
    /* Is what it needs installed here? LD_EUNAVAILABLE, before anything starts. NULL: it always is. */
    int (*available)(struct ld_error *error);
    /* Nothing is started yet. LD_ENOMEM, or what of the setting is wrong. */
    int (*open)(void **ret_state, const struct ld_hosted_setting *setting, const struct ld_hosted_events *events,
                void *context, struct ld_error *error);
    /* A failure is its own: `broken`. */
    void (*start)(void *state);
    /* Before it is ready no baseline begins. NULL: it always is. */
    bool (*ready)(const void *state);
    /* Copied, or queued; ignored when it is broken or ended. */
    void (*observe)(void *state, const struct ld_observation *observation);
    /* Has it answered everything it was told, or is it broken? For replays; NULL: it always has. */
    bool (*idle)(const void *state);
    /* Of a blind run that is over: would it have said the same, told the names? As score/score.h has it: "agrees: …",
     * "differs: …", or, where no one run can show it, "alone: …" with what can. */
    void (*sight)(const void *state, const struct ld_blind *blind, char *text, size_t room);
    /* No more observations: it answers what it still has and ends; `hurry`: it is killed. True: `closed` follows;
     * false: there was nothing left to wait for, and `closed` does not come. */
    bool (*end)(void *state, bool hurry);
    /* Only after closed, or when end said false, or before start. NULL is allowed. */
    void (*free)(void *state);
};

/* What every kind has, by the names of its functions. */
#define LD_HOSTED_LIFE(name)                                                                                           \
    .open = name##_open, .start = name##_start, .observe = name##_observe, .sight = name##_sight,                      \
    .end = name##_end, .free = name##_free

/*    id */
#define LD_HOSTED_KINDS(X) X(exec) X(prometheus) X(static)

#define X(id) extern const struct ld_hosted_kind ld_hosted_##id;
LD_HOSTED_KINDS(X)
#undef X

/* NULL: the kind is built in. */
const struct ld_hosted_kind *ld_hosted_find(const struct ld_detector_kind *kind);

#endif
