/* Truth of a run: what the target says, what the scenario declares, what the look from outside confirms; and whether
 * the run is evidence at all, decided blind to alerts (reports/definitions.md, "A run is valid"). */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "runner/run/run_internal.h"

static bool make_room(struct ld_run *run)
{
    if (run->truth_count < run->truth_room)
        return true;
    size_t room = run->truth_room ? run->truth_room * 2 : 256;
    struct ld_truth_event *grown =
        room <= LD_RUN_TRUTH_MAX ? ld_arena_array(run->arena, room, sizeof *grown) : NULL;
    if (!grown) {
        ld_run_void(run, LD_INVALID_HARNESS, "too many truth events");
        return false;
    }
    if (run->truth_count)
        memcpy(grown, run->truth, run->truth_count * sizeof *grown);
    run->truth = grown;
    run->truth_room = room;
    return true;
}

void ld_run_truth_add(struct ld_run *run, const struct ld_truth_event *event)
{
    if (run->phase >= LD_PHASE_STOP || !make_room(run))
        return;
    struct ld_truth_event *kept = &run->truth[run->truth_count++];
    *kept = *event;
    kept->after_sequence = run->sequence;
    ld_run_written(run, ld_writer_truth_event(run->control->writer, run->run_plan->index, kept));
    if (run->phase < LD_PHASE_STOP)
        ld_panel_truth(run->panel, kept);
}

static void obey(struct ld_instance *instance, const struct ld_truth_event *event)
{
    struct ld_run *run = instance->run;
    switch (event->kind) {
    case LD_TRUTH_READY:
        ld_service_set_ready(&instance->service);
        break;
    case LD_TRUTH_GC:
        if (run->phase == LD_PHASE_AFTER && instance->gc_asked && !instance->forced_gc) {
            instance->forced_gc = true;
            ld_sampler_survey(&instance->sampler, LD_PURPOSE_AFTER, true);
        }
        break;
    case LD_TRUTH_ERROR:
        ld_run_void(run, LD_INVALID_HARNESS, "%s: %s", instance->name, event->text);
        break;
    default:
        break;
    }
}

void ld_run_truth_line(struct ld_instance *instance, const char *line, size_t length)
{
    struct ld_run *run = instance->run;
    struct ld_truth_event event;
    struct ld_error error;
    if (run->phase >= LD_PHASE_STOP)
        return;
    int code = ld_truth_parse(&event, line, length, run->start_ns, run->arena, &error);
    if (code) {
        ld_run_void(run, LD_INVALID_HARNESS, "%s: %s", instance->name, error.message);
        return;
    }
    if (event.time_ns > ld_run_now(run)) {
        ld_run_void(run, LD_INVALID_TRUTH, "%s: a truth line from the future", instance->name);
        return;
    }
    event.instance = instance->index;
    event.incarnation = instance->service.incarnation;
    ld_run_truth_add(run, &event);
    obey(instance, &event);
}

void ld_run_truth_ended(struct ld_instance *instance, const char *text)
{
    struct ld_truth_event event = {.time_ns = ld_run_now(instance->run),
                                   .instance = instance->index,
                                   .incarnation = instance->service.incarnation,
                                   .kind = LD_TRUTH_ENDED,
                                   .interval = "",
                                   .culprit = "",
                                   .text = text};
    ld_run_truth_add(instance->run, &event);
}

bool ld_run_truth_outstanding(const struct ld_instance *instance, int64_t time_ns)
{
    const struct ld_run *run = instance->run;
    struct ld_truth truth;
    struct ld_error error;
    if (ld_truth_fold(&truth, run->truth, run->truth_count, 1, ld_run_now(run), &error) != 0)
        return false;
    /* Its end closed every interval at its time: one nanosecond before, what it held is what it died with. */
    bool outstanding = ld_truth_outstanding(&truth, time_ns - 1, instance->index, instance->service.incarnation);
    ld_truth_done(&truth);
    return outstanding;
}

/* ---- confirmation from outside */

static const struct ld_profile *dump_of(const struct ld_instance *instance, enum ld_dump dump)
{
    return instance->have_dump[dump] ? &instance->dumps[dump] : NULL;
}

/* Goroutines that survived settling and a forced GC, by their ids; -1 when nobody could look. */
static int64_t count_goroutines(const struct ld_instance *instance, const struct ld_truth_interval *interval)
{
    /* The baseline dump belongs to the first incarnation; ids of a later one must not be taken off. */
    const struct ld_profile *baseline = interval->incarnation == 1 ? dump_of(instance, LD_DUMP_BASELINE) : NULL;
    return ld_truth_confirm(interval, baseline, dump_of(instance, LD_DUMP_SETTLED),
                            dump_of(instance, LD_DUMP_AFTER_GC));
}

/* Units without goroutines: how much a number grew from the look before to the look after. Descriptors are counted to
 * the unit; of bytes the process must hold at least half of what is claimed (heap in use and resident memory grow in
 * steps and are shared), and then the claim stands. */
