#include "runner/sample/sampler.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "observe/prometheus.h"
#include "runner/sample/proc.h"

#define SAMPLER_MAGIC 0x6c647361u
#define METRICS_MAX ((size_t)1 << 20) /* bytes of a page of metrics */
#define ESCALATION_LEAST 50.0 /* goroutines above which a doubling is worth stopping the world */

static void next_step(struct ld_sampler *sampler);

/* ---- observations */

static void observe(struct ld_sampler *sampler, struct ld_observation *observation)
{
    sampler->events->observed(sampler->context, observation);
}

static enum ld_purpose purpose_of(const struct ld_sampler *sampler)
{
    return sampler->survey_busy ? sampler->purpose : LD_PURPOSE_PERIOD;
}

/* A profile the target does not have is an answer (the detector says unknown), not a failed survey; nor does the
 * failure of a period's read that the survey overtook belong to it. */
static void note_failure(struct ld_sampler *sampler, const char *what, enum ld_read_failure failure, const char *text)
{
    if (!sampler->survey_busy || !sampler->reading_for_survey || failure == LD_READ_NOT_AVAILABLE ||
        sampler->survey_failures++ > 0)
        return;
    struct ld_buffer words;
    ld_buffer_init(&words, sizeof sampler->first_failure - 1);
    (void)ld_buffer_printf(&words, "%.40s: %s", what, ld_read_failure_name(failure));
    if (text && text[0])
        (void)ld_buffer_printf(&words, ", %.80s", text);
    memcpy(sampler->first_failure, ld_buffer_text(&words), words.length + 1);
    ld_buffer_done(&words);
}

static void observe_failure(struct ld_sampler *sampler, const struct ld_survey_step *step,
                            enum ld_read_failure failure, const struct ld_fetch_result *result, const char *text)
{
    if (step && step->kind == LD_PROFILE_GOROUTINE)
        sampler->profiled_count = -1; /* asked again in the next period, whether the count moves or not */
    char better[80]; /* than what curl says */
    if (failure == LD_READ_STATUS && result) {
        snprintf(better, sizeof better, "HTTP %ld%s", (long)result->status,
                 !step && result->status == 404 ? "; metrics: \"\" is for a target that serves none" : "");
        text = better;
    } else if (result && result->failure == LD_FETCH_TOO_LARGE) {
        snprintf(better, sizeof better, "more than %zu MiB", (step ? LD_SAMPLER_BODY_MAX : METRICS_MAX) >> 20);
        text = better;
    }
    struct ld_observation observation = {.time_ns = result ? result->ended_ns : (int64_t)uv_hrtime(),
                                         .kind = LD_OBSERVATION_FAILED,
                                         .purpose = purpose_of(sampler),
                                         .read_ns = result ? result->ended_ns - result->began_ns : 0,
                                         .of_profile = step != NULL,
                                         .failure = failure,
                                         .http_status = result ? (int)result->status : 0,
                                         .text = text ? text : ""};
    if (step) {
        observation.profile_kind = step->kind;
        observation.encoding = step->encoding;
    }
    note_failure(sampler, step ? ld_profile_kind_name(step->kind) : sampler->setting.metrics_path, failure, text);
    observe(sampler, &observation);
}

static const enum ld_read_failure fetch_failures[] = {
    [LD_FETCH_REFUSED] = LD_READ_REFUSED,     [LD_FETCH_TIMEOUT] = LD_READ_TIMEOUT,
    [LD_FETCH_TRUNCATED] = LD_READ_TRUNCATED, [LD_FETCH_TOO_LARGE] = LD_READ_TOO_LARGE,
    [LD_FETCH_BROKEN] = LD_READ_GARBAGE};

/* What a fetch came to, as a read: true when there is a body to parse. */
static bool judge_fetch(const struct ld_fetch_result *result, enum ld_read_failure *ret_failure)
{
    if (result->failure != LD_FETCH_OK)
        *ret_failure = fetch_failures[result->failure];
    else if (result->status == 404 && result->pprof_header)
        *ret_failure = LD_READ_NOT_AVAILABLE;
    else if (result->status != 200)
        *ret_failure = LD_READ_STATUS;
    else
        return true;
    return false;
}

/* ---- metrics */

static void add_points(struct ld_sampler *sampler, const struct ld_point *points, size_t count)
{
    for (size_t i = 0; i < count && sampler->point_count < sizeof sampler->points / sizeof *sampler->points; i++)
        sampler->points[sampler->point_count++] = points[i];
}

