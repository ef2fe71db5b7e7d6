/* What static tools found, for all runs of a campaign: each tool runs once on each variant that is planned. */
#ifndef LD_RUNNER_DETECT_STATICS_H
#define LD_RUNNER_DETECT_STATICS_H

#include "plan/plan.h"
#include "runner/detect/static_tool.h"

/* Where a program's source is. */
struct ld_static_target {
    const char *module;    /* a folder of the module */
    const char *package;   /* "./cmd/kitchen" */
    const char *case_name; /* of a fixture; NULL: not one */
    bool cgo;
    const struct ld_environment_spec *environment; /* of the build; NULL: nothing of its own */
};

struct ld_statics_setting {
    uv_loop_t *loop;
    const struct ld_guard *guard;
    const char *work_folder;
    const bool *cancelled;
    struct ld_arena *arena;
    /* The source of a scenario's target. An error is why the tools are broken. */
    int (*find)(void *context, const struct ld_scenario *scenario, struct ld_static_target *ret_target,
                struct ld_error *error);
    void (*talk)(void *context, const char *text);
    void *context;
};

struct ld_statics;

/* Run them, all that the plan needs; *ret_statics is NULL where it needs none. LD_ECANCELLED, LD_ENOMEM. */
int ld_statics_run(struct ld_statics **ret_statics, const struct ld_plan *plan,
                   const struct ld_statics_setting *setting, struct ld_error *error);
/* NULL when it was not run. `statics` may be NULL. */
const struct ld_static_result *ld_statics_find(const struct ld_statics *statics, const struct ld_cell *cell,
                                               const struct ld_detector_spec *spec);

#endif
