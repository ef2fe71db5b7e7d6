/* The final table for a terminal: a block a scenario, a row a detector and cell, then calibration, checks, verdict. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "reports/style.h"

#define INLINE_CASE_WIDTH 120 /* from here up the cell has a column of its own, else a line above its rows */
#define ALL_COLUMNS_WIDTH 78  /* below, only the essential columns fit beside a name */
#define VALUE_SIZE 24

struct column {
    const char *above, *header; /* two lines of heading */
    unsigned width;
    bool essential;  /* shown at any width */
    bool leaky_only; /* "-" in healthy rows */
    bool alarming;   /* more than 0 is bad */
    void (*value)(const struct ld_board_row *row, char value[VALUE_SIZE]);
};

#define COUNT_VALUE(name, expression)                                              \
    static void name(const struct ld_board_row *row, char value[VALUE_SIZE])       \
    {                                                                              \
        snprintf(value, VALUE_SIZE, "%u", (unsigned)(expression));                 \
    }
COUNT_VALUE(value_runs, row->runs)
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
    {"", "runs", 4, false, false, false, value_runs},
    {"", "leaks", 5, true, true, false, value_manifested},
    {"", "seen", 4, true, true, false, value_seen},
    {"", "late", 4, false, true, true, value_late},
    {"", "missed", 6, true, true, true, value_missed},
    {"runs", "alert", 5, true, false, false, value_alerted},
    {"false", "alarm", 5, true, false, true, value_false},
    {"wrong", "site", 5, true, false, true, value_wrong},
    {"median", "time", 6, true, true, false, value_median},
    {"cause", "right", 5, false, true, false, value_cause},
    {"site", "right", 5, false, true, false, value_site},
};
#define COLUMNS (sizeof table / sizeof *table)

struct layout {
    bool all, inline_case;
    unsigned case_width, name_width;
};

static bool is_shown(const struct layout *layout, const struct column *column)
{
    return layout->all || column->essential;
}

static unsigned at_most(unsigned value, unsigned limit)
{
    return value < limit ? value : limit;
}

/* Names get what the numbers leave, but no more than they need. */
static struct layout make_layout(const struct styled *styled, unsigned longest_case, unsigned longest_name)
{
    struct layout layout = {.all = styled->style.width >= ALL_COLUMNS_WIDTH,
                            .inline_case = styled->style.width >= INLINE_CASE_WIDTH};
    unsigned numbers = 0;
    for (size_t i = 0; i < COLUMNS; i++)
        numbers += is_shown(&layout, &table[i]) ? table[i].width + 1 : 0;
    unsigned room = styled->style.width - numbers - 2;
    if (layout.inline_case) {
        layout.name_width = at_most(longest_name, room / 2);
        layout.case_width = at_most(longest_case, room - layout.name_width - 1);
    } else {
        layout.name_width = at_most(longest_name, room - 2);
    }
    return layout;
}

/* "leaky, slow-upstream, rate 4, depth 3": what the cell is within its scenario. */
static const char *name_case(const struct ld_cell *cell, char *name, size_t size)
{
    const struct ld_scenario *scenario = cell->scenario;
    const char *fault = cell->fault_case < scenario->fault_case_count ? scenario->fault_cases[cell->fault_case].name : "none";
    char rate[32] = "", depth[32] = "";
    if (scenario->target.rates.count > 1)
        snprintf(rate, sizeof rate, ", rate %g", cell->rate);
    if (scenario->target.depths.count > 1)
        snprintf(depth, sizeof depth, ", depth %lld", (long long)cell->depth);
    snprintf(name, size, "%s, %s%s%s", cell->variant == LD_VARIANT_LEAKY ? "leaky" : "healthy", fault, rate, depth);
    return name;
}

static void heading(struct styled *styled, const struct layout *layout)
{
    unsigned names = 2 + layout->name_width + (layout->inline_case ? layout->case_width + 1 : 2);
    for (int line = 0; line < 2; line++) {
        styled_repeat(styled, " ", names);
        for (size_t i = 0; i < COLUMNS; i++) {
            if (is_shown(layout, &table[i]))
                styled_printf(styled, " %*s", (int)table[i].width, line ? table[i].header : table[i].above);
        }
        styled_text(styled, "\n");
    }
}

static void numbers(struct styled *styled, const struct layout *layout, const struct ld_board_row *row, bool leaky)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        if (!is_shown(layout, &table[i]))
            continue;
        char value[VALUE_SIZE] = "-";
        if (leaky || !table[i].leaky_only)
            table[i].value(row, value);
        bool alarm = table[i].alarming && strcmp(value, "0") != 0 && strcmp(value, "-") != 0;
        styled_text(styled, " ");
        if (alarm)
            styled_colour(styled, STYLE_RED);
        styled_cell(styled, value, -(int)table[i].width, true);
        if (alarm)
            styled_colour(styled, STYLE_PLAIN);
    }
    styled_text(styled, "\n");
}

