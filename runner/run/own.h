/* Whose a program's packages are, for runs that hide their names, live and replayed. */
#ifndef LD_RUN_OWN_H
#define LD_RUN_OWN_H

#include "blind/blind.h"
#include "plan/plan.h"

/* The fact that holds a scenario's own modules: "own.<scenario>". */
#define LD_FACT_OWN "own."
/* The fact that says whether a campaign hid names: "1" or "0". */
#define LD_FACT_BLIND "blind"

/* The target's own modules, with spaces between them: those that the scenario names, and the one that the program,
 * where there is one, says it is made of. `program`: its path, NULL: unknown. NULL: out of memory. */
const char *ld_own_modules(const struct ld_scenario *scenario, const char *program, struct ld_arena *arena);
/* The renaming of a run; live and in every replay the same one. */
int ld_own_blind(struct ld_blind **ret_blind, const struct ld_run_plan *run, const char *modules);

#endif
