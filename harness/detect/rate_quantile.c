/* The rate of the goroutine count together with a quantile of the collector's pauses: the field notes' joint alert
 * (d2 4.4: rate(goroutines[5m]) > 10 and the 99th percentile of the pauses of one hour > 15 ms). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "detect/builtin.h"
#include "detect/watch.h"
#include "observe/series.h"
#include "pprof/trace_line.h"

#define PAUSES_MAX 4096 /* the youngest of the window */

struct options {
    int64_t rate_window_ns, pause_window_ns, pause_ns;
    double per_second, quantile;
};

#define OPTION(member) .offset = offsetof(struct options, member)
static const struct ld_schema options_schema = {
    .name = "rate-quantile",
    .doc = "How steep the goroutine count may rise while the collector's pauses are long.",
    .fields =
        (const struct ld_field[]){
            {.name = "per_second", .type = LD_FIELD_RATE, OPTION(per_second), .minimum = 1e-6, .maximum = 1e9,
             .initial = "10/s", .doc = "The count must rise faster than this."},
            {.name = "over", .type = LD_FIELD_DURATION, OPTION(rate_window_ns), .minimum = (double)(10 * LD_MS),
             .maximum = (double)LD_DAY, .initial = "5m", .doc = "The count's window, divided by time_scale."},
            {.name = "pause", .type = LD_FIELD_DURATION, OPTION(pause_ns), .minimum = 0, .maximum = (double)LD_HOUR,
             .initial = "15ms", .doc = "The quantile of the pauses must be over this. Not divided by time_scale."},
            {.name = "quantile", .type = LD_FIELD_PERCENT, OPTION(quantile), .minimum = 0, .maximum = 1,
             .initial = "99%", .doc = "Which quantile of the stop-the-world times, by nearest rank."},
            {.name = "pauses_over", .type = LD_FIELD_DURATION, OPTION(pause_window_ns),
             .minimum = (double)(10 * LD_MS), .maximum = (double)LD_DAY, .initial = "1h",
             .doc = "The pauses' window, divided by time_scale; of more than 4096 collections the last 4096."},
            {0}},
};

struct pause {
    int64_t time_ns, length_ns;
};

struct life {
    struct ld_series counts;
    bool ready;
    struct pause *pauses; /* a ring of PAUSES_MAX */
    size_t first, count;
};

struct detector {
    struct ld_watch watch;
    struct options options; /* windows and rate in observation time */
    double time_scale;
    bool full, died;     /* in any life: a whole window; a death that nobody meant */
    double steepest;     /* of all lives, a second of observation time: over a whole window */
    int64_t highest_ns;  /* of all quantiles of all lives; -1: no pause was seen */
};

static void life_done(void *state)
{
    struct life *life = state;
    if (life->ready)
        ld_series_done(&life->counts);
    free(life->pauses);
}

static int rate_quantile_open(void **ret_state, const struct ld_detector_setting *setting, struct ld_error *error)
{
    struct detector *detector = calloc(1, sizeof *detector);
    if (!detector)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    ld_watch_init(&detector->watch, sizeof(struct life), life_done);
    struct options *options = &detector->options;
    *options = *(const struct options *)setting->options;
    options->rate_window_ns = ld_scaled_ns(options->rate_window_ns, setting->time_scale);
    options->pause_window_ns = ld_scaled_ns(options->pause_window_ns, setting->time_scale);
    options->per_second *= setting->time_scale;
    detector->time_scale = setting->time_scale;
    detector->highest_ns = -1;
    *ret_state = detector;
    return 0;
}

static int64_t rate_quantile_window(const struct ld_detector_setting *setting)
{
    return ld_scaled_ns(((const struct options *)setting->options)->rate_window_ns, setting->time_scale);
}

static int prepare(const struct detector *detector, struct life *life)
{
    if (life->ready)
        return 0;
    struct pause *pauses = calloc(PAUSES_MAX, sizeof *pauses);
    if (!pauses)
        return LD_ENOMEM;
    int code = ld_series_init(&life->counts, detector->options.rate_window_ns);
    if (code) {
        free(pauses);
        return code;
    }
    life->pauses = pauses;
    life->ready = true;
    return 0;
}

static void take_pause(struct life *life, int64_t time_ns, int64_t length_ns)
{
    if (life->count == PAUSES_MAX) {
        life->first = (life->first + 1) % PAUSES_MAX;
        life->count--;
    }
    life->pauses[(life->first + life->count++) % PAUSES_MAX] = (struct pause){time_ns, length_ns};
}

static void forget_pauses(struct life *life, int64_t until_ns)
{
    while (life->count && life->pauses[life->first].time_ns <= until_ns) {
        life->first = (life->first + 1) % PAUSES_MAX;
        life->count--;
    }
}

