/* Reading what belongs to the campaign. */
#include "store/internal.h"

static int read_head(struct ld_row *row, void *context)
{
    struct ld_campaign_info *info = context;
    info->id = ld_row_text(row);
    info->seed = ld_row_unsigned(row);
    info->started_wall_ns = ld_row_integer(row, INT64_MIN, INT64_MAX);
    info->ended_wall_ns = ld_row_integer_or(row, 0);
    info->verdict = ld_row_text_or(row, "");
    info->interrupt_signal = (int)ld_row_integer(row, 0, LD_STORE_SIGNAL_MAX);
    info->plan_hash = ld_row_text_or(row, "");
    info->plan_json = ld_row_text_or(row, "");
    info->runs_planned = ld_row_index(row);
    info->runs_ended = ld_row_index(row);
    return row->code;
}

static int read_fact(struct ld_row *row, void *context)
{
    struct ld_fact *fact = ld_rows_add(context, row);
    if (!fact)
        return row->code;
    fact->name = ld_row_text(row);
    fact->value = ld_row_text(row);
    return row->code;
}

int ld_store_read_campaign(struct ld_store *store, struct ld_campaign_info *ret_info, struct ld_arena *arena,
                           struct ld_error *error)
{
    static const char select_campaign[] =
        "SELECT c.id, c.seed, c.started_wall_ns, c.ended_wall_ns, c.verdict, c.interrupted, p.hash, p.json, "
        "(SELECT count(*) FROM run), (SELECT count(*) FROM run WHERE validity IS NOT NULL) "
        "FROM campaign AS c LEFT JOIN plan AS p ON p.campaign = c.campaign ORDER BY c.campaign LIMIT 1";
    static const char select_facts[] =
        "SELECT name, value FROM fact WHERE campaign = (SELECT min(campaign) FROM campaign) ORDER BY name";
    struct ld_campaign_info info = {0};
    struct ld_rows facts = {.size = sizeof(struct ld_fact)};
    int code = ld_store_each(store, error, select_campaign, -1, "campaign", arena, read_head, &info);
    if (code == 0 && !info.id)
        code = ld_fail(error, LD_ENOENT, "%s: holds no campaign", store->path);
    if (code == 0)
        code = ld_store_each(store, error, select_facts, -1, "fact", arena, read_fact, &facts);
    if (code)
        return code;
    info.facts = facts.items;
    info.fact_count = facts.count;
    *ret_info = info;
    return 0;
}

static int read_scenario(struct ld_row *row, void *context)
{
    struct ld_stored_scenario *scenario = ld_rows_add(context, row);
    if (!scenario)
        return row->code;
    scenario->file = ld_row_text(row);
    scenario->text = ld_row_bytes(row, &scenario->text_length);
    return row->code;
}

int ld_store_read_scenarios(struct ld_store *store, struct ld_stored_scenario **ret_items, size_t *ret_count,
                            struct ld_arena *arena, struct ld_error *error)
{
    static const char select_scenarios[] = "SELECT file, text FROM scenario ORDER BY scenario";
    struct ld_rows rows = {.size = sizeof(struct ld_stored_scenario)};
    int code = ld_store_each(store, error, select_scenarios, -1, "scenario", arena, read_scenario, &rows);
    if (code)
        return code;
    *ret_items = rows.items;
    *ret_count = rows.count;
    return 0;
}

static int read_index(struct ld_row *row, void *context)
{
    uint32_t *run = ld_rows_add(context, row);
    if (run)
        *run = ld_row_index(row);
    return row->code;
}

static int read_indices(struct ld_store *store, const char *sql, uint32_t **ret_runs, size_t *ret_count,
                        struct ld_arena *arena, struct ld_error *error)
{
    struct ld_rows rows = {.size = sizeof(uint32_t)};
    int code = ld_store_each(store, error, sql, -1, "run", arena, read_index, &rows);
    if (code)
        return code;
    *ret_runs = rows.items;
    *ret_count = rows.count;
    return 0;
}

int ld_store_read_runs(struct ld_store *store, uint32_t **ret_runs, size_t *ret_count, struct ld_arena *arena,
                       struct ld_error *error)
{
    static const char select_runs[] = "SELECT run FROM run WHERE validity IS NOT NULL ORDER BY run";
    return read_indices(store, select_runs, ret_runs, ret_count, arena, error);
}

int ld_store_read_planned(struct ld_store *store, uint32_t **ret_runs, size_t *ret_count, struct ld_arena *arena,
                          struct ld_error *error)
{
    static const char select_planned[] = "SELECT run FROM run ORDER BY run";
    return read_indices(store, select_planned, ret_runs, ret_count, arena, error);
}
