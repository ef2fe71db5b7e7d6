/* Faults that end a process: kill, crash, exit; once or again and again. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "runner/run/run_internal.h"

static const struct ld_fault_kill *kill_of(const struct ld_run_fault *fault)
{
    return &fault->spec->attributes.kill;
}

/* 0, or LD_ESYSTEM when there is nobody. */
static int strike_one(struct ld_run_fault *fault, struct ld_service *service)
{
    if (fault->spec->type != LD_FAULT_EXIT)
        return ld_service_signal(service, ld_fault_signal(fault->spec));
    if (service->spec.kind == LD_SERVICE_CONTRACT)
        return ld_service_command(service, "{\"command\":\"stop\"}");
    return ld_service_signal(service, SIGTERM);
}

static void set_expected(struct ld_victim *victim, bool expected)
{
    struct ld_instance *instance = ld_victim_instance(victim);
    if (instance)
        instance->death_expected = expected;
    else
        victim->fault->run->upstream_death_expected = expected;
}

static const char *word_of(const struct ld_run_fault *fault)
{
    return fault->spec->type == LD_FAULT_EXIT ? "stop" : ld_fault_signal_name(fault->spec);
}

static int64_t slowest_ns(const struct ld_run_fault *fault)
{
    int64_t worst = 0;
    for (uint32_t i = 0; i < fault->victim_count; i++)
        if (fault->victims[i].killed && fault->victims[i].died_after_ns > worst)
            worst = fault->victims[i].died_after_ns;
    return worst;
}

static int compare_times(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static int64_t median_ns(const struct ld_run_fault *fault)
{
    int64_t times[LD_FAULT_INSTANCES_MAX];
    size_t count = 0;
    for (uint32_t i = 0; i < fault->victim_count; i++)
        if (fault->victims[i].killed && fault->victims[i].died_after_ns > 0)
            times[count++] = fault->victims[i].died_after_ns;
    qsort(times, count, sizeof *times, compare_times);
    return count ? times[count / 2] : 0;
}

/* How the last of them ended: ", exit code 2". */
static void tell_status(const struct ld_run_fault *fault, char *text, size_t room)
{
    text[0] = '\0';
    for (uint32_t i = 0; i < fault->victim_count; i++) {
        const struct ld_victim *victim = &fault->victims[i];
        if (victim->killed && victim->died_after_ns > 0)
            snprintf(text, room, ", %s %d", victim->status < 0 ? "by signal" : "with exit code",
                     (int)(victim->status < 0 ? -victim->status : victim->status));
    }
}

/* Who was down already: "; dead already: instance 0, 2". */
static void tell_absent(const struct ld_run_fault *fault, char *text, size_t room)
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < fault->victim_count && used + 24 < room; i++) {
        const struct ld_victim *victim = &fault->victims[i];
        if (!victim->absent)
            continue;
        const char *before = used ? ", " : ld_victim_instance(victim) ? "; dead already: instance " : "; dead already";
        used += (size_t)snprintf(text + used, room - used, "%s", before);
        if (ld_victim_instance(victim))
            used += (size_t)snprintf(text + used, room - used, "%u", victim->index);
    }
}

static bool was_anybody_absent(const struct ld_run_fault *fault)
{
    for (uint32_t i = 0; i < fault->victim_count; i++)
        if (fault->victims[i].absent)
            return true;
    return false;
}

/* How it came to strike less often than it was to. */
static void tell_strikes(const struct ld_run_fault *fault, char *text, size_t room)
{
    size_t used = 0;
    text[0] = '\0';
    if (fault->idle_strikes)
        used = (size_t)snprintf(text, room, "; %u of %lld times nobody was up", fault->idle_strikes,
                                (long long)fault->strikes);
    if (fault->strikes < kill_of(fault)->times)
        snprintf(text + used, room - used, "; ended after %lld of %lld times", (long long)fault->strikes,
                 (long long)kill_of(fault)->times);
}

