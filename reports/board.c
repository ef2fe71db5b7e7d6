/* What the final table says, whoever writes it: its columns, its cases, and the words of checks. */
#include "reports/board.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "scenario/arm.h"

#define COUNT_VALUE(name, expression)                                                                                  \
    static void name(const struct ld_board_row *row, char value[BOARD_VALUE])                                          \
    {                                                                                                                  \
        snprintf(value, BOARD_VALUE, "%u", (unsigned)(expression));                                                    \
    }
COUNT_VALUE(value_manifested, row->manifested)
COUNT_VALUE(value_seen, row->counts[LD_OUTCOME_TP] + row->counts[LD_OUTCOME_TP_LATE])
COUNT_VALUE(value_late, row->counts[LD_OUTCOME_TP_LATE])
COUNT_VALUE(value_missed, row->counts[LD_OUTCOME_FN])
COUNT_VALUE(value_alerted, row->alerted)
COUNT_VALUE(value_false, row->false_alarms)
COUNT_VALUE(value_wrong, row->wrong_site)
COUNT_VALUE(value_cause, row->cause_right)
COUNT_VALUE(value_site, row->site_right)

static int64_t median_ns(const struct ld_board_row *row)
{
    return row->time.median_ns;
}

static int64_t first_ns(const struct ld_board_row *row)
{
    return row->from_first.median_ns;
}

static int64_t p95_ns(const struct ld_board_row *row)
{
    return row->time.p95_ns;
}

static int64_t quiet_ns(const struct ld_board_row *row)
{
    return (int64_t)(row->quiet_hours * 3600) * LD_SECOND;
}

const struct board_column board_columns[BOARD_COLUMNS] = {
    {"", "leaks", 5, BOARD_ESSENTIAL, false, false, value_manifested, NULL, "leaks",
     "Leaks that happened in the leaky runs, confirmed from outside. A target that is killed and comes back may leak "
     "twice in one run."},
    {"", "seen", 4, BOARD_ESSENTIAL, false, false, value_seen, NULL, "seen",
     "Of the leaks, those that the detector claimed while they lasted, late ones included."},
    {"", "late", 4, BOARD_USUAL, false, true, value_late, NULL, "late",
     "Of the seen, those claimed after the deadline that the scenario gives the detector; the end of the run if none."},
    {"not", "seen", 4, BOARD_ESSENTIAL, false, true, value_missed, NULL, "not seen",
     "Leaks that it had time to see and did not."},
    {"", "time", 5, BOARD_ESSENTIAL, false, false, NULL, median_ns, "time",
     "Median time from a leak's manifestation (its M-th unit, `manifest` in the scenario) to the claim. Leaks not seen "
     "count as longer than anybody waited; \"-\" when half or more were not. Of fewer than 6 leaks it is the median of "
     "those few and no claim: a claim needs 6."},
    {"", "p95", 5, BOARD_WIDE, false, false, NULL, p95_ns, "p95",
     "The time within which 95 % of the leaks are seen, from 59 leaks up; \"-\" below."},
    {"since", "first", 6, BOARD_WIDE, false, false, NULL, first_ns, "since first",
     "Median time to the claim from the leak's first unit, instead of its M-th."},
    {"", "cause", 5, BOARD_USUAL, false, false, value_cause, NULL, "cause right",
     "Of the seen, those whose cause was named rightly, as finely as the detector's inputs can tell causes apart."},
    {"right", "site", 4, BOARD_USUAL, false, false, value_site, NULL, "site right",
     "Of the seen, those whose place was named rightly: a function at which a profile can show the leak."},
    {"", "leaky", 5, BOARD_ESSENTIAL, false, false, value_alerted, NULL, "alert in leaky",
     "Leaky runs in which the detector alerted at all, for whatever reason."},
    {"alert in", "twin", 4, BOARD_ESSENTIAL, true, true, value_alerted, NULL, "alert in twin",
     "The same for the healthy twin, the same program with the leak repaired. A detector that alerts in both alike "
     "has seen load, not a leak."},
    {"", "leaky", 5, BOARD_ESSENTIAL, false, true, value_false, NULL, "false in leaky",
     "False alarms, by episode: claims made while nothing leaked, or naming a site that does not leak."},
    {"false in", "twin", 4, BOARD_ESSENTIAL, true, true, value_false, NULL, "false in twin",
     "False alarms in runs of the healthy twin."},
    {"wrong", "site", 5, BOARD_USUAL, false, true, value_wrong, NULL, "wrong site",
     "Of the false alarms in leaky runs, those made during a leak or a hold that named a place that holds nothing."},
    {"twin", "quiet", 6, BOARD_WIDE, true, false, NULL, quiet_ns, "twin quiet",
     "How long healthy runs were watched while nothing was held: what false alarms in the twin are to be divided by."},
};

