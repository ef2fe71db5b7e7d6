/* The doctor's checks of the kernel: processes, groups, limits, time, the network. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/text.h"
#include "runner/cli/doctor.h"
#include "runner/process/group.h"
#include "runner/process/guard.h"
#include "runner/process/strain.h"
#include "runner/process/sweep.h"
#include "runner/run/campaign.h"
#include "runner/run/control.h"
#include "runner/run/work_folder.h"

/* The largest documented run: 160 connections a second left open for six seconds, two sockets of the proxy each. */
#define DESCRIPTORS_PER_RUN 2048
#define DESCRIPTORS_OWN 128
#define DESCRIPTORS_LEAST 512 /* one small run */

#define LAG_MEASURED_MS 1000
#define LAG_EVERY_MS 10 /* as a campaign measures it */
#define LAG_GOOD_NS (10 * LD_MS)

void ld_doctor_guard(struct ld_finding *finding)
{
    char folder[128];
    int lock = -1;
    struct ld_guard guard;
    struct ld_error error = {0};
    if (ld_work_folder_make(folder, sizeof folder, &lock, &error) != 0) {
        ld_found(finding, LD_HEALTH_MISSING, "%s", error.message);
        return;
    }
    if (ld_guard_start(&guard, folder, true, &error) == 0) {
        bool isolated = guard.isolated;
        ld_found(finding, isolated ? LD_HEALTH_OK : LD_HEALTH_DEGRADED,
                 isolated ? "starts, in a PID namespace of its own" : "starts, but not in a PID namespace: %s",
                 guard.why_not);
        if (!isolated)
            finding->lost =
                "a daemon of a target (setsid, forked twice) survives when leakdrill and its guard are killed by "
                "SIGKILL at the same instant";
        if (ld_guard_stop(&guard) != 0)
            ld_found(finding, LD_HEALTH_MISSING, "it starts, but does not end as it should");
    } else {
        ld_found(finding, LD_HEALTH_MISSING, "%s", error.message);
    }
    ld_remove_tree(folder);
    close(lock);
}

void ld_doctor_subreaper(struct ld_finding *finding)
{
    int set = 0;
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) == 0 && prctl(PR_GET_CHILD_SUBREAPER, &set) == 0 && set)
        ld_found(finding, LD_HEALTH_OK, "orphans come to us");
    else
        ld_found(finding, LD_HEALTH_MISSING, "PR_SET_CHILD_SUBREAPER: %s", strerror(errno));
}

void ld_doctor_pidfd(struct ld_finding *finding)
{
    int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (pidfd >= 0 && syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) == 0)
        ld_found(finding, LD_HEALTH_OK, "signals go to a process, not to a number");
    else
        ld_found(finding, LD_HEALTH_MISSING, "%s: %s; Linux 5.3 or newer has it, a sandbox may forbid it",
                 pidfd < 0 ? "pidfd_open" : "pidfd_send_signal", strerror(errno));
    if (pidfd >= 0)
        close(pidfd);
}

void ld_doctor_cgroup(struct ld_finding *finding)
{
    struct ld_group group;
    ld_group_make(&group);
    if (!group.path[0]) {
        ld_found(finding, LD_HEALTH_DEGRADED, "%s", group.why_not);
        return;
    }
    bool whole = group.memory && group.cpu;
    const char *controllers = whole                       ? "memory and cpu controllers"
                              : group.memory || group.cpu ? "only one of the controllers memory and cpu"
                                                          : "no memory and cpu controllers: v1 has them, or nobody "
                                                            "hands them out";
    ld_found(finding, whole ? LD_HEALTH_OK : LD_HEALTH_DEGRADED, "v2 with cgroup.kill, %s", controllers);
    if (!whole)
        finding->lost = "the fault memory is RLIMIT_DATA, the fault cpu is SIGSTOP and SIGCONT in turns: the receipts "
                        "say so; target.limits.memory is GOMEMLIMIT in any case";
    ld_group_done(&group);
}

