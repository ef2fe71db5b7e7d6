/* A scenario: one checked YAML file.
 *
 * All pointers belong to the scenario. Times of the schedule count from the start of the method (after the steady
 * check); durations are as written, unscaled: the plan divides by time_scale. */
#ifndef LD_SCENARIO_SCENARIO_H
#define LD_SCENARIO_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "detect/detector.h"
#include "fault/condition.h"
#include "fault/fault.h"
#include "scenario/sprt.h"
#include "truth/cause.h"
#include "yaml/schema.h"

enum ld_target_kind {
    LD_TARGET_FIXTURE,
    LD_TARGET_COMMAND,
    LD_TARGET_ATTACH,
    LD_TARGET_INSTRUMENT,
    LD_TARGET_IMPORTED
};
enum ld_main_mode { LD_MAIN_NORMAL, LD_MAIN_HELD, LD_MAIN_ON_REQUEST };
enum ld_truth_source { LD_TRUTH_FD, LD_TRUTH_DECLARED, LD_TRUTH_NONE };
enum ld_variant { LD_VARIANT_LEAKY, LD_VARIANT_HEALTHY, LD_VARIANTS };
const char *ld_variant_name(enum ld_variant variant);

struct ld_limits_spec {
    uint64_t memory_bytes; /* 0: none */
    int64_t open_files;    /* hard limit; 0: inherit */
    int64_t wall_ns;       /* a run longer than this is killed: harness error */
};

struct ld_declared_truth { /* truth: declared */
    bool healthy;          /* nothing leaks; the rest is unset then */
    enum ld_cause cause;
    int64_t from_ns; /* onset after the method began */
    int64_t amount;
    struct ld_list seen_at; /* const char * */
};

struct ld_death_spec { /* death: {exit: 66} or {signal: SEGV}: how the leaky variant is meant to die */
    bool given;
    int64_t status; /* exit code, or -signal */
};

struct ld_environment_spec {
    struct ld_list names, values; /* const char *, equally many */
};

struct ld_instrument_spec { /* a Go main package, built with the listener added */
    const char *package; /* a folder; "{goroot}" in front is Go's own, "." and so on are within `module` when given */
    const char *module;     /* "example.org/shop@v1.2.3", or "": the folder is on this machine */
    struct ld_list arguments, flags; /* const char *: of the program, of go build */
    struct ld_environment_spec environment; /* of the build */
    int main;        /* enum ld_main_mode */
    int64_t wall_ns; /* most time of the build */
};

struct ld_target_spec {
    enum ld_target_kind kind;
    const char *fixture;    /* "http/body-not-closed" */
    struct ld_list command; /* const char *; "{listen}" and such become addresses; INSTRUMENT: the arguments */
    const char *attach;     /* "http://127.0.0.1:6060": loopback only */
    struct ld_instrument_spec *instrument; /* NULL unless INSTRUMENT */
    const char *imported;   /* IMPORTED: where the observations are from, for people */
    const char *profiles;   /* attach: the address of pprof when it is another; "" */
    enum ld_truth_source truth;
    struct ld_declared_truth *declared; /* NULL unless truth: declared */
    bool variants[LD_VARIANTS]; /* fixtures: which; command and attach: one, by `variants` or `declared.healthy` */
    int64_t instances;
    struct ld_list rates;                 /* double: dose axis, leaked units per request; default [1] */
    struct ld_list depths;                /* int64_t: frames deep in the shared helper; default [0] */
    int64_t gomaxprocs;                   /* 0: do not set */
    struct ld_environment_spec environment;
    struct ld_limits_spec limits;
    struct ld_death_spec death;
    struct ld_list own;       /* const char *: modules or packages that are the target's own, beside its main module */
    const char *metrics_path; /* "/metrics"; "" when the target has none */
    const char *ready_path;   /* all but fixtures: asked until it answers 200; default /debug/pprof/ */
};

struct ld_load_spec {
    const char *path; /* "" when there is no load */
    double per_second;
    int64_t from_ns, for_ns;
};

struct ld_phases_spec {
    int64_t ready_ns;    /* at most this long until ready */
    int64_t baseline_ns; /* quiet observation before the method */
    int64_t drain_ns;    /* after the load: outstanding requests may end */
    int64_t settle_ns;   /* after the drain, before the looks from outside */
    int64_t stop_ns;     /* after TERM, before KILL */
};

struct ld_sampling_spec {
    int64_t every_ns;
    bool profiles[LD_PROFILE_KINDS];
    int64_t full_below;   /* debug=2 only below this many goroutines; 0: never; 2000, attached targets 0 */
    int64_t idle_periods; /* a goroutine profile at least every so many periods though the count stands still; 8 */
    int64_t timeout_ns;   /* of one read */
};

