#include "score/compare.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/random.h"
#include "score/internal.h"

/* One leak, seen by both sides. */
struct timed_pair {
    uint32_t cluster;
    struct ld_survival_time left, right;
};

struct comparing {
    struct ld_comparison *result;
    const struct ld_compare_side *left, *right;
    struct timed_pair *times;
    size_t time_count;
    size_t difference_room;
};

/* ---- partners */

static const struct ld_cell *cell_of(const struct ld_plan *plan, const struct ld_run_plan *run)
{
    return &plan->cells[run->cell];
}

/* Both detectors in one arm: no read of the one's own lies between them. */
static const struct ld_cell *same_arm(const struct ld_compare_side *side, const struct ld_cell *cell)
{
    for (size_t i = 0; i < side->plan->cell_count; i++) {
        const struct ld_cell *other = &side->plan->cells[i];
        if (strcmp(other->name, cell->name) == 0)
            return ld_cell_is_watched_by(other, side->detector) ? other : NULL;
    }
    return NULL;
}

/* The first arm of the cell in which the side's detector watches. */
static const struct ld_cell *first_arm(const struct ld_compare_side *side, const struct ld_cell *cell)
{
    for (size_t i = 0; i < side->plan->cell_count; i++)
        if (ld_cell_is_alike(&side->plan->cells[i], cell) &&
            ld_cell_is_watched_by(&side->plan->cells[i], side->detector))
            return &side->plan->cells[i];
    return NULL;
}

/* Is there an arm of this cell in which both watch? Then no run of it pairs with one of another arm. */
static bool share_an_arm(const struct comparing *comparing, const struct ld_cell *cell)
{
    const struct ld_plan *plan = comparing->left->plan;
    for (size_t i = 0; i < plan->cell_count; i++)
        if (ld_cell_is_alike(&plan->cells[i], cell) &&
            ld_cell_is_watched_by(&plan->cells[i], comparing->left->detector) &&
            same_arm(comparing->right, &plan->cells[i]))
            return true;
    return false;
}

/* The right cell whose runs pair with those of the left one; NULL when there is none, or when another cell stands for
 * it: then `ret_counts` is false. */
static const struct ld_cell *partner_cell(const struct comparing *comparing, const struct ld_cell *cell,
                                          bool *ret_counts)
{
    const struct ld_cell *other = same_arm(comparing->right, cell);
    *ret_counts = ld_cell_is_watched_by(cell, comparing->left->detector);
    if (!*ret_counts)
        return NULL;
    if (other)
        return other->reads == cell->reads ? other : NULL;
    *ret_counts = !share_an_arm(comparing, cell) && first_arm(comparing->left, cell) == cell;
    return *ret_counts ? first_arm(comparing->right, cell) : NULL;
}

static const struct ld_run_plan *run_of(const struct ld_plan *plan, const struct ld_cell *cell, uint32_t repetition)
{
    for (size_t i = 0; cell && i < plan->run_count; i++)
        if (cell_of(plan, &plan->runs[i]) == cell && plan->runs[i].repetition == repetition)
            return &plan->runs[i];
    return NULL;
}

static const struct ld_detector_run *detector_run(const struct ld_compare_side *side, uint32_t run)
{
    for (size_t i = 0; i < side->score->detector_run_count; i++) {
        const struct ld_detector_run *row = &side->score->detector_runs[i];
        if (row->run == run && strcmp(row->detector, side->detector) == 0)
            return row;
    }
    return NULL;
}

static const struct ld_outcome *outcome_of(const struct ld_compare_side *side, uint32_t run, int32_t interval)
{
    for (size_t i = 0; i < side->score->outcome_count; i++) {
        const struct ld_outcome *outcome = &side->score->outcomes[i];
        if (outcome->run == run && outcome->interval == interval && strcmp(outcome->detector, side->detector) == 0)
            return outcome;
    }
    return NULL;
}

/* ---- pairs */

static void count_pair(struct ld_compare_table *table, bool left, bool right)
{
    table->both += left && right;
    table->left_only += left && !right;
    table->right_only += !left && right;
    table->neither += !left && !right;
}

