/* Making a plan: the whole first, with its hash; then what filter and shard leave of it. */
#include "plan/plan.h"

#include <assert.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/random.h"
#include "plan/internal.h"
#include "scenario/arm.h"
#include "scenario/endpoints.h"

#define PLAN_BYTES_MAX ((size_t)512 << 20)

const char *ld_action_kind_name(enum ld_action_kind kind)
{
    static const char *const names[] = {"load-on", "load-off", "fault-on", "fault-off", "end"};
    return (unsigned)kind < sizeof names / sizeof names[0] ? names[kind] : "unknown";
}

/* ---- cells */

static unsigned profile_reads(const struct ld_sampling_spec *sampling)
{
    unsigned reads = 0;
    if (sampling->profiles[LD_PROFILE_GOROUTINE])
        reads |= LD_READ_GOROUTINE_PERIOD;
    if (sampling->profiles[LD_PROFILE_HEAP])
        reads |= LD_READ_HEAP_PERIOD;
    return reads;
}

/* The union of what sampling and the arm's detectors want read, less what the target cannot or must not be asked. */
static unsigned arm_reads(const struct ld_scenario *scenario, const struct ld_arm *arm)
{
    size_t count;
    const struct ld_detector_kind *const *kinds = ld_detector_kinds(&count);
    unsigned reads = LD_READ_METRICS_PERIOD | profile_reads(&scenario->sampling);
    for (size_t i = 0; i < count; i++)
        if (kinds[i]->calibration)
            reads |= kinds[i]->reads;
    for (size_t i = 0; i < scenario->detector_count; i++)
        if (ld_arm_has(arm, i))
            reads |= ld_detector_reads(scenario->detectors[i].kind, scenario->detectors[i].options);
    reads |= ld_scenario_endpoint_reads(scenario, arm);
    if (scenario->sampling.full_below == 0)
        reads &= ~(unsigned)LD_READ_GOROUTINE_FULL;
    if (scenario->target.kind == LD_TARGET_ATTACH || scenario->target.kind == LD_TARGET_IMPORTED)
        reads &= ~(unsigned)(LD_READ_GCTRACE | LD_READ_FAREWELL); /* its stderr and its end are not ours */
    return reads;
}

/* Where nobody says what leaks, "leaky" would claim it. */
static void name_cell(struct ld_cell *cell)
{
    char rate[32] = "", depth[32] = "";
    const char *arm = ld_scenario_arm(cell->scenario, cell->arm).name;
    if (cell->rate < 1 || cell->rate > 1)
        snprintf(rate, sizeof rate, "/rate=%.9g", cell->rate);
    if (cell->depth != 0)
        snprintf(depth, sizeof depth, "/depth=%lld", (long long)cell->depth);
    const char *variant = cell->scenario->target.truth == LD_TRUTH_NONE ? "observed" : ld_variant_name(cell->variant);
    int length =
        snprintf(cell->name, sizeof cell->name, "%s/%s/%s%s%s%s%s", cell->scenario->name, variant,
                 cell->scenario->fault_cases[cell->fault_case].name, rate, depth, *arm ? LD_CELL_ARM : "", arm);
    (void)length;
    assert(length > 0 && (size_t)length < sizeof cell->name); /* names are at most 100 bytes each */
}

static size_t scenario_cell_count(const struct ld_scenario *scenario)
{
    size_t variants = 0;
    for (int variant = 0; variant < LD_VARIANTS; variant++)
        variants += scenario->target.variants[variant];
    return variants * scenario->fault_case_count * scenario->target.rates.count * scenario->target.depths.count *
           ld_scenario_arm_count(scenario);
}

