#include "pprof/builder.h"

#include <stdlib.h>

#define FIRST_ROOM 64

int ld_builder_init(struct ld_builder *builder, enum ld_profile_kind kind, enum ld_profile_encoding encoding,
                    const struct ld_profile_limits *limits, struct ld_error *error)
{
    *builder = (struct ld_builder){
        .profile = {.kind = kind, .encoding = encoding},
        .limits = limits,
        .error = error,
    };
    builder->profile.arena = ld_arena_new(limits->memory);
    if (!builder->profile.arena)
        return ld_fail(error, LD_ENOMEM, "no memory for a profile");
    /* Address space randomisation is all the randomness there is in here; results never depend on it. */
    builder->seed = (uint64_t)(uintptr_t)builder->profile.arena * UINT64_C(0x9e3779b97f4a7c15);
    return 0;
}

void ld_builder_done(struct ld_builder *builder)
{
    free(builder->texts.slots);
    free(builder->frames.slots);
    free(builder->samples);
    free(builder->stack);
    free(builder->labels);
    free(builder->scratch);
    ld_arena_free(builder->profile.arena);
    *builder = (struct ld_builder){0};
}

/* ---- memory */

static int no_memory(struct ld_builder *builder, size_t wanted)
{
    if (wanted > builder->limits->memory - ld_arena_used(builder->profile.arena))
        return ld_fail(builder->error, LD_ELIMIT, "the profile needs more than %zu bytes of memory",
                       builder->limits->memory);
    return ld_fail(builder->error, LD_ENOMEM, "no memory for a profile");
}

static int take(struct ld_builder *builder, size_t count, size_t size, void *ret_memory)
{
    void *memory = ld_arena_array(builder->profile.arena, count, size);
    if (!memory)
        return no_memory(builder, count * size + _Alignof(max_align_t));
    memcpy(ret_memory, &memory, sizeof memory);
    return 0;
}

/* Make room for one element more; `*array` is any pointer to elements of `size` bytes. */
static int grow(struct ld_builder *builder, void *array, size_t *room, size_t count, size_t size)
{
    if (count < *room)
        return 0;
    size_t wanted = *room ? *room * 2 : FIRST_ROOM;
    if (wanted > builder->limits->memory / size)
        return no_memory(builder, SIZE_MAX);
    void *old, *grown;
    memcpy(&old, array, sizeof old);
    grown = realloc(old, wanted * size);
    if (!grown)
        return no_memory(builder, 0);
    memcpy(array, &grown, sizeof grown);
    *room = wanted;
    return 0;
}

int ld_builder_scratch(struct ld_builder *builder, size_t size, char **ret_memory)
{
    if (size > builder->scratch_room) {
        if (size > builder->limits->memory)
            return no_memory(builder, SIZE_MAX);
        char *grown = realloc(builder->scratch, size);
        if (!grown)
            return no_memory(builder, 0);
        builder->scratch = grown;
        builder->scratch_room = size;
    }
    *ret_memory = builder->scratch;
    return 0;
}

/* ---- hashing and interning */

static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Multiply-and-fold over eight bytes at a time, as wyhash does (Wang Yi, 2019): a text of 60 bytes takes some 5 ns. */
static uint64_t hash_text(uint64_t seed, struct ld_span text)
{
    const char *at = text.at;
    size_t length = ld_span_length(text);
    uint64_t hash = seed ^ length, word;
    for (; length >= 8; at += 8, length -= 8) {
        memcpy(&word, at, 8);
        hash = mix(hash ^ word, UINT64_C(0xa0761d6478bd642f));
    }
    word = 0;
    if (length)
        memcpy(&word, at, length);
    return mix(hash ^ word, UINT64_C(0xe7037ed1a0b428db));
}

static int table_grow(struct ld_builder *builder, struct ld_intern_table *table)
{
    if (table->used < table->size / 2)
        return 0;
    size_t size = table->size ? table->size * 2 : 256;
    if (size > builder->limits->memory / sizeof *table->slots)
        return no_memory(builder, SIZE_MAX);
    struct ld_intern_slot *slots = calloc(size, sizeof *slots);
    if (!slots)
        return no_memory(builder, 0);
    for (size_t i = 0; i < table->size; i++) {
        if (!table->slots[i].item)
            continue;
        size_t to = table->slots[i].hash & (size - 1);
        while (slots[to].item)
            to = (to + 1) & (size - 1);
        slots[to] = table->slots[i];
    }
    free(table->slots);
    table->slots = slots;
    table->size = size;
    return 0;
}

static void table_put(struct ld_intern_table *table, const struct ld_intern_slot *slot)
{
    size_t i = slot->hash & (table->size - 1);
    while (table->slots[i].item)
        i = (i + 1) & (table->size - 1);
    table->slots[i] = *slot;
    table->used++;
}

static const char *find_text(const struct ld_intern_table *table, uint64_t hash, struct ld_span text)
{
    if (!table->size)
        return NULL;
    for (size_t i = hash & (table->size - 1); table->slots[i].item; i = (i + 1) & (table->size - 1)) {
        const struct ld_intern_slot *slot = &table->slots[i];
        if (slot->hash == hash && slot->name_length == ld_span_length(text) &&
            memcmp(slot->item, text.at, ld_span_length(text)) == 0)
            return slot->item;
    }
    return NULL;
}