struct ld_fault_case {
    const char *name; /* "none" is case 0 and always there */
    size_t fault_count;
    struct ld_fault_spec *faults;
};

struct ld_detector_spec {
    const char *name; /* unique; the kind's name unless given */
    const struct ld_detector_kind *kind;
    void *options; /* bound by kind->options; NULL when it has none */
};

/* How detectors are spread over arms; scenario/arm.h. */
enum ld_arms_mode { LD_ARMS_TOGETHER, LD_ARMS_APART, LD_ARMS_EACH };

struct ld_rate_expectation { /* {observed: 100%}, {confident: 90%, at: 95%}, or both; or {missed: all} */
    bool given;
    bool missed;      /* declared: it is known not to see this leak; the rest is -1 then */
    double observed;  /* least share seen; -1 when not given */
    double confident; /* least exact lower bound; -1 when not given */
    double at;        /* its confidence, 0.95 */
};

struct ld_expectation {
    const char *detector; /* a name of `detectors` or of the calibration set */
    struct ld_list cases; /* const char *: the fault cases in which it is asked; empty: in every one */
    bool report_only;
    struct ld_rate_expectation detection;
    bool false_alarms_given;
    int64_t false_alarms_at_most; /* episodes, over all runs of a cell */
    bool during_holds_given;
    int64_t during_holds_at_most; /* episodes while a bounded hold lasts, over all runs of a cell */
    bool time_given;
    int64_t median_ns, p95_ns; /* 0: not asked */
    int64_t deadline_ns;       /* 0: the default, run end */
    bool cause_right;          /* cause: right */
    bool site_observable;      /* site: observable */
    unsigned line;             /* of the file, for reports; 0 when built in code */
};

struct ld_sequential_spec { /* sequential: {miss: [5%, 20%], max: 60} */
    double miss[2],
        false_alarm[2]; /* p0 and p1 of leaky runs with a miss, of healthy runs with a false alarm; 0: not given */
    double alpha, beta;             /* alpha is that of all tests of a plan together */
    int64_t min, max;               /* runs with evidence */
};

struct ld_repeat_spec {
    int64_t runs;
    int64_t full; /* with --full; 0: not given */
    const struct ld_sequential_spec *sequential; /* NULL: a fixed number of runs */
};

struct ld_scenario {
    const char *file, *name, *doc;
    const char *folder; /* from which `file` is seen; NULL: the working folder. The caller's */
    const char *text; /* the file's bytes: stored with the campaign */
    size_t text_length;
    char hash[LD_HASH_HEX]; /* of the text */
    struct ld_target_spec target;
    const char *upstream; /* "" when there is none; else a program of fixtures-go/upstreams */
    struct ld_load_spec load;
    double time_scale;
    struct ld_phases_spec phases;
    struct ld_sampling_spec sampling;
    const struct ld_steady *steady; /* the gate before the method; NULL: none */
    size_t abort_count;
    const struct ld_when *aborts; /* each ends the run */
    int64_t manifest;        /* M */
    size_t fault_case_count; /* at least 1 */
    struct ld_fault_case *fault_cases;
    size_t detector_count; /* as declared, the calibration set not among them */
    struct ld_detector_spec *detectors;
    int arms; /* enum ld_arms_mode */
    struct ld_repeat_spec repeat;
    size_t expectation_count;
    struct ld_expectation *expectations;
    const struct ld_detector_files *files; /* the catalogue's: what its detectors read */
    struct ld_arena *arena;
};

/* Does its command line tell it where to serve, and where to serve pprof when that is another address? */
bool ld_target_listens(const struct ld_target_spec *target);
bool ld_target_places_pprof(const struct ld_target_spec *target);

/* ---- limits that several rooms rely on */
#define LD_SCENARIO_METHOD_MAX_NS (24 * LD_HOUR) /* a schedule ends before */
#define LD_SCENARIO_PERIOD_MIN_NS (20 * LD_MS)   /* sampling period after time_scale */

/* `ns` of the written schedule in real time: divided by time_scale, rounded to the nearest nanosecond. What is scaled:
 * load, faults' at, for and restart_after, baseline, drain, settle, the sampling period, deadlines, the windows of
 * detectors and what fixtures ask their setting for. What is not, because it bounds the work of real processes and
 * sockets: phases ready and stop, limits.wall, sampling.timeout, and what a toxic does to bytes (latency, jitter). */
int64_t ld_scenario_scaled_ns(const struct ld_scenario *scenario, int64_t ns);
/* When the method of a fault case is over, unscaled: the latest of the load's end and the faults' ends (a restart is
 * part of its kill); 0 without either. */
