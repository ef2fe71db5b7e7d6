/* The calibration set must come out at its known scores, so it must do exactly what it says. */
#include "detect/groups.h"
#include "detect/rig.h"

static void tell_of(struct rig *rig, uint32_t incarnation, enum ld_truth_kind kind, int64_t amount)
{
    struct ld_truth_event event = {.time_ns = rig->feed->time_ns, .after_sequence = rig->feed->sequence,
                                   .incarnation = incarnation, .kind = kind, .interval = "pipe", .text = "",
                                   .cause = LD_CAUSE_CHAN_RECEIVE, .amount = amount, .seen_at_count = 2,
                                   .seen_at = {"main.work", "main.other"}};
    struct ld_alert_sink sink = {keep, &rig->feed->kept};
    assert_int_equal(ld_detector_truth(rig->detector, &event, &sink), 0);
}

static void tell(struct rig *rig, enum ld_truth_kind kind, int64_t amount)
{
    tell_of(rig, rig->feed->incarnation, kind, amount);
}

static void tick_after(struct rig *rig, int64_t time_ns)
{
    pass(rig, time_ns);
    hand_tick(rig->feed);
    assert_int_equal(rig->feed->code, 0);
}

static void test_oracle_opens_at_the_manifestation(void **unused)
{
    (void)unused;
    struct rig rig = rig_of("oracle", "{}"); /* M is 3 */
    tick_after(&rig, LD_SECOND);
    tell(&rig, LD_TRUTH_READY, 0);
    tell(&rig, LD_TRUTH_HOLD, 50);
    tell(&rig, LD_TRUTH_LEAK, 1);
    tell(&rig, LD_TRUTH_LEAK, 2);
    assert_int_equal(opens(&rig), 0);
    pass(&rig, 30 * LD_MS);
    tell(&rig, LD_TRUTH_LEAK, 3);
    tell(&rig, LD_TRUTH_LEAK, 4);
    assert_int_equal(opens(&rig), 1);
    const struct kept_alert *alert = find_open(&rig.feed->kept, 0);
    assert_int_equal(alert->evidence, 1);
    assert_int_equal(alert->time_ns, LD_SECOND + 30 * LD_MS);
    assert_int_equal(alert->cause, LD_CAUSE_CHAN_RECEIVE);
    assert_string_equal(alert->site, "main.work");
    tell(&rig, LD_TRUTH_CURED, 1);
    assert_int_equal(closes(&rig), 0);
    tell(&rig, LD_TRUTH_CURED, 0);
    assert_int_equal(closes(&rig), 1);
    tell(&rig, LD_TRUTH_LEAK, 3);
    tell(&rig, LD_TRUTH_ENDED, 0);
    assert_int_equal(opens(&rig), 2);
    assert_int_equal(closes(&rig), 2);
    tell(&rig, LD_TRUTH_LEAK, 3);
    restart(rig.feed);
    assert_int_equal(closes(&rig), 3);
    tell(&rig, LD_TRUTH_LEAK, 2);
    assert_int_equal(opens(&rig), 3);
    rig_done(&rig);
}

/* Later lines of an interval give its amount alone, and so may the line that begins it again after a cure. */
static void test_oracle_takes_the_cause_from_the_first_line(void **unused)
{
    (void)unused;
    struct rig rig = rig_of("oracle", "{}"); /* M is 3 */
    struct ld_alert_sink sink = {keep, &rig.feed->kept};
    tick_after(&rig, LD_SECOND);
    tell(&rig, LD_TRUTH_LEAK, 1);
    struct ld_truth_event bare = {.time_ns = rig.feed->time_ns, .after_sequence = rig.feed->sequence,
                                  .incarnation = rig.feed->incarnation, .kind = LD_TRUTH_LEAK, .interval = "pipe",
                                  .text = "", .cause = LD_CAUSE_NONE, .amount = 3};
    assert_int_equal(ld_detector_truth(rig.detector, &bare, &sink), 0);
    tell(&rig, LD_TRUTH_CURED, 0);
    assert_int_equal(ld_detector_truth(rig.detector, &bare, &sink), 0);
    assert_int_equal(opens(&rig), 2);
    assert_int_equal(closes(&rig), 1);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(find_open(&rig.feed->kept, i)->cause, LD_CAUSE_CHAN_RECEIVE);
        assert_string_equal(find_open(&rig.feed->kept, i)->site, "main.work");
    }
    rig_done(&rig);
}

