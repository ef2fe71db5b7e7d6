#include "runner/run/campaign.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "runner/build/build.h"
#include "runner/detect/statics.h"
#include "runner/detect/watched_programs.h"
#include "runner/process/identity.h"
#include "runner/run/judge.h"
#include "runner/run/rules.h"
#include "runner/run/own.h"
#include "runner/run/sequence.h"

#define TICK_EVERY_MS 250
#define BEGIN_EVERY_NS (150 * LD_MS) /* between two runs, beyond as many as there are cores */
#define FACTS_MAX 24 /* without those of scenarios */
#define BUILD_MEMORY ((size_t)64 << 20) /* paths and commands of the programs that are built */
#define GUARD_KILLED "the guard process was killed, and all it guarded with it"
#define SIGNALS (sizeof watched_signals / sizeof *watched_signals)

/* They end a campaign cleanly; SIGHUP unless it is ignored (nohup). */
static const int watched_signals[] = {SIGINT, SIGTERM, SIGHUP};

/* How a caller had the signals. */
struct signals_before {
    sigset_t mask;
    struct sigaction actions[SIGNALS];
};

struct campaign {
    const struct ld_campaign_setting *setting;
    struct ld_control control;
    struct ld_store *store;
    struct ld_arena *arena;
    struct ld_built *built;  /* of each cell of the plan; those of one scenario are equal */
    struct ld_watched_programs *programs; /* of detectors */
    const char **own;        /* of each cell: its own modules; likewise */
    struct signals_before before;
    uv_signal_t signals[SIGNALS];
    uv_timer_t tick;
    uv_timer_t pace;         /* until the next run may begin */
    bool pacing;
    int64_t begun_ns;        /* when the last run began */
    struct ld_run **running; /* places_of them */
    size_t running_count;
    size_t active;           /* of them, those that are not done: at most `jobs` */
    size_t next;             /* position in the plan's order: those before it are gone */
    bool *gone;              /* of each position: started, or not needed any more */
    size_t not_needed;
    struct ld_sequence *sequence; /* NULL: no cell is repeated sequentially */
    bool stopping;           /* start nothing new */
    struct ld_campaign_progress progress;
    struct ld_campaign_result result;
    int64_t start_ns;
    int code;                /* why it stopped, when the harness itself failed */
    struct ld_error error;
};

static void start_more(struct campaign *campaign);

static void talk(struct campaign *campaign, const char *text)
{
    const struct ld_campaign_events *events = &campaign->setting->events;
    if (events->talk)
        events->talk(events->context, text);
}

static struct ld_campaign_progress *progress_of(struct campaign *campaign)
{
    campaign->progress.planned = campaign->setting->plan->run_count - campaign->not_needed;
    campaign->progress.running = campaign->active;
    campaign->progress.elapsed_ns = (int64_t)uv_hrtime() - campaign->start_ns;
    return &campaign->progress;
}

/* ---- runs */

static const struct ld_cell *cell_of(const struct campaign *campaign, const struct ld_run_plan *run)
{
    return &campaign->setting->plan->cells[run->cell];
}

/* A run that only waits for the disk holds no job: the next one starts meanwhile. When the disk cannot keep up, the
 * places run out. */
static size_t places_of(const struct ld_campaign_setting *setting)
{
    return (size_t)setting->jobs * 2;
}

static void on_vacated(void *context, struct ld_run *run, const struct ld_run_summary *summary)
{
    struct campaign *campaign = context;
    (void)run;
    campaign->active--;
    if (campaign->setting->fail_fast && summary->validity != LD_VALID)
        campaign->stopping = true;
    start_more(campaign);
}

