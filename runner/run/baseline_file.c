#include "runner/run/baseline_file.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/file.h"

#define FORMAT_VERSION 1
#define BASELINE_MEMORY ((size_t)1 << 30)
#define NAME_MAX_LENGTH 100

int ld_baseline_path(const char *name, char *ret_path, size_t room, struct ld_error *error)
{
    size_t length = strlen(name);
    bool file = strchr(name, '/') || (length > 5 && strcmp(name + length - 5, ".json") == 0);
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    if (!file && (!length || length > NAME_MAX_LENGTH || name[0] == '.' || strspn(name, plain) != length))
        return ld_fail(error, LD_EUSAGE, "\"%.100s\" is no name of a baseline: letters, digits, dots, dashes", name);
    int written = file ? snprintf(ret_path, room, "%s", name)
                       : snprintf(ret_path, room, LD_BASELINES_FOLDER "/%s.json", name);
    return written < (int)room ? 0 : ld_fail(error, LD_EUSAGE, "the baseline's path is too long");
}

/* ---- writing */

static json_t *json_times(const struct ld_baseline_row *row, bool event)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < row->time_count; i++)
        if (row->times[i].event == event)
            json_array_append_new(list, json_integer(row->times[i].time_ns));
    return list;
}

static int add_json(struct ld_buffer *out, json_t *object, size_t flags)
{
    char *text = object ? json_dumps(object, flags) : NULL;
    int code = text ? ld_buffer_add_text(out, text) : LD_ENOMEM;
    free(text);
    json_decref(object);
    return code;
}

static json_t *json_rules(const struct ld_baseline_row *row)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < row->rule_count; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:I}", "rule", row->rules[i].rule, "version",
                                              row->rules[i].version, "leaks", (json_int_t)row->rules[i].leaks));
    return list;
}

static json_t *json_row(const struct ld_baseline_row *row)
{
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:s, s:s}", "cell",
                     row->cell, "scenario", row->scenario, "detector", row->detector, "runs", (json_int_t)row->runs,
                     "leaks", (json_int_t)row->leaks, "seen", (json_int_t)row->seen, "leaky_runs",
                     (json_int_t)row->leaky_runs, "whole_runs", (json_int_t)row->whole_runs, "false_alarm_runs",
                     (json_int_t)row->false_alarm_runs, "tried_runs", (json_int_t)row->tried_runs, "blamed_runs",
                     (json_int_t)row->blamed_runs, "seen_ns", json_times(row, true), "missed_ns",
                     json_times(row, false), "rules", json_rules(row), "options", row->options, "files", row->files);
}

static int render(const struct ld_baseline *baseline, struct ld_buffer *out)
{
    json_t *head = json_pack("{s:i, s:s, s:s, s:s, s:I}", "leakdrill_baseline", FORMAT_VERSION, "name", baseline->name,
                             "campaign", baseline->campaign, "version", baseline->version, "made_wall_ns",
                             (json_int_t)baseline->made_wall_ns);
    int code = ld_buffer_add_text(out, "{");
    if (!code)
        code = add_json(out, head, JSON_EMBED);
    else
        json_decref(head);
    if (!code)
        code = ld_buffer_add_text(out, ", \"rows\": [");
    for (size_t i = 0; i < baseline->row_count && !code; i++) {
        code = ld_buffer_add_text(out, i ? ",\n " : "\n ");
        if (!code)
            code = add_json(out, json_row(&baseline->rows[i]), 0);
    }
    return code ? code : ld_buffer_add_text(out, "\n]}\n");
}

static int write_beside(const struct ld_buffer *bytes, const char *path, struct ld_error *error)
{
    char beside[1100];
    snprintf(beside, sizeof beside, "%s.%d", path, (int)getpid());
    FILE *file = fopen(beside, "wxe");
    if (!file)
        return ld_fail_errno(error, LD_EIO, errno, "cannot write %s", path);
    bool good = fwrite(bytes->bytes, 1, bytes->length, file) == bytes->length && fflush(file) == 0 &&
                fsync(fileno(file)) == 0;
    int saved = errno;
    if (fclose(file) != 0 && good) {
        good = false;
        saved = errno;
    }
    if (good && rename(beside, path) == 0)
        return 0;
    saved = good ? errno : saved;
    unlink(beside);
    return ld_fail_errno(error, LD_EIO, saved, "cannot write %s", path);
}

int ld_baseline_write(const struct ld_baseline *baseline, const char *path, struct ld_error *error)
{
    struct ld_buffer out;
    ld_buffer_init(&out, LD_BASELINE_FILE_MAX);
    int code = render(baseline, &out);
    if (code)
        ld_fail(error, code, "the baseline: %s", ld_code_text(code));
    else
        code = write_beside(&out, path, error);
    ld_buffer_done(&out);
    return code;
}

