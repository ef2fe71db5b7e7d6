#include "runner/detect/daemon.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

#define DAEMON_MAGIC 0x6c646461u

/* ---- its log */

static void keep(struct ld_daemon *daemon, const char *message, const char *problem)
{
    char text[LD_DAEMON_SAID_MAX];
    snprintf(text, sizeof text, "%s%s%s", message, problem ? ": " : "", problem ? problem : "");
    ld_format_harmless(text, daemon->said, sizeof daemon->said);
}

/* Log lines of Go's two common loggers: level, msg, err or error, and here address. */
static void on_line(struct ld_daemon *daemon, const char *line, size_t length)
{
    json_t *root = json_loadb(line, length, 0, NULL);
    const char *message = json_string_value(json_object_get(root, "msg"));
    const char *level = json_string_value(json_object_get(root, "level"));
    const char *problem = json_string_value(json_object_get(root, "err"));
    const char *address = json_string_value(json_object_get(root, "address"));
    if (!problem)
        problem = json_string_value(json_object_get(root, "error"));
    if (!root && length > 0)
        keep(daemon, line, NULL);
    else if (level && (strcasecmp(level, "warn") == 0 || strcasecmp(level, "error") == 0))
        keep(daemon, message ? message : "", problem);
    if (message && !daemon->told_end)
        daemon->events->message(daemon, message, address ? address : "");
    json_decref(root);
}

static void take(struct ld_daemon *daemon, const char *bytes, size_t length)
{
    while (length > 0) {
        const char *newline = memchr(bytes, '\n', length);
        size_t piece = newline ? (size_t)(newline - bytes) : length;
        daemon->too_long = daemon->too_long || ld_buffer_add(&daemon->line, bytes, piece) != 0;
        if (newline) {
            if (!daemon->too_long)
                on_line(daemon, ld_buffer_text(&daemon->line), daemon->line.length);
            ld_buffer_clear(&daemon->line);
            daemon->too_long = false;
        }
        bytes += piece + (newline != NULL);
        length -= piece + (newline != NULL);
    }
}

/* ---- its end */

static void maybe_closed(struct ld_daemon *daemon)
{
    if (daemon->process_open || daemon->log_open)
        return;
    ld_buffer_done(&daemon->line);
    daemon->magic = 0;
    daemon->events->closed(daemon);
}

static void on_log_closed(uv_handle_t *handle)
{
    struct ld_daemon *daemon = handle->data;
    daemon->log_open = false;
    maybe_closed(daemon);
}

static void close_log(struct ld_daemon *daemon)
{
    if (daemon->log_open && !uv_is_closing((uv_handle_t *)&daemon->log))
        uv_close((uv_handle_t *)&daemon->log, on_log_closed);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    static char bytes[8192]; /* the callback empties it */
    (void)handle, (void)suggested;
    *buffer = uv_buf_init(bytes, sizeof bytes);
}

static void on_log(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct ld_daemon *daemon = stream->data;
    if (n < 0)
        close_log(daemon);
    else
        take(daemon, buffer->base, (size_t)n);
}

static void tell_end(struct ld_daemon *daemon, const char *how)
{
    if (daemon->told_end)
        return;
    daemon->told_end = true;
    daemon->events->ended(daemon, how);
}

static void on_started(struct ld_process *process, int64_t pid)
{
    (void)process, (void)pid;
}

static void on_failed(struct ld_process *process, const struct ld_error *error)
{
    tell_end(process->context, error->message);
    ld_process_end(process);
}

/* What it wrote last is in the pipe by now: it says why. */
static void read_rest(struct ld_daemon *daemon)
{
    char bytes[8192];
    int fd;
    if (!daemon->log_open || uv_fileno((uv_handle_t *)&daemon->log, &fd) != 0)
        return;
    for (ssize_t n, total = 0; total < (1 << 20) && (n = read(fd, bytes, sizeof bytes)) > 0; total += n)
        take(daemon, bytes, (size_t)n);
}

