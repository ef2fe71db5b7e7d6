/* What a detector's rules asked for in vain, in every run that counts of a scenario: a typo, or a label that nothing
 * has. What was there in one run is no typo; another scenario's detector of that name has rules of its own. */
#include <stdio.h>
#include <string.h>

#include "score/internal.h"

#define LISTED 3

static bool asked_in_vain(const struct ld_detector_record *record, const char *what)
{
    for (size_t i = 0; i < record->in_vain_count; i++)
        if (strcmp(record->in_vain[i], what) == 0)
            return true;
    return false;
}

static const struct ld_detector_record *record_of(const struct ld_run_record *run, const char *detector)
{
    for (size_t i = 0; i < run->detector_count; i++)
        if (strcmp(run->detectors[i].name, detector) == 0)
            return &run->detectors[i];
    return NULL;
}

static const struct ld_scenario *scenario_of(const struct score_inputs *inputs, size_t run)
{
    const struct ld_cell *cell = score_cell(inputs->plan, &inputs->runs[run]);
    return cell ? cell->scenario : NULL;
}

/* A run that is void may have ended before anything was there; a detector that broke had no time to look. */
static bool counts(const struct ld_run_record *run, const struct ld_detector_record *record)
{
    return record && run->validity == LD_VALID && !record->failed;
}

/* In how many runs of the scenario; 0 when one that counts had it. */
static unsigned always(const struct score_inputs *inputs, const struct ld_scenario *scenario, const char *detector,
                       const char *what)
{
    unsigned runs = 0;
    for (size_t i = 0; i < inputs->count; i++) {
        const struct ld_detector_record *record = record_of(&inputs->runs[i], detector);
        if (scenario_of(inputs, i) != scenario || !counts(&inputs->runs[i], record))
            continue;
        if (!asked_in_vain(record, what))
            return 0;
        runs++;
    }
    return runs;
}

static bool has_several_scenarios(const struct ld_plan *plan)
{
    for (size_t i = 1; i < plan->cell_count; i++)
        if (plan->cells[i].scenario != plan->cells[0].scenario)
            return true;
    return false;
}

static void add_check(const struct score_inputs *inputs, const struct ld_scenario *scenario,
                      const struct ld_detector_record *record, struct score_checks *checks)
{
    unsigned runs = 0, found = 0;
    char list[200] = "";
    for (size_t i = 0; i < record->in_vain_count; i++) {
        unsigned in = always(inputs, scenario, record->name, record->in_vain[i]);
        size_t used = strlen(list);
        if (!in)
            continue;
        runs = in;
        if (++found <= LISTED)
            snprintf(list + used, sizeof list - used, "%s%.60s", found > 1 ? ", " : "", record->in_vain[i]);
    }
    if (!found)
        return;
    struct ld_check *check = score_check_add(checks, LD_CHECK_IN_VAIN, LD_VERDICT_PASS);
    check->notable = true;
    check->detector = record->name;
    snprintf(check->asked, sizeof check->asked, "what its rules ask for is there in one run at least");
    bool several = has_several_scenarios(inputs->plan);
    snprintf(check->seen, sizeof check->seen, "%u of its selectors matched nothing in %u %s%s%.40s: %.*s%s", found,
             runs, runs == 1 ? "run" : "runs", several ? " of " : "", several ? scenario->name : "", several ? 50 : 80,
             list, found > LISTED ? ", ..." : "");
}

static bool was_before(const struct score_inputs *inputs, size_t run, const char *detector)
{
    for (size_t i = 0; i < run; i++)
        if (scenario_of(inputs, i) == scenario_of(inputs, run) &&
            counts(&inputs->runs[i], record_of(&inputs->runs[i], detector)))
            return true;
    return false;
}

/* What is in vain in all runs of a scenario is so in the first of them. */
void score_in_vain(const struct score_inputs *inputs, struct score_checks *checks)
{
    for (size_t i = 0; i < inputs->count; i++)
        for (size_t k = 0; scenario_of(inputs, i) && k < inputs->runs[i].detector_count; k++) {
            const struct ld_detector_record *record = &inputs->runs[i].detectors[k];
            if (record->in_vain_count && counts(&inputs->runs[i], record) && !was_before(inputs, i, record->name))
                add_check(inputs, scenario_of(inputs, i), record, checks);
        }
}