static void observe_metrics(struct ld_sampler *sampler, const struct ld_fetch_result *result)
{
    struct ld_point extra[LD_SAMPLER_EXTRA_POINTS];
    add_points(sampler, extra, sampler->events->extra(sampler->context, extra, LD_SAMPLER_EXTRA_POINTS));
    uint64_t bytes;
    int64_t time_ns;
    ld_door_totals(sampler->door, &bytes, &time_ns);
    const struct ld_point cost[] = {{LD_METRIC_READ_BYTES, (double)bytes},
                                    {LD_METRIC_READ_TIME, (double)time_ns / 1e9}};
    add_points(sampler, cost, 2);
    int64_t now_ns = (int64_t)uv_hrtime();
    struct ld_observation observation = {.time_ns = result ? result->ended_ns : now_ns,
                                         .kind = LD_OBSERVATION_METRICS,
                                         .purpose = purpose_of(sampler),
                                         .read_ns = result ? result->ended_ns - result->began_ns
                                                           : now_ns - sampler->points_ns,
                                         .point_count = sampler->point_count,
                                         .points = sampler->points};
    observe(sampler, &observation);
}

static void on_metrics(void *context, const struct ld_fetch_result *result)
{
    struct ld_sampler *sampler = context;
    struct ld_point points[LD_METRIC_COUNT];
    enum ld_read_failure failure;
    size_t count = 0;
    assert(sampler->magic == SAMPLER_MAGIC);
    if (!judge_fetch(result, &failure))
        observe_failure(sampler, NULL, failure, result, result->message);
    else {
        struct ld_error error = {0};
        if (ld_prometheus_parse(result->body, result->length, points, LD_METRIC_COUNT, &count, &error) != 0) {
            count = 0;
            observe_failure(sampler, NULL, LD_READ_GARBAGE, result, error.message);
        } else if (count == 0 && sampler->metrics_seen) {
            observe_failure(sampler, NULL, LD_READ_GARBAGE, result, "nothing of what it told before");
        }
    }
    sampler->metrics_seen = sampler->metrics_seen || count > 0;
    add_points(sampler, points, count);
    for (size_t i = 0; i < count; i++)
        if (points[i].metric == LD_METRIC_GOROUTINES)
            sampler->count = points[i].value;
    if (sampler->point_count)
        observe_metrics(sampler, result);
    next_step(sampler);
}

static void read_metrics(struct ld_sampler *sampler)
{
    sampler->points_ns = (int64_t)uv_hrtime();
    sampler->point_count = sampler->pid > 0
                               ? ld_proc_read(sampler->pid, sampler->survey_busy, sampler->points)
                               : 0;
    struct ld_door_request request = {.reader = LD_READER_SAMPLER,
                                      .path = sampler->setting.metrics_path,
                                      .timeout_ns = sampler->setting.timeout_ns,
                                      .body_max = METRICS_MAX};
    sampler->reading_for_survey = sampler->survey_busy;
    if (sampler->setting.metrics_path[0]) {
        if (ld_door_read(sampler->door, &request, on_metrics, sampler) == 0)
            return;
        observe_failure(sampler, NULL, LD_READ_OVERLAP, NULL, "the queue of reads is full");
    }
    /* Without metrics of its own there are still the load's and what the profiles cost; with nothing at all to read the
     * period is a tick. A goroutine profile gives the number of goroutines, too: they wait for it. */
    sampler->awaits_count = sampler->setting.goroutines && !sampler->setting.metrics_path[0];
    bool any = sampler->point_count || sampler->setting.goroutines || sampler->setting.heap || sampler->setting.leaks;
    if (any && !sampler->awaits_count)
        observe_metrics(sampler, NULL);
    next_step(sampler);
}

/* The metrics that waited for a goroutine profile; `count` -1: none came. */
static void observe_counted(struct ld_sampler *sampler, double count)
{
    if (!sampler->awaits_count)
        return;
    sampler->awaits_count = false;
    if (count >= 0)
        add_points(sampler, &(const struct ld_point){LD_METRIC_GOROUTINES, count}, 1);
    observe_metrics(sampler, NULL);
}

/* ---- profiles */

