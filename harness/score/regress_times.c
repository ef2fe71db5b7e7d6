/* Times to detect against a baseline, scenario by scenario: the cells of one are too small each. They are compared
 * within their cells alone, for what a cell's faults do to the time must not look like a change when more runs of it
 * count. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/text.h"
#include "scenario/claim.h"
#include "score/internal.h"
#include "score/regressing.h"

struct stratum { /* one cell: times of the baseline, then those of now */
    struct ld_survival_time *times;
    size_t before, now;
    int64_t to_ns;
};

struct strata {
    size_t count, before, now, most; /* leaks; most: of one stratum */
    size_t room;                     /* of times */
    struct stratum *items;
    struct ld_survival_time *times, *scratch;
};

static void strata_done(struct strata *strata)
{
    free(strata->items);
    free(strata->times);
    free(strata->scratch);
}

static void restrict_times(struct stratum *stratum)
{
    struct score_reach before = {0, -1}, now = {0, -1};
    for (size_t i = 0; i < stratum->before + stratum->now; i++)
        score_reach_add(i < stratum->before ? &before : &now, &stratum->times[i]);
    stratum->to_ns = score_restrict_to(&before, &now);
    for (size_t i = 0; i < stratum->before + stratum->now; i++)
        stratum->times[i] = score_restricted(stratum->times[i], stratum->to_ns);
}

static size_t copy_times(struct ld_survival_time *to, size_t room, const struct ld_baseline_row *row)
{
    assert(!row || row->time_count <= room); /* no row is there twice: the parser sees to it */
    if (row && row->time_count)
        memcpy(to, row->times, row->time_count * sizeof *to);
    return row ? row->time_count : 0;
}

struct sides {
    const struct ld_baseline *before, *now, *more; /* more: NULL, or further runs of now */
    const char *scenario, *detector;
};

static void add_stratum(struct strata *strata, const struct sides *sides, const struct ld_baseline_row *row)
{
    struct stratum *stratum = &strata->items[strata->count];
    size_t used = strata->before + strata->now, room = strata->room - used;
    *stratum = (struct stratum){.times = strata->times + used};
    stratum->before = copy_times(stratum->times, room, row);
    room -= stratum->before;
    stratum->now =
        copy_times(stratum->times + stratum->before, room, regress_row(sides->now, row->cell, row->detector));
    room -= stratum->now;
    if (sides->more)
        stratum->now += copy_times(stratum->times + stratum->before + stratum->now, room,
                                   regress_row(sides->more, row->cell, row->detector));
    if (!stratum->before || !stratum->now)
        return;
    restrict_times(stratum);
    strata->before += stratum->before;
    strata->now += stratum->now;
    strata->most = stratum->before + stratum->now > strata->most ? stratum->before + stratum->now : strata->most;
    strata->count++;
}

static size_t times_in(const struct ld_baseline *baseline, const struct sides *sides)
{
    size_t count = 0;
    for (size_t i = 0; baseline && i < baseline->row_count; i++)
        if (strcmp(baseline->rows[i].detector, sides->detector) == 0)
            count += baseline->rows[i].time_count;
    return count;
}

static int gather(struct strata *ret_strata, const struct sides *sides)
{
    size_t room = times_in(sides->before, sides) + times_in(sides->now, sides) + times_in(sides->more, sides) + 1;
    struct strata strata = {.room = room,
                            .items = calloc(sides->before->row_count + 1, sizeof *strata.items),
                            .times = calloc(room, sizeof *strata.times),
                            .scratch = calloc(room, sizeof *strata.scratch)};
    if (!strata.items || !strata.times || !strata.scratch) {
        strata_done(&strata);
        return LD_ENOMEM;
    }
    for (size_t i = 0; i < sides->before->row_count; i++) {
        const struct ld_baseline_row *row = &sides->before->rows[i];
        if (strcmp(row->scenario, sides->scenario) == 0 && strcmp(row->detector, sides->detector) == 0)
            add_stratum(&strata, sides, row);
    }
    *ret_strata = strata;
    return 0;
}

/* Now minus before, in nanoseconds; a cell weighs as much as its runs can tell. The times may be in any order. */
static double difference_of(struct strata *strata)
{
    double sum = 0, weights = 0;
    for (size_t i = 0; i < strata->count; i++) {
        const struct stratum *stratum = &strata->items[i];
        memcpy(strata->scratch, stratum->times, (stratum->before + stratum->now) * sizeof *strata->scratch);
        int64_t before_ns = score_restricted_mean(strata->scratch, stratum->before, stratum->to_ns);
        int64_t now_ns = score_restricted_mean(strata->scratch + stratum->before, stratum->now, stratum->to_ns);
        double weight = (double)stratum->before * (double)stratum->now / (double)(stratum->before + stratum->now);
        sum += weight * (double)(now_ns - before_ns);
        weights += weight;
    }
    return weights > 0 ? sum / weights : 0;
}

