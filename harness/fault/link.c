/* A link: chunks in order, each with the instant from which it may leave, and a row of gates at the exit.
 *
 * A chunk is given the delays of all toxics when it is written; the sum never changes, and is no earlier than that of
 * the chunk before. When its time has come it waits for the gates: each says how much may leave now. Because gates are
 * asked at the exit, adding, changing or removing one works at once. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "fault/toxic_kind.h"

struct chunk {
    struct chunk *next;
    int64_t due_ns;
    size_t offset, length; /* bytes that left already; bytes in all */
    unsigned char bytes[];
};

struct ld_link {
    uint64_t seed, connection;
    enum ld_stream stream;
    struct ld_toxic toxics[LD_LINK_TOXICS_MAX];
    size_t toxic_count;
    size_t held_max; /* follows from the toxics */
    struct chunk *head, **tail;
    size_t held, chunk_count;
    uint64_t left;       /* bytes that left or passed: the position of the first held one */
    int64_t last_due_ns; /* of the last chunk written: what was written later never leaves earlier */
    int64_t last_left_ns;
    bool ended;
    int64_t end_due_ns;
};

struct ld_link *ld_link_new(uint64_t seed, uint64_t connection, enum ld_stream stream)
{
    assert(stream != LD_STREAM_BOTH); /* a link is one direction */
    struct ld_link *link = calloc(1, sizeof *link);
    if (!link)
        return NULL;
    link->seed = seed;
    link->connection = connection;
    link->stream = stream;
    link->held_max = LD_LINK_BYTES_MAX;
    link->tail = &link->head;
    link->last_due_ns = INT64_MIN;
    link->last_left_ns = INT64_MIN;
    return link;
}

void ld_link_free(struct ld_link *link)
{
    if (!link)
        return;
    while (link->head) {
        struct chunk *chunk = link->head;
        link->head = chunk->next;
        free(chunk);
    }
    free(link);
}

/* ---- the toxics */

static const struct ld_toxic_kind *kind_of(const struct ld_toxic *toxic)
{
    return ld_fault_table[toxic->fault->type].toxic;
}

static struct ld_toxic *toxic_find(struct ld_link *link, const char *fault_id)
{
    for (size_t i = 0; i < link->toxic_count; i++)
        if (strcmp(link->toxics[i].fault->id, fault_id) == 0)
            return &link->toxics[i];
    return NULL;
}

static bool reaches(const struct ld_link *link, const struct ld_fault_spec *fault)
{
    return ld_fault_on_stream(fault, link->stream) &&
           ld_toxic_touches(link->seed, fault->id, link->connection, ld_fault_toxicity(fault));
}

/* Where the rate is limited, more than it and the delays need would only hide the limit from the sender. */
static void settle_held_max(struct ld_link *link)
{
    uint64_t rate = UINT64_MAX;
    int64_t delay_ns = 0;
    for (size_t i = 0; i < link->toxic_count; i++) {
        const struct ld_toxic_kind *kind = kind_of(&link->toxics[i]);
        uint64_t limit = kind->rate ? kind->rate(&link->toxics[i]) : UINT64_MAX;
        rate = limit < rate ? limit : rate;
        delay_ns += kind->most_delay_ns ? kind->most_delay_ns(&link->toxics[i]) : 0;
    }
    unsigned __int128 needed = (unsigned __int128)rate * (uint64_t)delay_ns / LD_SECOND + LD_LINK_THROTTLED_BYTES;
    bool throttled = rate != UINT64_MAX && needed < LD_LINK_BYTES_MAX;
    link->held_max = throttled ? (size_t)needed : LD_LINK_BYTES_MAX;
}

int ld_link_add(struct ld_link *link, const struct ld_fault_spec *fault, int64_t now_ns)
{
    if (!ld_fault_table[fault->type].toxic)
        return LD_ENOTYET;
    if (!reaches(link, fault))
        return 0;
    assert(!toxic_find(link, fault->id));
    if (link->toxic_count == LD_LINK_TOXICS_MAX)
        return LD_ELIMIT;
    link->toxics[link->toxic_count++] = (struct ld_toxic){.fault = fault,
                                                          .began_ns = now_ns,
                                                          .seed = link->seed,
                                                          .connection = link->connection,
                                                          .stream = link->stream};
    settle_held_max(link);
    return 0;
}

