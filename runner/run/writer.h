/* The store's writer: the asynchronous front of ld_store_*, in a thread of its own, so that no disk ever delays a
 * sample or a toxic.
 *
 * Every call copies what it is given, puts one message into a bounded queue and returns. The thread takes messages in
 * order, writes them, and commits in groups: 100 ms or 1 MiB after the group's first message, or when somebody asked
 * for durability. Nothing is ever dropped: when the queue is full the caller waits, and the time it waited is counted
 * (the control loop's lag shows it). Errors are sticky: after the first one every call returns it, what had been
 * committed stays readable, and nothing waits for ever.
 *
 * What belongs to the whole campaign is written straight to the store: ld_store_campaign and ld_store_plan before
 * ld_writer_start; ld_store_score and ld_store_campaign_end after ld_writer_stop gave the store back. Between the two
 * only the thread may touch the store; readers open their own.
 *
 * Any thread may call; calls of one thread are written in their order. The callbacks `wake` run on the writer's
 * thread and must only signal (uv_async_send). They may be merged by the receiver, therefore everything durable has a
 * ticket: compare yours with ld_writer_durable. */
#ifndef LD_RUNNER_RUN_WRITER_H
#define LD_RUNNER_RUN_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

struct ld_writer;

/* A zero field takes its default. */
struct ld_writer_setting {
    size_t items_max; /* messages waiting; 8192. The thread takes all that wait at once, so it may hold as many again */
    size_t bytes_max; /* bytes waiting; 64 MiB. One larger message is taken alone */
    int64_t group_ns; /* oldest age of an uncommitted message; 100 ms */
    size_t group_bytes; /* commit when a group has grown to this; 1 MiB */
};

struct ld_writer_statistics {
    uint64_t messages; /* taken in all */
    uint64_t bytes;
    uint64_t commits, durable_commits;
    uint64_t waits;                /* calls that found the queue full */
    int64_t waited_ns;             /* how long they waited in all */
    size_t most_items, most_bytes; /* the fullest the queue ever was */
};

/* Tells that a ticket is settled: durable, or the writer failed (ask ld_writer_status). `call` may be NULL. */
struct ld_writer_wake {
    void (*call)(void *context);
    void *context;
};

/* `setting` may be NULL. The store belongs to the thread until ld_writer_stop. LD_ENOMEM, LD_ESYSTEM. */
int ld_writer_start(struct ld_writer **ret_writer, struct ld_store *store, const struct ld_writer_setting *setting,
                    struct ld_error *error);
/* Write what is waiting, commit durably, end the thread, free the writer; the caller has the store again. Returns the
 * sticky error, if any. NULL is allowed. */
int ld_writer_stop(struct ld_writer *writer, struct ld_error *error);
/* 0, or the first error. */
int ld_writer_status(struct ld_writer *writer, struct ld_error *error);
void ld_writer_statistics(struct ld_writer *writer, struct ld_writer_statistics *ret_statistics);

/* Ask that everything before it becomes durable. Tickets grow; `ret_ticket` may be NULL. */
int ld_writer_flush(struct ld_writer *writer, struct ld_writer_wake wake, uint64_t *ret_ticket);
/* Every ticket up to this one is settled. */
uint64_t ld_writer_durable(struct ld_writer *writer);
/* Is what came before a settled ticket on the disk? false: the writer failed before that. */
bool ld_writer_kept(struct ld_writer *writer, uint64_t ticket);

/* As ld_store_* of the same name; 0, LD_ENOMEM, or the sticky error. An observation's profile is not copied: the
 * thread parses the body again, once per distinct content. */
int ld_writer_run_begin(struct ld_writer *writer, uint32_t run, int64_t started_wall_ns);
int ld_writer_phase(struct ld_writer *writer, uint32_t run, const char *phase, int64_t time_ns);
int ld_writer_incarnation(struct ld_writer *writer, uint32_t run, uint32_t instance, uint32_t incarnation, int64_t pid,
                          int64_t from_ns);
int ld_writer_incarnation_end(struct ld_writer *writer, uint32_t run, uint32_t instance, uint32_t incarnation,
                              int64_t to_ns, int64_t exit_status, bool expected);
int ld_writer_observation(struct ld_writer *writer, uint32_t run, const struct ld_observation *observation);
int ld_writer_truth_event(struct ld_writer *writer, uint32_t run, const struct ld_truth_event *event);
int ld_writer_truth(struct ld_writer *writer, uint32_t run, const struct ld_truth *truth);
/* Asks for durability: the fault may act when the ticket is settled and ld_writer_status is 0, not before. */
int ld_writer_fault_intent(struct ld_writer *writer, uint32_t run, const struct ld_fault_spec *fault, int64_t time_ns,
                           int64_t until_ns, struct ld_writer_wake wake, uint64_t *ret_ticket);
int ld_writer_fault_receipt(struct ld_writer *writer, uint32_t run, const char *fault_id, int64_t began_ns,
                            int64_t ended_ns, const struct ld_receipt *receipt);
int ld_writer_fault_decision(struct ld_writer *writer, uint32_t run, const char *fault_id, uint64_t connection,
                             bool touched);
int ld_writer_condition(struct ld_writer *writer, uint32_t run, const struct ld_condition_record *condition);
int ld_writer_detector(struct ld_writer *writer, uint32_t run, const char *detector, const char *kind, bool calibration,
                       const char *options_json);
int ld_writer_detector_failed(struct ld_writer *writer, uint32_t run, const char *detector, const char *reason);
int ld_writer_detector_out_of_range(struct ld_writer *writer, uint32_t run, const char *detector, const char *reason);
int ld_writer_alert(struct ld_writer *writer, uint32_t run, const char *detector, const struct ld_alert *alert);
int ld_writer_reader(struct ld_writer *writer, uint32_t run, uint32_t instance, const char *reader, uint64_t reads,
                     uint64_t bytes, int64_t time_ns, uint64_t failures);
int ld_writer_note(struct ld_writer *writer, uint32_t run, int64_t time_ns, const char *kind, const char *text);
/* Durable before its ticket is settled. */
int ld_writer_run_end(struct ld_writer *writer, uint32_t run, const struct ld_run_end *end, struct ld_writer_wake wake,
                      uint64_t *ret_ticket);

#endif
