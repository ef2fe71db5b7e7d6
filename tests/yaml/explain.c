#include <string.h>

#include "base/buffer.h"
#include "sample.h"

static void explains_every_field(void **state)
{
    (void)state;
    static const char expected[] =
        "sample\n"
        "    Everything at once.\n"
        "  name: a name; required\n"
        "      What it is called.\n"
        "  note: text; default none\n"
        "  loud: true or false; default true\n"
        "  runs: a whole number; -5 to 1000; default 5\n"
        "  weight: a number; at most 2\n"
        "  rate: a rate with its unit, such as 40/s; default 40/s\n"
        "  variant: one of leaky, healthy; default healthy\n"
        "  period: a mapping\n"
        "      A period, with a documentation that is rather longer than one line of\n"
        "      seventy-eight columns is.\n"
        "  extra: a mapping\n"
        "  numbers: a list, each a whole number; default [1, 2]\n"
        "  periods: a list, each a mapping\n"
        "  weights: a mapping of names, each a number\n"
        "  kept: a value\n"
        "  even: a value\n"
        "  later: text; not implemented yet\n"
        "      Some day.\n";
    struct ld_buffer out;
    ld_buffer_init(&out, 10000);
    assert_int_equal(ld_schema_explain(&sample_schema, 0, &out), 0);
    assert_string_equal(ld_buffer_text(&out), expected);
    ld_buffer_clear(&out);
    assert_int_equal(ld_schema_explain(&sample_schema, 1, &out), 0);
    assert_non_null(strstr(ld_buffer_text(&out),
                           "  periods: a list, each a mapping\n"
                           "    every: a duration with its unit, such as 250ms; 10ms to 10s; default 250ms\n"
                           "        Time between two samples.\n"));
    ld_buffer_done(&out);
    ld_buffer_init(&out, 300);
    assert_int_equal(ld_schema_explain(&sample_schema, 1, &out), LD_ELIMIT);
    ld_buffer_done(&out);
}

static void finds_by_path(void **state)
{
    (void)state;
    assert_string_equal(ld_schema_find(&sample_schema, "name")->name, "name");
    assert_string_equal(ld_schema_find(&sample_schema, "period.every")->name, "every");
    assert_string_equal(ld_schema_find(&sample_schema, "periods[3].share")->name, "share");
    assert_string_equal(ld_schema_find(&sample_schema, "weights")->name, "weights");
    static const char *const nowhere[] = {"", "nam", "names", "period.name", "name.every", ".", "period..every"};
    for (size_t i = 0; i < sizeof nowhere / sizeof nowhere[0]; i++)
        if (ld_schema_find(&sample_schema, nowhere[i]))
            fail_msg("\"%s\" was found", nowhere[i]);
}

int test_explain(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(explains_every_field), cmocka_unit_test(finds_by_path)};
    return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
