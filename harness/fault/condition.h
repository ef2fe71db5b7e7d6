/* Conditions: when a run may begin, when it must end, and what it answers to what is observed.
 *
 * Everything here is decided from the observations of a run and the alerts that detectors made of them, by observation
 * time, so that the same observations decide the same, live and in replay, down to the sequence number.
 *
 *   steady   the gate before the method: named numbers have stood still for a while
 *   when     a number beyond a limit, or an open alert, for a while: starts a fault, a reaction, or the run's end
 *   recovery after such a start: the first return into the bounds that the gate found, for as long as the gate asked
 *
 * What was not seen decides nothing: a failed read ends a steady stretch and a recovery, and neither feeds nor ends
 * what a `when` waits for. A counter (…_total and the like) is judged by its growth per second. */
#ifndef LD_FAULT_CONDITION_H
#define LD_FAULT_CONDITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "detect/alert.h"
#include "observe/observation.h"
#include "yaml/schema.h"

/* ---- as a scenario declares them */

enum ld_when_kind { LD_WHEN_METRIC, LD_WHEN_ALERT };

struct ld_when {
    enum ld_when_kind kind;
    enum ld_metric metric;     /* METRIC */
    bool over;                 /* METRIC: above the limit, else below */
    double limit;              /* METRIC: in the metric's unit, of a counter per second */
    const char *detector;      /* ALERT: its name; NULL: the scenario's detector of kind matrix, until that was found */
    enum ld_severity severity; /* ALERT: at least */
    int64_t for_ns;            /* without a break */
    const struct ld_node *node; /* for the places of errors; valid while the file is parsed */
};

#define LD_STEADY_METRICS_MAX 16
struct ld_steady_metric {
    enum ld_metric metric;
    double slack; /* in the metric's unit, beside the share */
};
struct ld_steady {
    double within;      /* share of the mean by which values may differ from one another */
    int64_t for_ns;     /* a stretch so long */
    int64_t at_most_ns; /* the gate stays shut so long at most */
    double per_second;  /* requests meanwhile; 0: none */
    size_t metric_count;
    struct ld_steady_metric metrics[LD_STEADY_METRICS_MAX];
};

#define LD_ABORTS_MAX 16

extern const struct ld_schema ld_when_schema;   /* binds struct ld_when */
extern const struct ld_schema ld_steady_schema; /* binds struct ld_steady */

/* Does the number only ever grow while its process lives? */
bool ld_metric_is_counter(enum ld_metric metric);
/* A value of the metric for people: "410.2MiB", "23ms", "5/s". Returns `text`. */
const char *ld_condition_quantity(enum ld_metric metric, double value, char *text, size_t size);
/* "process_memory_resident_bytes over 400.0MiB for 1s", in the metric's unit. Returns `text`. */
const char *ld_when_text(const struct ld_when *when, char *text, size_t size);

/* ---- at work */

#define LD_CONDITIONS_MAX 64
#define LD_CONDITION_INSTANCES_MAX 1024

struct ld_condition {
    const char *id;             /* "abort/0", or the fault's */
    const struct ld_when *when; /* durations scaled; outlives the engine */
    bool recovers;              /* its recovery is measured */
};

struct ld_condition_state {
    bool triggered;
    uint64_t sequence; /* the observation that decided */
    int64_t time_ns;   /* its time */
    uint32_t instance; /* whose */
    char text[192];    /* "process_memory_resident_bytes was 420MiB, over 400MiB" */
    bool left;         /* the steady bounds were left at the trigger or after it */
    int64_t recovered_ns; /* back within them since then, for the gate's stretch at least; -1: not, or not yet. time_ns
                           * when they were never left. Run time */
    int64_t relapsed_ns;  /* left again then; -1: not */
};

struct ld_steady_state {
    bool passed;
    uint64_t sequence;
    int64_t time_ns;
    char text[192]; /* passed: the bounds; else what moved, as far as known */
};

struct ld_conditions_events {
    void (*steady)(void *context);
    /* Conditions trigger once. */
    void (*triggered)(void *context, size_t index);
};

struct ld_conditions;

/* `steady` NULL: no gate and no recovery; its durations are scaled. What is pointed to outlives the engine. LD_ENOMEM,
 * LD_ELIMIT. */
int ld_conditions_new(struct ld_conditions **ret_conditions, const struct ld_steady *steady,
                      const struct ld_condition *items, size_t count, uint32_t instances,
                      const struct ld_conditions_events *events, void *context);
void ld_conditions_free(struct ld_conditions *conditions); /* NULL is allowed */

/* From this time on the gate listens, until it has opened. */
void ld_conditions_gate(struct ld_conditions *conditions, int64_t from_ns);
/* From this time on, and before the other, conditions may trigger. */
void ld_conditions_arm(struct ld_conditions *conditions, int64_t from_ns, int64_t to_ns);
/* An alert of a detector, before the observation in hand is shown below. */
void ld_conditions_alert(struct ld_conditions *conditions, const char *detector, const struct ld_alert *alert);
/* The observation that all detectors have just seen. */
void ld_conditions_observe(struct ld_conditions *conditions, const struct ld_observation *observation);

const struct ld_condition_state *ld_conditions_state(const struct ld_conditions *conditions, size_t index);
const struct ld_steady_state *ld_conditions_steady(const struct ld_conditions *conditions);
/* The first of them triggered: the run is marked from there on. NULL: none did. */
const struct ld_condition_state *ld_conditions_first(const struct ld_conditions *conditions);
/* Settle recoveries, once, at the end: what never left the bounds needed none. */
void ld_conditions_settle(struct ld_conditions *conditions);

#endif
