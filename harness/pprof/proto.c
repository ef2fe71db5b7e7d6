/* debug=0: perftools.profiles.Profile of github.com/google/pprof/proto/profile.proto, gzip'd or plain.
 *
 * The messages may come in any order (Go writes the string table last), so the profile is walked several times: to
 * count and check, then for texts and functions, for locations, and for samples. Everything that lives only while
 * parsing is in a second arena under the same limit. */
#include <stdlib.h>

#include "pprof/builder.h"
#include "pprof/inflate.h"
#include "pprof/wire.h"

#define TEXT_SHOWN ((size_t)16)

enum profile_field {
    PROFILE_SAMPLE_TYPE = 1,
    PROFILE_SAMPLE = 2,
    PROFILE_LOCATION = 4,
    PROFILE_FUNCTION = 5,
    PROFILE_STRING = 6,
    PROFILE_TIME_NANOS = 9,
    PROFILE_DURATION_NANOS = 10,
    PROFILE_PERIOD = 12,
    PROFILE_FIELDS
};

struct function {
    uint64_t id;
    uint64_t name, file; /* indices into the string table */
};

struct location {
    uint64_t id;
    const struct ld_frame **frames; /* leaf first: inlined calls make several */
    uint32_t frame_count;
};

struct proto {
    struct ld_builder *builder;
    struct ld_wire_reader wire;
    struct ld_arena *arena;
    size_t counts[PROFILE_FIELDS];
    struct ld_span *strings;
    struct function *functions;
    struct location *locations;
    size_t string_count, function_count, location_count;
};

/* The first value's type tells one kind of profile from another. */
static const char *const first_types[LD_PROFILE_KINDS] = {
    [LD_PROFILE_GOROUTINE] = "goroutine", [LD_PROFILE_GOROUTINELEAK] = "goroutineleak",
    [LD_PROFILE_HEAP] = "alloc_objects",  [LD_PROFILE_ALLOCS] = "alloc_objects",
    [LD_PROFILE_MUTEX] = "contentions",   [LD_PROFILE_BLOCK] = "contentions",
    [LD_PROFILE_THREADCREATE] = "threadcreate", [LD_PROFILE_CPU] = "samples",
};

/* The first kind with such values. */
static int take_kind(struct proto *proto, const char *type, const char *at)
{
    int kind = 0;
    while (kind < LD_PROFILE_KINDS && strcmp(first_types[kind], type) != 0)
        kind++;
    if (kind == LD_PROFILE_KINDS)
        return ld_fail(proto->builder->error, LD_ESYNTAX, "a profile of \"%.64s\", which is none of Go's, at byte %zu",
                       type, (size_t)(at - proto->wire.whole.at));
    proto->builder->profile.kind = (enum ld_profile_kind)kind;
    return 0;
}

static int take(struct proto *proto, size_t count, size_t size, void *ret_memory)
{
    size_t limit = proto->builder->limits->memory, used = ld_arena_used(proto->arena);
    void *memory = ld_arena_array(proto->arena, count, size);
    if (!memory && count <= (limit - used) / size / 2)
        return ld_fail(proto->builder->error, LD_ENOMEM, "no memory to parse a profile");
    if (!memory)
        return ld_fail(proto->builder->error, LD_ELIMIT, "parsing the profile needs more than %zu bytes of memory",
                       limit);
    memcpy(ret_memory, &memory, sizeof memory);
    return 0;
}

/* A field must have the wire type its number asks for. */
static int check_type(const struct proto *proto, const struct ld_wire_field *field, enum ld_wire_type type,
                      const char *message_start)
{
    return field->type == type ? 0 : ld_wire_fail(&proto->wire, message_start, "a field of the wrong wire type");
}

/* ---- first walk: count */

