#include "runner/sample/proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "observe/procfs.h"

/* A whole small file of /proc/PID into `text`; its length, 0 when it cannot be read. */
static size_t read_file(int64_t pid, const char *name, char *text, size_t room)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%lld/%s", (long long)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    size_t length = 0;
    for (ssize_t n; length < room - 1 && (n = read(fd, text + length, room - 1 - length)) > 0;)
        length += (size_t)n;
    close(fd);
    text[length] = '\0';
    return length;
}

static bool count_descriptors(int64_t pid, bool sockets, double *ret_count, double *ret_sockets)
{
    char path[64], target[64];
    snprintf(path, sizeof path, "/proc/%lld/fd", (long long)pid);
    DIR *folder = opendir(path);
    if (!folder)
        return false;
    double count = 0, found = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        count++;
        ssize_t n = sockets ? readlinkat(dirfd(folder), entry->d_name, target, sizeof target) : 0;
        if (n > 7 && memcmp(target, "socket:", 7) == 0)
            found++;
    }
    closedir(folder);
    *ret_count = count;
    *ret_sockets = found;
    return true;
}

size_t ld_proc_read(int64_t pid, bool sockets, struct ld_point points[LD_PROC_POINTS])
{
    char text[1024];
    struct ld_proc_stat stat;
    size_t length = pid > 0 ? read_file(pid, "stat", text, sizeof text) : 0;
    if (length == 0 || ld_proc_stat_parse(text, length, &stat) != 0 || stat.state == 'Z' || stat.state == 'X')
        return 0;
    double ticks = (double)sysconf(_SC_CLK_TCK), page = (double)sysconf(_SC_PAGESIZE);
    size_t count = 0;
    points[count++] = (struct ld_point){LD_METRIC_CPU, (double)(stat.user_ticks + stat.system_ticks) / ticks};
    points[count++] = (struct ld_point){LD_METRIC_RSS, (double)stat.resident_pages * page};
    points[count++] = (struct ld_point){LD_METRIC_THREADS, (double)stat.threads};
    double descriptors, found;
    if (count_descriptors(pid, sockets, &descriptors, &found)) {
        points[count++] = (struct ld_point){LD_METRIC_DESCRIPTORS, descriptors};
        if (sockets)
            points[count++] = (struct ld_point){LD_METRIC_SOCKETS, found};
    }
    return count;
}

int64_t ld_proc_open_files_limit(int64_t pid)
{
    char text[4096];
    if (read_file(pid, "limits", text, sizeof text) == 0)
        return -1;
    const char *line = strstr(text, "Max open files");
    long long soft, hard;
    return line && sscanf(line, "Max open files %lld %lld", &soft, &hard) == 2 ? hard : -1;
}
