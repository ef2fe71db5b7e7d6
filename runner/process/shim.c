#include "runner/process/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runner/process/group.h"
#include "runner/process/monotonic.h"
#include "runner/process/strain.h"
#include "runner/process/sweep.h"

#define END_LIMIT_NS (INT64_C(5) * 1000000000)

struct shim {
    int channel;
    pid_t target;
    bool exited;
    struct ld_strains strains;
    char group[LD_GROUP_PATH_MAX]; /* the target's own cgroup; "" when it has none */
};

struct words {
    const char *program, *folder, *disk_folder;
    const char *arguments[LD_SPAWN_WORDS_MAX + 1];
    const char *environment[LD_SPAWN_WORDS_MAX + 1];
};

static const char *next_word(const char **cursor, const char *end)
{
    const char *word = *cursor;
    const char *stop = memchr(word, '\0', (size_t)(end - word));
    if (!stop)
        return NULL;
    *cursor = stop + 1;
    return word;
}

static bool unpack(const struct ld_spawn_message *message, size_t length, struct words *ret_words)
{
    const char *cursor = (const char *)(message + 1);
    const char *end = (const char *)message + length;
    if (message->argument_count > LD_SPAWN_WORDS_MAX || message->environment_count > LD_SPAWN_WORDS_MAX)
        return false;
    ret_words->program = next_word(&cursor, end);
    ret_words->folder = ret_words->program ? next_word(&cursor, end) : NULL;
    ret_words->disk_folder = ret_words->folder ? next_word(&cursor, end) : NULL;
    bool whole = ret_words->disk_folder != NULL;
    for (uint32_t i = 0; whole && i < message->argument_count; i++)
        whole = (ret_words->arguments[i] = next_word(&cursor, end)) != NULL;
    for (uint32_t i = 0; whole && i < message->environment_count; i++)
        whole = (ret_words->environment[i] = next_word(&cursor, end)) != NULL;
    if (!whole)
        return false;
    ret_words->arguments[message->argument_count] = NULL;
    ret_words->environment[message->environment_count] = NULL;
    return true;
}

static void say(const struct shim *shim, enum ld_shim_word word, int64_t value, int64_t left, int fd)
{
    struct ld_shim_message message = {.magic = LD_MESSAGE_MAGIC, .word = word, .value = value, .left = left};
    /* When leakdrill is gone the end of file says so; there is nobody to tell. */
    (void)ld_message_send(shim->channel, &message, sizeof message, &fd, fd >= 0 ? 1 : 0);
}

/* ---- the target's side of the fork: from here to exec only async-signal-safe calls */

static _Noreturn void give_up(int report, int code)
{
    (void)!write(report, &code, sizeof code);
    _exit(127);
}

static void place_descriptors(const int fds[LD_SPAWN_FDS], int report)
{
    static const enum ld_spawn_fd places[] = {LD_SPAWN_FD_STDIN,  LD_SPAWN_FD_STDOUT, LD_SPAWN_FD_STDERR,
                                              LD_SPAWN_FD_LISTEN, LD_SPAWN_FD_TRUTH,  LD_SPAWN_FD_SETTING};
    enum { PLACES = sizeof places / sizeof *places };
    int moved[PLACES];
    /* First out of the way of 0..5, then into place, so that no copy overwrites a source. */
    for (int i = 0; i < PLACES; i++) {
        int fd = fds[places[i]];
        moved[i] = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 16);
        if (fd >= 0 && moved[i] < 0)
            give_up(report, errno);
    }
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        give_up(report, errno);
    for (int place = 0; place < PLACES; place++) {
        if (moved[place] >= 0 ? dup2(moved[place], place) < 0 : place <= 2 && dup2(null, place) < 0)
            give_up(report, errno);
        if (moved[place] < 0 && place > 2)
            close(place);
    }
}

/* A file system of its own at disk_folder, in mounts of its own: it goes with the process. Where that is not allowed
 * the folder stays what it is, and the fault that wants to fill it says so. */
static void mount_disk(const char *folder, uint64_t bytes)
{
    char options[64];
    snprintf(options, sizeof options, "size=%llu,mode=0700", (unsigned long long)bytes);
    if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
        (void)mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, options);
}

static _Noreturn void become_target(const struct ld_spawn_message *message, const struct words *words,
                                    const int fds[LD_SPAWN_FDS], int report, pid_t shim)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != shim)
        _exit(127);
    if (setsid() < 0)
        give_up(report, errno);
    int kept = fcntl(report, F_DUPFD_CLOEXEC, 32);
    if (kept < 0)
        give_up(report, errno);
    report = kept;
    place_descriptors(fds, report);
    /* Everything but 0..5 goes at exec; the report pipe closes by itself there and tells the shim of success. */
    syscall(SYS_close_range, 6u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */);
    if (message->open_files) {
        struct rlimit limit = {.rlim_cur = message->open_files, .rlim_max = message->open_files};
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
            give_up(report, errno);
    }
    if (message->disk_bytes)
        mount_disk(words->disk_folder, message->disk_bytes);
    if (words->folder[0] && chdir(words->folder) < 0)
        give_up(report, errno);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(words->program, (char *const *)(uintptr_t)words->arguments, (char *const *)(uintptr_t)words->environment);
    give_up(report, errno);
}

/* ---- the shim's own life */

