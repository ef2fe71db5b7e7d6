/* Arms: which of a scenario's detectors watch one run.
 *
 * At most one active detector watches a run, for what it does to the target the others would see. Where a scenario has
 * more, or asks for it (`arms`), its detectors are split: every cell exists once for each arm, and the runs of one
 * repetition share their seed over all arms, so that they pair. */
#ifndef LD_SCENARIO_ARM_H
#define LD_SCENARIO_ARM_H

#include "scenario/scenario.h"

#define LD_ARM_PASSIVE "passive" /* every detector that changes nothing */
#define LD_ARM_BARE "bare"       /* none: the calibration set alone */

struct ld_arm {
    const char *name;   /* "passive", "bare" or its one detector's; "" for the only arm of a scenario */
    uint32_t detectors; /* bit i: the scenario's detectors[i] watches */
};

/* How many arms there are, at least 1, and one of them. Names live as long as the scenario. */
size_t ld_scenario_arm_count(const struct ld_scenario *scenario);
struct ld_arm ld_scenario_arm(const struct ld_scenario *scenario, size_t index);
/* Is the detector of that index in the arm? */
bool ld_arm_has(const struct ld_arm *arm, size_t detector);

#endif
