/* A service's life, against real processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "groups.h"
#include "runner/run/service.h"

static struct ld_guard guard;
static char folder[64];

struct seen {
    char events[64]; /* their names, in the order in which they came */
    int64_t ready_pid;
};

static void note(struct ld_service *service, const char *event)
{
    struct seen *seen = service->context;
    size_t length = strlen(seen->events);
    snprintf(seen->events + length, sizeof seen->events - length, " %s", event);
}

static void on_started(struct ld_service *service, int64_t pid)
{
    (void)pid;
    note(service, "started");
}

static void on_ready(struct ld_service *service)
{
    struct seen *seen = service->context;
    seen->ready_pid = service->pid;
    note(service, "ready");
    ld_service_kill(service);
}

static void on_text(struct ld_service *service, const char *line, size_t length)
{
    (void)service;
    (void)line;
    (void)length;
}

static void on_ended(struct ld_service *service, int64_t status)
{
    (void)status;
    note(service, "ended");
}

static void on_failed(struct ld_service *service, const struct ld_error *error)
{
    print_message("%s\n", error->message);
    note(service, "failed");
}

static void on_gone(struct ld_service *service, int64_t swept, int64_t left)
{
    assert_int_equal(swept, 0);
    assert_int_equal(left, 0);
    note(service, "gone");
    ld_service_close(service);
}

static void on_closed(struct ld_service *service)
{
    note(service, "closed");
}

static const struct ld_service_events events = {on_started, on_ready,  on_text, on_text,
                                                on_ended,   on_failed, on_gone, on_closed, NULL};

/* The program's own pipe can be heard before the shim's word that it was started: on a loaded machine it is, at times.
 * Ready without a pid would be a run during which nobody looks at /proc. */
static void ready_waits_for_started(void **state)
{
    (void)state;
    static const char *const arguments[] = {"sleep", "1000", NULL}, *const environment[] = {NULL};
    struct ld_service_spec spec = {.kind = LD_SERVICE_CONTRACT,
                                   .name = "target sleep",
                                   .program = "/bin/sleep",
                                   .folder = "/",
                                   .arguments = arguments,
                                   .environment = environment,
                                   .setting = "{}",
                                   .ready_ns = 10 * LD_SECOND,
                                   .stop_ns = LD_SECOND};
    struct seen seen = {.events = ""};
    struct ld_service service;
    struct ld_error error;
    uv_loop_t loop;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(ld_service_init(&service, &loop, &guard, NULL, &spec, 0, &events, &seen), 0);
    assert_int_equal(ld_service_start(&service, &error), 0);
    ld_service_set_ready(&service); /* the loop has not turned: nothing of the shim can have been heard */
    assert_string_equal(seen.events, "");
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_string_equal(seen.events, " started ready ended gone closed");
    assert_true(seen.ready_pid > 0);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static int start_guard(void **state)
{
    struct ld_error error;
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/ld-test-service-XXXXXX");
    return mkdtemp(folder) && ld_guard_start(&guard, folder, false, &error) == 0 ? 0 : -1;
}

static int stop_guard(void **state)
{
    (void)state;
    return ld_guard_stop(&guard) == 0 ? 0 : -1;
}

int test_service(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ready_waits_for_started, start_guard, stop_guard),
    };
    return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