static void on_finished(void *context, struct ld_run *run, const struct ld_run_summary *summary)
{
    struct campaign *campaign = context;
    const struct ld_run_plan *run_plan = ld_run_plan_of(run);
    for (size_t i = 0; i < campaign->running_count; i++)
        if (campaign->running[i] == run)
            campaign->running[i] = campaign->running[--campaign->running_count];
    struct ld_run_summary unstored = *summary;
    campaign->progress.finished++;
    campaign->result.stored += summary->stored;
    /* The writer failed: it is not there, whatever it came to. */
    if (!summary->stored && summary->validity == LD_VALID) {
        unstored.validity = LD_INVALID_HARNESS;
        snprintf(unstored.reason, sizeof unstored.reason, "its end could not be written");
        summary = &unstored;
    }
    campaign->progress.void_runs += summary->validity != LD_VALID;
    campaign->progress.alerts += summary->alerts;
    campaign->result.left += summary->left;
    const struct ld_campaign_events *events = &campaign->setting->events;
    if (events->run)
        events->run(events->context, cell_of(campaign, run_plan), run_plan, summary, progress_of(campaign));
    ld_sequence_ended(campaign->sequence, run_plan);
    start_more(campaign);
}

static const struct ld_run_events run_events = {on_vacated, on_finished};

static int programs_of(const struct campaign *campaign, const struct ld_cell *cell,
                       struct ld_run_programs *ret_programs, struct ld_error *error)
{
    const struct ld_scenario *scenario = cell->scenario;
    struct ld_program program;
    *ret_programs = (struct ld_run_programs){.own = campaign->own[cell - campaign->setting->plan->cells]};
    if (scenario->target.kind == LD_TARGET_INSTRUMENT) {
        const struct ld_built *built = &campaign->built[cell - campaign->setting->plan->cells];
        ret_programs->target = built->program;
        ret_programs->target_name = built->name;
    }
    if (scenario->target.kind == LD_TARGET_FIXTURE) {
        int code = ld_installed_fixture(campaign->setting->installed, scenario->target.fixture, cell->variant,
                                        &program, error);
        if (code)
            return code;
        ret_programs->target = program.path;
        ret_programs->target_case = program.case_name;
        ret_programs->target_name = strrchr(program.path, '/') ? strrchr(program.path, '/') + 1 : program.path;
    }
    if (scenario->upstream[0]) {
        int code = ld_installed_upstream(campaign->setting->installed, scenario->upstream, &program, error);
        if (code)
            return code;
        ret_programs->upstream = program.path;
        ret_programs->upstream_name = strrchr(program.path, '/') ? strrchr(program.path, '/') + 1 : program.path;
    }
    return 0;
}

static void abort_all(struct campaign *campaign, const char *reason)
{
    campaign->stopping = true;
    /* A run may end within the call and leave the list. */
    for (size_t i = campaign->running_count; i-- > 0;)
        if (i < campaign->running_count)
            ld_run_abort(campaign->running[i], reason);
}

static void look_at_guard(struct campaign *campaign)
{
    if (campaign->code || ld_guard_lives(&campaign->control.guard))
        return;
    campaign->code = ld_fail(&campaign->error, LD_ESYSTEM, GUARD_KILLED);
    abort_all(campaign, GUARD_KILLED);
}

/* What runs when the writer has failed would not be kept. */
static void look_at_writer(struct campaign *campaign)
{
    struct ld_error error;
    if (campaign->stopping || ld_writer_status(campaign->control.writer, &error) == 0)
        return;
    campaign->code = error.code;
    campaign->error = error;
    abort_all(campaign, error.message);
}

/* Without scores nobody knows which cells go on. */
static void look_at_sequence(struct campaign *campaign)
{
    struct ld_error error;
    if (campaign->stopping || ld_sequence_status(campaign->sequence, &error) == 0)
        return;
    campaign->code = error.code;
    campaign->error = error;
    abort_all(campaign, error.message);
}