static void on_profile(void *context, const struct ld_fetch_result *result)
{
    struct ld_sampler *sampler = context;
    assert(sampler->magic == SAMPLER_MAGIC);
    const struct ld_survey_step *step = &sampler->reading;
    enum ld_read_failure failure;
    struct ld_profile profile;
    struct ld_error error = {0};
    if (!judge_fetch(result, &failure)) {
        observe_failure(sampler, step, failure, result, result->message);
        next_step(sampler);
        return;
    }
    int code = ld_profile_parse(&profile, step->kind, result->body, result->length, NULL, &error);
    if (code) {
        failure = code == LD_ETRUNCATED ? LD_READ_TRUNCATED : code == LD_ELIMIT ? LD_READ_TOO_LARGE : LD_READ_GARBAGE;
        observe_failure(sampler, step, failure, result, error.message);
        next_step(sampler);
        return;
    }
    if (step->kind == LD_PROFILE_GOROUTINE && sampler->setting.metrics_path[0] == '\0')
        sampler->count = (double)profile.total;
    struct ld_observation observation = {.time_ns = result->ended_ns,
                                         .kind = LD_OBSERVATION_PROFILE,
                                         .purpose = step->encoding == LD_ENCODING_STACKS && !sampler->survey_busy
                                                        ? LD_PURPOSE_ESCALATION
                                                        : purpose_of(sampler),
                                         .read_ns = result->ended_ns - result->began_ns,
                                         .profile_kind = step->kind,
                                         .encoding = profile.encoding,
                                         .profile = &profile,
                                         .body = result->body,
                                         .body_length = result->length};
    observe(sampler, &observation);
    if (step->kind == LD_PROFILE_GOROUTINE)
        observe_counted(sampler, (double)profile.total);
    ld_profile_done(&profile);
    next_step(sampler);
}

static const char *reader_of(enum ld_profile_kind kind)
{
    return kind == LD_PROFILE_GOROUTINELEAK ? "goroutineleak" : LD_READER_SAMPLER;
}

/* ---- endpoints */

static void observe_unanswered(const struct ld_answering *answering, enum ld_read_failure failure,
                               const struct ld_fetch_result *result, const char *text)
{
    struct ld_observation observation = {.time_ns = result ? result->ended_ns : (int64_t)uv_hrtime(),
                                         .kind = LD_OBSERVATION_FAILED,
                                         .purpose = answering->purpose,
                                         .read_ns = result ? result->ended_ns - result->began_ns : 0,
                                         .path = answering->endpoint->path,
                                         .failure = failure,
                                         .http_status = result ? (int)result->status : 0,
                                         .text = text};
    observe(answering->sampler, &observation);
}

static void on_answer(void *context, const struct ld_fetch_result *result)
{
    struct ld_answering *answering = context;
    struct ld_sampler *sampler = answering->sampler;
    assert(sampler->magic == SAMPLER_MAGIC);
    answering->busy = false;
    if (sampler->closing)
        return;
    if (result->failure != LD_FETCH_OK) {
        observe_unanswered(answering, fetch_failures[result->failure], result, result->message);
        return;
    }
    struct ld_observation observation = {.time_ns = result->ended_ns,
                                         .kind = LD_OBSERVATION_ANSWER,
                                         .purpose = answering->purpose,
                                         .read_ns = result->ended_ns - result->began_ns,
                                         .path = answering->endpoint->path,
                                         .http_status = (int)result->status,
                                         .body = result->body,
                                         .body_length = result->length};
    observe(sampler, &observation);
}

static void read_endpoint(struct ld_answering *answering, enum ld_purpose purpose)
{
    struct ld_sampler *sampler = answering->sampler;
    const struct ld_endpoint *endpoint = answering->endpoint;
    struct ld_door_request request = {.reader = "endpoint",
                                      .path = endpoint->path,
                                      .timeout_ns = endpoint->timeout_ns,
                                      .body_max = LD_SAMPLER_BODY_MAX,
                                      .way = endpoint->changes ? LD_DOOR_IN_TURN : LD_DOOR_BESIDE,
                                      .endpoint = true};
    if (answering->busy) {
        observe_unanswered(answering, LD_READ_OVERLAP, NULL, "");
        return;
    }
    answering->purpose = purpose;
    answering->busy = ld_door_read(sampler->door, &request, on_answer, answering) == 0;
    if (!answering->busy)
        observe_unanswered(answering, LD_READ_OVERLAP, NULL, "the queue of reads is full");
}

static void read_endpoints(struct ld_sampler *sampler)
{
    for (size_t i = 0; i < sampler->setting.endpoint_count; i++)
        if (sampler->cycles % (uint64_t)sampler->setting.endpoints[i].every == 0)
            read_endpoint(&sampler->answering[i], LD_PURPOSE_PERIOD);
}

/* ---- steps */

static void add_step(struct ld_sampler *sampler, enum ld_profile_kind kind, enum ld_profile_encoding encoding)
{
    if (sampler->step_count < sizeof sampler->steps / sizeof *sampler->steps)
        sampler->steps[sampler->step_count++] = (struct ld_survey_step){kind, encoding};
}

