/* Does a row hold now, and what are the values that say so? Private to the room. */
#ifndef LD_MATRIX_EVALUATE_H
#define LD_MATRIX_EVALUATE_H

#include "base/buffer.h"
#include "matrix/life.h"

struct ld_look {
    const struct ld_life_record *life;
    const struct ld_site_series *site; /* the row's own; NULL for rows of the instance */
    int64_t now_ns;
    double time_scale;
};

/* All cells hold. A cell that cannot be computed (its series does not cover the window) does not. */
bool ld_row_holds(const struct ld_row *row, const struct ld_look *look);
/* The explanation with its placeholders filled, the evidence of every cell, since when, and the repair. */
int ld_row_explain(const struct ld_row *row, const struct ld_look *look, struct ld_buffer *out);

#endif
