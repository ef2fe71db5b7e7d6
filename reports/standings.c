#include "reports/standings.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "reports/cost.h"
#include "scenario/claim.h"

static const char nothing[] = "-";

static void say_nothing(char value[STANDINGS_VALUE])
{
    snprintf(value, STANDINGS_VALUE, "%s", nothing);
}

static void say_of(char value[STANDINGS_VALUE], uint32_t part, uint32_t whole)
{
    if (whole)
        snprintf(value, STANDINGS_VALUE, "%u/%u", part, whole);
    else
        say_nothing(value);
}

static void say_bounds(char value[STANDINGS_VALUE], const struct ld_bounds *bounds)
{
    if (bounds->given)
        snprintf(value, STANDINGS_VALUE, "%.0f to %.0f%%", fabs(bounds->lower * 100) < 0.5 ? 0 : bounds->lower * 100,
                 fabs(bounds->upper * 100) < 0.5 ? 0 : bounds->upper * 100);
    else
        say_nothing(value);
}

/* ---- leaks */

static void value_seen(const struct ld_standing *standing, char value[STANDINGS_VALUE])
{
    say_of(value, standing->seen, standing->seen + standing->missed);
}

static void value_share(const struct ld_standing *standing, char value[STANDINGS_VALUE])
{
    if (ld_standing_has_share(standing))
        snprintf(value, STANDINGS_VALUE, "%.1f%%", 100.0 * standing->seen / (standing->seen + standing->missed));
    else
        say_nothing(value);
}

static void value_wilson(const struct ld_standing *standing, char value[STANDINGS_VALUE])
{
    say_bounds(value, &standing->wilson);
}

static void value_clustered(const struct ld_standing *standing, char value[STANDINGS_VALUE])
{
    say_bounds(value, &standing->clustered);
}

static void value_late(const struct ld_standing *standing, char value[STANDINGS_VALUE])
{
    snprintf(value, STANDINGS_VALUE, "%u", standing->late);
}

static void value_missed(const struct ld_standing *standing, char value[STANDINGS_VALUE])
{
    snprintf(value, STANDINGS_VALUE, "%u", standing->missed);
}

static void value_cause(const struct ld_standing *standing, char value[STANDINGS_VALUE])
{
    say_of(value, standing->cause_right, standing->seen);
}

static void value_site(const struct ld_standing *standing, char value[STANDINGS_VALUE])
{
    say_of(value, standing->site_right, standing->seen);
}

/* ---- alerts and times */

static void value_leaky(const struct ld_standing *standing, char value[STANDINGS_VALUE])
{
    say_of(value, standing->leaky_alerted, standing->leaky_runs);
}

static void value_twin(const struct ld_standing *standing, char value[STANDINGS_VALUE])
{
    say_of(value, standing->twin_alerted, standing->twin_runs);
}

static void value_difference(const struct ld_standing *standing, char value[STANDINGS_VALUE])
{
    if (!ld_standing_has_difference(standing)) {
        say_nothing(value);
        return;
    }
    double difference = (double)standing->leaky_alerted / standing->leaky_runs -
                        (double)standing->twin_alerted / standing->twin_runs;
    snprintf(value, STANDINGS_VALUE, "%+.0f%%", difference * 100);
}

static void value_difference_bounds(const struct ld_standing *standing, char value[STANDINGS_VALUE])
{
    say_bounds(value, &standing->difference);
}

static void value_calm(const struct ld_standing *standing, char value[STANDINGS_VALUE])
{
    say_of(value, standing->calm_alerted, standing->calm_runs);
}

static void value_median(const struct ld_standing *standing, char value[STANDINGS_VALUE])
{
    if (ld_standing_has_time(standing) && standing->time.median_ns >= 0)
        ld_format_duration_short(standing->time.median_ns, value, STANDINGS_VALUE);
    else
        say_nothing(value);
}

