/* The summary for a CI page, in GitHub's Markdown: verdict, failed checks, board. It has no links, and foreign text
 * cannot make any: it stands in code spans or is escaped. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/board.h"
#include "reports/conditions.h"
#include "reports/style.h"
#include "reports/sequential.h"

struct markdown {
    struct ld_buffer *out;
    int code; /* the first failure */
};

static void plain(struct markdown *markdown, const char *text)
{
    if (!markdown->code)
        markdown->code = ld_buffer_add_text(markdown->out, text);
}

/* What could end a line or a cell, or is not text, becomes harmless; returns the bytes it took. */
static size_t harmless(const char *text, const char **ret_text, size_t *ret_length)
{
    size_t length = style_sequence(text);
    bool nonsense = style_is_nonsense(text, length);
    *ret_text = nonsense ? (*text == '\n' || *text == '\t' ? " " : "?") : text;
    *ret_length = nonsense ? 1 : length;
    return length ? length : 1;
}

/* A foreign name in a code span: no markup, no link, no mention works in there. */
static void code_span(struct markdown *markdown, const char *text)
{
    if (!*text)
        return;
    plain(markdown, "`");
    while (*text && !markdown->code) {
        const char *shown;
        size_t length, taken = harmless(text, &shown, &length);
        if (*shown == '`')
            shown = "'";
        if (*shown == '|')
            plain(markdown, "\\"); /* ends a cell even here */
        if (!markdown->code)
            markdown->code = ld_buffer_add(markdown->out, shown, length);
        text += taken;
    }
    plain(markdown, "`");
}

/* Words of ours, which may quote a foreign one. */
static void prose(struct markdown *markdown, const char *text)
{
    while (*text && !markdown->code) {
        const char *shown;
        size_t length, taken = harmless(text, &shown, &length);
        if (*shown == '@' || strncmp(text, "://", 3) == 0 ||
            strncmp(text, "www.", 4) == 0) /* else a mention or a link */
            markdown->code = ld_buffer_printf(markdown->out, "%.*s<!-- -->", (int)length, shown);
        else if (strchr("\\`*_{}[]<>#|~&$!", *shown))
            markdown->code = ld_buffer_printf(markdown->out, "\\%c", *shown);
        else
            markdown->code = ld_buffer_add(markdown->out, shown, length);
        text += taken;
    }
}

static void cell_begins(struct markdown *markdown)
{
    plain(markdown, " | ");
}

/* ---- checks */

static const char *const verdict_words[] = {[LD_VERDICT_PASS] = "✅ PASS",
                                            [LD_VERDICT_FAIL] = "❌ FAIL",
                                            [LD_VERDICT_INCONCLUSIVE] = "⚠️ INCONCLUSIVE",
                                            [LD_VERDICT_HARNESS] = "⛔ HARNESS"};

static void check_row(struct markdown *markdown, const struct ld_plan *plan, const struct ld_check *check)
{
    char place[600] = "";
    if (check->line)
        snprintf(place, sizeof place, "%.500s:%u", board_scenario_file(plan, check->scenario), check->line);
    plain(markdown, "| ");
    plain(markdown, check->notable ? "🔎 " : verdict_words[check->verdict]);
    if (check->notable)
        plain(markdown, board_notable_word(check));
    cell_begins(markdown);
    prose(markdown, check->what);
    cell_begins(markdown);
    code_span(markdown, check->detector);
    cell_begins(markdown);
    code_span(markdown, check->cell);
    cell_begins(markdown);
    prose(markdown, check->asked);
    cell_begins(markdown);
    prose(markdown, check->seen);
    cell_begins(markdown);
    code_span(markdown, place);
    plain(markdown, " |\n");
}

#define CHECKS_HEAD                                                                                                    \
    "| verdict | check | detector | cell | asked | seen | where |\n| --- | --- | --- | --- | --- | --- | --- |\n"

static void notable_checks(struct markdown *markdown, const struct ld_report *report)
{
    if (!board_notable(report->verdicts))
        return;
    plain(markdown, "### Passed, and yet news\n\n" CHECKS_HEAD);
    for (size_t i = 0; i < report->verdicts->check_count; i++)
        if (report->verdicts->checks[i].notable)
            check_row(markdown, report->plan, &report->verdicts->checks[i]);
    plain(markdown, "\n");
}

