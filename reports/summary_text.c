/* The board at a glance on a terminal. */
#include <stdio.h>
#include <string.h>

#include "reports/board.h"
#include "reports/summary.h"

#define NAME_MIN 16    /* columns of a scenario's name below which lines of detectors say more */
#define HEADER_LINES 4 /* of a detector's name, broken to its column's width */
#define PIECE_MAX 9    /* columns of a name's stretch that is broken where room is scarce */

struct grid {
    const struct ld_report *report;
    const char *detectors[SUMMARY_DETECTORS_MAX];
    size_t count, left_out;
    unsigned gap; /* between columns */
    unsigned name_width, seen_widths[SUMMARY_DETECTORS_MAX], false_widths[SUMMARY_DETECTORS_MAX],
        widths[SUMMARY_DETECTORS_MAX];
};

static unsigned larger(unsigned left, size_t right)
{
    return left > right ? left : (unsigned)right;
}

/* The last place within `width` where a name may be broken: behind a hyphen, else anywhere. */
static size_t piece_of(const char *name, unsigned width)
{
    size_t length = strlen(name), at = width;
    if (length <= width)
        return length;
    while (at > 0 && name[at - 1] != '-')
        at--;
    return at ? at : width;
}

static unsigned pieces_of(const char *name, unsigned width)
{
    unsigned count = 0;
    for (; *name; count++)
        name += piece_of(name, width);
    return count;
}

static void measure(struct grid *grid, size_t column, const struct ld_scenario *scenario)
{
    char value[SUMMARY_VALUE];
    const struct summary_sum sum = summary_sum(grid->report, scenario, grid->detectors[column]);
    unsigned *seen = &grid->seen_widths[column], *alarms = &grid->false_widths[column];
    *seen = larger(*seen, strlen(summary_seen(&sum, value)));
    *alarms = larger(*alarms, strlen(summary_false(&sum, value)));
}

/* The longest stretch of a name without a hyphen. */
static unsigned longest_piece(const char *name)
{
    unsigned longest = 0;
    for (size_t length; *name; name += length) {
        length = strcspn(name, "-");
        length += name[length] == '-';
        longest = larger(longest, length);
    }
    return longest;
}

/* `broken`: long names of detectors may be broken anywhere. False when names of scenarios would be cut down too much.
 */
static bool grid_make(struct grid *grid, const struct styled *styled, const struct ld_report *report, bool broken)
{
    unsigned longest = (unsigned)strlen("healthy, alerted"), numbers = 0;
    *grid = (struct grid){.report = report, .gap = broken ? 1 : 2};
    grid->count = summary_detectors(report, grid->detectors, &grid->left_out);
    for (size_t i = BOARD_BEFORE_FIRST; board_scenario_next(report->plan, &i);) {
        const struct ld_scenario *scenario = report->plan->cells[i].scenario;
        longest = larger(longest, strlen(scenario->name));
        for (size_t j = 0; j < grid->count; j++)
            measure(grid, j, scenario);
    }
    for (size_t i = 0; i < grid->count; i++) {
        const struct summary_sum sum = summary_sum(report, NULL, grid->detectors[i]);
        unsigned *width = &grid->widths[i];
        *width = grid->seen_widths[i] + (grid->false_widths[i] ? grid->false_widths[i] + 1 : 0);
        for (size_t j = 0; j < SUMMARY_TOTALS; j++) {
            char value[SUMMARY_VALUE];
            summary_totals[j].value(&sum, value);
            *width = larger(*width, strlen(value));
        }
        unsigned whole = longest_piece(grid->detectors[i]);
        *width = larger(*width, broken && whole > PIECE_MAX ? PIECE_MAX : whole);
        while (pieces_of(grid->detectors[i], *width) > HEADER_LINES)
            ++*width;
        numbers += *width + grid->gap;
    }
    grid->name_width = numbers + longest + 1 <= styled->style.width ? longest
                       : numbers + 1 < styled->style.width          ? styled->style.width - numbers - 1
                                                                    : 0;
    return grid->name_width >= (broken ? NAME_MIN : longest);
}

/* Names stand at the bottom of their columns. */
static void headings(struct styled *styled, const struct grid *grid)
{
    unsigned lines = 1;
    for (size_t i = 0; i < grid->count; i++)
        lines = larger(lines, pieces_of(grid->detectors[i], grid->widths[i]));
    for (unsigned line = 0; line < lines; line++) {
        styled_repeat(styled, " ", grid->name_width + 1);
        for (size_t i = 0; i < grid->count; i++) {
            const char *name = grid->detectors[i];
            char piece[SUMMARY_VALUE + 1] = "";
            unsigned skipped = lines - pieces_of(name, grid->widths[i]);
            for (unsigned at = skipped; at <= line && *name; at++) {
                size_t length = piece_of(name, grid->widths[i]);
                snprintf(piece, sizeof piece, "%.*s", (int)length, name);
                name += length;
            }
            styled_repeat(styled, " ", grid->gap);
            styled_cell(styled, piece, -(int)grid->widths[i], true);
        }
        styled_text(styled, "\n");
    }
}

static enum style_colour colour_of(const struct summary_sum *sum)
{
    return sum->leaks == 0           ? STYLE_DIM
           : sum->seen == sum->leaks ? STYLE_GREEN
           : sum->seen == 0          ? STYLE_RED
                                     : STYLE_YELLOW;
}

static void coloured(struct styled *styled, enum style_colour colour, const char *text, unsigned width)
{
    styled_colour(styled, colour);
    styled_cell(styled, text, -(int)width, true);
    styled_colour(styled, STYLE_PLAIN);
}

