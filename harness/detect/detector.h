/* The detector interface, and the table of built-in detectors.
 *
 * A detector turns observations into alerts. It sees observation time only, keeps what state it likes, and says
 * `unknown` when it could not look. It must be deterministic: the same observations give the same alerts, to the
 * bit. A new built-in detector is one file in this folder and one row in LD_DETECTORS (builtin.h). */
#ifndef LD_DETECT_DETECTOR_H
#define LD_DETECT_DETECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "detect/alert.h"
#include "detect/files.h"
#include "observe/observation.h"
#include "truth/truth.h"
#include "yaml/schema.h"

enum ld_detector_type {
    LD_DETECTOR_BUILTIN,
    LD_DETECTOR_ENDPOINT,
    LD_DETECTOR_EXEC,
    LD_DETECTOR_WEBHOOK,
    LD_DETECTOR_STATIC
};
const char *ld_detector_type_name(enum ld_detector_type type);

/* What a detector needs read; the union over a run's detectors is the run's set of reads, part of its cell. */
enum ld_read {
    LD_READ_METRICS_PERIOD = 1 << 0,
    LD_READ_GOROUTINE_PERIOD = 1 << 1,
    LD_READ_GOROUTINE_FULL = 1 << 2,   /* debug=2, before, after and on escalation */
    LD_READ_HEAP_PERIOD = 1 << 3,
    LD_READ_GOROUTINELEAK = 1 << 4,    /* intrudes: forces a GC, marks goroutines, erases ages */
    LD_READ_GCTRACE = 1 << 5,
    /* What a target says when it ends by itself: lines and end after the follow-up, when it is told to stop. Only who
     * asks for it sees them; for everybody else the run was over before. */
    LD_READ_FAREWELL = 1 << 6,
    LD_READ_ENDPOINT = 1 << 7          /* paths of detectors of kind endpoint; which and how often: LD_READ_WHICH */
};
/* A cell's reads have in these bits a digest of the paths read and their intervals, so that cells that read other
 * paths differ. */
#define LD_READ_WHICH_SHIFT 8
#define LD_READ_WHICH_MASK 0x7fffffu

#define LD_ENDPOINTS_MAX 8         /* paths read in one run */
#define LD_ENDPOINT_TIMEOUT_MAX_NS (60 * LD_SECOND)

/* A path of the target that a detector has read for itself. */
struct ld_endpoint {
    char path[LD_OBSERVATION_PATH_MAX]; /* with its query */
    int64_t every;      /* sampling periods from one read to the next */
    int64_t hold_ns;    /* how long an answer takes by design */
    int64_t timeout_ns; /* of one read, real time */
    bool changes;       /* it changes the target, or what others read meanwhile: read in turn with them */
};

struct ld_detector_setting {
    const char *name;      /* as the scenario calls it; unique within the scenario */
    const void *options;   /* bound by kind->options, kind->options_size bytes */
    uint64_t seed;         /* for detectors that draw lots */
    double time_scale;     /* windows are divided by it; 1: as written */
    int64_t period_ns;     /* sampling period, already scaled */
    int64_t manifest;      /* M: only for kinds with sees_truth */
    const char *data_folder; /* holds scenarios/matrix/current.yaml, the shipped rule file; "" : the working folder */
    const char *scenario_file; /* files beside it are named from there; NULL or "": the working folder */
    const struct ld_detector_files *files; /* in place of those on disk, where their name is among them; NULL: none */
};

#define LD_DETECTOR_PATH_MAX 4096

/* A file that a detector reads when it is opened. */
struct ld_detector_file_use {
    const char *name;              /* as struct ld_detector_file has it; may be `path` */
    char path[LD_DETECTOR_PATH_MAX];
    ld_detector_file_taker *take;  /* NULL: kept as it is */
};

struct ld_rule_set { /* versioned rules: what alerts name as `rule` and `rule_version` */
    const char *version;
    size_t count;
    const char **ids;
};

