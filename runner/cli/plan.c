#include "plan/plan.h"

#include <stdio.h>

#include "runner/cli/sources.h"
#include "runner/cli/wrap.h"

#define TEXT_MAX ((size_t)256 << 20)

static int read_options(const struct ld_invocation *invocation, struct ld_plan_setting *ret_setting, unsigned *ret_jobs)
{
    int64_t seed;
    struct ld_plan_setting setting = {.filter = ld_option_text(invocation, "filter")};
    int exit = ld_option_integer(invocation, "seed", 0, INT64_MAX, 1, &seed);
    if (!exit)
        exit = ld_option_runs(invocation, &setting.runs, &setting.full);
    if (!exit)
        exit = ld_option_shard(invocation, &setting.shard, &setting.shards);
    if (!exit)
        exit = ld_option_jobs(invocation, ret_jobs);
    if (exit)
        return exit;
    setting.seed = (uint64_t)seed;
    *ret_setting = setting;
    return 0;
}

static int write_plan(const struct ld_plan *plan, bool json, unsigned jobs, struct ld_error *error)
{
    struct ld_buffer out;
    ld_buffer_init(&out, TEXT_MAX);
    int code = json ? ld_plan_json(plan, &out) : ld_plan_text(plan, jobs, &out);
    if (!code && json)
        code = ld_buffer_add_text(&out, "\n");
    if (code || json)
        return ld_put_done(&out, code, error);
    ld_put_fitting(stdout, ld_buffer_text(&out));
    ld_buffer_done(&out);
    return 0;
}

static void put_remarks(const struct ld_scenarios *scenarios)
{
    struct ld_buffer remarks;
    ld_buffer_init(&remarks, TEXT_MAX);
    for (size_t i = 0; i < scenarios->count; i++)
        ld_scenario_remark(scenarios->items[i], &remarks);
    ld_put_remarks(stderr, &remarks);
    ld_buffer_done(&remarks);
}

/* Everything between the options and the exit code; what is wrong is in `errors` or `error`. */
static int make_and_write(const struct ld_invocation *invocation, const struct ld_plan_setting *plan_setting,
                          unsigned jobs, struct ld_errors *errors, struct ld_error *error)
{
    struct ld_source_setting setting;
    struct ld_scenarios scenarios;
    struct ld_plan *plan = NULL;
    int code = ld_source_setting_init(&setting, error);
    if (code)
        return code;
    code = ld_scenarios_read(&scenarios, invocation->arguments, invocation->argument_count, &setting, errors, error);
    if (!code) {
        code = ld_plan_make(&plan, (const struct ld_scenario *const *)scenarios.items, scenarios.count, plan_setting,
                            error);
        if (!code)
            code = write_plan(plan, ld_option_given(invocation, "json"), jobs, error);
        if (!code)
            put_remarks(&scenarios);
        ld_plan_free(plan);
        ld_scenarios_done(&scenarios);
    }
    ld_source_setting_done(&setting);
    return code;
}

int ld_command_plan(const struct ld_invocation *invocation)
{
    struct ld_plan_setting setting;
    struct ld_errors errors = {0};
    struct ld_error error = {0};
    unsigned jobs;
    int exit = read_options(invocation, &setting, &jobs);
    if (exit)
        return exit;
    int code = make_and_write(invocation, &setting, jobs, &errors, &error);
    ld_say_errors(stderr, &errors);
    ld_errors_done(&errors);
    return code ? ld_say_error(invocation->command, &error) : LD_EXIT_OK;
}
