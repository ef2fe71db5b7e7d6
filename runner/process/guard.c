#include "runner/process/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/process/identity.h"
#include "runner/process/message.h"
#include "runner/process/shim.h"
#include "runner/process/sweep.h"

#define SWEEP_LIMIT_NS (INT64_C(10) * 1000000000)
#define SHIMS_MAX 4096

/* How guard and launcher exit: with the number of processes left, at most LEFT_MAX, or so. */
#define LEFT_MAX 100
#define STATUS_REFUSED 101 /* this kernel does not let us */
#define STATUS_KILLED 102  /* the launcher's: the guard died of a signal */

/* What the guard says first: how it came up. Later it says nothing; the shims speak for themselves. */
struct hello {
    int32_t isolated;
    int32_t failed; /* errno */
    char step[64];  /* what failed, or why there is no namespace */
};

/* ---- the guard process */

/* Also the standard ones: a pipe behind leakdrill's stdout must end with leakdrill. */
static void forget_other_descriptors(int socket)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; null >= 0 && fd <= 2; fd++)
        dup2(null, fd);
    if (socket > 3)
        syscall(SYS_close_range, 3u, (unsigned)socket - 1, 0u);
    syscall(SYS_close_range, (unsigned)socket + 1, ~0u, 0u);
}

/* The shims that live. Any other child of the guard is what a dead shim left. */
struct nursery {
    pid_t shims[SHIMS_MAX];
    size_t count;
};

static bool is_shim(const struct nursery *nursery, pid_t child)
{
    for (size_t i = 0; i < nursery->count; i++)
        if (nursery->shims[i] == child)
            return true;
    return false;
}

static void kill_stranger(void *context, pid_t child)
{
    if (!is_shim(context, child))
        kill(child, SIGKILL);
}

/* A shim ends with nothing left below it, unless it was killed: then its orphans come to us, layer after layer as their
 * parents die, and each death brings us here again. */
static void reap(struct nursery *nursery)
{
    bool strangers = false;
    int status;
    for (pid_t child; (child = waitpid(-1, &status, WNOHANG)) > 0;) {
        bool clean = false;
        for (size_t i = 0; i < nursery->count; i++)
            if (nursery->shims[i] == child) {
                nursery->shims[i] = nursery->shims[--nursery->count];
                clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
                break;
            }
        strangers = strangers || !clean;
    }
    if (strangers)
        ld_children(kill_stranger, nursery);
}

static void read_command(int socket, char *packet, struct nursery *nursery, const char *group)
{
    int received[LD_MESSAGE_FDS_MAX], fds[LD_SPAWN_FDS];
    size_t count = LD_MESSAGE_FDS_MAX, taken = 0;
    ssize_t n = ld_message_receive(socket, packet, LD_MESSAGE_BYTES_MAX, received, &count, MSG_DONTWAIT);
    const struct ld_spawn_message *message = (const struct ld_spawn_message *)(const void *)packet;
    bool good = n >= (ssize_t)sizeof *message && message->magic == LD_MESSAGE_MAGIC;
    for (int i = 0; i < LD_SPAWN_FDS; i++)
        fds[i] = good && (message->present & (1u << i)) && taken < count ? received[taken++] : -1;
    if (good && fds[LD_SPAWN_FD_CHANNEL] >= 0 && nursery->count < SHIMS_MAX) {
        pid_t child = _Fork();
        if (child == 0) {
            close(socket);
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            ld_shim_main(message, (size_t)n, fds, group);
        }
        if (child > 0)
            nursery->shims[nursery->count++] = child;
    }
    /* Where there is no shim the channel closes here, and leakdrill sees the end of file: a dead shim. */
    for (size_t i = 0; i < count; i++)
        close(received[i]);
}

