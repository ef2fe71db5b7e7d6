#include "yaml/schema.h"

#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "sample.h"

static void everything_binds(void **state)
{
    (void)state;
    static const char yaml[] = "name: a/b-1.c_d\nnote: 12 words\nloud: false\nruns: -3\nweight: 0.5\nrate: 90/m\n"
                               "variant: leaky\nperiod: {every: \"1.5s\", share: 99.2%, memory: 512MiB}\n"
                               "extra: {every: 10ms}\nnumbers: [9]\nperiods: [{}, {every: 10s}]\n"
                               "weights: {A: 1, b.c: 2.5}\nkept: [x]\neven: 8\n";
    struct ld_errors errors = {0};
    struct ld_arena *arena;
    struct sample sample;
    assert_int_equal(sample_read(yaml, strlen(yaml), &sample, &arena, &errors), 0);
    assert_int_equal(errors.count, 0);
    assert_string_equal(sample.name, "a/b-1.c_d");
    assert_string_equal(sample.note, "12 words");
    assert_false(sample.loud);
    assert_int_equal(sample.runs, -3);
    assert_true(sample.weight == 0.5);
    assert_true(sample.rate == 1.5);
    assert_int_equal(sample.variant, 0);
    assert_int_equal(sample.period.every_ns, 1500 * LD_MS);
    assert_true(sample.period.share == 0.992);
    assert_int_equal(sample.period.memory, (uint64_t)512 << 20);
    assert_int_equal(sample.extra->every_ns, 10 * LD_MS);
    assert_int_equal(sample.numbers.count, 1);
    assert_int_equal(((int64_t *)sample.numbers.items)[0], 9);
    assert_int_equal(sample.periods.count, 2);
    assert_int_equal(((struct sample_period *)sample.periods.items)[0].every_ns, 250 * LD_MS);
    assert_int_equal(((struct sample_period *)sample.periods.items)[1].every_ns, 10 * LD_SECOND);
    assert_int_equal(sample.weights.count, 2);
    assert_string_equal(sample.weights.names[1], "b.c");
    assert_int_equal(sample.weights.name_nodes[1]->line, 12);
    assert_true(((double *)sample.weights.items)[1] == 2.5);
    assert_int_equal(sample.kept->kind, LD_NODE_SEQUENCE);
    assert_int_equal(sample.even, 8);
    ld_arena_free(arena);
}

static void defaults_are_there(void **state)
{
    (void)state;
    struct ld_errors errors = {0};
    struct ld_arena *arena;
    struct sample sample;
    assert_int_equal(sample_read("name: a\n", 8, &sample, &arena, &errors), 0);
    assert_string_equal(sample.note, "");
    assert_true(sample.loud);
    assert_int_equal(sample.runs, 5);
    assert_true(sample.rate == 40);
    assert_int_equal(sample.variant, 1);
    assert_int_equal(sample.period.every_ns, 250 * LD_MS);
    assert_null(sample.extra);
    assert_int_equal(sample.numbers.count, 2);
    assert_int_equal(((int64_t *)sample.numbers.items)[1], 2);
    assert_int_equal(sample.weights.count, 0);
    ld_arena_free(arena);
}

static void one_pass_reports_all(void **state)
{
    (void)state;
    expect_errors("nme: a\n"
                  "runs: many\n"
                  "runs: 3\n"
                  "variant: leeky\n"
                  "period:\n"
                  "  evry: 1s\n"
                  "  share: 0.9\n"
                  "  every: 250\n"
                  "later: x\n"
                  "numbers: [0, 3, x]\n",
                  "a.yaml:3:1: duplicate key \"runs\"; first given at line 2\n"
                  "a.yaml:1:1: nme: unknown key \"nme\"; did you mean \"name\"?\n"
                  "a.yaml:2:7: runs: \"many\" is not a whole number such as 12\n"
                  "a.yaml:4:10: variant: \"leeky\" is not one of leaky, healthy; did you mean \"leaky\"?\n"
                  "a.yaml:6:3: period.evry: unknown key \"evry\"; did you mean \"every\"?\n"
                  "a.yaml:7:10: period.share: \"0.9\" needs a unit; write a percentage such as 90%\n"
                  "a.yaml:8:10: period.every: \"250\" needs a unit; write a duration such as 250ms\n"
                  "a.yaml:9:1: later: key \"later\" is not implemented yet\n"
                  "a.yaml:10:11: numbers[0]: \"0\" is out of range: 1 to 9\n"
                  "a.yaml:10:17: numbers[2]: \"x\" is not a whole number such as 12\n"
                  "a.yaml:1:1: name: required key \"name\" is missing: a name\n");
}

