/* The fault `slicer`: the stream is cut into pieces, with a pause between them. Effective: something was cut, the
 * pieces were not larger than asked, and those that waited for one another were not faster than the pauses allow. */
#include <stdio.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"
#include "fault/schemas.h"
#include "fault/toxic_kind.h"

#define SIZE_MAX_BYTES (1 << 20)

#define AT(member) offsetof(union ld_fault_attributes, slicer.member)

static const struct ld_field fields[] = {
    {.name = "average_size", .type = LD_FIELD_SIZE, .offset = AT(average_size), .flags = LD_FIELD_REQUIRED,
     .minimum = 1, .maximum = SIZE_MAX_BYTES, .doc = "Size of a piece, on average (Toxiproxy: bytes)."},
    {.name = "size_variation", .type = LD_FIELD_SIZE, .offset = AT(size_variation), .maximum = SIZE_MAX_BYTES,
     .initial = "0B",
     .doc = "A piece is this much smaller or larger than average at most; smaller than average_size (Toxiproxy: "
            "bytes)."},
    {.name = "delay", .type = LD_FIELD_DURATION, .offset = AT(delay_ns), .maximum = LD_MINUTE, .initial = "0s",
     .doc = "Pause after each piece (Toxiproxy: microseconds)."},
    LD_TOXICITY_FIELD,
    LD_STREAM_FIELD,
    {0},
};

static int check(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    const struct ld_fault_slicer *slicer = &((union ld_fault_attributes *)value)->slicer;
    if (slicer->size_variation < slicer->average_size)
        return 0;
    return ld_schema_error(context, ld_node_get(node, "size_variation"), LD_ESPEC,
                           "size_variation must be smaller than average_size, or pieces would be empty");
}

const struct ld_schema ld_fault_slicer_schema = {
    .name = "slicer",
    .doc = "Cut what passes into small pieces, each sent for itself, with a pause after each. Where a stream is cut is "
           "drawn from the seed for its bytes' positions; a piece never waits for bytes that are not there yet.",
    .fields = fields,
    .check = check,
};

/* Cut number `index` lies around index * average, by at most half of the variation: so pieces vary by at most the whole
 * of it, and any cut can be drawn without those before it. */
static uint64_t cut_at(const struct ld_toxic *toxic, uint64_t index)
{
    const struct ld_fault_slicer *slicer = &toxic->fault->attributes.slicer;
    uint64_t half = slicer->size_variation / 2;
    if (index == 0 || half == 0)
        return index * slicer->average_size;
    struct ld_random random;
    uint64_t of_connection = ld_derive(toxic->seed, toxic->fault->id, toxic->connection);
    ld_random_init(&random, ld_derive(of_connection, ld_stream_name(toxic->stream), index));
    return index * slicer->average_size - half + ld_random_below(&random, 2 * half + 1);
}

/* The first cut behind `position`. */
static uint64_t next_cut(const struct ld_toxic *toxic, uint64_t position)
{
    uint64_t index = position / toxic->fault->attributes.slicer.average_size;
    while (cut_at(toxic, index) <= position)
        index++;
    return cut_at(toxic, index);
}

static size_t allow(struct ld_toxic *toxic, const struct ld_exit *exit)
{
    if (exit->now_ns < toxic->state.slicer.pause_until_ns)
        return 0;
    if (toxic->state.slicer.cut <= exit->position)
        toxic->state.slicer.cut = next_cut(toxic, exit->position);
    uint64_t rest = toxic->state.slicer.cut - exit->position;
    return rest < exit->available ? (size_t)rest : exit->available;
}

static int64_t ready_ns(const struct ld_toxic *toxic, const struct ld_exit *exit)
{
    (void)exit;
    return toxic->state.slicer.pause_until_ns;
}

static void took(struct ld_toxic *toxic, const struct ld_exit *exit, size_t length)
{
    if (exit->position + length >= toxic->state.slicer.cut)
        toxic->state.slicer.pause_until_ns = exit->now_ns + toxic->fault->attributes.slicer.delay_ns;
}

static uint64_t rate_of(const struct ld_toxic *toxic)
{
    const struct ld_fault_slicer *slicer = &toxic->fault->attributes.slicer;
    if (slicer->delay_ns == 0)
        return UINT64_MAX;
    return 1 + (uint64_t)((unsigned __int128)slicer->average_size * LD_SECOND / (uint64_t)slicer->delay_ns);
}

static void measure_piece(struct ld_effect *effect, const struct ld_fault_spec *fault, const struct ld_piece *piece)
{
    (void)fault;
    ld_effect_value(effect, (int64_t)piece->length, 0, piece->shared);
}

static void judge(const struct ld_measures *measures, const struct ld_fault_spec *fault, struct ld_receipt *receipt)
{
    char asked[40], median[40], most[40], pause[40];
    const struct ld_fault_slicer *slicer = &fault->attributes.slicer;
    uint64_t most_asked = slicer->average_size + slicer->size_variation;
    uint64_t mean_pause_ns = measures->cuts ? (uint64_t)measures->turn_ns / measures->cuts : 0;
    receipt->count = measures->pieces;
    receipt->unit = "B";
    receipt->asked = slicer->average_size;
    receipt->delivered = (uint64_t)measures->p50;
    ld_format_size(slicer->average_size, asked, sizeof asked);
    if (measures->cuts == 0) {
        snprintf(receipt->text, sizeof receipt->text, "asked pieces of %s, cut nothing", asked);
        ld_effect_describe_reach(measures, receipt);
        return;
    }
    /* pauses stand between full pieces: so many bytes in so many unbroken runs need at least so many of them */
    uint64_t full = measures->bytes / most_asked, ends = 2 * measures->turns;
    uint64_t pauses = full > ends ? full - ends : 0;
    /* The kernel joins pieces while it waits for the receiver's acknowledgement, above all on a new connection. A few
     * of them are no lack of effect: the mean tells, with a quarter to spare. */
    bool small = (uint64_t)measures->p50 <= most_asked &&
                 measures->bytes <= measures->pieces * (slicer->average_size + slicer->average_size / 4 + 1);
    /* a cut or two may be the kernel's own; where messages end at a cut there is none to be seen */
    bool cut_often = 4 * measures->cuts >= measures->bytes / slicer->average_size;
    receipt->effective = small && cut_often &&
                         (uint64_t)measures->turn_ns >= pauses * (uint64_t)slicer->delay_ns;
    snprintf(receipt->text, sizeof receipt->text,
             "asked pieces of %s, delivered %llu, p50 %s, the largest %s, %s from one to the next", asked,
             (unsigned long long)measures->pieces, ld_format_size_short((uint64_t)measures->p50, median, sizeof median),
             ld_format_size_short((uint64_t)measures->most, most, sizeof most),
             ld_format_duration_short((int64_t)mean_pause_ns, pause, sizeof pause));
}

const struct ld_toxic_kind ld_toxic_slicer = {
    .looks_at_bytes = true,
    .allow = allow,
    .ready_ns = ready_ns,
    .took = took,
    .rate = rate_of,
    .measure_piece = measure_piece,
    .judge = judge,
};
