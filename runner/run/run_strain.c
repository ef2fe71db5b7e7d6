/* Faults that last: pause, cpu, open_files, memory, disk. The shim lays them on and takes them off; whether they took
 * effect is seen from outside, in /proc, look after look. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "fault/cpu.h"
#include "runner/process/identity.h"
#include "runner/run/run_internal.h"

#define LOOK_MS 11                     /* shares no factor with the 50 ms in which a CPU share comes and goes */
#define LIMIT_TURNS 9                  /* limits are looked at every so many looks */
#define SHOWN_WITHIN_NS LD_SECOND      /* the effect shows within that, and is gone within that after the end */
#define LEASE_SPARE_NS (2 * LD_SECOND) /* leakdrill ends it; the shim only when leakdrill does not */

/* ---- what is seen from outside */

static bool read_proc(int64_t pid, const char *name, char *text, size_t room)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%lld/%s", (long long)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, room - 1);
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* A zombie shows neither its limits nor that it was stopped. */
static bool is_alive(int64_t pid)
{
    struct ld_proc_stat stat;
    return ld_proc_stat_read(pid, &stat) && stat.state != 'Z' && stat.state != 'X';
}

static bool sees_stopped(const struct ld_victim *victim, int64_t pid)
{
    struct ld_proc_stat stat;
    (void)victim;
    return ld_proc_stat_read(pid, &stat) && stat.state == 'T';
}

/* The soft limit of a row of /proc/PID/limits; -1: unlimited, or it cannot be read. */
static int64_t soft_limit(int64_t pid, const char *row)
{
    char text[4096];
    if (!read_proc(pid, "limits", text, sizeof text))
        return -1;
    const char *line = strstr(text, row);
    return line && line[strlen(row)] == ' ' ? strtoll(line + strlen(row), NULL, 10) : -1;
}

/* A file of its cgroup, as its first word; "" when there is none. */
static void group_word(const struct ld_victim *victim, const char *name, char *word, size_t room)
{
    const char *group = ld_victim_service(victim)->process.group;
    char path[600];
    word[0] = '\0';
    snprintf(path, sizeof path, "%s/%s", group, name);
    int fd = group[0] ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t n = fd < 0 ? 0 : read(fd, word, room - 1);
    if (fd >= 0)
        close(fd);
    word[n > 0 ? n : 0] = '\0';
    word[strcspn(word, " \n")] = '\0';
}

static bool sees_open_files(const struct ld_victim *victim, int64_t pid)
{
    return soft_limit(pid, "Max open files") == victim->fault->spec->attributes.open_files.limit;
}

static bool sees_memory(const struct ld_victim *victim, int64_t pid)
{
    char word[32];
    uint64_t asked = victim->fault->spec->attributes.memory.limit_bytes;
    if (victim->means != LD_MEANS_GROUP)
        return soft_limit(pid, "Max data size") == (int64_t)asked;
    group_word(victim, "memory.max", word, sizeof word);
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    return strtoull(word, NULL, 10) / page == asked / page; /* the kernel rounds to pages */
}

static bool sees_cpu(const struct ld_victim *victim, int64_t pid)
{
    char word[32];
    if (victim->means != LD_MEANS_GROUP)
        return sees_stopped(victim, pid);
    group_word(victim, "cpu.max", word, sizeof word);
    return word[0] && strcmp(word, "max") != 0;
}

static bool sees_full_disk(const struct ld_victim *victim, int64_t pid)
{
    char path[256];
    struct statvfs room;
    snprintf(path, sizeof path, "/proc/%lld/root%s", (long long)pid, ld_victim_instance(victim)->disk_folder);
    return statvfs(path, &room) == 0 && room.f_blocks > 0 && room.f_bavail == 0;
}

/* ---- the table */

static int64_t no_value(const union ld_fault_attributes *attributes)
{
    (void)attributes;
    return 0;
}

static int64_t cpu_value(const union ld_fault_attributes *attributes)
{
    return (int64_t)(attributes->cpu.limit * 1e6 + 0.5);
}

static int64_t open_files_value(const union ld_fault_attributes *attributes)
{
    return attributes->open_files.limit;
}

static int64_t memory_value(const union ld_fault_attributes *attributes)
{
    return (int64_t)attributes->memory.limit_bytes;
}

