/* The store: one SQLite file per campaign; harness/store/schema.sql is the schema with its documentation,
 * views and example queries.
 *
 * ld_store_* is the synchronous layer on one connection, used by the writer's thread (runner/run/writer) and by
 * readers. One writer; readers open read-only and never block it. Writes are grouped: ld_store_commit ends the group
 * in hand and begins the next; intents of faults are committed before the fault acts. A crash loses at most what was
 * not committed, and the file opens clean (WAL, synchronous=NORMAL; FULL at the end of each run; a
 * closed file is out of WAL again, one file without neighbours). */
#ifndef LD_STORE_STORE_H
#define LD_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"
#include "detect/alert.h"
#include "fault/fault.h"
#include "observe/observation.h"
#include "plan/plan.h"
#include "score/score.h"
#include "truth/truth.h"

#define LD_STORE_APPLICATION_ID 0x6c64726c /* "ldrl" */
#define LD_STORE_VERSION 2

struct ld_store;

/* Create a campaign file; LD_EUSAGE when it exists and is not empty. */
int ld_store_create(struct ld_store **ret_store, const char *path, struct ld_error *error);
/* Open for reading; checks application_id and version (older ones are read as they are,
 * and migrated when `writable`). */
int ld_store_open(struct ld_store **ret_store, const char *path, bool writable, struct ld_error *error);
/* Whether another process has it open: its writer as long as that lives, in whatever PID namespace, and any reader of a
 * file with a write-ahead log. Not to be asked while this process has it open itself. */
bool ld_store_in_use(const char *path);
/* Open for reading without changing a byte of the file or of its neighbours, as even a reader does where a writer died:
 * then a copy is made in `folder`, which must not hold one, and read. For files that are not in use. */
int ld_store_open_untouched(struct ld_store **ret_store, const char *path, const char *folder, struct ld_error *error);
/* Ends the group in hand; NULL is allowed. LD_ESTORE when the last commit failed. */
int ld_store_close(struct ld_store *store, struct ld_error *error);
/* End the group in hand; `durable`: it, and every commit before it, is on the disk when this returns. Errors are
 * sticky: after the first failed write the group is rolled back, nothing more is written, every call returns that
 * error, and what had been committed stays readable. */
int ld_store_commit(struct ld_store *store, bool durable, struct ld_error *error);
/* The file may not grow beyond so many bytes (rounded to pages; 0: no limit): LD_ESTORE then, as on a full disk. */
int ld_store_limit(struct ld_store *store, uint64_t bytes, struct ld_error *error);

/* ---- writing; ids are the plan's run indices */
struct ld_fact {
    const char *name, *value;
};
int ld_store_campaign(struct ld_store *store, const char *id, uint64_t seed, int64_t started_wall_ns,
                      const struct ld_fact *facts, size_t fact_count, struct ld_error *error);
/* A scenario's text and hash. ld_store_plan does it for those that have a cell in the plan; to plan again exactly as
 * then, a filtered or sharded campaign needs the others too: store all of them, in order, before the plan. */
int ld_store_scenario(struct ld_store *store, const struct ld_scenario *scenario, struct ld_error *error);
/* Scenarios, cells, runs, actions, canonical plan JSON and hash. Filter, shard and runs are the caller's facts. */
int ld_store_plan(struct ld_store *store, const struct ld_plan *plan, struct ld_error *error);
int ld_store_run_begin(struct ld_store *store, uint32_t run, int64_t started_wall_ns, struct ld_error *error);
int ld_store_phase(struct ld_store *store, uint32_t run, const char *phase, int64_t time_ns, struct ld_error *error);
int ld_store_incarnation(struct ld_store *store, uint32_t run, uint32_t instance, uint32_t incarnation, int64_t pid,
                         int64_t from_ns, struct ld_error *error);
int ld_store_incarnation_end(struct ld_store *store, uint32_t run, uint32_t instance, uint32_t incarnation,
                             int64_t to_ns, int64_t exit_status, bool expected, struct ld_error *error);
/* One observation: its row, its points or its profile (raw body stored once per content, zstd unless already gzip;
 * stacks interned, per-site counts derived). A PROFILE needs its body; `profile` may be NULL: then the body is parsed
 * here, unless its content is known already. */
int ld_store_observation(struct ld_store *store, uint32_t run, const struct ld_observation *observation,
                         struct ld_error *error);
int ld_store_truth_event(struct ld_store *store, uint32_t run, const struct ld_truth_event *event,
                         struct ld_error *error);
