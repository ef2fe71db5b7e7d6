/* What static tools write, and the source they are shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "runner-detect/groups.h"
#include "runner/detect/findings.h"
#include "runner/detect/static_source.h"

static struct ld_arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = ld_arena_new((size_t)16 << 20);
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    ld_arena_free(arena);
    return 0;
}

static void assert_finding(const struct ld_finding *finding, const char *file, unsigned line, unsigned column,
                           const char *code, const char *message)
{
    assert_string_equal(finding->file, file);
    assert_int_equal(finding->line, line);
    assert_int_equal(finding->column, column);
    assert_string_equal(finding->code, code);
    assert_string_equal(finding->message, message);
}

static void vet_writes_an_object_a_package(void **state)
{
    (void)state;
    static const char text[] = "# shop/flow\n{}\n{\n\t\"shop/p\": {\n\t\t\"lostcancel\": [\n"
                               "{\"posn\": \"/s/p/p.go:71:9\", "
                               "\"end\": \"/s/p/p.go:71:12\", \"message\": \"the cancel function\"},"
                               "{\"posn\": \"no place\", \"message\": \"\"}]}}\n{\"a\": {\"printf\": "
                               "[{\"posn\": \"a.go:3\", \"message\": \"m\"}]}}";
    struct ld_findings findings = {0};
    const char *reason = NULL;
    assert_int_equal(ld_findings_of_vet(&findings, text, strlen(text), arena, &reason), 0);
    assert_int_equal(findings.count, 2);
    assert_finding(&findings.items[0], "/s/p/p.go", 71, 9, "lostcancel", "the cancel function");
    assert_finding(&findings.items[1], "a.go", 3, 0, "printf", "m");
}

static void what_is_no_finding_is_a_reason(void **state)
{
    (void)state;
    struct ld_findings findings = {0};
    const char *reason = NULL;
    static const char failed[] = "{\"p\": {\"bodyclose\": {\"error\": \"internal error: nil\"}}}",
                      broken[] = "panic: runtime error",
                      compile[] = "{\"code\":\"compile\",\"location\":{\"file\":\"a.go\",\"line\":1},"
                                  "\"message\":\"undefined: x\"}";
    assert_int_equal(ld_findings_of_vet(&findings, failed, strlen(failed), arena, &reason), LD_ESYNTAX);
    assert_string_equal(reason, "internal error: nil");
    assert_int_equal(ld_findings_of_vet(&findings, broken, strlen(broken), arena, &reason), LD_ESYNTAX);
    assert_string_equal(reason, "panic: runtime error");
    assert_int_equal(ld_findings_of_staticcheck(&findings, compile, strlen(compile), arena, &reason), LD_ESYNTAX);
    assert_string_equal(reason, "undefined: x");
    assert_int_equal(findings.count, 0);
}

static void staticcheck_writes_an_object_a_line(void **state)
{
    (void)state;
    static const char text[] =
        "{\"code\":\"SA2001\",\"severity\":\"error\",\"location\":{\"file\":\"/s/a.go\",\"line\":141,\"column\":3},"
        "\"message\":\"empty critical section\"}\n\n";
    struct ld_findings findings = {0};
    const char *reason = NULL;
    assert_int_equal(ld_findings_of_staticcheck(&findings, text, strlen(text), arena, &reason), 0);
    assert_int_equal(findings.count, 1);
    assert_finding(&findings.items[0], "/s/a.go", 141, 3, "SA2001", "empty critical section");
    char related[8192] = "", problem[9000]; /* one that points to many other places */
    memset(related, 'r', sizeof related - 1);
    snprintf(problem, sizeof problem, "  {\"code\":\"SA9001\",\"location\":{\"file\":\"b.go\",\"line\":2,\"column\":1},"
                                      "\"message\":\"m\",\"related\":[\"%s\"]}\n%s", related, text);
    assert_int_equal(ld_findings_of_staticcheck(&findings, problem, strlen(problem), arena, &reason), 0);
    assert_int_equal(findings.count, 3);
    assert_finding(&findings.items[1], "b.go", 2, 1, "SA9001", "m");
}

static void others_write_lines(void **state)
{
    (void)state;
    static const char text[] = "# shop/p\n./p/p.go:71:9: body must be closed (bodyclose)\r\n"
                               "p.go:3: f(x) is odd (really so)\n"
                               "exit status 1\np.go:0:1: no line\np.go:7:1:no space\nq.go:2:2: (x)\n";
    struct ld_findings findings = {0};
    assert_int_equal(ld_findings_of_lines(&findings, text, strlen(text), arena), 0);
    assert_int_equal(findings.count, 3);
    assert_finding(&findings.items[0], "./p/p.go", 71, 9, "bodyclose", "body must be closed");
    assert_finding(&findings.items[1], "p.go", 3, 0, "", "f(x) is odd (really so)");
    assert_finding(&findings.items[2], "q.go", 2, 2, "", "(x)");
}

