/* A static tool at work on the source of one variant: copy, run, read. Once for all runs of that variant. */
#ifndef LD_RUNNER_DETECT_STATIC_TOOL_H
#define LD_RUNNER_DETECT_STATIC_TOOL_H

#include <stdbool.h>
#include <uv.h>

#include "detect/static.h"
#include "scenario/scenario.h"
#include "runner/process/guard.h"

struct ld_static_job {
    uv_loop_t *loop;
    const struct ld_guard *guard;
    const char *folder;    /* its own, absolute; does not exist yet; its parent does */
    const bool *cancelled; /* NULL: never */
    const char *scenario_file; /* commands of the scenario are looked for beside it */
    const struct ld_static_options *options;
    const char *module;    /* a folder of the module, in which go is run */
    const char *package;   /* the program, as go is told it there: "./cmd/kitchen", "." */
    const char *case_name; /* of a fixture; NULL: not a fixture */
    bool repaired;         /* its healthy twin */
    bool cgo;
    const struct ld_environment_spec *environment; /* on top of ours; NULL: nothing */
};

struct ld_static_claim {
    const char *site; /* the enclosing function as profiles name it; of a file that is none of the program's its name */
    const char *code;  /* the check */
    const char *text;  /* "cases/prices/prices.go:71:2: response body must be closed" */
};

struct ld_static_result {
    const char *broken; /* why there are no findings; NULL: the tool ran */
    size_t count;       /* all findings, in the tool's order */
    struct ld_static_claim *claims;
    size_t passed_over; /* further findings, beyond LD_FINDINGS_MAX */
};

/* Texts are in the arena. What is wrong with the tool or the source is `broken`; LD_ECANCELLED and LD_ENOMEM are
 * errors. The folder stays. */
int ld_static_tool_run(struct ld_static_result *ret_result, const struct ld_static_job *job, struct ld_arena *arena,
                       struct ld_error *error);

#endif
