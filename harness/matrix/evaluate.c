#include "matrix/evaluate.h"

#include <math.h>
#include <string.h>

#include "base/text.h"

#define QUARTERS 4

static int64_t scaled(int64_t written_ns, double time_scale)
{
    double ns = (double)written_ns / time_scale;
    return ns < 1 ? 1 : (int64_t)ns;
}

/* ---- facts */

/* The value at `time_ns`: that of the last point at or before it. The sampler leaves profiles out while the goroutine
 * count stands still, so between two points the old value held: nothing is interpolated. */
static double value_at(const struct ld_series *series, int64_t time_ns)
{
    double value = series->points[0].value;
    for (size_t i = 0; i < series->count && series->points[i].time_ns <= time_ns; i++)
        value = series->points[i].value;
    return value;
}

static bool in_quarter(const struct ld_sample_point *point, int64_t now_ns, int64_t window_ns, int quarter)
{
    return point->time_ns > now_ns - window_ns / QUARTERS * (QUARTERS - quarter + 1) &&
           point->time_ns <= now_ns - window_ns / QUARTERS * (QUARTERS - quarter);
}

/* Does every quarter hold a point of its own? Over a gap that swallows one, nothing can be said of quarters. */
static bool quarters_seen(const struct ld_series *series, int64_t now_ns, int64_t window_ns)
{
    int seen = 0;
    for (int quarter = 1; quarter <= QUARTERS; quarter++) {
        size_t i = 0;
        while (i < series->count && !in_quarter(&series->points[i], now_ns, window_ns, quarter))
            i++;
        seen += i < series->count;
    }
    return seen == QUARTERS;
}

/* A quarter counts when it gained at least half of its even share of the whole growth: the trembling of a plateau
 * before or behind a ramp is no growth. */
static double persistence(const struct ld_series *series, int64_t now_ns, int64_t window_ns)
{
    int gained = 0;
    double before = value_at(series, now_ns - window_ns);
    double enough = (value_at(series, now_ns) - before) / (2 * QUARTERS);
    for (int quarter = 1; quarter <= QUARTERS; quarter++) {
        double after = value_at(series, now_ns - window_ns / QUARTERS * (QUARTERS - quarter));
        gained += after > before && after - before >= enough;
        before = after;
    }
    return (double)gained / QUARTERS;
}

/* The least value of a quarter, 1 to 4, that holds a point. */
static double floor_of(const struct ld_series *series, int64_t now_ns, int64_t window_ns, int quarter)
{
    double least = INFINITY;
    for (size_t i = 0; i < series->count; i++) {
        const struct ld_sample_point *point = &series->points[i];
        if (in_quarter(point, now_ns, window_ns, quarter) && point->value < least)
            least = point->value;
    }
    return least;
}

static double floor_growth(const struct ld_series *series, int64_t now_ns, int64_t window_ns)
{
    return floor_of(series, now_ns, window_ns, QUARTERS) - floor_of(series, now_ns, window_ns, 1);
}

/* Three eighths of the growth have to be spread over all three steps: a plateau, old or new, is no step. */
static double floor_persistence(const struct ld_series *series, int64_t now_ns, int64_t window_ns)
{
    int gained = 0;
    double before = floor_of(series, now_ns, window_ns, 1);
    double enough = floor_growth(series, now_ns, window_ns) / (2 * QUARTERS);
    for (int quarter = 2; quarter <= QUARTERS; quarter++) {
        double after = floor_of(series, now_ns, window_ns, quarter);
        gained += after > before && after - before >= enough;
        before = after;
    }
    return (double)gained / (QUARTERS - 1);
}

static bool of_quarters(enum ld_column_fact fact)
{
    return fact == LD_FACT_PERSISTENCE || fact == LD_FACT_FLOOR_GROWTH || fact == LD_FACT_FLOOR_PERSISTENCE;
}

/* `least`: of a newest value with a window, the least in it (for lower bounds), else the greatest. */
static bool series_fact(const struct ld_series *series, const struct ld_cell *cell, const struct ld_look *look,
                        bool least, double *ret_value)
{
    if (!series->count)
        return false;
    if (!cell->over_ns) {
        *ret_value = series->points[series->count - 1].value;
        return true;
    }
    int64_t window_ns = scaled(cell->over_ns, look->time_scale);
    struct ld_window_facts facts;
    if (!ld_series_window(series, look->now_ns, window_ns, &facts) ||
        (of_quarters(cell->column->fact) && !quarters_seen(series, look->now_ns, window_ns)))
        return false;
    /* Rates of the schedule as written: a run that is scaled goes through it faster. Shares of a core do not scale. */
    double scale = cell->column->unit == LD_COLUMN_SHARE ? 1 : look->time_scale;
    switch (cell->column->fact) {
    case LD_FACT_LAST:
        *ret_value = least ? facts.minimum : facts.maximum;
        return true;
    case LD_FACT_GROWTH:
    case LD_FACT_PART:
        *ret_value = facts.growth;
        return true;
    case LD_FACT_SLOPE:
        *ret_value = facts.slope_per_second / scale;
        return true;
    case LD_FACT_RATE:
        *ret_value = facts.growth / ((double)window_ns / 1e9) / scale;
        return true;
    case LD_FACT_RISING:
        *ret_value = facts.rising_share;
        return true;
    case LD_FACT_FALLING:
        *ret_value = facts.falling_share;
        return true;
    case LD_FACT_PERSISTENCE:
        *ret_value = persistence(series, look->now_ns, window_ns);
        return true;
    case LD_FACT_FLOOR_GROWTH:
        *ret_value = floor_growth(series, look->now_ns, window_ns);
        return true;
    case LD_FACT_FLOOR_PERSISTENCE:
        *ret_value = floor_persistence(series, look->now_ns, window_ns);
        return true;
    default:
        return false;
    }
}

