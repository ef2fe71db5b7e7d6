#include "fault/meter.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fault/toxic.h"

/* Bytes received in one go. Where entries leave a gap, nothing was attached or memory was short: not measured. */
struct entry {
    uint64_t from, until; /* positions: of the first, behind the last */
    int64_t received_ns;
};

struct attached {
    struct ld_effect *effect;
    int64_t since_ns;
    uint64_t delivered;
};

struct ld_meter {
    uint64_t received, sent; /* positions in the stream */
    int64_t last_sent_ns, end_seen_ns;
    bool end_seen;
    struct entry *entries; /* a ring: of what was received and not sent */
    size_t first, count, capacity;
    struct attached attached[LD_LINK_TOXICS_MAX];
    size_t attached_count;
};

struct ld_meter *ld_meter_new(void)
{
    struct ld_meter *meter = calloc(1, sizeof *meter);
    if (meter)
        meter->last_sent_ns = INT64_MIN;
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

void ld_meter_received(struct ld_meter *meter, size_t length, int64_t now_ns)
{
    if (!ld_meter_idle(meter) && make_room(meter))
        *entry_at(meter, meter->count++) =
            (struct entry){.from = meter->received, .until = meter->received + length, .received_ns = now_ns};
    meter->received += length;
}

/* So many bytes of the entry leave in one piece, the first that is still there. */
static void tell_piece(struct ld_meter *meter, const struct entry *entry, size_t length, int64_t turn_ns,
                       int64_t now_ns)
{
    struct ld_piece piece = {.length = length,
                             .received_ns = entry->received_ns,
                             .turn_ns = turn_ns > entry->received_ns ? turn_ns : entry->received_ns,
                             .sent_ns = now_ns,
                             .cut = meter->sent > entry->from,
                             .shared = meter->attached_count > 1};
    for (size_t i = 0; i < meter->attached_count; i++)
        if (entry->received_ns >= meter->attached[i].since_ns)
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
        const struct attached *attached = &meter->attached[i];
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
    meter->attached[meter->attached_count++] = (struct attached){.effect = effect, .since_ns = now_ns};
}

void ld_meter_detach(struct ld_meter *meter, const struct ld_effect *effect, uint64_t waiting)
{
    for (size_t i = 0; i < meter->attached_count; i++) {
        struct attached *attached = &meter->attached[i];
        if (attached->effect != effect)
            continue;
        ld_effect_stream(attached->effect, attached->delivered, waiting + meter->received - meter->sent);
        meter->attached_count--;
        memmove(attached, attached + 1, (meter->attached_count - i) * sizeof *attached);
        return;
    }
}
