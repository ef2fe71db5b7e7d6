/* Whose a program's packages are, for runs that hide their names, live and replayed. */
#ifndef LD_RUN_OWN_H
#define LD_RUN_OWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "blind/blind.h"
#include "plan/plan.h"

/* The fact that holds a scenario's own modules: "own.<scenario>". */
#define LD_FACT_OWN "own."
/* The fact that says whether a campaign hid names: "1" or "0". */
#define LD_FACT_BLIND "blind"

/* The target's own modules, with spaces between them, each once: those that the scenario names, and those that its
 * programs, of all variants, say they are made of. NULL: out of memory.
 *
 * `programs`: their paths; none of one that is attached. `ret_unknown` is set to the first that does not say what is
 * its own, for it is no Go program (a script, env) or one of Go's tools (go run), to "" when it is attached, and to
 * NULL when nobody needs to say it: all programs did, or the scenario names modules. Without that a blind run would
 * hide too little. */
const char *ld_own_modules(const struct ld_scenario *scenario, const char *const *programs, size_t count,
                           struct ld_arena *arena, const char **ret_unknown);
/* What to do about it: "target: {own: [example.com/shop]}" and why, of a scenario; into `error`, LD_EUSAGE. */
int ld_own_refuse(const struct ld_scenario *scenario, const char *unknown, struct ld_error *error);

#define LD_OWN_MODULE_MAX 512
/* Does a process that was started run a program of a module that is none of `modules`? Then that one's name. A script
 * may become another program than the one that was looked at. False also of one that is gone or no Go program. */
bool ld_own_is_stranger(const char *modules, int64_t pid, char ret_module[LD_OWN_MODULE_MAX]);

/* The renaming of a run; live and in every replay the same one. LD_ENOMEM, LD_ELIMIT. */
int ld_own_blind(struct ld_blind **ret_blind, const struct ld_run_plan *run, const char *modules);

#endif
