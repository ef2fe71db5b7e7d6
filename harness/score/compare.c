#include "score/compare.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/random.h"
#include "score/internal.h"

const struct ld_unpaired_info ld_unpaired_table[LD_UNPAIRED_COUNT] = {
#define X(id, name, words) [LD_UNPAIRED_##id] = {name, words},
    LD_UNPAIRED(X)
#undef X
};

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

static const struct ld_run_record *record_of(const struct ld_compare_side *side, uint32_t run)
{
    for (size_t i = 0; i < side->run_count; i++)
        if (side->runs[i].run == run)
            return &side->runs[i];
    return NULL;
}

/* NULL: the run did not end, or the detector was not in it. */
static const struct ld_detector_run *detector_run(const struct ld_compare_side *side, uint32_t run)
{
    for (size_t i = 0; i < side->score->detector_run_count; i++) {
        const struct ld_detector_run *row = &side->score->detector_runs[i];
        if (row->run == run && strcmp(row->detector, side->detector) == 0)
            return row;
    }
    return NULL;
}

/* A planned run, and what it came to. */
struct side_run {
    const struct ld_run_plan *plan;
    const struct ld_cell *cell;
    const struct ld_run_record *record;
    const struct ld_detector_run *row;
};

static struct side_run side_run(const struct ld_compare_side *side, const struct ld_run_plan *run)
{
    return (struct side_run){.plan = run,
                             .cell = cell_of(side->plan, run),
                             .record = record_of(side, run->index),
                             .row = detector_run(side, run->index)};
}

#define COMPARED LD_UNPAIRED_COUNT
#define NOT_OURS (LD_UNPAIRED_COUNT + 1) /* its detector did not watch, or another arm stands for it */

/* A pair that was planned: was it compared? */
static int judge_pair(const struct side_run *left, const struct side_run *right)
{
    if (left->plan->seed != right->plan->seed)
        return LD_UNPAIRED_SEED;
    if (!left->record || !right->record || !left->row || !right->row)
        return LD_UNPAIRED_NOT_ENDED;
    if (left->record->validity != LD_VALID || right->record->validity != LD_VALID)
        return LD_UNPAIRED_VOID;
    return left->row->valid && right->row->valid ? COMPARED : LD_UNPAIRED_BROKEN;
}

