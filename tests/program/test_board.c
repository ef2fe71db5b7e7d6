/* Arms, costs and the board, of one campaign: two active detectors beside a passive one, and two detectors against runs
 * that nobody watches. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "groups.h"
#include "in_lab.h"

static const char armed[] =
    "leakdrill: 1\nname: armed\ntarget: {fixture: queue/consumer-unclosed}\nupstream: http-echo\ntime_scale: 20\n"
    "load: {path: /work, rate: 2/s, for: 60s}\nphases: {baseline: 20s, drain: 10s, settle: 10s}\nsampling: {every: "
    "5s}\n"
    "detectors: [growth, goroutineleak, goroutineleak: {as: second}]\nrepeat: {runs: 1}\n"
    "expect:\n  - {detector: second, detection: {observed: 100%}}\n";
static const char costs[] =
    "leakdrill: 1\nname: costs\ntarget: {fixture: calm/timeout-holds, variants: [healthy], rate: [20]}\ntime_scale: "
    "20\n"
    "load: {path: /work, rate: 2/s, for: 40s}\nphases: {baseline: 10s, drain: 5s, settle: 5s}\n"
    "sampling: {every: 5s, profiles: []}\ndetectors: [growth, site-threshold]\narms: each\nrepeat: {runs: 6}\n";

static int prepare(void **state)
{
    struct program_result result;
    open_lab(state);
    lab_write(&lab, "armed.yaml", armed);
    lab_write(&lab, "costs.yaml", costs);
    if (!RUN_UNTIL(&result, LAB_EACH_CELL, "a.db", "run", "armed.yaml", "costs.yaml", "--jobs", "5"))
        return 0;
    lab_check_judged(&lab, &result, "a.db");
    program_result_done(&result);
    return 0;
}

static void one_active_detector_watches_a_run(void **state)
{
    (void)state;
    lab_assert_number(&lab, "a.db", "SELECT count(*) FROM cell WHERE name LIKE 'armed/%'", 6);
    lab_assert_text(&lab, "a.db",
                    "SELECT group_concat(DISTINCT arm) FROM cell WHERE name LIKE 'armed/leaky/none/arm=' || arm",
                    "passive,goroutineleak,second");
    lab_assert_number(
        &lab, "a.db",
        "SELECT max(n) FROM (SELECT count(*) AS n FROM detector WHERE kind = 'goroutineleak' GROUP BY run)", 1);
    lab_assert_number(
        &lab, "a.db",
        "SELECT count(*) FROM detector AS d JOIN run AS r USING (run) JOIN cell AS c USING (cell) WHERE "
        "NOT d.calibration AND c.name LIKE 'armed/%' AND d.name <> CASE c.arm WHEN 'passive' THEN 'growth' "
        "ELSE c.arm END",
        0);
    lab_assert_number(&lab, "a.db",
                      "SELECT count(*) FROM observation AS o JOIN run USING (run) JOIN cell AS c USING (cell) WHERE "
                      "o.profile_kind = 'goroutineleak' AND c.arm NOT IN ('goroutineleak', 'second')", 0);
}

static void arms_pair_by_seed(void **state)
{
    struct program_result result;
    (void)state;
    lab_assert_number(&lab, "a.db",
                      "SELECT count(DISTINCT seed) FROM run JOIN cell AS c USING (cell) WHERE c.name LIKE 'armed/%'",
                      1);
    LAB_RUN(&lab, &result, "compare", "growth", "second", "--db", "a.db");
    lab_check(&result, 0, "2 pairs of runs are of two arms, of one seed each", NULL);
    program_result_done(&result);
    LAB_RUN(&lab, &result, "compare", "growth", "second", "--db", "a.db", "--json");
    lab_check(&result, 0, "\"pairs_with_other_reads\": 2", NULL);
    program_result_done(&result);
}

static void arms_are_replayed_as_they_were(void **state)
{
    struct program_result result;
    (void)state;
    LAB_RUN(&lab, &result, "replay", "--db", "a.db");
    lab_check(&result, 0, "identical to the stored ones", NULL);
    assert_null(strstr(result.out, "NOT the stored ones"));
    program_result_done(&result);
    LAB_RUN(&lab, &result, "replay", "--db", "a.db", "--detector", "second");
    lab_check(&result, 0, "run ", "left out: 22 runs that the detector second does not watch");
    program_result_done(&result);
}

static json_t *figure(json_t *rows, size_t row, const char *detector, const char *name)
{
    json_t *object = json_array_get(rows, row);
    assert_string_equal(json_string_value(json_object_get(object, "detector")), detector);
    return json_object_get(json_object_get(object, "per_minute"), name);
}

/* One reads a profile at each period, the other looks at numbers that are read anyway. */
static void costs_are_what_a_detector_adds(void **state)
{
    struct program_result result;
    (void)state;
    LAB_RUN(&lab, &result, "cost", "--db", "a.db", "--json");
    lab_check(&result, 0, NULL, NULL);
    json_t *rows = json_loads(result.out, 0, NULL);
    program_result_done(&result);
    json_t *reads = figure(rows, 1, "site-threshold", "read"), *none = figure(rows, 0, "growth", "read");
    json_int_t more = json_integer_value(json_object_get(reads, "difference"));
    assert_true(more > 100000);
    assert_true(json_integer_value(json_object_get(none, "difference")) < more / 10);
    assert_true(json_integer_value(json_object_get(figure(rows, 1, "site-threshold", "allocated"), "difference")) >
                more);
    assert_true(json_is_object(figure(rows, 1, "site-threshold", "stopped")));
    json_decref(rows);
    LAB_RUN(&lab, &result, "cost", "--db", "a.db");
    lab_check(&result, 0, "Cost in costs, a minute of real time, sampled every 250ms", NULL);
    program_result_done(&result);
}