static const struct kind {
    enum ld_fault_type type;
    enum ld_strain strain;
    int64_t (*value)(const union ld_fault_attributes *attributes);
    bool (*sees)(const struct ld_victim *victim, int64_t pid);
    const char *state;   /* what is seen */
    const char *message; /* how programs say that they feel it; NULL: they cannot */
    unsigned turns;      /* one look in so many */
} kinds[] = {
    {LD_FAULT_PAUSE, LD_STRAIN_PAUSE, no_value, sees_stopped, "stopped", NULL, 1},
    {LD_FAULT_CPU, LD_STRAIN_CPU, cpu_value, sees_cpu, "held back", NULL, 1},
    {LD_FAULT_OPEN_FILES, LD_STRAIN_OPEN_FILES, open_files_value, sees_open_files, "limited", "too many open files",
     LIMIT_TURNS},
    {LD_FAULT_MEMORY, LD_STRAIN_MEMORY, memory_value, sees_memory, "limited", "out of memory", LIMIT_TURNS},
    {LD_FAULT_DISK, LD_STRAIN_DISK, no_value, sees_full_disk, "full", "no space left on device", LIMIT_TURNS},
};

static const struct kind *kind_of(const struct ld_run_fault *fault)
{
    const struct kind *kind = kinds;
    while (kind->type != fault->spec->type)
        kind++;
    return kind;
}

/* ---- looking */

static int64_t processor_ns(int64_t pid)
{
    struct ld_proc_stat stat;
    if (!ld_proc_stat_read(pid, &stat))
        return -1;
    return (int64_t)(stat.user_ticks + stat.system_ticks) * (LD_SECOND / sysconf(_SC_CLK_TCK));
}

static bool is_laid(const struct ld_victim *victim)
{
    const struct ld_service *service = ld_victim_service(victim);
    return victim->life && victim->life == service->incarnation && service->pid > 0 &&
           service->state != LD_SERVICE_ENDING && service->state != LD_SERVICE_DOWN;
}

/* While it acts: a look before the first that sees the effect is its delay, one after it that does not is a hole. */
/* Told to die: a KILL wakes what is stopped, before it is seen dead. */
static bool is_dying(const struct ld_victim *victim)
{
    const struct ld_instance *instance = ld_victim_instance(victim);
    return instance ? instance->death_expected : victim->fault->run->upstream_death_expected;
}

static void look(struct ld_victim *victim, const struct kind *kind)
{
    int64_t pid = ld_victim_service(victim)->pid, now = ld_run_now(victim->fault->run);
    if (!is_alive(pid))
        return; /* the news of its death is under way */
    bool seen = kind->sees(victim, pid);
    if (victim->shown_after_ns < 0 && seen)
        victim->shown_after_ns = now - victim->laid_ns;
    if (victim->shown_after_ns < 0 || (!seen && is_dying(victim)))
        return;
    victim->looks++;
    victim->seen += seen;
}

static bool is_gone(struct ld_victim *victim, const struct kind *kind)
{
    if (victim->gone_after_ns < 0 && !kind->sees(victim, ld_victim_service(victim)->pid))
        victim->gone_after_ns = ld_run_now(victim->fault->run) - victim->fault->off_ns;
    return victim->gone_after_ns >= 0;
}

static void write_receipt(struct ld_run_fault *fault);

/* Ending: until every victim that lives is seen free of it. */
static void look_for_the_end(struct ld_run_fault *fault, const struct kind *kind)
{
    bool over = true;
    for (uint32_t i = 0; i < fault->victim_count; i++)
        if (is_laid(&fault->victims[i]))
            over = is_gone(&fault->victims[i], kind) && over;
    if (over || ld_run_now(fault->run) - fault->off_ns > SHOWN_WITHIN_NS)
        write_receipt(fault);
}

static void on_look(uv_timer_t *timer)
{
    struct ld_run_fault *fault = timer->data;
    const struct kind *kind = kind_of(fault);
    if (fault->run->phase >= LD_PHASE_STOP || (fault->state != LD_FAULT_ACTING && fault->state != LD_FAULT_ENDING)) {
        uv_timer_stop(timer);
        return;
    }
    if (fault->state == LD_FAULT_ENDING) {
        look_for_the_end(fault, kind);
        return;
    }
    /* Before it was seen first every look counts, so that the delay is known. */
    bool turn = fault->turn++ % kind->turns == 0;
    for (uint32_t i = 0; i < fault->victim_count; i++)
        if (is_laid(&fault->victims[i]) && (turn || fault->victims[i].shown_after_ns < 0))
            look(&fault->victims[i], kind);
}

/* ---- begin and end */

static int64_t lease_ns(const struct ld_run_fault *fault)
{
    const struct ld_scenario *scenario = fault->run->scenario;
    int64_t for_ns = fault->spec->for_ns;
    if (for_ns < 0)
        return scenario->target.limits.wall_ns;
    int64_t left_ns = fault->began_ns + ld_scenario_scaled_ns(scenario, for_ns) - ld_run_now(fault->run);
    return (left_ns > 0 ? left_ns : 0) + LEASE_SPARE_NS;
}

