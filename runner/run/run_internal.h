/* What the files of a run share: run.c (phases), instance.c (instances and observations),
 * run_program.c (what they start), run_fault.c (faults;
 * run_victim.c, run_kill.c, run_strain.c: those of processes and resources),
 * run_truth.c (truth, confirmation, validity). */
#ifndef LD_RUN_RUN_INTERNAL_H
#define LD_RUN_RUN_INTERNAL_H

#include "base/arena.h"
#include "fault/receipt.h"
#include "pprof/trace_line.h"
#include "runner/run/load.h"
#include "runner/run/panel.h"
#include "runner/run/run.h"
#include "runner/run/service.h"
#include "runner/sample/sampler.h"

#define LD_RUN_MAGIC 0x6c64726eu
#define LD_RUN_TRUTH_MAX 200000   /* events of one run */
#define LD_RUN_LINES_MAX 20000    /* stderr lines kept as observations */
#define LD_RUN_LINES_AT_ONCE 2000 /* of them in a tenth of a second: all runs share the loop */
#define LD_RUN_MEMORY ((size_t)256 << 20)

/* In order; a run only moves forward. run.c has their table. */
enum ld_phase {
    LD_PHASE_PREPARE,
    LD_PHASE_SPAWN,
    LD_PHASE_WARM_UP,
    LD_PHASE_BASELINE,
    LD_PHASE_STEADY,
    LD_PHASE_METHOD,
    LD_PHASE_DRAIN,
    LD_PHASE_SETTLE,
    LD_PHASE_AFTER,
    LD_PHASE_STOP,
    LD_PHASE_CHECK,
    LD_PHASE_DONE,
    LD_PHASE_COUNT
};

/* The reads whose gaps void a run. */
enum ld_gap_clock { LD_GAP_METRICS, LD_GAP_PROC, LD_GAP_PROFILES, LD_GAP_CLOCKS };

struct ld_instance {
    struct ld_run *run;
    uint32_t index;
    char name[80];
    struct ld_service service;
    struct ld_door door;
    struct ld_sampler sampler;
    bool up;                     /* ready, and its death was not seen */
    bool death_expected;         /* a fault or the teardown is killing it */
    uint32_t strained;           /* faults that keep it from answering: gaps are theirs */
    char disk_folder[160];       /* a file system of its own that a fault fills; "" when there is none */
    bool surveyed;               /* the survey of this phase is complete */
    char unreadable[160];        /* the survey failed: why; "" when it did not */
    bool died_by_itself;         /* and is to be judged when all it wrote was read */
    int64_t death_status, death_ns; /* exit code or -signal; since the run's start */
    bool gc_asked;               /* told to collect; its answer starts the second look */
    bool forced_gc;              /* the second look is under way or done */
    struct ld_point gc[5];       /* of the last gctrace line */
    size_t gc_count;
    int64_t last_good_ns[LD_GAP_CLOCKS]; /* when each kind of read last succeeded, since the run's start */
    double before[LD_METRIC_COUNT], after[LD_METRIC_COUNT]; /* the last look before the method and after it */
    uint32_t before_life;        /* the incarnation that `before` was read of */
    double least_count, most_count; /* goroutines during the baseline */
    struct ld_profile dumps[3];  /* debug=2: baseline, settled, after the forced GC */
    bool have_dump[3];
};

enum ld_dump { LD_DUMP_BASELINE, LD_DUMP_SETTLED, LD_DUMP_AFTER_GC };

/* Ending: its effect is taken off and has yet to be seen gone. */
enum ld_fault_state { LD_FAULT_WAITING, LD_FAULT_INTENDED, LD_FAULT_ACTING, LD_FAULT_ENDING, LD_FAULT_OVER };

