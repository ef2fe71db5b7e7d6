/* Two sides on the same runs: what both saw, what only one saw, and in which runs. */
#include <jansson.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"
#include "reports/style.h"

#define LINES_MAX 40 /* of runs that differ; JSON has all */

static void table_row(struct styled *styled, const char *what, const struct ld_compare_table *table)
{
    styled_cell(styled, what, 24, true);
    styled_printf(styled, " %7u %10u %10u %8u   p %.4f\n", table->both, table->left_only, table->right_only,
                  table->neither, table->p);
}

static void times(struct styled *styled, const struct ld_comparison *comparison)
{
    char left[32], right[32], lower[32], upper[32], to[32], clusters[64] = "", line[400];
    if (!comparison->time_pairs)
        return;
    ld_format_duration_short(comparison->left_mean_ns, left, sizeof left);
    ld_format_duration_short(comparison->right_mean_ns, right, sizeof right);
    ld_format_duration_short(comparison->restricted_to_ns, to, sizeof to);
    ld_format_duration_short(comparison->lower_ns, lower, sizeof lower);
    ld_format_duration_short(comparison->upper_ns, upper, sizeof upper);
    if (comparison->clusters != comparison->time_pairs)
        snprintf(clusters, sizeof clusters, " in %zu clusters, one a leak", comparison->clusters);
    snprintf(line, sizeof line,
             "Restricted mean time to detect, up to %s: left %s, right %s; left minus right is within %s and %s (95%%, "
             "bootstrap over %zu pairs%s).",
             to, left, right, lower, upper, comparison->time_pairs, clusters);
    styled_wrapped(styled, 0, 0, line);
}

static void difference_line(struct styled *styled, const struct ld_compare_difference *difference)
{
    char line[512];
    if (difference->interval < 0)
        snprintf(line, sizeof line, "%s #%u: false alarms %u and %u (runs %u, %u)", difference->cell,
                 difference->repetition, difference->left_false_alarms, difference->right_false_alarms,
                 difference->left_run, difference->right_run);
    else
        snprintf(line, sizeof line, "%s #%u: %s and %s (runs %u, %u; leak %s of instance %u.%u)", difference->cell,
                 difference->repetition, ld_outcome_name(difference->left), ld_outcome_name(difference->right),
                 difference->left_run, difference->right_run, difference->leak->id, difference->leak->instance,
                 difference->leak->incarnation);
    styled_text(styled, "  ");
    styled_wrapped(styled, 2, 4, line);
}

static void differences(struct styled *styled, const struct ld_comparison *comparison)
{
    if (!comparison->pairs) {
        styled_wrapped(styled, 0, 0, "Nothing is compared: no run of one side has a partner of the same seed on the "
                                     "other, both of them ended and valid.");
        return;
    }
    if (!comparison->difference_count) {
        styled_text(styled, "The two do not differ in any run.\n");
        return;
    }
    styled_text(styled, "Where they differ, left and right:\n");
    for (size_t i = 0; i < comparison->difference_count && i < LINES_MAX; i++)
        difference_line(styled, &comparison->differences[i]);
    if (comparison->difference_count > LINES_MAX)
        styled_printf(styled, "  and %zu more, all of them with --json\n", comparison->difference_count - LINES_MAX);
}

static uint32_t total(const uint32_t counts[LD_UNPAIRED_COUNT])
{
    uint32_t sum = 0;
    for (int why = 0; why < LD_UNPAIRED_COUNT; why++)
        sum += counts[why];
    return sum;
}

static void unpaired_runs(struct styled *styled, const char *side, const uint32_t counts[LD_UNPAIRED_COUNT])
{
    char line[1024];
    if (!total(counts))
        return;
    int length = snprintf(line, sizeof line, "Left out, %u runs of the %s:", total(counts), side);
    const char *comma = " ";
    for (int why = 0; why < LD_UNPAIRED_COUNT; why++) {
        if (!counts[why])
            continue;
        length += snprintf(line + length, sizeof line - (size_t)length, "%s%u %s", comma, counts[why],
                           ld_unpaired_table[why].words);
        comma = "; ";
    }
    snprintf(line + length, sizeof line - (size_t)length, ".");
    styled_wrapped(styled, 0, 0, line);
}

static void left_out(struct styled *styled, const struct ld_comparison *comparison)
{
    char line[256];
    unpaired_runs(styled, "left", comparison->unpaired_left);
    unpaired_runs(styled, "right", comparison->unpaired_right);
    if (!comparison->no_evidence && !comparison->unmatched_left && !comparison->unmatched_right)
        return;
    snprintf(line, sizeof line,
             "Left out, leaks: %u that are no evidence on one side; without the same leak in the other run, %u of the "
             "left and %u of the right.",
             comparison->no_evidence, comparison->unmatched_left, comparison->unmatched_right);
    styled_wrapped(styled, 0, 0, line);
}

