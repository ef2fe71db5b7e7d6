/* Bodies: the string table of a protobuf profile is written anew, all else is copied. */
#include <stdlib.h>
#include <zlib.h>

#include "blind/internal.h"
#include "pprof/inflate.h"
#include "pprof/wire.h"

/* Of perftools.profiles.Profile (github.com/google/pprof/proto/profile.proto). */
enum profile_field { SAMPLE = 2, MAPPING = 3, FUNCTION = 5, STRING = 6, COMMENT = 13 };

/* What a text of the table is used for; of several uses the first one decides. */
enum use { USE_NONE, USE_C_FUNCTION, USE_FUNCTION, USE_OWN_FILE, USE_FILE, USE_PROGRAM, USE_PROSE };

struct bodies {
    struct ld_blind *blind;
    struct ld_wire_reader wire;
    size_t count;
    struct ld_span *strings;
    unsigned char *uses; /* enum use */
};

static int out_of_memory(struct ld_error *error)
{
    return ld_fail(error, LD_ENOMEM, "no memory to rename a profile");
}

/* Set by a function, a mapping, a label: an index beyond the table is the parser's to refuse. */
static void use(struct bodies *bodies, uint64_t index, enum use how)
{
    if (index < bodies->count && (bodies->uses[index] == USE_NONE || how < bodies->uses[index]))
        bodies->uses[index] = (unsigned char)how;
}

/* Fields 1..limit-1 of a message that are numbers. */
static int read_numbers(struct bodies *bodies, struct ld_span message, uint64_t *values, uint32_t limit)
{
    struct ld_wire_field field;
    int more;
    memset(values, 0, limit * sizeof *values);
    while ((more = ld_wire_next(&bodies->wire, &message, &field)) > 0)
        if (field.number < limit && field.type == LD_WIRE_VARINT)
            values[field.number] = field.value;
    return more;
}

static bool is_own_function(const struct bodies *bodies, uint64_t index)
{
    if (index >= bodies->count)
        return false;
    struct ld_span name = bodies->strings[index];
    const char *slash = name.at;
    for (const char *at = name.at; at < name.end && *at != '(' && *at != '['; at++)
        slash = *at == '/' ? at + 1 : slash;
    const char *dot = name.end > slash ? memchr(slash, '.', (size_t)(name.end - slash)) : NULL;
    return dot && ld_blind_owns_package(bodies->blind, (struct ld_span){name.at, dot});
}

static bool is_own_c(const struct bodies *bodies, uint64_t name, uint64_t file)
{
    return name < bodies->count && file < bodies->count &&
           ld_blind_owns_c(bodies->blind, bodies->strings[name], bodies->strings[file]);
}

static int read_function(struct bodies *bodies, struct ld_span message)
{
    uint64_t values[5]; /* id = 1, name = 2, system_name = 3, filename = 4 */
    int code = read_numbers(bodies, message, values, 5);
    bool own_c = is_own_c(bodies, values[2], values[4]), own = own_c || is_own_function(bodies, values[2]);
    use(bodies, values[2], own_c ? USE_C_FUNCTION : USE_FUNCTION);
    use(bodies, values[3], own_c ? USE_C_FUNCTION : USE_FUNCTION);
    use(bodies, values[4], own ? USE_OWN_FILE : USE_FILE);
    return code;
}

static int read_sample(struct bodies *bodies, struct ld_span message)
{
    uint64_t values[3]; /* of a label: key = 1, str = 2 */
    struct ld_wire_field field;
    int more;
    while ((more = ld_wire_next(&bodies->wire, &message, &field)) > 0)
        if (field.number == 3 && field.type == LD_WIRE_BYTES) {
            if ((more = read_numbers(bodies, field.bytes, values, 3)) < 0)
                return more;
            use(bodies, values[2], USE_PROSE);
        }
    return more;
}

/* The parser does not look into it: damage there is no damage of the profile, and what stands before it counts. */
static void read_mapping(struct bodies *bodies, struct ld_span message)
{
    struct ld_error ignored;
    struct bodies lenient = *bodies;
    uint64_t values[6]; /* filename = 5 */
    lenient.wire.error = &ignored;
    (void)read_numbers(&lenient, message, values, 6);
    use(bodies, values[5], USE_PROGRAM);
}

static int count_strings(struct bodies *bodies, size_t *ret_count)
{
    struct ld_span rest = bodies->wire.whole;
    struct ld_wire_field field;
    int more;
    size_t count = 0;
    while ((more = ld_wire_next(&bodies->wire, &rest, &field)) > 0)
        count += field.number == STRING && field.type == LD_WIRE_BYTES;
    *ret_count = count;
    return more;
}

static void read_strings(struct bodies *bodies)
{
    struct ld_span rest = bodies->wire.whole;
    struct ld_wire_field field;
    while (ld_wire_next(&bodies->wire, &rest, &field) > 0)
        if (field.number == STRING && field.type == LD_WIRE_BYTES)
            bodies->strings[bodies->count++] = field.bytes;
}

/* Packed or not; what is damaged there the parser does not read either. */
static void read_comments(struct bodies *bodies, struct ld_wire_field field)
{
    struct ld_error ignored;
    const struct ld_wire_reader wire = {bodies->wire.whole, &ignored};
    uint64_t index;
    if (field.type != LD_WIRE_VARINT && field.type != LD_WIRE_BYTES)
        return;
    while (ld_wire_repeated(&wire, &field, &index) > 0)
        use(bodies, index, USE_PROSE);
}