static void finish(struct ld_sampler *sampler)
{
    observe_counted(sampler, -1);
    sampler->cycle_busy = false;
    if (sampler->survey_busy) {
        sampler->survey_busy = false;
        sampler->events->surveyed(sampler->context, sampler->survey_failures, sampler->first_failure);
    }
}

/* debug=2 stops the world throughout: only below the limit, as far as the count is known. */
static bool may_dump(const struct ld_sampler *sampler)
{
    return sampler->setting.full_below > 0 && sampler->count < (double)sampler->setting.full_below;
}

/* Wants a goroutine profile now: the count moved, or it is too long ago. */
static bool profile_is_due(const struct ld_sampler *sampler)
{
    return sampler->count < 0 || sampler->count != sampler->profiled_count ||
           sampler->setting.metrics_path[0] == '\0' ||
           sampler->cycle - sampler->profiled_cycle >= (uint64_t)sampler->setting.idle_periods;
}

/* The steps of an ordinary period, decided once its metrics are known. */
static void plan_period(struct ld_sampler *sampler)
{
    const struct ld_sampler_setting *setting = &sampler->setting;
    bool slow = sampler->cycle % (uint64_t)setting->idle_periods == 0;
    bool leaks = setting->leaks && sampler->cycle % LD_SAMPLER_LEAK_PERIODS == 0;
    if (setting->goroutines && profile_is_due(sampler)) {
        add_step(sampler, LD_PROFILE_GOROUTINE, LD_ENCODING_PROTO);
        sampler->profiled_count = sampler->count;
        sampler->profiled_cycle = sampler->cycle;
    }
    if (setting->goroutines && sampler->count >= sampler->escalate_at && may_dump(sampler)) {
        add_step(sampler, LD_PROFILE_GOROUTINE, LD_ENCODING_STACKS);
        sampler->escalate_at = sampler->count * 2;
    }
    if (setting->heap && slow)
        add_step(sampler, LD_PROFILE_HEAP, LD_ENCODING_PROTO);
    if (leaks)
        add_step(sampler, LD_PROFILE_GOROUTINELEAK, LD_ENCODING_PROTO);
}

static void plan_survey(struct ld_sampler *sampler)
{
    const struct ld_sampler_setting *setting = &sampler->setting;
    if (setting->heap && !sampler->dump_only)
        add_step(sampler, LD_PROFILE_HEAP, LD_ENCODING_PROTO);
    if (setting->goroutines && (!sampler->dump_only || sampler->awaits_count))
        add_step(sampler, LD_PROFILE_GOROUTINE, LD_ENCODING_PROTO);
    if (setting->goroutines)
        add_step(sampler, LD_PROFILE_GOROUTINE, LD_ENCODING_STACKS);
    if (setting->leaks && !sampler->dump_only)
        add_step(sampler, LD_PROFILE_GOROUTINELEAK, LD_ENCODING_PROTO);
}

static void next_step(struct ld_sampler *sampler)
{
    if (sampler->closing)
        return;
    /* Planned only now: how many goroutines there are decides, and the metrics have just said it. */
    if (!sampler->planned) {
        sampler->planned = true;
        if (sampler->survey_busy)
            plan_survey(sampler);
        else
            plan_period(sampler);
    }
    while (sampler->step < sampler->step_count) {
        const struct ld_survey_step *step = &sampler->reading;
        sampler->reading = sampler->steps[sampler->step++];
        if (step->encoding == LD_ENCODING_STACKS && !may_dump(sampler))
            continue;
        sampler->reading_for_survey = sampler->survey_busy;
        char path[96];
        snprintf(path, sizeof path, "/debug/pprof/%s%s", ld_profile_kind_name(step->kind),
                 step->encoding == LD_ENCODING_STACKS ? "?debug=2" : "");
        struct ld_door_request request = {.reader = reader_of(step->kind),
                                          .path = path,
                                          .timeout_ns = sampler->setting.timeout_ns,
                                          .body_max = LD_SAMPLER_BODY_MAX};
        if (ld_door_read(sampler->door, &request, on_profile, sampler) == 0)
            return;
        observe_failure(sampler, step, LD_READ_OVERLAP, NULL, "the queue of reads is full");
    }
    finish(sampler);
}

static void begin(struct ld_sampler *sampler)
{
    sampler->cycle_busy = true;
    sampler->planned = false;
    sampler->step = sampler->step_count = 0;
    read_metrics(sampler);
}

