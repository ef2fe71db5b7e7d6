/* The goroutine count against two fixed limits, as a circuit breaker has them (d1 2.5). */
#include <stdio.h>
#include <stdlib.h>

#include "detect/builtin.h"
#include "detect/watch.h"

struct options {
    int64_t warn, break_at;
};

static int check_options(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    const struct options *options = value;
    if (options->warn >= options->break_at)
        return ld_schema_error(context, node, LD_ESPEC, "warn (%lld) must be below break (%lld)",
                               (long long)options->warn, (long long)options->break_at);
    return 0;
}

static const struct ld_schema options_schema = {
    .name = "threshold",
    .doc = "The two limits of the goroutine count.",
    .fields =
        (const struct ld_field[]){
            {.name = "warn", .type = LD_FIELD_INTEGER, .offset = offsetof(struct options, warn), .minimum = 1,
             .maximum = 1e9, .initial = "500", .doc = "Above so many goroutines the alert is amber."},
            {.name = "break", .type = LD_FIELD_INTEGER, .offset = offsetof(struct options, break_at), .minimum = 1,
             .maximum = 1e9, .initial = "2000", .doc = "Above so many goroutines the alert is red."},
            {0}},
    .check = check_options,
};

struct detector {
    struct ld_watch watch;
    struct options options;
};

static int threshold_open(void **ret_state, const struct ld_detector_setting *setting, struct ld_error *error)
{
    struct detector *detector = calloc(1, sizeof *detector);
    if (!detector)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    ld_watch_init(&detector->watch, 1, NULL);
    detector->options = *(const struct options *)setting->options;
    *ret_state = detector;
    return 0;
}

/* Green has no claim; amber and red are one claim each, never both. */
static int judge(struct detector *detector, struct ld_life_state *life, const struct ld_observation *observation,
                 const struct ld_alert_sink *sink, double count)
{
    enum ld_severity before = life->claim_count ? life->claims[0].severity : LD_SEVERITY_GREEN;
    enum ld_severity now = count > (double)detector->options.break_at ? LD_SEVERITY_RED
                           : count > (double)detector->options.warn   ? LD_SEVERITY_AMBER
                                                                      : LD_SEVERITY_GREEN;
    if (now == before)
        return 0;
    char why[160];
    int64_t limit = now == LD_SEVERITY_RED || before == LD_SEVERITY_RED ? detector->options.break_at
                                                                        : detector->options.warn;
    snprintf(why, sizeof why, "%.0f goroutines, the limit is %lld", count, (long long)limit);
    if (before != LD_SEVERITY_GREEN)
        ld_claim_close(life, observation, sink, 0, why);
    if (now == LD_SEVERITY_GREEN)
        return 0;
    struct ld_alert alert = {.cause = LD_CAUSE_GOROUTINE_GROWTH, .amount = count, .severity = now, .why = why};
    return ld_claim_open(&detector->watch, life, observation, sink, &alert);
}

static int threshold_observe(void *state, const struct ld_observation *observation, const struct ld_alert_sink *sink)
{
    struct detector *detector = state;
    struct ld_life_state *life;
    double count;
    int code = ld_watch_count(&detector->watch, observation, sink, &life, &count);
    if (code || !life)
        return code;
    return judge(detector, life, observation, sink, count);
}

static int64_t threshold_least(const struct ld_detector_setting *setting)
{
    const struct options *options = setting->options;
    return options->warn + 1;
}

static void threshold_close(void *state)
{
    struct detector *detector = state;
    ld_watch_done(&detector->watch);
    free(detector);
}

const struct ld_detector_kind ld_detector_threshold = {
    .name = "threshold",
    .type = LD_DETECTOR_BUILTIN,
    .doc = "Amber while there are more than `warn` goroutines, red while there are more than `break`; closes when the "
           "count falls back. Names neither cause nor site.",
    .reads = LD_READ_METRICS_PERIOD,
    .options = &options_schema,
    .options_size = sizeof(struct options),
    .open = threshold_open,
    .least_goroutines = threshold_least,
    .observe = threshold_observe,
    .close = threshold_close,
};
