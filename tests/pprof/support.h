/* Reading golden files and parsing what a test made up. */
#ifndef TESTS_PPROF_SUPPORT_H
#define TESTS_PPROF_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pprof/profile.h"

/* The file below tests/data; free the bytes. */
static inline char *read_golden(const char *path, size_t *ret_length)
{
    char name[512];
    snprintf(name, sizeof name, "%s/%s", TEST_DATA, path);
    FILE *file = fopen(name, "rb");
    if (!file)
        fail_msg("cannot open %s", name);
    fseek(file, 0, SEEK_END);
    long length = ftell(file);
    rewind(file);
    char *bytes = malloc((size_t)length + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, (size_t)length, file), length);
    bytes[length] = '\0';
    fclose(file);
    *ret_length = (size_t)length;
    return bytes;
}

/* Parse a golden file; it must succeed. The profile outlives the bytes, which are freed first to prove it. */
static inline struct ld_profile parse_golden(const char *path, enum ld_profile_kind kind)
{
    struct ld_profile profile;
    struct ld_error error = {0};
    size_t length;
    char *bytes = read_golden(path, &length);
    if (ld_profile_parse(&profile, kind, bytes, length, NULL, &error))
        fail_msg("%s: %s", path, error.message);
    free(bytes);
    return profile;
}

/* Parse from a heap copy of exactly `length` bytes, so that AddressSanitizer sees every byte read too many. */
static inline int parse_exact(struct ld_profile *ret_profile, enum ld_profile_kind kind, const void *bytes,
                              size_t length, const struct ld_profile_limits *limits, struct ld_error *error)
{
    char *copy = malloc(length ? length : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    int code = ld_profile_parse(ret_profile, kind, copy, length, limits, error);
    free(copy);
    return code;
}

/* It must fail with this code and a message that contains `part`, and leave the output alone. */
static inline void assert_fails(enum ld_profile_kind kind, const void *bytes, size_t length,
                                const struct ld_profile_limits *limits, int code, const char *part)
{
    struct ld_profile profile = {.total = 4711};
    struct ld_error error = {0};
    int got = parse_exact(&profile, kind, bytes, length, limits, &error);
    if (got != code || !strstr(error.message, part))
        fail_msg("expected %s with \"%s\", got %s with \"%s\"", ld_code_name(code), part, ld_code_name(got),
                 error.message);
    assert_int_equal(error.code, code);
    assert_int_equal(profile.total, 4711);
}

static inline struct ld_profile parse_text(enum ld_profile_kind kind, const char *text)
{
    struct ld_profile profile;
    struct ld_error error = {0};
    if (parse_exact(&profile, kind, text, strlen(text), NULL, &error))
        fail_msg("%s", error.message);
    return profile;
}

#endif
