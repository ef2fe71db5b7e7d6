/* A link: chunks in order, each with the instant at which it may leave.
 *
 * A chunk passes the toxics one after the other when it is written: each gives it an instant no earlier than the one
 * it gave to the chunk before. The last instant is stored with the chunk and never changes. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "fault/toxic.h"

struct toxic {
    const struct ld_fault_spec *fault;
    uint32_t serial;         /* never used again on this link: names it in marks after others were removed */
    uint64_t chunks;         /* seen so far */
    int64_t last_due_ns;     /* order is kept within each toxic */
    struct ld_effect *effect; /* NULL: not measured */
};

/* What one measured toxic did to one chunk. */
struct mark {
    uint32_t serial;
    int64_t arrived_ns, due_ns; /* at and from this toxic */
};

struct chunk {
    struct chunk *next;
    int64_t due_ns;
    size_t offset, length; /* bytes that left already; bytes in all */
    size_t mark_count;
    unsigned char *bytes;  /* behind the marks, same allocation */
    struct mark marks[];
};

struct ld_link {
    uint64_t seed, connection;
    enum ld_stream stream;
    struct toxic toxics[LD_LINK_TOXICS_MAX];
    size_t toxic_count;
    uint32_t next_serial;
    struct chunk *head, **tail;
    size_t held, chunk_count;
    int64_t last_due_ns; /* of the last chunk written: what was written later never leaves earlier */
    bool ended;
    int64_t end_due_ns;
};

bool ld_toxic_touches(uint64_t seed, const char *fault_id, uint64_t connection, double toxicity)
{
    return ld_unit(ld_derive(seed, fault_id, connection)) < toxicity;
}

