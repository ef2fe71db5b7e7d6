#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "truth/groups.h"
#include "truth/truth.h"

#define START_NS 1000

static struct ld_arena *arena;

static int open_arena(void **state)
{
    (void)state;
    arena = ld_arena_new(1 << 20);
    return arena ? 0 : -1;
}

static int close_arena(void **state)
{
    (void)state;
    ld_arena_free(arena);
    return 0;
}

static int parse(const char *line, struct ld_truth_event *ret_event, struct ld_error *error)
{
    return ld_truth_parse(ret_event, line, strlen(line), START_NS, arena, error);
}

static void a_full_leak_line(void **state)
{
    (void)state;
    struct ld_truth_event event;
    struct ld_error error;
    int code =
        parse("{\"t\":5000,\"event\":\"leak\",\"interval\":\"i1\",\"cause\":\"chan-receive\",\"unit\":\"connections\","
              "\"amount\":5,\"per_unit\":{\"goroutines\":2,\"descriptors\":1,\"bytes\":0},"
              "\"seen_at\":[\"net/http.(*persistConn).readLoop\",\"b\"],\"culprit\":\"mailer.go:42 shop/mail.Send\"}\n",
              &event, &error);
    assert_int_equal(code, 0);
    assert_int_equal(event.time_ns, 4000);
    assert_int_equal(event.kind, LD_TRUTH_LEAK);
    assert_string_equal(event.interval, "i1");
    assert_int_equal(event.cause, LD_CAUSE_CHAN_RECEIVE);
    assert_int_equal(event.unit, LD_UNIT_CONNECTIONS);
    assert_int_equal(event.amount, 5);
    assert_int_equal(event.goroutines_per_unit, 2);
    assert_int_equal(event.descriptors_per_unit, 1);
    assert_int_equal(event.bytes_per_unit, 0);
    assert_int_equal(event.seen_at_count, 2);
    assert_string_equal(event.seen_at[0], "net/http.(*persistConn).readLoop");
    assert_string_equal(event.seen_at[1], "b");
    assert_string_equal(event.culprit, "mailer.go:42 shop/mail.Send");
    assert_string_equal(event.text, "");
}

static void every_event_has_a_least_line(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum ld_truth_kind kind;
        int64_t amount;
    } cases[] = {
        {"{\"t\":1000,\"event\":\"ready\"}", LD_TRUTH_READY, 0},
        {"{\"t\":1000,\"event\":\"leak\",\"interval\":\"i\",\"amount\":1}", LD_TRUTH_LEAK, 1},
        {"{\"t\":1000,\"event\":\"cured\",\"interval\":\"i\"}", LD_TRUTH_CURED, 0},
        {"{\"t\":1000,\"event\":\"cured\",\"interval\":\"i\",\"amount\":3}", LD_TRUTH_CURED, 3},
        {"{\"t\":1000,\"event\":\"hold\",\"interval\":\"i\",\"amount\":2}", LD_TRUTH_HOLD, 2},
        {"{\"t\":1000,\"event\":\"release\",\"interval\":\"i\"}", LD_TRUTH_RELEASE, 0},
        {"{\"t\":1000,\"event\":\"calm\",\"text\":\"pool.worker\"}", LD_TRUTH_CALM, 0},
        {"{\"t\":1000,\"event\":\"gc\",\"amount\":2}", LD_TRUTH_GC, 2},
        {"{\"t\":1000,\"event\":\"error\",\"text\":\"no upstream\"}", LD_TRUTH_ERROR, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ld_truth_event event;
        struct ld_error error = {0};
        assert_int_equal(parse(cases[i].line, &event, &error), 0);
        assert_int_equal(event.kind, cases[i].kind);
        assert_int_equal(event.amount, cases[i].amount);
        assert_int_equal(event.time_ns, 0);
    }
}

