/* From a record to what the plan and the scenario say of it. */
#include <string.h>

#include "score/internal.h"

const struct ld_cell *score_cell(const struct ld_plan *plan, const struct ld_run_record *run)
{
    const struct ld_run_plan *planned = ld_plan_find_run(plan, run->run);
    return planned && planned->cell < plan->cell_count ? &plan->cells[planned->cell] : NULL;
}

const struct ld_expectation *score_expectation(const struct ld_scenario *scenario, const char *detector)
{
    for (size_t i = 0; i < scenario->expectation_count; i++) {
        if (strcmp(scenario->expectations[i].detector, detector) == 0)
            return &scenario->expectations[i];
    }
    return NULL;
}

const struct ld_detector_spec *score_spec(const struct ld_scenario *scenario, const char *detector)
{
    for (size_t i = 0; i < scenario->detector_count; i++) {
        if (strcmp(scenario->detectors[i].name, detector) == 0)
            return &scenario->detectors[i];
    }
    return NULL;
}

const char *score_kind(const struct ld_scenario *scenario, const char *detector)
{
    const struct ld_detector_spec *spec = score_spec(scenario, detector);
    return spec && spec->kind ? spec->kind->name : detector;
}

int64_t score_scaled(const struct ld_scenario *scenario, int64_t ns)
{
    return scenario->time_scale > 0 ? (int64_t)((double)ns / scenario->time_scale) : ns;
}

int64_t score_period_ns(const struct ld_scenario *scenario)
{
    return score_scaled(scenario, scenario->sampling.every_ns);
}

int64_t ld_score_quiet_ns(const struct ld_scenario *scenario)
{
    int64_t periods_ns = 2 * scenario->sampling.every_ns;
    return score_scaled(scenario, periods_ns > LD_EPISODE_QUIET_NS ? periods_ns : LD_EPISODE_QUIET_NS);
}