/* ---- reading: foreign bytes */

static int read_count(const json_t *object, const char *key, uint32_t *ret_count)
{
    const json_t *value = json_object_get(object, key);
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 0 || number > LD_BASELINE_RUNS_MAX)
        return LD_ESPEC;
    *ret_count = (uint32_t)number;
    return 0;
}

static int read_text(struct ld_arena *arena, const json_t *object, const char *key, const char **ret_text)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (!text)
        return LD_ESPEC;
    *ret_text = ld_arena_text(arena, text);
    return *ret_text ? 0 : LD_ENOMEM;
}

static int read_times(struct ld_baseline_row *row, const json_t *list, bool event, size_t room)
{
    if (!json_is_array(list) || json_array_size(list) > room - row->time_count)
        return LD_ESPEC;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *value = json_array_get(list, i);
        if (!json_is_integer(value) || json_integer_value(value) < 0 ||
            json_integer_value(value) > LD_BASELINE_TIME_MAX_NS)
            return LD_ESPEC;
        row->times[row->time_count++] = (struct ld_survival_time){json_integer_value(value), event};
    }
    return 0;
}

/* Files of an older leakdrill have none. */
static int read_rules(struct ld_baseline_row *row, const json_t *list, struct ld_arena *arena)
{
    size_t count = json_array_size(list);
    if (!list)
        return 0;
    if (!json_is_array(list) || count > LD_BASELINE_RULES_MAX)
        return LD_ESPEC;
    row->rules = ld_arena_array(arena, count + 1, sizeof *row->rules);
    if (!row->rules)
        return LD_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        const json_t *object = json_array_get(list, i);
        struct ld_baseline_rule *rule = &row->rules[row->rule_count++];
        int code = read_text(arena, object, "rule", &rule->rule);
        code = code ? code : read_text(arena, object, "version", &rule->version);
        code = code ? code : read_count(object, "leaks", &rule->leaks);
        if (code)
            return code;
    }
    return 0;
}

/* A run that does not count was tried all the same, unless it was void. */
static bool is_blame_consistent(const struct ld_baseline_row *row)
{
    return row->blamed_runs <= row->tried_runs &&
           (!row->tried_runs || (row->runs <= row->tried_runs && row->tried_runs - row->runs <= row->blamed_runs));
}

/* A detector without time has leaks and no times. A run that saw all its leaks saw one at least, and one that did not
 * missed one. */
static bool is_consistent(const struct ld_baseline_row *row)
{
    return is_blame_consistent(row) && row->seen <= row->leaks && row->false_alarm_runs <= row->runs &&
           row->whole_runs <= row->leaky_runs && row->leaky_runs <= row->leaks && row->whole_runs <= row->seen &&
           row->leaky_runs - row->whole_runs <= row->leaks - row->seen &&
           (row->time_count == row->leaks || row->time_count == 0);
}

static int read_row(struct ld_baseline_row *row, const json_t *object, struct ld_arena *arena)
{
    int code = read_text(arena, object, "cell", &row->cell);
    if (!code)
        code = read_text(arena, object, "scenario", &row->scenario);
    if (!code)
        code = read_text(arena, object, "detector", &row->detector);
    if (code || read_count(object, "runs", &row->runs) || read_count(object, "leaks", &row->leaks) ||
        read_count(object, "seen", &row->seen) || read_count(object, "false_alarm_runs", &row->false_alarm_runs))
        return code ? code : LD_ESPEC;
    if (json_object_get(object, "leaky_runs") && (read_count(object, "leaky_runs", &row->leaky_runs) ||
                                                  read_count(object, "whole_runs", &row->whole_runs)))
        return LD_ESPEC;
    if (json_object_get(object, "tried_runs") && (read_count(object, "tried_runs", &row->tried_runs) ||
                                                  read_count(object, "blamed_runs", &row->blamed_runs)))
        return LD_ESPEC;
    size_t room = json_array_size(json_object_get(object, "seen_ns")) +
                  json_array_size(json_object_get(object, "missed_ns"));
    row->times = ld_arena_array(arena, room + 1, sizeof *row->times);
    if (!row->times)
        return LD_ENOMEM;
    code = read_times(row, json_object_get(object, "seen_ns"), true, room);
    if (!code)
        code = read_times(row, json_object_get(object, "missed_ns"), false, room);
    row->options = row->files = "";
    if (!code && json_object_get(object, "options")) /* an older leakdrill wrote none */
        code = read_text(arena, object, "options", &row->options);
    if (!code && json_object_get(object, "files")) /* likewise */
        code = read_text(arena, object, "files", &row->files);
    if (!code)
        code = read_rules(row, json_object_get(object, "rules"), arena);
    return code ? code : is_consistent(row) ? 0 : LD_ESPEC;
}

