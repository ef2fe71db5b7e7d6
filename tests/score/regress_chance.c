/* How often chance alone makes a campaign worse than its baseline, and how often what is worse is found: campaigns
 * drawn by the thousand. */
#include "score/regress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/random.h"
#include "score/groups.h"

#define ROWS_MAX 400
#define LEAKS_MAX 64
#define CELLS 2 /* of a scenario */

static struct ld_scenario scenario = {.name = "s0", .time_scale = 1, .sampling = {.every_ns = 250 * LD_MS}};
static struct ld_cell cell = {.scenario = &scenario};
static struct ld_plan plan = {.seed = 11, .cell_count = 1, .cells = &cell};

/* What a detector in a cell does, by nature. */
struct nature {
    double sees, cries;
    int64_t mean_ns; /* to detect; 0: its times are not drawn */
};

struct drawn {
    struct ld_baseline baseline;
    struct ld_baseline_row rows[ROWS_MAX];
    struct ld_survival_time times[ROWS_MAX][LEAKS_MAX];
    char cells[ROWS_MAX][64], scenarios[ROWS_MAX][32];
};

static bool happens(struct ld_random *random, double probability)
{
    return ld_random_unit(random) < probability;
}

static int64_t time_of(const struct nature *nature, bool seen, struct ld_random *random)
{
    return seen ? (int64_t)((0.4 + 1.2 * ld_random_unit(random)) * (double)nature->mean_ns) : 10 * LD_SECOND;
}

static void draw_row(struct drawn *drawn, size_t index, const struct nature *nature, uint32_t runs,
                     struct ld_random *random)
{
    struct ld_baseline_row *row = &drawn->rows[index];
    snprintf(drawn->cells[index], sizeof drawn->cells[index], "s%zu/leaky/%zu", index / CELLS, index % CELLS);
    snprintf(drawn->scenarios[index], sizeof drawn->scenarios[index], "s%zu", index / CELLS);
    *row = (struct ld_baseline_row){.cell = drawn->cells[index],
                                    .scenario = drawn->scenarios[index],
                                    .detector = "subject",
                                    .options = "",
                                    .files = "",
                                    .runs = runs,
                                    .leaks = runs,
                                    .leaky_runs = runs,
                                    .times = drawn->times[index]};
    for (uint32_t i = 0; i < runs; i++) {
        bool seen = happens(random, nature->sees);
        row->seen += seen;
        row->false_alarm_runs += happens(random, nature->cries);
        if (nature->mean_ns)
            row->times[row->time_count++] = (struct ld_survival_time){time_of(nature, seen, random), seen};
    }
    row->whole_runs = row->seen;
}

static void draw(struct drawn *drawn, const struct nature *natures, size_t rows, uint32_t runs,
                 struct ld_random *random)
{
    drawn->baseline = (struct ld_baseline){.name = "", .campaign = "", .version = "", .row_count = rows,
                                           .rows = drawn->rows};
    for (size_t i = 0; i < rows; i++)
        draw_row(drawn, i, &natures[i], runs, random);
}

struct shares {
    double worse, open, rerun; /* rerun: campaigns in which anything ran again */
    double runs;               /* of the reruns, a campaign, if cells had one detector each */
};

struct world {
    const char *name;
    size_t rows;
    uint32_t before, now;
    size_t campaigns;
    struct nature then[ROWS_MAX], today[ROWS_MAX];
};

