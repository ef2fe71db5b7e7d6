/* Costs in the words of reports. */
#ifndef LD_REPORTS_COST_H
#define LD_REPORTS_COST_H

#include <jansson.h>

#include "score/cost.h"

/* "+1.2s", "-3.1KiB", "120": a figure in its unit. */
const char *cost_value(enum ld_cost cost, int64_t value, bool signed_, char *text, size_t size);
/* All rows; NULL when memory ran out. */
json_t *cost_json(const struct ld_costs *costs);

#endif
