/* What a scenario says of Prometheus and Alertmanager as a detector. The runner (runner/detect/prometheus.c) starts
 * them; this room only knows how they are declared. */
#ifndef LD_DETECT_PROMETHEUS_H
#define LD_DETECT_PROMETHEUS_H

#include "detect/detector.h"

/* Its files, as ld_detector_kind.file counts them. */
enum { LD_PROMETHEUS_FILE_RULES, LD_PROMETHEUS_FILE_ALERTMANAGER };

struct ld_prometheus_options {
    const char *rules;              /* a Prometheus rule file, beside the scenario unless absolute */
    const char *alertmanager;       /* an Alertmanager configuration, likewise; NULL or "": one of our own */
    int64_t scrape_interval_ns;     /* real time, as the next three */
    int64_t evaluation_interval_ns;
    int64_t group_wait_ns;          /* Alertmanager's, before it tells of an alert for the first time */
    int64_t group_interval_ns;      /* and before it tells what has changed since */
    int64_t window_ns;              /* what the rules need to have seen before they can speak, real time; 0: unknown */
    struct ld_map labels;           /* of const char *: what each scraped series has besides instance */
    bool unscaled;                  /* the rules' windows are meant in real time, whatever time_scale is */
};

#endif
