/* Any bytes as a scenario, checked against a small catalogue. What is accepted must be usable as it stands. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "scenario/scenario.h"

static const char *const fixtures[] = {"queue/consumer-unclosed", "http/body-not-closed", NULL};
static const char *const upstreams[] = {"http-echo", NULL};
static const struct ld_catalogue catalogue = {.fixtures = fixtures, .upstreams = upstreams};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* Not assert: it must hold in every build type. */
static void must(int holds)
{
    if (!holds)
        abort();
}

static void use(const struct ld_scenario *scenario)
{
    must(scenario->name[0] && scenario->fault_case_count >= 1 && scenario->repeat.runs >= 1);
    must(scenario->target.rates.count >= 1 && scenario->target.depths.count >= 1);
    must(scenario->target.variants[LD_VARIANT_LEAKY] || scenario->target.variants[LD_VARIANT_HEALTHY]);
    for (size_t i = 0; i < scenario->fault_case_count; i++) {
        int64_t end_ns = ld_scenario_method_ns(scenario, &scenario->fault_cases[i]);
        must(end_ns >= 0 && ld_scenario_scaled_ns(scenario, end_ns) <= scenario->target.limits.wall_ns);
        for (size_t j = 0; j < scenario->fault_cases[i].fault_count; j++)
            must(strncmp(scenario->fault_cases[i].faults[j].id, scenario->fault_cases[i].name,
                         strlen(scenario->fault_cases[i].name)) == 0);
    }
    for (size_t i = 0; i < scenario->detector_count; i++)
        must(scenario->detectors[i].name[0] && !scenario->detectors[i].kind->calibration);
    for (size_t i = 0; i < scenario->expectation_count; i++)
        must(scenario->expectations[i].detector[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char line[1200];
    struct ld_errors errors = {0};
    struct ld_scenario *scenario = NULL;
    int code = ld_scenario_parse(&scenario, "fuzz", bytes, length, &catalogue, &errors);
    /* A code and a message come together, and a scenario only without them. */
    must((code != 0) == (errors.count + errors.dropped > 0));
    must((code == 0) == (scenario != NULL));
    for (size_t i = 0; i < errors.count; i++)
        must(ld_error_format(&errors.items[i], line, sizeof line)[0] != '\0');
    if (scenario)
        use(scenario);
    ld_scenario_free(scenario);
    ld_errors_done(&errors);
    return 0;
}
