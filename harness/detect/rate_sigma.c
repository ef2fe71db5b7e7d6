/* The mean and the latest rate of the goroutine count against the deviation of its rates: the rule that EVE's watcher
 * (lf-edge/eve, pkg/pillar/docs/watcher.md) describes, written from that description. Interval, window and threshold
 * are its published defaults; the description gives neither the length of the moving average nor a factor of the
 * deviation, so `smooth` and `sigmas` are ours. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "detect/builtin.h"
#include "detect/watch.h"
#include "observe/series.h"

#define MEASUREMENTS_MIN 10 /* in a window, as EVE wants */
#define MEASUREMENTS_MAX 1440

struct options {
    int64_t threshold, interval_ns, window_ns, smooth;
    double sigmas;
};

static int check_options(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    const struct options *options = value;
    int64_t measurements = options->window_ns / options->interval_ns;
    if (measurements < MEASUREMENTS_MIN || measurements > MEASUREMENTS_MAX)
        return ld_schema_error(context, node, LD_ESPEC, "window must hold %d to %d intervals, not %lld",
                               MEASUREMENTS_MIN, MEASUREMENTS_MAX, (long long)measurements);
    if (options->smooth > measurements / 2)
        return ld_schema_error(context, node, LD_ESPEC, "smooth (%lld) must be at most half the %lld measurements",
                               (long long)options->smooth, (long long)measurements);
    return 0;
}

#define OPTION(member) .offset = offsetof(struct options, member)
static const struct ld_schema options_schema = {
    .name = "rate-sigma",
    .doc = "How often the goroutine count is measured, over how long it is judged, and against what.",
    .fields =
        (const struct ld_field[]){
            {.name = "threshold",
             .type = LD_FIELD_INTEGER,
             OPTION(threshold),
             .minimum = 1,
             .maximum = 1e9,
             .initial = "5000",
             .doc = "So many goroutines are a leak however fast they came."},
            {.name = "interval",
             .type = LD_FIELD_DURATION,
             OPTION(interval_ns),
             .minimum = (double)LD_MS,
             .maximum = (double)LD_DAY,
             .initial = "1m",
             .doc =
                 "Between two measurements, divided by time_scale: the sample that is nearest to it. Best a multiple "
                 "of sampling.every, and no less."},
            {.name = "window",
             .type = LD_FIELD_DURATION,
             OPTION(window_ns),
             .minimum = (double)(10 * LD_MS),
             .maximum = (double)LD_DAY,
             .initial = "10m",
             .doc = "What is judged, divided by time_scale."},
            {.name = "smooth",
             .type = LD_FIELD_INTEGER,
             OPTION(smooth),
             .minimum = 1,
             .maximum = 100,
             .initial = "3",
             .doc = "Measurements in the moving average."},
            {.name = "sigmas",
             .type = LD_FIELD_NUMBER,
             OPTION(sigmas),
             .minimum = 0,
             .maximum = 100,
             .initial = "1",
             .doc = "Mean rate and latest rate must both be over so many standard deviations of the rates."},
            {0}},
    .check = check_options,
};

struct life {
    struct ld_series counts;
    bool ready;
};

struct detector {
    struct ld_watch watch;
    struct options options; /* durations in observation time */
    int64_t period_ns;
};

static void life_done(void *state)
{
    struct life *life = state;
    if (life->ready)
        ld_series_done(&life->counts);
}

static int rate_sigma_open(void **ret_state, const struct ld_detector_setting *setting, struct ld_error *error)
{
    struct detector *detector = calloc(1, sizeof *detector);
    if (!detector)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    ld_watch_init(&detector->watch, sizeof(struct life), life_done);
    detector->options = *(const struct options *)setting->options;
    detector->options.interval_ns = ld_scaled_ns(detector->options.interval_ns, setting->time_scale);
    detector->options.window_ns = ld_scaled_ns(detector->options.window_ns, setting->time_scale);
    detector->period_ns = setting->period_ns;
    *ret_state = detector;
    return 0;
}

static int64_t rate_sigma_interval(const struct ld_detector_setting *setting)
{
    return ld_scaled_ns(((const struct options *)setting->options)->interval_ns, setting->time_scale);
}

static int64_t rate_sigma_window(const struct ld_detector_setting *setting)
{
    return ld_scaled_ns(((const struct options *)setting->options)->window_ns, setting->time_scale);
}

