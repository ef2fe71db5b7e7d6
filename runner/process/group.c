#include "runner/process/group.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define CGROUP2_MAGIC 0x63677270 /* linux/magic.h, in its own words */
#define NAME "leakdrill-XXXXXX"
#define REMOVE_TRIES 100                       /* a millisecond each: what was killed may not be reaped yet */
#define CLONE_INTO_GROUP UINT64_C(0x200000000) /* CLONE_INTO_CGROUP of linux/sched.h */

/* ---- where */

static const char *mount_point(void)
{
    static const char *const places[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}; /* plain, hybrid */
    struct statfs status;
    for (size_t i = 0; i < 2; i++)
        if (statfs(places[i], &status) == 0 && status.f_type == CGROUP2_MAGIC)
            return places[i];
    return NULL;
}

/* Our own group, from the line "0::/path" of /proc/self/cgroup. */
static bool own_group(const char *mount, char *ret_path, size_t room)
{
    char line[512];
    bool found = false;
    FILE *stream = fopen("/proc/self/cgroup", "re");
    while (stream && !found && fgets(line, sizeof line, stream)) {
        line[strcspn(line, "\n")] = '\0';
        found = strncmp(line, "0::/", 4) == 0;
    }
    if (stream)
        fclose(stream);
    int n = found ? snprintf(ret_path, room, "%s%s", mount, line[4] ? line + 3 : "") : -1;
    return n > 0 && (size_t)n < room;
}

static bool has_word(const char *folder, const char *name, const char *word)
{
    char path[LD_GROUP_PATH_MAX + 64], text[512], *rest = NULL;
    bool fits = snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path;
    int fd = fits ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    for (char *item = strtok_r(text, " \n", &rest); item; item = strtok_r(NULL, " \n", &rest))
        if (strcmp(item, word) == 0)
            return true;
    return false;
}

static bool write_word(const char *folder, const char *name, const char *word)
{
    char path[LD_GROUP_PATH_MAX + 64];
    bool fits = snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path;
    int fd = fits && folder[0] ? open(path, O_WRONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return false;
    bool good = write(fd, word, strlen(word)) == (ssize_t)strlen(word);
    close(fd);
    return good;
}

/* A group can be made below every ancestor that is ours to write to; the nearest one that hands out controllers is
 * best, else the nearest. (Our own hands out none while we are in it: processes live in leaves.) */
static bool find_home(char *ret_home, char *why_not, size_t room)
{
    char path[LD_GROUP_PATH_MAX - 32], nearest[sizeof path] = "";
    const char *mount = mount_point();
    if (!mount || !own_group(mount, path, sizeof path)) {
        snprintf(why_not, room, "%s", mount ? "our own group is not to be seen" : "no cgroup v2 file system");
        return false;
    }
    for (size_t least = strlen(mount); strlen(path) >= least; *strrchr(path, '/') = '\0') {
        if (access(path, W_OK) != 0 || access(path, X_OK) != 0)
            continue;
        if (!nearest[0])
            snprintf(nearest, sizeof nearest, "%s", path);
        if (has_word(path, "cgroup.subtree_control", "memory")) {
            snprintf(nearest, sizeof nearest, "%s", path);
            break;
        }
    }
    snprintf(ret_home, LD_GROUP_PATH_MAX - 32, "%s", nearest);
    snprintf(why_not, room, "no group above ours may be written to");
    return nearest[0] != '\0';
}

/* ---- a campaign's */

static bool is_whole(const char *path)
{
    char file[LD_GROUP_PATH_MAX + 64];
    snprintf(file, sizeof file, "%s/cgroup.kill", path);
    return access(file, W_OK) == 0;
}

void ld_group_make(struct ld_group *ret_group)
{
    struct ld_group group = {.lock = -1};
    char home[LD_GROUP_PATH_MAX - 32];
    *ret_group = group;
    if (!find_home(home, ret_group->why_not, sizeof ret_group->why_not))
        return;
    snprintf(group.path, sizeof group.path, "%s/" NAME, home);
    if (!mkdtemp(group.path)) {
        snprintf(ret_group->why_not, sizeof ret_group->why_not, "no group can be made: %s", strerror(errno));
        return;
    }
    group.lock = ld_folder_lock(group.path);
    if (group.lock < 0 || !is_whole(group.path)) {
        snprintf(ret_group->why_not, sizeof ret_group->why_not, "groups have no cgroup.kill (Linux 5.14)");
        ld_group_done(&group);
        return;
    }
    group.memory = write_word(group.path, "cgroup.subtree_control", "+memory");
    group.cpu = write_word(group.path, "cgroup.subtree_control", "+cpu");
    *ret_group = group;
}

void ld_group_done(struct ld_group *group)
{
    if (group->path[0])
        (void)ld_group_remove(group->path);
    if (group->lock >= 0)
        close(group->lock);
    group->lock = -1;
    group->path[0] = '\0';
}

/* ---- a target's */

void ld_group_make_child(const char *parent, pid_t name, char ret_path[LD_GROUP_PATH_MAX])
{
    ret_path[0] = '\0';
    if (parent[0] && snprintf(ret_path, LD_GROUP_PATH_MAX, "%s/%d", parent, (int)name) < LD_GROUP_PATH_MAX &&
        mkdir(ret_path, 0700) == 0)
        return;
    ret_path[0] = '\0';
}

pid_t ld_group_fork(const char *path)
{
    /* struct clone_args of linux/sched.h up to what Linux 5.7 knows. */
    struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size,
            cgroup;
    } arguments = {.flags = CLONE_INTO_GROUP, .exit_signal = SIGCHLD};
    int folder = path[0] ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (folder < 0)
        return _Fork();
    arguments.cgroup = (uint64_t)folder;
    pid_t child = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
    if (child < 0)
        child = _Fork();
    if (child != 0)
        close(folder);
    return child;
}

