/* The board over all leaks, for terminals, Markdown and JSON. */
#include <string.h>

#include "reports/report.h"
#include "reports/standings.h"
#include "reports/style.h"

#define NAME_WIDTH 18
#define FAULT_WIDTH 14

/* ---- terminals */

/* Without its wide columns where it does not fit with them. */
static bool shows(const struct styled *styled, const struct standings_table *table,
                  const struct standings_column *column)
{
    unsigned width = NAME_WIDTH + 1;
    for (const struct standings_column *each = table->columns; each->value; each++)
        width += each->width;
    return !column->wide || width <= styled->style.width;
}

static bool has_above(const struct standings_table *table)
{
    bool any = false;
    for (const struct standings_column *column = table->columns; column->value; column++)
        any = any || *column->above;
    return any;
}

static void heading(struct styled *styled, const struct standings_table *table)
{
    styled_colour(styled, STYLE_BOLD);
    styled_printf(styled, "%s\n", table->title);
    styled_colour(styled, STYLE_PLAIN);
    for (int row = has_above(table) ? 0 : 1; row < 2; row++) {
        unsigned blanks = NAME_WIDTH + 1;
        for (const struct standings_column *column = table->columns; column->value; column++) {
            const char *text = row ? column->header : column->above;
            blanks += shows(styled, table, column) && !*text ? column->width : 0;
            if (!*text || !shows(styled, table, column))
                continue;
            styled_cell(styled, "", (int)blanks, true);
            styled_cell(styled, text, -(int)column->width, true);
            blanks = 0;
        }
        styled_text(styled, "\n");
    }
}

static void remark(struct styled *styled, const struct ld_standing *standing)
{
    char line[256];
    if (!*standings_remark(standing, line, sizeof line))
        return;
    styled_colour(styled, STYLE_DIM);
    styled_text(styled, "   ");
    styled_wrapped(styled, 3, 3, line);
    styled_colour(styled, STYLE_PLAIN);
}

static void rows(struct styled *styled, const struct ld_standings *standings, const struct standings_table *table)
{
    char value[STANDINGS_VALUE];
    for (size_t i = 0; i < standings->detector_count; i++) {
        const struct ld_standing *standing = ld_standing_of(standings, 0, i);
        styled_text(styled, " ");
        styled_cell(styled, standing->detector, NAME_WIDTH, true);
        for (const struct standings_column *column = table->columns; column->value; column++) {
            column->value(standing, value);
            if (shows(styled, table, column))
                styled_cell(styled, value, -(int)column->width, true);
        }
        styled_text(styled, "\n");
        if (table == standings_tables)
            remark(styled, standing);
    }
    styled_text(styled, "\n");
}

/* Fault cases `from` to `to`, as many as fit beside each other. */
static void some_faults(struct styled *styled, const struct ld_standings *standings, size_t from, size_t to)
{
    char value[STANDINGS_VALUE];
    styled_cell(styled, "", NAME_WIDTH + 1, true);
    for (size_t i = from; i < to; i++) {
        styled_text(styled, " ");
        styled_cell(styled, standings->groups[i], 1 - FAULT_WIDTH, true);
    }
    styled_text(styled, "\n");
    for (size_t k = 0; k < standings->detector_count; k++) {
        styled_text(styled, " ");
        styled_cell(styled, ld_standing_of(standings, 0, k)->detector, NAME_WIDTH, true);
        for (size_t i = from; i < to; i++)
            styled_cell(styled, standings_by_fault(ld_standing_of(standings, i, k), value), -FAULT_WIDTH, true);
        styled_text(styled, "\n");
    }
    styled_text(styled, "\n");
}

static void by_fault(struct styled *styled, const struct ld_standings *standings)
{
    size_t fit = (styled->style.width - NAME_WIDTH - 1) / FAULT_WIDTH, count = standings->group_count;
    styled_colour(styled, STYLE_BOLD);
    styled_text(styled, "By fault: leaks seen, and behind \"!\" false alarms of either kind\n");
    styled_colour(styled, STYLE_PLAIN);
    for (size_t from = 1; from < count; from += fit)
        some_faults(styled, standings, from, from + fit < count ? from + fit : count);
}

