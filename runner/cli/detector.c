/* `leakdrill detector check`: a detector that is a program, tried without a scenario. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "runner/cli/command.h"
#include "runner/cli/wrap.h"
#include "runner/detect/check.h"
#include "runner/detect/program.h"
#include "runner/run/host.h"
#include "yaml/node.h"
#include "yaml/schema.h"

#define RECORDINGS LEAKDRILL_SOURCE_FOLDER "/runner/detect/recording"
#define TABLE_MAX ((size_t)1 << 20)
#define MEMORY_MAX ((size_t)1 << 20)

/* The options as a scenario has them. */
static int write_options(const struct ld_invocation *invocation, struct ld_buffer *yaml)
{
    static const struct {
        const char *option, *before, *after;
        const char *none; /* the word for nothing at all */
    } rows[] = {{"timeout", "", "", NULL}, {"profiles", "[", "]", "none"}, {"options", "{", "}", NULL}};
    int code = ld_buffer_add_text(yaml, "{command: [\"x\"]");
    for (size_t i = 0; i < sizeof rows / sizeof *rows && !code; i++) {
        const char *value = ld_option_text(invocation, rows[i].option);
        if (value && rows[i].none && strcmp(value, rows[i].none) == 0)
            value = "";
        if (value)
            code = ld_buffer_printf(yaml, ", %s: %s%s%s", rows[i].option, rows[i].before, value, rows[i].after);
    }
    return code ? code : ld_buffer_add_text(yaml, "}\n");
}

/* The same table checks them as in a scenario. */
static int bind_options(const struct ld_invocation *invocation, struct ld_arena *arena, struct ld_exec_options *options,
                        struct ld_error *error)
{
    struct ld_buffer yaml;
    struct ld_errors errors = {0};
    struct ld_document document = {0};
    struct ld_schema_context context = {.file = "", .arena = arena, .errors = &errors};
    ld_buffer_init(&yaml, MEMORY_MAX);
    int code = write_options(invocation, &yaml);
    if (!code)
        code = ld_document_parse(&document, "options", ld_buffer_text(&yaml), yaml.length, &errors);
    if (!code)
        code = ld_schema_bind(&context, ld_detector_find("exec")->options, document.root, options);
    if (code && errors.count)
        ld_fail(error, LD_EUSAGE, "%s: %s%s", errors.items[0].path[0] ? errors.items[0].path : "options",
                errors.items[0].message,
                strncmp(errors.items[0].path, "options.", strlen("options.")) == 0
                    ? "; --options takes NAME: VALUE, such as 'growth: 8, mode: fast'"
                    : "");
    else if (code)
        ld_fail(error, code, "%s", ld_code_text(code));
    ld_document_done(&document);
    ld_errors_done(&errors);
    ld_buffer_done(&yaml);
    return code ? LD_EUSAGE : 0;
}

static int take_command(const struct ld_invocation *invocation, struct ld_arena *arena, struct ld_exec_options *options,
                        struct ld_error *error)
{
    char path[4096];
    size_t count = invocation->argument_count - 1;
    const char **words = ld_arena_array(arena, count, sizeof *words);
    if (!words)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    for (size_t i = 0; i < count; i++)
        words[i] = invocation->arguments[i + 1];
    /* As a shell has it: a path may be relative without ./ */
    if (strchr(words[0], '/') && words[0][0] != '/' && words[0][0] != '.')
        words[0] = ld_arena_printf(arena, "./%s", words[0]);
    options->command = (struct ld_list){count, words};
    if (!words[0] || ld_program_find("", words[0], path, sizeof path, error) == 0)
        return words[0] ? 0 : ld_fail(error, LD_ENOMEM, "out of memory");
    error->code = LD_EUSAGE;
    return LD_EUSAGE;
}

static void add_indented(struct ld_buffer *out, const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        (void)ld_buffer_printf(out, "       %.*s\n", (int)length, text);
        text += length + (text[length] == '\n');
    }
}

static int print_table(const struct ld_check_result *result, bool colour)
{
    struct ld_buffer out;
    ld_buffer_init(&out, TABLE_MAX);
    for (size_t i = 0; i < result->row_count; i++) {
        const struct ld_check_row *row = &result->rows[i];
        const char *word = row->remark ? "note " : row->holds ? "holds" : "FAILS";
        const char *paint = !colour || row->remark ? "" : row->holds ? "\033[32m" : "\033[31m";
        char shown[2 * sizeof row->found];
        (void)ld_buffer_printf(&out, "%s%s%s  %s%s%s\n", paint, word, *paint ? "\033[0m" : "", row->what,
                               row->found[0] ? ": " : "", ld_format_harmless(row->found, shown, sizeof shown));
        if (row->line[0])
            (void)ld_buffer_printf(&out, "       it wrote: %s\n", row->line);
        add_indented(&out, row->claims);
    }
    if (result->errors[0]) {
        (void)ld_buffer_add_text(&out, "note   the last of its standard error:\n");
        add_indented(&out, result->errors);
    }
    if (result->failed)
        (void)ld_buffer_printf(&out, "\n%zu of the checks failed. The protocol: %s\n", result->failed,
                               LEAKDRILL_SOURCE_FOLDER "/runner/detect/protocol.md");
    ld_put_fitting(stdout, ld_buffer_text(&out));
    ld_buffer_done(&out);
    return result->failed ? LD_EXIT_EXPECTATION : LD_EXIT_OK;
}

static int check(const struct ld_invocation *invocation, struct ld_arena *arena, struct ld_check_result *result,
                 struct ld_error *error)
{
    struct ld_exec_options options = {0};
    struct ld_host host;
    int code = bind_options(invocation, arena, &options, error);
    if (!code)
        code = take_command(invocation, arena, &options, error);
    if (!code)
        code = ld_host_start(&host, error);
    if (code)
        return code;
    const struct ld_check_setting setting = {.loop = &host.loop,
                                             .guard = &host.guard,
                                             .work_folder = host.work_folder,
                                             .recordings = RECORDINGS,
                                             .options = &options};
    code = ld_check_run(result, &setting, error);
    ld_host_stop(&host);
    return code;
}

int ld_command_detector(const struct ld_invocation *invocation)
{
    static struct ld_check_result result;
    struct ld_error error = {0};
    if (invocation->argument_count == 0 || strcmp(invocation->arguments[0], "check") != 0)
        return ld_usage_error(invocation->command, "what shall be done with it? leakdrill detector check CMD [ARG...]");
    if (invocation->argument_count < 2)
        return ld_usage_error(invocation->command, "which program? leakdrill detector check CMD [ARG...]");
    struct ld_arena *arena = ld_arena_new(MEMORY_MAX);
    int code = arena ? check(invocation, arena, &result, &error) : ld_fail(&error, LD_ENOMEM, "out of memory");
    ld_arena_free(arena);
    return code ? ld_say_error(invocation->command, &error) : print_table(&result, invocation->colour);
}
