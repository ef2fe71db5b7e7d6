#include "base/text.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "groups.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ns;
    } right[] = {
        {"0s", 0},          {"250ms", 250 * LD_MS},      {"1.5s", 1500 * LD_MS},         {"3m", 3 * LD_MINUTE},
        {"1h30m", 90 * LD_MINUTE}, {"2d", 2 * LD_DAY}, {"1us", LD_US},                {"0.000000001s", 1},
        {"1d2h3m4s5ms6us7ns", LD_DAY + 2 * LD_HOUR + 3 * LD_MINUTE + 4 * LD_SECOND + 5 * LD_MS + 6 * LD_US + 7},
        {"366d", 366 * LD_DAY},
    };
    static const char *const wrong[] = {"",     "250",   "-1s",  "+1s", " 1s", "1s ",  "1 s",  "1e3s", "1.s",
                                        ".5s",  "1sec",  "1m1h", "1s1s", "1ms1s", "s", "1.5ns", "1..5s", "0x1s",
                                        "1S",   "1234567890123456789ns"};
    const char *expected;
    for (size_t i = 0; i < COUNT(right); i++) {
        int64_t ns = -1;
        assert_int_equal(ld_parse_duration(right[i].text, &ns, &expected), 0);
        assert_int_equal(ns, right[i].ns);
    }
    for (size_t i = 0; i < COUNT(wrong); i++) {
        int64_t ns = -1;
        if (ld_parse_duration(wrong[i], &ns, &expected) != LD_ESPEC)
            fail_msg("\"%s\" was taken for %lld ns", wrong[i], (long long)ns);
        assert_int_equal(ns, -1);
        assert_non_null(strstr(expected, "250ms"));
    }
    int64_t ns;
    assert_int_equal(ld_parse_duration("367d", &ns, &expected), LD_ELIMIT);
    assert_int_equal(ld_parse_duration("366d1ns", &ns, &expected), LD_ELIMIT);
    assert_int_equal(ld_parse_duration("999999999999999999d", &ns, &expected), LD_ELIMIT);
}

static void sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } right[] = {{"0B", 0},         {"100B", 100},         {"64KB", 64000},        {"512MiB", (uint64_t)512 << 20},
                 {"1.5KiB", 1536}, {"2GB", 2000000000}, {"3GiB", (uint64_t)3 << 30}, {"1MB", 1000000}, {"2KiB", 2048}};
    static const char *const wrong[] = {"", "5", "-5B", "5b", "5 B", "5TB", "0.5B", "5MiBB", "5MiB5B", "MiB"};
    const char *expected;
    for (size_t i = 0; i < COUNT(right); i++) {
        uint64_t bytes = 1;
        assert_int_equal(ld_parse_size(right[i].text, &bytes, &expected), 0);
        assert_int_equal(bytes, right[i].bytes);
    }
    for (size_t i = 0; i < COUNT(wrong); i++) {
        uint64_t bytes = 1;
        if (ld_parse_size(wrong[i], &bytes, &expected) != LD_ESPEC)
            fail_msg("\"%s\" was taken for %llu bytes", wrong[i], (unsigned long long)bytes);
        assert_int_equal(bytes, 1);
    }
    uint64_t bytes;
    assert_int_equal(ld_parse_size("99999999999GiB", &bytes, &expected), LD_ELIMIT);
}

static void bandwidths(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "/s", "100", "100B", "100B/m", "-1B/s", "100 KiB/s", "1KiB/s/s", "KiB/s",
                                        "100KiB/s ", "1111111111111111111111111111111111111111B/s"};
    uint64_t rate = 0;
    const char *expected;
    assert_int_equal(ld_parse_bandwidth("100KiB/s", &rate, &expected), 0);
    assert_int_equal(rate, 102400);
    assert_int_equal(ld_parse_bandwidth("1.5MB/s", &rate, &expected), 0);
    assert_int_equal(rate, 1500000);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        int code = ld_parse_bandwidth(wrong[i], &rate, &expected);
        if (code != LD_ESPEC || rate != 1500000)
            fail_msg("\"%s\" was taken: %d, %llu", wrong[i], code, (unsigned long long)rate);
        assert_string_equal(expected, "a size for each second, such as 100KiB/s");
    }
    assert_int_equal(ld_parse_bandwidth("99999999999GiB/s", &rate, &expected), LD_ELIMIT);
}

static void sizes_for_people(void **state)
{
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {{0, "0B"},           {999, "999B"},          {1000, "0.977KiB"},          {1024, "1KiB"},
                 {100000, "97.7KiB"}, {12 << 20, "12MiB"},    {UINT64_C(1) << 40, "1TiB"}, {UINT64_MAX, "16EiB"}};
    char buffer[32];
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(ld_format_size_short(cases[i].bytes, buffer, sizeof buffer), cases[i].text);
}

