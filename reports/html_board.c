/* The board on the page: at a glance first, then every case of every scenario. */
#include <stdio.h>
#include <string.h>

#include "reports/board.h"
#include "reports/html.h"
#include "reports/summary.h"

/* ---- at a glance */

static void glance_head(struct html *html, const char *const *detectors, size_t count)
{
    html_raw(html, "<thead><tr><th scope=\"col\">scenario</th>");
    for (size_t i = 0; i < count; i++) {
        html_raw(html, "<th scope=\"col\" class=\"number\">");
        html_text(html, detectors[i]);
        html_raw(html, "</th>");
    }
    html_raw(html, "</tr></thead>\n");
}

static const char *glance_class(const struct summary_sum *sum)
{
    return !sum->watched             ? ""
           : sum->leaks == 0         ? sum->false_alarms ? "loud" : "calm"
           : sum->seen == sum->leaks ? "all"
           : sum->seen == 0          ? "none"
                                     : "some";
}

static void glance_cell(struct html *html, const struct summary_sum *sum)
{
    char value[SUMMARY_VALUE];
    html_printf(html, "<td class=\"number %s\">", glance_class(sum));
    if (sum->false_alarms)
        html_printf(html, "<b class=\"alarms\" title=\"false alarms\">%s</b> ", summary_false(sum, value));
    html_printf(html, "%s</td>", summary_seen(sum, value));
}

static void glance_row(struct html *html, const struct ld_report *report, size_t cell, const char *const *detectors,
                       size_t count)
{
    const struct ld_scenario *scenario = report->plan->cells[cell].scenario;
    html_printf(html, "<tr><th scope=\"row\"><a href=\"#scenario-%zu\">", cell);
    html_text(html, scenario->name);
    html_raw(html, "</a></th>");
    for (size_t i = 0; i < count; i++) {
        const struct summary_sum sum = summary_sum(report, scenario, detectors[i]);
        glance_cell(html, &sum);
    }
    html_raw(html, "</tr>\n");
}

static void glance_totals(struct html *html, const struct ld_report *report, const char *const *detectors,
                          size_t count)
{
    html_raw(html, "<tfoot>\n");
    for (size_t i = 0; i < SUMMARY_TOTALS; i++) {
        html_printf(html, "<tr><th scope=\"row\">%s</th>", summary_totals[i].name);
        for (size_t j = 0; j < count; j++) {
            const struct summary_sum sum = summary_sum(report, NULL, detectors[j]);
            char value[SUMMARY_VALUE];
            summary_totals[i].value(&sum, value);
            bool nothing = *value == '-' || (*value == '0' && (value[1] == '\0' || value[1] == '/'));
            html_printf(html, "<td class=\"number %s\">%s</td>",
                        nothing                      ? "dim"
                        : summary_totals[i].alarming ? "bad"
                                                     : "",
                        value);
        }
        html_raw(html, "</tr>\n");
    }
    html_raw(html, "</tfoot>\n");
}

void html_summary(struct html *html, const struct ld_report *report)
{
    const char *detectors[SUMMARY_DETECTORS_MAX];
    size_t left_out, count = summary_detectors(report, detectors, &left_out);
    if (count == 0)
        return;
    html_raw(html,
             "<section aria-labelledby=\"board\">\n<h2 id=\"board\">The board</h2>\n<div class=\"scroll\" "
             "tabindex=\"0\" role=\"region\" aria-label=\"The board\"><table class=\"glance\">\n");
    glance_head(html, detectors, count);
    html_raw(html, "<tbody>\n");
    for (size_t i = BOARD_BEFORE_FIRST; board_scenario_next(report->plan, &i);)
        glance_row(html, report, i, detectors, count);
    html_raw(html, "</tbody>\n");
    glance_totals(html, report, detectors, count);
    html_raw(
        html,
        "</table></div>\n<p class=\"dim\">Leaks seen of those that a detector had time to see, over all cases of a "
        "scenario; behind &quot;!&quot; its false alarms. Healthy programs: &quot;quiet&quot; without an "
        "alert, &quot;held&quot; with alerts only while a bounded hold lasted.");
    if (left_out)
        html_raw(html, " More detectors are in the tables below.");
    html_raw(html, "</p>\n</section>\n");
}

/* ---- the table */

