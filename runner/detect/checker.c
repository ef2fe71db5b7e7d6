#include "runner/detect/checker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/process/monotonic.h"

/* All it says, until its end or the deadline. */
static bool read_all(int fd, struct ld_buffer *text)
{
    int64_t deadline_ns = ld_monotonic_ns() + LD_CHECKER_TIME_NS;
    for (;;) {
        char bytes[4096];
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        int64_t left_ms = (deadline_ns - ld_monotonic_ns()) / LD_MS;
        if (left_ms <= 0 || (poll(&ready, 1, (int)left_ms) < 0 && errno != EINTR))
            return false;
        ssize_t n = ready.revents ? read(fd, bytes, sizeof bytes) : 0;
        if (n < 0 || (n == 0 && ready.revents))
            return n == 0;
        (void)ld_buffer_add(text, bytes, (size_t)n); /* what is too much to show is left out */
    }
}

static int start(const char *program, const char *const *arguments, int input, int output, pid_t *ret_pid)
{
    char *const environment[] = {(char *)"PATH=/usr/local/bin:/usr/bin:/bin", (char *)"LANG=C.UTF-8", NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    int problem = posix_spawn(ret_pid, program, &actions, NULL, (char *const *)arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    return problem;
}

static int await(pid_t pid, int fd, const char *name, struct ld_buffer *said, bool *ret_good, struct ld_error *error)
{
    int status = 0;
    bool ended = read_all(fd, said);
    if (!ended)
        kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    *ret_good = ended && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    return ended ? 0
                 : ld_fail(error, LD_ETIMEOUT, "%.60s took longer than %d s", name,
                           (int)(LD_CHECKER_TIME_NS / LD_SECOND));
}

/* A file without a name that holds the bytes, to be read from its beginning. */
static int open_bytes(const void *bytes, size_t length)
{
    int fd = memfd_create("checked", MFD_CLOEXEC);
    const char *at = bytes;
    while (fd >= 0 && length > 0) {
        ssize_t n = write(fd, at, length);
        if (n < 0 && errno != EINTR) {
            close(fd);
            return -1;
        }
        at += n > 0 ? n : 0;
        length -= n > 0 ? (size_t)n : 0;
    }
    if (fd >= 0)
        lseek(fd, 0, SEEK_SET);
    return fd;
}

int ld_checker_run(const char *program, const char *const *arguments, const void *bytes, size_t length,
                   struct ld_buffer *said, bool *ret_good, struct ld_error *error)
{
    int pair[2];
    pid_t pid;
    int input = open_bytes(bytes, length);
    if (input < 0)
        return ld_fail_errno(error, LD_ESYSTEM, errno, "cannot hold a file for %.60s", arguments[0]);
    if (pipe2(pair, O_CLOEXEC) != 0) {
        close(input);
        return ld_fail_errno(error, LD_ESYSTEM, errno, "cannot make a pipe");
    }
    int problem = start(program, arguments, input, pair[1], &pid);
    close(input);
    close(pair[1]);
    int code = problem ? ld_fail_errno(error, LD_ESYSTEM, problem, "cannot start %.200s", program)
                       : await(pid, pair[0], arguments[0], said, ret_good, error);
    close(pair[0]);
    return code;
}
