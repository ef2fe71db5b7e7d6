#include <stdio.h>
#include <string.h>

#include "fault/proxies.h"
#include "matrix/matrix.h"
#include "reports/report.h"
#include "runner/cli/command.h"
#include "runner/cli/wrap.h"
#include "scenario/scenario.h"
#include "truth/cause.h"

#define TEXT_MAX ((size_t)1 << 20)

/* The detector of that name, then the language of its rules. */
static int explain_matrix(struct ld_buffer *out)
{
    struct ld_error error;
    int code = ld_scenario_explain("matrix", out, &error);
    if (!code)
        code = ld_buffer_add_text(out, "\n");
    return code ? code : ld_matrix_explain(out);
}

static int explain_outcomes(struct ld_buffer *out)
{
    return ld_report_explain(&(struct ld_text_style){.width = 80}, out);
}

/* What is explained beside the keys of a scenario. */
static const struct {
    const char *name;
    int (*explain)(struct ld_buffer *out);
} topics[] = {{"causes", ld_causes_explain},
              {"matrix", explain_matrix},
              {"outcomes", explain_outcomes},
              {"proxy", ld_proxies_explain}};

static int explain(const char *key, struct ld_buffer *out, struct ld_error *error)
{
    for (size_t i = 0; key && i < sizeof topics / sizeof *topics; i++) {
        if (strcmp(key, topics[i].name) != 0)
            continue;
        int code = topics[i].explain(out);
        return code ? ld_fail(error, code, "%s", ld_code_text(code)) : 0;
    }
    int cause = key ? ld_cause_find(key) : -1;
    int code = ld_scenario_explain(key, out, error);
    if (code == LD_ENOENT && cause >= 0 && (code = ld_cause_explain((enum ld_cause)cause, out)) != 0)
        ld_fail(error, code, "%s", ld_code_text(code));
    return code;
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
    bool unknown = code == LD_ENOENT;
    if (!code && (code = ld_put_wrapped(stdout, &out)) != 0)
        ld_fail(&error, code, "%s", ld_code_text(code));
    ld_buffer_done(&out);
    if (unknown)
        return ld_usage_error(invocation->command, "%s", error.message);
    return code ? ld_say_error(invocation->command, &error) : LD_EXIT_OK;
}