static int by_time(const void *left, const void *right)
{
    const struct ld_survival_time *a = left, *b = right;
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns ? -1 : 1;
    return (int)b->event - (int)a->event;
}

/* The largest difference that these times can have, whichever of them are of now. Sorts them. */
static double most_of(struct strata *strata)
{
    for (size_t i = 0; i < strata->count; i++)
        qsort(strata->items[i].times, strata->items[i].before + strata->items[i].now, sizeof *strata->items[i].times,
              by_time);
    return difference_of(strata);
}

static void shuffle(struct stratum *stratum, struct ld_random *random)
{
    for (size_t i = stratum->before + stratum->now - 1; i > 0; i--) {
        size_t other = (size_t)ld_random_below(random, i + 1);
        struct ld_survival_time kept = stratum->times[i];
        stratum->times[i] = stratum->times[other];
        stratum->times[other] = kept;
    }
}

static int by_difference(const void *left, const void *right)
{
    const double *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

/* Which times are of now is drawn anew: as slow as that, by chance? The lower bound is of a shift. */
static int permute(struct strata *strata, uint64_t seed, double difference, size_t draws, struct slowness *slowness)
{
    double *drawn = calloc(LD_REGRESS_DRAWS, sizeof *drawn); /* the bound takes no more of them */
    struct ld_random random;
    size_t as_slow = 0, count = 0;
    if (!drawn)
        return LD_ENOMEM;
    ld_random_init(&random, seed);
    for (; count < LD_REGRESS_DRAWS || (count < draws && as_slow < LD_REGRESS_DRAWS_SLOW); count++) {
        for (size_t j = 0; j < strata->count; j++)
            shuffle(&strata->items[j], &random);
        double one = difference_of(strata);
        as_slow += one >= difference - 0.5;
        if (count < LD_REGRESS_DRAWS)
            drawn[count] = one;
    }
    qsort(drawn, LD_REGRESS_DRAWS, sizeof *drawn, by_difference);
    slowness->p = (double)(as_slow + 1) / (double)(count + 1);
    slowness->p_floor = 1 / (double)(count + 1);
    slowness->lower_ns = (int64_t)(difference - drawn[LD_REGRESS_DRAWS - LD_REGRESS_DRAWS / 20]);
    free(drawn);
    return 0;
}

static size_t draws_for(size_t comparisons)
{
    if (comparisons > LD_REGRESS_DRAWS_MAX / LD_REGRESS_DRAWS_EACH)
        return LD_REGRESS_DRAWS_MAX;
    size_t draws = LD_REGRESS_DRAWS_EACH * comparisons;
    return draws > LD_REGRESS_DRAWS ? draws : LD_REGRESS_DRAWS;
}

int regress_slowness(struct slowness *ret_slowness, const struct ld_baseline *before, const struct ld_baseline *now,
                     const struct ld_baseline *more, const struct ld_plan *plan, const char *scenario,
                     const char *detector, size_t comparisons)
{
    const struct sides sides = {before, now, more, scenario, detector};
    const struct ld_scenario *found = regress_scenario(plan, scenario);
    struct strata strata;
    int code = gather(&strata, &sides);
    if (code)
        return code;
    double difference = difference_of(&strata);
    struct slowness slowness = {
        .before = strata.before, .now = strata.now, .difference_ns = (int64_t)difference, .p = 1, .p_floor = 1};
    double period = found ? (double)score_period_ns(found) : 0;
    slowness.tested =
        strata.before >= LD_RUNS_FOR_MEDIAN && strata.now >= LD_RUNS_FOR_MEDIAN && most_of(&strata) > period;
    if (slowness.tested && difference > period)
        code = permute(&strata, plan->seed, difference, draws_for(comparisons), &slowness);
    strata_done(&strata);
    *ret_slowness = slowness;
    return code;
}

int regress_times_of(struct regressing *regressing, const struct ld_baseline_row *like)
{
    struct slowness slowness;
    int code = regress_slowness(&slowness, regressing->before, regressing->now, NULL, regressing->plan, like->scenario,
                                like->detector, 0);
    if (code)
        return code;
    regressing->result->comparisons += slowness.tested;
    if (slowness.p >= LD_REGRESS_ERROR)
        return 0;
    struct ld_regression *item = regress_add(regressing, LD_REGRESSION_SLOWER, like->scenario, like->detector);
    if (!item)
        return LD_ENOMEM;
    char difference[32], lower[32];
    ld_format_duration_short(slowness.difference_ns, difference, sizeof difference);
    ld_format_duration_short(slowness.lower_ns, lower, sizeof lower);
    item->p = slowness.p;
    regress_say(item, "the restricted mean time to detect is %s longer, at least %s (95%%), over %zu leaks and %zu",
                difference, lower, slowness.now, slowness.before);
    const struct ld_baseline_row *then = regress_row(regressing->before, like->cell, like->detector);
    if (then)
        regress_say_options(item, then, like);
    return 0;
}
