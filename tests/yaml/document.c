#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "sample.h"

static void nodes_know_their_places(void **state)
{
    (void)state;
    static const char yaml[] = "# comment\na: 1\nb:\n  - x\n  - \"y\\n\"\nc: {d: [e, f]}\nü: *none\n";
    static const char good[] = "# comment\na: 1\nb:\n  - x\n  - \"y\\n\"\nc: {d: [e, f]}\nü: end\n";
    struct ld_errors errors = {0};
    struct ld_document document = {.file = "untouched"};
    assert_int_equal(ld_document_parse(&document, "a.yaml", yaml, strlen(yaml), &errors), LD_ESPEC);
    assert_string_equal(document.file, "untouched");
    ld_errors_done(&errors);
    assert_int_equal(ld_document_parse(&document, "a.yaml", good, strlen(good), &errors), 0);
    const struct ld_node *b = ld_node_get(document.root, "b");
    assert_int_equal(b->kind, LD_NODE_SEQUENCE);
    assert_int_equal(b->count, 2);
    assert_int_equal(b->items[1]->line, 5);
    assert_int_equal(b->items[1]->column, 5);
    assert_true(b->items[1]->quoted);
    assert_false(b->items[0]->quoted);
    assert_string_equal(b->items[1]->text, "y\n");
    const struct ld_node *d = ld_node_get(ld_node_get(document.root, "c"), "d");
    assert_int_equal(d->items[1]->line, 6);
    assert_int_equal(d->items[1]->column, 12);
    assert_int_equal(ld_node_get(document.root, "ü")->column, 4);
    assert_null(ld_node_get(document.root, "absent"));
    assert_null(ld_node_get(b, "x"));
    assert_null(ld_node_get(NULL, "x"));
    ld_document_done(&document);
    ld_errors_done(&errors);
}

static void aliases_are_shared(void **state)
{
    (void)state;
    static const char yaml[] = "a: &x {k: 1}\nb: *x\nc: [*x, *x]\n";
    struct ld_errors errors = {0};
    struct ld_document document;
    assert_int_equal(ld_document_parse(&document, "a.yaml", yaml, strlen(yaml), &errors), 0);
    assert_string_equal(ld_node_get(ld_node_get(document.root, "b"), "k")->text, "1");
    assert_int_equal(errors.count, 0);
    ld_document_done(&document);
}

static void refused(void **state)
{
    (void)state;
    static const char *const empty[] = {"", "\n\n", "# only a comment\n", "---\n", "---\n...\n"};
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++)
        expect_errors(empty[i], "a.yaml:1:1: the document is empty\n");
    expect_errors("name: a\n---\nname: b\n", "a.yaml:2:1: a second document begins here; a file holds one\n");
    expect_errors("name: a\nname: b\n", "a.yaml:2:1: duplicate key \"name\"; first given at line 1\n");
    expect_errors("name: a\nkept: {x: 1, y: {z: 1, z: 2}, x: 3, x: 4}\n",
                  "a.yaml:2:24: duplicate key \"z\"; first given at line 2\n"
                  "a.yaml:2:31: duplicate key \"x\"; first given at line 2\n"
                  "a.yaml:2:37: duplicate key \"x\"; first given at line 2\n");
    expect_errors("name: !!str a\nkept: !mine [a]\n",
                  "a.yaml:1:7: tags (tag:yaml.org,2002:str) are not allowed\n"
                  "a.yaml:2:7: tags (!mine) are not allowed\n");
    expect_errors("name: a\nkept: &k {a: 1}\nextra: {<<: *k}\n",
                  "a.yaml:3:9: merge keys (<<) are not allowed; write the keys out\n");
    expect_errors("name: a\n? [x]\n: 1\n? {x: 1}\n: 1\n\"\": empty\n",
                  "a.yaml:2:3: a key must be plain text, not an alias, a list or a mapping\n"
                  "a.yaml:4:3: a key must be plain text, not an alias, a list or a mapping\n"
                  "a.yaml:6:1: a key is empty\n");
    expect_errors("name: &n a\n*n : 1\n", "a.yaml:2:1: a key must be plain text, not an alias, a list or a mapping\n");
    expect_errors("name: a\nkept: [&x 1, &x 2]\n", "a.yaml:2:14: anchor &x is defined twice\n");
    expect_errors("name: a\nkept: *gone\n", "a.yaml:2:7: alias *gone has no anchor\n");
    expect_errors("name: a\nkept: &me [1, *me]\n", "a.yaml:2:15: alias *me would contain itself\n");
}

