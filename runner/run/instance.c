/* The instances of a run and its upstream: how they are started, and what becomes of all they say. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/random.h"
#include "runner/process/identity.h"
#include "runner/run/campaign.h"
#include "runner/run/own.h"
#include "runner/run/run_internal.h"
#include "scenario/endpoints.h"

#define LINE_TEXT_MAX 1024 /* bytes of a line of stderr that detectors see */
#define EVIDENCE_LINES_MAX 200
#define EVIDENCE_LINE_MAX 1024

/* ---- observations */

static void keep_dump(struct ld_instance *instance, const struct ld_observation *observation)
{
    if (observation->kind != LD_OBSERVATION_PROFILE || observation->encoding != LD_ENCODING_STACKS)
        return;
    enum ld_dump dump;
    if (observation->purpose == LD_PURPOSE_BEFORE)
        dump = LD_DUMP_BASELINE;
    else if (observation->purpose == LD_PURPOSE_AFTER)
        dump = instance->forced_gc ? LD_DUMP_AFTER_GC : LD_DUMP_SETTLED;
    else
        return;
    if (instance->have_dump[dump])
        ld_profile_done(&instance->dumps[dump]);
    instance->have_dump[dump] = ld_profile_parse(&instance->dumps[dump], observation->profile_kind, observation->body,
                                                 observation->body_length, NULL, NULL) == 0;
}

/* What the observation looked at, by the clocks of the reads; LD_GAP_CLOCKS when at nothing of the target. */
static enum ld_gap_clock clock_of(enum ld_metric_source source)
{
    return source == LD_SOURCE_METRICS ? LD_GAP_METRICS : source == LD_SOURCE_PROC ? LD_GAP_PROC : LD_GAP_CLOCKS;
}

static bool clock_runs(const struct ld_instance *instance, enum ld_gap_clock clock)
{
    const struct ld_sampler_setting *setting = &instance->sampler.setting;
    switch (clock) {
    case LD_GAP_METRICS:
        return setting->metrics_path[0] != '\0';
    case LD_GAP_PROC:
        return instance->service.pid > 0;
    default:
        return setting->goroutines;
    }
}

/* A reader that held the door for more than a period of it is why nothing else was read. */
static void name_holder(struct ld_instance *instance, int64_t since_ns)
{
    struct ld_run *run = instance->run;
    const struct ld_reader *reader = ld_door_held_by(&instance->door, (int64_t)uv_hrtime() - since_ns);
    size_t used = strlen(run->worst_gap);
    if (reader && reader->slow_ns > run->period_ns)
        snprintf(run->worst_gap + used, sizeof run->worst_gap - used, "; the reader \"%s\" held the door for %.0f ms",
                 reader->name, (double)reader->slow_ns / 1e6);
}

/* The time since the last good read, in periods allowed: over 1 is a gap. Goroutine profiles are skipped while the
 * count stands still, so that theirs come seldom. */
static void close_gap(struct ld_instance *instance, enum ld_gap_clock clock, int64_t now_ns)
{
    static const char *const names[] = {"metrics", "/proc", "goroutine profiles"};
    struct ld_run *run = instance->run;
    int64_t periods = clock == LD_GAP_PROFILES ? run->scenario->sampling.idle_periods + 2 : 2;
    int64_t since = now_ns - instance->last_good_ns[clock];
    if (since > periods * run->period_ns)
        since -= ld_run_sampling_within(run, instance->last_good_ns[clock], now_ns); /* missing there is meant */
    bool gap = clock_runs(instance, clock) && !instance->strained && since > periods * run->period_ns;
    if (gap && since > run->worst_gap_ns) {
        run->worst_gap_ns = since;
        snprintf(run->worst_gap, sizeof run->worst_gap, "%.0f ms without %s of %s, over %lld periods of %.0f ms",
                 (double)since / 1e6, names[clock], instance->name, (long long)periods, (double)run->period_ns / 1e6);
        name_holder(instance, now_ns - instance->last_good_ns[clock]);
    }
    instance->last_good_ns[clock] = now_ns;
}

