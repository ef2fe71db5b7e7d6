/* The fault `latency`: every chunk waits for a time. Effective: each chunk waited as long as was drawn for it, none
 * less, and most not much longer. */
#include "base/clock.h"
#include "base/random.h"
#include "fault/schemas.h"
#include "fault/toxic_kind.h"

#define AT(member) offsetof(union ld_fault_attributes, latency.member)

static const struct ld_field fields[] = {
    {.name = "latency", .type = LD_FIELD_DURATION, .offset = AT(latency_ns), .flags = LD_FIELD_REQUIRED,
     .maximum = 10 * LD_MINUTE,
     .doc = "Time by which every chunk is delayed (Toxiproxy: milliseconds). Less than 100us cannot be told from the "
            "machine's own delays: then the fault counts as not effective."},
    {.name = "jitter", .type = LD_FIELD_DURATION, .offset = AT(jitter_ns), .maximum = 10 * LD_MINUTE, .initial = "0s",
     .doc = "Each chunk's delay is drawn evenly from latency - jitter to latency + jitter, never below 0 (Toxiproxy: "
            "milliseconds)."},
    LD_TOXICITY_FIELD,
    LD_STREAM_FIELD,
    {0},
};

static int check(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    const struct ld_fault_latency *latency = &((union ld_fault_attributes *)value)->latency;
    if (latency->latency_ns == 0 && latency->jitter_ns == 0)
        return ld_schema_error(context, node, LD_ESPEC, "latency and jitter are both 0: nothing would be delayed");
    return 0;
}

const struct ld_schema ld_fault_latency_schema = {
    .name = "latency",
    .doc = "Delay every chunk between target and upstream by latency ± jitter. Order is kept, throughput is not "
           "limited, and a half-close is delayed like data.",
    .fields = fields,
    .check = check,
};

int64_t ld_toxic_latency_ns(uint64_t seed, const struct ld_fault_spec *fault, uint64_t connection,
                            enum ld_stream stream, uint64_t position)
{
    const struct ld_fault_latency *latency = &fault->attributes.latency;
    if (latency->jitter_ns == 0)
        return latency->latency_ns;
    /* a value per connection, then per direction, then per place: each depends on nothing but what it is about */
    uint64_t of_connection = ld_derive(seed, fault->id, connection);
    struct ld_random random;
    ld_random_init(&random, ld_derive(of_connection, ld_stream_name(stream), position));
    int64_t offset = (int64_t)ld_random_below(&random, 2 * (uint64_t)latency->jitter_ns + 1);
    int64_t delay = latency->latency_ns - latency->jitter_ns + offset;
    return delay > 0 ? delay : 0;
}

static int64_t delay_ns(const struct ld_toxic *toxic, uint64_t position)
{
    return ld_toxic_latency_ns(toxic->seed, toxic->fault, toxic->connection, toxic->stream, position);
}

static int64_t most_delay_ns(const struct ld_toxic *toxic)
{
    const struct ld_fault_latency *latency = &toxic->fault->attributes.latency;
    return latency->latency_ns + latency->jitter_ns;
}

static void measure_piece(struct ld_effect *effect, const struct ld_fault_spec *fault, const struct ld_piece *piece)
{
    (void)fault;
    int64_t drawn_ns = ld_effect_delay_ns(effect, piece->connection, piece->stream, piece->position);
    ld_effect_wait(effect, &(struct ld_wait){.took_ns = piece->sent_ns - piece->received_ns,
                                             .due_ns = piece->due_ns - piece->received_ns,
                                             .drawn_ns = drawn_ns,
                                             .slack_ns = LD_EFFECT_SLACK_NS,
                                             .shared = piece->shared});
}

static void judge(const struct ld_measures *measures, const struct ld_fault_spec *fault, struct ld_receipt *receipt)
{
    receipt->effective = ld_effect_as_drawn(measures);
    ld_effect_describe_time(measures, fault->attributes.latency.latency_ns, "delayed nothing", receipt);
    if (measures->count > 0 && measures->felt_ns < LD_EFFECT_FELT_SUM_NS)
        ld_effect_append(receipt, ", too short to tell from the machine's own");
}

const struct ld_toxic_kind ld_toxic_latency = {
    .looks_at_bytes = true,
    .delay_ns = delay_ns,
    .most_delay_ns = most_delay_ns,
    .measure_piece = measure_piece,
    .judge = judge,
};