/* A site that no profile within the horizon showed: none were there, as far back as profiles were read. */
static bool absent_fact(const struct ld_cell *cell, const struct ld_look *look, double *ret_value)
{
    double ignored;
    if (!look->life->profiles_begun || !series_fact(&look->life->totals, cell, look, true, &ignored))
        return false;
    *ret_value = 0;
    return true;
}

static bool site_fact(const struct ld_cell *cell, const struct ld_look *look, bool least, double *ret_value)
{
    const struct ld_site_series *site = cell->at ? ld_life_site(look->life, cell->at, cell->at_wait) : look->site;
    if (!site)
        return absent_fact(cell, look, ret_value);
    if (!series_fact(&site->counts, cell, look, least, ret_value))
        return false;
    if (cell->column->series != LD_SERIES_SITE_SHARE)
        return true;
    const struct ld_series *totals = &look->life->totals;
    double total = totals->points[totals->count - 1].value;
    if (total <= 0)
        return false;
    *ret_value /= total;
    return true;
}

static bool metric_fact(const struct ld_cell *cell, const struct ld_look *look, bool least, double *ret_value)
{
    const struct ld_life_record *life = look->life;
    if (!life->metric_begun[cell->column->metric] ||
        !series_fact(&life->metrics[cell->column->metric], cell, look, least, ret_value))
        return false;
    if (cell->column->fact != LD_FACT_PART)
        return true;
    double whole;
    if (!life->metric_begun[cell->column->whole] ||
        !series_fact(&life->metrics[cell->column->whole], cell, look, least, &whole) || whole <= 0)
        return false;
    *ret_value /= whole;
    return true;
}

static bool leaked_fact(const struct ld_look *look, double *ret_value)
{
    if (!look->life->has_leaks || !look->site)
        return false;
    *ret_value = (double)ld_site_counts_get(&look->life->leaks, look->site->site);
    return true;
}

/* False when nothing can be said. */
static bool cell_value(const struct ld_cell *cell, const struct ld_look *look, bool least, double *ret_value)
{
    switch (cell->column->series) {
    case LD_SERIES_NONE:
        return leaked_fact(look, ret_value);
    case LD_SERIES_SITE:
    case LD_SERIES_SITE_SHARE:
        return site_fact(cell, look, least, ret_value);
    case LD_SERIES_CONNECTIONS:
        return look->life->profiles_begun && series_fact(&look->life->connections, cell, look, least, ret_value);
    case LD_SERIES_SANITIZER:
        *ret_value = cell->column->fact == LD_FACT_FRAMES ? look->life->report.frames : look->life->report.count;
        return true;
    case LD_SERIES_METRIC:
        return metric_fact(cell, look, least, ret_value);
    }
    return false;
}

/* ---- cells and rows */

static const char *cell_name(const struct ld_cell *cell, const struct ld_look *look)
{
    if (cell->column->fact == LD_FACT_REPORT)
        return look->life->report.what;
    if (!look->site)
        return "";
    if (cell->column->fact == LD_FACT_NAME)
        return look->site->site;
    if (cell->column->fact == LD_FACT_WAIT)
        return ld_wait_name(look->site->wait);
    return ld_function_kinds[look->site->kind];
}

static bool name_holds(const struct ld_cell *cell, const struct ld_look *look)
{
    const char *name = cell_name(cell, look);
    for (size_t i = 0; i < cell->name_count; i++)
        if (strcmp(cell->names[i], name) == 0)
            return !cell->negated;
    return cell->negated;
}

static bool number_holds(const struct ld_cell *cell, const struct ld_look *look)
{
    double least, greatest;
    if (!cell_value(cell, look, true, &least) || !cell_value(cell, look, false, &greatest))
        return false;
    const double *bounds = cell->bounds;
    return (!cell->bounded[LD_AT_LEAST] || least >= bounds[LD_AT_LEAST]) &&
           (!cell->bounded[LD_ABOVE] || least > bounds[LD_ABOVE]) &&
           (!cell->bounded[LD_AT_MOST] || greatest <= bounds[LD_AT_MOST]) &&
           (!cell->bounded[LD_BELOW] || greatest < bounds[LD_BELOW]);
}

