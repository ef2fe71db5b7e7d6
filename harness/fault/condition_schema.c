/* Conditions as a scenario writes them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "fault/condition.h"

#define NAMES_MAX (LD_METRIC_COUNT + 1)

bool ld_metric_is_counter(enum ld_metric metric)
{
    switch (metric) {
    case LD_METRIC_GC_CYCLES:
    case LD_METRIC_GC_PAUSE_SUM:
    case LD_METRIC_PAUSE_GC:
    case LD_METRIC_PAUSE_OTHER:
    case LD_METRIC_ALLOC_BYTES:
    case LD_METRIC_ALLOC_OBJECTS:
    case LD_METRIC_CPU:
    case LD_METRIC_REQUESTS:
    case LD_METRIC_RESPONSES:
    case LD_METRIC_ERRORS:
    case LD_METRIC_READ_BYTES:
    case LD_METRIC_READ_TIME:
        return true;
    default:
        return false;
    }
}

static bool has_unit(enum ld_metric metric, const char *unit)
{
    return strcmp(ld_metric_table[metric].unit, unit) == 0;
}

/* A quantity of a metric: bytes and seconds carry their unit, everything else is a number; counters grow per second. */
static int parse_quantity(enum ld_metric metric, const char *text, double *ret_value, const char **ret_expected)
{
    int code;
    if (ld_metric_is_counter(metric)) {
        code = ld_parse_rate(text, ret_value, ret_expected);
        if (code)
            code = ld_parse_number(text, ret_value, ret_expected);
        *ret_expected = "growth per second, such as 5 or 5/s";
    } else if (has_unit(metric, "bytes")) {
        uint64_t bytes = 0;
        code = ld_parse_size(text, &bytes, ret_expected);
        *ret_value = (double)bytes;
    } else if (has_unit(metric, "seconds")) {
        int64_t ns = 0;
        code = ld_parse_duration(text, &ns, ret_expected);
        *ret_value = (double)ns / 1e9;
    } else {
        code = ld_parse_number(text, ret_value, ret_expected);
    }
    return code;
}

static int bind_quantity(struct ld_schema_context *context, const struct ld_node *node, enum ld_metric metric,
                         double *ret_value)
{
    const char *expected = "a number";
    if (node->kind != LD_NODE_SCALAR || parse_quantity(metric, node->text, ret_value, &expected) != 0)
        return ld_schema_error(context, node, LD_ESPEC, "must be %s", expected);
    return 0;
}

