/* A static tool's findings, told to one run: all at its beginning, for they were there before it. */
#include <stdio.h>
#include <stdlib.h>

#include "detect/builtin.h"
#include "runner/detect/hosted.h"
#include "runner/detect/statics.h"
#include "score/score.h"

struct static_seat {
    const struct ld_static_result *result; /* NULL: the tool was not run */
    const struct ld_static_options *options;
    const struct ld_hosted_events *events;
    void *context;
};

static int static_open(void **ret_state, const struct ld_hosted_setting *setting, const struct ld_hosted_events *events,
                       void *context, struct ld_error *error)
{
    struct static_seat *seat = malloc(sizeof *seat);
    if (!seat)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    *seat = (struct static_seat){.result = ld_statics_find(setting->statics, setting->cell, setting->spec),
                                 .options = setting->spec->options,
                                 .events = events,
                                 .context = context};
    *ret_state = seat;
    return 0;
}

static void tell_claim(const struct static_seat *seat, const struct ld_static_claim *claim, uint64_t id)
{
    char why[1024];
    snprintf(why, sizeof why, "%s: %.900s%s%s%s", ld_static_tool_names[seat->options->tool], claim->text,
             claim->code[0] ? " (" : "", claim->code, claim->code[0] ? ")" : "");
    const struct ld_alert alert = {.id = id,
                                   .action = LD_ALERT_OPEN,
                                   .cause = ld_static_cause(claim->code),
                                   .site = claim->site,
                                   .severity = LD_SEVERITY_AMBER,
                                   .why = why,
                                   .rule = claim->code,
                                   .rule_version = ""};
    seat->events->alert(seat->context, &alert);
}

static void static_start(void *state)
{
    const struct static_seat *seat = state;
    const struct ld_static_result *result = seat->result;
    uint64_t claims = 0;
    if (!result || result->broken) {
        seat->events->broken(seat->context, result ? result->broken : "it was not run on this source");
        return;
    }
    for (size_t i = 0; i < result->count; i++)
        if (ld_static_claims(seat->options, result->claims[i].code))
            tell_claim(seat, &result->claims[i], ++claims);
    if (claims < result->count) {
        char text[96];
        snprintf(text, sizeof text, "%zu findings are no claims: of checks that are not asked for",
                 result->count - (size_t)claims);
        seat->events->note(seat->context, text);
    }
    if (result->passed_over) {
        char text[96];
        snprintf(text, sizeof text, "%zu findings beyond the first %zu were passed over", result->passed_over,
                 result->count);
        seat->events->note(seat->context, text);
    }
}

static void static_observe(void *state, const struct ld_observation *observation)
{
    (void)state;
    (void)observation;
}

static void static_sight(const void *state, const struct ld_blind *blind, char *text, size_t room)
{
    (void)state;
    (void)blind;
    snprintf(text, room, LD_BLIND_ALONE "it reads the source, which has the names");
}

static bool static_end(void *state, bool hurry)
{
    (void)state;
    (void)hurry;
    return false;
}

static void static_free(void *state)
{
    free(state);
}

const struct ld_hosted_kind ld_hosted_static = {.kind = &ld_detector_static,
                                                .why_no_replay = "reads the source, which no recording holds",
                                                LD_HOSTED_LIFE(static)};