struct ld_detector_kind {
    const char *name;
    enum ld_detector_type type;
    const char *doc;
    unsigned reads;               /* enum ld_read bits */
    unsigned (*reads_of)(const void *options); /* NULL: `reads`, whatever the options */
    bool active;                  /* it changes the target: at most one active detector per run (scenario/arm.h) */
    bool sees_truth;              /* calibration only */
    bool calibration;             /* runs in every campaign, must come out at its known scores */
    bool external_clock;          /* depends on Go's own clocks or Prometheus: refuses time_scale, unless: */
    bool (*unscaled)(const void *options); /* its options say that its times are meant as they stand. May be NULL */
    const char *short_option;     /* the option that a bare text in their place is; NULL: none */
    const struct ld_schema *options; /* NULL: none; every field has a default unless required */
    size_t options_size;
    bool (*active_of)(const void *options); /* NULL: `active`, whatever the options */
    /* What it has read for itself: for LD_READ_ENDPOINT, else NULL. Only options, time_scale and
     * period_ns are set. */
    void (*endpoint_of)(const struct ld_detector_setting *setting, struct ld_endpoint *ret_endpoint);
    /* The files that it reads when it is opened, from index 0 on; false: no more. NULL: it reads none. */
    bool (*file)(const struct ld_detector_setting *setting, size_t index, struct ld_detector_file_use *ret_use);
    /* State for one run. 0 or LD_E…. NULL, as is observe: not builtin, the runner opens it. */
    int (*open)(void **ret_state, const struct ld_detector_setting *setting, struct ld_error *error);
    /* How often it measures, ns; may be NULL: as often as is sampled. */
    int64_t (*interval_ns)(const struct ld_detector_setting *setting);
    /* The window it needs before it can speak, ns, for the least deadline; may be NULL (0). */
    int64_t (*window_ns)(const struct ld_detector_setting *setting);
    /* The least number of goroutines at which it may speak; a run that never holds so many is out of its range, no
     * miss. May be NULL (0). */
    int64_t (*least_goroutines)(const struct ld_detector_setting *setting);
    /* Asked when a run is over, for detectors that judge other quantities by published levels: did what it was told
     * reach them? False: it could not have spoken, which is out of its range and no miss; `why` says what was not
     * reached. True whenever it spoke. By what was observed alone, so that a replay says the same. May be NULL. */
    bool (*reached)(const void *state, char *why, size_t room);
    /* The rules it would evaluate now, in `arena`; LD_E… when they cannot be read. May be NULL: it has none. */
    int (*rules)(struct ld_rule_set *ret_rules, const struct ld_detector_setting *setting, struct ld_arena *arena);
    /* One observation. LD_ENOMEM, LD_EDETECTOR: the detector is broken from here on. */
    int (*observe)(void *state, const struct ld_observation *observation, const struct ld_alert_sink *sink);
    /* Truth, for kinds with sees_truth; else NULL. */
    int (*truth)(void *state, const struct ld_truth_event *event, const struct ld_alert_sink *sink);
    void (*close)(void *state); /* NULL is allowed */
};

/* What it needs read with these options, enum ld_read bits. */
unsigned ld_detector_reads(const struct ld_detector_kind *kind, const void *options);
/* The path that it has read; false: none. `period_ns`: between two samples, real time. */
bool ld_detector_endpoint_of(const struct ld_detector_kind *kind, const void *options, double time_scale,
                             int64_t period_ns, struct ld_endpoint *ret_endpoint);
/* Read its files into `files`, those that are not there yet. The codes of ld_detector_files_read. */
int ld_detector_read_files(const struct ld_detector_kind *kind, const struct ld_detector_setting *setting,
                           struct ld_detector_files *files, struct ld_error *error);
/* The path of a file beside the scenario: `name` from the scenario's folder on, unless it is absolute. */
void ld_detector_beside(const char *scenario_file, const char *name, char *path, size_t room);
/* Does it change the target? */
bool ld_detector_is_active(const struct ld_detector_kind *kind, const void *options);

/* NULL when unknown. */
const struct ld_detector_kind *ld_detector_find(const char *name);
/* All kinds in table order; *ret_count rows. Names for ld_nearest: ld_detector_names, ends with NULL. */
const struct ld_detector_kind *const *ld_detector_kinds(size_t *ret_count);
const char *const *ld_detector_names(void);

/* A detector at work: kind, state and a copy of its name; counts alerts and enforces the interface (an alert for a
 * closed id, evidence ahead of the observation in hand, and the like are LD_EDETECTOR). */
struct ld_detector;
int ld_detector_open(struct ld_detector **ret_detector, const struct ld_detector_kind *kind,
                     const struct ld_detector_setting *setting, struct ld_error *error);
const char *ld_detector_name(const struct ld_detector *detector);
const struct ld_detector_kind *ld_detector_kind_of(const struct ld_detector *detector);
/* After an error every further call returns that error. */
int ld_detector_observe(struct ld_detector *detector, const struct ld_observation *observation,
                        const struct ld_alert_sink *sink);
int ld_detector_truth(struct ld_detector *detector, const struct ld_truth_event *event,
                      const struct ld_alert_sink *sink);
/* Did the run reach its published levels? False: `why` says which it did not. */
bool ld_detector_reached(const struct ld_detector *detector, char *why, size_t room);
void ld_detector_free(struct ld_detector *detector); /* NULL is allowed */

#endif