static int note_difference(struct comparing *comparing, struct ld_compare_difference difference)
{
    struct ld_comparison *result = comparing->result;
    if (result->difference_count == comparing->difference_room) {
        size_t room = comparing->difference_room ? comparing->difference_room * 2 : 64;
        struct ld_compare_difference *grown = ld_arena_array(result->arena, room, sizeof *grown);
        if (!grown)
            return LD_ENOMEM;
        if (result->difference_count)
            memcpy(grown, result->differences, result->difference_count * sizeof *grown);
        result->differences = grown;
        comparing->difference_room = room;
    }
    result->differences[result->difference_count++] = difference;
    return 0;
}

static int pair_leak(struct comparing *comparing, const struct ld_cell *cell, uint32_t repetition, uint32_t cluster,
                     const struct ld_outcome *left, const struct ld_outcome *right)
{
    struct ld_comparison *result = comparing->result;
    if (!ld_outcome_is_evidence(left->kind) || !ld_outcome_is_evidence(right->kind)) {
        result->no_evidence++;
        return 0;
    }
    count_pair(&result->leaks, left->kind == LD_OUTCOME_TP, right->kind == LD_OUTCOME_TP);
    struct timed_pair pair = {.cluster = cluster};
    if (score_time_of(left, &pair.left) && score_time_of(right, &pair.right))
        comparing->times[comparing->time_count++] = pair;
    if (left->kind == right->kind)
        return 0;
    return note_difference(comparing, (struct ld_compare_difference){.cell = cell->name,
                                                                     .repetition = repetition,
                                                                     .left_run = left->run,
                                                                     .right_run = right->run,
                                                                     .interval = left->interval,
                                                                     .left = left->kind,
                                                                     .right = right->kind});
}

static int pair_leaks(struct comparing *comparing, const struct ld_cell *cell, uint32_t cluster,
                      const struct ld_run_plan *left, const struct ld_run_plan *right)
{
    const struct ld_score *score = comparing->left->score;
    for (size_t i = 0; i < score->outcome_count; i++) {
        const struct ld_outcome *outcome = &score->outcomes[i];
        if (outcome->run != left->index || outcome->interval < 0 ||
            strcmp(outcome->detector, comparing->left->detector) != 0)
            continue;
        const struct ld_outcome *other = outcome_of(comparing->right, right->index, outcome->interval);
        int code = other ? pair_leak(comparing, cell, left->repetition, cluster, outcome, other) : 0;
        if (code)
            return code;
    }
    return 0;
}

static int pair_false_alarms(struct comparing *comparing, const struct ld_cell *cell, const struct ld_run_plan *left,
                             const struct ld_run_plan *right)
{
    const struct ld_detector_run *a = detector_run(comparing->left, left->index);
    const struct ld_detector_run *b = detector_run(comparing->right, right->index);
    if (!a || !b || !a->valid || !b->valid)
        return 0;
    count_pair(&comparing->result->false_alarms, a->false_alarms > 0, b->false_alarms > 0);
    if ((a->false_alarms > 0) == (b->false_alarms > 0))
        return 0;
    return note_difference(comparing, (struct ld_compare_difference){.cell = cell->name,
                                                                     .repetition = left->repetition,
                                                                     .left_run = left->index,
                                                                     .right_run = right->index,
                                                                     .interval = -1,
                                                                     .left_false_alarms = a->false_alarms,
                                                                     .right_false_alarms = b->false_alarms});
}

/* Pairs of one leak are near-copies: they form a cluster. */
static uint32_t cluster_of(const struct ld_plan *plan, const struct ld_cell *cell)
{
    for (uint32_t i = 0; i < plan->cell_count; i++)
        if (score_same_leak(plan->cells[i].scenario, cell->scenario))
            return i;
    return 0;
}

/* Runs of the right side that have something to say: those of arms in which its detector watches, and where it shares
 * arms with the left one, of those alone. */
static size_t runs_to_pair(const struct comparing *comparing)
{
    const struct ld_compare_side *right = comparing->right;
    size_t count = 0;
    for (size_t i = 0; i < right->plan->run_count; i++) {
        const struct ld_cell *cell = cell_of(right->plan, &right->plan->runs[i]);
        if (!ld_cell_is_watched_by(cell, right->detector))
            continue;
        bool shared = share_an_arm(comparing, cell);
        count += shared ? same_arm(comparing->left, cell) != NULL : first_arm(right, cell) == cell;
    }
    return count;
}