static void observe_silence(struct ld_sampler *sampler, enum ld_observation_kind kind, enum ld_read_failure failure)
{
    struct ld_observation observation = {.time_ns = (int64_t)uv_hrtime(), .kind = kind, .failure = failure, .text = ""};
    observe(sampler, &observation);
}

/* ---- periods */

static void on_period(uv_timer_t *timer);

static void arm(struct ld_sampler *sampler)
{
    int64_t now = (int64_t)uv_hrtime();
    /* The grid stays where it is: a late period does not shift the ones behind it, missed ones are passed over. The
     * loop's clock has whole milliseconds, so that a timer may fire up to one before its time: that is this period. */
    do
        sampler->next_ns += sampler->setting.period_ns;
    while (sampler->next_ns <= now);
    uv_update_time(sampler->loop);
    uv_timer_start(&sampler->timer, on_period, (uint64_t)((sampler->next_ns - now + 999999) / 1000000), 0);
}

static void on_period(uv_timer_t *timer)
{
    struct ld_sampler *sampler = timer->data;
    assert(sampler->magic == SAMPLER_MAGIC);
    sampler->cycles++;
    if ((int64_t)uv_hrtime() - sampler->next_ns > sampler->setting.period_ns)
        sampler->late++;
    arm(sampler);
    if (sampler->pid < 0) {
        observe_silence(sampler, LD_OBSERVATION_FAILED, LD_READ_GONE);
        return;
    }
    read_endpoints(sampler);
    if (sampler->cycle_busy) {
        if (!sampler->survey_busy) {
            sampler->overlaps++;
            observe_silence(sampler, LD_OBSERVATION_FAILED, LD_READ_OVERLAP);
        }
        return;
    }
    sampler->cycle++;
    if (!sampler->setting.goroutines && !sampler->setting.metrics_path[0] && sampler->pid == 0)
        observe_silence(sampler, LD_OBSERVATION_TICK, 0);
    begin(sampler);
}

int ld_sampler_init(struct ld_sampler *sampler, uv_loop_t *loop, struct ld_door *door,
                    const struct ld_sampler_setting *setting, const struct ld_sampler_events *events, void *context)
{
    memset(sampler, 0, sizeof *sampler);
    sampler->magic = SAMPLER_MAGIC;
    sampler->loop = loop;
    sampler->door = door;
    sampler->setting = *setting;
    sampler->events = events;
    sampler->context = context;
    sampler->pid = -1;
    sampler->timer.data = sampler;
    for (size_t i = 0; i < setting->endpoint_count; i++)
        sampler->answering[i] = (struct ld_answering){.sampler = sampler, .endpoint = &sampler->setting.endpoints[i]};
    return uv_timer_init(loop, &sampler->timer) ? LD_ESYSTEM : 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct ld_sampler *sampler = handle->data;
    sampler->magic = 0;
    sampler->events->closed(sampler->context);
}

void ld_sampler_close(struct ld_sampler *sampler)
{
    assert(sampler->magic == SAMPLER_MAGIC);
    sampler->closing = true;
    uv_close((uv_handle_t *)&sampler->timer, on_closed);
}

void ld_sampler_point(struct ld_sampler *sampler, int64_t pid)
{
    sampler->pid = pid;
    sampler->count = sampler->profiled_count = -1;
    sampler->profiled_cycle = sampler->cycle;
    sampler->escalate_at = ESCALATION_LEAST;
}

void ld_sampler_start(struct ld_sampler *sampler)
{
    if (sampler->count * 2 > sampler->escalate_at)
        sampler->escalate_at = sampler->count * 2;
    sampler->next_ns = (int64_t)uv_hrtime();
    arm(sampler); /* the survey before it is the first sample */
}

void ld_sampler_stop(struct ld_sampler *sampler)
{
    uv_timer_stop(&sampler->timer);
}

void ld_sampler_survey(struct ld_sampler *sampler, enum ld_purpose purpose, bool dump_only)
{
    assert(sampler->magic == SAMPLER_MAGIC && !sampler->survey_busy);
    sampler->survey_busy = true;
    sampler->purpose = purpose;
    sampler->survey_failures = 0;
    sampler->first_failure[0] = '\0';
    /* A period under way is overtaken: the read in hand ends as it may, its remaining steps are dropped. */
    sampler->step = sampler->step_count = 0;
    sampler->dump_only = dump_only;
    sampler->planned = false;
    for (size_t i = 0; i < sampler->setting.endpoint_count && purpose == LD_PURPOSE_WARM_UP; i++)
        read_endpoint(&sampler->answering[i], purpose);
    if (!sampler->cycle_busy) {
        sampler->cycle_busy = true;
        read_metrics(sampler);
    }
}
