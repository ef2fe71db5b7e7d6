#include "score/sequential.h"

#include <stdlib.h>
#include <string.h>

#include "score/internal.h"

struct cell_tests {
    size_t first, count; /* of the tests */
    uint32_t planned;    /* runs */
};

struct test {
    unsigned char *trials; /* enum ld_trial of each repetition */
    uint32_t looked;       /* repetitions, from 0 on */
    int64_t goods_needed;  /* more trials that accept if all are good */
};

struct ld_sequential {
    const struct ld_plan *plan;
    struct cell_tests *cells;
    size_t count;
    struct test *tests;
    struct ld_sequential_result *results; /* of each test */
    struct ld_arena *arena;
};

/* ---- tests */

static void look_on(struct ld_sequential *sequential, size_t index)
{
    struct test *test = &sequential->tests[index];
    struct ld_sequential_result *result = &sequential->results[index];
    while (result->decision == LD_SPRT_CONTINUE && test->looked < result->planned &&
           test->trials[test->looked] != LD_TRIAL_PENDING) {
        enum ld_trial trial = (enum ld_trial)test->trials[test->looked++];
        result->passed_over += trial == LD_TRIAL_NONE;
        if (trial == LD_TRIAL_NONE)
            continue;
        result->trials++;
        result->bad += trial == LD_TRIAL_BAD;
        result->decision = ld_sprt_decide(&result->test, result->bad, result->trials);
        test->goods_needed = ld_sprt_goods_needed(&result->test, result->bad, result->trials);
    }
    result->later = result->ended > test->looked ? result->ended - test->looked : 0;
}

void ld_sequential_feed(struct ld_sequential *sequential, size_t test, uint32_t repetition, enum ld_trial trial)
{
    struct ld_sequential_result *result = &sequential->results[test];
    if (repetition >= result->planned || trial == LD_TRIAL_PENDING)
        return;
    unsigned char *place = &sequential->tests[test].trials[repetition];
    if (*place != LD_TRIAL_PENDING)
        return;
    *place = (unsigned char)trial;
    result->ended++;
    look_on(sequential, test);
}

/* ---- from scores to trials */

/* What of a score belongs to one run: scores come run by run. */
struct of_run {
    const struct ld_outcome *outcomes;
    size_t outcome_count;
    const struct ld_detector_run *lines;
    size_t line_count;
};

static enum ld_trial trial_of(const struct of_run *of_run, const struct ld_sequential_result *result)
{
    const struct ld_detector_run *line = NULL;
    uint32_t evident = 0, hits = 0;
    for (size_t i = 0; i < of_run->line_count; i++)
        line = strcmp(of_run->lines[i].detector, result->detector) == 0 ? &of_run->lines[i] : line;
    if (!line || !line->valid)
        return LD_TRIAL_NONE;
    if (result->false_alarms)
        return line->false_alarms ? LD_TRIAL_BAD : LD_TRIAL_GOOD;
    for (size_t i = 0; i < of_run->outcome_count; i++) {
        const struct ld_outcome *outcome = &of_run->outcomes[i];
        if (strcmp(outcome->detector, result->detector) != 0)
            continue;
        evident += ld_outcome_is_evidence(outcome->kind);
        hits += outcome->kind == LD_OUTCOME_TP;
    }
    return !evident ? LD_TRIAL_NONE : hits == evident ? LD_TRIAL_GOOD : LD_TRIAL_BAD;
}

void ld_sequential_add(struct ld_sequential *sequential, const struct ld_run_record *runs, size_t count,
                       const struct ld_score *score)
{
    size_t outcome = 0, line = 0;
    for (size_t i = 0; i < count && sequential->count; i++) {
        struct of_run of_run = {.outcomes = score->outcomes + outcome, .lines = score->detector_runs + line};
        for (; line < score->detector_run_count && score->detector_runs[line].run == runs[i].run; line++)
            of_run.line_count++;
        for (; outcome < score->outcome_count && score->outcomes[outcome].run == runs[i].run; outcome++)
            of_run.outcome_count++;
        const struct ld_run_plan *planned = ld_plan_find_run(sequential->plan, runs[i].run);
        const struct cell_tests *cell = planned ? &sequential->cells[planned->cell] : NULL;
        for (size_t k = 0; cell && k < cell->count; k++)
            ld_sequential_feed(sequential, cell->first + k, planned->repetition,
                               trial_of(&of_run, &sequential->results[cell->first + k]));
    }
}

