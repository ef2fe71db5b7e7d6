/* Conditions at work, on observations made by hand: the gate, triggers, recoveries, and the same again in replay. */
#include "fault/groups.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "fault/condition.h"

#define MIB 1048576.0

static struct scene {
    struct ld_steady steady;
    struct ld_when when[4];
    struct ld_condition items[4];
    size_t count;
    struct ld_conditions *conditions;
    uint64_t sequence;
    uint32_t instances;
    unsigned gates, triggers[4];
} scene;

static void on_steady(void *context)
{
    (void)context;
    scene.gates++;
}

static void on_triggered(void *context, size_t index)
{
    (void)context;
    scene.triggers[index]++;
}

static const struct ld_conditions_events events = {on_steady, on_triggered};

static int setup(void **state)
{
    (void)state;
    memset(&scene, 0, sizeof scene);
    scene.instances = 1;
    scene.steady = (struct ld_steady){.within = 0.1, .for_ns = 4 * LD_SECOND, .at_most_ns = LD_MINUTE};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ld_conditions_free(scene.conditions);
    return 0;
}

static void steady_on(enum ld_metric metric, double slack)
{
    scene.steady.metrics[scene.steady.metric_count++] = (struct ld_steady_metric){metric, slack};
}

static void when_metric(enum ld_metric metric, bool over, double limit, int64_t for_ns)
{
    scene.when[scene.count] =
        (struct ld_when){.kind = LD_WHEN_METRIC, .metric = metric, .over = over, .limit = limit, .for_ns = for_ns};
    scene.items[scene.count] = (struct ld_condition){"c", &scene.when[scene.count], true};
    scene.count++;
}

static void when_alert(const char *detector, enum ld_severity severity, int64_t for_ns)
{
    scene.when[scene.count] =
        (struct ld_when){.kind = LD_WHEN_ALERT, .detector = detector, .severity = severity, .for_ns = for_ns};
    scene.items[scene.count] = (struct ld_condition){"c", &scene.when[scene.count], true};
    scene.count++;
}

static void begin(int64_t armed_from_s, int64_t armed_to_s)
{
    assert_int_equal(ld_conditions_new(&scene.conditions, scene.steady.metric_count ? &scene.steady : NULL, scene.items,
                                       scene.count, scene.instances, &events, NULL),
                     0);
    ld_conditions_gate(scene.conditions, 0);
    ld_conditions_arm(scene.conditions, armed_from_s * LD_SECOND, armed_to_s * LD_SECOND);
}

static uint64_t observe(const struct ld_observation *observation)
{
    struct ld_observation given = *observation;
    given.sequence = ++scene.sequence;
    given.incarnation = 1;
    ld_conditions_observe(scene.conditions, &given);
    return given.sequence;
}

static uint64_t see(uint32_t instance, double second, enum ld_metric metric, double value)
{
    struct ld_point point = {metric, value};
    struct ld_observation observation = {.time_ns = (int64_t)(second * 1e9),
                                         .instance = instance,
                                         .kind = LD_OBSERVATION_METRICS,
                                         .point_count = 1,
                                         .points = &point};
    return observe(&observation);
}

static void goroutines(double second, double count)
{
    see(0, second, LD_METRIC_GOROUTINES, count);
}

static void life(double second, enum ld_life what)
{
    struct ld_observation observation = {
        .time_ns = (int64_t)(second * 1e9), .kind = LD_OBSERVATION_LIFE, .life = what, .text = ""};
    observe(&observation);
}

static void fail_read(double second, bool of_profile)
{
    struct ld_observation observation = {.time_ns = (int64_t)(second * 1e9),
                                         .kind = LD_OBSERVATION_FAILED,
                                         .of_profile = of_profile,
                                         .failure = LD_READ_TIMEOUT,
                                         .text = ""};
    observe(&observation);
}

static void tick(double second)
{
    struct ld_observation observation = {.time_ns = (int64_t)(second * 1e9), .kind = LD_OBSERVATION_TICK};
    observe(&observation);
}

static void alert(double second, enum ld_alert_action action, uint64_t id, enum ld_severity severity)
{
    struct ld_alert one = {.id = id,
                           .action = action,
                           .evidence = scene.sequence + 1,
                           .evidence_time_ns = (int64_t)(second * 1e9),
                           .incarnation = 1,
                           .severity = severity,
                           .site = "",
                           .why = ""};
    ld_conditions_alert(scene.conditions, "matrix", &one);
    tick(second);
}