static void test_delay_opens_at_the_first_observation_due(void **unused)
{
    (void)unused;
    struct rig rig = rig_of("oracle-delay", "{}");
    tick_after(&rig, LD_SECOND);
    tell(&rig, LD_TRUTH_LEAK, 3);
    tick_after(&rig, 499 * LD_MS);
    assert_int_equal(opens(&rig), 0);
    tick_after(&rig, 1 * LD_MS);
    assert_int_equal(opens(&rig), 1);
    assert_int_equal(find_open(&rig.feed->kept, 0)->time_ns, 1500 * LD_MS);
    assert_int_equal(find_open(&rig.feed->kept, 0)->evidence, 3);
    tick_after(&rig, LD_SECOND);
    assert_int_equal(opens(&rig), 1);
    tell(&rig, LD_TRUTH_CURED, 0);
    tell(&rig, LD_TRUTH_LEAK, 3);
    tick_after(&rig, 400 * LD_MS);
    tell(&rig, LD_TRUTH_CURED, 0); /* ended before it was due */
    tick_after(&rig, LD_SECOND);
    assert_int_equal(opens(&rig), 1);
    assert_int_equal(closes(&rig), 1);
    rig_done(&rig);
}

static void test_never(void **unused)
{
    (void)unused;
    struct rig rig = rig_of("never", "{}");
    struct group groups[] = {WAITING(100000, "main.work")};
    for (int i = 0; i < 50; i++) {
        tick_after(&rig, PERIOD_NS);
        hand_profile(rig.feed, groups, 1);
        hand_failure(rig.feed, true, LD_PROFILE_GOROUTINE, LD_READ_TIMEOUT);
    }
    restart(rig.feed);
    assert_int_equal(rig.feed->kept.count, 0);
    rig_done(&rig);
}

static void test_always_once_a_life(void **unused)
{
    (void)unused;
    struct rig rig = rig_of("always", "{}");
    for (uint32_t instance = 0; instance < 3; instance++) {
        rig.feed->instance = instance;
        hand_life(rig.feed, LD_LIFE_STARTED);
        for (int i = 0; i < 20; i++)
            tick_after(&rig, PERIOD_NS);
    }
    assert_int_equal(opens(&rig), 3);
    restart(rig.feed);
    tick_after(&rig, PERIOD_NS);
    assert_int_equal(opens(&rig), 4);
    assert_int_equal(closes(&rig), 1);
    hand_life(rig.feed, LD_LIFE_ENDED);
    tick_after(&rig, PERIOD_NS); /* of the dead one: no new life */
    assert_int_equal(opens(&rig), 4);
    assert_int_equal(closes(&rig), 2);
    rig_done(&rig);
}

/* 20 000 s at 6 a minute: 2 000 expected, sd 45; and another seed draws another lot. */
static void test_random_keeps_its_hazard(void **unused)
{
    (void)unused;
    int64_t first_ns[2];
    for (uint64_t seed = 1; seed <= 2; seed++) {
        struct rig rig;
        struct ld_error error;
        assert_int_equal(rig_open(&rig, "random", "{}", (struct ld_detector_setting){.seed = seed}, &error), 0);
        size_t hits = 0;
        first_ns[seed - 1] = -1;
        for (int i = 0; i < 80000; i++) {
            tick_after(&rig, PERIOD_NS);
            hits += opens(&rig);
            assert_int_equal(opens(&rig), closes(&rig));
            if (first_ns[seed - 1] < 0 && hits)
                first_ns[seed - 1] = rig.feed->time_ns;
            rig.feed->kept.count = 0;
        }
        assert_in_range(hits, 1820, 2180);
        rig_done(&rig);
    }
    assert_int_not_equal(first_ns[0], first_ns[1]);
}

int test_calibration(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oracle_opens_at_the_manifestation),
        cmocka_unit_test(test_oracle_takes_the_cause_from_the_first_line),
        cmocka_unit_test(test_delay_opens_at_the_first_observation_due),
        cmocka_unit_test(test_never),
        cmocka_unit_test(test_always_once_a_life),
        cmocka_unit_test(test_random_keeps_its_hazard),
    };
    return cmocka_run_group_tests_name("calibration", tests, NULL, NULL);
}
