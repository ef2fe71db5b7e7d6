#include "runner/proxy/pipe.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static struct pipe *pipe_new(bool large)
{
    int fds[2];
    struct pipe *pipe = malloc(sizeof *pipe);
    if (!pipe)
        return NULL;
    if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) != 0) {
        free(pipe);
        return NULL;
    }
    if (large)
        fcntl(fds[1], F_SETPIPE_SZ, (int)PIPE_BYTES); /* refused beyond a user's share: smaller steps, nothing else */
    *pipe = (struct pipe){.read_fd = fds[0], .write_fd = fds[1]};
    return pipe;
}

static void pipe_free(struct pipe *pipe)
{
    close(pipe->read_fd);
    close(pipe->write_fd);
    free(pipe);
}

struct pipe *pipe_borrow(struct pipes *pipes)
{
    struct pipe *pipe = pipes->idle;
    if (pipe) {
        pipes->idle = pipe->next;
        pipes->idle_count--;
        return pipe;
    }
    if (pipes->count == PIPES_MAX)
        return NULL;
    pipe = pipe_new(pipes->count < PIPES_LARGE);
    if (pipe)
        pipes->count++;
    return pipe;
}

void pipe_return(struct pipes *pipes, struct pipe *pipe, bool clean)
{
    if (!pipe)
        return;
    if (clean && pipes->idle_count < PIPES_KEPT) {
        pipe->next = pipes->idle;
        pipes->idle = pipe;
        pipes->idle_count++;
        return;
    }
    pipe_free(pipe);
    pipes->count--;
}

void pipes_done(struct pipes *pipes)
{
    while (pipes->idle) {
        struct pipe *pipe = pipes->idle;
        pipes->idle = pipe->next;
        pipe_free(pipe);
        pipes->count--;
    }
    assert(pipes->count == 0); /* else a direction kept one */
}