/* A life ends, or the fault: was it seen in time? A life too short to be seen says nothing. */
static void judge_life(struct ld_victim *victim)
{
    int64_t shown_ns = victim->shown_after_ns, lived_ns = ld_run_now(victim->fault->run) - victim->laid_ns;
    if (victim->judged == victim->life)
        return;
    victim->judged = victim->life;
    victim->missed = victim->missed || (shown_ns < 0 ? lived_ns : shown_ns) > SHOWN_WITHIN_NS;
    if (shown_ns > victim->slowest_ns)
        victim->slowest_ns = shown_ns;
}

static void lay(struct ld_victim *victim)
{
    struct ld_run_fault *fault = victim->fault;
    struct ld_service *service = ld_victim_service(victim);
    const struct kind *kind = kind_of(fault);
    if (ld_service_strain(service, kind->strain, kind->value(&fault->spec->attributes), lease_ns(fault)) != 0)
        return;
    if (victim->life == service->incarnation)
        return; /* laid on again: it counts from the first time */
    victim->life = service->incarnation;
    victim->shown_after_ns = -1; /* of a new life: a look before the shim has acted is no hole */
    victim->laid_ns = ld_run_now(fault->run);
    victim->cpu_from_ns = processor_ns(service->pid);
}

static void set_strained(const struct ld_run_fault *fault, bool strained)
{
    for (uint32_t i = 0; i < fault->victim_count; i++) {
        struct ld_instance *instance = ld_victim_instance(&fault->victims[i]);
        if (!instance || !fault->victims[i].chosen)
            continue;
        instance->strained += strained ? 1 : -1u;
        if (!strained)
            ld_instance_close_gaps(instance, false); /* from now on it must answer again */
    }
}

void ld_strain_fault_begin(struct ld_run_fault *fault)
{
    ld_victims_choose(fault);
    set_strained(fault, true);
    for (uint32_t i = 0; i < fault->victim_count; i++)
        if (fault->victims[i].chosen && ld_victim_up(&fault->victims[i]))
            lay(&fault->victims[i]);
    uv_update_time(&fault->run->control->loop);
    uv_timer_start(&fault->timer, on_look, LOOK_MS, LOOK_MS);
}

void ld_strain_fault_started(struct ld_run_fault *fault, struct ld_victim *victim)
{
    (void)fault;
    lay(victim);
}

static void take_off(struct ld_victim *victim)
{
    struct ld_service *service = ld_victim_service(victim);
    int64_t to_ns = processor_ns(service->pid);
    if (victim->cpu_from_ns >= 0 && to_ns >= 0) {
        victim->cpu_to_ns = to_ns;
        victim->cpu_span_ns = ld_run_now(victim->fault->run) - victim->laid_ns;
    }
    (void)ld_service_relieve(service, kind_of(victim->fault)->strain); /* gone: nobody is left to free */
}

void ld_strain_fault_end(struct ld_run_fault *fault)
{
    fault->state = LD_FAULT_ENDING;
    fault->off_ns = ld_run_now(fault->run);
    for (uint32_t i = 0; i < fault->victim_count; i++)
        judge_life(&fault->victims[i]);
    for (uint32_t i = 0; i < fault->victim_count; i++)
        if (is_laid(&fault->victims[i]))
            take_off(&fault->victims[i]);
}

/* ---- what happens meanwhile */

bool ld_strain_fault_explains(const struct ld_run_fault *fault, const struct ld_victim *victim)
{
    /* Dying takes a while: a Go program writes all its stacks first, and the fault may be over by then. */
    bool near = fault->state == LD_FAULT_ACTING || fault->state == LD_FAULT_ENDING ||
                (fault->state == LD_FAULT_OVER && ld_run_now(fault->run) - fault->ended_ns < SHOWN_WITHIN_NS);
    return fault->spec->type == LD_FAULT_MEMORY && near && victim->life == ld_victim_service(victim)->incarnation;
}

void ld_strain_fault_died(struct ld_run_fault *fault, struct ld_victim *victim)
{
    if (fault->state == LD_FAULT_ACTING)
        judge_life(victim);
    if (!ld_strain_fault_explains(fault, victim))
        return;
    victim->killed = victim->life;
    victim->struck_ns = ld_run_now(fault->run);
    fault->died++;
}

void ld_strain_fault_line(struct ld_run_fault *fault, struct ld_victim *victim, const char *line)
{
    const char *message = kind_of(fault)->message;
    if (message && strcasestr(line, message))
        victim->said++;
}

void ld_strain_fault_answered(struct ld_run_fault *fault, struct ld_victim *victim, enum ld_strain strain,
                              enum ld_means means, int saved_errno)
{
    if (strain != kind_of(fault)->strain || victim->life != ld_victim_service(victim)->incarnation)
        return;
    if (saved_errno && fault->state == LD_FAULT_ACTING)
        victim->saved_errno = saved_errno;
    if (!saved_errno && means != LD_MEANS_NONE)
        victim->means = means;
}

