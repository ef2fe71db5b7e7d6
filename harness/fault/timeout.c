/* The fault `timeout`: nothing passes, and after a time the connection is closed. Effective: not a byte left, some were
 * kept from it or the connection was closed, those that were closed were closed in time, and none that it acted on for
 * longer was left open. */
#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"
#include "fault/schemas.h"
#include "fault/toxic_kind.h"

#define AT(member) offsetof(union ld_fault_attributes, timeout.member)

static const struct ld_field fields[] = {
    {.name = "timeout", .type = LD_FIELD_DURATION, .offset = AT(timeout_ns), .flags = LD_FIELD_REQUIRED,
     .maximum = LD_HOUR,
     .doc = "Time from the fault's start, or from the connection's when that is later, to the close of both ends; 0s: "
            "never (Toxiproxy: milliseconds). No byte postpones it."},
    LD_TOXICITY_FIELD,
    LD_STREAM_FIELD,
    {0},
};

const struct ld_schema ld_fault_timeout_schema = {
    .name = "timeout",
    .doc = "Let nothing through in a direction, and close the connection after a time. What was sent is taken from the "
           "sender and kept; it goes on when the fault ends before the close. (Toxiproxy drops it and then has to cut "
           "the connection.)",
    .fields = fields,
};

static int64_t fate_ns(const struct ld_toxic *toxic)
{
    int64_t timeout_ns = toxic->fault->attributes.timeout.timeout_ns;
    return timeout_ns > 0 ? toxic->began_ns + timeout_ns : INT64_MAX;
}

static void measure_end(struct ld_effect *effect, const struct ld_fault_spec *fault, const struct ld_end *end)
{
    int64_t timeout_ns = fault->attributes.timeout.timeout_ns, took_ns = end->passed_ns - end->from_ns;
    if (!end->by_fault || end->kind != LD_END_FIN || timeout_ns == 0)
        return;
    if (!end->shared || took_ns >= timeout_ns) /* else another fault closed it */
        ld_effect_value(effect, took_ns, timeout_ns, end->shared);
}

static void judge(const struct ld_measures *measures, const struct ld_fault_spec *fault, struct ld_receipt *receipt)
{
    char bytes[40], passed[40], text[80];
    int64_t timeout_ns = fault->attributes.timeout.timeout_ns;
    bool closed_well = measures->count == 0 ? measures->held_streams > 0
                                            : ld_effect_on_time(measures, timeout_ns, LD_EFFECT_END_SLACK_NS);
    bool left_open = timeout_ns > 0 && ld_effect_overdue(measures, timeout_ns);
    receipt->idle = receipt->idle && !left_open;
    receipt->effective = closed_well && !left_open && measures->delivered_most == 0;
    if (measures->count > 0) {
        ld_effect_describe_time(measures, timeout_ns, "", receipt);
    } else {
        receipt->count = measures->held_streams;
        snprintf(receipt->text, sizeof receipt->text, "%s kept back on %llu of %llu streams, none closed",
                 ld_format_size_short(measures->held_bytes, bytes, sizeof bytes),
                 (unsigned long long)measures->held_streams, (unsigned long long)measures->streams);
    }
    if (left_open)
        ld_effect_append(receipt, "; not all were closed when their time was over");
    if (measures->delivered_most == 0)
        return;
    snprintf(text, sizeof text, "; up to %s passed all the same",
             ld_format_size_short(measures->delivered_most, passed, sizeof passed));
    ld_effect_append(receipt, text);
}

const struct ld_toxic_kind ld_toxic_timeout = {
    .looks_at_bytes = true,
    .holds = true,
    .fate = LD_FATE_CLOSE,
    .fate_ns = fate_ns,
    .measure_end = measure_end,
    .judge = judge,
};
