/* Calibration: alarms by lot at a known hazard. */
#include "base/random.h"

#include <stdlib.h>

#include "base/clock.h"
#include "detect/builtin.h"
#include "detect/watch.h"

#define HITS_A_PERIOD 0.1 /* at most: between two looks there is no second lot */
#define HITS_MAX 1000     /* of one interval */

struct options {
    double hazard_per_second;
};

static const struct ld_schema options_schema = {
    .name = "random",
    .doc = "How often the lot falls.",
    .fields =
        (const struct ld_field[]){
            {.name = "hazard", .type = LD_FIELD_RATE, .offset = offsetof(struct options, hazard_per_second),
             .minimum = 0, .maximum = 1000, .initial = "6/m",
             .doc = "Expected alerts per minute of observation time of one instance, but at most one in ten sampling "
                    "periods; not scaled."},
            {0}},
};

struct life {
    bool seen;
    int64_t time_ns;
};

struct detector {
    struct ld_watch watch;
    uint64_t seed;
    double hazard_per_second;
};

static int random_open(void **ret_state, const struct ld_detector_setting *setting, struct ld_error *error)
{
    const struct options *options = setting->options;
    struct detector *detector = calloc(1, sizeof *detector);
    if (!detector)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    ld_watch_init(&detector->watch, sizeof(struct life), NULL);
    detector->seed = setting->seed;
    detector->hazard_per_second = ld_random_hazard(options->hazard_per_second, setting->period_ns);
    *ret_state = detector;
    return 0;
}

double ld_random_hazard(double hazard_per_second, int64_t period_ns)
{
    double most = period_ns > 0 ? HITS_A_PERIOD / ((double)period_ns / (double)LD_SECOND) : hazard_per_second;
    return hazard_per_second < most ? hazard_per_second : most;
}

/* The lots of one interval between two observations of a life: hazard x length, which needs no libm and so is the same
 * on every machine; what is whole of it falls for certain, so that a long silence keeps the hazard too. The draw
 * depends on the seed and the observation that ends the interval, on nothing else. */
static unsigned draw(const struct detector *detector, const struct ld_observation *observation, int64_t since_ns)
{
    double chance = detector->hazard_per_second * ((double)(observation->time_ns - since_ns) / (double)LD_SECOND);
    unsigned hits = 0;
    for (; chance >= 1 && hits < HITS_MAX; chance--)
        hits++;
    return hits + (ld_unit(ld_derive(detector->seed, "random", observation->sequence)) < chance);
}

static int random_observe(void *state, const struct ld_observation *observation, const struct ld_alert_sink *sink)
{
    struct detector *detector = state;
    struct ld_life_state *life;
    int code = ld_watch_follow(&detector->watch, observation, sink, &life, NULL);
    if (code || !life)
        return code;
    struct life *last = life->state;
    unsigned hits = last->seen ? draw(detector, observation, last->time_ns) : 0;
    last->seen = true;
    last->time_ns = observation->time_ns;
    const struct ld_alert alert = {.cause = LD_CAUSE_ANY, .severity = LD_SEVERITY_AMBER, .why = "the lot fell"};
    for (unsigned i = 0; i < hits && !code; i++) {
        code = ld_claim_open(&detector->watch, life, observation, sink, &alert);
        if (!code)
            ld_claim_close(life, observation, sink, 0, "drawn again at the next observation");
    }
    return code;
}

static void random_close(void *state)
{
    struct detector *detector = state;
    ld_watch_done(&detector->watch);
    free(detector);
}

const struct ld_detector_kind ld_detector_random = {
    .name = "random",
    .type = LD_DETECTOR_BUILTIN,
    .doc =
        "Calibration: draws at every observation and alarms with probability hazard x time since the one before; each "
        "alert opens and closes at once, names neither cause nor site. The draws depend on the seed alone.",
    .calibration = true,
    .options = &options_schema,
    .options_size = sizeof(struct options),
    .open = random_open,
    .observe = random_observe,
    .close = random_close,
};