/* ---- the gate */

static void the_gate_opens_after_a_stretch_of_standing_still(void **state)
{
    (void)state;
    steady_on(LD_METRIC_GOROUTINES, 0);
    begin(0, 1000);
    for (int i = 0; i < 5; i++)
        goroutines(i, 100 + 10 * i); /* warming up */
    assert_false(ld_conditions_steady(scene.conditions)->passed);
    for (int i = 5; i < 8; i++)
        goroutines(i, 141 + i % 2);
    assert_int_equal(scene.gates, 0);
    goroutines(8, 142); /* since 4 s all of them lie within a tenth of one another */
    assert_int_equal(scene.gates, 1);
    assert_true(ld_conditions_steady(scene.conditions)->passed);
    assert_int_equal(ld_conditions_steady(scene.conditions)->sequence, scene.sequence);
    assert_int_equal(ld_conditions_steady(scene.conditions)->time_ns, 8 * LD_SECOND);
    goroutines(9, 500);
    goroutines(20, 500);
    assert_int_equal(scene.gates, 1); /* once */
}

static void what_moves_keeps_it_shut(void **state)
{
    (void)state;
    steady_on(LD_METRIC_GOROUTINES, 5);
    begin(0, 1000);
    for (int i = 0; i < 60; i++)
        goroutines(i, i % 2 ? 10 : 30);
    assert_int_equal(scene.gates, 0);
    assert_non_null(strstr(ld_conditions_steady(scene.conditions)->text, "go_sched_goroutines_count of instance 0: "));
}

static void slack_is_beside_the_share(void **state)
{
    (void)state;
    scene.steady.within = 0;
    steady_on(LD_METRIC_GOROUTINES, 5);
    begin(0, 1000);
    for (int i = 0; i <= 4; i++)
        goroutines(i, i % 2 ? 10 : 15);
    assert_int_equal(scene.gates, 1);
}

static void every_metric_of_every_instance_counts(void **state)
{
    (void)state;
    scene.instances = 2;
    steady_on(LD_METRIC_GOROUTINES, 0);
    steady_on(LD_METRIC_ERRORS, 0); /* of the load: told with instance 0 alone, by its growth */
    begin(0, 1000);
    for (int i = 0; i <= 6; i++) {
        goroutines(i, 10);
        see(0, i, LD_METRIC_ERRORS, 7);
    }
    assert_int_equal(scene.gates, 0); /* nobody has seen instance 1 */
    for (int i = 7; i <= 11; i++)
        see(1, i, LD_METRIC_GOROUTINES, 10);
    assert_int_equal(scene.gates, 1);
}

static void a_failed_read_is_no_standing_still(void **state)
{
    (void)state;
    steady_on(LD_METRIC_GOROUTINES, 0);
    begin(0, 1000);
    for (int i = 0; i < 4; i++)
        goroutines(i, 10);
    fail_read(3.5, true); /* a profile: another question */
    fail_read(3.6, false);
    goroutines(4, 10);
    goroutines(5, 10);
    assert_int_equal(scene.gates, 0);
    goroutines(8, 10);
    assert_int_equal(scene.gates, 1);
}

static void before_it_listens_nothing_counts(void **state)
{
    (void)state;
    steady_on(LD_METRIC_GOROUTINES, 0);
    begin(0, 1000);
    ld_conditions_gate(scene.conditions, 10 * LD_SECOND);
    for (int i = 0; i < 10; i++)
        goroutines(i, 10);
    goroutines(13, 10);
    assert_int_equal(scene.gates, 0);
    goroutines(17, 10);
    assert_int_equal(scene.gates, 1);
}

/* ---- metrics */