/* One wrong line behind a right one, and its error without file and line. */
static const struct {
    const char *line, *error;
} wrong[] = {
    {"qqqqqq: 1", "1: qqqqqq: unknown key \"qqqqqq\"; sample has name, note, loud, runs, weight, rate, variant, "
                  "period, extra, numbers, periods, weights, kept, even, later"},
    {"note:", "6: note: needs a value: text"},
    {"note: ~", "7: note: needs a value: text"},
    {"note: [a]", "7: note: expected text, not a list"},
    {"note: {a: b}", "7: note: expected text, not a mapping"},
    {"loud: yes", "7: loud: \"yes\" is not true or false"},
    {"loud: \"true\"", "7: loud: \"true\" is not true or false"},
    {"loud: True", "7: loud: \"True\" is not true or false"},
    {"runs: 1.5", "7: runs: \"1.5\" is not a whole number such as 12"},
    {"runs: \"7\"", "7: runs: \"7\" is text; write a whole number without quotes"},
    {"runs: 1001", "7: runs: \"1001\" is out of range: -5 to 1000"},
    {"runs: -6", "7: runs: \"-6\" is out of range: -5 to 1000"},
    {"runs: 99999999999999999999", "7: runs: \"99999999999999999999\" is too large"},
    {"weight: 2.1", "9: weight: \"2.1\" is out of range: at most 2"},
    {"weight: 1e9", "9: weight: \"1e9\" is not a number such as 0.5 or 12"},
    {"rate: 40", "7: rate: \"40\" needs a unit; write a rate such as 40/s"},
    {"rate: fast", "7: rate: \"fast\" is not a rate with its unit, such as 40/s (/s, /m, /h)"},
    {"variant: other", "10: variant: \"other\" is not one of leaky, healthy"},
    {"period: 1s", "9: period: expected a mapping of keys to values, not text"},
    {"period:", "8: period: needs a value: a mapping of keys to values"},
    {"period: [1s]", "9: period: expected a mapping of keys to values, not a list"},
    {"period: {every: 5ms}", "17: period.every: \"5ms\" is out of range: 10ms to 10s"},
    {"period: {every: 1sec}",
     "17: period.every: \"1sec\" is not a duration with its unit, such as 250ms (ns, us, ms, s, m, h, d)"},
    {"period: {every: -1s}",
     "17: period.every: \"-1s\" is not a duration with its unit, such as 250ms (ns, us, ms, s, m, h, d)"},
    {"period: {every: 500d}", "17: period.every: \"500d\" is too large"},
    {"period: {every: 1s}", "9: period: every must not be 1s"},
    {"period: {memory: 512}", "18: period.memory: \"512\" needs a unit; write a size such as 512MiB"},
    {"period: {memory: 1KiB}", "18: period.memory: \"1KiB\" is out of range: at least 1MiB"},
    {"period: {share: 5%}", "17: period.share: \"5%\" is out of range: 10% to 100%"},
    {"period: {share: 90}", "17: period.share: \"90\" needs a unit; write a percentage such as 90%"},
    {"period: {share: 101%}", "17: period.share: \"101%\" is not a percentage from 0% to 100%, such as 99.2%"},
    {"extra: {memroy: 1MiB}", "9: extra.memroy: unknown key \"memroy\"; did you mean \"memory\"?"},
    {"numbers: 1", "10: numbers: expected a list such as [a, b], not text"},
    {"numbers: [1, 2, 3, 4, 5, 6]", "26: numbers: has 6 items; at most 5 are allowed"},
    {"numbers: [[1]]", "11: numbers[0]: expected a whole number, not a list"},
    {"periods: [{}, {every: 1}]", "23: periods[1].every: \"1\" needs a unit; write a duration such as 1s"},
    {"weights: [1]", "10: weights: expected a mapping of names to values, not a list"},
    {"weights: {a: 1, b: 1, c: 1, d: 1}", "29: weights: has 4 items; at most 3 are allowed"},
    {"weights: {a b: 1}", "11: weights.a b: a name cannot contain spaces or control characters"},
    {"weights: {a: x}", "14: weights.a: \"x\" is not a number such as 0.5 or 12"},
    {"even: 7", "7: even: must be even"},
    {"later: [1]", "1: later: key \"later\" is not implemented yet"},
};

