/* The runtime's own verdict: /debug/pprof/goroutineleak of Go 1.26 (an experiment) and 1.27. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect/builtin.h"
#include "detect/site_total.h"
#include "detect/wait_cause.h"
#include "detect/watch.h"

struct options {
    int64_t at_least;
    bool phantoms;
};

static const struct ld_schema options_schema = {
    .name = "goroutineleak",
    .doc = "What of a leak profile is claimed.",
    .fields =
        (const struct ld_field[]){
            {.name = "at_least",
             .type = LD_FIELD_INTEGER,
             .offset = offsetof(struct options, at_least),
             .minimum = 1,
             .maximum = 1e9,
             .initial = "1",
             .doc = "Leaked goroutines that a site must have in two reports in a row."},
            {.name = "phantoms",
             .type = LD_FIELD_BOOL,
             .offset = offsetof(struct options, phantoms),
             .initial = "false",
             .doc = "Claim leaks without a stack too. Go 1.27.3 reports one when a healthy main waits in select {}."},
            {0}},
};

struct report {
    bool present;
    bool marks; /* debug=2 lists every goroutine and marks the leaked ones; else all that are listed leaked */
    struct ld_site_counts counts;
};

struct life {
    struct report last;
};

struct detector {
    struct ld_watch watch;
    struct options options;
};

static void report_done(struct report *report)
{
    if (report->present)
        ld_site_counts_done(&report->counts);
    *report = (struct report){0};
}

static void life_done(void *state)
{
    struct life *life = state;
    report_done(&life->last);
}

static int goroutineleak_open(void **ret_state, const struct ld_detector_setting *setting, struct ld_error *error)
{
    struct detector *detector = calloc(1, sizeof *detector);
    if (!detector)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    ld_watch_init(&detector->watch, sizeof(struct life), life_done);
    detector->options = *(const struct options *)setting->options;
    *ret_state = detector;
    return 0;
}

/* Two reports: one period between them. */
static int64_t goroutineleak_window(const struct ld_detector_setting *setting)
{
    return setting->period_ns;
}

static int64_t leaked_of(const struct report *report, const struct ld_site_total *total)
{
    return report->marks ? total->leaked : total->count;
}

static int64_t leaked_at(const struct report *report, const char *site)
{
    struct ld_site_total total;
    return ld_site_total_find(&report->counts, site, LD_WATCH_SITE_MAX - 1, &total) ? leaked_of(report, &total) : 0;
}

static int claim(struct detector *detector, struct ld_life_state *life, const struct ld_observation *observation,
                 const struct ld_alert_sink *sink, const struct ld_site_total *total, int64_t count, int64_t earlier)
{
    char why[700];
    snprintf(why, sizeof why, "the runtime reports %lld leaked goroutines at %.400s (%s), %lld in the report before",
             (long long)count, total->site[0] ? total->site : "no stack", ld_wait_name(total->wait),
             (long long)earlier);
    struct ld_alert alert = {.cause = total->site[0] ? ld_cause_of_wait(total->wait) : LD_CAUSE_ANY,
                             .site = total->site,
                             .amount = (double)count,
                             .severity = LD_SEVERITY_RED,
                             .why = why};
    return ld_claim_open(&detector->watch, life, observation, sink, &alert);
}

/* A change is believed when two reports in a row show it: a site present in both is claimed, a claim that both lack
 * is withdrawn. */
static int compare(struct detector *detector, struct ld_life_state *life, const struct ld_observation *observation,
                   const struct ld_alert_sink *sink, const struct report *now)
{
    const struct life *state = life->state;
    int64_t least = detector->options.at_least;
    struct ld_site_total total;
    for (size_t cursor = 0; ld_site_total_next(&now->counts, &cursor, &total);) {
        int64_t count = leaked_of(now, &total);
        if ((!total.site[0] && !detector->options.phantoms) || count < least || ld_claim_find(life, total.site) >= 0)
            continue;
        int64_t earlier = leaked_at(&state->last, total.site);
        int code = earlier < least ? 0 : claim(detector, life, observation, sink, &total, count, earlier);
        if (code)
            return code;
    }
    for (size_t i = life->claim_count; i-- > 0;)
        if (leaked_at(now, life->claims[i].site) < least && leaked_at(&state->last, life->claims[i].site) < least)
            ld_claim_close(life, observation, sink, i, "two reports in a row without it");
    return 0;
}

static int goroutineleak_observe(void *state, const struct ld_observation *observation,
                                 const struct ld_alert_sink *sink)
{
    struct detector *detector = state;
    struct ld_life_state *life;
    int code = ld_watch_follow(&detector->watch, observation, sink, &life, NULL);
    if (code || !life)
        return code;
    struct life *reports = life->state;
    if (ld_observation_misses_profile(observation, LD_PROFILE_GOROUTINELEAK)) {
        ld_watch_blind(&detector->watch, life, observation, sink);
        report_done(&reports->last); /* no longer in a row */
    }
    if (!ld_observation_has_profile(observation, LD_PROFILE_GOROUTINELEAK))
        return 0;
    ld_watch_seeing(life, observation, sink);
    struct report now = {.present = true, .marks = observation->profile->encoding == LD_ENCODING_STACKS};
    code = ld_site_counts_of(&now.counts, observation->profile);
    if (code)
        return code;
    if (reports->last.present)
        code = compare(detector, life, observation, sink, &now);
    report_done(&reports->last);
    reports->last = now;
    return code;
}

static void goroutineleak_close(void *state)
{
    struct detector *detector = state;
    ld_watch_done(&detector->watch);
    free(detector);
}

const struct ld_detector_kind ld_detector_goroutineleak = {
    .name = "goroutineleak",
    .type = LD_DETECTOR_ENDPOINT,
    .doc =
        "Reads /debug/pprof/goroutineleak and claims each site with `at_least` leaked goroutines in two reports in a "
        "row; a claim closes after two reports in a row without it. The cause is what the goroutines wait for. A "
        "runtime that has no such profile is unknown, never healthy. It intrudes: each report forces a collection "
        "and erases the ages of the goroutines it flags.",
    .reads = LD_READ_GOROUTINELEAK,
    .active = true,
    .options = &options_schema,
    .options_size = sizeof(struct options),
    .open = goroutineleak_open,
    .window_ns = goroutineleak_window,
    .observe = goroutineleak_observe,
    .close = goroutineleak_close,
};
