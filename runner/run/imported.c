#include "runner/run/imported.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"
#include "runner/run/campaign.h"
#include "runner/run/judge.h"
#include "runner/run/panel.h"
#include "runner/run/rules.h"

#define MEMORY ((size_t)256 << 20)
#define OPTIONS_MAX ((size_t)64 << 10)
#define FACTS_MAX (LD_IMPORT_INSTANCES_MAX + 16 + LD_RULES_FILES_MAX)
#define PID_UNKNOWN 0

struct storing {
    const struct ld_imported_setting *setting;
    const struct ld_run_plan *run;
    const struct ld_cell *cell;
    const struct ld_scenario *scenario;
    struct ld_import_summary summary;
    struct ld_store *store;
    struct ld_panel *panel;
    struct ld_arena *arena;
    struct ld_error *error;
    struct ld_imported_result result;
    uint64_t sequence;
    int64_t last_ns; /* of what was delivered */
    /* declared truth: due in the life that each instance leads */
    int64_t declared_ns; /* -1: nothing leaks */
    bool alive[LD_IMPORT_INSTANCES_MAX], declared[LD_IMPORT_INSTANCES_MAX];
    uint32_t lives[LD_IMPORT_INSTANCES_MAX];
    size_t truth_count, truth_room;
    struct ld_truth_event *truth;
    bool hosted_gone;
    int code; /* of a callback */
};

static void keep(struct storing *storing, int code)
{
    storing->code = storing->code ? storing->code : code;
}

/* ---- what the detectors say */

static void on_alert(void *context, const char *detector, const struct ld_alert *alert)
{
    struct storing *storing = context;
    struct ld_alert received = *alert;
    const struct ld_detector_kind *kind = ld_detector_find(detector);
    received.receipt_ns = alert->evidence_time_ns;
    keep(storing, ld_store_alert(storing->store, storing->run->index, detector, &received, storing->error));
    if (storing->setting->alert && !(kind && kind->calibration))
        storing->setting->alert(storing->setting->context, detector, alert);
}

static void on_broken(void *context, const char *detector, const char *reason)
{
    struct storing *storing = context;
    keep(storing, ld_store_detector_failed(storing->store, storing->run->index, detector, reason, storing->error));
}

static void on_out_of_range(void *context, const char *detector, const char *reason)
{
    struct storing *storing = context;
    keep(storing,
         ld_store_detector_out_of_range(storing->store, storing->run->index, detector, reason, storing->error));
}

static void on_note(void *context, const char *detector, const char *text)
{
    struct storing *storing = context;
    char kind[160];
    snprintf(kind, sizeof kind, "detector %s", detector);
    keep(storing, ld_store_note(storing->store, storing->run->index, storing->last_ns, kind, text, storing->error));
}

static void on_ended(void *context)
{
    ((struct storing *)context)->hosted_gone = true;
}

static const struct ld_panel_events panel_events = {
    .alert = on_alert, .broken = on_broken, .out_of_range = on_out_of_range, .note = on_note, .ended = on_ended};

/* ---- truth, as the scenario declares it */

static void add_truth(struct storing *storing, const struct ld_truth_event *event)
{
    if (storing->truth_count == storing->truth_room) {
        size_t room = storing->truth_room ? storing->truth_room * 2 : 64;
        struct ld_truth_event *grown = ld_arena_array(storing->arena, room, sizeof *grown);
        if (!grown) {
            keep(storing, ld_fail(storing->error, LD_ENOMEM, "%s", ld_code_text(LD_ENOMEM)));
            return;
        }
        if (storing->truth_count)
            memcpy(grown, storing->truth, storing->truth_count * sizeof *grown);
        storing->truth = grown;
        storing->truth_room = room;
    }
    struct ld_truth_event *kept = &storing->truth[storing->truth_count++];
    *kept = *event;
    kept->after_sequence = storing->sequence;
    keep(storing, ld_store_truth_event(storing->store, storing->run->index, kept, storing->error));
    ld_panel_truth(storing->panel, kept);
}