/* In a process of its own: may it mount a file system that only it sees, as a target's shim does for the fault disk? */
static bool may_mount(void)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        int flags = CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0);
        bool good = unshare(flags) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                    mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "size=64k") == 0;
        _exit(good ? 0 : 1);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* In a process of its own: what the fault proxy's thread asks for while a toxic acts. 0, or the errno. */
static int real_time_refused(void)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        const struct sched_param least = {.sched_priority = sched_get_priority_min(SCHED_RR)};
        _exit(sched_setscheduler(0, SCHED_RR, &least) == 0 ? 0 : errno);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : EAGAIN;
}

void ld_doctor_real_time(struct ld_finding *finding)
{
    int refused = real_time_refused();
    if (refused)
        ld_found(finding, LD_HEALTH_DEGRADED, "SCHED_RR: %s; it takes root or CAP_SYS_NICE", strerror(refused));
    else
        ld_found(finding, LD_HEALTH_OK, "the fault proxy's thread may run at the lowest real-time priority (SCHED_RR)");
}

void ld_doctor_limits(struct ld_finding *finding)
{
    bool hard = ld_strain_may_raise(), disk = may_mount();
    ld_found(finding, hard && disk ? LD_HEALTH_OK : LD_HEALTH_DEGRADED, "%s; %s",
             hard ? "hard limits can be lowered and raised again" : "hard limits cannot be raised again",
             disk ? "a target can have a file system of its own" : "a target cannot have a file system of its own");
    if (hard || disk)
        finding->lost = hard ? "the fault disk: its runs are not effective"
                             : "the faults open_files and memory lower the soft limit only, which a target may raise "
                               "(Go does, once, at its start)";
}

void ld_doctor_open_files(struct ld_finding *finding)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        ld_found(finding, LD_HEALTH_DEGRADED, "the limit cannot be read: %s", strerror(errno));
        return;
    }
    unsigned jobs = ld_campaign_default_jobs();
    if (limit.rlim_max == RLIM_INFINITY) {
        ld_found(finding, LD_HEALTH_OK, "no hard limit");
        return;
    }
    unsigned long long hard = limit.rlim_max;
    unsigned long long runs = hard > DESCRIPTORS_OWN ? (hard - DESCRIPTORS_OWN) / DESCRIPTORS_PER_RUN : 0;
    if (runs >= jobs)
        ld_found(finding, LD_HEALTH_OK, "hard limit %llu: carries %llu of the largest documented runs at once", hard,
                 runs);
    else
        ld_found(finding, hard < DESCRIPTORS_LEAST ? LD_HEALTH_MISSING : LD_HEALTH_DEGRADED,
                 "hard limit %llu: carries %llu of the largest documented runs at once; --jobs is %u unless given "
                 "(ulimit -Hn %u is enough)",
                 hard, runs, jobs, jobs * DESCRIPTORS_PER_RUN + DESCRIPTORS_OWN);
}

void ld_doctor_cores(struct ld_finding *finding)
{
    cpu_set_t set;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    int ours = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : (int)online;
    unsigned jobs = ld_campaign_default_jobs();
    if (ours < online)
        ld_found(finding, LD_HEALTH_DEGRADED, "%d of %ld cores are ours: --jobs %d instead of %u, which is the default",
                 ours, online, ours * 2, jobs);
    else
        ld_found(finding, online > 1 ? LD_HEALTH_OK : LD_HEALTH_DEGRADED, "%ld core%s: --jobs %u unless given", online,
                 online == 1 ? "" : "s", jobs);
}

/* ---- time */

struct lag_measure {
    uv_timer_t timer;
    int64_t due_ns, end_ns;
    struct ld_lag lag;
};

