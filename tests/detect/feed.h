/* What tests of detectors and of the matrix share: synthetic observations and a sink that keeps alerts as text.
 * Header only, as each room's tests are one executable. */
#ifndef LD_TEST_FEED_H
#define LD_TEST_FEED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "detect/alert.h"
#include "detect/detector.h"
#include "observe/observation.h"

#define PERIOD_NS (250 * LD_MS)

/* ---- a sink that counts and remembers */

struct kept_alert {
    uint64_t id, evidence;
    enum ld_alert_action action;
    int64_t time_ns;
    uint32_t instance, incarnation;
    enum ld_cause cause;
    enum ld_severity severity;
    double amount;
    char site[128], why[2048], rule[64], version[64];
};

struct kept {
    size_t count;
    struct kept_alert items[2048];
};

static inline void keep(void *context, const struct ld_alert *alert)
{
    struct kept *kept = context;
    assert_true(kept->count < sizeof kept->items / sizeof kept->items[0]);
    struct kept_alert *item = &kept->items[kept->count++];
    *item = (struct kept_alert){.id = alert->id, .evidence = alert->evidence, .action = alert->action,
                                .time_ns = alert->evidence_time_ns, .instance = alert->instance,
                                .incarnation = alert->incarnation, .cause = alert->cause,
                                .severity = alert->severity, .amount = alert->amount};
    snprintf(item->site, sizeof item->site, "%s", alert->site);
    snprintf(item->why, sizeof item->why, "%s", alert->why);
    snprintf(item->rule, sizeof item->rule, "%s", alert->rule);
    snprintf(item->version, sizeof item->version, "%s", alert->rule_version);
}

static inline size_t count_action(const struct kept *kept, enum ld_alert_action action)
{
    size_t count = 0;
    for (size_t i = 0; i < kept->count; i++)
        count += kept->items[i].action == action;
    return count;
}

static inline const struct kept_alert *find_open(const struct kept *kept, size_t number)
{
    for (size_t i = 0; i < kept->count; i++)
        if (kept->items[i].action == LD_ALERT_OPEN && number-- == 0)
            return &kept->items[i];
    return NULL;
}

/* ---- synthetic profiles: a few groups of goroutines, each one stack; in the shape of debug=0 */

#define GROUPS_MAX 64
#define DEPTH_MAX 8

struct group {
    int64_t count;
    const char *frames[DEPTH_MAX]; /* leaf first, ends with NULL */
};

struct made_profile {
    struct ld_profile profile;
    struct ld_sample samples[GROUPS_MAX];
    struct ld_frame frames[GROUPS_MAX][DEPTH_MAX];
    const struct ld_frame *pointers[GROUPS_MAX][DEPTH_MAX];
};

static inline const struct ld_profile *make_profile(struct made_profile *made, enum ld_profile_kind kind,
                                                    const struct group *groups, size_t count)
{
    memset(made, 0, sizeof *made);
    made->profile.kind = kind;
    made->profile.encoding = LD_ENCODING_PROTO;
    made->profile.value_count = 1;
    made->profile.samples = made->samples;
    for (size_t i = 0; i < count; i++) {
        if (groups[i].count <= 0)
            continue;
        struct ld_sample *sample = &made->samples[made->profile.sample_count];
        uint32_t row = made->profile.sample_count++;
        sample->values[0] = groups[i].count;
        sample->age_minutes = -1;
        sample->frames = made->pointers[row];
        for (size_t k = 0; k < DEPTH_MAX && groups[i].frames[k]; k++) {
            made->frames[row][k] = (struct ld_frame){.function = groups[i].frames[k], .file = "", .line = 1};
            made->pointers[row][k] = &made->frames[row][k];
            sample->frame_count++;
        }
        made->profile.total += groups[i].count;
    }
    return &made->profile;
}

/* ---- a run under observation: hands observations to a detector or a matrix */

struct feed {
    void *to;
    int (*deliver)(void *to, const struct ld_observation *observation, const struct ld_alert_sink *sink);
    struct kept kept;
    uint64_t sequence;
    int64_t time_ns;
    uint32_t instance, incarnation;
    int code; /* of the last delivery */
};

/* A feed is megabytes: on the heap, and never assigned as a whole. free() it. */
static inline struct feed *feed_new(void *to, int (*deliver)(void *, const struct ld_observation *,
                                                            const struct ld_alert_sink *))
{
    struct feed *feed = calloc(1, sizeof *feed);
    assert_non_null(feed);
    feed->to = to;
    feed->deliver = deliver;
    feed->incarnation = 1;
    return feed;
}

static inline int deliver_detector(void *to, const struct ld_observation *observation, const struct ld_alert_sink *sink)
{
    return ld_detector_observe(to, observation, sink);
}

static inline void hand(struct feed *feed, struct ld_observation observation)
{
    observation.sequence = ++feed->sequence;
    observation.time_ns = feed->time_ns;
    observation.instance = feed->instance;
    observation.incarnation = feed->incarnation;
    if (!observation.text)
        observation.text = "";
    struct ld_alert_sink sink = {keep, &feed->kept};
    feed->code = feed->deliver(feed->to, &observation, &sink);
}

static inline void hand_tick(struct feed *feed)
{
    hand(feed, (struct ld_observation){.kind = LD_OBSERVATION_TICK});
}

static inline void hand_metric(struct feed *feed, enum ld_metric metric, double value)
{
    struct ld_point point = {metric, value};
    hand(feed, (struct ld_observation){.kind = LD_OBSERVATION_METRICS, .point_count = 1, .points = &point});
}

static inline void hand_profile_as(struct feed *feed, enum ld_profile_kind kind, enum ld_purpose purpose,
                                   const struct group *groups, size_t count)
{
    struct made_profile made;
    const struct ld_profile *profile = make_profile(&made, kind, groups, count);
    hand(feed, (struct ld_observation){.kind = LD_OBSERVATION_PROFILE, .purpose = purpose, .profile_kind = kind,
                                       .encoding = profile->encoding, .profile = profile});
}

static inline void hand_profile(struct feed *feed, const struct group *groups, size_t count)
{
    hand_profile_as(feed, LD_PROFILE_GOROUTINE, LD_PURPOSE_PERIOD, groups, count);
}

static inline void hand_failure(struct feed *feed, bool of_profile, enum ld_profile_kind kind,
                                enum ld_read_failure failure)
{
    hand(feed, (struct ld_observation){.kind = LD_OBSERVATION_FAILED, .of_profile = of_profile, .profile_kind = kind,
                                       .failure = failure});
}

static inline void hand_answer(struct feed *feed, const char *path, int status, const char *body)
{
    hand(feed, (struct ld_observation){.kind = LD_OBSERVATION_ANSWER, .path = path, .http_status = status, .body = body,
                                       .body_length = strlen(body)});
}

static inline void hand_no_answer(struct feed *feed, const char *path, enum ld_read_failure failure)
{
    hand(feed, (struct ld_observation){.kind = LD_OBSERVATION_FAILED, .path = path, .failure = failure});
}

static inline void hand_life(struct feed *feed, enum ld_life life)
{
    hand(feed, (struct ld_observation){.kind = LD_OBSERVATION_LIFE, .life = life});
}

/* A death and the next incarnation. */
static inline void restart(struct feed *feed)
{
    hand_life(feed, LD_LIFE_ENDED);
    feed->incarnation++;
    hand_life(feed, LD_LIFE_STARTED);
}

#endif
