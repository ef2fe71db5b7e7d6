#include "runner/process/process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buffer.h"
#include "runner/process/message.h"

#define PROCESS_MAGIC 0x6c647072u

static int add_word(struct ld_buffer *packet, const char *word)
{
    return ld_buffer_add(packet, word, strlen(word) + 1);
}

static int add_words(struct ld_buffer *packet, const char *const *words, uint32_t *ret_count)
{
    uint32_t count = 0;
    for (; words && words[count]; count++) {
        int code = count == LD_SPAWN_WORDS_MAX ? LD_ELIMIT : add_word(packet, words[count]);
        if (code)
            return code;
    }
    *ret_count = count;
    return 0;
}

static int pack(struct ld_buffer *packet, const struct ld_spawn *spawn, uint32_t present)
{
    struct ld_spawn_message head = {
        .magic = LD_MESSAGE_MAGIC,
        .present = present,
        .open_files = spawn->open_files,
        .disk_bytes = spawn->disk_folder ? spawn->disk_bytes : 0};
    int code = ld_buffer_add(packet, &head, sizeof head);
    if (!code)
        code = add_word(packet, spawn->program);
    if (!code)
        code = add_word(packet, spawn->folder ? spawn->folder : "");
    if (!code)
        code = add_word(packet, spawn->disk_folder ? spawn->disk_folder : "");
    if (!code)
        code = add_words(packet, spawn->arguments, &head.argument_count);
    if (!code)
        code = add_words(packet, spawn->environment, &head.environment_count);
    if (!code)
        memcpy(packet->bytes, &head, sizeof head);
    return code;
}

static int send_spawn(const struct ld_guard *guard, const struct ld_spawn *spawn, int channel, struct ld_error *error)
{
    const int given[LD_SPAWN_FDS] = {channel,          spawn->stdout_fd, spawn->stderr_fd,
                                     spawn->listen_fd, spawn->truth_fd,  spawn->setting_fd,
                                     spawn->stdin_fd > 0 ? spawn->stdin_fd : -1};
    int fds[LD_SPAWN_FDS];
    size_t count = 0;
    uint32_t present = 0;
    for (int i = 0; i < LD_SPAWN_FDS; i++)
        if (given[i] >= 0) {
            fds[count++] = given[i];
            present |= 1u << i;
        }
    struct ld_buffer packet;
    ld_buffer_init(&packet, LD_MESSAGE_BYTES_MAX);
    int code = pack(&packet, spawn, present);
    if (code)
        ld_fail(error, code, "command line and environment of %s are too long", spawn->program);
    else {
        ssize_t n = ld_message_send(guard->socket, packet.bytes, packet.length, fds, count);
        if (n < 0)
            code = ld_fail_errno(error, LD_ESYSTEM, (int)-n, "the guard process cannot be reached");
    }
    ld_buffer_done(&packet);
    return code;
}

/* A pidfd names the process in every namespace; its fdinfo says the number in ours. */
static int64_t pid_of(int pidfd)
{
    char path[64], line[128];
    long long pid = 0;
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "Pid: %lld", &pid) == 1)
            break;
    fclose(file);
    return pid > 0 ? pid : 0;
}

static void fail(struct ld_process *process, int saved_errno, const char *what)
{
    struct ld_error error;
    if (saved_errno)
        ld_fail_errno(&error, LD_ETARGET, saved_errno, "%s", what);
    else
        ld_fail(&error, LD_ESYSTEM, "%s", what);
    process->failed = true;
    process->events->failed(process, &error);
}

static void finish(struct ld_process *process, int64_t swept, int64_t left)
{
    uv_poll_stop(&process->poll);
    process->ended = true;
    process->events->ended(process, swept, left);
}

static void hear_started(struct ld_process *process, int pidfd, int64_t group)
{
    if (group > 0)
        snprintf(process->group, sizeof process->group, "%s/%lld", process->campaign_group, (long long)group);
    process->pidfd = pidfd;
    process->pid = pidfd >= 0 ? pid_of(pidfd) : 0;
    if (process->pid == 0) {
        /* It died before we could look: the exit follows; the pid stays unknown. */
        process->pid = -1;
    }
    process->started = true;
    process->events->started(process, process->pid);
}

