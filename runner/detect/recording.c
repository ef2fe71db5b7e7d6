#include "runner/detect/recording.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"

#define MEMORY_MAX ((size_t)64 << 20)
#define FILE_MAX ((size_t)8 << 20)
#define OBSERVATIONS_MAX 10000

static int read_file(const char *path, struct ld_buffer *out, struct ld_error *error)
{
    char piece[8192];
    FILE *file = fopen(path, "re");
    int code = file ? 0 : ld_fail_errno(error, LD_EIO, errno, "%.200s", path);
    for (size_t n; !code && (n = fread(piece, 1, sizeof piece, file)) > 0;)
        if ((code = ld_buffer_add(out, piece, n)) != 0)
            ld_fail(error, code, "%.200s: %s", path, ld_code_text(code));
    if (!code && ferror(file))
        code = ld_fail(error, LD_EIO, "%.200s cannot be read", path);
    if (file)
        fclose(file);
    return code;
}

static int find_name(const char *name, const char *(*name_of)(int), int count)
{
    for (int i = 0; name && i < count; i++)
        if (strcmp(name, name_of(i)) == 0)
            return i;
    return -1;
}

static const char *purpose_name(int i)
{
    return ld_purpose_name((enum ld_purpose)i);
}

static const char *life_name(int i)
{
    return ld_life_name((enum ld_life)i);
}

/* ---- one line */

struct reading {
    struct ld_recording *recording;
    const char *folder;
    struct ld_error *error;
};

static int read_points(struct reading *reading, const json_t *line, struct ld_observation *observation)
{
    const char *name;
    json_t *value;
    json_t *values = json_object_get(line, "values");
    struct ld_point *points = ld_arena_array(reading->recording->arena, json_object_size(values) + 1, sizeof *points);
    if (!points)
        return LD_ENOMEM;
    json_object_foreach(values, name, value)
    {
        int metric = ld_metric_find(name);
        if (metric < 0 || !json_is_number(value))
            return LD_ESYNTAX;
        points[observation->point_count++] = (struct ld_point){(enum ld_metric)metric, json_number_value(value)};
    }
    observation->points = points;
    return 0;
}

static int read_profile(struct reading *reading, const json_t *line, struct ld_observation *observation)
{
    char path[PATH_MAX];
    struct ld_buffer body;
    struct ld_recording *recording = reading->recording;
    const char *name = json_string_value(json_object_get(line, "path"));
    if (!name)
        return LD_ESYNTAX;
    snprintf(path, sizeof path, "%s/%s", reading->folder, name);
    ld_buffer_init(&body, FILE_MAX);
    int code = read_file(path, &body, reading->error);
    struct ld_profile *profile = &recording->profiles[recording->profile_count];
    if (!code)
        code = ld_profile_parse(profile, observation->profile_kind, body.bytes, body.length, NULL, reading->error);
    if (!code) {
        recording->profile_count++;
        observation->profile = profile;
        observation->encoding = profile->encoding;
        observation->body_length = body.length;
        observation->body = ld_arena_copy(recording->arena, body.bytes, body.length);
        code = observation->body ? 0 : LD_ENOMEM;
    }
    ld_buffer_done(&body);
    return code;
}

