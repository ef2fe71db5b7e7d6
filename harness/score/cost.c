#include "score/cost.h"

#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "scenario/arm.h"
#include "score/internal.h"

const struct ld_cost_info ld_cost_table[LD_COST_COUNT] = {
#define X(id, name_, unit_, doc_) [LD_COST_##id] = {.name = name_, .unit = unit_, .doc = doc_, COUNTERS_##id},
#define COUNTERS_CPU .metrics = {LD_METRIC_CPU}, .metric_count = 1, .scale = 1e9
#define COUNTERS_PAUSE .metrics = {LD_METRIC_PAUSE_GC, LD_METRIC_PAUSE_OTHER}, .metric_count = 2, .scale = 1e9
#define COUNTERS_ALLOCATED .metrics = {LD_METRIC_ALLOC_BYTES}, .metric_count = 1, .scale = 1
#define COUNTERS_OBJECTS .metrics = {LD_METRIC_ALLOC_OBJECTS}, .metric_count = 1, .scale = 1
#define COUNTERS_READ .metrics = {LD_METRIC_READ_BYTES}, .metric_count = 1, .scale = 1
    LD_COSTS(X)
#undef X
};

/* ---- one run */

/* Per minute, over all incarnations; -1 when the counter was never seen twice. */
static double per_minute(enum ld_metric metric, const struct ld_cost_growth *growths, size_t count)
{
    double grown = 0;
    int64_t over_ns = 0;
    for (size_t i = 0; i < count; i++) {
        if (growths[i].metric != metric || growths[i].last_ns <= growths[i].first_ns)
            continue;
        grown += growths[i].last - growths[i].first;
        over_ns += growths[i].last_ns - growths[i].first_ns;
    }
    return over_ns > 0 && grown >= 0 ? grown * (double)LD_MINUTE / (double)over_ns : -1;
}

struct ld_cost_run ld_cost_of_run(uint32_t run, const struct ld_cost_growth *growths, size_t count)
{
    struct ld_cost_run made = {.run = run};
    for (int cost = 0; cost < LD_COST_COUNT; cost++) {
        const struct ld_cost_info *info = &ld_cost_table[cost];
        double sum = 0;
        bool known = true;
        for (size_t i = 0; i < info->metric_count; i++) {
            double one = per_minute(info->metrics[i], growths, count);
            known = known && one >= 0;
            sum += one;
        }
        sum *= info->scale;
        made.values[cost] = known && sum < 9e18 ? (int64_t)(sum + 0.5) : -1;
    }
    return made;
}

/* ---- pairs */

struct costing {
    const struct ld_plan *plan;
    const struct ld_run_record *records;
    size_t record_count;
    const struct ld_cost_run *runs;
    size_t run_count;
    struct ld_costs *result;
    int64_t *differences, *drawn; /* scratch: a row's pairs, the bootstrap's means */
};

bool ld_cost_is_measured(const struct ld_cell *cell)
{
    return cell->scenario->arms == LD_ARMS_EACH && ld_scenario_arm_count(cell->scenario) > 1;
}

static const struct ld_cost_run *cost_of(const struct costing *costing, uint32_t run)
{
    for (size_t i = 0; i < costing->run_count; i++)
        if (costing->runs[i].run == run)
            return &costing->runs[i];
    return NULL;
}

/* Valid, and the detector (NULL: none) did not break. */
static bool is_whole(const struct costing *costing, uint32_t run, const char *detector)
{
    for (size_t i = 0; i < costing->record_count; i++) {
        const struct ld_run_record *record = &costing->records[i];
        if (record->run != run)
            continue;
        for (size_t k = 0; detector && k < record->detector_count; k++)
            if (strcmp(record->detectors[k].name, detector) == 0 && record->detectors[k].failed)
                return false;
        return record->validity == LD_VALID;
    }
    return false;
}

/* The run of the bare arm that has the same seed. */
static const struct ld_run_plan *bare_of(const struct costing *costing, const struct ld_run_plan *run)
{
    const struct ld_plan *plan = costing->plan;
    for (size_t i = 0; i < plan->run_count; i++) {
        const struct ld_cell *cell = &plan->cells[plan->runs[i].cell];
        if (plan->runs[i].repetition == run->repetition && cell->arm == 0 &&
            ld_cell_is_alike(cell, &plan->cells[run->cell]))
            return &plan->runs[i];
    }
    return NULL;
}

static int64_t mean_of_drawn(const int64_t *values, size_t count, struct ld_random *random)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)values[ld_random_below(random, count)];
    return (int64_t)(sum / (double)count);
}

static void bound(struct costing *costing, struct ld_cost_value *value, uint64_t seed)
{
    struct ld_random random;
    ld_random_init(&random, seed);
    for (size_t i = 0; i < LD_COST_RESAMPLES; i++)
        costing->drawn[i] = mean_of_drawn(costing->differences, value->pairs, &random);
    score_percentile_interval(costing->drawn, LD_COST_RESAMPLES, &value->lower, &value->upper);
    value->bounded = true;
}

