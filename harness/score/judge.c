/* All checks together, and the verdict. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "score/internal.h"
#include "score/sequential.h"

struct ld_check *score_check_add(struct score_checks *checks, const char *what, enum ld_verdict verdict)
{
    static _Thread_local struct ld_check scratch;
    if (checks->count == checks->capacity && !checks->failed) {
        size_t capacity = checks->capacity ? checks->capacity * 2 : 64;
        struct ld_check *grown = realloc(checks->items, capacity * sizeof *grown);
        checks->failed = grown == NULL;
        if (grown) {
            checks->items = grown;
            checks->capacity = capacity;
        }
    }
    struct ld_check *check = checks->failed ? &scratch : &checks->items[checks->count++];
    *check = (struct ld_check){.scenario = "", .cell = "", .detector = "", .what = what, .verdict = verdict};
    return check;
}

static void check_complete(const struct score_inputs *inputs, uint32_t not_needed, struct score_checks *checks)
{
    if (inputs->count + not_needed >= inputs->plan->run_count)
        return;
    struct ld_check *check = score_check_add(checks, "all runs", LD_VERDICT_INCONCLUSIVE);
    snprintf(check->asked, sizeof check->asked, "%zu runs", inputs->plan->run_count - not_needed);
    snprintf(check->seen, sizeof check->seen, "%zu ended", inputs->count);
}

static uint32_t runs_missing(const struct score_inputs *inputs, uint32_t cell)
{
    uint32_t missing = 0;
    for (size_t i = 0; i < inputs->plan->run_count; i++)
        missing += inputs->plan->runs[i].cell == cell;
    for (size_t i = 0; i < inputs->count; i++)
        missing -= score_cell(inputs->plan, &inputs->runs[i]) == &inputs->plan->cells[cell];
    return missing;
}

static void check_excluded(const struct score_inputs *inputs, struct ld_verdicts *verdicts, struct score_checks *checks)
{
    size_t unsteady = 0;
    for (size_t i = 0; i < inputs->count; i++) {
        verdicts->excluded += inputs->runs[i].validity != LD_VALID;
        unsteady += inputs->runs[i].validity == LD_INVALID_UNSTEADY;
    }
    if (inputs->count == 0)
        return;
    verdicts->excluded_share = (double)verdicts->excluded / (double)inputs->count;
    if (verdicts->excluded_share <= LD_EXCLUDED_MAX)
        return;
    /* A target that never stood still is nobody's failure: nothing was asked of it yet. */
    bool all = verdicts->excluded == inputs->count && unsteady < inputs->count;
    struct ld_check *check =
        score_check_add(checks, "excluded runs", all ? LD_VERDICT_HARNESS : LD_VERDICT_INCONCLUSIVE);
    snprintf(check->asked, sizeof check->asked, "at most %.0f%%", LD_EXCLUDED_MAX * 100);
    snprintf(check->seen, sizeof check->seen, "%u of %zu runs", verdicts->excluded, inputs->count);
}

/* A twin that leaks is no twin. */
static void check_twins(const struct score_inputs *inputs, struct score_checks *checks)
{
    size_t leaking = 0, healthy = 0;
    const struct ld_cell *first = NULL;
    for (size_t i = 0; i < inputs->count; i++) {
        const struct ld_run_record *run = &inputs->runs[i];
        const struct ld_cell *cell = score_cell(inputs->plan, run);
        if (run->validity != LD_VALID || cell->variant != LD_VARIANT_HEALTHY || !run->truth)
            continue;
        healthy++;
        bool leaks = false;
        for (size_t j = 0; j < run->truth->interval_count; j++)
            leaks = leaks || !run->truth->intervals[j].hold;
        leaking += leaks;
        if (leaks && !first)
            first = cell;
    }
    if (!leaking)
        return;
    struct ld_check *check = score_check_add(checks, "truth of healthy runs", LD_VERDICT_HARNESS);
    snprintf(check->asked, sizeof check->asked, "no leak");
    snprintf(check->seen, sizeof check->seen, "%zu of %zu leaked, first in %.100s", leaking, healthy, first->name);
}

