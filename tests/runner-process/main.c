/* The guard, the shim and the process API, against real processes. A pipe inherited by everything that is started is
 * the witness: its end of file means that nobody is left. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "runner/process/process.h"
#include "runner-process/claim.h"
#include "runner-process/strain.h"

#define WITNESS_LIMIT_MS 10000

static struct ld_guard guard;
static char folder[64];

/* A daemon as they come: a fork, a session of its own, another fork, and a parent that is gone. */
#define DAEMON "setsid sh -c '(sleep 1000 & echo daemon; wait) & exit 0'; "

struct seen {
    struct ld_process process;
    bool started, failed, exited, ended, closed;
    int64_t pid, status, swept, left;
    char message[512];
    enum { END_AT_ONCE, END_AFTER_WORD, NEVER_END } plan;
};

static void on_started(struct ld_process *process, int64_t pid)
{
    struct seen *seen = process->context;
    seen->started = true;
    seen->pid = pid;
}

static void on_failed(struct ld_process *process, const struct ld_error *error)
{
    struct seen *seen = process->context;
    seen->failed = true;
    snprintf(seen->message, sizeof seen->message, "%s", error->message);
}

static void on_exited(struct ld_process *process, int64_t status)
{
    struct seen *seen = process->context;
    seen->exited = true;
    seen->status = status;
    if (seen->plan == END_AT_ONCE)
        ld_process_end(process);
}

static void on_ended(struct ld_process *process, int64_t swept, int64_t left)
{
    struct seen *seen = process->context;
    seen->ended = true;
    seen->swept = swept;
    seen->left = left;
    ld_process_close(process);
}

static void on_closed(struct ld_process *process)
{
    ((struct seen *)process->context)->closed = true;
}

static const struct ld_process_events events = {on_started, on_failed, on_exited, on_ended, on_closed, NULL};

static int start(struct seen *seen, uv_loop_t *loop, const char *script, int stdout_fd)
{
    const char *arguments[] = {"sh", "-c", script, NULL};
    const char *environment[] = {"PATH=/usr/bin:/bin", NULL};
    struct ld_spawn spawn = {.program = "/bin/sh",
                             .folder = "",
                             .arguments = arguments,
                             .environment = environment,
                             .stdout_fd = stdout_fd,
                             .stderr_fd = -1,
                             .listen_fd = -1,
                             .truth_fd = -1,
                             .setting_fd = -1};
    struct ld_error error;
    return ld_process_start(&seen->process, loop, &guard, &spawn, &events, seen, &error);
}

/* Read until `word` was seen or the end of file; true for the word. */
static bool wait_for(int fd, const char *word)
{
    char text[4096] = "";
    size_t length = 0;
    while (length < sizeof text - 1) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        if (poll(&poll_fd, 1, WITNESS_LIMIT_MS) <= 0)
            fail_msg("nothing heard within %d ms; so far: %s", WITNESS_LIMIT_MS, text);
        ssize_t n = read(fd, text + length, sizeof text - 1 - length);
        if (n <= 0)
            return false;
        length += (size_t)n;
        text[length] = '\0';
        if (strstr(text, word))
            return true;
    }
    return false;
}

static void assert_nobody_left(int witness)
{
    assert_false(wait_for(witness, "\001 never written"));
    close(witness);
}

static int set_up(void **state)
{
    struct ld_error error;
    bool isolate = *(bool *)*state;
    snprintf(folder, sizeof folder, "/tmp/ld-test-process-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(ld_guard_start(&guard, folder, isolate, &error), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(ld_guard_stop(&guard), 0);
    assert_int_equal(access(folder, F_OK), -1);
    return 0;
}

static void run_to_end(struct seen *seen, const char *script, int *ret_witness)
{
    uv_loop_t loop;
    int ends[2];
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(start(seen, &loop, script, ends[1]), 0);
    close(ends[1]);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    *ret_witness = ends[0];
}

static void reports_exit_codes_and_signals(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        int64_t status;
    } cases[] = {{"exit 0", 0}, {"exit 7", 7}, {"kill -KILL $$", -SIGKILL}, {"kill -SEGV $$", -SIGSEGV}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct seen seen = {.plan = END_AT_ONCE};
        int witness;
        run_to_end(&seen, cases[i].script, &witness);
        assert_true(seen.started && seen.exited && seen.ended && seen.closed);
        assert_false(seen.failed);
        assert_int_equal(seen.status, cases[i].status);
        assert_int_equal(seen.swept, 0);
        assert_int_equal(seen.left, 0);
        assert_nobody_left(witness);
    }
}

