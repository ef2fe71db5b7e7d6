/* From bytes to a checked scenario. */
#include "scenario/scenario.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "scenario/claim.h"
#include "scenario/draft.h"

/* The document's nodes and what is bound from them lie together: names point into the nodes. */
#define SCENARIO_BYTES_MAX ((size_t)64 << 20)

int64_t ld_scenario_scaled_ns(const struct ld_scenario *scenario, int64_t ns)
{
    /* time_scale counts in thousandths: no float touches a time, and 366 days by 1000 still fit. */
    int64_t thousandths = (int64_t)(scenario->time_scale * 1000 + 0.5);
    if (thousandths == 1000)
        return ns;
    return (int64_t)(((__int128)ns * 1000 + thousandths / 2) / thousandths);
}

static int64_t fault_end_ns(const struct ld_fault_spec *fault)
{
    if (fault->when)
        return 0; /* a condition starts it within the method, and the method's end is its own */
    int64_t lasts_ns = ld_fault_lasts_ns(fault);
    return lasts_ns > 0 ? fault->at_ns + lasts_ns : fault->at_ns;
}

/* A declared miss claims no rate. */
static bool judges(const struct ld_scenario *scenario)
{
    for (size_t i = 0; i < scenario->expectation_count; i++)
        if (!scenario->expectations[i].report_only && !scenario->expectations[i].detection.missed)
            return true;
    return false;
}

int64_t ld_scenario_full_runs(const struct ld_scenario *scenario)
{
    const struct ld_repeat_spec *repeat = &scenario->repeat;
    if (repeat->full)
        return repeat->full;
    return judges(scenario) && repeat->runs < LD_RUNS_FULL ? LD_RUNS_FULL : repeat->runs;
}

bool ld_scenario_sequential_test(const struct ld_scenario *scenario, enum ld_variant variant,
                                 const struct ld_expectation *expectation, struct ld_sprt_test *ret_test)
{
    const struct ld_sequential_spec *spec = scenario->repeat.sequential;
    if (!spec || expectation->report_only)
        return false;
    const double *rates = variant == LD_VARIANT_LEAKY ? spec->miss : spec->false_alarm;
    bool asked = variant == LD_VARIANT_LEAKY ? expectation->detection.given && !expectation->detection.missed
                                             : expectation->false_alarms_given;
    if (!asked || !(rates[0] > 0))
        return false;
    if (ret_test)
        *ret_test = (struct ld_sprt_test){.p0 = rates[0],
                                          .p1 = rates[1],
                                          .alpha = spec->alpha,
                                          .beta = spec->beta,
                                          .min = spec->min,
                                          .max = spec->max};
    return true;
}

int64_t ld_scenario_method_ns(const struct ld_scenario *scenario, const struct ld_fault_case *fault_case)
{
    int64_t end_ns = *scenario->load.path ? scenario->load.from_ns + scenario->load.for_ns : 0;
    for (size_t i = 0; i < fault_case->fault_count; i++) {
        int64_t fault_ns = fault_end_ns(&fault_case->faults[i]);
        end_ns = fault_ns > end_ns ? fault_ns : end_ns;
    }
    return end_ns;
}

/* ---- from the file's shape to the scenario's */

static int shape_faults(struct ld_schema_context *context, struct ld_scenario_draft *draft)
{
    struct ld_scenario *scenario = &draft->scenario;
    struct ld_fault_case *cases = ld_arena_array(context->arena, draft->faults.count + 1, sizeof *cases);
    const struct ld_list *lists = draft->faults.items;
    if (!cases)
        return LD_ENOMEM;
    cases[0].name = "none";
    for (size_t i = 0; i < draft->faults.count; i++) {
        struct ld_fault_case *fault_case = &cases[i + 1];
        *fault_case = (struct ld_fault_case){
            .name = draft->faults.names[i], .fault_count = lists[i].count, .faults = lists[i].items};
        for (size_t j = 0; j < fault_case->fault_count; j++) {
            struct ld_fault_spec *fault = &fault_case->faults[j];
            fault->id =
                ld_arena_printf(context->arena, "%s/%zu/%s", fault_case->name, j, ld_fault_table[fault->type].name);
            if (!fault->id)
                return LD_ENOMEM;
        }
    }
    scenario->fault_case_count = draft->faults.count + 1;
    scenario->fault_cases = cases;
    return 0;
}

static int shape(struct ld_schema_context *context, struct ld_scenario_draft *draft)
{
    struct ld_scenario *scenario = &draft->scenario;
    const struct ld_node *load = ld_node_get(draft->root, "load"), *sampling = ld_node_get(draft->root, "sampling");
    if (!scenario->upstream)
        scenario->upstream = "";
    if (!load)
        scenario->load = (struct ld_load_spec){.path = ""};
    if (!ld_node_get(sampling, "profiles"))
        scenario->sampling.profiles[LD_PROFILE_GOROUTINE] = true;
    if (scenario->target.kind == LD_TARGET_ATTACH && !ld_node_get(sampling, "full_below"))
        scenario->sampling.full_below = 0;
    scenario->steady = draft->steady;
    scenario->abort_count = draft->aborts.count;
    scenario->aborts = draft->aborts.items;
    scenario->detector_count = draft->detectors.count;
    scenario->detectors = draft->detectors.items;
    scenario->expectation_count = draft->expectations.count;
    scenario->expectations = draft->expectations.items;
    int code = shape_faults(context, draft);
    return code ? ld_schema_error(context, NULL, code, "out of memory") : 0;
}

