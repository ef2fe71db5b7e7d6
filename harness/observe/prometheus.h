/* The Prometheus text exposition format, version 0.0.4, as far as the metric registry needs it: unlabelled samples
 * and the _count and _sum of summaries. Untrusted bytes; unknown names, labels and comments are passed over. */
#ifndef LD_OBSERVE_PROMETHEUS_H
#define LD_OBSERVE_PROMETHEUS_H

#include <stddef.h>

#include "base/error.h"
#include "observe/observation.h"

/* Write at most `room` points (LD_METRIC_COUNT always suffices) whose Prometheus name is in the registry, in the order
 * they come. NaN and infinities are passed over. LD_ESYNTAX with the line number for a line that is neither blank,
 * comment nor sample, or tells a metric twice; LD_ETRUNCATED when the last line has no newline. */
int ld_prometheus_parse(const char *bytes, size_t length, struct ld_point *points, size_t room, size_t *ret_count,
                        struct ld_error *error);

#endif