static void cell_rows(struct styled *styled, const struct layout *layout, const struct ld_report *report, uint32_t cell)
{
    char name[320];
    name_case(&report->plan->cells[cell], name, sizeof name);
    bool first = true;
    for (size_t i = 0; i < report->verdicts->row_count; i++) {
        const struct ld_board_row *row = &report->verdicts->rows[i];
        if (row->cell != cell || row->calibration)
            continue;
        styled_text(styled, "  ");
        if (first && !layout->inline_case) {
            styled_cell(styled, name, (int)styled->style.width - 2, false);
            styled_text(styled, "\n  ");
        }
        if (layout->inline_case)
            styled_cell(styled, first ? name : "", (int)layout->case_width, true);
        styled_text(styled, layout->inline_case ? " " : "  ");
        styled_cell(styled, row->detector, (int)layout->name_width, true);
        numbers(styled, layout, row, report->plan->cells[cell].variant == LD_VARIANT_LEAKY);
        first = false;
    }
}

static void scenario_block(struct styled *styled, const struct ld_report *report, const struct ld_scenario *scenario)
{
    unsigned longest_case = 0, longest_name = 8;
    for (size_t i = 0; i < report->verdicts->row_count; i++) {
        const struct ld_board_row *row = &report->verdicts->rows[i];
        const struct ld_cell *cell = &report->plan->cells[row->cell];
        if (cell->scenario != scenario || row->calibration)
            continue;
        char name[320];
        unsigned length = (unsigned)strlen(name_case(cell, name, sizeof name));
        longest_case = length > longest_case ? length : longest_case;
        length = (unsigned)strlen(row->detector);
        longest_name = length > longest_name ? length : longest_name;
    }
    if (!longest_case)
        return;
    struct layout layout = make_layout(styled, longest_case, longest_name);
    styled_colour(styled, STYLE_BOLD);
    styled_cell(styled, scenario->name, (int)styled->style.width, false);
    styled_colour(styled, STYLE_PLAIN);
    styled_text(styled, "\n");
    heading(styled, &layout);
    for (uint32_t cell = 0; cell < report->plan->cell_count; cell++) {
        if (report->plan->cells[cell].scenario == scenario)
            cell_rows(styled, &layout, report, cell);
    }
    styled_text(styled, "\n");
}

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
        for (size_t i = 0, shown = 0; i < verdicts->check_count; i++) {
            if (is_calibration(&verdicts->checks[i]))
                styled_printf(styled, "%s%s", shown++ ? ", " : " (", verdicts->checks[i].what + strlen("calibration: "));
        }
        styled_text(styled, ")\n");
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

static void failed_check(struct styled *styled, const struct ld_plan *plan, const struct ld_check *check)
{
    char line[1024];
    styled_colour(styled, verdict_words[check->verdict].colour);
    styled_text(styled, verdict_words[check->verdict].word);
    styled_colour(styled, STYLE_PLAIN);
    styled_text(styled, "\n");
    if (check->line) {
        snprintf(line, sizeof line, "%s:%u: %s in %s", scenario_file(plan, check->scenario), check->line, check->detector,
                 check->cell);
        styled_wrapped(styled, 2, line);
    }
    snprintf(line, sizeof line, "%s: asked %s; seen %s", check->what, check->asked, check->seen);
    styled_wrapped(styled, check->line ? 4 : 2, line);
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
        snprintf(line, sizeof line, "run %u: %s: %s", run->run, ld_validity_name(run->validity), run->reason ? run->reason : "");
        styled_wrapped(styled, 2, line);
    }
}

int ld_report_text(const struct ld_report *report, const struct ld_text_style *style, struct ld_buffer *out)
{
    struct styled styled;
    styled_begin(&styled, style, out);
    for (size_t i = 0; i < report->plan->cell_count; i++) {
        const struct ld_scenario *scenario = report->plan->cells[i].scenario;
        bool seen = false;
        for (size_t j = 0; j < i; j++)
            seen = seen || report->plan->cells[j].scenario == scenario;
        if (!seen)
            scenario_block(&styled, report, scenario);
    }
    if (styled.style.width < ALL_COLUMNS_WIDTH)
        styled_printf(&styled, "Columns left out below %d: runs, late, cause, site right.\n", ALL_COLUMNS_WIDTH);
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
