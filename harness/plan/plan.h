/* The plan: scenarios + seed -> every run with its resolved schedule, before anything starts. One seed gives one plan,
 * bit for bit, and the plan has a hash (SHA-256 of its canonical JSON).
 *
 * Seeds pair: the run seed depends on (campaign seed, scenario name, repetition) alone, so that variants, faults,
 * rates, depths and arms of one repetition share onset phase and per-connection decisions. Order is shuffled by the
 * seed; cells keep their runs together only in the shard, never in time. The runs of a cell with sequential tests stand
 * in the order of their repetition, since the tests look at them so; they are as many as the tests may need at most. */
#ifndef LD_PLAN_PLAN_H
#define LD_PLAN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"
#include "scenario/scenario.h"

enum ld_action_kind { LD_ACTION_LOAD_ON, LD_ACTION_LOAD_OFF, LD_ACTION_FAULT_ON, LD_ACTION_FAULT_OFF, LD_ACTION_END };
const char *ld_action_kind_name(enum ld_action_kind kind);

struct ld_action {
    int64_t at_ns; /* after the method began; scaled, the phase added */
    enum ld_action_kind kind;
    uint32_t fault; /* FAULT_…: index into the case's faults */
};

#define LD_CELL_ARM "/arm=" /* what follows in a cell's name is its arm */
struct ld_cell {
    uint32_t index; /* in the whole plan, whatever filter or shard */
    const struct ld_scenario *scenario;
    enum ld_variant variant;
    uint32_t fault_case; /* index into scenario->fault_cases */
    double rate;
    int64_t depth;
    uint32_t arm;   /* of the scenario's arms: which of its detectors watch */
    unsigned reads; /* enum ld_read bits: part of what a cell is */
    char name[384]; /* "http-body-not-closed/leaky/slow-upstream[/rate=4][/depth=3][/arm=passive]" */
};
/* Does the detector watch the cell's runs? One that the scenario does not declare is of the calibration set: always. */
bool ld_cell_is_watched_by(const struct ld_cell *cell, const char *detector);
/* Is the expectation, of the cell's own scenario, for this cell: does the detector watch it, in a fault case in which
 * it is asked? */
bool ld_cell_is_asked(const struct ld_cell *cell, const struct ld_expectation *expectation);
/* Do two cells differ in their arm at most? They may be of different plans. */
bool ld_cell_is_alike(const struct ld_cell *left, const struct ld_cell *right);

struct ld_run_plan {
    uint32_t index;         /* in the whole plan: 0-based and stable, whatever filter or shard */
    uint32_t order;         /* position in execution order among plan->runs */
    uint32_t cell;          /* index into plan->cells */
    uint32_t repetition;    /* 0-based */
    uint64_t seed;          /* fits int64_t, as databases and JSON want it */
    double load_per_second; /* scaled, with the seed's ± 5 %, in whole millionths; 0 without load */
    int64_t phase_ns;       /* onset phase: uniform in [0, one scaled period), delays the whole schedule */
    size_t action_count;
    const struct ld_action *actions; /* by time */
};

/* What a filter and a shard left of the whole plan. `cells` and `runs` hold the rest without gaps, so that positions
 * in them differ from the stable `index` of their members; the hash and the JSON are those of the whole plan, before
 * filter and shard, so that all shards of a campaign carry the same. */
struct ld_plan {
    uint64_t seed;
    size_t cell_count;
    const struct ld_cell *cells;
    size_t run_count;
    const struct ld_run_plan *runs; /* by rising index */
    const uint32_t *order;          /* positions in `runs`, in execution order: runs[order[0]] is the first to start */
    char hash[LD_HASH_HEX];         /* of `json` */
    const char *json;               /* the whole plan, canonical */
    uint32_t whole_cell_count, whole_run_count;
    uint32_t sequential_tests;      /* of the whole plan: cells x expectations; each gets that part of its alpha */
    struct ld_arena *arena; /* owns everything above, not the scenarios */
};

#define LD_PLAN_RUNS_MAX 100000
#define LD_PLAN_JSON_MAX ((size_t)128 << 20)

struct ld_plan_setting {
    uint64_t seed;          /* at most INT64_MAX */
    const char *filter;     /* glob over cell names, '*' crosses '/'; NULL: all */
    const char *const *cells; /* names of the only cells, ends with NULL; NULL: all. With a filter: both must hold */
    uint32_t shard, shards; /* 1/1: all; whole cells, dealt out in turn after the filter; 0/0 means 1/1 */
    int64_t runs;           /* > 0: instead of each scenario's repeat.runs, and of the most of a sequential cell */
    bool full;              /* ld_scenario_full_runs instead; not together with runs */
};

/* LD_EUSAGE: seed or shard out of range, runs and full, a filter that no cell matches. LD_ESPEC: two scenarios of one
 * name. LD_ELIMIT: more than LD_PLAN_RUNS_MAX runs. A shard may be empty when there are more shards than cells. */
int ld_plan_make(struct ld_plan **ret_plan, const struct ld_scenario *const *scenarios, size_t count,
                 const struct ld_plan_setting *setting, struct ld_error *error);
void ld_plan_free(struct ld_plan *plan); /* NULL is allowed */

/* How many sequential tests a cell has. Without any it is run as often as without repeat.sequential. */
size_t ld_cell_sequential_tests(const struct ld_cell *cell);
/* The sequential test of an expectation in a cell of the plan: alpha divided, at most as many runs as are planned.
 * False: it has none. */
bool ld_plan_sequential_test(const struct ld_plan *plan, const struct ld_cell *cell,
                             const struct ld_expectation *expectation, struct ld_sprt_test *ret_test);

struct ld_buffer;
/* The run with that stable index, NULL when filter or shard left it out. */
const struct ld_run_plan *ld_plan_find_run(const struct ld_plan *plan, uint32_t index);

/* Canonical JSON of the whole plan: sorted keys, integers only (rates in millionths). What is hashed and stored. */
int ld_plan_json(const struct ld_plan *plan, struct ld_buffer *out);
/* For people: cells, schedule, expected duration with `jobs` at once, and for each expectation whether the runs can
 * support the confidence asked (reports/definitions.md, "How many runs a claim needs"). */
int ld_plan_text(const struct ld_plan *plan, unsigned jobs, struct ld_buffer *out);
/* How long all runs take with `jobs` at once, starting and stopping not counted, ns. */
int64_t ld_plan_duration(const struct ld_plan *plan, unsigned jobs);
/* The sum of what a run's phases take when nothing goes wrong, ns. */
int64_t ld_plan_run_duration(const struct ld_plan *plan, const struct ld_run_plan *run);
/* Runs needed so that all of them detected gives an exact one-sided lower bound of at least `share` at `confidence`
 * (Clopper-Pearson without a miss): the least n with share^n <= 1 - confidence. Both in (0, 1). INT64_MAX when a
 * hundred million runs would not do. */
int64_t ld_plan_runs_needed(double share, double confidence);

#endif