static void write_receipt(struct ld_run_fault *fault)
{
    struct ld_receipt receipt = {.touched = fault->died,
                                 .count = fault->died,
                                 .p50_ns = median_ns(fault),
                                 .p99_ns = slowest_ns(fault),
                                 .effective = fault->asked > 0 && fault->died == fault->asked &&
                                              !was_anybody_absent(fault)};
    char status[48], strikes[96], absent[64];
    for (uint32_t i = 0; i < fault->victim_count; i++)
        receipt.spared += fault->victims[i].killed == 0;
    tell_status(fault, status, sizeof status);
    tell_strikes(fault, strikes, sizeof strikes);
    tell_absent(fault, absent, sizeof absent);
    int length = snprintf(receipt.text, sizeof receipt.text,
                          "%s to %u process%s, %u dead%s, the slowest after %.1f ms%s%s", word_of(fault), fault->asked,
                          fault->asked == 1 ? "" : "es", fault->died, status, (double)receipt.p99_ns / 1e6, strikes,
                          absent);
    if (length >= (int)sizeof receipt.text)
        memcpy(receipt.text + sizeof receipt.text - sizeof "...", "...", sizeof "...");
    uv_timer_stop(&fault->timer);
    uv_timer_stop(&fault->limit);
    ld_run_fault_finish(fault, &receipt);
}

static bool is_last(const struct ld_run_fault *fault)
{
    return fault->struck_off || fault->strikes >= kill_of(fault)->times;
}

/* Who lives still was not killed in time: it had no effect. He may die of it yet (a signal waits while he is stopped),
 * and such a death is still the fault's, never the target's own. */
static void on_limit(uv_timer_t *timer)
{
    struct ld_run_fault *fault = timer->data;
    if (fault->state != LD_FAULT_ACTING || fault->run->phase >= LD_PHASE_STOP)
        return;
    for (uint32_t i = 0; i < fault->victim_count; i++)
        if (ld_victim_killed(&fault->victims[i]) && fault->victims[i].died_after_ns == 0) {
            set_expected(&fault->victims[i], false);
            fault->victims[i].overdue = fault->victims[i].killed;
            fault->victims[i].killed = 0;
        }
    write_receipt(fault);
}

static void on_time(uv_timer_t *timer);

static void arm(struct ld_run_fault *fault)
{
    const struct ld_scenario *scenario = fault->run->scenario;
    uv_update_time(&fault->run->control->loop);
    if (is_last(fault)) {
        uv_timer_start(&fault->limit, on_limit, (uint64_t)(scenario->phases.stop_ns / LD_MS), 0);
        return;
    }
    int64_t due_ns = fault->began_ns + fault->strikes * ld_scenario_scaled_ns(scenario, kill_of(fault)->every_ns);
    int64_t wait_ns = due_ns - ld_run_now(fault->run);
    uv_timer_start(&fault->timer, on_time, wait_ns > 0 ? (uint64_t)((wait_ns + LD_MS - 1) / LD_MS) : 0, 0);
}

static void strike(struct ld_run_fault *fault)
{
    uint32_t before = fault->asked;
    fault->strikes++;
    for (uint32_t i = 0; i < fault->victim_count; i++) {
        struct ld_victim *victim = &fault->victims[i];
        struct ld_service *service = ld_victim_service(victim);
        if (!victim->chosen)
            continue;
        if (!ld_victim_up(victim) || strike_one(fault, service) != 0) {
            victim->absent = true;
            continue;
        }
        set_expected(victim, true);
        victim->killed = service->incarnation;
        victim->struck_ns = ld_run_now(fault->run);
        victim->died_after_ns = 0;
        fault->asked++;
    }
    fault->idle_strikes += fault->asked == before;
    if (is_last(fault) && fault->died == fault->asked)
        write_receipt(fault); /* nobody was there to kill: not effective */
    else
        arm(fault);
}

static void on_time(uv_timer_t *timer)
{
    struct ld_run_fault *fault = timer->data;
    if (fault->state == LD_FAULT_ACTING && fault->run->phase < LD_PHASE_STOP)
        strike(fault);
}

void ld_kill_begin(struct ld_run_fault *fault)
{
    ld_victims_choose(fault);
    strike(fault);
}

void ld_kill_end(struct ld_run_fault *fault)
{
    if (is_last(fault))
        return; /* it struck for the last time already */
    fault->struck_off = true;
    uv_timer_stop(&fault->timer);
    if (fault->died == fault->asked)
        write_receipt(fault);
    else
        arm(fault);
}

bool ld_kill_explains(const struct ld_victim *victim)
{
    return victim->overdue && victim->overdue == ld_victim_service(victim)->incarnation;
}

void ld_kill_died(struct ld_run_fault *fault, struct ld_victim *victim)
{
    /* Who was to end by himself and died of a signal was killed by somebody else. */
    if (fault->spec->type == LD_FAULT_EXIT && victim->status < 0)
        return;
    int64_t took_ns = ld_run_now(fault->run) - victim->struck_ns;
    victim->died_after_ns = took_ns > 0 ? took_ns : 1;
    fault->died++;
    if (is_last(fault) && fault->died == fault->asked)
        write_receipt(fault);
}
