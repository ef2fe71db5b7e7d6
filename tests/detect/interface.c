/* The table of detectors, and the wrapper that holds every detector to the interface. */
#include "detect/groups.h"
#include "detect/rig.h"

/* The runner opens it; here it is only declared. */
static bool is_hosted(const struct ld_detector_kind *kind)
{
    return kind->type == LD_DETECTOR_EXEC || kind->type == LD_DETECTOR_WEBHOOK || kind->type == LD_DETECTOR_STATIC;
}

static void test_table_is_whole(void **unused)
{
    (void)unused;
    size_t count;
    const struct ld_detector_kind *const *kinds = ld_detector_kinds(&count);
    const char *const *names = ld_detector_names();
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(kinds[i]->name, names[i]);
        assert_ptr_equal(ld_detector_find(names[i]), kinds[i]);
        assert_true(strlen(kinds[i]->doc) > 20);
        assert_true(!kinds[i]->sees_truth || kinds[i]->calibration);
        assert_int_equal(kinds[i]->truth != NULL, kinds[i]->sees_truth);
        assert_int_equal(kinds[i]->open == NULL, is_hosted(kinds[i]));
        assert_int_equal(kinds[i]->observe == NULL, is_hosted(kinds[i]));
        assert_true(!kinds[i]->active || (kinds[i]->reads & LD_READ_GOROUTINELEAK));
        assert_int_equal(kinds[i]->endpoint_of != NULL, (kinds[i]->reads & LD_READ_ENDPOINT) != 0);
    }
    assert_null(names[count]);
    assert_null(ld_detector_find("oracel"));
}

static void test_names_of_alerts(void **unused)
{
    (void)unused;
    for (int i = 0; i <= LD_ALERT_KNOWN; i++)
        assert_int_equal(ld_alert_action_find(ld_alert_action_name((enum ld_alert_action)i)), i);
    for (int i = 0; i <= LD_SEVERITY_RED; i++)
        assert_int_equal(ld_severity_find(ld_severity_name((enum ld_severity)i)), i);
    assert_int_equal(ld_alert_action_find("opened"), -1);
    assert_int_equal(ld_severity_find(""), -1);
}

/* A detector that sends, for the n-th observation, the n-th alert of a script. */
struct script {
    struct ld_alert alerts[4];
    size_t at;
};
static struct script script;

static int script_open(void **ret_state, const struct ld_detector_setting *setting, struct ld_error *error)
{
    (void)setting;
    (void)error;
    *ret_state = &script;
    return 0;
}

static int script_observe(void *state, const struct ld_observation *observation, const struct ld_alert_sink *sink)
{
    (void)observation;
    struct script *now = state;
    sink->alert(sink->context, &now->alerts[now->at++]);
    return 0;
}

static const struct ld_detector_kind script_kind = {.name = "script", .doc = "", .open = script_open,
                                                    .observe = script_observe};

#define GOOD .evidence = 1, .site = "", .why = "", .rule = "", .rule_version = ""

