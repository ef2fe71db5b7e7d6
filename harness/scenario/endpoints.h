/* Which paths of the target the detectors of a run have read. */
#ifndef LD_SCENARIO_ENDPOINTS_H
#define LD_SCENARIO_ENDPOINTS_H

#include "scenario/arm.h"

/* Those of the arm's detectors (NULL: of all), each path once: as often as the one who wants it most often, with the
 * longest time for an answer. In the order of the detectors; *ret_count at most LD_ENDPOINTS_MAX. LD_ELIMIT: there are
 * more. */
int ld_scenario_endpoints(const struct ld_scenario *scenario, const struct ld_arm *arm,
                          struct ld_endpoint ret_endpoints[LD_ENDPOINTS_MAX], size_t *ret_count);
/* Bits of a cell's reads: LD_READ_ENDPOINT and a digest of paths and intervals, 0 without endpoints. */
unsigned ld_scenario_endpoint_reads(const struct ld_scenario *scenario, const struct ld_arm *arm);

#endif
