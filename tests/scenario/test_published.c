/* Every detector with published parameters has a scenario in which they stand as published and a leak must be seen. */
#include "groups.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "scenario/scenario.h"

#define FOLDER SOURCE_FOLDER "/scenarios/detectors/published/"

/* Those that are not published rules: ours, and those that are nothing without what a scenario says. */
static const char *const others[] = {"matrix", "growth", "endpoint", "sanitizer", NULL};

static bool is_published(const struct ld_detector_kind *kind)
{
    bool own = kind->calibration || (kind->type != LD_DETECTOR_BUILTIN && kind->type != LD_DETECTOR_ENDPOINT);
    for (const char *const *name = others; *name && !own; name++)
        own = strcmp(*name, kind->name) == 0;
    return !own;
}

static struct ld_scenario *read_scenario(const char *path)
{
    char line[1024];
    struct ld_errors errors = {0};
    struct ld_scenario *scenario = NULL;
    int code = ld_scenario_read(&scenario, path, NULL, &errors);
    if (code)
        fail_msg("%s", errors.count ? ld_error_format(&errors.items[0], line, sizeof line) : ld_code_name(code));
    ld_errors_done(&errors);
    return scenario;
}

/* Are its options the ones that it has when a scenario says nothing? */
static bool is_as_published(const struct ld_detector_spec *spec)
{
    const struct ld_detector_kind *kind = spec->kind;
    struct ld_errors errors = {0};
    struct ld_arena *arena = ld_arena_new((size_t)1 << 20);
    struct ld_schema_context context = {.file = kind->name, .arena = arena, .errors = &errors};
    struct ld_buffer given, published;
    void *options = kind->options ? ld_arena_take(arena, kind->options_size) : NULL;
    ld_buffer_init(&given, 1 << 16);
    ld_buffer_init(&published, 1 << 16);
    if (kind->options)
        assert_int_equal(ld_schema_defaults(&context, kind->options, options), 0);
    assert_int_equal(ld_schema_values(kind->options, options, &published), 0);
    assert_int_equal(ld_schema_values(kind->options, spec->options, &given), 0);
    bool same = strcmp(ld_buffer_text(&given), ld_buffer_text(&published)) == 0;
    ld_buffer_done(&given);
    ld_buffer_done(&published);
    ld_arena_free(arena);
    ld_errors_done(&errors);
    return same;
}

/* Must it see all leaks, in one case of the scenario at least? */
static bool must_detect(const struct ld_scenario *scenario, const char *detector)
{
    for (size_t i = 0; i < scenario->expectation_count; i++) {
        const struct ld_expectation *expectation = &scenario->expectations[i];
        if (strcmp(expectation->detector, detector) == 0)
            return expectation->detection.given && !expectation->detection.missed &&
                   expectation->detection.observed == 1;
    }
    return false;
}

static bool reaches(const struct ld_scenario *scenario, const struct ld_detector_kind *kind)
{
    for (size_t i = 0; i < scenario->detector_count; i++) {
        const struct ld_detector_spec *spec = &scenario->detectors[i];
        if (spec->kind == kind && is_as_published(spec) && must_detect(scenario, spec->name))
            return scenario->target.variants[LD_VARIANT_LEAKY] && scenario->target.variants[LD_VARIANT_HEALTHY];
    }
    return false;
}

static void each_published_rule_is_reached_somewhere(void **state)
{
    size_t count, published = 0;
    const struct ld_detector_kind *const *kinds = ld_detector_kinds(&count);
    glob_t files;
    (void)state;
    assert_int_equal(glob(FOLDER "*.yaml", 0, NULL, &files), 0);
    for (size_t i = 0; i < count; i++) {
        bool reached = false;
        for (size_t k = 0; k < files.gl_pathc && is_published(kinds[i]) && !reached; k++) {
            struct ld_scenario *scenario = read_scenario(files.gl_pathv[k]);
            reached = reaches(scenario, kinds[i]);
            ld_scenario_free(scenario);
        }
        if (is_published(kinds[i]) && !reached)
            fail_msg("%s: no scenario of " FOLDER " must detect with its published options, its twin beside it",
                     kinds[i]->name);
        published += is_published(kinds[i]);
    }
    globfree(&files);
    assert_int_equal(published, 8); /* six rules on numbers and dumps, Go's leak profile, goleak */
}

int test_published(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_published_rule_is_reached_somewhere)};
    return cmocka_run_group_tests_name("published", tests, NULL, NULL);
}
