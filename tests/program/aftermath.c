#include "aftermath.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define LOOKS_MAX 200 /* a descriptor on its way between two other processes has no owner for a moment */

/* ---- processes */

/* The first child of `pid` whose name is `name`; 0: none. */
static pid_t child_named(pid_t pid, const char *name)
{
    char path[64], comm[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *children = fopen(path, "re");
    pid_t found = 0;
    for (int child; children && !found && fscanf(children, "%d", &child) == 1;) {
        snprintf(path, sizeof path, "/proc/%d/comm", child);
        FILE *stream = fopen(path, "re");
        if (stream && fscanf(stream, "%63s", comm) == 1 && strcmp(comm, name) == 0)
            found = child;
        if (stream)
            fclose(stream);
    }
    if (children)
        fclose(children);
    return found;
}

pid_t guard_of(pid_t pid)
{
    pid_t launcher = child_named(pid, "service-launch");
    return launcher ? child_named(launcher, "service-guard") : 0;
}

pid_t shim_of(pid_t guard)
{
    return child_named(guard, "service-shim");
}

void become_subreaper(void)
{
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
}

static void on_alarm(int number)
{
    (void)number; /* only interrupts waitpid */
}

static void fail_with_children(unsigned seconds)
{
    char path[64], text[2048] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *children = fopen(path, "re");
    for (int child; children && fscanf(children, "%d", &child) == 1;) {
        char line[256] = "?";
        snprintf(path, sizeof path, "/proc/%d/stat", child);
        FILE *stream = fopen(path, "re");
        if (stream && !fgets(line, sizeof line, stream))
            line[0] = '\0';
        if (stream)
            fclose(stream);
        snprintf(text + strlen(text), sizeof text - strlen(text), "\n%.80s", line);
        kill(child, SIGKILL);
    }
    if (children)
        fclose(children);
    fail_msg("after %u s these are left:%s", seconds, text);
}

void assert_no_child_within(unsigned seconds)
{
    struct sigaction interrupt = {.sa_handler = on_alarm}; /* no SA_RESTART */
    sigaction(SIGALRM, &interrupt, NULL);
    alarm(seconds);
    pid_t child;
    do
        child = waitpid(-1, NULL, 0);
    while (child > 0);
    bool none = errno == ECHILD;
    alarm(0);
    if (!none)
        fail_with_children(seconds);
}

/* ---- sockets */

void listeners_look(struct listeners *ret_listeners)
{
    char line[512];
    unsigned address, state, user;
    unsigned long inode;
    FILE *table = fopen("/proc/net/tcp", "re");
    assert_non_null(table);
    ret_listeners->count = 0;
    while (fgets(line, sizeof line, table)) {
        if (sscanf(line, " %*d: %8X:%*X %*8X:%*X %2X %*X:%*X %*X:%*X %*X %u %*d %lu", &address, &state, &user,
                   &inode) != 4 ||
            address != 0x0100007f || state != 0x0a || user != geteuid())
            continue;
        assert_true(ret_listeners->count < sizeof ret_listeners->inodes / sizeof *ret_listeners->inodes);
        ret_listeners->inodes[ret_listeners->count++] = inode;
    }
    fclose(table);
}

static bool holds(const struct listeners *listeners, unsigned long inode)
{
    for (size_t i = 0; i < listeners->count; i++)
        if (listeners->inodes[i] == inode)
            return true;
    return false;
}

static void forget(struct listeners *listeners, unsigned long inode)
{
    for (size_t i = 0; i < listeners->count; i++)
        if (listeners->inodes[i] == inode)
            listeners->inodes[i] = listeners->inodes[--listeners->count];
}

/* Take away what some process has open. */
static void forget_owned(struct listeners *listeners)
{
    DIR *processes = opendir("/proc");
    assert_non_null(processes);
    for (struct dirent *process; (process = readdir(processes));) {
        char path[64], link[300], target[64];
        snprintf(path, sizeof path, "/proc/%.20s/fd", process->d_name);
        DIR *open_files = process->d_name[0] >= '1' && process->d_name[0] <= '9' ? opendir(path) : NULL;
        for (struct dirent *entry; open_files && (entry = readdir(open_files));) {
            unsigned long inode;
            snprintf(link, sizeof link, "%s/%.200s", path, entry->d_name);
            ssize_t length = readlink(link, target, sizeof target - 1);
            target[length > 0 ? length : 0] = '\0';
            if (sscanf(target, "socket:[%lu]", &inode) == 1)
                forget(listeners, inode);
        }
        if (open_files)
            closedir(open_files);
    }
    closedir(processes);
}

void assert_no_listener_left(const struct listeners *before)
{
    static struct listeners suspects, now;
    listeners_look(&suspects);
    for (size_t i = 0; i < before->count; i++)
        forget(&suspects, before->inodes[i]);
    for (int look = 0; look < LOOKS_MAX && suspects.count; look++) {
        forget_owned(&suspects);
        listeners_look(&now);
        for (size_t i = suspects.count; i-- > 0;)
            if (!holds(&now, suspects.inodes[i]))
                forget(&suspects, suspects.inodes[i]);
    }
    if (suspects.count)
        fail_msg("%zu listening sockets are left without a process, the first is inode %lu", suspects.count,
                 suspects.inodes[0]);
}
