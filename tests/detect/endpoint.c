/* Verdicts that a target holds itself: how they are read, and what becomes of them. */
#include "detect/goleak.h"
#include "detect/groups.h"
#include "detect/rig.h"
#include "observe/series.h"

#define GOLEAK_PATH "/debug/goleak?settle=2000000000ns"
#define WAITS(id, state, function)                                                                                    \
    "Goroutine " id " in state " state ", with " function " on top of the stack:\n" function                          \
    "(0xc000012345)\n\t/src/shop.go:41 +0x1f\ncreated by shop.serve in goroutine 1\n\t/src/shop.go:9 +0x20\n"
#define FOUND "found unexpected goroutines:\n["

static char *read_text(const char *file, size_t *ret_length)
{
    char path[512];
    snprintf(path, sizeof path, TEST_DATA "/goleak/%s", file);
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    char *text = calloc(1, 65536);
    *ret_length = fread(text, 1, 65535, stream);
    fclose(stream);
    return text;
}

/* What the three releases print of the same goroutines. */
static void test_goleak_of_every_release(void **unused)
{
    (void)unused;
    static const struct {
        const char *site;
        enum ld_wait wait;
        int64_t count;
    } rows[] = {
        {"main.(*desk[...]).collect", LD_WAIT_CHAN_RECEIVE, 3},
        {"main.forever", LD_WAIT_SELECT_EMPTY, 1},
        {"main.labelled.func1", LD_WAIT_CHAN_RECEIVE, 1},
        {"main.lock", LD_WAIT_MUTEX, 1},
        {"main.nap", LD_WAIT_SLEEP, 1},
        {"main.nothing", LD_WAIT_CHAN_RECEIVE, 1},
        {"main.pick", LD_WAIT_SELECT, 1},
        {"main.pinned", LD_WAIT_CHAN_RECEIVE, 1},
        {"main.serve", LD_WAIT_CHAN_SEND, 1},
        {"main.wait", LD_WAIT_WAITGROUP, 1},
        {"net/http.(*persistConn).readLoop", LD_WAIT_SELECT, 1},
        {"net/http.(*persistConn).writeLoop", LD_WAIT_SELECT, 1},
    };
    static const char *const files[] = {"go1.26.txt", "go1.27.txt", "go1.27-labels.txt"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct ld_profile profile;
        struct ld_site_counts counts;
        struct ld_error error = {0};
        size_t length;
        char *text = read_text(files[i], &length);
        if (ld_goleak_parse(&profile, text, length, &error) != 0)
            fail_msg("%s: %s", files[i], error.message);
        assert_int_equal(profile.sample_count, 17);
        assert_int_equal(ld_site_counts_of(&counts, &profile), 0);
        for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
            const struct ld_site_count *found = NULL;
            for (size_t k = 0; k < counts.count; k++)
                if (strcmp(counts.items[k].site, rows[row].site) == 0)
                    found = &counts.items[k];
            if (!found)
                fail_msg("%s: nobody at %s", files[i], rows[row].site);
            assert_int_equal(found->count, rows[row].count);
            assert_int_equal(found->wait, rows[row].wait);
        }
        ld_site_counts_done(&counts);
        ld_profile_done(&profile);
        assert_int_equal(ld_goleak_parse(&profile, text, length - 1, &error), LD_ETRUNCATED);
        free(text);
    }
}