static bool gaps_count(const struct ld_run *run)
{
    return run->phase >= LD_PHASE_BASELINE && run->phase <= LD_PHASE_SETTLE;
}

void ld_instance_close_gaps(struct ld_instance *instance, bool count)
{
    int64_t now_ns = ld_run_now(instance->run);
    for (int clock = 0; clock < LD_GAP_CLOCKS; clock++)
        if (count)
            close_gap(instance, (enum ld_gap_clock)clock, now_ns);
        else
            instance->last_good_ns[clock] = now_ns;
}

static void watch_baseline(struct ld_instance *instance, double count)
{
    if (instance->least_count < 0 || count < instance->least_count)
        instance->least_count = count;
    if (count > instance->most_count)
        instance->most_count = count;
}

static void watch_samples(struct ld_instance *instance, const struct ld_observation *observation)
{
    struct ld_run *run = instance->run;
    bool looked[LD_GAP_CLOCKS] = {false};
    /* What a life begins with: the look before the method, and of a later life its first sample. */
    bool first_look = observation->kind == LD_OBSERVATION_METRICS &&
                      (observation->purpose == LD_PURPOSE_BEFORE || instance->before_life != observation->incarnation);
    if (first_look)
        instance->before_life = observation->incarnation;
    if (observation->kind == LD_OBSERVATION_PROFILE)
        looked[LD_GAP_PROFILES] = observation->profile_kind == LD_PROFILE_GOROUTINE;
    for (size_t i = 0; observation->kind == LD_OBSERVATION_METRICS && i < observation->point_count; i++) {
        const struct ld_point *point = &observation->points[i];
        enum ld_gap_clock clock = clock_of(ld_metric_table[point->metric].source);
        if (clock < LD_GAP_CLOCKS)
            looked[clock] = true;
        if (point->metric == LD_METRIC_GOROUTINES && run->phase == LD_PHASE_BASELINE)
            watch_baseline(instance, point->value);
        if (first_look)
            instance->before[point->metric] = point->value;
        if (observation->purpose == LD_PURPOSE_AFTER)
            instance->after[point->metric] = point->value;
    }
    for (int clock = 0; clock < LD_GAP_CLOCKS; clock++) {
        /* /proc is read first: a target that then keeps its metrics back was looked at when the read began. */
        int64_t looked_ns = observation->time_ns - (clock == LD_GAP_PROC ? observation->read_ns : 0);
        if (looked[clock] && gaps_count(run))
            close_gap(instance, (enum ld_gap_clock)clock, looked_ns);
        else if (looked[clock])
            instance->last_good_ns[clock] = looked_ns;
    }
}

static void number(struct ld_instance *instance, struct ld_observation *observation)
{
    observation->sequence = ++instance->run->sequence;
    observation->instance = instance->index;
    observation->incarnation = instance->service.incarnation ? instance->service.incarnation : 1;
    instance->run->summary.observations++;
}

/* What the target says when it is told to stop: the follow-up is over, and a replay knows it by that. */
static void deliver_farewell(struct ld_instance *instance, struct ld_observation *observation)
{
    struct ld_run *run = instance->run;
    bool heard = observation->kind == LD_OBSERVATION_LINE || observation->kind == LD_OBSERVATION_LIFE;
    if (run->phase != LD_PHASE_STOP || run->summary.validity != LD_VALID || !heard || run->observed_to_ns < 0 ||
        observation->time_ns <= run->observed_to_ns || !ld_panel_awaits_farewell(run->panel))
        return;
    number(instance, observation);
    ld_run_written(run, ld_writer_observation(run->control->writer, run->run_plan->index, observation));
    ld_panel_farewell(run->panel, observation);
}

/* Number it, write it, show it to every detector. */
static void deliver(struct ld_instance *instance, struct ld_observation *observation)
{
    struct ld_run *run = instance->run;
    if (run->phase >= LD_PHASE_STOP) {
        deliver_farewell(instance, observation);
        return;
    }
    number(instance, observation);
    watch_samples(instance, observation);
    keep_dump(instance, observation);
    ld_run_written(run, ld_writer_observation(run->control->writer, run->run_plan->index, observation));
    if (run->phase < LD_PHASE_STOP)
        ld_panel_observe(run->panel, observation);
    if (run->phase < LD_PHASE_STOP)
        ld_conditions_observe(run->conditions.engine, observation); /* may end the run */
}