int ld_store_truth(struct ld_store *store, uint32_t run, const struct ld_truth *truth, struct ld_error *error);
/* Intent, committed durably before it returns; receipt afterwards. */
int ld_store_fault_intent(struct ld_store *store, uint32_t run, const struct ld_fault_spec *fault, int64_t time_ns,
                          int64_t until_ns, struct ld_error *error);
int ld_store_fault_receipt(struct ld_store *store, uint32_t run, const char *fault_id, int64_t began_ns,
                           int64_t ended_ns, const struct ld_receipt *receipt, struct ld_error *error);
/* One row a decision: which connection a toxic touched. */
int ld_store_fault_decision(struct ld_store *store, uint32_t run, const char *fault_id, uint64_t connection,
                            bool touched, struct ld_error *error);
/* Once when it acts, and again with what came of it. */
int ld_store_condition(struct ld_store *store, uint32_t run, const struct ld_condition_record *condition,
                       struct ld_error *error);
int ld_store_detector(struct ld_store *store, uint32_t run, const char *detector, const char *kind, bool calibration,
                      const char *options_json, struct ld_error *error);
int ld_store_detector_failed(struct ld_store *store, uint32_t run, const char *detector, const char *reason,
                             struct ld_error *error);
/* Dose or duration cannot reach the detector's published parameters: OUT_OF_RANGE. */
int ld_store_detector_out_of_range(struct ld_store *store, uint32_t run, const char *detector, const char *reason,
                                   struct ld_error *error);
int ld_store_alert(struct ld_store *store, uint32_t run, const char *detector, const struct ld_alert *alert,
                   struct ld_error *error);
/* Reads per reader: how many, bytes, time. */
int ld_store_reader(struct ld_store *store, uint32_t run, uint32_t instance, const char *reader, uint64_t reads,
                    uint64_t bytes, int64_t time_ns, uint64_t failures, struct ld_error *error);
/* A line for people about a run: stderr tail, why it is void, what teardown found. */
int ld_store_note(struct ld_store *store, uint32_t run, int64_t time_ns, const char *kind, const char *text,
                  struct ld_error *error);
struct ld_run_end {
    enum ld_validity validity;
    const char *reason;
    int64_t method_from_ns, observed_from_ns, observed_to_ns, ended_ns;
    int64_t lag_p99_ns, lag_max_ns;
    int64_t left; /* processes that were left after teardown: 0 or a bug */
};
/* Ends a run: its row, sealing of plain points into blobs, one durable commit. Only ended runs count. */
int ld_store_run_end(struct ld_store *store, uint32_t run, const struct ld_run_end *end, struct ld_error *error);
int ld_store_score(struct ld_store *store, const struct ld_score *score, const struct ld_verdicts *verdicts,
                   struct ld_error *error);
/* `interrupt_signal`: 0 when nothing interrupted it. */
int ld_store_campaign_end(struct ld_store *store, int64_t ended_wall_ns, const char *verdict, int interrupt_signal,
                          struct ld_error *error);

/* ---- reading. Memory goes to the arena given. */
struct ld_campaign_info {
    const char *id, *verdict, *plan_hash, *plan_json;
    uint64_t seed;
    int64_t started_wall_ns, ended_wall_ns; /* 0: never ended */
    int interrupt_signal;                   /* 0: none */
    size_t fact_count;
    struct ld_fact *facts;
    uint32_t runs_planned, runs_ended;
};
int ld_store_read_campaign(struct ld_store *store, struct ld_campaign_info *ret_info, struct ld_arena *arena,
                           struct ld_error *error);
/* The scenarios' texts, to plan again exactly as then: count, names, texts. */
struct ld_stored_scenario {
    const char *file, *text;
    size_t text_length;
};
int ld_store_read_scenarios(struct ld_store *store, struct ld_stored_scenario **ret_items, size_t *ret_count,
                            struct ld_arena *arena, struct ld_error *error);
/* Indices of ended runs in plan order. */
int ld_store_read_runs(struct ld_store *store, uint32_t **ret_runs, size_t *ret_count, struct ld_arena *arena,
                       struct ld_error *error);
/* The same of all planned runs, ended or not: what a filter and a shard left of the whole plan. */
int ld_store_read_planned(struct ld_store *store, uint32_t **ret_runs, size_t *ret_count, struct ld_arena *arena,
                          struct ld_error *error);