/* The next of the plan's order that is to be started; NULL: none, or none now. */
static const struct ld_run_plan *next_run(struct campaign *campaign)
{
    const struct ld_plan *plan = campaign->setting->plan;
    for (size_t i = campaign->next; i < plan->run_count; i++) {
        const struct ld_run_plan *run_plan = &plan->runs[plan->order[i]];
        bool settled = !campaign->gone[i] && ld_sequence_is_settled(campaign->sequence, run_plan);
        bool found = !campaign->gone[i] && !settled && ld_sequence_wants(campaign->sequence, run_plan);
        campaign->not_needed += settled;
        campaign->gone[i] = campaign->gone[i] || settled || found;
        while (campaign->next < plan->run_count && campaign->gone[campaign->next])
            campaign->next++;
        if (found)
            return run_plan;
    }
    return NULL;
}

static bool has_room(const struct campaign *campaign)
{
    return !campaign->stopping && campaign->active < campaign->setting->jobs &&
           campaign->running_count < places_of(campaign->setting);
}

static void on_pace(uv_timer_t *timer)
{
    struct campaign *campaign = timer->data;
    campaign->pacing = false;
    start_more(campaign);
}

/* A run's programs use the machine whole while they begin: more at once than there are cores would keep the control
 * loop, and every run in hand, from their turn. True: a later call of start_more goes on. */
static bool is_too_soon(struct campaign *campaign)
{
    uv_loop_t *loop = &campaign->control.loop;
    int64_t wait_ns = campaign->begun_ns + BEGIN_EVERY_NS - (int64_t)uv_hrtime();
    if (campaign->active < uv_available_parallelism() || wait_ns <= 0)
        return false;
    if (!campaign->pacing) {
        campaign->pacing = true;
        uv_update_time(loop);
        uv_timer_start(&campaign->pace, on_pace, (uint64_t)(wait_ns / LD_MS + 1), 0);
    }
    return true;
}

static void start_more(struct campaign *campaign)
{
    const struct ld_plan *plan = campaign->setting->plan;
    const struct ld_run_plan *run_plan;
    look_at_guard(campaign);
    look_at_writer(campaign);
    look_at_sequence(campaign);
    while (has_room(campaign) && !is_too_soon(campaign) && (run_plan = next_run(campaign))) {
        const struct ld_cell *cell = cell_of(campaign, run_plan);
        struct ld_run_programs programs;
        struct ld_run *run = NULL;
        const struct ld_campaign_events *events = &campaign->setting->events;
        int code = programs_of(campaign, cell, &programs, &campaign->error);
        if (!code)
            code = ld_run_start(&run, &campaign->control, plan, run_plan, &programs, &run_events, campaign,
                                &campaign->error);
        if (code) {
            campaign->code = code;
            abort_all(campaign, campaign->error.message);
            break;
        }
        campaign->begun_ns = (int64_t)uv_hrtime();
        campaign->running[campaign->running_count++] = run;
        campaign->active++;
        ld_sequence_started(campaign->sequence, run_plan);
        if (events->run)
            events->run(events->context, cell, run_plan, NULL, progress_of(campaign));
        look_at_writer(campaign);
    }
}

/* ---- signals and ticks */

static void on_signal(uv_signal_t *handle, int number)
{
    struct campaign *campaign = handle->data;
    if (campaign->result.interrupted) {
        /* The second one: the guard's death takes everything with it, and what escaped it is swept. */
        kill(campaign->control.guard.pid, SIGKILL);
        ld_guard_clean_up(&campaign->control.guard, campaign->control.work_folder);
        _exit(128 + number);
    }
    campaign->result.interrupted = true;
    campaign->result.interrupt_signal = number;
    talk(campaign, "interrupted: stopping the runs in hand (once more kills them)");
    abort_all(campaign, "interrupted");
}

static void on_tick(uv_timer_t *timer)
{
    struct campaign *campaign = timer->data;
    const struct ld_campaign_events *events = &campaign->setting->events;
    look_at_guard(campaign);
    if (events->tick)
        events->tick(events->context, campaign->running, campaign->running_count, progress_of(campaign));
}

/* ---- before and after */

int64_t ld_wall_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * LD_SECOND + now.tv_nsec;
}

static const char *identity_of(pid_t pid, char *text, size_t room)
{
    struct ld_identity identity;
    return ld_identity_read(pid, &identity) ? ld_identity_text(&identity, text, room) : "";
}

