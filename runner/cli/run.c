#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"
#include "base/text.h"
#include "reports/report.h"
#include "runner/cli/against.h"
#include "runner/cli/database.h"
#include "runner/cli/formats.h"
#include "runner/cli/progress.h"
#include "runner/cli/sources.h"
#include "runner/detect/hosted.h"
#include "runner/cli/style.h"
#include "runner/run/campaign.h"
#include "runner/run/judge.h"

#define REPORT_MEMORY ((size_t)1 << 30)

#define PLAN_TEXT_MAX ((size_t)256 << 20)

struct request {
    const struct ld_invocation *invocation;
    struct ld_plan_setting plan;
    unsigned jobs;
    bool fail_fast, all_runs;
    const char *report_folder;
    const struct ld_source_setting *sources;
    const struct ld_scenarios *scenarios;
    struct ld_against against;
    char database[512];
};

static int read_options(const struct ld_invocation *invocation, struct request *request)
{
    int64_t seed;
    request->invocation = invocation;
    request->plan.filter = ld_option_text(invocation, "filter");
    request->fail_fast = ld_option_given(invocation, "fail-fast");
    request->report_folder = ld_option_text(invocation, "report");
    int exit = ld_option_integer(invocation, "seed", 0, INT64_MAX, 1, &seed);
    if (!exit)
        exit = ld_option_runs(invocation, &request->plan.runs, &request->plan.full);
    if (!exit)
        exit = ld_option_shard(invocation, &request->plan.shard, &request->plan.shards);
    if (!exit)
        exit = ld_option_jobs(invocation, &request->jobs);
    request->plan.seed = (uint64_t)seed;
    return exit;
}

/* ---- the campaign */

static int run_campaign(const struct request *request, const struct ld_plan *plan, int64_t runs_given,
                        const char *database, struct ld_campaign_result *ret_result, struct ld_error *error)
{
    struct ld_progress progress;
    ld_progress_init(&progress, request->jobs);
    struct ld_campaign_setting setting = {
        .plan = plan,
        .scenarios = (const struct ld_scenario *const *)request->scenarios->items,
        .scenario_count = request->scenarios->count,
        .runs_given = runs_given,
        .full = runs_given == 0 && request->plan.full,
        .installed = request->sources->installed,
        .database = database,
        .data_folder = request->sources->catalogue.data_folder,
        .jobs = request->jobs,
        .fail_fast = request->fail_fast,
        .all_runs = request->all_runs,
        .blind = ld_option_given(request->invocation, "blind"),
        .events = ld_progress_events(&progress)};
    bool in_turn = plan->sequential_tests && !request->all_runs;
    char takes[32];
    ld_format_duration_short(ld_plan_duration(plan, request->jobs), takes, sizeof takes);
    fprintf(stderr, "leakdrill: %s%zu run%s, %u at a time, seed %llu, plan %.12s\nleakdrill: at least %s%s\n",
            in_turn ? "at most " : "", plan->run_count, plan->run_count == 1 ? "" : "s", request->jobs,
            (unsigned long long)plan->seed, plan->hash, takes, in_turn ? " if all of them are needed" : "");
    int code = ld_campaign_run(ret_result, &setting, error);
    ld_progress_end(&progress);
    if (!code && ret_result->left)
        code = ld_fail(error, LD_ESYSTEM, "%lld processes are left", (long long)ret_result->left);
    return code;
}

/* ---- against a baseline: the cells of what is worse run again, with other seeds, beside the campaign */

static int take_rerun(const struct ld_plan *plan, const char *database, struct ld_baseline *ret_baseline,
                      struct ld_error *error)
{
    struct ld_store *store = NULL;
    struct ld_judged judged = {0};
    int code = ld_store_open(&store, database, true, error);
    if (!code)
        code = ld_judge_store(&judged, store, plan, error);
    if (!code && judged.verdicts.calibrated)
        code = ld_judged_baseline(ret_baseline, &judged, plan, error);
    else if (!code)
        fprintf(stderr, "leakdrill: the rerun %s is void: its calibration is off\n", database);
    ld_judged_done(&judged);
    if (store)
        ld_store_close(store, NULL);
    return code;
}

static int rerun_plan(const struct request *request, const struct ld_plan *plan, uint32_t runs,
                      struct ld_baseline *ret_baseline, struct ld_error *error)
{
    struct ld_campaign_result result = {0};
    struct request again = *request;
    char beside[600], database[600];
    again.fail_fast = false; /* all of its runs are wanted */
    again.all_runs = true;
    size_t length = strlen(request->database);
    bool suffix = length > 3 && strcmp(request->database + length - 3, ".db") == 0;
    snprintf(beside, sizeof beside, "%.*s-rerun.db", (int)(suffix ? length - 3 : length), request->database);
    int code = ld_database_new(beside, database, sizeof database, error);
    if (!code)
        code = run_campaign(&again, plan, runs, database, &result, error);
    if (!code && result.interrupted)
        code = ld_fail(error, LD_EUSAGE, "the rerun was interrupted");
    return code ? code : take_rerun(plan, database, ret_baseline, error);
}