/* ---- the receipt */

struct sum {
    uint32_t laid, shown, held, freed, said, looks, seen;
    int64_t slowest_ns, freed_ns, cpu_ns, span_ns;
    enum ld_means means;
    int saved_errno;
};

/* Seen in every look from the first on. A CPU share by signals is seen in that part of them in which it must not run.
 */
static bool held_throughout(const struct ld_victim *victim)
{
    const struct ld_fault_spec *spec = victim->fault->spec;
    if (spec->type == LD_FAULT_CPU && victim->means == LD_MEANS_SIGNALS)
        return ld_cpu_is_held(&spec->attributes.cpu, victim->seen, victim->looks);
    return victim->looks > 0 && victim->seen == victim->looks;
}

static struct sum sum_up(const struct ld_run_fault *fault)
{
    struct sum sum = {0};
    for (uint32_t i = 0; i < fault->victim_count; i++) {
        const struct ld_victim *victim = &fault->victims[i];
        if (victim->saved_errno)
            sum.saved_errno = victim->saved_errno;
        if (!victim->life)
            continue;
        bool died = victim->life != ld_victim_service(victim)->incarnation || !is_laid(victim);
        sum.laid++;
        sum.shown += victim->slowest_ns >= 0 && !victim->missed;
        sum.held += victim->slowest_ns >= 0 && held_throughout(victim);
        sum.freed += died || victim->gone_after_ns >= 0;
        sum.said += victim->said;
        sum.looks += victim->looks;
        sum.seen += victim->seen;
        sum.slowest_ns = victim->slowest_ns > sum.slowest_ns ? victim->slowest_ns : sum.slowest_ns;
        sum.freed_ns = victim->gone_after_ns > sum.freed_ns ? victim->gone_after_ns : sum.freed_ns;
        sum.cpu_ns += victim->cpu_span_ns ? victim->cpu_to_ns - victim->cpu_from_ns : 0;
        sum.span_ns += victim->cpu_span_ns;
        sum.means = victim->means ? victim->means : sum.means;
    }
    return sum;
}

/* What the program said of it, and what became of it: "; it said so 12 times", "; 1 died of it". */
static void tell_more(const struct ld_run_fault *fault, const struct sum *sum, char *text, size_t room)
{
    size_t used = 0;
    text[0] = '\0';
    if (fault->spec->type == LD_FAULT_CPU && sum->span_ns)
        used =
            (size_t)snprintf(text, room, "; used %.1f%% of a core", 100.0 * (double)sum->cpu_ns / (double)sum->span_ns);
    if (sum->said)
        used += (size_t)snprintf(text + used, room - used, "; said so %u times", sum->said);
    if (fault->died)
        snprintf(text + used, room - used, "; %u died of it", fault->died);
}

static void write_text(const struct ld_run_fault *fault, const struct sum *sum, struct ld_receipt *receipt)
{
    char more[80];
    const struct kind *kind = kind_of(fault);
    tell_more(fault, sum, more, sizeof more);
    if (sum->laid == 0)
        snprintf(receipt->text, sizeof receipt->text, "nobody was up");
    else if (sum->saved_errno)
        snprintf(receipt->text, sizeof receipt->text, "cannot be done here: %s", strerror(sum->saved_errno));
    else if (sum->shown < sum->laid)
        snprintf(receipt->text, sizeof receipt->text, "%u of %u were never seen %s", sum->laid - sum->shown, sum->laid,
                 kind->state);
    else
        snprintf(receipt->text, sizeof receipt->text, "%s after %.0f ms, in %u of %u looks, %s after %.0f ms%s%s%s",
                 kind->state, (double)sum->slowest_ns / 1e6, sum->seen, sum->looks,
                 sum->freed < sum->laid ? "NOT free" : "free", (double)sum->freed_ns / 1e6, sum->means ? "; by " : "",
                 ld_means_text(sum->means), more);
}

static void write_receipt(struct ld_run_fault *fault)
{
    struct sum sum = sum_up(fault);
    bool whole = sum.shown == sum.laid && sum.held == sum.laid && sum.freed == sum.laid && !sum.saved_errno;
    struct ld_receipt receipt = {.touched = sum.laid,
                                 .spared = fault->victim_count - sum.laid,
                                 .count = sum.seen,
                                 .p50_ns = sum.slowest_ns,
                                 .p99_ns = sum.slowest_ns,
                                 .effective = sum.laid > 0 && whole};
    write_text(fault, &sum, &receipt);
    uv_timer_stop(&fault->timer);
    set_strained(fault, false);
    ld_run_fault_finish(fault, &receipt);
}
