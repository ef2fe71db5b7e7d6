/* The plan as canonical JSON: keys sorted, no space, integers only. What is hashed and stored. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "plan/internal.h"
#include "scenario/arm.h"

#define FORMAT_VERSION 1

/* What a scenario says is in its hash; here stands only what the plan made of it. */
static json_t *scenario_json(const struct ld_scenario *scenario)
{
    return json_pack("{s:s, s:s}", "name", scenario->name, "hash", scenario->hash);
}

static json_t *fault_json(const struct ld_scenario *scenario, const struct ld_fault_spec *fault)
{
    json_int_t for_ns = fault->for_ns < 0 ? -1 : ld_scenario_scaled_ns(scenario, fault->for_ns);
    json_int_t at_ns = fault->when ? -1 : ld_scenario_scaled_ns(scenario, fault->at_ns);
    return json_pack("{s:s, s:s, s:I, s:I}", "id", fault->id, "type", ld_fault_table[fault->type].name, "at_ns", at_ns,
                     "for_ns", for_ns);
}

static json_t *faults_json(const struct ld_cell *cell)
{
    const struct ld_fault_case *fault_case = &cell->scenario->fault_cases[cell->fault_case];
    json_t *list = json_array();
    for (size_t i = 0; list && i < fault_case->fault_count; i++) {
        if (json_array_append_new(list, fault_json(cell->scenario, &fault_case->faults[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* The arm is told where there is more than one: plans from before there were arms keep their hash. */
static json_t *cell_json(const struct ld_cell *cell)
{
    const char *arm = ld_scenario_arm(cell->scenario, cell->arm).name;
    json_t *object =
        json_pack("{s:I, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:o}", "index", (json_int_t)cell->index, "name", cell->name,
                  "scenario", cell->scenario->name, "variant", ld_variant_name(cell->variant), "fault_case",
                  cell->scenario->fault_cases[cell->fault_case].name, "rate_millionths",
                  (json_int_t)ld_plan_millionths(cell->rate), "depth", (json_int_t)cell->depth, "reads",
                  (json_int_t)cell->reads, "faults", faults_json(cell));
    if (object && *arm && json_object_set_new(object, "arm", json_string(arm)) != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

/* An action as [at_ns, "kind"] or [at_ns, "kind", fault]: most of the document's bytes are these. */
static json_t *action_json(const struct ld_action *action)
{
    bool of_fault = action->kind == LD_ACTION_FAULT_ON || action->kind == LD_ACTION_FAULT_OFF;
    const char *kind = ld_action_kind_name(action->kind);
    if (of_fault)
        return json_pack("[I, s, I]", (json_int_t)action->at_ns, kind, (json_int_t)action->fault);
    return json_pack("[I, s]", (json_int_t)action->at_ns, kind);
}

static json_t *actions_json(const struct ld_run_plan *run)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < run->action_count; i++) {
        if (json_array_append_new(list, action_json(&run->actions[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *run_json(const struct ld_run_plan *run)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "index", (json_int_t)run->index, "order",
                     (json_int_t)run->order, "cell", (json_int_t)run->cell, "repetition", (json_int_t)run->repetition,
                     "seed", (json_int_t)run->seed, "load_millionths",
                     (json_int_t)ld_plan_millionths(run->load_per_second), "phase_ns", (json_int_t)run->phase_ns,
                     "actions", actions_json(run));
}

static int append(json_t *list, json_t *member)
{
    return json_array_append_new(list, member) == 0 ? 0 : LD_ENOMEM; /* takes NULL as a failure */
}

static json_t *whole_json(const struct ld_whole_plan *whole, uint64_t seed)
{
    json_t *scenarios = json_array(), *cells = json_array(), *runs = json_array();
    int code = scenarios && cells && runs ? 0 : LD_ENOMEM;
    for (size_t i = 0; !code && i < whole->scenario_count; i++)
        code = append(scenarios, scenario_json(whole->scenarios[i]));
    for (size_t i = 0; !code && i < whole->cell_count; i++)
        code = append(cells, cell_json(&whole->cells[i]));
    for (size_t i = 0; !code && i < whole->run_count; i++)
        code = append(runs, run_json(&whole->runs[i]));
    if (!code)
        return json_pack("{s:i, s:I, s:o, s:o, s:o}", "version", FORMAT_VERSION, "seed", (json_int_t)seed, "scenarios",
                         scenarios, "cells", cells, "runs", runs);
    json_decref(scenarios);
    json_decref(cells);
    json_decref(runs);
    return NULL;
}

int ld_plan_whole_json(const struct ld_whole_plan *whole, uint64_t seed, char **ret_text, struct ld_error *error)
{
    json_t *document = whole_json(whole, seed);
    char *text = document ? json_dumps(document, JSON_SORT_KEYS | JSON_COMPACT) : NULL;
    json_decref(document);
    if (!text)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    if (strlen(text) > LD_PLAN_JSON_MAX) {
        free(text);
        return ld_fail(error, LD_ELIMIT, "the plan is larger than %zu bytes", LD_PLAN_JSON_MAX);
    }
    *ret_text = text;
    return 0;
}

int ld_plan_json(const struct ld_plan *plan, struct ld_buffer *out)
{
    return ld_buffer_add_text(out, plan->json);
}