static void on_timer(uv_timer_t *timer)
{
    struct lag_measure *measure = timer->data;
    int64_t now = (int64_t)uv_hrtime(), late = now - measure->due_ns;
    int64_t bucket = late > 0 ? late / LD_MS : 0;
    measure->lag.counts[bucket < LD_LAG_BUCKETS ? bucket : LD_LAG_BUCKETS - 1]++;
    if (late > measure->lag.worst_ns)
        measure->lag.worst_ns = late;
    if (now >= measure->end_ns) {
        uv_close((uv_handle_t *)timer, NULL);
        return;
    }
    uv_update_time(timer->loop);
    measure->due_ns = (int64_t)uv_hrtime() + LAG_EVERY_MS * LD_MS;
    uv_timer_start(timer, on_timer, LAG_EVERY_MS, 0);
}

void ld_doctor_timers(struct ld_finding *finding)
{
    static const struct ld_lag none;
    static struct lag_measure measure; /* too large for the stack */
    uv_loop_t loop;
    if (uv_loop_init(&loop) != 0) {
        ld_found(finding, LD_HEALTH_MISSING, "no event loop can be made");
        return;
    }
    uv_timer_init(&loop, &measure.timer);
    measure.timer.data = &measure;
    measure.due_ns = (int64_t)uv_hrtime() + LAG_EVERY_MS * LD_MS;
    measure.end_ns = (int64_t)uv_hrtime() + LAG_MEASURED_MS * LD_MS;
    uv_timer_start(&measure.timer, on_timer, LAG_EVERY_MS, 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    char p99[32], worst[32];
    int64_t p99_ns = ld_lag_p99(&none, &measure.lag);
    /* The percentile is a bound of a bucket, which may lie beyond the worst. */
    ld_format_duration_short(p99_ns < measure.lag.worst_ns ? p99_ns : measure.lag.worst_ns, p99, sizeof p99);
    ld_format_duration_short(measure.lag.worst_ns, worst, sizeof worst);
    ld_found(finding, p99_ns <= LAG_GOOD_NS ? LD_HEALTH_OK : LD_HEALTH_DEGRADED,
             "over a second, 99 in 100 came no more than %s late; the worst: %s", p99, worst);
}

void ld_doctor_clock(struct ld_finding *finding)
{
    struct timespec resolution;
    char source[64] = "unknown";
    FILE *stream = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
    if (stream) {
        if (fgets(source, sizeof source, stream))
            source[strcspn(source, "\n")] = '\0';
        fclose(stream);
    }
    if (clock_getres(CLOCK_MONOTONIC, &resolution) != 0) {
        ld_found(finding, LD_HEALTH_MISSING, "no monotonic clock: %s", strerror(errno));
        return;
    }
    int64_t ns = resolution.tv_sec * LD_SECOND + resolution.tv_nsec;
    bool coarse = ns > LD_US || strcmp(source, "jiffies") == 0;
    char text[32];
    ld_format_duration_short(ns, text, sizeof text);
    ld_found(finding, coarse ? LD_HEALTH_DEGRADED : LD_HEALTH_OK, "monotonic, resolution %s, source %s", text, source);
}

/* ---- the network */

/* A connection from us to us over 127.0.0.1. Returns what failed, or NULL. */
static const char *meet(int listener, int caller)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (listener < 0 || caller < 0)
        return "socket";
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0)
        return "bind";
    if (listen(listener, 1) != 0 || getsockname(listener, (struct sockaddr *)&address, &length) != 0)
        return "listen";
    return connect(caller, (struct sockaddr *)&address, sizeof address) != 0 ? "connect" : NULL;
}

void ld_doctor_loopback(struct ld_finding *finding)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
        caller = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const char *failed = meet(listener, caller);
    if (failed)
        ld_found(finding, LD_HEALTH_MISSING, "%s on 127.0.0.1: %s; is the interface lo up?", failed, strerror(errno));
    else
        ld_found(finding, LD_HEALTH_OK, "127.0.0.1 connects");
    if (listener >= 0)
        close(listener);
    if (caller >= 0)
        close(caller);
}
