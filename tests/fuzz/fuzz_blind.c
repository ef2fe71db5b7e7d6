/* Renaming whatever claims to be a profile, lines or a program. The first byte says which kind of profile is expected.
 * What parses must parse when it is renamed, with as many samples, and every name must come back. */
#include <stdlib.h>
#include <string.h>

#include "blind/blind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
    if (!holds)
        abort();
}

/* Generic arguments and types without a name are left out, and what is no UTF-8 is mended by the parser. */
static bool comes_back(const char *name)
{
    if (strncmp(name, "type", 4) == 0 || strncmp(name, "go:", 3) == 0)
        return false;
    for (; *name; name++)
        if (*name == '[' || (unsigned char)*name >= 0x80)
            return false;
    return true;
}

static void check_name(const struct ld_blind *blind, const char *name, const char *renamed)
{
    struct ld_buffer back;
    if (!comes_back(name))
        return;
    ld_buffer_init(&back, 1 << 20);
    check(ld_blind_back(blind, renamed, &back) == 0);
    check(strcmp(ld_buffer_text(&back), name) == 0);
    ld_buffer_done(&back);
}

static void compare(const struct ld_blind *blind, const struct ld_profile *profile, const struct ld_profile *renamed)
{
    check(profile->sample_count == renamed->sample_count && profile->total == renamed->total);
    for (uint32_t i = 0; i < profile->sample_count; i++) {
        const struct ld_sample *before = &profile->samples[i], *after = &renamed->samples[i];
        check(before->frame_count == after->frame_count && before->label_count == after->label_count);
        for (uint32_t k = 0; k < before->frame_count; k++)
            check_name(blind, before->frames[k]->function, after->frames[k]->function);
    }
}

/* An observation of a function: from here on its words are known for the program's. */
static int show(struct ld_blind *blind, const char *function)
{
    struct ld_observation renamed, line = {.kind = LD_OBSERVATION_LINE, .text = function};
    struct ld_error error;
    return ld_blind_observation(blind, &line, &renamed, &error);
}

/* The first line alone as rules, in memory that ends with it. */
static void ask_with_first_line(const struct ld_blind *blind, const uint8_t *data, size_t size)
{
    const uint8_t *newline = memchr(data, '\n', size);
    size_t length = newline ? (size_t)(newline - data) : size;
    char why[64], *line = malloc(length ? length : 1);
    check(line != NULL);
    memcpy(line, data, length);
    (void)ld_blind_rules_ask(blind, (struct ld_span){line, line + length}, why, sizeof why);
    (void)ld_blind_routes_ask(blind, (struct ld_span){line, line + length}, why, sizeof why);
    free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ld_profile_limits limits = {
        .bytes = 1 << 20, .samples = 10000, .frames = 128, .strings = 10000, .memory = 1 << 24};
    static const char *const own[] = {"example.com/shop"};
    struct ld_profile profile, renamed;
    struct ld_blind *blind;
    struct ld_error error = {0};
    struct ld_buffer out;
    char module[64];
    if (size == 0)
        return 0;
    enum ld_profile_kind kind = (enum ld_profile_kind)(data[0] % LD_PROFILE_KINDS);
    check(ld_blind_new(&blind, 1, own, 1) == 0);
    ld_buffer_init(&out, 1 << 24);
    int code = ld_blind_profile(blind, data + 1, size - 1, &out, &error);
    bool parses = ld_profile_parse(&profile, kind, data + 1, size - 1, &limits, &error) == 0;
    check(!code || !parses);
    if (parses) {
        check(ld_profile_parse(&renamed, kind, out.bytes, out.length, NULL, &error) == 0);
        compare(blind, &profile, &renamed);
        ld_profile_done(&profile);
        ld_profile_done(&renamed);
    }
    ld_buffer_clear(&out);
    /* The same bytes as rules, too: they ask for whatever they would hand out. */
    struct ld_span text = {(const char *)data, (const char *)data + size};
    char why[64];
    check(ld_blind_metrics(blind, text, &out) == 0);
    check(!ld_blind_metrics_hidden(blind) || ld_blind_rules_ask(blind, text, why, sizeof why) ||
          memchr(data, '#', size));
    /* Once a word was shown the next read renames it: the labels that have it are others in the midst of the run. */
    ld_buffer_clear(&out);
    check(show(blind, "example.com/shop/desk.Take(0x1)") == 0);
    check(ld_blind_metrics(blind, text, &out) == 0);
    ask_with_first_line(blind, data, size);
    ld_blind_module(data, size, module, sizeof module);
    ld_buffer_done(&out);
    ld_blind_free(blind);
    return 0;
}
