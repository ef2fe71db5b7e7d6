#include "runner/process/identity.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static ssize_t read_text(const char *path, char *text, size_t room)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, room - 1);
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    return n;
}

void ld_boot_id(char ret_text[LD_BOOT_ID_SIZE])
{
    read_text("/proc/sys/kernel/random/boot_id", ret_text, LD_BOOT_ID_SIZE);
    ret_text[strcspn(ret_text, "\n")] = '\0';
}

bool ld_proc_stat_read(int64_t pid, struct ld_proc_stat *ret_stat)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    ssize_t n = pid > 0 ? read_text(path, text, sizeof text) : -1;
    return n > 0 && ld_proc_stat_parse(text, (size_t)n, ret_stat) == 0;
}

bool ld_identity_read(int64_t pid, struct ld_identity *ret_identity)
{
    struct ld_proc_stat stat;
    if (!ld_proc_stat_read(pid, &stat) || stat.state == 'Z' || stat.state == 'X')
        return false;
    *ret_identity = (struct ld_identity){.pid = pid, .start_ticks = stat.start_ticks};
    return true;
}

bool ld_identity_lives(const struct ld_identity *identity)
{
    struct ld_identity now;
    return ld_identity_read(identity->pid, &now) && now.start_ticks == identity->start_ticks;
}

const char *ld_identity_text(const struct ld_identity *identity, char *ret_text, size_t room)
{
    snprintf(ret_text, room, "%lld/%llu", (long long)identity->pid, (unsigned long long)identity->start_ticks);
    return ret_text;
}

bool ld_identity_parse(const char *text, struct ld_identity *ret_identity)
{
    char *end;
    errno = 0;
    long long pid = strtoll(text, &end, 10);
    if (errno || pid <= 0 || *end != '/' || end[1] < '0' || end[1] > '9')
        return false;
    unsigned long long start = strtoull(end + 1, &end, 10);
    if (errno || (*end != '\0' && *end != ' '))
        return false;
    *ret_identity = (struct ld_identity){.pid = pid, .start_ticks = start};
    return true;
}

bool ld_identity_kill(const struct ld_identity *identity, int64_t limit_ns)
{
    struct ld_proc_stat stat;
    /* The pidfd first: what the look after it finds is the process it holds. */
    int pidfd = (int)syscall(SYS_pidfd_open, (pid_t)identity->pid, 0);
    if (pidfd < 0)
        return errno == ESRCH;
    bool gone = !ld_proc_stat_read(identity->pid, &stat) || stat.start_ticks != identity->start_ticks;
    if (!gone) {
        if (stat.group == (int32_t)identity->pid)
            kill(-(pid_t)identity->pid, SIGKILL);
        syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
        struct pollfd wait = {.fd = pidfd, .events = POLLIN};
        gone = poll(&wait, 1, (int)(limit_ns / 1000000)) == 1;
    }
    close(pidfd);
    return gone;
}

/* Does the link PATH lead to `folder` or into it? */
static bool leads_into(const char *path, const char *folder)
{
    char target[1024];
    size_t length = strlen(folder);
    ssize_t n = readlink(path, target, sizeof target - 1);
    target[n > 0 ? n : 0] = '\0';
    return length && strncmp(target, folder, length) == 0 &&
           (target[length] == '/' || target[length] == '\0' || target[length] == ' ');
}

void ld_identities_below(const char *folder, void (*visit)(void *context, const struct ld_identity *identity),
                         void *context)
{
    DIR *processes = opendir("/proc");
    for (struct dirent *entry; processes && (entry = readdir(processes));) {
        char program[64], place[64];
        struct stat owner;
        struct ld_identity identity;
        int64_t pid = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' ? atoll(entry->d_name) : 0;
        if (!pid || pid == getpid() || fstatat(dirfd(processes), entry->d_name, &owner, 0) != 0 ||
            owner.st_uid != geteuid())
            continue;
        snprintf(program, sizeof program, "/proc/%.20s/exe", entry->d_name);
        snprintf(place, sizeof place, "/proc/%.20s/cwd", entry->d_name);
        if ((leads_into(program, folder) || leads_into(place, folder)) && ld_identity_read(pid, &identity))
            visit(context, &identity);
    }
    if (processes)
        closedir(processes);
}
