/* A profile of any kind and encoding. The first byte says which kind is expected and how tight the limits are; the rest
 * is the body. What is parsed must keep the promises of profile.h. */
#include <stdlib.h>
#include <string.h>

#include "pprof/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
    if (!holds)
        abort();
}

static void check_sample(const struct ld_sample *sample, const struct ld_profile *profile,
                         const struct ld_profile_limits *limits)
{
    size_t texts = 0;
    check(sample->frame_count <= limits->frames);
    for (uint32_t i = 0; i < sample->frame_count; i++) {
        texts += strlen(sample->frames[i]->function) + strlen(sample->frames[i]->file);
        check(sample->frames[i]->line >= 0);
    }
    for (uint32_t i = 0; i < sample->label_count; i++)
        texts += strlen(sample->labels[i].key) + (sample->labels[i].text ? strlen(sample->labels[i].text) : 0);
    for (uint32_t i = 0; i < profile->value_count; i++)
        check(sample->values[i] >= 0);
    check((sample->state != NULL) == (profile->encoding == LD_ENCODING_STACKS));
    check(texts < SIZE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ld_profile_limits limits[] = {
        {.bytes = 1 << 20, .samples = 10000, .frames = 128, .strings = 10000, .memory = 1 << 24},
        {.bytes = 1 << 12, .samples = 4, .frames = 3, .strings = 8, .memory = 1 << 12},
    };
    struct ld_profile profile;
    struct ld_error error = {0};
    if (size == 0)
        return 0;
    const struct ld_profile_limits *bounds = &limits[data[0] >> 7];
    enum ld_profile_kind kind = (enum ld_profile_kind)(data[0] % LD_PROFILE_KINDS);
    int code = ld_profile_parse(&profile, kind, data + 1, size - 1, bounds, &error);
    if (code) {
        check(error.code == code && error.message[0]);
        return 0;
    }
    int64_t total = 0;
    check(profile.sample_count <= bounds->samples && profile.value_count >= 1);
    for (uint32_t i = 0; i < profile.sample_count; i++) {
        check_sample(&profile.samples[i], &profile, bounds);
        total += profile.samples[i].values[0];
    }
    check(total == profile.total);
    ld_profile_done(&profile);
    return 0;
}
