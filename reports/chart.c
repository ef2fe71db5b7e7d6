#include "reports/chart.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define CHART_HEIGHT 110 /* pixels */
#define TABLE_ROWS_MAX 240
#define TABLE_CELLS_MAX 4000 /* of one run's table: wider ones have fewer rows */
#define LINE_METRICS 2

enum scale { SCALE_COUNT, SCALE_BYTES, SCALE_SECONDS };
static const struct {
    const char *unit;
    double divisor; /* from the metric's unit to the shown one */
} scales[] = {[SCALE_COUNT] = {"", 1}, [SCALE_BYTES] = {"MiB", 1024.0 * 1024.0}, [SCALE_SECONDS] = {"ms", 1e-3}};

static const struct chart {
    const char *title;
    enum scale scale;
    struct {
        enum ld_metric metric;
        const char *name; /* of the line, "" when it is the only one */
    } lines[LINE_METRICS];
    size_t line_count;
    bool first_only; /* the second line is a substitute for the first */
} charts[] = {
    {"Goroutines", SCALE_COUNT, {{LD_METRIC_GOROUTINES, ""}, {LD_METRIC_PROFILE_GOROUTINES, "by profile"}}, 2, true},
    {"Resident memory", SCALE_BYTES, {{LD_METRIC_RSS, ""}}, 1, false},
    {"Heap in use", SCALE_BYTES, {{LD_METRIC_HEAP_INUSE, ""}}, 1, false},
    {"Open files", SCALE_COUNT, {{LD_METRIC_DESCRIPTORS, ""}}, 1, false},
    {"Latency of requests",
     SCALE_SECONDS,
     {{LD_METRIC_LATENCY_P50, "median"}, {LD_METRIC_LATENCY_P99, "p99"}},
     2,
     false},
};
#define CHARTS (sizeof charts / sizeof *charts)

struct line {
    const struct ld_stored_series *series;
    size_t rank; /* which of the chart's metrics */
    const char *name;
};

size_t chart_metrics(enum ld_metric metrics[LD_METRIC_COUNT])
{
    size_t count = 0;
    for (size_t i = 0; i < CHARTS; i++)
        for (size_t j = 0; j < charts[i].line_count; j++)
            metrics[count++] = charts[i].lines[j].metric;
    return count;
}

int64_t chart_end_ns(const struct ld_report_run_detail *detail)
{
    int64_t end_ns = detail->stored.end.ended_ns;
    if (detail->record->observed_to_ns > end_ns)
        end_ns = detail->record->observed_to_ns;
    return end_ns > LD_MS ? end_ns : LD_MS;
}

double chart_percent(int64_t time_ns, int64_t end_ns)
{
    double percent = 100.0 * (double)time_ns / (double)end_ns;
    return percent < 0 ? 0 : percent > 100 ? 100 : percent;
}

/* The lines of a chart; a substitute only where there is nothing better. */
static size_t find_lines(const struct chart *chart, const struct ld_report_run_detail *detail,
                         struct line lines[LD_REPORT_LINES_MAX], size_t *ret_left_out)
{
    size_t count = 0;
    *ret_left_out = 0;
    for (size_t rank = 0; rank < chart->line_count && !(chart->first_only && count); rank++) {
        for (size_t i = 0; i < detail->series_count; i++) {
            if (detail->series[i].metric != chart->lines[rank].metric || detail->series[i].count == 0)
                continue;
            if (count < LD_REPORT_LINES_MAX)
                lines[count++] = (struct line){&detail->series[i], rank, chart->lines[rank].name};
            else
                ++*ret_left_out;
        }
    }
    return count;
}

/* ---- scales */

/* The least of 1, 2, 5 and 10 times a power of ten that is not below `value`. */
static double round_up(double value)
{
    static const double steps[] = {1, 2, 5, 10};
    if (!(value > 0))
        return 1;
    double power = pow(10, floor(log10(value)));
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (steps[i] * power >= value * (1 - 1e-9))
            return steps[i] * power;
    }
    return 10 * power;
}

static double most_of(const struct line *lines, size_t count)
{
    double most = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < lines[i].series->count; j++)
            most = fmax(most, lines[i].series->samples[j].value);
    return most;
}