static bool same_case(const struct ld_cell *left, const struct ld_cell *right)
{
    return left->scenario == right->scenario && left->fault_case == right->fault_case && left->rate == right->rate &&
           left->depth == right->depth && left->arm == right->arm;
}

/* The case that begins with `cell`; false when an earlier cell has it already. */
bool board_pair_find(const struct ld_plan *plan, const struct ld_cell *cell, struct board_pair *ret_pair)
{
    struct board_pair pair = {0};
    for (const struct ld_cell *other = plan->cells; other < plan->cells + plan->cell_count; other++) {
        if (!same_case(other, cell))
            continue;
        if (other < cell)
            return false;
        if (other->variant == LD_VARIANT_LEAKY)
            pair.leaky = other;
        else
            pair.healthy = other;
    }
    *ret_pair = pair;
    return true;
}

const struct ld_board_row *board_row_find(const struct ld_report *report, const struct ld_cell *cell,
                                          const char *detector)
{
    for (size_t i = 0; cell && i < report->verdicts->row_count; i++) {
        const struct ld_board_row *row = &report->verdicts->rows[i];
        if (&report->plan->cells[row->cell] == cell && strcmp(row->detector, detector) == 0)
            return row;
    }
    return NULL;
}

/* A run without evidence is missing in every row of its cell; what more is missing in one is its detector's doing. */
static void add_runs(const struct ld_report *report, const struct ld_cell *cell, const char *what, const char *before,
                     char *text, size_t size)
{
    unsigned ended = 0, voided = UINT32_MAX;
    for (size_t i = 0; cell && i < report->verdicts->row_count; i++) {
        const struct ld_board_row *row = &report->verdicts->rows[i];
        if (&report->plan->cells[row->cell] != cell)
            continue;
        ended = row->runs;
        voided = row->runs - row->valid < voided ? row->runs - row->valid : voided;
    }
    size_t used = strlen(text);
    if (cell)
        snprintf(text + used, size - used, "%s%u %s", before, ended, what);
    used = strlen(text);
    if (ended && voided)
        snprintf(text + used, size - used, " (%u void)", voided);
}

/* "slow-upstream, rate 4, depth 3: 5 leaky, 5 healthy": what the case is within its scenario, and its runs. */
const char *board_case_name(const struct ld_report *report, const struct board_pair *pair, char *name, size_t size)
{
    const struct ld_cell *cell = pair->leaky ? pair->leaky : pair->healthy;
    const struct ld_scenario *scenario = cell->scenario;
    const char *fault = "none";
    char rate[32] = "", depth[32] = "";
    if (cell->fault_case < scenario->fault_case_count)
        fault = scenario->fault_cases[cell->fault_case].name;
    if (scenario->target.rates.count > 1)
        snprintf(rate, sizeof rate, ", rate %g", cell->rate);
    if (scenario->target.depths.count > 1 || cell->depth > 0)
        snprintf(depth, sizeof depth, ", depth %lld", (long long)cell->depth);
    const char *arm = ld_scenario_arm(scenario, cell->arm).name;
    snprintf(name, size, "%.128s%s%s%s%.100s", strcmp(fault, "none") == 0 ? "no fault" : fault, rate, depth,
             *arm ? ", arm " : "", arm);
    bool unknown = scenario->target.truth == LD_TRUTH_NONE; /* nobody says whether it leaks */
    add_runs(report, pair->leaky, unknown ? "observed" : "leaky", ": ", name, size);
    add_runs(report, pair->healthy, "healthy", pair->leaky ? ", " : ": ", name, size);
    return name;
}

const char *board_value(const struct board_column *column, const struct ld_board_row *leaky,
                        const struct ld_board_row *healthy, char value[BOARD_VALUE])
{
    const struct ld_board_row *row = column->twin ? healthy : leaky;
    int64_t duration_ns = row && column->duration_ns ? column->duration_ns(row) : -1;
    if (row && column->value)
        column->value(row, value);
    else if (duration_ns >= 0)
        ld_format_duration_short(duration_ns, value, BOARD_VALUE);
    else
        snprintf(value, BOARD_VALUE, "-");
    return value;
}

