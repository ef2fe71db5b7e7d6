/* Was every detector the same program in every run? */
#include <stdio.h>
#include <string.h>

#include "score/internal.h"

static const char *changed_of(const struct ld_run_record *run, const char *detector, bool *ret_watched)
{
    for (size_t i = 0; i < run->detector_count; i++)
        if (strcmp(run->detectors[i].name, detector) == 0) {
            *ret_watched = true;
            return run->detectors[i].changed;
        }
    *ret_watched = false;
    return NULL;
}

/* News, and no more: whether the edit matters is for people to judge. */
static void add_change(const struct score_inputs *inputs, size_t first, const char *detector, const char *how,
                       struct score_checks *checks)
{
    unsigned changed = 0, runs = 0;
    for (size_t i = 0; i < inputs->count; i++) {
        bool watched;
        changed += changed_of(&inputs->runs[i], detector, &watched) != NULL;
        runs += watched;
    }
    struct ld_check *check = score_check_add(checks, LD_CHECK_PROGRAM, LD_VERDICT_PASS);
    check->notable = true;
    check->detector = detector;
    snprintf(check->asked, sizeof check->asked, "the same program in every run");
    snprintf(check->seen, sizeof check->seen, "%.30s was another one in %u of %u run%s, first in run %u: %.80s",
             detector, changed, runs, runs == 1 ? "" : "s", inputs->runs[first].run,
             how); /* the run's note has all of it */
}

static bool is_told(const struct score_checks *checks, const char *detector)
{
    for (size_t i = 0; i < checks->count; i++)
        if (strcmp(checks->items[i].what, LD_CHECK_PROGRAM) == 0 && strcmp(checks->items[i].detector, detector) == 0)
            return true;
    return false;
}

void score_programs(const struct score_inputs *inputs, struct score_checks *checks)
{
    for (size_t i = 0; i < inputs->count; i++)
        for (size_t k = 0; k < inputs->runs[i].detector_count; k++) {
            const struct ld_detector_record *record = &inputs->runs[i].detectors[k];
            if (record->changed && !is_told(checks, record->name))
                add_change(inputs, i, record->name, record->changed, checks);
        }
}