/* What the sequential tests say of these runs: the same, whether the runs end now or are read back. */
static int judge_sequential(struct score_inputs *inputs, struct ld_verdicts *verdicts)
{
    const struct ld_plan *plan = inputs->plan;
    struct ld_sequential *sequential;
    if (ld_sequential_new(&sequential, plan, NULL) != 0)
        return LD_ENOMEM;
    ld_sequential_add(sequential, inputs->runs, inputs->count, inputs->score);
    const struct ld_sequential_result *results = ld_sequential_results(sequential, &verdicts->sequential_count);
    verdicts->sequential =
        ld_arena_array(verdicts->arena, verdicts->sequential_count + 1, sizeof *verdicts->sequential);
    int code = verdicts->sequential ? 0 : LD_ENOMEM;
    if (!code && verdicts->sequential_count)
        memcpy(verdicts->sequential, results, verdicts->sequential_count * sizeof *results);
    for (size_t i = 0; i < plan->cell_count && !code && verdicts->sequential_count; i++)
        if (ld_sequential_is_settled(sequential, i))
            verdicts->not_needed += runs_missing(inputs, (uint32_t)i);
    ld_sequential_free(sequential);
    inputs->sequential = verdicts->sequential;
    inputs->sequential_count = verdicts->sequential_count;
    return code;
}

/* Order of gravity. */
static const int gravity[] = {
    [LD_VERDICT_PASS] = 0, [LD_VERDICT_INCONCLUSIVE] = 1, [LD_VERDICT_FAIL] = 2, [LD_VERDICT_HARNESS] = 3};

static int make_verdict(struct ld_verdicts *verdicts, const struct score_checks *checks)
{
    verdicts->checks = ld_arena_array(verdicts->arena, checks->count + 1, sizeof *verdicts->checks);
    if (!verdicts->checks || checks->failed)
        return LD_ENOMEM;
    for (size_t i = 0; i < checks->count; i++) {
        verdicts->checks[i] = checks->items[i];
        verdicts->checks[i].scenario = ld_arena_text(verdicts->arena, checks->items[i].scenario);
        verdicts->checks[i].cell = ld_arena_text(verdicts->arena, checks->items[i].cell);
        verdicts->checks[i].detector = ld_arena_text(verdicts->arena, checks->items[i].detector);
        if (!verdicts->checks[i].scenario || !verdicts->checks[i].cell || !verdicts->checks[i].detector)
            return LD_ENOMEM;
        if (gravity[checks->items[i].verdict] > gravity[verdicts->verdict])
            verdicts->verdict = checks->items[i].verdict;
    }
    verdicts->check_count = checks->count;
    return 0;
}

/* Calibration checks are those that `score_calibration` added: [from, to). */
static bool is_calibrated(const struct score_checks *checks, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        if (checks->items[i].verdict == LD_VERDICT_HARNESS)
            return false;
    }
    return true;
}

int ld_judge(struct ld_verdicts *ret_verdicts, const struct ld_plan *plan, const struct ld_run_record *runs,
             size_t count, const struct ld_score *score, struct ld_error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (!score_cell(plan, &runs[i]))
            return ld_fail(error, LD_ESPEC, "score: run %u is not in the plan", runs[i].run);
    }
    struct ld_verdicts verdicts = {.verdict = LD_VERDICT_PASS, .arena = ld_arena_new(SCORE_ARENA_MAX)};
    struct score_inputs inputs = {.plan = plan, .runs = runs, .count = count, .score = score, .arena = verdicts.arena};
    struct score_checks checks = {0};
    int code = verdicts.arena ? score_board(&inputs, &verdicts.rows, &verdicts.row_count) : LD_ENOMEM;
    if (!code)
        code = judge_sequential(&inputs, &verdicts);
    if (!code) {
        score_expectations(&inputs, verdicts.rows, verdicts.row_count, &checks);
        size_t before = checks.count;
        code = score_calibration(&inputs, &checks);
        verdicts.calibrated = is_calibrated(&checks, before, checks.count);
        check_twins(&inputs, &checks);
        check_excluded(&inputs, &verdicts, &checks);
        score_blind(&inputs, &checks);
        score_programs(&inputs, &checks);
        score_in_vain(&inputs, &checks);
        check_complete(&inputs, verdicts.not_needed, &checks);
    }
    if (!code)
        code = make_verdict(&verdicts, &checks);
    free(checks.items);
    if (code) {
        ld_arena_free(verdicts.arena);
        return ld_fail(error, code, "score: no memory to judge %zu runs", count);
    }
    *ret_verdicts = verdicts;
    return 0;
}

void ld_verdicts_done(struct ld_verdicts *verdicts)
{
    if (!verdicts)
        return;
    ld_arena_free(verdicts->arena);
    *verdicts = (struct ld_verdicts){0};
}
