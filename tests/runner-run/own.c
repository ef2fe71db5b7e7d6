/* Whose a program's packages are, over all its variants, and when nobody knows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "groups.h"
#include "runner/run/own.h"

#define SENTINEL "0123456789abcdef"

static char folder[] = "/tmp/leakdrill-own-XXXXXX";
static struct ld_arena *arena;

static int make_folder(void **state)
{
    (void)state;
    arena = ld_arena_new(1 << 20);
    return arena && mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    ld_arena_free(arena);
    return rmdir(folder);
}

/* A program that says of itself, as Go's linker has it (debug/buildinfo), that it is of these modules. */
static const char *write_program(const char *name, const char *modules)
{
    char *path = ld_arena_printf(arena, "%s/%s", folder, name);
    assert_non_null(path);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    if (modules)
        fprintf(file, "\xff Go buildinf:\x08\x02%16s\x06go1.26%c" SENTINEL "%s" SENTINEL, "",
                (char)(strlen(modules) + 2 * strlen(SENTINEL)), modules);
    else
        fputs("#!/bin/sh\nexec shop\n", file);
    assert_int_equal(fclose(file), 0);
    return path;
}

static const char *own[] = {"example.com/named", "example.com/a"};

struct own_case {
    const char *programs[2];
    enum ld_target_kind kind;
    size_t named; /* of own[] */
    const char *expected, *unknown;
};

static void check(const struct own_case *test)
{
    struct ld_scenario scenario = {.file = "shop.yaml",
                                   .target = {.kind = test->kind, .own = {.items = own, .count = test->named}}};
    size_t count = 0;
    const char *unknown = "untouched";
    while (count < 2 && test->programs[count])
        count++;
    const char *modules = ld_own_modules(&scenario, test->programs, count, arena, &unknown);
    assert_non_null(modules);
    assert_string_equal(modules, test->expected);
    if (!test->unknown)
        assert_null(unknown);
    else
        assert_string_equal(unknown, test->unknown);
}

static void modules_of_all_variants_are_own(void **state)
{
    const char *a = write_program("a", "path\texample.com/a/cmd\nmod\texample.com/a\tv1\n");
    const char *b = write_program("b", "path\tb/cmd\nmod\tb\t(devel)\n");
    const char *script = write_program("script", NULL), *go = write_program("go", "path\tcmd/go\n");
    const struct own_case cases[] = {
        {{a, NULL}, LD_TARGET_COMMAND, 0, "example.com/a", NULL},
        {{a, a}, LD_TARGET_FIXTURE, 0, "example.com/a", NULL},
        {{a, b}, LD_TARGET_FIXTURE, 0, "example.com/a b", NULL},
        {{a, NULL}, LD_TARGET_COMMAND, 2, "example.com/a example.com/named", NULL},
        {{script, NULL}, LD_TARGET_COMMAND, 0, "", script},
        {{a, script}, LD_TARGET_FIXTURE, 0, "example.com/a", script},
        {{go, NULL}, LD_TARGET_COMMAND, 0, "", go},
        {{"/nonexistent", NULL}, LD_TARGET_COMMAND, 0, "", "/nonexistent"},
        {{script, NULL}, LD_TARGET_COMMAND, 1, "example.com/named", NULL},
        {{NULL, NULL}, LD_TARGET_ATTACH, 0, "", ""},
        {{NULL, NULL}, LD_TARGET_ATTACH, 1, "example.com/named", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&cases[i]);
    unlink(a);
    unlink(b);
    unlink(script);
    unlink(go);
}

static void the_refusal_says_what_to_name(void **state)
{
    const struct ld_scenario scenario = {.file = "shop.yaml"};
    struct ld_error error = {0};
    (void)state;
    assert_int_equal(ld_own_refuse(&scenario, "/opt/start.sh", &error), LD_EUSAGE);
    assert_non_null(strstr(error.message, "shop.yaml"));
    assert_non_null(strstr(error.message, "/opt/start.sh cannot be read as a Go program"));
    assert_non_null(strstr(error.message, "target: {own: [example.com/shop]}"));
    assert_int_equal(ld_own_refuse(&scenario, "", &error), LD_EUSAGE);
    assert_non_null(strstr(error.message, "it is attached"));
}

/* A renaming that left a module out would show it. */
static void more_modules_than_are_kept_apart_are_refused(void **state)
{
    static const struct ld_run_plan run = {.seed = 1};
    struct ld_blind *blind = NULL;
    char modules[LD_BLIND_OWN_MAX * 6 + 8] = "";
    (void)state;
    for (int i = 0; i < LD_BLIND_OWN_MAX; i++)
        snprintf(modules + strlen(modules), 8, "%sm%d", i ? " " : "", i);
    assert_int_equal(ld_own_blind(&blind, &run, modules), 0);
    ld_blind_free(blind);
    strcat(modules, " more");
    assert_int_equal(ld_own_blind(&blind, &run, modules), LD_ELIMIT);
}

int test_own(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modules_of_all_variants_are_own),
        cmocka_unit_test(the_refusal_says_what_to_name),
        cmocka_unit_test(more_modules_than_are_kept_apart_are_refused),
    };
    return cmocka_run_group_tests_name("own", tests, make_folder, remove_folder);
}
