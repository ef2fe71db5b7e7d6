/* The final table for a terminal: a block a scenario, a row a case and detector with the leaky runs and those of the
 * healthy twin side by side, then calibration, checks, verdict. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "reports/style.h"

#define ALL_COLUMNS_WIDTH 80 /* below, only the essential columns fit beside a name */
#define VALUE_SIZE 24
#define CASE_SIZE 384

struct column {
    const char *above, *header; /* two lines of heading; `above` may reach over columns to the left without one */
    unsigned width;
    bool essential; /* shown at any width */
    bool twin;      /* of the healthy runs */
    bool alarming;  /* more than 0 is bad */
    void (*value)(const struct ld_board_row *row, char value[VALUE_SIZE]);
    const char *name, *doc; /* for `leakdrill explain outcomes` */
};

#define COUNT_VALUE(name, expression)                                              \
    static void name(const struct ld_board_row *row, char value[VALUE_SIZE])       \
    {                                                                              \
        snprintf(value, VALUE_SIZE, "%u", (unsigned)(expression));                 \
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

static void value_median(const struct ld_board_row *row, char value[VALUE_SIZE])
{
    if (row->time.median_ns < 0)
        snprintf(value, VALUE_SIZE, "-");
    else
        ld_format_duration_short(row->time.median_ns, value, VALUE_SIZE);
}

static const struct column table[] = {
    {"", "leaks", 5, true, false, false, value_manifested, "leaks",
     "Leaks that happened in the leaky runs, confirmed from outside. A target that is killed and comes back may leak "
     "twice in one run."},
    {"", "seen", 4, true, false, false, value_seen, "seen",
     "Of the leaks, those that the detector claimed while they lasted, late ones included."},
    {"", "late", 4, false, false, true, value_late, "late",
     "Of the seen, those claimed after the deadline that the scenario gives the detector; the end of the run if none."},
    {"not", "seen", 4, true, false, true, value_missed, "not seen", "Leaks that it had time to see and did not."},
    {"", "time", 5, true, false, false, value_median, "time",
     "Median time from a leak's manifestation (its M-th unit, `manifest` in the scenario) to the claim. Leaks not seen "
     "count as longer than anybody waited; \"-\" when half or more were not."},
    {"", "cause", 5, false, false, false, value_cause, "cause right",
     "Of the seen, those whose cause was named rightly, as finely as the detector's inputs can tell causes apart."},
    {"right", "site", 4, false, false, false, value_site, "site right",
     "Of the seen, those whose place was named rightly: a function at which a profile can show the leak."},
    {"", "leaky", 5, true, false, false, value_alerted, "alert in leaky",
     "Leaky runs in which the detector alerted at all, for whatever reason."},
    {"alert in", "twin", 4, true, true, true, value_alerted, "alert in twin",
     "The same for the healthy twin, the same program with the leak repaired. A detector that alerts in both alike "
     "has seen load, not a leak."},
    {"", "leaky", 5, true, false, true, value_false, "false in leaky",
     "False alarms, by episode: claims made while nothing leaked, or naming a site that does not leak."},
    {"false in", "twin", 4, true, true, true, value_false, "false in twin",
     "False alarms in runs of the healthy twin."},
    {"wrong", "site", 5, false, false, true, value_wrong, "wrong site",
     "Of the false alarms in leaky runs, those made during a leak that named a site that does not leak."},
};
#define COLUMNS (sizeof table / sizeof *table)

/* A case of a scenario: its two cells, either of which may be absent. */
struct pair {
    const struct ld_cell *leaky, *healthy;
};

struct layout {
    bool all, inline_case;
    unsigned case_width, name_width, widths[COLUMNS];
};

static bool is_shown(const struct layout *layout, const struct column *column)
{
    return layout->all || column->essential;
}

static bool same_case(const struct ld_cell *left, const struct ld_cell *right)
{
    return left->scenario == right->scenario && left->fault_case == right->fault_case && left->rate == right->rate &&
           left->depth == right->depth;
}

/* The case that begins with `cell`; false when an earlier cell has it already. */
static bool find_pair(const struct ld_plan *plan, const struct ld_cell *cell, struct pair *ret_pair)
{
    struct pair pair = {0};
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

static const struct ld_board_row *find_row(const struct ld_report *report, const struct ld_cell *cell,
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
static const char *name_case(const struct ld_report *report, const struct pair *pair, char *name, size_t size)
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
    snprintf(name, size, "%.256s%s%s", strcmp(fault, "none") == 0 ? "no fault" : fault, rate, depth);
    bool unknown = scenario->target.truth == LD_TRUTH_NONE; /* nobody says whether it leaks */
    add_runs(report, pair->leaky, unknown ? "observed" : "leaky", ": ", name, size);
    add_runs(report, pair->healthy, "healthy", pair->leaky ? ", " : ": ", name, size);
    return name;
}

/* ---- layout */

static unsigned at_least(unsigned value, size_t least)
{
    return value > least ? value : (unsigned)least;
}

static const char *value_of(const struct column *column, const struct ld_board_row *leaky,
                            const struct ld_board_row *healthy, char value[VALUE_SIZE])
{
    const struct ld_board_row *row = column->twin ? healthy : leaky;
    if (row)
        column->value(row, value);
    else
        snprintf(value, VALUE_SIZE, "-");
    return value;
}

/* One layout for all blocks. The case has a column of its own where that fits, else a line above its rows; a name that
 * does not fit beside its numbers stands above them. */
static struct layout make_layout(const struct styled *styled, const struct ld_report *report)
{
    struct layout layout = {.all = styled->style.width >= ALL_COLUMNS_WIDTH};
    unsigned numbers = 0, longest_case = 0, longest_name = 8;
    for (size_t i = 0; i < COLUMNS; i++)
        layout.widths[i] = table[i].width;
    for (size_t i = 0; i < report->verdicts->row_count; i++) {
        const struct ld_board_row *row = &report->verdicts->rows[i];
        const struct ld_cell *cell = &report->plan->cells[row->cell];
        struct pair pair;
        char name[CASE_SIZE], value[VALUE_SIZE];
        if (row->calibration)
            continue;
        if (find_pair(report->plan, cell, &pair))
            longest_case = at_least(longest_case, strlen(name_case(report, &pair, name, sizeof name)));
        longest_name = at_least(longest_name, strlen(row->detector));
        for (size_t j = 0; j < COLUMNS; j++)
            layout.widths[j] = at_least(layout.widths[j], strlen(value_of(&table[j], row, row, value)));
    }
    for (size_t i = 0; i < COLUMNS; i++)
        numbers += is_shown(&layout, &table[i]) ? layout.widths[i] + 1 : 0;
    unsigned room = styled->style.width > numbers + 1 ? styled->style.width - numbers - 1 : 1;
    layout.inline_case = longest_name + longest_case + 1 <= room;
    layout.case_width = longest_case;
    layout.name_width = longest_name < room ? longest_name : room;
    return layout;
}

static unsigned margin(const struct layout *layout)
{
    return 1 + layout->name_width + (layout->inline_case ? layout->case_width + 1 : 0);
}

static void heading(struct styled *styled, const struct layout *layout)
{
    for (int line = 0; line < 2; line++) {
        char text[STYLE_WIDTH_MAX + 1];
        unsigned end = margin(layout);
        memset(text, ' ', sizeof text);
        for (size_t i = 0; i < COLUMNS; i++) {
            const char *words = line ? table[i].header : table[i].above;
            if (!is_shown(layout, &table[i]))
                continue;
            end += layout->widths[i] + 1;
            memcpy(text + end - strlen(words), words, strlen(words));
        }
        text[end] = '\0';
        styled_colour(styled, STYLE_DIM);
        styled_text(styled, text);
        styled_colour(styled, STYLE_PLAIN);
        styled_text(styled, "\n");
    }
}

/* ---- rows */

static void numbers(struct styled *styled, const struct layout *layout, const struct ld_board_row *leaky,
                    const struct ld_board_row *healthy)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        char value[VALUE_SIZE];
        if (!is_shown(layout, &table[i]))
            continue;
        value_of(&table[i], leaky, healthy, value);
        bool nothing = strcmp(value, "0") == 0 || strcmp(value, "-") == 0;
        enum style_colour colour = nothing ? STYLE_DIM : table[i].alarming ? STYLE_RED : STYLE_PLAIN;
        styled_text(styled, " ");
        if (colour != STYLE_PLAIN)
            styled_colour(styled, colour);
        styled_cell(styled, value, -(int)layout->widths[i], true);
        if (colour != STYLE_PLAIN)
            styled_colour(styled, STYLE_PLAIN);
    }
    styled_text(styled, "\n");
}