static int by_row(const void *left, const void *right)
{
    return ld_baseline_row_order(*(const struct ld_baseline_row *const *)left,
                                 *(const struct ld_baseline_row *const *)right);
}

/* Of one cell, in any arm, and one detector there is one row. */
static int check_rows(const struct ld_baseline *baseline, const char *path, struct ld_error *error)
{
    const struct ld_baseline_row **sorted = calloc(baseline->row_count + 1, sizeof *sorted);
    int code = 0;
    if (!sorted)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    for (size_t i = 0; i < baseline->row_count; i++)
        sorted[i] = &baseline->rows[i];
    qsort(sorted, baseline->row_count, sizeof *sorted, by_row);
    for (size_t i = 1; i < baseline->row_count && !code; i++)
        if (by_row(&sorted[i - 1], &sorted[i]) == 0)
            code = ld_fail(error, LD_ESPEC, "%s: %.100s has two rows of the cell %.200s", path, sorted[i]->detector,
                           sorted[i]->cell);
    free(sorted);
    return code;
}

static int read_rows(struct ld_baseline *baseline, const json_t *rows, const char *path, struct ld_error *error)
{
    size_t count = json_array_size(rows);
    if (!json_is_array(rows) || count > LD_BASELINE_ROWS_MAX)
        return ld_fail(error, LD_ESPEC, "%s: \"rows\" is missing or too long", path);
    baseline->rows = ld_arena_array(baseline->arena, count + 1, sizeof *baseline->rows);
    if (!baseline->rows)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    for (size_t i = 0; i < count; i++) {
        int code = read_row(&baseline->rows[i], json_array_get(rows, i), baseline->arena);
        if (code)
            return code == LD_ENOMEM
                       ? ld_fail(error, code, "out of memory")
                       : ld_fail(error, code, "%s: row %zu of \"rows\" is not one of a baseline", path, i);
        baseline->row_count++;
    }
    return check_rows(baseline, path, error);
}

static int read_head(struct ld_baseline *baseline, const json_t *object, const char *path, struct ld_error *error)
{
    const json_t *version = json_object_get(object, "leakdrill_baseline");
    if (!json_is_integer(version))
        return ld_fail(error, LD_ESPEC, "%s is no baseline: it has no \"leakdrill_baseline\"", path);
    if (json_integer_value(version) != FORMAT_VERSION)
        return ld_fail(error, LD_ESPEC, "%s is a baseline of format %" PRId64 ", this leakdrill reads %d", path,
                       (int64_t)json_integer_value(version), FORMAT_VERSION);
    if (read_text(baseline->arena, object, "name", &baseline->name) ||
        read_text(baseline->arena, object, "campaign", &baseline->campaign) ||
        read_text(baseline->arena, object, "version", &baseline->version))
        return ld_fail(error, LD_ESPEC, "%s: \"name\", \"campaign\" or \"version\" is missing", path);
    baseline->made_wall_ns = json_integer_value(json_object_get(object, "made_wall_ns"));
    return 0;
}

int ld_baseline_parse(struct ld_baseline *ret_baseline, const char *bytes, size_t length, const char *path,
                      struct ld_error *error)
{
    struct ld_baseline baseline = {.arena = ld_arena_new(BASELINE_MEMORY)};
    json_error_t why;
    if (!baseline.arena)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    json_t *object = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &why);
    int code =
        object ? read_head(&baseline, object, path, error) : ld_fail(error, LD_ESPEC, "no baseline: %s", why.text);
    if (!object) {
        snprintf(error->file, sizeof error->file, "%s", path);
        error->line = why.line > 0 ? (unsigned)why.line : 0;
        error->column = why.column > 0 ? (unsigned)why.column : 0;
    }
    if (!code)
        code = read_rows(&baseline, json_object_get(object, "rows"), path, error);
    json_decref(object);
    if (code) {
        ld_baseline_done(&baseline);
        return code;
    }
    *ret_baseline = baseline;
    return 0;
}

int ld_baseline_read(struct ld_baseline *ret_baseline, const char *path, struct ld_error *error)
{
    struct ld_buffer bytes;
    ld_buffer_init(&bytes, LD_BASELINE_FILE_MAX);
    int code = ld_file_read(path, &bytes, error);
    if (code == LD_ENOENT || code == LD_EIO)
        error->code = code = LD_EUSAGE; /* the command line named it */
    if (!code)
        code = ld_baseline_parse(ret_baseline, ld_buffer_text(&bytes), bytes.length, path, error);
    ld_buffer_done(&bytes);
    return code;
}
