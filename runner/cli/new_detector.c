#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "detect/detector.h"
#include "runner/cli/command.h"
#include "runner/cli/new_detector.h"
#include "runner/cli/scaffold.h"

#define TABLE "harness/detect/builtin.h"
#define TESTS "tests/detect/groups.h"
#define NAME_MAX_LENGTH 32

/* Lower-case words joined by hyphens: what a scenario may write without quotes, and with '_' a C identifier. */
static bool is_name(const char *name)
{
    size_t length = strlen(name);
    if (length < 2 || length > NAME_MAX_LENGTH || !islower((unsigned char)name[0]) || name[length - 1] == '-')
        return false;
    for (const char *at = name; *at; at++)
        if (!islower((unsigned char)*at) && !isdigit((unsigned char)*at) && !(*at == '-' && at[1] != '-'))
            return false;
    return true;
}

/* The row goes before the calibration set, its backslash below the others. */
static int add_table_row(struct ld_scaffold *scaffold, const char *id, const char *name, struct ld_error *error)
{
    const char *text;
    int code = ld_scaffold_read(scaffold, TABLE, &text, error);
    if (code)
        return code;
    const char *calibration = strstr(text, "    X(oracle,");
    const char *backslash = calibration ? strchr(calibration, '\\') : NULL;
    if (!backslash)
        return ld_fail(error, LD_EUSAGE, "%s/%s: the row of oracle is not found, which the new one belongs before",
                       scaffold->source, TABLE);
    const char *row = ld_arena_printf(scaffold->arena, "    X(%s, \"%s\")", id, name);
    int column = (int)(backslash - calibration);
    row = row ? ld_arena_printf(scaffold->arena, "%-*s\\\n", column, row) : NULL;
    if (row && row[strlen(row) - 3] != ' ')
        row = ld_arena_printf(scaffold->arena, "    X(%s, \"%s\") \\\n", id, name);
    return ld_scaffold_add(scaffold, TABLE, row ? ld_scaffold_insert(scaffold, text, calibration, row) : NULL, true,
                           error);
}

static int add_test_row(struct ld_scaffold *scaffold, const char *id, struct ld_error *error)
{
    const char *text;
    int code = ld_scaffold_read(scaffold, TESTS, &text, error);
    if (code)
        return code;
    const char *table = strstr(text, "#define LD_DETECT_TESTS(X)");
    const char *end = table ? strchr(table, '\n') : NULL;
    if (!end)
        return ld_fail(error, LD_EUSAGE, "%s/%s: the table LD_DETECT_TESTS is not found", scaffold->source, TESTS);
    const char *row = ld_arena_printf(scaffold->arena, "    X(%s)", id);
    row = row ? ld_arena_printf(scaffold->arena, "%-26s \\\n", row) : NULL;
    return ld_scaffold_add(scaffold, TESTS, row ? ld_scaffold_insert(scaffold, text, end + 1, row) : NULL, true, error);
}

static int prepare(struct ld_scaffold *scaffold, const char *name, struct ld_error *error)
{
    char id[NAME_MAX_LENGTH + 1];
    snprintf(id, sizeof id, "%s", name);
    for (char *at = id; *at; at++)
        *at = *at == '-' ? '_' : *at;
    const char *const words[] = {"@NAME@", name, "@ID@", id, NULL};
    int code = ld_scaffold_add(scaffold, ld_arena_printf(scaffold->arena, "harness/detect/%s.c", id),
                               ld_scaffold_fill(scaffold, ld_template_detector_c, words), false, error);
    if (!code)
        code = ld_scaffold_add(scaffold, ld_arena_printf(scaffold->arena, "tests/detect/%s.c", id),
                               ld_scaffold_fill(scaffold, ld_template_detector_test_c, words), false, error);
    if (!code)
        code = add_test_row(scaffold, id, error);
    return code ? code : add_table_row(scaffold, id, name, error); /* what the build reads first, written last */
}

int ld_command_new_detector(const struct ld_invocation *invocation)
{
    struct ld_scaffold scaffold;
    struct ld_error error;
    if (invocation->argument_count != 1)
        return ld_usage_error(invocation->command, "one NAME is needed, such as queue-depth");
    const char *name = invocation->arguments[0];
    if (!is_name(name))
        return ld_usage_error(invocation->command,
                              "\"%.60s\" is no name for a detector: 2 to %d lower-case letters and digits, beginning "
                              "with a letter, single hyphens between words, such as queue-depth",
                              name, NAME_MAX_LENGTH);
    if (ld_detector_find(name))
        return ld_usage_error(invocation->command, "there is a detector %s already", name);
    if (ld_option_given(invocation, "exec"))
        return ld_new_exec_detector(invocation, name, ld_option_text(invocation, "exec"));
    int code = ld_scaffold_init(&scaffold, ld_option_text(invocation, "source"), &error);
    if (!code)
        code = prepare(&scaffold, name, &error);
    if (!code)
        code = ld_scaffold_write(&scaffold, &error);
    if (!code) {
        ld_scaffold_tell(&scaffold);
        const char *build = ld_scaffold_build_folder(&scaffold);
        const char *program = ld_arena_printf(scaffold.arena, "%s/bin/leakdrill", build);
        printf("  ctest --test-dir %s -R detect\n  %s explain %s\n\nThe judgement is the function judge of the "
               "new file. A scenario names the detector as `detectors: [%s]`.\n",
               ld_scaffold_quoted(&scaffold, build), ld_scaffold_quoted(&scaffold, program ? program : "leakdrill"),
               name, name);
    }
    ld_scaffold_done(&scaffold);
    return code ? ld_say_error(invocation->command, &error) : LD_EXIT_OK;
}
