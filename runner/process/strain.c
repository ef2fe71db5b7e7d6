#include "runner/process/strain.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "runner/process/monotonic.h"

#define CYCLE_NS INT64_C(50000000)   /* CPU by signals: 20 times a second */
#define REFILL_NS INT64_C(100000000) /* what is freed on a full disk is taken again */
#define FILL_NAME ".full"
#define QUOTA_PERIOD_US 100000 /* cpu.max */

const char *ld_means_text(enum ld_means means)
{
    static const char *const texts[] = {[LD_MEANS_NONE] = "",
                                        [LD_MEANS_SIGNALS] = "SIGSTOP and SIGCONT",
                                        [LD_MEANS_HARD_LIMIT] = "the hard limit of the process",
                                        [LD_MEANS_SOFT_LIMIT] = "the soft limit of the process",
                                        [LD_MEANS_GROUP] = "cgroup v2",
                                        [LD_MEANS_FILE] = "a file in its own file system"};
    return (unsigned)means < sizeof texts / sizeof *texts ? texts[means] : "";
}

static int write_file(const char *folder, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = folder[0] ? open(path, O_WRONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return folder[0] ? errno : ENOENT;
    ssize_t n = write(fd, text, strlen(text));
    int saved = n < 0 ? errno : 0;
    close(fd);
    return saved;
}

/* ---- stopped or not: a pause, and the cycle of a CPU share, want it */

static int apply_stop(struct ld_strains *strains)
{
    bool wanted = strains->each[LD_STRAIN_PAUSE].on || (strains->each[LD_STRAIN_CPU].on && strains->cycle_stopped);
    if (wanted == strains->stopped)
        return 0;
    if (kill(-strains->target, wanted ? SIGSTOP : SIGCONT) != 0)
        return errno;
    strains->stopped = wanted;
    return 0;
}

static int begin_pause(struct ld_strains *strains, int64_t value, enum ld_means *ret_means)
{
    (void)value;
    *ret_means = LD_MEANS_SIGNALS;
    strains->each[LD_STRAIN_PAUSE].on = true;
    int code = apply_stop(strains);
    strains->each[LD_STRAIN_PAUSE].on = false; /* the caller says when it is */
    return code;
}

static int end_by_signals(struct ld_strains *strains)
{
    return apply_stop(strains);
}

/* ---- CPU */

static void turn_cycle(struct ld_strains *strains, int64_t now)
{
    int64_t runs_ns = (int64_t)((double)CYCLE_NS * (double)strains->each[LD_STRAIN_CPU].value / 1e6);
    while (strains->turn_ns <= now) {
        strains->cycle_stopped = !strains->cycle_stopped;
        if (strains->cycle_stopped) /* it ran; it is stopped until the cycle's end */
            strains->turn_ns = strains->cycle_ns += CYCLE_NS;
        else
            strains->turn_ns = strains->cycle_ns + runs_ns;
    }
    (void)apply_stop(strains); /* gone: nobody is left to stop */
}

static int begin_cpu(struct ld_strains *strains, int64_t value, enum ld_means *ret_means)
{
    char text[64];
    snprintf(text, sizeof text, "%lld %d", (long long)(value * QUOTA_PERIOD_US / 1000000), QUOTA_PERIOD_US);
    if (write_file(strains->group, "cpu.max", text) == 0) {
        *ret_means = LD_MEANS_GROUP;
        strains->turn_ns = INT64_MAX;
        return 0;
    }
    /* It runs first: what it does between now and the stop is little. */
    strains->cycle_ns = ld_monotonic_ns();
    strains->turn_ns = strains->cycle_ns + (int64_t)((double)CYCLE_NS * (double)value / 1e6);
    strains->cycle_stopped = false;
    *ret_means = LD_MEANS_SIGNALS;
    return 0;
}

static int end_cpu(struct ld_strains *strains)
{
    if (strains->each[LD_STRAIN_CPU].means == LD_MEANS_GROUP)
        return write_file(strains->group, "cpu.max", "max");
    strains->cycle_stopped = false;
    return apply_stop(strains);
}

/* ---- limits */

/* With a limit that nobody needs. */
bool ld_strain_may_raise(void)
{
    struct rlimit before, lowered;
    if (getrlimit(RLIMIT_MSGQUEUE, &before) != 0 || before.rlim_max == 0)
        return false;
    lowered = before;
    lowered.rlim_max = before.rlim_max == RLIM_INFINITY ? (rlim_t)1 << 20 : before.rlim_max - 1;
    if (lowered.rlim_cur > lowered.rlim_max)
        lowered.rlim_cur = lowered.rlim_max;
    return setrlimit(RLIMIT_MSGQUEUE, &lowered) == 0 && setrlimit(RLIMIT_MSGQUEUE, &before) == 0;
}

/* A second call finds our own limit and must not keep that as what was before. */
static int begin_limit(struct ld_strains *strains, enum ld_strain strain, __rlimit_resource_t resource, int64_t value,
                       enum ld_means *ret_means)
{
    struct rlimit before, limit = {.rlim_cur = (rlim_t)value, .rlim_max = (rlim_t)value};
    if (prlimit(strains->target, resource, NULL, &before) != 0)
        return errno;
    if (strains->each[strain].on)
        before = strains->each[strain].before;
    *ret_means = ld_strain_may_raise() ? LD_MEANS_HARD_LIMIT : LD_MEANS_SOFT_LIMIT;
    if (*ret_means == LD_MEANS_SOFT_LIMIT || limit.rlim_max > before.rlim_max)
        limit.rlim_max = before.rlim_max;
    if (limit.rlim_cur > limit.rlim_max)
        return EPERM; /* more than it may have anyway */
    if (prlimit(strains->target, resource, &limit, NULL) != 0)
        return errno;
    strains->each[strain].before = before;
    return 0;
}

static int end_limit(struct ld_strains *strains, enum ld_strain strain, __rlimit_resource_t resource)
{
    return prlimit(strains->target, resource, &strains->each[strain].before, NULL) == 0 ? 0 : errno;
}

static int begin_open_files(struct ld_strains *strains, int64_t value, enum ld_means *ret_means)
{
    return begin_limit(strains, LD_STRAIN_OPEN_FILES, RLIMIT_NOFILE, value, ret_means);
}

static int end_open_files(struct ld_strains *strains)
{
    return end_limit(strains, LD_STRAIN_OPEN_FILES, RLIMIT_NOFILE);
}

static int begin_memory(struct ld_strains *strains, int64_t value, enum ld_means *ret_means)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)value);
    if (write_file(strains->group, "memory.max", text) == 0) {
        (void)write_file(strains->group, "memory.swap.max", "0"); /* none: a limit that swaps is no limit */
        *ret_means = LD_MEANS_GROUP;
        return 0;
    }
    return begin_limit(strains, LD_STRAIN_MEMORY, RLIMIT_DATA, value, ret_means);
}

