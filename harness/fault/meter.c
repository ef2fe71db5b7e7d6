#include "fault/meter.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fault/toxic.h"

/* Bytes received in one go. Where entries leave a gap, nothing was attached or memory was short: not measured. */
struct entry {
    uint64_t from, until; /* positions: of the first, behind the last */
    int64_t received_ns, due_ns;
};

struct attached {
    struct ld_effect *effect;
    int64_t since_ns;
    uint64_t from; /* position of the first byte that it can act on from its arrival on */
    uint64_t delivered;
    bool cut;
};

struct ld_meter {
    uint64_t connection;
    enum ld_stream stream;
    int64_t last_due_ns; /* of what was received last: what comes later never leaves earlier */
    uint64_t received, sent; /* positions in the stream */
    int64_t last_sent_ns, end_seen_ns;
    bool end_seen;
    struct entry *entries; /* a ring: of what was received and not sent */
    size_t first, count, capacity;
    struct attached attached[LD_LINK_TOXICS_MAX];
    size_t attached_count;
};

struct ld_meter *ld_meter_new(uint64_t connection, enum ld_stream stream)
{
    struct ld_meter *meter = calloc(1, sizeof *meter);
    if (!meter)
        return NULL;
    meter->connection = connection;
    meter->stream = stream;
    meter->last_sent_ns = INT64_MIN;
    meter->last_due_ns = INT64_MIN;
    return meter;
}

void ld_meter_free(struct ld_meter *meter)
{
    if (!meter)
        return;
    free(meter->entries);
    free(meter);
}

bool ld_meter_idle(const struct ld_meter *meter)
{
    return meter->attached_count == 0;
}

static struct entry *entry_at(struct ld_meter *meter, size_t index)
{
    return &meter->entries[(meter->first + index) % meter->capacity];
}

static bool make_room(struct ld_meter *meter)
{
    if (meter->count < meter->capacity)
        return true;
    size_t capacity = meter->capacity ? 2 * meter->capacity : 16;
    struct entry *entries = malloc(capacity * sizeof *entries);
    if (!entries)
        return false;
    for (size_t i = 0; i < meter->count; i++)
        entries[i] = *entry_at(meter, i);
    free(meter->entries);
    meter->entries = entries;
    meter->first = 0;
    meter->capacity = capacity;
    return true;
}

/* When what arrives now should have had the delay of every fault that acts on it. */
static int64_t delayed(struct ld_meter *meter, int64_t now_ns)
{
    int64_t due_ns = now_ns;
    for (size_t i = 0; i < meter->attached_count; i++)
        due_ns += ld_effect_delay_ns(meter->attached[i].effect, meter->connection, meter->stream, meter->received);
    if (due_ns > meter->last_due_ns)
        meter->last_due_ns = due_ns;
    return meter->last_due_ns;
}

void ld_meter_received(struct ld_meter *meter, size_t length, int64_t now_ns)
{
    if (!ld_meter_idle(meter) && make_room(meter))
        *entry_at(meter, meter->count++) = (struct entry){.from = meter->received,
                                                          .until = meter->received + length,
                                                          .received_ns = now_ns,
                                                          .due_ns = delayed(meter, now_ns)};
    meter->received += length;
}

/* So many bytes of the entry leave in one piece, the first that is still there. */
static void tell_piece(struct ld_meter *meter, const struct entry *entry, size_t length, int64_t turn_ns,
                       int64_t now_ns)
{
    struct ld_piece piece = {.connection = meter->connection,
                             .stream = meter->stream,
                             .position = entry->from,
                             .length = length,
                             .received_ns = entry->received_ns,
                             .due_ns = entry->due_ns,
                             .turn_ns = turn_ns > entry->due_ns ? turn_ns : entry->due_ns,
                             .sent_ns = now_ns,
                             .cut = meter->sent > entry->from,
                             .shared = meter->attached_count > 1};
    for (size_t i = 0; i < meter->attached_count; i++)
        if (entry->from >= meter->attached[i].from)
            ld_effect_piece(meter->attached[i].effect, &piece);
}

void ld_meter_sent(struct ld_meter *meter, size_t length, int64_t now_ns)
{
    uint64_t until = meter->sent + length;
    assert(until <= meter->received);
    for (size_t i = 0; i < meter->attached_count; i++)
        meter->attached[i].delivered += length;
    while (meter->count > 0 && entry_at(meter, 0)->from < until) {
        const struct entry *entry = entry_at(meter, 0);
        uint64_t part = until < entry->until ? until : entry->until;
        if (meter->sent < entry->from)
            meter->sent = entry->from;
        tell_piece(meter, entry, (size_t)(part - meter->sent), meter->last_sent_ns, now_ns);
        meter->sent = part;
        if (part < entry->until)
            break;
        meter->first = (meter->first + 1) % meter->capacity;
        meter->count--;
    }
    meter->sent = until;
    meter->last_sent_ns = now_ns;
}

void ld_meter_end_seen(struct ld_meter *meter, int64_t now_ns)
{
    if (!meter->end_seen)
        meter->end_seen_ns = now_ns;
    meter->end_seen = true;
}

void ld_meter_end_passed(struct ld_meter *meter, enum ld_end_kind kind, bool by_fault, int64_t now_ns)
{
    int64_t from_ns = meter->end_seen && meter->end_seen_ns > meter->last_sent_ns ? meter->end_seen_ns
                                                                                  : meter->last_sent_ns;
    for (size_t i = 0; i < meter->attached_count; i++) {
        struct attached *attached = &meter->attached[i];
        attached->cut = attached->cut || by_fault;
        struct ld_end end = {.kind = kind,
                             .by_fault = by_fault,
                             .from_ns = by_fault ? attached->since_ns : from_ns,
                             .passed_ns = now_ns,
                             .delivered = attached->delivered,
                             .shared = meter->attached_count > 1};
        if (by_fault || end.from_ns >= attached->since_ns)
            ld_effect_end(attached->effect, &end);
    }
}

void ld_meter_attach(struct ld_meter *meter, struct ld_effect *effect, int64_t now_ns)
{
    assert(meter->attached_count < LD_LINK_TOXICS_MAX);
    meter->attached[meter->attached_count++] =
        (struct attached){.effect = effect, .since_ns = now_ns, .from = meter->received};
}

void ld_meter_detach(struct ld_meter *meter, const struct ld_effect *effect, uint64_t waiting,
                     int64_t now_ns)
{
    for (size_t i = 0; i < meter->attached_count; i++) {
        struct attached *attached = &meter->attached[i];
        if (attached->effect != effect)
            continue;
        ld_effect_stream(attached->effect, &(struct ld_stretch){.delivered = attached->delivered,
                                                                .waiting = waiting + meter->received - meter->sent,
                                                                .acted_ns = now_ns - attached->since_ns,
                                                                .cut = attached->cut});
        meter->attached_count--;
        memmove(attached, attached + 1, (meter->attached_count - i) * sizeof *attached);
        return;
    }
}