static void says_why_a_program_cannot_start(void **state)
{
    (void)state;
    struct seen seen = {.plan = END_AT_ONCE};
    uv_loop_t loop;
    uv_loop_init(&loop);
    const char *arguments[] = {"none", NULL}, *environment[] = {NULL};
    struct ld_spawn spawn = {"/nonexistent/program", "", arguments, environment, -1, -1, -1, -1, -1, 0, 0, NULL, 0};
    struct ld_error error;
    assert_int_equal(ld_process_start(&seen.process, &loop, &guard, &spawn, &events, &seen, &error), 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_true(seen.failed && seen.ended && seen.closed);
    assert_false(seen.started || seen.exited);
    if (!strstr(seen.message, "No such file"))
        fail_msg("message: %s", seen.message);
}

static void finds_daemons_that_left_the_session(void **state)
{
    (void)state;
    struct seen seen = {.plan = END_AT_ONCE};
    int witness;
    run_to_end(&seen, DAEMON DAEMON "sleep 0.1; exit 3", &witness);
    assert_int_equal(seen.status, 3);
    assert_true(seen.swept >= 4); /* two shells and their sleeps */
    assert_int_equal(seen.left, 0);
    assert_nobody_left(witness);
}

static void hands_over_descriptors_and_limits(void **state)
{
    (void)state;
    struct seen seen = {.plan = END_AT_ONCE};
    uv_loop_t loop;
    uv_loop_init(&loop);
    int out[2], truth[2], listening;
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(pipe2(truth, O_CLOEXEC), 0);
    listening = open("/dev/null", O_RDONLY | O_CLOEXEC);
    /* One by one: a pipe to a counting program would be counted, or not, as it comes. */
    const char *arguments[] = {"sh", "-c",
                               "n=0; for fd in 0 1 2 3 4 5 6 7 8 9 10 11 12 16 17 18 19 20 21 22 32 33; do "
                               "[ -e /proc/$$/fd/$fd ] && n=$((n + 1)); done; "
                               "echo $n; ulimit -Hn; echo truth >&4; echo seen",
                               NULL};
    const char *environment[] = {"PATH=/usr/bin:/bin", NULL};
    struct ld_spawn spawn = {"/bin/sh", "/tmp", arguments, environment, out[1], -1, listening,
                             truth[1],  -1,     321,       0,           NULL,   0};
    struct ld_error error;
    assert_int_equal(ld_process_start(&seen.process, &loop, &guard, &spawn, &events, &seen, &error), 0);
    close(out[1]);
    close(truth[1]);
    close(listening);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    char text[256] = "";
    ssize_t n = read(out[0], text, sizeof text - 1);
    assert_true(n > 0);
    assert_string_equal(text, "5\n321\nseen\n"); /* 0 1 2 3 4 and nothing of ours */
    memset(text, 0, sizeof text);
    assert_true(read(truth[0], text, sizeof text - 1) > 0);
    assert_string_equal(text, "truth\n");
    close(out[0]);
    close(truth[0]);
}

static void hands_over_its_input(void **state)
{
    (void)state;
    struct seen seen = {.plan = END_AT_ONCE};
    uv_loop_t loop;
    uv_loop_init(&loop);
    int in[2], out[2];
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    const char *arguments[] = {"cat", NULL}, *environment[] = {"PATH=/usr/bin:/bin", NULL};
    struct ld_spawn spawn = {"/bin/cat", "", arguments, environment, out[1], -1, -1, -1, -1, 0, in[0], NULL, 0};
    struct ld_error error;
    assert_int_equal(write(in[1], "told\n", 5), 5);
    assert_int_equal(ld_process_start(&seen.process, &loop, &guard, &spawn, &events, &seen, &error), 0);
    close(in[0]);
    close(in[1]); /* the end of its input is the end of it */
    close(out[1]);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_int_equal(seen.status, 0);
    char text[64] = "";
    assert_true(read(out[0], text, sizeof text - 1) > 0);
    assert_string_equal(text, "told\n");
    close(out[0]);
}

static pid_t parent_of(int64_t pid)
{
    char path[64], text[512] = "";
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
    close(fd);
    int parent = 0;
    assert_int_equal(sscanf(strrchr(text, ')') + 1, " %*c %d", &parent), 1);
    return parent;
}

/* Its target dies with it, and the guard takes what both leave. */
static void a_dead_shim_leaves_nothing(void **state)
{
    (void)state;
    struct seen seen = {.plan = NEVER_END};
    uv_loop_t loop;
    int witness[2];
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(pipe2(witness, O_CLOEXEC), 0);
    assert_int_equal(start(&seen, &loop, DAEMON DAEMON "sleep 1000", witness[1]), 0);
    close(witness[1]);
    while (!seen.started)
        uv_run(&loop, UV_RUN_ONCE);
    assert_true(wait_for(witness[0], "daemon"));
    assert_int_equal(kill(parent_of(seen.pid), SIGKILL), 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_true(seen.failed && seen.ended && seen.closed);
    assert_int_equal(seen.swept, LD_PROCESS_UNSWEPT);
    assert_nobody_left(witness[0]);
}

/* Play leakdrill in a process of its own, start daemons and a stopped process, then die in one of several ways. */
enum death { KILL_LEAKDRILL, KILL_GUARD, KILL_BOTH, KILL_LAUNCHER_AND_LEAKDRILL };


static void play_leakdrill(int report, int witness, bool isolate)
{
    struct ld_error error;
    struct seen seen = {.plan = NEVER_END};
    uv_loop_t loop;
    char text[64];
    if (ld_guard_start(&guard, folder, isolate, &error))
        _exit(1);
    uv_loop_init(&loop);
    if (start(&seen, &loop, DAEMON "sh -c 'kill -STOP $$' & echo stopping; sleep 1000", witness))
        _exit(2);
    close(witness);
    while (!seen.started)
        uv_run(&loop, UV_RUN_ONCE);
    int n = snprintf(text, sizeof text, "%d %d\n", (int)guard.pid, (int)guard.launcher);
    if (write(report, text, (size_t)n) != n)
        _exit(3);
    while (!seen.failed)
        uv_run(&loop, UV_RUN_ONCE);
    ld_guard_clean_up(&guard, folder);
    _exit(42);
}

static void dies(enum death death, bool isolate)
{
    int report[2], witness[2];
    snprintf(folder, sizeof folder, "/tmp/ld-test-process-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(pipe2(report, O_CLOEXEC), 0);
    assert_int_equal(pipe2(witness, O_CLOEXEC), 0);
    pid_t leakdrill = fork();
    if (leakdrill == 0)
        play_leakdrill(report[1], witness[1], isolate);
    close(report[1]);
    close(witness[1]);
    char text[64] = "";
    assert_true(read(report[0], text, sizeof text - 1) > 0);
    int guard_pid = 0, launcher = 0;
    assert_int_equal(sscanf(text, "%d %d", &guard_pid, &launcher), 2);
    int watched[] = {(int)syscall(SYS_pidfd_open, guard_pid, 0), (int)syscall(SYS_pidfd_open, launcher, 0)};
    assert_true(wait_for(witness[0], "daemon"));
    if (death == KILL_GUARD || death == KILL_BOTH)
        kill(guard_pid, SIGKILL);
    if (death == KILL_LAUNCHER_AND_LEAKDRILL)
        kill(launcher, SIGKILL);
    if (death != KILL_GUARD)
        kill(leakdrill, SIGKILL);
    assert_nobody_left(witness[0]);
    int status;
    assert_int_equal(waitpid(leakdrill, &status, 0), leakdrill);
    if (death == KILL_GUARD)
        assert_int_equal(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 42);
    close(report[0]);
    for (int i = 0; i < 2; i++)
        if (watched[i] >= 0) {
            struct pollfd gone = {.fd = watched[i], .events = POLLIN};
            assert_int_equal(poll(&gone, 1, WITNESS_LIMIT_MS), 1);
            close(watched[i]);
        }
    if (death == KILL_LEAKDRILL || death == KILL_GUARD)
        assert_int_equal(access(folder, F_OK), -1);
    else
        rmdir(folder);
}

static bool can_isolate;

static void a_death_of_leakdrill_leaves_nothing(void **state)
{
    (void)state;
    dies(KILL_LEAKDRILL, true);
    dies(KILL_LEAKDRILL, false);
}

static void a_death_of_the_guard_leaves_nothing(void **state)
{
    (void)state;
    dies(KILL_GUARD, true);
    dies(KILL_GUARD, false);
}

static void a_death_of_both_leaves_nothing(void **state)
{
    (void)state;
    if (!can_isolate)
        skip(); /* without PID namespaces a daemon survives this; documented in guard.h */
    dies(KILL_BOTH, true);
    dies(KILL_LAUNCHER_AND_LEAKDRILL, true);
}

int main(void)
{
    struct ld_error error;
    struct ld_guard probe;
    snprintf(folder, sizeof folder, "/tmp/ld-test-process-XXXXXX");
    if (!mkdtemp(folder) || ld_guard_start(&probe, folder, true, &error))
        return 1;
    can_isolate = probe.isolated;
    if (!can_isolate)
        print_message("no PID namespaces here: %s\n", probe.why_not);
    ld_guard_stop(&probe);
    static bool isolated = true, plain = false;
#define EACH(test)                                                                                                     \
    {.name = #test " (isolated)", .test_func = test, .setup_func = set_up, .teardown_func = tear_down,                 \
     .initial_state = &isolated},                                                                                      \
        {.name = #test " (plain)", .test_func = test, .setup_func = set_up, .teardown_func = tear_down,                \
         .initial_state = &plain}
    const struct CMUnitTest tests[] = {
        EACH(reports_exit_codes_and_signals),
        EACH(says_why_a_program_cannot_start),
        EACH(finds_daemons_that_left_the_session),
        EACH(hands_over_descriptors_and_limits),
        EACH(hands_over_its_input),
        EACH(a_dead_shim_leaves_nothing),
        cmocka_unit_test(a_death_of_leakdrill_leaves_nothing),
        cmocka_unit_test(a_death_of_the_guard_leaves_nothing),
        cmocka_unit_test(a_death_of_both_leaves_nothing),
    };
    return cmocka_run_group_tests_name("process", tests, NULL, NULL) + test_strain() + test_claim() != 0;
}
