#include "reports/observed.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

#define LISTED_MAX 16 /* runs of one scenario */
#define LINE 1024

struct telling {
    struct styled *styled;
    const struct ld_scenario *scenario;
    const struct ld_run_record *run;
    unsigned name_width;
};

static bool has_instances(const struct ld_run_record *run)
{
    for (size_t i = 0; i < run->life_count; i++)
        if (run->lives[i].instance > 0)
            return true;
    return false;
}

/* "2 alerts, the first at +13.9s, instance 1: goroutine-growth at main.leakOne: 549 goroutines". */
static void describe_alerts(const struct telling *telling, const struct ld_episodes *episodes, char *line)
{
    const struct ld_episode *first = &episodes->items[0];
    char instance[32] = "";
    for (size_t i = 1; i < episodes->count; i++)
        first = episodes->items[i].from_ns < first->from_ns ? &episodes->items[i] : first;
    if (has_instances(telling->run))
        snprintf(instance, sizeof instance, ", instance %u", first->instance);
    snprintf(line, LINE, "%zu alert%s, the first at +%.3fs%s: %s%s%.200s%s%.400s", episodes->count,
             episodes->count == 1 ? "" : "s", (double)first->from_ns / (double)LD_SECOND, instance,
             ld_cause_table[first->cause].name, *first->site ? " at " : "", first->site,
             first->first->why && *first->first->why ? ": " : "", first->first->why ? first->first->why : "");
}

/* The last it said of what it could not see, when it has not seen again; "" otherwise. */
static const char *why_blind(const struct ld_detector_record *detector)
{
    const char *why = "";
    for (size_t i = 0; i < detector->alert_count; i++)
        if (detector->alerts[i].action == LD_ALERT_UNKNOWN)
            why = detector->alerts[i].why && *detector->alerts[i].why ? detector->alerts[i].why : "it could not see";
        else if (detector->alerts[i].action == LD_ALERT_KNOWN)
            why = "";
    return why;
}

/* Silence is worth something only of one that could have spoken. */
static void describe_silence(const struct telling *telling, const struct ld_detector_record *detector, char *line)
{
    char needs[32], had[32];
    int64_t lasted_ns = telling->run->observed_to_ns - telling->run->observed_from_ns;
    int64_t window_ns = ld_score_window_ns(telling->scenario, detector->name);
    if (detector->out_of_range)
        snprintf(line, LINE, "no alert: out of its range: %.400s", detector->reason ? detector->reason : "");
    else if (*why_blind(detector))
        snprintf(line, LINE, "no alert: %.400s", why_blind(detector));
    else if (window_ns > lasted_ns)
        snprintf(line, LINE, "no alert: it needs %s of observation and had %s",
                 ld_format_duration_short(window_ns, needs, sizeof needs),
                 ld_format_duration_short(lasted_ns, had, sizeof had));
    else
        snprintf(line, LINE, "no alert");
}

static int tell_detector(const struct telling *telling, size_t index)
{
    const struct ld_detector_record *detector = &telling->run->detectors[index];
    struct styled *styled = telling->styled;
    struct ld_episodes episodes;
    char line[LINE];
    int code = ld_episodes_make(&episodes, telling->run, index, ld_score_quiet_ns(telling->scenario));
    if (code)
        return code;
    styled_text(styled, " ");
    styled_cell(styled, detector->name, (int)telling->name_width, true);
    styled_text(styled, " ");
    if (detector->failed)
        snprintf(line, sizeof line, "broke: %.400s", detector->reason ? detector->reason : "");
    else if (episodes.count)
        describe_alerts(telling, &episodes, line);
    else
        describe_silence(telling, detector, line);
    styled_wrapped(styled, telling->name_width + 2, telling->name_width + 2, line);
    ld_episodes_done(&episodes);
    return 0;
}

static void tell_run(struct telling *telling, const struct ld_cell *cell)
{
    const struct ld_run_record *run = telling->run;
    char lasted[32], line[LINE];
    ld_format_duration_short(run->observed_to_ns - run->observed_from_ns, lasted, sizeof lasted);
    snprintf(line, sizeof line, "run %u %.200s, observed for %s%s%s%s%.300s", run->run, cell->name, lasted,
             run->validity == LD_VALID ? "" : "; no evidence: ",
             run->validity == LD_VALID ? "" : ld_validity_name(run->validity),
             run->reason && *run->reason ? ": " : "", run->reason ? run->reason : "");
    styled_wrapped(telling->styled, 1, 2, line); /* the first line at the margin */
    for (size_t i = 0; i < run->detector_count && !telling->styled->code; i++)
        if (!run->detectors[i].calibration)
            telling->styled->code = tell_detector(telling, i);
}

static unsigned name_width(const struct ld_scenario *scenario, const struct styled *styled)
{
    size_t width = 8, most = styled->style.width / 3;
    for (size_t i = 0; i < scenario->detector_count; i++)
        width = strlen(scenario->detectors[i].name) > width ? strlen(scenario->detectors[i].name) : width;
    return (unsigned)(width < most ? width : most);
}

void observed_text(struct styled *styled, const struct ld_report *report, const struct ld_scenario *scenario)
{
    size_t told = 0, left_out = 0;
    uint32_t last = 0;
    for (size_t i = 0; i < report->run_count; i++) {
        const struct ld_run_plan *planned = ld_plan_find_run(report->plan, report->runs[i].run);
        const struct ld_cell *cell = planned ? &report->plan->cells[planned->cell] : NULL;
        if (!cell || cell->scenario != scenario)
            continue;
        if (told == LISTED_MAX) {
            left_out++;
            continue;
        }
        struct telling telling = {styled, scenario, &report->runs[i], name_width(scenario, styled)};
        tell_run(&telling, cell);
        last = report->runs[i].run;
        told++;
    }
    if (left_out)
        styled_printf(styled, "and %zu more run%s\n", left_out, left_out == 1 ? "" : "s");
    styled_wrapped(styled, 0, 0, "Nobody says what leaked here: no alert is right or wrong, and none is missing.");
    if (told)
        styled_printf(styled, "All that happened: leakdrill show %u\n", last);
    styled_text(styled, "\n");
}