/* One instance, or the upstream, under a fault of a process or resource. */
struct ld_victim {
    struct ld_run_fault *fault;
    uint32_t index;              /* of the instance; 0: the upstream, where it is meant */
    bool chosen;
    uint32_t killed;             /* the incarnation that it killed last; 0: none */
    int64_t struck_ns, died_after_ns; /* when it was told to die; how long it took; since the run's start */
    int64_t status;              /* how it ended last: exit code or -signal */
    uint32_t overdue;            /* kill: the incarnation that did not die in time, and may die of it yet; 0: none */
    bool absent;                 /* kill: it was down already when it was to die */
    uv_timer_t restart;          /* until the next incarnation */
    uint32_t life;               /* strain: the incarnation it is laid on; 0: none */
    uint32_t judged;             /* the last life of which it is settled whether it was seen in time; 0: none */
    int64_t laid_ns;             /* when that was asked */
    enum ld_means means;
    int saved_errno;             /* why it could not be laid on, 0: it could */
    uint32_t looks, seen;        /* since the effect was seen first: at the running process, and that saw the effect */
    int64_t shown_after_ns;      /* until it was seen first, in this life; -1 before */
    int64_t slowest_ns;          /* the longest of these, of all lives; -1: it was seen in none */
    bool missed;                 /* in a life that was long enough it was not seen in time */
    int64_t gone_after_ns;       /* until it was seen gone; -1 before */
    int64_t cpu_from_ns, cpu_to_ns, cpu_span_ns; /* processor time at the first and last look, and the time between */
    uint32_t said;               /* lines in which the program spoke of it */
};

struct ld_load_counts {
    uint64_t requests, responses, unavailable;
    double offered; /* requests at the full rate */
};

struct ld_run_fault {
    struct ld_run *run;
    const struct ld_fault_spec *spec;
    enum ld_fault_state state;
    bool off_asked;              /* its end came before it began */
    bool waits_for_room;         /* another one of its kind is just being taken off */
    struct ld_ticket_wait intent;
    int64_t began_ns, ended_ns;  /* since the run's start */
    uint32_t victim_count;       /* 0: not of a process or resource */
    struct ld_victim *victims;
    uv_timer_t timer;            /* kill: the next time; strain: the next look */
    uv_timer_t limit;            /* kill: what lives now does not die of it */
    bool open;                   /* its timers are to be closed */
    uint32_t asked, died;        /* kill */
    int64_t strikes;             /* kill: how often it struck */
    bool struck_off;             /* kill: it strikes no more, however often it was to */
    uint32_t idle_strikes;       /* of them, those that found nobody up */
    uint32_t turn;               /* strain: number of the look */
    int64_t off_ns;              /* strain: when its end was asked; since the run's start */
    uint32_t lines_acting;       /* toxic: lines whose receipt is to come */
    struct ld_receipt_sum sum;   /* toxic: of the lines so far */
    struct ld_door_fault *doors; /* sampling: one an instance */
    struct ld_load_counts before; /* reaction: what the load had seen when it began */
    struct ld_receipt receipt;
    bool have_receipt;
};

/* From one instance to the upstream, through the fault proxy. */
struct ld_line {
    struct ld_run *run;
    uint32_t index;              /* of the instance */
    struct ld_proxy_listener *listener;
    bool open;
    char address[64];
};

/* What a run waits for. Times since the run's start; -1: not yet. */
struct ld_run_conditions {
    struct ld_conditions *engine;
    const struct ld_steady *steady; /* scaled; NULL: no gate */
    struct ld_condition *items;     /* aborts, then faults */
    size_t count;
    int64_t *acted_ns;              /* by item */
    int64_t *until_ns;              /* by fault of the run: when one that a condition began is to end; INT64_MAX */
    bool is_steady;
    int64_t gate_from_ns, armed_from_ns, armed_to_ns;
    uv_timer_t timer;               /* while the gate is shut: its limit; then the next end of a fault */
};

struct ld_run {
    unsigned magic;
    struct ld_control *control;
    const struct ld_plan *plan;
    const struct ld_run_plan *run_plan;
    const struct ld_cell *cell;
    const struct ld_scenario *scenario;
    struct ld_run_programs programs;
    const struct ld_run_events *events;
    void *context;
    struct ld_arena *arena;
    struct ld_run_summary summary;

    enum ld_phase phase;
    int64_t start_ns;            /* CLOCK_MONOTONIC: zero of the run's time */
    int64_t method_ns;           /* CLOCK_MONOTONIC: zero of the schedule; 0 before */
    int64_t observed_from_ns, observed_to_ns; /* since the run's start; -1 before */
    int64_t period_ns;           /* scaled */
    uv_timer_t phase_timer, schedule_timer, wall_timer, fate_timer;
    size_t next_action;
    bool load_drained;
    bool time_up;                /* the phase's own time is over */
    bool ended_early;            /* the leak killed the target, or a condition aborted it: the method is over */

    bool has_upstream;
    bool upstream_up, upstream_death_expected;
    struct ld_service upstream;
    uint32_t upstream_line_count; /* one an instance; 0: no upstream */
    struct ld_line *upstream_lines;

