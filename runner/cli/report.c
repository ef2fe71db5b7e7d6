/* Write the report of a stored campaign, judged again from what is stored. */
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "runner/cli/formats.h"
#include "runner/cli/judged.h"
#include "runner/cli/style.h"

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
                        const struct ld_judged_campaign *judged, const char *database, struct ld_error *error)
{
    const struct ld_campaign_info *info = &judged->campaign.info;
    struct ld_report report = {.plan = &judged->plan,
                               .runs = judged->judged.records,
                               .run_count = judged->judged.count,
                               .score = &judged->judged.score,
                               .verdicts = &judged->judged.verdicts,
                               .standings = &judged->judged.standings,
                               .costs = &judged->judged.costs,
                               .campaign = info->id,
                               .database = database,
                               .started_wall_ns = info->started_wall_ns,
                               .version = ld_database_version(info),
                               .interrupted = info->interrupt_signal || info->ended_wall_ns == 0,
                               .interrupt_signal = info->interrupt_signal};
    struct ld_report_source source = {&report, judged->campaign.store, judged->campaign.arena,
                                      ld_style_of(STDOUT_FILENO, invocation->colour)};
    return ld_report_write(format, &source, ld_option_text(invocation, "output"), error);
}

int ld_command_report(const struct ld_invocation *invocation)
{
    struct ld_judged_campaign judged = {0};
    struct ld_error error = {0};
    char path[512];
    const struct ld_report_format *format = choose_format(invocation);
    if (!format)
        return LD_EXIT_USAGE;
    int code = ld_database_find(ld_option_text(invocation, "db"), path, sizeof path, &error);
    if (!code)
        code = ld_judged_campaign_open(&judged, path, &error);
    if (!code)
        code = write_report(invocation, format, &judged, path, &error);
    ld_judged_campaign_done(&judged);
    return code ? ld_say_error(invocation->command, &error) : LD_EXIT_OK;
}
