/* The fault `down`: the upstream looks dead. Effective: every connect that was tried meanwhile was refused. */
#include <stdio.h>

#include "fault/schemas.h"
#include "fault/toxic_kind.h"

static const struct ld_field fields[] = {{0}};

static int check(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    struct ld_fault_reach *reach = &((union ld_fault_attributes *)value)->reach;
    reach->toxicity = 1;
    return ld_fault_check_whole(context, node, value);
}

const struct ld_schema ld_fault_down_schema = {
    .name = "down",
    .doc = "Reset the open connections and let the kernel refuse new ones, as Toxiproxy does with a proxy that is not "
           "enabled. It has no attributes: a refusal comes before there is a connection to choose; write {}.",
    .fields = fields,
    .check = check,
};

static int64_t fate_ns(const struct ld_toxic *toxic)
{
    return toxic->began_ns;
}

static void judge(const struct ld_measures *measures, const struct ld_fault_spec *fault, struct ld_receipt *receipt)
{
    (void)fault;
    receipt->count = measures->connects_refused;
    receipt->effective = measures->connects_refused > 0 && measures->connects_taken == 0;
    snprintf(receipt->text, sizeof receipt->text, "%llu of %llu connects refused, %llu reset%s sent",
             (unsigned long long)measures->connects_refused,
             (unsigned long long)(measures->connects_refused + measures->connects_taken),
             (unsigned long long)measures->resets, measures->resets == 1 ? "" : "s");
}

const struct ld_toxic_kind ld_toxic_down = {
    .refuses = true,
    .fate = LD_FATE_RESET,
    .fate_ns = fate_ns,
    .judge = judge,
};