/* What the numbers leave out: leaks that are no evidence, alerts during bounded holds. */
static void remarks(struct styled *styled, const struct layout *layout, const struct ld_board_row *leaky,
                    const struct ld_board_row *healthy)
{
    static const enum ld_outcome_kind kinds[] = {LD_OUTCOME_NOT_MANIFESTED, LD_OUTCOME_OUT_OF_RANGE,
                                                 LD_OUTCOME_DETECTOR_ERROR};
    char line[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        unsigned count = leaky ? leaky->counts[kinds[i]] : 0;
        if (healthy && kinds[i] == LD_OUTCOME_DETECTOR_ERROR)
            count += healthy->counts[kinds[i]];
        if (count)
            used += (size_t)snprintf(line + used, sizeof line - used, "%s%u %s", used ? ", " : "not counted: ", count,
                                     ld_outcome_name(kinds[i]));
    }
    unsigned holds = (leaky ? leaky->during_hold : 0) + (healthy ? healthy->during_hold : 0);
    if (holds)
        snprintf(line + used, sizeof line - used, "%salerts during holds: %u", used ? "; " : "", holds);
    if (*line)
        styled_wrapped(styled, 0, layout->inline_case ? layout->case_width + 4 : 3, line);
}

static void detector_row(struct styled *styled, const struct layout *layout, const char *name, const char *detector,
                         const struct ld_board_row *leaky, const struct ld_board_row *healthy)
{
    styled_text(styled, " ");
    if (layout->inline_case) {
        styled_cell(styled, name, (int)layout->case_width, true);
        styled_text(styled, " ");
    }
    if (strlen(detector) > layout->name_width) {
        styled_cell(styled, detector, (int)styled->style.width - 1, false);
        styled_text(styled, "\n ");
        detector = "";
    }
    styled_cell(styled, detector, (int)layout->name_width, true);
    numbers(styled, layout, leaky, healthy);
    remarks(styled, layout, leaky, healthy);
}

