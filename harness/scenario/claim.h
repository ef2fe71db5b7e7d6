/* What so many runs of a cell can claim: the one table of these counts (reports/definitions.md, "How many runs a claim
 * needs"). From it come what `--full` runs, what `plan` promises and what the score judges. The counts of shares are
 * those of ld_plan_runs_needed: all runs right, exact one-sided bound at 95 %. */
#ifndef LD_SCENARIO_CLAIM_H
#define LD_SCENARIO_CLAIM_H

#include <stdint.h>

#define LD_CLAIMS(X)                                                                                                   \
    X(MEDIAN, 6, "median of the time to detect")                                                                       \
    X(P95, 59, "95 % quantile of the time to detect")                                                                  \
    X(DETECTION, 59, "detection of at least 95 % if none is missed (95 % confident)")                                  \
    X(FALSE_ALARMS, 59, "false alarms in at most 5 % of runs if there is none (95 % confident)")                       \
    X(FEW_FALSE_ALARMS, 299, "false alarms in at most 1 % of runs if there is none (95 % confident)")

enum ld_runs_for { /* runs of a cell, at least */
#define X(name, runs, text) LD_RUNS_FOR_##name = runs,
    LD_CLAIMS(X)
#undef X
};

#define LD_RUNS_FULL LD_RUNS_FOR_DETECTION /* of each cell with --full, in scenarios that judge and say nothing else */

struct ld_claim {
    int64_t runs;
    const char *text;
};
extern const struct ld_claim ld_claims[]; /* by rising runs; ends with {0} */

#endif
