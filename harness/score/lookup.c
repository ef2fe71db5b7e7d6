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

bool score_same_leak(const struct ld_scenario *left, const struct ld_scenario *right)
{
    const struct ld_target_spec *a = &left->target, *b = &right->target;
    return left == right || (a->kind == LD_TARGET_FIXTURE && b->kind == LD_TARGET_FIXTURE && a->fixture && b->fixture &&
                             strcmp(a->fixture, b->fixture) == 0);
}

bool ld_outcome_time(const struct ld_outcome *outcome, struct ld_survival_time *ret_time)
{
    bool seen = outcome->kind == LD_OUTCOME_TP || outcome->kind == LD_OUTCOME_TP_LATE || outcome->seen_anyway;
    bool followed = outcome->kind == LD_OUTCOME_FN ||
                    (outcome->kind == LD_OUTCOME_OUT_OF_RANGE && outcome->censored_ns > 0);
    if (outcome->interval < 0 || outcome->timeless || !(seen || followed))
        return false;
    int64_t time_ns = seen ? outcome->detect_ns : outcome->censored_ns;
    *ret_time = (struct ld_survival_time){time_ns > 0 ? time_ns : 0, seen};
    return true;
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