/* The axes of one scenario as one number, the arm turning fastest; skips variants that are not asked for. */
static void fill_scenario_cells(const struct ld_scenario *scenario, struct ld_cell *cells, size_t *count)
{
    const double *rates = scenario->target.rates.items;
    const int64_t *depths = scenario->target.depths.items;
    size_t rate_count = scenario->target.rates.count, depth_count = scenario->target.depths.count;
    size_t arm_count = ld_scenario_arm_count(scenario);
    size_t combinations = LD_VARIANTS * scenario->fault_case_count * rate_count * depth_count * arm_count;
    for (size_t i = 0; i < combinations; i++) {
        size_t dose = i / arm_count, rest = dose / depth_count / rate_count;
        enum ld_variant variant = (enum ld_variant)(rest / scenario->fault_case_count);
        if (!scenario->target.variants[variant])
            continue;
        struct ld_arm arm = ld_scenario_arm(scenario, i % arm_count);
        struct ld_cell *cell = &cells[*count];
        *cell = (struct ld_cell){.index = (uint32_t)*count,
                                 .scenario = scenario,
                                 .variant = variant,
                                 .fault_case = (uint32_t)(rest % scenario->fault_case_count),
                                 .rate = rates[dose / depth_count % rate_count],
                                 .depth = depths[dose % depth_count],
                                 .arm = (uint32_t)(i % arm_count),
                                 .reads = arm_reads(scenario, &arm)};
        name_cell(cell);
        ++*count;
    }
}

bool ld_cell_is_watched_by(const struct ld_cell *cell, const char *detector)
{
    struct ld_arm arm = ld_scenario_arm(cell->scenario, cell->arm);
    for (size_t i = 0; i < cell->scenario->detector_count; i++)
        if (strcmp(cell->scenario->detectors[i].name, detector) == 0)
            return ld_arm_has(&arm, i);
    return true;
}

static const char *case_name(const struct ld_cell *cell)
{
    const struct ld_scenario *scenario = cell->scenario;
    return cell->fault_case < scenario->fault_case_count ? scenario->fault_cases[cell->fault_case].name : "none";
}

bool ld_cell_is_asked(const struct ld_cell *cell, const struct ld_expectation *expectation)
{
    const char *const *cases = expectation->cases.items;
    bool named = expectation->cases.count == 0;
    for (size_t i = 0; i < expectation->cases.count && !named; i++)
        named = strcmp(cases[i], case_name(cell)) == 0;
    return named && ld_cell_is_watched_by(cell, expectation->detector);
}

bool ld_cell_is_alike(const struct ld_cell *left, const struct ld_cell *right)
{
    return left->variant == right->variant && left->depth == right->depth &&
           ld_plan_millionths(left->rate) == ld_plan_millionths(right->rate) &&
           strcmp(left->scenario->name, right->scenario->name) == 0 && strcmp(case_name(left), case_name(right)) == 0;
}

/* ---- sequential tests */

static bool is_tested(const struct ld_cell *cell, const struct ld_expectation *expectation,
                      struct ld_sprt_test *ret_test)
{
    return ld_cell_is_asked(cell, expectation) &&
           ld_scenario_sequential_test(cell->scenario, cell->variant, expectation, ret_test);
}

size_t ld_cell_sequential_tests(const struct ld_cell *cell)
{
    size_t count = 0;
    for (size_t i = 0; i < cell->scenario->expectation_count; i++)
        count += is_tested(cell, &cell->scenario->expectations[i], NULL);
    return count;
}

/* ---- runs */

/* A double with a short decimal form, so that JSON's integers carry it whole. */
static double whole_millionths(double value)
{
    return (double)ld_plan_millionths(value) / 1e6;
}

int64_t ld_plan_millionths(double value)
{
    return (int64_t)(value * 1e6 + 0.5);
}

static double draw_load(const struct ld_scenario *scenario, uint64_t seed)
{
    double factor = 0.95 + 0.1 * ld_unit(ld_derive(seed, "load", 0));
    return whole_millionths(scenario->load.per_second * scenario->time_scale * factor);
}

static int64_t draw_phase(const struct ld_scenario *scenario, uint64_t seed)
{
    struct ld_random random;
    ld_random_init(&random, ld_derive(seed, "phase", 0));
    return (int64_t)ld_random_below(&random, (uint64_t)ld_scenario_scaled_ns(scenario, scenario->sampling.every_ns));
}

