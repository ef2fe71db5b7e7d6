#include "runner/detect/prometheus_config.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "detect/alertmanager.h"
#include "runner/detect/alert_book.h"
#include "yaml/quote.h"

#define WATCH_EVERY_NS (250 * LD_MS) /* our own rules, unless the user's are quicker */

static long long milliseconds(int64_t ns)
{
    return (long long)(ns / LD_MS);
}

static int add_target(const struct ld_prometheus_setting *setting, uint32_t index, struct ld_buffer *out)
{
    const struct ld_map *labels = &setting->options->labels;
    const char *url = setting->gateway_urls[index], *scheme = strstr(url, "://");
    const char *address = scheme ? scheme + 3 : url, *path = address + strcspn(address, "/");
    int code = ld_buffer_printf(out,
                                "      - targets: ['%.*s']\n"
                                "        labels:\n"
                                "          __metrics_path__: '%s%s'\n"
                                "          instance: '%u'\n",
                                (int)(path - address), address, path, setting->metrics_path, index);
    for (size_t i = 0; i < labels->count && !code; i++) {
        code = ld_buffer_printf(out, "          %s: ", labels->names[i]);
        code = code ? code : ld_yaml_quote(((const char *const *)labels->items)[i], out);
        code = code ? code : ld_buffer_printf(out, "\n");
    }
    return code;
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

#define ALL_SEEN "count(up == 1) >= %u"

/* Fires while a selector of the user's rules has series and everybody is scraped. Once is enough: that it ends, of an
 * instance that is down or a scrape that was missed, says nothing. What would fire before all are scraped is lost:
 * Prometheus does not know its Alertmanager yet, and tells of it once a minute only. */
static int add_present(const struct ld_prometheus_setting *setting, size_t index, struct ld_buffer *out)
{
    char expression[LD_RULE_SELECTOR_BYTES_MAX + 64];
    int code = ld_buffer_printf(out, "      - alert: '%zu'\n        expr: ", index);
    snprintf(expression, sizeof expression, "count(%s) >= 0 and on() " ALL_SEEN, setting->selectors[index].text,
             setting->instances);
    code = code ? code : ld_yaml_quote(expression, out);
    return code ? code : ld_buffer_printf(out, "\n        labels: {leakdrill: " LD_ALERT_MARK_PRESENT "}\n");
}

/* All of it was seen once: it works, from the scrape to the post. Whom Prometheus cannot scrape. And which of what its
 * rules ask for is there. */
int ld_prometheus_watch(const struct ld_prometheus_setting *setting, struct ld_buffer *out)
{
    int64_t every_ns = setting->options->evaluation_interval_ns < WATCH_EVERY_NS
                           ? setting->options->evaluation_interval_ns
                           : WATCH_EVERY_NS;
    int code = ld_buffer_printf(out,
                                "groups:\n"
                                "  - name: leakdrill\n"
                                "    interval: %lldms\n"
                                "    rules:\n"
                                "      - alert: Seen\n"
                                "        expr: " ALL_SEEN "\n"
                                "        labels: {leakdrill: " LD_ALERT_MARK_SEEN "}\n"
                                "      - alert: Unseen\n"
                                "        expr: up == 0\n"
                                "        labels: {leakdrill: " LD_ALERT_MARK_UNSEEN "}\n",
                                milliseconds(every_ns), setting->instances);
    for (size_t i = 0; i < setting->selector_count && !code; i++)
        code = add_present(setting, i, out);
    return code;
}

/* Each alert of the user's is a group of its own, so that none waits for another. Ours are one group for each instance
 * that is unseen, and one for all that is present, however many selectors the rules have. */
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
                            "    - matchers: ['leakdrill=~\"" LD_ALERT_MARKS_OURS "\"']\n"
                            "      group_by: [leakdrill, instance]\n"
                            "      group_wait: 0s\n"
                            "      group_interval: " LD_ALERTMANAGER_HOST_INTERVAL "\n"
                            "receivers:\n"
                            "  - name: leakdrill\n"
                            "    webhook_configs: [{url: '%s', send_resolved: true}]\n",
                            milliseconds(options->group_wait_ns), milliseconds(options->group_interval_ns),
                            setting->webhook_url);
}
