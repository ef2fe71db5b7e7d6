/* Writing what belongs to the campaign: itself, its facts and its plan. */
#include "scenario/arm.h"
#include "store/internal.h"

int ld_store_campaign(struct ld_store *store, const char *id, uint64_t seed, int64_t started_wall_ns,
                      const struct ld_fact *facts, size_t fact_count, struct ld_error *error)
{
    static const char insert_campaign[] =
        "INSERT INTO campaign (campaign, id, seed, started_wall_ns) VALUES (1, ?, ?, ?)";
    static const char insert_fact[] = "INSERT INTO fact (campaign, name, value) VALUES (1, ?, ?)";
    int code = ld_store_write(store, error, insert_campaign, "tui", id, seed, started_wall_ns);
    for (size_t i = 0; i < fact_count && code == 0; i++)
        code = ld_store_write(store, error, insert_fact, "tt", facts[i].name, facts[i].value);
    return code ? code : ld_store_commit(store, true, error);
}

/* The row of a scenario, written when it comes first. */
static int intern_scenario(struct ld_store *store, const struct ld_scenario *scenario, int64_t *ret_id,
                           struct ld_error *error)
{
    static const char find_scenario[] = "SELECT scenario FROM scenario WHERE name = ?";
    static const char insert_scenario[] = "INSERT INTO scenario (name, file, hash, text) VALUES (?, ?, ?, ?)";
    int code = ld_store_number(store, error, ret_id, find_scenario, "t", scenario->name);
    if (code != LD_ENOENT)
        return code;
    code = ld_store_write(store, error, insert_scenario, "tttz", scenario->name, scenario->file, scenario->hash,
                          scenario->text, scenario->text_length);
    if (code == 0)
        *ret_id = sqlite3_last_insert_rowid(store->db);
    return code;
}

int ld_store_scenario(struct ld_store *store, const struct ld_scenario *scenario, struct ld_error *error)
{
    int64_t id;
    return intern_scenario(store, scenario, &id, error);
}

static int write_cell(struct ld_store *store, const struct ld_cell *cell, struct ld_error *error)
{
    static const char insert_cell[] = "INSERT INTO cell (cell, scenario, name, variant, fault_case, rate, depth, "
                                      "reads, arm) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    int64_t scenario;
    int code = intern_scenario(store, cell->scenario, &scenario, error);
    if (code)
        return code;
    return ld_store_write(store, error, insert_cell, "iitttriit", (int64_t)cell->index, scenario, cell->name,
                          ld_variant_name(cell->variant), cell->scenario->fault_cases[cell->fault_case].name,
                          cell->rate, cell->depth, (int64_t)cell->reads,
                          ld_scenario_arm(cell->scenario, cell->arm).name);
}

static int write_actions(struct ld_store *store, const struct ld_run_plan *run, const struct ld_fault_case *faults,
                         struct ld_error *error)
{
    static const char insert_action[] = "INSERT INTO action (run, ordinal, at_ns, kind, fault) VALUES (?, ?, ?, ?, ?)";
    for (size_t i = 0; i < run->action_count; i++) {
        const struct ld_action *action = &run->actions[i];
        bool of_fault = action->kind == LD_ACTION_FAULT_ON || action->kind == LD_ACTION_FAULT_OFF;
        int code =
            ld_store_write(store, error, insert_action, "iiitt", (int64_t)run->index, (int64_t)i, action->at_ns,
                           ld_action_kind_name(action->kind), of_fault ? faults->faults[action->fault].id : NULL);
        if (code)
            return code;
    }
    return 0;
}

static int write_run(struct ld_store *store, const struct ld_plan *plan, const struct ld_run_plan *run,
                     struct ld_error *error)
{
    static const char insert_run[] =
        "INSERT INTO run (run, campaign, cell, execution_order, repetition, seed, load_per_second, phase_ns) "
        "VALUES (?, 1, ?, ?, ?, ?, ?, ?)";
    const struct ld_cell *cell = &plan->cells[run->cell];
    int code =
        ld_store_write(store, error, insert_run, "iiiiuri", (int64_t)run->index, (int64_t)cell->index,
                       (int64_t)run->order, (int64_t)run->repetition, run->seed, run->load_per_second, run->phase_ns);
    return code ? code : write_actions(store, run, &cell->scenario->fault_cases[cell->fault_case], error);
}

static int write_plan_row(struct ld_store *store, const struct ld_plan *plan, struct ld_error *error)
{
    static const char insert_plan[] = "INSERT INTO plan (campaign, hash, json) VALUES (1, ?, ?)";
    return ld_store_write(store, error, insert_plan, "tt", plan->hash, plan->json);
}

int ld_store_plan(struct ld_store *store, const struct ld_plan *plan, struct ld_error *error)
{
    int code = write_plan_row(store, plan, error);
    for (size_t i = 0; i < plan->cell_count && code == 0; i++)
        code = write_cell(store, &plan->cells[i], error);
    for (size_t i = 0; i < plan->run_count && code == 0; i++)
        code = write_run(store, plan, &plan->runs[i], error);
    return code ? code : ld_store_commit(store, true, error);
}

int ld_store_campaign_end(struct ld_store *store, int64_t ended_wall_ns, const char *verdict, int interrupt_signal,
                          struct ld_error *error)
{
    static const char end_campaign[] =
        "UPDATE campaign SET ended_wall_ns = ?, verdict = ?, interrupted = ? WHERE campaign = 1";
    int code = ld_store_write(store, error, end_campaign, "iti", ended_wall_ns, verdict, (int64_t)interrupt_signal);
    return code ? code : ld_store_commit(store, true, error);
}
