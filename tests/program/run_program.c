#include "run_program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define OUTPUT_MAX ((size_t)64 << 20)
#define ARGUMENTS_MAX 62

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- what the last programs said */

#define KEPT 3
#define SHOWN_MAX 6000 /* bytes of each stream */

static struct kept {
    pid_t pid; /* 0: there is none */
    int64_t began_ms;
    char command[1024];
    char how[64]; /* it ended, "" before that */
    char *out, *err;
} kept[KEPT];
static size_t programs; /* so far; the next one's place is that modulo KEPT */

static void forget(struct kept *one)
{
    free(one->out);
    free(one->err);
    *one = (struct kept){0};
}

void programs_forget(void)
{
    for (size_t i = 0; i < KEPT; i++)
        forget(&kept[i]);
}

static void keep_start(pid_t pid, const char *program, const char *const *arguments)
{
    struct kept *one = &kept[programs++ % KEPT];
    forget(one);
    one->pid = pid;
    one->began_ms = now_ms();
    size_t used = (size_t)snprintf(one->command, sizeof one->command, "%s", program ? program : "leakdrill");
    for (; *arguments && used < sizeof one->command; arguments++)
        used += (size_t)snprintf(one->command + used, sizeof one->command - used, " %s", *arguments);
}

static void keep_end(pid_t pid, const struct program_result *result)
{
    for (size_t i = 0; i < KEPT; i++) {
        if (kept[i].pid != pid)
            continue;
        snprintf(kept[i].how, sizeof kept[i].how, "%s %d after %lld ms%s", result->signal ? "signal" : "exit code",
                 result->signal ? result->signal : result->exit_code, (long long)(now_ms() - kept[i].began_ms),
                 result->timed_out ? ", which was too long" : "");
        kept[i].out = strdup(result->out);
        kept[i].err = strdup(result->err);
    }
}

static void show_stream(const char *name, const char *text)
{
    size_t length = text ? strlen(text) : 0, left_out = length > SHOWN_MAX ? length - SHOWN_MAX : 0;
    if (length == 0)
        return;
    fprintf(stderr, "---- %s", name);
    if (left_out)
        fprintf(stderr, ", without its first %zu bytes", left_out);
    fprintf(stderr, "\n%s%s", text + left_out, text[length - 1] == '\n' ? "" : "\n");
}

bool programs_hold(const char *word)
{
    for (size_t i = 0; i < KEPT; i++)
        if (kept[i].pid && strstr(kept[i].command, word))
            return true;
    return false;
}

void programs_show(void)
{
    for (size_t i = 0; i < KEPT; i++) {
        struct kept *one = &kept[(programs + i) % KEPT];
        if (!one->pid)
            continue;
        fprintf(stderr, "---- %s: %s\n", one->command, one->how[0] ? one->how : "had not ended");
        show_stream("stdout", one->out);
        show_stream("stderr", one->err);
        forget(one);
    }
}

/* ---- starting and ending */

/* In the child: never returns. */
static void become_program(const char *program, const char *folder, const char *const *environment,
                           const char *const *arguments, int out, int err)
{
    char *words[ARGUMENTS_MAX + 2] = {strdup(program)};
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
        return errno == EINTR; /* a terminal that everybody has left says EIO */
    assert_int_equal(ld_buffer_add(into, piece, (size_t)length), 0);
    return length > 0;
}