void chart_time_axis(struct html *html, int64_t end_ns, int height)
{
    double seconds = (double)end_ns / (double)LD_SECOND, step = round_up(seconds / 8);
    for (int i = 0; i * step <= seconds; i++) {
        double percent = 100 * i * step / seconds;
        html_printf(html, "<line class=\"grid\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"0\" y2=\"%d\"/>", percent, percent,
                    height);
        html_printf(html, "<text class=\"tick\" x=\"%.2f%%\" y=\"%d\" text-anchor=\"middle\">%g s</text>", percent,
                    height + 14, i * step);
    }
}

static void value_axis(struct html *html, double top)
{
    for (int i = 0; i <= 2; i++) {
        double y = CHART_HEIGHT - CHART_HEIGHT * i / 2.0;
        html_printf(html, "<line class=\"grid\" x1=\"0\" x2=\"100%%\" y1=\"%g\" y2=\"%g\"/>", y, y);
        html_printf(html, "<text class=\"tick\" x=\"-6\" y=\"%g\" text-anchor=\"end\">%g</text>", y + 4, top * i / 2);
    }
}

/* ---- SVG */

static void shade(struct html *html, const char *class, int64_t from_ns, int64_t to_ns, int64_t end_ns)
{
    double from = chart_percent(from_ns, end_ns), to = chart_percent(to_ns, end_ns);
    html_printf(html, "<rect class=\"%s\" x=\"%.2f%%\" y=\"0\" width=\"%.2f%%\" height=\"%d\"/>", class, from,
                to - from, CHART_HEIGHT);
}

/* Faults, and the leaks from their manifestation on. */
static void shades(struct html *html, const struct ld_report_run_detail *detail, int64_t end_ns)
{
    for (size_t i = 0; i < detail->fault_count; i++) {
        if (detail->faults[i].began_ns >= 0)
            shade(html, "fault", detail->faults[i].began_ns, detail->faults[i].ended_ns, end_ns);
    }
    const struct ld_truth *truth = detail->record->truth;
    for (size_t i = 0; truth && i < truth->interval_count; i++) {
        if (!truth->intervals[i].hold && truth->intervals[i].manifest_ns >= 0)
            shade(html, "leak", truth->intervals[i].manifest_ns, truth->intervals[i].end_ns, end_ns);
    }
}

static void polyline(struct html *html, const struct line *line, double divisor, double top, int64_t end_ns)
{
    html_printf(html, "<polyline class=\"line l%zu%s\" points=\"", (size_t)line->series->instance % 6,
                line->rank ? " second" : "");
    for (size_t i = 0; i < line->series->count; i++) {
        const struct ld_stored_sample *sample = &line->series->samples[i];
        html_printf(html, "%s%.1f,%.1f", i ? " " : "", 10 * chart_percent(sample->time_ns, end_ns),
                    100 - 100 * sample->value / divisor / top);
    }
    html_raw(html, "\"/>");
}

static void svg(struct html *html, const struct chart *chart, const struct ld_report_run_detail *detail,
                const struct line *lines, size_t count)
{
    int64_t end_ns = chart_end_ns(detail);
    double divisor = scales[chart->scale].divisor, most = most_of(lines, count) / divisor, top = round_up(most);
    html_printf(html, "<svg class=\"plot\" role=\"img\" height=\"%d\"><title>%s of run %u</title><desc>",
                CHART_HEIGHT + 20, chart->title, detail->record->run);
    html_printf(html, "%zu line%s over %.3g seconds; at most %.4g %s.</desc>", count, count == 1 ? "" : "s",
                (double)end_ns / (double)LD_SECOND, most, scales[chart->scale].unit);
    shades(html, detail, end_ns);
    value_axis(html, top);
    chart_time_axis(html, end_ns, CHART_HEIGHT);
    html_printf(html, "<svg width=\"100%%\" height=\"%d\" viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\">",
                CHART_HEIGHT);
    for (size_t i = 0; i < count; i++)
        polyline(html, &lines[i], divisor, top, end_ns);
    html_raw(html, "</svg></svg>");
}

/* ---- data for uPlot: numbers and our own words only, so that nothing in it needs escaping */