static int read_uses(struct bodies *bodies)
{
    struct ld_span rest = bodies->wire.whole;
    struct ld_wire_field field;
    int code = 0;
    while (!code && ld_wire_next(&bodies->wire, &rest, &field) > 0) {
        if (field.number == COMMENT)
            read_comments(bodies, field);
        if (field.type != LD_WIRE_BYTES)
            continue;
        if (field.number == FUNCTION)
            code = read_function(bodies, field.bytes);
        else if (field.number == SAMPLE)
            code = read_sample(bodies, field.bytes);
        else if (field.number == MAPPING)
            read_mapping(bodies, field.bytes);
    }
    return code;
}

/* ---- writing */

static int add_varint(struct ld_buffer *out, uint64_t value)
{
    char bytes[10];
    size_t n = 0;
    for (; value >= 0x80; value >>= 7)
        bytes[n++] = (char)(value | 0x80);
    bytes[n++] = (char)value;
    return ld_buffer_add(out, bytes, n);
}

static int rename_string(struct bodies *bodies, size_t index, struct ld_buffer *out)
{
    struct ld_span text = bodies->strings[index];
    struct ld_blind *blind = bodies->blind;
    switch ((enum use)bodies->uses[index]) {
    case USE_C_FUNCTION:
        return ld_blind_identifier(blind, text, out);
    case USE_FUNCTION:
        return ld_blind_symbol(blind, text, out, NULL);
    case USE_OWN_FILE:
        return ld_blind_file(blind, text, true, out);
    case USE_FILE:
        return ld_blind_file(blind, text, false, out);
    case USE_PROGRAM:
        return ld_blind_program(blind, text, out);
    case USE_PROSE:
        return ld_blind_prose(blind, text, out);
    case USE_NONE:
        break;
    }
    return ld_blind_copy(text, out);
}

static int write_string(struct bodies *bodies, size_t index, struct ld_buffer *scratch, struct ld_buffer *out)
{
    ld_buffer_clear(scratch);
    int code = rename_string(bodies, index, scratch);
    if (!code)
        code = add_varint(out, STRING << 3 | LD_WIRE_BYTES);
    if (!code)
        code = add_varint(out, scratch->length);
    return code || !scratch->length ? code : ld_buffer_add(out, scratch->bytes, scratch->length);
}

static int write_all(struct bodies *bodies, struct ld_buffer *out)
{
    struct ld_span rest = bodies->wire.whole;
    struct ld_wire_field field;
    struct ld_buffer scratch;
    size_t index = 0;
    int code = 0;
    ld_buffer_init(&scratch, LD_BLIND_BODY_MAX);
    for (const char *at = rest.at; !code && ld_wire_next(&bodies->wire, &rest, &field) > 0; at = rest.at)
        code = field.number == STRING && field.type == LD_WIRE_BYTES
                   ? write_string(bodies, index++, &scratch, out)
                   : ld_blind_copy((struct ld_span){at, rest.at}, out);
    ld_buffer_done(&scratch);
    return code;
}

static int rename_plain(struct ld_blind *blind, const char *bytes, size_t length, struct ld_buffer *out,
                        struct ld_error *error)
{
    struct bodies bodies = {.blind = blind, .wire = {{bytes, bytes + length}, error}};
    size_t count;
    int code = count_strings(&bodies, &count);
    if (code)
        return code;
    bodies.strings = calloc(count + 1, sizeof *bodies.strings);
    bodies.uses = calloc(count + 1, sizeof *bodies.uses);
    if (!bodies.strings || !bodies.uses) {
        code = out_of_memory(error);
    } else {
        read_strings(&bodies);
        code = read_uses(&bodies);
        if (!code && (code = write_all(&bodies, out)))
            ld_fail(error, code, "renaming a profile: %s", ld_code_text(code));
    }
    free(bodies.strings);
    free(bodies.uses);
    return code;
}

/* ---- gzip */

static int rename_gzip(struct ld_blind *blind, const void *bytes, size_t length, struct ld_buffer *out,
                       struct ld_error *error)
{
    struct ld_buffer plain, renamed;
    ld_buffer_init(&plain, LD_BLIND_BODY_MAX);
    ld_buffer_init(&renamed, LD_BLIND_BODY_MAX);
    int code = ld_inflate(&plain, bytes, length, error);
    if (!code)
        code = rename_plain(blind, ld_buffer_text(&plain), plain.length, &renamed, error);
    if (!code && (code = ld_deflate(out, ld_buffer_text(&renamed), renamed.length)))
        ld_fail(error, code, "packing a renamed profile: %s", ld_code_text(code));
    ld_buffer_done(&plain);
    ld_buffer_done(&renamed);
    return code;
}

/* A protobuf that is not packed begins with the tag of a message 1 to 6 or 11, as harness/pprof says; so may a text. */
static bool is_plain_proto(struct ld_span body)
{
    unsigned char first = (unsigned char)body.at[0], field = first >> 3;
    return (first & 7) == 2 && ((field >= 1 && field <= 6) || field == 11);
}

int ld_blind_profile(struct ld_blind *blind, const void *bytes, size_t length, struct ld_buffer *out,
                     struct ld_error *error)
{
    struct ld_span body = {bytes, (const char *)bytes + length};
    if (length == 0)
        return 0;
    if (ld_scan_text(&body, "\x1f\x8b"))
        return rename_gzip(blind, bytes, length, out, error);
    if (is_plain_proto(body)) {
        size_t before = out->length;
        struct ld_error ignored = {0};
        if (rename_plain(blind, bytes, length, out, &ignored) == 0)
            return 0;
        out->length = before; /* a text that begins like one */
    }
    int code = ld_blind_lines(blind, body, out);
    return code ? ld_fail(error, code, "renaming a text: %s", ld_code_text(code)) : 0;
}