/* ---- UTF-8 */

/* The length of the well-formed sequence at `at` (Unicode 15, table 3-7), 0 when there is none. NUL counts as none. */
static size_t utf8_sequence(const unsigned char *at, size_t room)
{
    if (at[0] < 0x80)
        return at[0] != 0;
    size_t length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4 || room < length)
        return 0;
    unsigned char low = at[0] == 0xe0 ? 0xa0 : at[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char high = at[0] == 0xed ? 0x9f : at[0] == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (at[i] < 0x80 || at[i] > 0xbf)
            return 0;
    return length;
}

/* Are all eight bytes ASCII and none of them NUL? (The trick finds the first zero byte of a word without a loop.) */
static bool is_plain(const unsigned char *at)
{
    uint64_t word;
    memcpy(&word, at, 8);
    return !((word | (word - UINT64_C(0x0101010101010101))) & UINT64_C(0x8080808080808080));
}

static bool is_valid(struct ld_span text)
{
    const unsigned char *at = (const unsigned char *)text.at, *end = (const unsigned char *)text.end;
    while (at < end) {
        if (end - at >= 8 && is_plain(at)) {
            at += 8;
            continue;
        }
        size_t length = utf8_sequence(at, (size_t)(end - at));
        if (!length)
            return false;
        at += length;
    }
    return true;
}

/* Each byte that belongs to no sequence becomes U+FFFD. */
static int repair(struct ld_builder *builder, struct ld_span *text)
{
    size_t room = ld_span_length(*text), used = 0;
    if (room > SIZE_MAX / 3)
        return no_memory(builder, SIZE_MAX);
    char *out = malloc(room * 3);
    if (!out)
        return no_memory(builder, 0);
    for (const char *at = text->at; at < text->end;) {
        size_t length = utf8_sequence((const unsigned char *)at, (size_t)(text->end - at));
        memcpy(out + used, length ? at : "\xef\xbf\xbd", length ? length : 3);
        used += length ? length : 3;
        at += length ? length : 1;
    }
    *text = (struct ld_span){out, out + used};
    return 0;
}

/* ---- texts and frames */

static int intern_valid(struct ld_builder *builder, uint64_t hash, struct ld_span text, const char **ret_text)
{
    if (builder->texts.used >= builder->limits->strings)
        return ld_fail(builder->error, LD_ELIMIT, "the profile has more than %u texts", builder->limits->strings);
    if (ld_span_length(text) > UINT32_MAX)
        return ld_fail(builder->error, LD_ELIMIT, "a text of the profile is longer than 4 GiB");
    int code = table_grow(builder, &builder->texts);
    if (code)
        return code;
    char *copy = ld_arena_copy(builder->profile.arena, text.at, ld_span_length(text));
    if (!copy)
        return no_memory(builder, ld_span_length(text) + 1 + _Alignof(max_align_t));
    table_put(&builder->texts, &(struct ld_intern_slot){hash, copy, (uint32_t)ld_span_length(text), 0});
    *ret_text = copy;
    return 0;
}

/* The interned text of these very bytes, NULL when there is none yet. Whatever is interned is valid. */
static const char *find_interned(struct ld_builder *builder, struct ld_span text, uint64_t *ret_hash)
{
    *ret_hash = hash_text(builder->seed, text);
    return find_text(&builder->texts, *ret_hash, text);
}

int ld_builder_text(struct ld_builder *builder, struct ld_span text, const char **ret_text)
{
    struct ld_span valid = text;
    uint64_t hash;
    int code = 0;
    const char *found = find_interned(builder, text, &hash);
    if (!found && !is_valid(text)) {
        if ((code = repair(builder, &valid)))
            return code;
        found = find_interned(builder, valid, &hash);
    }
    if (found)
        *ret_text = found;
    else
        code = intern_valid(builder, hash, valid, ret_text);
    if (valid.at != text.at)
        free((void *)(uintptr_t)valid.at);
    return code;
}

static uint64_t hash_frame(const struct ld_builder *builder, struct ld_span function, struct ld_span file, int64_t line,
                           uint64_t address)
{
    uint64_t hash = hash_text(hash_text(builder->seed, function), file);
    return mix(hash ^ (uint64_t)line, UINT64_C(0x8ebc6af09c88c6e3) ^ address);
}

static const struct ld_frame *find_frame(const struct ld_intern_table *table, uint64_t hash, struct ld_span function,
                                         struct ld_span file, int64_t line, uint64_t address)
{
    if (!table->size)
        return NULL;
    for (size_t i = hash & (table->size - 1); table->slots[i].item; i = (i + 1) & (table->size - 1)) {
        const struct ld_intern_slot *slot = &table->slots[i];
        const struct ld_frame *frame = slot->item;
        if (slot->hash == hash && slot->name_length == ld_span_length(function) &&
            slot->file_length == ld_span_length(file) && frame->line == line && frame->address == address &&
            memcmp(frame->function, function.at, slot->name_length) == 0 &&
            memcmp(frame->file, file.at, slot->file_length) == 0)
            return frame;
    }
    return NULL;
}