static int add_program_facts(const struct campaign *campaign, struct ld_fact *facts, size_t *count)
{
    for (size_t i = 0; i < ld_watched_programs_count(campaign->programs); i++) {
        const char *path, *hash;
        ld_watched_programs_at(campaign->programs, i, &path, &hash);
        const char *name = ld_arena_printf(campaign->arena, LD_FACT_PROGRAM "%s", path);
        if (!name)
            return LD_ENOMEM;
        facts[(*count)++] = (struct ld_fact){name, hash};
    }
    return 0;
}

/* Each scenario's own modules, and what its detectors read and are. LD_ENOMEM. */
static int add_scenario_facts(const struct campaign *campaign, struct ld_fact *facts, size_t *count)
{
    const struct ld_plan *plan = campaign->setting->plan;
    size_t rules;
    for (size_t i = 0; i < plan->cell_count; i++) {
        const struct ld_scenario *scenario = plan->cells[i].scenario;
        size_t first = 0;
        while (plan->cells[first].scenario != scenario)
            first++;
        if (first < i)
            continue;
        const char *name = ld_arena_printf(campaign->arena, LD_FACT_OWN "%s", scenario->name);
        if (!name)
            return LD_ENOMEM;
        facts[(*count)++] = (struct ld_fact){name, campaign->own[i]};
    }
    int code = ld_rules_facts(facts + *count, &rules, plan, campaign->arena);
    *count += code ? 0 : rules;
    return code ? code : add_program_facts(campaign, facts, count);
}

static int write_campaign(struct campaign *campaign, struct ld_error *error)
{
    const struct ld_plan *plan = campaign->setting->plan;
    struct ld_fact *facts = ld_arena_array(
        campaign->arena, FACTS_MAX + LD_RULES_FILES_MAX + LD_WATCHED_PROGRAMS_MAX + plan->cell_count, sizeof *facts);
    char boot[LD_BOOT_ID_SIZE], self[64], guard[64];
    char id[64], cores[24], jobs[24], runs[24], folder[PATH_MAX];
    size_t count = 0;
    struct utsname system = {0};
    int64_t now = ld_wall_now();
    if (!facts)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    uname(&system);
    ld_boot_id(boot);
    snprintf(id, sizeof id, "%llx", (unsigned long long)ld_derive((uint64_t)now, system.nodename, (uint64_t)getpid()));
    snprintf(cores, sizeof cores, "%ld", sysconf(_SC_NPROCESSORS_ONLN));
    snprintf(jobs, sizeof jobs, "%u", campaign->setting->jobs);
    snprintf(runs, sizeof runs, "%lld", (long long)campaign->setting->runs_given);
    facts[count++] = (struct ld_fact){"host.system", system.sysname};
    facts[count++] = (struct ld_fact){"host.release", system.release};
    facts[count++] = (struct ld_fact){"host.machine", system.machine};
    facts[count++] = (struct ld_fact){"host.cores", cores};
    facts[count++] = (struct ld_fact){"leakdrill.version", LEAKDRILL_VERSION};
    facts[count++] = (struct ld_fact){"leakdrill.jobs", jobs};
    facts[count++] = (struct ld_fact){"guard", campaign->control.guard.isolated ? "a PID namespace of its own"
                                                                                : campaign->control.guard.why_not};
    facts[count++] = (struct ld_fact){LD_FACT_RUNS, runs};
    facts[count++] = (struct ld_fact){LD_FACT_FULL, campaign->setting->full ? "1" : "0"};
    facts[count++] = (struct ld_fact){LD_FACT_BOOT, boot};
    facts[count++] = (struct ld_fact){LD_FACT_PROCESS, identity_of(getpid(), self, sizeof self)};
    facts[count++] = (struct ld_fact){LD_FACT_GUARD, identity_of(campaign->control.guard.pid, guard, sizeof guard)};
    facts[count++] = (struct ld_fact){LD_FACT_GROUP, campaign->control.guard.group.path};
    facts[count++] = (struct ld_fact){LD_FACT_WORK_FOLDER, campaign->control.work_folder};
    facts[count++] = (struct ld_fact){"libuv", uv_version_string()};
    if (getcwd(folder, sizeof folder))
        facts[count++] = (struct ld_fact){LD_FACT_FOLDER, folder};
    facts[count++] = (struct ld_fact){LD_FACT_BLIND, campaign->setting->blind ? "1" : "0"};
    int code = add_scenario_facts(campaign, facts, &count);
    if (code)
        return ld_fail(error, code, "%s", ld_code_text(code));
    code = ld_store_campaign(campaign->store, id, campaign->setting->plan->seed, now, facts, count, error);
    /* The plan's hash is of the whole plan: to make it again, every scenario is needed. */
    for (size_t i = 0; i < campaign->setting->scenario_count && !code; i++)
        code = ld_store_scenario(campaign->store, campaign->setting->scenarios[i], error);
    if (!code)
        code = ld_store_plan(campaign->store, campaign->setting->plan, error);
    if (!code)
        code = ld_store_commit(campaign->store, true, error);
    return code;
}

