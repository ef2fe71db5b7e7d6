#include "run_program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buffer.h"

#define OUTPUT_MAX ((size_t)64 << 20)
#define ARGUMENTS_MAX 62

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* In the child: never returns. */
static void become_program(const char *folder, const char *const *environment, const char *const *arguments, int out,
                           int err)
{
    static char program[] = LEAKDRILL;
    char *words[ARGUMENTS_MAX + 2] = {program};
    for (size_t i = 0; i < ARGUMENTS_MAX && arguments[i]; i++)
        words[i + 1] = strdup(arguments[i]);
    for (size_t i = 0; environment && environment[i]; i++)
        putenv(strdup(environment[i]));
    int input = open("/dev/null", O_RDONLY);
    if (setpgid(0, 0) != 0 || (folder && chdir(folder) != 0) || dup2(input, 0) < 0 || dup2(out, 1) < 0 ||
        dup2(err, 2) < 0)
        _exit(126);
    execv(program, words);
    _exit(127);
}

/* Read what is there; false at the end. */
static bool drain(int descriptor, struct ld_buffer *into)
{
    char piece[65536];
    ssize_t length = read(descriptor, piece, sizeof piece);
    if (length < 0)
        return errno == EINTR;
    assert_int_equal(ld_buffer_add(into, piece, (size_t)length), 0);
    return length > 0;
}

/* Until both pipes end or the time is up, which returns true. */
static bool collect(int out, int err, int64_t deadline_ms, struct ld_buffer *out_text, struct ld_buffer *err_text)
{
    struct pollfd pipes[] = {{.fd = out, .events = POLLIN}, {.fd = err, .events = POLLIN}};
    struct ld_buffer *const texts[] = {out_text, err_text};
    while (pipes[0].fd >= 0 || pipes[1].fd >= 0) {
        int64_t left = deadline_ms - now_ms();
        if (left <= 0)
            return true;
        if (poll(pipes, 2, (int)left) < 0)
            continue;
        for (size_t i = 0; i < 2; i++)
            if (pipes[i].fd >= 0 && pipes[i].revents && !drain(pipes[i].fd, texts[i]))
                pipes[i].fd = -1;
    }
    return false;
}

static char *text_of(struct ld_buffer *buffer)
{
    char *text = strdup(ld_buffer_text(buffer));
    assert_non_null(text);
    ld_buffer_done(buffer);
    return text;
}

void run_program(struct program_result *ret_result, unsigned timeout_s, const char *folder,
                 const char *const *environment, const char *const *arguments)
{
    int out[2], err[2], status = 0;
    struct ld_buffer out_text, err_text;
    ld_buffer_init(&out_text, OUTPUT_MAX);
    ld_buffer_init(&err_text, OUTPUT_MAX);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(pipe2(err, O_CLOEXEC), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        become_program(folder, environment, arguments, out[1], err[1]);
    close(out[1]);
    close(err[1]);
    bool timed_out = collect(out[0], err[0], now_ms() + (int64_t)timeout_s * 1000, &out_text, &err_text);
    if (timed_out)
        kill(-child, SIGKILL);
    while (waitpid(child, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    close(out[0]);
    close(err[0]);
    *ret_result = (struct program_result){.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
                                          .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
                                          .timed_out = timed_out,
                                          .out = text_of(&out_text),
                                          .err = text_of(&err_text)};
}

void program_result_done(struct program_result *result)
{
    free(result->out);
    free(result->err);
    *result = (struct program_result){0};
}
