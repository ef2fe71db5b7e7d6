#include "base/buffer.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "groups.h"

static void empty_buffer_is_empty_text(void **state)
{
    (void)state;
    struct ld_buffer buffer;
    ld_buffer_init(&buffer, 10);
    assert_string_equal(ld_buffer_text(&buffer), "");
    size_t length = 7;
    assert_null(ld_buffer_take(&buffer, &length));
    assert_int_equal(length, 0);
    ld_buffer_drop(&buffer, 3);
    ld_buffer_clear(&buffer);
    assert_int_equal(ld_buffer_add(&buffer, NULL, 0), 0);
    ld_buffer_done(&buffer);
}

static void grows_and_stays_terminated(void **state)
{
    (void)state;
    struct ld_buffer buffer;
    ld_buffer_init(&buffer, 100000);
    for (int i = 0; i < 10000; i++)
        assert_int_equal(ld_buffer_add(&buffer, "ab", 2), 0);
    assert_int_equal(buffer.length, 20000);
    assert_int_equal(strlen(ld_buffer_text(&buffer)), 20000);
    ld_buffer_drop(&buffer, 19999);
    assert_string_equal(ld_buffer_text(&buffer), "b");
    ld_buffer_drop(&buffer, 999);
    assert_string_equal(ld_buffer_text(&buffer), "");
    ld_buffer_done(&buffer);
}

static void maximum_holds_and_keeps_the_contents(void **state)
{
    (void)state;
    struct ld_buffer buffer;
    ld_buffer_init(&buffer, 5);
    assert_int_equal(ld_buffer_add_text(&buffer, "abc"), 0);
    assert_int_equal(ld_buffer_add_text(&buffer, "def"), LD_ELIMIT);
    assert_int_equal(ld_buffer_printf(&buffer, "%d", 1234), LD_ELIMIT);
    assert_int_equal(ld_buffer_add(&buffer, "", (size_t)-1), LD_ELIMIT);
    assert_string_equal(ld_buffer_text(&buffer), "abc");
    assert_int_equal(ld_buffer_printf(&buffer, "%02d", 7), 0);
    assert_string_equal(ld_buffer_text(&buffer), "abc07");
    ld_buffer_clear(&buffer);
    assert_int_equal(ld_buffer_add_text(&buffer, "12345"), 0);
    ld_buffer_done(&buffer);
}

static void take_gives_ownership(void **state)
{
    (void)state;
    struct ld_buffer buffer;
    ld_buffer_init(&buffer, 50);
    ld_buffer_add(&buffer, "a\0b", 3);
    size_t length;
    char *bytes = ld_buffer_take(&buffer, &length);
    assert_int_equal(length, 3);
    assert_memory_equal(bytes, "a\0b", 4);
    assert_string_equal(ld_buffer_text(&buffer), "");
    assert_int_equal(ld_buffer_add_text(&buffer, "again"), 0);
    free(bytes);
    ld_buffer_done(&buffer);
}

int test_buffer(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_buffer_is_empty_text),
        cmocka_unit_test(grows_and_stays_terminated),
        cmocka_unit_test(maximum_holds_and_keeps_the_contents),
        cmocka_unit_test(take_gives_ownership),
    };
    return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
