/* Lines of fd 4 to events: jansson reads the JSON, one table of keys says what may stand where. */
#include <jansson.h>
#include <string.h>

#include "truth/truth.h"

static const char *const kind_names[] = {
    [LD_TRUTH_READY] = "ready", [LD_TRUTH_LEAK] = "leak", [LD_TRUTH_CURED] = "cured",
    [LD_TRUTH_HOLD] = "hold",   [LD_TRUTH_RELEASE] = "release", [LD_TRUTH_CALM] = "calm",
    [LD_TRUTH_GC] = "gc",       [LD_TRUTH_ERROR] = "error", [LD_TRUTH_ENDED] = "ended",
};
static const char *const unit_names[] = {
    [LD_UNIT_GOROUTINES] = "goroutines", [LD_UNIT_BYTES] = "bytes", [LD_UNIT_DESCRIPTORS] = "descriptors",
    [LD_UNIT_CONNECTIONS] = "connections", [LD_UNIT_PROCESSES] = "processes", [LD_UNIT_HANDLES] = "handles",
    [LD_UNIT_CPU] = "cpu",
};
#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static int find(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return (int)i;
    }
    return -1;
}

const char *ld_truth_kind_name(enum ld_truth_kind kind)
{
    return kind_names[kind];
}

int ld_truth_kind_find(const char *name)
{
    return find(kind_names, COUNT_OF(kind_names), name);
}

const char *ld_unit_name(enum ld_unit unit)
{
    return unit_names[unit];
}

int ld_unit_find(const char *name)
{
    return find(unit_names, COUNT_OF(unit_names), name);
}

enum key {
    KEY_T,
    KEY_EVENT,
    KEY_INTERVAL,
    KEY_AMOUNT,
    KEY_CAUSE,
    KEY_UNIT,
    KEY_PER_UNIT,
    KEY_SEEN_AT,
    KEY_CULPRIT,
    KEY_TEXT,
    KEYS
};
#define BIT(key) (1u << (key))

/* Which keys a kind cannot do without, and the least amount it may name. */
static const struct {
    unsigned required;
    int64_t least;
} demands[] = {
    [LD_TRUTH_READY] = {0, 0},
    [LD_TRUTH_LEAK] = {BIT(KEY_INTERVAL) | BIT(KEY_AMOUNT), 1},
    [LD_TRUTH_CURED] = {BIT(KEY_INTERVAL), 0},
    [LD_TRUTH_HOLD] = {BIT(KEY_INTERVAL) | BIT(KEY_AMOUNT), 1},
    [LD_TRUTH_RELEASE] = {BIT(KEY_INTERVAL), 0},
    [LD_TRUTH_CALM] = {BIT(KEY_TEXT), 0},
    [LD_TRUTH_GC] = {BIT(KEY_AMOUNT), 0},
    [LD_TRUTH_ERROR] = {BIT(KEY_TEXT), 0},
};

struct reading {
    struct ld_truth_event event;
    int64_t run_start_ns;
    struct ld_arena *arena;
    struct ld_error *error;
};

/* A text of 1 to `maximum` bytes without control characters, copied. */
static int read_text(struct reading *reading, const char *key, json_t *value, size_t maximum, const char **ret_text)
{
    if (!json_is_string(value))
        return ld_fail(reading->error, LD_ESYNTAX, "truth: \"%s\" is not a text", key);
    const char *text = json_string_value(value);
    size_t length = json_string_length(value);
    if (length == 0)
        return ld_fail(reading->error, LD_ESYNTAX, "truth: \"%s\" is empty", key);
    if (length > maximum)
        return ld_fail(reading->error, LD_ELIMIT, "truth: \"%s\" has %zu bytes, at most %zu are allowed", key, length,
                       maximum);
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return ld_fail(reading->error, LD_ESYNTAX, "truth: \"%s\" holds a control character", key);
    }
    const char *copy = ld_arena_copy(reading->arena, text, length);
    if (!copy)
        return ld_fail(reading->error, LD_ENOMEM, "truth: no memory for \"%s\"", key);
    *ret_text = copy;
    return 0;
}

