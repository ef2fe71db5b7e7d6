#include "runner/process/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <dirent.h>

#include "runner/process/identity.h"
#include "runner/process/monotonic.h"

/* Kernels without CONFIG_PROC_CHILDREN: look at every process's parent. */
static int children_by_scan(void (*visit)(void *context, pid_t child), void *context)
{
    DIR *folder = opendir("/proc");
    if (!folder)
        return -errno;
    int count = 0;
    pid_t self = getpid();
    for (struct dirent *entry; (entry = readdir(folder));) {
        pid_t pid = (pid_t)atoi(entry->d_name);
        struct ld_proc_stat stat;
        if (pid <= 0 || !ld_proc_stat_read(pid, &stat) || stat.parent != self)
            continue;
        visit(context, pid);
        count++;
    }
    closedir(folder);
    return count;
}

int ld_children(void (*visit)(void *context, pid_t child), void *context)
{
    /* Children belong to threads; every thread of ours may have some (leakdrill spawns from its main thread only). */
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *file = fopen(path, "re");
    if (!file)
        return children_by_scan(visit, context);
    int count = 0;
    for (int pid; fscanf(file, "%d", &pid) == 1; count++)
        visit(context, pid);
    fclose(file);
    return count;
}

static void kill_child(void *context, pid_t child)
{
    (void)context;
    kill(child, SIGKILL);
}

struct ld_swept ld_sweep_children(int64_t limit_ns, void (*reaped)(void *context, pid_t child, int status),
                                  void *context)
{
    struct ld_swept swept = {0};
    int64_t deadline = ld_monotonic_ns() + limit_ns;
    for (;;) {
        int children = ld_children(kill_child, NULL);
        if (children <= 0)
            break;
        int status;
        pid_t child;
        bool any = false;
        while ((child = waitpid(-1, &status, WNOHANG)) > 0) {
            any = true;
            swept.found++;
            if (reaped)
                reaped(context, child, status);
        }
        if (!any) {
            if (ld_monotonic_ns() > deadline) {
                swept.left = children;
                break;
            }
            /* Wait for a death without a busy loop; the timeout only bounds how often the deadline is looked at. */
            sigset_t set;
            sigemptyset(&set);
            sigaddset(&set, SIGCHLD);
            struct timespec pause = {.tv_nsec = 1000000};
            sigtimedwait(&set, NULL, &pause);
        }
    }
    return swept;
}

static int remove_entry(const char *path, const struct stat *status, int flag, struct FTW *walk)
{
    (void)status;
    (void)walk;
    return (flag == FTW_DP ? rmdir(path) : unlink(path)) == 0 || errno == ENOENT ? 0 : errno;
}

int ld_remove_tree(const char *path)
{
    int code = nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    if (code < 0)
        return errno == ENOENT ? 0 : -errno;
    return -code;
}
