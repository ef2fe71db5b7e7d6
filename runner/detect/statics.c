#include "runner/detect/statics.h"

#include <stdio.h>
#include <string.h>

#define RESULTS_MAX 4096u

/* One run of one tool; several cells and detectors may share it. */
struct entry {
    const struct ld_scenario *scenario; /* the first that needed it */
    const struct ld_static_options *options;
    enum ld_variant variant;
    struct ld_static_result result;
};

struct ld_statics {
    size_t count;
    struct entry *entries;
};

static bool same_list(const struct ld_list *a, const struct ld_list *b)
{
    const char *const *left = a->items, *const *right = b->items;
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(left[i], right[i]) != 0)
            return false;
    return true;
}

/* Is it the same program? Two scenarios may share one fixture; a command is looked for beside its scenario. */
static bool same_target(const struct ld_scenario *a, const struct ld_scenario *b,
                        const struct ld_static_options *options)
{
    if (a == b)
        return true;
    return options->tool != LD_STATIC_COMMAND && a->target.kind == LD_TARGET_FIXTURE &&
           b->target.kind == LD_TARGET_FIXTURE && strcmp(a->target.fixture, b->target.fixture) == 0;
}

static struct entry *find(const struct ld_statics *statics, const struct ld_cell *cell,
                          const struct ld_static_options *options)
{
    for (size_t i = 0; i < statics->count; i++) {
        struct entry *entry = &statics->entries[i];
        if (entry->variant == cell->variant && entry->options->tool == options->tool &&
            entry->options->wall_ns == options->wall_ns && same_list(&entry->options->command, &options->command) &&
            same_target(entry->scenario, cell->scenario, options))
            return entry;
    }
    return NULL;
}

const struct ld_static_result *ld_statics_find(const struct ld_statics *statics, const struct ld_cell *cell,
                                               const struct ld_detector_spec *spec)
{
    const struct entry *entry = statics ? find(statics, cell, spec->options) : NULL;
    return entry ? &entry->result : NULL;
}

static void tell(const struct ld_statics_setting *setting, const struct entry *entry)
{
    char text[256];
    if (!setting->talk)
        return;
    snprintf(text, sizeof text, "reading the source of %s, %s: %s", entry->scenario->name,
             ld_variant_name(entry->variant), ld_static_tool_names[entry->options->tool]);
    setting->talk(setting->context, text);
}

static int run_entry(struct ld_statics *statics, struct entry *entry, const struct ld_statics_setting *setting,
                     struct ld_error *error)
{
    struct ld_static_target target = {0};
    struct ld_error problem;
    struct ld_static_job job = {.loop = setting->loop,
                                .guard = setting->guard,
                                .folder = ld_arena_printf(setting->arena, "%s/static-%zu", setting->work_folder,
                                                          statics->count),
                                .cancelled = setting->cancelled,
                                .scenario_file = entry->scenario->file,
                                .options = entry->options,
                                .repaired = entry->variant == LD_VARIANT_HEALTHY};
    tell(setting, entry);
    if (!job.folder)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    if (setting->find(setting->context, entry->scenario, &target, &problem) != 0) {
        entry->result.broken = ld_arena_text(setting->arena, problem.message);
        return entry->result.broken ? 0 : ld_fail(error, LD_ENOMEM, "out of memory");
    }
    job.module = target.module;
    job.package = target.package;
    job.case_name = target.case_name;
    job.cgo = target.cgo;
    job.environment = target.environment;
    return ld_static_tool_run(&entry->result, &job, setting->arena, error);
}

static int need(struct ld_statics *statics, const struct ld_cell *cell, const struct ld_static_options *options,
                const struct ld_statics_setting *setting, struct ld_error *error)
{
    if (find(statics, cell, options))
        return 0;
    if (statics->count == RESULTS_MAX)
        return ld_fail(error, LD_ELIMIT, "more than %u runs of static tools", RESULTS_MAX);
    struct entry *entry = &statics->entries[statics->count];
    *entry = (struct entry){.scenario = cell->scenario, .options = options, .variant = cell->variant};
    int code = run_entry(statics, entry, setting, error);
    statics->count++;
    return code;
}

int ld_statics_run(struct ld_statics **ret_statics, const struct ld_plan *plan,
                   const struct ld_statics_setting *setting, struct ld_error *error)
{
    struct ld_statics *statics = ld_arena_take(setting->arena, sizeof *statics);
    int code = statics && (statics->entries = ld_arena_array(setting->arena, RESULTS_MAX, sizeof *statics->entries))
                   ? 0
                   : ld_fail(error, LD_ENOMEM, "out of memory");
    for (uint32_t i = 0; i < plan->cell_count && !code; i++) {
        const struct ld_scenario *scenario = plan->cells[i].scenario;
        for (size_t k = 0; k < scenario->detector_count && !code; k++)
            if (scenario->detectors[k].kind->type == LD_DETECTOR_STATIC)
                code = need(statics, &plan->cells[i], scenario->detectors[k].options, setting, error);
    }
    if (!code)
        *ret_statics = statics->count ? statics : NULL;
    return code;
}