static void on_observed(void *context, struct ld_observation *observation)
{
    struct ld_instance *instance = context;
    observation->time_ns -= instance->run->start_ns;
    deliver(instance, observation);
}

static void observe_life(struct ld_instance *instance, enum ld_life life, int64_t status)
{
    struct ld_observation observation = {.time_ns = ld_run_now(instance->run),
                                         .kind = LD_OBSERVATION_LIFE,
                                         .life = life,
                                         .exit_status = status,
                                         .expected = life == LD_LIFE_ENDED && instance->death_expected,
                                         .text = ""};
    deliver(instance, &observation);
}

static size_t on_extra(void *context, struct ld_point *points, size_t room)
{
    struct ld_instance *instance = context;
    size_t count = 0;
    _Static_assert(LD_LOAD_POINTS + 5 <= LD_SAMPLER_EXTRA_POINTS, "load and gctrace fit");
    (void)room;
    if (instance->index == 0)
        count = ld_load_points(&instance->run->load, points);
    memcpy(points + count, instance->gc, instance->gc_count * sizeof *points);
    count += instance->gc_count;
    instance->gc_count = 0;
    return count;
}

/* ---- surveys */

static void on_surveyed(void *context, unsigned failures, const char *first_failure)
{
    struct ld_instance *instance = context;
    struct ld_run *run = instance->run;
    if (run->phase >= LD_PHASE_STOP)
        return;
    if (failures) {
        /* It may be dying under our eyes: of its leak, perhaps, which would be evidence. Its fate decides. */
        snprintf(instance->unreadable, sizeof instance->unreadable, "%s", first_failure);
        ld_run_await_fate(run);
        return;
    }
    if (run->phase == LD_PHASE_AFTER && !instance->forced_gc) {
        /* The second look: with the contract after a forced GC (the answer is truth's `gc`), else at once. */
        if (instance->service.spec.kind == LD_SERVICE_CONTRACT) {
            instance->gc_asked = true;
            if (ld_service_command(&instance->service, "{\"command\":\"gc\"}") != 0)
                ld_run_void(run, LD_INVALID_HARNESS, "%s does not take commands", instance->name);
            return;
        }
        instance->forced_gc = true;
        ld_sampler_survey(&instance->sampler, LD_PURPOSE_AFTER, true);
        return;
    }
    instance->surveyed = true;
    ld_run_proceed(run);
}

void ld_instances_survey(struct ld_run *run, enum ld_purpose purpose)
{
    for (uint32_t i = 0; i < run->instance_count; i++) {
        struct ld_instance *instance = &run->instances[i];
        instance->surveyed = !instance->up;
        if (instance->up)
            ld_sampler_survey(&instance->sampler, purpose, false);
    }
}

bool ld_instances_surveyed(const struct ld_run *run)
{
    /* A death that is still to be judged is waited for, too: else the run could end before anybody asks why. */
    for (uint32_t i = 0; i < run->instance_count; i++)
        if (!run->instances[i].surveyed || run->instances[i].died_by_itself)
            return false;
    return true;
}

static void on_sampler_closed(void *context)
{
    ld_run_handle_closed(((struct ld_instance *)context)->run);
}

static const struct ld_sampler_events sampler_events = {on_observed, on_extra, on_surveyed, on_sampler_closed};

/* ---- a target's life */

/* What `recover` looks for when we are gone: pid and start time. */
static void note_process(struct ld_run *run, const struct ld_service *service, int64_t pid)
{
    struct ld_identity identity;
    char text[64], line[192];
    if (!ld_identity_read(pid, &identity))
        return; /* attached, or dead already */
    snprintf(line, sizeof line, "%s %s", ld_identity_text(&identity, text, sizeof text), service->spec.name);
    ld_run_note(run, LD_NOTE_PROCESS, line);
}

