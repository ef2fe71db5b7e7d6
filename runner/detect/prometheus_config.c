#include "runner/detect/prometheus_config.h"

#include <string.h>

#include "base/clock.h"
#include "runner/detect/alert_book.h"

#define WATCH_EVERY_NS (250 * LD_MS) /* our own rules, unless the user's are quicker */

static long long milliseconds(int64_t ns)
{
    return (long long)(ns / LD_MS);
}

static int add_target(const struct ld_prometheus_setting *setting, uint32_t index, struct ld_buffer *out)
{
    const char *url = setting->gateway_urls[index], *scheme = strstr(url, "://");
    const char *address = scheme ? scheme + 3 : url, *path = address + strcspn(address, "/");
    return ld_buffer_printf(out,
                            "      - targets: ['%.*s']\n"
                            "        labels: {__metrics_path__: '%s%s', instance: '%u'}\n",
                            (int)(path - address), address, path, setting->metrics_path, index);
}

int ld_prometheus_config(const struct ld_prometheus_setting *setting, struct ld_buffer *out)
{
    const struct ld_prometheus_options *options = setting->options;
    int64_t timeout_ns = options->scrape_interval_ns < 10 * LD_SECOND ? options->scrape_interval_ns : 10 * LD_SECOND;
    int code = ld_buffer_printf(out,
                                "global:\n"
                                "  scrape_interval: %lldms\n"
                                "  scrape_timeout: %lldms\n"
                                "  evaluation_interval: %lldms\n"
                                "rule_files: [" LD_PROMETHEUS_RULES ", " LD_PROMETHEUS_WATCH "]\n"
                                "alerting:\n"
                                "  alertmanagers:\n"
                                "    - static_configs: [{targets: ['%s']}]\n"
                                "scrape_configs:\n"
                                "  - job_name: service\n"
                                "    static_configs:\n",
                                milliseconds(options->scrape_interval_ns), milliseconds(timeout_ns),
                                milliseconds(options->evaluation_interval_ns), setting->alertmanager);
    for (uint32_t i = 0; i < setting->instances && !code; i++)
        code = add_target(setting, i, out);
    return code;
}

/* All of it was seen once: it works, from the scrape to the post. And whom Prometheus cannot scrape. */
int ld_prometheus_watch(const struct ld_prometheus_setting *setting, struct ld_buffer *out)
{
    int64_t every_ns = setting->options->evaluation_interval_ns < WATCH_EVERY_NS
                           ? setting->options->evaluation_interval_ns
                           : WATCH_EVERY_NS;
    return ld_buffer_printf(out,
                            "groups:\n"
                            "  - name: leakdrill\n"
                            "    interval: %lldms\n"
                            "    rules:\n"
                            "      - alert: Seen\n"
                            "        expr: count(up{job=\"service\"} == 1) >= %u\n"
                            "        labels: {leakdrill: " LD_ALERT_MARK_SEEN "}\n"
                            "      - alert: Unseen\n"
                            "        expr: up{job=\"service\"} == 0\n"
                            "        labels: {leakdrill: " LD_ALERT_MARK_UNSEEN "}\n",
                            milliseconds(every_ns), setting->instances);
}

/* Each alert is a group of its own, so that none waits for another. */
int ld_alertmanager_config(const struct ld_prometheus_setting *setting, struct ld_buffer *out)
{
    const struct ld_prometheus_options *options = setting->options;
    return ld_buffer_printf(out,
                            "route:\n"
                            "  receiver: leakdrill\n"
                            "  group_by: ['...']\n"
                            "  group_wait: %lldms\n"
                            "  group_interval: %lldms\n"
                            "  repeat_interval: 24h\n"
                            "  routes:\n"
                            "    - matchers: ['leakdrill=~\"" LD_ALERT_MARK_SEEN "|" LD_ALERT_MARK_UNSEEN "\"']\n"
                            "      group_wait: 0s\n"
                            "      group_interval: 100ms\n"
                            "receivers:\n"
                            "  - name: leakdrill\n"
                            "    webhook_configs: [{url: '%s', send_resolved: true}]\n",
                            milliseconds(options->group_wait_ns), milliseconds(options->group_interval_ns),
                            setting->webhook_url);
}
