#include "runner/run/cost.h"

#include <stdlib.h>

#include "base/arena.h"

#define RUN_MEMORY ((size_t)1 << 30) /* of one run's numbers */

static size_t counters(enum ld_metric metrics[LD_COST_COUNT * LD_COST_METRICS_MAX])
{
    size_t count = 0;
    for (int cost = 0; cost < LD_COST_COUNT; cost++)
        for (size_t i = 0; i < ld_cost_table[cost].metric_count; i++)
            metrics[count++] = ld_cost_table[cost].metrics[i];
    return count;
}

/* Where the counter stood at the first and the last sample within the window. */
static struct ld_cost_growth growth_of(const struct ld_stored_series *series, const struct ld_run_end *window)
{
    struct ld_cost_growth growth = {.metric = series->metric};
    bool found = false;
    for (size_t i = 0; i < series->count; i++) {
        const struct ld_stored_sample *sample = &series->samples[i];
        if (sample->time_ns < window->method_from_ns || sample->time_ns > window->observed_to_ns)
            continue;
        if (!found) {
            growth.first_ns = sample->time_ns;
            growth.first = sample->value;
        }
        found = true;
        growth.last_ns = sample->time_ns;
        growth.last = sample->value;
    }
    return growth;
}

static int read_run(struct ld_cost_run *ret_run, struct ld_store *store, uint32_t run, struct ld_arena *arena,
                    struct ld_error *error)
{
    enum ld_metric metrics[LD_COST_COUNT * LD_COST_METRICS_MAX];
    size_t metric_count = counters(metrics), count = 0;
    struct ld_stored_run stored;
    struct ld_stored_series *series;
    int code = ld_store_read_run(store, run, &stored, arena, error);
    if (!code)
        code = ld_store_read_series(store, run, metrics, metric_count, &series, &count, arena, error);
    if (code)
        return code;
    struct ld_cost_growth *growths = ld_arena_array(arena, count + 1, sizeof *growths);
    if (!growths)
        return ld_fail(error, LD_ENOMEM, "cost: out of memory");
    for (size_t i = 0; i < count; i++)
        growths[i] = growth_of(&series[i], &stored.end);
    *ret_run = ld_cost_of_run(run, growths, count);
    return 0;
}

/* The numbers of one run at a time are in memory. */
static int read_runs(struct ld_cost_run *runs, size_t *ret_count, struct ld_store *store, const struct ld_plan *plan,
                     const struct ld_run_record *records, size_t record_count, struct ld_error *error)
{
    size_t count = 0;
    int code = 0;
    for (size_t i = 0; i < record_count && !code; i++) {
        const struct ld_run_plan *planned = ld_plan_find_run(plan, records[i].run);
        if (!planned || !ld_cost_is_measured(&plan->cells[planned->cell]) || records[i].validity != LD_VALID)
            continue;
        struct ld_arena *arena = ld_arena_new(RUN_MEMORY);
        code = arena ? read_run(&runs[count], store, records[i].run, arena, error)
                     : ld_fail(error, LD_ENOMEM, "cost: out of memory");
        ld_arena_free(arena);
        count += code == 0;
    }
    *ret_count = count;
    return code;
}

int ld_cost_read(struct ld_costs *ret_costs, struct ld_store *store, const struct ld_plan *plan,
                 const struct ld_run_record *records, size_t record_count, struct ld_error *error)
{
    struct ld_cost_run *runs = calloc(record_count + 1, sizeof *runs);
    size_t count = 0;
    if (!runs)
        return ld_fail(error, LD_ENOMEM, "cost: out of memory");
    int code = read_runs(runs, &count, store, plan, records, record_count, error);
    if (!code)
        code = ld_cost_make(ret_costs, plan, records, record_count, runs, count, error);
    free(runs);
    return code;
}
