#include "reports/conditions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* ---- rows */

static const struct ld_cell *cell_of(const struct ld_report *report, const struct ld_run_record *run)
{
    const struct ld_run_plan *planned = ld_plan_find_run(report->plan, run->run);
    return planned ? &report->plan->cells[planned->cell] : NULL;
}

static struct conditions_row *row_of(struct conditions_row *rows, size_t *count, const struct ld_cell *cell,
                                     const struct ld_condition_record *condition)
{
    for (size_t i = 0; i < *count; i++)
        if (rows[i].cell == cell && strcmp(rows[i].id, condition->condition) == 0)
            return &rows[i];
    if (*count == CONDITIONS_MAX)
        return NULL;
    rows[*count] = (struct conditions_row){.cell = cell,
                                           .id = condition->condition,
                                           .asked = condition->asked,
                                           .aborts = strcmp(condition->kind, "abort") == 0,
                                           .median_ns = -1,
                                           .longest_ns = -1,
                                           .censored_ns = -1};
    return &rows[(*count)++];
}

static void add(struct conditions_row *row, const struct ld_condition_record *condition)
{
    row->runs++;
    if (condition->acted_ns < 0)
        return;
    row->acted++;
    if (!condition->recovers)
        return;
    row->followed++;
    if (condition->recovered_ns < 0) {
        int64_t followed_ns = condition->followed_to_ns - condition->time_ns;
        row->censored_ns = followed_ns > row->censored_ns ? followed_ns : row->censored_ns;
        return;
    }
    int64_t took_ns = condition->recovered_ns - condition->time_ns;
    row->recovered++;
    row->relapsed += condition->relapsed_ns >= 0;
    row->longest_ns = took_ns > row->longest_ns ? took_ns : row->longest_ns;
}

static const struct ld_condition_record *find(const struct ld_run_record *run, const char *id)
{
    for (size_t i = 0; i < run->condition_count; i++)
        if (strcmp(run->conditions[i].condition, id) == 0)
            return &run->conditions[i];
    return NULL;
}

/* Runs that did not recover were followed for a while, and say that it takes longer than that. */
static void find_median(const struct ld_report *report, struct conditions_row *row)
{
    struct ld_survival_time *times = calloc(report->run_count + 1, sizeof *times);
    struct ld_survival survival;
    size_t count = 0;
    for (size_t i = 0; times && i < report->run_count; i++) {
        const struct ld_condition_record *condition =
            cell_of(report, &report->runs[i]) == row->cell ? find(&report->runs[i], row->id) : NULL;
        if (!condition || report->runs[i].validity != LD_VALID || condition->acted_ns < 0 || !condition->recovers)
            continue;
        bool back = condition->recovered_ns >= 0;
        times[count++] = (struct ld_survival_time){
            (back ? condition->recovered_ns : condition->followed_to_ns) - condition->time_ns, back};
    }
    if (times)
        ld_kaplan_meier(times, count, &survival);
    row->median_ns = times && count ? survival.median_ns : -1;
    free(times);
}

static int by_cell(const void *left, const void *right)
{
    const struct conditions_row *a = left, *b = right;
    if (a->cell != b->cell)
        return a->cell->index < b->cell->index ? -1 : 1;
    return strcmp(a->id, b->id);
}

size_t conditions_rows(const struct ld_report *report, struct conditions_row rows[CONDITIONS_MAX], unsigned *ret_marked)
{
    size_t count = 0, kept = 0;
    *ret_marked = 0;
    for (size_t i = 0; i < report->run_count; i++) {
        const struct ld_run_record *run = &report->runs[i];
        const struct ld_cell *cell = cell_of(report, run);
        if (!cell || run->validity != LD_VALID)
            continue;
        bool marked = false;
        for (size_t k = 0; k < run->condition_count; k++) {
            struct conditions_row *row = strcmp(run->conditions[k].kind, "steady") == 0
                                             ? NULL
                                             : row_of(rows, &count, cell, &run->conditions[k]);
            if (row)
                add(row, &run->conditions[k]);
            marked = marked || run->conditions[k].acted_ns >= 0;
        }
        *ret_marked += marked;
    }
    for (size_t i = 0; i < count; i++)
        if (rows[i].acted)
            rows[kept++] = rows[i];
    for (size_t i = 0; i < kept; i++)
        find_median(report, &rows[i]);
    qsort(rows, kept, sizeof *rows, by_cell);
    return kept;
}