/* ---- whose the programs' packages are: each scenario's once */

/* The path of its program, or the word where there is none of that name, which its run will say. NULL: attached. */
static const char *program_of(const struct campaign *campaign, const struct ld_cell *cell)
{
    struct ld_run_programs programs;
    struct ld_error ignored;
    const struct ld_target_spec *target = &cell->scenario->target;
    if (target->kind == LD_TARGET_COMMAND) {
        const char *word = ((const char **)target->command.items)[0];
        char *found = ld_run_find_program(word);
        const char *program = ld_arena_text(campaign->arena, found ? found : word);
        free(found);
        return program;
    }
    return programs_of(campaign, cell, &programs, &ignored) == 0 ? programs.target : NULL;
}

/* Of all the scenario's cells, each once. */
static size_t programs_of_scenario(const struct campaign *campaign, const struct ld_scenario *scenario,
                                   const char **programs)
{
    const struct ld_plan *plan = campaign->setting->plan;
    size_t count = 0;
    for (size_t i = 0; i < plan->cell_count; i++) {
        const char *program = plan->cells[i].scenario == scenario ? program_of(campaign, &plan->cells[i]) : NULL;
        size_t known = 0;
        while (program && known < count && strcmp(programs[known], program) != 0)
            known++;
        if (program && known == count)
            programs[count++] = program;
    }
    return count;
}

/* LD_EUSAGE: names are to be hidden of a target of which nobody knows what is its own. */
static int find_own_modules(struct campaign *campaign, struct ld_error *error)
{
    const struct ld_plan *plan = campaign->setting->plan;
    campaign->own = ld_arena_array(campaign->arena, plan->cell_count, sizeof *campaign->own);
    const char **programs = ld_arena_array(campaign->arena, plan->cell_count, sizeof *programs);
    if (!campaign->own || !programs)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    for (size_t i = 0; i < plan->cell_count; i++) {
        const struct ld_scenario *scenario = plan->cells[i].scenario;
        const char *unknown = NULL;
        size_t first = 0;
        while (plan->cells[first].scenario != scenario)
            first++;
        campaign->own[i] = first < i ? campaign->own[first]
                                     : ld_own_modules(scenario, programs,
                                                      programs_of_scenario(campaign, scenario, programs),
                                                      campaign->arena, &unknown);
        if (!campaign->own[i])
            return ld_fail(error, LD_ENOMEM, "out of memory");
        if (unknown && campaign->setting->blind)
            return ld_own_refuse(scenario, unknown, error);
        if (unknown)
            campaign->own[i] = ""; /* a blind replay would hide too little */
    }
    return 0;
}

/* ---- signals: held while nobody listens for them, so that none ends us half undone */