/* ---- cells */

bool ld_sequential_is_settled(const struct ld_sequential *sequential, size_t cell)
{
    const struct cell_tests *tests = &sequential->cells[cell];
    for (size_t i = 0; i < tests->count; i++)
        if (sequential->results[tests->first + i].decision == LD_SPRT_CONTINUE)
            return false;
    return tests->count > 0;
}

bool ld_sequential_wants(const struct ld_sequential *sequential, size_t cell, uint32_t started)
{
    const struct cell_tests *tests = &sequential->cells[cell];
    for (size_t i = 0; i < tests->count; i++) {
        const struct test *test = &sequential->tests[tests->first + i];
        if (sequential->results[tests->first + i].decision == LD_SPRT_CONTINUE &&
            (int64_t)started - test->looked < test->goods_needed)
            return true;
    }
    return tests->count == 0;
}

const struct ld_sequential_result *ld_sequential_results(const struct ld_sequential *sequential, size_t *ret_count)
{
    *ret_count = sequential->count;
    return sequential->results;
}

/* ---- making */

static int add_test(struct ld_sequential *sequential, const struct ld_cell *cell,
                    const struct ld_expectation *expectation, struct cell_tests *tests)
{
    struct ld_sprt_test sprt;
    if (!ld_plan_sequential_test(sequential->plan, cell, expectation, &sprt))
        return 0;
    struct test *test = &sequential->tests[sequential->count];
    sequential->results[sequential->count] = (struct ld_sequential_result){.cell = cell->name,
                                                                           .detector = expectation->detector,
                                                                           .false_alarms =
                                                                               cell->variant == LD_VARIANT_HEALTHY,
                                                                           .test = sprt,
                                                                           .planned = tests->planned};
    test->trials = ld_arena_take(sequential->arena, tests->planned + 1u);
    test->goods_needed = ld_sprt_goods_needed(&sprt, 0, 0);
    sequential->count++;
    tests->count++;
    return test->trials ? 0 : LD_ENOMEM;
}

static int fill(struct ld_sequential *sequential)
{
    const struct ld_plan *plan = sequential->plan;
    size_t tests = 0;
    int code = 0;
    for (size_t i = 0; i < plan->cell_count; i++)
        tests += ld_cell_sequential_tests(&plan->cells[i]);
    sequential->cells = ld_arena_array(sequential->arena, plan->cell_count + 1, sizeof *sequential->cells);
    sequential->tests = ld_arena_array(sequential->arena, tests + 1, sizeof *sequential->tests);
    sequential->results = ld_arena_array(sequential->arena, tests + 1, sizeof *sequential->results);
    if (!sequential->cells || !sequential->tests || !sequential->results)
        return LD_ENOMEM;
    for (size_t i = 0; i < plan->run_count && tests; i++)
        sequential->cells[plan->runs[i].cell].planned++;
    for (size_t i = 0; i < plan->cell_count && !code; i++) {
        const struct ld_scenario *scenario = plan->cells[i].scenario;
        sequential->cells[i].first = sequential->count;
        for (size_t k = 0; k < scenario->expectation_count && !code; k++)
            code = add_test(sequential, &plan->cells[i], &scenario->expectations[k], &sequential->cells[i]);
    }
    return code;
}

int ld_sequential_new(struct ld_sequential **ret_sequential, const struct ld_plan *plan, struct ld_error *error)
{
    struct ld_sequential *sequential = calloc(1, sizeof *sequential);
    if (sequential)
        sequential->arena = ld_arena_new(SCORE_ARENA_MAX);
    int code = sequential && sequential->arena ? 0 : LD_ENOMEM;
    if (!code) {
        sequential->plan = plan;
        code = fill(sequential);
    }
    if (code) {
        ld_sequential_free(sequential);
        return ld_fail(error, code, "sequential tests: out of memory");
    }
    *ret_sequential = sequential;
    return 0;
}

void ld_sequential_free(struct ld_sequential *sequential)
{
    if (!sequential)
        return;
    ld_arena_free(sequential->arena);
    free(sequential);
}