static void on_exited(struct ld_process *process, int64_t status)
{
    struct ld_daemon *daemon = process->context;
    char how[64];
    snprintf(how, sizeof how, "%s %lld", status < 0 ? "signal" : "exit code",
             (long long)(status < 0 ? -status : status));
    read_rest(daemon);
    tell_end(daemon, how);
    ld_process_end(process); /* what it forked dies too, so that its pipe ends */
}

static void on_ended(struct ld_process *process, int64_t swept, int64_t left)
{
    (void)swept, (void)left;
    tell_end(process->context, "no news of how"); /* it was ended before it had started */
    close_log(process->context);
    ld_process_close(process);
}

static void on_closed(struct ld_process *process)
{
    struct ld_daemon *daemon = process->context;
    daemon->process_open = false;
    close_log(daemon);
    maybe_closed(daemon);
}

static const struct ld_process_events process_events = {
    .started = on_started, .failed = on_failed, .exited = on_exited, .ended = on_ended, .closed = on_closed};

void ld_daemon_end(struct ld_daemon *daemon)
{
    assert(daemon->magic == DAEMON_MAGIC);
    if (daemon->told_end)
        return; /* it is being ended */
    daemon->told_end = true;
    ld_process_end(&daemon->process);
}

bool ld_daemon_open(const struct ld_daemon *daemon)
{
    return daemon->magic == DAEMON_MAGIC;
}

/* ---- starting it */

/* `fd` becomes -1 once the loop has taken it. */
static bool watch_log(struct ld_daemon *daemon, uv_loop_t *loop, int *fd)
{
    if (uv_pipe_init(loop, &daemon->log, 0) != 0)
        return false;
    daemon->log.data = daemon;
    daemon->log_open = true;
    if (uv_pipe_open(&daemon->log, *fd) != 0)
        return false;
    *fd = -1;
    return uv_read_start((uv_stream_t *)&daemon->log, on_alloc, on_log) == 0;
}

int ld_daemon_start(struct ld_daemon *daemon, uv_loop_t *loop, const struct ld_guard *guard,
                    const struct ld_daemon_program *program, const struct ld_daemon_events *events, void *context,
                    struct ld_error *error)
{
    char path[4200], home[4200], temporary[4200];
    const char *given = getenv("PATH");
    int pair[2];
    *daemon = (struct ld_daemon){.name = program->name, .events = events, .context = context};
    if (pipe2(pair, O_CLOEXEC) != 0)
        return ld_fail_errno(error, LD_ESYSTEM, errno, "cannot make a pipe");
    snprintf(path, sizeof path, "PATH=%s", given ? given : "/usr/local/bin:/usr/bin:/bin");
    snprintf(home, sizeof home, "HOME=%s", program->folder);
    snprintf(temporary, sizeof temporary, "TMPDIR=%s", program->folder);
    const char *const environment[] = {path, home, temporary, "LANG=C.UTF-8", NULL};
    const struct ld_spawn spawn = {.program = program->program,
                                   .folder = program->folder,
                                   .arguments = program->arguments,
                                   .environment = environment,
                                   .stdout_fd = -1,
                                   .stderr_fd = pair[1],
                                   .listen_fd = -1,
                                   .truth_fd = -1,
                                   .setting_fd = -1};
    int code = ld_process_start(&daemon->process, loop, guard, &spawn, &process_events, daemon, error);
    close(pair[1]);
    if (code) {
        close(pair[0]);
        return code;
    }
    daemon->magic = DAEMON_MAGIC;
    daemon->process_open = true;
    ld_buffer_init(&daemon->line, LD_DAEMON_LINE_MAX);
    if (!watch_log(daemon, loop, &pair[0])) {
        keep(daemon, "its log cannot be watched", NULL);
        ld_process_end(&daemon->process); /* its end is told as any other */
    }
    if (pair[0] >= 0)
        close(pair[0]);
    return 0;
}
