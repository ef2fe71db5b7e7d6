#include "runner/detect/question.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "truth/cause.h"
#include "yaml/utf8.h"

static int finish(struct ld_buffer *out, json_t *object, bool whole)
{
    char *text = whole && object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    int code = text ? ld_buffer_add_text(out, text) : LD_ENOMEM;
    free(text);
    json_decref(object);
    return code ? code : ld_buffer_add(out, "\n", 1);
}

/* What a target printed may be anything; JSON is UTF-8. Each byte that is not becomes '?'. */
static json_t *any_text(const char *text)
{
    struct ld_utf8_place place = {.line = 1, .column = 1};
    size_t length = strlen(text);
    if (!ld_utf8_next_fault(text, length, &place))
        return json_stringn_nocheck(text, length);
    char *clean = strdup(text);
    if (!clean)
        return NULL;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)clean[i] >= 0x80)
            clean[i] = '?';
    json_t *value = json_stringn_nocheck(clean, length);
    free(clean);
    return value;
}

/* A number, or null for what JSON has no word for (NaN, infinities). */
static json_t *any_number(double value)
{
    json_t *number = json_real(value);
    return number ? number : json_null();
}

/* ---- hello */

static json_t *texts(const char *const *items, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count && array; i++)
        json_array_append_new(array, json_string(items[i]));
    return array;
}

static json_t *profiles_of(const struct ld_exec_options *options)
{
    json_t *array = json_array();
    for (int i = 0; i < LD_EXEC_PROFILES && array; i++)
        if (ld_exec_wants(options, (enum ld_exec_profile)i))
            json_array_append_new(array, json_string(ld_exec_profile_names[i]));
    return array;
}

static json_t *options_of(const struct ld_exec_options *options)
{
    const char *const *values = options->options.items;
    json_t *object = json_object();
    for (size_t i = 0; i < options->options.count && object; i++)
        json_object_set_new(object, options->options.names[i], json_string(values[i]));
    return object;
}

static json_t *metrics(void)
{
    json_t *object = json_object();
    for (int i = 0; i < LD_METRIC_COUNT && object; i++)
        json_object_set_new(object, ld_metric_table[i].name, json_string(ld_metric_table[i].unit));
    return object;
}

static json_t *causes(void)
{
    json_t *array = json_array();
    for (int i = 0; i < LD_CAUSE_COUNT && array; i++)
        json_array_append_new(array, json_string(ld_cause_table[i].name));
    return array;
}

int ld_question_hello(struct ld_buffer *out, const struct ld_hello *hello)
{
    char token[17];
    snprintf(token, sizeof token, "%016llx", (unsigned long long)hello->token);
    json_t *object = json_pack("{s:s, s:i, s:i, s:s, s:I, s:f, s:I, s:I, s:o, s:o, s:o, s:o}", "type", "hello", "seq",
                               0, "protocol", LD_EXEC_PROTOCOL, "run", token, "instances", (json_int_t)hello->instances,
                               "time_scale", hello->time_scale, "period_ns", (json_int_t)hello->period_ns, "timeout_ns",
                               (json_int_t)hello->options->timeout_ns, "profiles", profiles_of(hello->options),
                               "options", options_of(hello->options), "metrics", metrics(), "causes", causes());
    bool whole = object != NULL;
    if (whole && hello->gateway)
        whole = json_object_set_new(object, "gateway", texts(hello->gateway, hello->instances)) == 0;
    return finish(out, object, whole);
}

/* ---- observations */

static json_t *values_of(const struct ld_observation *observation)
{
    json_t *object = json_object();
    for (size_t i = 0; i < observation->point_count && object; i++)
        json_object_set_new(object, ld_metric_table[observation->points[i].metric].name,
                            any_number(observation->points[i].value));
    return object;
}

static const char *const formats[] = {
    [LD_ENCODING_PROTO] = "pprof", [LD_ENCODING_GROUPS] = "debug1", [LD_ENCODING_STACKS] = "debug2"};

static json_t *add_metrics(const struct ld_observation *o, const char *path)
{
    (void)path;
    return json_pack("{s:s, s:I, s:o}", "purpose", ld_purpose_name(o->purpose), "read_ns", (json_int_t)o->read_ns,
                     "values", values_of(o));
}

