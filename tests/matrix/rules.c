/* Rule files: what is accepted, what is refused and how, and what their identity depends on. */
#include "detect/feed.h"
#include "matrix/groups.h"

#include "matrix/matrix.h"

static const char head[] = "matrix: 1\nversion: 0.1.0\nrows:\n";
static const char row[] =
    "  - id: a\n    scope: site\n    cause: any\n    colour: red\n    explain: x\n    repair: y\n";

static int parse(const char *text, struct ld_matrix **ret_matrix, struct ld_errors *errors)
{
    return ld_matrix_parse(ret_matrix, "r.yaml", text, strlen(text), errors);
}

static void expect_error(const char *text, int code, const char *message)
{
    struct ld_errors errors = {0};
    struct ld_matrix *matrix = NULL;
    int got = parse(text, &matrix, &errors);
    if (got == 0) {
        ld_matrix_free(matrix);
        fail_msg("accepted, but should say: %s", message);
    }
    char line[1024];
    for (size_t i = 0; i < errors.count; i++) {
        ld_error_format(&errors.items[i], line, sizeof line);
        if (strstr(line, message)) {
            assert_int_equal(errors.items[i].code, code);
            assert_true(errors.items[i].line > 0);
            ld_errors_done(&errors);
            return;
        }
    }
    fail_msg("wants \"%s\", got %zu errors, the first \"%s\"", message, errors.count,
             errors.count ? ld_error_format(&errors.items[0], line, sizeof line) : "");
}

static void expect_cell_error(const char *cells, int code, const char *message)
{
    char text[2048];
    snprintf(text, sizeof text, "%s%s    when: [%s]\n", head, row, cells);
    expect_error(text, code, message);
}

