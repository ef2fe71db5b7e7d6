/* What detectors cost, from a store: the counters of runs in which it is measured. */
#ifndef LD_RUN_COST_H
#define LD_RUN_COST_H

#include "score/cost.h"
#include "store/store.h"

/* No rows when no cell of the plan measures a cost. Of records, those that are valid are read. */
int ld_cost_read(struct ld_costs *ret_costs, struct ld_store *store, const struct ld_plan *plan,
                 const struct ld_run_record *records, size_t record_count, struct ld_error *error);

#endif
