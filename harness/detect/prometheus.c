/* Prometheus and Alertmanager with a user's own rules: how a scenario declares them. There is no state here: the runner
 * starts the two programs. */
#include "detect/prometheus.h"

#include <string.h>

#include "base/clock.h"
#include "detect/alertmanager.h"
#include "detect/builtin.h"

#define AT(member) offsetof(struct ld_prometheus_options, member)

static bool has_alertmanager(const struct ld_prometheus_options *options)
{
    return options->alertmanager && options->alertmanager[0];
}

static const struct ld_field label_item = {.name = "label", .type = LD_FIELD_TEXT, .doc = "The value of a label."};

/* What leakdrill reads from an alert would be read from every one. */
static const char *const not_labels[] = {"instance", "leakdrill", "cause", "site", "severity", NULL};

/* In UTF-8: those below the space, DEL, and U+0080 to U+009F. */
static bool has_control(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at; at++)
        if (*at < 0x20 || *at == 0x7f || (*at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0))
            return true;
    return false;
}

static int check_label(struct ld_schema_context *context, const struct ld_node *place, const char *name,
                       const char *value)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    for (size_t i = 0; not_labels[i]; i++)
        if (strcmp(name, not_labels[i]) == 0)
            return ld_schema_error(context, place, LD_ESPEC, "the label %s has a meaning of its own here", name);
    if (name[strspn(name, letters)] || strchr("0123456789", name[0]) || strncmp(name, "__", 2) == 0)
        return ld_schema_error(context, place, LD_ESPEC,
                               "\"%.60s\" is no name of a label: letters, digits and _, no digit "
                               "first, nor __",
                               name);
    if (has_control(value))
        return ld_schema_error(context, place, LD_ESPEC, "the label %s must be one line without control characters",
                               name);
    return 0;
}

static int check_labels(struct ld_schema_context *context, const struct ld_map *labels)
{
    int code = 0;
    for (size_t i = 0; i < labels->count && !code; i++)
        code = check_label(context, labels->name_nodes[i], labels->names[i], ((const char *const *)labels->items)[i]);
    return code;
}

static int check_options(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    const struct ld_prometheus_options *options = value;
    static const char *const theirs[] = {"group_wait", "group_interval"};
    if (!options->rules[0])
        return ld_schema_error(context, ld_node_get(node, "rules"), LD_ESPEC, "needs the name of a rule file");
    for (size_t i = 0; has_alertmanager(options) && i < sizeof theirs / sizeof *theirs; i++) {
        const struct ld_node *given = ld_node_get(node, theirs[i]);
        if (given)
            return ld_schema_error(context, given, LD_ESPEC, "%s is in the routes of %.100s", theirs[i],
                                   options->alertmanager);
    }
    return check_labels(context, &options->labels);
}

