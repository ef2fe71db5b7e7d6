/* The columns of the matrix: one table. Dispatch, checks, units, suggestions and documentation come from it.
 *
 * A column is a fact about a series: of one site (goroutines of one profile per (site, wait)), of a metric of the
 * registry, or of a share. Facts but the last value look over a window, `over`. Those of its quarters can be said only
 * when each holds a point of its own. */
#ifndef LD_MATRIX_COLUMN_H
#define LD_MATRIX_COLUMN_H

#include <stdbool.h>

#include "base/buffer.h"
#include "observe/metric.h"

enum ld_column_level { LD_LEVEL_SITE, LD_LEVEL_INSTANCE };

/* How a bound of the column is written, and its value printed. */
enum ld_column_unit {
    LD_COLUMN_COUNT,          /* 12 */
    LD_COLUMN_SHARE,          /* 60% */
    LD_COLUMN_BYTES,          /* 64MiB */
    LD_COLUMN_SECONDS,        /* 200ms */
    LD_COLUMN_PER_SECOND,     /* 10/s */
    LD_COLUMN_BYTES_PER_SECOND, /* 1MiB/s */
    LD_COLUMN_NAME            /* is, is_not */
};

enum ld_column_fact {
    LD_FACT_NAME,        /* site: the function */
    LD_FACT_KIND,        /* site: go, library or user */
    LD_FACT_WAIT,        /* site: what it waits for */
    LD_FACT_LEAKED,      /* site: goroutines in the last leak profile */
    LD_FACT_REPORT,      /* sanitizer: what the last report is about */
    LD_FACT_REPORTS,     /* sanitizer: reports so far */
    LD_FACT_FRAMES,      /* sanitizer: frames of the last report's first stack */
    LD_FACT_LAST,        /* the newest value; with a window, the least or greatest in it */
    LD_FACT_GROWTH,      /* last - first of the window */
    LD_FACT_SLOPE,       /* least squares, per second */
    LD_FACT_RATE,        /* growth of a counter per second of the window */
    LD_FACT_RISING,      /* steps that rose / steps */
    LD_FACT_FALLING,     /* steps that fell / steps */
    LD_FACT_PERSISTENCE, /* share of the window's quarters that gained at least 1/8 of its growth */
    LD_FACT_FLOOR_GROWTH,      /* least of the last quarter - least of the first */
    LD_FACT_FLOOR_PERSISTENCE, /* share of the 3 steps from quarter to quarter whose least gained 1/8 of that */
    LD_FACT_PART         /* growth of the metric / growth of the `whole` metric */
};

enum ld_column_series {
    LD_SERIES_NONE,        /* names, leak profile */
    LD_SERIES_SITE,        /* goroutines of the site in its wait */
    LD_SERIES_SITE_SHARE,  /* the same / goroutines of the profile */
    LD_SERIES_CONNECTIONS, /* goroutines of net/http's persistConn / goroutines of the profile */
    LD_SERIES_SANITIZER,   /* what a sanitizer wrote on stderr */
    LD_SERIES_METRIC
};

struct ld_column {
    const char *name;
    enum ld_column_level level;
    enum ld_column_unit unit;
    enum ld_column_series series;
    enum ld_column_fact fact;
    enum ld_metric metric, whole;
    bool not_yet;
    const char *doc;
};

/* NULL when unknown. */
const struct ld_column *ld_column_find(const char *name);
/* By number; NULL behind the last. */
const struct ld_column *ld_column_at(unsigned index);
const char *const *ld_column_names(void); /* for ld_nearest, ends with NULL */
/* Does the fact look over a window? The last value may, the others must or cannot. */
bool ld_column_needs_window(const struct ld_column *column);
bool ld_column_may_have_window(const struct ld_column *column);

/* How a bound in this unit is written: "a share such as 60%". */
const char *ld_column_unit_text(enum ld_column_unit unit);
/* Read a bound as written. 0 or LD_ESPEC; *ret_expected says what would have been right. */
int ld_column_parse(enum ld_column_unit unit, const char *text, double *ret_value, const char **ret_expected);
/* A value for people: "21", "62.5%", "1.5MiB", "204ms", "9.8/s". 0, LD_ENOMEM, LD_ELIMIT. */
int ld_column_print(enum ld_column_unit unit, double value, struct ld_buffer *out);

/* The facts that `metric:` cells may ask for, in the order of their names. */
extern const char *const ld_metric_facts[]; /* "last", "growth", …; ends with NULL */
/* The column that a `metric:` cell stands for; `fact` is an index into ld_metric_facts. */
struct ld_column ld_column_of_metric(enum ld_metric metric, int fact);

#endif