static void sequential_tests(struct markdown *markdown, const struct ld_report *report)
{
    char text[SEQUENTIAL_TEXT];
    if (!*sequential_sum(report->verdicts, report->plan->run_count, text))
        return;
    plain(markdown, "### Sequential tests\n\n");
    prose(markdown, text);
    plain(markdown, ".\n\n");
    for (size_t i = 0; i < report->verdicts->sequential_count; i++) {
        const struct ld_sequential_result *result = &report->verdicts->sequential[i];
        plain(markdown, "- ");
        code_span(markdown, result->detector);
        plain(markdown, " in ");
        code_span(markdown, result->cell);
        plain(markdown, ": ");
        prose(markdown, sequential_told(result, text));
        plain(markdown, "\n");
    }
    plain(markdown, "\n");
}

static void failed_checks(struct markdown *markdown, const struct ld_report *report)
{
    static const enum ld_verdict worst_first[] = {LD_VERDICT_HARNESS, LD_VERDICT_FAIL, LD_VERDICT_INCONCLUSIVE};
    bool first = true;
    for (size_t order = 0; order < sizeof worst_first / sizeof *worst_first; order++) {
        for (size_t i = 0; i < report->verdicts->check_count; i++) {
            struct ld_check check;
            if (report->verdicts->checks[i].verdict != worst_first[order] || !board_check(report, i, &check))
                continue;
            if (first)
                plain(markdown, "### Checks that did not pass\n\n" CHECKS_HEAD);
            first = false;
            check_row(markdown, report->plan, &check);
        }
    }
    if (!first)
        plain(markdown, "\n");
}

static void excluded_runs(struct markdown *markdown, const struct ld_report *report)
{
    if (!report->verdicts->excluded)
        return;
    plain(markdown, "### Runs that are no evidence\n\n");
    for (size_t i = 0; i < report->run_count && !markdown->code; i++) {
        const struct ld_run_record *run = &report->runs[i];
        if (run->validity == LD_VALID)
            continue;
        markdown->code = ld_buffer_printf(markdown->out, "- run %u: %s ", run->run, ld_validity_name(run->validity));
        code_span(markdown, run->reason ? run->reason : "");
        plain(markdown, "\n");
    }
    plain(markdown, "\n");
}

/* ---- the board */

static bool is_shown(const struct board_column *column)
{
    return column->group < BOARD_WIDE; /* a CI page is narrow */
}

static void board_head(struct markdown *markdown)
{
    plain(markdown, "| case | detector |");
    for (size_t i = 0; i < BOARD_COLUMNS && !markdown->code; i++)
        if (is_shown(&board_columns[i]))
            markdown->code = ld_buffer_printf(markdown->out, " %s |", board_columns[i].name);
    plain(markdown, "\n| --- | --- |");
    for (size_t i = 0; i < BOARD_COLUMNS; i++)
        if (is_shown(&board_columns[i]))
            plain(markdown, " ---: |");
    plain(markdown, "\n");
}

static void board_row(struct markdown *markdown, const char *name, const char *detector,
                      const struct ld_board_row *leaky, const struct ld_board_row *healthy)
{
    char value[BOARD_VALUE], line[BOARD_REMARKS];
    plain(markdown, "| ");
    prose(markdown, name);
    cell_begins(markdown);
    code_span(markdown, detector);
    board_remarks(leaky, healthy, line, sizeof line);
    if (*line) {
        plain(markdown, " ");
        prose(markdown, line);
    }
    plain(markdown, " |");
    for (size_t i = 0; i < BOARD_COLUMNS && !markdown->code; i++) {
        if (!is_shown(&board_columns[i]))
            continue;
        board_value(&board_columns[i], leaky, healthy, value);
        bool bad = board_columns[i].alarming && strcmp(value, "0") != 0 && strcmp(value, "-") != 0;
        markdown->code = ld_buffer_printf(markdown->out, bad ? " **%s** |" : " %s |", value);
    }
    plain(markdown, "\n");
}

static void case_rows(struct markdown *markdown, const struct ld_report *report, const struct board_pair *pair)
{
    char name[BOARD_CASE];
    const struct ld_cell *cell = pair->leaky ? pair->leaky : pair->healthy;
    board_case_name(report, pair, name, sizeof name);
    for (size_t i = 0; i < report->verdicts->row_count; i++) {
        const struct ld_board_row *row = &report->verdicts->rows[i];
        if (&report->plan->cells[row->cell] != cell || row->calibration)
            continue;
        board_row(markdown, name, row->detector, board_row_find(report, pair->leaky, row->detector),
                  board_row_find(report, pair->healthy, row->detector));
    }
}