static int bind_metric(struct ld_schema_context *context, const struct ld_node *node, enum ld_metric *ret_metric)
{
    const char *names[NAMES_MAX] = {NULL};
    for (int i = 0; i < LD_METRIC_COUNT; i++)
        names[i] = ld_metric_table[i].name;
    if (node->kind != LD_NODE_SCALAR)
        return ld_schema_error(context, node, LD_ESPEC, "must be the name of a metric");
    int metric = ld_metric_find(node->text);
    if (metric < 0) {
        const char *nearest = ld_nearest(node->text, names);
        return ld_schema_error(context, node, LD_ESPEC, "unknown metric \"%.60s\"%s%s%s", node->text,
                               nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
    }
    if (ld_metric_table[metric].source == LD_SOURCE_PROFILE)
        return ld_schema_error(context, node, LD_ESPEC, "%s is derived from profiles and not observed by itself",
                               node->text);
    *ret_metric = (enum ld_metric)metric;
    return 0;
}

/* ---- when */


static const char *const severity_names[] = {"amber", "red", NULL}; /* enum ld_severity from 1 */

static int bind_when_metric(struct ld_schema_context *context, const struct ld_node *node, struct ld_when *when)
{
    const struct ld_node *over = ld_node_get(node, "over"), *under = ld_node_get(node, "under");
    const struct ld_node *limit = over ? over : under;
    size_t length = ld_schema_push(context, "metric");
    int code = bind_metric(context, ld_node_get(node, "metric"), &when->metric);
    ld_schema_pop(context, length);
    if (code)
        return code;
    if (!over == !under)
        return ld_schema_error(context, node, LD_ESPEC, "a metric needs one limit: over or under");
    when->kind = LD_WHEN_METRIC;
    when->over = over != NULL;
    length = ld_schema_push(context, over ? "over" : "under");
    code = bind_quantity(context, limit, when->metric, &when->limit);
    ld_schema_pop(context, length);
    return code;
}

static int bind_severity(struct ld_schema_context *context, const struct ld_node *node, const char *key,
                         enum ld_severity *ret_severity)
{
    size_t length = ld_schema_push(context, key);
    int code = 0, index = -1;
    for (int i = 0; node->kind == LD_NODE_SCALAR && severity_names[i]; i++)
        if (strcmp(node->text, severity_names[i]) == 0)
            index = i;
    if (index < 0)
        code = ld_schema_error(context, node, LD_ESPEC, "must be amber or red");
    else
        *ret_severity = (enum ld_severity)(index + 1);
    ld_schema_pop(context, length);
    return code;
}

static int bind_when_alert(struct ld_schema_context *context, const struct ld_node *node, struct ld_when *when)
{
    const struct ld_node *matrix = ld_node_get(node, "matrix"), *detector = ld_node_get(node, "detector"),
                         *severity = ld_node_get(node, "severity");
    when->kind = LD_WHEN_ALERT;
    when->severity = LD_SEVERITY_AMBER;
    if (matrix)
        return bind_severity(context, matrix, "matrix", &when->severity);
    if (detector->kind != LD_NODE_SCALAR || !*detector->text)
        return ld_schema_error(context, detector, LD_ESPEC, "must be the name of a detector of this scenario");
    when->detector = detector->text;
    return severity ? bind_severity(context, severity, "severity", &when->severity) : 0;
}

/* Only one of the three kinds, and only its own keys. */
static int check_when(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    static const struct {
        const char *key, *of;
    } owned[] = {{"over", "metric"}, {"under", "metric"}, {"severity", "detector"}};
    struct ld_when *when = value;
    bool metric = ld_node_get(node, "metric"), matrix = ld_node_get(node, "matrix"),
         detector = ld_node_get(node, "detector");
    when->node = node;
    when->detector = NULL;
    if (metric + matrix + detector != 1)
        return ld_schema_error(context, node, LD_ESPEC, "must name one of metric, matrix and detector");
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        if (ld_node_get(node, owned[i].key) && !ld_node_get(node, owned[i].of)) {
            size_t length = ld_schema_push(context, owned[i].key);
            int code = ld_schema_error(context, ld_node_get(node, owned[i].key), LD_ESPEC, "belongs to %s",
                                       owned[i].of);
            ld_schema_pop(context, length);
            return code;
        }
    return metric ? bind_when_metric(context, node, when) : bind_when_alert(context, node, when);
}

/* The keys whose meaning depends on others are read in check_when; here they are named and documented. */
static int leave(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                 void *value)
{
    (void)context, (void)field, (void)node, (void)value;
    return 0;
}

static const struct ld_field when_fields[] = {
    {.name = "matrix", .type = LD_FIELD_CUSTOM, .custom = leave,
     .doc = "amber or red: the scenario's matrix has an alert of at least this colour open."},
    {.name = "detector", .type = LD_FIELD_CUSTOM, .custom = leave,
     .doc = "The name of a detector of this scenario: it has an alert open."},
    {.name = "severity", .type = LD_FIELD_CUSTOM, .custom = leave,
     .doc = "amber or red: the detector's alert is at least that. Not given: amber."},
    {.name = "metric", .type = LD_FIELD_CUSTOM, .custom = leave,
     .doc = "A number that is observed, such as process_memory_resident_bytes, of any instance. A counter such as "
            "service_work_errors_total is judged by its growth per second."},
    {.name = "over", .type = LD_FIELD_CUSTOM, .custom = leave,
     .doc = "The metric is above this: a size or a duration with its unit, else a number."},
    {.name = "under", .type = LD_FIELD_CUSTOM, .custom = leave, .doc = "The metric is below this."},
    {.name = "for", .type = LD_FIELD_DURATION, .offset = offsetof(struct ld_when, for_ns), .initial = "0s",
     .maximum = (double)(24 * LD_HOUR), .doc = "Without a break for so long. Not given: at once."},
    {0},
};

const struct ld_schema ld_when_schema = {
    .name = "when",
    .doc = "What must be observed, by observation time: one of metric (over or under a limit), matrix (a colour) and "
           "detector (an alert).",
    .fields = when_fields,
    .check = check_when,
    .example = "when: {matrix: red, for: 3m}\n"
               "when: {detector: growth, severity: amber}\n"
               "when: {metric: process_memory_resident_bytes, over: 400MiB, for: 5s}\n",
};

const char *ld_condition_quantity(enum ld_metric metric, double value, char *text, size_t size)
{
    char duration[40];
    if (ld_metric_is_counter(metric))
        snprintf(text, size, "%.3g/s", value);
    else if (has_unit(metric, "bytes"))
        snprintf(text, size, "%.1fMiB", value / 1048576);
    else if (has_unit(metric, "seconds") && value >= 0 && value < 9e9)
        snprintf(text, size, "%s", ld_format_duration_short((int64_t)(value * 1e9 + 0.5), duration, sizeof duration));
    else
        snprintf(text, size, "%.6g", value);
    return text;
}

const char *ld_when_text(const struct ld_when *when, char *text, size_t size)
{
    char limit[48], lasts[40] = "";
    if (when->for_ns)
        ld_format_duration_short(when->for_ns, lasts, sizeof lasts);
    if (when->kind == LD_WHEN_METRIC)
        snprintf(text, size, "%s %s %s", ld_metric_table[when->metric].name, when->over ? "over" : "under",
                 ld_condition_quantity(when->metric, when->limit, limit, sizeof limit));
    else
        snprintf(text, size, "%s %s", when->detector ? when->detector : "matrix", severity_names[when->severity - 1]);
    size_t used = strlen(text);
    if (*lasts && used < size)
        snprintf(text + used, size - used, " for %s", lasts);
    return text;
}

/* ---- steady */

static int bind_steady_metric(struct ld_schema_context *context, const struct ld_node *item, struct ld_steady *steady)
{
    struct ld_steady_metric *metric = &steady->metrics[steady->metric_count];
    bool mapping = item->kind == LD_NODE_MAPPING && item->count == 1;
    if (item->kind != LD_NODE_SCALAR && !mapping)
        return ld_schema_error(context, item, LD_ESPEC,
                               "must be a metric's name, or a mapping of one name to its slack");
    *metric = (struct ld_steady_metric){0};
    int code = bind_metric(context, mapping ? item->keys[0] : item, &metric->metric);
    if (!code && mapping)
        code = bind_quantity(context, item->items[0], metric->metric, &metric->slack);
    for (size_t i = 0; !code && i < steady->metric_count; i++)
        if (steady->metrics[i].metric == metric->metric)
            code = ld_schema_error(context, item, LD_ESPEC, "%s stands here twice",
                                   ld_metric_table[metric->metric].name);
    if (!code)
        steady->metric_count++;
    return code;
}

static int bind_steady_metrics(struct ld_schema_context *context, const struct ld_field *field,
                               const struct ld_node *node, void *value)
{
    struct ld_steady *steady = value; /* the field's offset is 0 */
    int code = 0;
    (void)field;
    steady->metric_count = 0;
    if (node->kind != LD_NODE_SEQUENCE || node->count == 0)
        return ld_schema_error(context, node, LD_ESPEC,
                               "must be a list of metrics, such as [go_sched_goroutines_count]");
    if (node->count > LD_STEADY_METRICS_MAX)
        return ld_schema_error(context, node, LD_ELIMIT, "more than %d metrics", LD_STEADY_METRICS_MAX);
    for (size_t i = 0; i < node->count; i++) {
        size_t length = ld_schema_push_index(context, i);
        int failed = bind_steady_metric(context, node->items[i], steady);
        ld_schema_pop(context, length);
        code = code ? code : failed;
    }
    return code;
}

static int check_steady(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    const struct ld_steady *steady = value;
    if (steady->at_most_ns < steady->for_ns)
        return ld_schema_error(context, node, LD_ESPEC, "at_most is shorter than for: the gate could never open");
    for (size_t i = 0; i < steady->metric_count && steady->per_second <= 0; i++)
        if (ld_metric_table[steady->metrics[i].metric].source == LD_SOURCE_LOAD)
            return ld_schema_error(context, node, LD_ESPEC,
                                   "%s is what the load sees: give a load, such as load: 20/s",
                                   ld_metric_table[steady->metrics[i].metric].name);
    return 0;
}

#define AT(member) offsetof(struct ld_steady, member)
static const struct ld_field steady_fields[] = {
    {.name = "metrics", .type = LD_FIELD_CUSTOM, .offset = 0, .flags = LD_FIELD_REQUIRED, .custom = bind_steady_metrics,
     .doc = "What must stand still, of every instance: names, or {name: slack} with a slack in the metric's unit that "
            "is allowed beside `within`. Counters by their growth per second."},
    {.name = "within", .type = LD_FIELD_PERCENT, .offset = AT(within), .maximum = 1, .initial = "10%",
     .doc = "By how much of their mean the values may differ from one another."},
    {.name = "for", .type = LD_FIELD_DURATION, .offset = AT(for_ns), .flags = LD_FIELD_REQUIRED, .minimum = 1e6,
     .maximum = (double)LD_HOUR, .doc = "Over a stretch of this length without a failed read."},
    {.name = "at_most", .type = LD_FIELD_DURATION, .offset = AT(at_most_ns), .minimum = 1e6,
     .maximum = (double)(24 * LD_HOUR), .initial = "30s",
     .doc = "The gate waits so long; then the run is void, not failed."},
    {.name = "load", .type = LD_FIELD_RATE, .offset = AT(per_second), .maximum = 100000,
     .doc = "Requests of load.path from the gate's beginning until the method's load begins. Not given: none."},
    {0},
};

const struct ld_schema ld_steady_schema = {
    .name = "steady",
    .doc = "The gate before the method: it begins only once these numbers stood still. Their bounds are also what a "
           "reaction's recovery is measured against.",
    .fields = steady_fields,
    .check = check_steady,
    .example = "steady: {metrics: [{go_sched_goroutines_count: 5}], within: 10%, for: 5s}\n",
};
