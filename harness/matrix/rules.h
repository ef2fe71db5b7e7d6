/* A rule file as it is evaluated: checked rows over columns. Private to the room. */
#ifndef LD_MATRIX_RULES_H
#define LD_MATRIX_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/hash.h"
#include "matrix/column.h"
#include "matrix/matrix.h"
#include "observe/site.h"
#include "yaml/schema.h"

#define LD_RULES_WINDOW_MAX_NS ((int64_t)3600 * 1000000000)
#define LD_RULES_ROWS_MAX 200
#define LD_RULES_CELLS_MAX 24 /* of a row */
#define LD_RULES_NAMES_MAX 64 /* of an `is` */

enum ld_bound { LD_AT_LEAST, LD_AT_MOST, LD_ABOVE, LD_BELOW, LD_BOUNDS };
extern const char *const ld_bound_names[LD_BOUNDS]; /* "at_least", … */

struct ld_cell {
    /* as written */
    const char *column_name, *metric_name, *fact_name;
    const struct ld_node *is, *is_not, *bound_nodes[LD_BOUNDS];
    int64_t over_ns; /* 0: the newest value */
    const char *at;  /* another site than the row's, NULL: the row's own */
    const char *waiting;
    const char *as;  /* its name in the explanation, NULL: the column's */
    /* as checked */
    const struct ld_node *node;
    const struct ld_column *column; /* NULL: wrong, and reported */
    enum ld_wait at_wait;
    bool bounded[LD_BOUNDS];
    double bounds[LD_BOUNDS];
    size_t name_count; /* is, is_not: sorted */
    const char **names;
    bool negated;
};

struct ld_row {
    const char *id, *doc;
    int scope;  /* enum ld_column_level */
    int cause;  /* enum ld_cause */
    int colour; /* enum ld_severity */
    struct ld_list when; /* struct ld_cell, sorted by canonical text */
    const char *explain, *repair;
    const struct ld_node *node;
    int64_t window_ns; /* the longest `over` of its cells */
};

struct ld_matrix {
    int64_t format;
    const char *semver, *doc;
    struct ld_list libraries; /* const char *, sorted */
    struct ld_list rows;      /* struct ld_row, sorted by id */
    struct ld_arena *arena;
    struct ld_document document;
    char *canonical;
    char hash[LD_HASH_HEX];
    char version[LD_HASH_HEX + 64];
    int64_t window_ns;
    bool needs_sites;         /* some cell looks at goroutine profiles */
    unsigned needs_sources;   /* bits 1 << enum ld_metric_source that cells look at */
};

extern const struct ld_schema ld_matrix_schema;

static inline struct ld_row *ld_matrix_row(const struct ld_matrix *matrix, size_t index)
{
    return &((struct ld_row *)matrix->rows.items)[index];
}

static inline struct ld_cell *ld_row_cell(const struct ld_row *row, size_t index)
{
    return &((struct ld_cell *)row->when.items)[index];
}

static inline const char *const *ld_matrix_libraries(const struct ld_matrix *matrix)
{
    return matrix->libraries.items;
}

/* Checks that need the whole file: names, single numbers, templates. Every finding through ld_schema_error. */
int ld_matrix_lint(struct ld_schema_context *context, struct ld_matrix *matrix);
/* The cell that a placeholder of the row's explanation stands for, or NULL. `length` bytes of `name`. */
const struct ld_cell *ld_row_placeholder(const struct ld_row *row, const char *name, size_t length);
/* Sort what has no order, write the canonical form and the identity. */
int ld_matrix_identify(struct ld_matrix *matrix);

#endif
