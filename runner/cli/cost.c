/* What detectors cost the program that they watch. */
#include <unistd.h>

#include "reports/report.h"
#include "runner/cli/judged.h"
#include "runner/cli/style.h"

#define COST_OUTPUT_MAX ((size_t)16 << 20)

static int write_costs(const struct ld_invocation *invocation, const struct ld_costs *costs, const char *database,
                       struct ld_error *error)
{
    struct ld_text_style style = ld_style_of(STDOUT_FILENO, invocation->colour);
    struct ld_buffer out;
    if (costs->row_count == 0)
        return ld_fail(error, LD_EUSAGE,
                       "%s: no scenario has `arms: each`, so no run went without a detector to compare with", database);
    ld_buffer_init(&out, COST_OUTPUT_MAX);
    int code = ld_option_given(invocation, "json") ? ld_report_costs_json(costs, &out)
                                                   : ld_report_costs(costs, &style, &out);
    return ld_put_done(&out, code, error);
}

int ld_command_cost(const struct ld_invocation *invocation)
{
    struct ld_judged_campaign judged = {0};
    struct ld_error error = {0};
    char path[512];
    int code = ld_database_find(ld_option_text(invocation, "db"), path, sizeof path, &error);
    if (!code)
        code = ld_judged_campaign_open(&judged, path, &error);
    if (!code)
        code = write_costs(invocation, &judged.judged.costs, path, &error);
    ld_judged_campaign_done(&judged);
    return code ? ld_say_error(invocation->command, &error) : LD_EXIT_OK;
}
