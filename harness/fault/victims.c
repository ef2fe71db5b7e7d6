/* Whom a fault of a process or resource is meant for. */
#include <string.h>

#include "base/buffer.h"
#include "base/random.h"
#include "base/text.h"
#include "fault/schemas.h"

const char *const ld_fault_who_names[] = {[LD_WHO_TARGET] = "target", [LD_WHO_UPSTREAM] = "upstream", NULL};

int ld_fault_bind_instance(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                           void *value)
{
    static const char expected[] = "must be the number of an instance, counted from 0, or all";
    (void)field;
    int64_t *instance = value;
    const char *unused;
    if (node->kind != LD_NODE_SCALAR)
        return ld_schema_error(context, node, LD_ESPEC, "%s", expected);
    if (strcmp(node->text, "all") == 0) {
        *instance = -1;
        return 0;
    }
    int64_t number;
    if (ld_parse_integer(node->text, &number, &unused) != 0 || number < 0)
        return ld_schema_error(context, node, LD_ESPEC, "%s", expected);
    if (number >= LD_FAULT_INSTANCES_MAX)
        return ld_schema_error(context, node, LD_ESPEC, "must be below %d", LD_FAULT_INSTANCES_MAX);
    *instance = number;
    return 0;
}

int ld_fault_show_instance(const struct ld_field *field, const void *value, struct ld_buffer *out)
{
    (void)field;
    int64_t instance = *(const int64_t *)value;
    return instance < 0 ? ld_buffer_add_text(out, "\"all\"") : ld_buffer_printf(out, "%lld", (long long)instance);
}

int ld_fault_check_victims(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    struct ld_fault_victims *victims = &((union ld_fault_attributes *)value)->victims;
    const struct ld_node *instance = ld_node_get(node, "instance"), *share = ld_node_get(node, "share");
    if (!instance)
        victims->instance = -1;
    if (share && victims->share <= 0)
        return ld_schema_error(context, share, LD_ESPEC, "a share of 0%% would touch nobody");
    if (share && victims->instance >= 0)
        return ld_schema_error(context, share, LD_ESPEC, "either instance or share, not both");
    if (victims->who == LD_WHO_UPSTREAM && (victims->instance >= 0 || share))
        return ld_schema_error(context, share ? share : instance, LD_ESPEC,
                               "%s is for who: target; there is one upstream", share ? "share" : "instance");
    return 0;
}

/* How many of `count` the share stands for: to the nearest, at least one. */
static uint32_t wanted(double share, uint32_t count)
{
    uint32_t number = (uint32_t)(share * count + 0.5);
    return number < 1 ? 1 : number > count ? count : number;
}

void ld_fault_choose(uint64_t seed, const struct ld_fault_spec *fault, uint32_t count, bool *ret_chosen)
{
    const struct ld_fault_victims *victims = &fault->attributes.victims;
    if (victims->instance >= 0) {
        for (uint32_t i = 0; i < count; i++)
            ret_chosen[i] = (int64_t)i == victims->instance;
        return;
    }
    /* Every instance draws a lot for itself; the lowest are meant. Equal lots: the lower number. */
    uint32_t number = wanted(victims->share, count);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t lot = ld_derive(seed, fault->id, i);
        uint32_t before = 0;
        for (uint32_t k = 0; k < count; k++) {
            uint64_t other = ld_derive(seed, fault->id, k);
            before += other < lot || (other == lot && k < i);
        }
        ret_chosen[i] = before < number;
    }
}

static bool may_mean_one_process(const struct ld_fault_victims *victims, const struct ld_fault_victims *other)
{
    bool both_named = victims->instance >= 0 && other->instance >= 0;
    return victims->who == other->who && (!both_named || victims->instance == other->instance);
}

bool ld_fault_excludes(const struct ld_fault_spec *fault, const struct ld_fault_spec *other)
{
    enum ld_fault_scope scope = ld_fault_table[fault->type].scope;
    if (fault->type != other->type || ld_fault_is_instant(fault->type))
        return false;
    if (scope == LD_SCOPE_PROCESS || scope == LD_SCOPE_RESOURCE)
        return may_mean_one_process(&fault->attributes.victims, &other->attributes.victims);
    return scope == LD_SCOPE_REACTION;
}
