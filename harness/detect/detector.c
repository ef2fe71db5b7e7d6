#include "detect/detector.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect/builtin.h"

/* Alerts and unknowns that may be open at once over all instances of a run. */
#define OPEN_MAX ((size_t)1 << 20)

static const struct ld_detector_kind *const kinds[] = {
#define X(id, name) &ld_detector_##id,
    LD_DETECTORS(X)
#undef X
};
#define KIND_COUNT (sizeof kinds / sizeof kinds[0])

const char *ld_detector_type_name(enum ld_detector_type type)
{
    static const char *const names[] = {"builtin", "endpoint", "exec", "webhook", "static"};
    return names[type];
}

unsigned ld_detector_reads(const struct ld_detector_kind *kind, const void *options)
{
    return kind->reads_of ? kind->reads_of(options) : kind->reads;
}

bool ld_detector_endpoint_of(const struct ld_detector_kind *kind, const void *options, double time_scale,
                             int64_t period_ns, struct ld_endpoint *ret_endpoint)
{
    const struct ld_detector_setting setting = {
        .name = kind->name, .options = options, .time_scale = time_scale, .period_ns = period_ns};
    if (!kind->endpoint_of)
        return false;
    kind->endpoint_of(&setting, ret_endpoint);
    return true;
}

int ld_detector_read_files(const struct ld_detector_kind *kind, const struct ld_detector_setting *setting,
                           struct ld_detector_files *files, struct ld_error *error)
{
    struct ld_detector_file_use use;
    int code = 0;
    for (size_t i = 0; !code && kind->file && kind->file(setting, i, &use); i++)
        code = ld_detector_files_read(files, use.name, use.path, use.take, error);
    return code;
}

void ld_detector_beside(const char *scenario_file, const char *name, char *path, size_t room)
{
    const char *slash = scenario_file && name[0] != '/' ? strrchr(scenario_file, '/') : NULL;
    if (strncmp(name, "./", 2) == 0)
        name += 2;
    snprintf(path, room, "%.*s%s", slash ? (int)(slash - scenario_file + 1) : 0, slash ? scenario_file : "", name);
}

bool ld_detector_is_active(const struct ld_detector_kind *kind, const void *options)
{
    return kind->active || (kind->active_of && kind->active_of(options)) ||
           (ld_detector_reads(kind, options) & LD_READ_GOROUTINELEAK);
}

