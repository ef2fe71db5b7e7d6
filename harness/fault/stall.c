/* The fault `stall`: nobody reads any more. Effective: not a byte left, and some were kept waiting. */
#include <stdio.h>

#include "base/text.h"
#include "fault/schemas.h"
#include "fault/toxic_kind.h"

static const struct ld_field fields[] = {
    LD_TOXICITY_FIELD,
    LD_STREAM_FIELD,
    {0},
};

const struct ld_schema ld_fault_stall_schema = {
    .name = "stall",
    .doc =
        "Stop reading in a direction: bytes and ends stay where they are, the sender's buffers fill up and it has "
        "to wait. When the fault ends all of it goes on. (Toxiproxy has no such toxic; its timeout takes the bytes.)",
    .fields = fields,
};

static void judge(const struct ld_measures *measures, const struct ld_fault_spec *fault, struct ld_receipt *receipt)
{
    char bytes[40], passed[40];
    (void)fault;
    receipt->count = measures->held_streams;
    receipt->effective = measures->held_streams > 0 && measures->delivered_most == 0;
    int used = snprintf(receipt->text, sizeof receipt->text, "%s kept waiting on %llu of %llu streams",
                        ld_format_size_short(measures->held_bytes, bytes, sizeof bytes),
                        (unsigned long long)measures->held_streams, (unsigned long long)measures->streams);
    if (measures->delivered_most > 0)
        snprintf(receipt->text + used, sizeof receipt->text - (size_t)used, "; up to %s passed all the same",
                 ld_format_size_short(measures->delivered_most, passed, sizeof passed));
}

const struct ld_toxic_kind ld_toxic_stall = {
    .looks_at_bytes = true,
    .holds = true,
    .stops_reading = true,
    .judge = judge,
};
