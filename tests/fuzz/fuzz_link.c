/* A link under any sequence of writes, looks, ends, toxics that come, change and go, and steps of time. Whatever the
 * sequence: bytes leave in their order and none is lost, an end comes last, what the link says of itself fits, what it
 * calls due is there, and when all toxics are gone everything leaves. A meter hears of it all. */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "fault/meter.h"
#include "fault/toxic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SPECS 6
#define DUES_MAX 200 /* looks at what is due, for one step */

struct play {
    const uint8_t *data;
    size_t size;
    struct ld_link *link;
    struct ld_meter *meter;
    int64_t now_ns;
    uint64_t written, left;
    bool ended;
    struct ld_fault_spec specs[2][SPECS]; /* two of each id: a change goes from one to the other */
    struct ld_effect *effects[SPECS];
    int active[SPECS]; /* which of the two; -1: none */
};

static uint8_t next(struct play *play)
{
    if (play->size == 0)
        return 0;
    play->size--;
    return *play->data++;
}

static uint64_t number(struct play *play, unsigned bytes)
{
    uint64_t value = 0;
    while (bytes--)
        value = value << 8 | next(play);
    return value;
}

static uint8_t pattern(uint64_t position)
{
    return (uint8_t)(position * 7 + position / 256);
}

/* Attributes as their schema would let them through. */
static void draw_attributes(struct play *play, struct ld_fault_spec *spec)
{
    union ld_fault_attributes *a = &spec->attributes;
    memset(a, 0, sizeof *a);
    a->reach = (struct ld_fault_reach){next(play) % 4 ? 1 : 0.5, next(play) % 3};
    switch (spec->type) {
    case LD_FAULT_LATENCY:
        a->latency.latency_ns = (int64_t)number(play, 4);
        a->latency.jitter_ns = (int64_t)number(play, 4);
        break;
    case LD_FAULT_BANDWIDTH:
        a->bandwidth.rate = 1 + number(play, 4);
        break;
    case LD_FAULT_SLOW_CLOSE:
        a->slow_close.delay_ns = LD_MS + (int64_t)number(play, 4);
        break;
    case LD_FAULT_TIMEOUT:
    case LD_FAULT_RESET_PEER:
        a->timeout.timeout_ns = (int64_t)number(play, 4);
        break;
    case LD_FAULT_SLICER:
        a->slicer.average_size = 1 + number(play, 2);
        a->slicer.size_variation = number(play, 2) % a->slicer.average_size;
        a->slicer.delay_ns = (int64_t)number(play, 3);
        break;
    case LD_FAULT_LIMIT_DATA:
        a->limit_data.bytes = number(play, 3);
        break;
    default:
        break;
    }
}

static void play_init(struct play *play, const uint8_t *data, size_t size)
{
    static const char *const ids[SPECS] = {"a", "b", "c", "d", "e", "f"};
    static const enum ld_fault_type types[] = {LD_FAULT_LATENCY,    LD_FAULT_BANDWIDTH,  LD_FAULT_SLOW_CLOSE,
                                               LD_FAULT_TIMEOUT,    LD_FAULT_RESET_PEER, LD_FAULT_SLICER,
                                               LD_FAULT_LIMIT_DATA, LD_FAULT_STALL,      LD_FAULT_DOWN};
    *play = (struct play){.data = data, .size = size};
    uint64_t seed = next(play), connection = next(play);
    enum ld_stream stream = next(play) % 2 ? LD_STREAM_UP : LD_STREAM_DOWN;
    play->link = ld_link_new(seed, connection, stream);
    play->meter = ld_meter_new(connection, stream);
    assert(play->link && play->meter);
    for (size_t i = 0; i < SPECS; i++) {
        enum ld_fault_type type = types[next(play) % (sizeof types / sizeof types[0])];
        for (size_t k = 0; k < 2; k++) {
            play->specs[k][i] = (struct ld_fault_spec){.type = type, .id = ids[i]};
            draw_attributes(play, &play->specs[k][i]);
        }
        play->active[i] = -1;
        play->effects[i] = ld_effect_new(seed, &play->specs[0][i]);
        assert(play->effects[i]);
    }
}

static size_t look(struct play *play)
{
    const void *bytes;
    size_t sum = 0, length;
    while ((length = ld_link_peek(play->link, play->now_ns, &bytes)) > 0) {
        size_t taken = 1 + (length - 1) * (next(play) % 4) / 3; /* a socket may take less */
        for (size_t i = 0; i < taken; i++)
            assert(((const uint8_t *)bytes)[i] == pattern(play->left + i));
        ld_link_consume(play->link, taken, play->now_ns);
        ld_meter_sent(play->meter, taken, play->now_ns);
        play->left += taken;
        sum += taken;
    }
    return sum;
}

