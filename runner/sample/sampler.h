/* The sampler of one instance: what is read, when, and what becomes of it.
 *
 * Every period: /proc and the target's /metrics in one METRICS observation. The goroutine profile (debug=0: it names
 * wait states) is read when the goroutine count moved since the last one, and at least every `idle_periods`; without
 * /metrics every period, and its total then stands in the METRICS as the number of goroutines. The heap profile is
 * read every `idle_periods`, before a goroutineleak profile (which forces a
 * GC). debug=2 stops the world: only before, after, and when the count has doubled, and only below `full_below`
 * goroutines. Endpoints are read every so many periods and at warm-up, beside all that and without waiting for it, for
 * they may take their time; what they answer is an ANSWER, whatever its status. A read that fails, is cut short, or
 * meets its predecessor still under way is an observation of its own. */
#ifndef LD_SAMPLE_SAMPLER_H
#define LD_SAMPLE_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "detect/detector.h"
#include "observe/observation.h"
#include "runner/sample/door.h"

#define LD_SAMPLER_LEAK_PERIODS 4      /* a goroutineleak profile every so many periods */
#define LD_SAMPLER_BODY_MAX ((size_t)80 << 20)
#define LD_SAMPLER_EXTRA_POINTS 16

struct ld_sampler_setting {
    unsigned reads;            /* enum ld_read bits */
    bool heap, goroutines, leaks;
    const char *metrics_path;  /* "" when there is none */
    int64_t period_ns;
    int64_t timeout_ns;
    int64_t idle_periods;
    int64_t full_below;
    size_t endpoint_count;
    struct ld_endpoint endpoints[LD_ENDPOINTS_MAX];
};

struct ld_sampler_events {
    /* An observation without sequence, instance and incarnation, which the receiver
     * fills; time_ns is CLOCK_MONOTONIC. */
    void (*observed)(void *context, struct ld_observation *observation);
    /* Numbers from elsewhere (load, gctrace) to go with the next METRICS; returns how many were written. */
    size_t (*extra)(void *context, struct ld_point *points, size_t room);
    /* A survey is complete: reads that failed in it. */
    void (*surveyed)(void *context, unsigned failures, const char *first_failure);
    void (*closed)(void *context);
};

struct ld_survey_step {
    enum ld_profile_kind kind;
    enum ld_profile_encoding encoding;
};

/* One endpoint and its read under way. */
struct ld_answering {
    struct ld_sampler *sampler;
    const struct ld_endpoint *endpoint;
    bool busy;
    enum ld_purpose purpose;
};

struct ld_sampler {
    unsigned magic;
    uv_loop_t *loop;
    uv_timer_t timer;
    struct ld_door *door;
    struct ld_sampler_setting setting;
    const struct ld_sampler_events *events;
    void *context;
    int64_t pid;                 /* 0: down */
    bool cycle_busy, survey_busy, closing;
    bool planned;                /* the steps of the cycle or the survey in hand are known */
    bool dump_only;              /* of the survey */
    uint64_t cycle;              /* periods since start */
    int64_t next_ns;             /* when the next period begins */
    bool metrics_seen;           /* its page of metrics once told something: an empty one is no answer any more */
    double count;                /* last goroutine count, -1 unknown */
    double profiled_count;       /* at the last goroutine profile */
    uint64_t profiled_cycle;
    double escalate_at;          /* debug=2 when the count passes this */
    enum ld_purpose purpose;     /* of the survey */
    struct ld_survey_step steps[8];
    size_t step, step_count;     /* of the cycle or the survey in hand */
    struct ld_survey_step reading; /* the profile under way */
    bool reading_for_survey;     /* the read under way was begun by the survey */
    unsigned survey_failures;
    char first_failure[160];
    struct ld_point points[LD_METRIC_COUNT + LD_SAMPLER_EXTRA_POINTS];
    size_t point_count;
    int64_t points_ns;           /* when they began to be read */
    bool awaits_count;           /* without metrics: the points wait for the goroutine profile, which counts */
    struct ld_answering answering[LD_ENDPOINTS_MAX];
    uint64_t overlaps, cycles, late; /* periods that began more than one period late */
};

int ld_sampler_init(struct ld_sampler *sampler, uv_loop_t *loop, struct ld_door *door,
                    const struct ld_sampler_setting *setting, const struct ld_sampler_events *events, void *context);
void ld_sampler_close(struct ld_sampler *sampler);
/* A new incarnation is up (pid 0: unknown, attached) or it is gone (pid < 0). */
void ld_sampler_point(struct ld_sampler *sampler, int64_t pid);
/* Begin periods now; stop them. */
void ld_sampler_start(struct ld_sampler *sampler);
void ld_sampler_stop(struct ld_sampler *sampler);
/* One reading of everything the setting asks for, for a purpose; `surveyed` follows. Warm-up reads each profile once
 * so that what a first scrape allocates is there before the baseline. `dump_only`: debug=2 alone, for a second look
 * after a forced GC. Not while another one is under way. */
void ld_sampler_survey(struct ld_sampler *sampler, enum ld_purpose purpose, bool dump_only);

#endif
