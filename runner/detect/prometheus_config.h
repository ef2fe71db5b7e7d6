/* The files that Prometheus and Alertmanager are given for one run. Nothing in them says what runs. */
#ifndef LD_RUNNER_DETECT_PROMETHEUS_CONFIG_H
#define LD_RUNNER_DETECT_PROMETHEUS_CONFIG_H

#include "base/buffer.h"
#include "detect/prometheus.h"
#include "runner/detect/rule_file.h"

struct ld_prometheus_setting {
    const struct ld_prometheus_options *options;
    uint32_t instances;
    const char *const *gateway_urls; /* "http://127.0.0.1:4567/0123456789abcdef/0" of each instance */
    const char *metrics_path;        /* "/metrics" */
    const char *webhook_url;
    const char *alertmanager;        /* its address, "127.0.0.1:4568" */
    const struct ld_rule_selector *selectors; /* of the user's rules */
    size_t selector_count;
};

#define LD_PROMETHEUS_RULES "rules.yml" /* the user's */
#define LD_PROMETHEUS_WATCH "watch.yml" /* ours: what is seen */

/* 0, LD_ELIMIT, LD_ENOMEM. */
int ld_prometheus_config(const struct ld_prometheus_setting *setting, struct ld_buffer *out);
int ld_prometheus_watch(const struct ld_prometheus_setting *setting, struct ld_buffer *out);
int ld_alertmanager_config(const struct ld_prometheus_setting *setting, struct ld_buffer *out);

#endif