static int rerun_cells(void *context, const char *const *cells, uint32_t runs, struct ld_baseline *ret_baseline,
                       struct ld_error *error)
{
    const struct request *request = context;
    const struct ld_plan_setting setting = {
        .seed = ld_derive(request->plan.seed, "rerun", 0) & INT64_MAX, .cells = cells, .runs = runs};
    struct ld_plan *plan;
    int code = ld_plan_make(&plan, (const struct ld_scenario *const *)request->scenarios->items,
                            request->scenarios->count, &setting, error);
    if (code)
        return code;
    code = rerun_plan(request, plan, runs, ret_baseline, error);
    ld_plan_free(plan);
    return code;
}

static int judge_against(struct request *request, const struct ld_plan *plan, const struct ld_judged *judged,
                         int *ret_exit, struct ld_error *error)
{
    const struct ld_against_rerun rerun = {rerun_cells, request};
    struct ld_text_style style = ld_style_of(STDOUT_FILENO, request->invocation->colour);
    enum ld_verdict verdict = LD_VERDICT_PASS;
    request->against.report_folder = request->report_folder;
    request->against.data_folder = request->sources->catalogue.data_folder;
    int code = ld_against_judge(&request->against, plan, judged, &rerun, &style, &verdict, error);
    bool open = *ret_exit == LD_EXIT_OK || *ret_exit == LD_EXIT_INCONCLUSIVE;
    if (!code && open && verdict != LD_VERDICT_PASS)
        *ret_exit = ld_verdict_exit(verdict);
    return code;
}

/* ---- reports */

/* Before anything starts: a campaign of hours must not end in a folder that cannot be written. */
static int make_report_folder(const char *folder, struct ld_error *error)
{
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return ld_fail_errno(error, LD_EIO, errno, "--report: cannot make the folder %s", folder);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || access(folder, W_OK | X_OK) != 0) {
        int saved = errno;
        if (fd >= 0)
            close(fd);
        return ld_fail_errno(error, LD_EIO, saved, "--report: cannot write into %s", folder);
    }
    close(fd);
    return 0;
}

/* Read back what was written and tell it: what people see is what is in the file. */
static int tell(struct request *request, const struct ld_plan *plan, const struct ld_campaign_result *result,
                int *ret_exit, struct ld_error *error)
{
    struct ld_store *store = NULL;
    struct ld_judged judged = {0};
    struct ld_campaign_info info;
    struct ld_arena *arena = ld_arena_new(REPORT_MEMORY);
    /* Writable, though nothing is written: a reader would leave the files of SQLite's log beside the database. */
    int code = arena ? ld_store_open(&store, request->database, true, error) : LD_ENOMEM;
    if (!code)
        code = ld_store_read_campaign(store, &info, arena, error);
    if (!code)
        code = ld_judge_store(&judged, store, plan, error);
    if (!code) {
        struct ld_report report = {.plan = plan,
                                   .runs = judged.records,
                                   .run_count = judged.count,
                                   .score = &judged.score,
                                   .verdicts = &judged.verdicts,
                                   .standings = &judged.standings,
                                   .costs = &judged.costs,
                                   .campaign = info.id,
                                   .database = request->database,
                                   .started_wall_ns = info.started_wall_ns,
                                   .version = ld_database_version(&info),
                                   .interrupted = result->interrupted,
                                   .interrupt_signal = result->interrupt_signal};
        struct ld_report_source source = {&report, store, arena,
                                          ld_style_of(STDOUT_FILENO, request->invocation->colour)};
        code = ld_report_write(ld_report_format_find("text"), &source, NULL, error);
        if (!code && request->report_folder)
            code = ld_report_write_all(&source, request->report_folder, error);
        *ret_exit = ld_verdict_exit(judged.verdicts.verdict);
        if (!code && request->against.given && !result->interrupted)
            code = judge_against(request, plan, &judged, ret_exit, error);
    }
    ld_judged_done(&judged);
    if (store)
        ld_store_close(store, NULL);
    ld_arena_free(arena);
    return code;
}

static int run_plan(struct request *request, const struct ld_plan *plan, int *ret_exit, struct ld_error *error)
{
    struct ld_campaign_result result = {0};
    if (plan->run_count == 0) {
        fprintf(stderr, "leakdrill run: this shard has no runs\n");
        *ret_exit = LD_EXIT_SKIPPED;
        return 0;
    }
    int code = request->report_folder ? make_report_folder(request->report_folder, error) : 0;
    if (!code)
        code = ld_against_open(&request->against, ld_option_text(request->invocation, "against"), error);
    if (!code)
        code = ld_database_new(ld_option_text(request->invocation, "db"), request->database,
                               sizeof request->database, error);
    if (code)
        return code;
    code = run_campaign(request, plan, request->plan.runs, request->database, &result, error);
    if (!code)
        code = tell(request, plan, &result, ret_exit, error);
    else if (result.stored)
        fprintf(stderr, "leakdrill run: %zu finished runs are in %s\n", result.stored, request->database);
    if (result.interrupted && (!code || code == LD_ECANCELLED)) {
        if (code)
            fprintf(stderr, "leakdrill run: %s\n", error->message);
        *ret_exit = 128 + result.interrupt_signal;
        code = 0;
    }
    return code;
}