static void wrong_lines_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int code;
        const char *message; /* a part of it */
    } cases[] = {
        {"", LD_ESYNTAX, "at byte"},
        {"[]", LD_ESYNTAX, "not an object"},
        {"{\"t\":1000,\"event\":\"ready\"} x", LD_ESYNTAX, "end of file expected"},
        {"{\"t\":1000,\"t\":1000,\"event\":\"ready\"}", LD_ESYNTAX, "duplicate"},
        {"{\"event\":\"ready\"}", LD_ESYNTAX, "\"t\" is missing"},
        {"{\"t\":1000}", LD_ESYNTAX, "\"event\" is missing"},
        {"{\"t\":999,\"event\":\"ready\"}", LD_ESYNTAX, "lies before the run's start"},
        {"{\"t\":-1,\"event\":\"ready\"}", LD_ELIMIT, "\"t\" is -1"},
        {"{\"t\":1e3,\"event\":\"ready\"}", LD_ESYNTAX, "\"t\" is not an integer"},
        {"{\"t\":99999999999999999999,\"event\":\"ready\"}", LD_ESYNTAX, "too big"},
        {"{\"t\":1000,\"event\":\"ready\",\"Amount\":1}", LD_ESYNTAX, "unknown key \"Amount\""},
        {"{\"t\":1000,\"event\":\"lead\"}", LD_ESYNTAX, "unknown event \"lead\""},
        {"{\"t\":1000,\"event\":\"ended\"}", LD_ESYNTAX, "the harness's to say"},
        {"{\"t\":1000,\"event\":7}", LD_ESYNTAX, "\"event\" is not a text"},
        {"{\"t\":1000,\"event\":\"leak\",\"amount\":1}", LD_ESYNTAX, "\"interval\" is missing"},
        {"{\"t\":1000,\"event\":\"leak\",\"interval\":\"i\"}", LD_ESYNTAX, "\"amount\" is missing"},
        {"{\"t\":1000,\"event\":\"leak\",\"interval\":\"i\",\"amount\":0}", LD_ESYNTAX, "less than 1"},
        {"{\"t\":1000,\"event\":\"leak\",\"interval\":\"i\",\"amount\":-4}", LD_ELIMIT, "\"amount\" is -4"},
        {"{\"t\":1000,\"event\":\"leak\",\"interval\":\"i\",\"amount\":1125899906842625}", LD_ELIMIT,
         "allowed are 0 to"},
        {"{\"t\":1000,\"event\":\"leak\",\"interval\":\"\",\"amount\":1}", LD_ESYNTAX, "\"interval\" is empty"},
        {"{\"t\":1000,\"event\":\"leak\",\"interval\":\"i\\u0007\",\"amount\":1}", LD_ESYNTAX, "control character"},
        {"{\"t\":1000,\"event\":\"leak\",\"interval\":\"i\\u0000\",\"amount\":1}", LD_ESYNTAX, "at byte"},
        {"{\"t\":1000,\"event\":\"leak\",\"interval\":\"\xff\",\"amount\":1}", LD_ESYNTAX, "unable to decode"},
        {"{\"t\":1000,\"event\":\"leak\",\"interval\":\"i\",\"amount\":1,\"cause\":\"magic\"}", LD_ESYNTAX,
         "unknown cause"},
        {"{\"t\":1000,\"event\":\"leak\",\"interval\":\"i\",\"amount\":1,\"unit\":\"cows\"}", LD_ESYNTAX,
         "unknown unit"},
        {"{\"t\":1000,\"event\":\"leak\",\"interval\":\"i\",\"amount\":1,\"per_unit\":{\"cows\":1}}", LD_ESYNTAX,
         "per_unit"},
        {"{\"t\":1000,\"event\":\"leak\",\"interval\":\"i\",\"amount\":1,\"per_unit\":{\"bytes\":-1}}", LD_ELIMIT,
         "bytes"},
        {"{\"t\":1000,\"event\":\"leak\",\"interval\":\"i\",\"amount\":1,\"per_unit\":[]}", LD_ESYNTAX,
         "not an object"},
        {"{\"t\":1000,\"event\":\"leak\",\"interval\":\"i\",\"amount\":1,\"seen_at\":\"f\"}", LD_ESYNTAX, "not a list"},
        {"{\"t\":1000,\"event\":\"leak\",\"interval\":\"i\",\"amount\":1,\"seen_at\":[1]}", LD_ESYNTAX, "not a text"},
        {"{\"t\":1000,\"event\":\"leak\",\"interval\":\"i\",\"amount\":1,\"seen_at\":[\"1\",\"2\",\"3\",\"4\",\"5\","
         "\"6\",\"7\",\"8\",\"9\",\"10\",\"11\",\"12\",\"13\",\"14\",\"15\",\"16\",\"17\"]}",
         LD_ELIMIT, "17 sites"},
        {"{\"t\":1000,\"event\":\"calm\"}", LD_ESYNTAX, "\"text\" is missing"},
        {"{\"t\":1000,\"event\":\"gc\"}", LD_ESYNTAX, "\"amount\" is missing"},
        {"{\"t\":1000,\"event\":\"error\"}", LD_ESYNTAX, "\"text\" is missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ld_truth_event event = {.amount = 77};
        struct ld_error error = {0};
        int code = parse(cases[i].line, &event, &error);
        if (code != cases[i].code || !strstr(error.message, cases[i].message))
            fail_msg("line %s: code %d (wanted %d), message \"%s\" (wanted \"%s\")", cases[i].line, code, cases[i].code,
                     error.message, cases[i].message);
        assert_int_equal(error.code, code);
        assert_int_equal(event.amount, 77); /* untouched on failure */
    }
}

