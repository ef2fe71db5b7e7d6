/* What all toxics share: whom they reach, decided from the seed. */
#include <assert.h>

#include "base/random.h"
#include "fault/schemas.h"
#include "fault/toxic_kind.h"

const char *const ld_stream_names[] = {"downstream", "upstream", "both", NULL};

const char *ld_stream_name(enum ld_stream stream)
{
    assert(stream >= LD_STREAM_DOWN && stream <= LD_STREAM_BOTH);
    return ld_stream_names[stream];
}

int64_t ld_fault_needs_ns(const struct ld_fault_spec *fault)
{
    const struct ld_toxic_kind *kind = ld_fault_table[fault->type].toxic;
    return kind && kind->needs_ns ? kind->needs_ns(fault) : 0;
}

double ld_fault_toxicity(const struct ld_fault_spec *fault)
{
    assert(ld_fault_table[fault->type].scope == LD_SCOPE_PROXY);
    return fault->attributes.reach.toxicity;
}

bool ld_toxic_touches(uint64_t seed, const char *fault_id, uint64_t connection, double toxicity)
{
    return ld_unit(ld_derive(seed, fault_id, connection)) < toxicity;
}

bool ld_toxic_refuses(const struct ld_fault_spec *fault)
{
    const struct ld_toxic_kind *kind = ld_fault_table[fault->type].toxic;
    return kind && kind->refuses;
}

bool ld_fault_on_stream(const struct ld_fault_spec *fault, enum ld_stream stream)
{
    int reached = fault->attributes.reach.stream;
    return reached == LD_STREAM_BOTH || reached == (int)stream;
}

/* A fault of whole connections has no direction. */
int ld_fault_check_whole(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    (void)context;
    (void)node;
    ((union ld_fault_attributes *)value)->reach.stream = LD_STREAM_BOTH;
    return 0;
}
