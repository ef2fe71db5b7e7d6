/* A renaming, and what it makes of texts. */
#ifndef TESTS_BLIND_SUPPORT_H
#define TESTS_BLIND_SUPPORT_H

#include "pprof/support.h"

#include "blind/blind.h"
#include "blind/internal.h"

#define TOKEN_CHARACTERS "0123456789abcdef"

static inline struct ld_blind *new_blind(uint64_t seed, const char *own)
{
    struct ld_blind *blind;
    assert_int_equal(ld_blind_new(&blind, seed, &own, own ? 1 : 0), 0);
    return blind;
}

/* Tokens made comparable: p, n and N followed by their order of appearance in the text. */
static inline void number_tokens(const char *text, char *out)
{
    char seen[64][LD_BLIND_TOKEN + 1] = {{0}};
    size_t count = 0;
    while (*text) {
        bool token = (*text == 'p' || *text == 'n' || *text == 'N') && strspn(text + 1, TOKEN_CHARACTERS) >= 8;
        if (!token) {
            *out++ = *text++;
            continue;
        }
        size_t at = 0;
        while (at < count && strncmp(seen[at], text, LD_BLIND_TOKEN) != 0)
            at++;
        if (at == count)
            memcpy(seen[count++], text, LD_BLIND_TOKEN);
        out += sprintf(out, "%c%zu", *text, at + 1);
        text += LD_BLIND_TOKEN;
    }
    *out = '\0';
}

static inline void assert_numbered(const struct ld_buffer *out, const char *expected)
{
    char numbered[1024];
    assert_true(out->length < sizeof numbered);
    number_tokens(ld_buffer_text(out), numbered);
    assert_string_equal(numbered, expected);
}

static inline void assert_comes_back(const struct ld_blind *blind, const struct ld_buffer *out, const char *expected)
{
    struct ld_buffer back;
    ld_buffer_init(&back, 1 << 26);
    assert_int_equal(ld_blind_back(blind, ld_buffer_text(out), &back), 0);
    assert_string_equal(ld_buffer_text(&back), expected);
    ld_buffer_done(&back);
}

#endif
