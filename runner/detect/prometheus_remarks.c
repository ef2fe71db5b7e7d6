#include "runner/detect/prometheus_remarks.h"

#include "base/text.h"
#include "detect/prometheus.h"
#include "runner/detect/rule_file.h"

#define SAMPLES_MIN 2 /* a rule that compares, or waits with `for`, needs them */

int64_t ld_prometheus_watched_ns(const struct ld_scenario *scenario)
{
    const struct ld_phases_spec *phases = &scenario->phases;
    int64_t longest_ns = 0;
    for (size_t i = 0; i < scenario->fault_case_count; i++) {
        int64_t method_ns = ld_scenario_method_ns(scenario, &scenario->fault_cases[i]);
        longest_ns = method_ns > longest_ns ? method_ns : longest_ns;
    }
    return ld_scenario_scaled_ns(scenario, phases->baseline_ns + longest_ns + phases->drain_ns + phases->settle_ns);
}

static void remark_interval(const struct ld_scenario *scenario, const struct ld_detector_spec *spec, const char *key,
                            int64_t every_ns, struct ld_buffer *out)
{
    char every[32], lasts[32];
    int64_t longest_ns = ld_prometheus_watched_ns(scenario);
    if (longest_ns >= SAMPLES_MIN * every_ns || scenario->steady)
        return;
    (void)ld_buffer_printf(out, "%s: %s: %s %s, and the longest run is observed for %s: too short for two of them, so "
                                "that a rule which compares or waits sees nothing\n",
                           scenario->file, spec->name, key, ld_format_duration_short(every_ns, every, sizeof every),
                           ld_format_duration_short(longest_ns, lasts, sizeof lasts));
}

void ld_prometheus_remark(const struct ld_scenario *scenario, const struct ld_detector_spec *spec,
                          struct ld_buffer *out)
{
    const struct ld_prometheus_options *options = spec->options;
    struct ld_error error = {0};
    struct ld_rule_file rules;
    remark_interval(scenario, spec, "scrape_interval", options->scrape_interval_ns, out);
    remark_interval(scenario, spec, "evaluation_interval", options->evaluation_interval_ns, out);
    if (ld_rule_file_read(&rules, scenario, spec, &error) != 0)
        return;
    for (size_t i = 0; i < rules.odd_severity_count; i++)
        (void)ld_buffer_printf(out, "%s:%u:%u: severity \"%s\" is taken as red: leakdrill knows critical and page, "
                                    "warning, and info\n",
                               rules.path, rules.odd_severities[i].line, rules.odd_severities[i].column,
                               rules.odd_severities[i].text);
    ld_rule_file_done(&rules);
}