static void malformed(void **state)
{
    (void)state;
    expect_errors("name:\n\tb: 1\n", "a.yaml:2:1: a tab cannot indent YAML; use spaces\n");
    expect_errors("name: a\nkept:\n  x: 1\n\ty: 2\n", "a.yaml:4:1: a tab cannot indent YAML; use spaces\n");
    expect_errors("kept: [1, 2\nb: 2\n", "a.yaml:2:2: malformed YAML: did not find expected ',' or ']', while parsing "
                                         "a flow sequence that began at line 1\n");
    expect_errors("name: \"abc\n",
                  "a.yaml:2:1: malformed YAML: found unexpected end of stream, while scanning a quoted scalar that "
                  "began at line 1\n");
    expect_errors("name: \x01\n", "a.yaml:1:7: character U+0001 is not allowed in YAML\n");
    expect_errors("name: a\n\xc3\xbc: \xc2\x81\n", "a.yaml:2:4: character U+0081 is not allowed in YAML\n");
    expect_errors_of("a: \0\nb\0", 7, "a.yaml:1:4: a NUL byte: this is not a text file\n"
                                      "a.yaml:2:2: a NUL byte: this is not a text file\n");
    expect_errors("name: \"a\\0b\"\n",
                  "a.yaml:1:7: text cannot contain a NUL byte\n");
}

static void bad_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        unsigned fault;
    } cases[] = {
        {"\xff", 0xff},             /* never in UTF-8 */
        {"\x80", 0x80},             /* continuation alone */
        {"\xc0\xaf", 0xc0},         /* overlong */
        {"\xe0\x80\xaf", 0xe0},     /* overlong */
        {"\xed\xa0\x80", 0xed},     /* surrogate */
        {"\xf4\x90\x80\x80", 0xf4}, /* beyond U+10FFFF */
        {"\xf0\x9f\x98", 0xf0},     /* cut off */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ld_errors errors = {0};
        struct ld_document document;
        char yaml[32], expected[64];
        snprintf(yaml, sizeof yaml, "a: 1\nb: %s", cases[i].bytes);
        snprintf(expected, sizeof expected, "byte 0x%02x is not valid UTF-8", cases[i].fault);
        assert_int_equal(ld_document_parse(&document, "a", yaml, strlen(yaml), &errors), LD_ESYNTAX);
        assert_string_equal(errors.items[0].message, expected);
        assert_int_equal(errors.items[0].line, 2);
        assert_int_equal(errors.items[0].column, 4);
        ld_errors_done(&errors);
    }
    expect_errors("name: a\nnote: \"\xf0\x9f\x98\x80 \xe2\x82\xac\"\n", "");
    expect_errors("\xef\xbb\xbfname: a\n", "");
}