static int pair_all(struct comparing *comparing)
{
    const struct ld_plan *plan = comparing->left->plan, *right_plan = comparing->right->plan;
    struct ld_comparison *result = comparing->result;
    size_t paired = 0;
    int code = 0;
    for (size_t i = 0; i < plan->run_count && !code; i++) {
        const struct ld_run_plan *left = &plan->runs[i];
        const struct ld_cell *cell = cell_of(plan, left);
        bool counts;
        const struct ld_cell *partner = partner_cell(comparing, cell, &counts);
        const struct ld_run_plan *right = run_of(right_plan, partner, left->repetition);
        if (!right) {
            const struct ld_cell *same = same_arm(comparing->right, cell);
            result->unpaired_left += counts;
            result->unpaired_reads += counts && same && same->reads != cell->reads;
            continue;
        }
        paired++;
        result->across_arms += strcmp(partner->name, cell->name) != 0;
        result->reads_differ += partner->reads != cell->reads;
        code = pair_leaks(comparing, cell, cluster_of(plan, cell), left, right);
        if (!code)
            code = pair_false_alarms(comparing, cell, left, right);
    }
    result->pairs = (uint32_t)paired;
    result->unpaired_right = (uint32_t)(runs_to_pair(comparing) - paired);
    return code;
}

/* ---- restricted means */

struct sample {
    struct ld_survival_time *left, *right; /* scratch */
    size_t count;
};

static void sample_add(struct sample *sample, const struct timed_pair *pair, int64_t to_ns)
{
    struct ld_survival_time left = pair->left, right = pair->right;
    if (left.time_ns > to_ns)
        left = (struct ld_survival_time){to_ns, false};
    if (right.time_ns > to_ns)
        right = (struct ld_survival_time){to_ns, false};
    sample->left[sample->count] = left;
    sample->right[sample->count++] = right;
}

static int by_cluster(const void *left, const void *right)
{
    const struct timed_pair *a = left, *b = right;
    return (a->cluster > b->cluster) - (a->cluster < b->cluster);
}

/* Where the clusters of the sorted pairs begin; `starts` has room for one more than pairs. */
static size_t find_clusters(const struct timed_pair *pairs, size_t count, size_t *starts)
{
    size_t clusters = 0;
    for (size_t i = 0; i < count; i++)
        if (i == 0 || pairs[i].cluster != pairs[i - 1].cluster)
            starts[clusters++] = i;
    if (clusters < LD_COMPARE_CLUSTERS_MIN)
        for (clusters = 0; clusters < count; clusters++)
            starts[clusters] = clusters;
    starts[clusters] = count;
    return clusters;
}

struct bootstrap {
    const struct timed_pair *pairs;
    const size_t *starts;
    size_t clusters;
    int64_t to_ns;
    struct sample sample;
};

/* A resample may hold more pairs than there are, when large clusters are drawn often. */
static int64_t resample(struct bootstrap *bootstrap, struct ld_random *random)
{
    struct sample *sample = &bootstrap->sample;
    sample->count = 0;
    for (size_t i = 0; i < bootstrap->clusters; i++) {
        size_t drawn = (size_t)ld_random_below(random, bootstrap->clusters);
        for (size_t k = bootstrap->starts[drawn]; k < bootstrap->starts[drawn + 1]; k++)
            sample_add(sample, &bootstrap->pairs[k], bootstrap->to_ns);
    }
    return score_restricted_mean(sample->left, sample->count, bootstrap->to_ns) -
           score_restricted_mean(sample->right, sample->count, bootstrap->to_ns);
}

static size_t largest_cluster(const size_t *starts, size_t clusters)
{
    size_t largest = 0;
    for (size_t i = 0; i < clusters; i++)
        largest = starts[i + 1] - starts[i] > largest ? starts[i + 1] - starts[i] : largest;
    return largest;
}