static void test_refusals(void **unused)
{
    (void)unused;
    static const struct {
        const char *cells;
        int code;
        const char *message;
    } cases[] = {
        {"{column: site_grwth, at_least: 3, over: 2s}", LD_ESPEC,
         "there is no column site_grwth; did you mean site_growth?"},
        {"{column: fan_out, at_least: 3}", LD_ENOTYET, "the column fan_out is not implemented yet"},
        {"{metric: leaked_total, at_least: 3}", LD_ESPEC, "the metric leaked_total is not in the registry"},
        {"{metric: go_heap_inuse_bytes, fact: slop, above: 3}", LD_ESPEC, "slop is no fact"},
        {"{metric: go_heap_inuse_bytes, at_least: 3}", LD_ESPEC, "wants a size such as 64MiB"},
        {"{at_least: 3}", LD_ESPEC, "a cell wants either column or metric"},
        {"{column: site_count, fact: last, at_least: 3}", LD_ESPEC, "fact belongs to metric"},
        {"{column: site_rising, at_least: 0.5, over: 2s}", LD_ESPEC,
         "at_least of site_rising wants a share such as 60%"},
        {"{column: site_growth, at_least: 3}", LD_ESPEC, "site_growth looks over a window"},
        {"{column: wait, is: select, over: 2s}", LD_ESPEC, "wait has no window"},
        {"{column: wait, is: channel}", LD_ESPEC, "wait cannot be \"channel\""},
        {"{column: wait, at_least: 3}", LD_ESPEC, "wait is a name: it wants either is or is_not"},
        {"{column: wait, is: select, is_not: io}", LD_ESPEC, "wait is a name: it wants either is or is_not"},
        {"{column: site_count, is: 3}", LD_ESPEC, "site_count is a number"},
        {"{column: site_count, at_least: 1, at: net/http.f}", LD_ESPEC, "at and waiting go together"},
        {"{column: goroutines, at_least: 1, at: net/http.f, waiting: io}", LD_ESPEC,
         "goroutines is not counted by site"},
        {"{column: site_count, at_least: 1, at: net/http.f, waiting: nothing}", LD_ESPEC, "nothing is no wait class"},
        {"{column: site_count, at_least: 1}", LD_ESPEC, "a single number never decides"},
        {"{column: site_count, at_least: 1}, {column: site_count, at_most: 9}", LD_ESPEC,
         "a single number never decides"},
        {"{column: wait, is: select}", LD_ESPEC, "the row rests on no number"},
        {"{column: site, is: example/orders.f}", LD_ESPEC, "example/orders.f is neither Go's nor of a module under"},
        {"{column: site, is: [net/http.f, main.f]}", LD_ESPEC, "main.f is neither Go's nor"},
        {"{column: site, is: google.golang.org/grpc.f}", LD_ESPEC, "google.golang.org/grpc.f is neither Go's nor"},
        {"{column: site_count, at: main.f, waiting: io, at_least: 3}", LD_ESPEC, "main.f is neither Go's nor"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_cell_error(cases[i].cells, cases[i].code, cases[i].message);
}

#define TWO "    when: [{column: site_count, at_least: 1}, {column: goroutines, at_least: 1}]\n"

static void test_refusals_of_the_file(void **unused)
{
    (void)unused;
    char text[4096];
    expect_error("matrix: 2\nversion: 0.1.0\nrows: []\n", LD_ESPEC, "matrix");
    expect_error("matrix: 1\nversion: 0.1\nrows: []\n", LD_ESPEC, "0.1 is no semantic version");
    expect_error("matrix: 1\nversion: 01.1.0\nrows: []\n", LD_ESPEC, "01.1.0 is no semantic version");
    expect_error("matrix: 1\nversion: 0.1.0\nlibraries: [orders]\nrows: []\n", LD_ESPEC,
                 "orders is no public module path");
    expect_error("matrix: 1\nversion: 0.1.0\nrow: []\n", LD_ESPEC, "rows");
    snprintf(text, sizeof text, "%s%s%s%s%s", head, row, TWO, row, TWO);
    expect_error(text, LD_ESPEC, "another row is called a too");
    snprintf(text, sizeof text,
             "%s  - id: a\n    scope: site\n    cause: any\n    colour: red\n    repair: y\n    explain: \"{site} "
             "{descriptors}\"\n%s",
             head, TWO);
    expect_error(text, LD_ESPEC, "{descriptors} is no cell of this row");
    snprintf(text, sizeof text,
             "%s  - id: a\n    scope: site\n    cause: any\n    colour: red\n    repair: y\n    explain: \"{site\"\n%s",
             head, TWO);
    expect_error(text, LD_ESPEC, "a brace is not closed");
    snprintf(text, sizeof text,
             "%s  - id: a\n    scope: instance\n    cause: any\n    colour: red\n    repair: y\n    explain: x\n%s",
             head, TWO);
    expect_error(text, LD_ESPEC, "site_count needs a site");
}

static void test_errors_name_their_place(void **unused)
{
    (void)unused;
    struct ld_errors errors = {0};
    struct ld_matrix *matrix;
    char text[2048];
    snprintf(text, sizeof text,
             "%s%s    when:\n      - {column: site_cuont, at_least: 1}\n      - {column: wait, is: no}\n", head, row);
    assert_int_equal(parse(text, &matrix, &errors), LD_ESPEC);
    assert_int_equal(errors.count, 2);
    char line[1024];
    assert_string_equal(ld_error_format(&errors.items[0], line, sizeof line),
                        "r.yaml:11:18: rows[0].when[0]: there is no column site_cuont; did you mean site_count?");
    assert_int_equal(errors.items[1].line, 12);
    ld_errors_done(&errors);
}

static struct ld_matrix *accept(const char *text)
{
    struct ld_errors errors = {0};
    struct ld_matrix *matrix;
    char line[1024];
    if (parse(text, &matrix, &errors) != 0)
        fail_msg("%s", errors.count ? ld_error_format(&errors.items[0], line, sizeof line) : "?");
    return matrix;
}

static const char plain[] =
    "matrix: 1\nversion: 1.2.3\nlibraries: [google.golang.org/grpc, github.com/nats-io/nats.go]\nrows:\n"
    "  - id: b\n    scope: site\n    cause: any\n    colour: red\n    explain: x\n    repair: y\n"
    "    when:\n      - {column: site_growth, over: 2s, at_least: 12}\n      - {column: site_count, at_least: 5}\n"
    "      - {column: wait, is: [select, io]}\n      - {column: heap_inuse, at_least: 1MiB}\n"
    "  - id: a\n    scope: instance\n    cause: heap\n    colour: amber\n    explain: x\n    repair: y\n"
    "    when: [{column: heap_inuse_growth, over: 1m, above: 64MiB}, {column: gc_cycles, over: 90s, below: 3}]\n";

static const char respelt[] =
    "# a comment\nversion: '1.2.3'\nrows:\n"
    "  - when: [{below: 3.0, column: gc_cycles, over: 1m30s}, {over: 60s, above: 65536KiB, column: "
    "heap_inuse_growth}]\n"
    "    repair: y\n    explain: \"x\"\n    colour: amber\n    cause: heap\n    scope: instance\n    id: a\n"
    "  - id: b\n    repair: y   # another\n    scope: site\n    cause: any\n    colour: red\n    explain: x\n"
    "    when:\n      - {column: wait, is: [io, select]}\n      - {column: heap_inuse, at_least: 1024KiB}\n"
    "      - {column: site_count, at_least: 5}\n      - {column: site_growth, over: 2000ms, at_least: 12.0}\n"
    "libraries: [github.com/nats-io/nats.go, google.golang.org/grpc]\nmatrix: 1\n";

static void test_identity_ignores_spelling(void **unused)
{
    (void)unused;
    struct ld_matrix *a = accept(plain), *b = accept(respelt);
    assert_string_equal(ld_matrix_canonical(a), ld_matrix_canonical(b));
    assert_string_equal(ld_matrix_hash(a), ld_matrix_hash(b));
    char version[80], hash[LD_HASH_HEX];
    ld_hash_of(ld_matrix_canonical(a), strlen(ld_matrix_canonical(a)), hash);
    snprintf(version, sizeof version, "v1.2.3-%.6s", hash);
    assert_string_equal(ld_matrix_version(a), version);
    assert_int_equal(ld_matrix_window_ns(a), 90 * LD_SECOND);
    ld_matrix_free(a);
    ld_matrix_free(b);
}

static void test_identity_feels_every_change(void **unused)
{
    (void)unused;
    static const char *const changes[][2] = {{"at_least: 12", "at_least: 13"},
                                             {"2s", "3s"},
                                             {"cause: heap", "cause: any"},
                                             {"amber", "green"},
                                             {"1.2.3", "1.2.4"},
                                             {"explain: x", "explain: z"},
                                             {"io]", "mutex]"},
                                             {"above", "at_least"}};
    struct ld_matrix *before = accept(plain);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        char text[2048];
        const char *found = strstr(plain, changes[i][0]);
        assert_non_null(found);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(found - plain), plain, changes[i][1],
                 found + strlen(changes[i][0]));
        struct ld_matrix *after = accept(text);
        if (strcmp(ld_matrix_hash(before), ld_matrix_hash(after)) == 0)
            fail_msg("%s or %s: the same hash %s", changes[i][0], changes[i][1], ld_matrix_hash(after));
        ld_matrix_free(after);
    }
    ld_matrix_free(before);
}

static void test_explain_knows_every_column(void **unused)
{
    (void)unused;
    struct ld_buffer out;
    ld_buffer_init(&out, 1 << 20);
    assert_int_equal(ld_matrix_explain(&out), 0);
    const char *const parts[] = {"site_persistence", "fan_out",      "not implemented yet", "colour",
                                 "at_least",         "chan-receive", "How rows are judged"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (!strstr(ld_buffer_text(&out), parts[i]))
            fail_msg("\"%s\" is not explained", parts[i]);
    ld_buffer_done(&out);
}

int test_rules(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_refusals_of_the_file),
        cmocka_unit_test(test_errors_name_their_place),
        cmocka_unit_test(test_identity_ignores_spelling),
        cmocka_unit_test(test_identity_feels_every_change),
        cmocka_unit_test(test_explain_knows_every_column),
    };
    return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
