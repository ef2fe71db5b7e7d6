#include "scenario/arm.h"

#include <assert.h>

#define DETECTORS_MAX 32 /* bits of ld_arm.detectors; the schema takes no more */

static bool is_active(const struct ld_detector_spec *detector)
{
    return detector->kind && ld_detector_is_active(detector->kind, detector->options);
}

static size_t active_count(const struct ld_scenario *scenario)
{
    size_t count = 0;
    for (size_t i = 0; i < scenario->detector_count; i++)
        count += is_active(&scenario->detectors[i]);
    return count;
}

static bool is_together(const struct ld_scenario *scenario)
{
    return scenario->detector_count == 0 || (scenario->arms == LD_ARMS_TOGETHER && active_count(scenario) < 2);
}

size_t ld_scenario_arm_count(const struct ld_scenario *scenario)
{
    size_t active = active_count(scenario);
    assert(scenario->detector_count <= DETECTORS_MAX);
    if (is_together(scenario))
        return 1;
    if (scenario->arms == LD_ARMS_EACH)
        return scenario->detector_count + 1;
    return active + (active < scenario->detector_count);
}

/* The one detector of an arm: the nth of all, or of the active ones. */
static struct ld_arm arm_of_one(const struct ld_scenario *scenario, size_t nth, bool active_only)
{
    for (size_t i = 0; i < scenario->detector_count; i++) {
        if (active_only && !is_active(&scenario->detectors[i]))
            continue;
        if (nth-- == 0)
            return (struct ld_arm){scenario->detectors[i].name, UINT32_C(1) << i};
    }
    assert(false && "no such arm");
    return (struct ld_arm){"", 0};
}

static uint32_t detectors_of(const struct ld_scenario *scenario, bool active_too)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < scenario->detector_count; i++)
        if (active_too || !is_active(&scenario->detectors[i]))
            bits |= UINT32_C(1) << i;
    return bits;
}

struct ld_arm ld_scenario_arm(const struct ld_scenario *scenario, size_t index)
{
    size_t count = ld_scenario_arm_count(scenario);
    assert(index < count);
    if (count == 1)
        return (struct ld_arm){"", detectors_of(scenario, true)};
    if (scenario->arms == LD_ARMS_EACH)
        return index == 0 ? (struct ld_arm){LD_ARM_BARE, 0} : arm_of_one(scenario, index - 1, false);
    uint32_t passive = detectors_of(scenario, false);
    if (!passive)
        return arm_of_one(scenario, index, true);
    return index == 0 ? (struct ld_arm){LD_ARM_PASSIVE, passive} : arm_of_one(scenario, index - 1, true);
}

bool ld_arm_has(const struct ld_arm *arm, size_t detector)
{
    return detector < DETECTORS_MAX && (arm->detectors >> detector & 1);
}