static struct shares simulate(const struct world *world)
{
    struct drawn *then = calloc(3, sizeof *then), *now = then + 1, *again = then + 2;
    struct shares shares = {0};
    struct ld_random random;
    struct ld_error error = {0};
    assert_non_null(then);
    ld_random_init(&random, 20);
    for (size_t i = 0; i < world->campaigns; i++) {
        struct ld_regressions regressions;
        const char *const *cells;
        draw(then, world->then, world->rows, world->before, &random);
        draw(now, world->today, world->rows, world->now, &random);
        assert_int_equal(ld_regress(&regressions, &then->baseline, &now->baseline, &plan, "", &error), 0);
        assert_int_equal(ld_regressions_cells(&regressions, &then->baseline, &now->baseline, &cells, &error), 0);
        uint32_t runs = ld_regressions_reruns(&regressions);
        shares.rerun += cells[0] != NULL;
        for (; *cells; cells++)
            shares.runs += runs;
        draw(again, world->today, world->rows, runs, &random);
        assert_int_equal(ld_regressions_confirm(&regressions, &then->baseline, &now->baseline, &again->baseline, &plan,
                                                &error), 0);
        bool worse = ld_regressions_fail(&regressions);
        shares.worse += worse;
        shares.open += !worse && ld_regressions_open(&regressions);
        ld_regressions_done(&regressions);
    }
    free(then);
    double count = (double)world->campaigns;
    shares = (struct shares){shares.worse / count, shares.open / count, shares.rerun / count, shares.runs / count};
    print_message("%-60s worse %.3f, open %.3f, run again %.3f, reruns %.0f\n", world->name, shares.worse, shares.open,
                  shares.rerun, shares.runs);
    return shares;
}

/* Most detectors see all of a leak or none of it, and some cry never; others are not so sure of themselves. */
static void make_mixed(struct world *world, bool timed)
{
    static const double sees[] = {1, 1, 0, 1, 0.95, 1, 0.7, 1, 0, 0.99};
    static const double cries[] = {0, 0, 0, 0, 0.02, 0, 0, 0.2, 0, 0.01};
    for (size_t i = 0; i < world->rows; i++)
        world->then[i] = world->today[i] =
            (struct nature){sees[i % 10], cries[i % 10], timed && i % 2 == 0 && i < 40 ? LD_SECOND : 0};
}

static void make_even(struct world *world, double sees, double cries)
{
    for (size_t i = 0; i < world->rows; i++)
        world->then[i] = world->today[i] = (struct nature){sees, cries, 0};
}

static struct world *world_of(const char *name, size_t rows, uint32_t before, uint32_t now, size_t campaigns)
{
    static struct world world;
    world = (struct world){.name = name, .rows = rows, .before = before, .now = now, .campaigns = campaigns};
    return &world;
}

#define NOBODY_SURE 0.3 /* of the rates that all share, one of the worst for chance */

/* Nothing changed: what is told worse is told so by chance. */
static void chance_is_seldom_told_worse(void **state)
{
    (void)state;
    static const uint32_t runs[][2] = {{2, 2}, {5, 5}, {20, 20}, {5, 20}, {20, 5}};
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        char name[96];
        snprintf(name, sizeof name, "nothing changed, 100 rows, %u runs then, %u now", runs[i][0], runs[i][1]);
        struct world *world = world_of(name, 100, runs[i][0], runs[i][1], 300);
        make_mixed(world, false);
        struct shares shares = simulate(world);
        assert_true(shares.worse <= LD_REGRESS_ERROR);
        assert_true(shares.open <= 0.1);
        assert_true(shares.rerun > 0.3); /* chance had its chance */
        snprintf(name, sizeof name, "nothing changed, 20 unsure rows, %u runs then, %u now", runs[i][0], runs[i][1]);
        world = world_of(name, 20, runs[i][0], runs[i][1], 1000);
        make_even(world, NOBODY_SURE, 0);
        assert_true(simulate(world).worse <= LD_REGRESS_ERROR);
    }
}

static void times_are_seldom_told_worse(void **state)
{
    (void)state;
    struct world *world = world_of("nothing changed, 20 scenarios with times, 5 runs of a cell", 40, 5, 5, 100);
    make_mixed(world, true);
    assert_true(simulate(world).worse <= LD_REGRESS_ERROR);
}