static void value_mean(const struct ld_standing *standing, char value[STANDINGS_VALUE])
{
    if (ld_standing_has_time(standing) && standing->mean_ns >= 0)
        ld_format_duration_short(standing->mean_ns, value, STANDINGS_VALUE);
    else
        say_nothing(value);
}

/* ---- false alarms */

static void value_false(const struct ld_standing *standing, char value[STANDINGS_VALUE])
{
    snprintf(value, STANDINGS_VALUE, "%u", standing->false_alarms);
}

static void say_hours(char value[STANDINGS_VALUE], double hours)
{
    if (hours > 0)
        ld_format_duration_short((int64_t)(hours * 3600) * LD_SECOND, value, STANDINGS_VALUE);
    else
        say_nothing(value);
}

static void value_quiet(const struct ld_standing *standing, char value[STANDINGS_VALUE])
{
    say_hours(value, standing->quiet_hours);
}

static void value_held(const struct ld_standing *standing, char value[STANDINGS_VALUE])
{
    say_hours(value, standing->hold_hours);
}

/* "0.0253", "3.2", "1240": three digits that say something, and no powers of ten. */
static const char *rate_of(double rate, char text[24])
{
    snprintf(text, 24, rate < 999.5 ? "%.3g" : "%.0f", rate);
    return text;
}

static void value_rate(const struct ld_standing *standing, char value[STANDINGS_VALUE])
{
    if (standing->quiet_hours > 0)
        rate_of(standing->rate, value);
    else
        say_nothing(value);
}

static void value_rate_bounds(const struct ld_standing *standing, char value[STANDINGS_VALUE])
{
    char lower[24], upper[24];
    if (standing->quiet_hours > 0)
        snprintf(value, STANDINGS_VALUE, "%s to %s", rate_of(standing->rate_lower, lower),
                 rate_of(standing->rate_upper, upper));
    else
        say_nothing(value);
}

static void value_by_program(const struct ld_standing *standing, char value[STANDINGS_VALUE])
{
    const struct ld_bounds *bounds = &standing->rate_by_program;
    char lower[24], upper[24];
    if (bounds->given)
        snprintf(value, STANDINGS_VALUE, "%s to %s", rate_of(bounds->lower, lower), rate_of(bounds->upper, upper));
    else
        say_nothing(value);
}

static void value_wrong(const struct ld_standing *standing, char value[STANDINGS_VALUE])
{
    snprintf(value, STANDINGS_VALUE, "%u", standing->wrong_site);
}

static void value_holds(const struct ld_standing *standing, char value[STANDINGS_VALUE])
{
    snprintf(value, STANDINGS_VALUE, "%u", standing->during_hold);
}

static void value_hold_rate(const struct ld_standing *standing, char value[STANDINGS_VALUE])
{
    if (standing->hold_hours > 0)
        rate_of(standing->during_hold / standing->hold_hours, value);
    else
        say_nothing(value);
}

/* ---- cost */

static void value_measured_in(const struct ld_standing *standing, char value[STANDINGS_VALUE])
{
    if (standing->cost && standing->cost->pairs)
        snprintf(value, STANDINGS_VALUE, "%s", standing->cost->scenario);
    else
        say_nothing(value);
}

static void say_cost(const struct ld_standing *standing, enum ld_cost cost, char value[STANDINGS_VALUE])
{
    if (standing->cost && standing->cost->values[cost].pairs)
        cost_value(cost, standing->cost->values[cost].difference, true, value, STANDINGS_VALUE);
    else
        say_nothing(value);
}

#define COST_VALUE(function, cost)                                                                                     \
    static void function(const struct ld_standing *standing, char value[STANDINGS_VALUE])                              \
    {                                                                                                                  \
        say_cost(standing, cost, value);                                                                               \
    }
COST_VALUE(value_cpu, LD_COST_CPU)
COST_VALUE(value_stopped, LD_COST_PAUSE)
COST_VALUE(value_allocated, LD_COST_ALLOCATED)
COST_VALUE(value_objects, LD_COST_OBJECTS)
COST_VALUE(value_read, LD_COST_READ)

