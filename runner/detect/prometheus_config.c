#include "runner/detect/prometheus_config.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "runner/detect/alert_book.h"

#define WATCH_EVERY_NS (250 * LD_MS) /* our own rules, unless the user's are quicker */

static long long milliseconds(int64_t ns)
{
    return (long long)(ns / LD_MS);
}

/* As a YAML scalar between single quotes. Line breaks must not be in it. */
static int add_quoted(struct ld_buffer *out, const char *text)
{
    int code = ld_buffer_add(out, "'", 1);
    for (; *text && !code; text++)
        code = *text == '\'' ? ld_buffer_add(out, "''", 2) : ld_buffer_add(out, text, 1);
    return code ? code : ld_buffer_add(out, "'", 1);
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
        code = code ? code : add_quoted(out, ((const char *const *)labels->items)[i]);
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

/* Fires while a selector of the user's rules has no series though everybody is scraped, and is resolved once it has one.
 * What fires before that is lost: Prometheus does not know its Alertmanager yet, and tells of it once a minute only. */
static int add_absent(const struct ld_prometheus_setting *setting, size_t index, struct ld_buffer *out)
{
    char expression[LD_RULE_SELECTOR_BYTES_MAX + 64];
    int code = ld_buffer_printf(out, "      - alert: '%zu'\n        expr: ", index);
    snprintf(expression, sizeof expression, "absent(%s) and on() " ALL_SEEN, setting->selectors[index].text,
             setting->instances);
    code = code ? code : add_quoted(out, expression);
    return code ? code : ld_buffer_printf(out, "\n        labels: {leakdrill: " LD_ALERT_MARK_ABSENT "}\n");
}

/* All of it was seen once: it works, from the scrape to the post. Whom Prometheus cannot scrape. And what its rules ask
 * for in vain. */
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
        code = add_absent(setting, i, out);
    return code;
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
                            "    - matchers: ['leakdrill=~\"" LD_ALERT_MARKS_OURS "\"']\n"
                            "      group_wait: 0s\n"
                            "      group_interval: 100ms\n"
                            "receivers:\n"
                            "  - name: leakdrill\n"
                            "    webhook_configs: [{url: '%s', send_resolved: true}]\n",
                            milliseconds(options->group_wait_ns), milliseconds(options->group_interval_ns),
                            setting->webhook_url);
}
