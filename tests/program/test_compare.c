/* Two campaigns compared: only runs of one seed are a pair. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "groups.h"
#include "in_lab.h"

static const char scenario[] =
    "leakdrill: 1\nname: pairs\ntarget: {fixture: queue/consumer-unclosed}\nupstream: http-echo\ntime_scale: 20\n"
    "load: {path: /work, rate: 2/s, for: 40s}\nphases: {baseline: 20s, drain: 10s, settle: 10s}\n"
    "sampling: {every: 5s}\n"
    "detectors: [growth]\nrepeat: {runs: 2}\n";

static void campaign(const char *seed, const char *more, const char *value, const char *database)
{
    struct program_result result;
    LAB_RUN(&lab, &result, "run", "pairs.yaml", "--jobs", "2", "--seed", seed, "--db", database, more, value);
    if (result.exit_code != 0 && result.exit_code != 3 && result.exit_code != 5) /* a loud machine voids runs */
        lab_check(&result, 0, NULL, NULL);
    program_result_done(&result);
}

static int prepare(void **state)
{
    open_lab(state);
    lab_write(&lab, "pairs.yaml", scenario);
    campaign("1", NULL, NULL, "first.db");
    campaign("2", NULL, NULL, "second.db");
    campaign("1", "--runs", "1", "again.db");
    return 0;
}

static json_int_t number(json_t *object, const char *first, const char *second)
{
    json_t *item = json_object_get(object, first);
    return json_integer_value(second ? json_object_get(item, second) : item);
}

static void other_seeds_are_inconclusive(void **state)
{
    struct program_result result;
    (void)state;
    LAB_RUN(&lab, &result, "compare", "first.db", "second.db", "--detector", "growth");
    lab_check(&result, 5, "0 pairs of runs, each of one seed; 0 pairs of leaks\n", NULL);
    lab_check(&result, 5, "Left out, 4 runs of the left: 4 whose counterpart has another seed.\n", NULL);
    lab_check(&result, 5, "Left out, 4 runs of the right: 4 whose counterpart has another seed.\n", NULL);
    lab_check(&result, 5, "The two are of different plans", NULL);
    lab_check(&result, 5, "Nothing is compared", NULL);
    program_result_done(&result);
    LAB_RUN(&lab, &result, "compare", "first.db", "second.db", "--detector", "growth", "--json");
    lab_check(&result, 5, "\"pairs\": 0", NULL);
    program_result_done(&result);
}

/* Of the second repetition the other campaign has no run. What is void on a loud machine is in no pair either. */
static void runs_of_one_seed_are_pairs(void **state)
{
    struct program_result result;
    (void)state;
    LAB_RUN(&lab, &result, "compare", "first.db", "again.db", "--detector", "growth", "--json");
    json_t *object = json_loads(result.out, 0, NULL);
    assert_non_null(object);
    json_int_t pairs = number(object, "pairs", NULL), unpaired = number(object, "unpaired_left", "void");
    assert_int_equal(result.exit_code, pairs ? 0 : 5);
    assert_int_equal(pairs + unpaired, 2);
    assert_int_equal(number(object, "unpaired_right", "void"), unpaired);
    assert_int_equal(number(object, "unpaired_left", "no_counterpart"), 2);
    assert_int_equal(number(object, "unpaired_right", "no_counterpart"), 0);
    assert_int_equal(number(object, "unpaired_left", "other_seed"), 0);
    assert_true(json_is_true(json_object_get(object, "plans_differ")));
    json_decref(object);
    program_result_done(&result);
}

int test_compare(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_seeds_are_inconclusive),
        cmocka_unit_test(runs_of_one_seed_are_pairs),
    };
    if (lacks_programs("compare"))
        return GROUP_SKIPPED;
    return cmocka_run_group_tests_name("compare", tests, prepare, close_lab);
}