static void hold_signals(struct signals_before *ret_before)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < SIGNALS; i++) {
        sigaddset(&set, watched_signals[i]);
        sigaction(watched_signals[i], NULL, &ret_before->actions[i]);
    }
    pthread_sigmask(SIG_BLOCK, &set, &ret_before->mask);
}

static void watch(struct campaign *campaign)
{
    uv_loop_t *loop = &campaign->control.loop;
    for (size_t i = 0; i < SIGNALS; i++) {
        bool ignored = campaign->before.actions[i].sa_handler == SIG_IGN;
        uv_signal_init(loop, &campaign->signals[i]);
        campaign->signals[i].data = campaign;
        if (watched_signals[i] != SIGHUP || !ignored)
            uv_signal_start(&campaign->signals[i], on_signal, watched_signals[i]);
    }
    uv_timer_init(loop, &campaign->tick);
    campaign->tick.data = campaign;
    uv_timer_start(&campaign->tick, on_tick, TICK_EVERY_MS, TICK_EVERY_MS);
    uv_timer_init(loop, &campaign->pace);
    campaign->pace.data = campaign;
    pthread_sigmask(SIG_SETMASK, &campaign->before.mask, NULL);
}

/* They are held again when this returns. */
static void stop_watching(struct campaign *campaign)
{
    struct signals_before ours;
    hold_signals(&ours);
    for (size_t i = 0; i < SIGNALS; i++)
        uv_close((uv_handle_t *)&campaign->signals[i], NULL);
    uv_close((uv_handle_t *)&campaign->tick, NULL);
    uv_close((uv_handle_t *)&campaign->pace, NULL);
}

/* What came while they were held interrupted us too, though nothing was left to stop. */
static void give_signals_back(struct campaign *campaign)
{
    const struct timespec now = {0};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < SIGNALS; i++) {
        sigaction(watched_signals[i], &campaign->before.actions[i], NULL);
        if (campaign->before.actions[i].sa_handler != SIG_IGN)
            sigaddset(&set, watched_signals[i]);
    }
    for (int number; (number = sigtimedwait(&set, NULL, &now)) > 0;) {
        campaign->result.interrupted = true;
        campaign->result.interrupt_signal = number;
    }
    pthread_sigmask(SIG_SETMASK, &campaign->before.mask, NULL);
}

/* The runs, from the first to the last; the loop returns to us when none is left. */
static void run_all(struct campaign *campaign)
{
    start_more(campaign);
    while (campaign->running_count > 0 || campaign->pacing || ld_sequence_is_busy(campaign->sequence))
        uv_run(&campaign->control.loop, UV_RUN_ONCE);
}

static void on_scored(void *context)
{
    start_more(context);
}

/* ---- programs that are built here */

static void on_compiler_line(void *context, const char *line)
{
    talk(context, line);
}

static int build_cell(struct campaign *campaign, size_t index, struct ld_error *error)
{
    const struct ld_scenario *scenario = campaign->setting->plan->cells[index].scenario;
    const struct ld_instrument_spec *spec = scenario->target.instrument;
    char text[256];
    struct ld_build build = {.loop = &campaign->control.loop,
                             .guard = &campaign->control.guard,
                             .folder = ld_arena_printf(campaign->arena, "%s/build-%zu", campaign->control.work_folder,
                                                       index),
                             .cancelled = &campaign->stopping,
                             .talk = on_compiler_line,
                             .context = campaign,
                             .arena = campaign->arena};
    if (!build.folder)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    snprintf(text, sizeof text, "building the program of %s: %s%s%s", scenario->name, spec->module,
             spec->module[0] ? " " : "", spec->package);
    talk(campaign, text);
    int code = ld_build_program(&build, spec, &campaign->built[index], error);
    if (code)
        snprintf(error->file, sizeof error->file, "%s", scenario->file);
    return code;
}

