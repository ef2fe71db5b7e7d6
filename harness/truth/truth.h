/* Truth: what the target's author says leaked, and how it is confirmed from outside. reports/definitions.md, "Truth".
 *
 * A fixture writes one JSON object a line on fd 4, stamped with CLOCK_MONOTONIC nanoseconds. Times in struct
 * ld_truth_event are relative to the run's start. No detector but the calibration set ever sees any of this.
 *
 * The wire format. One object, at most LD_TRUTH_LINE_MAX bytes; an unknown or repeated key, a wrong type or a value
 * out of range is an error. Order of keys and lines of several goroutines is free: the stamps count.
 *
 *   t         integer    CLOCK_MONOTONIC, ns; every line
 *   event     text       ready leak cured hold release calm gc error; every line
 *   interval  text       id of 1 to LD_TRUTH_ID_MAX bytes, unique within an incarnation; leak, cured, hold, release
 *   amount    integer    units outstanding after this event. leak, hold: at least 1, required; cured, release: what is
 *                        left, 0 when absent; gc: cycles completed, required
 *   cause     text       a name of LD_CAUSES; the first leak or hold line of an interval (hold: optional)
 *   unit      text       goroutines bytes descriptors connections processes handles cpu; the first line of an interval
 * per_unit  object     what one unit costs: "goroutines", "descriptors", "bytes", integers of at least 0, 0 when
 * absent seen_at   list       at most LD_TRUTH_SITES_MAX functions that a profile can show as the site culprit   text
 *       "file.go:line function", the line at fault text      text       error: why; calm: the site that must never be
 * reported
 *
 * A later leak or hold line of an interval may give interval and amount alone; ld_truth_fold takes the rest from the
 * first. Keys an event has no use for are checked and kept, not refused. */
#ifndef LD_TRUTH_TRUTH_H
#define LD_TRUTH_TRUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "pprof/profile.h"
#include "truth/cause.h"

#define LD_TRUTH_LINE_MAX 65536
#define LD_TRUTH_SITES_MAX 16
#define LD_TRUTH_ID_MAX 64          /* bytes of an interval's id */
#define LD_TRUTH_TEXT_MAX 4096      /* bytes of any other text */
#define LD_TRUTH_AMOUNT_MAX (INT64_C(1) << 50)
#define LD_TRUTH_INTERVALS_MAX 4096 /* of one run */

enum ld_truth_kind {
    LD_TRUTH_READY,   /* the target serves */
    LD_TRUTH_LEAK,    /* an interval's amount grew (the first one opens it) */
    LD_TRUTH_CURED,   /* released by something else: amount is what is left; 0 ends the interval */
    LD_TRUTH_HOLD,    /* a bounded hold began or grew */
    LD_TRUTH_RELEASE, /* a bounded hold shrank or ended */
    LD_TRUTH_CALM,    /* a site that must never be reported */
    LD_TRUTH_GC,      /* answer to the control command gc: `amount` cycles completed */
    LD_TRUTH_ERROR,   /* the fixture cannot do what its setting asks; `text` says why */
    LD_TRUTH_ENDED    /* made by the harness: the incarnation died, all its intervals end */
};
const char *ld_truth_kind_name(enum ld_truth_kind kind);
int ld_truth_kind_find(const char *name);

enum ld_unit {
    LD_UNIT_GOROUTINES,
    LD_UNIT_BYTES,
    LD_UNIT_DESCRIPTORS,
    LD_UNIT_CONNECTIONS,
    LD_UNIT_PROCESSES,
    LD_UNIT_HANDLES,
    LD_UNIT_CPU
};
const char *ld_unit_name(enum ld_unit unit);
int ld_unit_find(const char *name);

struct ld_truth_event {
    int64_t time_ns;          /* since the run's start */
    uint64_t after_sequence;  /* the last observation delivered before it; gives replay its order */
    uint32_t instance, incarnation;
    enum ld_truth_kind kind;
    const char *interval;     /* id, unique within an incarnation; "" when none */
    enum ld_cause cause;
    enum ld_unit unit;
    int64_t amount;           /* units outstanding after this event */
    int64_t goroutines_per_unit, descriptors_per_unit, bytes_per_unit;
    size_t seen_at_count;
    const char *seen_at[LD_TRUTH_SITES_MAX];  /* functions a profile can show as the site */
    const char *culprit;      /* "file.go:line function", "" when not given */
    const char *text;         /* ERROR: why; CALM: the site; ENDED: "kill" when the schedule killed it; else "" */
};

