/* Go source without its comments, and who encloses a line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "detect/go_source.h"
#include "detect/groups.h"
#include "detect/static.h"

static void assert_stripped(const char *text, const char *wanted)
{
    struct ld_buffer out;
    ld_buffer_init(&out, (size_t)1 << 20);
    assert_int_equal(ld_go_strip(text, strlen(text), &out), 0);
    assert_string_equal(ld_buffer_text(&out), wanted);
    ld_buffer_done(&out);
}

static void test_comments_become_spaces(void **unused)
{
    (void)unused;
    assert_stripped("x := 1 // d3 4.2: nobody frees\ny()\n", "x := 1                        \ny()\n");
    assert_stripped("a /* b\n c */ d", "a     \n      d");
    assert_stripped("s := \"// no\" + `/* no */\n// no` + '\"' // yes",
                    "s := \"// no\" + `/* no */\n// no` + '\"'       ");
    assert_stripped("s := \"\\\"// no\" //", "s := \"\\\"// no\"   ");
    assert_stripped("x = a / b /c", "x = a / b /c");
    assert_stripped("// ä\r\nx", "     \r\nx");
    assert_stripped("//", "  ");
    assert_stripped("/*", "  ");
    assert_stripped("/*/ x */y", "        y");
    assert_stripped("\"", "\"");
    assert_stripped("s := \"open\n// comment", "s := \"open\n          ");
}

static void test_orders_to_the_compiler_stay(void **unused)
{
    (void)unused;
    assert_stripped("//go:build cgo\n\n// Package p\npackage p\n", "//go:build cgo\n\n            \npackage p\n");
    assert_stripped("//go:noinline\n//export f\n// go:x\n", "//go:noinline\n//export f\n       \n");
    /* Those to a tool do not. */
    assert_stripped("x() //nolint:bodyclose\n", "x()                   \n");
    assert_stripped("//lint:ignore SA2002 because\n", "                            \n");
}

static void test_the_preamble_of_c_stays(void **unused)
{
    (void)unused;
    static const char block[] = "/*\n#include <a.h>\n*/\nimport \"C\"\n";
    assert_stripped(block, block);
    static const char lines[] = "// #include <a.h>\n// int f();\nimport \"C\"\n";
    assert_stripped(lines, lines);
    static const char inside[] = "import (\n\t\"fmt\"\n\n\t// int f();\n\t\"C\"\n)\n";
    assert_stripped(inside, inside);
    static const char before[] = "// int f();\nimport (\n\t\"C\"\n)\n";
    assert_stripped(before, before);
    /* An empty line between them, or another import: it is a comment. */
    assert_stripped("// int f();\n\nimport \"C\"\n", "           \n\nimport \"C\"\n");
    assert_stripped("// int f();\nimport \"fmt\"\n", "           \nimport \"fmt\"\n");
    assert_stripped("import \"fmt\"\n// no\nvar c = \"C\"\n", "import \"fmt\"\n     \nvar c = \"C\"\n");
    assert_stripped("import (\n\"fmt\"\n)\n// no\nvar c = \"C\"\n", "import (\n\"fmt\"\n)\n     \nvar c = \"C\"\n");
}

static const char program[] = "package p\n"                                  /* 1 */
                              "\n"                                           /* 2 */
                              "var v = func() int { return 1 }()\n"          /* 3 */
                              "\n"                                           /* 4 */
                              "func f(a struct{ x int }) (n int) {\n"        /* 5 */
                              "\tgo func() {\n"                              /* 6 */
                              "\t\tprintln(\"}\", '}', `\n"                  /* 7 */
                              "}`)\n"                                        /* 8 */
                              "\t}()\n"                                      /* 9 */
                              "\treturn 1\n"                                 /* 10 */
                              "}\n"                                          /* 11 */
                              "func one() {}\n"                              /* 12 */
                              "func (s *Shelf) look(x int) error { return nil }\n" /* 13 */
                              "func (Shelf) name() string {\n"               /* 14 */
                              "}\n"                                          /* 15 */
                              "func (b *Box[K, V]) put() {\n"                /* 16 */
                              "}\n"                                          /* 17 */
                              "func Map[T any](\n"                           /* 18 */
                              "\tx T,\n"                                     /* 19 */
                              ") {\n"                                        /* 20 */
                              "}\n"                                          /* 21 */
                              "func asm(x int)\n"                            /* 22 */
                              "func last() {\n"                              /* 23 */
                              "\tx()\n";                                     /* 24, not closed */