static void on_started(struct ld_service *service, int64_t pid)
{
    struct ld_instance *instance = service->context;
    struct ld_run *run = instance->run;
    instance->death_expected = false;
    ld_run_written(run, ld_writer_incarnation(run->control->writer, run->run_plan->index, instance->index,
                                              service->incarnation, pid, ld_run_now(run)));
    note_process(run, service, pid);
    observe_life(instance, LD_LIFE_STARTED, 0);
    ld_run_fault_started(run, service);
}

/* A blind run whose command became another program than the one that was looked at before: its names would be told. */
static bool is_stranger(struct ld_run *run, const struct ld_service *service)
{
    char module[LD_OWN_MODULE_MAX];
    if (!run->blind || run->scenario->target.kind != LD_TARGET_COMMAND ||
        !ld_own_is_stranger(run->programs.own, service->pid, module))
        return false;
    ld_run_void(run, LD_INVALID_HARNESS,
                "--blind: it runs a program of the module %s, whose names are not hidden; add it to target.own",
                module);
    return true;
}

static void on_ready(struct ld_service *service)
{
    struct ld_instance *instance = service->context;
    struct ld_run *run = instance->run;
    if (run->phase >= LD_PHASE_STOP)
        return;
    instance->up = true;
    if (is_stranger(run, service))
        return;
    ld_instance_close_gaps(instance, false); /* from now on it can be looked at */
    ld_door_point(&instance->door, service->profiles);
    ld_sampler_point(&instance->sampler, service->pid);
    if (run->observed_from_ns < 0)
        run->observed_from_ns = ld_run_now(run);
    observe_life(instance, LD_LIFE_READY, 0);
    ld_run_fault_started(run, service); /* once more: what it did to its own limits while it started is undone */
    ld_run_proceed(run);
}

static void take_gctrace(struct ld_instance *instance, const struct ld_gctrace *trace)
{
    const struct ld_point points[] = {
        {LD_METRIC_GC_LIVE, (double)trace->heap_live},
        {LD_METRIC_GC_START, (double)trace->heap_start},
        {LD_METRIC_GC_GOAL, (double)trace->goal},
        {LD_METRIC_GC_PAUSE, (double)(trace->stw_sweep_ns + trace->stw_mark_ns) / 1e9},
        {LD_METRIC_GC_FORCED, trace->forced ? 1 : 0}};
    memcpy(instance->gc, points, sizeof points);
    instance->gc_count = sizeof points / sizeof *points;
}

static bool may_keep_line(struct ld_run *run)
{
    int64_t now = (int64_t)uv_now(&run->control->loop) * LD_MS;
    if (now - run->lines_since_ns >= 100 * LD_MS) {
        run->lines_since_ns = now;
        run->lines_at_once = 0;
    }
    if (run->lines >= LD_RUN_LINES_MAX || run->lines_at_once >= LD_RUN_LINES_AT_ONCE) {
        run->lines_left_out++;
        return false;
    }
    run->lines++;
    run->lines_at_once++;
    return true;
}

/* As text, cut to the room. */
static const char *fit(const char *line, size_t length, char *text, size_t room)
{
    length = length < room ? length : room - 1;
    memcpy(text, line, length);
    text[length] = '\0';
    return text;
}

static void on_line(struct ld_service *service, const char *line, size_t length)
{
    struct ld_instance *instance = service->context;
    struct ld_run *run = instance->run;
    struct ld_gctrace trace;
    char text[LINE_TEXT_MAX];
    if (ld_gctrace_parse(line, length, &trace))
        take_gctrace(instance, &trace);
    ld_run_fault_line(run, service, fit(line, length, text, sizeof text));
    if (!may_keep_line(run))
        return; /* a target that floods stderr: the service still keeps its last lines as evidence */
    struct ld_observation observation = {.time_ns = ld_run_now(run), .kind = LD_OBSERVATION_LINE, .text = text};
    deliver(instance, &observation);
}