static void test_interface_is_enforced(void **unused)
{
    (void)unused;
    const struct {
        const char *what;
        struct ld_alert alerts[2];
        int codes[2];
    } cases[] = {
        {"open and close", {{.id = 1, GOOD}, {.id = 1, .action = LD_ALERT_CLOSE, GOOD}}, {0, 0}},
        {"unknown and known",
         {{.id = 1, .action = LD_ALERT_UNKNOWN, GOOD}, {.id = 1, .action = LD_ALERT_KNOWN, GOOD}},
         {0, 0}},
        {"id 0", {{.id = 0, GOOD}}, {LD_EDETECTOR, LD_EDETECTOR}},
        {"the same id twice", {{.id = 1, GOOD}, {.id = 1, GOOD}}, {0, LD_EDETECTOR}},
        {"falling ids", {{.id = 2, GOOD}, {.id = 1, GOOD}}, {0, LD_EDETECTOR}},
        {"close of what is not open", {{.id = 1, .action = LD_ALERT_CLOSE, GOOD}}, {LD_EDETECTOR, LD_EDETECTOR}},
        {"known closes a claim", {{.id = 1, GOOD}, {.id = 1, .action = LD_ALERT_KNOWN, GOOD}}, {0, LD_EDETECTOR}},
        {"close ends an unknown",
         {{.id = 1, .action = LD_ALERT_UNKNOWN, GOOD}, {.id = 1, .action = LD_ALERT_CLOSE, GOOD}},
         {0, LD_EDETECTOR}},
        {"close of another instance",
         {{.id = 1, GOOD}, {.id = 1, .instance = 1, .action = LD_ALERT_CLOSE, GOOD}},
         {0, LD_EDETECTOR}},
        {"evidence ahead",
         {{.id = 1, .evidence = 2, .site = "", .why = "", .rule = "", .rule_version = ""}},
         {LD_EDETECTOR, LD_EDETECTOR}},
        {"a time ahead", {{.id = 1, .evidence_time_ns = 2 * PERIOD_NS, GOOD}}, {LD_EDETECTOR, LD_EDETECTOR}},
        {"no text",
         {{.id = 1, .evidence = 1, .why = "", .rule = "", .rule_version = ""}},
         {LD_EDETECTOR, LD_EDETECTOR}},
        {"a cause beyond the table", {{.id = 1, .cause = LD_CAUSE_COUNT, GOOD}}, {LD_EDETECTOR, LD_EDETECTOR}},
        {"a negative amount", {{.id = 1, .amount = -1, GOOD}}, {LD_EDETECTOR, LD_EDETECTOR}},
        {"no amount", {{.id = 1, .amount = __builtin_nan(""), GOOD}}, {LD_EDETECTOR, LD_EDETECTOR}},
    };
    struct ld_detector_setting setting = {.name = "s", .time_scale = 1};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        script = (struct script){0};
        memcpy(script.alerts, cases[i].alerts, sizeof cases[i].alerts);
        struct ld_detector *detector;
        assert_int_equal(ld_detector_open(&detector, &script_kind, &setting, NULL), 0);
        assert_string_equal(ld_detector_name(detector), "s");
        struct feed *feed = feed_new(detector, deliver_detector);
        for (int k = 0; k < 2; k++) {
            feed->time_ns = k * PERIOD_NS;
            hand_tick(feed);
            if (feed->code != cases[i].codes[k])
                fail_msg("%s, call %d: %s, expected %s", cases[i].what, k, ld_code_name(feed->code),
                         ld_code_name(cases[i].codes[k]));
        }
        size_t delivered = (size_t)(cases[i].codes[0] == 0) + (size_t)(cases[i].codes[1] == 0);
        assert_int_equal(feed->kept.count, delivered); /* what breaks the interface reaches nobody */
        ld_detector_free(detector);
        free(feed);
    }
    ld_detector_free(NULL);
}

