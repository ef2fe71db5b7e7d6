/* One run as a state machine: one target, one variant, one fault case, one seed, once.
 *
 *   prepare -> spawn -> warm-up -> baseline -> steady -> method -> drain -> settle -> after -> stop -> check -> done
 *
 * Whatever fails on the way makes the run void with its reason and goes straight to stop, so that every run is torn
 * down the same way. Everything a run learns goes to the writer; nothing is kept for scoring, which reads the store. */
#ifndef LD_RUN_RUN_H
#define LD_RUN_RUN_H

#include "plan/plan.h"
#include "runner/run/control.h"

/* Where the programs of a run are; texts live as long as the campaign. */
struct ld_run_programs {
    const char *target;        /* of the fixture in this variant, or of what was built; NULL for command and attach */
    const char *target_name;   /* "mailroom" */
    const char *target_case;   /* "digest" */
    const char *upstream;      /* NULL when there is none */
    const char *upstream_name;
    const char *own;           /* the modules that are the target's own, with spaces between them; "" when unknown */
};

struct ld_run;

/* A command's real path, as a shell would find it: a word without '/' is looked for on PATH. NULL: nothing; free(). */
char *ld_run_find_program(const char *word);

struct ld_run_summary {
    enum ld_validity validity;
    char reason[256];
    uint64_t observations;
    uint32_t alerts; /* opened by detectors other than the calibration set */
    int64_t duration_ns;
    int64_t left;    /* processes left: 0 or a bug */
    bool stored;     /* finished: its end is in the database */
};

/* Both run once, on the loop, in this order. */
struct ld_run_events {
    /* All of the run is torn down and its end is on the way to the disk: its place is free. */
    void (*vacated)(void *context, struct ld_run *run, const struct ld_run_summary *summary);
    /* It is durable; the run is freed when this returns. */
    void (*finished)(void *context, struct ld_run *run, const struct ld_run_summary *summary);
};

/* Begin. Neither event comes before this has returned. LD_ENOMEM, or a detector that cannot be opened. */
int ld_run_start(struct ld_run **ret_run, struct ld_control *control, const struct ld_plan *plan,
                 const struct ld_run_plan *run_plan, const struct ld_run_programs *programs,
                 const struct ld_run_events *events, void *context, struct ld_error *error);
/* Void it and tear it down: interrupted, or the harness cannot go on. One that is done stays what it is. */
void ld_run_abort(struct ld_run *run, const char *reason);
const char *ld_run_phase_name(const struct ld_run *run);
const char *ld_run_cell_name(const struct ld_run *run);
const struct ld_run_plan *ld_run_plan_of(const struct ld_run *run);
uint32_t ld_run_alerts(const struct ld_run *run);

#endif