static int read_integer(struct reading *reading, const char *key, json_t *value, int64_t maximum, int64_t *ret_number)
{
    if (!json_is_integer(value))
        return ld_fail(reading->error, LD_ESYNTAX, "truth: \"%s\" is not an integer", key);
    int64_t number = json_integer_value(value);
    if (number < 0 || number > maximum)
        return ld_fail(reading->error, LD_ELIMIT, "truth: \"%s\" is %lld, allowed are 0 to %lld", key,
                       (long long)number, (long long)maximum);
    *ret_number = number;
    return 0;
}

static int read_choice(struct reading *reading, const char *key, json_t *value, int (*choose)(const char *),
                       int *ret_choice)
{
    if (!json_is_string(value))
        return ld_fail(reading->error, LD_ESYNTAX, "truth: \"%s\" is not a text", key);
    int choice = choose(json_string_value(value));
    if (choice < 0)
        return ld_fail(reading->error, LD_ESYNTAX, "truth: unknown %s \"%.64s\"", key, json_string_value(value));
    *ret_choice = choice;
    return 0;
}

static int read_t(struct reading *reading, const char *key, json_t *value)
{
    int64_t stamp = 0;
    int code = read_integer(reading, key, value, INT64_MAX, &stamp);
    if (code)
        return code;
    if (stamp < reading->run_start_ns)
        return ld_fail(reading->error, LD_ESYNTAX, "truth: the stamp %lld lies before the run's start",
                       (long long)stamp);
    reading->event.time_ns = stamp - reading->run_start_ns;
    return 0;
}

static int read_event(struct reading *reading, const char *key, json_t *value)
{
    int kind = 0;
    int code = read_choice(reading, key, value, ld_truth_kind_find, &kind);
    if (code)
        return code;
    if (kind == LD_TRUTH_ENDED)
        return ld_fail(reading->error, LD_ESYNTAX, "truth: \"ended\" is the harness's to say");
    reading->event.kind = (enum ld_truth_kind)kind;
    return 0;
}

static int read_interval(struct reading *reading, const char *key, json_t *value)
{
    return read_text(reading, key, value, LD_TRUTH_ID_MAX, &reading->event.interval);
}

static int read_amount(struct reading *reading, const char *key, json_t *value)
{
    return read_integer(reading, key, value, LD_TRUTH_AMOUNT_MAX, &reading->event.amount);
}

static int read_cause(struct reading *reading, const char *key, json_t *value)
{
    int cause = 0;
    int code = read_choice(reading, key, value, ld_cause_find, &cause);
    if (!code)
        reading->event.cause = (enum ld_cause)cause;
    return code;
}

static int read_unit(struct reading *reading, const char *key, json_t *value)
{
    int unit = 0;
    int code = read_choice(reading, key, value, ld_unit_find, &unit);
    if (!code)
        reading->event.unit = (enum ld_unit)unit;
    return code;
}

static int read_per_unit(struct reading *reading, const char *key, json_t *value)
{
    if (!json_is_object(value))
        return ld_fail(reading->error, LD_ESYNTAX, "truth: \"%s\" is not an object", key);
    const struct {
        const char *name;
        int64_t *target;
    } costs[] = {
        {"goroutines", &reading->event.goroutines_per_unit},
        {"descriptors", &reading->event.descriptors_per_unit},
        {"bytes", &reading->event.bytes_per_unit},
    };
    size_t known = 0;
    for (size_t i = 0; i < COUNT_OF(costs); i++) {
        json_t *cost = json_object_get(value, costs[i].name);
        int code = cost ? read_integer(reading, costs[i].name, cost, LD_TRUTH_AMOUNT_MAX, costs[i].target) : 0;
        if (code)
            return code;
        known += cost != NULL;
    }
    if (known != json_object_size(value))
        return ld_fail(reading->error, LD_ESYNTAX, "truth: \"per_unit\" knows goroutines, descriptors and bytes only");
    return 0;
}

