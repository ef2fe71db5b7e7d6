#include "runner/run/rules.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "yaml/node.h"

#define SHIPPED "(shipped)"

/* The file that the detector reads, as its options name it; NULL: none. */
static const char *file_of(const struct ld_detector_spec *spec, const char *data_folder, char *path, size_t room)
{
    const struct ld_detector_setting setting = {
        .name = spec->name, .options = spec->options, .time_scale = 1, .data_folder = data_folder};
    return spec->kind->file ? spec->kind->file(&setting, path, room) : NULL;
}

static bool is_told(const struct ld_fact *facts, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(facts[i].name, name) == 0)
            return true;
    return false;
}

static int add_fact(struct ld_fact *facts, size_t *count, const char *file, const char *path, struct ld_arena *arena)
{
    struct ld_buffer text;
    struct ld_error error;
    const char *name = ld_arena_printf(arena, LD_FACT_RULES "%s", file[0] ? file : SHIPPED);
    if (!name)
        return LD_ENOMEM;
    if (*count == LD_RULES_FILES_MAX || is_told(facts, *count, name))
        return 0;
    ld_buffer_init(&text, LD_YAML_BYTES_MAX);
    int code = 0;
    /* One that cannot be read is told by the detector that opens it. */
    if (ld_file_read(path, &text, &error) == 0 && strlen(ld_buffer_text(&text)) == text.length) {
        const char *value = ld_arena_copy(arena, ld_buffer_text(&text), text.length);
        if (value)
            facts[(*count)++] = (struct ld_fact){name, value};
        else
            code = LD_ENOMEM;
    }
    ld_buffer_done(&text);
    return code;
}

int ld_rules_facts(struct ld_fact *facts, size_t *ret_count, const struct ld_plan *plan, const char *data_folder,
                   struct ld_arena *arena)
{
    size_t count = 0;
    int code = 0;
    for (size_t i = 0; i < plan->cell_count && !code; i++) {
        const struct ld_scenario *scenario = plan->cells[i].scenario;
        if (i && plan->cells[i - 1].scenario == scenario)
            continue;
        for (size_t k = 0; k < scenario->detector_count && !code; k++) {
            char path[4096];
            const char *file = file_of(&scenario->detectors[k], data_folder, path, sizeof path);
            code = file ? add_fact(facts, &count, file, path, arena) : 0;
        }
    }
    *ret_count = count;
    return code;
}

const struct ld_detector_file *ld_rules_stored(const struct ld_campaign_info *info, struct ld_arena *arena)
{
    struct ld_detector_file *files = ld_arena_array(arena, info->fact_count + 1, sizeof *files);
    const size_t prefix = strlen(LD_FACT_RULES);
    size_t count = 0;
    for (size_t i = 0; files && i < info->fact_count; i++) {
        const struct ld_fact *fact = &info->facts[i];
        if (strncmp(fact->name, LD_FACT_RULES, prefix) != 0)
            continue;
        const char *name = fact->name + prefix;
        files[count++] = (struct ld_detector_file){strcmp(name, SHIPPED) == 0 ? "" : name, fact->value,
                                                   strlen(fact->value)};
    }
    return files; /* zeroed: the row behind the last has no name */
}

/* The path by which some detector of the plan finds it. */
static bool find_path(const struct ld_plan *plan, const char *name, const char *data_folder, char *path, size_t room)
{
    for (size_t i = 0; i < plan->cell_count; i++) {
        const struct ld_scenario *scenario = plan->cells[i].scenario;
        for (size_t k = 0; k < scenario->detector_count; k++) {
            const char *file = file_of(&scenario->detectors[k], data_folder, path, room);
            if (file && strcmp(file, name) == 0)
                return true;
        }
    }
    return false;
}

bool ld_rules_changed(const struct ld_plan *plan, const struct ld_detector_file *file, const char *data_folder,
                      char *path, size_t room)
{
    struct ld_buffer text;
    struct ld_error error;
    if (!find_path(plan, file->name, data_folder, path, room))
        return false;
    ld_buffer_init(&text, LD_YAML_BYTES_MAX);
    bool same = ld_file_read(path, &text, &error) == 0 && text.length == file->length &&
                memcmp(ld_buffer_text(&text), file->text, file->length) == 0;
    ld_buffer_done(&text);
    return !same;
}