int64_t ld_scenario_method_ns(const struct ld_scenario *scenario, const struct ld_fault_case *fault_case);

/* How often each cell is run for claims: repeat.full; else LD_RUNS_FULL, or repeat.runs where that is more, when a
 * detector is judged; else repeat.runs, for a score that is only shown claims nothing. */
int64_t ld_scenario_full_runs(const struct ld_scenario *scenario);

/* What of an expectation is judged by a sequential test in the cells of a variant: detection in leaky ones, false
 * alarms in healthy ones, where repeat.sequential gives the rates. False: nothing. `ret_test`: with the whole alpha;
 * may be NULL. */
bool ld_scenario_sequential_test(const struct ld_scenario *scenario, enum ld_variant variant,
                                 const struct ld_expectation *expectation, struct ld_sprt_test *ret_test);

/* The conditions of a fault case, scaled: first the aborts ("abort/0", ...), then the faults that wait for one, by the
 * fault's id. `ret_steady` NULL when there is no gate. All of it in `arena`. LD_ENOMEM. */
int ld_scenario_conditions(const struct ld_scenario *scenario, const struct ld_fault_case *fault_case,
                           struct ld_arena *arena, const struct ld_steady **ret_steady,
                           struct ld_condition **ret_items, size_t *ret_count);

/* What names a scenario may use; the runner knows where programs are, tests give their own. NULL instead of a
 * catalogue: every well-formed name is taken. */
struct ld_catalogue {
    bool (*has_fixture)(void *context, const char *name); /* NULL: the lists below decide */
    bool (*has_upstream)(void *context, const char *name);
    bool (*has_variant)(void *context, const char *fixture, enum ld_variant variant); /* NULL: every fixture has both */
    const char *const *fixtures; /* for nearest names; end with NULL */
    const char *const *upstreams;
    void *context;
    /* Can the words of a detector's command be started, seen from the scenario's file? NULL: not asked. `index`: of the
     * word; 0 is the program. 0, or LD_E… with why. */
    int (*check_word)(const char *file, const char *word, size_t index, struct ld_error *error);
    /* What else the options of a detector that the runner hosts name: is it there and good? NULL: not asked. */
    int (*check_hosted)(const char *file, const struct ld_scenario *scenario, const struct ld_detector_spec *detector,
                        struct ld_error *error);
    const char *data_folder; /* where shipped rule files are, for the windows of detectors; NULL when unknown */
    /* What detectors read; outlives the scenarios, which go on using it. Of stored ones: as it was then. NULL: none,
     * each detector reads its files when it is opened. */
    struct ld_detector_files *files;
    /* Read the files of each detector into `files`, and open each built-in detector with its options, so that a rule
     * file that is missing or wrong is found here. Not for a stored scenario: its files may be gone. Needs data_folder.
     */
    bool opens_detectors;
};

/* Parse and check. Every error in `errors`; the first one's code is returned. */
int ld_scenario_parse(struct ld_scenario **ret_scenario, const char *file, const void *bytes, size_t length,
                      const struct ld_catalogue *catalogue, struct ld_errors *errors);
int ld_scenario_read(struct ld_scenario **ret_scenario, const char *file, const struct ld_catalogue *catalogue,
                     struct ld_errors *errors);
void ld_scenario_free(struct ld_scenario *scenario); /* NULL is allowed */

/* One detector outside a scenario: a document that is an item of `detectors`, such as threshold: {warn: 100}. Bound
 * into `arena`, which needs LD_YAML_ARENA_MAX more; the calibration set is refused. Every error in `errors`. */
int ld_detector_declaration_parse(struct ld_detector_spec *ret_spec, struct ld_arena *arena, const char *file,
                                  const char *text, size_t length, struct ld_errors *errors);

/* The schema, for explain; the tables of faults and detectors appear in it. */
extern const struct ld_schema ld_scenario_schema;
/* `path` NULL: everything. Else the part under a dotted key path ("target.limits"), a fault's or a detector's name, or
 * faults and detectors for their tables; LD_ENOENT with the nearest name. */
struct ld_buffer;
/* Every dotted key path that it explains, in the order of the schema; returns how many, at most `most`. */
#define LD_KEY_PATH_MAX 64
size_t ld_scenario_key_paths(char (*ret_paths)[LD_KEY_PATH_MAX], size_t most);
/* Key paths whose last part is `end`, those of items of lists, such as expect.site, among them; returns how many, at
 * most `most`. */
#define LD_KEY_ENDS_MAX 8
size_t ld_scenario_keys_ending(const char *end, char (*ret_paths)[LD_KEY_PATH_MAX], size_t most);
int ld_scenario_explain(const char *path, struct ld_buffer *out, struct ld_error *error);

#endif