static void test_goleak_that_is_none(void **unused)
{
    (void)unused;
    static const struct {
        const char *body;
        int code;
    } rows[] = {
        {"", LD_ESYNTAX},
        {"<html>", LD_ESYNTAX},
        {FOUND "Goroutine x in state select, with a on top of the stack:\n]", LD_ESYNTAX},
        {FOUND "Goroutine 7 in state select on top of the stack:\n]", LD_ESYNTAX},
        {FOUND "hello\n]", LD_ESYNTAX},
        {FOUND WAITS("7", "select", "shop.wait"), LD_ETRUNCATED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ld_profile profile;
        struct ld_error error = {0};
        assert_int_equal(ld_goleak_parse(&profile, rows[i].body, strlen(rows[i].body), &error), rows[i].code);
        assert_true(error.message[0] != '\0');
    }
}

static void test_goleak_claims_each_site(void **unused)
{
    (void)unused;
    struct rig rig = rig_of("goleak", "{}");
    hand_answer(rig.feed, GOLEAK_PATH, 200, "");
    hand_answer(rig.feed, "/debug/goleak?settle=0ns", 500,
                FOUND WAITS("5", "select", "shop.other") "]"); /* another's */
    assert_int_equal(rig.feed->kept.count, 0);
    hand_answer(rig.feed, GOLEAK_PATH, 500,
                FOUND WAITS("7", "chan receive", "shop.wait") " " WAITS("8", "chan receive, 2 minutes", "shop.wait") " "
                      WAITS("9", "select", "shop.pick") "]");
    assert_int_equal(rig.feed->code, 0);
    assert_int_equal(opens(&rig), 2);
    const struct kept_alert *first = find_open(&rig.feed->kept, 0), *second = find_open(&rig.feed->kept, 1);
    assert_string_equal(first->site, "shop.pick");
    assert_int_equal(first->cause, LD_CAUSE_SELECT_WAIT);
    assert_string_equal(second->site, "shop.wait");
    assert_int_equal(second->cause, LD_CAUSE_CHAN_RECEIVE);
    assert_int_equal(second->amount, 2);
    assert_string_equal(second->why, GOLEAK_PATH " lists 2 goroutines at shop.wait (chan-receive)");
    hand_answer(rig.feed, GOLEAK_PATH, 500, FOUND WAITS("7", "chan receive", "shop.wait") "]");
    assert_int_equal(opens(&rig), 2);
    assert_int_equal(closes(&rig), 1);
    hand_answer(rig.feed, GOLEAK_PATH, 200, "ok\n");
    assert_int_equal(closes(&rig), 2);
    assert_int_equal(unknowns(&rig), 0);
    rig_done(&rig);
}

/* Nobody answered, or something else did: never counted as healthy, and no claim is withdrawn for it. */
static void test_what_is_no_verdict_is_unknown(void **unused)
{
    (void)unused;
    struct rig rig = rig_of("goleak", "{at_least: 1}");
    static const struct {
        int status;
        const char *body;
    } rows[] = {{200, "<html>log in</html>"}, {404, "404 page not found\n"}, {503, "not now\n"}, {500, ""},
                {500, "internal error"},      {204, ""},                     {500, FOUND "Goroutine 7 in sta"}};
    hand_answer(rig.feed, GOLEAK_PATH, 500, FOUND WAITS("7", "select", "shop.pick") "]");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hand_answer(rig.feed, GOLEAK_PATH, rows[i].status, rows[i].body);
        assert_int_equal(unknowns(&rig), i + 1);
        hand_answer(rig.feed, GOLEAK_PATH, 500, FOUND WAITS("7", "select", "shop.pick") "]");
        assert_int_equal(knowns(&rig), i + 1);
    }
    hand_no_answer(rig.feed, "/health", LD_READ_REFUSED); /* another's */
    hand_failure(rig.feed, false, LD_PROFILE_GOROUTINE, LD_READ_REFUSED);
    hand_failure(rig.feed, true, LD_PROFILE_GOROUTINE, LD_READ_REFUSED);
    assert_int_equal(unknowns(&rig), 7);
    hand_no_answer(rig.feed, GOLEAK_PATH, LD_READ_TIMEOUT);
    hand_no_answer(rig.feed, GOLEAK_PATH, LD_READ_TIMEOUT);
    assert_int_equal(unknowns(&rig), 8);
    assert_int_equal(opens(&rig), 1);
    assert_int_equal(closes(&rig), 0);
    restart(rig.feed);
    assert_int_equal(closes(&rig), 1);
    rig_done(&rig);
}

