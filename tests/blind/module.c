/* The modules that a program says it is made of. */
#include "groups.h"
#include "support.h"

#define SENTINEL "0123456789abcdef"

/* A program with a header at `offset` and these lines as its modules. */
static char *make_program(size_t offset, const char *modules, char flags, size_t *ret_length)
{
    char *bytes = calloc(1, 1024);
    assert_non_null(bytes);
    char *at = bytes + offset;
    memcpy(at, "\xff Go buildinf:", 14);
    at[14] = 8;
    at[15] = flags;
    at += 32;
    *at++ = 6;
    at = stpcpy(at, "go1.26");
    *at++ = (char)(strlen(modules) + 2 * strlen(SENTINEL));
    at = stpcpy(stpcpy(stpcpy(at, SENTINEL), modules), SENTINEL);
    *ret_length = (size_t)(at - bytes);
    return bytes;
}

static void the_main_module_is_found(void **state)
{
    static const struct {
        const char *modules, *expected;
    } cases[] = {
        {"path\texample.com/a/cmd/x\nmod\texample.com/a\tv1.0.0\th1:x\ndep\tb\tv2\n", "example.com/a"},
        {"path\texample.com/a/cmd/x\nmod\tshop\t(devel)\t\n", "shop"},
        {"path\tcommand-line-arguments\n", "command-line-arguments"},
        {"build\tCGO_ENABLED=1\n", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char module[64];
        size_t length;
        char *bytes = make_program(48, cases[i].modules, 2, &length);
        assert_int_equal(ld_blind_module(bytes, length, module, sizeof module), 0);
        assert_string_equal(module, cases[i].expected);
        free(bytes);
    }
}

static void what_is_no_go_program_has_none(void **state)
{
    char module[64];
    size_t length;
    (void)state;
    assert_int_equal(ld_blind_module("#!/bin/sh\n", 10, module, sizeof module), LD_ENOENT);
    assert_int_equal(ld_blind_module("", 0, module, sizeof module), LD_ENOENT);
    char *bytes = make_program(48, "mod\tshop\t(devel)\t\n", 0, &length); /* before Go 1.18: pointers */
    assert_int_equal(ld_blind_module(bytes, length, module, sizeof module), LD_ENOENT);
    free(bytes);
    bytes = make_program(41, "mod\tshop\t(devel)\t\n", 2, &length); /* not aligned: the text within a text */
    assert_int_equal(ld_blind_module(bytes, length, module, sizeof module), LD_ENOENT);
    free(bytes);
    bytes = make_program(48, "mod\tshop\t(devel)\t\n", 2, &length);
    assert_int_equal(ld_blind_module(bytes, length, module, 4), LD_ELIMIT);
    for (size_t cut = 0; cut < length; cut++) { /* no byte behind the end is read */
        char *copy = malloc(cut ? cut : 1);
        assert_non_null(copy);
        memcpy(copy, bytes, cut);
        assert_int_equal(ld_blind_module(copy, cut, module, sizeof module), LD_ENOENT);
        free(copy);
    }
    free(bytes);
}

int test_module(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_main_module_is_found),
        cmocka_unit_test(what_is_no_go_program_has_none),
    };
    return cmocka_run_group_tests_name("module", tests, NULL, NULL);
}