/* ---- parsing */

static int bind(struct ld_scenario *scenario, const struct ld_node *root, const struct ld_catalogue *catalogue,
                struct ld_errors *errors)
{
    struct ld_schema_context context = {.file = scenario->file, .arena = scenario->arena, .errors = errors};
    struct ld_scenario_draft draft = {.root = root};
    int code = ld_schema_bind(&context, &ld_scenario_schema, root, &draft);
    if (!code)
        code = shape(&context, &draft);
    draft.scenario.file = scenario->file;
    draft.scenario.files = catalogue ? catalogue->files : NULL;
    if (!code)
        code = ld_scenario_check(&context, &draft, catalogue);
    if (code)
        return code;
    const struct ld_scenario given = *scenario;
    *scenario = draft.scenario;
    scenario->file = given.file;
    scenario->text = given.text;
    scenario->text_length = given.text_length;
    memcpy(scenario->hash, given.hash, sizeof scenario->hash);
    scenario->arena = given.arena;
    return 0;
}

static struct ld_scenario *scenario_new(const char *file, const void *bytes, size_t length)
{
    struct ld_arena *arena = ld_arena_new(SCENARIO_BYTES_MAX);
    struct ld_scenario *scenario = arena ? ld_arena_take(arena, sizeof *scenario) : NULL;
    if (!scenario) {
        ld_arena_free(arena);
        return NULL;
    }
    scenario->arena = arena;
    scenario->file = ld_arena_text(arena, file);
    scenario->text = ld_arena_copy(arena, bytes, length);
    scenario->text_length = length;
    ld_hash_of(bytes, length, scenario->hash);
    if (scenario->file && scenario->text)
        return scenario;
    ld_arena_free(arena);
    return NULL;
}

static int report(struct ld_errors *errors, int code, const char *file, const char *message)
{
    struct ld_error error;
    ld_fail(&error, code, "%s", message);
    snprintf(error.file, sizeof error.file, "%s", file);
    ld_errors_add(errors, &error);
    return code;
}

/* By place in the file, those of one place as they came: the passes over the file must not show. */
static void sort_errors(struct ld_error *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct ld_error error = items[i];
        size_t j = i;
        for (; j > 0; j--) {
            const struct ld_error *before = &items[j - 1];
            if (before->line < error.line || (before->line == error.line && before->column <= error.column))
                break;
            items[j] = *before;
        }
        items[j] = error;
    }
}

/* A document that the YAML layer refused is still bound as far as it could be read, so that one pass tells all. */
static int parse(struct ld_scenario *scenario, const struct ld_catalogue *catalogue, struct ld_errors *errors)
{
    struct ld_node *root = NULL;
    int refused = ld_node_parse(&root, scenario->arena, scenario->file, scenario->text, scenario->text_length, errors);
    int code = root ? bind(scenario, root, catalogue, errors) : refused;
    return refused ? refused : code;
}

int ld_scenario_parse(struct ld_scenario **ret_scenario, const char *file, const void *bytes, size_t length,
                      const struct ld_catalogue *catalogue, struct ld_errors *errors)
{
    size_t errors_before = errors->count;
    if (length > LD_YAML_BYTES_MAX)
        return report(errors, LD_ESPEC, file, "is larger than 1MiB");
    struct ld_scenario *scenario = scenario_new(file, bytes, length);
    int code = scenario ? parse(scenario, catalogue, errors) : report(errors, LD_ENOMEM, file, "out of memory");
    if (errors->count > errors_before)
        sort_errors(errors->items + errors_before, errors->count - errors_before);
    if (code) {
        ld_scenario_free(scenario);
        return code;
    }
    *ret_scenario = scenario;
    return 0;
}

int ld_scenario_read(struct ld_scenario **ret_scenario, const char *file, const struct ld_catalogue *catalogue,
                     struct ld_errors *errors)
{
    struct ld_buffer buffer;
    ld_buffer_init(&buffer, LD_YAML_BYTES_MAX);
    int code = ld_yaml_read(file, &buffer, errors);
    if (!code)
        code = ld_scenario_parse(ret_scenario, file, ld_buffer_text(&buffer), buffer.length, catalogue, errors);
    ld_buffer_done(&buffer);
    return code;
}

void ld_scenario_free(struct ld_scenario *scenario)
{
    if (scenario)
        ld_arena_free(scenario->arena); /* the scenario lies in it */
}
