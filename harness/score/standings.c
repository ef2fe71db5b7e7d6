#include "score/standings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "scenario/claim.h"
#include "score/internal.h"

#define SHARE_UNIT 1e9 /* shares as whole numbers, for the percentiles */
#define RATE_CONFIDENCE 0.975 /* each side of a two-sided 95 % */

struct standing_up {
    struct ld_standings *result;
    const struct ld_plan *plan;
    const struct ld_score *score;
    const struct ld_verdicts *verdicts;
    const struct ld_costs *costs;
    const struct ld_scenario **scenarios; /* counted ones, one of each cluster */
    size_t scenario_count;
    const char **detectors;
    struct sums *sums;     /* scratch, by cluster */
    struct sums *drawable; /* scratch: those that have something to say */
    int64_t *drawn;        /* scratch: the bootstrap's */
    struct ld_survival_time *times; /* scratch */
};

/* What one program, with its twin, adds to a standing; the bootstrap draws these. */
struct sums {
    uint32_t seen, missed, leaky_runs, leaky_alerted, twin_runs, twin_alerted, false_alarms;
    double quiet_hours;
};

/* ---- what is counted */

static bool is_counted(const struct ld_cell *cell)
{
    return cell->scenario->target.truth != LD_TRUTH_NONE && !ld_cost_is_measured(cell);
}

static const char *fault_of(const struct ld_cell *cell)
{
    const struct ld_scenario *scenario = cell->scenario;
    return cell->fault_case < scenario->fault_case_count ? scenario->fault_cases[cell->fault_case].name : "none";
}

static bool is_of(const struct ld_cell *cell, const char *group)
{
    return is_counted(cell) && (!*group || strcmp(fault_of(cell), group) == 0);
}

static bool leaks(const struct ld_plan *plan, const struct ld_scenario *scenario)
{
    for (size_t i = 0; i < plan->cell_count; i++)
        if (plan->cells[i].variant == LD_VARIANT_LEAKY && score_same_leak(plan->cells[i].scenario, scenario))
            return true;
    return false;
}

static size_t cluster_of(const struct standing_up *up, const struct ld_scenario *scenario)
{
    size_t at = 0;
    while (at < up->scenario_count && !score_same_leak(up->scenarios[at], scenario))
        at++;
    return at;
}