/* What a detector is fed in a property test: a bit of everything, out of a seed. */
static void feed_anything(struct rig *rig, uint64_t seed, int count)
{
    uint64_t lot = seed;
    const struct ld_truth_event leak = {.kind = LD_TRUTH_LEAK, .interval = "i", .cause = LD_CAUSE_CHAN_RECEIVE,
                                        .incarnation = 1, .amount = 5, .seen_at_count = 1, .seen_at = {"main.work"}};
    for (int i = 0; i < count; i++) {
        lot = lot * 6364136223846793005u + 1442695040888963407u;
        int64_t number = (int64_t)(lot >> 33) % 3000;
        static const char *const lines[] = {"==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x10",
                                            "    #0 0x10 in main.read main.go:1", ""};
        struct group groups[] = {
            WAITING(number, "main.work"), WAITING(number / 7, "main.rest"), WAITING(i, "main.rise"), {i % 3, {NULL}}};
        pass(rig, 50 * LD_MS + number * 100000);
        rig->feed->instance = (uint32_t)(lot >> 60) % 2;
        static const char *const paths[] = {"/health", "/debug/goleak?settle=2000000000ns"};
        switch ((lot >> 40) % 11) {
        case 0:
            hand_failure(rig->feed, lot >> 63, (enum ld_profile_kind)((lot >> 50) % 2), LD_READ_NOT_AVAILABLE);
            break;
        case 10:
            if ((lot >> 50) % 4 == 0)
                hand_no_answer(rig->feed, paths[i % 2], LD_READ_TIMEOUT);
            else
                hand_answer(rig->feed, paths[i % 2], (lot >> 52) % 2 ? 500 : 200,
                            (lot >> 52) % 2
                                ? "found unexpected goroutines:\n[Goroutine 7 in state select, with main.rest "
                                  "on top of the stack:\nmain.rest()\n\t/m.go:1 +0x1\n]"
                                : "");
            break;
        case 1:
            hand_tick(rig->feed);
            break;
        case 2:
            hand_profile_as(rig->feed, LD_PROFILE_GOROUTINELEAK, LD_PURPOSE_PERIOD, groups, 4);
            break;
        case 3:
            if ((lot >> 50) % 8 == 0)
                restart(rig->feed);
            break;
        case 4: {
            struct ld_truth_event event = leak;
            event.time_ns = rig->feed->time_ns;
            event.after_sequence = rig->feed->sequence;
            event.kind = (enum ld_truth_kind)((lot >> 50) % (LD_TRUTH_ENDED + 1));
            event.amount = number % 6;
            struct ld_alert_sink sink = {keep, &rig->feed->kept};
            assert_int_equal(ld_detector_truth(rig->detector, &event, &sink), 0);
            break;
        }
        case 5:
            hand_profile_as(rig->feed, LD_PROFILE_GOROUTINE, (enum ld_purpose)((lot >> 50) % LD_PURPOSES), groups, 4);
            break;
        case 6:
        case 7:
            hand_profile(rig->feed, groups, 4);
            break;
        case 8:
            hand_line(rig->feed, lines[(lot >> 50) % 3]);
            break;
        default:
            hand_metric(rig->feed, LD_METRIC_GOROUTINES, (double)number);
        }
        assert_int_equal(rig->feed->code, 0);
    }
}

static void test_same_observations_same_alerts(void **unused)
{
    (void)unused;
    size_t count;
    const struct ld_detector_kind *const *kinds = ld_detector_kinds(&count);
    for (size_t i = 0; i < count; i++) {
        size_t alerts = 0;
        if (!kinds[i]->observe)
            continue;
        for (uint64_t seed = 1; seed <= 5; seed++) {
            const char *options = strcmp(kinds[i]->name, "before-after") == 0 ? "{apart: 1s}"
                                  : strcmp(kinds[i]->name, "endpoint") == 0   ? "{path: /health}"
                                                                              : "{}";
            struct rig a = rig_of(kinds[i]->name, options), b = rig_of(kinds[i]->name, options);
            feed_anything(&a, seed, 600);
            feed_anything(&b, seed, 600);
            if (a.feed->kept.count != b.feed->kept.count)
                fail_msg("%s: %zu alerts, then %zu", kinds[i]->name, a.feed->kept.count, b.feed->kept.count);
            alerts += a.feed->kept.count;
            assert_memory_equal(a.feed->kept.items, b.feed->kept.items,
                                a.feed->kept.count * sizeof a.feed->kept.items[0]);
            rig_done(&a);
            rig_done(&b);
        }
        if ((alerts > 0) != (strcmp(kinds[i]->name, "never") != 0)) /* or the test shows nothing */
            fail_msg("%s gave %zu alerts", kinds[i]->name, alerts);
    }
}

int test_interface(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_is_whole),
        cmocka_unit_test(test_names_of_alerts),
        cmocka_unit_test(test_interface_is_enforced),
        cmocka_unit_test(test_same_observations_same_alerts),
    };
    return cmocka_run_group_tests_name("interface", tests, NULL, NULL);
}