static void long_things_are_refused(void **state)
{
    (void)state;
    struct ld_truth_event event;
    struct ld_error error;
    static char line[LD_TRUTH_LINE_MAX + 2];
    memset(line, ' ', sizeof line - 1);
    const char *ready = "{\"t\":1000,\"event\":\"ready\"}";
    memcpy(line, ready, strlen(ready));
    assert_int_equal(ld_truth_parse(&event, line, LD_TRUTH_LINE_MAX, START_NS, arena, &error), 0);
    assert_int_equal(ld_truth_parse(&event, line, LD_TRUTH_LINE_MAX + 1, START_NS, arena, &error), LD_ELIMIT);

    char id[LD_TRUTH_ID_MAX + 2];
    memset(id, 'x', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    char *with_id = NULL;
    assert_true(asprintf(&with_id, "{\"t\":1000,\"event\":\"leak\",\"amount\":1,\"interval\":\"%s\"}", id) > 0);
    assert_int_equal(parse(with_id, &event, &error), LD_ELIMIT);
    free(with_id);
    assert_true(asprintf(&with_id, "{\"t\":1000,\"event\":\"leak\",\"amount\":1,\"interval\":\"%s\"}", id + 1) > 0);
    assert_int_equal(parse(with_id, &event, &error), 0);
    free(with_id);
}

static void deep_nesting_does_not_recurse_away(void **state)
{
    (void)state;
    static char line[LD_TRUTH_LINE_MAX];
    memset(line, '[', sizeof line);
    struct ld_truth_event event;
    struct ld_error error;
    assert_int_equal(ld_truth_parse(&event, line, sizeof line, START_NS, arena, &error), LD_ESYNTAX);
}

static void no_memory_is_said(void **state)
{
    (void)state;
    struct ld_arena *small = ld_arena_new(1);
    assert_non_null(small);
    struct ld_truth_event event;
    struct ld_error error;
    const char *line = "{\"t\":1000,\"event\":\"error\",\"text\":\"something\"}";
    assert_int_equal(ld_truth_parse(&event, line, strlen(line), START_NS, small, &error), LD_ENOMEM);
    ld_arena_free(small);
}

int test_parse(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_leak_line),
        cmocka_unit_test(every_event_has_a_least_line),
        cmocka_unit_test(wrong_lines_are_refused),
        cmocka_unit_test(long_things_are_refused),
        cmocka_unit_test(deep_nesting_does_not_recurse_away),
        cmocka_unit_test(no_memory_is_said),
    };
    return cmocka_run_group_tests_name("truth parse", tests, open_arena, close_arena);
}