struct schedule {
    const struct ld_scenario *scenario;
    int64_t phase_ns;
    struct ld_action *actions;
    size_t count;
};

static void add_action(struct schedule *schedule, int64_t at_ns, enum ld_action_kind kind, size_t fault)
{
    schedule->actions[schedule->count++] =
        (struct ld_action){.at_ns = ld_scenario_scaled_ns(schedule->scenario, at_ns) + schedule->phase_ns,
                           .kind = kind,
                           .fault = (uint32_t)fault};
}

/* By time; at one instant what ends comes before what begins, and END last. */
static int compare_actions(const void *left, const void *right)
{
    static const int rank[] = {[LD_ACTION_FAULT_OFF] = 0,
                               [LD_ACTION_LOAD_OFF] = 1,
                               [LD_ACTION_LOAD_ON] = 2,
                               [LD_ACTION_FAULT_ON] = 3,
                               [LD_ACTION_END] = 4};
    const struct ld_action *a = left, *b = right;
    if (a->at_ns != b->at_ns)
        return a->at_ns < b->at_ns ? -1 : 1;
    if (a->kind != b->kind)
        return rank[a->kind] < rank[b->kind] ? -1 : 1;
    return (a->fault > b->fault) - (a->fault < b->fault);
}

static int schedule_run(struct ld_run_plan *run, const struct ld_cell *cell, struct ld_arena *arena)
{
    const struct ld_scenario *scenario = cell->scenario;
    const struct ld_fault_case *faults = &scenario->fault_cases[cell->fault_case];
    struct schedule schedule = {.scenario = scenario, .phase_ns = run->phase_ns};
    int64_t method_ns = ld_scenario_method_ns(scenario, faults);
    schedule.actions = ld_arena_array(arena, 2 * faults->fault_count + 3, sizeof *schedule.actions);
    if (!schedule.actions)
        return LD_ENOMEM;
    if (*scenario->load.path) {
        add_action(&schedule, scenario->load.from_ns, LD_ACTION_LOAD_ON, 0);
        add_action(&schedule, scenario->load.from_ns + scenario->load.for_ns, LD_ACTION_LOAD_OFF, 0);
    }
    for (size_t i = 0; i < faults->fault_count; i++) {
        const struct ld_fault_spec *fault = &faults->faults[i];
        if (fault->when)
            continue; /* no clock starts it */
        add_action(&schedule, fault->at_ns, LD_ACTION_FAULT_ON, i);
        if (!ld_fault_is_instant(fault->type))
            add_action(&schedule, fault->for_ns > 0 ? fault->at_ns + fault->for_ns : method_ns, LD_ACTION_FAULT_OFF, i);
    }
    add_action(&schedule, method_ns, LD_ACTION_END, 0);
    qsort(schedule.actions, schedule.count, sizeof *schedule.actions, compare_actions);
    run->actions = schedule.actions;
    run->action_count = schedule.count;
    return 0;
}

/* ---- the whole plan */

static int64_t runs_of(const struct ld_cell *cell, const struct ld_plan_setting *setting)
{
    const struct ld_scenario *scenario = cell->scenario;
    if (setting->runs > 0)
        return setting->runs;
    if (ld_cell_sequential_tests(cell))
        return scenario->repeat.sequential->max;
    return setting->full ? ld_scenario_full_runs(scenario) : scenario->repeat.runs;
}

static int check_setting(const struct ld_scenario *const *scenarios, size_t count,
                         const struct ld_plan_setting *setting, struct ld_error *error)
{
    if (setting->seed > INT64_MAX)
        return ld_fail(error, LD_EUSAGE, "a seed is at most %lld", (long long)INT64_MAX);
    if (setting->shards ? setting->shard < 1 || setting->shard > setting->shards : setting->shard != 0)
        return ld_fail(error, LD_EUSAGE, "shard %u/%u: the first number is 1 up to the second", setting->shard,
                       setting->shards);
    if (setting->full && setting->runs > 0)
        return ld_fail(error, LD_EUSAGE, "either a number of runs or the full one, not both");
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(scenarios[i]->name, scenarios[j]->name) == 0)
                return ld_fail(error, LD_ESPEC, "two scenarios are named %s: %s and %s", scenarios[i]->name,
                               scenarios[j]->file, scenarios[i]->file);
    return 0;
}