bool ld_row_holds(const struct ld_row *row, const struct ld_look *look)
{
    /* Names first: they are cheap and rule most sites out. */
    for (size_t i = 0; i < row->when.count; i++) {
        const struct ld_cell *cell = ld_row_cell(row, i);
        if (cell->column->unit == LD_COLUMN_NAME && !name_holds(cell, look))
            return false;
    }
    for (size_t i = 0; i < row->when.count; i++) {
        const struct ld_cell *cell = ld_row_cell(row, i);
        if (cell->column->unit != LD_COLUMN_NAME && !number_holds(cell, look))
            return false;
    }
    return true;
}

/* ---- explanations */

static int print_cell(const struct ld_cell *cell, const struct ld_look *look, struct ld_buffer *out)
{
    double value;
    if (cell->column->fact == LD_FACT_REPORT)
        return ld_buffer_printf(out, "\"%s\" in %s", look->life->report.text, look->life->report.function);
    if (cell->column->unit == LD_COLUMN_NAME)
        return ld_buffer_add_text(out, cell_name(cell, look));
    if (!cell_value(cell, look, cell->bounded[LD_AT_LEAST] || cell->bounded[LD_ABOVE], &value))
        return ld_buffer_add_text(out, "unknown");
    return ld_column_print(cell->column->unit, value, out);
}

static int print_since(const struct ld_row *row, const struct ld_look *look, struct ld_buffer *out)
{
    char text[64];
    int64_t since_ns = look->now_ns - (row->window_ns ? scaled(row->window_ns, look->time_scale) : 0);
    return ld_buffer_printf(out, "%s", ld_format_duration_short(since_ns > 0 ? since_ns : 0, text, sizeof text));
}

static int print_placeholder(const struct ld_row *row, const struct ld_look *look, const char *name, size_t length,
                             struct ld_buffer *out)
{
    const struct ld_cell *cell = ld_row_placeholder(row, name, length);
    if (cell)
        return print_cell(cell, look, out);
    if (length == strlen("since") && memcmp(name, "since", length) == 0)
        return print_since(row, look, out);
    if (!look->site)
        return 0;
    bool wait = length == strlen("wait") && memcmp(name, "wait", length) == 0;
    return ld_buffer_add_text(out, wait ? ld_wait_name(look->site->wait) : look->site->site);
}

static int print_template(const struct ld_row *row, const struct ld_look *look, struct ld_buffer *out)
{
    for (const char *at = row->explain; *at;) {
        size_t plain = strcspn(at, "{");
        int code = ld_buffer_add(out, at, plain);
        at += plain;
        if (!code && at[0] == '{' && at[1] == '{') {
            code = ld_buffer_add_text(out, "{");
            at += 2;
        } else if (!code && at[0] == '{') {
            size_t length = strcspn(at + 1, "}"); /* lint saw to it that it is closed */
            code = print_placeholder(row, look, at + 1, length, out);
            at += length + 2;
        }
        if (code)
            return code;
    }
    return 0;
}

/* The window as the rules say it and, where the run is scaled, as it really was: every other time in
 * an alert is real. */
static int print_window(const struct ld_cell *cell, const struct ld_look *look, struct ld_buffer *out)
{
    char written[64], real[64];
    int64_t real_ns = scaled(cell->over_ns, look->time_scale);
    ld_format_duration(cell->over_ns, written, sizeof written);
    if (real_ns == cell->over_ns)
        return ld_buffer_printf(out, " over %s", written);
    return ld_buffer_printf(out, " over %s (%s as written)", ld_format_duration_short(real_ns, real, sizeof real),
                            written);
}

static int print_evidence(const struct ld_cell *cell, const struct ld_look *look, struct ld_buffer *out)
{
    int code = ld_buffer_printf(out, "%s ", cell->as ? cell->as : cell->column->name);
    if (!code)
        code = print_cell(cell, look, out);
    for (int i = 0; !code && i < LD_BOUNDS; i++) {
        static const char *const words[LD_BOUNDS] = {"at least", "at most", "above", "below"};
        if (!cell->bounded[i])
            continue;
        code = ld_buffer_printf(out, " (%s ", words[i]);
        if (!code)
            code = ld_column_print(cell->column->unit, cell->bounds[i], out);
        if (!code)
            code = ld_buffer_add_text(out, ")");
    }
    if (!code && cell->over_ns)
        code = print_window(cell, look, out);
    if (!code && cell->at)
        code = ld_buffer_printf(out, " at %s", cell->at);
    return code;
}

int ld_row_explain(const struct ld_row *row, const struct ld_look *look, struct ld_buffer *out)
{
    int code = print_template(row, look, out);
    for (size_t i = 0; !code && i < row->when.count; i++) {
        code = ld_buffer_add_text(out, i ? ", " : " | evidence: ");
        if (!code)
            code = print_evidence(ld_row_cell(row, i), look, out);
    }
    if (!code)
        code = ld_buffer_add_text(out, "; since ");
    if (!code)
        code = print_since(row, look, out);
    return code ? code : ld_buffer_printf(out, " | repair: %s", row->repair);
}
