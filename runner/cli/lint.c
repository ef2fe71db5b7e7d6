#include <stdio.h>

#include "runner/cli/sources.h"

#define REMARKS_MAX ((size_t)1 << 20) /* of one file */

struct lint {
    const struct ld_source_setting *setting;
    size_t files[LD_SOURCE_KINDS], errors;
};

/* Read the file by its kind for the sake of its errors. */
static void read_source(struct lint *lint, const char *file, struct ld_errors *errors)
{
    enum ld_source_kind kind = ld_source_kind_of(file, errors);
    if (kind == LD_SOURCE_OTHER)
        return;
    lint->files[kind]++;
    ld_source_kinds[kind].check(file, lint->setting, errors);
}

static void lint_sources(struct lint *lint, const struct ld_sources *sources)
{
    for (size_t i = 0; i < sources->count; i++) {
        struct ld_errors errors = {0};
        read_source(lint, sources->items[i].file, &errors);
        ld_say_errors(stdout, &errors); /* errors are the result here */
        ld_put_remarks(stdout, lint->setting->remarks);
        lint->errors += errors.count + errors.dropped;
        ld_errors_done(&errors);
    }
    if (lint->errors) {
        fprintf(stderr, "errors: %zu, files: %zu\n", lint->errors, sources->count);
        return;
    }
    printf("no errors");
    for (int kind = 0; kind < LD_SOURCE_KINDS; kind++)
        printf("%s %s: %zu", kind ? "," : ";", ld_source_kinds[kind].plural, lint->files[kind]);
    printf("\n");
}

int ld_command_lint(const struct ld_invocation *invocation)
{
    struct ld_source_setting setting;
    struct ld_sources sources;
    struct ld_error error;
    if (ld_source_setting_init(&setting, &error) != 0)
        return ld_say_error(invocation->command, &error);
    struct ld_buffer remarks;
    ld_buffer_init(&remarks, REMARKS_MAX);
    setting.remarks = &remarks;
    struct lint lint = {.setting = &setting};
    int code = ld_sources_find(&sources, invocation->arguments, invocation->argument_count, &error);
    if (!code) {
        lint_sources(&lint, &sources);
        ld_sources_done(&sources);
    }
    ld_source_setting_done(&setting);
    ld_buffer_done(&remarks);
    if (code)
        return ld_say_error(invocation->command, &error);
    return lint.errors ? LD_EXIT_SPEC : LD_EXIT_OK;
}
