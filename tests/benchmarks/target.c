#include "target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATH_MAX_BYTES 4096

extern char **environ;

void bench_check(int succeeded, const char *what)
{
    if (succeeded)
        return;
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
    exit(3);
}

int64_t bench_now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void bench_print_load(const char *label)
{
    double load[3] = {0};
    getloadavg(load, 3);
    printf("%s: load average %.2f %.2f %.2f on %ld cores\n", label, load[0], load[1], load[2],
           sysconf(_SC_NPROCESSORS_ONLN));
}

void bench_built(char *ret_path, const char *name)
{
    char self[PATH_MAX_BYTES];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    bench_check(length > 0, "where this program is");
    self[length] = '\0';
    for (char *folder = dirname(self); strcmp(folder, "/") != 0; folder = dirname(folder)) {
        int n = snprintf(ret_path, PATH_MAX_BYTES, "%s/%s", folder, name);
        if (n > 0 && n < PATH_MAX_BYTES && access(ret_path, X_OK) == 0)
            return;
    }
    errno = ENOENT;
    bench_check(0, name);
}

/* ---- the target */

static int bind_loopback(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bench_check(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 1024) == 0 &&
                    getsockname(fd, (struct sockaddr *)&address, &length) == 0,
                "listen");
    *ret_port = ntohs(address.sin_port);
    return fd;
}

void bench_target_start(struct bench_target *target, const char *program, const char *case_name)
{
    /* As the runner's, so that both start the same program in the same state. */
    static const char *const environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/nonexistent",
                                              "GOTRACEBACK=all", "GODEBUG=gctrace=1", NULL};
    const char *arguments[] = {program, NULL};
    int truth[2], setting[2];
    char line[256];
    posix_spawn_file_actions_t actions;
    *target = (struct bench_target){0};
    int listening = bind_loopback(&target->port);
    bench_check(pipe2(truth, O_CLOEXEC) == 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, setting) == 0,
                "descriptors");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_RDWR, 0);
    /* First out of the way of 3 to 5. */
    const int from[] = {listening, truth[1], setting[1]};
    for (int i = 0; i < 3; i++)
        posix_spawn_file_actions_adddup2(&actions, from[i], 100 + i);
    for (int i = 0; i < 3; i++) {
        posix_spawn_file_actions_adddup2(&actions, 100 + i, 3 + i);
        posix_spawn_file_actions_addclose(&actions, 100 + i);
    }
    errno = posix_spawn(&target->pid, program, &actions, NULL, (char *const *)(uintptr_t)arguments,
                        (char *const *)(uintptr_t)environment);
    bench_check(errno == 0, program);
    posix_spawn_file_actions_destroy(&actions);
    close(listening);
    close(truth[1]);
    close(setting[1]);
    target->truth = truth[0];
    target->setting = setting[0];
    snprintf(line, sizeof line, "{\"case\":\"%s\",\"rate\":1,\"depth\":0,\"seed\":\"1\",\"upstream\":\"\"}", case_name);
    bench_target_command(target, line);
}

void bench_target_command(struct bench_target *target, const char *json)
{
    char line[512];
    int n = snprintf(line, sizeof line, "%s\n", json);
    bench_check(send(target->setting, line, (size_t)n, MSG_NOSIGNAL) == n, "send a command");
}

void bench_target_await(struct bench_target *target, const char *kind)
{
    char wanted[64];
    snprintf(wanted, sizeof wanted, "\"event\":\"%s\"", kind);
    for (;;) {
        char *end = memchr(target->text, '\n', target->length);
        if (end) {
            *end = '\0';
            bool found = strstr(target->text, wanted) != NULL;
            target->length -= (size_t)(end + 1 - target->text);
            memmove(target->text, end + 1, target->length);
            if (found)
                return;
            continue;
        }
        ssize_t n = read(target->truth, target->text + target->length, sizeof target->text - target->length);
        bench_check(n > 0, kind);
        target->length += (size_t)n;
    }
}

void bench_target_end(struct bench_target *target, int number)
{
    bench_check(kill(target->pid, number) == 0 && waitpid(target->pid, NULL, 0) == target->pid, "end the target");
    close(target->truth);
    close(target->setting);
}

/* ---- other programs */

pid_t bench_spawn(const char *const *arguments, const char *output)
{
    pid_t pid;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    errno = posix_spawn(&pid, arguments[0], &actions, NULL, (char *const *)(uintptr_t)arguments, environ);
    bench_check(errno == 0, arguments[0]);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

void bench_await_success(pid_t pid, const char *what)
{
    int status = 0;
    bench_check(waitpid(pid, &status, 0) == pid, what);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    fprintf(stderr, "%s: %s ended with %s %d\n", program_invocation_short_name, what,
            WIFSIGNALED(status) ? "signal" : "exit code", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    exit(3);
}
