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
    char left[32], right[32], lower[32], upper[32], to[32], line[400];
    if (!comparison->time_pairs)
        return;
    ld_format_duration_short(comparison->left_mean_ns, left, sizeof left);
    ld_format_duration_short(comparison->right_mean_ns, right, sizeof right);
    ld_format_duration_short(comparison->restricted_to_ns, to, sizeof to);
    ld_format_duration_short(comparison->lower_ns, lower, sizeof lower);
    ld_format_duration_short(comparison->upper_ns, upper, sizeof upper);
    snprintf(line, sizeof line,
             "Restricted mean time to detect, up to %s: left %s, right %s; left minus right is within %s and %s (95%%, "
             "bootstrap over %zu %s of %zu leaks).",
             to, left, right, lower, upper, comparison->clusters,
             comparison->clusters == comparison->time_pairs ? "pairs" : "scenarios", comparison->time_pairs);
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
        snprintf(line, sizeof line, "%s #%u: %s and %s (runs %u, %u)", difference->cell, difference->repetition,
                 ld_outcome_name(difference->left), ld_outcome_name(difference->right), difference->left_run,
                 difference->right_run);
    styled_text(styled, "  ");
    styled_wrapped(styled, 2, 4, line);
}

static void differences(struct styled *styled, const struct ld_comparison *comparison)
{
    if (!comparison->pairs) {
        styled_text(styled, "Nothing is compared: no run of one side has a partner on the other.\n");
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

int ld_report_compare(const struct ld_comparison *comparison, const struct ld_report_sides *sides,
                      const struct ld_text_style *style, struct ld_buffer *out)
{
    struct styled styled;
    char line[512];
    styled_begin(&styled, style, out);
    snprintf(line, sizeof line, "left: %s, right: %s", sides->left, sides->right);
    styled_wrapped(&styled, 0, 0, line);
    styled_cell(&styled, "", 24, true);
    styled_text(&styled, "    both  left only right only  neither   McNemar, exact\n");
    table_row(&styled, "leaks seen", &comparison->leaks);
    table_row(&styled, "runs with a false alarm", &comparison->false_alarms);
    times(&styled, comparison);
    if (comparison->across_arms) {
        snprintf(line, sizeof line,
                 "%u pairs of runs are of two arms, of one seed each: neither detector watched the other's run. In %u of "
                 "them the reads differ: what one detector asks of the target is part of what is compared.",
                 comparison->across_arms, comparison->reads_differ);
        styled_wrapped(&styled, 0, 0, line);
    }
    if (comparison->no_evidence || comparison->unpaired_left || comparison->unpaired_right) {
        char reads[160] = "";
        if (comparison->unpaired_reads)
            snprintf(reads, sizeof reads,
                     " (%u of them have one whose detectors read something else of the target, which changes the run)",
                     comparison->unpaired_reads);
        snprintf(line, sizeof line,
                 "Left out: %u leaks that are no evidence on one side; runs without a partner: %u left%s, %u right.",
                 comparison->no_evidence, comparison->unpaired_left, reads, comparison->unpaired_right);
        styled_wrapped(&styled, 0, 0, line);
    }
    differences(&styled, comparison);
    return styled.code;
}

static json_t *json_table(const struct ld_compare_table *table)
{
    return json_pack("{s:i, s:i, s:i, s:i, s:f}", "both", (int)table->both, "left_only", (int)table->left_only,
                     "right_only", (int)table->right_only, "neither", (int)table->neither, "p", table->p);
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
        json_object_set_new(object, "outcomes", json_pack("[s, s]", ld_outcome_name(difference->left),
                                                          ld_outcome_name(difference->right)));
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

int ld_report_compare_json(const struct ld_comparison *comparison, const struct ld_report_sides *sides,
                           struct ld_buffer *out)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < comparison->difference_count; i++)
        json_array_append_new(list, json_difference(&comparison->differences[i]));
    json_t *object = json_pack("{s:s, s:s, s:o, s:o, s:o, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:o}", "left", sides->left, "right",
                               sides->right, "leaks", json_table(&comparison->leaks), "runs_with_false_alarms",
                               json_table(&comparison->false_alarms), "time_to_detect", json_time(comparison),
                               "no_evidence", (int)comparison->no_evidence, "unpaired_left",
                               (int)comparison->unpaired_left, "unpaired_right", (int)comparison->unpaired_right,
                               "pairs_across_arms", (int)comparison->across_arms, "pairs_with_other_reads",
                               (int)comparison->reads_differ, "pairs", (int)comparison->pairs,
                               "unpaired_for_other_reads", (int)comparison->unpaired_reads, "differences", list);
    return style_json(object, out);
}
