/* The observation: the one currency between the runner or the store and every detector.
 *
 * Live, the runner makes them; in replay, the store makes the very same ones out of the same rows and raw bytes, by
 * the same functions here. A detector cannot tell which. Silence is an observation too: a `tick` is delivered when a
 * sampling period passed without anything else, so that rules with windows move on. */
#ifndef LD_OBSERVE_OBSERVATION_H
#define LD_OBSERVE_OBSERVATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "observe/metric.h"
#include "pprof/profile.h"

/*    id, name, what it means */
#define LD_OBSERVATIONS(X)                                                       \
    X(TICK, "tick", "a period passed and nothing else was seen")                 \
    X(METRICS, "metrics", "numbers read at one instant")                         \
    X(PROFILE, "profile", "a profile was read whole")                            \
    X(FAILED, "failed", "a read failed, was cut short, overlapped or was missing") \
    X(LIFE, "life", "an incarnation began, became ready or ended")               \
    X(LINE, "line", "a line the target wrote on stderr")                         \
    X(ANSWER, "answer", "a path of the target answered, whatever its status")

enum ld_observation_kind {
#define X(id, ...) LD_OBSERVATION_##id,
    LD_OBSERVATIONS(X)
#undef X
    LD_OBSERVATION_KINDS
};
const char *ld_observation_kind_name(enum ld_observation_kind kind);
int ld_observation_kind_find(const char *name); /* -1 when unknown */

/* Why a read was made. */
enum ld_purpose {
    LD_PURPOSE_PERIOD,
    LD_PURPOSE_WARM_UP,
    LD_PURPOSE_BEFORE,
    LD_PURPOSE_AFTER,
    LD_PURPOSE_ESCALATION,
    LD_PURPOSES
};
const char *ld_purpose_name(enum ld_purpose purpose);

/* How a read failed. NOT_AVAILABLE is the runtime's own "Unknown profile" (404 with X-Go-Pprof: 1): the question
 * cannot be asked here, which is not the answer "no leak". */
#define LD_READ_FAILURES(X)                                     \
    X(REFUSED, "refused", "connection refused or reset")        \
    X(TIMEOUT, "timeout", "no whole answer in time")            \
    X(TRUNCATED, "truncated", "the body ended too early")       \
    X(GARBAGE, "garbage", "the body could not be parsed")       \
    X(TOO_LARGE, "too-large", "the body passed the limit")      \
    X(STATUS, "status", "an HTTP status other than 200")        \
    X(NOT_AVAILABLE, "not-available", "the target has no such profile") \
    X(OVERLAP, "overlap", "the read before it had not ended")   \
    X(GONE, "gone", "the process was not there to look at")

enum ld_read_failure {
#define X(id, ...) LD_READ_##id,
    LD_READ_FAILURES(X)
#undef X
    LD_READ_FAILURE_COUNT
};
const char *ld_read_failure_name(enum ld_read_failure failure);
int ld_read_failure_find(const char *name);

enum ld_life { LD_LIFE_STARTED, LD_LIFE_READY, LD_LIFE_ENDED };
const char *ld_life_name(enum ld_life life);

struct ld_point {
    enum ld_metric metric;
    double value;
};

#define LD_OBSERVATION_PATH_MAX 256 /* bytes of a path that is read, with its end */

struct ld_observation {
    uint64_t sequence;    /* 1, 2, 3 … within a run */
    int64_t time_ns;      /* since the run's start: when the read's answer was complete */
    uint32_t instance;    /* 0-based */
    uint32_t incarnation; /* 1-based */
    enum ld_observation_kind kind;
    enum ld_purpose purpose;      /* METRICS, PROFILE, FAILED, ANSWER */
    int64_t read_ns;              /* METRICS, PROFILE, FAILED, ANSWER: how long the read took */
    /* METRICS */
    size_t point_count;
    const struct ld_point *points;
    /* PROFILE, FAILED */
    enum ld_profile_kind profile_kind;
    bool of_profile;                  /* FAILED: a profile was asked for */
    enum ld_profile_encoding encoding;
    const struct ld_profile *profile; /* PROFILE: parsed by ld_profile_parse */
    const void *body;                 /* PROFILE, ANSWER: the raw bytes */
    size_t body_length;
    /* ANSWER, FAILED */
    const char *path;                 /* ANSWER, FAILED of one: with its query; without spaces. Else NULL: a profile was
                                       * asked for, or the metrics */
    /* FAILED */
    enum ld_read_failure failure;
    int http_status;                  /* also of ANSWER; 0 when there was no answer */
    /* LIFE */
    enum ld_life life;
    int64_t exit_status;              /* ENDED: exit code, or -signal */
    bool expected;                    /* ENDED: the harness meant it to end; a plain death says false */
    /* LINE */
    const char *text;                 /* LINE: without newline; FAILED: what went wrong, may be "" */
};
/* All pointers belong to whoever delivers the observation and are valid only during the call. */

/* Is it a failed read of the metrics? */
bool ld_observation_misses_metrics(const struct ld_observation *observation);

#endif
