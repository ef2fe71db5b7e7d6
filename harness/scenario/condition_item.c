/* Conditions within a scenario: what aborts a run, and what all conditions ask of the other parts. */
#include <string.h>

#include "scenario/arm.h"
#include "scenario/draft.h"

struct abort_item {
    const struct ld_node *when;
};

static const struct ld_field abort_fields[] = {
    {.name = "when", .type = LD_FIELD_NODE, .offset = offsetof(struct abort_item, when), .flags = LD_FIELD_REQUIRED,
     .object = &ld_when_schema, .doc = "The condition."},
    {0},
};
const struct ld_schema ld_abort_schema = {
    .name = "abort",
    .doc = "What ends the run, or a list of them: once one holds, all faults are undone and the run ends there. What "
           "came before still counts.",
    .fields = abort_fields,
    .example = "abort: {when: {metric: process_memory_resident_bytes, over: 400MiB}}\n",
};

static int bind_one(struct ld_schema_context *context, const struct ld_node *node, struct ld_when *when)
{
    struct abort_item item = {0};
    int code = ld_schema_bind(context, &ld_abort_schema, node, &item);
    if (code)
        return code;
    size_t length = ld_schema_push(context, "when");
    code = ld_schema_bind(context, &ld_when_schema, item.when, when);
    ld_schema_pop(context, length);
    return code;
}

int ld_aborts_bind(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                   void *value)
{
    struct ld_list *list = value;
    bool several = node->kind == LD_NODE_SEQUENCE;
    size_t count = several ? node->count : 1;
    int code = 0;
    (void)field;
    if (count == 0 || count > LD_ABORTS_MAX)
        return ld_schema_error(context, node, LD_ESPEC, "must be one condition, or a list of 1 to %d", LD_ABORTS_MAX);
    struct ld_when *items = ld_arena_array(context->arena, count, sizeof *items);
    if (!items)
        return ld_schema_error(context, node, LD_ENOMEM, "out of memory");
    for (size_t i = 0; i < count; i++) {
        size_t length = several ? ld_schema_push_index(context, i) : 0;
        int failed = bind_one(context, several ? node->items[i] : node, &items[i]);
        if (several)
            ld_schema_pop(context, length);
        code = code ? code : failed;
    }
    *list = (struct ld_list){count, items};
    return code;
}

/* ---- checks across parts */

struct check {
    struct ld_schema_context *context;
    struct ld_scenario *scenario;
};

static const struct ld_detector_spec *find_named(const struct ld_scenario *scenario, const char *name)
{
    for (size_t i = 0; i < scenario->detector_count; i++)
        if (strcmp(scenario->detectors[i].name, name) == 0)
            return &scenario->detectors[i];
    return NULL;
}

/* A condition decides what a run does: were its detector in some arms only, runs of one seed
 * would go different ways. */
static bool watches_everywhere(const struct ld_scenario *scenario, const struct ld_detector_spec *detector)
{
    for (size_t i = 0; i < ld_scenario_arm_count(scenario); i++) {
        struct ld_arm arm = ld_scenario_arm(scenario, i);
        if (!ld_arm_has(&arm, (size_t)(detector - scenario->detectors)))
            return false;
    }
    return true;
}

/* `matrix: red` means the scenario's one detector of that kind. */
static int find_matrix(const struct check *check, struct ld_when *when)
{
    size_t found = 0;
    for (size_t i = 0; i < check->scenario->detector_count; i++) {
        if (strcmp(check->scenario->detectors[i].kind->name, "matrix") != 0)
            continue;
        when->detector = check->scenario->detectors[i].name;
        found++;
    }
    if (found == 1)
        return 0;
    return ld_schema_error(check->context, when->node, LD_ESPEC,
                           found ? "several detectors are of kind matrix: name one with detector"
                                 : "the scenario has no detector of kind matrix");
}

static int check_when(const struct check *check, struct ld_when *when)
{
    const struct ld_scenario *scenario = check->scenario;
    if (when->kind == LD_WHEN_METRIC) {
        if (ld_metric_table[when->metric].source == LD_SOURCE_LOAD && !*scenario->load.path)
            return ld_schema_error(check->context, when->node, LD_ESPEC,
                                   "%s is what the load sees, but the scenario has no load",
                                   ld_metric_table[when->metric].name);
        return 0;
    }
    int code = when->detector ? 0 : find_matrix(check, when);
    if (code)
        return code;
    const struct ld_detector_spec *detector = find_named(scenario, when->detector);
    if (!detector)
        return ld_schema_error(check->context, when->node, LD_ESPEC,
                               "\"%.60s\" is not among the detectors of this scenario", when->detector);
    if (detector->kind->type != LD_DETECTOR_BUILTIN && detector->kind->type != LD_DETECTOR_ENDPOINT)
        return ld_schema_error(check->context, when->node, LD_ESPEC,
                               "%s cannot be replayed: a condition must come out the same again", when->detector);
    if (!watches_everywhere(scenario, detector))
        return ld_schema_error(check->context, when->node, LD_ESPEC,
                               "%s does not watch in every arm: arms of one seed would go different ways",
                               when->detector);
    return 0;
}

/* A reaction by the clock: some of the load must come while it lasts. */
static int check_meets_load(const struct check *check, const struct ld_fault_spec *fault, const struct ld_node *item)
{
    const struct ld_load_spec *load = &check->scenario->load;
    bool late = fault->at_ns >= load->from_ns + load->for_ns;
    bool early = fault->for_ns >= 0 && fault->at_ns + fault->for_ns <= load->from_ns;
    if (!late && !early)
        return 0;
    size_t length = ld_schema_push(check->context, late ? "at" : "for");
    int code = ld_schema_error(check->context, ld_node_get(item, late ? "at" : "for"), LD_ESPEC,
                               "the load has %s by then: it would change nothing",
                               late ? "ended" : "not begun");
    ld_schema_pop(check->context, length);
    return code;
}

