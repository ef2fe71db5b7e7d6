#include "detect/watch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ld_watch_init(struct ld_watch *watch, size_t state_size, void (*state_done)(void *state))
{
    *watch = (struct ld_watch){.state_size = state_size, .state_done = state_done};
}

static void life_done(const struct ld_watch *watch, struct ld_life_state *life)
{
    if (watch->state_done)
        watch->state_done(life->state);
    free(life->state);
    free(life->claims);
}

void ld_watch_done(struct ld_watch *watch)
{
    for (size_t i = 0; i < watch->count; i++)
        life_done(watch, &watch->lives[i]);
    free(watch->lives);
    *watch = (struct ld_watch){0};
}

/* The place of `instance` in the sorted table: where it is, or where it belongs. */
static size_t place_of(const struct ld_watch *watch, uint32_t instance)
{
    size_t low = 0, high = watch->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (watch->lives[middle].instance < instance)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct ld_life_state *ld_watch_find(struct ld_watch *watch, uint32_t instance)
{
    size_t i = place_of(watch, instance);
    return i < watch->count && watch->lives[i].instance == instance ? &watch->lives[i] : NULL;
}

static int add_life(struct ld_watch *watch, uint32_t instance, struct ld_life_state **ret_life)
{
    if (watch->count == LD_WATCH_INSTANCES_MAX)
        return LD_ELIMIT;
    if (watch->count == watch->room) {
        size_t room = watch->room ? watch->room * 2 : 4;
        struct ld_life_state *lives = realloc(watch->lives, room * sizeof *lives);
        if (!lives)
            return LD_ENOMEM;
        watch->lives = lives;
        watch->room = room;
    }
    void *state = calloc(1, watch->state_size);
    if (!state)
        return LD_ENOMEM;
    size_t i = place_of(watch, instance);
    memmove(&watch->lives[i + 1], &watch->lives[i], (watch->count - i) * sizeof *watch->lives);
    watch->lives[i] = (struct ld_life_state){.instance = instance, .state = state};
    watch->count++;
    *ret_life = &watch->lives[i];
    return 0;
}

/* The incarnation is over: its claims are withdrawn and nothing is remembered of it. */
static void end_life(struct ld_watch *watch, struct ld_life_state *life, const struct ld_observation *observation,
                     const struct ld_alert_sink *sink)
{
    while (life->claim_count)
        ld_claim_close(life, observation, sink, 0, LD_ALERT_LIFE_OVER);
    if (watch->state_done)
        watch->state_done(life->state);
    memset(life->state, 0, watch->state_size);
}

int ld_watch_follow(struct ld_watch *watch, const struct ld_observation *observation, const struct ld_alert_sink *sink,
                    struct ld_life_state **ret_life, bool *ret_fresh)
{
    bool ending = observation->kind == LD_OBSERVATION_LIFE && observation->life == LD_LIFE_ENDED;
    bool fresh = false;
    struct ld_life_state *life = ld_watch_find(watch, observation->instance);
    *ret_life = NULL;
    if (!life) {
        int code = add_life(watch, observation->instance, &life);
        if (code)
            return code;
        life->incarnation = observation->incarnation;
        fresh = true;
    } else if (observation->incarnation > life->incarnation) {
        end_life(watch, life, observation, sink);
        life->incarnation = observation->incarnation;
        life->ended = false;
        fresh = true;
    } else if (observation->incarnation < life->incarnation) {
        return 0;
    }
    if (ending) {
        end_life(watch, life, observation, sink);
        life->ended = true;
        return 0;
    }
    if (ret_fresh)
        *ret_fresh = fresh;
    *ret_life = life;
    return 0;
}

static void send(const struct ld_alert_sink *sink, const struct ld_alert *alert)
{
    if (sink && sink->alert)
        sink->alert(sink->context, alert);
}

int ld_claim_open(struct ld_watch *watch, struct ld_life_state *life, const struct ld_observation *observation,
                  const struct ld_alert_sink *sink, const struct ld_alert *alert)
{
    if (life->claim_count == LD_WATCH_CLAIMS_MAX)
        return 0;
    if (life->claim_count == life->claim_room) {
        size_t room = life->claim_room ? life->claim_room * 2 : 4;
        struct ld_claim *claims = realloc(life->claims, room * sizeof *claims);
        if (!claims)
            return LD_ENOMEM;
        life->claims = claims;
        life->claim_room = room;
    }
    struct ld_claim *claim = &life->claims[life->claim_count++];
    *claim =
        (struct ld_claim){.id = ++watch->last_id, .cause = alert->cause, .severity = alert->severity, .kept = true};
    snprintf(claim->site, sizeof claim->site, "%s", alert->site ? alert->site : "");
    struct ld_alert opened = *alert;
    opened.id = claim->id;
    opened.action = LD_ALERT_OPEN;
    opened.evidence = observation->sequence;
    opened.evidence_time_ns = observation->time_ns;
    opened.receipt_ns = 0;
    opened.instance = life->instance;
    opened.incarnation = life->incarnation;
    opened.site = claim->site;
    opened.why = alert->why ? alert->why : "";
    opened.rule = alert->rule ? alert->rule : "";
    opened.rule_version = alert->rule_version ? alert->rule_version : "";
    send(sink, &opened);
    return 0;
}

void ld_claim_close(struct ld_life_state *life, const struct ld_observation *observation,
                    const struct ld_alert_sink *sink, size_t index, const char *why)
{
    struct ld_claim *claim = &life->claims[index];
    struct ld_alert closed = {
        .id = claim->id,
        .action = LD_ALERT_CLOSE,
        .evidence = observation->sequence,
        .evidence_time_ns = observation->time_ns,
        .instance = life->instance,
        .incarnation = life->incarnation,
        .cause = claim->cause,
        .site = claim->site,
        .severity = claim->severity,
        .why = why,
        .rule = "",
        .rule_version = "",
    };
    send(sink, &closed);
    memmove(claim, claim + 1, (life->claim_count - index - 1) * sizeof *claim);
    life->claim_count--;
}

ptrdiff_t ld_claim_find(const struct ld_life_state *life, const char *site)
{
    for (size_t i = 0; i < life->claim_count; i++)
        if (strncmp(life->claims[i].site, site, LD_WATCH_SITE_MAX - 1) == 0)
            return (ptrdiff_t)i;
    return -1;
}

static void say(const struct ld_life_state *life, const struct ld_observation *observation,
                const struct ld_alert_sink *sink, uint64_t id, enum ld_alert_action action, const char *why)
{
    struct ld_alert alert = {
        .id = id,
        .action = action,
        .evidence = observation->sequence,
        .evidence_time_ns = observation->time_ns,
        .instance = life->instance,
        .incarnation = life->incarnation,
        .cause = LD_CAUSE_NONE,
        .site = "",
        .severity = LD_SEVERITY_GREEN,
        .why = why,
        .rule = "",
        .rule_version = "",
    };
    send(sink, &alert);
}

void ld_watch_unknown(struct ld_watch *watch, struct ld_life_state *life, const struct ld_observation *observation,
                      const struct ld_alert_sink *sink, const char *why)
{
    if (life->blind_id)
        return;
    life->blind_id = ++watch->last_id;
    say(life, observation, sink, life->blind_id, LD_ALERT_UNKNOWN, why);
}

void ld_watch_blind(struct ld_watch *watch, struct ld_life_state *life, const struct ld_observation *observation,
                    const struct ld_alert_sink *sink)
{
    char why[160];
    const char *what = observation->kind == LD_OBSERVATION_PROFILE || observation->of_profile
                           ? ld_profile_kind_name(observation->profile_kind)
                       : observation->path ? observation->path
                                           : "metrics";
    const char *how = observation->kind == LD_OBSERVATION_PROFILE ? "truncated"
                                                                  : ld_read_failure_name(observation->failure);
    if (observation->kind == LD_OBSERVATION_METRICS)
        snprintf(why, sizeof why, "could not look: the metrics hold no count of goroutines");
    else if (observation->kind == LD_OBSERVATION_ANSWER)
        snprintf(why, sizeof why, "could not look: HTTP %d and %zu bytes of %.80s are no verdict",
                 observation->http_status, observation->body_length, observation->path);
    else
        snprintf(why, sizeof why, "could not look: the read of %.80s failed (%s)", what, how);
    ld_watch_unknown(watch, life, observation, sink, why);
}

void ld_watch_seeing(struct ld_life_state *life, const struct ld_observation *observation,
                     const struct ld_alert_sink *sink)
{
    if (!life->blind_id)
        return;
    say(life, observation, sink, life->blind_id, LD_ALERT_KNOWN, "a read was good again");
    life->blind_id = 0;
}

bool ld_observation_point(const struct ld_observation *observation, enum ld_metric metric, double *ret_value)
{
    if (observation->kind != LD_OBSERVATION_METRICS)
        return false;
    for (size_t i = 0; i < observation->point_count; i++) {
        if (observation->points[i].metric == metric && isfinite(observation->points[i].value)) {
            *ret_value = observation->points[i].value;
            return true;
        }
    }
    return false;
}

bool ld_observation_misses_profile(const struct ld_observation *observation, enum ld_profile_kind kind)
{
    if (observation->profile_kind != kind)
        return false;
    if (observation->kind == LD_OBSERVATION_PROFILE)
        return !observation->profile || observation->profile->truncated;
    return observation->kind == LD_OBSERVATION_FAILED && observation->of_profile;
}

bool ld_observation_has_profile(const struct ld_observation *observation, enum ld_profile_kind kind)
{
    return observation->kind == LD_OBSERVATION_PROFILE && observation->profile_kind == kind && observation->profile &&
           !observation->profile->truncated;
}

int ld_watch_profile(struct ld_watch *watch, enum ld_profile_kind kind, const struct ld_observation *observation,
                     const struct ld_alert_sink *sink, struct ld_life_state **ret_life)
{
    struct ld_life_state *life;
    *ret_life = NULL;
    int code = ld_watch_follow(watch, observation, sink, &life, NULL);
    if (code || !life)
        return code;
    if (ld_observation_misses_profile(observation, kind))
        ld_watch_blind(watch, life, observation, sink);
    if (!ld_observation_has_profile(observation, kind))
        return 0;
    ld_watch_seeing(life, observation, sink);
    *ret_life = life;
    return 0;
}

int ld_watch_count(struct ld_watch *watch, const struct ld_observation *observation, const struct ld_alert_sink *sink,
                   struct ld_life_state **ret_life, double *ret_count)
{
    struct ld_life_state *life;
    *ret_life = NULL;
    int code = ld_watch_follow(watch, observation, sink, &life, NULL);
    if (code || !life)
        return code;
    bool metrics = observation->kind == LD_OBSERVATION_METRICS;
    double count = -1;
    ld_observation_point(observation, LD_METRIC_GOROUTINES, &count);
    if (count < 0) {
        if (metrics || ld_observation_misses_metrics(observation))
            ld_watch_blind(watch, life, observation, sink);
        return 0;
    }
    ld_watch_seeing(life, observation, sink);
    *ret_life = life;
    *ret_count = count;
    return 0;
}

int ld_claim_only(struct ld_watch *watch, struct ld_life_state *life, const struct ld_observation *observation,
                  const struct ld_alert_sink *sink, bool holds, const struct ld_alert *alert, const char *closing)
{
    if (holds == (life->claim_count > 0))
        return 0;
    if (holds)
        return ld_claim_open(watch, life, observation, sink, alert);
    ld_claim_close(life, observation, sink, 0, closing);
    return 0;
}

int64_t ld_scaled_ns(int64_t written_ns, double time_scale)
{
    double scaled = (double)written_ns / time_scale;
    return scaled < 1 ? 1 : (int64_t)scaled;
}

bool ld_interval_passed(int64_t since_ns, int64_t interval_ns, int64_t period_ns)
{
    int64_t grid_ns = period_ns < interval_ns ? period_ns : interval_ns;
    return since_ns >= interval_ns - grid_ns / 2;
}