static void case_rows(struct styled *styled, const struct layout *layout, const struct ld_report *report,
                      const struct pair *pair)
{
    char name[CASE_SIZE];
    const struct ld_cell *cell = pair->leaky ? pair->leaky : pair->healthy;
    name_case(report, pair, name, sizeof name);
    bool first = true;
    for (size_t i = 0; i < report->verdicts->row_count; i++) {
        const struct ld_board_row *row = &report->verdicts->rows[i];
        if (&report->plan->cells[row->cell] != cell || row->calibration)
            continue;
        if (first && !layout->inline_case) {
            styled_cell(styled, name, (int)styled->style.width, false);
            styled_text(styled, "\n");
        }
        detector_row(styled, layout, first ? name : "", row->detector, find_row(report, pair->leaky, row->detector),
                     find_row(report, pair->healthy, row->detector));
        first = false;
    }
}

/* A time to detect means nothing without the period it is a multiple of. */
static void sampling_note(struct styled *styled, const struct ld_scenario *scenario)
{
    char period[32], note[64];
    if (scenario->sampling.every_ns <= 0)
        return;
    ld_format_duration_short(ld_scenario_scaled_ns(scenario, scenario->sampling.every_ns), period, sizeof period);
    snprintf(note, sizeof note, ", sampled every %s", period);
    if (strlen(scenario->name) + strlen(note) <= styled->style.width)
        styled_text(styled, note);
}

