/* Shuffled truth: see ld_score_shuffle in score.h for what is compared and why its expectation is 0. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "score/internal.h"

/* The valid runs of one arm of a scenario. */
struct pool {
    const struct ld_scenario *scenario;
    uint32_t arm;
    const struct ld_run_record **runs;
    uint32_t count;
    uint32_t *leaky; /* indices of those with a manifested leak */
    uint32_t leaky_count;
};

static bool is_leaky(const struct ld_run_record *run, int64_t manifest)
{
    for (size_t i = 0; i < run->truth->interval_count; i++) {
        if (score_manifested(&run->truth->intervals[i], manifest))
            return true;
    }
    return false;
}

static int detector_index(const struct ld_run_record *run, const char *detector)
{
    for (size_t i = 0; i < run->detector_count; i++) {
        if (strcmp(run->detectors[i].name, detector) == 0)
            return (int)i;
    }
    return -1;
}

/* Would the alerts of `run` count as detecting a leak of `truth`? 1, 0 or LD_ENOMEM. */
static int detects(const struct pool *pool, const struct ld_run_record *run, const struct ld_truth *truth,
                   const char *detector)
{
    int index = detector_index(run, detector);
    if (index < 0 || run->detectors[index].alert_count == 0)
        return 0;
    struct ld_run_record swapped = *run;
    swapped.truth = truth;
    struct ld_episodes episodes;
    int code = ld_episodes_make(&episodes, &swapped, (size_t)index, ld_score_quiet_ns(pool->scenario));
    if (code)
        return code;
    int found = 0;
    for (size_t i = 0; !found && i < truth->interval_count; i++) {
        if (score_manifested(&truth->intervals[i], pool->scenario->manifest))
            found = score_detection(&swapped, &episodes, i) != NULL;
    }
    ld_episodes_done(&episodes);
    return found;
}

/* One permutation of one pool: difference of the two rates. `order` NULL: everyone's own truth. */
static int difference(const struct pool *pool, const char *detector, const uint32_t *order, struct ld_random *random,
                      double *ret_difference)
{
    uint32_t leaky = 0, healthy = 0, leaky_hits = 0, healthy_hits = 0;
    for (uint32_t i = 0; i < pool->count; i++) {
        const struct ld_run_record *drawn = pool->runs[order ? order[i] : i];
        bool drew_leaky = is_leaky(drawn, pool->scenario->manifest);
        if (!drew_leaky)
            drawn = pool->runs[pool->leaky[ld_random_below(random, pool->leaky_count)]];
        int found = detects(pool, pool->runs[i], drawn->truth, detector);
        if (found < 0)
            return found;
        *(drew_leaky ? &leaky : &healthy) += 1;
        *(drew_leaky ? &leaky_hits : &healthy_hits) += (uint32_t)found;
    }
    *ret_difference = leaky && healthy ? (double)leaky_hits / leaky - (double)healthy_hits / healthy : 0;
    return 0;
}

/* The mean over pools, weighted by their runs. */
static int over_pools(const struct pool *pools, size_t pool_count, const char *detector, uint32_t *order, bool shuffle,
                      struct ld_random *random, double *ret_difference)
{
    double sum = 0, weight = 0;
    for (size_t i = 0; i < pool_count; i++) {
        const struct pool *pool = &pools[i];
        for (uint32_t j = 0; j < pool->count; j++)
            order[j] = j;
        if (shuffle)
            ld_random_shuffle(random, order, pool->count);
        if (detector_index(pool->runs[0], detector) < 0)
            continue; /* of another arm */
        double one;
        int code = difference(pool, detector, order, random, &one);
        if (code)
            return code;
        sum += one * pool->count;
        weight += pool->count;
    }
    *ret_difference = weight > 0 ? sum / weight : 0;
    return 0;
}

