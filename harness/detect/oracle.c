/* Calibration: the detectors that know the truth. `oracle` must find every manifested leak, `oracle-delay` must find
 * it with a known time to detect; where they do not, the scoring is wrong and the campaign void. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "detect/builtin.h"
#include "detect/watch.h"

#define INTERVALS_MAX 65536 /* of the lives that have not ended, over all instances */
#define NOT_MANIFEST (-1)

struct options {
    int64_t delay_ns;
};

static const struct ld_schema delay_schema = {
    .name = "oracle-delay",
    .doc = "How late the oracle speaks.",
    .fields =
        (const struct ld_field[]){
            {.name = "delay", .type = LD_FIELD_DURATION, .offset = offsetof(struct options, delay_ns), .minimum = 0,
             .maximum = (double)LD_DAY, .initial = "500ms",
             .doc = "From the manifestation to the alert, divided by time_scale."},
            {0}},
};

/* A leak from its first line, which alone need give cause and sites, to the end of its incarnation: one that was cured
 * may come back under the same id. */
struct interval {
    uint32_t instance, incarnation;
    char *name, *site;
    enum ld_cause cause;
    int64_t amount;
    int64_t manifest_ns; /* NOT_MANIFEST: fewer units than M, or cured */
    uint64_t alert_id;   /* 0: not claimed */
};

struct oracle {
    bool delayed;
    int64_t delay_ns;
    int64_t manifest;
    uint64_t last_id;
    size_t count, room;
    struct interval *intervals; /* in order of their first lines */
};

static int open_with(void **ret_state, const struct ld_detector_setting *setting, bool delayed, int64_t delay_ns,
                     struct ld_error *error)
{
    struct oracle *oracle = calloc(1, sizeof *oracle);
    if (!oracle)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    oracle->delayed = delayed;
    oracle->delay_ns = delay_ns;
    oracle->manifest = setting->manifest > 0 ? setting->manifest : 1;
    *ret_state = oracle;
    return 0;
}

static int oracle_open(void **ret_state, const struct ld_detector_setting *setting, struct ld_error *error)
{
    return open_with(ret_state, setting, false, 0, error);
}

static int delay_open(void **ret_state, const struct ld_detector_setting *setting, struct ld_error *error)
{
    const struct options *options = setting->options;
    return open_with(ret_state, setting, true, (int64_t)((double)options->delay_ns / setting->time_scale), error);
}

static int64_t delay_window(const struct ld_detector_setting *setting)
{
    const struct options *options = setting->options;
    return (int64_t)((double)options->delay_ns / setting->time_scale);
}

static void send(const struct ld_alert_sink *sink, const struct interval *interval, enum ld_alert_action action,
                 uint64_t evidence, int64_t time_ns, const char *why)
{
    struct ld_alert alert = {
        .id = interval->alert_id,
        .action = action,
        .evidence = evidence,
        .evidence_time_ns = time_ns,
        .instance = interval->instance,
        .incarnation = interval->incarnation,
        .cause = interval->cause,
        .site = interval->site,
        .amount = action == LD_ALERT_OPEN ? (double)interval->amount : 0,
        .severity = LD_SEVERITY_RED,
        .why = why,
        .rule = "",
        .rule_version = "",
    };
    if (sink && sink->alert)
        sink->alert(sink->context, &alert);
}

static void claim(struct oracle *oracle, struct interval *interval, uint64_t evidence, int64_t time_ns,
                  const struct ld_alert_sink *sink)
{
    char why[200];
    snprintf(why, sizeof why, "the truth: interval %.100s has %lld units", interval->name, (long long)interval->amount);
    interval->alert_id = ++oracle->last_id;
    send(sink, interval, LD_ALERT_OPEN, evidence, time_ns, why);
}

static void withdraw(struct interval *interval, uint64_t evidence, int64_t time_ns, const struct ld_alert_sink *sink,
                     const char *why)
{
    if (interval->alert_id)
        send(sink, interval, LD_ALERT_CLOSE, evidence, time_ns, why);
    interval->alert_id = 0;
    interval->manifest_ns = NOT_MANIFEST;
}

static void forget(struct oracle *oracle, size_t index, uint64_t evidence, int64_t time_ns,
                   const struct ld_alert_sink *sink, const char *why)
{
    struct interval *interval = &oracle->intervals[index];
    withdraw(interval, evidence, time_ns, sink, why);
    free(interval->name);
    free(interval->site);
    memmove(interval, interval + 1, (oracle->count - index - 1) * sizeof *interval);
    oracle->count--;
}

static ptrdiff_t find(const struct oracle *oracle, const struct ld_truth_event *event)
{
    for (size_t i = 0; i < oracle->count; i++) {
        const struct interval *interval = &oracle->intervals[i];
        if (interval->instance == event->instance && interval->incarnation == event->incarnation &&
            strcmp(interval->name, event->interval) == 0)
            return (ptrdiff_t)i;
    }
    return -1;
}

