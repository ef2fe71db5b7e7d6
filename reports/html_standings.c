/* The board over all leaks on the page. */
#include "reports/html.h"
#include "reports/standings.h"

static void head(struct html *html, const struct standings_table *table)
{
    html_raw(html, "<thead><tr><th scope=\"col\">detector</th>");
    for (const struct standings_column *column = table->columns; column->value; column++) {
        html_raw(html, "<th scope=\"col\" class=\"number\" title=\"");
        html_text(html, column->doc);
        html_raw(html, "\">");
        html_text(html, column->name);
        html_raw(html, "</th>");
    }
    html_raw(html, "</tr></thead>\n<tbody>\n");
}

static void row(struct html *html, const struct ld_standing *standing, const struct standings_table *table)
{
    char value[STANDINGS_VALUE], line[256];
    html_raw(html, "<tr><th scope=\"row\">");
    html_text(html, standing->detector);
    if (table == standings_tables && *standings_remark(standing, line, sizeof line)) {
        html_raw(html, " <span class=\"dim\">");
        html_text(html, line);
        html_raw(html, "</span>");
    }
    html_raw(html, "</th>");
    for (const struct standings_column *column = table->columns; column->value; column++) {
        column->value(standing, value);
        html_raw(html, "<td class=\"number\">");
        html_text(html, value);
        html_raw(html, "</td>");
    }
    html_raw(html, "</tr>\n");
}

static void by_fault(struct html *html, const struct ld_standings *standings)
{
    char value[STANDINGS_VALUE];
    html_raw(html, "<h3>By fault</h3>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"By fault\">"
                   "<table class=\"standing\"><thead><tr><th scope=\"col\">detector</th>");
    for (size_t i = 1; i < standings->group_count; i++) {
        html_raw(html, "<th scope=\"col\" class=\"number\">");
        html_text(html, standings->groups[i]);
        html_raw(html, "</th>");
    }
    html_raw(html, "</tr></thead>\n<tbody>\n");
    for (size_t k = 0; k < standings->detector_count; k++) {
        html_raw(html, "<tr><th scope=\"row\">");
        html_text(html, ld_standing_of(standings, 0, k)->detector);
        html_raw(html, "</th>");
        for (size_t i = 1; i < standings->group_count; i++)
            html_printf(html, "<td class=\"number\">%s</td>",
                        standings_by_fault(ld_standing_of(standings, i, k), value));
        html_raw(html, "</tr>\n");
    }
    html_raw(html, "</tbody></table></div>\n");
}

void html_standings(struct html *html, const struct ld_standings *standings)
{
    char about[STANDINGS_TITLE];
    html_raw(html, "<section aria-labelledby=\"standings\">\n<h2 id=\"standings\">Over all leaks</h2>\n<p>");
    html_text(html, standings_about(standings, about));
    html_raw(html, ".</p>\n");
    for (size_t i = 0; i < STANDINGS_TABLES; i++) {
        const struct standings_table *table = &standings_tables[i];
        if (!standings_has_table(standings, table))
            continue;
        html_printf(html,
                    "<h3>%s</h3>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"%s\">"
                    "<table class=\"standing\">",
                    table->title, table->title);
        head(html, table);
        for (size_t k = 0; k < standings->detector_count; k++)
            row(html, ld_standing_of(standings, 0, k), table);
        html_raw(html, "</tbody></table></div>\n");
    }
    if (standings->group_count > 2)
        by_fault(html, standings);
    html_raw(html, "<p class=\"dim\">");
    html_text(html, standings_words);
    html_raw(html, "</p>\n</section>\n");
}
