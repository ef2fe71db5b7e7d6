/* A profile's file: its kind from its bytes, its time and instance from its name. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "import/internal.h"

static bool looks_alike(enum ld_profile_kind kind, enum ld_profile_kind other, enum ld_profile_encoding encoding)
{
    if (encoding == LD_ENCODING_STACKS)
        return kind == LD_PROFILE_GOROUTINE && other == LD_PROFILE_GOROUTINELEAK;
    if (kind == LD_PROFILE_HEAP)
        return other == LD_PROFILE_ALLOCS;
    return encoding == LD_ENCODING_PROTO && kind == LD_PROFILE_MUTEX && other == LD_PROFILE_BLOCK;
}

/* What the bytes say, and where they cannot tell, the name. A heap profile and one of allocations hold the same
 * numbers: without a word it is a heap profile. */
static int decide_kind(const struct ld_profile *profile, enum ld_profile_kind named, const char *file,
                       enum ld_profile_kind *ret_kind, struct ld_errors *errors)
{
    enum ld_profile_kind kind = profile->kind;
    if (kind == LD_PROFILE_KINDS)
        return ld_import_fail(errors, LD_ESPEC, file, 0, 0,
                              "is a profile without values: of what kind it is cannot be told");
    if (named != LD_PROFILE_KINDS && looks_alike(kind, named, profile->encoding))
        kind = named;
    else if (named == LD_PROFILE_KINDS && kind == LD_PROFILE_MUTEX && profile->encoding == LD_ENCODING_PROTO)
        return ld_import_fail(errors, LD_ESPEC, file, 0, 0,
                              "may be a mutex or a block profile, which look alike: write the word into its name");
    *ret_kind = kind;
    return 0;
}

/* NAME: the file's name, else the profile's own time. */
static int decide_time(const struct ld_import *import, const struct ld_import_file *file,
                       const struct ld_profile *profile, int64_t *ret_ns, size_t *ret_from, size_t *ret_to,
                       struct ld_errors *errors)
{
    int64_t named_ns = 0;
    *ret_from = *ret_to = 0;
    int found = ld_import_time_of_name(file->name, &named_ns, ret_from, ret_to);
    enum ld_import_times times = import->setting.times;
    if (times == LD_IMPORT_TIMES_FILE) {
        *ret_ns = file->modified_ns;
        return 0;
    }
    if (times == LD_IMPORT_TIMES_NAME && found == LD_ESPEC)
        return ld_import_fail(errors, LD_ESPEC, file->file, 0, 0, "has two different times in its name");
    if (times == LD_IMPORT_TIMES_NAME && found == 0) {
        *ret_ns = named_ns;
        return 0;
    }
    if (profile->time_ns > 0) {
        *ret_ns = profile->time_ns;
        return 0;
    }
    return ld_import_fail(errors, LD_ESPEC, file->file, 0, 0,
                          times == LD_IMPORT_TIMES_NAME
                              ? "no time in its name (such as 20261121-083000) and none in the profile; --times mtime "
                                "takes the file's"
                              : "the profile does not say when it was taken");
}

static int decide_instance(struct ld_import *import, const struct ld_import_file *file, const char *of_name,
                           uint32_t *ret_instance)
{
    char name[LD_IMPORT_NAME_MAX + 1];
    bool named = of_name[0] && !import->setting.one_instance;
    int length = snprintf(name, sizeof name, "%s%s%s", file->place, file->place[0] && named ? "/" : "",
                          named ? of_name : "");
    if (length >= (int)sizeof name)
        return LD_ELIMIT; /* cut, two could become one */
    return ld_import_instance(import, name, strlen(name), ret_instance);
}

static int keep_body(struct ld_import *import, const struct ld_import_file *file, struct ld_import_read *read)
{
    if (import->profile_bytes + file->length > LD_IMPORT_BYTES_MAX)
        return LD_ELIMIT;
    import->profile_bytes += file->length;
    read->body = ld_arena_copy(import->arena, file->bytes, file->length);
    read->file = ld_arena_text(import->arena, file->file);
    read->length = file->length;
    return read->body && read->file ? 0 : LD_ENOMEM;
}