/* "median, instance 1, life 2", as far as it is needed to tell lines apart. */
static void line_name(struct html *html, const struct line *line, const struct line *lines, size_t count)
{
    bool instances = false, lives = false;
    for (size_t i = 0; i < count; i++) {
        instances = instances || lines[i].series->instance != line->series->instance;
        lives = lives || lines[i].series->incarnation != line->series->incarnation;
    }
    html_raw(html, line->name);
    const char *before = *line->name ? ", " : "";
    if (instances) {
        html_printf(html, "%sinstance %u", before, line->series->instance);
        before = ", ";
    }
    if (lives)
        html_printf(html, "%slife %u", before, line->series->incarnation);
    else if (!instances && !*line->name)
        html_raw(html, "value");
}

static void line_data(struct html *html, const struct line *line, const struct line *lines, size_t count,
                      double divisor)
{
    html_raw(html, "{\"name\":\"");
    line_name(html, line, lines, count);
    html_printf(html, "\",\"colour\":%zu,\"second\":%s,\"times\":[", (size_t)line->series->instance % 6,
                line->rank ? "true" : "false");
    for (size_t i = 0; i < line->series->count; i++)
        html_printf(html, "%s%.3f", i ? "," : "", (double)line->series->samples[i].time_ns / (double)LD_SECOND);
    html_raw(html, "],\"values\":[");
    for (size_t i = 0; i < line->series->count; i++)
        html_printf(html, "%s%.6g", i ? "," : "", line->series->samples[i].value / divisor);
    html_raw(html, "]}");
}

static void span_data(struct html *html, bool *first, int64_t from_ns, int64_t to_ns)
{
    html_printf(html, "%s[%.3f,%.3f]", *first ? "" : ",", (double)from_ns / (double)LD_SECOND,
                (double)to_ns / (double)LD_SECOND);
    *first = false;
}

static void data(struct html *html, const struct chart *chart, const struct ld_report_run_detail *detail,
                 const struct line *lines, size_t count)
{
    const struct ld_truth *truth = detail->record->truth;
    bool first = true;
    html_printf(html, "<script type=\"application/json\">{\"end\":%.3f,\"top\":%g,\"unit\":\"%s\",\"faults\":[",
                (double)chart_end_ns(detail) / (double)LD_SECOND,
                round_up(most_of(lines, count) / scales[chart->scale].divisor), scales[chart->scale].unit);
    for (size_t i = 0; i < detail->fault_count; i++) {
        if (detail->faults[i].began_ns >= 0)
            span_data(html, &first, detail->faults[i].began_ns, detail->faults[i].ended_ns);
    }
    html_raw(html, "],\"leaks\":[");
    first = true;
    for (size_t i = 0; truth && i < truth->interval_count; i++) {
        if (!truth->intervals[i].hold && truth->intervals[i].manifest_ns >= 0)
            span_data(html, &first, truth->intervals[i].manifest_ns, truth->intervals[i].end_ns);
    }
    html_raw(html, "],\"lines\":[");
    for (size_t i = 0; i < count; i++) {
        html_raw(html, i ? "," : "");
        line_data(html, &lines[i], lines, count, scales[chart->scale].divisor);
    }
    html_raw(html, "]}</script>");
}

void chart_all(struct html *html, const struct ld_report_run_detail *detail)
{
    for (size_t i = 0; i < CHARTS; i++) {
        struct line lines[LD_REPORT_LINES_MAX];
        size_t left_out, count = find_lines(&charts[i], detail, lines, &left_out);
        if (count == 0)
            continue;
        html_printf(html, "<figure class=\"chart\" data-chart><figcaption><b>%s</b>", charts[i].title);
        if (*scales[charts[i].scale].unit)
            html_printf(html, ", %s", scales[charts[i].scale].unit);
        if (charts[i].line_count > 1 && !charts[i].first_only)
            html_raw(html, " <span class=\"dim\">(median, and p99 dashed)</span>");
        if (left_out)
            html_printf(html, " <span class=\"dim\">(%zu more lines are in the database)</span>", left_out);
        html_raw(html, "</figcaption>");
        svg(html, &charts[i], detail, lines, count);
        data(html, &charts[i], detail, lines, count);
        html_raw(html, "</figure>\n");
    }
}