/* Indices of the runs that began and never ended. */
int ld_store_read_unfinished(struct ld_store *store, uint32_t **ret_runs, size_t *ret_count, struct ld_arena *arena,
                             struct ld_error *error);
struct ld_stored_note {
    int64_t time_ns;
    const char *kind, *text;
};
/* All notes of a run, by time. */
int ld_store_read_notes(struct ld_store *store, uint32_t run, struct ld_stored_note **ret_notes, size_t *ret_count,
                        struct ld_arena *arena, struct ld_error *error);
struct ld_stored_run {
    uint32_t run;
    const char *cell, *scenario, *variant, *fault_case;
    uint64_t seed;
    uint32_t repetition;
    double rate;
    int64_t depth;
    bool ended;
    struct ld_run_end end;
    int64_t started_wall_ns;
    size_t instance_name_count; /* of what was imported with names; the caller's, to show: 0 when read */
    const char *const *instance_names;
};
int ld_store_read_run(struct ld_store *store, uint32_t run, struct ld_stored_run *ret_run, struct ld_arena *arena,
                      struct ld_error *error);
/* Observations and truth events of a run in delivery order, profiles parsed: the very same as live. Stops at the first
 * nonzero return of a callback and returns it. */
struct ld_replay_sink {
    int (*observation)(void *context, const struct ld_observation *observation);
    int (*truth)(void *context, const struct ld_truth_event *event); /* may be NULL */
    void *context;
};
int ld_store_replay(struct ld_store *store, uint32_t run, const struct ld_replay_sink *sink, struct ld_error *error);
/* Everything scoring needs of one run, from rows alone. */
int ld_store_read_record(struct ld_store *store, uint32_t run, struct ld_run_record *ret_record, struct ld_arena *arena,
                         struct ld_error *error);
/* The same of a run that never ended: no evidence, observed up to its last observation. LD_ENOENT: it has none. */
int ld_store_read_cut(struct ld_store *store, uint32_t run, struct ld_run_record *ret_record, struct ld_arena *arena,
                      struct ld_error *error);
struct ld_stored_detector {
    const char *name, *kind, *options_json;
    bool calibration, failed;
    const char *reason;
};
int ld_store_read_detectors(struct ld_store *store, uint32_t run, struct ld_stored_detector **ret_items,
                            size_t *ret_count, struct ld_arena *arena, struct ld_error *error);
/* One line of a run's timeline, by time: for `show`. */
struct ld_timeline_row {
    int64_t time_ns;
    const char *kind; /* phase, truth, fault, when, alert, life, read, note, count */
    const char *who;  /* detector, fault id, interval, … */
    const char *text;
    int64_t instance; /* -1: none, or all */
    int64_t amount; /* truth: units outstanding after a leak, cure, hold or release; the text names them too; else -1 */
};
int ld_store_read_timeline(struct ld_store *store, uint32_t run, struct ld_timeline_row **ret_rows, size_t *ret_count,
                           struct ld_arena *arena, struct ld_error *error);
/* Numbers of a run over time, one series a metric and incarnation, samples by time; what is no finite number is left
 * out. LD_METRIC_PROFILE_GOROUTINES: the totals of its goroutine profiles. */
struct ld_stored_sample {
    int64_t time_ns;
    double value;
};
struct ld_stored_series {
    enum ld_metric metric;
    uint32_t instance, incarnation;
    size_t count;
    struct ld_stored_sample *samples;
};
int ld_store_read_series(struct ld_store *store, uint32_t run, const enum ld_metric *metrics, size_t metric_count,
                         struct ld_stored_series **ret_series, size_t *ret_count, struct ld_arena *arena,
                         struct ld_error *error);
/* Faults of a run by time. */
struct ld_stored_fault {
    const char *id, *type;
    int64_t time_ns, until_ns;  /* the intent */
    int64_t began_ns, ended_ns; /* the receipt; -1: there is none */
    bool effective;
    const char *receipt;
};
int ld_store_read_faults(struct ld_store *store, uint32_t run, struct ld_stored_fault **ret_items, size_t *ret_count,
                         struct ld_arena *arena, struct ld_error *error);
/* The gate first, then aborts, then what faults waited for. */
int ld_store_read_conditions(struct ld_store *store, uint32_t run, struct ld_condition_record **ret_items,
                             size_t *ret_count, struct ld_arena *arena, struct ld_error *error);
int ld_store_delete_alerts(struct ld_store *store, uint32_t run, struct ld_error *error);

#endif
