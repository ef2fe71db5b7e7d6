#include "runner/run/judge.h"

#include <string.h>

#include "runner/run/cost.h"
#include "runner/run/rules.h"

#define RECORDS_MEMORY ((size_t)4 << 30)

static int read_records(struct ld_judged *judged, struct ld_store *store, const struct ld_plan *plan,
                        const uint32_t *runs, size_t count, struct ld_error *error)
{
    judged->records = ld_arena_array(judged->arena, count + 1, sizeof *judged->records);
    if (!judged->records)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    for (size_t i = 0; i < count; i++) {
        if (!ld_plan_find_run(plan, runs[i]))
            continue; /* left out by a filter or a shard */
        int code = ld_store_read_record(store, runs[i], &judged->records[judged->count], judged->arena, error);
        if (code)
            return code;
        if (ld_score_censor(&judged->records[judged->count], judged->arena) != 0)
            return ld_fail(error, LD_ENOMEM, "out of memory");
        judged->count++;
    }
    return 0;
}

static int score(struct ld_judged *judged, struct ld_store *store, const struct ld_plan *plan, const uint32_t *runs,
                 size_t count, struct ld_error *error)
{
    int code = read_records(judged, store, plan, runs, count, error);
    if (!code)
        code = ld_score_runs(&judged->score, plan, judged->records, judged->count, error);
    judged->scored = code == 0;
    return code;
}

int ld_score_stored(struct ld_judged *ret_judged, struct ld_store *store, const struct ld_plan *plan,
                    const uint32_t *runs, size_t count, struct ld_error *error)
{
    struct ld_judged judged = {.arena = ld_arena_new(RECORDS_MEMORY)};
    if (!judged.arena)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    int code = score(&judged, store, plan, runs, count, error);
    if (code) {
        ld_judged_done(&judged);
        return code;
    }
    *ret_judged = judged;
    return 0;
}

static int read_programs(struct ld_judged *judged, struct ld_store *store, struct ld_error *error)
{
    static const size_t prefix = sizeof LD_FACT_PROGRAM - 1;
    struct ld_campaign_info info;
    int code = ld_store_read_campaign(store, &info, judged->arena, error);
    if (code)
        return code;
    judged->programs = ld_arena_array(judged->arena, info.fact_count + 1, sizeof *judged->programs);
    if (!judged->programs)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    for (size_t i = 0; i < info.fact_count; i++)
        if (strncmp(info.facts[i].name, LD_FACT_PROGRAM, prefix) == 0)
            judged->programs[judged->program_count++] =
                (struct ld_program_hash){info.facts[i].name + prefix, info.facts[i].value};
    return 0;
}

int ld_judged_baseline(struct ld_baseline *ret_baseline, const struct ld_judged *judged, const struct ld_plan *plan,
                       struct ld_error *error)
{
    struct ld_baseline baseline;
    int code = ld_baseline_make(&baseline, plan, &judged->score, &judged->verdicts, error);
    if (code)
        return code;
    if (ld_baseline_add_programs(&baseline, plan, judged->programs, judged->program_count) != 0) {
        ld_baseline_done(&baseline);
        return ld_fail(error, LD_ENOMEM, "out of memory");
    }
    *ret_baseline = baseline;
    return 0;
}

int ld_judge_store(struct ld_judged *ret_judged, struct ld_store *store, const struct ld_plan *plan,
                   struct ld_error *error)
{
    struct ld_judged judged = {.arena = ld_arena_new(RECORDS_MEMORY)};
    uint32_t *runs;
    size_t count;
    if (!judged.arena)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    int code = ld_store_read_runs(store, &runs, &count, judged.arena, error);
    if (!code)
        code = score(&judged, store, plan, runs, count, error);
    if (!code) {
        code = ld_judge(&judged.verdicts, plan, judged.records, judged.count, &judged.score, error);
        judged.judged = code == 0;
    }
    if (!code)
        code = read_programs(&judged, store, error);
    if (!code)
        code = ld_cost_read(&judged.costs, store, plan, judged.records, judged.count, error);
    if (!code)
        code = ld_standings_make(&judged.standings, plan, &judged.score, &judged.verdicts, &judged.costs, error);
    if (code) {
        ld_judged_done(&judged);
        return code;
    }
    *ret_judged = judged;
    return 0;
}

bool ld_judged_is_void(const struct ld_judged *judged)
{
    return !judged->verdicts.calibrated || judged->verdicts.verdict == LD_VERDICT_HARNESS;
}

void ld_judged_done(struct ld_judged *judged)
{
    if (judged->judged)
        ld_verdicts_done(&judged->verdicts);
    if (judged->scored)
        ld_score_done(&judged->score);
    ld_standings_done(&judged->standings);
    ld_costs_done(&judged->costs);
    ld_arena_free(judged->arena);
    memset(judged, 0, sizeof *judged);
}