/* One line of fd 4, without or with its newline. `instance`, `incarnation` and `after_sequence` are the reader's to
 * set: the line cannot know them. `run_start_ns` is subtracted from its stamp. Pointers go to `arena`. LD_ESYNTAX,
 * LD_ELIMIT. */
int ld_truth_parse(struct ld_truth_event *ret_event, const char *line, size_t length, int64_t run_start_ns,
                   struct ld_arena *arena, struct ld_error *error);

/* An interval: one leak in one incarnation from its first unit to cure, death or the run's end. */
struct ld_truth_interval {
    const char *id;
    uint32_t instance, incarnation;
    enum ld_cause cause;
    enum ld_unit unit;
    int64_t first_ns;     /* t0, onset of the first unit */
    int64_t manifest_ns;  /* tM, onset of the M-th unit; -1 when never reached */
    int64_t end_ns;       /* cured, died, or the end of follow-up */
    uint64_t manifest_after_sequence;
    enum ld_interval_end {
        LD_END_FOLLOW_UP,
        LD_END_CURED,
        LD_END_DEATH,
        LD_END_KILL
    } end;                /* KILL: scheduled, censors */
    int64_t amount;       /* most units outstanding at once */
    int64_t final_amount; /* outstanding at the end */
    int64_t goroutines_per_unit, descriptors_per_unit, bytes_per_unit;
    size_t seen_at_count;
    const char *const *seen_at;
    const char *culprit;
    bool hold;            /* a bounded hold, never a leak */
    int64_t confirmed;    /* units confirmed from outside, -1 when nobody could look */
};

struct ld_truth {
    struct ld_truth_interval *intervals;
    size_t interval_count;
    const char **calm;       /* sites that must never be reported */
    size_t calm_count;
    struct ld_arena *arena;  /* owns everything above */
};

/* Fold events into intervals, sorted by onset. `manifest`: M, at least 1. `end_ns`: the end of follow-up; what comes
 * after it is left out. The stamps give the order, whatever order the events are in (several targets write at once).
 * Amounts of one interval in several events replace each other; 0 ends the interval, and a leak of the same id after
 * that begins another one. Events of an incarnation that ended are dropped: its units are gone. confirmed is -1.
 * LD_ESYNTAX when a first line lacks its cause, an id is both leak and hold, or a cure has nothing to cure;
 * LD_ELIMIT. */
int ld_truth_fold(struct ld_truth *ret_truth, const struct ld_truth_event *events, size_t count, int64_t manifest,
                  int64_t end_ns, struct ld_error *error);
void ld_truth_done(struct ld_truth *truth);
/* Is the interval open at any instant of [from_ns, to_ns]? Its last instant belongs to it only at the end of
 * follow-up. */
bool ld_truth_interval_covers(const struct ld_truth_interval *interval, int64_t from_ns, int64_t to_ns);
/* Is any unit of a leak outstanding at `time_ns` in that instance and incarnation (0: any incarnation of it)? */
bool ld_truth_outstanding(const struct ld_truth *truth, int64_t time_ns, uint32_t instance, uint32_t incarnation);
/* Does `site` appear in the interval's seen_at? */
bool ld_truth_site_matches(const struct ld_truth_interval *interval, const char *site);

/* Does `site` name the line at fault: the culprit's function, or its "file.go:line"? */
bool ld_truth_names_culprit(const struct ld_truth_interval *interval, const char *site);

/* Confirmation from outside. Goroutine ids at the interval's seen_at sites that are in both dumps (debug=2, before and
 * after a forced GC), divided by goroutines_per_unit, rounded down; less those already there in `baseline` (may be
 * NULL). -1 when the interval has no goroutines or a dump is missing (NULL). */
int64_t ld_truth_confirm(const struct ld_truth_interval *interval, const struct ld_profile *baseline,
                         const struct ld_profile *settled, const struct ld_profile *after_gc);

#endif