static void over_for_a_while(void **state)
{
    (void)state;
    when_metric(LD_METRIC_RSS, true, 400 * MIB, 3 * LD_SECOND);
    begin(0, 1000);
    see(0, 1, LD_METRIC_RSS, 401 * MIB);
    see(0, 2, LD_METRIC_RSS, 400 * MIB); /* not over: it begins anew */
    see(0, 3, LD_METRIC_RSS, 410 * MIB);
    see(0, 5, LD_METRIC_RSS, 420 * MIB);
    fail_read(5.5, false); /* says nothing, either way */
    tick(6.5);
    assert_int_equal(scene.triggers[0], 0);
    uint64_t sequence = see(0, 6.7, LD_METRIC_RSS, 430 * MIB);
    assert_int_equal(scene.triggers[0], 1);
    const struct ld_condition_state *held = ld_conditions_state(scene.conditions, 0);
    assert_int_equal(held->sequence, sequence);
    assert_int_equal(held->time_ns, 6700 * LD_MS);
    assert_string_equal(held->text,
                        "process_memory_resident_bytes over 400.0MiB for 3s: it was 430.0MiB at instance 0");
    assert_ptr_equal(ld_conditions_first(scene.conditions), held);
    see(0, 20, LD_METRIC_RSS, 430 * MIB);
    assert_int_equal(scene.triggers[0], 1); /* once */
}

static void a_death_begins_anew(void **state)
{
    (void)state;
    when_metric(LD_METRIC_GOROUTINES, true, 10, 2 * LD_SECOND);
    begin(0, 1000);
    goroutines(1, 20);
    life(2, LD_LIFE_ENDED);
    life(2.5, LD_LIFE_READY);
    goroutines(3, 20);
    assert_int_equal(scene.triggers[0], 0);
    goroutines(5, 20);
    assert_int_equal(scene.triggers[0], 1);
}

static void instances_are_apart(void **state)
{
    (void)state;
    scene.instances = 2;
    when_metric(LD_METRIC_GOROUTINES, true, 10, 2 * LD_SECOND);
    begin(0, 1000);
    see(0, 1, LD_METRIC_GOROUTINES, 20);
    see(1, 2, LD_METRIC_GOROUTINES, 20);
    see(0, 2.9, LD_METRIC_GOROUTINES, 5);
    see(1, 3.9, LD_METRIC_GOROUTINES, 20);
    assert_int_equal(scene.triggers[0], 0);
    see(1, 4, LD_METRIC_GOROUTINES, 20);
    assert_int_equal(scene.triggers[0], 1);
    assert_int_equal(ld_conditions_state(scene.conditions, 0)->instance, 1);
    see(7, 5, LD_METRIC_GOROUTINES, 20); /* from nowhere: passed over */
}

static void only_while_armed(void **state)
{
    (void)state;
    when_metric(LD_METRIC_GOROUTINES, true, 10, 0);
    when_metric(LD_METRIC_GOROUTINES, false, 5, 2 * LD_SECOND);
    begin(10, 20);
    goroutines(9.9, 20);
    goroutines(20, 20);
    assert_int_equal(scene.triggers[0], 0);
    goroutines(21, 20);
    assert_int_equal(scene.triggers[0], 0);
    goroutines(9, 1);
    goroutines(11, 1); /* since 11, not since 9 */
    assert_int_equal(scene.triggers[1], 0);
    goroutines(13, 1);
    assert_int_equal(scene.triggers[1], 1);
}

static void counters_by_their_growth(void **state)
{
    (void)state;
    when_metric(LD_METRIC_ERRORS, true, 5, 0);
    begin(0, 1000);
    see(0, 1, LD_METRIC_ERRORS, 1000); /* how many there were is not how fast they come */
    see(0, 2, LD_METRIC_ERRORS, 1005); /* 5/s: not over */
    see(0, 3, LD_METRIC_ERRORS, 3);    /* began anew */
    assert_int_equal(scene.triggers[0], 0);
    see(0, 3.5, LD_METRIC_ERRORS, 6); /* 6/s */
    assert_int_equal(scene.triggers[0], 1);
}

/* ---- alerts */