static void test_functions_by_line(void **unused)
{
    (void)unused;
    static const struct {
        size_t line;
        const char *name;
    } rows[] = {{1, "shop/p.init"},    {3, "shop/p.init"},           {5, "shop/p.f"},
                {8, "shop/p.f"},       {11, "shop/p.f"},             {12, "shop/p.one"},
                {13, "shop/p.(*Shelf).look"}, {14, "shop/p.Shelf.name"}, {15, "shop/p.Shelf.name"},
                {16, "shop/p.(*Box[...]).put"}, {18, "shop/p.Map[...]"}, {19, "shop/p.Map[...]"},
                {21, "shop/p.Map[...]"}, {99, "shop/p.init"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[LD_GO_FUNCTION_MAX];
        ld_go_function_at(program, strlen(program), rows[i].line, "shop/p", name);
        print_message("line %zu\n", rows[i].line);
        assert_string_equal(name, rows[i].name);
    }
}

/* Every function that a case names as its culprit is found at that line, in its real source. */
static void test_culprits_of_the_fixtures(void **unused)
{
    (void)unused;
    static const struct {
        const char *file, *package, *name;
        size_t line;
    } rows[] = {{"prices", "shop/cases/prices", "shop/cases/prices.(*Shelf).look", 71},
                {"bookings", "shop/cases/bookings", "shop/cases/bookings.(*Lodge).book", 64},
                {"orders", "shop/cases/orders", "shop/cases/orders.(*Kitchen).cook", 84}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[512], name[LD_GO_FUNCTION_MAX];
        struct ld_buffer text, stripped;
        struct ld_error error;
        snprintf(path, sizeof path, "%s/fixtures-go/cases/%s/%s.go", SOURCE_FOLDER, rows[i].file, rows[i].file);
        ld_buffer_init(&text, (size_t)1 << 20);
        ld_buffer_init(&stripped, (size_t)1 << 20);
        assert_int_equal(ld_file_read(path, &text, &error), 0);
        assert_int_equal(ld_go_strip(ld_buffer_text(&text), text.length, &stripped), 0);
        assert_int_equal(stripped.length, text.length);
        assert_null(strstr(ld_buffer_text(&stripped), "// d")); /* the mark of the line at fault */
        ld_go_function_at(ld_buffer_text(&stripped), stripped.length, rows[i].line, rows[i].package, name);
        assert_string_equal(name, rows[i].name);
        ld_buffer_done(&text);
        ld_buffer_done(&stripped);
    }
}

static void test_which_findings_are_claims(void **unused)
{
    (void)unused;
    const char *own[] = {"ST*", "lostcancel"}, *all[] = {"*"};
    const struct ld_static_options vet = {.tool = LD_STATIC_GO_VET}, staticcheck = {.tool = LD_STATIC_STATICCHECK},
                                   bodyclose = {.tool = LD_STATIC_BODYCLOSE},
                                   given = {.tool = LD_STATIC_GO_VET, .checks = {2, own}},
                                   any = {.tool = LD_STATIC_GO_VET, .checks = {1, all}};
    assert_true(ld_static_claims(&vet, "lostcancel"));
    assert_false(ld_static_claims(&vet, "printf"));
    assert_true(ld_static_claims(&staticcheck, "SA2003"));
    assert_false(ld_static_claims(&staticcheck, "ST1005"));
    assert_false(ld_static_claims(&staticcheck, "SA10151"));
    assert_true(ld_static_claims(&bodyclose, "bodyclose"));
    assert_true(ld_static_claims(&given, "ST1005"));
    assert_true(ld_static_claims(&given, "lostcancel"));
    assert_false(ld_static_claims(&given, "copylocks"));
    assert_true(ld_static_claims(&any, "printf"));
    assert_int_equal(ld_static_cause("lostcancel"), LD_CAUSE_CONTEXT_WAIT);
    assert_int_equal(ld_static_cause("bodyclose"), LD_CAUSE_HTTP_CONNECTION);
    assert_int_equal(ld_static_cause("SA9001"), LD_CAUSE_ANY);
}

int test_go_source(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comments_become_spaces),   cmocka_unit_test(test_orders_to_the_compiler_stay),
        cmocka_unit_test(test_the_preamble_of_c_stays),  cmocka_unit_test(test_functions_by_line),
        cmocka_unit_test(test_culprits_of_the_fixtures), cmocka_unit_test(test_which_findings_are_claims),
    };
    return cmocka_run_group_tests_name("go_source", tests, NULL, NULL);
}