static json_t *add_profile(const struct ld_observation *o, const char *path)
{
    return json_pack("{s:s, s:I, s:s, s:s, s:s, s:I, s:b}", "purpose", ld_purpose_name(o->purpose), "read_ns",
                     (json_int_t)o->read_ns, "profile", ld_profile_kind_name(o->profile_kind), "format",
                     formats[o->encoding], "path", path, "bytes", (json_int_t)o->body_length, "truncated",
                     (int)(o->profile && o->profile->truncated));
}

static json_t *add_failed(const struct ld_observation *o, const char *path)
{
    (void)path;
    return json_pack("{s:s, s:I, s:s?, s:s, s:i}", "purpose", ld_purpose_name(o->purpose), "read_ns",
                     (json_int_t)o->read_ns, "profile", o->of_profile ? ld_profile_kind_name(o->profile_kind) : NULL,
                     "failure", ld_read_failure_name(o->failure), "status", o->http_status);
}

static json_t *add_life(const struct ld_observation *o, const char *path)
{
    (void)path;
    return json_pack("{s:s, s:I, s:b}", "life", ld_life_name(o->life), "status", (json_int_t)o->exit_status, "expected",
                     (int)o->expected);
}

static json_t *add_line(const struct ld_observation *o, const char *path)
{
    (void)path;
    return json_pack("{s:o}", "text", any_text(o->text ? o->text : ""));
}

static json_t *add_tick(const struct ld_observation *o, const char *path)
{
    (void)o;
    (void)path;
    return json_object();
}

static json_t *(*const details[LD_OBSERVATION_KINDS])(const struct ld_observation *, const char *) = {
    [LD_OBSERVATION_TICK] = add_tick,       [LD_OBSERVATION_METRICS] = add_metrics,
    [LD_OBSERVATION_PROFILE] = add_profile, [LD_OBSERVATION_FAILED] = add_failed,
    [LD_OBSERVATION_LIFE] = add_life,       [LD_OBSERVATION_LINE] = add_line,
    [LD_OBSERVATION_ANSWER] = add_tick, /* nobody is told: ld_question_wanted */
};

int ld_question_observation(struct ld_buffer *out, const struct ld_observation *observation, const char *path)
{
    json_t *object =
        json_pack("{s:s, s:I, s:I, s:I, s:I}", "type", ld_observation_kind_name(observation->kind), "seq",
                  (json_int_t)observation->sequence, "time_ns", (json_int_t)observation->time_ns, "instance",
                  (json_int_t)observation->instance, "incarnation", (json_int_t)observation->incarnation);
    json_t *more = object ? details[observation->kind](observation, path) : NULL;
    bool whole = more && json_object_update(object, more) == 0;
    json_decref(more);
    return finish(out, object, whole);
}

bool ld_question_wanted(const struct ld_exec_options *options, const struct ld_observation *observation)
{
    bool of_profile = observation->kind == LD_OBSERVATION_PROFILE ||
                      (observation->kind == LD_OBSERVATION_FAILED && observation->of_profile);
    if (observation->path)
        return false;
    if (!of_profile)
        return true;
    switch (observation->profile_kind) {
    case LD_PROFILE_GOROUTINE:
        return ld_exec_wants(options,
                             observation->encoding == LD_ENCODING_STACKS ? LD_EXEC_GOROUTINE_FULL : LD_EXEC_GOROUTINE);
    case LD_PROFILE_GOROUTINELEAK:
        return ld_exec_wants(options, LD_EXEC_GOROUTINELEAK);
    case LD_PROFILE_HEAP:
        return ld_exec_wants(options, LD_EXEC_HEAP);
    default:
        return false;
    }
}

const char *ld_question_path(const struct ld_observation *observation, char path[LD_EXEC_PATH_MAX])
{
    snprintf(path, LD_EXEC_PATH_MAX, "profiles/%llu.%s", (unsigned long long)observation->sequence,
             observation->encoding == LD_ENCODING_PROTO ? "pb.gz" : "txt");
    return path;
}
