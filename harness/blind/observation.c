#include "blind/internal.h"

static int rename_profile(struct ld_blind *blind, const struct ld_observation *observation,
                          struct ld_observation *renamed, struct ld_error *error)
{
    ld_profile_done(&blind->profile);
    int code = ld_blind_profile(blind, observation->body, observation->body_length, &blind->body, error);
    if (code)
        return code;
    /* A dump that was cut at its limit is no longer exactly as long: what was known of it stays known. */
    code = ld_profile_parse(&blind->profile, observation->profile_kind, ld_buffer_text(&blind->body),
                            blind->body.length, NULL, error);
    if (code)
        return code;
    blind->profile.truncated = blind->profile.truncated || observation->profile->truncated;
    renamed->profile = &blind->profile;
    renamed->body = ld_buffer_text(&blind->body);
    renamed->body_length = blind->body.length;
    return 0;
}

/* What an endpoint answers may be anything: a profile, a dump within other words, or bytes that are neither. Of a
 * damaged gzip nothing is told: what can still be unpacked of it would have the names. */
static int rename_answer(struct ld_blind *blind, const struct ld_observation *observation,
                         struct ld_observation *renamed, struct ld_error *error)
{
    int code = ld_blind_profile(blind, observation->body, observation->body_length, &blind->body, error);
    if (code == LD_ESYNTAX || code == LD_ETRUNCATED) {
        const char *bytes = observation->body;
        ld_buffer_clear(&blind->body);
        struct ld_span body = {bytes, bytes + observation->body_length};
        bool packed = ld_scan_text(&(struct ld_span){body.at, body.end}, "\x1f\x8b");
        code = packed ? 0 : ld_blind_lines(blind, body, &blind->body);
    }
    if (code)
        return ld_fail(error, code, "renaming an answer: %s", ld_code_text(code));
    renamed->body = ld_buffer_text(&blind->body);
    renamed->body_length = blind->body.length;
    return 0;
}

static int rename_text(struct ld_blind *blind, const struct ld_observation *observation,
                       struct ld_observation *renamed, struct ld_error *error)
{
    if (observation->instance >= LD_BLIND_INSTANCES_MAX)
        return ld_fail(error, LD_ELIMIT, "more than %d instances", LD_BLIND_INSTANCES_MAX);
    int code = ld_blind_line(blind, &blind->lines[observation->instance], ld_blind_span(observation->text),
                             &blind->body);
    if (code)
        return ld_fail(error, code, "renaming a line: %s", ld_code_text(code));
    renamed->text = ld_buffer_text(&blind->body);
    return 0;
}

/* What went wrong may quote the beginning of what was read. */
static int rename_reason(struct ld_blind *blind, const struct ld_observation *observation,
                         struct ld_observation *renamed, struct ld_error *error)
{
    int code = ld_blind_prose(blind, ld_blind_span(observation->text), &blind->body);
    if (code)
        return ld_fail(error, code, "renaming a reason: %s", ld_code_text(code));
    renamed->text = ld_buffer_text(&blind->body);
    return 0;
}

int ld_blind_observation(struct ld_blind *blind, const struct ld_observation *observation,
                         struct ld_observation *ret_observation, struct ld_error *error)
{
    struct ld_observation renamed = *observation;
    int code = 0;
    ld_buffer_clear(&blind->body);
    blind->showing = true;
    if (observation->kind == LD_OBSERVATION_PROFILE && observation->profile)
        code = rename_profile(blind, observation, &renamed, error);
    else if (observation->kind == LD_OBSERVATION_ANSWER && observation->body)
        code = rename_answer(blind, observation, &renamed, error);
    else if (observation->kind == LD_OBSERVATION_LINE && observation->text)
        code = rename_text(blind, observation, &renamed, error);
    else if (observation->kind == LD_OBSERVATION_FAILED && observation->text)
        code = rename_reason(blind, observation, &renamed, error);
    blind->showing = false;
    if (!code)
        *ret_observation = renamed;
    return code;
}
