/* What is renamed, what stays, and the way back. */
#include "groups.h"
#include "support.h"

#include "base/random.h"

struct name_case {
    const char *name, *renamed;
};

typedef int rename_function(struct ld_blind *blind, struct ld_span text, struct ld_buffer *out);

static int rename_symbol(struct ld_blind *blind, struct ld_span text, struct ld_buffer *out)
{
    return ld_blind_symbol(blind, text, out, NULL);
}

static int rename_own_file(struct ld_blind *blind, struct ld_span text, struct ld_buffer *out)
{
    return ld_blind_file(blind, text, true, out);
}

static int rename_other_file(struct ld_blind *blind, struct ld_span text, struct ld_buffer *out)
{
    return ld_blind_file(blind, text, false, out);
}

static void check(rename_function *rename, const struct name_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct ld_blind *blind = new_blind(7, "example.com/acme");
        struct ld_buffer out;
        ld_buffer_init(&out, 4096);
        assert_int_equal(rename(blind, ld_blind_span(cases[i].name), &out), 0);
        assert_numbered(&out, cases[i].renamed);
        if (!strchr(cases[i].name, '['))
            assert_comes_back(blind, &out, cases[i].name);
        ld_buffer_done(&out);
        ld_blind_free(blind);
    }
}

#define CHECK(rename, cases) check(rename, cases, sizeof(cases) / sizeof(cases)[0])

static void own_functions_are_renamed_in_their_shape(void **state)
{
    static const struct name_case cases[] = {
        {"shop/digest.(*Desk).collect", "p1/p2.(*N3).n4"},
        {"shop/digest.(*Desk).collect.func1", "p1/p2.(*N3).n4.func1"},
        {"shop/digest.(*Desk).collect.func1.2", "p1/p2.(*N3).n4.func1.2"},
        {"shop/shop.shop", "p1/p1.n2"},
        {"shop/digest.Desk.Run", "p1/p2.N3.N4"},
        {"shop/digest.Open.(*Desk).run.gowrap1", "p1/p2.N3.(*N4).n5.gowrap1"},
        {"shop/digest.(*Desk).run.deferwrap2", "p1/p2.(*N3).n4.deferwrap2"},
        {"shop/digest.(*Desk).run-fm", "p1/p2.(*N3).n4-fm"},
        {"shop/digest.walk-range1", "p1/p2.n3-range1"},
        {"shop/digest.init.0.func1", "p1/p2.init.0.func1"},
        {"shop/digest.glob..func1", "p1/p2.glob..func1"},
        {"shop/digest.main", "p1/p2.n3"},
        {"shop/digest.take[go.shape.string].func1", "p1/p2.n3[...].func1"},
        {"shop/digest.(*queue[shop/x.T]).take", "p1/p2.(*n3[...]).n4"},
        {"shop/digest.(*queue[...]).take", "p1/p2.(*n3[...]).n4"},
        {"shop/digest._Cfunc_take_page", "p1/p2._Cfunc_n3"},
        {"shop/digest._Cfunc_malloc", "p1/p2._Cfunc_malloc"},
        {"shop/digest._Cfunc__CMalloc", "p1/p2._Cfunc__CMalloc"},
        {"_cgo_0a1b2c3d4e5f_Cfunc_take_page", "_cgo_0a1b2c3d4e5f_Cfunc_n1"},
        {"shop/digest.zähle", "p1/p2.n3"},
        {"main.work", "main.n1"},
        {"main.main", "main.main"},
        {"main.main.func1", "main.main.func1"},
        {"main.init", "main.init"},
        {"example.com/acme/orders.Take", "p1/p2/p3.N4"},
        {"type:.eq.shop/digest.Desk", "type:.eq.p1/p2.N3"},
        {"type:.eq.[4]shop/digest.Desk", "type:.eq.[...]"},
        {"type:.hash.struct { shop/digest.numbers []int }", "type:.hash.[...]"},
    };
    (void)state;
    CHECK(rename_symbol, cases);
}

