#include <stdlib.h>
#include <string.h>

#include "runner/proxy/internal.h"

int fault_new(uint64_t seed, const struct ld_fault_spec *spec, struct fault **ret_fault, struct ld_error *error)
{
    const struct ld_fault_info *info = &ld_fault_table[spec->type];
    if (info->scope != LD_SCOPE_PROXY)
        return ld_fail(error, LD_ENOTYET, "%s is no fault that the proxy knows", info->name);
    struct fault *fault = calloc(1, sizeof *fault);
    if (!fault)
        return ld_fail(error, LD_ENOMEM, "no memory for fault %s", spec->id);
    fault->spec = *spec;
    fault->spec.id = strdup(spec->id);
    fault->effect = ld_effect_new(seed, &fault->spec);
    if (!fault->spec.id || !fault->effect) {
        fault_free(fault);
        return ld_fail(error, LD_ENOMEM, "no memory for fault %s", spec->id);
    }
    *ret_fault = fault;
    return 0;
}

void fault_free(struct fault *fault)
{
    if (!fault)
        return;
    ld_effect_free(fault->effect);
    free((char *)fault->spec.id);
    free(fault);
}
