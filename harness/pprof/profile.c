#include "pprof/profile.h"

#include <stdio.h>

#include "pprof/builder.h"

static const char *const kind_names[LD_PROFILE_KINDS] = {
    [LD_PROFILE_GOROUTINE] = "goroutine", [LD_PROFILE_GOROUTINELEAK] = "goroutineleak",
    [LD_PROFILE_HEAP] = "heap",           [LD_PROFILE_ALLOCS] = "allocs",
    [LD_PROFILE_MUTEX] = "mutex",         [LD_PROFILE_BLOCK] = "block",
    [LD_PROFILE_THREADCREATE] = "threadcreate", [LD_PROFILE_CPU] = "profile",
};

const struct ld_profile_limits ld_profile_limits_default = {
    .bytes = (size_t)256 << 20,
    .samples = 2000000,
    .frames = 1024,
    .strings = 2000000,
    .memory = (size_t)1 << 30,
};

const char *ld_profile_kind_name(enum ld_profile_kind kind)
{
    return kind_names[kind];
}

int ld_profile_kind_find(const char *name)
{
    for (int i = 0; i < LD_PROFILE_KINDS; i++)
        if (strcmp(kind_names[i], name) == 0)
            return i;
    return -1;
}

static bool looks_like_stacks(struct ld_span body)
{
    return ld_scan_text(&body, "goroutine ") && body.at < body.end && *body.at >= '0' && *body.at <= '9';
}

static bool looks_like_groups(struct ld_span body)
{
    if (ld_scan_text(&body, "--- "))
        return true;
    for (int i = 0; i < LD_PROFILE_KINDS; i++) {
        struct ld_span rest = body;
        if (ld_scan_text(&rest, kind_names[i]) && ld_scan_text(&rest, " profile: "))
            return true;
    }
    return false;
}

/* gzip's magic number, or the tag of one of the messages 1 to 6 or 11 (wire type 2): Go begins with period_type, 11. */
static bool looks_like_proto(struct ld_span body)
{
    unsigned char first = (unsigned char)body.at[0], field = first >> 3;
    if (ld_scan_text(&body, "\x1f\x8b"))
        return true;
    return (first & 7) == 2 && ((field >= 1 && field <= 6) || field == 11);
}

static const struct {
    enum ld_profile_encoding encoding;
    bool (*recognise)(struct ld_span body);
    int (*parse)(struct ld_builder *builder, const char *bytes, size_t length);
} parsers[] = {
    {LD_ENCODING_STACKS, looks_like_stacks, ld_stacks_parse},
    {LD_ENCODING_GROUPS, looks_like_groups, ld_groups_parse},
    {LD_ENCODING_PROTO, looks_like_proto, ld_proto_parse},
};

static int fail_unrecognised(struct ld_error *error, struct ld_span body)
{
    char begin[33];
    size_t n = 0;
    for (; body.at < body.end && n < sizeof begin - 1; body.at++)
        begin[n++] = *body.at >= ' ' && *body.at <= '~' ? *body.at : '.';
    begin[n] = '\0';
    return ld_fail(error, LD_ESYNTAX, "no profile at byte 0: the body begins with \"%s\"", begin);
}

int ld_profile_parse(struct ld_profile *ret_profile, enum ld_profile_kind kind, const void *bytes, size_t length,
                     const struct ld_profile_limits *limits, struct ld_error *error)
{
    const struct ld_profile_limits *bounds = limits ? limits : &ld_profile_limits_default;
    size_t row = 0, rows = sizeof parsers / sizeof parsers[0];
    struct ld_builder builder;
    if (length == 0)
        return ld_fail(error, LD_ESYNTAX, "no profile at byte 0: the body is empty");
    if (length > bounds->bytes)
        return ld_fail(error, LD_ELIMIT, "the profile has %zu bytes, more than %zu", length, bounds->bytes);
    struct ld_span body = {bytes, (const char *)bytes + length};
    while (row < rows && !parsers[row].recognise(body))
        row++;
    if (row == rows)
        return fail_unrecognised(error, body);
    int code = ld_builder_init(&builder, kind, parsers[row].encoding, bounds, error);
    if (code)
        return code;
    code = parsers[row].parse(&builder, bytes, length);
    if (!code)
        code = ld_builder_finish(&builder, ret_profile);
    ld_builder_done(&builder);
    return code;
}

void ld_profile_done(struct ld_profile *profile)
{
    ld_arena_free(profile->arena);
    *profile = (struct ld_profile){0};
}