/* Each cell has a run at least, so that as many cells as runs are too many. */
static int fill_cells(struct ld_whole_plan *whole, struct ld_arena *arena, struct ld_error *error)
{
    size_t most = 0;
    for (size_t i = 0; i < whole->scenario_count; i++) {
        most += scenario_cell_count(whole->scenarios[i]);
        if (most > LD_PLAN_RUNS_MAX)
            return ld_fail(error, LD_ELIMIT, "more than %d runs", LD_PLAN_RUNS_MAX);
    }
    whole->cells = ld_arena_array(arena, most, sizeof *whole->cells);
    if (!whole->cells)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    for (size_t i = 0; i < whole->scenario_count; i++)
        fill_scenario_cells(whole->scenarios[i], whole->cells, &whole->cell_count);
    assert(whole->cell_count == most);
    return 0;
}

static int count_runs(struct ld_whole_plan *whole, const struct ld_plan_setting *setting, struct ld_error *error)
{
    uint64_t runs = 0;
    for (size_t i = 0; i < whole->cell_count; i++) {
        const struct ld_cell *cell = &whole->cells[i];
        whole->sequential_tests += (uint32_t)ld_cell_sequential_tests(cell);
        runs += (uint64_t)runs_of(cell, setting);
        if (runs > LD_PLAN_RUNS_MAX)
            return ld_fail(error, LD_ELIMIT, "more than %d runs", LD_PLAN_RUNS_MAX);
    }
    whole->run_count = (size_t)runs;
    return 0;
}

static void fill_run(struct ld_run_plan *run, const struct ld_cell *cell, uint64_t campaign_seed)
{
    run->cell = cell->index;
    run->seed = ld_derive(campaign_seed, cell->scenario->name, run->repetition) >> 1; /* fits int64_t */
    run->phase_ns = draw_phase(cell->scenario, run->seed);
    run->load_per_second = *cell->scenario->load.path ? draw_load(cell->scenario, run->seed) : 0;
}

static int fill_runs(struct ld_whole_plan *whole, const struct ld_plan_setting *setting, struct ld_arena *arena)
{
    uint32_t index = 0;
    for (size_t i = 0; i < whole->cell_count; i++) {
        const struct ld_cell *cell = &whole->cells[i];
        for (int64_t repetition = 0; repetition < runs_of(cell, setting); repetition++) {
            struct ld_run_plan *run = &whole->runs[index];
            *run = (struct ld_run_plan){.index = index, .repetition = (uint32_t)repetition};
            fill_run(run, cell, setting->seed);
            if (schedule_run(run, cell, arena) != 0)
                return LD_ENOMEM;
            index++;
        }
    }
    return 0;
}

/* The places that a sequential cell's runs have drawn stay, by rising repetition: a test can do nothing with a run
 * while an earlier one has not ended. `first`: of each cell, its first run not placed yet. */
static void order_repetitions(struct ld_whole_plan *whole, uint32_t *first)
{
    for (uint32_t i = (uint32_t)whole->run_count; i-- > 0;)
        first[whole->runs[i].cell] = i;
    for (size_t i = 0; i < whole->run_count; i++) {
        uint32_t cell = whole->runs[whole->order[i]].cell;
        if (ld_cell_sequential_tests(&whole->cells[cell]))
            whole->order[i] = first[cell]++;
    }
}

