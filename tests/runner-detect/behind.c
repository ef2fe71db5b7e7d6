/* A program that does not answer: what waits for it is bounded, and feeding it never waits. */
#include "groups.h"

#include "runner/detect/exec.h"
#include "runner/detect/limits.h"
#include "runner/run/host.h"

struct seen_of_it {
    char reason[400];
    bool closed;
};

static void on_alert(void *context, const struct ld_alert *alert)
{
    (void)context;
    fail_msg("an alert of nobody: %llu", (unsigned long long)alert->id);
}

static void on_broken(void *context, enum ld_exec_fault fault, const char *reason)
{
    struct seen_of_it *seen = context;
    assert_int_equal(fault, LD_EXEC_FAULT_FELL_BEHIND);
    assert_string_equal(seen->reason, ""); /* once */
    snprintf(seen->reason, sizeof seen->reason, "%s", reason);
}

static void on_note(void *context, const char *text)
{
    (void)context;
    fail_msg("a note: %s", text);
}

static void on_closed(void *context)
{
    ((struct seen_of_it *)context)->closed = true;
}

static void what_waits_is_bounded(void **state)
{
    (void)state;
    static const struct ld_exec_events events = {on_alert, on_broken, on_note, on_closed};
    const char *words[] = {"sleep", "1000"};
    const struct ld_exec_options options = {
        .command = {2, words}, .timeout_ns = 60000000000, .memory_bytes = 1 << 30, .cpu_ns = 60000000000};
    struct ld_host host;
    struct ld_error error;
    struct ld_exec *exec;
    struct seen_of_it seen = {0};
    struct ld_seen *names = ld_seen_new();
    assert_non_null(names);
    if (ld_host_start(&host, &error) != 0)
        fail_msg("%s", error.message);
    const struct ld_exec_setting setting = {.loop = &host.loop,
                                            .guard = &host.guard,
                                            .work_folder = host.work_folder,
                                            .folder_token = 1,
                                            .file = "",
                                            .hello = {.instances = 1, .options = &options},
                                            .seen = names};
    assert_int_equal(ld_exec_new(&exec, &setting, &events, &seen), 0);
    ld_exec_start(exec);
    struct ld_observation tick = {.kind = LD_OBSERVATION_TICK, .incarnation = 1};
    for (int i = 0; i < LD_EXEC_BEHIND_MAX; i++) {
        tick.sequence++;
        ld_exec_observe(exec, &tick);
        assert_string_equal(seen.reason, "");
    }
    tick.sequence++;
    ld_exec_observe(exec, &tick); /* one too many */
    assert_string_equal(seen.reason, "fell-behind: 512 observations with 0 bytes of profiles waited");
    ld_exec_observe(exec, &tick);
    assert_true(ld_exec_idle(exec));
    if (ld_exec_end(exec, false))
        while (!seen.closed)
            uv_run(&host.loop, UV_RUN_ONCE);
    ld_exec_free(exec);
    ld_host_stop(&host);
    ld_seen_free(names);
}

int test_behind(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_waits_is_bounded)};
    return cmocka_run_group_tests_name("behind", tests, NULL, NULL);
}
