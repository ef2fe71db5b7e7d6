/* Two goroutine dumps thirty seconds apart, compared by site: the rule of the field notes (d0 chapter 1, d4). They
 * compare the "created by" lines of two full dumps; where only counts by stack are read there are none, and a site says
 * the same and more. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "detect/builtin.h"
#include "detect/site_total.h"
#include "detect/watch.h"

struct options {
    int64_t apart_ns;
    int64_t growth;
};

static const struct ld_schema options_schema = {
    .name = "before-after",
    .doc = "How far the two dumps stand apart and how much growth between them is too much.",
    .fields =
        (const struct ld_field[]){
            {.name = "apart", .type = LD_FIELD_DURATION, .offset = offsetof(struct options, apart_ns),
             .minimum = (double)LD_MS, .maximum = (double)LD_DAY, .initial = "30s",
             .doc = "Time between the two dumps, divided by time_scale: half a sampling period may be missing."},
            {.name = "growth", .type = LD_FIELD_INTEGER, .offset = offsetof(struct options, growth), .minimum = 1,
             .maximum = 1e9, .initial = "10", .doc = "Goroutines that a site must have gained between the two dumps."},
            {0}},
};

struct dump {
    bool present;
    int64_t time_ns;
    struct ld_site_counts counts;
};

struct life {
    struct dump reference; /* the first dump of the next comparison */
    struct dump before;    /* the full dump taken before anything was done, for the one taken after */
};

struct detector {
    struct ld_watch watch;
    int64_t apart_ns, period_ns;
    int64_t growth;
};

static void dump_done(struct dump *dump)
{
    if (dump->present)
        ld_site_counts_done(&dump->counts);
    *dump = (struct dump){0};
}

static void life_done(void *state)
{
    struct life *life = state;
    dump_done(&life->reference);
    dump_done(&life->before);
}

static int before_after_open(void **ret_state, const struct ld_detector_setting *setting, struct ld_error *error)
{
    const struct options *options = setting->options;
    struct detector *detector = calloc(1, sizeof *detector);
    if (!detector)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    ld_watch_init(&detector->watch, sizeof(struct life), life_done);
    detector->apart_ns = ld_scaled_ns(options->apart_ns, setting->time_scale);
    detector->period_ns = setting->period_ns;
    detector->growth = options->growth;
    *ret_state = detector;
    return 0;
}

static int64_t before_after_window(const struct ld_detector_setting *setting)
{
    const struct options *options = setting->options;
    return ld_scaled_ns(options->apart_ns, setting->time_scale);
}

static int take(struct dump *dump, const struct ld_observation *observation)
{
    struct dump taken = {.present = true, .time_ns = observation->time_ns};
    int code = ld_site_counts_of(&taken.counts, observation->profile);
    if (code)
        return code;
    dump_done(dump);
    *dump = taken;
    return 0;
}

static int claim(struct detector *detector, struct ld_life_state *life, const struct ld_observation *observation,
                 const struct ld_alert_sink *sink, const struct dump *first, const struct ld_site_total *total,
                 int64_t earlier)
{
    char apart[32], why[1024];
    ld_format_duration_short(observation->time_ns - first->time_ns, apart, sizeof apart);
    bool known = total->created_by && total->created_by[0];
    snprintf(why, sizeof why, "%.400s: %lld goroutines, %lld more than in the dump %s before%s%.300s", total->site,
             (long long)total->count, (long long)(total->count - earlier), apart, known ? ", created by " : "",
             known ? total->created_by : "");
    struct ld_alert alert = {.cause = LD_CAUSE_GOROUTINE_GROWTH, .site = total->site,
                             .amount = (double)(total->count - earlier), .severity = LD_SEVERITY_RED, .why = why};
    return ld_claim_open(&detector->watch, life, observation, sink, &alert);
}