static int draw_order(struct ld_whole_plan *whole, uint64_t seed)
{
    struct ld_random random;
    for (uint32_t i = 0; i < whole->run_count; i++)
        whole->order[i] = i;
    ld_random_init(&random, ld_derive(seed, "order", 0));
    ld_random_shuffle(&random, whole->order, (uint32_t)whole->run_count);
    uint32_t *first = calloc(whole->cell_count + 1, sizeof *first);
    if (!first)
        return LD_ENOMEM;
    order_repetitions(whole, first);
    free(first);
    for (uint32_t i = 0; i < whole->run_count; i++)
        whole->runs[whole->order[i]].order = i;
    return 0;
}

static int make_whole(struct ld_whole_plan *whole, const struct ld_plan_setting *setting, struct ld_arena *arena,
                      struct ld_error *error)
{
    int code = fill_cells(whole, arena, error);
    if (!code)
        code = count_runs(whole, setting, error);
    if (code)
        return code;
    whole->runs = ld_arena_array(arena, whole->run_count, sizeof *whole->runs);
    whole->order = ld_arena_array(arena, whole->run_count, sizeof *whole->order);
    if (!whole->runs || !whole->order)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    if (fill_runs(whole, setting, arena) != 0 || draw_order(whole, setting->seed) != 0)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    return 0;
}

/* ---- selection */

static bool is_wanted(const struct ld_cell *cell, const struct ld_plan_setting *setting)
{
    if (setting->filter && fnmatch(setting->filter, cell->name, 0) != 0)
        return false;
    const char *const *name = setting->cells;
    while (name && *name && strcmp(*name, cell->name) != 0)
        name++;
    return !name || *name;
}

/* Mark the cells that stay: those the filter matches, dealt out to the shards in turn. */
static size_t select_cells(const struct ld_whole_plan *whole, const struct ld_plan_setting *setting, bool *selected,
                           size_t *ret_matched)
{
    size_t matched = 0, kept = 0;
    uint32_t shards = setting->shards ? setting->shards : 1, shard = setting->shards ? setting->shard : 1;
    for (size_t i = 0; i < whole->cell_count; i++) {
        if (!is_wanted(&whole->cells[i], setting))
            continue;
        selected[i] = matched % shards == shard - 1;
        kept += selected[i];
        matched++;
    }
    *ret_matched = matched;
    return kept;
}

/* Close the gaps: cells and runs that stay move together, and the order loses the runs that go. */
static void keep_selected(struct ld_whole_plan *whole, const bool *selected, uint32_t *new_place)
{
    size_t cells = 0, runs = 0, order = 0;
    for (size_t i = 0; i < whole->run_count; i++) {
        struct ld_run_plan run = whole->runs[i];
        new_place[i] = UINT32_MAX;
        if (!selected[run.cell])
            continue;
        new_place[i] = (uint32_t)runs;
        whole->runs[runs++] = run;
    }
    for (size_t i = 0; i < whole->run_count; i++) {
        uint32_t place = new_place[whole->order[i]];
        if (place == UINT32_MAX)
            continue;
        whole->runs[place].order = (uint32_t)order;
        whole->order[order++] = place;
    }
    for (size_t i = 0, run = 0; i < whole->cell_count; i++) {
        if (!selected[i])
            continue;
        for (; run < runs && whole->runs[run].cell == i; run++)
            whole->runs[run].cell = (uint32_t)cells;
        whole->cells[cells++] = whole->cells[i];
    }
    whole->cell_count = cells;
    whole->run_count = runs;
}

static int select_part(struct ld_whole_plan *whole, const struct ld_plan_setting *setting, struct ld_error *error)
{
    size_t matched;
    bool *selected = calloc(whole->cell_count + 1, sizeof *selected);
    uint32_t *new_place = calloc(whole->run_count + 1, sizeof *new_place);
    int code = 0;
    if (!selected || !new_place) {
        code = ld_fail(error, LD_ENOMEM, "out of memory");
        goto done;
    }
    select_cells(whole, setting, selected, &matched);
    if (matched == 0 && setting->filter)
        code = ld_fail(error, LD_EUSAGE, "no cell matches the filter \"%.100s\"", setting->filter);
    else
        keep_selected(whole, selected, new_place);
done:
    free(selected);
    free(new_place);
    return code;
}