static void check(const struct play *play)
{
    assert(ld_link_held(play->link) == play->written - play->left);
    assert(ld_link_empty(play->link) == (play->written == play->left));
    assert(ld_link_room(play->link) <= LD_LINK_BYTES_MAX);
    assert(!ld_link_finished(play->link, play->now_ns) || (play->ended && ld_link_empty(play->link)));
    assert(!ld_link_passes_bytes(play->link) || (ld_link_empty(play->link) && !play->ended));
    int64_t fate_ns = ld_link_fate_due(play->link);
    assert((ld_link_fate(play->link, play->now_ns) != LD_FATE_NONE) == (fate_ns <= play->now_ns));
}

/* Go from due to due until the instant: each time there is something. */
static void run(struct play *play, int64_t until_ns)
{
    for (int i = 0; i < DUES_MAX; i++) {
        int64_t due_ns = ld_link_due(play->link);
        if (due_ns > until_ns)
            break;
        if (due_ns > play->now_ns)
            play->now_ns = due_ns;
        size_t moved = look(play);
        assert(moved > 0 || ld_link_finished(play->link, play->now_ns));
        if (moved == 0)
            break;
    }
    if (until_ns > play->now_ns)
        play->now_ns = until_ns;
}

static void write(struct play *play)
{
    uint8_t bytes[4096];
    size_t length = (size_t)number(play, 2) % sizeof bytes;
    if (play->ended || length > ld_link_room(play->link))
        return;
    for (size_t i = 0; i < length; i++)
        bytes[i] = pattern(play->written + i);
    if (ld_link_passes_bytes(play->link) && next(play) % 2) {
        ld_link_passed(play->link, length);
        ld_meter_received(play->meter, length, play->now_ns);
        ld_meter_sent(play->meter, length, play->now_ns);
        play->left += length;
    } else {
        assert(ld_link_write(play->link, bytes, length, play->now_ns) == 0);
        ld_meter_received(play->meter, length, play->now_ns);
    }
    play->written += length;
}

static void switch_toxic(struct play *play)
{
    size_t i = next(play) % SPECS;
    if (play->active[i] < 0) {
        play->active[i] = 0;
        assert(ld_link_add(play->link, &play->specs[0][i], play->now_ns) == 0);
        ld_meter_attach(play->meter, play->effects[i], play->now_ns);
    } else if (next(play) % 2) {
        play->active[i] = 1 - play->active[i];
        assert(ld_link_change(play->link, &play->specs[play->active[i]][i], play->now_ns) == 0);
    } else {
        play->active[i] = -1;
        ld_link_remove(play->link, play->specs[0][i].id);
        ld_meter_detach(play->meter, play->effects[i], next(play), play->now_ns);
    }
}

static void step(struct play *play)
{
    switch (next(play) % 6) {
    case 0:
        write(play);
        break;
    case 1:
        look(play);
        break;
    case 2:
        run(play, play->now_ns + (int64_t)number(play, 4));
        break;
    case 3:
        play->now_ns += (int64_t)number(play, 5); /* the pump slept */
        break;
    case 4:
        switch_toxic(play);
        break;
    default:
        if (next(play) % 8 == 0) {
            ld_link_end(play->link, play->now_ns);
            ld_meter_end_seen(play->meter, play->now_ns);
            play->ended = true;
        }
    }
    check(play);
}

/* Without toxics nothing is held for ever. */
static void finish(struct play *play)
{
    for (size_t i = 0; i < SPECS; i++)
        ld_link_remove(play->link, play->specs[0][i].id);
    ld_link_end(play->link, play->now_ns);
    play->ended = true;
    int64_t due_ns;
    while ((due_ns = ld_link_due(play->link)) > play->now_ns && due_ns < INT64_MAX)
        play->now_ns = due_ns; /* the delays that were given */
    while (!ld_link_empty(play->link)) {
        due_ns = ld_link_due(play->link);
        assert(due_ns < INT64_MAX);
        play->now_ns = due_ns > play->now_ns ? due_ns : play->now_ns;
        assert(look(play) > 0);
    }
    assert(play->left == play->written);
    due_ns = ld_link_end_due(play->link);
    assert(due_ns < INT64_MAX);
    assert(ld_link_finished(play->link, due_ns > play->now_ns ? due_ns : play->now_ns));
    ld_meter_end_passed(play->meter, LD_END_FIN, false, play->now_ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct play play;
    struct ld_receipt receipt;
    play_init(&play, data, size);
    while (play.size > 0)
        step(&play);
    finish(&play);
    for (size_t i = 0; i < SPECS; i++) {
        ld_meter_detach(play.meter, play.effects[i], 0, play.now_ns);
        ld_effect_receipt(play.effects[i], &play.specs[0][i], &receipt);
        assert(receipt.text[0]);
        ld_effect_free(play.effects[i]);
    }
    ld_meter_free(play.meter);
    ld_link_free(play.link);
    return 0;
}
