#include <stdio.h>

#include "detect/detector.h"
#include "fault/fault.h"
#include "runner/cli/sources.h"
#include "runner/cli/wrap.h"

#define LIST_MAX ((size_t)64 << 20)

/* Names cannot be read from a scenario that is wrong: it is listed with that. */
static int list_scenario(struct ld_buffer *out, const struct ld_source *source, const struct ld_source_setting *setting)
{
    struct ld_errors errors = {0};
    struct ld_scenario *scenario;
    int code = 0;
    if (ld_source_kind_of(source->file, &errors) == LD_SOURCE_SCENARIO) {
        if (ld_scenario_read(&scenario, source->file, &setting->catalogue, &errors) == 0) {
            code = ld_buffer_printf(out, "  %-28s  %s\n", scenario->name, scenario->doc ? scenario->doc : "");
            ld_scenario_free(scenario);
        } else {
            code = ld_buffer_printf(out, "  %s: %zu errors; see leakdrill lint\n", source->file, errors.count);
        }
    }
    ld_errors_done(&errors);
    return code;
}

static int list_scenarios(struct ld_buffer *out, const struct ld_sources *sources,
                          const struct ld_source_setting *setting)
{
    int code = ld_buffer_add_text(out, "scenarios\n");
    for (size_t i = 0; !code && i < sources->count; i++)
        code = list_scenario(out, &sources->items[i], setting);
    return code;
}

static int list_names(struct ld_buffer *out, const char *title, const char *const *names)
{
    int code = ld_buffer_printf(out, "\n%s\n%s", title, names && names[0] ? "" : "  none are built\n");
    for (; !code && names && *names; names++)
        code = ld_buffer_printf(out, "  %s\n", *names);
    return code;
}

static int list_detectors(struct ld_buffer *out)
{
    size_t count;
    const struct ld_detector_kind *const *kinds = ld_detector_kinds(&count);
    int code = ld_buffer_add_text(out, "\ndetectors\n");
    for (size_t i = 0; !code && i < count; i++)
        code = ld_buffer_printf(out, "  %-18s  %s%s\n", kinds[i]->name, kinds[i]->doc,
                                kinds[i]->calibration ? " (calibration set)" : "");
    return code;
}

static int list_faults(struct ld_buffer *out)
{
    int code = ld_buffer_add_text(out, "\nfaults\n");
    for (size_t i = 0; !code && i < LD_FAULT_TYPES; i++)
        code = ld_buffer_printf(out, "  %-18s  %s\n", ld_fault_table[i].name, ld_fault_table[i].doc);
    return code;
}

static int list_all(struct ld_buffer *out, const struct ld_sources *sources, const struct ld_source_setting *setting)
{
    int code = list_scenarios(out, sources, setting);
    if (!code)
        code = list_names(out, "fixtures", setting->catalogue.fixtures);
    if (!code)
        code = list_names(out, "upstreams", setting->catalogue.upstreams);
    if (!code)
        code = list_detectors(out);
    return code ? code : list_faults(out);
}

int ld_command_list(const struct ld_invocation *invocation)
{
    struct ld_source_setting setting;
    struct ld_sources sources;
    struct ld_error error;
    struct ld_buffer out;
    if (ld_source_setting_init(&setting, &error) != 0)
        return ld_say_error(invocation->command, &error);
    ld_buffer_init(&out, LIST_MAX);
    int code = ld_sources_find(&sources, invocation->arguments, invocation->argument_count, &error);
    if (!code) {
        code = list_all(&out, &sources, &setting);
        if (!code)
            code = ld_put_wrapped(stdout, &out);
        if (code)
            ld_fail(&error, code, "%s", ld_code_text(code));
        ld_sources_done(&sources);
    }
    ld_buffer_done(&out);
    ld_source_setting_done(&setting);
    return code ? ld_say_error(invocation->command, &error) : LD_EXIT_OK;
}