static void on_truth(struct ld_service *service, const char *line, size_t length)
{
    ld_run_truth_line(service->context, line, length);
}

/* A target that dies by itself spoils the run, unless its leak may have killed it: then the run ends here and counts,
 * and a detector that had not spoken by then has missed (reports/definitions.md: a miss, not an exclusion). Judged when
 * all that it wrote was read: its last words come over other pipes than the news of its death. */
static void judge_death(struct ld_instance *instance)
{
    struct ld_run *run = instance->run;
    const struct ld_death_spec *declared = &run->scenario->target.death;
    int64_t status = instance->death_status;
    char how[48], text[160];
    snprintf(how, sizeof how, "%s %d", status < 0 ? "signal" : "exit code", (int)(status < 0 ? -status : status));
    instance->died_by_itself = false;
    if (!ld_run_truth_outstanding(instance, instance->death_ns)) {
        ld_run_void(run, LD_INVALID_HARNESS, "%s died by itself (%s)", instance->name, how);
    } else if (declared->given && status != declared->status) {
        ld_run_void(run, LD_INVALID_HARNESS, "%s died with %s, which is not the death that was declared",
                    instance->name, how);
    } else {
        snprintf(text, sizeof text, "%s died of its leak (%s)", instance->name, how);
        ld_run_note(run, "death", text);
        run->ended_early = true;
        ld_run_end_early(run);
    }
}

static void on_ended(struct ld_service *service, int64_t status)
{
    struct ld_instance *instance = service->context;
    struct ld_run *run = instance->run;
    bool was_up = instance->up;
    if (ld_run_fault_explains(run, service))
        instance->death_expected = true;
    bool expected = instance->death_expected;
    /* Mute because it is dying is part of how it dies. A kill is ours: until then it had to answer. */
    if (was_up && expected && gaps_count(run))
        ld_instance_close_gaps(instance, true);
    instance->up = false;
    instance->surveyed = true;
    ld_door_point(&instance->door, NULL);
    ld_sampler_point(&instance->sampler, -1);
    ld_run_written(run, ld_writer_incarnation_end(run->control->writer, run->run_plan->index, instance->index,
                                                  service->incarnation, ld_run_now(run), status, expected));
    if (run->phase < LD_PHASE_STOP) {
        observe_life(instance, LD_LIFE_ENDED, status);
        instance->died_by_itself = !expected && was_up;
        instance->death_status = status;
        instance->death_ns = ld_run_now(run);
        ld_run_truth_ended(instance, expected ? "kill" : "death");
        ld_run_fault_died(run, service, status);
        return;
    }
    observe_life(instance, LD_LIFE_ENDED, status);
    if (status > 0 || (status < 0 && !service->ignored_stop)) {
        char text[160];
        snprintf(text, sizeof text, "%s ended with %s %d when it was told to stop", instance->name,
                 status < 0 ? "signal" : "exit code", (int)(status < 0 ? -status : status));
        ld_run_note(run, "stop", text);
    }
}

static void on_failed(struct ld_service *service, const struct ld_error *error)
{
    struct ld_run *run = ((struct ld_instance *)service->context)->run;
    if (ld_run_fault_explains(run, service))
        return; /* a limit too low to start with: it dies of it again and again, as long as the fault acts */
    ld_run_void(run, LD_INVALID_HARNESS, "%s", error->message);
}

/* The last lines it wrote to stderr, a note each. */
static void note_evidence(struct ld_run *run, const struct ld_service *service)
{
    const char *text = ld_buffer_text(&service->evidence), *first = text + service->evidence.length;
    for (size_t lines = 0; first > text; first--)
        if (first[-1] == '\n' && lines++ == EVIDENCE_LINES_MAX)
            break;
    for (size_t length; *first; first += length + (first[length] == '\n')) {
        char line[EVIDENCE_LINE_MAX];
        length = strcspn(first, "\n");
        snprintf(line, sizeof line, "%.*s", (int)(length < sizeof line ? length : sizeof line - 1), first);
        ld_run_note(run, "stderr", line);
    }
}

