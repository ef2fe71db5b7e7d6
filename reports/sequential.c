#include "reports/sequential.h"

#include <stdio.h>

#define LISTED_MAX 20

/* What was accepted or rejected, or that neither was: by all runs, or by those that ended before somebody stopped. */
static void outcome_text(const struct ld_sequential_result *result, char *text, size_t size)
{
    unsigned looked = result->trials + result->passed_over;
    const char *rate = result->false_alarms ? "a false alarm rate" : "a miss rate";
    if (result->decision == LD_SPRT_ACCEPT)
        snprintf(text, size, "stopped after %u of at most %u runs: %s of at most %g%% accepted", looked,
                 result->planned, rate, result->test.p0 * 100);
    else if (result->decision == LD_SPRT_REJECT)
        snprintf(text, size, "stopped after %u of at most %u runs: %s of at most %g%% rejected for %g%%", looked,
                 result->planned, rate, result->test.p0 * 100, result->test.p1 * 100);
    else
        snprintf(text, size, "not decided by %s %u run%s: %s of neither %g%% nor %g%%",
                 looked < result->planned ? "the first" : "the cap of", looked, looked == 1 ? "" : "s", rate,
                 result->test.p0 * 100, result->test.p1 * 100);
}

const char *sequential_told(const struct ld_sequential_result *result, char text[SEQUENTIAL_TEXT])
{
    char outcome[160], passed_over[48] = "", later[64] = "";
    outcome_text(result, outcome, sizeof outcome);
    if (result->passed_over)
        snprintf(passed_over, sizeof passed_over, ", %u without evidence passed over", result->passed_over);
    if (result->later)
        snprintf(later, sizeof later, "; %u ended later, not counted", result->later);
    snprintf(text, SEQUENTIAL_TEXT, "%s; %u bad of %u%s%s", outcome, result->bad, result->trials, passed_over, later);
    return text;
}

const char *sequential_sum(const struct ld_verdicts *verdicts, size_t planned, char text[SEQUENTIAL_TEXT])
{
    size_t decisions[3] = {0};
    *text = '\0';
    for (size_t i = 0; i < verdicts->sequential_count; i++)
        decisions[verdicts->sequential[i].decision]++;
    if (verdicts->sequential_count)
        snprintf(text, SEQUENTIAL_TEXT,
                 "%zu test%s: %zu accepted, %zu rejected, %zu not decided; %u of %zu runs were not needed",
                 verdicts->sequential_count, verdicts->sequential_count == 1 ? "" : "s", decisions[LD_SPRT_ACCEPT],
                 decisions[LD_SPRT_REJECT], decisions[LD_SPRT_CONTINUE], verdicts->not_needed, planned);
    return text;
}

const char *sequential_spared(const struct ld_verdicts *verdicts, char text[SEQUENTIAL_TEXT])
{
    *text = '\0';
    if (verdicts->not_needed)
        snprintf(text, SEQUENTIAL_TEXT, ", %u not needed", verdicts->not_needed);
    return text;
}

void sequential_text(struct styled *styled, const struct ld_report *report)
{
    static const enum style_colour colours[] = {
        [LD_SPRT_CONTINUE] = STYLE_YELLOW, [LD_SPRT_ACCEPT] = STYLE_GREEN, [LD_SPRT_REJECT] = STYLE_RED};
    static const char *const words[] = {
        [LD_SPRT_CONTINUE] = "not decided", [LD_SPRT_ACCEPT] = "accepted", [LD_SPRT_REJECT] = "rejected"};
    const struct ld_verdicts *verdicts = report->verdicts;
    char text[SEQUENTIAL_TEXT], line[800];
    if (!*sequential_sum(verdicts, report->plan->run_count, text))
        return;
    snprintf(line, sizeof line, "Sequential: %s", text);
    styled_wrapped(styled, 0, 0, line);
    for (size_t i = 0; i < verdicts->sequential_count && i < LISTED_MAX; i++) {
        const struct ld_sequential_result *result = &verdicts->sequential[i];
        styled_text(styled, " ");
        styled_colour(styled, colours[result->decision]);
        styled_cell(styled, words[result->decision], 12, true);
        styled_colour(styled, STYLE_PLAIN);
        snprintf(line, sizeof line, "%.100s in %.256s: %s", result->detector, result->cell,
                 sequential_told(result, text));
        styled_wrapped(styled, 13, 15, line);
    }
    if (verdicts->sequential_count > LISTED_MAX)
        styled_printf(styled, " and %zu more; all of them: leakdrill report --format markdown\n",
                      verdicts->sequential_count - LISTED_MAX);
    styled_text(styled, "\n");
}