static int shuffle_detector(struct ld_shuffle *row, const struct pool *pools, size_t pool_count, uint32_t *order,
                            uint64_t seed)
{
    struct ld_random random;
    ld_random_init(&random, ld_derive(seed, "shuffled truth", 0)); /* the same permutations for every detector */
    double sum = 0, squares = 0, one = 0;
    int code = over_pools(pools, pool_count, row->detector, order, false, &random, &row->true_difference);
    for (int i = 0; !code && i < LD_SHUFFLES; i++) {
        code = over_pools(pools, pool_count, row->detector, order, true, &random, &one);
        sum += one;
        squares += one * one;
    }
    double mean = sum / LD_SHUFFLES;
    double variance = fmax(0, (squares - LD_SHUFFLES * mean * mean) / (LD_SHUFFLES - 1));
    row->difference = mean;
    row->standard_error = sqrt(variance / LD_SHUFFLES);
    row->at_chance = fabs(mean) <= LD_SHUFFLE_ERRORS * row->standard_error + 1e-9;
    return code;
}

/* Valid runs by scenario and arm; pools without leaky or without healthy runs are dropped. */
static int make_pools(struct pool **ret_pools, size_t *ret_count, const struct ld_plan *plan,
                      const struct ld_run_record *runs, size_t count, struct ld_arena *arena)
{
    struct pool *pools = ld_arena_array(arena, count + 1, sizeof *pools);
    size_t made = 0, kept = 0;
    if (!pools)
        return LD_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        const struct ld_cell *cell = score_cell(plan, &runs[i]);
        if (!cell || runs[i].validity != LD_VALID || !runs[i].truth)
            continue;
        size_t at = 0;
        while (at < made && (pools[at].scenario != cell->scenario || pools[at].arm != cell->arm))
            at++;
        struct pool *pool = &pools[at];
        if (at == made) {
            made++;
            *pool = (struct pool){.scenario = cell->scenario,
                                  .arm = cell->arm,
                                  .runs = ld_arena_array(arena, count, sizeof *pool->runs),
                                  .leaky = ld_arena_array(arena, count, sizeof *pool->leaky)};
            if (!pool->runs || !pool->leaky)
                return LD_ENOMEM;
        }
        if (is_leaky(&runs[i], cell->scenario->manifest))
            pool->leaky[pool->leaky_count++] = pool->count;
        pool->runs[pool->count++] = &runs[i];
    }
    for (size_t i = 0; i < made; i++) {
        if (pools[i].leaky_count && pools[i].leaky_count < pools[i].count)
            pools[kept++] = pools[i];
    }
    *ret_pools = pools;
    *ret_count = kept;
    return 0;
}

int ld_score_shuffle(struct ld_shuffle **ret_rows, size_t *ret_count, const struct ld_plan *plan,
                     const struct ld_run_record *runs, size_t count, uint64_t seed, struct ld_arena *arena)
{
    struct pool *pools = NULL;
    size_t pool_count = 0, row_count = 0, most = 1;
    int code = make_pools(&pools, &pool_count, plan, runs, count, arena);
    for (size_t i = 0; i < count; i++)
        most += runs[i].detector_count;
    struct ld_shuffle *rows = ld_arena_array(arena, most, sizeof *rows);
    uint32_t *order = ld_arena_array(arena, count + 1, sizeof *order);
    if (code || !rows || !order)
        return LD_ENOMEM;
    for (size_t i = 0; i < pool_count; i++) {
        const struct ld_run_record *run = pools[i].runs[0]; /* detectors are the arm's: the same in all its runs */
        for (size_t j = 0; j < run->detector_count; j++) {
            size_t at = 0;
            while (at < row_count && strcmp(rows[at].detector, run->detectors[j].name) != 0)
                at++;
            if (at == row_count)
                rows[row_count++].detector = ld_arena_text(arena, run->detectors[j].name);
            if (!rows[at].detector)
                return LD_ENOMEM;
        }
    }
    for (size_t i = 0; !code && i < row_count; i++)
        code = shuffle_detector(&rows[i], pools, pool_count, order, seed);
    if (code)
        return code;
    *ret_rows = rows;
    *ret_count = row_count;
    return 0;
}