void board_remarks(const struct ld_board_row *leaky, const struct ld_board_row *healthy, char *line, size_t size)
{
    static const enum ld_outcome_kind kinds[] = {LD_OUTCOME_NOT_MANIFESTED, LD_OUTCOME_OUT_OF_RANGE,
                                                 LD_OUTCOME_DETECTOR_ERROR};
    size_t used = 0;
    *line = '\0';
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        unsigned count = leaky ? leaky->counts[kinds[i]] : 0;
        if (healthy && kinds[i] == LD_OUTCOME_DETECTOR_ERROR)
            count += healthy->counts[kinds[i]];
        if (count)
            used += (size_t)snprintf(line + used, size - used, "%s%u %s", used ? ", " : "not counted: ", count,
                                     ld_outcome_name(kinds[i]));
    }
    unsigned holds = (leaky ? leaky->during_hold : 0) + (healthy ? healthy->during_hold : 0);
    if (holds)
        snprintf(line + used, size - used, "%salerts during holds: %u", used ? "; " : "", holds);
}

/* ---- the order of scenarios */

struct place {
    bool leaks;
    unsigned depth; /* of the file's folder */
    int folder_length;
    const char *file, *name;
};

static struct place place_of(const struct ld_plan *plan, const struct ld_scenario *scenario)
{
    struct place place = {.file = scenario->file ? scenario->file : "", .name = scenario->name};
    for (const char *at = place.file; *at; at++) {
        if (*at != '/')
            continue;
        place.depth++;
        place.folder_length = (int)(at - place.file);
    }
    for (size_t i = 0; i < plan->cell_count && !place.leaks; i++)
        place.leaks = plan->cells[i].scenario == scenario && plan->cells[i].variant == LD_VARIANT_LEAKY;
    return place;
}

/* Scenarios have names of their own, so that 0 is one and the same. */
static int compare_places(const struct place *left, const struct place *right)
{
    if (left->leaks != right->leaks)
        return left->leaks ? -1 : 1;
    if (left->depth != right->depth)
        return left->depth < right->depth ? -1 : 1;
    int length = left->folder_length > right->folder_length ? left->folder_length : right->folder_length;
    int folders = length ? strncmp(left->file, right->file, (size_t)length) : 0;
    if (left->folder_length == right->folder_length && folders == 0)
        return strcmp(left->name, right->name);
    return strcmp(left->file, right->file);
}

bool board_scenario_next(const struct ld_plan *plan, size_t *cell)
{
    struct place before = {0}, best = {0};
    size_t found = plan->cell_count;
    if (*cell < plan->cell_count)
        before = place_of(plan, plan->cells[*cell].scenario);
    const struct ld_scenario *last = NULL; /* cells of one scenario stand together */
    for (size_t i = 0; i < plan->cell_count; i++) {
        if (plan->cells[i].scenario == last)
            continue;
        last = plan->cells[i].scenario;
        struct place place = place_of(plan, last);
        if (before.name && compare_places(&place, &before) <= 0)
            continue;
        if (found < plan->cell_count && compare_places(&place, &best) >= 0)
            continue;
        found = i;
        best = place;
    }
    *cell = found;
    return found < plan->cell_count;
}

size_t board_notable(const struct ld_verdicts *verdicts)
{
    size_t count = 0;
    for (size_t i = 0; i < verdicts->check_count; i++)
        count += verdicts->checks[i].notable;
    return count;
}

const char *board_notable_word(const struct ld_check *check)
{
    return strcmp(check->what, LD_CHECK_PROGRAM) == 0   ? "CHANGED"
           : strcmp(check->what, LD_CHECK_IN_VAIN) == 0 ? "IN VAIN"
                                                        : "FOUND";
}

bool board_is_calibration(const struct ld_check *check)
{
    return strncmp(check->what, "calibration: ", strlen("calibration: ")) == 0;
}

const char *board_calibration(const struct ld_verdicts *verdicts)
{
    size_t count = 0;
    for (size_t i = 0; i < verdicts->check_count; i++)
        count += board_is_calibration(&verdicts->checks[i]);
    return count == 0 ? "nothing to calibrate by" : verdicts->calibrated ? "holds" : "off: the campaign is void";
}

const char *board_time_note(const struct ld_scenario *scenario, char *note, size_t size)
{
    *note = '\0';
    if (scenario->time_scale > 1)
        snprintf(note, size, "%g times as fast as written; times are real ones", scenario->time_scale);
    return note;
}

const char *board_scenario_file(const struct ld_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->cell_count; i++) {
        if (strcmp(plan->cells[i].scenario->name, name) == 0)
            return plan->cells[i].scenario->file ? plan->cells[i].scenario->file : name;
    }
    return name;
}

/* ---- checks as people are told them */