static struct ld_truth_event truth_event(uint32_t instance, uint32_t incarnation, int64_t time_ns,
                                         enum ld_truth_kind kind)
{
    return (struct ld_truth_event){.time_ns = time_ns,
                                   .instance = instance,
                                   .incarnation = incarnation,
                                   .kind = kind,
                                   .interval = "",
                                   .culprit = "",
                                   .text = ""};
}

static void declare(struct storing *storing, uint32_t instance, int64_t time_ns)
{
    const struct ld_declared_truth *declared = storing->scenario->target.declared;
    struct ld_truth_event event = truth_event(instance, storing->lives[instance], time_ns, LD_TRUTH_LEAK);
    event.interval = "declared";
    event.cause = declared->cause;
    event.unit = LD_UNIT_GOROUTINES;
    event.amount = declared->amount;
    event.goroutines_per_unit = 1;
    for (size_t i = 0; i < declared->seen_at.count && i < LD_TRUTH_SITES_MAX; i++)
        event.seen_at[event.seen_at_count++] = ((const char **)declared->seen_at.items)[i];
    storing->declared[instance] = true;
    add_truth(storing, &event);
}

/* Before an observation of that time: every life that leaks by then. */
static void declare_due(struct storing *storing, int64_t time_ns)
{
    for (uint32_t i = 0; i < storing->summary.instances && storing->declared_ns >= 0; i++)
        if (storing->alive[i] && !storing->declared[i] && storing->declared_ns <= time_ns)
            declare(storing, i, storing->declared_ns > storing->last_ns ? storing->declared_ns : storing->last_ns);
}

/* ---- observations */

static int store_life(struct storing *storing, const struct ld_observation *o)
{
    uint32_t run = storing->run->index;
    if (o->life == LD_LIFE_STARTED) {
        storing->alive[o->instance] = true;
        storing->declared[o->instance] = false;
        storing->lives[o->instance] = o->incarnation;
        return ld_store_incarnation(storing->store, run, o->instance, o->incarnation, PID_UNKNOWN, o->time_ns,
                                    storing->error);
    }
    if (o->life != LD_LIFE_ENDED)
        return 0;
    storing->alive[o->instance] = false;
    struct ld_truth_event ended = truth_event(o->instance, o->incarnation, o->time_ns, LD_TRUTH_ENDED);
    add_truth(storing, &ended);
    return ld_store_incarnation_end(storing->store, run, o->instance, o->incarnation, o->time_ns, o->exit_status,
                                    o->expected, storing->error);
}

static int on_observation(void *context, const struct ld_observation *observation)
{
    struct storing *storing = context;
    if (storing->setting->interrupted && storing->setting->interrupted())
        return ld_fail(storing->error, LD_ECANCELLED, "interrupted; nothing was imported");
    declare_due(storing, observation->time_ns);
    int code = ld_store_observation(storing->store, storing->run->index, observation, storing->error);
    storing->sequence = observation->sequence;
    storing->last_ns = observation->time_ns;
    if (!code && observation->kind == LD_OBSERVATION_LIFE)
        code = store_life(storing, observation);
    if (!code) {
        storing->result.observations++;
        ld_panel_observe(storing->panel, observation);
        ld_panel_settle(storing->panel);
    }
    return code ? code : storing->code;
}

/* ---- the campaign's rows */

static int store_campaign(struct storing *storing)
{
    struct ld_fact facts[FACTS_MAX];
    char id[32], period[32], names[LD_IMPORT_INSTANCES_MAX][32];
    struct utsname system = {0};
    size_t count = 0, rules;
    const struct ld_plan *plan = storing->setting->plan;
    int64_t now_ns = ld_wall_now();
    uname(&system);
    uint64_t number = ld_derive((uint64_t)now_ns, system.nodename, (uint64_t)getpid());
    snprintf(id, sizeof id, "%llx", (unsigned long long)number);
    ld_format_duration(storing->summary.period_ns, period, sizeof period);
    facts[count++] = (struct ld_fact){"leakdrill.version", LEAKDRILL_VERSION};
    facts[count++] = (struct ld_fact){LD_FACT_RUNS, "0"};
    facts[count++] = (struct ld_fact){LD_FACT_FULL, "0"};
    facts[count++] = (struct ld_fact){LD_FACT_IMPORT_SOURCE, storing->setting->source};
    facts[count++] = (struct ld_fact){LD_FACT_IMPORT_PERIOD, period};
    for (uint32_t i = 0; i < storing->summary.instances; i++) {
        snprintf(names[i], sizeof names[i], LD_FACT_IMPORT_INSTANCE ".%u", i);
        facts[count++] = (struct ld_fact){names[i], storing->summary.instance_names[i]};
    }
    int code = ld_rules_facts(facts + count, &rules, plan, storing->arena);
    if (code)
        return ld_fail(storing->error, code, "%s", ld_code_text(code));
    count += rules;
    code = ld_store_campaign(storing->store, id, plan->seed, now_ns, facts, count, storing->error);
    if (!code)
        code = ld_store_plan(storing->store, plan, storing->error);
    return code ? code : ld_store_commit(storing->store, true, storing->error);
}