static int end_memory(struct ld_strains *strains)
{
    if (strains->each[LD_STRAIN_MEMORY].means != LD_MEANS_GROUP)
        return end_limit(strains, LD_STRAIN_MEMORY, RLIMIT_DATA);
    (void)write_file(strains->group, "memory.swap.max", "max");
    return write_file(strains->group, "memory.max", "max");
}

/* ---- disk */

/* Where the shim sees a path of the target's: its mounts are its own. */
static void path_of(const struct ld_strains *strains, const char *name, char *ret_path, size_t room)
{
    snprintf(ret_path, room, "/proc/%d/root%s%s", (int)strains->target, strains->disk_folder, name);
}

static bool is_mounted(const struct ld_strains *strains)
{
    char path[512];
    struct stat inside, outside;
    path_of(strains, "", path, sizeof path);
    return strains->disk_folder[0] && stat(path, &inside) == 0 && stat(strains->disk_folder, &outside) == 0 &&
           inside.st_dev != outside.st_dev;
}

static int fill(const struct ld_strains *strains)
{
    char path[512];
    struct statvfs room;
    path_of(strains, "/" FILL_NAME, path, sizeof path);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno == ENOSPC ? 0 : errno;
    int code = 0;
    while (!code && fstatvfs(fd, &room) == 0 && room.f_bavail > 0) {
        off_t end = lseek(fd, 0, SEEK_END);
        off_t more = (off_t)(room.f_bavail * room.f_frsize);
        code = posix_fallocate(fd, end, more);
    }
    close(fd);
    return code == ENOSPC ? 0 : code; /* the target was faster: full it is */
}