static void board_head(struct html *html)
{
    html_raw(html, "<thead><tr><th scope=\"col\">detector</th>");
    for (size_t i = 0; i < BOARD_COLUMNS; i++) {
        html_raw(html, "<th scope=\"col\" class=\"number\" title=\"");
        html_text(html, board_columns[i].doc);
        html_raw(html, "\">");
        html_text(html, board_columns[i].name);
        html_raw(html, "</th>");
    }
    html_raw(html, "</tr></thead>\n");
}

static void board_row(struct html *html, const char *detector, const struct ld_board_row *leaky,
                      const struct ld_board_row *healthy)
{
    char value[BOARD_VALUE], line[BOARD_REMARKS];
    html_raw(html, "<tr><th scope=\"row\">");
    html_text(html, detector);
    board_remarks(leaky, healthy, line, sizeof line);
    if (*line) {
        html_raw(html, " <span class=\"dim\">");
        html_text(html, line);
        html_raw(html, "</span>");
    }
    html_raw(html, "</th>");
    for (size_t i = 0; i < BOARD_COLUMNS; i++) {
        board_value(&board_columns[i], leaky, healthy, value);
        bool nothing = strcmp(value, "0") == 0 || strcmp(value, "-") == 0;
        html_printf(html, "<td class=\"number%s\"", nothing ? " dim" : board_columns[i].alarming ? " bad" : "");
        const struct ld_board_row *row = board_columns[i].twin ? healthy : leaky;
        if (row && board_columns[i].duration_ns && board_columns[i].duration_ns(row) >= 0)
            html_printf(html, " data-sort=\"%lld\"", (long long)board_columns[i].duration_ns(row));
        html_printf(html, ">%s</td>", value);
    }
    html_raw(html, "</tr>\n");
}

static void board_case(struct html *html, const struct ld_report *report, const struct board_pair *pair)
{
    char name[BOARD_CASE];
    const struct ld_cell *cell = pair->leaky ? pair->leaky : pair->healthy;
    html_printf(html, "<tbody>\n<tr class=\"case\"><th scope=\"rowgroup\" colspan=\"%d\"><span>", BOARD_COLUMNS + 1);
    html_text(html, board_case_name(report, pair, name, sizeof name));
    html_raw(html, "</span></th></tr>\n");
    for (size_t i = 0; i < report->verdicts->row_count; i++) {
        const struct ld_board_row *row = &report->verdicts->rows[i];
        if (&report->plan->cells[row->cell] == cell && !row->calibration)
            board_row(html, row->detector, board_row_find(report, pair->leaky, row->detector),
                      board_row_find(report, pair->healthy, row->detector));
    }
    html_raw(html, "</tbody>\n");
}

static void board_table(struct html *html, const struct ld_report *report, size_t first)
{
    const struct ld_scenario *scenario = report->plan->cells[first].scenario;
    html_printf(html, "<h3 id=\"scenario-%zu\">", first);
    html_text(html, scenario->name);
    html_raw(html, "</h3>\n");
    char note[BOARD_REMARKS];
    if (*board_time_note(scenario, note, sizeof note))
        html_element(html, "p", note);
    html_raw(html, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"");
    html_text(html, scenario->name);
    html_raw(html, "\"><table class=\"board\" data-sortable>\n");
    board_head(html);
    for (size_t i = first; i < report->plan->cell_count; i++) {
        struct board_pair pair;
        if (report->plan->cells[i].scenario == scenario &&
            board_pair_find(report->plan, &report->plan->cells[i], &pair))
            board_case(html, report, &pair);
    }
    html_raw(html, "</table></div>\n");
}

void html_board(struct html *html, const struct ld_report *report)
{
    html_raw(html,
             "<section aria-labelledby=\"cells\">\n<h2 id=\"cells\">Cells</h2>\n"
             "<p>Counts of leaks and of runs; the twin is the same program with the leak repaired, under the same load "
             "and faults.</p>\n<details><summary>What the columns mean</summary>\n<dl class=\"meanings\">\n");
    for (size_t i = 0; i < BOARD_COLUMNS; i++) {
        html_element(html, "dt", board_columns[i].name);
        html_element(html, "dd", board_columns[i].doc);
    }
    html_raw(html, "</dl>\n</details>\n");
    for (size_t i = BOARD_BEFORE_FIRST; board_scenario_next(report->plan, &i);)
        board_table(html, report, i);
    html_raw(html, "</section>\n");
}