/* An index of `name` in a list that grows by it; SIZE_MAX when it is full. */
static size_t place_of(const char **names, size_t *count, size_t most, const char *name)
{
    for (size_t i = 0; i < *count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    if (*count == most)
        return SIZE_MAX;
    names[*count] = name;
    return (*count)++;
}

static void find_scenarios(struct standing_up *up)
{
    struct ld_standings *result = up->result;
    for (size_t i = 0; i < up->plan->cell_count; i++) {
        const struct ld_cell *cell = &up->plan->cells[i];
        const struct ld_scenario *scenario = cell->scenario;
        if (!is_counted(cell))
            continue;
        place_of(result->groups, &result->group_count, LD_STANDINGS_FAULTS_MAX + 1, fault_of(cell));
        bool first = up->scenario_count == 0;
        if (first || fabs(result->time_scale - scenario->time_scale) > 0)
            result->time_scale = first ? scenario->time_scale : 0;
        if (first || result->period_ns != score_period_ns(scenario))
            result->period_ns = first ? score_period_ns(scenario) : 0;
        if (cluster_of(up, scenario) < up->scenario_count)
            continue;
        up->scenarios[up->scenario_count++] = scenario;
        *(leaks(up->plan, scenario) ? &result->leaks : &result->calm) += 1;
    }
}

static void find_detectors(struct standing_up *up)
{
    struct ld_standings *result = up->result;
    for (size_t i = 0; i < up->verdicts->row_count; i++) {
        const struct ld_board_row *row = &up->verdicts->rows[i];
        if (row->calibration || !is_counted(&up->plan->cells[row->cell]))
            continue;
        place_of(up->detectors, &result->detector_count, up->verdicts->row_count, row->detector);
        bool first = result->runs_most == 0;
        result->runs_least = first || row->runs < result->runs_least ? row->runs : result->runs_least;
        result->runs_most = row->runs > result->runs_most ? row->runs : result->runs_most;
    }
}

/* ---- counts */

static void add_leaky(struct ld_standing *standing, struct sums *sums, const struct ld_board_row *row)
{
    uint32_t seen = row->counts[LD_OUTCOME_TP] + row->counts[LD_OUTCOME_TP_LATE];
    standing->seen += seen;
    standing->late += row->counts[LD_OUTCOME_TP_LATE];
    standing->missed += row->counts[LD_OUTCOME_FN];
    for (int kind = 0; kind < LD_OUTCOME_COUNT; kind++)
        standing->counts[kind] += row->counts[kind];
    standing->cause_right += row->cause_right;
    standing->cause_wrong += row->cause_wrong;
    standing->site_right += row->site_right;
    standing->site_wrong += row->site_wrong;
    standing->leaky_runs += row->valid;
    standing->leaky_alerted += row->alerted;
    sums->seen += seen;
    sums->missed += row->counts[LD_OUTCOME_FN];
    sums->leaky_runs += row->valid;
    sums->leaky_alerted += row->alerted;
}

static void add_healthy(struct ld_standing *standing, struct sums *sums, const struct ld_board_row *row, bool twin)
{
    *(twin ? &standing->twin_runs : &standing->calm_runs) += row->valid;
    *(twin ? &standing->twin_alerted : &standing->calm_alerted) += row->alerted;
    sums->twin_runs += twin ? row->valid : 0;
    sums->twin_alerted += twin ? row->alerted : 0;
}

static void count(struct standing_up *up, struct ld_standing *standing, const char *group)
{
    memset(up->sums, 0, up->scenario_count * sizeof *up->sums);
    standing->has_shares = true;
    for (size_t i = 0; i < up->verdicts->row_count; i++) {
        const struct ld_board_row *row = &up->verdicts->rows[i];
        const struct ld_cell *cell = &up->plan->cells[row->cell];
        if (!is_of(cell, group) || strcmp(row->detector, standing->detector) != 0)
            continue;
        struct sums *sums = &up->sums[cluster_of(up, cell->scenario)];
        if (cell->variant == LD_VARIANT_LEAKY)
            add_leaky(standing, sums, row);
        else
            add_healthy(standing, sums, row, leaks(up->plan, cell->scenario));
        standing->timeless = standing->timeless || row->timeless;
        standing->false_alarms += row->false_alarms - row->wrong_site;
        standing->wrong_site += row->wrong_site;
        standing->during_hold += row->during_hold;
        standing->quiet_hours += row->quiet_hours;
        standing->hold_hours += row->hold_hours;
        sums->false_alarms += row->false_alarms - row->wrong_site;
        sums->quiet_hours += row->quiet_hours;
        standing->has_shares = standing->has_shares && row->runs >= LD_STANDINGS_RUNS_MIN;
    }
}

/* ---- intervals */

static bool tells_share(const struct sums *sums)
{
    return sums->seen + sums->missed > 0;
}

static bool tells_difference(const struct sums *sums)
{
    return sums->leaky_runs > 0 && sums->twin_runs > 0;
}

static bool tells_rate(const struct sums *sums)
{
    return sums->quiet_hours > 0;
}

/* The programs to draw from: who has nothing to say of one has no spread from it. Returns how many. */
static size_t gather_programs(struct standing_up *up, bool (*tells)(const struct sums *sums))
{
    size_t kept = 0;
    for (size_t i = 0; i < up->scenario_count; i++)
        if (tells(&up->sums[i]))
            up->drawable[kept++] = up->sums[i];
    return kept;
}

static double share(uint32_t hits, uint32_t of)
{
    return of ? (double)hits / of : 0;
}

static double share_seen(const struct sums *sums)
{
    return share(sums->seen, sums->seen + sums->missed);
}

static double alert_difference(const struct sums *sums)
{
    return share(sums->leaky_alerted, sums->leaky_runs) - share(sums->twin_alerted, sums->twin_runs);
}

static double false_alarm_rate(const struct sums *sums)
{
    return sums->quiet_hours > 0 ? sums->false_alarms / sums->quiet_hours : 0;
}

static void add_sums(struct sums *sum, const struct sums *one)
{
    sum->seen += one->seen;
    sum->missed += one->missed;
    sum->leaky_runs += one->leaky_runs;
    sum->leaky_alerted += one->leaky_alerted;
    sum->twin_runs += one->twin_runs;
    sum->twin_alerted += one->twin_alerted;
    sum->false_alarms += one->false_alarms;
    sum->quiet_hours += one->quiet_hours;
}

static struct ld_bounds bootstrap(struct standing_up *up, size_t clusters, uint64_t seed,
                                  double (*statistic)(const struct sums *sums))
{
    struct ld_random random;
    struct ld_bounds bounds = {.given = true};
    int64_t lower, upper;
    ld_random_init(&random, seed);
    for (size_t i = 0; i < LD_STANDINGS_RESAMPLES; i++) {
        struct sums sum = {0};
        for (size_t k = 0; k < clusters; k++)
            add_sums(&sum, &up->drawable[ld_random_below(&random, clusters)]);
        up->drawn[i] = (int64_t)(statistic(&sum) * SHARE_UNIT);
    }
    score_percentile_interval(up->drawn, LD_STANDINGS_RESAMPLES, &lower, &upper);
    bounds.lower = (double)lower / SHARE_UNIT;
    bounds.upper = (double)upper / SHARE_UNIT;
    return bounds;
}

/* Leaks that are all alike have no spread to draw from. Then as many of others, which were not met, may be unlike them
 * as the exact bound allows, and show nothing (when these show all) or all. The statistic is between `least` and 1. */
static void widen(struct ld_bounds *bounds, size_t clusters, double least)
{
    double alike = bounds->lower, others = ld_clopper_pearson_upper(0, (int64_t)clusters, RATE_CONFIDENCE);
    if (bounds->upper - bounds->lower > 1 / SHARE_UNIT)
        return;
    bounds->lower = fmax(least, alike - others * (alike > 0 ? alike : alike + 1));
    bounds->upper = alike + others * (alike < 0 ? -alike : 1 - alike);
}

/* False alarms sit in few programs. A bootstrap of few alarms, or of none, knows less of chance than Poisson's exact
 * bounds: the wider of each stands. */
static void bound_rate(struct standing_up *up, struct ld_standing *standing, uint64_t seed)
{
    struct ld_bounds *bounds = &standing->rate_by_program;
    standing->rate = standing->false_alarms / standing->quiet_hours;
    standing->rate_lower = ld_poisson_lower(standing->false_alarms, standing->quiet_hours, RATE_CONFIDENCE);
    standing->rate_upper = ld_poisson_upper(standing->false_alarms, standing->quiet_hours, RATE_CONFIDENCE);
    size_t clusters = gather_programs(up, tells_rate);
    if (clusters < LD_STANDINGS_CLUSTERS_MIN)
        return;
    *bounds = bootstrap(up, clusters, seed, false_alarm_rate);
    bounds->lower = fmin(bounds->lower, standing->rate_lower);
    bounds->upper = fmax(bounds->upper, standing->rate_upper);
}

static void bound(struct standing_up *up, struct ld_standing *standing, const char *group)
{
    uint64_t seed = ld_derive(up->plan->seed, group, 0);
    size_t clusters = standing->leaks_told = gather_programs(up, tells_share);
    if (ld_standing_has_share(standing) && !standing->timeless) {
        standing->wilson.given = true;
        ld_wilson(standing->seen, standing->seen + standing->missed, 0.95, &standing->wilson.lower,
                  &standing->wilson.upper);
    }
    if (ld_standing_has_share(standing) && clusters >= LD_STANDINGS_CLUSTERS_MIN) {
        standing->clustered = bootstrap(up, clusters, seed, share_seen);
        widen(&standing->clustered, clusters, 0);
    }
    clusters = gather_programs(up, tells_difference);
    if (ld_standing_has_difference(standing) && clusters >= LD_STANDINGS_CLUSTERS_MIN) {
        standing->difference = bootstrap(up, clusters, seed, alert_difference);
        widen(&standing->difference, clusters, -1);
    }
    if (standing->quiet_hours > 0)
        bound_rate(up, standing, seed);
}

/* ---- times */

/* Times of a detector in a group's leaky cells: seen is an event, missed or cut off is censored. */
static size_t gather_times(struct standing_up *up, const char *detector, const char *group)
{
    size_t n = 0;
    for (size_t i = 0; i < up->score->outcome_count; i++) {
        const struct ld_outcome *outcome = &up->score->outcomes[i];
        if (strcmp(outcome->detector, detector) != 0)
            continue;
        const struct ld_run_plan *run = ld_plan_find_run(up->plan, outcome->run);
        if (run && is_of(&up->plan->cells[run->cell], group))
            n += ld_outcome_time(outcome, &up->times[n]);
    }
    return n;
}

static int64_t longest(const struct ld_survival_time *times, size_t n)
{
    int64_t longest_ns = 0;
    for (size_t i = 0; i < n; i++)
        longest_ns = times[i].time_ns > longest_ns ? times[i].time_ns : longest_ns;
    return longest_ns;
}

/* All detectors of a group up to the same instant, so that their means compare. */
static void measure_times(struct standing_up *up, struct ld_standing *standings, const char *group)
{
    int64_t to_ns = 0;
    for (size_t i = 0; i < up->result->detector_count; i++) {
        size_t n = gather_times(up, standings[i].detector, group);
        int64_t one_ns = longest(up->times, n);
        to_ns = one_ns > to_ns ? one_ns : to_ns;
        ld_kaplan_meier(up->times, n, &standings[i].time);
    }
    for (size_t i = 0; i < up->result->detector_count; i++) {
        size_t n = gather_times(up, standings[i].detector, group);
        bool at_risk = longest(up->times, n) > 0;
        standings[i].mean_to_ns = to_ns;
        standings[i].mean_ns = at_risk ? score_restricted_mean(up->times, n, to_ns) : -1;
    }
}

/* ---- all of it */

/* Several scenarios may measure it, each under its own load: the one that knows most. */
static const struct ld_cost_row *cost_of(const struct ld_costs *costs, const char *detector)
{
    const struct ld_cost_row *best = NULL;
    for (size_t i = 0; costs && i < costs->row_count; i++)
        if (strcmp(costs->rows[i].detector, detector) == 0 && (!best || costs->rows[i].pairs > best->pairs))
            best = &costs->rows[i];
    return best;
}

static void fill_group(struct standing_up *up, size_t group)
{
    struct ld_standings *result = up->result;
    const char *name = result->groups[group];
    struct ld_standing *standings = &result->items[group * result->detector_count];
    for (size_t i = 0; i < result->detector_count; i++) {
        standings[i] = (struct ld_standing){.detector = up->detectors[i], .cost = cost_of(up->costs, up->detectors[i])};
        count(up, &standings[i], name);
        bound(up, &standings[i], name);
    }
    measure_times(up, standings, name);
}

static int own_names(struct ld_standings *result, const char **names, size_t count_of)
{
    for (size_t i = 0; i < count_of; i++)
        if (!(names[i] = ld_arena_text(result->arena, names[i])))
            return LD_ENOMEM;
    return 0;
}

static int fill(struct standing_up *up)
{
    struct ld_standings *result = up->result;
    struct ld_arena *arena = result->arena;
    result->groups = ld_arena_array(arena, LD_STANDINGS_FAULTS_MAX + 1, sizeof *result->groups);
    up->scenarios = ld_arena_array(arena, up->plan->cell_count + 1, sizeof *up->scenarios);
    up->detectors = ld_arena_array(arena, up->verdicts->row_count + 1, sizeof *up->detectors);
    up->sums = ld_arena_array(arena, up->plan->cell_count + 1, sizeof *up->sums);
    up->drawable = ld_arena_array(arena, up->plan->cell_count + 1, sizeof *up->drawable);
    up->drawn = ld_arena_array(arena, LD_STANDINGS_RESAMPLES, sizeof *up->drawn);
    up->times = ld_arena_array(arena, up->score->outcome_count + 1, sizeof *up->times);
    if (!result->groups || !up->scenarios || !up->detectors || !up->sums || !up->drawable || !up->drawn || !up->times)
        return LD_ENOMEM;
    result->groups[result->group_count++] = "";
    find_scenarios(up);
    find_detectors(up);
    if (own_names(result, result->groups, result->group_count) ||
        own_names(result, up->detectors, result->detector_count))
        return LD_ENOMEM;
    result->items = ld_arena_array(arena, result->group_count * result->detector_count + 1, sizeof *result->items);
    if (!result->items)
        return LD_ENOMEM;
    for (size_t i = 0; i < result->group_count; i++)
        fill_group(up, i);
    return 0;
}

int ld_standings_make(struct ld_standings *ret_standings, const struct ld_plan *plan, const struct ld_score *score,
                      const struct ld_verdicts *verdicts, const struct ld_costs *costs, struct ld_error *error)
{
    struct ld_standings result = {.arena = ld_arena_new(SCORE_ARENA_MAX)};
    struct standing_up up = {.result = &result, .plan = plan, .score = score, .verdicts = verdicts, .costs = costs};
    int code = result.arena ? fill(&up) : LD_ENOMEM;
    if (code) {
        ld_standings_done(&result);
        return ld_fail(error, code, "board: out of memory");
    }
    *ret_standings = result;
    return 0;
}

const struct ld_standing *ld_standing_of(const struct ld_standings *standings, size_t group, size_t detector)
{
    return &standings->items[group * standings->detector_count + detector];
}

bool ld_standing_has_share(const struct ld_standing *standing)
{
    return standing->has_shares && standing->seen + standing->missed >= LD_STANDINGS_RUNS_MIN;
}

bool ld_standing_has_difference(const struct ld_standing *standing)
{
    return standing->has_shares && standing->leaky_runs >= LD_STANDINGS_RUNS_MIN &&
           standing->twin_runs >= LD_STANDINGS_RUNS_MIN;
}

bool ld_standing_has_time(const struct ld_standing *standing)
{
    return standing->time.n >= LD_RUNS_FOR_MEDIAN && standing->seen + standing->missed >= LD_RUNS_FOR_MEDIAN;
}

bool ld_standings_can_claim(const struct ld_standings *standings)
{
    bool can = standings->detector_count > 0 && standings->leaks >= LD_STANDINGS_CLUSTERS_MIN;
    for (size_t i = 0; i < standings->detector_count && can; i++)
        can = ld_standing_of(standings, 0, i)->has_shares;
    return can;
}

void ld_standings_done(struct ld_standings *standings)
{
    if (!standings)
        return;
    ld_arena_free(standings->arena);
    *standings = (struct ld_standings){0};
}
