/* Does any detector say something else without names? */
#include <stdio.h>
#include <string.h>

#include "score/internal.h"

#define ASKED "the same alerts without names"

/* What became of one detector over all runs. */
struct agreement {
    const char *detector;
    size_t compared, differing;
    const struct ld_run_record *first; /* in which it differs */
    const char *how;
    const char *alone; /* where nobody compared: what can; NULL: somebody did in every run */
};

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static struct agreement sum_up(const struct score_inputs *inputs, const char *detector)
{
    struct agreement sum = {.detector = detector};
    for (size_t i = 0; i < inputs->count; i++) {
        const struct ld_run_record *run = &inputs->runs[i];
        for (size_t j = 0; j < run->detector_count; j++) {
            const struct ld_detector_record *record = &run->detectors[j];
            if (!record->blind || strcmp(record->name, detector) != 0)
                continue;
            if (begins(record->blind, LD_BLIND_ALONE)) {
                sum.alone = record->blind + strlen(LD_BLIND_ALONE);
                continue;
            }
            sum.compared++;
            if (begins(record->blind, LD_BLIND_AGREES))
                continue;
            sum.differing++;
            sum.how = sum.first ? sum.how : record->blind;
            sum.first = sum.first ? sum.first : run;
        }
    }
    return sum;
}

/* Is it the first record of its name that was compared? */
static bool is_first(const struct score_inputs *inputs, size_t run, size_t detector)
{
    const char *name = inputs->runs[run].detectors[detector].name;
    for (size_t i = 0; i <= run; i++) {
        size_t count = i == run ? detector : inputs->runs[i].detector_count;
        for (size_t j = 0; j < count; j++)
            if (inputs->runs[i].detectors[j].blind && strcmp(inputs->runs[i].detectors[j].name, name) == 0)
                return false;
    }
    return true;
}

static void add_difference(struct score_checks *checks, const struct agreement *sum)
{
    struct ld_check *check = score_check_add(checks, LD_CHECK_BLIND, LD_VERDICT_FAIL);
    check->detector = sum->detector;
    snprintf(check->asked, sizeof check->asked, "%s", ASKED);
    snprintf(check->seen, sizeof check->seen, "%.30s differs in %u of %u run%s, first in run %u: %.55s",
             sum->detector, (unsigned)sum->differing, (unsigned)sum->compared, sum->compared == 1 ? "" : "s",
             sum->first->run,
             sum->how + strlen(LD_BLIND_DIFFERS)); /* the run's note has all of it */
}

static void add_alone(struct score_checks *checks, const struct agreement *sum)
{
    struct ld_check *check = score_check_add(checks, LD_CHECK_BLIND_ALONE, LD_VERDICT_PASS);
    check->detector = sum->detector;
    snprintf(check->asked, sizeof check->asked, "%s", ASKED);
    snprintf(check->seen, sizeof check->seen, "%.40s, not compared in the runs: %.90s", sum->detector, sum->alone);
}

void score_blind(const struct score_inputs *inputs, struct score_checks *checks)
{
    size_t detectors = 0, runs = 0, differing = 0;
    for (size_t i = 0; i < inputs->count; i++) {
        bool compared = false;
        for (size_t j = 0; j < inputs->runs[i].detector_count; j++) {
            const struct ld_detector_record *record = &inputs->runs[i].detectors[j];
            compared = compared || (record->blind && !begins(record->blind, LD_BLIND_ALONE));
            if (!record->blind || !is_first(inputs, i, j))
                continue;
            const struct agreement sum = sum_up(inputs, record->name);
            detectors += sum.compared != 0;
            if (sum.alone)
                add_alone(checks, &sum);
            differing += sum.differing != 0;
            if (sum.differing)
                add_difference(checks, &sum);
        }
        runs += compared;
    }
    if (!runs || differing)
        return;
    struct ld_check *check = score_check_add(checks, LD_CHECK_BLIND, LD_VERDICT_PASS);
    snprintf(check->asked, sizeof check->asked, "%s", ASKED);
    snprintf(check->seen, sizeof check->seen, "%zu detector%s agree%s in %zu run%s", detectors,
             detectors == 1 ? "" : "s", detectors == 1 ? "s" : "", runs, runs == 1 ? "" : "s");
}