static int take(struct ld_import *import, const struct ld_import_file *file, const struct ld_profile *profile,
                struct ld_errors *errors)
{
    char instance[LD_IMPORT_NAME_MAX + 1];
    enum ld_profile_kind named;
    size_t from, to;
    struct ld_import_read read = {.of_profile = true, .encoding = profile->encoding, .goroutines = -1};
    int code = decide_time(import, file, profile, &read.wall_ns, &from, &to, errors);
    int name_code = ld_import_instance_of_name(file->name, from, to, instance, &named);
    int kind_code = decide_kind(profile, named, file->file, &read.kind, errors);
    if (code || kind_code)
        return code ? code : kind_code;
    /* What a truncated dump shows is less than there was. */
    if (read.kind == LD_PROFILE_GOROUTINE && !profile->truncated)
        read.goroutines = profile->total;
    code = name_code && !import->setting.one_instance ? name_code
                                                     : decide_instance(import, file, instance, &read.instance);
    if (code == LD_ELIMIT)
        return ld_import_fail(errors, code, file->file, 0, 0,
                              "would be instance \"%.200s\", but there are %d others, or its name is longer than %d "
                              "bytes: names tell instances apart, unless --one-instance is given",
                              instance, LD_IMPORT_INSTANCES_MAX, LD_IMPORT_NAME_MAX);
    if (!code)
        code = keep_body(import, file, &read);
    if (!code)
        code = ld_import_add_read(import, &read);
    return code ? ld_import_fail(errors, code, file->file, 0, 0, "%s", ld_import_why(code)) : 0;
}

int ld_import_profile(struct ld_import *import, const struct ld_import_file *file, struct ld_errors *errors)
{
    struct ld_profile profile;
    struct ld_error error = {0};
    int code = ld_profile_parse(&profile, LD_PROFILE_KINDS, file->bytes, file->length, NULL, &error);
    if (code)
        return ld_import_fail(errors, code, file->file, 0, 0, "%s", error.message);
    code = take(import, file, &profile, errors);
    ld_profile_done(&profile);
    return code;
}

/* ---- what a file is */

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), tail = strlen(end);
    return length >= tail && strcmp(name + length - tail, end) == 0;
}

static bool begins_with(const void *bytes, size_t length, const char *text)
{
    return length >= strlen(text) && memcmp(bytes, text, strlen(text)) == 0;
}

/* A message of protobuf: the tag of a field of bytes, 1 to 6 or 11, as harness/pprof knows it; and since texts begin
 * so, too, bytes that no text has. */
static bool is_message(const unsigned char *bytes, size_t length)
{
    unsigned field = length ? bytes[0] >> 3 : 0;
    if (length < 2 || (bytes[0] & 7) != 2 || !((field >= 1 && field <= 6) || field == 11))
        return false;
    for (size_t i = 1; i < length && i < 64; i++)
        if (bytes[i] < ' ' && !memchr("\t\n\r\f", bytes[i], 4))
            return true;
    return false;
}

static bool is_profile(const void *bytes, size_t length)
{
    const char *line = bytes;
    const char *end = memchr(line, '\n', length < 200 ? length : 200);
    if (begins_with(bytes, length, "\x1f\x8b") || begins_with(bytes, length, "--- ") ||
        begins_with(bytes, length, "goroutine "))
        return true;
    for (; end && line < end; line++)
        if (begins_with(line, length - (size_t)(line - (const char *)bytes), " profile: "))
            return true;
    return is_message(bytes, length);
}

static bool holds(const char *text, size_t length, const char *word)
{
    for (size_t at = 0; at + strlen(word) <= length; at++)
        if (strncasecmp(text + at, word, strlen(word)) == 0)
            return true;
    return false;
}

enum ld_import_kind ld_import_kind_of(const char *name, const void *bytes, size_t length)
{
    const char *text = bytes;
    size_t at = begins_with(bytes, length, "\xef\xbb\xbf") ? 3 : 0;
    if (ends_with(name, ".csv") || ends_with(name, ".tsv"))
        return LD_IMPORT_CSV;
    if (is_profile(bytes, length))
        return LD_IMPORT_PROFILE;
    while (at < length && strchr(" \t\r\n", text[at]) && text[at])
        at++;
    if (at < length && text[at] == '{')
        return LD_IMPORT_RANGE;
    const char *end = memchr(text, '\n', length);
    size_t line = end ? (size_t)(end - text) : length;
    bool columns = memchr(text, ',', line) || memchr(text, '\t', line) || memchr(text, ';', line);
    return columns && holds(text, line, "time") ? LD_IMPORT_CSV : LD_IMPORT_UNKNOWN;
}
