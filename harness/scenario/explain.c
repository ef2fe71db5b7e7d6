/* The schema's own documentation: the whole, a part, a fault, a detector. */
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"
#include "scenario/draft.h"

#define EXPLAIN_ALL 8 /* levels of nesting; the schema has fewer */
#define NAMES_MAX 128

static int explain_fault_rows(struct ld_buffer *out)
{
    int code = ld_buffer_add_text(out, "faults, one in each item of a case:\n");
    for (int type = 0; !code && type < LD_FAULT_TYPES; type++) {
        const struct ld_fault_info *info = &ld_fault_table[type];
        code = ld_buffer_printf(out, "  %-16s %s\n", info->name, info->doc);
    }
    return code;
}

static const char *detector_note(const struct ld_detector_kind *kind)
{
    return kind->calibration ? " Of the calibration set: always there, never listed."
           : kind->active    ? " Active: it changes the target; at most one watches a run (`arms`)."
                             : "";
}

static int explain_detector_rows(struct ld_buffer *out)
{
    size_t count;
    const struct ld_detector_kind *const *kinds = ld_detector_kinds(&count);
    int code = ld_buffer_add_text(out, "detectors:\n");
    for (size_t i = 0; !code && i < count; i++)
        code = ld_buffer_printf(out, "  %-16s %s%s\n", kinds[i]->name, kinds[i]->doc, detector_note(kinds[i]));
    return code;
}

static int explain_all(struct ld_buffer *out)
{
    int code = ld_schema_explain(&ld_scenario_schema, EXPLAIN_ALL, out);
    if (!code)
        code = ld_buffer_add_text(out, "\n");
    if (!code)
        code = explain_fault_rows(out);
    if (!code)
        code = ld_buffer_add_text(out, "\n");
    return code ? code : explain_detector_rows(out);
}

static int explain_fault(const struct ld_fault_info *info, struct ld_buffer *out)
{
    return ld_schema_explain(info->attributes, EXPLAIN_ALL, out);
}

static int explain_detector(const struct ld_detector_kind *kind, struct ld_buffer *out)
{
    struct ld_arena *arena = ld_arena_new((size_t)1 << 20);
    const struct ld_schema *schema = arena ? ld_detector_item_schema(kind, arena) : NULL;
    int code = schema ? ld_schema_explain(schema, EXPLAIN_ALL, out) : LD_ENOMEM;
    ld_arena_free(arena);
    const char *note = detector_note(kind);
    return code || !*note ? code : ld_buffer_printf(out, "%s\n", note + 1);
}

static int explain_field(const char *path, const struct ld_field *field, struct ld_buffer *out)
{
    if (field->object)
        return ld_schema_explain(field->object, EXPLAIN_ALL, out);
    const struct ld_field alone[] = {*field, {0}};
    const struct ld_schema schema = {.name = path, .doc = "", .fields = alone};
    return ld_schema_explain(&schema, EXPLAIN_ALL, out);
}

#define FAULTS_ABOVE "faults."

/* The keys of one fault, out of the fault table. */
static const struct ld_schema *fault_schema(void)
{
    static struct ld_field fields[LD_FAULT_ITEM_FIELDS];
    static const struct ld_schema schema = {
        .name = "faults",
        .doc = "Named cases, each a list of faults. The keys of one fault:",
        .fields = fields,
        .example = "faults:\n"
                   "  slow: [{at: 5s, for: 10s, latency: {latency: 200ms}}]\n"
                   "  cured: [{when: {matrix: red, for: 30s}, kill: {who: target, restart_after: 1s}}]\n",
    };
    ld_fault_item_fields(fields);
    return &schema;
}

static int explain_faults(struct ld_buffer *out)
{
    return ld_schema_explain(fault_schema(), EXPLAIN_ALL, out);
}

static int explain_when(struct ld_buffer *out)
{
    return ld_schema_explain(&ld_when_schema, EXPLAIN_ALL, out);
}

/* What has a name of its own though no key of the scenario leads there, or more to tell than its key. */
static const struct {
    const char *name;
    int (*explain)(struct ld_buffer *out);
} topics[] = {
    {"faults", explain_faults},        {"fault", explain_faults},   {"detectors", explain_detector_rows},
    {"when", explain_when},            {"condition", explain_when},
};
#define TOPICS (sizeof topics / sizeof *topics)

static bool is_below_faults(const char *path)
{
    return strncmp(path, FAULTS_ABOVE, strlen(FAULTS_ABOVE)) == 0;
}