/* Until both pipes end, `text` stands in `where` (NULL: never), or the time is up, which returns true. */
static bool collect(struct running_program *running, const struct ld_buffer *where, const char *text)
{
    int *const pipes[] = {&running->out, &running->err};
    struct ld_buffer *const texts[] = {&running->out_text, &running->err_text};
    while ((running->out >= 0 || running->err >= 0) && !(where && strstr(ld_buffer_text(where), text))) {
        struct pollfd polls[] = {{.fd = running->out, .events = POLLIN}, {.fd = running->err, .events = POLLIN}};
        int64_t left = running->deadline_ms - now_ms();
        if (left <= 0)
            return true;
        if (poll(polls, 2, (int)left) < 0)
            continue;
        for (size_t i = 0; i < 2; i++)
            if (*pipes[i] >= 0 && polls[i].revents && !drain(*pipes[i], texts[i])) {
                close(*pipes[i]);
                *pipes[i] = -1;
            }
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

void program_start(struct running_program *ret_running, unsigned timeout_s, const char *program, const char *folder,
                   const char *const *environment, const char *const *arguments)
{
    int out[2], err[2];
    struct running_program running = {.deadline_ms = now_ms() + (int64_t)timeout_s * 1000};
    ld_buffer_init(&running.out_text, OUTPUT_MAX);
    ld_buffer_init(&running.err_text, OUTPUT_MAX);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(pipe2(err, O_CLOEXEC), 0);
    running.pid = fork();
    assert_true(running.pid >= 0);
    if (running.pid == 0)
        become_program(program ? program : LEAKDRILL, folder, environment, arguments, out[1], err[1]);
    keep_start(running.pid, program, arguments);
    close(out[1]);
    close(err[1]);
    running.out = out[0];
    running.err = err[0];
    *ret_running = running;
}

void program_start_on_terminal(struct running_program *ret_running, unsigned timeout_s, unsigned short columns,
                               const char *folder, const char *const *environment, const char *const *arguments)
{
    int ours, theirs;
    const struct winsize size = {.ws_col = columns, .ws_row = 40};
    struct running_program running = {.deadline_ms = now_ms() + (int64_t)timeout_s * 1000, .err = -1};
    ld_buffer_init(&running.out_text, OUTPUT_MAX);
    ld_buffer_init(&running.err_text, OUTPUT_MAX);
    assert_int_equal(openpty(&ours, &theirs, NULL, NULL, &size), 0);
    fcntl(ours, F_SETFD, FD_CLOEXEC);
    fcntl(theirs, F_SETFD, FD_CLOEXEC);
    running.pid = fork();
    assert_true(running.pid >= 0);
    if (running.pid == 0)
        become_program(LEAKDRILL, folder, environment, arguments, theirs, theirs);
    keep_start(running.pid, NULL, arguments);
    close(theirs);
    running.out = ours;
    *ret_running = running;
}

static void await(struct running_program *running, const struct ld_buffer *where, const char *text)
{
    bool timed_out = collect(running, where, text);
    if (strstr(ld_buffer_text(where), text))
        return;
    kill(-running->pid, SIGKILL);
    show_stream("stdout so far", ld_buffer_text(&running->out_text)); /* cmocka cuts a message at a kilobyte */
    show_stream("stderr so far", ld_buffer_text(&running->err_text));
    fail_msg("%s before \"%s\" was said", timed_out ? "the time was up" : "it ended", text);
}

void program_await_err(struct running_program *running, const char *text)
{
    await(running, &running->err_text, text);
}

void program_await_out(struct running_program *running, const char *text)
{
    await(running, &running->out_text, text);
}

void program_finish(struct running_program *running, struct program_result *ret_result)
{
    int status = 0;
    bool timed_out = collect(running, NULL, NULL);
    if (timed_out)
        kill(-running->pid, SIGKILL);
    while (waitpid(running->pid, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    for (int i = 0; i < 2; i++)
        if ((i ? running->err : running->out) >= 0)
            close(i ? running->err : running->out);
    *ret_result = (struct program_result){.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
                                          .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
                                          .timed_out = timed_out,
                                          .out = text_of(&running->out_text),
                                          .err = text_of(&running->err_text)};
    keep_end(running->pid, ret_result);
}

void run_program(struct program_result *ret_result, unsigned timeout_s, const char *folder,
                 const char *const *environment, const char *const *arguments)
{
    struct running_program running;
    program_start(&running, timeout_s, NULL, folder, environment, arguments);
    program_finish(&running, ret_result);
}

void program_result_done(struct program_result *result)
{
    free(result->out);
    free(result->err);
    *result = (struct program_result){0};
}