struct ld_link *ld_link_new(uint64_t seed, uint64_t connection, enum ld_stream stream)
{
    assert(stream != LD_STREAM_BOTH); /* a link is one direction */
    struct ld_link *link = calloc(1, sizeof *link);
    if (!link)
        return NULL;
    link->seed = seed;
    link->connection = connection;
    link->stream = stream;
    link->tail = &link->head;
    link->last_due_ns = INT64_MIN;
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

static struct toxic *toxic_find(struct ld_link *link, const char *fault_id)
{
    for (size_t i = 0; i < link->toxic_count; i++)
        if (strcmp(link->toxics[i].fault->id, fault_id) == 0)
            return &link->toxics[i];
    return NULL;
}

int ld_link_add(struct ld_link *link, const struct ld_fault_spec *fault, int64_t now_ns)
{
    if (fault->type != LD_FAULT_LATENCY)
        return LD_ENOTYET;
    const struct ld_fault_latency *latency = &fault->attributes.latency;
    if (latency->stream != (int)link->stream && latency->stream != LD_STREAM_BOTH)
        return 0;
    if (!ld_toxic_touches(link->seed, fault->id, link->connection, latency->toxicity))
        return 0;
    assert(!toxic_find(link, fault->id));
    if (link->toxic_count == LD_LINK_TOXICS_MAX)
        return LD_ELIMIT;
    link->toxics[link->toxic_count++] =
        (struct toxic){.fault = fault, .serial = link->next_serial++, .last_due_ns = now_ns};
    return 0;
}

void ld_link_remove(struct ld_link *link, const char *fault_id, int64_t now_ns)
{
    (void)now_ns; /* a toxic that lets go of what it holds will need it; latency lets it ripen */
    struct toxic *toxic = toxic_find(link, fault_id);
    if (!toxic)
        return;
    size_t index = (size_t)(toxic - link->toxics);
    link->toxic_count--;
    memmove(toxic, toxic + 1, (link->toxic_count - index) * sizeof *toxic);
}

void ld_link_measure(struct ld_link *link, const char *fault_id, struct ld_effect *effect)
{
    struct toxic *toxic = toxic_find(link, fault_id);
    if (toxic)
        toxic->effect = effect;
}

/* Pass a chunk, or the end, through all toxics. Fills `marks` (may be NULL), one a toxic; returns when it may leave. */
static int64_t pass_toxics(struct ld_link *link, int64_t now_ns, struct mark *marks)
{
    int64_t at_ns = now_ns;
    for (size_t i = 0; i < link->toxic_count; i++) {
        struct toxic *toxic = &link->toxics[i];
        int64_t due_ns = at_ns + ld_toxic_latency_ns(link->seed, toxic->fault, link->connection, link->stream,
                                                     toxic->chunks++);
        if (due_ns < toxic->last_due_ns)
            due_ns = toxic->last_due_ns;
        toxic->last_due_ns = due_ns;
        if (marks)
            marks[i] = (struct mark){.serial = toxic->serial, .arrived_ns = at_ns, .due_ns = due_ns};
        at_ns = due_ns;
    }
    if (at_ns < link->last_due_ns)
        at_ns = link->last_due_ns;
    link->last_due_ns = at_ns;
    return at_ns;
}

int ld_link_write(struct ld_link *link, const void *bytes, size_t length, int64_t now_ns)
{
    assert(!link->ended);
    if (length == 0)
        return 0;
    if (length > ld_link_room(link))
        return LD_ELIMIT;
    size_t head_size = sizeof(struct chunk) + link->toxic_count * sizeof(struct mark);
    struct chunk *chunk = malloc(head_size + length);
    if (!chunk)
        return LD_ENOMEM;
    *chunk = (struct chunk){.length = length, .mark_count = link->toxic_count};
    chunk->bytes = (unsigned char *)chunk + head_size;
    memcpy(chunk->bytes, bytes, length);
    chunk->due_ns = pass_toxics(link, now_ns, chunk->marks);
    *link->tail = chunk;
    link->tail = &chunk->next;
    link->held += length;
    link->chunk_count++;
    return 0;
}

void ld_link_end(struct ld_link *link, int64_t now_ns)
{
    if (link->ended)
        return;
    link->ended = true;
    link->end_due_ns = pass_toxics(link, now_ns, NULL);
}

int64_t ld_link_end_due(const struct ld_link *link)
{
    return link->ended ? link->end_due_ns : INT64_MAX;
}

size_t ld_link_room(const struct ld_link *link)
{
    return link->chunk_count < LD_LINK_CHUNKS_MAX ? LD_LINK_BYTES_MAX - link->held : 0;
}

size_t ld_link_held(const struct ld_link *link)
{
    return link->held;
}

bool ld_link_empty(const struct ld_link *link)
{
    return !link->head;
}

size_t ld_link_peek(struct ld_link *link, int64_t now_ns, const void **ret_bytes)
{
    const struct chunk *chunk = link->head;
    if (!chunk || chunk->due_ns > now_ns)
        return 0;
    *ret_bytes = chunk->bytes + chunk->offset;
    return chunk->length - chunk->offset;
}

/* The chunk begins to leave: tell each toxic that still measures. What the exit came late counts for each of them. */
static void report(const struct ld_link *link, const struct chunk *chunk, int64_t now_ns)
{
    int64_t late_ns = now_ns - chunk->due_ns;
    for (size_t m = 0; m < chunk->mark_count; m++) {
        const struct mark *mark = &chunk->marks[m];
        for (size_t i = 0; i < link->toxic_count; i++)
            if (link->toxics[i].serial == mark->serial && link->toxics[i].effect)
                ld_effect_chunk(link->toxics[i].effect, mark->arrived_ns, mark->due_ns, mark->due_ns + late_ns);
    }
}

void ld_link_consume(struct ld_link *link, size_t length, int64_t now_ns)
{
    while (length > 0) {
        struct chunk *chunk = link->head;
        assert(chunk); /* more consumed than peeked */
        if (chunk->offset == 0)
            report(link, chunk, now_ns);
        size_t rest = chunk->length - chunk->offset;
        size_t taken = length < rest ? length : rest;
        chunk->offset += taken;
        link->held -= taken;
        length -= taken;
        if (taken < rest)
            return;
        link->head = chunk->next;
        if (!link->head)
            link->tail = &link->head;
        link->chunk_count--;
        free(chunk);
    }
}

bool ld_link_finished(const struct ld_link *link, int64_t now_ns)
{
    return link->ended && !link->head && now_ns >= link->end_due_ns;
}

int64_t ld_link_due(const struct ld_link *link)
{
    return link->head ? link->head->due_ns : ld_link_end_due(link);
}

bool ld_link_transparent(const struct ld_link *link)
{
    return link->toxic_count == 0 && !link->head && !link->ended;
}
