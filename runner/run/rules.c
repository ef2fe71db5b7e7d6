#include "runner/run/rules.h"

#include <stdio.h>
#include <string.h>

#define SHIPPED "(shipped)"

/* One detector's file among those of a plan. */
struct use {
    const struct ld_scenario *scenario;
    const struct ld_detector_file *file; /* as the scenario has it; NULL: it has none */
    struct ld_detector_file_use as;
};

typedef int use_taker(void *context, const struct use *use);

static int each_of_detector(const struct ld_scenario *scenario, const struct ld_detector_spec *spec,
                            const char *data_folder, use_taker *take, void *context)
{
    struct use use = {.scenario = scenario};
    const struct ld_detector_setting setting = {.name = spec->name,
                                                .options = spec->options,
                                                .time_scale = 1,
                                                .data_folder = data_folder,
                                                .scenario_file = scenario->file};
    int code = 0;
    for (size_t i = 0; !code && spec->kind->file && spec->kind->file(&setting, i, &use.as); i++) {
        use.file = ld_detector_files_find(scenario->files, use.as.name);
        code = take(context, &use);
    }
    return code;
}

/* Every file of every detector of the plan; one that several name comes several times. */
static int each(const struct ld_plan *plan, const char *data_folder, use_taker *take, void *context)
{
    int code = 0;
    for (size_t i = 0; i < plan->cell_count && !code; i++) {
        const struct ld_scenario *scenario = plan->cells[i].scenario;
        if (i && plan->cells[i - 1].scenario == scenario)
            continue;
        for (size_t k = 0; k < scenario->detector_count && !code; k++)
            code = each_of_detector(scenario, &scenario->detectors[k], data_folder, take, context);
    }
    return code;
}

/* ---- kept with the campaign */

struct telling {
    struct ld_fact *facts;
    size_t count;
    struct ld_arena *arena;
};

static int add_fact(void *context, const struct use *use)
{
    struct telling *telling = context;
    if (!use->file)
        return 0;
    const char *name = ld_arena_printf(telling->arena, LD_FACT_RULES "%s", use->as.name[0] ? use->as.name : SHIPPED);
    if (!name)
        return LD_ENOMEM;
    for (size_t i = 0; i < telling->count; i++)
        if (strcmp(telling->facts[i].name, name) == 0)
            return 0;
    telling->facts[telling->count++] = (struct ld_fact){name, use->file->text};
    return 0;
}

int ld_rules_facts(struct ld_fact *facts, size_t *ret_count, const struct ld_plan *plan, struct ld_arena *arena)
{
    struct telling telling = {facts, 0, arena};
    int code = each(plan, "", add_fact, &telling);
    *ret_count = telling.count;
    return code;
}

struct ld_detector_files *ld_rules_stored(const struct ld_campaign_info *info)
{
    struct ld_detector_files *files = ld_detector_files_new();
    const size_t prefix = strlen(LD_FACT_RULES);
    for (size_t i = 0; files && i < info->fact_count; i++) {
        const struct ld_fact *fact = &info->facts[i];
        if (strncmp(fact->name, LD_FACT_RULES, prefix) != 0)
            continue;
        const char *name = fact->name + prefix;
        int code = ld_detector_files_add(files, strcmp(name, SHIPPED) == 0 ? "" : name, fact->value,
                                         strlen(fact->value));
        if (code == LD_ENOMEM) {
            ld_detector_files_free(files);
            return NULL;
        }
    }
    return files;
}

/* ---- changed since */

static bool differs(const struct use *use, const struct ld_detector_file *file)
{
    struct ld_buffer text;
    struct ld_error ignored;
    ld_buffer_init(&text, LD_DETECTOR_FILE_BYTES_MAX);
    int code = ld_detector_files_take(NULL, use->as.name, use->as.path, use->as.take, &text, &ignored);
    bool same = !code && text.length == file->length &&
                memcmp(ld_buffer_text(&text), file->text, file->length) == 0;
    ld_buffer_done(&text);
    return !same;
}

struct looking {
    const struct ld_detector_file *file;
    char *path;
    size_t room;
    bool changed;
};

static int look(void *context, const struct use *use)
{
    struct looking *looking = context;
    if (strcmp(use->as.name, looking->file->name) != 0)
        return 0;
    snprintf(looking->path, looking->room, "%s", use->as.path);
    looking->changed = differs(use, looking->file);
    return 1; /* found: no further */
}

bool ld_rules_changed(const struct ld_plan *plan, const struct ld_detector_file *file, const char *data_folder,
                      char *path, size_t room)
{
    struct looking looking = {file, path, room, false};
    each(plan, data_folder, look, &looking);
    return looking.changed;
}

void ld_rules_tell_changed(const struct ld_plan *plan, const char *data_folder,
                           void (*tell)(void *context, const char *path), void *context)
{
    const struct ld_detector_files *files = plan->cell_count ? plan->cells[0].scenario->files : NULL;
    char path[LD_DETECTOR_PATH_MAX];
    for (size_t i = 0; i < ld_detector_files_count(files); i++)
        if (ld_rules_changed(plan, ld_detector_files_at(files, i), data_folder, path, sizeof path))
            tell(context, path);
}