/* Cases have names and faults no schema of their own: their keys stand below faults as if there were neither. */
static const struct ld_field *find_field(const char *path)
{
    return is_below_faults(path) ? ld_schema_find(fault_schema(), path + strlen(FAULTS_ABOVE))
                                 : ld_schema_find(&ld_scenario_schema, path);
}

static int unknown_path(const char *path, struct ld_error *error)
{
    const char *names[NAMES_MAX + 1] = {NULL};
    size_t count = 0, kind_count;
    const struct ld_detector_kind *const *kinds = ld_detector_kinds(&kind_count);
    for (const struct ld_field *field = ld_scenario_schema.fields; field->name && count < NAMES_MAX; field++)
        names[count++] = field->name;
    for (int type = 0; type < LD_FAULT_TYPES && count < NAMES_MAX; type++)
        names[count++] = ld_fault_table[type].name;
    for (size_t i = 0; i < kind_count && count < NAMES_MAX; i++)
        names[count++] = kinds[i]->name;
    for (size_t i = 0; i < TOPICS && count < NAMES_MAX; i++)
        names[count++] = topics[i].name;
    const char *nearest = ld_nearest(path, names);
    if (nearest)
        return ld_fail(error, LD_ENOENT, "nothing is called \"%.60s\"; did you mean \"%s\"?", path, nearest);
    return ld_fail(error, LD_ENOENT,
                   "nothing is called \"%.60s\": give a key path such as target.limits, a fault or a detector", path);
}

/* A key path of the schema wins over a fault or a detector of the same name. */
static int explain_path(const char *path, struct ld_buffer *out, struct ld_error *error)
{
    bool below_faults = is_below_faults(path);
    const struct ld_field *field = find_field(path);
    const struct ld_fault_info *fault = ld_fault_find(below_faults ? path + strlen(FAULTS_ABOVE) : path);
    const struct ld_detector_kind *kind = ld_detector_find(path);
    for (size_t i = 0; i < TOPICS; i++)
        if (strcmp(path, topics[i].name) == 0)
            return topics[i].explain(out);
    if (field && !(below_faults && fault))
        return explain_field(path, field, out);
    if (fault)
        return explain_fault(fault, out);
    return kind ? explain_detector(kind, out) : unknown_path(path, error);
}

int ld_scenario_explain(const char *path, struct ld_buffer *out, struct ld_error *error)
{
    int code = path ? explain_path(path, out, error) : explain_all(out);
    if (code == LD_ENOMEM || code == LD_ELIMIT)
        ld_fail(error, code, "%s", ld_code_text(code));
    return code;
}

static size_t add_key_paths(const struct ld_schema *schema, const char *above, char (*paths)[LD_KEY_PATH_MAX],
                            size_t count, size_t most)
{
    for (const struct ld_field *field = schema->fields; field->name && count < most; field++) {
        char *path = paths[count];
        int length = snprintf(path, LD_KEY_PATH_MAX, "%s%s%s", above, *above ? "." : "", field->name);
        if (length >= LD_KEY_PATH_MAX || find_field(path) != field)
            continue;
        count++;
        if (field->object)
            count = add_key_paths(field->object, path, paths, count, most);
    }
    return count;
}

size_t ld_scenario_key_paths(char (*ret_paths)[LD_KEY_PATH_MAX], size_t most)
{
    size_t count = add_key_paths(&ld_scenario_schema, "", ret_paths, 0, most);
    return add_key_paths(fault_schema(), "faults", ret_paths, count, most);
}

static size_t add_keys_ending(const struct ld_schema *schema, const char *above, const char *end,
                              char (*paths)[LD_KEY_PATH_MAX], size_t count, size_t most)
{
    for (const struct ld_field *field = schema->fields; field->name && count < most; field++) {
        const struct ld_schema *below = field->object ? field->object : field->item ? field->item->object : NULL;
        char path[LD_KEY_PATH_MAX];
        int length = snprintf(path, sizeof path, "%s%s%s", above, *above ? "." : "", field->name);
        if (length >= LD_KEY_PATH_MAX || find_field(path) != field)
            continue;
        if (strcmp(field->name, end) == 0)
            memcpy(paths[count++], path, sizeof path);
        if (below && count < most)
            count = add_keys_ending(below, path, end, paths, count, most);
    }
    return count;
}

size_t ld_scenario_keys_ending(const char *end, char (*ret_paths)[LD_KEY_PATH_MAX], size_t most)
{
    size_t count = add_keys_ending(&ld_scenario_schema, "", end, ret_paths, 0, most);
    return add_keys_ending(fault_schema(), "faults", end, ret_paths, count, most);
}