static int store_detectors(struct storing *storing)
{
    const struct ld_panel_member *members;
    size_t count = ld_panel_members(storing->panel, &members);
    struct ld_buffer options;
    int code = 0;
    ld_buffer_init(&options, OPTIONS_MAX);
    for (size_t i = 0; i < count && !code; i++) {
        ld_buffer_clear(&options);
        code = ld_schema_values(members[i].kind->options, members[i].options, &options);
        if (!code)
            code = ld_store_detector(storing->store, storing->run->index, members[i].name, members[i].kind->name,
                                     members[i].kind->calibration, ld_buffer_text(&options), storing->error);
        else
            ld_fail(storing->error, code, "%s", ld_code_text(code));
    }
    ld_buffer_done(&options);
    return code;
}

/* Follow-up ends a period after the last read, when the next would have been, a day after it at most. */
static int store_end(struct storing *storing)
{
    struct ld_truth truth;
    int64_t period_ns = storing->summary.period_ns > 0 ? storing->summary.period_ns : LD_SECOND;
    int64_t end_ns = storing->last_ns + (period_ns < LD_DAY ? period_ns : LD_DAY);
    int code = ld_truth_fold(&truth, storing->truth, storing->truth_count, storing->scenario->manifest, end_ns,
                             storing->error);
    if (code)
        return code;
    code = ld_store_truth(storing->store, storing->run->index, &truth, storing->error);
    ld_truth_done(&truth);
    const struct ld_run_end end = {.validity = LD_VALID,
                                   .reason = "",
                                   .method_from_ns = 0,
                                   .observed_from_ns = 0,
                                   .observed_to_ns = end_ns,
                                   .ended_ns = end_ns};
    return code ? code : ld_store_run_end(storing->store, storing->run->index, &end, storing->error);
}

static int judge(struct storing *storing)
{
    struct ld_judged judged = {0};
    int code = ld_judge_store(&judged, storing->store, storing->setting->plan, storing->error);
    if (!code)
        code = ld_store_score(storing->store, &judged.score, &judged.verdicts, storing->error);
    if (!code)
        code = ld_store_campaign_end(storing->store, ld_wall_now(), ld_verdict_name(judged.verdicts.verdict), 0,
                                     storing->error);
    storing->result.verdict = judged.verdicts.verdict;
    ld_judged_done(&judged);
    return code;
}

/* ---- the run */

static int open_panel(struct storing *storing)
{
    struct ld_host *host = storing->setting->host;
    struct ld_panel_host panel_host = {0};
    if (host)
        panel_host = (struct ld_panel_host){
            .loop = &host->loop, .guard = &host->guard, .work_folder = host->work_folder};
    return ld_panel_open(&storing->panel, storing->cell, storing->run, storing->setting->data_folder, NULL,
                         host ? &panel_host : NULL, NULL, &panel_events, storing, storing->error);
}

static int store_run(struct storing *storing)
{
    const struct ld_import_sink sink = {on_observation, storing};
    int code = ld_store_run_begin(storing->store, storing->run->index, storing->summary.from_ns, storing->error);
    if (!code)
        code = ld_store_phase(storing->store, storing->run->index, "imported", 0, storing->error);
    if (!code)
        code = store_detectors(storing);
    if (code)
        return code;
    ld_panel_start(storing->panel);
    code = ld_import_deliver(storing->setting->import, &sink, storing->error);
    if (!code)
        ld_panel_finish(storing->panel);
    return code;
}