static _Noreturn void guard_main(int socket, const char *work_folder, const char *group)
{
    prctl(PR_SET_NAME, "service-guard");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    setsid();
    forget_other_descriptors(socket);
    sigset_t set;
    sigfillset(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    static struct nursery nursery;
    char *packet = malloc(LD_MESSAGE_BYTES_MAX);
    bool serving = packet && signals >= 0;
    while (serving) {
        struct pollfd polls[] = {{.fd = signals, .events = POLLIN}, {.fd = socket, .events = POLLIN}};
        if (poll(polls, 2, -1) < 0 && errno != EINTR)
            break;
        struct signalfd_siginfo information;
        while (read(signals, &information, sizeof information) > 0)
            ;
        reap(&nursery);
        if (polls[1].revents & POLLIN)
            read_command(socket, packet, &nursery, group);
        else if (polls[1].revents)
            serving = false;
        char probe;
        if (serving && recv(socket, &probe, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
            serving = false;
    }
    /* All at once where there is a group; then whoever is still below us. */
    ld_group_kill(group);
    struct ld_swept swept = ld_sweep_children(SWEEP_LIMIT_NS, NULL, NULL);
    (void)ld_group_remove(group);
    ld_remove_tree(work_folder);
    _exit(swept.left > LEFT_MAX ? LEFT_MAX : (int)swept.left);
}

/* ---- the launcher: makes the namespaces, forks the guard into them, waits for it */

static bool write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool good = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    return close(fd) == 0 && good;
}

/* Root makes a PID and a mount namespace; others first a user namespace in which they keep their own id. */
static bool make_namespaces(struct hello *hello)
{
    uid_t user = geteuid();
    gid_t group = getegid();
    if (unshare(CLONE_NEWPID | CLONE_NEWNS | (user ? CLONE_NEWUSER : 0)) < 0) {
        snprintf(hello->step, sizeof hello->step, "unshare: %s", strerror(errno));
        return false;
    }
    if (user) {
        char map[64];
        snprintf(map, sizeof map, "%u %u 1", user, user);
        bool good = write_text("/proc/self/setgroups", "deny") && write_text("/proc/self/uid_map", map);
        snprintf(map, sizeof map, "%u %u 1", group, group);
        if (!good || !write_text("/proc/self/gid_map", map)) {
            snprintf(hello->step, sizeof hello->step, "id map: %s", strerror(errno));
            return false;
        }
    }
    return true;
}

static bool mount_own_proc(struct hello *hello)
{
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0) {
        snprintf(hello->step, sizeof hello->step, "mount /proc: %s", strerror(errno));
        return false;
    }
    return true;
}

/* The guard in its namespace; ends as the guard did. */
static _Noreturn void launch(int socket, const char *work_folder, const char *group, bool isolate)
{
    struct hello hello = {0};
    if (!isolate)
        snprintf(hello.step, sizeof hello.step, "not asked for");
    bool apart = isolate && make_namespaces(&hello);
    pid_t guard = _Fork();
    if (guard == 0) {
        hello.isolated = apart && mount_own_proc(&hello);
        if (apart && !hello.isolated) {
            hello.failed = errno;
            (void)ld_message_send(socket, &hello, sizeof hello, NULL, 0);
            _exit(STATUS_REFUSED);
        }
        if (!apart && isolate && hello.step[0] == '\0')
            snprintf(hello.step, sizeof hello.step, "no namespaces");
        (void)ld_message_send(socket, &hello, sizeof hello, NULL, 0);
        guard_main(socket, work_folder, group);
    }
    if (guard < 0) {
        hello.failed = errno;
        (void)ld_message_send(socket, &hello, sizeof hello, NULL, 0);
        _exit(STATUS_REFUSED);
    }
    close(socket);
    int status = 0;
    while (waitpid(guard, &status, 0) < 0 && errno == EINTR)
        ;
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_KILLED);
}

/* ---- leakdrill's side */

static pid_t sender_of(int socket, struct hello *hello, struct ld_error *error)
{
    struct iovec part = {.iov_base = hello, .iov_len = sizeof *hello};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
    } control;
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t n;
    do
        n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof *hello)
        return 0;
    if (hello->failed) {
        ld_fail(error, LD_ESYSTEM, "the guard process could not be started: %s",
                hello->step[0] ? hello->step : strerror(hello->failed));
        return 0;
    }
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header))
        if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_CREDENTIALS) {
            struct ucred credentials;
            memcpy(&credentials, CMSG_DATA(header), sizeof credentials);
            return credentials.pid;
        }
    return 0;
}

