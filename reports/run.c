/* `show RUN`: what a run was, how many goroutines it had, and what happened when. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "reports/style.h"

#define SPARK_MAX STYLE_WIDTH_MAX
#define SPARK_MARGIN 24 /* label and range beside the sparkline */

static bool is_kind(const struct ld_timeline_row *row, const char *kind)
{
    return strcmp(row->kind, kind) == 0;
}

static size_t count_kind(const struct ld_timeline_row *rows, size_t count, const char *kind)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        found += is_kind(&rows[i], kind);
    return found;
}

static void header(struct styled *styled, const struct ld_stored_run *run, const struct ld_timeline_row *rows, size_t count)
{
    char line[1024], lasted[32], lag[32];
    snprintf(line, sizeof line, "run %u: %s", run->run, run->cell);
    styled_colour(styled, STYLE_BOLD);
    styled_cell(styled, line, (int)styled->style.width, false);
    styled_colour(styled, STYLE_PLAIN);
    styled_printf(styled, "\nseed %llu, repetition %u, rate %g, depth %lld\n", (unsigned long long)run->seed, run->repetition,
                  run->rate, (long long)run->depth);
    if (!run->ended) {
        styled_text(styled, "it never ended: nothing of it counts\n");
    } else {
        bool valid = run->end.validity == LD_VALID;
        ld_format_duration_short(run->end.observed_to_ns - run->end.observed_from_ns, lasted, sizeof lasted);
        ld_format_duration_short(run->end.lag_p99_ns, lag, sizeof lag);
        styled_colour(styled, valid ? STYLE_GREEN : STYLE_RED);
        styled_text(styled, valid ? "valid" : "no evidence");
        styled_colour(styled, STYLE_PLAIN);
        styled_printf(styled, ", observed %s, loop lag p99 %s\n", lasted, lag);
        if (!valid) {
            snprintf(line, sizeof line, "%s: %s", ld_validity_name(run->end.validity), run->end.reason ? run->end.reason : "");
            styled_wrapped(styled, 2, line);
        }
    }
    styled_printf(styled, "%zu truth events, %zu alerts, %zu fault events, %zu failed reads\n",
                  count_kind(rows, count, "truth"), count_kind(rows, count, "alert"), count_kind(rows, count, "fault"),
                  count_kind(rows, count, "read"));
}

/* The last count at or before each of `cells` equal steps over [from, to]; -1 before the first. */
static void fill_spark(long *values, unsigned cells, const struct ld_timeline_row *rows, size_t count, const char *who,
                       int64_t from_ns, int64_t to_ns)
{
    long last = -1;
    size_t at = 0;
    for (unsigned cell = 0; cell < cells; cell++) {
        double share = cells > 1 ? (double)cell / (double)(cells - 1) : 1;
        int64_t until_ns = from_ns + (int64_t)(share * (double)(to_ns - from_ns));
        for (; at < count && rows[at].time_ns <= until_ns; at++) {
            if (is_kind(&rows[at], "count") && strcmp(rows[at].who, who) == 0)
                last = strtol(rows[at].text, NULL, 10);
        }
        values[cell] = last;
    }
}

static void sparkline(struct styled *styled, const struct ld_timeline_row *rows, size_t count, const char *who)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const signs[] = {".", ":", "-", "=", "+", "*", "#", "@"};
    long values[SPARK_MAX], least = -1, most = -1;
    unsigned cells = styled->style.width - 2 * SPARK_MARGIN + SPARK_MARGIN / 2;
    fill_spark(values, cells, rows, count, who, rows[0].time_ns, rows[count - 1].time_ns);
    for (unsigned i = 0; i < cells; i++) {
        if (values[i] < 0)
            continue;
        least = least < 0 || values[i] < least ? values[i] : least;
        most = values[i] > most ? values[i] : most;
    }
    styled_cell(styled, who, SPARK_MARGIN / 2, true);
    for (unsigned i = 0; i < cells; i++) {
        long level = most > least && values[i] >= 0 ? (values[i] - least) * 7 / (most - least) : 0;
        styled_text(styled, values[i] < 0 ? " " : (styled->style.utf8 ? blocks : signs)[level]);
    }
    char range[48];
    snprintf(range, sizeof range, " %ld to %ld", least, most);
    styled_cell(styled, range, SPARK_MARGIN, false);
    styled_text(styled, "\n");
}

static void sparklines(struct styled *styled, const struct ld_timeline_row *rows, size_t count)
{
    if (!count_kind(rows, count, "count"))
        return;
    styled_text(styled, "goroutines\n");
    for (size_t i = 0; i < count; i++) {
        bool seen = !is_kind(&rows[i], "count");
        for (size_t j = 0; !seen && j < i; j++)
            seen = is_kind(&rows[j], "count") && strcmp(rows[j].who, rows[i].who) == 0;
        if (!seen)
            sparkline(styled, rows, count, rows[i].who);
    }
}

static enum style_colour colour_of(const struct ld_timeline_row *row)
{
    static const struct {
        const char *kind;
        enum style_colour colour;
    } colours[] = {{"phase", STYLE_BOLD}, {"truth", STYLE_YELLOW}, {"alert", STYLE_RED}, {"read", STYLE_DIM}};
    for (size_t i = 0; i < sizeof colours / sizeof *colours; i++) {
        if (is_kind(row, colours[i].kind))
            return colours[i].colour;
    }
    return STYLE_PLAIN;
}

/* Relative to the run's start; goroutines as last counted; kind; who; what. */
static void timeline(struct styled *styled, const struct ld_timeline_row *rows, size_t count)
{
    unsigned who_width = styled->style.width >= 100 ? 18 : 12;
    char goroutines[24] = "";
    styled_printf(styled, "%10s %6s  %-6s %-*s what\n", "time", "count", "kind", (int)who_width, "who");
    for (size_t i = 0; i < count; i++) {
        const struct ld_timeline_row *row = &rows[i];
        if (is_kind(row, "count")) {
            snprintf(goroutines, sizeof goroutines, "%ld", strtol(row->text, NULL, 10));
            continue;
        }
        styled_printf(styled, "%+9.3fs ", (double)row->time_ns / (double)LD_SECOND);
        styled_cell(styled, goroutines, -6, true);
        styled_text(styled, "  ");
        styled_colour(styled, colour_of(row));
        styled_cell(styled, row->kind, 6, true);
        styled_colour(styled, STYLE_PLAIN);
        styled_text(styled, " ");
        styled_cell(styled, row->who, (int)who_width, true);
        styled_text(styled, " ");
        styled_cell(styled, row->text, (int)(styled->style.width - who_width - 27), false);
        styled_text(styled, "\n");
    }
}

int ld_report_run(const struct ld_stored_run *run, const struct ld_timeline_row *rows, size_t count,
                  const struct ld_text_style *style, struct ld_buffer *out)
{
    struct styled styled;
    styled_begin(&styled, style, out);
    header(&styled, run, rows, count);
    if (count > 0) {
        sparklines(&styled, rows, count);
        styled_rule(&styled);
        timeline(&styled, rows, count);
    }
    return styled.code;
}
