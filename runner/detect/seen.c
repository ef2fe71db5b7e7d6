#include "runner/detect/seen.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/random.h"

#define NAMES_MAX ((size_t)1 << 18)
#define MEMORY_MAX ((size_t)64 << 20)
#define WORD_MAX 512

struct name {
    const char *text; /* NULL: a free place */
    uint64_t since;
};

struct ld_seen {
    struct ld_arena *arena;
    struct name *places; /* open addressing, at most half full; `room` is a power of two */
    size_t count, room;
    bool full;
};

struct ld_seen *ld_seen_new(void)
{
    struct ld_seen *seen = calloc(1, sizeof *seen);
    if (!seen || !(seen->arena = ld_arena_new(MEMORY_MAX))) {
        free(seen);
        return NULL;
    }
    return seen;
}

void ld_seen_free(struct ld_seen *seen)
{
    if (!seen)
        return;
    ld_arena_free(seen->arena);
    free(seen->places);
    free(seen);
}

/* Where it is, or where it would go. */
static struct name *place_of(struct name *places, size_t room, const char *text)
{
    size_t at = (size_t)ld_derive(0, text, 0) & (room - 1);
    while (places[at].text && strcmp(places[at].text, text) != 0)
        at = (at + 1) & (room - 1);
    return &places[at];
}

static bool grow(struct ld_seen *seen)
{
    size_t room = seen->room ? seen->room * 2 : 1024;
    struct name *places = room / 2 <= NAMES_MAX ? calloc(room, sizeof *places) : NULL;
    if (!places)
        return false;
    for (size_t i = 0; i < seen->room; i++)
        if (seen->places[i].text)
            *place_of(places, room, seen->places[i].text) = seen->places[i];
    free(seen->places);
    seen->places = places;
    seen->room = room;
    return true;
}

static void add(struct ld_seen *seen, const char *text, uint64_t sequence)
{
    if (seen->full || !*text)
        return;
    if (seen->count * 2 >= seen->room && !grow(seen)) {
        seen->full = true;
        return;
    }
    struct name *place = place_of(seen->places, seen->room, text);
    if (place->text)
        return;
    const char *copy = ld_arena_text(seen->arena, text);
    seen->full = !copy;
    if (copy) {
        *place = (struct name){copy, sequence};
        seen->count++;
    }
}

static void add_profile(struct ld_seen *seen, const struct ld_profile *profile, uint64_t sequence)
{
    for (uint32_t i = 0; i < profile->sample_count; i++) {
        const struct ld_sample *sample = &profile->samples[i];
        for (uint32_t k = 0; k < sample->frame_count; k++)
            add(seen, sample->frames[k]->function, sequence);
        if (sample->created_by)
            add(seen, sample->created_by->function, sequence);
    }
}

/* "main.(*T).run(0x1, 0x2)" names main.(*T).run too: a word, and what stands before its last parenthesis. */
static void add_word(struct ld_seen *seen, const char *word, size_t length, uint64_t sequence)
{
    char text[WORD_MAX];
    if (length == 0 || length >= sizeof text)
        return;
    memcpy(text, word, length);
    text[length] = '\0';
    add(seen, text, sequence);
    char *call = strrchr(text, '(');
    if (call && call != text) {
        *call = '\0';
        add(seen, text, sequence);
    }
}

static void add_line(struct ld_seen *seen, const char *line, uint64_t sequence)
{
    while (*line) {
        size_t length = strcspn(line, " \t,");
        add_word(seen, line, length, sequence);
        line += length + (line[length] != '\0');
    }
}

void ld_seen_add(struct ld_seen *seen, const struct ld_observation *observation)
{
    if (observation->kind == LD_OBSERVATION_PROFILE && observation->profile)
        add_profile(seen, observation->profile, observation->sequence);
    else if (observation->kind == LD_OBSERVATION_LINE)
        add_line(seen, observation->text, observation->sequence);
}

bool ld_seen_has(const struct ld_seen *seen, const char *name, uint64_t sequence)
{
    if (seen->full)
        return true;
    const struct name *place = seen->room ? place_of(seen->places, seen->room, name) : NULL;
    return place && place->text && place->since <= sequence;
}