static void board(struct markdown *markdown, const struct ld_report *report)
{
    for (size_t i = BOARD_BEFORE_FIRST; board_scenario_next(report->plan, &i);) {
        const struct ld_scenario *scenario = report->plan->cells[i].scenario;
        plain(markdown, "### ");
        code_span(markdown, scenario->name);
        plain(markdown, "\n\n");
        char note[BOARD_REMARKS];
        prose(markdown, board_time_note(scenario, note, sizeof note));
        plain(markdown, *note ? "\n\n" : "");
        board_head(markdown);
        for (size_t j = i; j < report->plan->cell_count; j++) {
            struct board_pair pair;
            if (report->plan->cells[j].scenario == scenario &&
                board_pair_find(report->plan, &report->plan->cells[j], &pair))
                case_rows(markdown, report, &pair);
        }
        plain(markdown, "\n");
    }
}

/* ---- conditions */

static void condition_row(struct markdown *markdown, const struct conditions_row *row)
{
    char median[CONDITIONS_VALUE], longest[CONDITIONS_VALUE];
    plain(markdown, "| ");
    code_span(markdown, row->cell->name);
    cell_begins(markdown);
    code_span(markdown, row->id);
    cell_begins(markdown);
    prose(markdown, row->asked);
    if (!markdown->code)
        markdown->code = ld_buffer_printf(markdown->out, " | %u/%u | %u/%u | %s | %s | %u |\n", row->acted, row->runs,
                                          row->recovered, row->followed, conditions_median(row, median),
                                          conditions_longest(row, longest), row->relapsed);
}

static void conditions(struct markdown *markdown, const struct ld_report *report)
{
    struct conditions_row *rows = calloc(CONDITIONS_MAX, sizeof *rows);
    char text[320];
    unsigned marked;
    size_t count = rows ? conditions_rows(report, rows, &marked) : 0;
    if (count) {
        plain(markdown, "### Conditions and reactions\n\n");
        prose(markdown, conditions_sentence(report, marked, text, sizeof text));
        plain(markdown, "\n\n| cell | condition | when | acted | back | median | longest | relapsed |\n"
                        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |\n");
        for (size_t i = 0; i < count; i++)
            condition_row(markdown, &rows[i]);
        plain(markdown, "\n");
    }
    free(rows);
}

int ld_report_markdown(const struct ld_report *report, struct ld_buffer *out)
{
    struct markdown markdown = {.out = out};
    char about[BOARD_REMARKS], spared[SEQUENTIAL_TEXT];
    size_t failed = 0;
    for (size_t i = 0; i < report->verdicts->check_count; i++)
        failed += report->verdicts->checks[i].verdict != LD_VERDICT_PASS;
    markdown.code = ld_buffer_printf(
        out, "## leakdrill: %s%s\n\n%zu of %zu run%s%s, %zu of %zu checks passed, calibration: %s.\n\n",
        verdict_words[report->verdicts->verdict], report->interrupted ? " (interrupted)" : "", report->run_count,
        report->plan->run_count, report->plan->run_count == 1 ? "" : "s", sequential_spared(report->verdicts, spared),
        report->verdicts->check_count - failed, report->verdicts->check_count, board_calibration(report->verdicts));
    failed_checks(&markdown, report);
    notable_checks(&markdown, report);
    excluded_runs(&markdown, report);
    board(&markdown, report);
    if (!markdown.code && report->standings && ld_standings_can_claim(report->standings))
        markdown.code = ld_report_standings_markdown(report->standings, out);
    conditions(&markdown, report);
    sequential_tests(&markdown, report);
    plain(&markdown, "Campaign ");
    code_span(&markdown, report->campaign ? report->campaign : "");
    if (report->database && *report->database) {
        plain(&markdown, ", database ");
        code_span(&markdown, report->database);
    }
    board_about(report, about, sizeof about);
    plain(&markdown, *about ? ", " : "");
    prose(&markdown, about);
    board_rules(report, about, sizeof about);
    plain(&markdown, *about ? "; rules: " : "");
    prose(&markdown, about);
    plain(&markdown, ". What the columns mean: `leakdrill explain outcomes`.\n");
    return markdown.code;
}