static int compare_lengths(const void *left, const void *right)
{
    const int64_t *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

/* Nearest rank; -1 without a pause. */
static int64_t quantile_of(const struct life *life, double quantile)
{
    if (!life->count)
        return -1;
    int64_t lengths[PAUSES_MAX];
    for (size_t i = 0; i < life->count; i++)
        lengths[i] = life->pauses[(life->first + i) % PAUSES_MAX].length_ns;
    qsort(lengths, life->count, sizeof *lengths, compare_lengths);
    size_t rank = (size_t)ceil(quantile * (double)life->count - 1e-9); /* from 1 */
    return lengths[rank > 1 ? rank - 1 : 0];
}

static int judge(struct detector *detector, struct ld_life_state *life, const struct ld_observation *observation,
                 const struct ld_alert_sink *sink)
{
    const struct options *options = &detector->options;
    struct life *state = life->state;
    struct ld_window_facts facts = {0};
    bool full = ld_series_window(&state->counts, observation->time_ns, options->rate_window_ns, &facts);
    double rate = full ? facts.growth / ((double)facts.covered_ns / (double)LD_SECOND) : 0;
    detector->full = detector->full || full;
    bool steep = rate > options->per_second;
    if (rate > detector->steepest)
        detector->steepest = rate;
    int64_t pause_ns = quantile_of(state, options->quantile);
    if (pause_ns > detector->highest_ns)
        detector->highest_ns = pause_ns;
    char pause[32], why[240];
    ld_format_duration_short(pause_ns < 0 ? 0 : pause_ns, pause, sizeof pause);
    snprintf(why, sizeof why, "goroutines rose from %.0f to %.0f, and the %g%% quantile of %zu pauses is %s",
             facts.first, facts.last, options->quantile * 100, state->count, pause);
    struct ld_alert alert = {.cause = LD_CAUSE_GOROUTINE_GROWTH, .amount = facts.growth > 0 ? facts.growth : 0,
                             .severity = LD_SEVERITY_RED, .why = why};
    return ld_claim_only(&detector->watch, life, observation, sink, steep && pause_ns > options->pause_ns, &alert,
                         "the rate or the pauses are lower again");
}

/* A line of gctrace: both stop-the-world phases are one collection's pause. */
static int take_line(struct detector *detector, const struct ld_observation *observation)
{
    struct ld_life_state *life = ld_watch_find(&detector->watch, observation->instance);
    struct ld_gctrace trace;
    if (!life || life->ended || life->incarnation != observation->incarnation ||
        !ld_gctrace_parse(observation->text, strlen(observation->text), &trace))
        return 0;
    int code = prepare(detector, life->state);
    if (!code)
        take_pause(life->state, observation->time_ns, trace.stw_sweep_ns + trace.stw_mark_ns);
    return code;
}

static int rate_quantile_observe(void *state, const struct ld_observation *observation,
                                 const struct ld_alert_sink *sink)
{
    struct detector *detector = state;
    struct ld_life_state *life;
    double count;
    detector->died = detector->died || (observation->kind == LD_OBSERVATION_LIFE &&
                                        observation->life == LD_LIFE_ENDED && !observation->expected);
    int code = ld_watch_count(&detector->watch, observation, sink, &life, &count);
    if (!code && observation->kind == LD_OBSERVATION_LINE)
        return take_line(detector, observation);
    if (code || !life)
        return code;
    struct life *own = life->state;
    code = prepare(detector, own);
    if (!code)
        code = ld_series_add(&own->counts, observation->time_ns, count);
    if (code)
        return code;
    forget_pauses(own, observation->time_ns - detector->options.pause_window_ns);
    return judge(detector, life, observation, sink);
}

/* Were both published levels reached, be it at different times? What a leak killed before a window was whole is missed:
 * that the detector waits so long is its own rule. */
static bool rate_quantile_reached(const void *state, char *why, size_t room)
{
    const struct detector *detector = state;
    const struct options *options = &detector->options;
    char pause[32], highest[32];
    int64_t highest_ns = detector->highest_ns < 0 ? 0 : detector->highest_ns;
    if (detector->died && !detector->full)
        return true;
    if (detector->highest_ns <= options->pause_ns)
        snprintf(why, room, "it speaks when the %g%% quantile of the pauses is over %s, the most of this run was %s",
                 options->quantile * 100, ld_format_duration_short(options->pause_ns, pause, sizeof pause),
                 ld_format_duration_short(highest_ns, highest, sizeof highest));
    else if (detector->steepest <= options->per_second)
        snprintf(why, room, "it speaks of %g goroutines a second more over its window, the most of this run was %.3g",
                 options->per_second / detector->time_scale, detector->steepest / detector->time_scale);
    else
        return true;
    return false;
}

static void rate_quantile_close(void *state)
{
    struct detector *detector = state;
    ld_watch_done(&detector->watch);
    free(detector);
}

const struct ld_detector_kind ld_detector_rate_quantile = {
    .name = "rate-quantile",
    .type = LD_DETECTOR_BUILTIN,
    .doc = "The field notes' joint alert: claims a leak while the goroutine count rises faster than `per_second` and "
           "the `quantile` of the collector's pauses, read from gctrace, is over `pause`. Leaked goroutines hardly "
           "lengthen the pauses (16 to 33 us at the 95th percentile from 100 to 100 000 of them): pauses over the "
           "published limit are those of a program that gets too little processor time, leak or none. A run that "
           "never reached both is out of its range, unless the target died before a window was whole. Names neither "
           "cause nor site.",
    .reads = LD_READ_METRICS_PERIOD | LD_READ_GCTRACE,
    .options = &options_schema,
    .options_size = sizeof(struct options),
    .open = rate_quantile_open,
    .window_ns = rate_quantile_window,
    .reached = rate_quantile_reached,
    .observe = rate_quantile_observe,
    .close = rate_quantile_close,
};
