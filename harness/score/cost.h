/* What a detector costs the program that it watches: runs of its own arm against runs of the bare arm, in pairs of one
 * seed (`arms: each`, see scenario/arm.h).
 *
 * Each figure is the growth of a counter of the target between the method's beginning and the end of follow-up, per
 * minute of real time; a difference of such a pair is what the detector's reads added. A counter that a target does not
 * serve gives no figure, never 0. */
#ifndef LD_SCORE_COST_H
#define LD_SCORE_COST_H

#include "observe/metric.h"
#include "score/score.h"

#define LD_COST_METRICS_MAX 2 /* counters that add up to one figure */
#define LD_COST_RESAMPLES 2000
/* From so many pairs on a figure has an interval: of five, the percentiles of a bootstrap cover 95 % in name alone. */
#define LD_COST_PAIRS_MIN 6

/*    id, name, unit ("ns", "B" or ""), meaning */
#define LD_COSTS(X)                                                                                                \
    X(CPU, "cpu", "ns", "CPU time of the target, user and system (in steps of 10 ms a run)")                        \
    X(PAUSE, "stopped", "ns", "time for which the runtime stopped the world, all reasons; estimated from buckets") \
    X(ALLOCATED, "allocated", "B", "bytes allocated on the heap")                                                  \
    X(OBJECTS, "objects", "", "objects allocated on the heap")                                                     \
    X(READ, "read", "B", "bytes read from the target by whoever read it")

enum ld_cost {
#define X(id, ...) LD_COST_##id,
    LD_COSTS(X)
#undef X
    LD_COST_COUNT
};
struct ld_cost_info {
    const char *name, *unit, *doc;
    enum ld_metric metrics[LD_COST_METRICS_MAX];
    size_t metric_count;
    double scale; /* from the metric's unit to ours */
};
extern const struct ld_cost_info ld_cost_table[LD_COST_COUNT];

/* What one run cost, per minute; -1: unknown. */
struct ld_cost_run {
    uint32_t run;
    int64_t values[LD_COST_COUNT];
};
/* One counter of one incarnation: where it stood at the first and at the last sample within the window. */
struct ld_cost_growth {
    enum ld_metric metric;
    int64_t first_ns, last_ns;
    double first, last;
};
/* Figures of one run from its counters; those that were seen twice. */
struct ld_cost_run ld_cost_of_run(uint32_t run, const struct ld_cost_growth *growths, size_t count);

struct ld_cost_value {
    size_t pairs;                 /* in which both runs have the figure; 0: unknown */
    int64_t without, difference;  /* mean of the bare runs, and of what the pairs differ by; per minute */
    bool bounded;                 /* with LD_COST_PAIRS_MIN pairs: a 95 % interval, bootstrap over pairs */
    int64_t lower, upper;
};
struct ld_cost_row {
    const char *scenario, *detector;
    int64_t period_ns; /* sampling period, real time: with half of it who looks each period costs twice as much */
    size_t pairs;      /* of valid runs, the detector whole */
    struct ld_cost_value values[LD_COST_COUNT];
};
struct ld_costs {
    size_t row_count;
    struct ld_cost_row *rows; /* by scenario, then detectors as declared; none without a bare arm */
    struct ld_arena *arena;
};

/* Does a run of that cell say something about a cost? */
bool ld_cost_is_measured(const struct ld_cell *cell);
/* `runs`: one for each record, in any order; records without are left out. LD_ENOMEM. */
int ld_cost_make(struct ld_costs *ret_costs, const struct ld_plan *plan, const struct ld_run_record *records,
                 size_t record_count, const struct ld_cost_run *runs, size_t run_count, struct ld_error *error);
void ld_costs_done(struct ld_costs *costs); /* NULL is allowed */

#endif