int ld_builder_frame(struct ld_builder *builder, struct ld_span function, struct ld_span file, int64_t line,
                     uint64_t address, const struct ld_frame **ret_frame)
{
    uint64_t hash = hash_frame(builder, function, file, line, address);
    const struct ld_frame *found = find_frame(&builder->frames, hash, function, file, line, address);
    const char *function_text, *file_text;
    struct ld_frame *frame = NULL;
    int code;
    if (found) {
        *ret_frame = found;
        return 0;
    }
    if ((code = ld_builder_text(builder, function, &function_text)) ||
        (code = ld_builder_text(builder, file, &file_text)))
        return code;
    /* The texts may have been repaired: look again under what they are now. */
    function = (struct ld_span){function_text, function_text + strlen(function_text)};
    file = (struct ld_span){file_text, file_text + strlen(file_text)};
    hash = hash_frame(builder, function, file, line, address);
    found = find_frame(&builder->frames, hash, function, file, line, address);
    if (found) {
        *ret_frame = found;
        return 0;
    }
    if ((code = table_grow(builder, &builder->frames)) || (code = take(builder, 1, sizeof *frame, &frame)))
        return code;
    *frame = (struct ld_frame){function_text, file_text, line, address};
    table_put(&builder->frames, &(struct ld_intern_slot){hash, frame, (uint32_t)ld_span_length(function),
                                                         (uint32_t)ld_span_length(file)});
    *ret_frame = frame;
    return 0;
}

/* ---- samples */

int ld_builder_push_frame(struct ld_builder *builder, const struct ld_frame *frame)
{
    if (builder->stack_count >= builder->limits->frames)
        return ld_fail(builder->error, LD_ELIMIT, "a stack of the profile has more than %u frames",
                       builder->limits->frames);
    int code = grow(builder, &builder->stack, &builder->stack_room, builder->stack_count, sizeof *builder->stack);
    if (!code)
        builder->stack[builder->stack_count++] = frame;
    return code;
}

int ld_builder_push_label(struct ld_builder *builder, const struct ld_label *label)
{
    if (builder->label_count >= LD_PROFILE_LABELS_MAX)
        return ld_fail(builder->error, LD_ELIMIT, "a sample of the profile has more than %d labels",
                       LD_PROFILE_LABELS_MAX);
    int code = grow(builder, &builder->labels, &builder->label_room, builder->label_count, sizeof *builder->labels);
    if (!code)
        builder->labels[builder->label_count++] = *label;
    return code;
}

void ld_builder_drop_sample(struct ld_builder *builder)
{
    builder->stack_count = builder->label_count = 0;
}

int ld_builder_add_sample(struct ld_builder *builder, const struct ld_sample *sample)
{
    struct ld_profile *profile = &builder->profile;
    const struct ld_frame **stack = NULL;
    struct ld_label *labels = NULL;
    int code;
    if (profile->sample_count >= builder->limits->samples)
        return ld_fail(builder->error, LD_ELIMIT, "the profile has more than %u samples", builder->limits->samples);
    if (sample->values[0] > INT64_MAX - profile->total)
        return ld_fail(builder->error, LD_ESYNTAX, "the total of the profile passes 2^63");
    if ((code = grow(builder, &builder->samples, &builder->sample_room, profile->sample_count,
                     sizeof *builder->samples)))
        return code;
    if (builder->stack_count && (code = take(builder, builder->stack_count, sizeof *stack, &stack)))
        return code;
    if (builder->label_count && (code = take(builder, builder->label_count, sizeof *labels, &labels)))
        return code;
    if (stack)
        memcpy(stack, builder->stack, builder->stack_count * sizeof *stack);
    if (labels)
        memcpy(labels, builder->labels, builder->label_count * sizeof *labels);
    struct ld_sample *to = &builder->samples[profile->sample_count++];
    *to = *sample;
    to->frames = stack;
    to->frame_count = (uint32_t)builder->stack_count;
    to->labels = labels;
    to->label_count = (uint32_t)builder->label_count;
    profile->total += sample->values[0];
    ld_builder_drop_sample(builder);
    return 0;
}

void ld_builder_set_values(struct ld_builder *builder, const struct ld_value_type *types)
{
    struct ld_profile *profile = &builder->profile;
    for (profile->value_count = 0; types[profile->value_count].type; profile->value_count++)
        profile->value_types[profile->value_count] = types[profile->value_count];
}

int ld_builder_finish(struct ld_builder *builder, struct ld_profile *ret_profile)
{
    struct ld_profile *profile = &builder->profile;
    if (profile->sample_count) {
        struct ld_sample *samples = NULL;
        int code = take(builder, profile->sample_count, sizeof *samples, &samples);
        if (code)
            return code;
        memcpy(samples, builder->samples, profile->sample_count * sizeof *samples);
        profile->samples = samples;
    }
    *ret_profile = *profile;
    profile->arena = NULL;
    ld_builder_done(builder);
    return 0;
}