static int begin_disk(struct ld_strains *strains, int64_t value, enum ld_means *ret_means)
{
    (void)value;
    if (!is_mounted(strains))
        return EOPNOTSUPP;
    *ret_means = LD_MEANS_FILE;
    strains->refill_ns = ld_monotonic_ns() + REFILL_NS;
    return fill(strains);
}

static int end_disk(struct ld_strains *strains)
{
    char path[512];
    path_of(strains, "/" FILL_NAME, path, sizeof path);
    return unlink(path) == 0 ? 0 : errno;
}

/* ---- all of them */

static const struct {
    int (*begin)(struct ld_strains *strains, int64_t value, enum ld_means *ret_means);
    int (*end)(struct ld_strains *strains); /* when `on` is false already */
} table[LD_STRAINS] = {
    [LD_STRAIN_PAUSE] = {begin_pause, end_by_signals},
    [LD_STRAIN_CPU] = {begin_cpu, end_cpu},
    [LD_STRAIN_OPEN_FILES] = {begin_open_files, end_open_files},
    [LD_STRAIN_MEMORY] = {begin_memory, end_memory},
    [LD_STRAIN_DISK] = {begin_disk, end_disk},
};

int ld_strain_begin(struct ld_strains *strains, enum ld_strain strain, int64_t value, int64_t lease_ns,
                    enum ld_means *ret_means)
{
    enum ld_means means = LD_MEANS_NONE;
    if ((unsigned)strain >= LD_STRAINS)
        return EINVAL;
    int code = table[strain].begin(strains, value, &means);
    if (code)
        return code;
    strains->each[strain].on = true;
    strains->each[strain].value = value;
    strains->each[strain].until_ns = ld_monotonic_ns() + lease_ns;
    strains->each[strain].means = means;
    *ret_means = means;
    return 0;
}

int ld_strain_end(struct ld_strains *strains, enum ld_strain strain)
{
    if ((unsigned)strain >= LD_STRAINS || !strains->each[strain].on)
        return 0;
    strains->each[strain].on = false;
    return table[strain].end(strains);
}

void ld_strains_end(struct ld_strains *strains)
{
    for (int strain = 0; strain < LD_STRAINS; strain++)
        (void)ld_strain_end(strains, (enum ld_strain)strain);
}

static bool cycles(const struct ld_strains *strains)
{
    return strains->each[LD_STRAIN_CPU].on && strains->each[LD_STRAIN_CPU].means == LD_MEANS_SIGNALS;
}

int64_t ld_strains_due(const struct ld_strains *strains)
{
    int64_t due = cycles(strains) ? strains->turn_ns : INT64_MAX;
    if (strains->each[LD_STRAIN_DISK].on && strains->refill_ns < due)
        due = strains->refill_ns;
    for (int strain = 0; strain < LD_STRAINS; strain++)
        if (strains->each[strain].on && strains->each[strain].until_ns < due)
            due = strains->each[strain].until_ns;
    return due;
}

void ld_strains_turn(struct ld_strains *strains)
{
    int64_t now = ld_monotonic_ns();
    for (int strain = 0; strain < LD_STRAINS; strain++)
        if (strains->each[strain].on && strains->each[strain].until_ns <= now)
            (void)ld_strain_end(strains, (enum ld_strain)strain);
    if (cycles(strains) && strains->turn_ns <= now)
        turn_cycle(strains, now);
    if (strains->each[LD_STRAIN_DISK].on && strains->refill_ns <= now) {
        (void)fill(strains);
        strains->refill_ns = now + REFILL_NS;
    }
}