void ld_group_kill(const char *path)
{
    (void)write_word(path, "cgroup.kill", "1");
}

/* ---- removing */

static void remove_children(const char *path)
{
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char child[LD_GROUP_PATH_MAX + 260];
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
            continue;
        if (snprintf(child, sizeof child, "%s/%s", path, entry->d_name) < (int)sizeof child)
            rmdir(child);
    }
    if (folder)
        closedir(folder);
}

bool ld_group_remove(const char *path)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    if (!path[0])
        return true;
    ld_group_kill(path);
    for (int i = 0; i < REMOVE_TRIES; i++) {
        remove_children(path);
        if (rmdir(path) == 0 || errno == ENOENT)
            return true;
        nanosleep(&pause, NULL);
    }
    return false;
}

enum ld_claimed ld_group_claim(const char *path, int *ret_lock)
{
    char real[PATH_MAX];
    const char *mount = mount_point();
    size_t length = mount ? strlen(mount) : 0;
    int lock;
    enum ld_claimed claim = ld_folder_claim(path, NAME, &lock);
    if (claim != LD_CLAIM_TAKEN)
        return claim;
    if (!mount || !realpath(path, real) || strcmp(real, path) != 0 || strncmp(path, mount, length) != 0 ||
        path[length] != '/') {
        close(lock);
        return LD_CLAIM_NOT_OURS;
    }
    *ret_lock = lock;
    return LD_CLAIM_TAKEN;
}

unsigned ld_groups_sweep(bool remove)
{
    char home[LD_GROUP_PATH_MAX - 32], why_not[160], path[LD_GROUP_PATH_MAX + 260];
    unsigned count = 0;
    int lock;
    DIR *folder = find_home(home, why_not, sizeof why_not) ? opendir(home) : NULL;
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        snprintf(path, sizeof path, "%s/%s", home, entry->d_name);
        if (!ld_folder_name_fits(entry->d_name, NAME) || ld_group_claim(path, &lock) != LD_CLAIM_TAKEN)
            continue;
        count++;
        if (remove)
            (void)ld_group_remove(path);
        close(lock);
    }
    if (folder)
        closedir(folder);
    return count;
}