static int check_fault(const struct check *check, const struct ld_fault_spec *fault, const struct ld_node *item)
{
    const struct ld_scenario *scenario = check->scenario;
    bool has_load = *scenario->load.path != '\0';
    if (fault->type == LD_FAULT_LOAD && !has_load)
        return ld_schema_error(check->context, item, LD_ESPEC, "load: the scenario has no load to change");
    if (fault->type == LD_FAULT_BREAKER && scenario->target.truth != LD_TRUTH_FD)
        return ld_schema_error(check->context, item, LD_ESPEC,
                               "breaker: only programs that keep the contract of fixtures have one");
    if (fault->type == LD_FAULT_BREAKER && !has_load)
        return ld_schema_error(check->context, item, LD_ESPEC, "breaker: without a load nobody would notice");
    bool reaction = ld_fault_table[fault->type].scope == LD_SCOPE_REACTION;
    return !reaction || fault->when ? 0 : check_meets_load(check, fault, item);
}

static int check_case(const struct check *check, struct ld_fault_case *fault_case, const struct ld_node *items)
{
    int code = 0;
    for (size_t i = 0; i < fault_case->fault_count; i++) {
        size_t length = ld_schema_push_index(check->context, i);
        struct ld_fault_spec *fault = &fault_case->faults[i];
        int failed = check_fault(check, fault, items->items[i]);
        if (!failed && fault->when)
            failed = check_when(check, (struct ld_when *)(uintptr_t)fault->when);
        if (!failed && fault->when && ld_scenario_method_ns(check->scenario, fault_case) == 0)
            failed = ld_schema_error(check->context, items->items[i], LD_ESPEC,
                                     "when: the method lasts no time: give the scenario a load");
        code = code ? code : failed;
        ld_schema_pop(check->context, length);
    }
    return code;
}

int ld_conditions_check(struct ld_schema_context *context, struct ld_scenario_draft *draft)
{
    struct check check = {context, &draft->scenario};
    const struct ld_node *faults = ld_node_get(draft->root, "faults"), *steady = ld_node_get(draft->root, "steady");
    int code = 0;
    if (draft->steady && draft->steady->per_second > 0 && !*draft->scenario.load.path)
        code = ld_schema_error(context, steady, LD_ESPEC,
                               "steady.load: the scenario has no load whose path to ask for");
    size_t outer = ld_schema_push(context, "abort");
    for (size_t i = 0; i < draft->aborts.count; i++) {
        int failed = check_when(&check, &((struct ld_when *)draft->aborts.items)[i]);
        code = code ? code : failed;
    }
    ld_schema_pop(context, outer);
    for (size_t i = 1; i < draft->scenario.fault_case_count; i++) {
        outer = ld_schema_push(context, "faults");
        ld_schema_push(context, draft->scenario.fault_cases[i].name);
        int failed = check_case(&check, &draft->scenario.fault_cases[i], faults->items[i - 1]);
        code = code ? code : failed;
        ld_schema_pop(context, outer);
    }
    return code;
}

/* ---- for the run */

static struct ld_when *scale_when(const struct ld_scenario *scenario, const struct ld_when *when,
                                  struct ld_arena *arena)
{
    struct ld_when *scaled = ld_arena_take(arena, sizeof *scaled);
    if (!scaled)
        return NULL;
    *scaled = *when;
    scaled->for_ns = ld_scenario_scaled_ns(scenario, when->for_ns);
    return scaled;
}

static const struct ld_steady *scale_steady(const struct ld_scenario *scenario, struct ld_arena *arena)
{
    struct ld_steady *scaled = ld_arena_take(arena, sizeof *scaled);
    if (!scaled)
        return NULL;
    *scaled = *scenario->steady;
    scaled->for_ns = ld_scenario_scaled_ns(scenario, scaled->for_ns);
    scaled->at_most_ns = ld_scenario_scaled_ns(scenario, scaled->at_most_ns);
    scaled->per_second *= scenario->time_scale;
    return scaled;
}

int ld_scenario_conditions(const struct ld_scenario *scenario, const struct ld_fault_case *fault_case,
                           struct ld_arena *arena, const struct ld_steady **ret_steady,
                           struct ld_condition **ret_items, size_t *ret_count)
{
    size_t count = 0;
    struct ld_condition *items =
        ld_arena_array(arena, scenario->abort_count + fault_case->fault_count + 1, sizeof *items);
    const struct ld_steady *steady = scenario->steady ? scale_steady(scenario, arena) : NULL;
    if (!items || (scenario->steady && !steady))
        return LD_ENOMEM;
    for (size_t i = 0; i < scenario->abort_count; i++)
        items[count++] = (struct ld_condition){.id = ld_arena_printf(arena, "abort/%zu", i),
                                               .when = scale_when(scenario, &scenario->aborts[i], arena)};
    for (size_t i = 0; i < fault_case->fault_count; i++)
        if (fault_case->faults[i].when)
            items[count++] = (struct ld_condition){.id = fault_case->faults[i].id,
                                                   .when = scale_when(scenario, fault_case->faults[i].when, arena),
                                                   .recovers = true};
    for (size_t i = 0; i < count; i++)
        if (!items[i].id || !items[i].when)
            return LD_ENOMEM;
    *ret_steady = steady;
    *ret_items = items;
    *ret_count = count;
    return 0;
}