static int start(struct shim *shim, const struct ld_spawn_message *message, const struct words *words,
                 const int fds[LD_SPAWN_FDS])
{
    int report[2];
    if (pipe2(report, O_CLOEXEC) < 0)
        return errno;
    pid_t self = getpid();
    shim->target = ld_group_fork(shim->group);
    if (shim->target < 0) {
        int saved = errno;
        close(report[0]);
        close(report[1]);
        return saved;
    }
    if (shim->target == 0)
        become_target(message, words, fds, report[1], self);
    close(report[1]);
    int code = 0;
    ssize_t n;
    do
        n = read(report[0], &code, sizeof code);
    while (n < 0 && errno == EINTR);
    close(report[0]);
    return n == (ssize_t)sizeof code ? code : 0;
}

static int64_t status_value(int status)
{
    return WIFSIGNALED(status) ? -(int64_t)WTERMSIG(status) : (int64_t)WEXITSTATUS(status);
}

static void reaped(void *context, pid_t child, int status)
{
    struct shim *shim = context;
    if (child == shim->target) {
        shim->exited = true;
        say(shim, LD_SHIM_EXITED, status_value(status), 0, -1);
    }
}

static _Noreturn void end(struct shim *shim)
{
    bool had_exited = shim->exited;
    /* Three layers: its cgroup, its process group, and whoever is our child then, again and again. */
    ld_group_kill(shim->group);
    if (!had_exited && shim->target > 0)
        kill(-shim->target, SIGKILL);
    struct ld_swept swept = ld_sweep_children(END_LIMIT_NS, reaped, shim);
    (void)ld_group_remove(shim->group);
    int64_t found = swept.found - (had_exited ? 0 : 1); /* the target itself is no leftover */
    say(shim, LD_SHIM_ENDED, found > 0 ? found : 0, swept.left, -1);
    _exit(0);
}

static void strain(struct shim *shim, const struct ld_shim_message *order)
{
    enum ld_strain strain = (enum ld_strain)order->strain;
    enum ld_means means = LD_MEANS_NONE;
    int code = order->word == LD_SHIM_STRAIN
                   ? ld_strain_begin(&shim->strains, strain, order->value, order->lease_ns, &means)
                   : ld_strain_end(&shim->strains, strain);
    struct ld_shim_message answer = {.magic = LD_MESSAGE_MAGIC,
                                     .word = LD_SHIM_STRAINED,
                                     .value = code,
                                     .left = means,
                                     .strain = order->strain};
    (void)ld_message_send(shim->channel, &answer, sizeof answer, NULL, 0);
}

static void obey(struct shim *shim)
{
    struct ld_shim_message message;
    size_t none = 0;
    ssize_t n = ld_message_receive(shim->channel, &message, sizeof message, NULL, &none, MSG_DONTWAIT);
    if (n == -EAGAIN)
        return;
    if (n != (ssize_t)sizeof message || message.magic != LD_MESSAGE_MAGIC || message.word == LD_SHIM_END)
        end(shim);
    if (shim->exited)
        return;
    if (message.word == LD_SHIM_SIGNAL)
        kill(-shim->target, (int)message.value);
    if (message.word == LD_SHIM_STRAIN || message.word == LD_SHIM_RELIEVE)
        strain(shim, &message);
}

/* How long there is nothing to do for its strains; NULL: for ever. */
static const struct timespec *until_due(const struct shim *shim, struct timespec *ret_wait)
{
    int64_t due_ns = shim->exited ? INT64_MAX : ld_strains_due(&shim->strains);
    if (due_ns == INT64_MAX)
        return NULL;
    int64_t wait_ns = due_ns - ld_monotonic_ns();
    wait_ns = wait_ns > 0 ? wait_ns : 0;
    *ret_wait = (struct timespec){.tv_sec = wait_ns / 1000000000, .tv_nsec = wait_ns % 1000000000};
    return ret_wait;
}

_Noreturn void ld_shim_main(const struct ld_spawn_message *message, size_t length, const int fds[LD_SPAWN_FDS],
                            const char *campaign_group)
{
    struct shim shim = {.channel = fds[LD_SPAWN_FD_CHANNEL]};
    static struct words words;
    prctl(PR_SET_NAME, "service-shim");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    setsid();
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    ld_group_make_child(campaign_group, getpid(), shim.group);
    int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    int code = signals < 0 ? errno : unpack(message, length, &words) ? start(&shim, message, &words, fds) : EINVAL;
    if (code) {
        say(&shim, LD_SHIM_FAILED, code, 0, -1);
        end(&shim);
    }
    int pidfd = (int)syscall(SYS_pidfd_open, shim.target, 0);
    say(&shim, LD_SHIM_STARTED, shim.target, shim.group[0] ? getpid() : 0, pidfd);
    if (pidfd >= 0)
        close(pidfd);
    for (int i = LD_SPAWN_FD_STDOUT; i < LD_SPAWN_FDS; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    shim.strains = (struct ld_strains){.target = shim.target, .group = shim.group, .disk_folder = words.disk_folder};
    for (;;) {
        struct pollfd polls[] = {{.fd = signals, .events = POLLIN}, {.fd = shim.channel, .events = POLLIN}};
        struct timespec wait;
        if (ppoll(polls, 2, until_due(&shim, &wait), NULL) < 0 && errno != EINTR)
            end(&shim);
        struct signalfd_siginfo information;
        while (read(signals, &information, sizeof information) > 0)
            ;
        int status;
        for (pid_t child; (child = waitpid(-1, &status, WNOHANG)) > 0;)
            reaped(&shim, child, status);
        if (!shim.exited)
            ld_strains_turn(&shim.strains);
        if (polls[1].revents)
            obey(&shim);
    }
}