/* ---- the source: two cases of one program */

static char folder[] = "/tmp/leakdrill-source-XXXXXX";

/* In the folder; it must succeed. */
static void sh(const char *commands)
{
    char text[2048];
    snprintf(text, sizeof text, "set -e; cd %s; %s", folder, commands);
    assert_int_equal(system(text), 0);
}

static char *copied(const char *name)
{
    static struct ld_buffer text;
    char path[256];
    struct ld_error error;
    ld_buffer_done(&text);
    ld_buffer_init(&text, 65536);
    snprintf(path, sizeof path, "%s/copy/%s", folder, name);
    assert_int_equal(ld_file_read(path, &text, &error), 0);
    return ld_arena_text(arena, ld_buffer_text(&text));
}

static void copy_as(bool repaired, struct ld_source *ret_source)
{
    struct ld_error error;
    sh("rm -rf copy");
    const char *listing =
        ld_arena_printf(arena,
                        "shop/cases/a\ta\t%s/m/cases/a\t%s/m\ta.go\n"
                        "shop/cases/b\tb\t%s/m/cases/b\t%s/m\tb.go\nshop/cmd\tmain\t%s/m/cmd\t%s/m\tmain.go\n\n",
                        folder, folder, folder, folder, folder, folder);
    const char *copy = ld_arena_printf(arena, "%s/copy", folder);
    const struct ld_source_spec spec = {.listing = listing, .case_name = "a", .repaired = repaired};
    assert_int_equal(ld_source_copy(ret_source, &spec, copy, arena, &error), 0);
}

static void a_tool_sees_one_variant_and_no_comment(void **state)
{
    (void)state;
    struct ld_source source;
    assert_non_null(mkdtemp(folder));
    sh("mkdir -p m/cases/a/repaired m/cases/b/repaired m/cmd; echo 'module shop' >m/go.mod");
    sh("cd m; printf 'package a\\n// written\\nfunc f() {\\n\\tleak()\\n}\\n' >cases/a/a.go && printf 'package a\\n\\n"
       "func f() {\\n\\tgood()\\n}\\n' >cases/a/repaired/a.go");
    sh("cd m; echo 'package b // written' >cases/b/b.go && echo 'package b' >cases/b/repaired/b.go && echo 'package "
       "main' >cmd/main.go && touch cases/a/a_test.go");
    copy_as(false, &source);
    assert_string_equal(copied("cases/a/a.go"), "package a\n          \nfunc f() {\n\tleak()\n}\n");
    assert_string_equal(copied("cases/b/b.go"), "package b\n"); /* the other case, repaired */
    sh("cd copy; test ! -e cases/a/repaired; test ! -e cases/a/a_test.go; test -e go.mod");

    const char *site, *file;
    const char *absolute = ld_arena_printf(arena, "%s/copy/cases/a/a.go", folder);
    assert_int_equal(ld_source_site(&source, absolute, 4, arena, &site, &file), 0);
    assert_string_equal(site, "shop/cases/a.f");
    assert_string_equal(file, "cases/a/a.go");
    assert_int_equal(ld_source_site(&source, "./cmd/main.go", 1, arena, &site, &file), 0);
    assert_string_equal(site, "main.init");
    assert_int_equal(ld_source_site(&source, "/usr/lib/go/src/fmt/print.go", 1, arena, &site, &file), 0);
    assert_string_equal(site, "/usr/lib/go/src/fmt/print.go");

    copy_as(true, &source);
    assert_string_equal(copied("cases/a/a.go"), "package a\n\nfunc f() {\n\tgood()\n}\n");
    sh("rm -rf m copy");
    assert_int_equal(rmdir(folder), 0);
}

static void what_is_beyond_the_limit_is_counted(void **state)
{
    (void)state;
    struct ld_findings findings = {0};
    struct ld_buffer text;
    ld_buffer_init(&text, 1 << 20);
    for (unsigned i = 0; i < LD_FINDINGS_MAX + 2; i++)
        assert_int_equal(ld_buffer_add_text(&text, "a.go:7: m\n"), 0);
    assert_int_equal(ld_findings_of_lines(&findings, ld_buffer_text(&text), text.length, arena), 0);
    assert_int_equal(findings.count, LD_FINDINGS_MAX);
    assert_int_equal(findings.passed_over, 2);
    ld_buffer_done(&text);
}

int test_findings(void)
{
#define WITH_ARENA(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_ARENA(vet_writes_an_object_a_package),      WITH_ARENA(what_is_no_finding_is_a_reason),
        WITH_ARENA(staticcheck_writes_an_object_a_line), WITH_ARENA(others_write_lines),
        WITH_ARENA(a_tool_sees_one_variant_and_no_comment), WITH_ARENA(what_is_beyond_the_limit_is_counted),
    };
    return cmocka_run_group_tests_name("findings", tests, NULL, NULL);
}
