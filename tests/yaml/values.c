/* Values that were bound come back as the user could have written them. */
#include "base/buffer.h"
#include "base/clock.h"
#include "sample.h"

struct flat {
    const char *text;
    bool flag;
    int64_t whole, wait_ns;
    uint64_t bytes;
    double number, rate, share;
    int choice;
    struct ld_list words;
    struct ld_map pairs;
};

#define AT(member) offsetof(struct flat, member)
static const char *const choices[] = {"first", "second", NULL};
static const struct ld_field word = {.name = "word", .type = LD_FIELD_TEXT};
static const struct ld_field length = {.name = "length", .type = LD_FIELD_DURATION};
static const struct ld_field fields[] = {
    {.name = "text", .type = LD_FIELD_TEXT, .offset = AT(text)},
    {.name = "flag", .type = LD_FIELD_BOOL, .offset = AT(flag)},
    {.name = "whole", .type = LD_FIELD_INTEGER, .offset = AT(whole)},
    {.name = "wait", .type = LD_FIELD_DURATION, .offset = AT(wait_ns)},
    {.name = "later", .type = LD_FIELD_CUSTOM, .flags = LD_FIELD_NOT_YET},
    {.name = "bytes", .type = LD_FIELD_SIZE, .offset = AT(bytes)},
    {.name = "number", .type = LD_FIELD_NUMBER, .offset = AT(number)},
    {.name = "rate", .type = LD_FIELD_RATE, .offset = AT(rate)},
    {.name = "share", .type = LD_FIELD_PERCENT, .offset = AT(share)},
    {.name = "choice", .type = LD_FIELD_CHOICE, .offset = AT(choice), .choices = choices},
    {.name = "words", .type = LD_FIELD_LIST, .offset = AT(words), .item = &word, .size = sizeof(const char *)},
    {.name = "pairs", .type = LD_FIELD_MAP, .offset = AT(pairs), .item = &length, .size = sizeof(int64_t)},
    {0},
};
static const struct ld_schema schema = {.name = "flat", .fields = fields};

static void every_type_is_written(void **state)
{
    (void)state;
    const char *words[] = {"a", "\"b\""}, *names[] = {"one", "two"};
    int64_t lengths[] = {LD_SECOND, 90 * LD_SECOND};
    const struct flat flat = {.words = {2, words},
                              .pairs = {.count = 2, .names = names, .items = lengths},.text = "say \"hi\" \\ \n",
                              .flag = true,
                              .whole = -7,
                              .wait_ns = 90 * LD_SECOND,
                              .bytes = 512 << 20,
                              .number = 0.1,
                              .rate = 2.5,
                              .share = 0.5,
                              .choice = 1};
    struct ld_buffer out;
    ld_buffer_init(&out, 4096);
    assert_int_equal(ld_schema_values(&schema, &flat, &out), 0);
    assert_string_equal(
        ld_buffer_text(&out),
        "{\"text\":\"say \\\"hi\\\" \\\\ \\u000a\",\"flag\":true,\"whole\":-7,\"wait\":\"1m30s\","
        "\"bytes\":\"512MiB\",\"number\":0.10000000000000001,\"rate\":\"2.5/s\",\"share\":\"50%\","
        "\"choice\":\"second\",\"words\":[\"a\",\"\\\"b\\\"\"],\"pairs\":{\"one\":\"1s\",\"two\":\"1m30s\"}}");
    ld_buffer_done(&out);
}

static void no_options_are_an_empty_object(void **state)
{
    (void)state;
    struct ld_buffer out;
    ld_buffer_init(&out, 2);
    assert_int_equal(ld_schema_values(NULL, NULL, &out), 0);
    assert_string_equal(ld_buffer_text(&out), "{}");
    ld_buffer_done(&out);
}

static void what_cannot_be_written_says_so(void **state)
{
    (void)state;
    struct sample sample = {.name = "a", .note = ""};
    struct ld_buffer out;
    ld_buffer_init(&out, 4096);
    assert_int_equal(ld_schema_values(&sample_schema, &sample, &out), LD_ENOTYET);
    ld_buffer_done(&out);
}

int test_values(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_written),
        cmocka_unit_test(no_options_are_an_empty_object),
        cmocka_unit_test(what_cannot_be_written_says_so),
    };
    return cmocka_run_group_tests_name("values", tests, NULL, NULL);
}