static void the_board_counts(void **state)
{
    struct program_result result;
    (void)state;
    LAB_RUN(&lab, &result, "board", "--db", "a.db");
    lab_check(&result, 0, "1 leak with healthy twins, 0 programs that never leak, 1 run of each cell", NULL);
    assert_non_null(strstr(result.out, "Cost, what the target spends more"));
    assert_null(strstr(result.out, "100.0%")); /* of one run there is no percentage */
    program_result_done(&result);
    LAB_RUN(&lab, &result, "board", "--db", "a.db", "--format", "markdown");
    lab_check(&result, 0, "| `second`", NULL);
    program_result_done(&result);
    LAB_RUN(&lab, &result, "board", "--db", "a.db", "--format", "json");
    lab_check(&result, 0, "\"by_leak\": null", NULL);
    program_result_done(&result);
    LAB_RUN(&lab, &result, "run", "costs.yaml", "--runs", "1", "--filter", "costs/healthy/*", "--db", "costs.db");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "board", "--db", "costs.db");
    lab_check(&result, 4, NULL, "runs with `arms: each` measure cost");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "board", "--db", "a.db", "--format", "html");
    lab_check(&result, 4, NULL, "there is no \"html\"");
    program_result_done(&result);
}

/* A page that did not fit is none: nobody shall read half of it. */
static void half_a_page_is_not_left(void **state)
{
    struct program_result result;
    (void)state;
    LAB_RUN_PROGRAM(&lab, &result, "/bin/sh", "-c",
                    "trap '' XFSZ; ulimit -f 80; exec '" LEAKDRILL "' report --db a.db --format html --output a.html");
    lab_check(&result, 3, NULL, "cannot write a.html: File too large");
    program_result_done(&result);
    assert_false(lab_has(&lab, "a.html"));
    LAB_RUN(&lab, &result, "report", "--db", "a.db", "--format", "html", "--output", "a.html");
    lab_check(&result, 0, NULL, NULL);
    program_result_done(&result);
    assert_true(lab_has(&lab, "a.html"));
}

int test_board(void)
{
    const struct CMUnitTest tests[] = {
        IN_GROUP(one_active_detector_watches_a_run), IN_GROUP(arms_pair_by_seed),
        IN_GROUP(arms_are_replayed_as_they_were),    IN_GROUP(costs_are_what_a_detector_adds),
        IN_GROUP(the_board_counts),                  IN_GROUP(half_a_page_is_not_left),
    };
    if (lacks_programs("board"))
        return GROUP_SKIPPED;
    return cmocka_run_group_tests_name("board", tests, prepare, close_lab);
}
