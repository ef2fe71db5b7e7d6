/* The board of a stored campaign: where each detector stands over all leaks. */
#include <string.h>
#include <unistd.h>

#include "reports/report.h"
#include "runner/cli/judged.h"
#include "runner/cli/style.h"
#include "score/cost.h"

#define BOARD_OUTPUT_MAX ((size_t)64 << 20)

static bool measures_cost(const struct ld_plan *plan)
{
    for (size_t i = 0; i < plan->cell_count; i++)
        if (ld_cost_is_measured(&plan->cells[i]))
            return true;
    return false;
}

static int write_board(const struct ld_invocation *invocation, const struct ld_judged_campaign *judged,
                       const char *database, struct ld_error *error)
{
    const struct ld_standings *standings = &judged->judged.standings;
    struct ld_text_style style = ld_style_of(STDOUT_FILENO, invocation->colour);
    const char *format = ld_option_text(invocation, "format");
    struct ld_buffer out;
    int code;
    if (standings->detector_count == 0 && measures_cost(&judged->plan))
        return ld_fail(error, LD_EUSAGE, "%s: runs with `arms: each` measure cost, in which a run that nobody watches "
                                         "is half of the pair; they are not on the board, but in leakdrill report and "
                                         "leakdrill cost", database);
    if (standings->detector_count == 0)
        return ld_fail(error, LD_EUSAGE, "%s: no run counts in which a detector watched and the truth is known",
                       database);
    ld_buffer_init(&out, BOARD_OUTPUT_MAX);
    if (format && strcmp(format, "json") == 0)
        code = ld_report_standings_json(standings, &out);
    else if (format && strcmp(format, "markdown") == 0)
        code = ld_report_standings_markdown(standings, &out);
    else
        code = ld_report_standings(standings, &style, &out);
    return ld_put_done(&out, code, error);
}

int ld_command_board(const struct ld_invocation *invocation)
{
    struct ld_judged_campaign judged = {0};
    struct ld_error error = {0};
    char path[512];
    const char *format = ld_option_text(invocation, "format");
    if (format && strcmp(format, "text") != 0 && strcmp(format, "json") != 0 && strcmp(format, "markdown") != 0)
        return ld_usage_error(invocation->command, "--format: there is no \"%s\", but text, markdown and json", format);
    int code = ld_database_find(ld_option_text(invocation, "db"), path, sizeof path, &error);
    if (!code)
        code = ld_judged_campaign_open(&judged, path, &error);
    if (!code)
        code = write_board(invocation, &judged, path, &error);
    ld_judged_campaign_done(&judged);
    return code ? ld_say_error(invocation->command, &error) : LD_EXIT_OK;
}