static void what_is_gos_or_a_librarys_stays(void **state)
{
    static const struct name_case cases[] = {
        {"runtime.gopark", "runtime.gopark"},
        {"net/http.(*persistConn).readLoop", "net/http.(*persistConn).readLoop"},
        {"internal/runtime/syscall.Syscall6", "internal/runtime/syscall.Syscall6"},
        {"vendor/golang.org/x/net/http2.(*Framer).ReadFrame", "vendor/golang.org/x/net/http2.(*Framer).ReadFrame"},
        {"github.com/a/b.(*C).d", "github.com/a/b.(*C).d"},
        {"gopkg.in/yaml%2ev3.(*parser).next", "gopkg.in/yaml%2ev3.(*parser).next"},
        {"example.com/acmes.Take", "example.com/acmes.Take"},
        {"slices.SortFunc[go.shape.[]shop/digest.Desk]", "slices.SortFunc[...]"},
        {"_rt0_amd64_linux", "_rt0_amd64_linux"},
        {"crosscall2", "crosscall2"},
        {"", ""},
    };
    (void)state;
    CHECK(rename_symbol, cases);
}

/* The linker's %2e stands for the dot of a module's path. */
static void a_module_with_a_dot_in_its_last_element_is_own(void **state)
{
    static const char *const own[] = {"github.com/acme/shop%2ego.Take", "github.com/acme/shop.go/orders.Take"},
                      *const foreign[] = {"github.com/acme/shop%2egot.Take", "github.com/acme/shop%2fgo.Take",
                                          "github.com/acme/shop%2.Take", "github.com/acme/shop%"};
    struct ld_blind *blind = new_blind(7, "github.com/acme/shop.go");
    struct ld_buffer out;
    (void)state;
    ld_buffer_init(&out, 4096);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        ld_buffer_clear(&out);
        assert_int_equal(rename_symbol(blind, ld_blind_span(own[i]), &out), 0);
        assert_null(strstr(ld_buffer_text(&out), "acme"));
        assert_comes_back(blind, &out, own[i]);
    }
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        ld_buffer_clear(&out);
        assert_int_equal(rename_symbol(blind, ld_blind_span(foreign[i]), &out), 0);
        assert_string_equal(ld_buffer_text(&out), foreign[i]);
    }
    ld_buffer_done(&out);
    ld_blind_free(blind);
}

static void files_go_with_their_functions(void **state)
{
    static const struct name_case own[] = {
        {"shop/digest/digest.go", "p1/p2/p2.go"},
        {"/src/shop/digest/take.go", "/p1/p2/p3/p4.go"},
        {"./main.go", "./p1.go"},
        {"/src/a b/digest.cgo1.go", "/p1/p2/p3.cgo1.go"},
        {"_cgo_gotypes.go", "_cgo_gotypes.go"},
        {"<autogenerated>", "<autogenerated>"},
        {"", ""},
    };
    static const struct name_case others[] = {
        {"/usr/lib/go-1.26/src/net/http/server.go", "/usr/lib/go-1.26/src/net/http/server.go"},
        {"/usr/lib/go-1.26/src/vendor/golang.org/x/net/a.go", "/usr/lib/go-1.26/src/vendor/golang.org/x/net/a.go"},
        {"github.com/a/b@v1.2.3/c.go", "github.com/a/b@v1.2.3/c.go"},
        {"/src/shop/vendor/github.com/a/b/c.go", "/p1/p2/vendor/github.com/a/b/c.go"},
    };
    (void)state;
    CHECK(rename_own_file, own);
    CHECK(rename_other_file, others);
}

static void programs_are_renamed_and_libraries_are_not(void **state)
{
    static const struct name_case cases[] = {
        {"/tmp/x/orders", "/p1/p2/p3"},
        {"/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/x86_64-linux-gnu/libc.so.6"},
        {"[vdso]", "[vdso]"},
    };
    (void)state;
    CHECK(ld_blind_program, cases);
}