static int64_t count_growth(const struct ld_instance *instance, const struct ld_truth_interval *interval)
{
    int64_t bytes = interval->unit == LD_UNIT_BYTES ? 1 : interval->bytes_per_unit;
    if (interval->incarnation != instance->before_life)
        return -1; /* the look before was at another life */
    if (interval->descriptors_per_unit > 0) {
        double grew = instance->after[LD_METRIC_DESCRIPTORS] - instance->before[LD_METRIC_DESCRIPTORS];
        return grew > 0 ? (int64_t)grew / interval->descriptors_per_unit : 0;
    }
    if (bytes <= 0)
        return -1;
    double heap = instance->after[LD_METRIC_HEAP_ALLOC] - instance->before[LD_METRIC_HEAP_ALLOC];
    double resident = instance->after[LD_METRIC_RSS] - instance->before[LD_METRIC_RSS];
    double grew = heap > resident ? heap : resident;
    double claimed = (double)interval->final_amount * (double)bytes;
    return grew * 2 >= claimed ? interval->final_amount : (int64_t)(grew > 0 ? grew / (double)bytes : 0);
}

/* Another open interval at the same site: goroutines cannot be told apart, and the sum is what is seen. */
static int64_t claimed_at_site(const struct ld_truth *truth, const struct ld_truth_interval *interval)
{
    int64_t sum = 0;
    for (size_t i = 0; i < truth->interval_count; i++) {
        const struct ld_truth_interval *other = &truth->intervals[i];
        if (!other->hold && other->end == LD_END_FOLLOW_UP && other->instance == interval->instance &&
            other->incarnation == interval->incarnation && other->seen_at_count && interval->seen_at_count &&
            ld_truth_site_matches(other, interval->seen_at[0]))
            sum += other->final_amount;
    }
    return sum;
}

/* The look from outside at one interval that is still open in the living incarnation. */
static void confirm(struct ld_run *run, const struct ld_truth *truth, struct ld_truth_interval *interval)
{
    const struct ld_instance *instance = &run->instances[interval->instance];
    if (interval->hold || interval->end != LD_END_FOLLOW_UP || interval->incarnation != instance->service.incarnation)
        return;
    bool goroutines = interval->goroutines_per_unit > 0;
    interval->confirmed = goroutines ? count_goroutines(instance, interval) : count_growth(instance, interval);
    if (run->scenario->target.truth != LD_TRUTH_FD)
        return;
    int64_t claimed = goroutines ? claimed_at_site(truth, interval) : interval->final_amount;
    if (interval->confirmed < 0)
        ld_run_void(run, LD_INVALID_TRUTH,
                    "interval %s: nobody could look from outside%s", interval->id,
                    goroutines ? " (sampling.full_below must be above the number of goroutines)" : "");
    else if (interval->confirmed != claimed)
        ld_run_void(run, LD_INVALID_TRUTH, "interval %s: the target says %lld %s, from outside there are %lld",
                    interval->id, (long long)claimed, ld_unit_name(interval->unit), (long long)interval->confirmed);
}

void ld_run_truth_settle(struct ld_run *run)
{
    struct ld_truth truth;
    struct ld_error error;
    int64_t end_ns = run->observed_to_ns >= 0 ? run->observed_to_ns : ld_run_now(run);
    int code = ld_truth_fold(&truth, run->truth, run->truth_count, run->scenario->manifest, end_ns, &error);
    if (code) {
        ld_run_void(run, LD_INVALID_TRUTH, "%s", error.message);
        return;
    }
    if (run->summary.validity == LD_VALID)
        for (size_t i = 0; i < truth.interval_count; i++)
            confirm(run, &truth, &truth.intervals[i]);
    if (run->cell->variant == LD_VARIANT_HEALTHY)
        for (size_t i = 0; i < truth.interval_count; i++)
            if (!truth.intervals[i].hold)
                ld_run_void(run, LD_INVALID_TRUTH, "the healthy twin says that %s leaks", truth.intervals[i].id);
    ld_run_written(run, ld_writer_truth(run->control->writer, run->run_plan->index, &truth));
    ld_truth_done(&truth);
}

/* ---- validity */

void ld_run_judge_validity(struct ld_run *run)
{
    if (run->summary.validity != LD_VALID)
        return;
    int64_t lag = ld_lag_p99(&run->lag_before, &run->control->lag);
    if (lag > run->period_ns / 2) {
        ld_run_void(run, LD_INVALID_LAG, "the control loop lagged %.0f ms at p99, over half of the %.0f ms period",
                    (double)lag / 1e6, (double)run->period_ns / 1e6);
        return;
    }
    if (run->worst_gap_ns) {
        ld_run_void(run, LD_INVALID_GAPS, "%s", run->worst_gap);
        return;
    }
    for (size_t i = 0; !run->ended_early && i < run->fault_count; i++) {
        const struct ld_run_fault *fault = &run->faults[i];
        if (fault->spec->when && fault->state == LD_FAULT_WAITING)
            continue; /* its condition never held: nothing was asked of it */
        if (!fault->have_receipt || !fault->receipt.effective) {
            ld_run_void(run, LD_INVALID_FAULT, "fault %s was not effective: %s", fault->spec->id,
                        fault->have_receipt ? fault->receipt.text : "no receipt");
            return;
        }
    }
}
