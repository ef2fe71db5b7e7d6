/* The slope of the goroutine count over a sliding window. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "detect/builtin.h"
#include "detect/watch.h"
#include "observe/series.h"

/* A window is cut into at most so many points: samples that follow each other faster are passed over. */
#define POINTS_PER_WINDOW 1024

struct options {
    int64_t window_ns;
    double per_second;
};

static const struct ld_schema options_schema = {
    .name = "growth",
    .doc = "How steep the goroutine count may rise, and for how long.",
    .fields =
        (const struct ld_field[]){
            {.name = "window", .type = LD_FIELD_DURATION, .offset = offsetof(struct options, window_ns),
             .minimum = (double)(10 * LD_MS), .maximum = (double)LD_DAY, .initial = "1m",
             .doc = "The slope is the least-squares line over so much time, divided by time_scale; nothing is said "
                    "before a life has lasted as long."},
            {.name = "per_second", .type = LD_FIELD_NUMBER, .offset = offsetof(struct options, per_second),
             .minimum = 0, .maximum = 1e9, .initial = "0.25",
             .doc = "Goroutines per second, of the schedule as written; a steeper line is claimed."},
            {0}},
};

struct life {
    bool ready;
    struct ld_series counts;
};

struct detector {
    struct ld_watch watch;
    int64_t window_ns;
    double per_second; /* of observation time */
};

static void life_done(void *state)
{
    struct life *life = state;
    if (life->ready)
        ld_series_done(&life->counts);
}

static int growth_open(void **ret_state, const struct ld_detector_setting *setting, struct ld_error *error)
{
    const struct options *options = setting->options;
    struct detector *detector = calloc(1, sizeof *detector);
    if (!detector)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    ld_watch_init(&detector->watch, sizeof(struct life), life_done);
    detector->window_ns = ld_scaled_ns(options->window_ns, setting->time_scale);
    detector->per_second = options->per_second * setting->time_scale;
    *ret_state = detector;
    return 0;
}

static int64_t growth_window(const struct ld_detector_setting *setting)
{
    const struct options *options = setting->options;
    return ld_scaled_ns(options->window_ns, setting->time_scale);
}

static int add(struct detector *detector, struct life *life, int64_t time_ns, double count)
{
    if (!life->ready) {
        int code = ld_series_init(&life->counts, detector->window_ns);
        if (code)
            return code;
        life->ready = true;
    }
    const struct ld_series *counts = &life->counts;
    if (counts->count && time_ns <= counts->points[counts->count - 1].time_ns + detector->window_ns / POINTS_PER_WINDOW)
        return 0;
    return ld_series_add(&life->counts, time_ns, count);
}

static int judge(struct detector *detector, struct ld_life_state *life, const struct ld_observation *observation,
                 const struct ld_alert_sink *sink)
{
    struct life *state = life->state;
    struct ld_window_facts facts = {0};
    bool steep = ld_series_window(&state->counts, observation->time_ns, detector->window_ns, &facts) &&
                 facts.slope_per_second > detector->per_second;
    char window[32], why[200];
    ld_format_duration_short(detector->window_ns, window, sizeof window);
    snprintf(why, sizeof why, "the goroutine count rose by %.2f/s over %s, from %.0f to %.0f", facts.slope_per_second,
             window, facts.first, facts.last);
    double gained = facts.growth > 0 ? facts.growth : 0;
    struct ld_alert alert = {.cause = LD_CAUSE_GOROUTINE_GROWTH, .amount = gained, .severity = LD_SEVERITY_AMBER,
                             .why = why};
    return ld_claim_only(&detector->watch, life, observation, sink, steep, &alert,
                         "the goroutine count no longer rises so fast");
}

static int growth_observe(void *state, const struct ld_observation *observation, const struct ld_alert_sink *sink)
{
    struct detector *detector = state;
    struct ld_life_state *life;
    double count;
    int code = ld_watch_count(&detector->watch, observation, sink, &life, &count);
    if (code || !life)
        return code;
    code = add(detector, life->state, observation->time_ns, count);
    return code ? code : judge(detector, life, observation, sink);
}

static void growth_close(void *state)
{
    struct detector *detector = state;
    ld_watch_done(&detector->watch);
    free(detector);
}

const struct ld_detector_kind ld_detector_growth = {
    .name = "growth",
    .type = LD_DETECTOR_BUILTIN,
    .doc = "Claims a leak while the least-squares line through the goroutine counts of the last `window` rises by more "
           "than `per_second`; the counts must cover the whole window. Names neither cause nor site.",
    .reads = LD_READ_METRICS_PERIOD,
    .options = &options_schema,
    .options_size = sizeof(struct options),
    .open = growth_open,
    .window_ns = growth_window,
    .observe = growth_observe,
    .close = growth_close,
};