static int store_all(struct storing *storing)
{
    int code = store_campaign(storing);
    if (!code)
        code = open_panel(storing);
    if (!code)
        code = store_run(storing);
    bool wait = storing->panel && ld_panel_end(storing->panel, code != 0);
    while (wait && !storing->hosted_gone)
        uv_run(&storing->setting->host->loop, UV_RUN_ONCE);
    ld_panel_free(storing->panel);
    code = code ? code : storing->code;
    if (!code)
        code = store_end(storing);
    return code ? code : judge(storing);
}

/* What SQLite keeps beside a file goes with it. */
static void remove_database(const char *path)
{
    static const char *const ends[] = {"", "-journal", "-wal", "-shm"};
    char name[640];
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (snprintf(name, sizeof name, "%s%s", path, ends[i]) < (int)sizeof name)
            unlink(name);
}

/* What an import into this database left that was killed: "runs.db.part-123" of a process that is gone. */
static void remove_left(const char *database)
{
    char folder[600], path[900];
    const char *slash = strrchr(database, '/'), *name = slash ? slash + 1 : database;
    size_t length = strlen(name);
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - database + 1) : 2, slash ? database : "./");
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        static const char part[] = ".part-";
        char *end;
        if (strncmp(entry->d_name, name, length) != 0 || strncmp(entry->d_name + length, part, sizeof part - 1) != 0)
            continue;
        long pid = strtol(entry->d_name + length + sizeof part - 1, &end, 10);
        snprintf(path, sizeof path, "%s%s", folder, entry->d_name);
        if (pid > 0 && !*end && kill((pid_t)pid, 0) != 0 && errno == ESRCH && !ld_store_in_use(path))
            remove_database(path);
    }
    if (entries)
        closedir(entries);
}

/* Written beside its place: whatever happens, there is no half of an import under the name that was asked for. */
static int store_beside(struct storing *storing, const char *beside)
{
    const char *database = storing->setting->database;
    remove_left(database);
    int code = ld_store_create(&storing->store, beside, storing->error);
    if (code) {
        remove_database(beside);
        return code;
    }
    code = store_all(storing);
    struct ld_error closing;
    int closed = ld_store_close(storing->store, &closing);
    if (closed && !code) {
        code = closed;
        *storing->error = closing;
    }
    if (!code && access(database, F_OK) == 0)
        code = ld_fail(storing->error, LD_EUSAGE, "%s exists; an import needs a new database", database);
    if (!code && rename(beside, database) != 0)
        code = ld_fail_errno(storing->error, LD_EIO, errno, "cannot rename %s to %s", beside, database);
    if (code)
        remove_database(beside);
    return code;
}

static int64_t declared_from(const struct ld_scenario *scenario)
{
    const struct ld_declared_truth *declared = scenario->target.declared;
    bool leaks = scenario->target.truth == LD_TRUTH_DECLARED && declared && !declared->healthy;
    return leaks ? ld_scenario_scaled_ns(scenario, declared->from_ns) : -1;
}

int ld_imported_store(struct ld_imported_result *ret_result, const struct ld_imported_setting *setting,
                      struct ld_error *error)
{
    char beside[600];
    struct storing storing = {.setting = setting,
                              .run = &setting->plan->runs[0],
                              .cell = &setting->plan->cells[setting->plan->runs[0].cell],
                              .error = error,
                              .arena = ld_arena_new(MEMORY)};
    if (!storing.arena)
        return ld_fail(error, LD_ENOMEM, "%s", ld_code_text(LD_ENOMEM));
    storing.scenario = storing.cell->scenario;
    storing.declared_ns = declared_from(storing.scenario);
    ld_import_summarise(setting->import, &storing.summary);
    snprintf(beside, sizeof beside, "%s.part-%d", setting->database, (int)getpid());
    int code = store_beside(&storing, beside);
    if (!code)
        *ret_result = storing.result;
    ld_arena_free(storing.arena);
    return code;
}