void ld_link_remove(struct ld_link *link, const char *fault_id)
{
    struct ld_toxic *toxic = toxic_find(link, fault_id);
    if (!toxic)
        return;
    size_t index = (size_t)(toxic - link->toxics);
    link->toxic_count--;
    memmove(toxic, toxic + 1, (link->toxic_count - index) * sizeof *toxic);
    settle_held_max(link);
}

int ld_link_change(struct ld_link *link, const struct ld_fault_spec *fault, int64_t now_ns)
{
    struct ld_toxic *toxic = toxic_find(link, fault->id);
    if (!toxic)
        return ld_link_add(link, fault, now_ns);
    assert(toxic->fault->type == fault->type);
    if (!reaches(link, fault)) {
        ld_link_remove(link, fault->id);
        return 0;
    }
    toxic->fault = fault;
    settle_held_max(link);
    return 0;
}

/* ---- in */

/* When bytes or the end that arrive now have had every toxic's delay. */
static int64_t delayed(struct ld_link *link, int64_t now_ns)
{
    uint64_t position = link->left + link->held;
    int64_t due_ns = now_ns;
    for (size_t i = 0; i < link->toxic_count; i++) {
        const struct ld_toxic *toxic = &link->toxics[i];
        if (kind_of(toxic)->delay_ns)
            due_ns += kind_of(toxic)->delay_ns(toxic, position);
    }
    if (due_ns < link->last_due_ns)
        due_ns = link->last_due_ns;
    link->last_due_ns = due_ns;
    return due_ns;
}

int ld_link_write(struct ld_link *link, const void *bytes, size_t length, int64_t now_ns)
{
    assert(!link->ended);
    if (length == 0)
        return 0;
    if (length > LD_LINK_BYTES_MAX - link->held || link->chunk_count == LD_LINK_CHUNKS_MAX)
        return LD_ELIMIT;
    struct chunk *chunk = malloc(sizeof *chunk + length);
    if (!chunk)
        return LD_ENOMEM;
    *chunk = (struct chunk){.length = length, .due_ns = delayed(link, now_ns)};
    memcpy(chunk->bytes, bytes, length);
    *link->tail = chunk;
    link->tail = &chunk->next;
    link->held += length;
    link->chunk_count++;
    return 0;
}

void ld_link_passed(struct ld_link *link, size_t length)
{
    assert(!link->head || length == 0);
    link->left += length;
}

void ld_link_end(struct ld_link *link, int64_t now_ns)
{
    if (link->ended)
        return;
    link->ended = true;
    link->end_due_ns = delayed(link, now_ns);
}

size_t ld_link_room(const struct ld_link *link)
{
    for (size_t i = 0; i < link->toxic_count; i++)
        if (kind_of(&link->toxics[i])->stops_reading)
            return 0;
    bool full = link->chunk_count == LD_LINK_CHUNKS_MAX || link->held >= link->held_max;
    return full ? 0 : link->held_max - link->held;
}

size_t ld_link_held(const struct ld_link *link)
{
    return link->held;
}

bool ld_link_empty(const struct ld_link *link)
{
    return !link->head;
}

/* ---- out */

static bool is_held(const struct ld_link *link)
{
    for (size_t i = 0; i < link->toxic_count; i++)
        if (kind_of(&link->toxics[i])->holds)
            return true;
    return false;
}

static struct ld_exit exit_of(const struct ld_link *link, int64_t now_ns)
{
    return (struct ld_exit){.now_ns = now_ns,
                            .since_ns = link->head->due_ns,
                            .position = link->left,
                            .available = link->head->length - link->head->offset};
}

