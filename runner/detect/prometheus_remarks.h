/* What of a Prometheus detector is allowed and hardly meant. */
#ifndef LD_RUNNER_DETECT_PROMETHEUS_REMARKS_H
#define LD_RUNNER_DETECT_PROMETHEUS_REMARKS_H

#include "base/buffer.h"
#include "scenario/scenario.h"

/* The longest that any of its runs is watched, real time, without what it waits until the target is steady. */
int64_t ld_prometheus_watched_ns(const struct ld_scenario *scenario);
/* A line each: intervals of which no run holds two, severities that nobody knows. What does not fit into `out`, and a
 * rule file that cannot be read, is left out: lint has said the latter. */
void ld_prometheus_remark(const struct ld_scenario *scenario, const struct ld_detector_spec *spec,
                          struct ld_buffer *out);

#endif