/* The cell of an inconclusive check when none of its runs is valid; NULL otherwise. */
static const struct ld_cell *cell_without_evidence(const struct ld_report *report, const struct ld_check *check)
{
    const struct ld_plan *plan = report->plan;
    const struct ld_cell *cell = NULL;
    for (size_t i = 0; *check->cell && check->verdict == LD_VERDICT_INCONCLUSIVE && i < plan->cell_count; i++)
        cell = strcmp(plan->cells[i].name, check->cell) == 0 ? &plan->cells[i] : cell;
    for (size_t i = 0; cell && i < report->run_count; i++) {
        const struct ld_run_plan *planned = ld_plan_find_run(plan, report->runs[i].run);
        if (planned && &plan->cells[planned->cell] == cell && report->runs[i].validity == LD_VALID)
            return NULL;
    }
    return cell;
}

/* "2 of 2 runs are void; run 3: lag: the control loop lagged". */
static void why_without_evidence(const struct ld_report *report, const struct ld_cell *cell, char *text, size_t size)
{
    const struct ld_run_record *first = NULL;
    size_t ended = 0, planned_runs = 0;
    for (size_t i = 0; i < report->plan->run_count; i++)
        planned_runs += &report->plan->cells[report->plan->runs[i].cell] == cell;
    for (size_t i = 0; i < report->run_count; i++) {
        const struct ld_run_plan *planned = ld_plan_find_run(report->plan, report->runs[i].run);
        if (!planned || &report->plan->cells[planned->cell] != cell)
            continue;
        first = first ? first : &report->runs[i];
        ended++;
    }
    if (first)
        snprintf(text, size, "%zu of %zu run%s void; run %u: %s: %.100s", ended, planned_runs,
                 planned_runs == 1 ? "" : "s", first->run,
                 ld_validity_name(first->validity), first->reason ? first->reason : "");
    else
        snprintf(text, size, "none of %zu run%s ended", planned_runs, planned_runs == 1 ? "" : "s");
}

bool board_check(const struct ld_report *report, size_t index, struct ld_check *ret_check)
{
    const struct ld_check *checks = report->verdicts->checks, *check = &checks[index];
    const struct ld_cell *cell = cell_without_evidence(report, check);
    struct ld_check told = *check;
    size_t together = 0;
    for (size_t i = 0; cell && i < report->verdicts->check_count; i++) {
        if (checks[i].verdict != LD_VERDICT_INCONCLUSIVE || strcmp(checks[i].cell, check->cell) != 0)
            continue;
        if (i < index)
            return false;
        together++;
    }
    if (cell) {
        told.what = "no evidence";
        told.detector = "";
        told.line = 0;
        snprintf(told.asked, sizeof told.asked, "%zu check%s", together, together == 1 ? "" : "s");
        why_without_evidence(report, cell, told.seen, sizeof told.seen);
    }
    *ret_check = told;
    return true;
}

/* ---- what it was */

/* Does a list "a, b" have that item? */
static bool lists(const char *list, const char *item)
{
    size_t length = strlen(item);
    for (const char *at = strstr(list, item); at; at = strstr(at + 1, item)) {
        bool begins = at == list || (at >= list + 2 && memcmp(at - 2, ", ", 2) == 0);
        if (begins && (at[length] == '\0' || at[length] == ','))
            return true;
    }
    return false;
}

void board_rules(const struct ld_report *report, char *text, size_t size)
{
    size_t used = 0;
    *text = '\0';
    for (size_t i = 0; i < report->run_count; i++) {
        for (size_t k = 0; k < report->runs[i].detector_count; k++) {
            const struct ld_detector_record *detector = &report->runs[i].detectors[k];
            char one[BOARD_VALUE * 8];
            for (size_t a = 0; a < detector->alert_count && used < size; a++) {
                if (!detector->alerts[a].rule_version || !*detector->alerts[a].rule_version)
                    continue;
                snprintf(one, sizeof one, "%.80s %.80s", detector->name, detector->alerts[a].rule_version);
                if (!lists(text, one))
                    used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", one);
            }
        }
    }
}

void board_time(int64_t wall_ns, char *text, size_t size)
{
    time_t seconds = (time_t)(wall_ns / LD_SECOND);
    struct tm parts;
    *text = '\0';
    if (wall_ns > 0 && gmtime_r(&seconds, &parts))
        strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

void board_about(const struct ld_report *report, char *text, size_t size)
{
    char when[32];
    board_time(report->started_wall_ns, when, sizeof when);
    if (*when) { /* for people: a space for the T, the zone in words */
        when[10] = ' ';
        when[19] = '\0';
    }
    const char *version = report->version ? report->version : "";
    snprintf(text, size, "%s%s%s%s%.64s", when, *when ? " UTC" : "", *when && *version ? ", " : "",
             *version ? "leakdrill " : "", version);
}