/* Equal to the bit, so == and not a tolerance. */
static void check_double(double got, double wanted, const char *text)
{
    if (!(got == wanted))
        fail_msg("\"%s\" became %.17g, not %.17g", text, got, wanted);
}

static void rates_percents_numbers(void **state)
{
    (void)state;
    static const struct {
        int (*parse)(const char *text, double *ret_value, const char **ret_expected);
        const char *text;
        double value;
        int code;
    } cases[] = {
        {ld_parse_rate, "40/s", 40, 0},           {ld_parse_rate, "90/m", 1.5, 0},
        {ld_parse_rate, "2.5/s", 2.5, 0},         {ld_parse_rate, "36/h", 0.01, 0},
        {ld_parse_rate, "40", 0, LD_ESPEC},       {ld_parse_rate, "40/d", 0, LD_ESPEC},
        {ld_parse_rate, "40/s1", 0, LD_ESPEC},    {ld_parse_rate, "/s", 0, LD_ESPEC},
        {ld_parse_percent, "99.2%", 0.992, 0},    {ld_parse_percent, "0%", 0, 0},
        {ld_parse_percent, "100%", 1, 0},         {ld_parse_percent, "100.1%", 0, LD_ESPEC},
        {ld_parse_percent, "0.5", 0, LD_ESPEC},   {ld_parse_percent, "5%%", 0, LD_ESPEC},
        {ld_parse_number, "0.99", 0.99, 0},       {ld_parse_number, "12", 12, 0},
        {ld_parse_number, "0.1", 0.1, 0},         {ld_parse_number, "1e3", 0, LD_ESPEC},
        {ld_parse_number, "-1", 0, LD_ESPEC},     {ld_parse_number, "inf", 0, LD_ESPEC},
        {ld_parse_number, "nan", 0, LD_ESPEC},    {ld_parse_number, "1,5", 0, LD_ESPEC},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        double value = -7;
        const char *expected = NULL;
        int code = cases[i].parse(cases[i].text, &value, &expected);
        if (code != cases[i].code)
            fail_msg("\"%s\": code %d, not %d", cases[i].text, code, cases[i].code);
        check_double(value, code ? -7 : cases[i].value, cases[i].text);
        assert_non_null(expected);
    }
}

static void integers(void **state)
{
    (void)state;
    int64_t value = 5;
    const char *expected;
    assert_int_equal(ld_parse_integer("-9223372036854775808", &value, &expected), 0);
    assert_true(value == INT64_MIN);
    assert_int_equal(ld_parse_integer("9223372036854775807", &value, &expected), 0);
    assert_true(value == INT64_MAX);
    assert_int_equal(ld_parse_integer("9223372036854775808", &value, &expected), LD_ELIMIT);
    assert_int_equal(ld_parse_integer("-9223372036854775809", &value, &expected), LD_ELIMIT);
    assert_int_equal(ld_parse_integer("99999999999999999999999", &value, &expected), LD_ELIMIT);
    static const char *const wrong[] = {"", "-", "--1", "+1", "1.0", "1x", " 1", "0x10"};
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_int_equal(ld_parse_integer(wrong[i], &value, &expected), LD_ESPEC);
}

static void durations_are_written_exactly_and_read_back(void **state)
{
    (void)state;
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {
        {0, "0s"},
        {1, "1ns"},
        {1500, "1.5us"},
        {250 * LD_MS, "250ms"},
        {1500 * LD_MS, "1.5s"},
        {LD_SECOND + 1, "1.000000001s"},
        {150 * LD_SECOND, "2m30s"},
        {LD_HOUR, "1h"},
        {36 * LD_HOUR, "1d12h"},
        {LD_MINUTE + LD_MS, "1m1ms"},
    };
    char buffer[64];
    const char *expected;
    int64_t ns;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_string_equal(ld_format_duration(cases[i].ns, buffer, sizeof buffer), cases[i].text);
        assert_int_equal(ld_parse_duration(buffer, &ns, &expected), 0);
        assert_int_equal(ns, cases[i].ns);
    }
    assert_string_equal(ld_format_duration(-LD_SECOND, buffer, sizeof buffer), "-1s");
    assert_string_equal(ld_format_duration(90 * LD_SECOND, buffer, 4), "1m3");
    ld_format_duration(INT64_MIN, buffer, sizeof buffer);
    ld_format_duration(INT64_MAX, buffer, sizeof buffer);
}

static void durations_for_people(void **state)
{
    (void)state;
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {
        {0, "0s"},
        {1234567890, "1.23s"},
        {204499999, "204ms"},
        {204500000, "205ms"},
        {999600000, "1s"},
        {59960000000, "1m"},
        {-1234567890, "-1.23s"},
        {150 * LD_SECOND + 400 * LD_MS, "2m30s"},
        {3 * LD_HOUR + 29 * LD_SECOND, "3h"},
        {25 * LD_HOUR, "1d1h"},
    };
    char buffer[64];
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(ld_format_duration_short(cases[i].ns, buffer, sizeof buffer), cases[i].text);
    ld_format_duration_short(INT64_MIN, buffer, sizeof buffer);
    ld_format_duration_short(INT64_MAX, buffer, sizeof buffer);
}

