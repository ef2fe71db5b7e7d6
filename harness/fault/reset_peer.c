/* The fault `reset_peer`: after a time the connection is reset. Effective: resets went out, each in time, and no
 * connection was spared that it acted on for longer. */
#include "base/clock.h"
#include "fault/schemas.h"
#include "fault/toxic_kind.h"

#define AT(member) offsetof(union ld_fault_attributes, timeout.member)

static const struct ld_field fields[] = {
    {.name = "timeout", .type = LD_FIELD_DURATION, .offset = AT(timeout_ns), .maximum = LD_HOUR, .initial = "0s",
     .doc = "Time from the fault's start, or from the connection's when that is later, to the reset; 0s: at once "
            "(Toxiproxy: milliseconds)."},
    LD_TOXICITY_FIELD,
    {0},
};

const struct ld_schema ld_fault_reset_peer_schema = {
    .name = "reset_peer",
    .doc = "Reset the connection (RST, not FIN) at both ends, whether bytes pass or not; until then they do. It has no "
           "stream: a reset ends both directions.",
    .fields = fields,
    .check = ld_fault_check_whole,
};

static int64_t fate_ns(const struct ld_toxic *toxic)
{
    return toxic->began_ns + toxic->fault->attributes.timeout.timeout_ns;
}

static int64_t needs_ns(const struct ld_fault_spec *fault)
{
    return fault->attributes.timeout.timeout_ns;
}

static void measure_end(struct ld_effect *effect, const struct ld_fault_spec *fault, const struct ld_end *end)
{
    int64_t timeout_ns = fault->attributes.timeout.timeout_ns, took_ns = end->passed_ns - end->from_ns;
    if (!end->by_fault || end->kind != LD_END_RESET)
        return;
    if (!end->shared || took_ns >= timeout_ns) /* else another fault reset it */
        ld_effect_value(effect, took_ns, timeout_ns, end->shared);
}

static void judge(const struct ld_measures *measures, const struct ld_fault_spec *fault, struct ld_receipt *receipt)
{
    int64_t timeout_ns = fault->attributes.timeout.timeout_ns;
    bool left_open = ld_effect_overdue(measures, timeout_ns);
    receipt->idle = receipt->idle && !left_open;
    receipt->effective = !left_open && ld_effect_on_time(measures, timeout_ns, LD_EFFECT_END_SLACK_NS);
    ld_effect_describe_time(measures, timeout_ns, "reset nothing", receipt);
    if (left_open)
        ld_effect_append(receipt, "; not all were reset when their time was over");
}

const struct ld_toxic_kind ld_toxic_reset_peer = {
    .fate = LD_FATE_RESET,
    .fate_ns = fate_ns,
    .needs_ns = needs_ns,
    .measure_end = measure_end,
    .judge = judge,
};