static const struct ld_schema options_schema = {
    .name = "prometheus",
    .doc = "Prometheus scrapes each instance, evaluates a rule file of your own as it is, and tells Alertmanager, "
           "which tells leakdrill: each alert is a claim. {prometheus: my-rules.yml} is short for {prometheus: {rules: "
           "my-rules.yml}}.",
    .fields =
        (const struct ld_field[]){
            {.name = "rules",
             .type = LD_FIELD_TEXT,
             .offset = AT(rules),
             .flags = LD_FIELD_REQUIRED,
             .doc = "The rule file, beside the scenario. Of an alert's labels these are understood: cause (such as "
                    "chan-receive; without one it names none), site, severity (critical or page is red, warning amber, "
                    "info green; red without one, and with another, which lint tells) and leakdrill: ignore (no claim "
                    "of a leak); of its annotations "
                    "summary or description (the why) and value (the amount)."},
            {.name = "alertmanager",
             .type = LD_FIELD_TEXT,
             .offset = AT(alertmanager),
             .doc =
                 "Your own Alertmanager configuration, beside the scenario: its routes with group_by, group_wait and "
                 "group_interval, its inhibition rules and time intervals are part of what is measured, and an "
                 "alert that they mute or inhibit is none; a group_wait that no run outlasts is refused. Nothing is "
                 "sent to anybody: every receiver that has integrations posts to leakdrill instead, one without any "
                 "ends alerts as ever; templates, credentials and other global settings are neither used nor kept. "
                 "Without it each alert is a group of its own, with the two times below."},
            {.name = "labels",
             .type = LD_FIELD_MAP,
             .offset = AT(labels),
             .item = &label_item,
             .size = sizeof(const char *),
             .count_max = 30,
             .doc =
                 "Labels of every scraped series, as your own Prometheus would set them: {job: shop, namespace: "
                 "prod}. Without it job is \"service\"; instance is always \"0\", \"1\", ... A selector that nothing "
                 "matches in any run is told."},
            {.name = "scrape_interval",
             .type = LD_FIELD_DURATION,
             .offset = AT(scrape_interval_ns),
             .minimum = 100 * LD_MS,
             .maximum = LD_HOUR,
             .initial = "1s",
             .doc = "How often each instance is scraped, through the read gateway. Real time, part of the time to "
                    "detect, as are the next three."},
            {.name = "evaluation_interval",
             .type = LD_FIELD_DURATION,
             .offset = AT(evaluation_interval_ns),
             .minimum = 100 * LD_MS,
             .maximum = LD_HOUR,
             .initial = "1s",
             .doc = "How often the rules are evaluated, unless a group says it itself."},
            {.name = "group_wait",
             .type = LD_FIELD_DURATION,
             .offset = AT(group_wait_ns),
             .maximum = LD_HOUR,
             .initial = "0s",
             .doc = "Alertmanager's group_wait, without a configuration of your own."},
            {.name = "group_interval",
             .type = LD_FIELD_DURATION,
             .offset = AT(group_interval_ns),
             .minimum = 100 * LD_MS,
             .maximum = LD_HOUR,
             .initial = "1s",
             .doc = "Alertmanager's group_interval: how long an end, or a return, may wait to be told. Without a "
                    "configuration of your own."},
            {.name = "window",
             .type = LD_FIELD_DURATION,
             .offset = AT(window_ns),
             .maximum = LD_DAY,
             .initial = "0s",
             .doc = "How long the rules must look before they can speak of such a leak, real time: their `for`, and "
                    "ranges that have to be full. A leak that ended sooner is neither hit nor miss. 0s: nobody knows, "
                    "and the deadline decides which leaks lasted long enough."},
            {.name = "unscaled",
             .type = LD_FIELD_BOOL,
             .offset = AT(unscaled),
             .initial = "false",
             .doc = "The windows of the rules are meant in real time as they stand. Needed where time_scale is not 1: "
                    "it hastens the target, and cannot hasten Prometheus."},
            {0}},
    .check = check_options,
    .example = "detectors:\n"
               "  - prometheus: my-rules.yml\n"
               "  - prometheus: {rules: other-rules.yml, scrape_interval: 5s, evaluation_interval: 5s, as: slower}\n"
               "  - prometheus: {rules: my-rules.yml, alertmanager: my-alertmanager.yml, as: routed}\n"
               "  - prometheus: {rules: my-rules.yml, labels: {job: shop, namespace: prod}, as: labelled}\n",
};

static bool prometheus_file(const struct ld_detector_setting *setting, size_t index,
                            struct ld_detector_file_use *ret_use)
{
    const struct ld_prometheus_options *options = setting->options;
    bool rules = index == LD_PROMETHEUS_FILE_RULES;
    if (!rules && (index != LD_PROMETHEUS_FILE_ALERTMANAGER || !has_alertmanager(options)))
        return false;
    ld_detector_beside(setting->scenario_file, rules ? options->rules : options->alertmanager, ret_use->path,
                       sizeof ret_use->path);
    ret_use->name = ret_use->path;
    ret_use->take = rules ? NULL : ld_alertmanager_keep;
    return true;
}

/* Of rules that leakdrill does not read, as their author tells it. */
static int64_t prometheus_window(const struct ld_detector_setting *setting)
{
    return ((const struct ld_prometheus_options *)setting->options)->window_ns;
}

static bool is_unscaled(const void *options)
{
    return ((const struct ld_prometheus_options *)options)->unscaled;
}

const struct ld_detector_kind ld_detector_prometheus = {
    .name = "prometheus",
    .type = LD_DETECTOR_WEBHOOK,
    .doc = "A Prometheus and an Alertmanager of their own for each run, unmodified, with a rule file of yours, and "
           "your Alertmanager's configuration where you give it: they scrape through the read gateway, and what they "
           "post are the alerts. Their intervals are inside the time to detect. The baseline waits until they are "
           "ready, some six seconds of limits.wall. No replay.",
    .reads = LD_READ_METRICS_PERIOD,
    .external_clock = true,
    .unscaled = is_unscaled,
    .short_option = "rules",
    .options = &options_schema,
    .options_size = sizeof(struct ld_prometheus_options),
    .file = prometheus_file,
    .window_ns = prometheus_window,
};
