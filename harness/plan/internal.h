/* Inside the room: the whole plan before filter and shard. Everything it points at lies in the plan's arena. */
#ifndef LD_PLAN_INTERNAL_H
#define LD_PLAN_INTERNAL_H

#include "plan/plan.h"

struct ld_whole_plan {
    size_t scenario_count;
    const struct ld_scenario *const *scenarios;
    size_t cell_count;
    struct ld_cell *cells;
    size_t run_count;
    struct ld_run_plan *runs; /* by index */
    uint32_t *order;
    uint32_t sequential_tests;
};

/* A rate as JSON's integers carry it. */
int64_t ld_plan_millionths(double value);
/* The canonical JSON; the caller frees *ret_text. LD_ENOMEM, or LD_ELIMIT over LD_PLAN_JSON_MAX. */
int ld_plan_whole_json(const struct ld_whole_plan *whole, uint64_t seed, char **ret_text, struct ld_error *error);

#endif
