/* What got worse runs again: is it so with other seeds, too, and is it more than chance? */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "score/regressing.h"

#define ROUNDING 1e-9 /* 1/20 is enough for 0.05, but for the last bits of a sum */

/* ---- what is to run */

struct cells {
    const char **names;
    size_t count;
};

static void add_cell(struct cells *cells, const char *name)
{
    for (size_t i = 0; i < cells->count; i++)
        if (strcmp(cells->names[i], name) == 0)
            return;
    cells->names[cells->count++] = name;
}

/* SLOWER: those whose times were compared. */
static void add_cells_of(struct cells *cells, const struct ld_regression *item, const struct ld_baseline *baseline,
                         const struct ld_baseline *now)
{
    if (item->kind != LD_REGRESSION_SLOWER) {
        add_cell(cells, item->cell);
        return;
    }
    for (size_t i = 0; i < now->row_count; i++) {
        const struct ld_baseline_row *row = &now->rows[i];
        const struct ld_baseline_row *then = regress_row(baseline, row->cell, row->detector);
        if (strcmp(row->scenario, item->cell) == 0 && strcmp(row->detector, item->detector) == 0 && row->time_count &&
            then && then->time_count)
            add_cell(cells, row->cell);
    }
}

int ld_regressions_cells(struct ld_regressions *regressions, const struct ld_baseline *baseline,
                         const struct ld_baseline *now, const char *const **ret_cells, struct ld_error *error)
{
    size_t room = regressions->count + now->row_count + 1;
    struct cells cells = {.names = ld_arena_array(regressions->arena, room, sizeof *cells.names)};
    if (!cells.names)
        return ld_fail(error, LD_ENOMEM, "regress: out of memory");
    for (size_t i = 0; i < regressions->count; i++)
        if (regressions->items[i].worse)
            add_cells_of(&cells, &regressions->items[i], baseline, now);
    cells.names[cells.count] = NULL;
    for (size_t i = 0; i < cells.count; i++)
        if (!(cells.names[i] = ld_arena_text(regressions->arena, cells.names[i])))
            return ld_fail(error, LD_ENOMEM, "regress: out of memory");
    *ret_cells = cells.names;
    return 0;
}

static double p_with(const struct ld_regression *item, struct ld_bad_runs again)
{
    return regress_p(item->before, (struct ld_bad_runs){item->now.bad + again.bad, item->now.runs + again.runs});
}

/* Of `tested` all are beyond chance when none has a larger p. */
static double enough_for(const struct ld_regressions *regressions, size_t tested)
{
    size_t comparisons = regressions->comparisons > tested ? regressions->comparisons : tested;
    return (1 + ROUNDING) * LD_REGRESS_ERROR * (double)tested / (double)(comparisons ? comparisons : 1);
}

/* Runs that are all bad until it is beyond chance. */
static uint32_t runs_needed(const struct ld_regression *item, double enough)
{
    uint32_t runs = LD_REGRESS_RERUNS;
    while (item->now.runs && runs < LD_REGRESS_RERUNS_MAX && p_with(item, (struct ld_bad_runs){runs, runs}) > enough)
        runs++;
    return runs;
}

/* How many are as bad as this one, and it. */
static size_t rank_of(const struct ld_regressions *regressions, const struct ld_regression *item)
{
    size_t rank = 0;
    for (size_t i = 0; i < regressions->count; i++)
        rank += regressions->items[i].worse && regressions->items[i].p <= item->p;
    return rank;
}

uint32_t ld_regressions_reruns(const struct ld_regressions *regressions)
{
    uint32_t most = LD_REGRESS_RERUNS;
    for (size_t i = 0; i < regressions->count; i++) {
        const struct ld_regression *item = &regressions->items[i];
        size_t kept = (rank_of(regressions, item) + 3) / 4; /* of those as bad most may turn out to be chance */
        uint32_t runs = item->worse ? runs_needed(item, enough_for(regressions, kept)) : 0;
        most = runs > most ? runs : most;
    }
    return most;
}

/* ---- what came of it */

struct rerunning {
    struct ld_regressions *regressions;
    const struct ld_baseline *before, *now, *rerun;
    const struct ld_plan *plan;
    bool *again; /* of each item: the rerun is worse than the baseline, too */
};

/* More of its runs than of the baseline's? */
static bool is_worse(struct ld_bad_runs before, struct ld_bad_runs rerun)
{
    return (uint64_t)rerun.bad * before.runs > (uint64_t)before.bad * rerun.runs;
}

static void look_at_runs(const struct rerunning *rerunning, size_t index, const struct ld_baseline_row *row)
{
    struct ld_regression *item = &rerunning->regressions->items[index];
    const struct ld_baseline_row *then = regress_row(rerunning->before, item->cell, item->detector);
    struct ld_bad_runs rerun = regress_bad_runs(item->kind, row, then);
    if (!rerun.runs)
        return;
    if (item->kind == LD_REGRESSION_LOST || item->kind == LD_REGRESSION_RARER)
        regress_say_again(item, "; run again: %u of %u", row->seen, row->leaks);
    else
        regress_say_again(item, "; run again: %u of %u", rerun.bad, rerun.runs);
    item->again = rerun;
    item->p = p_with(item, rerun);
    item->rerun = LD_RERUN_NOT_AGAIN;
    rerunning->again[index] = is_worse(item->before, rerun);
}

