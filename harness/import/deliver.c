/* Reads become observations, in the order in which a live run would have had them. */
#include <string.h>

#include "base/clock.h"
#include "import/internal.h"

struct delivery {
    const struct ld_import *import;
    const struct ld_import_sink *sink;
    struct ld_error *error;
    uint64_t sequence;
    bool begun[LD_IMPORT_INSTANCES_MAX], counted[LD_IMPORT_INSTANCES_MAX]; /* counted: numbers tell its goroutines */
    struct ld_point points[LD_METRIC_COUNT];
};

static int deliver(struct delivery *delivery, struct ld_observation *observation)
{
    observation->sequence = ++delivery->sequence;
    return delivery->sink->observation(delivery->sink->context, observation);
}

static struct ld_observation begin(const struct delivery *delivery, const struct ld_import_read *read,
                                   enum ld_observation_kind kind)
{
    return (struct ld_observation){.time_ns = read->wall_ns - delivery->import->summary.from_ns,
                                   .instance = read->instance,
                                   .incarnation = read->incarnation,
                                   .kind = kind};
}

static int deliver_life(struct delivery *delivery, const struct ld_import_read *read, enum ld_life life,
                        uint32_t incarnation)
{
    struct ld_observation observation = begin(delivery, read, LD_OBSERVATION_LIFE);
    observation.incarnation = incarnation;
    observation.life = life;
    return deliver(delivery, &observation);
}

/* An instance's first read, and one that belongs to another process than the one before. */
static int deliver_lives(struct delivery *delivery, const struct ld_import_read *read)
{
    bool *begun = &delivery->begun[read->instance];
    if (*begun && !read->restarts)
        return 0;
    int code = *begun ? deliver_life(delivery, read, LD_LIFE_ENDED, read->incarnation - 1) : 0;
    if (!code)
        code = deliver_life(delivery, read, LD_LIFE_STARTED, read->incarnation);
    if (!code)
        code = deliver_life(delivery, read, LD_LIFE_READY, read->incarnation);
    *begun = true;
    return code;
}

static int deliver_numbers(struct delivery *delivery, const struct ld_import_read *read)
{
    struct ld_observation observation = begin(delivery, read, LD_OBSERVATION_METRICS);
    if (!read->count)
        return 0; /* only the start time was there */
    for (size_t i = 0; i < read->count; i++) {
        const struct ld_import_number *number = &delivery->import->numbers[read->first + i];
        delivery->points[i] = (struct ld_point){(enum ld_metric)number->role, number->value};
    }
    observation.points = delivery->points;
    observation.point_count = read->count;
    return deliver(delivery, &observation);
}

static int deliver_profile(struct delivery *delivery, const struct ld_import_read *read)
{
    struct ld_observation observation = begin(delivery, read, LD_OBSERVATION_PROFILE);
    struct ld_profile profile;
    int code = 0;
    if (read->goroutines >= 0 && !delivery->counted[read->instance]) {
        struct ld_observation numbers = begin(delivery, read, LD_OBSERVATION_METRICS);
        const struct ld_point point = {LD_METRIC_GOROUTINES, (double)read->goroutines};
        numbers.points = &point;
        numbers.point_count = 1;
        code = deliver(delivery, &numbers);
    }
    if (!code)
        code = ld_profile_parse(&profile, read->kind, read->body, read->length, NULL, delivery->error);
    if (code)
        return code;
    observation.profile_kind = read->kind;
    observation.encoding = read->encoding;
    observation.profile = &profile;
    observation.body = read->body;
    observation.body_length = read->length;
    code = deliver(delivery, &observation);
    ld_profile_done(&profile);
    return code;
}

static int deliver_gap(struct delivery *delivery, const struct ld_import_read *read)
{
    struct ld_observation observation = begin(delivery, read, LD_OBSERVATION_FAILED);
    observation.of_profile = read->of_profile;
    observation.profile_kind = read->of_profile ? read->kind : (enum ld_profile_kind)0;
    observation.encoding = read->encoding;
    observation.failure = LD_READ_GONE;
    observation.text = "nothing was recorded";
    return deliver(delivery, &observation);
}

int ld_import_deliver(const struct ld_import *import, const struct ld_import_sink *sink, struct ld_error *error)
{
    struct delivery delivery = {.import = import, .sink = sink, .error = error};
    int code = 0;
    for (size_t i = 0; i < import->number_count; i++)
        if (import->numbers[i].role == LD_METRIC_GOROUTINES)
            delivery.counted[import->numbers[i].instance] = true;
    for (size_t i = 0; i < import->read_count && !code; i++) {
        const struct ld_import_read *read = &import->reads[i];
        code = deliver_lives(&delivery, read);
        if (!code)
            code = read->gap          ? deliver_gap(&delivery, read)
                   : read->of_profile ? deliver_profile(&delivery, read)
                                      : deliver_numbers(&delivery, read);
    }
    return code;
}