/* ---- words */

static const char *time_text(int64_t ns, bool more, char value[CONDITIONS_VALUE])
{
    char duration[CONDITIONS_VALUE - 2];
    snprintf(value, CONDITIONS_VALUE, "%s%s", more ? ">" : "",
             ld_format_duration_short(ns, duration, sizeof duration));
    return value;
}

const char *conditions_median(const struct conditions_row *row, char value[CONDITIONS_VALUE])
{
    if (row->median_ns >= 0)
        return time_text(row->median_ns, false, value);
    if (row->censored_ns >= 0)
        return time_text(row->censored_ns, true, value);
    snprintf(value, CONDITIONS_VALUE, "-");
    return value;
}

const char *conditions_longest(const struct conditions_row *row, char value[CONDITIONS_VALUE])
{
    if (row->censored_ns >= 0)
        return time_text(row->censored_ns > row->longest_ns ? row->censored_ns : row->longest_ns, true, value);
    if (row->longest_ns >= 0)
        return time_text(row->longest_ns, false, value);
    snprintf(value, CONDITIONS_VALUE, "-");
    return value;
}

const char *conditions_sentence(const struct ld_report *report, unsigned marked, char *text, size_t size)
{
    snprintf(text, size,
             "In %u of %zu runs a condition acted: from there on they count neither for nor against a detector. "
             "Recovery: from there to the first return within the steady bounds.",
             marked, report->run_count);
    return text;
}

#define NUMBERS_WIDTH 45 /* of the five columns behind the name; less than STYLE_WIDTH_MIN */

static void text_row(struct styled *styled, const struct conditions_row *row)
{
    char name[400], values[5][CONDITIONS_VALUE], when[256];
    unsigned room = styled->style.width - NUMBERS_WIDTH;
    snprintf(name, sizeof name, " %.255s", row->cell->name);
    snprintf(values[0], sizeof values[0], "%u/%u", row->acted, row->runs);
    snprintf(values[1], sizeof values[1], row->followed ? "%u/%u" : "-", row->recovered, row->followed);
    conditions_median(row, values[2]);
    conditions_longest(row, values[3]);
    snprintf(values[4], sizeof values[4], "%u", row->relapsed);
    styled_cell(styled, name, (int)room, true);
    for (size_t i = 0; i < 5; i++) {
        styled_text(styled, " ");
        styled_cell(styled, values[i], -8, true);
    }
    styled_text(styled, "\n");
    snprintf(when, sizeof when, "%s%.60s when %.160s", row->aborts ? "ended by " : "", row->id, row->asked);
    styled_wrapped(styled, 0, 3, when);
}

void conditions_text(struct styled *styled, const struct ld_report *report)
{
    static const char *const headers[] = {"acted", "back", "median", "longest", "relapsed"};
    struct conditions_row *rows = calloc(CONDITIONS_MAX, sizeof *rows);
    char text[320];
    unsigned marked;
    size_t count = rows ? conditions_rows(report, rows, &marked) : 0;
    if (count) {
        unsigned room = styled->style.width - NUMBERS_WIDTH;
        styled_cell(styled, "Conditions and reactions", (int)room, true);
        for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
            styled_text(styled, " ");
            styled_cell(styled, headers[i], -8, true);
        }
        styled_text(styled, "\n");
        for (size_t i = 0; i < count; i++)
            text_row(styled, &rows[i]);
        styled_wrapped(styled, 0, 0, conditions_sentence(report, marked, text, sizeof text));
        styled_text(styled, "\n");
    }
    free(rows);
}
