/* Strains on real processes: they act, they are taken off, and when nobody takes them off their lease does. */
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
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>


#include "runner/process/process.h"

#include "runner-process/strain.h"

#define LIMIT_MS 10000
#define FOR_EVER_NS (INT64_C(60) * 1000000000)

static struct ld_guard guard;
static char folder[64], disk[80];
static uv_loop_t loop;

struct answer {
    bool heard;
    enum ld_strain strain;
    enum ld_means means;
    int saved_errno;
};

struct seen {
    struct ld_process process;
    bool exited, closed;
    int64_t pid, status, left;
    struct answer answer;
};

static void on_started(struct ld_process *process, int64_t pid)
{
    ((struct seen *)process->context)->pid = pid;
}

static void on_failed(struct ld_process *process, const struct ld_error *error)
{
    (void)process;
    fail_msg("%s", error->message);
}

static void on_exited(struct ld_process *process, int64_t status)
{
    struct seen *seen = process->context;
    seen->exited = true;
    seen->status = status;
}

static void on_ended(struct ld_process *process, int64_t swept, int64_t left)
{
    (void)swept;
    ((struct seen *)process->context)->left = left;
    ld_process_close(process);
}

static void on_closed(struct ld_process *process)
{
    ((struct seen *)process->context)->closed = true;
}

static void on_strained(struct ld_process *process, enum ld_strain strain, enum ld_means means, int saved_errno)
{
    ((struct seen *)process->context)->answer = (struct answer){true, strain, means, saved_errno};
}

static const struct ld_process_events events = {.started = on_started,
                                                .failed = on_failed,
                                                .exited = on_exited,
                                                .ended = on_ended,
                                                .closed = on_closed,
                                                .strained = on_strained};

static void start(struct seen *seen, const char *script)
{
    const char *arguments[] = {"sh", "-c", script, NULL}, *environment[] = {"PATH=/usr/bin:/bin", NULL};
    struct ld_spawn spawn = {.program = "/bin/sh",
                             .folder = "",
                             .arguments = arguments,
                             .environment = environment,
                             .stdout_fd = -1,
                             .stderr_fd = -1,
                             .listen_fd = -1,
                             .truth_fd = -1,
                             .setting_fd = -1,
                             .disk_folder = disk,
                             .disk_bytes = 64 * 1024};
    struct ld_error error;
    *seen = (struct seen){0};
    assert_int_equal(uv_loop_init(&loop), 0);
    mkdir(disk, 0700);
    assert_int_equal(ld_process_start(&seen->process, &loop, &guard, &spawn, &events, seen, &error), 0);
    while (!seen->pid)
        uv_run(&loop, UV_RUN_ONCE);
}

static void finish(struct seen *seen)
{
    ld_process_end(&seen->process);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_true(seen->closed);
    assert_int_equal(seen->left, 0);
}

/* Lay it on and wait for the shim's answer. */
static struct answer lay(struct seen *seen, enum ld_strain strain, int64_t value, int64_t lease_ns)
{
    seen->answer.heard = false;
    assert_int_equal(ld_process_strain(&seen->process, strain, value, lease_ns), 0);
    while (!seen->answer.heard)
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(seen->answer.strain, strain);
    return seen->answer;
}

static void relieve(struct seen *seen, enum ld_strain strain)
{
    seen->answer.heard = false;
    assert_int_equal(ld_process_relieve(&seen->process, strain), 0);
    while (!seen->answer.heard)
        uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(seen->answer.saved_errno, 0);
    assert_int_equal(seen->answer.means, LD_MEANS_NONE);
}

