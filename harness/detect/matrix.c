/* The diagnosis matrix as a detector: a rule file, evaluated by harness/matrix. */
#include "matrix/matrix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect/builtin.h"
#include "detect/watch.h"

#define SHIPPED_RULES "scenarios/matrix/current.yaml"

struct options {
    const char *rules;
};

static const struct ld_schema options_schema = {
    .name = "matrix",
    .doc = "Which rules.",
    .fields =
        (const struct ld_field[]){
            {.name = "rules", .type = LD_FIELD_TEXT, .offset = offsetof(struct options, rules),
             .doc = "Rule file; relative to the working folder. Without it the shipped " SHIPPED_RULES "."},
            {0}},
};

struct detector {
    struct ld_matrix *rules;
    struct ld_matrix_state *state;
    bool told[LD_METRIC_COUNT]; /* numbers that it was given, */
    bool looked;                /* and did it see anything else? */
};

static bool matrix_file(const struct ld_detector_setting *setting, size_t index, struct ld_detector_file_use *ret_use)
{
    const struct options *options = setting->options;
    const char *folder = setting->data_folder ? setting->data_folder : "";
    bool given = options->rules && options->rules[0];
    if (index > 0)
        return false;
    if (given)
        snprintf(ret_use->path, sizeof ret_use->path, "%s", options->rules);
    else
        snprintf(ret_use->path, sizeof ret_use->path, "%s%s%s", folder, folder[0] ? "/" : "", SHIPPED_RULES);
    ret_use->name = given ? options->rules : "";
    ret_use->take = NULL;
    return true;
}

/* As the campaign has it, where there is one; else as it is on disk. */
static int read_file(struct ld_matrix **ret_rules, const struct ld_detector_setting *setting,
                     const struct ld_detector_file_use *use, struct ld_errors *errors)
{
    const struct ld_detector_file *file = ld_detector_files_find(setting->files, use->name);
    return file ? ld_matrix_parse(ret_rules, use->path, file->text, file->length, errors)
                : ld_matrix_read(ret_rules, use->path, errors);
}

/* The first error keeps its place in the rule file; how many more there are is said behind it. */
static int read_rules(struct ld_matrix **ret_rules, const struct ld_detector_setting *setting, struct ld_error *error)
{
    struct ld_detector_file_use use;
    struct ld_errors errors = {0};
    matrix_file(setting, 0, &use);
    int code = read_file(ret_rules, setting, &use, &errors);
    if (code && errors.count && error) {
        *error = errors.items[0];
        size_t more = errors.count - 1 + errors.dropped;
        if (more)
            snprintf(error->message, sizeof error->message, "%.450s (and %zu more errors)", errors.items[0].message,
                     more);
    } else if (code) {
        ld_fail(error, code, "cannot read the rules %.400s", use.path);
    }
    ld_errors_done(&errors);
    return code;
}

static int matrix_open(void **ret_state, const struct ld_detector_setting *setting, struct ld_error *error)
{
    struct detector *detector = calloc(1, sizeof *detector);
    if (!detector)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    int code = read_rules(&detector->rules, setting, error);
    if (!code) {
        code = ld_matrix_state_new(&detector->state, detector->rules, setting->time_scale, setting->period_ns);
        if (code)
            ld_fail(error, code, "%s", ld_code_text(code));
    }
    if (code) {
        ld_matrix_free(detector->rules);
        free(detector);
        return code;
    }
    *ret_state = detector;
    return 0;
}

/* 0 when the rules cannot be read: opening the detector is where that is reported. */
static int64_t matrix_window(const struct ld_detector_setting *setting)
{
    struct ld_matrix *rules;
    if (read_rules(&rules, setting, NULL))
        return 0;
    int64_t window_ns = ld_scaled_ns(ld_matrix_window_ns(rules), setting->time_scale);
    ld_matrix_free(rules);
    return window_ns;
}

static int matrix_rules(struct ld_rule_set *ret_rules, const struct ld_detector_setting *setting,
                        struct ld_arena *arena)
{
    struct ld_matrix *rules;
    int code = read_rules(&rules, setting, NULL);
    if (code)
        return code;
    struct ld_rule_set set = {.version = ld_arena_text(arena, ld_matrix_version(rules)),
                              .ids = ld_arena_array(arena, ld_matrix_row_count(rules) + 1, sizeof *set.ids)};
    code = set.version && set.ids ? 0 : LD_ENOMEM;
    for (size_t i = 0; i < ld_matrix_row_count(rules) && !code; i++) {
        set.ids[set.count] = ld_arena_text(arena, ld_matrix_row_id(rules, i));
        code = set.ids[set.count++] ? 0 : LD_ENOMEM;
    }
    ld_matrix_free(rules);
    if (!code)
        *ret_rules = set;
    return code;
}

static int matrix_observe(void *state, const struct ld_observation *observation, const struct ld_alert_sink *sink)
{
    struct detector *detector = state;
    if (observation->kind == LD_OBSERVATION_METRICS)
        for (size_t i = 0; i < observation->point_count; i++)
            detector->told[observation->points[i].metric] = true;
    else if (observation->kind == LD_OBSERVATION_PROFILE || observation->kind == LD_OBSERVATION_LINE)
        detector->looked = true;
    return ld_matrix_observe(detector->state, observation, sink);
}

/* Every row fuses two numbers at least, so that one alone leaves it nothing to say. */
static bool matrix_reached(const void *state, char *why, size_t room)
{
    const struct detector *detector = state;
    size_t count = 0, last = 0;
    for (size_t i = 0; i < LD_METRIC_COUNT; i++)
        if (detector->told[i]) {
            count++;
            last = i;
        }
    if (detector->looked || count != 1)
        return true;
    snprintf(why, room, "a single number never decides, and nothing was told but %s", ld_metric_table[last].name);
    return false;
}

static void matrix_close(void *state)
{
    struct detector *detector = state;
    ld_matrix_state_free(detector->state);
    ld_matrix_free(detector->rules);
    free(detector);
}

const struct ld_detector_kind ld_detector_matrix = {
    .name = "matrix",
    .type = LD_DETECTOR_BUILTIN,
    .doc =
        "The diagnosis matrix: a versioned rule file whose rows fuse several observables with windows into a cause, a "
        "colour, an explanation that quotes the evidence, and a repair. Each alert carries the row and the rules' "
        "version.",
    .reads = LD_READ_METRICS_PERIOD | LD_READ_GOROUTINE_PERIOD,
    .options = &options_schema,
    .options_size = sizeof(struct options),
    .file = matrix_file,
    .open = matrix_open,
    .window_ns = matrix_window,
    .reached = matrix_reached,
    .rules = matrix_rules,
    .observe = matrix_observe,
    .close = matrix_close,
};
