/* What the final table says, whoever writes it: its columns, its cases, and the words of checks. */
#ifndef LD_REPORTS_BOARD_H
#define LD_REPORTS_BOARD_H

#include <stdbool.h>

#include "reports/report.h"

#define BOARD_COLUMNS 15
#define BOARD_VALUE 24    /* bytes of one value */
#define BOARD_CASE 384    /* of a case's name */
#define BOARD_REMARKS 256 /* of a row's remarks */

struct board_column {
    const char *above, *header; /* two lines of heading; `above` may reach over columns to the left without one */
    unsigned width;
    enum board_group {
        BOARD_ESSENTIAL, /* shown at any width, */
        BOARD_USUAL,     /* from 80 columns up, */
        BOARD_WIDE,      /* and where there is more room than that */
    } group;
    bool twin;      /* of the healthy runs */
    bool alarming;  /* more than 0 is bad */
    void (*value)(const struct ld_board_row *row, char value[BOARD_VALUE]); /* a count; NULL: a duration */
    int64_t (*duration_ns)(const struct ld_board_row *row);                 /* negative: none */
    const char *name, *doc; /* for `leakdrill explain outcomes`, and where headings have room */
};
extern const struct board_column board_columns[BOARD_COLUMNS];

/* A case of a scenario: its two cells, either of which may be absent. */
struct board_pair {
    const struct ld_cell *leaky, *healthy;
};
/* The case that begins with `cell`; false when an earlier cell has it already. */
bool board_pair_find(const struct ld_plan *plan, const struct ld_cell *cell, struct board_pair *ret_pair);
/* Scenarios in the order of tables, each by its first cell; begin with BOARD_BEFORE_FIRST, false behind the last. Leaks
 * first, those of folders within folders (variants) behind the others, then what never leaks; each by folder and name.
 */
#define BOARD_BEFORE_FIRST SIZE_MAX
bool board_scenario_next(const struct ld_plan *plan, size_t *cell);
/* What a scenario's time_scale means for a reader of its times; "" where there is none to speak of. */
const char *board_time_note(const struct ld_scenario *scenario, char *note, size_t size);
/* "slow-upstream, rate 4, depth 3: 5 leaky, 5 healthy": what the case is within its scenario, and its runs. */
const char *board_case_name(const struct ld_report *report, const struct board_pair *pair, char *name, size_t size);
/* The row of a detector in a cell (NULL allowed), NULL when there is none. */
const struct ld_board_row *board_row_find(const struct ld_report *report, const struct ld_cell *cell,
                                          const char *detector);
/* A column's text in a row of two halves, either of which may be NULL: "-" then. */
const char *board_value(const struct board_column *column, const struct ld_board_row *leaky,
                        const struct ld_board_row *healthy, char value[BOARD_VALUE]);
/* What the numbers leave out: leaks that are no evidence, alerts during bounded holds; "" when nothing is. */
void board_remarks(const struct ld_board_row *leaky, const struct ld_board_row *healthy, char *line, size_t size);

/* The check as people are told it. False: it is part of an earlier one. Checks of a cell without a valid run cannot be
 * judged, all for one reason: they are told once, as a check "no evidence" of that cell. JSON and JUnit have them all.
 */
bool board_check(const struct ld_report *report, size_t index, struct ld_check *ret_check);
/* "matrix v0.3.0-a1b2c3": the rules behind alerts, by detector; "" when no alert has any. */
void board_rules(const struct ld_report *report, char *text, size_t size);
/* "2026-11-21 08:30:00 UTC, leakdrill 0.1.0": when and by what; "" when unknown. */
void board_about(const struct ld_report *report, char *text, size_t size);
/* "2026-11-21T08:30:00Z"; "" when unknown. */
void board_time(int64_t wall_ns, char *text, size_t size);

/* How many checks passed and are told nevertheless. */
size_t board_notable(const struct ld_verdicts *verdicts);
/* What stands in place of its verdict: "FOUND", "CHANGED". */
const char *board_notable_word(const struct ld_check *check);
#define BOARD_NOTABLE "NEWS" /* all of them */

bool board_is_calibration(const struct ld_check *check);
/* "holds", "off: the campaign is void", or "nothing to calibrate by". */
const char *board_calibration(const struct ld_verdicts *verdicts);
/* The file of a scenario, its name when it has none. */
const char *board_scenario_file(const struct ld_plan *plan, const char *name);

#endif