static char state_of(int64_t pid)
{
    char path[64], text[512] = "";
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    FILE *file = fopen(path, "re");
    if (!file || !fgets(text, sizeof text, file))
        text[0] = '\0';
    if (file)
        fclose(file);
    const char *end = strrchr(text, ')');
    return end ? end[2] : '?';
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until it is (or is not) stopped; how long that took. */
static int64_t await_stopped(int64_t pid, bool stopped)
{
    int64_t from = now_ms();
    const struct timespec pause = {.tv_nsec = 1000000};
    while ((state_of(pid) == 'T') != stopped) {
        if (now_ms() - from > LIMIT_MS)
            fail_msg("after %d ms it is in state %c", LIMIT_MS, state_of(pid));
        nanosleep(&pause, NULL);
    }
    return now_ms() - from;
}

static void a_pause_stops_until_it_is_taken_off(void **state)
{
    (void)state;
    struct seen seen;
    start(&seen, "exec sleep 1000");
    struct answer answer = lay(&seen, LD_STRAIN_PAUSE, 0, FOR_EVER_NS);
    assert_int_equal(answer.saved_errno, 0);
    assert_int_equal(answer.means, LD_MEANS_SIGNALS);
    await_stopped(seen.pid, true);
    relieve(&seen, LD_STRAIN_PAUSE);
    await_stopped(seen.pid, false);
    relieve(&seen, LD_STRAIN_PAUSE); /* once more changes nothing */
    lay(&seen, LD_STRAIN_PAUSE, 0, FOR_EVER_NS);
    await_stopped(seen.pid, true);
    finish(&seen); /* one that is stopped is ended, too */
    assert_int_equal(seen.status, -SIGKILL);
}

static void the_lease_ends_it_without_us(void **state)
{
    (void)state;
    struct seen seen;
    start(&seen, "exec sleep 1000");
    lay(&seen, LD_STRAIN_PAUSE, 0, INT64_C(300) * 1000000);
    int64_t from = now_ms();
    await_stopped(seen.pid, true);
    await_stopped(seen.pid, false); /* nobody runs the loop: only the shim can have done it */
    assert_true(now_ms() - from >= 250);
    finish(&seen);
}

static void a_pause_and_a_share_do_not_undo_each_other(void **state)
{
    (void)state;
    struct seen seen;
    start(&seen, "exec sleep 1000");
    struct answer answer = lay(&seen, LD_STRAIN_CPU, 500000, FOR_EVER_NS);
    if (answer.means == LD_MEANS_GROUP)
        skip(); /* here the kernel does it */
    lay(&seen, LD_STRAIN_PAUSE, 0, FOR_EVER_NS);
    await_stopped(seen.pid, true);
    const struct timespec pause = {.tv_nsec = 3000000};
    for (int look = 0; look < 50; look++, nanosleep(&pause, NULL))
        assert_int_equal(state_of(seen.pid), 'T'); /* over three cycles of the share */
    relieve(&seen, LD_STRAIN_PAUSE);
    await_stopped(seen.pid, false);
    await_stopped(seen.pid, true);
    relieve(&seen, LD_STRAIN_CPU);
    await_stopped(seen.pid, false);
    for (int look = 0; look < 50; look++, nanosleep(&pause, NULL))
        assert_int_not_equal(state_of(seen.pid), 'T');
    finish(&seen);
}

static int64_t processor_ms(int64_t pid)
{
    clockid_t clock;
    struct timespec used;
    assert_int_equal(clock_getcpuclockid((pid_t)pid, &clock), 0);
    assert_int_equal(clock_gettime(clock, &used), 0);
    return (int64_t)used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

static void a_share_is_a_share_of_a_core(void **state)
{
    (void)state;
    struct seen seen;
    start(&seen, "while :; do :; done");
    lay(&seen, LD_STRAIN_CPU, 200000, FOR_EVER_NS);
    const struct timespec pause = {.tv_nsec = 800000000};
    int64_t from_ms = now_ms(), used_ms = processor_ms(seen.pid);
    nanosleep(&pause, NULL);
    used_ms = processor_ms(seen.pid) - used_ms;
    int64_t span_ms = now_ms() - from_ms;
    if (used_ms > span_ms * 35 / 100) /* others may take of its fifth, nobody may give it more than a late shim does */
        fail_msg("it used %lld ms of %lld", (long long)used_ms, (long long)span_ms);
    finish(&seen);
}

static void limits_come_and_go(void **state)
{
    static const struct {
        enum ld_strain strain;
        __rlimit_resource_t resource;
        rlim_t value;
    } cases[] = {{LD_STRAIN_OPEN_FILES, RLIMIT_NOFILE, 17}, {LD_STRAIN_MEMORY, RLIMIT_DATA, (rlim_t)100 << 20}};
    (void)state;
    struct seen seen;
    start(&seen, "exec sleep 1000");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rlimit before, now;
        assert_int_equal(prlimit((pid_t)seen.pid, cases[i].resource, NULL, &before), 0);
        struct answer answer = lay(&seen, cases[i].strain, (int64_t)cases[i].value, FOR_EVER_NS);
        assert_int_equal(answer.saved_errno, 0);
        if (answer.means == LD_MEANS_GROUP)
            continue; /* the kernel's accounting, not a limit of the process */
        assert_int_equal(prlimit((pid_t)seen.pid, cases[i].resource, NULL, &now), 0);
        assert_int_equal(now.rlim_cur, cases[i].value);
        assert_true(now.rlim_max == (answer.means == LD_MEANS_HARD_LIMIT ? cases[i].value : before.rlim_max));
        lay(&seen, cases[i].strain, (int64_t)cases[i].value + 1,
            FOR_EVER_NS); /* a second time: what was before stays known */
        relieve(&seen, cases[i].strain);
        assert_int_equal(prlimit((pid_t)seen.pid, cases[i].resource, NULL, &now), 0);
        assert_true(now.rlim_cur == before.rlim_cur && now.rlim_max == before.rlim_max);
    }
    finish(&seen);
}

static uint64_t free_blocks(const struct seen *seen)
{
    char path[200];
    struct statvfs room;
    snprintf(path, sizeof path, "/proc/%lld/root%s", (long long)seen->pid, disk);
    assert_int_equal(statvfs(path, &room), 0);
    return room.f_bavail;
}

static void a_disk_is_full_and_free_again(void **state)
{
    (void)state;
    struct seen seen;
    start(&seen, "exec sleep 1000");
    struct answer answer = lay(&seen, LD_STRAIN_DISK, 0, FOR_EVER_NS);
    if (!guard.isolated && geteuid() != 0) {
        assert_int_equal(answer.means, LD_MEANS_NONE); /* no file system of its own: said, not faked */
        assert_true(answer.saved_errno != 0);
        finish(&seen);
        return;
    }
    assert_int_equal(answer.saved_errno, 0);
    assert_int_equal(free_blocks(&seen), 0);
    relieve(&seen, LD_STRAIN_DISK);
    assert_true(free_blocks(&seen) > 0);
    finish(&seen);
}

static void a_target_is_in_a_group_of_its_own(void **state)
{
    (void)state;
    struct seen seen;
    char path[LD_GROUP_PATH_MAX + 64], line[64] = "";
    if (!guard.group.path[0]) {
        print_message("no group: %s\n", guard.group.why_not);
        skip();
    }
    start(&seen, "setsid sh -c '(sleep 1000 & wait) & exit 0'; exec sleep 1000");
    assert_true(strncmp(seen.process.group, guard.group.path, strlen(guard.group.path)) == 0);
    snprintf(path, sizeof path, "%s/cgroup.procs", seen.process.group);
    FILE *members = fopen(path, "re");
    assert_non_null(members);
    assert_non_null(fgets(line, sizeof line, members));
    fclose(members);
    assert_int_equal(atoll(line), seen.pid);
    finish(&seen);
    assert_int_equal(access(seen.process.group, F_OK), -1);
}

static int set_up(void **state)
{
    struct ld_error error;
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/ld-test-strain-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(disk, sizeof disk, "%s/disk", folder);
    return ld_guard_start(&guard, folder, true, &error);
}

static int tear_down(void **state)
{
    char group[LD_GROUP_PATH_MAX];
    (void)state;
    snprintf(group, sizeof group, "%s", guard.group.path);
    if (ld_guard_stop(&guard) != 0 || access(folder, F_OK) == 0)
        return -1;
    return group[0] && access(group, F_OK) == 0 ? -1 : 0;
}

int test_strain(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_pause_stops_until_it_is_taken_off, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_lease_ends_it_without_us, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pause_and_a_share_do_not_undo_each_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_share_is_a_share_of_a_core, set_up, tear_down),
        cmocka_unit_test_setup_teardown(limits_come_and_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_disk_is_full_and_free_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_target_is_in_a_group_of_its_own, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("strain", tests, NULL, NULL);
}