size_t ld_link_peek(struct ld_link *link, int64_t now_ns, const void **ret_bytes)
{
    if (!link->head || link->head->due_ns > now_ns || is_held(link))
        return 0;
    struct ld_exit exit = exit_of(link, now_ns);
    for (size_t i = 0; i < link->toxic_count && exit.available > 0; i++)
        if (kind_of(&link->toxics[i])->allow)
            exit.available = kind_of(&link->toxics[i])->allow(&link->toxics[i], &exit);
    if (exit.available > 0)
        *ret_bytes = link->head->bytes + link->head->offset;
    return exit.available;
}

void ld_link_consume(struct ld_link *link, size_t length, int64_t now_ns)
{
    while (length > 0) {
        struct chunk *chunk = link->head;
        assert(chunk); /* more consumed than peeked */
        struct ld_exit exit = exit_of(link, now_ns);
        size_t taken = length < exit.available ? length : exit.available;
        for (size_t i = 0; i < link->toxic_count; i++)
            if (kind_of(&link->toxics[i])->took)
                kind_of(&link->toxics[i])->took(&link->toxics[i], &exit, taken);
        chunk->offset += taken;
        link->left += taken;
        link->held -= taken;
        link->last_left_ns = now_ns;
        length -= taken;
        if (chunk->offset < chunk->length)
            return;
        link->head = chunk->next;
        if (!link->head)
            link->tail = &link->head;
        link->chunk_count--;
        free(chunk);
    }
}

int64_t ld_link_end_due(const struct ld_link *link)
{
    if (!link->ended || is_held(link))
        return INT64_MAX;
    int64_t due_ns = link->end_due_ns > link->last_left_ns ? link->end_due_ns : link->last_left_ns;
    for (size_t i = 0; i < link->toxic_count; i++)
        if (kind_of(&link->toxics[i])->end_delay_ns)
            due_ns += kind_of(&link->toxics[i])->end_delay_ns(&link->toxics[i]);
    return due_ns;
}

bool ld_link_finished(const struct ld_link *link, int64_t now_ns)
{
    return link->ended && !link->head && now_ns >= ld_link_end_due(link);
}

int64_t ld_link_due(const struct ld_link *link)
{
    if (!link->head)
        return ld_link_end_due(link);
    if (is_held(link))
        return INT64_MAX;
    int64_t due_ns = link->head->due_ns;
    struct ld_exit exit = exit_of(link, due_ns);
    for (size_t i = 0; i < link->toxic_count; i++) {
        const struct ld_toxic_kind *kind = kind_of(&link->toxics[i]);
        int64_t ready_ns = kind->ready_ns ? kind->ready_ns(&link->toxics[i], &exit) : due_ns;
        due_ns = ready_ns > due_ns ? ready_ns : due_ns;
    }
    return due_ns;
}

bool ld_link_passes_bytes(const struct ld_link *link)
{
    for (size_t i = 0; i < link->toxic_count; i++)
        if (kind_of(&link->toxics[i])->looks_at_bytes)
            return false;
    return !link->head && !link->ended;
}

/* ---- the fate */

/* The first that comes; a reset before a close of the same instant. */
static enum ld_fate first_fate(const struct ld_link *link, int64_t *ret_due_ns)
{
    enum ld_fate fate = LD_FATE_NONE;
    *ret_due_ns = INT64_MAX;
    for (size_t i = 0; i < link->toxic_count; i++) {
        const struct ld_toxic_kind *kind = kind_of(&link->toxics[i]);
        int64_t due_ns = kind->fate_ns ? kind->fate_ns(&link->toxics[i]) : INT64_MAX;
        if (due_ns == INT64_MAX || due_ns > *ret_due_ns || (due_ns == *ret_due_ns && kind->fate < fate))
            continue;
        fate = kind->fate;
        *ret_due_ns = due_ns;
    }
    return fate;
}

enum ld_fate ld_link_fate(const struct ld_link *link, int64_t now_ns)
{
    int64_t due_ns;
    enum ld_fate fate = first_fate(link, &due_ns);
    return now_ns >= due_ns ? fate : LD_FATE_NONE;
}

int64_t ld_link_fate_due(const struct ld_link *link)
{
    int64_t due_ns;
    first_fate(link, &due_ns);
    return due_ns;
}