/* One detector in one cell, among 100; among 400 there are more than 200 comparisons. */
static void what_is_planted_is_found(void **state)
{
    static const struct {
        const char *name;
        uint32_t then, now;
        struct nature before, after;
        double found, most; /* told worse: of campaigns, at least and at most */
        size_t rows, campaigns;
        bool alone; /* the others are sure of themselves */
    } cases[] = {
        {"a leak lost, 2 runs", 2, 2, {1, 0, 0}, {0, 0, 0}, 0.99, 1, 100, 100, false},
        {"a leak lost, 5 runs", 5, 5, {1, 0, 0}, {0, 0, 0}, 0.99, 1, 100, 100, false},
        {"a false alarm in every run, 2 runs", 2, 2, {1, 0, 0}, {1, 1, 0}, 0.99, 1, 100, 100, false},
        {"false alarms, 1 in 20 to all, 20 runs", 20, 20, {1, 0.05, 0}, {1, 1, 0}, 0.99, 1, 100, 100, false},
        {"half of the leaks lost, 5 runs", 5, 5, {1, 0, 0}, {0.5, 0, 0}, 0, 0.5, 100, 100, false},
        {"half of the leaks lost, 20 runs", 20, 20, {1, 0, 0}, {0.5, 0, 0}, 0.9, 1, 100, 100, false},
        {"a fifth of the leaks lost, 20 runs", 20, 20, {1, 0, 0}, {0.8, 0, 0}, 0, 0.2, 100, 100, false},
        {"a fifth of the leaks lost, 20 runs, alone", 20, 20, {1, 0, 0}, {0.8, 0, 0}, 0.4, 1, 100, 100, true},
        {"a fifth of the leaks lost, 45 runs, alone", 45, 45, {1, 0, 0}, {0.8, 0, 0}, 0.9, 1, 100, 100, true},
        {"twice as slow, 20 runs", 20, 20, {1, 0, LD_SECOND}, {1, 0, 2 * LD_SECOND}, 0.95, 1, 100, 100, false},
        {"twice as slow, 20 runs, among 400",
         20,
         20,
         {1, 0, LD_SECOND},
         {1, 0, 2 * LD_SECOND},
         0.95,
         1,
         400,
         20,
         false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world *world = world_of(cases[i].name, cases[i].rows, cases[i].then, cases[i].now, cases[i].campaigns);
        if (cases[i].alone)
            make_even(world, 1, 0);
        else
            make_mixed(world, false);
        world->then[0] = cases[i].before;
        world->today[0] = cases[i].after;
        struct shares shares = simulate(world);
        assert_true(shares.worse >= cases[i].found && shares.worse <= cases[i].most);
    }
}

/* A detector that is blind everywhere, in a campaign too small for any one cell. */
static void a_broken_detector_is_found(void **state)
{
    (void)state;
    struct world *world = world_of("everything lost, 2 runs", 40, 2, 2, 100);
    make_even(world, 1, 0);
    for (size_t i = 0; i < world->rows; i++)
        world->today[i].sees = 0;
    assert_true(simulate(world).worse >= 0.99);
}

/* More runs of a slow cell count now: that is no slowness. */
static void another_mix_of_cells_is_no_slowness(void **state)
{
    (void)state;
    struct drawn *then = calloc(2, sizeof *then), *now = then + 1;
    struct ld_regressions regressions;
    struct ld_error error = {0};
    struct ld_random random;
    const struct nature quick = {1, 0, LD_SECOND}, slow = {1, 0, 4 * LD_SECOND};
    assert_non_null(then);
    ld_random_init(&random, 3);
    draw(then, &quick, 1, 20, &random);
    draw(now, &quick, 1, 5, &random);
    draw_row(then, 1, &slow, 5, &random);
    draw_row(now, 1, &slow, 20, &random);
    then->baseline.row_count = now->baseline.row_count = 2;
    assert_int_equal(ld_regress(&regressions, &then->baseline, &now->baseline, &plan, "", &error), 0);
    assert_int_equal(regressions.count, 0);
    ld_regressions_done(&regressions);
    free(then);
}

int test_regress_chance(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chance_is_seldom_told_worse),
        cmocka_unit_test(times_are_seldom_told_worse),
        cmocka_unit_test(what_is_planted_is_found),
        cmocka_unit_test(a_broken_detector_is_found),
        cmocka_unit_test(another_mix_of_cells_is_no_slowness),
    };
    return cmocka_run_group_tests_name("regress chance", tests, NULL, NULL);
}