/* Why the left run is compared with no right one; COMPARED, NOT_OURS. Sets `ret_right` where a partner was planned. */
static int find_partner(const struct comparing *comparing, const struct side_run *left, struct side_run *ret_right)
{
    bool counts;
    const struct ld_cell *partner = partner_cell(comparing, left->cell, &counts);
    const struct ld_run_plan *right = run_of(comparing->right->plan, partner, left->plan->repetition);
    if (!counts)
        return NOT_OURS;
    if (!right) {
        const struct ld_cell *same = same_arm(comparing->right, left->cell);
        return same && same->reads != left->cell->reads ? LD_UNPAIRED_READS : LD_UNPAIRED_COUNTERPART;
    }
    *ret_right = side_run(comparing->right, right);
    return judge_pair(left, ret_right);
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

/* Pairs of one leak are near-copies: they form a cluster. */
static uint32_t cluster_of(const struct ld_plan *plan, const struct ld_cell *cell)
{
    for (uint32_t i = 0; i < plan->cell_count; i++)
        if (score_same_leak(plan->cells[i].scenario, cell->scenario))
            return i;
    return 0;
}

static int pair_leak(struct comparing *comparing, const struct side_run *run, const struct ld_truth_interval *leak,
                     const struct ld_outcome *left, const struct ld_outcome *right)
{
    struct ld_comparison *result = comparing->result;
    struct timed_pair pair = {.cluster = cluster_of(comparing->left->plan, run->cell)};
    if (ld_outcome_time(left, &pair.left) && ld_outcome_time(right, &pair.right))
        comparing->times[comparing->time_count++] = pair;
    if (!ld_outcome_is_evidence(left->kind) || !ld_outcome_is_evidence(right->kind)) {
        result->no_evidence++;
        return 0;
    }
    count_pair(&result->leaks, left->kind == LD_OUTCOME_TP, right->kind == LD_OUTCOME_TP);
    if (left->kind == right->kind)
        return 0;
    return note_difference(comparing, (struct ld_compare_difference){.cell = run->cell->name,
                                                                     .repetition = run->plan->repetition,
                                                                     .left_run = left->run,
                                                                     .right_run = right->run,
                                                                     .interval = left->interval,
                                                                     .leak = leak,
                                                                     .left = left->kind,
                                                                     .right = right->kind});
}

/* What came of the next leak of the run from `*index` on, which goes past it; NULL: there is none left. */
static const struct ld_outcome *next_leak(const struct ld_compare_side *side, const struct side_run *run, size_t *index)
{
    const struct ld_score *score = side->score;
    while (run->record && *index < score->outcome_count) {
        const struct ld_outcome *outcome = &score->outcomes[(*index)++];
        if (outcome->run == run->plan->index && outcome->interval >= 0 &&
            strcmp(outcome->detector, side->detector) == 0)
            return outcome;
    }
    return NULL;
}

static bool same_name(const struct ld_truth_interval *left, const struct ld_truth_interval *right)
{
    return left->instance == right->instance && left->incarnation == right->incarnation &&
           strcmp(left->id, right->id) == 0;
}

/* How many of its name were before it: a cured leak may come again. */
static size_t turn_of(const struct ld_truth *truth, const struct ld_truth_interval *interval)
{
    size_t turn = 0;
    for (const struct ld_truth_interval *item = truth->intervals; item < interval; item++)
        turn += same_name(item, interval);
    return turn;
}

static const struct ld_outcome *same_leak(const struct ld_compare_side *side, const struct side_run *run,
                                          const struct ld_truth *truth, const struct ld_truth_interval *leak)
{
    size_t index = 0;
    for (const struct ld_outcome *outcome; (outcome = next_leak(side, run, &index));) {
        const struct ld_truth_interval *own = &run->record->truth->intervals[outcome->interval];
        if (same_name(own, leak) && turn_of(run->record->truth, own) == turn_of(truth, leak))
            return outcome;
    }
    return NULL;
}

static int pair_leaks(struct comparing *comparing, const struct side_run *left, const struct side_run *right)
{
    size_t index = 0, others = 0, matched = 0;
    for (const struct ld_outcome *outcome; (outcome = next_leak(comparing->left, left, &index));) {
        const struct ld_truth_interval *leak = &left->record->truth->intervals[outcome->interval];
        const struct ld_outcome *other = same_leak(comparing->right, right, left->record->truth, leak);
        int code = other ? pair_leak(comparing, left, leak, outcome, other) : 0;
        if (code)
            return code;
        matched += other != NULL;
        comparing->result->unmatched_left += !other;
    }
    for (index = 0; next_leak(comparing->right, right, &index);)
        others++;
    comparing->result->unmatched_right += (uint32_t)(others - matched);
    return 0;
}

static int pair_false_alarms(struct comparing *comparing, const struct side_run *left, const struct side_run *right)
{
    uint32_t a = left->row->false_alarms, b = right->row->false_alarms;
    count_pair(&comparing->result->false_alarms, a > 0, b > 0);
    if ((a > 0) == (b > 0))
        return 0;
    return note_difference(comparing, (struct ld_compare_difference){.cell = left->cell->name,
                                                                     .repetition = left->plan->repetition,
                                                                     .left_run = left->plan->index,
                                                                     .right_run = right->plan->index,
                                                                     .interval = -1,
                                                                     .left_false_alarms = a,
                                                                     .right_false_alarms = b});
}

static int pair_run(struct comparing *comparing, const struct ld_run_plan *run)
{
    struct ld_comparison *result = comparing->result;
    struct side_run left = side_run(comparing->left, run), right = {0};
    int why = find_partner(comparing, &left, &right), code = 0;
    if (why == NOT_OURS)
        return 0;
    if (why != COMPARED)
        result->unpaired_left[why]++;
    if (right.plan && why != LD_UNPAIRED_SEED) /* also of those that are no evidence, to count their leaks */
        code = pair_leaks(comparing, &left, &right);
    if (code || why != COMPARED)
        return code;
    result->pairs++;
    result->across_arms += strcmp(left.cell->name, right.cell->name) != 0;
    result->reads_differ += left.cell->reads != right.cell->reads;
    return pair_false_alarms(comparing, &left, &right);
}

static int pair_all(struct comparing *comparing)
{
    const struct ld_compare_side *left = comparing->left, *right = comparing->right;
    const struct comparing mirrored = {.left = right, .right = left};
    int code = 0;
    for (size_t i = 0; i < left->plan->run_count && !code; i++)
        code = pair_run(comparing, &left->plan->runs[i]);
    for (size_t i = 0; i < right->plan->run_count && !code; i++) {
        struct side_run run = side_run(right, &right->plan->runs[i]), partner = {0};
        int why = find_partner(&mirrored, &run, &partner);
        if (why < LD_UNPAIRED_COUNT)
            comparing->result->unpaired_right[why]++;
    }
    return code;
}

/* ---- restricted means */

struct sample {
    struct ld_survival_time *left, *right; /* scratch */
    size_t count;
};

static void sample_add(struct sample *sample, const struct timed_pair *pair, int64_t to_ns)
{
    sample->left[sample->count] = score_restricted(pair->left, to_ns);
    sample->right[sample->count++] = score_restricted(pair->right, to_ns);
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

static int64_t restrict_to(const struct timed_pair *pairs, size_t count)
{
    struct score_reach left = {0, -1}, right = {0, -1};
    for (size_t i = 0; i < count; i++) {
        score_reach_add(&left, &pairs[i].left);
        score_reach_add(&right, &pairs[i].right);
    }
    return score_restrict_to(&left, &right);
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
                                  .to_ns = restrict_to(comparing->times, count)};
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
    struct ld_comparison result = {.plans_differ = strcmp(left->plan->hash, right->plan->hash) != 0,
                                   .arena = ld_arena_new(SCORE_ARENA_MAX)};
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