static int look_at_times(const struct rerunning *rerunning, size_t index)
{
    struct ld_regression *item = &rerunning->regressions->items[index];
    struct slowness alone, together;
    char difference[32];
    int code = regress_slowness(&alone, rerunning->before, rerunning->rerun, NULL, rerunning->plan, item->cell,
                                item->detector, 0);
    if (!code)
        code = regress_slowness(&together, rerunning->before, rerunning->now, rerunning->rerun, rerunning->plan,
                                item->cell, item->detector, rerunning->regressions->comparisons);
    if (code || !alone.now)
        return code;
    ld_format_duration_short(alone.difference_ns, difference, sizeof difference);
    regress_say_again(item, "; run again: %s over %zu", difference, alone.now);
    item->p = together.p;
    item->p_floor = together.p_floor;
    item->rerun = LD_RERUN_NOT_AGAIN;
    rerunning->again[index] = alone.difference_ns > 0;
    return 0;
}

static int look_again(const struct rerunning *rerunning, size_t index)
{
    struct ld_regression *item = &rerunning->regressions->items[index];
    if (!item->worse)
        return 0;
    if (item->kind == LD_REGRESSION_SLOWER)
        return look_at_times(rerunning, index);
    const struct ld_baseline_row *row = regress_row(rerunning->rerun, item->cell, item->detector);
    if (row)
        look_at_runs(rerunning, index, row);
    return 0;
}

static int by_p(const void *left, const void *right)
{
    const double *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

struct limits {
    double beyond; /* the largest p that is beyond chance; negative: none is */
    double enough; /* what it would be if all of them were */
};

/* Benjamini and Hochberg 1995; comparisons that got no worse, or not again, count among all, and are beyond nothing. */
static int find_limits(const struct rerunning *rerunning, struct limits *ret_limits)
{
    const struct ld_regressions *regressions = rerunning->regressions;
    double *values = calloc(regressions->count + 1, sizeof *values), beyond = -1;
    size_t count = 0;
    if (!values)
        return LD_ENOMEM;
    for (size_t i = 0; i < regressions->count; i++)
        if (rerunning->again[i])
            values[count++] = regressions->items[i].p;
    qsort(values, count, sizeof *values, by_p);
    for (size_t i = 0; i < count; i++)
        if (values[i] <= enough_for(regressions, i + 1))
            beyond = values[i];
    free(values);
    *ret_limits = (struct limits){beyond, enough_for(regressions, count)};
    return 0;
}

/* Most of the rerun was bad, and its runs are so few that all of them being bad would not have been beyond chance; or
 * no draw was as slow, and there were too few. */
static bool is_too_few(const struct ld_regression *item, double enough)
{
    if (item->kind == LD_REGRESSION_SLOWER)
        return item->p <= item->p_floor && item->p_floor > enough;
    return 2 * (uint64_t)item->again.bad > item->again.runs &&
           p_with(item, (struct ld_bad_runs){item->again.runs, item->again.runs}) > enough;
}

static void say_result(struct ld_regression *item, size_t comparisons, const struct limits *limits)
{
    const char *too_few =
        item->kind == LD_REGRESSION_SLOWER ? ": so few draws cannot tell" : ": so few runs cannot tell";
    item->rerun = item->p <= limits->beyond              ? LD_RERUN_CONFIRMED
                  : is_too_few(item, limits->enough) ? LD_RERUN_OPEN
                                                         : LD_RERUN_CHANCE;
    regress_say_again(item, "; together p = %.2g, %s chance among %zu comparison%s%s", item->p,
                item->rerun == LD_RERUN_CONFIRMED ? "beyond" : "which can be", comparisons, comparisons == 1 ? "" : "s",
                item->rerun == LD_RERUN_OPEN ? too_few : "");
}

int ld_regressions_confirm(struct ld_regressions *regressions, const struct ld_baseline *baseline,
                           const struct ld_baseline *now, const struct ld_baseline *rerun, const struct ld_plan *plan,
                           struct ld_error *error)
{
    struct rerunning rerunning = {.regressions = regressions, .before = baseline, .now = now, .rerun = rerun,
                                  .plan = plan, .again = calloc(regressions->count + 1, sizeof *rerunning.again)};
    struct limits limits = {-1, 0};
    int code = rerunning.again ? 0 : LD_ENOMEM;
    for (size_t i = 0; i < regressions->count && !code; i++)
        code = look_again(&rerunning, i);
    if (!code)
        code = find_limits(&rerunning, &limits);
    for (size_t i = 0; i < regressions->count && !code; i++)
        if (rerunning.again[i])
            say_result(&regressions->items[i], regressions->comparisons, &limits);
    free(rerunning.again);
    return code ? ld_fail(error, code, "regress: out of memory") : 0;
}

bool ld_regression_is_open(const struct ld_regression *item)
{
    static const bool settled[LD_RERUN_COUNT] = {
#define X(id, name, settled, doc) [LD_RERUN_##id] = settled,
        LD_RERUNS(X)
#undef X
    };
    return item->worse && !settled[item->rerun];
}

bool ld_regressions_fail(const struct ld_regressions *regressions)
{
    for (size_t i = 0; i < regressions->count; i++)
        if (regressions->items[i].rerun == LD_RERUN_CONFIRMED)
            return true;
    return false;
}

bool ld_regressions_open(const struct ld_regressions *regressions)
{
    for (size_t i = 0; i < regressions->count; i++)
        if (ld_regression_is_open(&regressions->items[i]))
            return true;
    return false;
}
