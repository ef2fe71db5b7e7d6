/* AddressSanitizer and LeakSanitizer as detectors: what a program built with them writes to its standard error. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect/builtin.h"
#include "detect/memory_report.h"
#include "detect/watch.h"

enum which { ADDRESS, LEAK, BOTH };

struct options {
    int which;
};

static const char *const which_names[] = {"address", "leak", "both", NULL};

static const struct ld_schema options_schema = {
    .name = "sanitizer",
    .doc = "Whose reports are read.",
    .fields =
        (const struct ld_field[]){
            {.name = "which",
             .type = LD_FIELD_CHOICE,
             .offset = offsetof(struct options, which),
             .choices = which_names,
             .initial = "both",
             .doc = "address: memory that is used when it must not be; leak: memory of C that is left when the program "
                    "ends; or both."},
            {0}},
};

struct detector {
    struct ld_watch watch;
    enum which which;
};

static unsigned sanitizer_reads(const void *options)
{
    return ((const struct options *)options)->which == ADDRESS ? 0 : LD_READ_FAREWELL;
}

static int sanitizer_open(void **ret_state, const struct ld_detector_setting *setting, struct ld_error *error)
{
    struct detector *detector = calloc(1, sizeof *detector);
    if (!detector)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    ld_watch_init(&detector->watch, sizeof(struct ld_memory_report), NULL);
    detector->which = (enum which)((const struct options *)setting->options)->which;
    *ret_state = detector;
    return 0;
}

static bool is_wanted(const struct detector *detector, enum ld_sanitizer by)
{
    return detector->which == BOTH || (detector->which == LEAK) == (by == LD_SANITIZER_LEAK);
}

/* One claim a site: of the stacks of a report that end in one site the first, which is the largest. */
static int claim(struct detector *detector, struct ld_life_state *life, const struct ld_observation *observation,
                 const struct ld_alert_sink *sink, const struct ld_memory_finding *finding)
{
    bool leak = finding->by == LD_SANITIZER_LEAK;
    char why[LD_SANITIZER_SITE_MAX * 2];
    if (!is_wanted(detector, finding->by) || ld_claim_find(life, finding->site) >= 0)
        return 0;
    if (leak)
        snprintf(why, sizeof why,
                 "LeakSanitizer: %" PRIu64 " bytes in %" PRIu64 " objects, allocated in %s (%.400s), nobody can free",
                 finding->bytes, finding->objects, finding->site[0] ? finding->site : "no frame", finding->place);
    else
        snprintf(why, sizeof why, "AddressSanitizer: %s in %s (%.400s)", finding->what,
                 finding->site[0] ? finding->site : "no frame", finding->place);
    const struct ld_alert alert = {.cause = finding->cause,
                                   .site = finding->site,
                                   .amount = leak ? (double)finding->bytes : 1,
                                   .severity = LD_SEVERITY_RED,
                                   .why = why};
    return ld_claim_open(&detector->watch, life, observation, sink, &alert);
}

/* A life that ends in the midst of a report took with it what the report would have said. */
static void judge_end(struct detector *detector, const struct ld_observation *observation,
                      const struct ld_alert_sink *sink)
{
    struct ld_life_state *life = ld_watch_find(&detector->watch, observation->instance);
    bool ends = observation->kind == LD_OBSERVATION_LIFE && observation->life == LD_LIFE_ENDED;
    if (!ends || !life || life->ended || life->incarnation != observation->incarnation)
        return;
    const struct ld_memory_report *report = life->state;
    if (ld_memory_report_unfinished(report) && is_wanted(detector, report->finding.by))
        ld_watch_unknown(&detector->watch, life, observation, sink, "the report was cut short");
}

static int sanitizer_observe(void *state, const struct ld_observation *observation, const struct ld_alert_sink *sink)
{
    struct detector *detector = state;
    struct ld_life_state *life;
    bool fresh = false;
    judge_end(detector, observation, sink);
    int code = ld_watch_follow(&detector->watch, observation, sink, &life, &fresh);
    if (code || !life)
        return code;
    if (fresh)
        ld_watch_seeing(life, observation, sink);
    if (observation->kind != LD_OBSERVATION_LINE || life->ended)
        return 0;
    struct ld_memory_report *report = life->state;
    switch (ld_memory_report_line(report, observation->text)) {
    case LD_SANITIZER_FOUND:
        return claim(detector, life, observation, sink, &report->finding);
    case LD_SANITIZER_FAILED:
        if (is_wanted(detector, LD_SANITIZER_LEAK))
            ld_watch_unknown(&detector->watch, life, observation, sink, "LeakSanitizer could not look");
        return 0;
    default:
        return 0;
    }
}

static void sanitizer_close(void *state)
{
    struct detector *detector = state;
    ld_watch_done(&detector->watch);
    free(detector);
}

const struct ld_detector_kind ld_detector_sanitizer = {
    .name = "sanitizer",
    .type = LD_DETECTOR_BUILTIN,
    .doc = "Reads what AddressSanitizer and LeakSanitizer write to the standard error of a target that was built with "
           "them, such as `go build -asan`; a target without them tells it nothing. An error is claimed where it "
           "happened, a leak of C memory where it was allocated (a C function as Go calls it: C.set). LeakSanitizer "
           "looks when a program ends by itself: its report comes when the run is over and the target is told to stop, "
           "and that is the time to detect. A report that is cut short is unknown.",
    .reads_of = sanitizer_reads,
    .options = &options_schema,
    .options_size = sizeof(struct options),
    .open = sanitizer_open,
    .observe = sanitizer_observe,
    .close = sanitizer_close,
};
