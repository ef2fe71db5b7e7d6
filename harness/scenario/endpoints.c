#include "scenario/endpoints.h"

#include <string.h>

#include "base/random.h"

static void join(struct ld_endpoint *known, const struct ld_endpoint *other)
{
    known->every = other->every < known->every ? other->every : known->every;
    known->hold_ns = other->hold_ns > known->hold_ns ? other->hold_ns : known->hold_ns;
    known->timeout_ns = other->timeout_ns > known->timeout_ns ? other->timeout_ns : known->timeout_ns;
    known->changes = known->changes || other->changes;
}

int ld_scenario_endpoints(const struct ld_scenario *scenario, const struct ld_arm *arm,
                          struct ld_endpoint ret_endpoints[LD_ENDPOINTS_MAX], size_t *ret_count)
{
    *ret_count = 0;
    for (size_t i = 0; i < scenario->detector_count; i++) {
        const struct ld_detector_spec *detector = &scenario->detectors[i];
        struct ld_endpoint endpoint;
        size_t at = 0;
        if ((arm && !ld_arm_has(arm, i)) ||
            !ld_detector_endpoint_of(detector->kind, detector->options, scenario->time_scale,
                                     ld_scenario_scaled_ns(scenario, scenario->sampling.every_ns), &endpoint))
            continue;
        while (at < *ret_count && strcmp(ret_endpoints[at].path, endpoint.path) != 0)
            at++;
        if (at < *ret_count)
            join(&ret_endpoints[at], &endpoint);
        else if (at == LD_ENDPOINTS_MAX)
            return LD_ELIMIT;
        else
            ret_endpoints[(*ret_count)++] = endpoint;
    }
    return 0;
}

unsigned ld_scenario_endpoint_reads(const struct ld_scenario *scenario, const struct ld_arm *arm)
{
    struct ld_endpoint endpoints[LD_ENDPOINTS_MAX];
    size_t endpoint_count;
    uint64_t digest = 0;
    (void)ld_scenario_endpoints(scenario, arm, endpoints, &endpoint_count); /* lint has refused more */
    for (size_t i = 0; i < endpoint_count; i++)
        digest ^= ld_derive((uint64_t)endpoints[i].every, endpoints[i].path, endpoints[i].changes);
    return endpoint_count ? LD_READ_ENDPOINT | ((unsigned)digest & LD_READ_WHICH_MASK) << LD_READ_WHICH_SHIFT : 0;
}
