/* The fault `slow_close`: an end waits for a time. Effective: the ends that were passed on waited as long as asked. */
#include "base/clock.h"
#include "fault/schemas.h"
#include "fault/toxic_kind.h"

#define AT(member) offsetof(union ld_fault_attributes, slow_close.member)

static const struct ld_field fields[] = {
    {.name = "delay", .type = LD_FIELD_DURATION, .offset = AT(delay_ns), .flags = LD_FIELD_REQUIRED, .minimum = LD_MS,
     .maximum = LD_HOUR,
     .doc = "Time from the last byte, or from the end when that came later, to the end's leaving (Toxiproxy: "
            "milliseconds)."},
    LD_TOXICITY_FIELD,
    LD_STREAM_FIELD,
    {0},
};

const struct ld_schema ld_fault_slow_close_schema = {
    .name = "slow_close",
    .doc = "Delay the end of a direction, be it a half-close (FIN) or a reset. Bytes are not delayed, and the other "
           "direction stays as it is.",
    .fields = fields,
};

static int64_t end_delay_ns(const struct ld_toxic *toxic)
{
    return toxic->fault->attributes.slow_close.delay_ns;
}

static int64_t needs_ns(const struct ld_fault_spec *fault)
{
    return fault->attributes.slow_close.delay_ns;
}

static void measure_end(struct ld_effect *effect, const struct ld_fault_spec *fault, const struct ld_end *end)
{
    if (!end->by_fault)
        ld_effect_value(effect, end->passed_ns - end->from_ns, fault->attributes.slow_close.delay_ns, end->shared);
}

static void judge(const struct ld_measures *measures, const struct ld_fault_spec *fault, struct ld_receipt *receipt)
{
    int64_t delay_ns = fault->attributes.slow_close.delay_ns;
    receipt->effective = ld_effect_on_time(measures, delay_ns, LD_EFFECT_END_SLACK_NS);
    ld_effect_describe_time(measures, delay_ns, "no connection ended", receipt);
}

const struct ld_toxic_kind ld_toxic_slow_close = {
    .end_delay_ns = end_delay_ns,
    .needs_ns = needs_ns,
    .measure_end = measure_end,
    .judge = judge,
};