static void red_for_a_while(void **state)
{
    (void)state;
    when_alert("matrix", LD_SEVERITY_RED, 3 * LD_SECOND);
    when_alert("other", LD_SEVERITY_AMBER, 0);
    begin(0, 1000);
    alert(1, LD_ALERT_OPEN, 1, LD_SEVERITY_AMBER);
    tick(9);
    assert_int_equal(scene.triggers[0], 0);
    alert(10, LD_ALERT_OPEN, 2, LD_SEVERITY_RED);
    alert(12, LD_ALERT_CLOSE, 2, LD_SEVERITY_RED);
    tick(14);
    assert_int_equal(scene.triggers[0], 0);
    alert(20, LD_ALERT_OPEN, 3, LD_SEVERITY_RED);
    alert(22, LD_ALERT_OPEN, 4, LD_SEVERITY_RED);
    alert(22.5, LD_ALERT_CLOSE, 3, LD_SEVERITY_RED); /* the other one keeps it red */
    alert(22.8, LD_ALERT_UNKNOWN, 5, LD_SEVERITY_GREEN);
    tick(23.5); /* it cannot see: nothing is decided */
    assert_int_equal(scene.triggers[0], 0);
    alert(24, LD_ALERT_KNOWN, 5, LD_SEVERITY_GREEN);
    assert_int_equal(scene.triggers[0], 1);
    assert_string_equal(ld_conditions_state(scene.conditions, 0)->text, "matrix red for 3s at instance 0");
    assert_int_equal(scene.triggers[1], 0);
}

static void an_old_alert_counts_from_the_methods_beginning(void **state)
{
    (void)state;
    when_alert("matrix", LD_SEVERITY_AMBER, 2 * LD_SECOND);
    begin(10, 1000);
    alert(1, LD_ALERT_OPEN, 1, LD_SEVERITY_RED);
    tick(10);
    tick(11.9);
    assert_int_equal(scene.triggers[0], 0);
    tick(12);
    assert_int_equal(scene.triggers[0], 1);
}

static void too_many_alerts_harm_nothing(void **state)
{
    (void)state;
    when_alert("matrix", LD_SEVERITY_AMBER, 2 * LD_SECOND);
    begin(0, 1000);
    for (uint64_t id = 1; id <= 2000; id++)
        alert(1, LD_ALERT_OPEN, id, LD_SEVERITY_RED);
    for (uint64_t id = 2000; id >= 1; id--)
        alert(2, LD_ALERT_CLOSE, id, LD_SEVERITY_RED);
    alert(2, LD_ALERT_CLOSE, 77, LD_SEVERITY_RED); /* never opened */
    tick(10);
    assert_int_equal(scene.triggers[0], 0);
    struct ld_alert foreign = {.id = 1, .action = LD_ALERT_OPEN, .instance = UINT32_MAX, .severity = LD_SEVERITY_RED};
    ld_conditions_alert(scene.conditions, "matrix", &foreign);
}

/* ---- recovery */

static void stand_still_until(int seconds)
{
    for (int i = 0; i <= seconds; i++)
        goroutines(i, 10);
    assert_int_equal(scene.gates, 1);
}

static const struct ld_condition_state *settled(void)
{
    ld_conditions_settle(scene.conditions);
    return ld_conditions_state(scene.conditions, 0);
}

static void back_within_the_bounds(void **state)
{
    (void)state;
    steady_on(LD_METRIC_GOROUTINES, 5); /* bounds: 4 to 16 */
    when_metric(LD_METRIC_GOROUTINES, true, 50, 0);
    begin(5, 1000);
    stand_still_until(5);
    goroutines(6, 60); /* triggers */
    goroutines(7, 16);
    goroutines(9, 30); /* not yet */
    goroutines(10, 15);
    goroutines(13, 5);
    assert_int_equal(ld_conditions_state(scene.conditions, 0)->recovered_ns, -1);
    goroutines(14, 10);
    assert_int_equal(settled()->recovered_ns, 10 * LD_SECOND);
    assert_int_equal(settled()->relapsed_ns, -1);
    goroutines(15, 100);
    assert_int_equal(settled()->recovered_ns, 10 * LD_SECOND);
    assert_int_equal(settled()->relapsed_ns, 15 * LD_SECOND);
}

static void never_back(void **state)
{
    (void)state;
    steady_on(LD_METRIC_GOROUTINES, 5);
    when_metric(LD_METRIC_GOROUTINES, true, 50, 0);
    begin(5, 20);
    stand_still_until(5);
    goroutines(6, 60);
    goroutines(17, 10);
    goroutines(19, 10); /* back, but not for long enough before the method's end */
    goroutines(21, 10);
    goroutines(30, 10);
    assert_true(settled()->left);
    assert_int_equal(settled()->recovered_ns, -1);
}

static void never_left(void **state)
{
    (void)state;
    steady_on(LD_METRIC_GOROUTINES, 5);
    when_metric(LD_METRIC_RSS, true, 1, 0);
    begin(5, 20);
    stand_still_until(5);
    see(0, 6, LD_METRIC_RSS, 2);
    for (int i = 6; i < 15; i++)
        goroutines(i, 10);
    assert_false(settled()->left);
    assert_int_equal(settled()->recovered_ns, 6 * LD_SECOND);
}