/* A side that saw everything was followed at least as long as the other: a curve at 0 stays there. */
static int64_t longest_time(const struct timed_pair *pairs, size_t count)
{
    int64_t longest_ns = 0;
    for (size_t i = 0; i < count; i++) {
        longest_ns = pairs[i].left.time_ns > longest_ns ? pairs[i].left.time_ns : longest_ns;
        longest_ns = pairs[i].right.time_ns > longest_ns ? pairs[i].right.time_ns : longest_ns;
    }
    return longest_ns;
}

static int compare_times(struct comparing *comparing, uint64_t seed)
{
    struct ld_comparison *result = comparing->result;
    size_t count = comparing->time_count;
    result->time_pairs = count;
    if (!count)
        return 0;
    qsort(comparing->times, count, sizeof *comparing->times, by_cluster);
    size_t *starts = ld_arena_array(result->arena, count + 1, sizeof *starts);
    int64_t *means = ld_arena_array(result->arena, LD_COMPARE_RESAMPLES, sizeof *means);
    if (!starts || !means)
        return LD_ENOMEM;
    struct bootstrap bootstrap = {.pairs = comparing->times, .starts = starts,
                                  .to_ns = longest_time(comparing->times, count)};
    bootstrap.clusters = find_clusters(comparing->times, count, starts);
    size_t room = bootstrap.clusters * largest_cluster(starts, bootstrap.clusters);
    bootstrap.sample.left = calloc(room, sizeof *bootstrap.sample.left);
    bootstrap.sample.right = calloc(room, sizeof *bootstrap.sample.right);
    int code = bootstrap.sample.left && bootstrap.sample.right ? 0 : LD_ENOMEM;
    if (!code) {
        struct sample *sample = &bootstrap.sample;
        for (size_t i = 0; i < count; i++)
            sample_add(sample, &comparing->times[i], bootstrap.to_ns);
        result->left_mean_ns = score_restricted_mean(sample->left, count, bootstrap.to_ns);
        result->right_mean_ns = score_restricted_mean(sample->right, count, bootstrap.to_ns);
        struct ld_random random;
        ld_random_init(&random, seed);
        for (size_t i = 0; i < LD_COMPARE_RESAMPLES; i++)
            means[i] = resample(&bootstrap, &random);
        score_percentile_interval(means, LD_COMPARE_RESAMPLES, &result->lower_ns, &result->upper_ns);
        result->difference_ns = result->left_mean_ns - result->right_mean_ns;
        result->restricted_to_ns = bootstrap.to_ns;
        result->clusters = bootstrap.clusters;
    }
    free(bootstrap.sample.left);
    free(bootstrap.sample.right);
    return code;
}

static int by_place(const void *left, const void *right)
{
    const struct ld_compare_difference *a = left, *b = right;
    int names = strcmp(a->cell, b->cell);
    if (names)
        return names;
    if (a->repetition != b->repetition)
        return a->repetition < b->repetition ? -1 : 1;
    return (a->interval > b->interval) - (a->interval < b->interval);
}

int ld_compare(struct ld_comparison *ret_comparison, const struct ld_compare_side *left,
               const struct ld_compare_side *right, uint64_t seed, struct ld_error *error)
{
    struct ld_comparison result = {.arena = ld_arena_new(SCORE_ARENA_MAX)};
    struct comparing comparing = {.result = &result, .left = left, .right = right};
    if (result.arena)
        comparing.times = ld_arena_array(result.arena, left->score->outcome_count + 1, sizeof *comparing.times);
    int code = comparing.times ? pair_all(&comparing) : LD_ENOMEM;
    if (!code)
        code = compare_times(&comparing, seed);
    if (code) {
        ld_comparison_done(&result);
        return ld_fail(error, code, "compare: out of memory");
    }
    result.leaks.p = ld_mcnemar(result.leaks.left_only, result.leaks.right_only);
    result.false_alarms.p = ld_mcnemar(result.false_alarms.left_only, result.false_alarms.right_only);
    if (result.difference_count)
        qsort(result.differences, result.difference_count, sizeof *result.differences, by_place);
    *ret_comparison = result;
    return 0;
}

void ld_comparison_done(struct ld_comparison *comparison)
{
    if (!comparison)
        return;
    ld_arena_free(comparison->arena);
    *comparison = (struct ld_comparison){0};
}