int ld_report_standings(const struct ld_standings *standings, const struct ld_text_style *style, struct ld_buffer *out)
{
    struct styled styled;
    char about[STANDINGS_TITLE];
    styled_begin(&styled, style, out);
    styled_colour(&styled, STYLE_BOLD);
    styled_text(&styled, "The board\n");
    styled_colour(&styled, STYLE_PLAIN);
    styled_wrapped(&styled, 0, 0, standings_about(standings, about));
    styled_text(&styled, "\n");
    for (size_t i = 0; i < STANDINGS_TABLES; i++) {
        if (!standings_has_table(standings, &standings_tables[i]))
            continue;
        heading(&styled, &standings_tables[i]);
        rows(&styled, standings, &standings_tables[i]);
    }
    if (standings->group_count > 2)
        by_fault(&styled, standings);
    styled_wrapped(&styled, 0, 0, standings_words);
    return styled.code;
}

/* ---- Markdown */

/* Detectors and fault cases have names of letters, digits and dashes; nothing in them is Markdown's. */
static int markdown_table(const struct ld_standings *standings, const struct standings_table *table,
                          struct ld_buffer *out)
{
    char value[STANDINGS_VALUE], line[256];
    int code = ld_buffer_printf(out, "#### %s\n\n| detector |", table->title);
    for (const struct standings_column *column = table->columns; column->value && !code; column++)
        code = ld_buffer_printf(out, " %s |", column->name);
    if (!code)
        code = ld_buffer_add_text(out, "\n| --- |");
    for (const struct standings_column *column = table->columns; column->value && !code; column++)
        code = ld_buffer_add_text(out, " ---: |");
    for (size_t i = 0; i < standings->detector_count && !code; i++) {
        const struct ld_standing *standing = ld_standing_of(standings, 0, i);
        code = ld_buffer_printf(out, "\n| `%s`", standing->detector);
        if (!code && table == standings_tables && *standings_remark(standing, line, sizeof line))
            code = ld_buffer_printf(out, " %s", line);
        if (!code)
            code = ld_buffer_add_text(out, " |");
        for (const struct standings_column *column = table->columns; column->value && !code; column++) {
            column->value(standing, value);
            code = ld_buffer_printf(out, " %s |", value);
        }
    }
    return code ? code : ld_buffer_add_text(out, "\n\n");
}

static int markdown_by_fault(const struct ld_standings *standings, struct ld_buffer *out)
{
    char value[STANDINGS_VALUE];
    int code = ld_buffer_add_text(out, "#### By fault\n\n| detector |");
    for (size_t i = 1; i < standings->group_count && !code; i++)
        code = ld_buffer_printf(out, " %s |", standings->groups[i]);
    if (!code)
        code = ld_buffer_add_text(out, "\n| --- |");
    for (size_t i = 1; i < standings->group_count && !code; i++)
        code = ld_buffer_add_text(out, " ---: |");
    for (size_t k = 0; k < standings->detector_count && !code; k++) {
        code = ld_buffer_printf(out, "\n| `%s` |", ld_standing_of(standings, 0, k)->detector);
        for (size_t i = 1; i < standings->group_count && !code; i++)
            code = ld_buffer_printf(out, " %s |", standings_by_fault(ld_standing_of(standings, i, k), value));
    }
    return code ? code : ld_buffer_add_text(out, "\n\nBehind \"!\": false alarms of either kind.\n\n");
}

int ld_report_standings_markdown(const struct ld_standings *standings, struct ld_buffer *out)
{
    char about[STANDINGS_TITLE];
    int code = ld_buffer_printf(out, "### The board\n\n%s.\n\n", standings_about(standings, about));
    for (size_t i = 0; i < STANDINGS_TABLES && !code; i++)
        if (standings_has_table(standings, &standings_tables[i]))
            code = markdown_table(standings, &standings_tables[i], out);
    if (!code && standings->group_count > 2)
        code = markdown_by_fault(standings, out);
    return code ? code : ld_buffer_printf(out, "%s\n\n", standings_words);
}

/* ---- JSON */

int ld_report_standings_json(const struct ld_standings *standings, struct ld_buffer *out)
{
    return style_json(standings_json(standings), out);
}
