/* One write operation on its way to the writer's thread: a flat block that owns copies of all it points to, freed
 * with free(). */
#ifndef LD_RUNNER_RUN_ENTRY_H
#define LD_RUNNER_RUN_ENTRY_H

#include "runner/run/writer.h"

/*    id, the ld_store function it stands for */
#define LD_ENTRYS(X)                                                                                                   \
    X(FLUSH, "nothing: only settles a ticket")                                                                         \
    X(RUN_BEGIN, "ld_store_run_begin")                                                                                 \
    X(PHASE, "ld_store_phase")                                                                                         \
    X(INCARNATION, "ld_store_incarnation")                                                                             \
    X(INCARNATION_END, "ld_store_incarnation_end")                                                                     \
    X(OBSERVATION, "ld_store_observation")                                                                             \
    X(TRUTH_EVENT, "ld_store_truth_event")                                                                             \
    X(TRUTH, "ld_store_truth")                                                                                         \
    X(FAULT_INTENT, "ld_store_fault_intent")                                                                           \
    X(FAULT_RECEIPT, "ld_store_fault_receipt")                                                                         \
    X(FAULT_DECISION, "ld_store_fault_decision")                                                                       \
    X(CONDITION, "ld_store_condition")                                                                                 \
    X(DETECTOR, "ld_store_detector")                                                                                   \
    X(DETECTOR_FAILED, "ld_store_detector_failed")                                                                     \
    X(OUT_OF_RANGE, "ld_store_detector_out_of_range")                                                                  \
    X(ALERT, "ld_store_alert")                                                                                         \
    X(READER, "ld_store_reader")                                                                                       \
    X(NOTE, "ld_store_note")                                                                                           \
    X(RUN_END, "ld_store_run_end")

enum ld_entry_kind {
#define X(id, doc) LD_ENTRY_##id,
    LD_ENTRYS(X)
#undef X
        LD_ENTRY_KINDS
};

struct ld_entry {
    struct ld_entry *next;
    size_t size; /* bytes of the whole block */
    enum ld_entry_kind kind;
    uint64_t ticket; /* 0: nobody waits for it */
    struct ld_writer_wake wake;
    uint32_t run, instance, incarnation;
    int64_t time_ns, until_ns;
    int64_t number;                 /* pid, exit status, connection */
    bool flag;                      /* expected, touched, calibration */
    const char *name, *word, *text; /* who; of what kind; free text. NULL when the kind has none */
    union {
        struct ld_observation observation;
        struct ld_truth_event truth_event;
        struct ld_truth truth;
        struct ld_fault_spec fault;
        struct ld_receipt receipt;
        struct ld_alert alert;
        struct ld_condition_record condition;
        struct ld_run_end run_end;
        struct {
            uint64_t reads, bytes, failures;
        } reading;
    } of;
};

/* A copy in one block; NULL when out of memory. */
struct ld_entry *ld_entry_copy(const struct ld_entry *entry);
/* Do what it says. */
int ld_entry_write(const struct ld_entry *entry, struct ld_store *store, struct ld_error *error);

#endif