static bool needs_programs(const struct ld_scenarios *scenarios)
{
    for (size_t i = 0; i < scenarios->count; i++)
        if (scenarios->items[i]->target.kind == LD_TARGET_FIXTURE || scenarios->items[i]->upstream[0])
            return true;
    return false;
}

/* What the detectors of the scenario need is installed. */
static int check_detectors(const struct ld_scenario *scenario, struct ld_error *error)
{
    for (size_t i = 0; i < scenario->detector_count; i++) {
        const struct ld_hosted_kind *hosted = ld_hosted_find(scenario->detectors[i].kind);
        int code = hosted && hosted->available ? hosted->available(error) : 0;
        if (code) {
            snprintf(error->file, sizeof error->file, "%s", scenario->file);
            return code;
        }
    }
    return 0;
}

/* Before anything starts: is every program of the plan there? */
static int check_programs(const struct ld_source_setting *sources, const struct ld_plan *plan, struct ld_error *error)
{
    for (size_t i = 0; i < plan->cell_count; i++) {
        const struct ld_cell *cell = &plan->cells[i];
        struct ld_program program;
        int code = 0;
        if (cell->scenario->target.kind == LD_TARGET_IMPORTED) {
            code = ld_fail(error, LD_ESPEC, "is of imported observations, which cannot be run: leakdrill import "
                                            "--scenario takes it");
            snprintf(error->file, sizeof error->file, "%s", cell->scenario->file);
        }
        if (!code)
            code = check_detectors(cell->scenario, error);
        if (code)
            return code;
        if (cell->scenario->target.kind != LD_TARGET_FIXTURE)
            continue;
        code = ld_installed_fixture(sources->installed, cell->scenario->target.fixture, cell->variant, &program,
                                        error);
        if (code) {
            snprintf(error->file, sizeof error->file, "%s", cell->scenario->file);
            return code;
        }
    }
    return 0;
}

/* --dry-run: what would be run; nothing is started and nothing written. */
static int show_plan(const struct ld_plan *plan, unsigned jobs, struct ld_error *error)
{
    struct ld_buffer out;
    ld_buffer_init(&out, PLAN_TEXT_MAX);
    int code = ld_plan_text(plan, jobs, &out);
    if (!code)
        ld_put(&out);
    else
        ld_fail(error, code, "%s", ld_code_text(code));
    ld_buffer_done(&out);
    return code;
}

static int run_scenarios(struct request *request, const struct ld_source_setting *sources,
                         const struct ld_scenarios *scenarios, int *ret_exit, struct ld_error *error)
{
    struct ld_plan *plan;
    request->sources = sources;
    request->scenarios = scenarios;
    if (needs_programs(scenarios) && !sources->installed)
        return ld_fail(error, LD_EUNAVAILABLE, "the Go programs are not built (no %s)", ld_fixtures_file());
    int code = ld_plan_make(&plan, (const struct ld_scenario *const *)scenarios->items, scenarios->count,
                            &request->plan, error);
    if (code)
        return code;
    code = check_programs(sources, plan, error);
    if (!code && ld_option_given(request->invocation, "dry-run"))
        code = show_plan(plan, request->jobs, error);
    else if (!code)
        code = run_plan(request, plan, ret_exit, error);
    ld_plan_free(plan);
    return code;
}

/* Before and after the campaign nothing has to be undone. */
static void end_at_once(int number)
{
    _exit(128 + number);
}

static void catch_signals(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, end_at_once);
    signal(SIGTERM, end_at_once);
    if (signal(SIGHUP, end_at_once) == SIG_IGN)
        signal(SIGHUP, SIG_IGN); /* nohup */
}

int ld_command_run(const struct ld_invocation *invocation)
{
    struct request request = {0};
    struct ld_source_setting sources;
    struct ld_scenarios scenarios;
    struct ld_errors errors = {0};
    struct ld_error error = {0};
    int exit = read_options(invocation, &request);
    if (exit)
        return exit;
    catch_signals();
    int code = ld_source_setting_init(&sources, &error);
    if (code)
        return ld_say_error(invocation->command, &error);
    code = ld_scenarios_read(&scenarios, invocation->arguments, invocation->argument_count, &sources, &errors, &error);
    if (!code) {
        code = run_scenarios(&request, &sources, &scenarios, &exit, &error);
        ld_scenarios_done(&scenarios);
    }
    ld_against_done(&request.against);
    ld_source_setting_done(&sources);
    ld_say_errors(stderr, &errors);
    ld_errors_done(&errors);
    return code ? ld_say_error(invocation->command, &error) : exit;
}