const struct ld_detector_kind *ld_detector_find(const char *name)
{
    for (size_t i = 0; i < KIND_COUNT; i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}

const struct ld_detector_kind *const *ld_detector_kinds(size_t *ret_count)
{
    *ret_count = KIND_COUNT;
    return kinds;
}

const char *const *ld_detector_names(void)
{
    static const char *const names[] = {
#define X(id, name) name,
        LD_DETECTORS(X)
#undef X
        NULL};
    return names;
}

struct open_alert {
    uint64_t id;
    uint32_t instance;
    bool unknown; /* opened by UNKNOWN: only KNOWN ends it */
};

struct ld_detector {
    const struct ld_detector_kind *kind;
    char *name;
    void *state;
    int broken;            /* the error that every further call returns */
    uint64_t last_id;      /* ids rise */
    uint64_t last_sequence;
    int64_t last_time_ns;
    bool truth_in_hand;    /* truth comes between observations: its time is not theirs */
    size_t open_count, open_room;
    struct open_alert *open; /* by rising id */
    const struct ld_alert_sink *sink; /* during a call */
};

int ld_detector_open(struct ld_detector **ret_detector, const struct ld_detector_kind *kind,
                     const struct ld_detector_setting *setting, struct ld_error *error)
{
    struct ld_detector *detector = calloc(1, sizeof *detector);
    char *name = strdup(setting->name);
    if (!detector || !name) {
        free(detector);
        free(name);
        return ld_fail(error, LD_ENOMEM, "out of memory");
    }
    detector->kind = kind;
    detector->name = name;
    int code = kind->open(&detector->state, setting, error);
    if (code) {
        free(name);
        free(detector);
        return code;
    }
    *ret_detector = detector;
    return 0;
}

const char *ld_detector_name(const struct ld_detector *detector)
{
    return detector->name;
}

const struct ld_detector_kind *ld_detector_kind_of(const struct ld_detector *detector)
{
    return detector->kind;
}

static bool well_formed(const struct ld_detector *detector, const struct ld_alert *alert)
{
    if (!alert->site || !alert->why || !alert->rule || !alert->rule_version)
        return false;
    if ((unsigned)alert->action > LD_ALERT_KNOWN || (unsigned)alert->cause >= LD_CAUSE_COUNT ||
        (unsigned)alert->severity > LD_SEVERITY_RED)
        return false;
    if (!isfinite(alert->amount) || alert->amount < 0)
        return false;
    if (alert->evidence > detector->last_sequence)
        return false;
    return detector->truth_in_hand || alert->evidence_time_ns <= detector->last_time_ns;
}

static int remember(struct ld_detector *detector, const struct ld_alert *alert)
{
    if (alert->id <= detector->last_id)
        return LD_EDETECTOR;
    if (detector->open_count == OPEN_MAX)
        return LD_ELIMIT;
    if (detector->open_count == detector->open_room) {
        size_t room = detector->open_room ? detector->open_room * 2 : 8;
        struct open_alert *open = realloc(detector->open, room * sizeof *open);
        if (!open)
            return LD_ENOMEM;
        detector->open = open;
        detector->open_room = room;
    }
    detector->last_id = alert->id;
    detector->open[detector->open_count++] = (struct open_alert){
        .id = alert->id, .instance = alert->instance, .unknown = alert->action == LD_ALERT_UNKNOWN};
    return 0;
}

static int forget(struct ld_detector *detector, const struct ld_alert *alert)
{
    for (size_t i = 0; i < detector->open_count; i++) {
        struct open_alert *open = &detector->open[i];
        if (open->id != alert->id)
            continue;
        if (open->instance != alert->instance || open->unknown != (alert->action == LD_ALERT_KNOWN))
            return LD_EDETECTOR;
        memmove(open, open + 1, (detector->open_count - i - 1) * sizeof *open);
        detector->open_count--;
        return 0;
    }
    return LD_EDETECTOR;
}

/* The sink that the detector sees: it checks each alert against the interface before anybody receives it. */
static void check_alert(void *context, const struct ld_alert *alert)
{
    struct ld_detector *detector = context;
    if (detector->broken)
        return;
    bool opens = alert->action == LD_ALERT_OPEN || alert->action == LD_ALERT_UNKNOWN;
    if (!well_formed(detector, alert))
        detector->broken = LD_EDETECTOR;
    else
        detector->broken = opens ? remember(detector, alert) : forget(detector, alert);
    if (!detector->broken && detector->sink && detector->sink->alert)
        detector->sink->alert(detector->sink->context, alert);
}

static int finish(struct ld_detector *detector, int code)
{
    detector->sink = NULL;
    detector->truth_in_hand = false;
    if (!detector->broken)
        detector->broken = code;
    return detector->broken;
}

int ld_detector_observe(struct ld_detector *detector, const struct ld_observation *observation,
                        const struct ld_alert_sink *sink)
{
    if (detector->broken)
        return detector->broken;
    detector->last_sequence = observation->sequence;
    detector->last_time_ns = observation->time_ns;
    detector->sink = sink;
    struct ld_alert_sink checked = {check_alert, detector};
    return finish(detector, detector->kind->observe(detector->state, observation, &checked));
}

int ld_detector_truth(struct ld_detector *detector, const struct ld_truth_event *event,
                      const struct ld_alert_sink *sink)
{
    if (detector->broken)
        return detector->broken;
    if (!detector->kind->truth)
        return 0;
    detector->sink = sink;
    detector->truth_in_hand = true;
    struct ld_alert_sink checked = {check_alert, detector};
    return finish(detector, detector->kind->truth(detector->state, event, &checked));
}

bool ld_detector_reached(const struct ld_detector *detector, char *why, size_t room)
{
    return detector->broken || !detector->kind->reached || detector->kind->reached(detector->state, why, room);
}

void ld_detector_free(struct ld_detector *detector)
{
    if (!detector)
        return;
    if (detector->kind->close)
        detector->kind->close(detector->state);
    free(detector->open);
    free(detector->name);
    free(detector);
}