/* Each scenario's once, before anything starts. */
static int build_programs(struct campaign *campaign, struct ld_error *error)
{
    const struct ld_plan *plan = campaign->setting->plan;
    campaign->built = ld_arena_array(campaign->arena, plan->cell_count, sizeof *campaign->built);
    int code = campaign->built ? 0 : ld_fail(error, LD_ENOMEM, "out of memory");
    for (size_t i = 0; i < plan->cell_count && !code; i++) {
        size_t first = 0;
        if (plan->cells[i].scenario->target.kind != LD_TARGET_INSTRUMENT)
            continue;
        while (plan->cells[first].scenario != plan->cells[i].scenario)
            first++;
        if (first < i)
            campaign->built[i] = campaign->built[first];
        else
            code = build_cell(campaign, i, error);
    }
    return code;
}

/* ---- static tools */

static int find_source(void *context, const struct ld_scenario *scenario, struct ld_static_target *ret_target,
                       struct ld_error *error)
{
    const struct campaign *campaign = context;
    const struct ld_target_spec *target = &scenario->target;
    if (target->kind == LD_TARGET_INSTRUMENT) {
        *ret_target = (struct ld_static_target){.module = target->instrument->package, .package = ".", .cgo = true,
                                                 .environment = &target->instrument->environment};
        return 0;
    }
    struct ld_program_source source;
    int code = ld_installed_source(campaign->setting->installed, target->fixture, &source, error);
    if (!code)
        *ret_target = (struct ld_static_target){
            .module = source.module, .package = source.package, .case_name = source.case_name, .cgo = source.cgo};
    return code;
}

/* Each on each variant once, before anything starts: what they find is told to every run. */
static int run_static_tools(struct campaign *campaign, struct ld_error *error)
{
    const struct ld_statics_setting setting = {.loop = &campaign->control.loop,
                                               .guard = &campaign->control.guard,
                                               .work_folder = campaign->control.work_folder,
                                               .cancelled = &campaign->stopping,
                                               .arena = campaign->arena,
                                               .find = find_source,
                                               .talk = on_compiler_line,
                                               .context = campaign};
    struct ld_statics *statics = NULL;
    int code = ld_statics_run(&statics, campaign->setting->plan, &setting, error);
    campaign->control.statics = statics;
    return code;
}

/* ---- score, judge and store: on a thread, so that the loop goes on hearing signals and the guard's end */

struct judging {
    uv_work_t work;
    struct campaign *campaign;
    int interrupt_signal;
    bool done;
    int code;
    struct ld_error error;
};

static void judge(uv_work_t *work)
{
    struct judging *judging = work->data;
    struct ld_store *store = judging->campaign->store;
    struct ld_judged judged = {0};
    int code = ld_judge_store(&judged, store, judging->campaign->setting->plan, &judging->error);
    if (!code)
        code = ld_store_score(store, &judged.score, &judged.verdicts, &judging->error);
    if (!code)
        code = ld_store_campaign_end(store, ld_wall_now(), ld_verdict_name(judged.verdicts.verdict),
                                     judging->interrupt_signal, &judging->error);
    ld_judged_done(&judged);
    judging->code = code;
}

static void on_judged(uv_work_t *work, int status)
{
    struct judging *judging = work->data;
    (void)status; /* it is never cancelled */
    judging->done = true;
}

static int judge_all(struct campaign *campaign, struct ld_error *error)
{
    struct judging judging = {.campaign = campaign, .interrupt_signal = campaign->result.interrupt_signal};
    judging.work.data = &judging;
    uv_queue_work(&campaign->control.loop, &judging.work, judge, on_judged);
    while (!judging.done)
        uv_run(&campaign->control.loop, UV_RUN_ONCE);
    if (judging.code)
        *error = judging.error;
    return judging.code;
}

/* What came first is why. */
static void keep_failure(struct campaign *campaign, int code, const struct ld_error *error)
{
    if (code && !campaign->code) {
        campaign->code = code;
        campaign->error = *error;
    }
}

/* All runs had the text that it began with. */
static void tell_edited(void *context, const char *path)
{
    char text[LD_DETECTOR_PATH_MAX + 160];
    snprintf(text, sizeof text, "%s was edited meanwhile: every run was judged by it as it was when the campaign began",
             path);
    talk(context, text);
}