const struct standings_table standings_tables[STANDINGS_TABLES] = {
    {"Leaks",
     {{"", "seen", "seen", "Leaks claimed while they lasted, of those that it had time to see.", 10, value_seen, false},
      {"", "share", "share", "The same as a share, from 20 runs a cell up.", 7, value_share, false},
      {"by", "leak", "95 % by leak", "Its 95 % interval, each leak with all its runs drawn as one (cluster bootstrap).",
       12, value_clustered, false},
      {"", "Wilson", "95 % Wilson", "Its 95 % interval as if all runs were independent, which they are not.", 12,
       value_wilson, true},
      {"", "late", "late", "Of the seen, those after the deadline.", 5, value_late, false},
      {"not", "seen", "not seen", "Leaks that it had time to see and did not.", 6, value_missed, false},
      {"cause", "right", "cause right", "Of the seen, those whose cause was named rightly.", 10, value_cause, false},
      {"site", "right", "site right", "Of the seen, those whose place was named rightly.", 10, value_site, false}}},
    {"Alerts at all, and time to detect",
     {{"alert in", "leaky", "alert in leaky", "Leaky runs with an alert, whatever it says.", 10, value_leaky, true},
      {"", "twin", "alert in twin", "Runs of the healthy twin with an alert.", 9, value_twin, false},
      {"", "differ", "difference", "Of the two probabilities, from 20 runs a cell up.", 8, value_difference, false},
      {"by", "leak", "95 % by leak", "Its 95 % interval, by cluster bootstrap over leaks.", 14, value_difference_bounds,
       false},
      {"", "calm", "alert in calm", "Runs with an alert of programs that never leak.", 9, value_calm, false},
      {"time:", "median", "median time",
       "Median time to detect, Kaplan-Meier; \"-\": more than half were not seen, or "
       "fewer than 6 leaks.",
       8, value_median, false},
      {"", "mean", "mean time", "Restricted mean of the time to detect, up to the longest follow-up of any detector.",
       8, value_mean, false}}},
    {"False alarms",
     {{"", "false", "false alarms", "Claims made while nothing was held, in leaky and healthy runs.", 7, value_false,
       false},
      {"quiet", "time", "quiet time", "How long it watched while nothing was held, real time.", 7, value_quiet, false},
      {"an", "hour", "an hour", "False alarms in an hour of quiet real time.", 7, value_rate, false},
      {"by", "program", "95 % by program",
       "Its 95 % interval, each program with all its runs drawn as one (cluster "
       "bootstrap), and never narrower than Poisson's.",
       17, value_by_program, false},
      {"", "Poisson", "95 % Poisson",
       "Its exact 95 % Poisson interval, as if alarms were spread evenly, which they are not.", 17, value_rate_bounds,
       true},
      {"wrong", "site", "wrong site", "Claims during a leak or a hold that name a place that holds nothing.", 6,
       value_wrong, false},
      {"in", "holds", "in holds", "Alerts while something was held for a while: no false alarms.", 6, value_holds,
       false},
      {"held", "time", "held time", "How long it watched while something was held for a while, real time.", 7,
       value_held, false},
      {"an", "hour", "in holds an hour", "Alerts in holds in an hour of such time.", 7, value_hold_rate, true}}},
    {"Cost, what the target spends more in a minute",
     {{"", "cpu", "cpu", "CPU time.", 11, value_cpu, false},
      {"", "stopped", "stopped", "Stop-the-world time, an estimate.", 11, value_stopped, false},
      {"", "allocated", "allocated", "Bytes allocated.", 12, value_allocated, false},
      {"", "objects", "objects", "Objects allocated.", 11, value_objects, false},
      {"", "read", "read", "Bytes read from it.", 12, value_read, false},
      {"", "measured in", "measured in", "The scenario that measured it; of several that with most pairs of runs.", 24,
       value_measured_in, true}}},
};