static int try_start(struct ld_guard *ret_guard, const char *work_folder, const char *group, bool isolate,
                     struct ld_error *error)
{
    int pair[2], on = 1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return ld_fail_errno(error, LD_ESYSTEM, errno, "cannot make the guard's socket");
    setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
    pid_t launcher = _Fork();
    if (launcher == 0) {
        close(pair[0]);
        prctl(PR_SET_NAME, "service-launch");
        setsid();
        forget_other_descriptors(pair[1]);
        launch(pair[1], work_folder, group, isolate);
    }
    int saved = errno;
    close(pair[1]);
    if (launcher < 0) {
        close(pair[0]);
        return ld_fail_errno(error, LD_ESYSTEM, saved, "cannot start the guard process");
    }
    struct hello hello = {0};
    ld_fail(error, LD_ESYSTEM, "the guard process died before it said hello");
    pid_t pid = sender_of(pair[0], &hello, error);
    if (pid <= 0) {
        close(pair[0]);
        while (waitpid(launcher, NULL, 0) < 0 && errno == EINTR)
            ;
        return LD_ESYSTEM;
    }
    int off = 0;
    setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &off, sizeof off);
    *ret_guard = (struct ld_guard){.socket = pair[0], .launcher = launcher, .pid = pid, .isolated = hello.isolated};
    snprintf(ret_guard->why_not, sizeof ret_guard->why_not, "%s", hello.isolated ? "" : hello.step);
    return 0;
}

static int start(struct ld_guard *ret_guard, const char *work_folder, const char *group, bool isolate,
                 struct ld_error *error)
{
    struct ld_error refused;
    if (!isolate)
        return try_start(ret_guard, work_folder, group, false, error);
    if (try_start(ret_guard, work_folder, group, true, &refused) == 0)
        return 0;
    int code = try_start(ret_guard, work_folder, group, false, error);
    if (code == 0)
        snprintf(ret_guard->why_not, sizeof ret_guard->why_not, "%.150s", refused.message);
    return code;
}

int ld_guard_start(struct ld_guard *ret_guard, const char *work_folder, bool isolate, struct ld_error *error)
{
    struct ld_group group;
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        return ld_fail_errno(error, LD_ESYSTEM, errno, "cannot become a subreaper");
    ld_groups_sweep(true);
    ld_group_make(&group);
    int code = start(ret_guard, work_folder, group.path, isolate, error);
    if (code)
        ld_group_done(&group);
    else
        ret_guard->group = group;
    return code;
}

/* The flags of a task in /proc/PID/stat hold PF_EXITING (linux/sched.h) from the first moment of its exit on. */
#define TASK_EXITING 0x4u

static bool is_exiting(pid_t pid)
{
    struct ld_proc_stat stat;
    return !ld_proc_stat_read(pid, &stat) || (stat.flags & TASK_EXITING);
}

bool ld_guard_lives(const struct ld_guard *guard)
{
    char byte;
    /* It never speaks: what can be read from it is its end. */
    return guard->socket >= 0 && recv(guard->socket, &byte, 1, MSG_DONTWAIT | MSG_PEEK) != 0 && !is_exiting(guard->pid);
}

int64_t ld_guard_stop(struct ld_guard *guard)
{
    if (guard->socket < 0)
        return 0;
    close(guard->socket);
    guard->socket = -1;
    int status = 0;
    while (waitpid(guard->launcher, &status, 0) < 0 && errno == EINTR)
        ;
    bool clean = WIFEXITED(status) && WEXITSTATUS(status) <= LEFT_MAX;
    if (clean)
        ld_group_done(&guard->group); /* the guard removed it; else ld_guard_clean_up does */
    return clean ? WEXITSTATUS(status) : -1;
}

int64_t ld_guard_clean_up(struct ld_guard *guard, const char *work_folder)
{
    if (guard->socket >= 0)
        close(guard->socket);
    guard->socket = -1;
    ld_group_kill(guard->group.path);
    struct ld_swept swept = ld_sweep_children(SWEEP_LIMIT_NS, NULL, NULL);
    ld_group_done(&guard->group);
    ld_remove_tree(work_folder);
    return swept.found;
}