static void hear(struct ld_process *process, const struct ld_shim_message *message, int pidfd)
{
    switch (message->word) {
    case LD_SHIM_STARTED:
        hear_started(process, pidfd, message->left);
        return;
    case LD_SHIM_FAILED:
        fail(process, (int)message->value, "cannot be started");
        break;
    case LD_SHIM_EXITED:
        if (process->started && !process->exited) {
            process->exited = true;
            process->exit_status = message->value;
            process->events->exited(process, message->value);
        }
        break;
    case LD_SHIM_STRAINED:
        if (process->events->strained && message->strain < LD_STRAINS)
            process->events->strained(process, (enum ld_strain)message->strain, (enum ld_means)message->left,
                                      (int)message->value);
        break;
    case LD_SHIM_ENDED:
        finish(process, message->value, message->left);
        break;
    default:
        break;
    }
    if (pidfd >= 0)
        close(pidfd);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct ld_process *process = poll->data;
    assert(process->magic == PROCESS_MAGIC);
    (void)events;
    (void)status; /* an error condition is read as the end of file below */
    while (!process->ended && !uv_is_closing((uv_handle_t *)poll)) {
        struct ld_shim_message message;
        int pidfd = -1;
        size_t count = 1;
        ssize_t n = ld_message_receive(process->channel, &message, sizeof message, &pidfd, &count, MSG_DONTWAIT);
        if (n == -EAGAIN)
            return;
        if (n == (ssize_t)sizeof message && message.magic == LD_MESSAGE_MAGIC) {
            hear(process, &message, count ? pidfd : -1);
            continue;
        }
        if (count)
            close(pidfd);
        /* End of file before ENDED: the shim was killed, with the guard or alone. Its target died of PDEATHSIG. */
        if (!process->failed)
            fail(process, 0, "the process that guards it was killed");
        if (!process->ended)
            finish(process, LD_PROCESS_UNSWEPT, 0);
    }
}

int ld_process_start(struct ld_process *process, uv_loop_t *loop, const struct ld_guard *guard,
                     const struct ld_spawn *spawn, const struct ld_process_events *events, void *context,
                     struct ld_error *error)
{
    int pair[2];
    *process = (struct ld_process){
        .magic = PROCESS_MAGIC, .events = events, .context = context, .channel = -1, .pidfd = -1,
        .campaign_group = guard->group.path};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return ld_fail_errno(error, LD_ESYSTEM, errno, "cannot make a socket pair");
    int code = send_spawn(guard, spawn, pair[1], error);
    close(pair[1]);
    if (!code) {
        int problem = uv_poll_init(loop, &process->poll, pair[0]);
        if (problem)
            code = ld_fail(error, LD_ESYSTEM, "cannot watch a process: %s", uv_strerror(problem));
    }
    if (code) {
        close(pair[0]);
        return code;
    }
    process->channel = pair[0];
    process->poll.data = process;
    uv_poll_start(&process->poll, UV_READABLE | UV_DISCONNECT, on_readable);
    return 0;
}

int ld_process_signal(struct ld_process *process, int number)
{
    if (process->pidfd < 0 || process->exited)
        return LD_ESYSTEM;
    return syscall(SYS_pidfd_send_signal, process->pidfd, number, NULL, 0) < 0 ? LD_ESYSTEM : 0;
}

static int tell(struct ld_process *process, const struct ld_shim_message *message)
{
    if (process->channel < 0)
        return LD_ESYSTEM;
    return ld_message_send(process->channel, message, sizeof *message, NULL, 0) < 0 ? LD_ESYSTEM : 0;
}

int ld_process_signal_group(struct ld_process *process, int number)
{
    struct ld_shim_message message = {.magic = LD_MESSAGE_MAGIC, .word = LD_SHIM_SIGNAL, .value = number};
    return process->exited ? LD_ESYSTEM : tell(process, &message);
}

int ld_process_strain(struct ld_process *process, enum ld_strain strain, int64_t value, int64_t lease_ns)
{
    struct ld_shim_message message = {.magic = LD_MESSAGE_MAGIC,
                                      .word = LD_SHIM_STRAIN,
                                      .value = value,
                                      .strain = (uint32_t)strain,
                                      .lease_ns = lease_ns};
    return process->exited ? LD_ESYSTEM : tell(process, &message);
}

int ld_process_relieve(struct ld_process *process, enum ld_strain strain)
{
    struct ld_shim_message message = {
        .magic = LD_MESSAGE_MAGIC, .word = LD_SHIM_RELIEVE, .strain = (uint32_t)strain};
    return process->exited ? LD_ESYSTEM : tell(process, &message);
}

void ld_process_end(struct ld_process *process)
{
    assert(process->magic == PROCESS_MAGIC);
    if (process->ending || process->ended)
        return;
    process->ending = true;
    /* A send that fails means that the shim is gone: the poll callback sees the end of file. */
    struct ld_shim_message message = {.magic = LD_MESSAGE_MAGIC, .word = LD_SHIM_END};
    (void)tell(process, &message);
}

static void on_closed(uv_handle_t *handle)
{
    struct ld_process *process = handle->data;
    assert(process->magic == PROCESS_MAGIC);
    process->magic = 0;
    process->events->closed(process);
}

void ld_process_close(struct ld_process *process)
{
    assert(process->magic == PROCESS_MAGIC);
    uv_close((uv_handle_t *)&process->poll, on_closed);
    close(process->channel);
    process->channel = -1;
    if (process->pidfd >= 0)
        close(process->pidfd);
    process->pidfd = -1;
}