    uint32_t instance_count;
    struct ld_instance *instances;
    struct ld_load load;
    size_t fault_count;
    struct ld_run_fault *faults;
    struct ld_run_conditions conditions;

    struct ld_blind *blind;       /* NULL: names are shown */
    struct ld_panel *panel;
    uint64_t sequence;
    uint32_t lines, lines_at_once, lines_left_out;
    int64_t lines_since_ns;       /* when lines_at_once began to count */
    struct ld_truth_event *truth; /* arena; grows by doubling */
    size_t truth_count, truth_room;
    bool declared_due;            /* truth: declared, its onset lies ahead */

    struct ld_lag lag_before;
    int64_t worst_gap_ns;         /* the longest gap beyond what is allowed between good reads; 0: none */
    char worst_gap[288];          /* in words */
    struct ld_ticket_wait end_ticket;
    unsigned open_handles;        /* until zero the run cannot be freed */
};

/* ---- run.c */
int64_t ld_run_now(const struct ld_run *run); /* since the run's start */
/* Void the run (the first reason stands) and begin the teardown. */
void ld_run_void(struct ld_run *run, enum ld_validity validity, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A survey failed: give the target FATE_NS to turn out dead, else the run is void. */
void ld_run_await_fate(struct ld_run *run);
/* End the method here, with what there is: the run stays valid. */
void ld_run_end_early(struct ld_run *run);
void ld_run_note(struct ld_run *run, const char *kind, const char *text);
/* Something happened that a phase may be waiting for. */
void ld_run_proceed(struct ld_run *run);
void ld_run_handle_closed(struct ld_run *run);
/* An error of the writer: the run cannot be trusted any more. */
void ld_run_written(struct ld_run *run, int code);

/* ---- instance.c */
int ld_instances_make(struct ld_run *run, struct ld_error *error);
void ld_instances_survey(struct ld_run *run, enum ld_purpose purpose);
bool ld_instances_surveyed(const struct ld_run *run);
void ld_instances_close(struct ld_run *run);
/* Start every clock of the reads anew; with `count`, what had passed since the last good read may be a gap. */
void ld_instance_close_gaps(struct ld_instance *instance, bool count);
const char *ld_instance_address(void *context, uint64_t request);
int ld_upstream_make(struct ld_run *run, struct ld_error *error);

/* ---- run_program.c: what they start, put into the run's folder; all of it lives as long as the run */
int ld_run_describe_target(struct ld_run *run, struct ld_service_spec *spec, struct ld_error *error);
int ld_run_describe_upstream(struct ld_run *run, struct ld_service_spec *spec, struct ld_error *error);
/* What an instance that keeps the contract reads from descriptor 5; NULL: out of memory. */
const char *ld_run_target_setting(struct ld_run *run, uint32_t instance);
const char *ld_run_target_label(const struct ld_run *run);

/* ---- run_fault.c */
int ld_run_faults_make(struct ld_run *run, struct ld_error *error);
void ld_run_fault_on(struct ld_run *run, uint32_t index);
void ld_run_fault_off(struct ld_run *run, uint32_t index);
/* A process of the service runs. */
void ld_run_fault_started(struct ld_run *run, const struct ld_service *service);
/* It wrote a line. */
void ld_run_fault_line(struct ld_run *run, const struct ld_service *service, const char *line);
/* A strain was laid on it or taken off, or could not be. */
void ld_run_fault_strained(struct ld_run *run, const struct ld_service *service, enum ld_strain strain,
                           enum ld_means means, int saved_errno);
/* May its death be a fault's doing, though nobody killed it? */
bool ld_run_fault_explains(const struct ld_run *run, const struct ld_service *service);
/* The service's present incarnation is dead. */
void ld_run_fault_died(struct ld_run *run, const struct ld_service *service, int64_t status);
/* Nothing of the dead incarnation is left: restart what is to be restarted. */
void ld_run_fault_gone(struct ld_run *run, const struct ld_service *service);
bool ld_run_faults_over(const struct ld_run *run);
void ld_run_faults_end(struct ld_run *run);
/* The end of a fault, with what it did; once. */
void ld_run_fault_finish(struct ld_run_fault *fault, const struct ld_receipt *receipt);
/* Size of the file system that a fault of the run's case fills; 0: none does. */
uint64_t ld_run_fault_disk_bytes(const struct ld_run *run);

/* ---- run_line.c: between the instances and their upstream */
int ld_lines_make(struct ld_run *run, struct ld_error *error);
/* What the instance is told to be its upstream; "" when there is none. */
const char *ld_line_address(const struct ld_run *run, uint32_t index);
void ld_lines_upstream(struct ld_run *run, uint16_t port); /* it is there; 0: it is down */
void ld_lines_close(struct ld_run *run);
void ld_lines_fault_begin(struct ld_run_fault *fault);
void ld_lines_fault_end(struct ld_run_fault *fault);

/* ---- run_sampling.c */
void ld_run_sampling_begin(struct ld_run_fault *fault);
void ld_run_sampling_end(struct ld_run_fault *fault);
/* How much of this span, since the run's start, lay within sampling faults and what they delayed. */
int64_t ld_run_sampling_within(const struct ld_run *run, int64_t from_ns, int64_t to_ns);
/* ---- run_victim.c: whom a fault of a process or resource is meant for */
/* Draw them and write it down. */
void ld_victims_choose(struct ld_run_fault *fault);
struct ld_service *ld_victim_service(const struct ld_victim *victim);
/* NULL: the upstream. */
struct ld_instance *ld_victim_instance(const struct ld_victim *victim);
bool ld_victim_up(const struct ld_victim *victim);
/* The victim that stands for the service; NULL: the fault means others. */
struct ld_victim *ld_victim_of(const struct ld_run_fault *fault, const struct ld_service *service);
/* Did the fault kill the service's present (or just ended) incarnation? */
bool ld_victim_killed(const struct ld_victim *victim);
/* What it killed is gone: start it again when its time has come, if it is to be. */
void ld_victim_gone(struct ld_victim *victim);
bool ld_victim_awaits_restart(const struct ld_victim *victim);

/* ---- run_kill.c: faults that end a process: kill, crash, exit */
void ld_kill_begin(struct ld_run_fault *fault);
/* It strikes no more; whom it struck already has the time that he has. */
void ld_kill_end(struct ld_run_fault *fault);
/* Was this incarnation told to die, and did not in time? Then its death is the fault's, however late. */
bool ld_kill_explains(const struct ld_victim *victim);
void ld_kill_died(struct ld_run_fault *fault, struct ld_victim *victim);

/* ---- run_strain.c: faults that last: pause, cpu, open_files, memory, disk */
void ld_strain_fault_begin(struct ld_run_fault *fault);
void ld_strain_fault_end(struct ld_run_fault *fault);
void ld_strain_fault_started(struct ld_run_fault *fault, struct ld_victim *victim);
bool ld_strain_fault_explains(const struct ld_run_fault *fault, const struct ld_victim *victim);
void ld_strain_fault_died(struct ld_run_fault *fault, struct ld_victim *victim);
void ld_strain_fault_line(struct ld_run_fault *fault, struct ld_victim *victim, const char *line);
void ld_strain_fault_answered(struct ld_run_fault *fault, struct ld_victim *victim, enum ld_strain strain,
                              enum ld_means means, int saved_errno);

/* ---- run_reaction.c */
void ld_run_reaction_begin(struct ld_run_fault *fault);
void ld_run_reaction_end(struct ld_run_fault *fault);

/* ---- run_condition.c */
int ld_run_conditions_make(struct ld_run *run, struct ld_error *error);
/* Shut the gate until the target is steady, where there is one. */
void ld_run_conditions_gate(struct ld_run *run);
/* The method begins: conditions may act. */
void ld_run_conditions_arm(struct ld_run *run);
/* The method's time is over: what conditions began ends with it. */
void ld_run_conditions_over(struct ld_run *run);
/* What came of all of them, once, at the run's end. */
void ld_run_conditions_write(struct ld_run *run);

/* ---- run_truth.c */
void ld_run_truth_line(struct ld_instance *instance, const char *line, size_t length);
/* The harness's own events: declared truth, the death of an incarnation (`text`: "kill" when a fault meant it). */
void ld_run_truth_add(struct ld_run *run, const struct ld_truth_event *event);
void ld_run_truth_ended(struct ld_instance *instance, const char *text);
/* Did the instance's present incarnation hold units of a leak just before `time_ns` (since the run's start)? */
bool ld_run_truth_outstanding(const struct ld_instance *instance, int64_t time_ns);
/* Fold, confirm from outside, write; may void the run. */
void ld_run_truth_settle(struct ld_run *run);
void ld_run_judge_validity(struct ld_run *run);

#endif
