#include "base/arena.h"

#include <stdalign.h>
#include <string.h>

#include "groups.h"

static void memory_is_zeroed_and_aligned(void **state)
{
    (void)state;
    struct ld_arena *arena = ld_arena_new(1 << 20);
    static const char zeros[1000];
    for (size_t size = 0; size < 1000; size += 7) {
        char *memory = ld_arena_take(arena, size);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % alignof(max_align_t), 0);
        assert_memory_equal(memory, zeros, size);
        memset(memory, 0xff, size);
    }
    char *large = ld_arena_take(arena, 100000);
    assert_non_null(large);
    assert_int_equal(large[99999], 0);
    ld_arena_free(arena);
    ld_arena_free(NULL);
}

static void maximum_holds(void **state)
{
    (void)state;
    struct ld_arena *arena = ld_arena_new(64);
    assert_null(ld_arena_take(arena, 65));
    assert_null(ld_arena_take(arena, SIZE_MAX));
    assert_null(ld_arena_array(arena, SIZE_MAX / 2, 4));
    assert_null(ld_arena_copy(arena, "", SIZE_MAX));
    assert_non_null(ld_arena_take(arena, 33));
    assert_int_equal(ld_arena_used(arena), 48);
    assert_null(ld_arena_take(arena, 17));
    assert_non_null(ld_arena_take(arena, 16));
    assert_null(ld_arena_take(arena, 1));
    ld_arena_free(arena);
}

static void texts_are_copies(void **state)
{
    (void)state;
    struct ld_arena *arena = ld_arena_new(1000);
    char text[] = "hello";
    char *copy = ld_arena_text(arena, text);
    text[0] = 'x';
    assert_string_equal(copy, "hello");
    assert_string_equal(ld_arena_copy(arena, "abcdef", 3), "abc");
    assert_string_equal(ld_arena_printf(arena, "%s-%d", "a", 12), "a-12");
    assert_null(ld_arena_printf(arena, "%2000d", 1));
    ld_arena_free(arena);
}

int test_arena(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned),
        cmocka_unit_test(maximum_holds),
        cmocka_unit_test(texts_are_copies),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