/* ---- making */

static int store_json(struct ld_plan *plan, const struct ld_whole_plan *whole, uint64_t seed, struct ld_error *error)
{
    char *text;
    int code = ld_plan_whole_json(whole, seed, &text, error);
    if (code)
        return code;
    size_t length = strlen(text);
    ld_hash_of(text, length, plan->hash);
    plan->json = ld_arena_copy(plan->arena, text, length);
    free(text);
    return plan->json ? 0 : ld_fail(error, LD_ENOMEM, "out of memory");
}

static int fill_plan(struct ld_plan *plan, struct ld_whole_plan *whole, const struct ld_plan_setting *setting,
                     struct ld_error *error)
{
    int code = make_whole(whole, setting, plan->arena, error);
    if (!code)
        code = store_json(plan, whole, setting->seed, error);
    if (code)
        return code;
    plan->seed = setting->seed;
    plan->whole_cell_count = (uint32_t)whole->cell_count;
    plan->whole_run_count = (uint32_t)whole->run_count;
    plan->sequential_tests = whole->sequential_tests;
    code = select_part(whole, setting, error);
    if (code)
        return code;
    plan->cell_count = whole->cell_count;
    plan->cells = whole->cells;
    plan->run_count = whole->run_count;
    plan->runs = whole->runs;
    plan->order = whole->order;
    return 0;
}

int ld_plan_make(struct ld_plan **ret_plan, const struct ld_scenario *const *scenarios, size_t count,
                 const struct ld_plan_setting *setting, struct ld_error *error)
{
    int code = check_setting(scenarios, count, setting, error);
    if (code)
        return code;
    struct ld_arena *arena = ld_arena_new(PLAN_BYTES_MAX);
    struct ld_plan *plan = arena ? ld_arena_take(arena, sizeof *plan) : NULL;
    if (!plan) {
        ld_arena_free(arena);
        return ld_fail(error, LD_ENOMEM, "out of memory");
    }
    plan->arena = arena;
    struct ld_whole_plan whole = {.scenario_count = count, .scenarios = scenarios};
    code = fill_plan(plan, &whole, setting, error);
    if (code) {
        ld_plan_free(plan);
        return code;
    }
    *ret_plan = plan;
    return 0;
}

void ld_plan_free(struct ld_plan *plan)
{
    if (plan)
        ld_arena_free(plan->arena); /* the plan lies in it */
}

static int compare_index(const void *key, const void *member)
{
    uint32_t index = *(const uint32_t *)key, other = ((const struct ld_run_plan *)member)->index;
    return (index > other) - (index < other);
}

const struct ld_run_plan *ld_plan_find_run(const struct ld_plan *plan, uint32_t index)
{
    return bsearch(&index, plan->runs, plan->run_count, sizeof *plan->runs, compare_index);
}

bool ld_plan_sequential_test(const struct ld_plan *plan, const struct ld_cell *cell,
                             const struct ld_expectation *expectation, struct ld_sprt_test *ret_test)
{
    if (!is_tested(cell, expectation, ret_test))
        return false;
    int64_t runs = 0;
    for (size_t i = 0; i < plan->run_count; i++)
        runs += &plan->cells[plan->runs[i].cell] == cell;
    ret_test->alpha /= plan->sequential_tests ? plan->sequential_tests : 1;
    ret_test->max = runs;
    return true;
}

int64_t ld_plan_run_duration(const struct ld_plan *plan, const struct ld_run_plan *run)
{
    const struct ld_scenario *scenario = plan->cells[run->cell].scenario;
    const struct ld_phases_spec *phases = &scenario->phases;
    int64_t around_ns = ld_scenario_scaled_ns(scenario, phases->baseline_ns + phases->drain_ns + phases->settle_ns);
    return around_ns + run->actions[run->action_count - 1].at_ns; /* END is last */
}
