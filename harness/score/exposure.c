/* How long a detector watched a target that held nothing: the denominator of its false alarms. While something is held
 * for a while an alert is one in a hold, which has a time of its own. */
#include <stdlib.h>

#include "base/clock.h"
#include "score/internal.h"

enum layer { LEAKING, HOLDING, BLIND, LAYERS };

/* At time_ns the number of covers of `layer` changes by `change`. */
struct edge {
    int64_t time_ns;
    enum layer layer;
    int change;
};

struct edges {
    struct edge *items;
    size_t count;
    int64_t from_ns, to_ns;
};

static int by_time(const void *left, const void *right)
{
    const struct edge *a = left, *b = right;
    return a->time_ns < b->time_ns ? -1 : a->time_ns > b->time_ns;
}

static void cover(struct edges *edges, enum layer layer, int64_t from_ns, int64_t to_ns)
{
    from_ns = from_ns > edges->from_ns ? from_ns : edges->from_ns;
    to_ns = to_ns < edges->to_ns ? to_ns : edges->to_ns;
    if (from_ns >= to_ns)
        return;
    edges->items[edges->count++] = (struct edge){from_ns, layer, 1};
    edges->items[edges->count++] = (struct edge){to_ns, layer, -1};
}

/* From `unknown` to `known`, as far as it lies within the life: who is blind stays so through deaths and restarts. */
static void cover_blindness(struct edges *edges, const struct ld_detector_record *record,
                            const struct ld_life_span *life)
{
    int64_t blind_from_ns = -1;
    for (size_t i = 0; i < record->alert_count; i++) {
        const struct ld_alert *alert = &record->alerts[i];
        if (alert->instance != life->instance)
            continue;
        if (alert->action == LD_ALERT_UNKNOWN && blind_from_ns < 0)
            blind_from_ns = alert->receipt_ns;
        if (alert->action == LD_ALERT_KNOWN && blind_from_ns >= 0) {
            cover(edges, BLIND, blind_from_ns, alert->receipt_ns);
            blind_from_ns = -1;
        }
    }
    if (blind_from_ns >= 0)
        cover(edges, BLIND, blind_from_ns, life->to_ns);
}

struct sums {
    int64_t quiet_ns, held_ns, unknown_ns;
};

static void measure(const struct edges *edges, struct sums *sums)
{
    int depth[LAYERS] = {0};
    int64_t previous_ns = edges->from_ns;
    for (size_t i = 0; i <= edges->count; i++) {
        int64_t time_ns = i < edges->count ? edges->items[i].time_ns : edges->to_ns;
        if (depth[BLIND])
            sums->unknown_ns += time_ns - previous_ns;
        else if (!depth[LEAKING])
            *(depth[HOLDING] ? &sums->held_ns : &sums->quiet_ns) += time_ns - previous_ns;
        previous_ns = time_ns;
        if (i < edges->count)
            depth[edges->items[i].layer] += edges->items[i].change;
    }
}

static double seconds(int64_t ns)
{
    return (double)ns / (double)LD_SECOND;
}

int score_exposure(struct score_exposure *ret_exposure, const struct ld_run_record *run, size_t detector)
{
    const struct ld_detector_record *record = &run->detectors[detector];
    size_t intervals = run->truth ? run->truth->interval_count : 0;
    struct sums sums = {0};
    struct edges edges = {.items = calloc(2 * (intervals + record->alert_count + 1), sizeof *edges.items)};
    if (!edges.items)
        return LD_ENOMEM;
    for (size_t i = 0; i < run->life_count; i++) {
        const struct ld_life_span *life = &run->lives[i];
        edges.count = 0;
        edges.from_ns = life->from_ns > run->observed_from_ns ? life->from_ns : run->observed_from_ns;
        edges.to_ns = life->to_ns < run->observed_to_ns ? life->to_ns : run->observed_to_ns;
        if (edges.from_ns >= edges.to_ns)
            continue;
        for (size_t j = 0; j < intervals; j++) {
            const struct ld_truth_interval *interval = &run->truth->intervals[j];
            if (interval->instance == life->instance && interval->incarnation == life->incarnation)
                cover(&edges, interval->hold ? HOLDING : LEAKING, interval->first_ns, interval->end_ns);
        }
        cover_blindness(&edges, record, life);
        qsort(edges.items, edges.count, sizeof *edges.items, by_time);
        measure(&edges, &sums);
    }
    free(edges.items);
    *ret_exposure = (struct score_exposure){seconds(sums.quiet_ns), seconds(sums.held_ns), seconds(sums.unknown_ns)};
    return 0;
}
