/* Runs that a condition changed count up to there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "groups.h"
#include "score/score.h"

static struct ld_truth_interval intervals[3];
static struct ld_truth truth;
static struct ld_life_span lives[3];
static struct ld_alert alerts[3];
static struct ld_detector_record detector;
static struct ld_run_record record;
static struct ld_arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = ld_arena_new(1 << 20);
    assert_non_null(arena);
    intervals[0] = (struct ld_truth_interval){.first_ns = 10, .manifest_ns = 20, .end_ns = 40, .end = LD_END_CURED};
    intervals[1] = (struct ld_truth_interval){.first_ns = 30, .manifest_ns = 60, .end_ns = 90, .end = LD_END_DEATH};
    intervals[2] = (struct ld_truth_interval){.first_ns = 70, .manifest_ns = 75, .end_ns = 100,
                                              .end = LD_END_FOLLOW_UP};
    truth = (struct ld_truth){.intervals = intervals, .interval_count = 3};
    lives[0] = (struct ld_life_span){0, 1, 0, 45};
    lives[1] = (struct ld_life_span){0, 2, 46, 80};
    lives[2] = (struct ld_life_span){0, 3, 81, 100};
    for (int i = 0; i < 3; i++)
        alerts[i] = (struct ld_alert){.receipt_ns = 25 * (i + 1)};
    detector = (struct ld_detector_record){.name = "d", .alert_count = 3, .alerts = alerts};
    record = (struct ld_run_record){.observed_from_ns = 5,
                                    .observed_to_ns = 100,
                                    .marked_ns = 50,
                                    .truth = &truth,
                                    .life_count = 3,
                                    .lives = lives,
                                    .detector_count = 1,
                                    .detectors = &detector};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ld_arena_free(arena);
    return 0;
}

static void follow_up_ends_at_the_mark(void **state)
{
    (void)state;
    assert_int_equal(ld_score_censor(&record, arena), 0);
    assert_int_equal(record.observed_to_ns, 50);
    assert_int_equal(record.truth->interval_count, 3); /* outcomes name them by index */
    const struct ld_truth_interval *cut = record.truth->intervals;
    assert_int_equal(cut[0].manifest_ns, 20);
    assert_int_equal(cut[0].end_ns, 40);
    assert_int_equal(cut[0].end, LD_END_CURED);
    assert_int_equal(cut[1].manifest_ns, -1); /* M units only after the mark */
    assert_int_equal(cut[1].end_ns, 50);
    assert_int_equal(cut[1].end, LD_END_FOLLOW_UP); /* its death is not seen any more */
    assert_int_equal(cut[2].manifest_ns, -1);
    assert_int_equal(cut[2].end_ns, 70);
    assert_int_equal(record.life_count, 2);
    assert_int_equal(record.lives[1].to_ns, 50);
    assert_int_equal(record.detectors[0].alert_count, 2); /* the one at the mark itself counts */
    assert_int_equal(intervals[1].end_ns, 90); /* what was given stays as it was */
    assert_int_equal(lives[1].to_ns, 80);
}

static void an_unmarked_run_stays_as_it_is(void **state)
{
    (void)state;
    record.marked_ns = -1;
    assert_int_equal(ld_score_censor(&record, arena), 0);
    assert_int_equal(record.observed_to_ns, 100);
    assert_ptr_equal(record.truth, &truth);
    record.marked_ns = 100; /* at the very end: nothing lies behind it */
    assert_int_equal(ld_score_censor(&record, arena), 0);
    assert_int_equal(record.detectors[0].alert_count, 3);
    record.marked_ns = 50;
    record.truth = NULL;
    assert_int_equal(ld_score_censor(&record, arena), 0);
    assert_int_equal(record.observed_to_ns, 50);
}

int test_censor(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(follow_up_ends_at_the_mark, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unmarked_run_stays_as_it_is, setup, teardown),
    };
    return cmocka_run_group_tests_name("censoring", tests, NULL, NULL);
}