/* What an incarnation left behind is the target's fault, but the run's evidence is spoilt by it all the same. */
static void judge_remains(struct ld_run *run, const struct ld_service *service, int64_t swept, int64_t left)
{
    run->summary.left += left;
    if (service->ignored_stop)
        ld_run_void(run, LD_INVALID_HARNESS, "%s ignored SIGTERM for %.1f s and was killed", service->spec.name,
                    (double)service->spec.stop_ns / 1e9);
    if (swept > 0)
        ld_run_void(run, LD_INVALID_HARNESS, "%s left %lld process%s behind, which %s killed", service->spec.name,
                    (long long)swept, swept == 1 ? "" : "es", swept == 1 ? "was" : "were");
    if (run->summary.validity == LD_INVALID_HARNESS)
        note_evidence(run, service);
}

static void on_gone(struct ld_service *service, int64_t swept, int64_t left)
{
    struct ld_instance *instance = service->context;
    struct ld_run *run = instance->run;
    if (instance->died_by_itself && run->phase < LD_PHASE_STOP)
        judge_death(instance);
    judge_remains(run, service, swept, left);
    ld_run_fault_gone(run, service);
    ld_run_proceed(run);
}

static void on_service_closed(struct ld_service *service)
{
    ld_run_handle_closed(((struct ld_instance *)service->context)->run);
}

static void on_strained(struct ld_service *service, enum ld_strain strain, enum ld_means means, int saved_errno)
{
    ld_run_fault_strained(((struct ld_instance *)service->context)->run, service, strain, means, saved_errno);
}

static const struct ld_service_events target_events = {on_started, on_ready,  on_line, on_truth,          on_ended,
                                                       on_failed,  on_gone,   on_service_closed, on_strained};

/* ---- the upstream's life */

static void on_upstream_started(struct ld_service *service, int64_t pid)
{
    struct ld_run *run = service->context;
    char text[64];
    snprintf(text, sizeof text, "incarnation %u, pid %lld", service->incarnation, (long long)pid);
    ld_run_note(run, "upstream", text);
    note_process(run, service, pid);
    ld_run_fault_started(run, service);
}

static void on_upstream_ready(struct ld_service *service)
{
    struct ld_run *run = service->context;
    if (run->phase >= LD_PHASE_STOP)
        return;
    run->upstream_up = true;
    run->upstream_death_expected = false;
    ld_lines_upstream(run, service->port);
    ld_run_proceed(run);
}

static void ignore_line(struct ld_service *service, const char *line, size_t length)
{
    (void)service;
    (void)line;
    (void)length;
}

static void on_upstream_truth(struct ld_service *service, const char *line, size_t length)
{
    struct ld_run *run = service->context;
    struct ld_truth_event event;
    struct ld_error error;
    int code = ld_truth_parse(&event, line, length, run->start_ns, run->arena, &error);
    if (code)
        ld_run_void(run, LD_INVALID_HARNESS, "%s: %s", service->spec.name, error.message);
    else if (event.kind == LD_TRUTH_READY && service->state == LD_SERVICE_STARTING)
        ld_service_set_ready(service);
    else if (event.kind == LD_TRUTH_ERROR)
        ld_run_void(run, LD_INVALID_HARNESS, "%s: %s", service->spec.name, event.text);
}

static void on_upstream_ended(struct ld_service *service, int64_t status)
{
    struct ld_run *run = service->context;
    run->upstream_up = false;
    if (run->phase >= LD_PHASE_STOP)
        return;
    ld_lines_upstream(run, 0);
    bool explained = ld_run_fault_explains(run, service);
    ld_run_fault_died(run, service, status);
    if (!run->upstream_death_expected && !explained)
        ld_run_void(run, LD_INVALID_HARNESS, "%s died by itself (%d)", service->spec.name, (int)status);
}

static void on_upstream_failed(struct ld_service *service, const struct ld_error *error)
{
    ld_run_void(service->context, LD_INVALID_HARNESS, "%s", error->message);
}