struct pair {
    const struct ld_cost_run *bare, *with;
};

static void fill_value(struct costing *costing, struct ld_cost_row *row, enum ld_cost cost, const struct pair *pairs)
{
    struct ld_cost_value *value = &row->values[cost];
    double without = 0, difference = 0;
    for (size_t i = 0; i < row->pairs; i++) {
        int64_t bare = pairs[i].bare->values[cost], with = pairs[i].with->values[cost];
        if (bare < 0 || with < 0)
            continue;
        costing->differences[value->pairs++] = with - bare;
        without += (double)bare;
        difference += (double)(with - bare);
    }
    if (!value->pairs)
        return;
    value->without = (int64_t)(without / (double)value->pairs);
    value->difference = (int64_t)(difference / (double)value->pairs);
    if (value->pairs >= LD_COST_PAIRS_MIN)
        bound(costing, value, ld_derive(costing->plan->seed, row->detector, (uint64_t)cost));
}

static void find_pairs(struct costing *costing, const struct ld_scenario *scenario, size_t detector,
                       struct ld_cost_row *row, struct pair *pairs)
{
    const struct ld_plan *plan = costing->plan;
    for (size_t i = 0; i < plan->run_count; i++) {
        const struct ld_run_plan *run = &plan->runs[i];
        const struct ld_cell *cell = &plan->cells[run->cell];
        if (cell->scenario != scenario || cell->arm != detector + 1)
            continue;
        const struct ld_run_plan *bare = bare_of(costing, run);
        struct pair pair = {bare ? cost_of(costing, bare->index) : NULL, cost_of(costing, run->index)};
        if (pair.bare && pair.with && is_whole(costing, bare->index, NULL) &&
            is_whole(costing, run->index, row->detector))
            pairs[row->pairs++] = pair;
    }
}

static int add_scenario(struct costing *costing, const struct ld_scenario *scenario)
{
    struct ld_costs *result = costing->result;
    struct pair *pairs = ld_arena_array(result->arena, costing->plan->run_count + 1, sizeof *pairs);
    if (!pairs)
        return LD_ENOMEM;
    for (size_t i = 0; i < scenario->detector_count; i++) {
        struct ld_cost_row *row = &result->rows[result->row_count++];
        *row = (struct ld_cost_row){.scenario = ld_arena_text(result->arena, scenario->name),
                                    .detector = ld_arena_text(result->arena, scenario->detectors[i].name),
                                    .period_ns = score_period_ns(scenario)};
        if (!row->scenario || !row->detector)
            return LD_ENOMEM;
        find_pairs(costing, scenario, i, row, pairs);
        for (int cost = 0; cost < LD_COST_COUNT; cost++)
            fill_value(costing, row, (enum ld_cost)cost, pairs);
    }
    return 0;
}

static size_t rows_at_most(const struct ld_plan *plan)
{
    size_t most = 0;
    const struct ld_scenario *last = NULL;
    for (size_t i = 0; i < plan->cell_count; i++) {
        if (plan->cells[i].scenario != last)
            most += plan->cells[i].scenario->detector_count;
        last = plan->cells[i].scenario;
    }
    return most;
}

static int add_all(struct costing *costing)
{
    struct ld_costs *result = costing->result;
    const struct ld_plan *plan = costing->plan;
    const struct ld_scenario *last = NULL; /* cells of one scenario stand together */
    int code = 0;
    result->rows = ld_arena_array(result->arena, rows_at_most(plan) + 1, sizeof *result->rows);
    costing->differences = ld_arena_array(result->arena, plan->run_count + 1, sizeof *costing->differences);
    costing->drawn = ld_arena_array(result->arena, LD_COST_RESAMPLES, sizeof *costing->drawn);
    if (!result->rows || !costing->differences || !costing->drawn)
        return LD_ENOMEM;
    for (size_t i = 0; i < plan->cell_count && !code; i++) {
        if (plan->cells[i].scenario == last)
            continue;
        last = plan->cells[i].scenario;
        if (ld_cost_is_measured(&plan->cells[i]))
            code = add_scenario(costing, last);
    }
    return code;
}

int ld_cost_make(struct ld_costs *ret_costs, const struct ld_plan *plan, const struct ld_run_record *records,
                 size_t record_count, const struct ld_cost_run *runs, size_t run_count, struct ld_error *error)
{
    struct ld_costs result = {.arena = ld_arena_new(SCORE_ARENA_MAX)};
    struct costing costing = {plan, records, record_count, runs, run_count, &result, NULL, NULL};
    int code = result.arena ? add_all(&costing) : LD_ENOMEM;
    if (code) {
        ld_costs_done(&result);
        return ld_fail(error, code, "cost: out of memory");
    }
    *ret_costs = result;
    return 0;
}

void ld_costs_done(struct ld_costs *costs)
{
    if (!costs)
        return;
    ld_arena_free(costs->arena);
    *costs = (struct ld_costs){0};
}
