#include "runner/process/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "runner/process/process.h"

#define LOOK_EVERY_MS 100 /* for the deadline, and whether it is still wanted */

struct running;

struct stream {
    struct running *running;
    uv_pipe_t pipe;
    struct ld_buffer *text;
};

struct running {
    const struct ld_tool *tool;
    struct ld_process process;
    struct stream streams[2]; /* stdout, stderr */
    uv_timer_t timer;
    unsigned open; /* handles of ours and the process: all closed when 0 */
    int code;
    int64_t status;
    struct ld_error error;
};

static void on_handle_closed(uv_handle_t *handle)
{
    ((struct running *)handle->data)->open--;
}

static void on_stream_closed(uv_handle_t *handle)
{
    ((struct stream *)handle->data)->running->open--;
}

static void close_stream(struct stream *stream)
{
    if (!uv_is_closing((uv_handle_t *)&stream->pipe))
        uv_close((uv_handle_t *)&stream->pipe, on_stream_closed);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    static char bytes[4096]; /* one pipe is read at a time, and its callback empties this */
    (void)handle;
    (void)suggested;
    *buffer = uv_buf_init(bytes, sizeof bytes);
}

static void on_bytes(uv_stream_t *pipe, ssize_t n, const uv_buf_t *buffer)
{
    struct stream *stream = pipe->data;
    if (n < 0) {
        close_stream(stream);
        return;
    }
    size_t room = stream->text->maximum - stream->text->length;
    (void)ld_buffer_add(stream->text, buffer->base, (size_t)n < room ? (size_t)n : room);
}

static void keep_failure(struct running *running, int code)
{
    if (!running->code)
        running->code = code;
}

static void on_started(struct ld_process *process, int64_t pid)
{
    (void)process;
    (void)pid;
}

static void on_failed(struct ld_process *process, const struct ld_error *error)
{
    struct running *running = process->context;
    running->error = *error;
    keep_failure(running, error->code);
}

static void on_exited(struct ld_process *process, int64_t status)
{
    struct running *running = process->context;
    running->status = status;
    ld_process_end(process);
}

static void on_ended(struct ld_process *process, int64_t swept, int64_t left)
{
    struct running *running = process->context;
    /* What cannot be killed may hold the pipes for ever. */
    if (left > 0 || swept == LD_PROCESS_UNSWEPT)
        for (int i = 0; i < 2; i++)
            close_stream(&running->streams[i]);
    ld_process_close(process);
}

static void on_closed(struct ld_process *process)
{
    struct running *running = process->context;
    running->open--;
    uv_close((uv_handle_t *)&running->timer, on_handle_closed);
}

static const struct ld_process_events process_events = {
    .started = on_started, .failed = on_failed, .exited = on_exited, .ended = on_ended, .closed = on_closed};

static void on_look(uv_timer_t *timer)
{
    struct running *running = timer->data;
    const struct ld_tool *tool = running->tool;
    bool cancelled = tool->cancelled && *tool->cancelled;
    if (!cancelled && (int64_t)uv_hrtime() < tool->deadline_ns)
        return;
    keep_failure(running, cancelled ? LD_ECANCELLED : LD_ETIMEOUT);
    uv_timer_stop(timer);
    if (!running->process.ending && !running->process.ended)
        ld_process_end(&running->process);
}

static int open_stream(struct running *running, int index, int fd, struct ld_buffer *text)
{
    struct stream *stream = &running->streams[index];
    *stream = (struct stream){.running = running, .text = text};
    if (uv_pipe_init(running->tool->loop, &stream->pipe, 0) != 0) {
        close(fd);
        return LD_ESYSTEM;
    }
    stream->pipe.data = stream;
    running->open++;
    bool opened = uv_pipe_open(&stream->pipe, fd) == 0;
    if (!opened)
        close(fd);
    if (opened && uv_read_start((uv_stream_t *)&stream->pipe, on_alloc, on_bytes) == 0)
        return 0;
    close_stream(stream);
    return LD_ESYSTEM;
}

static int start(struct running *running, int pipes[2][2], struct ld_error *error)
{
    const struct ld_tool *tool = running->tool;
    struct ld_spawn spawn = {.program = tool->program,
                             .folder = tool->folder,
                             .arguments = tool->arguments,
                             .environment = tool->environment,
                             .stdout_fd = pipes[0][1],
                             .stderr_fd = pipes[1][1],
                             .listen_fd = -1,
                             .truth_fd = -1,
                             .setting_fd = -1};
    int code = ld_process_start(&running->process, tool->loop, tool->guard, &spawn, &process_events, running, error);
    if (code)
        return code;
    running->open++;
    uv_timer_init(tool->loop, &running->timer);
    running->open++;
    running->timer.data = running;
    uv_timer_start(&running->timer, on_look, LOOK_EVERY_MS, LOOK_EVERY_MS);
    return 0;
}

static void close_pipes(int pipes[2][2])
{
    for (int i = 0; i < 4; i++)
        if (pipes[i / 2][i % 2] >= 0)
            close(pipes[i / 2][i % 2]);
}

int ld_tool_run(const struct ld_tool *tool, struct ld_buffer *out, struct ld_buffer *err, int64_t *ret_status,
                struct ld_error *error)
{
    struct running running = {.tool = tool};
    struct ld_buffer *texts[] = {out, err};
    int pipes[2][2] = {{-1, -1}, {-1, -1}};
    int code = pipe2(pipes[0], O_CLOEXEC) == 0 && pipe2(pipes[1], O_CLOEXEC) == 0
                   ? start(&running, pipes, error)
                   : ld_fail_errno(error, LD_ESYSTEM, errno, "cannot make a pipe");
    for (int i = 0; i < 2 && !code; i++) {
        if (open_stream(&running, i, pipes[i][0], texts[i]) != 0)
            keep_failure(&running, LD_ESYSTEM);
        pipes[i][0] = -1;
    }
    close_pipes(pipes);
    if (running.code)
        ld_process_end(&running.process);
    while (running.open > 0)
        uv_run(tool->loop, UV_RUN_ONCE);
    if (code)
        return code;
    *ret_status = running.status;
    if (running.code && running.error.code)
        *error = running.error;
    else if (running.code)
        ld_fail(error, running.code, "%s", ld_code_text(running.code));
    return running.code;
}