static int read_line(struct reading *reading, const json_t *line, struct ld_observation *observation)
{
    const char *profile = json_string_value(json_object_get(line, "profile"));
    const char *text = json_string_value(json_object_get(line, "text"));
    const char *type = json_string_value(json_object_get(line, "type"));
    const char *failure = json_string_value(json_object_get(line, "failure"));
    int kind = type ? ld_observation_kind_find(type) : -1;
    int profile_kind = profile ? ld_profile_kind_find(profile) : 0;
    int how = failure ? ld_read_failure_find(failure) : 0;
    int life = find_name(json_string_value(json_object_get(line, "life")), life_name, LD_LIFE_ENDED + 1);
    int purpose = find_name(json_string_value(json_object_get(line, "purpose")), purpose_name, LD_PURPOSES);
    if (kind < 0 || kind == LD_OBSERVATION_ANSWER || profile_kind < 0 || how < 0 ||
        (kind == LD_OBSERVATION_LIFE && life < 0))
        return LD_ESYNTAX;
    *observation =
        (struct ld_observation){.sequence = (uint64_t)json_integer_value(json_object_get(line, "seq")),
                                .time_ns = json_integer_value(json_object_get(line, "time_ns")),
                                .instance = (uint32_t)json_integer_value(json_object_get(line, "instance")),
                                .incarnation = (uint32_t)json_integer_value(json_object_get(line, "incarnation")),
                                .kind = (enum ld_observation_kind)kind,
                                .purpose = purpose < 0 ? LD_PURPOSE_PERIOD : (enum ld_purpose)purpose,
                                .read_ns = json_integer_value(json_object_get(line, "read_ns")),
                                .profile_kind = (enum ld_profile_kind)profile_kind,
                                .of_profile = profile != NULL,
                                .failure = (enum ld_read_failure)how,
                                .http_status = (int)json_integer_value(json_object_get(line, "status")),
                                .life = life < 0 ? LD_LIFE_STARTED : (enum ld_life)life,
                                .exit_status = json_integer_value(json_object_get(line, "status")),
                                .expected = json_is_true(json_object_get(line, "expected")),
                                .text = text ? ld_arena_text(reading->recording->arena, text) : ""};
    if (!observation->text)
        return LD_ENOMEM;
    if (kind == LD_OBSERVATION_METRICS)
        return read_points(reading, line, observation);
    return kind == LD_OBSERVATION_PROFILE ? read_profile(reading, line, observation) : 0;
}

/* ---- the file */

/* For who reads the recording by hand; a player says its own. */
static bool is_hello(const json_t *line)
{
    const char *type = json_string_value(json_object_get(line, "type"));
    return type && strcmp(type, "hello") == 0;
}

static int read_lines(struct reading *reading, const char *path, const char *text)
{
    struct ld_recording *recording = reading->recording;
    unsigned number = 0;
    while (*text) {
        size_t length = strcspn(text, "\n");
        json_t *line = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
        number++;
        ld_fail(reading->error, LD_OK, "%s", "");
        int code = !line ? LD_ESYNTAX : recording->count == OBSERVATIONS_MAX ? LD_ELIMIT : 0;
        bool hello = number == 1 && is_hello(line);
        if (!code && !hello)
            code = read_line(reading, line, &recording->items[recording->count]);
        json_decref(line);
        if (code) {
            char why[256];
            snprintf(why, sizeof why, "%.250s", reading->error->message);
            ld_fail(reading->error, code, "%.160s:%u: %s", path, number, why[0] ? why : ld_code_text(code));
            return code;
        }
        recording->count += !hello;
        text += length + (text[length] == '\n');
    }
    return 0;
}

int ld_recording_read(struct ld_recording *ret_recording, const char *folder, struct ld_error *error)
{
    char path[PATH_MAX];
    struct ld_buffer text;
    struct ld_recording recording = {.arena = ld_arena_new(MEMORY_MAX)};
    struct reading reading = {&recording, folder, error};
    if (!recording.arena)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    ld_buffer_init(&text, FILE_MAX);
    recording.items = ld_arena_array(recording.arena, OBSERVATIONS_MAX, sizeof *recording.items);
    recording.profiles = ld_arena_array(recording.arena, OBSERVATIONS_MAX, sizeof *recording.profiles);
    snprintf(path, sizeof path, "%s/observations.jsonl", folder);
    int code = recording.items && recording.profiles ? read_file(path, &text, error)
                                                     : ld_fail(error, LD_ENOMEM, "out of memory");
    if (!code)
        code = read_lines(&reading, path, ld_buffer_text(&text));
    ld_buffer_done(&text);
    if (code)
        ld_recording_done(&recording);
    else
        *ret_recording = recording;
    return code;
}

void ld_recording_done(struct ld_recording *recording)
{
    for (size_t i = 0; i < recording->profile_count; i++)
        ld_profile_done(&recording->profiles[i]);
    ld_arena_free(recording->arena);
    *recording = (struct ld_recording){0};
}
