/* The fault `latency`: its attributes and its draw. How bytes are held until their time is in link.c. */
#include <assert.h>

#include "base/clock.h"
#include "base/random.h"
#include "fault/schemas.h"
#include "fault/toxic.h"

static const char *const stream_names[] = {"downstream", "upstream", "both", NULL};

const char *ld_stream_name(enum ld_stream stream)
{
    assert(stream >= LD_STREAM_DOWN && stream <= LD_STREAM_BOTH);
    return stream_names[stream];
}

#define AT(member) offsetof(union ld_fault_attributes, latency.member)

static const struct ld_field fields[] = {
    {.name = "latency", .type = LD_FIELD_DURATION, .offset = AT(latency_ns), .flags = LD_FIELD_REQUIRED,
     .maximum = 10 * LD_MINUTE, .doc = "Time by which every chunk is delayed."},
    {.name = "jitter", .type = LD_FIELD_DURATION, .offset = AT(jitter_ns), .maximum = 10 * LD_MINUTE, .initial = "0s",
     .doc = "Each chunk's delay is drawn evenly from latency - jitter to latency + jitter, never below 0."},
    {.name = "toxicity", .type = LD_FIELD_NUMBER, .offset = AT(toxicity), .maximum = 1, .initial = "1",
     .doc = "Share of connections touched, from 0 to 1; decided once per connection from the seed."},
    {.name = "stream", .type = LD_FIELD_CHOICE, .offset = AT(stream), .choices = stream_names, .initial = "downstream",
     .doc = "Direction delayed: downstream is towards the client (the target), upstream towards the upstream."},
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
                            enum ld_stream stream, uint64_t chunk)
{
    const struct ld_fault_latency *latency = &fault->attributes.latency;
    if (latency->jitter_ns == 0)
        return latency->latency_ns;
    /* a value per connection, then per direction, then per chunk: each depends on nothing but what it is about */
    uint64_t of_connection = ld_derive(seed, fault->id, connection);
    struct ld_random random;
    ld_random_init(&random, ld_derive(of_connection, ld_stream_name(stream), chunk));
    int64_t offset = (int64_t)ld_random_below(&random, 2 * (uint64_t)latency->jitter_ns + 1);
    int64_t delay = latency->latency_ns - latency->jitter_ns + offset;
    return delay > 0 ? delay : 0;
}
