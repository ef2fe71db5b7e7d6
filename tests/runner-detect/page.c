/* The page protocol.md says what the tables say. */
#include "groups.h"

#include "observe/observation.h"
#include "runner/detect/fault.h"
#include "runner/detect/limits.h"
#include "truth/cause.h"

static char page[65536], schema[65536];

static int read_whole(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    size_t length = fread(text, 1, size - 1, file);
    fclose(file);
    text[length] = '\0';
    return length > 1000 ? 0 : -1;
}

static int read_page(void **state)
{
    (void)state;
    return read_whole(SOURCE_FOLDER "/runner/detect/protocol.md", page, sizeof page) |
           read_whole(SOURCE_FOLDER "/runner/detect/protocol.schema.json", schema, sizeof schema);
}

static void assert_says(const char *text)
{
    if (!strstr(page, text))
        fail_msg("protocol.md does not say: %s", text);
}

static void every_limit_is_named(void **state)
{
    (void)state;
    char row[256];
#define X(id, value, doc)                                                                                              \
    snprintf(row, sizeof row, "| %d | %s |\n", (int)value, doc);                                                       \
    assert_says(row);
    LD_EXEC_LIMITS(X)
#undef X
}

static void every_fault_is_named(void **state)
{
    (void)state;
    char row[256];
#define X(id, name, doc)                                                                                               \
    snprintf(row, sizeof row, "| `%s` | %s |\n", name, doc);                                                           \
    assert_says(row);
    LD_EXEC_FAULTS(X)
#undef X
}

static void every_cause_is_named(void **state)
{
    (void)state;
    char row[256];
    for (int cause = 0; cause < LD_CAUSE_COUNT; cause++) {
        const struct ld_cause_info *info = &ld_cause_table[cause];
        snprintf(row, sizeof row, "| `%s` | %s | %s |\n", info->name, info->class_name, info->doc);
        assert_says(row);
        snprintf(row, sizeof row, "\"%s\"", info->name);
        if (!strstr(strstr(schema, "\"cause\": {\"enum\""), row))
            fail_msg("protocol.schema.json does not say: %s", row);
    }
}

static void every_observation_is_named(void **state)
{
    (void)state;
    char row[64];
    for (int kind = 0; kind < LD_OBSERVATION_KINDS; kind++) {
        snprintf(row, sizeof row, "| `%s` | ", ld_observation_kind_name((enum ld_observation_kind)kind));
        assert_says(row);
    }
    for (int failure = 0; failure < LD_READ_FAILURE_COUNT; failure++) {
        snprintf(row, sizeof row, "`%s`", ld_read_failure_name((enum ld_read_failure)failure));
        assert_says(row);
    }
    for (int purpose = 0; purpose < LD_PURPOSES; purpose++) {
        snprintf(row, sizeof row, "`%s`", ld_purpose_name((enum ld_purpose)purpose));
        assert_says(row);
    }
}

int test_page(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_limit_is_named),
        cmocka_unit_test(every_fault_is_named),
        cmocka_unit_test(every_cause_is_named),
        cmocka_unit_test(every_observation_is_named),
    };
    return cmocka_run_group_tests_name("page", tests, read_page, NULL);
}
