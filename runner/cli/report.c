/* Write the report of a stored campaign, judged again from what is stored. */
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "runner/cli/database.h"
#include "runner/cli/formats.h"
#include "runner/cli/style.h"
#include "runner/run/judge.h"

/* NULL after saying what is wrong. */
static const struct ld_report_format *choose_format(const struct ld_invocation *invocation)
{
    const char *name = ld_option_text(invocation, "format");
    const struct ld_report_format *format = ld_report_format_find(name ? name : "text");
    if (format)
        return format;
    const char *nearest = ld_nearest(name, ld_report_format_names());
    if (nearest)
        ld_usage_error(invocation->command, "--format: there is no \"%s\"; did you mean %s?", name, nearest);
    else
        ld_usage_error(invocation->command, "--format: there is no \"%s\", but text, html, json, junit and markdown",
                       name);
    return NULL;
}

static int write_report(const struct ld_invocation *invocation, const struct ld_report_format *format,
                        struct ld_stored_campaign *campaign, const char *database, struct ld_error *error)
{
    struct ld_plan plan;
    struct ld_judged judged = {0};
    int code = ld_stored_campaign_narrow(campaign, &plan, error);
    if (!code)
        code = ld_judge_store(&judged, campaign->store, &plan, error);
    if (code)
        return code;
    struct ld_report report = {.plan = &plan,
                               .runs = judged.records,
                               .run_count = judged.count,
                               .score = &judged.score,
                               .verdicts = &judged.verdicts,
                               .campaign = campaign->info.id,
                               .database = database,
                               .started_wall_ns = campaign->info.started_wall_ns,
                               .version = ld_database_version(&campaign->info),
                               .interrupted = campaign->info.interrupt_signal || campaign->info.ended_wall_ns == 0,
                               .interrupt_signal = campaign->info.interrupt_signal};
    struct ld_report_source source = {&report, campaign->store, campaign->arena,
                                      ld_style_of(STDOUT_FILENO, invocation->colour)};
    code = ld_report_write(format, &source, ld_option_text(invocation, "output"), error);
    ld_judged_done(&judged);
    return code;
}

int ld_command_report(const struct ld_invocation *invocation)
{
    struct ld_stored_campaign campaign = {0};
    struct ld_error error = {0};
    char path[512];
    const struct ld_report_format *format = choose_format(invocation);
    if (!format)
        return LD_EXIT_USAGE;
    int code = ld_database_find(ld_option_text(invocation, "db"), path, sizeof path, &error);
    if (!code)
        code = ld_stored_campaign_open(&campaign, path, false, &error);
    if (!code) {
        code = write_report(invocation, format, &campaign, path, &error);
        ld_stored_campaign_done(&campaign);
    }
    return code ? ld_say_error(invocation->command, &error) : LD_EXIT_OK;
}