/* Of one run: the same; of another: other ones. A folder and a file's stem of one name have one token. */
static void tokens_hold_within_a_run_only(void **state)
{
    static const char name[] = "shop/digest.(*Desk).collect";
    struct ld_blind *first = new_blind(1, NULL), *again = new_blind(1, NULL), *other = new_blind(2, NULL);
    struct ld_buffer a, b, c;
    (void)state;
    ld_buffer_init(&a, 256);
    ld_buffer_init(&b, 256);
    ld_buffer_init(&c, 256);
    assert_int_equal(rename_symbol(again, ld_blind_span("shop/other.thing"), &b), 0); /* the order says nothing */
    ld_buffer_clear(&b);
    assert_int_equal(rename_symbol(first, ld_blind_span(name), &a), 0);
    assert_int_equal(rename_symbol(again, ld_blind_span(name), &b), 0);
    assert_int_equal(rename_symbol(other, ld_blind_span(name), &c), 0);
    assert_string_equal(ld_buffer_text(&a), ld_buffer_text(&b));
    assert_string_not_equal(ld_buffer_text(&a), ld_buffer_text(&c));
    ld_buffer_done(&a);
    ld_buffer_done(&b);
    ld_buffer_done(&c);
    ld_blind_free(first);
    ld_blind_free(again);
    ld_blind_free(other);
}

#define MANY 200000u /* with 32 bits, some five of them collide */

static void no_two_words_share_a_token(void **state)
{
    struct ld_blind *blind = new_blind(3, NULL);
    struct ld_buffer out;
    char name[32];
    (void)state;
    ld_buffer_init(&out, 64);
    for (uint32_t i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "main.f%u", i);
        ld_buffer_clear(&out);
        assert_int_equal(rename_symbol(blind, ld_blind_span(name), &out), 0);
    }
    for (uint32_t i = 0; i < MANY; i += 7) {
        snprintf(name, sizeof name, "main.f%u", i);
        ld_buffer_clear(&out);
        assert_int_equal(rename_symbol(blind, ld_blind_span(name), &out), 0);
        assert_comes_back(blind, &out, name);
    }
    ld_buffer_done(&out);
    ld_blind_free(blind);
}

static void too_many_words_are_refused(void **state)
{
    struct ld_blind *blind = new_blind(3, NULL);
    struct ld_buffer out;
    char name[32];
    int code = 0;
    (void)state;
    ld_buffer_init(&out, 64);
    for (size_t i = 0; i <= LD_BLIND_WORDS_MAX && !code; i++) {
        snprintf(name, sizeof name, "main.f%zu", i);
        ld_buffer_clear(&out);
        code = rename_symbol(blind, ld_blind_span(name), &out);
    }
    assert_int_equal(code, LD_ELIMIT);
    ld_buffer_done(&out);
    ld_blind_free(blind);
}

/* The toolchain at hand knows no package that the table does not. */
static void the_table_has_every_package_of_go(void **state)
{
    char line[256];
    size_t count = 0;
    (void)state;
    FILE *go = popen("go list std 2>/dev/null", "r");
    while (go && fgets(line, sizeof line, go)) {
        struct ld_blind *blind = new_blind(1, NULL);
        line[strcspn(line, "\n")] = '\0';
        if (ld_blind_owns_package(blind, ld_blind_span(line)))
            fail_msg("%s counts as own", line);
        ld_blind_free(blind);
        count++;
    }
    if (go)
        pclose(go);
    if (!count)
        skip(); /* no Go here */
    assert_true(count > 100);
}

int test_names(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_functions_are_renamed_in_their_shape),
        cmocka_unit_test(what_is_gos_or_a_librarys_stays),
        cmocka_unit_test(a_module_with_a_dot_in_its_last_element_is_own),
        cmocka_unit_test(files_go_with_their_functions),
        cmocka_unit_test(programs_are_renamed_and_libraries_are_not),
        cmocka_unit_test(tokens_hold_within_a_run_only),
        cmocka_unit_test(no_two_words_share_a_token),
        cmocka_unit_test(too_many_words_are_refused),
        cmocka_unit_test(the_table_has_every_package_of_go),
    };
    return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
