/* Reactions: what an operator or an automatism does to a service in trouble, beside restarting it (`kill` with
 * restart_after). They are rows of the fault table like any other, so that they have an intent, a limit and a
 * receipt. */
#include "fault/schemas.h"

#define AT(member) offsetof(union ld_fault_attributes, load.member)

static const struct ld_field load_fields[] = {
    {.name = "factor", .type = LD_FIELD_NUMBER, .offset = AT(factor), .flags = LD_FIELD_REQUIRED, .maximum = 10,
     .doc = "The load's rate is multiplied by this: 0.5 sheds half of the requests, 0 all of them, 2 doubles them."},
    {0},
};

static int check_load(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    double factor = ((union ld_fault_attributes *)value)->load.factor;
    if (factor >= 1 && factor <= 1)
        return ld_schema_error(context, node, LD_ESPEC, "a factor of 1 changes nothing");
    return 0;
}

const struct ld_schema ld_fault_load_schema = {
    .name = "load",
    .doc = "Change the load for a time: shed requests, or send more of them.",
    .fields = load_fields,
    .check = check_load,
};

static const struct ld_field breaker_fields[] = {{0}};

const struct ld_schema ld_fault_breaker_schema = {
    .name = "breaker",
    .doc = "Open the service's circuit breaker for a time: it answers 503 at once and does no work. The programs of "
           "fixtures have one; it takes {}.",
    .fields = breaker_fields,
};
