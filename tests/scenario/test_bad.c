/* Every file of tests/data/scenarios/bad is refused with exactly the lines of its .expected neighbour. */
#include "groups.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "catalogue.h"

#define FOLDER TEST_DATA "/scenarios/bad"

static void read_file(const char *path, struct ld_buffer *buffer)
{
    char piece[4096];
    size_t n;
    FILE *stream = fopen(path, "re");
    if (!stream)
        fail_msg("%s cannot be opened", path);
    while ((n = fread(piece, 1, sizeof piece, stream)) > 0)
        assert_int_equal(ld_buffer_add(buffer, piece, n), 0);
    fclose(stream);
}

/* All errors, one a line, under the file's base name; the first error's code is what the parser returned. */
static void errors_of(const char *name, struct ld_buffer *out)
{
    char path[512], line[1024];
    struct ld_buffer text;
    struct ld_errors errors = {0};
    struct ld_scenario *scenario = NULL;
    snprintf(path, sizeof path, FOLDER "/%s", name);
    ld_buffer_init(&text, LD_YAML_BYTES_MAX);
    read_file(path, &text);
    int code = ld_scenario_parse(&scenario, name, ld_buffer_text(&text), text.length, &test_catalogue, &errors);
    if (code != LD_ESPEC && code != LD_ENOTYET && code != LD_ESYNTAX)
        fail_msg("%s: parsing gives %s", name, ld_code_name(code));
    assert_null(scenario);
    assert_int_equal(ld_code_exit(code), LD_EXIT_SPEC);
    for (size_t i = 0; i < errors.count; i++)
        assert_int_equal(ld_buffer_printf(out, "%s\n", ld_error_format(&errors.items[i], line, sizeof line)), 0);
    ld_errors_done(&errors);
    ld_buffer_done(&text);
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static bool file_is_right(const char *name)
{
    char path[512];
    struct ld_buffer expected, seen;
    ld_buffer_init(&expected, 1 << 20);
    ld_buffer_init(&seen, 1 << 20);
    snprintf(path, sizeof path, FOLDER "/%.*s.expected", (int)(strlen(name) - strlen(".yaml")), name);
    errors_of(name, &seen);
    read_file(path, &expected);
    bool right = seen.length > 0 && strcmp(ld_buffer_text(&seen), ld_buffer_text(&expected)) == 0;
    if (!right)
        print_error("%s\n--- expected\n%s--- seen\n%s", name, ld_buffer_text(&expected), ld_buffer_text(&seen));
    ld_buffer_done(&expected);
    ld_buffer_done(&seen);
    return right;
}

static void every_bad_file_has_its_messages(void **state)
{
    (void)state;
    int files = 0, wrong = 0;
    DIR *folder = opendir(FOLDER);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (!ends_with(entry->d_name, ".yaml"))
            continue;
        files++;
        wrong += !file_is_right(entry->d_name);
    }
    closedir(folder);
    if (wrong)
        fail_msg("%d of %d files have other messages", wrong, files);
    assert_in_range(files, 60, 100000);
}

int test_bad(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_bad_file_has_its_messages)};
    return cmocka_run_group_tests_name("bad scenarios", tests, NULL, NULL);
}
