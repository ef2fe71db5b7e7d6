#include <stdio.h>

#include "detect/detector.h"
#include "fault/fault.h"
#include "runner/cli/sources.h"

/* Names cannot be read from a scenario that is wrong: it is listed with that. */
static void list_scenario(const struct ld_source *source, const struct ld_source_setting *setting)
{
    struct ld_errors errors = {0};
    struct ld_scenario *scenario;
    if (ld_source_kind_of(source->file, &errors) == LD_SOURCE_SCENARIO) {
        if (ld_scenario_read(&scenario, source->file, &setting->catalogue, &errors) == 0) {
            printf("  %-28s %s\n", scenario->name, scenario->doc ? scenario->doc : "");
            ld_scenario_free(scenario);
        } else {
            printf("  %s: %zu errors; see leakdrill lint\n", source->file, errors.count);
        }
    }
    ld_errors_done(&errors);
}

static int list_scenarios(const struct ld_invocation *invocation, const struct ld_source_setting *setting,
                          struct ld_error *error)
{
    struct ld_sources sources;
    int code = ld_sources_find(&sources, invocation->arguments, invocation->argument_count, error);
    if (code)
        return code;
    printf("scenarios\n");
    for (size_t i = 0; i < sources.count; i++)
        list_scenario(&sources.items[i], setting);
    ld_sources_done(&sources);
    return 0;
}

static void list_names(const char *title, const char *const *names)
{
    printf("\n%s\n", title);
    if (!names || !names[0])
        printf("  none are built\n");
    for (; names && *names; names++)
        printf("  %s\n", *names);
}

static void list_detectors(void)
{
    size_t count;
    const struct ld_detector_kind *const *kinds = ld_detector_kinds(&count);
    printf("\ndetectors\n");
    for (size_t i = 0; i < count; i++)
        printf("  %-18s %s%s\n", kinds[i]->name, kinds[i]->doc, kinds[i]->calibration ? " (calibration set)" : "");
}

static void list_faults(void)
{
    printf("\nfaults\n");
    for (size_t i = 0; i < LD_FAULT_TYPES; i++)
        printf("  %-18s %s%s\n", ld_fault_table[i].name, ld_fault_table[i].doc,
               ld_fault_table[i].implemented ? "" : " (not implemented yet)");
}

int ld_command_list(const struct ld_invocation *invocation)
{
    struct ld_source_setting setting;
    struct ld_error error;
    if (ld_source_setting_init(&setting, &error) != 0)
        return ld_say_error(invocation->command, &error);
    int code = list_scenarios(invocation, &setting, &error);
    if (!code) {
        list_names("fixtures", setting.catalogue.fixtures);
        list_names("upstreams", setting.catalogue.upstreams);
        list_detectors();
        list_faults();
    }
    ld_source_setting_done(&setting);
    return code ? ld_say_error(invocation->command, &error) : LD_EXIT_OK;
}