static void each_mistake_has_its_message(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct ld_buffer yaml, expected;
        ld_buffer_init(&yaml, 1000);
        ld_buffer_init(&expected, 2000);
        ld_buffer_printf(&yaml, "name: a\n%s\n", wrong[i].line);
        ld_buffer_printf(&expected, "a.yaml:2:%s\n", wrong[i].error);
        expect_errors(ld_buffer_text(&yaml), ld_buffer_text(&expected));
        ld_buffer_done(&yaml);
        ld_buffer_done(&expected);
    }
}

static void names(void **state)
{
    (void)state;
    static const char *const bad[] = {"A", "-a", ".a", "a b", "ä", "a:b"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ld_buffer yaml, expected;
        ld_buffer_init(&yaml, 1000);
        ld_buffer_init(&expected, 1000);
        ld_buffer_printf(&yaml, "name: %s\n", bad[i]);
        ld_buffer_printf(&expected,
                         "a.yaml:1:7: name: \"%s\" is not a name: 1 to 100 of a-z 0-9 . _ / - and first a letter or "
                         "digit\n",
                         bad[i]);
        expect_errors(ld_buffer_text(&yaml), ld_buffer_text(&expected));
        ld_buffer_done(&yaml);
        ld_buffer_done(&expected);
    }
}

static void a_root_that_is_no_mapping(void **state)
{
    (void)state;
    expect_errors("just text\n", "a.yaml:1:1: expected a mapping of keys to values, not text\n");
    expect_errors("- a\n- b\n", "a.yaml:1:1: expected a mapping of keys to values, not a list\n");
}

static void hostile_lengths_do_not_overflow(void **state)
{
    (void)state;
    struct ld_buffer yaml;
    struct ld_errors errors = {0};
    struct ld_arena *arena;
    struct sample sample;
    ld_buffer_init(&yaml, 10000);
    ld_buffer_add_text(&yaml, "name: a\nweights:\n  ? \"");
    for (int i = 0; i < 3000; i++)
        ld_buffer_add_text(&yaml, "k");
    ld_buffer_add_text(&yaml, "\"\n  : 1\nvariant: ");
    for (int i = 0; i < 3000; i++)
        ld_buffer_add_text(&yaml, "v");
    ld_buffer_add_text(&yaml, "\n");
    int code = sample_read(yaml.bytes, yaml.length, &sample, &arena, &errors);
    assert_int_equal(code, LD_ESPEC);
    assert_int_equal(errors.count, 2);
    assert_string_equal(errors.items[0].message, "a name of 3000 bytes; at most 100 are allowed");
    assert_string_equal(errors.items[1].path, "variant");
    ld_errors_done(&errors);
    ld_arena_free(arena);
    ld_buffer_done(&yaml);
}

int test_schema(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_binds),
        cmocka_unit_test(defaults_are_there),
        cmocka_unit_test(one_pass_reports_all),
        cmocka_unit_test(each_mistake_has_its_message),
        cmocka_unit_test(names),
        cmocka_unit_test(a_root_that_is_no_mapping),
        cmocka_unit_test(hostile_lengths_do_not_overflow),
    };
    return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
