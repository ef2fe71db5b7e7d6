/* The table of detectors: one row here and one file in this folder make a detector (oracle-delay shares the oracle's,
 * goleak endpoint's; of exec, prometheus and static only the declaration is here). Dispatch, help, suggestions and
 * documentation come from it. The calibration set stands last. */
#ifndef LD_DETECT_BUILTIN_H
#define LD_DETECT_BUILTIN_H

#include "detect/detector.h"

/*    id, name */
#define LD_DETECTORS(X)                 \
    X(before_after, "before-after")     \
    X(threshold, "threshold")           \
    X(growth, "growth")                 \
    X(site_threshold, "site-threshold") \
    X(rate_sigma, "rate-sigma")         \
    X(gc_frequency, "gc-frequency")     \
    X(rate_quantile, "rate-quantile")   \
    X(matrix, "matrix")                 \
    X(goroutineleak, "goroutineleak")   \
    X(sanitizer, "sanitizer")           \
    X(endpoint, "endpoint")             \
    X(goleak, "goleak")                 \
    X(exec, "exec")                     \
    X(prometheus, "prometheus")         \
    X(static, "static")                 \
    X(oracle, "oracle")                 \
    X(oracle_delay, "oracle-delay")     \
    X(never, "never")                   \
    X(always, "always")                 \
    X(random, "random")

/* The hazard that `random` keeps where it is sampled so often, per second. */
double ld_random_hazard(double hazard_per_second, int64_t period_ns);

#define X(id, name) extern const struct ld_detector_kind ld_detector_##id;
LD_DETECTORS(X)
#undef X

#endif