static int read_seen_at(struct reading *reading, const char *key, json_t *value)
{
    if (!json_is_array(value))
        return ld_fail(reading->error, LD_ESYNTAX, "truth: \"%s\" is not a list", key);
    size_t count = json_array_size(value);
    if (count > LD_TRUTH_SITES_MAX)
        return ld_fail(reading->error, LD_ELIMIT, "truth: \"seen_at\" names %zu sites, at most %d are allowed", count,
                       LD_TRUTH_SITES_MAX);
    for (size_t i = 0; i < count; i++) {
        int code = read_text(reading, key, json_array_get(value, i), LD_TRUTH_TEXT_MAX, &reading->event.seen_at[i]);
        if (code)
            return code;
    }
    reading->event.seen_at_count = count;
    return 0;
}

static int read_culprit(struct reading *reading, const char *key, json_t *value)
{
    return read_text(reading, key, value, LD_TRUTH_TEXT_MAX, &reading->event.culprit);
}

static int read_text_key(struct reading *reading, const char *key, json_t *value)
{
    return read_text(reading, key, value, LD_TRUTH_TEXT_MAX, &reading->event.text);
}

static const struct {
    const char *name;
    int (*read)(struct reading *reading, const char *key, json_t *value);
} keys[KEYS] = {
    [KEY_T] = {"t", read_t},
    [KEY_EVENT] = {"event", read_event},
    [KEY_INTERVAL] = {"interval", read_interval},
    [KEY_AMOUNT] = {"amount", read_amount},
    [KEY_CAUSE] = {"cause", read_cause},
    [KEY_UNIT] = {"unit", read_unit},
    [KEY_PER_UNIT] = {"per_unit", read_per_unit},
    [KEY_SEEN_AT] = {"seen_at", read_seen_at},
    [KEY_CULPRIT] = {"culprit", read_culprit},
    [KEY_TEXT] = {"text", read_text_key},
};

/* Every known key in table order, then whether any other was there, then what the kind demands. */
static int read_object(struct reading *reading, json_t *object)
{
    unsigned given = 0;
    size_t known = 0;
    for (unsigned key = 0; key < KEYS; key++) {
        json_t *value = json_object_get(object, keys[key].name);
        if (!value)
            continue;
        int code = keys[key].read(reading, keys[key].name, value);
        if (code)
            return code;
        given |= BIT(key);
        known++;
    }
    const char *name;
    json_t *value;
    if (known != json_object_size(object)) {
        json_object_foreach(object, name, value) {
            bool found = false;
            for (unsigned key = 0; key < KEYS; key++)
                found = found || strcmp(keys[key].name, name) == 0;
            if (!found)
                return ld_fail(reading->error, LD_ESYNTAX, "truth: unknown key \"%.64s\"", name);
        }
    }
    unsigned required = BIT(KEY_T) | BIT(KEY_EVENT);
    if (given & BIT(KEY_EVENT))
        required |= demands[reading->event.kind].required;
    for (unsigned key = 0; key < KEYS; key++) {
        if (required & ~given & BIT(key))
            return ld_fail(reading->error, LD_ESYNTAX, "truth: \"%s\" is missing", keys[key].name);
    }
    if (reading->event.amount < demands[reading->event.kind].least)
        return ld_fail(reading->error, LD_ESYNTAX, "truth: the amount of \"%s\" is less than %lld",
                       kind_names[reading->event.kind], (long long)demands[reading->event.kind].least);
    return 0;
}

int ld_truth_parse(struct ld_truth_event *ret_event, const char *line, size_t length, int64_t run_start_ns,
                   struct ld_arena *arena, struct ld_error *error)
{
    if (length > LD_TRUTH_LINE_MAX)
        return ld_fail(error, LD_ELIMIT, "truth: a line of %zu bytes, at most %d are allowed", length,
                       LD_TRUTH_LINE_MAX);
    json_error_t problem;
    json_t *object = json_loadb(line, length, JSON_REJECT_DUPLICATES, &problem);
    if (!object)
        return ld_fail(error, LD_ESYNTAX, "truth: %s at byte %d", problem.text, problem.position);
    struct reading reading = {.event = {.interval = "", .culprit = "", .text = ""},
                              .run_start_ns = run_start_ns,
                              .arena = arena,
                              .error = error};
    int code = json_is_object(object) ? read_object(&reading, object)
                                      : ld_fail(error, LD_ESYNTAX, "truth: a line is not an object");
    json_decref(object);
    if (!code)
        *ret_event = reading.event;
    return code;
}