const char *const standings_words = "Runs of one leak are near-copies of each other: the interval by leak, which draws "
                                    "leaks whole, is the one to believe; "
                                    "Wilson's beside it takes every run for independent. An alert without a site "
                                    "proves little in a run that leaks anyway: "
                                    "the healthy twin's stand beside it. A time to detect needs 6 leaks with evidence, "
                                    "percentages need 20 runs of every cell. What the numbers mean: "
                                    "reports/definitions.md, The board.";

bool standings_has_table(const struct ld_standings *standings, const struct standings_table *table)
{
    char value[STANDINGS_VALUE];
    for (size_t i = 0; i < standings->detector_count; i++)
        for (const struct standings_column *column = table->columns; column->value; column++) {
            column->value(ld_standing_of(standings, 0, i), value);
            if (strcmp(value, nothing) != 0)
                return true;
        }
    return false;
}

const char *standings_about(const struct ld_standings *standings, char text[STANDINGS_TITLE])
{
    char runs[48], period[32], scale[120] = "", fast[48] = "";
    if (standings->runs_least == standings->runs_most)
        snprintf(runs, sizeof runs, "%u", standings->runs_most);
    else
        snprintf(runs, sizeof runs, "%u to %u", standings->runs_least, standings->runs_most);
    if (standings->time_scale < 1 || standings->time_scale > 1)
        snprintf(fast, sizeof fast, ", %g times as fast as written", standings->time_scale);
    if (standings->period_ns > 0 && standings->time_scale > 0)
        snprintf(scale, sizeof scale, "; sampled every %s%s",
                 ld_format_duration_short(standings->period_ns, period, sizeof period), fast);
    snprintf(text, STANDINGS_TITLE,
             "%zu leak%s with healthy twins, %zu program%s that never leak%s, %s run%s of each cell%s",
             standings->leaks, standings->leaks == 1 ? "" : "s", standings->calm, standings->calm == 1 ? "" : "s",
             standings->calm == 1 ? "s" : "", runs, standings->runs_most == 1 ? "" : "s", scale);
    return text;
}

const char *standings_remark(const struct ld_standing *standing, char *line, size_t size)
{
    static const char told[] = "one result of each program, told in every run";
    size_t used = (size_t)snprintf(line, size, "%s", standing->timeless ? told : "");
    const char *before = used ? "; not counted: " : "not counted: ";
    for (int kind = 0; kind < LD_OUTCOME_COUNT; kind++) {
        if (ld_outcome_is_evidence((enum ld_outcome_kind)kind) || !standing->counts[kind] || used >= size)
            continue;
        used += (size_t)snprintf(line + used, size - used, "%s%u %s", before, standing->counts[kind],
                                 ld_outcome_name((enum ld_outcome_kind)kind));
        before = ", ";
    }
    return line;
}

const char *standings_by_fault(const struct ld_standing *standing, char value[STANDINGS_VALUE])
{
    uint32_t of = standing->seen + standing->missed;
    char seen[24] = "", alarms[24] = "";
    if (of)
        snprintf(seen, sizeof seen, "%u/%u", standing->seen, of);
    if (standing->false_alarms + standing->wrong_site)
        snprintf(alarms, sizeof alarms, "%s!%u", of ? " " : "", standing->false_alarms + standing->wrong_site);
    snprintf(value, STANDINGS_VALUE, "%s%s", seen, alarms);
    if (!*value)
        say_nothing(value);
    return value;
}

/* ---- JSON */

static json_t *bounds_json(const struct ld_bounds *bounds)
{
    return bounds->given ? json_pack("[f, f]", bounds->lower, bounds->upper) : json_null();
}

