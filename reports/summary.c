#include "reports/summary.h"

#include <stdio.h>
#include <string.h>

size_t summary_detectors(const struct ld_report *report, const char *ret_names[SUMMARY_DETECTORS_MAX],
                         size_t *ret_left_out)
{
    size_t count = 0;
    *ret_left_out = 0;
    for (size_t i = 0; i < report->verdicts->row_count; i++) {
        const struct ld_board_row *row = &report->verdicts->rows[i];
        bool known = row->calibration;
        for (size_t j = 0; j < count && !known; j++)
            known = strcmp(ret_names[j], row->detector) == 0;
        if (!known && count < SUMMARY_DETECTORS_MAX)
            ret_names[count++] = row->detector;
        else if (!known)
            ++*ret_left_out;
    }
    return count;
}

static void add(struct summary_sum *sum, const struct ld_board_row *row, bool healthy)
{
    unsigned seen = row->counts[LD_OUTCOME_TP] + row->counts[LD_OUTCOME_TP_LATE];
    sum->watched = true;
    sum->false_alarms += row->false_alarms;
    sum->during_hold += row->during_hold;
    if (healthy) {
        sum->healthy += row->valid;
        sum->alerted += row->alerted;
        return;
    }
    sum->leaky += row->runs;
    sum->leaks += seen + row->counts[LD_OUTCOME_FN];
    sum->seen += seen;
    sum->cause_right += row->cause_right;
    sum->site_right += row->site_right;
}

struct summary_sum summary_sum(const struct ld_report *report, const struct ld_scenario *scenario,
                               const char *detector)
{
    struct summary_sum sum = {0};
    for (size_t i = 0; i < report->verdicts->row_count; i++) {
        const struct ld_board_row *row = &report->verdicts->rows[i];
        const struct ld_cell *cell = &report->plan->cells[row->cell];
        if (!row->calibration && (!scenario || cell->scenario == scenario) && strcmp(row->detector, detector) == 0)
            add(&sum, row, cell->variant != LD_VARIANT_LEAKY);
    }
    return sum;
}

const char *summary_seen(const struct summary_sum *sum, char value[SUMMARY_VALUE])
{
    *value = '\0';
    if (sum->leaks)
        snprintf(value, SUMMARY_VALUE, "%u/%u", sum->seen, sum->leaks);
    else if (sum->leaky)
        snprintf(value, SUMMARY_VALUE, "-");
    else if (sum->healthy && !sum->false_alarms)
        snprintf(value, SUMMARY_VALUE, "%s", sum->during_hold ? "held" : "quiet");
    return value;
}

const char *summary_false(const struct summary_sum *sum, char value[SUMMARY_VALUE])
{
    *value = '\0';
    if (sum->false_alarms)
        snprintf(value, SUMMARY_VALUE, "!%u", sum->false_alarms);
    return value;
}

#define SHARE_VALUE(function, part, whole)                                                                             \
    static void function(const struct summary_sum *sum, char value[SUMMARY_VALUE])                                     \
    {                                                                                                                  \
        if (sum->whole)                                                                                                \
            snprintf(value, SUMMARY_VALUE, "%u/%u", sum->part, sum->whole);                                            \
        else                                                                                                           \
            snprintf(value, SUMMARY_VALUE, "-");                                                                       \
    }
SHARE_VALUE(total_seen, seen, leaks)
SHARE_VALUE(total_cause, cause_right, seen)
SHARE_VALUE(total_site, site_right, seen)
SHARE_VALUE(total_alerted, alerted, healthy)

static void total_false(const struct summary_sum *sum, char value[SUMMARY_VALUE])
{
    snprintf(value, SUMMARY_VALUE, "%u", sum->false_alarms);
}

const struct summary_total summary_totals[SUMMARY_TOTALS] = {
    {"leaks seen", "leaks", "seen", false, total_seen},
    {"cause right", "cause", "right", false, total_cause},
    {"site right", "site", "right", false, total_site},
    {"healthy, alerted", "healthy,", "alerted", true, total_alerted},
    {"false alarms", "false", "alarms", true, total_false},
};