static void sizes_are_written_in_the_largest_unit(void **state)
{
    (void)state;
    char buffer[32];
    assert_string_equal(ld_format_size(0, buffer, sizeof buffer), "0B");
    assert_string_equal(ld_format_size(1000, buffer, sizeof buffer), "1000B");
    assert_string_equal(ld_format_size(1536, buffer, sizeof buffer), "1536B");
    assert_string_equal(ld_format_size((uint64_t)512 << 20, buffer, sizeof buffer), "512MiB");
    assert_string_equal(ld_format_size((uint64_t)4096 << 30, buffer, sizeof buffer), "4096GiB");
}

static void harmless_text_is_one_line_without_controls(void **state)
{
    (void)state;
    static const struct {
        const char *text, *harmless;
    } cases[] = {
        {"a.yaml", "a.yaml"},           {"a\n\tb", "a\\n\\tb"},  {"\x1b[31m\x7f", "\\x1b[31m\\x7f"},
        {"\xc2\x9b" "31m", "\\x9b" "31m"}, {"\xc3\xa9\xc2", "\xc3\xa9\\xc2"}, {"", ""},
        {"a\xe2\x80\xaetxt.exe", "a\\u202etxt.exe"}, {"\xe2\x81\xa6x\xe2\x81\xa9", "\\u2066x\\u2069"},
        {"\xe2\x98\x83 \xf0\x9f\x98\x80", "\xe2\x98\x83 \xf0\x9f\x98\x80"}, {"\xff\x9b", "\\xff\\x9b"},
        {"\xc0\x80\xed\xa0\x80", "\\xc0\\x80\\xed\\xa0\\x80"}, {"\xe2\x98", "\\xe2\\x98"},
    };
    char buffer[64];
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(ld_format_harmless(cases[i].text, buffer, sizeof buffer), cases[i].harmless);
    assert_string_equal(ld_format_harmless("ab\x1b", buffer, 6), "ab"); /* an escape is not cut in two */
    assert_string_equal(ld_format_harmless("ab", buffer, 1), "");
    assert_string_equal(ld_format_harmless("a\xe2\x98\x83", buffer, 4), "a"); /* nor a character */
    struct ld_buffer lines;
    ld_buffer_init(&lines, 64);
    assert_int_equal(ld_add_harmless_lines(&lines, "a\n\tb\r\n\0\xe2\x98\x83\x9b\xe2\x80\xae", 14), 0);
    assert_string_equal(ld_buffer_text(&lines), "a\n\tb\\x0d\n\\x00\xe2\x98\x83\\x9b\\u202e");
    ld_buffer_done(&lines);
}

static void nearest_names(void **state)
{
    (void)state;
    static const char *const names[] = {"load", "target", "time_scale", "upstream", "doc", "matrix", NULL};
    static const struct {
        const char *text, *nearest;
    } cases[] = {
        {"lod", "load"},        {"laod", "load"},     {"targte", "target"}, {"timescale", "time_scale"},
        {"upstraem", "upstream"}, {"dco", "doc"},      {"load", "load"},     {"zzz", NULL},
        {"", NULL},             {"x", NULL},          {"loooooad", NULL},
        {"matricks", "matrix"}, {"mutrecks", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *nearest = ld_nearest(cases[i].text, names);
        if (cases[i].nearest)
            assert_string_equal(nearest ? nearest : "(none)", cases[i].nearest);
        else
            assert_null(nearest);
    }
    char endless[5000];
    memset(endless, 'a', sizeof endless);
    endless[sizeof endless - 1] = '\0';
    assert_null(ld_nearest(endless, names));
    static const char *const alike[] = {"loads", "load", "loaf", NULL};
    assert_string_equal(ld_nearest("load", alike), "load"); /* the nearest, not the first */
    assert_string_equal(ld_nearest("loa", alike), "load");  /* of equals, the first */
    const char *const long_names[] = {endless, NULL};
    assert_null(ld_nearest("aaaa", long_names));
}

int test_text(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations),
        cmocka_unit_test(sizes),
        cmocka_unit_test(bandwidths),
        cmocka_unit_test(sizes_for_people),
        cmocka_unit_test(rates_percents_numbers),
        cmocka_unit_test(integers),
        cmocka_unit_test(durations_are_written_exactly_and_read_back),
        cmocka_unit_test(durations_for_people),
        cmocka_unit_test(sizes_are_written_in_the_largest_unit),
        cmocka_unit_test(harmless_text_is_one_line_without_controls),
        cmocka_unit_test(nearest_names),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