static void scenario_block(struct styled *styled, const struct layout *layout, const struct ld_report *report,
                           const struct ld_scenario *scenario)
{
    styled_colour(styled, STYLE_BOLD);
    styled_cell(styled, scenario->name, (int)styled->style.width, false);
    styled_colour(styled, STYLE_PLAIN);
    sampling_note(styled, scenario);
    styled_text(styled, "\n");
    heading(styled, layout);
    for (size_t i = 0; i < report->plan->cell_count; i++) {
        const struct ld_cell *cell = &report->plan->cells[i];
        struct pair pair;
        if (cell->scenario == scenario && find_pair(report->plan, cell, &pair))
            case_rows(styled, layout, report, &pair);
    }
    styled_text(styled, "\n");
}

static void legend(struct styled *styled, const struct layout *layout)
{
    styled_wrapped(styled, 0, 0,
                   "Leaks that happened in the leaky runs: seen (of them late), not seen, median time to be seen, "
                   "cause and site named right. Runs with an alert, and false alarms, in leaky runs and in those of "
                   "the healthy twin, the same program with the leak repaired. More: leakdrill explain outcomes");
    if (!layout->all)
        styled_wrapped(styled, 0, 0, "A terminal of 80 columns has more: late, cause and site right, wrong site.");
    styled_text(styled, "\n");
}

/* ---- below the table */

static bool is_calibration(const struct ld_check *check)
{
    return strncmp(check->what, "calibration: ", strlen("calibration: ")) == 0;
}

static void calibration_line(struct styled *styled, const struct ld_verdicts *verdicts)
{
    size_t count = 0;
    for (size_t i = 0; i < verdicts->check_count; i++)
        count += is_calibration(&verdicts->checks[i]);
    if (count == 0) {
        styled_text(styled, "Calibration: nothing to calibrate by\n");
    } else if (verdicts->calibrated) {
        styled_text(styled, "Calibration: ");
        styled_colour(styled, STYLE_GREEN);
        styled_text(styled, "holds");
        styled_colour(styled, STYLE_PLAIN);
        char names[512] = "";
        for (size_t i = 0, used = 0; i < verdicts->check_count && used < sizeof names; i++) {
            if (is_calibration(&verdicts->checks[i]))
                used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : " (",
                                         verdicts->checks[i].what + strlen("calibration: "));
        }
        strncat(names, ")", sizeof names - strlen(names) - 1);
        styled_wrapped(styled, (unsigned)strlen("Calibration: holds"), 2, names);
    } else {
        styled_text(styled, "Calibration: ");
        styled_colour(styled, STYLE_RED);
        styled_text(styled, "off, the campaign is void\n");
        styled_colour(styled, STYLE_PLAIN);
    }
}

static const char *scenario_file(const struct ld_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->cell_count; i++) {
        if (strcmp(plan->cells[i].scenario->name, name) == 0)
            return plan->cells[i].scenario->file ? plan->cells[i].scenario->file : name;
    }
    return name;
}

static const struct {
    const char *word;
    enum style_colour colour;
} verdict_words[] = {
    [LD_VERDICT_PASS] = {"PASS", STYLE_GREEN},
    [LD_VERDICT_FAIL] = {"FAIL", STYLE_RED},
    [LD_VERDICT_INCONCLUSIVE] = {"INCONCLUSIVE", STYLE_YELLOW},
    [LD_VERDICT_HARNESS] = {"HARNESS", STYLE_RED},
};

/* FAIL what: detector in cell, file:line: asked this, seen that. */
static void failed_check(struct styled *styled, const struct ld_plan *plan, const struct ld_check *check)
{
    char who[400] = "", place[600] = "", line[1500];
    const char *word = verdict_words[check->verdict].word;
    if (*check->cell)
        snprintf(who, sizeof who, "%.100s in %.256s, ", check->detector, check->cell);
    if (check->line)
        snprintf(place, sizeof place, "%.500s:%u: ", scenario_file(plan, check->scenario), check->line);
    snprintf(line, sizeof line, "%s: %s%sasked %s, seen %s", check->what, who, place, check->asked, check->seen);
    styled_colour(styled, verdict_words[check->verdict].colour);
    styled_text(styled, word);
    styled_colour(styled, STYLE_PLAIN);
    styled_text(styled, " ");
    styled_wrapped(styled, (unsigned)strlen(word) + 1, 2, line);
}

