/* The fault `connect_delay`: the upstream is connected to later. Effective: each connect waited as long as was drawn
 * for it. */
#include "base/clock.h"
#include "base/random.h"
#include "fault/schemas.h"
#include "fault/toxic_kind.h"

#define AT(member) offsetof(union ld_fault_attributes, connect_delay.member)

static const struct ld_field fields[] = {
    {.name = "delay", .type = LD_FIELD_DURATION, .offset = AT(delay_ns), .flags = LD_FIELD_REQUIRED, .minimum = LD_MS,
     .maximum = 10 * LD_MINUTE, .doc = "Time from the accepted connection to the connect to its upstream."},
    {.name = "jitter", .type = LD_FIELD_DURATION, .offset = AT(jitter_ns), .maximum = 10 * LD_MINUTE, .initial = "0s",
     .doc = "Each connection's delay is drawn evenly from delay - jitter to delay + jitter; at most the delay."},
    LD_TOXICITY_FIELD,
    {0},
};

static int check(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    const struct ld_fault_connect_delay *asked = &((union ld_fault_attributes *)value)->connect_delay;
    if (asked->jitter_ns > asked->delay_ns)
        return ld_schema_error(context, ld_node_get(node, "jitter"), LD_ESPEC, "jitter must be at most delay");
    return ld_fault_check_whole(context, node, value);
}

const struct ld_schema ld_fault_connect_delay_schema = {
    .name = "connect_delay",
    .doc = "Accept a new connection at once and connect to its upstream later; what the client sends meanwhile waits. "
           "It has no stream, and open connections are left alone. (Toxiproxy has no such toxic.)",
    .fields = fields,
    .check = check,
};

static int64_t drawn_ns(uint64_t seed, const struct ld_fault_spec *fault, uint64_t connection)
{
    const struct ld_fault_connect_delay *asked = &fault->attributes.connect_delay;
    struct ld_random random;
    ld_random_init(&random, ld_derive(ld_derive(seed, fault->id, connection), "connect", 0));
    int64_t offset = (int64_t)ld_random_below(&random, 2 * (uint64_t)asked->jitter_ns + 1);
    return asked->delay_ns - asked->jitter_ns + offset;
}

int64_t ld_toxic_connect_delay_ns(uint64_t seed, const struct ld_fault_spec *fault, uint64_t connection)
{
    if (fault->type != LD_FAULT_CONNECT_DELAY ||
        !ld_toxic_touches(seed, fault->id, connection, ld_fault_toxicity(fault)))
        return 0;
    return drawn_ns(seed, fault, connection);
}

/* Several add up; what the others draw is not known here. */
static void measure_connect(struct ld_effect *effect, const struct ld_fault_spec *fault,
                            const struct ld_connect *connect)
{
    int64_t own_ns = drawn_ns(ld_effect_seed(effect), fault, connect->connection);
    ld_effect_wait(effect, &(struct ld_wait){.took_ns = connect->started_ns - connect->accepted_ns,
                                             .due_ns = own_ns,
                                             .drawn_ns = own_ns,
                                             .slack_ns = LD_EFFECT_END_SLACK_NS,
                                             .shared = connect->shared});
}

static void judge(const struct ld_measures *measures, const struct ld_fault_spec *fault, struct ld_receipt *receipt)
{
    const struct ld_fault_connect_delay *asked = &fault->attributes.connect_delay;
    receipt->effective = ld_effect_as_drawn(measures);
    ld_effect_describe_time(measures, asked->delay_ns, "no connection was made", receipt);
}

const struct ld_toxic_kind ld_toxic_connect_delay = {
    .measure_connect = measure_connect,
    .judge = judge,
};