static int run_stored(struct campaign *campaign, struct ld_error *error)
{
    int code = ld_store_create(&campaign->store, campaign->setting->database, error);
    if (code)
        return code;
    code = write_campaign(campaign, error);
    if (!code)
        code = campaign->setting->all_runs
                   ? 0
                   : ld_sequence_new(&campaign->sequence, &campaign->control.loop, campaign->setting->plan,
                                     campaign->setting->database, on_scored, campaign, error);
    if (!code)
        code = ld_writer_start(&campaign->control.writer, campaign->store, NULL, error);
    if (code) {
        ld_sequence_free(campaign->sequence);
        ld_store_close(campaign->store, NULL);
        return code;
    }
    run_all(campaign);
    ld_rules_tell_changed(campaign->setting->plan, campaign->setting->data_folder, tell_edited, campaign);
    ld_sequence_free(campaign->sequence);
    campaign->sequence = NULL;
    keep_failure(campaign, ld_writer_stop(campaign->control.writer, error), error);
    campaign->control.writer = NULL;
    if (!campaign->code)
        keep_failure(campaign, judge_all(campaign, error), error);
    keep_failure(campaign, ld_store_close(campaign->store, error), error);
    *error = campaign->error;
    return campaign->code;
}

static int run_guarded(struct campaign *campaign, struct ld_error *error)
{
    watch(campaign);
    int code = build_programs(campaign, error);
    if (!code)
        code = find_own_modules(campaign, error);
    if (!code)
        code = run_static_tools(campaign, error);
    if (!code)
        code = ld_watched_programs_new(&campaign->programs, campaign->setting->plan, error);
    campaign->control.programs = campaign->programs;
    if (!code)
        code = run_stored(campaign, error);
    campaign->control.programs = NULL;
    ld_watched_programs_free(campaign->programs);
    stop_watching(campaign);
    return code;
}

static int run_held(struct campaign *campaign, struct ld_error *error)
{
    int code = ld_control_guard(&campaign->control, error);
    if (code)
        return code;
    if (!campaign->control.guard.isolated)
        talk(campaign, "no PID namespace here: a daemon could survive a SIGKILL of leakdrill and its guard at once");
    code = ld_control_start(&campaign->control, error);
    campaign->start_ns = (int64_t)uv_hrtime();
    if (!code)
        code = run_guarded(campaign, error);
    int64_t left = ld_control_stop(&campaign->control);
    if (left > 0)
        campaign->result.left += left;
    else if (left < 0 && !code)
        code = ld_fail(error, LD_ESYSTEM, GUARD_KILLED);
    return code;
}

int ld_campaign_run(struct ld_campaign_result *ret_result, const struct ld_campaign_setting *setting,
                    struct ld_error *error)
{
    struct campaign *campaign = calloc(1, sizeof *campaign);
    if (!campaign || !(campaign->running = calloc(places_of(setting), sizeof *campaign->running))) {
        free(campaign);
        return ld_fail(error, LD_ENOMEM, "out of memory");
    }
    campaign->arena = ld_arena_new(BUILD_MEMORY);
    campaign->gone = calloc(setting->plan->run_count + 1, sizeof *campaign->gone);
    if (!campaign->arena || !campaign->gone) {
        ld_arena_free(campaign->arena);
        free(campaign->gone);
        free(campaign->running);
        free(campaign);
        return ld_fail(error, LD_ENOMEM, "out of memory");
    }
    campaign->setting = setting;
    campaign->control.data_folder = setting->data_folder;
    campaign->control.blind = setting->blind;
    hold_signals(&campaign->before);
    int code = run_held(campaign, error);
    give_signals_back(campaign);
    *ret_result = campaign->result;
    ld_arena_free(campaign->arena);
    free(campaign->gone);
    free(campaign->running);
    free(campaign);
    return code;
}

unsigned ld_campaign_default_jobs(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 ? (unsigned)cores * 4 : 4;
}
