/* Collections that come more often while goroutines pile up: the double verification of pprof and gctrace in the field
 * notes (d2 4.1: frequency up by 300 %, goroutines by more than 500 %). */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "detect/builtin.h"
#include "detect/watch.h"
#include "observe/series.h"

struct options {
    int64_t window_ns;
    double frequency, goroutines;
};

#define OPTION(member) .offset = offsetof(struct options, member)
static const struct ld_schema options_schema = {
    .name = "gc-frequency",
    .doc = "How much more often than in its first window a life may collect, and how many more goroutines it may hold.",
    .fields =
        (const struct ld_field[]){
            {.name = "window", .type = LD_FIELD_DURATION, OPTION(window_ns), .minimum = (double)(10 * LD_MS),
             .maximum = (double)LD_DAY, .initial = "30s",
             .doc = "Collections are counted over so much time, divided by time_scale. The first window of a life is "
                    "what later ones are held against."},
            {.name = "frequency", .type = LD_FIELD_NUMBER, OPTION(frequency), .minimum = 1, .maximum = 1e6,
             .initial = "4", .doc = "Times as many collections as in the first window (4: 300 % more)."},
            {.name = "goroutines", .type = LD_FIELD_NUMBER, OPTION(goroutines), .minimum = 1, .maximum = 1e6,
             .initial = "6", .doc = "Times as many goroutines as in the first window (6: 500 % more)."},
            {0}},
};

struct life {
    struct ld_series cycles;
    bool ready;
    bool known; /* the first window is complete */
    double first_cycles, first_goroutines;
};

struct detector {
    struct ld_watch watch;
    struct options options; /* the window in observation time */
    bool told; /* collections, by anybody */
};

static void life_done(void *state)
{
    struct life *life = state;
    if (life->ready)
        ld_series_done(&life->cycles);
}

static int gc_frequency_open(void **ret_state, const struct ld_detector_setting *setting, struct ld_error *error)
{
    struct detector *detector = calloc(1, sizeof *detector);
    if (!detector)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    ld_watch_init(&detector->watch, sizeof(struct life), life_done);
    detector->options = *(const struct options *)setting->options;
    detector->options.window_ns = ld_scaled_ns(detector->options.window_ns, setting->time_scale);
    *ret_state = detector;
    return 0;
}

/* The window to compare with, and the one that is compared. */
static int64_t gc_frequency_window(const struct ld_detector_setting *setting)
{
    return 2 * ld_scaled_ns(((const struct options *)setting->options)->window_ns, setting->time_scale);
}

static int add(const struct detector *detector, struct life *life, int64_t time_ns, double cycles)
{
    if (!life->ready) {
        int code = ld_series_init(&life->cycles, detector->options.window_ns);
        if (code)
            return code;
        life->ready = true;
    }
    return ld_series_add(&life->cycles, time_ns, cycles);
}

/* A first window without a collection counts as one: nothing can be a multiple of none. */
static void learn(struct life *life, double cycles, double goroutines)
{
    life->known = true;
    life->first_cycles = cycles > 1 ? cycles : 1;
    life->first_goroutines = goroutines > 1 ? goroutines : 1;
}

static int judge(struct detector *detector, struct ld_life_state *life, const struct ld_observation *observation,
                 const struct ld_alert_sink *sink, double goroutines)
{
    const struct options *options = &detector->options;
    struct life *state = life->state;
    struct ld_window_facts facts;
    if (!ld_series_window(&state->cycles, observation->time_ns, options->window_ns, &facts))
        return 0;
    if (!state->known)
        learn(state, facts.growth, goroutines);
    bool holds = facts.growth >= options->frequency * state->first_cycles &&
                 goroutines >= options->goroutines * state->first_goroutines;
    char window[32], why[240];
    ld_format_duration_short(options->window_ns, window, sizeof window);
    snprintf(why, sizeof why, "%.0f collections in %s, %.0f in the first; %.0f goroutines, %.0f then", facts.growth,
             window, state->first_cycles, goroutines, state->first_goroutines);
    struct ld_alert alert = {.cause = LD_CAUSE_GOROUTINE_GROWTH, .amount = goroutines - state->first_goroutines,
                             .severity = LD_SEVERITY_RED, .why = why};
    return ld_claim_only(&detector->watch, life, observation, sink, holds, &alert,
                         "collections or goroutines are fewer again");
}

static int gc_frequency_observe(void *state, const struct ld_observation *observation, const struct ld_alert_sink *sink)
{
    struct detector *detector = state;
    struct ld_life_state *life;
    double goroutines, cycles;
    int code = ld_watch_count(&detector->watch, observation, sink, &life, &goroutines);
    if (code || !life || !ld_observation_point(observation, LD_METRIC_GC_CYCLES, &cycles))
        return code;
    detector->told = true;
    code = add(detector, life->state, observation->time_ns, cycles);
    return code ? code : judge(detector, life, observation, sink, goroutines);
}

/* Without a count of collections it cannot speak. */
static bool gc_frequency_reached(const void *state, char *why, size_t room)
{
    const struct detector *detector = state;
    if (!detector->told)
        snprintf(why, room, "it judges by collections and goroutines, and nothing told of collections (%s)",
                 ld_metric_table[LD_METRIC_GC_CYCLES].name);
    return detector->told;
}

static void gc_frequency_close(void *state)
{
    struct detector *detector = state;
    ld_watch_done(&detector->watch);
    free(detector);
}

const struct ld_detector_kind ld_detector_gc_frequency = {
    .name = "gc-frequency",
    .type = LD_DETECTOR_BUILTIN,
    .doc = "The field notes' double verification: claims a leak while the last `window` has `frequency` times the "
           "collections and `goroutines` times the goroutines of the first window of this life. It takes a busier "
           "program for a leaking one, and sees no leak that leaves the collector alone. Names neither cause nor site.",
    .reads = LD_READ_METRICS_PERIOD,
    .options = &options_schema,
    .options_size = sizeof(struct options),
    .open = gc_frequency_open,
    .window_ns = gc_frequency_window,
    .reached = gc_frequency_reached,
    .observe = gc_frequency_observe,
    .close = gc_frequency_close,
};