static void explosions(void **state)
{
    (void)state;
    struct ld_buffer yaml;
    ld_buffer_init(&yaml, LD_YAML_BYTES_MAX + 1000);
    ld_buffer_add_text(&yaml, "a: &a [x, x, x, x, x, x, x, x, x]\n");
    for (char c = 'b'; c < 'j'; c++) {
        ld_buffer_printf(&yaml, "%c: &%c [", c, c);
        for (int i = 0; i < 9; i++)
            ld_buffer_printf(&yaml, "%s*%c", i ? ", " : "", c - 1);
        ld_buffer_add_text(&yaml, "]\n");
    }
    expect_errors(ld_buffer_text(&yaml), "a.yaml:5:28: too many values: a document may hold 50000, aliases expanded\n");

    ld_buffer_clear(&yaml);
    for (int i = 0; i < 100000; i++)
        ld_buffer_add_text(&yaml, "[");
    expect_errors(ld_buffer_text(&yaml), "a.yaml:1:33: nested deeper than 32 levels\n");

    ld_buffer_clear(&yaml);
    ld_buffer_add_text(&yaml, "name: a\nkept:\n- &n0 [x]\n");
    for (int i = 1; i < 40; i++)
        ld_buffer_printf(&yaml, "- &n%d [*n%d]\n", i, i - 1);
    expect_errors(ld_buffer_text(&yaml), "a.yaml:32:9: nested deeper than 32 levels, aliases expanded\n");

    ld_buffer_clear(&yaml);
    for (int i = 0; i < 60000; i++)
        ld_buffer_add_text(&yaml, "- 1\n");
    expect_errors(ld_buffer_text(&yaml),
                  "a.yaml:50000:3: too many values: a document may hold 50000, aliases expanded\n");

    ld_buffer_clear(&yaml);
    for (int i = 0; i < 1100; i++)
        ld_buffer_printf(&yaml, "- &n%d 1\n", i);
    expect_errors(ld_buffer_text(&yaml), "a.yaml:1001:3: too many anchors: a document may define 1000\n");

    ld_buffer_clear(&yaml);
    while (yaml.length <= LD_YAML_BYTES_MAX)
        ld_buffer_add_text(&yaml, "# filling\n");
    expect_errors(ld_buffer_text(&yaml), "a.yaml: the file is larger than 1MiB\n");
    ld_buffer_done(&yaml);
}

/* The mark is no column: the first line's places are as if it were not there. */
static void a_byte_order_mark_is_passed_over(void **state)
{
    (void)state;
    expect_errors("\xef\xbb\xbf" "name: a\nname: b\n", "a.yaml:2:1: duplicate key \"name\"; first given at line 1\n");
    expect_errors("\xef\xbb\xbf" "{name: a, name: b}\n",
                  "a.yaml:1:11: duplicate key \"name\"; first given at line 1\n");
    expect_errors("\xef\xbb\xbf", "a.yaml:1:1: the document is empty\n");
}

static void files(void **state)
{
    (void)state;
    struct ld_errors errors = {0};
    struct ld_document document;
    char path[] = "/tmp/leakdrill-yaml-XXXXXX", line[600];
    assert_int_equal(ld_document_read(&document, "/nonexistent/a.yaml", &errors), LD_ENOENT);
    assert_string_equal(ld_error_format(&errors.items[0], line, sizeof line),
                        "/nonexistent/a.yaml: cannot open: No such file or directory");
    assert_int_equal(ld_document_read(&document, "/", &errors), LD_ESPEC);
    assert_int_equal(ld_document_read(&document, "/dev/zero", &errors), LD_ESPEC);
    assert_string_equal(ld_error_format(&errors.items[2], line, sizeof line),
                        "/dev/zero: is a device or a socket, not a file");
    ld_errors_done(&errors);
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, "a: 1\n", 5), 5);
    close(file);
    assert_int_equal(ld_document_read(&document, path, &errors), 0);
    assert_string_equal(ld_node_get(document.root, "a")->text, "1");
    assert_string_equal(document.file, path);
    ld_document_done(&document);
    assert_int_equal(truncate(path, LD_YAML_BYTES_MAX + 100), 0);
    assert_int_equal(ld_document_read(&document, path, &errors), LD_ESPEC);
    assert_string_equal(errors.items[0].message, "the file is larger than 1MiB");
    ld_errors_done(&errors);
    unlink(path);
}

int test_document(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_know_their_places), cmocka_unit_test(aliases_are_shared), cmocka_unit_test(refused),
        cmocka_unit_test(malformed),               cmocka_unit_test(bad_utf8),           cmocka_unit_test(explosions),
        cmocka_unit_test(a_byte_order_mark_is_passed_over),
        cmocka_unit_test(files),
    };
    return cmocka_run_group_tests_name("document", tests, NULL, NULL);
}
