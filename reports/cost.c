/* What detectors cost: a table for each scenario that measures it. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "reports/cost.h"
#include "reports/style.h"

#define NAME_WIDTH 18
#define VALUE_WIDTH 12

const char *cost_value(enum ld_cost cost, int64_t value, bool signed_, char *text, size_t size)
{
    char number[32];
    const char *unit = ld_cost_table[cost].unit;
    int64_t size_of = value < 0 ? -value : value;
    if (strcmp(unit, "ns") == 0)
        ld_format_duration_short(size_of, number, sizeof number);
    else if (strcmp(unit, "B") == 0)
        ld_format_size_short((uint64_t)size_of, number, sizeof number);
    else
        snprintf(number, sizeof number, "%lld", (long long)size_of);
    snprintf(text, size, "%s%s", value < 0 ? "-" : signed_ ? "+" : "", number);
    return text;
}

enum part { PART_WITHOUT, PART_DIFFERENCE, PART_LOWER, PART_UPPER };

static int64_t part_of(const struct ld_cost_value *value, enum part part)
{
    const int64_t parts[] = {value->without, value->difference, value->lower, value->upper};
    return parts[part];
}

static void line(struct styled *styled, const char *name, const struct ld_cost_row *row, enum part part)
{
    char text[40];
    styled_text(styled, " ");
    styled_cell(styled, name, NAME_WIDTH, true);
    for (int cost = 0; cost < LD_COST_COUNT; cost++) {
        const struct ld_cost_value *value = &row->values[cost];
        bool known = value->pairs && (part < PART_LOWER || value->bounded);
        styled_cell(styled, known ? cost_value((enum ld_cost)cost, part_of(value, part), part != PART_WITHOUT, text,
                                               sizeof text) : "-", -VALUE_WIDTH, true);
    }
    styled_text(styled, "\n");
}

static bool any_bounded(const struct ld_cost_row *row)
{
    bool any = false;
    for (int cost = 0; cost < LD_COST_COUNT; cost++)
        any = any || row->values[cost].bounded;
    return any;
}

/* Of the rows of a scenario, which begin at `row`, the one with most pairs: its bare runs stand for all. */
static const struct ld_cost_row *best_known(const struct ld_costs *costs, const struct ld_cost_row *row)
{
    const struct ld_cost_row *best = row;
    for (const struct ld_cost_row *each = row; each < costs->rows + costs->row_count; each++)
        if (strcmp(each->scenario, row->scenario) == 0 && each->pairs > best->pairs)
            best = each;
    return best;
}

static void head(struct styled *styled, const struct ld_costs *costs, const struct ld_cost_row *row)
{
    char period[32];
    styled_colour(styled, STYLE_BOLD);
    styled_printf(styled, "Cost in %s, a minute of real time, sampled every %s\n", row->scenario,
                  ld_format_duration_short(row->period_ns, period, sizeof period));
    styled_colour(styled, STYLE_PLAIN);
    styled_cell(styled, "", NAME_WIDTH + 1, true);
    for (int cost = 0; cost < LD_COST_COUNT; cost++)
        styled_cell(styled, ld_cost_table[cost].name, -VALUE_WIDTH, true);
    styled_text(styled, "\n");
    line(styled, "nobody watches", best_known(costs, row), PART_WITHOUT);
}

static void detector(struct styled *styled, const struct ld_cost_row *row)
{
    line(styled, row->detector, row, PART_DIFFERENCE);
    if (any_bounded(row)) {
        styled_colour(styled, STYLE_DIM);
        line(styled, "  at least", row, PART_LOWER);
        line(styled, "  at most", row, PART_UPPER);
        styled_colour(styled, STYLE_PLAIN);
    }
}

/* `bounded`: rows of intervals stand in the table. */
static void legend(struct styled *styled, bool bounded)
{
    char text[700];
    snprintf(
        text, sizeof text,
        "+: what the target spends more when that detector alone watches it, a mean over pairs of runs of one "
        "seed; %s %d pairs up. \"-\": the target does not serve the figure, or too few pairs. stopped is an "
        "estimate from the runtime's buckets. A detector that looks at numbers alone reads nothing that is not read "
        "anyway.",
        bounded ? "at least and at most: its 95 % interval, bootstrap over pairs, from" : "it has a 95 % interval from",
        LD_COST_PAIRS_MIN);
    styled_text(styled, "\n");
    styled_wrapped(styled, 0, 0, text);
}

int ld_report_costs(const struct ld_costs *costs, const struct ld_text_style *style, struct ld_buffer *out)
{
    struct styled styled;
    const char *last = "";
    bool bounded = false;
    styled_begin(&styled, style, out);
    for (size_t i = 0; i < costs->row_count; i++) {
        const struct ld_cost_row *row = &costs->rows[i];
        if (strcmp(row->scenario, last) != 0) {
            styled_text(&styled, *last ? "\n" : "");
            head(&styled, costs, row);
        }
        last = row->scenario;
        detector(&styled, row);
        bounded = bounded || any_bounded(row);
    }
    if (costs->row_count)
        legend(&styled, bounded);
    return styled.code;
}

/* ---- JSON */

static json_t *value_object(enum ld_cost cost, const struct ld_cost_value *value)
{
    json_t *object = json_pack("{s:s, s:I, s:I, s:I}", "unit", ld_cost_table[cost].unit, "pairs",
                               (json_int_t)value->pairs, "without", (json_int_t)value->without, "difference",
                               (json_int_t)value->difference);
    json_object_set_new(object, "lower", value->bounded ? json_integer(value->lower) : json_null());
    json_object_set_new(object, "upper", value->bounded ? json_integer(value->upper) : json_null());
    return object;
}

static json_t *row_object(const struct ld_cost_row *row)
{
    json_t *values = json_object();
    for (int cost = 0; cost < LD_COST_COUNT; cost++)
        json_object_set_new(values, ld_cost_table[cost].name,
                            row->values[cost].pairs ? value_object((enum ld_cost)cost, &row->values[cost])
                                                    : json_null());
    return json_pack("{s:s, s:s, s:I, s:I, s:o}", "scenario", row->scenario, "detector", row->detector, "period_ns",
                     (json_int_t)row->period_ns, "pairs", (json_int_t)row->pairs, "per_minute", values);
}

json_t *cost_json(const struct ld_costs *costs)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < costs->row_count; i++)
        json_array_append_new(list, row_object(&costs->rows[i]));
    return list;
}

int ld_report_costs_json(const struct ld_costs *costs, struct ld_buffer *out)
{
    return style_json(cost_json(costs), out);
}