static void on_upstream_gone(struct ld_service *service, int64_t swept, int64_t left)
{
    struct ld_run *run = service->context;
    judge_remains(run, service, swept, left);
    ld_run_fault_gone(run, service);
    ld_run_proceed(run);
}

static void on_upstream_closed(struct ld_service *service)
{
    ld_run_handle_closed(service->context);
}

static void on_upstream_strained(struct ld_service *service, enum ld_strain strain, enum ld_means means,
                                 int saved_errno)
{
    ld_run_fault_strained(service->context, service, strain, means, saved_errno);
}

static const struct ld_service_events upstream_events = {on_upstream_started,    on_upstream_ready,  ignore_line,
                                                         on_upstream_truth, on_upstream_ended,  on_upstream_failed,
                                                         on_upstream_gone,  on_upstream_closed, on_upstream_strained};

/* ---- making them */

static struct ld_sampler_setting sampling_of(const struct ld_run *run)
{
    const struct ld_sampling_spec *sampling = &run->scenario->sampling;
    unsigned reads = run->cell->reads;
    struct ld_sampler_setting setting = {.reads = reads,
                                         .heap = sampling->profiles[LD_PROFILE_HEAP] || (reads & LD_READ_HEAP_PERIOD),
                                         .goroutines = sampling->profiles[LD_PROFILE_GOROUTINE] ||
                                                       (reads & LD_READ_GOROUTINE_PERIOD),
                                         .leaks = (reads & LD_READ_GOROUTINELEAK) != 0,
                                         .metrics_path = run->scenario->target.metrics_path,
                                         .period_ns = run->period_ns,
                                         .timeout_ns = sampling->timeout_ns,
                                         .idle_periods = sampling->idle_periods,
                                         .full_below = sampling->full_below};
    const struct ld_arm arm = ld_scenario_arm(run->scenario, run->cell->arm);
    (void)ld_scenario_endpoints(run->scenario, &arm, setting.endpoints, &setting.endpoint_count); /* lint: they fit */
    return setting;
}

/* Where a fault of its case fills a disk: a folder that becomes a file system of its own when it starts. */
static int make_disk(struct ld_instance *instance, struct ld_service_spec *spec)
{
    struct ld_run *run = instance->run;
    uint64_t bytes = ld_run_fault_disk_bytes(run), token = ld_derive(run->run_plan->seed, "disk", instance->index);
    if (!bytes)
        return 0;
    snprintf(instance->disk_folder, sizeof instance->disk_folder, "%s/%016llx-%u", run->control->work_folder,
             (unsigned long long)token, run->run_plan->index);
    if (mkdir(instance->disk_folder, 0700) != 0)
        return LD_ESYSTEM;
    size_t count = 0;
    while (spec->environment[count])
        count++;
    const char **environment = ld_arena_array(run->arena, count + 2, sizeof *environment);
    char *folder = environment ? ld_arena_printf(run->arena, "TMPDIR=%s", instance->disk_folder) : NULL;
    if (!folder)
        return LD_ENOMEM;
    memcpy(environment, spec->environment, count * sizeof *environment);
    environment[count] = folder;
    spec->environment = environment;
    spec->disk_folder = instance->disk_folder;
    spec->disk_bytes = bytes;
    if (spec->folder[0])
        spec->folder = instance->disk_folder;
    return 0;
}

/* Others read the instance at the gateway's address, the same one for all its incarnations; a note says where. */
static int open_gateway(struct ld_instance *instance)
{
    struct ld_run *run = instance->run;
    char url[LD_GATEWAY_URL_MAX];
    struct ld_gateway_route route = {.token = ld_gateway_token(run->run_plan->seed, run->run_plan->index),
                                     .instance = instance->index,
                                     .door = &instance->door,
                                     .metrics_path = run->scenario->target.metrics_path,
                                     .timeout_ns = run->scenario->sampling.timeout_ns,
                                     .blind = run->blind};
    int code = ld_gateway_add(run->control->gateway, &route);
    if (code)
        return code;
    ld_run_note(run, "gateway", ld_gateway_url(run->control->gateway, route.token, route.instance, url));
    return 0;
}