static json_t *time_json(const struct ld_standing *standing)
{
    bool enough = ld_standing_has_time(standing);
    json_t *median = enough && standing->time.median_ns >= 0 ? json_integer(standing->time.median_ns) : json_null();
    json_t *mean = enough && standing->mean_ns >= 0 ? json_integer(standing->mean_ns) : json_null();
    return json_pack("{s:I, s:I, s:o, s:o, s:I}", "n", (json_int_t)standing->time.n, "events",
                     (json_int_t)standing->time.events, "median_ns", median, "restricted_mean_ns", mean,
                     "restricted_to_ns", (json_int_t)standing->mean_to_ns);
}

static json_t *outcomes_json(const struct ld_standing *standing)
{
    json_t *object = json_object();
    for (int kind = 0; kind < LD_OUTCOME_COUNT; kind++)
        json_object_set_new(object, ld_outcome_name((enum ld_outcome_kind)kind), json_integer(standing->counts[kind]));
    return object;
}

static json_t *standing_json(const struct ld_standing *standing, const char *fault)
{
    json_t *object = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "detector", standing->detector, "fault",
                               *fault ? json_string(fault) : json_null(), "share_seen",
                               ld_standing_has_share(standing)
                                   ? json_real((double)standing->seen / (standing->seen + standing->missed))
                                   : json_null(),
                               "by_leak", bounds_json(&standing->clustered), "wilson", bounds_json(&standing->wilson),
                               "difference_by_leak", bounds_json(&standing->difference), "time_to_detect",
                               time_json(standing));
    const struct {
        const char *key;
        uint32_t value;
    } counts[] = {{"leaks", (uint32_t)standing->leaks_told}, {"seen", standing->seen}, {"late", standing->late},
                  {"missed", standing->missed}, {"cause_right", standing->cause_right},
                  {"cause_wrong", standing->cause_wrong}, {"site_right", standing->site_right},
                  {"site_wrong", standing->site_wrong}, {"leaky_runs", standing->leaky_runs},
                  {"leaky_alerted", standing->leaky_alerted}, {"twin_runs", standing->twin_runs},
                  {"twin_alerted", standing->twin_alerted}, {"calm_runs", standing->calm_runs},
                  {"calm_alerted", standing->calm_alerted}, {"false_alarms", standing->false_alarms},
                  {"wrong_site", standing->wrong_site}, {"during_hold", standing->during_hold}};
    for (size_t i = 0; object && i < sizeof counts / sizeof *counts; i++)
        json_object_set_new(object, counts[i].key, json_integer(counts[i].value));
    json_object_set_new(object, "timeless", json_boolean(standing->timeless));
    json_object_set_new(object, "outcomes", outcomes_json(standing));
    json_object_set_new(object, "quiet_hours", json_real(standing->quiet_hours));
    json_object_set_new(object, "hold_hours", json_real(standing->hold_hours));
    bool watched = standing->quiet_hours > 0;
    json_object_set_new(object, "false_alarms_an_hour", watched ? json_real(standing->rate) : json_null());
    json_object_set_new(object, "false_alarms_poisson",
                        watched ? json_pack("[f, f]", standing->rate_lower, standing->rate_upper) : json_null());
    json_object_set_new(object, "false_alarms_by_program", bounds_json(&standing->rate_by_program));
    bool held = standing->hold_hours > 0;
    json_object_set_new(object, "during_hold_an_hour",
                        held ? json_real(standing->during_hold / standing->hold_hours) : json_null());
    return object;
}

json_t *standings_json(const struct ld_standings *standings)
{
    json_t *rows = json_array();
    for (size_t i = 0; rows && i < standings->group_count; i++)
        for (size_t k = 0; k < standings->detector_count; k++)
            json_array_append_new(rows, standing_json(ld_standing_of(standings, i, k), standings->groups[i]));
    return json_pack("{s:I, s:I, s:[I, I], s:f, s:I, s:o}", "leaks", (json_int_t)standings->leaks, "calm",
                     (json_int_t)standings->calm, "runs_of_a_cell", (json_int_t)standings->runs_least,
                     (json_int_t)standings->runs_most, "time_scale", standings->time_scale, "period_ns",
                     (json_int_t)standings->period_ns, "rows", rows);
}