int ld_report_compare(const struct ld_comparison *comparison, const struct ld_report_sides *sides,
                      const struct ld_text_style *style, struct ld_buffer *out)
{
    struct styled styled;
    char line[512];
    styled_begin(&styled, style, out);
    snprintf(line, sizeof line, "left: %s, right: %s", sides->left, sides->right);
    styled_wrapped(&styled, 0, 0, line);
    snprintf(line, sizeof line, "%u pairs of runs, each of one seed; %u pairs of leaks", comparison->pairs,
             comparison->leaks.both + comparison->leaks.left_only + comparison->leaks.right_only +
                 comparison->leaks.neither);
    styled_wrapped(&styled, 0, 0, line);
    styled_cell(&styled, "", 24, true);
    styled_text(&styled, "    both  left only right only  neither   McNemar, exact\n");
    table_row(&styled, "leaks seen", &comparison->leaks);
    table_row(&styled, "runs with a false alarm", &comparison->false_alarms);
    times(&styled, comparison);
    if (comparison->across_arms) {
        snprintf(
            line, sizeof line,
            "%u pairs of runs are of two arms, of one seed each: neither detector watched the other's run. In %u of "
            "them the reads differ: what one detector asks of the target is part of what is compared.",
            comparison->across_arms, comparison->reads_differ);
        styled_wrapped(&styled, 0, 0, line);
    }
    if (comparison->plans_differ)
        styled_wrapped(&styled, 0, 0,
                       "The two are of different plans: what was edited in between, or set otherwise, is part of what "
                       "is compared.");
    left_out(&styled, comparison);
    differences(&styled, comparison);
    return styled.code;
}

static json_t *json_table(const struct ld_compare_table *table)
{
    return json_pack("{s:i, s:i, s:i, s:i, s:f}", "both", (int)table->both, "left_only", (int)table->left_only,
                     "right_only", (int)table->right_only, "neither", (int)table->neither, "p", table->p);
}

static void add_leak(json_t *object, const struct ld_compare_difference *difference)
{
    json_object_set_new(object, "leak", json_string(difference->leak->id));
    json_object_set_new(object, "instance", json_integer(difference->leak->instance));
    json_object_set_new(object, "incarnation", json_integer(difference->leak->incarnation));
    json_object_set_new(object, "outcomes", json_pack("[s, s]", ld_outcome_name(difference->left),
                                                      ld_outcome_name(difference->right)));
}

static json_t *json_difference(const struct ld_compare_difference *difference)
{
    json_t *object = json_pack("{s:s, s:i, s:i, s:i}", "cell", difference->cell, "repetition",
                               (int)difference->repetition, "left_run", (int)difference->left_run, "right_run",
                               (int)difference->right_run);
    if (object && difference->interval < 0)
        json_object_set_new(object, "false_alarms", json_pack("[i, i]", (int)difference->left_false_alarms,
                                                              (int)difference->right_false_alarms));
    else if (object)
        add_leak(object, difference);
    return object;
}

static json_t *json_time(const struct ld_comparison *comparison)
{
    if (!comparison->time_pairs)
        return json_null();
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "left_mean_ns", (json_int_t)comparison->left_mean_ns,
                     "right_mean_ns", (json_int_t)comparison->right_mean_ns, "difference_ns",
                     (json_int_t)comparison->difference_ns, "lower_ns", (json_int_t)comparison->lower_ns, "upper_ns",
                     (json_int_t)comparison->upper_ns, "restricted_to_ns", (json_int_t)comparison->restricted_to_ns,
                     "leaks", (json_int_t)comparison->time_pairs, "clusters", (json_int_t)comparison->clusters);
}

/* {"runs": all of them, and by reason: "other_seed": 8, ...} */
static json_t *json_unpaired(const uint32_t counts[LD_UNPAIRED_COUNT])
{
    json_t *object = json_pack("{s:i}", "runs", (int)total(counts));
    for (int why = 0; object && why < LD_UNPAIRED_COUNT; why++)
        json_object_set_new(object, ld_unpaired_table[why].name, json_integer(counts[why]));
    return object;
}

int ld_report_compare_json(const struct ld_comparison *comparison, const struct ld_report_sides *sides,
                           struct ld_buffer *out)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < comparison->difference_count; i++)
        json_array_append_new(list, json_difference(&comparison->differences[i]));
    json_t *object =
        json_pack("{s:s, s:s, s:b, s:i, s:i, s:i, s:o, s:o, s:o}", "left", sides->left, "right", sides->right,
                  "plans_differ", (int)comparison->plans_differ, "pairs", (int)comparison->pairs, "pairs_across_arms",
                  (int)comparison->across_arms, "pairs_with_other_reads", (int)comparison->reads_differ, "leaks",
                  json_table(&comparison->leaks), "runs_with_false_alarms", json_table(&comparison->false_alarms),
                  "time_to_detect", json_time(comparison));
    json_t *rest = json_pack("{s:i, s:i, s:i, s:o, s:o, s:o}", "no_evidence", (int)comparison->no_evidence,
                             "unmatched_leaks_left", (int)comparison->unmatched_left, "unmatched_leaks_right",
                             (int)comparison->unmatched_right, "unpaired_left",
                             json_unpaired(comparison->unpaired_left), "unpaired_right",
                             json_unpaired(comparison->unpaired_right), "differences", list);
    if (object && (!rest || json_object_update(object, rest) != 0)) {
        json_decref(object);
        object = NULL;
    }
    json_decref(rest);
    return style_json(object, out);
}