static int make_instance(struct ld_run *run, uint32_t index, const struct ld_service_spec *common)
{
    struct ld_service_spec spec = *common;
    struct ld_instance *instance = &run->instances[index];
    struct ld_sampler_setting sampling = sampling_of(run);
    instance->run = run;
    instance->index = index;
    instance->least_count = instance->most_count = -1;
    if (run->instance_count > 1)
        snprintf(instance->name, sizeof instance->name, "target %s[%u]", ld_run_target_label(run), index);
    else
        snprintf(instance->name, sizeof instance->name, "target %s", ld_run_target_label(run));
    spec.name = instance->name;
    spec.upstream = ld_line_address(run, index);
    if (spec.kind == LD_SERVICE_CONTRACT && !(spec.setting = ld_run_target_setting(run, index)))
        return LD_ENOMEM;
    uv_loop_t *loop = &run->control->loop;
    if (ld_door_init(&instance->door, run->control->fetcher, loop) != 0)
        return LD_ESYSTEM;
    run->open_handles++;
    if (open_gateway(instance) != 0)
        return LD_ENOMEM;
    int code = make_disk(instance, &spec);
    if (code)
        return code;
    if (ld_sampler_init(&instance->sampler, loop, &instance->door, &sampling, &sampler_events, instance) != 0)
        return LD_ESYSTEM;
    run->open_handles++;
    if (ld_service_init(&instance->service, loop, &run->control->guard, run->control->fetcher, &spec, index,
                        &target_events, instance) != 0)
        return LD_ESYSTEM;
    run->open_handles++;
    return 0;
}

int ld_instances_make(struct ld_run *run, struct ld_error *error)
{
    struct ld_service_spec spec;
    uint32_t count = (uint32_t)run->scenario->target.instances;
    int code = ld_run_describe_target(run, &spec, error);
    if (code)
        return code;
    run->instances = ld_arena_array(run->arena, count, sizeof *run->instances);
    if (!run->instances)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    for (run->instance_count = count, count = 0; count < run->instance_count; count++)
        if (make_instance(run, count, &spec) != 0)
            return ld_fail(error, LD_ESYSTEM, "cannot make an instance");
    return 0;
}

int ld_upstream_make(struct ld_run *run, struct ld_error *error)
{
    int code = ld_lines_make(run, error);
    if (code)
        return code;
    struct ld_service_spec spec;
    code = ld_run_describe_upstream(run, &spec, error);
    if (code)
        return code;
    if (ld_service_init(&run->upstream, &run->control->loop, &run->control->guard, run->control->fetcher, &spec, 0,
                        &upstream_events, run) != 0)
        return ld_fail(error, LD_ESYSTEM, "cannot make the upstream");
    run->has_upstream = true;
    run->open_handles++;
    return 0;
}

static void on_door_closed(void *context)
{
    ld_run_handle_closed(((struct ld_instance *)context)->run);
}

void ld_instances_close(struct ld_run *run)
{
    for (uint32_t i = 0; i < run->instance_count; i++) {
        struct ld_instance *instance = &run->instances[i];
        for (size_t dump = 0; dump < 3; dump++)
            if (instance->have_dump[dump])
                ld_profile_done(&instance->dumps[dump]);
        if (instance->sampler.magic)
            ld_sampler_close(&instance->sampler);
        if (instance->door.magic) {
            ld_gateway_remove(run->control->gateway, ld_gateway_token(run->run_plan->seed, run->run_plan->index), i);
            ld_door_close(&instance->door, on_door_closed, instance);
        }
        if (instance->service.magic)
            ld_service_close(&instance->service);
    }
    if (run->has_upstream)
        ld_service_close(&run->upstream);
    ld_lines_close(run);
}

/* Round robin over instances; a request for one that is down fails as it would through a balancer without checks. */
const char *ld_instance_address(void *context, uint64_t request)
{
    struct ld_run *run = context;
    struct ld_instance *instance = &run->instances[request % run->instance_count];
    return instance->up ? instance->service.address : NULL;
}
