/* The fault `limit_data`: after a number of bytes the connection is closed. Effective: connections were closed, each
 * when exactly so many bytes had left, and none let more through. */
#include <stdio.h>

#include "base/text.h"
#include "fault/schemas.h"
#include "fault/toxic_kind.h"

#define AT(member) offsetof(union ld_fault_attributes, limit_data.member)

static const struct ld_field fields[] = {
    {.name = "bytes", .type = LD_FIELD_SIZE, .offset = AT(bytes), .flags = LD_FIELD_REQUIRED,
     .maximum = (double)((uint64_t)1 << 40),
     .doc = "Bytes that pass on each connection, from the fault's start on, before both ends are closed; 0B: it is "
            "closed at once (Toxiproxy: bytes)."},
    LD_TOXICITY_FIELD,
    LD_STREAM_FIELD,
    {0},
};

const struct ld_schema ld_fault_limit_data_schema = {
    .name = "limit_data",
    .doc = "Close the connection, by FIN at both ends, after a number of bytes has passed in a direction. What was "
           "sent beyond is lost with it.",
    .fields = fields,
};

static uint64_t left(const struct ld_toxic *toxic)
{
    uint64_t bytes = toxic->fault->attributes.limit_data.bytes, passed = toxic->state.passed;
    return bytes > passed ? bytes - passed : 0;
}

static size_t allow(struct ld_toxic *toxic, const struct ld_exit *exit)
{
    return left(toxic) < exit->available ? (size_t)left(toxic) : exit->available;
}

static int64_t ready_ns(const struct ld_toxic *toxic, const struct ld_exit *exit)
{
    return left(toxic) > 0 ? exit->since_ns : INT64_MAX;
}

static void took(struct ld_toxic *toxic, const struct ld_exit *exit, size_t length)
{
    (void)exit;
    toxic->state.passed += length;
}

static int64_t fate_ns(const struct ld_toxic *toxic)
{
    return left(toxic) > 0 ? INT64_MAX : toxic->began_ns;
}

static void measure_end(struct ld_effect *effect, const struct ld_fault_spec *fault, const struct ld_end *end)
{
    bool reached = end->delivered >= fault->attributes.limit_data.bytes;
    if (end->by_fault && end->kind == LD_END_FIN && (reached || !end->shared))
        ld_effect_value(effect, (int64_t)end->delivered, 0, end->shared);
}

static void judge(const struct ld_measures *measures, const struct ld_fault_spec *fault, struct ld_receipt *receipt)
{
    char asked[40], least[40], most[40];
    uint64_t bytes = fault->attributes.limit_data.bytes;
    receipt->count = measures->count;
    receipt->unit = "B";
    receipt->asked = bytes;
    receipt->delivered = measures->delivered_most;
    receipt->idle = receipt->idle && !(bytes == 0 && ld_effect_overdue(measures, 0));
    receipt->effective = measures->count > 0 && (uint64_t)measures->least == bytes &&
                         (uint64_t)measures->most == bytes && measures->delivered_most <= bytes;
    ld_format_size(bytes, asked, sizeof asked);
    ld_format_size(measures->delivered_most, most, sizeof most);
    if (measures->count == 0)
        snprintf(receipt->text, sizeof receipt->text, "asked %s, closed nothing; at most %s passed", asked, most);
    else
        snprintf(receipt->text, sizeof receipt->text, "asked %s, %llu closed after %s to %s", asked,
                 (unsigned long long)measures->count,
                 ld_format_size((uint64_t)measures->least, least, sizeof least), most);
    ld_effect_describe_reach(measures, receipt);
}

const struct ld_toxic_kind ld_toxic_limit_data = {
    .looks_at_bytes = true,
    .allow = allow,
    .ready_ns = ready_ns,
    .took = took,
    .fate = LD_FATE_CLOSE,
    .fate_ns = fate_ns,
    .measure_end = measure_end,
    .judge = judge,
};
