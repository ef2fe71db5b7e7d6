/* The board over all leaks in the words of reports: its tables, whoever writes them. */
#ifndef LD_REPORTS_STANDINGS_H
#define LD_REPORTS_STANDINGS_H

#include <jansson.h>

#include "score/standings.h"

#define STANDINGS_VALUE 64
#define STANDINGS_COLUMNS_MAX 10
#define STANDINGS_TABLES 4
#define STANDINGS_TITLE 400

/* One row a detector. */
struct standings_table {
    const char *title;
    struct standings_column {
        const char *above, *header; /* two lines of heading on a terminal */
        const char *name, *doc;     /* where headings have room, and for whoever asks */
        unsigned width;
        void (*value)(const struct ld_standing *standing, char value[STANDINGS_VALUE]); /* "-": nothing to say */
        bool wide; /* left out on a terminal where the table would not fit with it */
    } columns[STANDINGS_COLUMNS_MAX]; /* ends with one without a value */
};
extern const struct standings_table standings_tables[STANDINGS_TABLES];
/* Tables of which nothing is known, such as costs that nobody measured, are left out. */
bool standings_has_table(const struct ld_standings *standings, const struct standings_table *table);
/* "6 leaks and 6 programs that never leak, 20 runs a cell, ...": what the board is about. */
const char *standings_about(const struct ld_standings *standings, char text[STANDINGS_TITLE]);
/* "not counted: 4 OUT_OF_RANGE": leaks without evidence, by reason, and that runs of a tool on the source are one
 * result; "" when there is none. */
const char *standings_remark(const struct ld_standing *standing, char *line, size_t size);
/* What a fault case's column says of a detector: "118/120", "-" without a leak. */
const char *standings_by_fault(const struct ld_standing *standing, char value[STANDINGS_VALUE]);
extern const char *const standings_words; /* how to read it */

/* All groups and detectors; NULL when memory ran out. */
json_t *standings_json(const struct ld_standings *standings);

#endif
