#include <string.h>

#include "matrix/matrix.h"
#include "runner/cli/command.h"
#include "scenario/scenario.h"

#define TEXT_MAX ((size_t)1 << 20)

static int explain(const char *key, struct ld_buffer *out, struct ld_error *error)
{
    if (!key || strcmp(key, "matrix") != 0)
        return ld_scenario_explain(key, out, error);
    int code = ld_matrix_explain(out);
    return code ? ld_fail(error, code, "%s", ld_code_text(code)) : 0;
}

int ld_command_explain(const struct ld_invocation *invocation)
{
    struct ld_buffer out;
    struct ld_error error;
    if (invocation->argument_count > 1)
        return ld_usage_error(invocation->command, "one key at a time");
    const char *key = invocation->argument_count ? invocation->arguments[0] : NULL;
    ld_buffer_init(&out, TEXT_MAX);
    int code = explain(key, &out, &error);
    int exit = LD_EXIT_OK;
    if (code == LD_ENOENT)
        exit = ld_usage_error(invocation->command, "%s", error.message);
    else
        exit = code ? ld_say_error(invocation->command, &error) : ld_put(&out);
    ld_buffer_done(&out);
    return exit;
}