static int count_fields(struct proto *proto)
{
    const struct ld_profile_limits *limits = proto->builder->limits;
    struct ld_span rest = proto->wire.whole;
    struct ld_wire_field field;
    int more;
    for (const char *at = rest.at; (more = ld_wire_next(&proto->wire, &rest, &field)) > 0; at = rest.at) {
        if (field.number >= PROFILE_FIELDS)
            continue;
        enum ld_wire_type type = field.number >= PROFILE_TIME_NANOS ? LD_WIRE_VARINT : LD_WIRE_BYTES;
        if (field.number <= PROFILE_STRING && (more = check_type(proto, &field, type, at)))
            return more;
        proto->counts[field.number]++;
    }
    if (more < 0)
        return more;
    if (proto->counts[PROFILE_STRING] > limits->strings)
        return ld_fail(proto->builder->error, LD_ELIMIT, "the profile has more than %u texts", limits->strings);
    if (proto->counts[PROFILE_SAMPLE] > limits->samples)
        return ld_fail(proto->builder->error, LD_ELIMIT, "the profile has more than %u samples", limits->samples);
    if (!proto->counts[PROFILE_SAMPLE_TYPE] || !proto->counts[PROFILE_STRING])
        return ld_wire_fail(&proto->wire, proto->wire.whole.end, "no sample type or no string table");
    return 0;
}

/* ---- messages of numbers: fields 1..limit-1 that are varints go to `values`, the rest is passed over */

static int read_numbers(struct proto *proto, struct ld_span message, uint64_t *values, uint32_t limit)
{
    const char *start = message.at;
    struct ld_wire_field field;
    int more;
    memset(values, 0, limit * sizeof *values);
    while ((more = ld_wire_next(&proto->wire, &message, &field)) > 0) {
        if (field.number >= limit)
            continue;
        int code = check_type(proto, &field, LD_WIRE_VARINT, start);
        if (code)
            return code;
        values[field.number] = field.value;
    }
    return more;
}

static int text_at(struct proto *proto, uint64_t index, const char *at, struct ld_span *ret_text)
{
    if (index >= proto->string_count)
        return ld_wire_fail(&proto->wire, at, "an index beyond the string table");
    *ret_text = proto->strings[index];
    return 0;
}

static int interned_at(struct proto *proto, uint64_t index, const char *at, const char **ret_text)
{
    struct ld_span text;
    int code = text_at(proto, index, at, &text);
    return code ? code : ld_builder_text(proto->builder, text, ret_text);
}

/* ---- second walk: texts, functions and the profile's own numbers */

static int read_function(struct proto *proto, struct ld_span message)
{
    uint64_t values[5]; /* id = 1, name = 2, system_name = 3, filename = 4 */
    int code = read_numbers(proto, message, values, 5);
    if (code)
        return code;
    proto->functions[proto->function_count++] = (struct function){values[1], values[2], values[4]};
    return 0;
}

static int read_basics(struct proto *proto)
{
    struct ld_profile *profile = &proto->builder->profile;
    struct ld_span rest = proto->wire.whole;
    struct ld_wire_field field;
    int code;
    if ((code = take(proto, proto->counts[PROFILE_STRING], sizeof *proto->strings, &proto->strings)) ||
        (code = take(proto, proto->counts[PROFILE_FUNCTION], sizeof *proto->functions, &proto->functions)))
        return code;
    while (ld_wire_next(&proto->wire, &rest, &field) > 0) {
        if (field.number == PROFILE_STRING)
            proto->strings[proto->string_count++] = field.bytes;
        else if (field.number == PROFILE_FUNCTION && (code = read_function(proto, field.bytes)))
            return code;
        else if (field.number == PROFILE_TIME_NANOS)
            profile->time_ns = (int64_t)field.value;
        else if (field.number == PROFILE_DURATION_NANOS)
            profile->duration_ns = (int64_t)field.value;
        else if (field.number == PROFILE_PERIOD)
            profile->period = (int64_t)field.value;
    }
    if (ld_span_length(proto->strings[0]))
        return ld_wire_fail(&proto->wire, proto->strings[0].at, "a string table that does not begin with \"\"");
    return 0;
}