static int add(struct oracle *oracle, const struct ld_truth_event *event, struct interval **ret_interval)
{
    if (oracle->count == INTERVALS_MAX)
        return LD_ELIMIT;
    if (oracle->count == oracle->room) {
        size_t room = oracle->room ? oracle->room * 2 : 8;
        struct interval *intervals = realloc(oracle->intervals, room * sizeof *intervals);
        if (!intervals)
            return LD_ENOMEM;
        oracle->intervals = intervals;
        oracle->room = room;
    }
    char *name = strdup(event->interval);
    char *site = strdup(event->seen_at_count ? event->seen_at[0] : "");
    if (!name || !site) {
        free(name);
        free(site);
        return LD_ENOMEM;
    }
    *ret_interval = &oracle->intervals[oracle->count++];
    **ret_interval = (struct interval){.instance = event->instance, .incarnation = event->incarnation, .name = name,
                                       .site = site, .cause = event->cause,
                                       .manifest_ns = NOT_MANIFEST};
    return 0;
}

static int leak_grew(struct oracle *oracle, const struct ld_truth_event *event, const struct ld_alert_sink *sink)
{
    ptrdiff_t known = find(oracle, event);
    struct interval *interval = known >= 0 ? &oracle->intervals[known] : NULL;
    int code = interval ? 0 : add(oracle, event, &interval);
    if (code)
        return code;
    interval->amount = event->amount;
    if (interval->manifest_ns != NOT_MANIFEST || event->amount < oracle->manifest)
        return 0;
    interval->manifest_ns = event->time_ns;
    if (!oracle->delayed)
        claim(oracle, interval, event->after_sequence, event->time_ns, sink);
    return 0;
}

static int oracle_truth(void *state, const struct ld_truth_event *event, const struct ld_alert_sink *sink)
{
    struct oracle *oracle = state;
    ptrdiff_t known;
    switch (event->kind) {
    case LD_TRUTH_LEAK:
        return leak_grew(oracle, event, sink);
    case LD_TRUTH_CURED:
        known = find(oracle, event);
        if (known >= 0 && event->amount <= 0)
            withdraw(&oracle->intervals[known], event->after_sequence, event->time_ns, sink, "the truth: cured");
        return 0;
    case LD_TRUTH_ENDED:
        for (size_t i = oracle->count; i-- > 0;)
            if (oracle->intervals[i].instance == event->instance &&
                oracle->intervals[i].incarnation == event->incarnation)
                forget(oracle, i, event->after_sequence, event->time_ns, sink, "the truth: the incarnation ended");
        return 0;
    default:
        return 0;
    }
}

static int oracle_observe(void *state, const struct ld_observation *observation, const struct ld_alert_sink *sink)
{
    struct oracle *oracle = state;
    for (size_t i = oracle->count; i-- > 0;) {
        const struct interval *interval = &oracle->intervals[i];
        if (interval->instance == observation->instance && interval->incarnation < observation->incarnation)
            forget(oracle, i, observation->sequence, observation->time_ns, sink, "a later incarnation began");
    }
    for (size_t i = 0; oracle->delayed && i < oracle->count; i++) {
        struct interval *interval = &oracle->intervals[i];
        if (interval->manifest_ns != NOT_MANIFEST && !interval->alert_id &&
            observation->time_ns - interval->manifest_ns >= oracle->delay_ns)
            claim(oracle, interval, observation->sequence, observation->time_ns, sink);
    }
    return 0;
}

static void oracle_close(void *state)
{
    struct oracle *oracle = state;
    for (size_t i = 0; i < oracle->count; i++) {
        free(oracle->intervals[i].name);
        free(oracle->intervals[i].site);
    }
    free(oracle->intervals);
    free(oracle);
}

const struct ld_detector_kind ld_detector_oracle = {
    .name = "oracle",
    .type = LD_DETECTOR_BUILTIN,
    .doc =
        "Calibration: sees the truth, opens at the manifestation with the right cause and a site a profile can show, "
        "closes when the leak is cured or its incarnation ends. Must score 100 %.",
    .sees_truth = true,
    .calibration = true,
    .open = oracle_open,
    .observe = oracle_observe,
    .truth = oracle_truth,
    .close = oracle_close,
};

const struct ld_detector_kind ld_detector_oracle_delay = {
    .name = "oracle-delay",
    .type = LD_DETECTOR_BUILTIN,
    .doc = "Calibration: the oracle, but it opens at the first observation at or after the manifestation and `delay`, "
           "unless the leak has ended by then. Its time to detect is known.",
    .sees_truth = true,
    .calibration = true,
    .options = &delay_schema,
    .options_size = sizeof(struct options),
    .open = delay_open,
    .window_ns = delay_window,
    .observe = oracle_observe,
    .truth = oracle_truth,
    .close = oracle_close,
};