/* ---- the table */

struct column {
    const struct chart *chart;
    struct line line;
    size_t at; /* the next sample */
};

static int by_time(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return a < b ? -1 : a > b;
}

static size_t collect_times(const struct column *columns, size_t column_count, int64_t **ret_times)
{
    size_t count = 0, kept = 0;
    for (size_t i = 0; i < column_count; i++)
        count += columns[i].line.series->count;
    int64_t *times = calloc(count + 1, sizeof *times);
    if (!times)
        return 0;
    count = 0;
    for (size_t i = 0; i < column_count; i++)
        for (size_t j = 0; j < columns[i].line.series->count; j++)
            times[count++] = columns[i].line.series->samples[j].time_ns;
    qsort(times, count, sizeof *times, by_time);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || times[kept - 1] != times[i])
            times[kept++] = times[i];
    *ret_times = times;
    return kept;
}

static void table_head(struct html *html, const struct column *columns, size_t column_count)
{
    html_raw(html, "<thead><tr><th scope=\"col\">seconds</th>");
    for (size_t i = 0; i < column_count; i++) {
        struct line same[LD_REPORT_LINES_MAX];
        size_t count = 0;
        for (size_t j = 0; j < column_count; j++)
            if (columns[j].chart == columns[i].chart && count < LD_REPORT_LINES_MAX)
                same[count++] = columns[j].line;
        const char *unit = scales[columns[i].chart->scale].unit;
        html_printf(html, "<th scope=\"col\">%s%s%s", columns[i].chart->title, *unit ? ", " : "", unit);
        if (count > 1) {
            html_raw(html, ", ");
            line_name(html, &columns[i].line, same, count);
        }
        html_raw(html, "</th>");
    }
    html_raw(html, "</tr></thead>");
}

static void table_row(struct html *html, struct column *columns, size_t column_count, int64_t time_ns, bool shown)
{
    if (shown)
        html_printf(html, "<tr><th scope=\"row\">%.3f</th>", (double)time_ns / (double)LD_SECOND);
    for (size_t i = 0; i < column_count; i++) {
        const struct ld_stored_series *series = columns[i].line.series;
        bool here = columns[i].at < series->count && series->samples[columns[i].at].time_ns == time_ns;
        if (shown && here)
            html_printf(html, "<td>%.4g</td>",
                        series->samples[columns[i].at].value / scales[columns[i].chart->scale].divisor);
        else if (shown)
            html_raw(html, "<td></td>");
        columns[i].at += here;
    }
    if (shown)
        html_raw(html, "</tr>\n");
}

void chart_table(struct html *html, const struct ld_report_run_detail *detail)
{
    struct column columns[CHARTS * LD_REPORT_LINES_MAX];
    size_t column_count = 0;
    int64_t *times = NULL;
    for (size_t i = 0; i < CHARTS; i++) {
        struct line lines[LD_REPORT_LINES_MAX];
        size_t left_out, count = find_lines(&charts[i], detail, lines, &left_out);
        for (size_t j = 0; j < count; j++)
            columns[column_count++] = (struct column){&charts[i], lines[j], 0};
    }
    if (column_count == 0)
        return;
    size_t count = collect_times(columns, column_count, &times), most = TABLE_CELLS_MAX / column_count;
    if (!times) {
        html->code = html->code ? html->code : LD_ENOMEM;
        return;
    }
    most = most > TABLE_ROWS_MAX ? TABLE_ROWS_MAX : most;
    size_t step = (count + most - 1) / most;
    html_printf(html,
                "<details><summary>The numbers%s</summary><div class=\"scroll\" tabindex=\"0\" role=\"region\" "
                "aria-label=\"Numbers of run %u\"><table class=\"numbers\">",
                step > 1 ? ", thinned" : "", detail->record->run);
    table_head(html, columns, column_count);
    html_raw(html, "<tbody>\n");
    for (size_t i = 0; i < count; i++)
        table_row(html, columns, column_count, times[i], i % step == 0);
    html_raw(html, "</tbody></table></div></details>\n");
    free(times);
}