static void excluded_line(struct styled *styled, const struct ld_report *report)
{
    if (!report->verdicts->excluded)
        return;
    styled_printf(styled, "Excluded: %u of %zu runs\n", report->verdicts->excluded, report->run_count);
    for (size_t i = 0; i < report->run_count; i++) {
        const struct ld_run_record *run = &report->runs[i];
        char line[512];
        if (run->validity == LD_VALID)
            continue;
        snprintf(line, sizeof line, "run %u: %s: %s", run->run, ld_validity_name(run->validity),
                 run->reason ? run->reason : "");
        styled_wrapped(styled, 0, 2, line);
    }
}

int ld_report_text(const struct ld_report *report, const struct ld_text_style *style, struct ld_buffer *out)
{
    struct styled styled;
    styled_begin(&styled, style, out);
    struct layout layout = make_layout(&styled, report);
    for (size_t i = 0; i < report->plan->cell_count; i++) {
        const struct ld_scenario *scenario = report->plan->cells[i].scenario;
        bool seen = false;
        for (size_t j = 0; j < i; j++)
            seen = seen || report->plan->cells[j].scenario == scenario;
        if (!seen)
            scenario_block(&styled, &layout, report, scenario);
    }
    legend(&styled, &layout);
    excluded_line(&styled, report);
    calibration_line(&styled, report->verdicts);
    for (size_t i = 0; i < report->verdicts->check_count; i++) {
        if (report->verdicts->checks[i].verdict != LD_VERDICT_PASS)
            failed_check(&styled, report->plan, &report->verdicts->checks[i]);
    }
    styled_rule(&styled);
    styled_text(&styled, report->interrupted ? "Verdict (interrupted): " : "Verdict: ");
    styled_colour(&styled, verdict_words[report->verdicts->verdict].colour);
    styled_text(&styled, verdict_words[report->verdicts->verdict].word);
    styled_colour(&styled, STYLE_PLAIN);
    styled_printf(&styled, ", %zu of %zu runs\n", report->run_count, report->plan->run_count);
    if (report->database && *report->database)
        styled_printf(&styled, "Database: %s\n", report->database);
    return styled.code;
}

/* ---- leakdrill explain outcomes */

static void explain_row(struct styled *styled, const char *name, const char *doc)
{
    const int column = 23;
    styled_printf(styled, "  %-*s ", column - 3, name);
    styled_wrapped(styled, (unsigned)column, (unsigned)column, doc);
}

int ld_report_explain(const struct ld_text_style *style, struct ld_buffer *out)
{
    static const struct {
        const char *name, *doc;
    } outcomes[] = {
#define X(id, name, evidence, doc) {name, doc},
        LD_OUTCOMES(X)
#undef X
    }, verdicts[] = {
        {"PASS", "every expectation is met and the calibration set came out at its known scores; exit code 0"},
        {"FAIL", "an expectation is not met; exit code 1"},
        {"INCONCLUSIVE", "not enough evidence: too few runs for the claim, or too many excluded; exit code 5"},
        {"HARNESS", "the harness, its machine or its scoring failed, so nothing may be concluded; exit code 3"},
    };
    struct styled styled;
    styled_begin(&styled, style, out);
    styled_text(&styled, "The columns of the final table, each a count but the time:\n");
    for (size_t i = 0; i < COLUMNS; i++)
        explain_row(&styled, table[i].name, table[i].doc);
    styled_text(&styled, "\n");
    styled_wrapped(&styled, 0, 0, "Outcomes, one for each leak and detector (view v_outcomes of the database):");
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++)
        explain_row(&styled, outcomes[i].name, outcomes[i].doc);
    styled_wrapped(&styled, 0, 0, "Only the first three are evidence; the others never enter a rate.");
    styled_text(&styled, "\nVerdicts:\n");
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++)
        explain_row(&styled, verdicts[i].name, verdicts[i].doc);
    return styled.code;
}