static void unseen_is_not_back(void **state)
{
    (void)state;
    steady_on(LD_METRIC_GOROUTINES, 5);
    when_metric(LD_METRIC_GOROUTINES, true, 50, 0);
    begin(5, 1000);
    stand_still_until(5);
    goroutines(6, 60);
    goroutines(7, 10);
    fail_read(8, false);
    goroutines(9, 10);
    goroutines(12, 10);
    assert_int_equal(settled()->recovered_ns, -1);
    life(12.5, LD_LIFE_ENDED);
    life(12.8, LD_LIFE_READY);
    goroutines(13, 10);
    goroutines(17, 10);
    assert_int_equal(settled()->recovered_ns, 13 * LD_SECOND);
}

static void what_ceases_to_be_told_is_not_back(void **state)
{
    (void)state;
    steady_on(LD_METRIC_GOROUTINES, 5);
    steady_on(LD_METRIC_LATENCY_P50, 0.01);
    when_metric(LD_METRIC_GOROUTINES, true, 50, 0);
    begin(5, 1000);
    for (int i = 0; i <= 5; i++) {
        goroutines(i, 10);
        see(0, i, LD_METRIC_LATENCY_P50, 0.002);
    }
    assert_int_equal(scene.gates, 1);
    goroutines(6, 60);
    for (int i = 7; i < 30; i++)
        goroutines(i, 10); /* nobody is answered: there is no latency any more */
    assert_int_equal(settled()->recovered_ns, -1);
    for (int i = 30; i < 40; i++) {
        goroutines(i, 10);
        see(0, i, LD_METRIC_LATENCY_P50, 0.003);
    }
    assert_true(settled()->recovered_ns > 0);
}

/* ---- limits, and the same again */

static void limits(void **state)
{
    (void)state;
    struct ld_conditions *conditions = NULL;
    assert_int_equal(ld_conditions_new(&conditions, NULL, scene.items, LD_CONDITIONS_MAX + 1, 1, &events, NULL),
                     LD_ELIMIT);
    assert_int_equal(ld_conditions_new(&conditions, NULL, NULL, 0, 0, &events, NULL), LD_ELIMIT);
    assert_int_equal(
        ld_conditions_new(&conditions, NULL, NULL, 0, LD_CONDITION_INSTANCES_MAX + 1, &events, NULL), LD_ELIMIT);
    assert_null(conditions);
    ld_conditions_free(NULL);
    begin(0, 10); /* without gate and conditions everything passes by */
    goroutines(1, 5);
    assert_null(ld_conditions_first(scene.conditions));
}

static void not_numbers_decide_nothing(void **state)
{
    (void)state;
    steady_on(LD_METRIC_GOROUTINES, 0);
    when_metric(LD_METRIC_GOROUTINES, true, 1, 0);
    begin(0, 1000);
    for (int i = 0; i < 10; i++)
        goroutines(i, i % 2 ? (double)NAN : (double)INFINITY);
    assert_int_equal(scene.gates, 0);
    assert_int_equal(scene.triggers[0], 0);
}

int test_condition(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(the_gate_opens_after_a_stretch_of_standing_still),
        TEST(what_moves_keeps_it_shut),
        TEST(slack_is_beside_the_share),
        TEST(every_metric_of_every_instance_counts),
        TEST(a_failed_read_is_no_standing_still),
        TEST(before_it_listens_nothing_counts),
        TEST(over_for_a_while),
        TEST(a_death_begins_anew),
        TEST(instances_are_apart),
        TEST(only_while_armed),
        TEST(counters_by_their_growth),
        TEST(red_for_a_while),
        TEST(an_old_alert_counts_from_the_methods_beginning),
        TEST(too_many_alerts_harm_nothing),
        TEST(back_within_the_bounds),
        TEST(never_back),
        TEST(never_left),
        TEST(unseen_is_not_back),
        TEST(what_ceases_to_be_told_is_not_back),
        TEST(limits),
        TEST(not_numbers_decide_nothing),
#undef TEST
    };
    return cmocka_run_group_tests_name("conditions", tests, NULL, NULL);
}