static void scenario_line(struct styled *styled, const struct grid *grid, const struct ld_scenario *scenario)
{
    char value[SUMMARY_VALUE];
    styled_text(styled, " ");
    styled_cell(styled, scenario->name, (int)grid->name_width, true);
    for (size_t i = 0; i < grid->count; i++) {
        const struct summary_sum sum = summary_sum(grid->report, scenario, grid->detectors[i]);
        unsigned alarms = grid->false_widths[i];
        styled_repeat(styled, " ", grid->gap);
        coloured(styled, colour_of(&sum), summary_seen(&sum, value), grid->widths[i] - (alarms ? alarms + 1 : 0));
        if (!alarms)
            continue;
        styled_text(styled, " ");
        coloured(styled, STYLE_RED, summary_false(&sum, value), alarms);
    }
    styled_text(styled, "\n");
}

static bool is_nothing(const char *value)
{
    return *value == '0' && (value[1] == '\0' || value[1] == '/');
}

static void total_value(struct styled *styled, const struct summary_total *total, const struct summary_sum *sum,
                        unsigned width)
{
    char value[SUMMARY_VALUE];
    total->value(sum, value);
    coloured(styled, is_nothing(value) ? STYLE_DIM : total->alarming ? STYLE_RED : STYLE_BOLD, value, width);
}

static void total_lines(struct styled *styled, const struct grid *grid)
{
    for (size_t i = 0; i < SUMMARY_TOTALS; i++) {
        styled_text(styled, " ");
        styled_cell(styled, summary_totals[i].name, (int)grid->name_width, true);
        for (size_t j = 0; j < grid->count; j++) {
            const struct summary_sum sum = summary_sum(grid->report, NULL, grid->detectors[j]);
            styled_repeat(styled, " ", grid->gap);
            total_value(styled, &summary_totals[i], &sum, grid->widths[j]);
        }
        styled_text(styled, "\n");
    }
}

static void draw_grid(struct styled *styled, const struct grid *grid)
{
    headings(styled, grid);
    for (size_t i = BOARD_BEFORE_FIRST; board_scenario_next(grid->report->plan, &i);)
        scenario_line(styled, grid, grid->report->plan->cells[i].scenario);
    unsigned width = grid->name_width + 1;
    for (size_t i = 0; i < grid->count; i++)
        width += grid->widths[i] + grid->gap;
    styled_text(styled, " ");
    styled_repeat(styled, styled->style.utf8 ? "─" : "-", width - 1);
    styled_text(styled, "\n");
    total_lines(styled, grid);
    styled_wrapped(styled, 0, 0,
                   "Leaks seen of those that it had time to see, and behind \"!\" the false alarms. Healthy programs: "
                   "\"quiet\" without an alert, \"held\" with alerts only while a bounded hold lasted.");
}

/* ---- without room for that */

#define TOTAL_WIDTH 8 /* of a heading */

static unsigned total_width(const struct grid *grid)
{
    unsigned width = TOTAL_WIDTH;
    for (size_t i = 0; i < grid->count; i++) {
        const struct summary_sum sum = summary_sum(grid->report, NULL, grid->detectors[i]);
        for (size_t j = 0; j < SUMMARY_TOTALS; j++) {
            char value[SUMMARY_VALUE];
            summary_totals[j].value(&sum, value);
            width = larger(width, strlen(value));
        }
    }
    unsigned most = (STYLE_WIDTH_MIN - 2) / SUMMARY_TOTALS - 1;
    return width < most ? width : most;
}

static void detector_lines(struct styled *styled, const struct grid *grid)
{
    unsigned width = total_width(grid), name_width = styled->style.width - SUMMARY_TOTALS * (width + 1) - 1;
    for (int line = 0; line < 2; line++) {
        styled_repeat(styled, " ", name_width + 1);
        for (size_t i = 0; i < SUMMARY_TOTALS; i++) {
            styled_text(styled, " ");
            styled_cell(styled, line ? summary_totals[i].header : summary_totals[i].above, -(int)width, true);
        }
        styled_text(styled, "\n");
    }
    for (size_t i = 0; i < grid->count; i++) {
        const struct summary_sum sum = summary_sum(grid->report, NULL, grid->detectors[i]);
        styled_text(styled, " ");
        if (strlen(grid->detectors[i]) > name_width) {
            styled_cell(styled, grid->detectors[i], (int)styled->style.width - 1, false);
            styled_text(styled, "\n ");
        }
        styled_cell(styled, strlen(grid->detectors[i]) > name_width ? "" : grid->detectors[i], (int)name_width, true);
        for (size_t j = 0; j < SUMMARY_TOTALS; j++) {
            styled_text(styled, " ");
            total_value(styled, &summary_totals[j], &sum, width);
        }
        styled_text(styled, "\n");
    }
}

void summary_text(struct styled *styled, const struct ld_report *report)
{
    struct grid grid;
    bool fits = grid_make(&grid, styled, report, false) || grid_make(&grid, styled, report, true);
    if (grid.count == 0)
        return;
    styled_colour(styled, STYLE_BOLD);
    styled_text(styled, "At a glance");
    styled_colour(styled, STYLE_PLAIN);
    styled_text(styled, "\n");
    if (fits)
        draw_grid(styled, &grid);
    else
        detector_lines(styled, &grid);
    if (grid.left_out)
        styled_wrapped(styled, 0, 0, "More detectors are in the table above.");
    styled_text(styled, "\n");
}
