/* The final table for a terminal: a block a scenario, a row a case and detector with the leaky runs and those of the
 * healthy twin side by side, then calibration, checks, verdict. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "reports/board.h"
#include "reports/conditions.h"
#include "reports/observed.h"
#include "reports/style.h"
#include "reports/summary.h"
#include "reports/sequential.h"

#define USUAL_WIDTH 80 /* below, only the essential columns fit beside a name */
#define WIDE_WIDTH 130 /* from here up, all of them */
#define LISTED_MAX 16  /* checks of one verdict that did not pass, and runs without evidence */

struct layout {
    enum board_group group; /* and those before it are shown */
    bool inline_case;
    unsigned case_width, name_width, widths[BOARD_COLUMNS];
};

static bool is_shown(const struct layout *layout, const struct board_column *column)
{
    return column->group <= layout->group;
}

/* ---- layout */

static unsigned at_least(unsigned value, size_t least)
{
    return value > least ? value : (unsigned)least;
}

/* One layout for all blocks. The case has a column of its own where that fits, else a line above its rows; a name that
 * does not fit beside its numbers stands above them. */
static struct layout make_layout(const struct styled *styled, const struct ld_report *report)
{
    unsigned width = styled->style.width;
    struct layout layout = {
        .group = width >= WIDE_WIDTH ? BOARD_WIDE : width >= USUAL_WIDTH ? BOARD_USUAL : BOARD_ESSENTIAL};
    unsigned numbers = 0, longest_case = 0, longest_name = 8;
    for (size_t i = 0; i < BOARD_COLUMNS; i++)
        layout.widths[i] = board_columns[i].width;
    for (size_t i = 0; i < report->verdicts->row_count; i++) {
        const struct ld_board_row *row = &report->verdicts->rows[i];
        const struct ld_cell *cell = &report->plan->cells[row->cell];
        struct board_pair pair;
        char name[BOARD_CASE], value[BOARD_VALUE];
        if (row->calibration)
            continue;
        if (board_pair_find(report->plan, cell, &pair))
            longest_case = at_least(longest_case, strlen(board_case_name(report, &pair, name, sizeof name)));
        longest_name = at_least(longest_name, strlen(row->detector));
        for (size_t j = 0; j < BOARD_COLUMNS; j++)
            layout.widths[j] = at_least(layout.widths[j], strlen(board_value(&board_columns[j], row, row, value)));
    }
    for (size_t i = 0; i < BOARD_COLUMNS; i++)
        numbers += is_shown(&layout, &board_columns[i]) ? layout.widths[i] + 1 : 0;
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
        for (size_t i = 0; i < BOARD_COLUMNS; i++) {
            const char *words = line ? board_columns[i].header : board_columns[i].above;
            if (!is_shown(layout, &board_columns[i]))
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
    for (size_t i = 0; i < BOARD_COLUMNS; i++) {
        char value[BOARD_VALUE];
        if (!is_shown(layout, &board_columns[i]))
            continue;
        board_value(&board_columns[i], leaky, healthy, value);
        bool nothing = strcmp(value, "0") == 0 || strcmp(value, "-") == 0;
        enum style_colour colour = nothing ? STYLE_DIM : board_columns[i].alarming ? STYLE_RED : STYLE_PLAIN;
        styled_text(styled, " ");
        if (colour != STYLE_PLAIN)
            styled_colour(styled, colour);
        styled_cell(styled, value, -(int)layout->widths[i], true);
        if (colour != STYLE_PLAIN)
            styled_colour(styled, STYLE_PLAIN);
    }
    styled_text(styled, "\n");
}

static void remarks(struct styled *styled, const struct layout *layout, const struct ld_board_row *leaky,
                    const struct ld_board_row *healthy)
{
    char line[BOARD_REMARKS];
    board_remarks(leaky, healthy, line, sizeof line);
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
                      const struct board_pair *pair)
{
    char name[BOARD_CASE];
    const struct ld_cell *cell = pair->leaky ? pair->leaky : pair->healthy;
    board_case_name(report, pair, name, sizeof name);
    bool first = true;
    for (size_t i = 0; i < report->verdicts->row_count; i++) {
        const struct ld_board_row *row = &report->verdicts->rows[i];
        if (&report->plan->cells[row->cell] != cell || row->calibration)
            continue;
        if (first && !layout->inline_case) {
            styled_cell(styled, name, (int)styled->style.width, false);
            styled_text(styled, "\n");
        }
        detector_row(styled, layout, first ? name : "", row->detector,
                     board_row_find(report, pair->leaky, row->detector),
                     board_row_find(report, pair->healthy, row->detector));
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
    if (scenario->target.truth == LD_TRUTH_NONE) {
        observed_text(styled, report, scenario);
        return;
    }
    char note[BOARD_REMARKS];
    styled_wrapped(styled, 0, 1, board_time_note(scenario, note, sizeof note));
    heading(styled, layout);
    for (size_t i = 0; i < report->plan->cell_count; i++) {
        const struct ld_cell *cell = &report->plan->cells[i];
        struct board_pair pair;
        if (cell->scenario == scenario && board_pair_find(report->plan, cell, &pair))
            case_rows(styled, layout, report, &pair);
    }
    styled_text(styled, "\n");
}

static void legend(struct styled *styled, const struct layout *layout)
{
    bool few = layout->group == BOARD_ESSENTIAL;
    char line[512];
    snprintf(line, sizeof line,
             "Leaks that happened in the leaky runs: seen%s, not seen, median time to be seen%s. Runs with an alert, "
             "and false alarms, in leaky runs and in those of the healthy twin, the same program with the leak "
             "repaired. More: leakdrill explain outcomes",
             few ? "" : " (of them late)", few ? "" : ", cause and site named right");
    styled_wrapped(styled, 0, 0, line);
    if (few)
        styled_wrapped(styled, 0, 0, "A terminal of 80 columns has more: late, cause and site right, wrong site.");
    styled_text(styled, "\n");
}

/* ---- below the table */

static void calibration_line(struct styled *styled, const struct ld_verdicts *verdicts)
{
    size_t count = 0;
    for (size_t i = 0; i < verdicts->check_count; i++)
        count += board_is_calibration(&verdicts->checks[i]);
    if (count == 0) {
        styled_text(styled, "Calibration: nothing to calibrate by\n");
    } else if (verdicts->calibrated) {
        styled_text(styled, "Calibration: ");
        styled_colour(styled, STYLE_GREEN);
        styled_text(styled, "holds");
        styled_colour(styled, STYLE_PLAIN);
        char names[512] = "";
        for (size_t i = 0, used = 0; i < verdicts->check_count && used < sizeof names; i++) {
            if (board_is_calibration(&verdicts->checks[i]))
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

/* Where names were hidden and nobody's alerts depend on them; a difference is a failed check. */
static void blind_line(struct styled *styled, const struct ld_verdicts *verdicts)
{
    for (size_t i = 0; i < verdicts->check_count; i++)
        if (verdicts->checks[i].verdict == LD_VERDICT_PASS && strcmp(verdicts->checks[i].what, LD_CHECK_BLIND) == 0)
            styled_printf(styled, "Blind: %s with and without names\n", verdicts->checks[i].seen);
    for (size_t i = 0; i < verdicts->check_count; i++)
        if (strcmp(verdicts->checks[i].what, LD_CHECK_BLIND_ALONE) == 0)
            styled_printf(styled, "Blind: %s\n", verdicts->checks[i].seen);
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

/* What has more than LISTED_MAX lines says so. */
static void left_out_line(struct styled *styled, size_t count, const char *what)
{
    char line[160];
    if (count <= LISTED_MAX)
        return;
    snprintf(line, sizeof line, "and %zu more %s; all of them: leakdrill report --format markdown",
             count - LISTED_MAX, what);
    styled_wrapped(styled, 0, 2, line);
}

/* Or FOUND. FAIL what: detector in cell, file:line: asked this, seen that. */
static void failed_check(struct styled *styled, const struct ld_plan *plan, const struct ld_check *check)
{
    char who[400] = "", place[600] = "", line[1500];
    const char *word = check->notable ? board_notable_word(check) : verdict_words[check->verdict].word;
    if (*check->cell)
        snprintf(who, sizeof who, "%.100s%sin %.256s, ", check->detector, *check->detector ? " " : "", check->cell);
    if (check->line)
        snprintf(place, sizeof place, "%.500s:%u: ", board_scenario_file(plan, check->scenario), check->line);
    snprintf(line, sizeof line, "%s: %s%sasked %s, seen %s", check->what, who, place, check->asked, check->seen);
    styled_colour(styled, check->notable ? STYLE_YELLOW : verdict_words[check->verdict].colour);
    styled_text(styled, word);
    styled_colour(styled, STYLE_PLAIN);
    styled_text(styled, " ");
    styled_wrapped(styled, (unsigned)strlen(word) + 1, 2, line);
}

/* The worst first; an interrupted campaign is inconclusive in everything it did not come to. */
static void failed_checks(struct styled *styled, const struct ld_report *report)
{
    static const enum ld_verdict worst_first[] = {LD_VERDICT_HARNESS, LD_VERDICT_FAIL, LD_VERDICT_INCONCLUSIVE};
    for (size_t order = 0; order < sizeof worst_first / sizeof *worst_first; order++) {
        size_t count = 0;
        for (size_t i = 0; i < report->verdicts->check_count; i++) {
            struct ld_check check;
            if (report->verdicts->checks[i].verdict == worst_first[order] && board_check(report, i, &check) &&
                ++count <= LISTED_MAX)
                failed_check(styled, report->plan, &check);
        }
        left_out_line(styled, count, verdict_words[worst_first[order]].word);
    }
}

/* What passed and is news all the same. */
static void notable_checks(struct styled *styled, const struct ld_report *report)
{
    size_t count = 0;
    for (size_t i = 0; i < report->verdicts->check_count; i++)
        if (report->verdicts->checks[i].notable && ++count <= LISTED_MAX)
            failed_check(styled, report->plan, &report->verdicts->checks[i]);
    left_out_line(styled, count, BOARD_NOTABLE);
}

static void excluded_line(struct styled *styled, const struct ld_report *report)
{
    if (!report->verdicts->excluded)
        return;
    styled_printf(styled, "Excluded: %u of %zu runs\n", report->verdicts->excluded, report->run_count);
    size_t count = 0;
    for (size_t i = 0; i < report->run_count; i++) {
        const struct ld_run_record *run = &report->runs[i];
        char line[512];
        if (run->validity == LD_VALID || ++count > LISTED_MAX)
            continue;
        snprintf(line, sizeof line, "run %u: %s: %s", run->run, ld_validity_name(run->validity),
                 run->reason ? run->reason : "");
        styled_wrapped(styled, 0, 2, line);
    }
    left_out_line(styled, count, "runs");
}

#define SAID_LINES 3        /* of what a broken detector wrote on standard error, the last ones */
#define SAID_BYTES_MAX 1024 /* of them, the last ones; all that is kept: leakdrill show RUN */

static void said_lines(struct styled *styled, const char *said)
{
    size_t length = strlen(said), from = length;
    while (from > 0 && said[from - 1] == '\n')
        from--;
    for (int lines = 0; from > 0 && (said[from - 1] != '\n' || ++lines < SAID_LINES); )
        from--;
    if (length <= from)
        return;
    bool cut = length - from > SAID_BYTES_MAX;
    from = cut ? length - SAID_BYTES_MAX : from;
    while (from < length && ((unsigned char)said[from] & 0xc0) == 0x80) /* not within a character */
        from++;
    styled_printf(styled, "  the last of its standard error%s:\n", cut ? " (more: leakdrill show RUN)" : "");
    styled_wrapped(styled, 0, 4, said + from);
}

/* Which detectors broke, where, and what each did: the table only counts them. */
static void broken_lines(struct styled *styled, const struct ld_report *report)
{
    size_t count = 0;
    for (size_t i = 0; i < report->run_count; i++) {
        const struct ld_run_record *run = &report->runs[i];
        for (size_t k = 0; k < run->detector_count; k++) {
            const struct ld_detector_record *detector = &run->detectors[k];
            char line[768];
            if (!detector->failed)
                continue;
            if (++count == 1)
                styled_text(styled, "Detectors that broke (DETECTOR_ERROR):\n");
            if (count > LISTED_MAX)
                continue;
            snprintf(line, sizeof line, "run %u: %s: %s", run->run, detector->name,
                     detector->reason ? detector->reason : "");
            styled_wrapped(styled, 0, 2, line);
            said_lines(styled, detector->said ? detector->said : "");
        }
    }
    left_out_line(styled, count, "broken detectors");
}

int ld_report_text(const struct ld_report *report, const struct ld_text_style *style, struct ld_buffer *out)
{
    struct styled styled;
    char rules[BOARD_REMARKS], spared[SEQUENTIAL_TEXT];
    styled_begin(&styled, style, out);
    struct layout layout = make_layout(&styled, report);
    size_t scenarios = 0, observed = 0; /* those whose truth is known, and not */
    for (size_t i = BOARD_BEFORE_FIRST; board_scenario_next(report->plan, &i);) {
        const struct ld_scenario *scenario = report->plan->cells[i].scenario;
        scenario_block(&styled, &layout, report, scenario);
        observed += scenario->target.truth == LD_TRUTH_NONE;
        scenarios += scenario->target.truth != LD_TRUTH_NONE;
    }
    if (scenarios > 0 || observed == 0)
        legend(&styled, &layout);
    if (scenarios > 1)
        summary_text(&styled, report);
    if (!styled.code && report->standings && ld_standings_can_claim(report->standings)) {
        styled.code = ld_report_standings(report->standings, &styled.style, styled.out);
        styled_text(&styled, "\n");
    }
    conditions_text(&styled, report);
    sequential_text(&styled, report);
    excluded_line(&styled, report);
    broken_lines(&styled, report);
    calibration_line(&styled, report->verdicts);
    blind_line(&styled, report->verdicts);
    failed_checks(&styled, report);
    notable_checks(&styled, report);
    styled_rule(&styled);
    styled_text(&styled, report->interrupted ? "Verdict (interrupted): " : "Verdict: ");
    styled_colour(&styled, verdict_words[report->verdicts->verdict].colour);
    styled_text(&styled, verdict_words[report->verdicts->verdict].word);
    styled_colour(&styled, STYLE_PLAIN);
    styled_printf(&styled, ", %zu of %zu run%s%s\n", report->run_count, report->plan->run_count,
                  report->plan->run_count == 1 ? "" : "s", sequential_spared(report->verdicts, spared));
    board_rules(report, rules, sizeof rules);
    if (*rules) {
        styled_text(&styled, "Rules: ");
        styled_wrapped(&styled, (unsigned)strlen("Rules: "), 2, rules);
    }
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

struct word {
    const char *name, *doc;
};

static const struct word outcome_words[] = {
#define X(id, name, evidence, doc) {name, doc},
    LD_OUTCOMES(X)
#undef X
    {0}};

static const struct word verdict_docs[] = {
    {"PASS", "every expectation is met and the calibration set came out at its known scores; exit code 0"},
    {"FAIL", "an expectation is not met; exit code 1"},
    {"INCONCLUSIVE", "not enough evidence: too few runs for the claim, or too many excluded; exit code 5"},
    {"HARNESS", "the harness, its machine or its scoring failed, so nothing may be concluded; exit code 3"},
    {0}};

static bool is_in_words(const struct word *words, const char *name)
{
    for (; words->name; words++)
        if (strcmp(words->name, name) == 0)
            return true;
    return false;
}

static bool is_a_column(const char *name)
{
    for (size_t i = 0; i < BOARD_COLUMNS; i++)
        if (strcmp(board_columns[i].name, name) == 0)
            return true;
    return false;
}

static bool is_an_outcome(const char *name)
{
    return is_in_words(outcome_words, name);
}

static bool is_a_verdict(const char *name)
{
    return is_in_words(verdict_docs, name);
}

static void explain_words(struct styled *styled, const struct word *words)
{
    for (; words->name; words++)
        explain_row(styled, words->name, words->doc);
}

static void explain_columns(struct styled *styled)
{
    styled_text(styled, "The columns of the final table, each a count but the time:\n");
    for (size_t i = 0; i < BOARD_COLUMNS; i++)
        explain_row(styled, board_columns[i].name, board_columns[i].doc);
}

static void explain_outcomes(struct styled *styled)
{
    styled_wrapped(styled, 0, 0, "Outcomes, one for each leak and detector (view v_outcomes of the database):");
    explain_words(styled, outcome_words);
    styled_wrapped(styled, 0, 0, "Only the first three are evidence; the others never enter a rate. Whether a leak was "
                                 "in range is decided before alerts are looked at, by how long it was followed and by "
                                 "the detector's window.");
}

static void explain_verdicts(struct styled *styled)
{
    styled_text(styled, "Verdicts:\n");
    explain_words(styled, verdict_docs);
}

static const struct {
    bool (*has)(const char *name);
    void (*explain)(struct styled *styled);
} sections[] = {{is_a_column, explain_columns}, {is_an_outcome, explain_outcomes}, {is_a_verdict, explain_verdicts}};
#define SECTIONS (sizeof sections / sizeof *sections)

bool ld_report_has_word(const char *word)
{
    bool any = false;
    for (size_t i = 0; i < SECTIONS; i++)
        any = any || sections[i].has(word);
    return any;
}

int ld_report_explain(const char *word, const struct ld_text_style *style, struct ld_buffer *out)
{
    struct styled styled;
    bool first = true;
    styled_begin(&styled, style, out);
    for (size_t i = 0; i < SECTIONS; i++) {
        if (word && !sections[i].has(word))
            continue;
        styled_text(&styled, first ? "" : "\n");
        sections[i].explain(&styled);
        first = false;
    }
    return styled.code;
}