/* Claim every site that gained enough since `first`; `closing`: withdraw the claims on all others. */
static int compare(struct detector *detector, struct ld_life_state *life, const struct ld_observation *observation,
                   const struct ld_alert_sink *sink, const struct dump *first, const struct dump *second, bool closing)
{
    for (size_t i = 0; i < life->claim_count; i++)
        life->claims[i].kept = false;
    struct ld_site_total total;
    for (size_t cursor = 0; ld_site_total_next(&second->counts, &cursor, &total);) {
        int64_t earlier = ld_site_counts_get(&first->counts, total.site);
        if (!total.site[0] || total.count - earlier < detector->growth)
            continue;
        ptrdiff_t open = ld_claim_find(life, total.site);
        if (open >= 0) {
            life->claims[open].kept = true;
            continue;
        }
        int code = claim(detector, life, observation, sink, first, &total, earlier);
        if (code)
            return code;
    }
    for (size_t i = life->claim_count; closing && i-- > 0;)
        if (!life->claims[i].kept)
            ld_claim_close(life, observation, sink, i, "no such growth between the last two dumps");
    return 0;
}

/* The dump after: held against the dump before, where they are as far apart as any two must be. */
static int look_back(struct detector *detector, struct ld_life_state *life, const struct ld_observation *observation,
                     const struct ld_alert_sink *sink)
{
    struct life *state = life->state;
    struct dump second = {0};
    if (!ld_interval_passed(observation->time_ns - state->before.time_ns, detector->apart_ns, detector->period_ns))
        return 0;
    int code = take(&second, observation);
    if (!code)
        code = compare(detector, life, observation, sink, &state->before, &second, false);
    dump_done(&second);
    return code;
}

static int next_dump(struct detector *detector, struct ld_life_state *life, const struct ld_observation *observation,
                     const struct ld_alert_sink *sink)
{
    struct life *state = life->state;
    if (!state->reference.present)
        return take(&state->reference, observation);
    if (!ld_interval_passed(observation->time_ns - state->reference.time_ns, detector->apart_ns, detector->period_ns))
        return 0;
    struct dump second = {0};
    int code = take(&second, observation);
    if (!code)
        code = compare(detector, life, observation, sink, &state->reference, &second, true);
    if (code) {
        dump_done(&second);
        return code;
    }
    dump_done(&state->reference);
    state->reference = second;
    return 0;
}

static int before_after_observe(void *state, const struct ld_observation *observation, const struct ld_alert_sink *sink)
{
    struct detector *detector = state;
    struct ld_life_state *life;
    int code = ld_watch_profile(&detector->watch, LD_PROFILE_GOROUTINE, observation, sink, &life);
    if (code || !life)
        return code;
    struct life *dumps = life->state;
    switch (observation->purpose) {
    case LD_PURPOSE_WARM_UP:
        return 0;
    case LD_PURPOSE_BEFORE:
        code = take(&dumps->before, observation);
        return code ? code : take(&dumps->reference, observation);
    case LD_PURPOSE_AFTER:
        if (dumps->before.present)
            return look_back(detector, life, observation, sink);
        break;
    default:
        break;
    }
    return next_dump(detector, life, observation, sink);
}

static void before_after_close(void *state)
{
    struct detector *detector = state;
    ld_watch_done(&detector->watch);
    free(detector);
}

const struct ld_detector_kind ld_detector_before_after = {
    .name = "before-after",
    .type = LD_DETECTOR_BUILTIN,
    .doc = "Compares two goroutine dumps of one life of the target by site, all waits of a site together, and claims "
           "each site that gained `growth` goroutines. The first dump is the full one taken before the method, or the "
           "first periodic profile where there is none; the first profile that is `apart` later, to half a sampling "
           "period, is the second, and then becomes the first of the next pair: a claim closes when a later pair does "
           "not show it. The full dump taken after the method is also held against the one before it, as growth over "
           "the whole method, and opens claims only. Two dumps nearer than that are never compared: a shorter "
           "run is out of its range. Creators are quoted where a full dump names them. It names no cause: a site that "
           "gained goroutines may be a pool that warms up.",
    .reads = LD_READ_GOROUTINE_PERIOD | LD_READ_GOROUTINE_FULL,
    .options = &options_schema,
    .options_size = sizeof(struct options),
    .open = before_after_open,
    .window_ns = before_after_window,
    .observe = before_after_observe,
    .close = before_after_close,
};