/* One measurement an interval; *ret_taken says whether this count was one. */
static int measure(const struct detector *detector, struct life *life, int64_t time_ns, double count, bool *ret_taken)
{
    if (!life->ready) {
        int code = ld_series_init(&life->counts, detector->options.window_ns);
        if (code)
            return code;
        life->ready = true;
    }
    const struct ld_series *counts = &life->counts;
    *ret_taken = !counts->count || ld_interval_passed(time_ns - counts->points[counts->count - 1].time_ns,
                                                      detector->options.interval_ns, detector->period_ns);
    return *ret_taken ? ld_series_add(&life->counts, time_ns, count) : 0;
}

/* The moving average that ends at measurement `at`. */
static double smoothed(const struct ld_series *counts, size_t at, size_t width)
{
    double sum = 0;
    for (size_t i = at + 1 - width; i <= at; i++)
        sum += counts->points[i].value;
    return sum / (double)width;
}

struct rates {
    double mean, deviation, latest; /* goroutines per interval */
};

/* False while there are too few measurements. */
static bool rates_of(const struct ld_series *counts, size_t width, struct rates *ret_rates)
{
    if (counts->count < MEASUREMENTS_MIN || counts->count < width + 2)
        return false;
    size_t number = counts->count - width;
    double sum = 0, squares = 0, latest = 0;
    for (size_t i = width; i < counts->count; i++) {
        latest = smoothed(counts, i, width) - smoothed(counts, i - 1, width);
        sum += latest;
    }
    double mean = sum / (double)number;
    for (size_t i = width; i < counts->count; i++) {
        double distance = smoothed(counts, i, width) - smoothed(counts, i - 1, width) - mean;
        squares += distance * distance;
    }
    *ret_rates = (struct rates){.mean = mean, .deviation = sqrt(squares / (double)number), .latest = latest};
    return true;
}

static int judge(struct detector *detector, struct ld_life_state *life, const struct ld_observation *observation,
                 const struct ld_alert_sink *sink, double count)
{
    const struct options *options = &detector->options;
    const struct life *state = life->state;
    struct rates rates = {0};
    double bound = 0;
    bool steep = false;
    if (rates_of(&state->counts, (size_t)options->smooth, &rates)) {
        bound = options->sigmas * rates.deviation;
        steep = rates.mean > bound && rates.latest > bound;
    }
    bool many = count >= (double)options->threshold;
    char why[240];
    if (many)
        snprintf(why, sizeof why, "%.0f goroutines, the threshold is %lld", count, (long long)options->threshold);
    else
        snprintf(why, sizeof why,
                 "the smoothed count rises by %.2f an interval on average and by %.2f now, both over %.2f (%g sigma of "
                 "its rates)",
                 rates.mean, rates.latest, bound, options->sigmas);
    struct ld_alert alert = {.cause = LD_CAUSE_GOROUTINE_GROWTH, .amount = count, .severity = LD_SEVERITY_AMBER,
                             .why = why};
    return ld_claim_only(&detector->watch, life, observation, sink, many || steep, &alert,
                         "the rates are within their deviation");
}

static int rate_sigma_observe(void *state, const struct ld_observation *observation, const struct ld_alert_sink *sink)
{
    struct detector *detector = state;
    struct ld_life_state *life;
    double count;
    int code = ld_watch_count(&detector->watch, observation, sink, &life, &count);
    if (code || !life || observation->purpose != LD_PURPOSE_PERIOD) /* the looks around the load keep no rhythm */
        return code;
    bool taken;
    code = measure(detector, life->state, observation->time_ns, count, &taken);
    return code || !taken ? code : judge(detector, life, observation, sink, count);
}

static void rate_sigma_close(void *state)
{
    struct detector *detector = state;
    ld_watch_done(&detector->watch);
    free(detector);
}

const struct ld_detector_kind ld_detector_rate_sigma = {
    .name = "rate-sigma",
    .type = LD_DETECTOR_BUILTIN,
    .doc =
        "The rule of EVE's watcher: the goroutine count is measured every `interval` and smoothed; a leak is claimed "
        "while both the mean and the latest of its rates within `window` are over `sigmas` standard deviations of "
        "those rates, or the count reaches `threshold`. Names neither cause nor site.",
    .reads = LD_READ_METRICS_PERIOD,
    .options = &options_schema,
    .options_size = sizeof(struct options),
    .open = rate_sigma_open,
    .interval_ns = rate_sigma_interval,
    .window_ns = rate_sigma_window,
    .observe = rate_sigma_observe,
    .close = rate_sigma_close,
};
