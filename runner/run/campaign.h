/* A campaign: the runs of one invocation, many at once, from the plan to the verdict.
 *
 * ld_campaign_run does it all: work folder and guard, database, threads, runs in the plan's order, at most `jobs` at a
 * time (of cells with sequential tests only as many as these ask for), then score, judge and store. It returns when
 * everything is torn down. The first SIGINT, SIGTERM or SIGHUP (unless ignored) stops the runs in hand cleanly and
 * judges what there is; the second kills everything at once and ends the process. They are as the caller had them when
 * it returns. */
#ifndef LD_RUN_CAMPAIGN_H
#define LD_RUN_CAMPAIGN_H

#include "plan/plan.h"
#include "runner/run/catalogue.h"
#include "runner/run/run.h"
#include "score/score.h"
#include "store/store.h"

struct ld_campaign_progress {
    size_t planned, finished, running, void_runs;
    uint32_t alerts;
    int64_t elapsed_ns;
};

struct ld_campaign_events {
    /* A run began, or (summary given) ended. */
    void (*run)(void *context, const struct ld_cell *cell, const struct ld_run_plan *run,
                const struct ld_run_summary *summary, const struct ld_campaign_progress *progress);
    /* About four times a second, for a live table: the runs in hand. */
    void (*tick)(void *context, struct ld_run *const *runs, size_t count, const struct ld_campaign_progress *progress);
    /* Something people should know: no namespaces here, interrupted, … */
    void (*talk)(void *context, const char *text);
    void *context;
};

/* The facts that hold runs_given and full: to plan again exactly as then. */
#define LD_FACT_RUNS "plan.runs"
#define LD_FACT_FULL "plan.full"
/* The working folder, from which the scenarios' files are seen; absolute. */
#define LD_FACT_FOLDER "folder"
/* Facts and notes by which `recover` finds what a campaign left that was cut off. */
#define LD_FACT_BOOT "recover.boot"               /* ld_boot_id */
#define LD_FACT_PROCESS "recover.process"         /* leakdrill's own identity, as ld_identity_text gives it */
#define LD_FACT_GUARD "recover.guard"             /* its guard's */
#define LD_FACT_GROUP "recover.group"             /* folder of its cgroup; "": it has none */
#define LD_FACT_WORK_FOLDER "recover.work_folder"
#define LD_NOTE_PROCESS "process"                 /* of a run: an identity and, behind a space, whose it is */

struct ld_campaign_setting {
    const struct ld_plan *plan;
    const struct ld_scenario *const *scenarios; /* all that the plan was made from, also what a filter left out */
    size_t scenario_count;
    int64_t runs_given;        /* what the plan was told instead of the scenarios' own number; 0: nothing */
    bool full;                 /* or that each cell is run as often as claims need */
    const struct ld_installed *installed;
    const char *database;      /* path; must not exist */
    const char *data_folder;
    unsigned jobs;             /* at least 1 */
    bool blind;                /* hide names from all who look at a target; changes neither plan nor seeds */
    bool fail_fast;            /* start nothing new after a void run */
    bool all_runs;             /* sequential tests end no cell: a rerun wants as many runs as were reckoned */
    struct ld_campaign_events events;
};

struct ld_campaign_result {
    bool interrupted;
    int interrupt_signal;      /* SIGINT, SIGTERM or SIGHUP, 0 */
    int64_t left;              /* processes left: 0 or a bug */
    size_t stored;             /* runs whose end is in the database */
};

int ld_campaign_run(struct ld_campaign_result *ret_result, const struct ld_campaign_setting *setting,
                    struct ld_error *error);
/* How many runs at a time when nobody says: four times the cores, for runs mostly wait; tests/benchmarks/a_a.sh
 * tells whether that shifts what a run shows. */
unsigned ld_campaign_default_jobs(void);
/* The wall clock, ns since 1970: only to show. */
int64_t ld_wall_now(void);

#endif