static int read_sample_type(struct proto *proto, struct ld_span message)
{
    struct ld_profile *profile = &proto->builder->profile;
    uint64_t values[3]; /* type = 1, unit = 2 */
    int code;
    if (profile->value_count == LD_PROFILE_VALUES_MAX)
        return ld_fail(proto->builder->error, LD_ELIMIT, "the profile has more than %d values a sample",
                       LD_PROFILE_VALUES_MAX);
    struct ld_value_type *type = &profile->value_types[profile->value_count];
    if ((code = read_numbers(proto, message, values, 3)) ||
        (code = interned_at(proto, values[1], message.at, &type->type)) ||
        (code = interned_at(proto, values[2], message.at, &type->unit)))
        return code;
    if (profile->kind == LD_PROFILE_KINDS && (code = take_kind(proto, type->type, message.at)))
        return code;
    const char *expected = first_types[profile->kind];
    if (profile->value_count == 0 && strcmp(type->type, expected) != 0)
        return ld_fail(proto->builder->error, LD_ESYNTAX,
                       "a profile of \"%.64s\" where \"%s\" was expected, at byte %zu", type->type, expected,
                       (size_t)(message.at - proto->wire.whole.at));
    profile->value_count++;
    return 0;
}

/* ---- third walk: locations */

static int compare_ids(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_functions(const void *a, const void *b)
{
    return compare_ids(((const struct function *)a)->id, ((const struct function *)b)->id);
}

static int compare_locations(const void *a, const void *b)
{
    return compare_ids(((const struct location *)a)->id, ((const struct location *)b)->id);
}

/* Go numbers functions and locations 1, 2, 3 …: then looking up is one step. */
static const struct function *find_function(const struct proto *proto, uint64_t id)
{
    if (id >= 1 && id <= proto->function_count && proto->functions[id - 1].id == id)
        return &proto->functions[id - 1];
    if (!proto->function_count)
        return NULL;
    return bsearch(&(struct function){.id = id}, proto->functions, proto->function_count, sizeof *proto->functions,
                   compare_functions);
}

static const struct location *find_location(const struct proto *proto, uint64_t id)
{
    if (id >= 1 && id <= proto->location_count && proto->locations[id - 1].id == id)
        return &proto->locations[id - 1];
    if (!proto->location_count)
        return NULL;
    return bsearch(&(struct location){.id = id}, proto->locations, proto->location_count, sizeof *proto->locations,
                   compare_locations);
}

/* "main.(*queue[go.shape.string]).take" as every other encoding prints it: "main.(*queue[...]).take"
 * (funcNameForPrint of runtime/symtab.go). */
static int shorten_generics(struct proto *proto, struct ld_span *name)
{
    static const char dots[] = "[...]";
    const char *open = ld_span_length(*name) ? memchr(name->at, '[', ld_span_length(*name)) : NULL;
    const char *close = ld_scan_last(*name, ']');
    char *room;
    if (!open || !close || close < open)
        return 0;
    size_t before = (size_t)(open - name->at), after = (size_t)(name->end - close - 1);
    int code = ld_builder_scratch(proto->builder, before + strlen(dots) + after, &room);
    if (code)
        return code;
    memcpy(room, name->at, before);
    memcpy(room + before, dots, strlen(dots));
    memcpy(room + before + strlen(dots), close + 1, after);
    *name = (struct ld_span){room, room + before + strlen(dots) + after};
    return 0;
}

static int read_line(struct proto *proto, struct ld_span message, uint64_t address)
{
    uint64_t values[3]; /* function_id = 1, line = 2 */
    struct ld_span name, file;
    const struct ld_frame *frame;
    int code = read_numbers(proto, message, values, 3);
    if (code)
        return code;
    const struct function *function = find_function(proto, values[1]);
    if (!function)
        return ld_wire_fail(&proto->wire, message.at, "a line of an unknown function");
    if (values[2] > INT64_MAX)
        return ld_wire_fail(&proto->wire, message.at, "a negative line number");
    if ((code = text_at(proto, function->name, message.at, &name)) ||
        (code = text_at(proto, function->file, message.at, &file)) || (code = shorten_generics(proto, &name)) ||
        (code = ld_builder_frame(proto->builder, name, file, (int64_t)values[2], address, &frame)))
        return code;
    return ld_builder_push_frame(proto->builder, frame);
}

/* A location without lines (C code, a stripped binary) is a frame with an address only. */
static int read_location(struct proto *proto, struct ld_span message)
{
    struct ld_builder *builder = proto->builder;
    struct location *location = &proto->locations[proto->location_count];
    struct ld_span rest = message, nothing = {"", ""};
    const struct ld_frame *frame;
    struct ld_wire_field field;
    uint64_t values[4]; /* id = 1, mapping_id = 2, address = 3; line = 4 is a message */
    int code = read_numbers(proto, message, values, 4);
    if (code)
        return code;
    while (ld_wire_next(&proto->wire, &rest, &field) > 0)
        if (field.number == 4 && ((code = check_type(proto, &field, LD_WIRE_BYTES, message.at)) ||
                                  (code = read_line(proto, field.bytes, values[3]))))
            return code;
    if (builder->stack_count == 0 && ((code = ld_builder_frame(builder, nothing, nothing, 0, values[3], &frame)) ||
                                      (code = ld_builder_push_frame(builder, frame))))
        return code;
    location->id = values[1];
    location->frame_count = (uint32_t)builder->stack_count;
    if ((code = take(proto, builder->stack_count, sizeof *location->frames, &location->frames)))
        return code;
    memcpy(location->frames, builder->stack, builder->stack_count * sizeof *location->frames);
    ld_builder_drop_sample(builder);
    proto->location_count++;
    return 0;
}

static int read_locations(struct proto *proto)
{
    struct ld_span rest = proto->wire.whole;
    struct ld_wire_field field;
    int code = take(proto, proto->counts[PROFILE_LOCATION], sizeof *proto->locations, &proto->locations);
    if (code)
        return code;
    if (proto->function_count)
        qsort(proto->functions, proto->function_count, sizeof *proto->functions, compare_functions);
    while (ld_wire_next(&proto->wire, &rest, &field) > 0) {
        if (field.number == PROFILE_SAMPLE_TYPE && (code = read_sample_type(proto, field.bytes)))
            return code;
        if (field.number == PROFILE_LOCATION && (code = read_location(proto, field.bytes)))
            return code;
    }
    if (proto->location_count)
        qsort(proto->locations, proto->location_count, sizeof *proto->locations, compare_locations);
    for (size_t i = 1; i < proto->location_count; i++)
        if (proto->locations[i].id == proto->locations[i - 1].id)
            return ld_wire_fail(&proto->wire, proto->wire.whole.end, "two locations of one id");
    for (size_t i = 1; i < proto->function_count; i++)
        if (proto->functions[i].id == proto->functions[i - 1].id)
            return ld_wire_fail(&proto->wire, proto->wire.whole.end, "two functions of one id");
    return 0;
}

/* ---- last walk: samples */

static int push_location(struct proto *proto, uint64_t id, const char *at)
{
    const struct location *location = find_location(proto, id);
    if (!location)
        return ld_wire_fail(&proto->wire, at, "a sample of an unknown location");
    for (uint32_t i = 0; i < location->frame_count; i++) {
        int code = ld_builder_push_frame(proto->builder, location->frames[i]);
        if (code)
            return code;
    }
    return 0;
}

static int push_label(struct proto *proto, struct ld_span message)
{
    uint64_t values[5]; /* key = 1, str = 2, num = 3, num_unit = 4 */
    struct ld_label label = {0};
    int code = read_numbers(proto, message, values, 5);
    if (code || (code = interned_at(proto, values[1], message.at, &label.key)))
        return code;
    label.number = (int64_t)values[3];
    /* Proto3 leaves zeros out: neither text nor number is the empty text. */
    if (values[2] || !(values[3] || values[4]))
        code = interned_at(proto, values[2], message.at, &label.text);
    else if (values[4])
        code = interned_at(proto, values[4], message.at, &label.unit);
    return code ? code : ld_builder_push_label(proto->builder, &label);
}

static int push_value(struct proto *proto, struct ld_sample *sample, uint32_t *count, uint64_t value, const char *at)
{
    if (*count == proto->builder->profile.value_count)
        return ld_wire_fail(&proto->wire, at, "a sample with too many values");
    if (value > INT64_MAX)
        return ld_wire_fail(&proto->wire, at, "a sample with a negative value");
    sample->values[(*count)++] = (int64_t)value;
    return 0;
}

static int read_sample(struct proto *proto, struct ld_span message)
{
    struct ld_sample sample = {.age_minutes = -1};
    const char *start = message.at;
    struct ld_wire_field field;
    uint32_t values = 0;
    uint64_t number;
    int more, code = 0;
    while ((more = ld_wire_next(&proto->wire, &message, &field)) > 0) {
        if (field.number == 1 || field.number == 2) { /* location_id, value */
            bool location = field.number == 1;
            while (!code && (more = ld_wire_repeated(&proto->wire, &field, &number)) > 0)
                code = location ? push_location(proto, number, start)
                                : push_value(proto, &sample, &values, number, start);
            code = code ? code : more;
        } else if (field.number == 3) { /* label */
            if (!(code = check_type(proto, &field, LD_WIRE_BYTES, start)))
                code = push_label(proto, field.bytes);
        }
        if (code)
            return code;
    }
    if (more < 0)
        return more;
    if (values != proto->builder->profile.value_count)
        return ld_wire_fail(&proto->wire, start, "a sample with too few values");
    return ld_builder_add_sample(proto->builder, &sample);
}

static int read_samples(struct proto *proto)
{
    struct ld_span rest = proto->wire.whole;
    struct ld_wire_field field;
    while (ld_wire_next(&proto->wire, &rest, &field) > 0) {
        int code = field.number == PROFILE_SAMPLE ? read_sample(proto, field.bytes) : 0;
        if (code)
            return code;
    }
    return 0;
}

static int parse_plain(struct ld_builder *builder, const char *bytes, size_t length)
{
    struct proto proto = {
        .builder = builder,
        .wire = {{bytes, bytes + length}, builder->error},
        .arena = ld_arena_new(builder->limits->memory),
    };
    int code;
    if (!proto.arena)
        return ld_fail(builder->error, LD_ENOMEM, "no memory to parse a profile");
    if (!(code = count_fields(&proto)) && !(code = read_basics(&proto)) && !(code = read_locations(&proto)))
        code = read_samples(&proto);
    ld_arena_free(proto.arena);
    return code;
}

/* A profile has bytes of tags and lengths at its beginning, a table of text has none. */
static bool looks_like_text(const char *bytes, size_t length)
{
    size_t shown = length < TEXT_SHOWN ? length : TEXT_SHOWN;
    for (size_t i = 0; i < shown; i++)
        if (bytes[i] < ' ' || bytes[i] > '~')
            return false;
    return shown > 0;
}

int ld_proto_parse(struct ld_builder *builder, const char *bytes, size_t length)
{
    struct ld_span body = {bytes, bytes + length};
    struct ld_buffer plain;
    if (!ld_scan_text(&body, "\x1f\x8b"))
        return parse_plain(builder, bytes, length);
    ld_buffer_init(&plain, builder->limits->bytes);
    int code = ld_inflate(&plain, bytes, length, builder->error);
    if (!code)
        code = parse_plain(builder, ld_buffer_text(&plain), plain.length);
    if (code == LD_ESYNTAX && looks_like_text(ld_buffer_text(&plain), plain.length))
        ld_fail(builder->error, code, "no profile: unpacked, it is text that begins with \"%.*s\"",
                (int)(plain.length < TEXT_SHOWN ? plain.length : TEXT_SHOWN), ld_buffer_text(&plain));
    ld_buffer_done(&plain);
    return code;
}
