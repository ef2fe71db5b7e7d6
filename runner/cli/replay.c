/* Feed recorded runs to their detectors again, and say whether the alerts are the stored ones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "detect/detector.h"
#include "runner/cli/database.h"
#include "runner/run/own.h"
#include "runner/run/replay.h"

#define REPLAY_OUTPUT_MAX ((size_t)256 << 20)

static int choose_runs(const struct ld_invocation *invocation, struct ld_stored_campaign *campaign, uint32_t **ret_runs,
                       size_t *ret_count, struct ld_error *error)
{
    if (invocation->argument_count == 0)
        return ld_store_read_runs(campaign->store, ret_runs, ret_count, campaign->arena, error);
    uint32_t *runs = ld_arena_array(campaign->arena, invocation->argument_count, sizeof *runs);
    if (!runs)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    for (size_t i = 0; i < invocation->argument_count; i++) {
        int64_t run;
        const char *expected;
        if (ld_parse_integer(invocation->arguments[i], &run, &expected) != 0 || run < 0 || run > UINT32_MAX)
            return ld_fail(error, LD_EUSAGE, "\"%s\" is no run; write its number, such as 0", invocation->arguments[i]);
        runs[i] = (uint32_t)run;
    }
    *ret_runs = runs;
    *ret_count = invocation->argument_count;
    return 0;
}

/* Does the detector, one of the arm's own or of the calibration set, watch the run? */
static bool is_watched_by(const struct ld_plan *plan, uint32_t run, const char *detector)
{
    const struct ld_run_plan *planned = ld_plan_find_run(plan, run);
    const struct ld_cell *cell = planned ? &plan->cells[planned->cell] : NULL;
    const struct ld_detector_kind *kind = ld_detector_find(detector);
    bool declared = kind && kind->calibration;
    for (size_t i = 0; cell && i < cell->scenario->detector_count; i++)
        declared = declared || strcmp(cell->scenario->detectors[i].name, detector) == 0;
    return cell && declared && ld_cell_is_watched_by(cell, detector);
}

/* Nobody asked for runs by number: those that the detector does not watch are left out, and that is said. */
static int keep_watched(const struct ld_stored_campaign *campaign, const char *detector, uint32_t *runs, size_t *count,
                        struct ld_error *error)
{
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++)
        if (is_watched_by(campaign->plan, runs[i], detector))
            runs[kept++] = runs[i];
    if (kept == 0 && *count > 0)
        return ld_fail(error, LD_EUSAGE, "no scenario of this database has a detector \"%s\"", detector);
    if (kept < *count)
        fprintf(stderr, "leakdrill replay: left out: %zu run%s that the detector %s does not watch\n", *count - kept,
                *count - kept == 1 ? "" : "s", detector);
    *count = kept;
    return 0;
}

/* Detectors that are programs need a place to run in. */
static bool has_programs(const struct ld_stored_campaign *campaign)
{
    for (size_t i = 0; i < campaign->scenarios.count; i++) {
        const struct ld_scenario *scenario = campaign->scenarios.items[i];
        for (size_t k = 0; k < scenario->detector_count; k++)
            if (scenario->detectors[k].kind->type == LD_DETECTOR_EXEC)
                return true;
    }
    return false;
}

/* As the run was, unless told otherwise. */
static bool is_blind(const struct ld_invocation *invocation, const struct ld_stored_campaign *campaign)
{
    const char *fact = ld_database_fact(&campaign->info, LD_FACT_BLIND);
    return ld_option_given(invocation, "blind") ||
           (fact && strcmp(fact, "1") == 0 && !ld_option_given(invocation, "sighted"));
}

static const char *own_modules(const struct ld_stored_campaign *campaign, uint32_t run)
{
    char name[192] = "";
    const struct ld_run_plan *planned = ld_plan_find_run(campaign->plan, run);
    if (planned)
        snprintf(name, sizeof name, LD_FACT_OWN "%s", campaign->plan->cells[planned->cell].scenario->name);
    const char *own = ld_database_fact(&campaign->info, name);
    return own ? own : ""; /* a database from before names were hidden */
}

static int replay_runs(const struct ld_invocation *invocation, struct ld_stored_campaign *campaign,
                       struct ld_host *host, struct ld_buffer *out, size_t *ret_different, struct ld_error *error)
{
    const char *detector = ld_option_text(invocation, "detector");
    const char *only[] = {detector, NULL};
    uint32_t *runs;
    size_t count;
    int code = choose_runs(invocation, campaign, &runs, &count, error);
    if (!code && detector && invocation->argument_count == 0)
        code = keep_watched(campaign, detector, runs, &count, error);
    *ret_different = 0;
    for (size_t i = 0; i < count && !code; i++) {
        struct ld_replay_setting setting = {.store = campaign->store,
                                            .plan = campaign->plan,
                                            .run = runs[i],
                                            .data_folder = LEAKDRILL_SOURCE_FOLDER,
                                            .only = detector ? only : NULL,
                                            .host = host,
                                            .own = own_modules(campaign, runs[i]),
                                            .blind = is_blind(invocation, campaign),
                                            .json = ld_option_given(invocation, "json"),
                                            .out = out};
        struct ld_replay_result result;
        code = ld_replay_run(&result, &setting, error);
        if (!code && !setting.json)
            ld_buffer_printf(out, "run %u: %zu observations, %zu alerts%s, %s\n", runs[i], result.observations,
                             result.alerts, result.conditions ? " and its conditions" : "",
                             result.different ? "NOT the stored ones" : "identical to the stored ones");
        if (!code && result.different) {
            ++*ret_different;
            fprintf(stderr, "leakdrill replay: run %u: %s\n", runs[i], result.first_difference);
        }
    }
    return code;
}

static int replay_hosted(const struct ld_invocation *invocation, struct ld_stored_campaign *campaign,
                         struct ld_buffer *out, size_t *ret_different, struct ld_error *error)
{
    struct ld_host host;
    bool hosted = has_programs(campaign);
    int code = hosted ? ld_host_start(&host, error) : 0;
    if (code)
        return code;
    code = replay_runs(invocation, campaign, hosted ? &host : NULL, out, ret_different, error);
    if (hosted)
        ld_host_stop(&host);
    return code;
}

int ld_command_replay(const struct ld_invocation *invocation)
{
    struct ld_stored_campaign campaign = {0};
    struct ld_error error = {0};
    struct ld_buffer out;
    char path[512];
    size_t different = 0;
    if (ld_option_given(invocation, "blind") && ld_option_given(invocation, "sighted"))
        return ld_usage_error(invocation->command, "--blind and --sighted contradict each other");
    ld_buffer_init(&out, REPLAY_OUTPUT_MAX);
    int code = ld_database_find(ld_option_text(invocation, "db"), path, sizeof path, &error);
    if (!code)
        code = ld_stored_campaign_open(&campaign, path, false, &error);
    if (!code) {
        code = replay_hosted(invocation, &campaign, &out, &different, &error);
        ld_put(&out);
        ld_stored_campaign_done(&campaign);
    }
    ld_buffer_done(&out);
    if (code)
        return ld_say_error(invocation->command, &error);
    return different ? LD_EXIT_EXPECTATION : LD_EXIT_OK;
}
