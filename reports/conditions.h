/* What runs answered to what they met: conditions that acted, and how long it took until things were back within the
 * steady bounds. Shared by the renderers. */
#ifndef LD_REPORTS_CONDITIONS_H
#define LD_REPORTS_CONDITIONS_H

#include "reports/report.h"
#include "reports/style.h"

#define CONDITIONS_MAX 200 /* rows of the table; the database has all */
#define CONDITIONS_VALUE 32

/* One condition of one cell, over its runs. Runs in which it never acted have nothing to recover from. */
struct conditions_row {
    const struct ld_cell *cell;
    const char *id, *asked;
    bool aborts;
    unsigned runs;      /* valid ones of the cell */
    unsigned acted;
    unsigned followed;  /* of those that acted: with steady bounds to recover to */
    unsigned recovered;
    unsigned relapsed;  /* of them: and out again later */
    int64_t median_ns;  /* Kaplan-Meier, -1: half of them did not recover while they were followed */
    int64_t longest_ns; /* recovery; -1: none */
    int64_t censored_ns; /* the longest that one was followed without recovering; -1: none */
};

/* Rows of conditions that acted at least once, by cell; `ret_marked`: runs that do not count from somewhere on. Returns
 * how many rows were written. */
size_t conditions_rows(const struct ld_report *report, struct conditions_row rows[CONDITIONS_MAX],
                       unsigned *ret_marked);
/* "1.2s", ">6.4s" when it is only known to be longer, "-" when nothing recovers. */
const char *conditions_median(const struct conditions_row *row, char value[CONDITIONS_VALUE]);
const char *conditions_longest(const struct conditions_row *row, char value[CONDITIONS_VALUE]);
/* "3 of 12 runs are marked: ..." */
const char *conditions_sentence(const struct ld_report *report, unsigned marked, char *text, size_t size);
/* For a terminal; nothing when no condition acted. */
void conditions_text(struct styled *styled, const struct ld_report *report);

#endif
