/* Goroutines blocked on a channel at one location, over a fixed number: LeakProf's published rule (G. Saioc and others,
 * "Unveiling and Vanquishing Goroutine Leaks in Enterprise Microservices", CGO 2024: send, receive and
 * select, one instance's profile, more than 10 000 at one location). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect/builtin.h"
#include "observe/series.h"
#include "detect/watch.h"

struct options {
    int64_t blocked;
};

static const struct ld_schema options_schema = {
    .name = "site-threshold",
    .doc = "How many goroutines may be blocked at one location.",
    .fields =
        (const struct ld_field[]){
            {.name = "blocked", .type = LD_FIELD_INTEGER, .offset = offsetof(struct options, blocked), .minimum = 1,
             .maximum = 1e9, .initial = "10000",
             .doc = "A location is claimed while more goroutines than this are blocked there on a channel."},
            {0}},
};

struct detector {
    struct ld_watch watch;
    int64_t blocked;
};

/* The operations that the rule looks at, and what each is as a cause. */
static const struct operation {
    enum ld_wait wait;
    enum ld_cause cause;
} operations[] = {
    {LD_WAIT_CHAN_RECEIVE, LD_CAUSE_CHAN_RECEIVE},
    {LD_WAIT_CHAN_SEND, LD_CAUSE_CHAN_SEND},
    {LD_WAIT_SELECT, LD_CAUSE_SELECT_WAIT},
    {LD_WAIT_SELECT_EMPTY, LD_CAUSE_SELECT_EMPTY},
};

static const struct operation *operation_of(enum ld_wait wait)
{
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (operations[i].wait == wait)
            return &operations[i];
    return NULL;
}

static int site_threshold_open(void **ret_state, const struct ld_detector_setting *setting, struct ld_error *error)
{
    struct detector *detector = calloc(1, sizeof *detector);
    if (!detector)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    ld_watch_init(&detector->watch, 1, NULL);
    detector->blocked = ((const struct options *)setting->options)->blocked;
    *ret_state = detector;
    return 0;
}

static int64_t site_threshold_least(const struct ld_detector_setting *setting)
{
    return ((const struct options *)setting->options)->blocked + 1;
}

static struct ld_claim *claim_of(const struct ld_life_state *life, const struct ld_site_count *item,
                                 enum ld_cause cause)
{
    for (size_t i = 0; i < life->claim_count; i++)
        if (life->claims[i].cause == cause && strncmp(life->claims[i].site, item->site, LD_WATCH_SITE_MAX - 1) == 0)
            return &life->claims[i];
    return NULL;
}

static int judge_site(struct detector *detector, struct ld_life_state *life, const struct ld_observation *observation,
                      const struct ld_alert_sink *sink, const struct ld_site_count *item)
{
    const struct operation *operation = operation_of(item->wait);
    if (!operation || !item->site[0] || item->count <= detector->blocked)
        return 0;
    struct ld_claim *open = claim_of(life, item, operation->cause);
    if (open) {
        open->kept = true;
        return 0;
    }
    char why[700];
    snprintf(why, sizeof why, "%lld goroutines are blocked (%s) at %.500s, the limit is %lld", (long long)item->count,
             ld_wait_name(item->wait), item->site, (long long)detector->blocked);
    struct ld_alert alert = {.cause = operation->cause, .site = item->site, .amount = (double)item->count,
                             .severity = LD_SEVERITY_RED, .why = why};
    return ld_claim_open(&detector->watch, life, observation, sink, &alert);
}

static int judge(struct detector *detector, struct ld_life_state *life, const struct ld_observation *observation,
                 const struct ld_alert_sink *sink)
{
    struct ld_site_counts counts;
    int code = ld_site_counts_of(&counts, observation->profile);
    if (code)
        return code;
    for (size_t i = 0; i < life->claim_count; i++)
        life->claims[i].kept = false;
    for (size_t i = 0; !code && i < counts.count; i++)
        code = judge_site(detector, life, observation, sink, &counts.items[i]);
    for (size_t i = life->claim_count; !code && i-- > 0;)
        if (!life->claims[i].kept)
            ld_claim_close(life, observation, sink, i, "no longer so many are blocked there");
    ld_site_counts_done(&counts);
    return code;
}

static int site_threshold_observe(void *state, const struct ld_observation *observation,
                                  const struct ld_alert_sink *sink)
{
    struct detector *detector = state;
    struct ld_life_state *life;
    int code = ld_watch_profile(&detector->watch, LD_PROFILE_GOROUTINE, observation, sink, &life);
    return code || !life ? code : judge(detector, life, observation, sink);
}

static void site_threshold_close(void *state)
{
    struct detector *detector = state;
    ld_watch_done(&detector->watch);
    free(detector);
}

const struct ld_detector_kind ld_detector_site_threshold = {
    .name = "site-threshold",
    .type = LD_DETECTOR_BUILTIN,
    .doc = "LeakProf's published rule: claims each location where more than `blocked` goroutines of one profile wait "
           "to send, to receive or in a select, and names the operation and the location. Locks, WaitGroups and "
           "network waits are not its subject.",
    .reads = LD_READ_GOROUTINE_PERIOD,
    .options = &options_schema,
    .options_size = sizeof(struct options),
    .open = site_threshold_open,
    .least_goroutines = site_threshold_least,
    .observe = site_threshold_observe,
    .close = site_threshold_close,
};
