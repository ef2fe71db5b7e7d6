/* The fault `latency`: every chunk waits for a time. Effective: what left waited as long as asked, none less. */
#include "base/clock.h"
#include "base/random.h"
#include "fault/schemas.h"
#include "fault/toxic_kind.h"

#define AT(member) offsetof(union ld_fault_attributes, latency.member)

static const struct ld_field fields[] = {
    {.name = "latency", .type = LD_FIELD_DURATION, .offset = AT(latency_ns), .flags = LD_FIELD_REQUIRED,
     .maximum = 10 * LD_MINUTE, .doc = "Time by which every chunk is delayed (Toxiproxy: milliseconds)."},
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
    const struct ld_fault_latency *latency = &fault->attributes.latency;
    ld_effect_value(effect, piece->sent_ns - piece->received_ns, latency->latency_ns - latency->jitter_ns,
                    piece->shared);
}

#define DRAWS_FOR_HALF 16  /* of so many, one is above the middle but for one case in 65 536 */
#define DRAWS_FOR_TAIL 100 /* of so many, p99 is in the upper tenth but for three cases in 10 000 */

/* With a jitter larger than the latency, no time at all is a possible draw: then it is told by the larger ones. */
static bool drawn_high_enough(const struct ld_measures *measures, const struct ld_fault_latency *latency)
{
    if (measures->count >= DRAWS_FOR_TAIL)
        return measures->p99 >= latency->latency_ns + latency->jitter_ns / 10 * 8 - LD_EFFECT_SLACK_NS;
    if (measures->count >= DRAWS_FOR_HALF)
        return measures->most >= latency->latency_ns;
    return measures->p50 >= latency->latency_ns - latency->jitter_ns;
}

static void judge(const struct ld_measures *measures, const struct ld_fault_spec *fault, struct ld_receipt *receipt)
{
    const struct ld_fault_latency *latency = &fault->attributes.latency;
    receipt->effective = ld_effect_on_time(measures, latency->latency_ns + latency->jitter_ns, LD_EFFECT_SLACK_NS) &&
                         drawn_high_enough(measures, latency);
    ld_effect_describe_time(measures, latency->latency_ns, "delayed nothing", receipt);
}

const struct ld_toxic_kind ld_toxic_latency = {
    .looks_at_bytes = true,
    .delay_ns = delay_ns,
    .most_delay_ns = most_delay_ns,
    .measure_piece = measure_piece,
    .judge = judge,
};
