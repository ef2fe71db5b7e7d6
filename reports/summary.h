/* The board at a glance: every scenario's cases added up, a line a scenario and a column a detector, and all of it
 * added up once more. Nothing here is new: it is the sums of the final table. */
#ifndef LD_REPORTS_SUMMARY_H
#define LD_REPORTS_SUMMARY_H

#include "reports/report.h"
#include "reports/style.h"

#define SUMMARY_DETECTORS_MAX 24 /* more are in the table only */
#define SUMMARY_VALUE 48

struct summary_sum {
    unsigned leaks;        /* in leaky runs, that the detector had time to see */
    unsigned seen;         /* of them, late ones included */
    unsigned cause_right, site_right;
    unsigned leaky;        /* runs of leaky programs, whether or not anything came of them */
    unsigned healthy;      /* runs of healthy programs, */
    unsigned alerted;      /* and those of them with an alert */
    unsigned false_alarms; /* episodes, in leaky and healthy runs */
    unsigned during_hold;  /* alerts while a bounded hold lasted: no false alarms */
    bool watched;          /* the detector watches the scenario at all */
};

/* The detectors of the campaign without the calibration set, in the order in which they first occur. */
size_t summary_detectors(const struct ld_report *report, const char *ret_names[SUMMARY_DETECTORS_MAX],
                         size_t *ret_left_out);
/* Over all cells of the scenario; of all scenarios when it is NULL. */
struct summary_sum summary_sum(const struct ld_report *report, const struct ld_scenario *scenario,
                               const char *detector);
/* "18/20", "-" when there was nothing it had time to see; of healthy programs alone "quiet", or "held" when all alerts
 * were during bounded holds; "" for what has nothing but false alarms, which are another word: "!3". */
const char *summary_seen(const struct summary_sum *sum, char value[SUMMARY_VALUE]);
const char *summary_false(const struct summary_sum *sum, char value[SUMMARY_VALUE]);

/* What is added up over all scenarios, a line each. */
#define SUMMARY_TOTALS 5
struct summary_total {
    const char *name, *above, *header; /* one line, or a heading of two */
    bool alarming;                     /* more than 0 is bad */
    void (*value)(const struct summary_sum *sum, char value[SUMMARY_VALUE]);
};
extern const struct summary_total summary_totals[SUMMARY_TOTALS];

/* For a terminal: scenarios by detectors where that fits, else a line a detector. */
void summary_text(struct styled *styled, const struct ld_report *report);

#endif