static void test_status(void **unused)
{
    (void)unused;
    struct rig rig = rig_of("endpoint", "{path: /health, leak: [503]}");
    hand_answer(rig.feed, "/health", 200, "fine");
    hand_answer(rig.feed, "/health", 204, "");
    hand_answer(rig.feed, "/health", 503, "goroutines: \x01 4711\nand more");
    hand_answer(rig.feed, "/health", 503, "again");
    assert_int_equal(opens(&rig), 1);
    assert_string_equal(find_open(&rig.feed->kept, 0)->why, "/health answered HTTP 503: goroutines: ? 4711");
    assert_string_equal(find_open(&rig.feed->kept, 0)->site, "");
    hand_answer(rig.feed, "/health", 500, "");
    assert_int_equal(unknowns(&rig), 1);
    hand_answer(rig.feed, "/health", 200, "fine");
    assert_int_equal(knowns(&rig), 1);
    assert_int_equal(closes(&rig), 1);
    rig_done(&rig);
}

static void test_profile(void **unused)
{
    (void)unused;
    struct rig rig = rig_of("endpoint", "{path: /leaks, verdict: profile}");
    hand_answer(rig.feed, "/leaks", 200,
                "goroutine 7 [chan receive (leaked)]:\nshop.wait(0x1)\n\t/src/shop.go:41 +0x1f\n\n"
                "goroutine 8 [select]:\nshop.pick()\n\t/src/shop.go:50 +0x1f\n\n");
    assert_int_equal(opens(&rig), 1);
    assert_string_equal(find_open(&rig.feed->kept, 0)->site, "shop.wait");
    hand_answer(rig.feed, "/leaks", 500, "");
    assert_int_equal(unknowns(&rig), 1);
    hand_answer(rig.feed, "/leaks", 200, "goroutine profile: total 0\n");
    assert_int_equal(closes(&rig), 1);
    rig_done(&rig);
}

static struct ld_endpoint endpoint_of(const char *kind, const char *options, double time_scale)
{
    struct ld_endpoint endpoint;
    struct rig rig = rig_of(kind, options);
    assert_true(ld_detector_endpoint_of(ld_detector_find(kind), rig.options, time_scale, 250 * LD_MS, &endpoint));
    rig_done(&rig);
    return endpoint;
}

static void test_what_is_read(void **unused)
{
    (void)unused;
    struct ld_endpoint goleak = endpoint_of("goleak", "{settle: 2s, every: 3}", 20);
    assert_string_equal(goleak.path, "/debug/goleak?settle=100000000ns");
    assert_int_equal(goleak.every, 3);
    assert_true(goleak.hold_ns > 100 * LD_MS && goleak.timeout_ns > goleak.hold_ns);
    assert_string_equal(endpoint_of("goleak", "{settle: 0s}", 20).path, "/debug/goleak?settle=0ns");
    assert_int_equal(endpoint_of("goleak", "{settle: 0s}", 20).every, 4);
    assert_int_equal(endpoint_of("goleak", "{}", 1).every, 10); /* 2.45 s of 0.25 s each */
    assert_string_equal(endpoint_of("goleak", "{path: /x?y=1}", 1).path, "/x?y=1&settle=2000000000ns");
    assert_true(endpoint_of("endpoint", "{path: /x, active: true}", 1).changes);
    struct rig active = rig_of("endpoint", "{path: /x, active: true}"), passive = rig_of("endpoint", "{path: /x}");
    assert_true(ld_detector_is_active(ld_detector_find("endpoint"), active.options));
    assert_false(ld_detector_is_active(ld_detector_find("endpoint"), passive.options));
    assert_false(ld_detector_is_active(ld_detector_find("goleak"), passive.options));
    rig_done(&active);
    rig_done(&passive);
}

int test_endpoint(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goleak_of_every_release),      cmocka_unit_test(test_goleak_that_is_none),
        cmocka_unit_test(test_goleak_claims_each_site),      cmocka_unit_test(test_what_is_no_verdict_is_unknown),
        cmocka_unit_test(test_status),                       cmocka_unit_test(test_profile),
        cmocka_unit_test(test_what_is_read),
    };
    return cmocka_run_group_tests_name("endpoint", tests, NULL, NULL);
}
