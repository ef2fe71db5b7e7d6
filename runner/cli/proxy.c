/* leakdrill proxy: the proxy alone, as its file says, until a signal ends it. */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "runner/cli/command.h"
#include "runner/cli/proxy_page.h"
#include "runner/cli/proxy_set.h"

#define TALK "leakdrill proxy: "
#define WATCH_EVERY_MS 250

enum { ON_TERM, ON_INT, ON_HUP, SIGNALS };
static const int signal_numbers[SIGNALS] = {SIGTERM, SIGINT, SIGHUP};

struct service {
    const struct ld_invocation *invocation;
    const char *file;
    int64_t drain_ns;
    uv_loop_t loop;
    uv_signal_t signals[SIGNALS];
    uv_timer_t drain;
    uv_fs_poll_t watch;
    struct ld_proxy_set *set;
    struct ld_proxy_page *page;
    int64_t began_ns, seed;
    uint64_t reloads, refused_reloads;
    char reload_error[1200]; /* of the last reload, "" when it was taken */
    int ended_by;            /* the signal, 0 while it runs */
    bool closing;
};

/* ---- the status page */

static json_t *about(void *context)
{
    const struct service *service = context;
    return json_pack("{s:s, s:I, s:s, s:I, s:I, s:I, s:I, s:o, s:b}", "leakdrill", LEAKDRILL_VERSION, "pid",
                     (json_int_t)getpid(), "file", service->file, "seed", (json_int_t)service->seed, "up_ns",
                     (json_int_t)((int64_t)uv_hrtime() - service->began_ns), "reloads", (json_int_t)service->reloads,
                     "refused_reloads", (json_int_t)service->refused_reloads, "reload_error",
                     service->reload_error[0] ? json_string(service->reload_error) : json_null(), "ending",
                     service->ended_by != 0);
}

/* ---- the end */

static void on_gone(void *context)
{
    (void)context; /* the loop runs dry */
}

static void close_all(struct service *service)
{
    if (service->closing)
        return;
    service->closing = true;
    for (int i = 0; i < SIGNALS; i++)
        uv_close((uv_handle_t *)&service->signals[i], NULL);
    uv_close((uv_handle_t *)&service->drain, NULL);
    uv_close((uv_handle_t *)&service->watch, NULL);
    if (service->page)
        ld_proxy_page_close(service->page);
    ld_proxy_set_close(service->set, on_gone, service);
}

static void on_drained(void *context)
{
    close_all(context);
}

static void on_drain_limit(uv_timer_t *timer)
{
    struct service *service = timer->data;
    char limit[40];
    fprintf(stderr, TALK "connections were still open after %s and are reset\n",
            ld_format_duration(service->drain_ns, limit, sizeof limit));
    close_all(service);
}

static void on_end_signal(uv_signal_t *handle, int number)
{
    struct service *service = handle->data;
    if (service->ended_by) {
        close_all(service);
        return;
    }
    service->ended_by = number;
    fprintf(stderr, TALK "ends; waits for what is connected\n");
    uv_timer_start(&service->drain, on_drain_limit, (uint64_t)(service->drain_ns / LD_MS), 0);
    ld_proxy_set_drain(service->set, on_drained, service);
}

/* ---- reading the file */

/* Read and apply; what is wrong is said and kept for the status page. */
static int take_file(struct service *service)
{
    struct ld_proxies *proxies = NULL;
    struct ld_errors errors = {0};
    struct ld_error error;
    int code = ld_proxies_read(&proxies, service->file, &errors);
    ld_say_errors(stderr, &errors);
    if (code && errors.count)
        error = errors.items[0];
    else if (code)
        ld_fail(&error, code, "%s: %s", service->file, ld_code_text(code));
    ld_errors_done(&errors);
    if (!code) {
        int64_t seed = proxies->seed;
        code = ld_proxy_set_apply(service->set, proxies, &error);
        if (code) {
            ld_proxies_free(proxies);
            ld_say_error(service->invocation->command, &error);
        } else {
            service->seed = seed;
        }
    }
    if (code)
        ld_error_format(&error, service->reload_error, sizeof service->reload_error);
    else
        service->reload_error[0] = '\0';
    return code;
}

static void reload(struct service *service)
{
    if (service->ended_by)
        return;
    if (take_file(service) == 0) {
        service->reloads++;
        fprintf(stderr, TALK "reloaded %s\n", service->file);
    } else {
        service->refused_reloads++;
        fprintf(stderr, TALK "%s is refused; what was goes on\n", service->file);
    }
}

static void on_reload_signal(uv_signal_t *handle, int number)
{
    (void)number;
    reload(handle->data);
}

static void on_changed(uv_fs_poll_t *handle, int status, const uv_stat_t *before, const uv_stat_t *now)
{
    (void)before, (void)now;
    if (status == 0) /* gone for a moment while it is replaced: nothing to read yet */
        reload(handle->data);
}

/* ---- the beginning */

/* Every connection costs two descriptors; the hard limit is what we may have. */
static void raise_open_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void begin_handles(struct service *service)
{
    for (int i = 0; i < SIGNALS; i++) {
        uv_signal_init(&service->loop, &service->signals[i]);
        service->signals[i].data = service;
        uv_signal_start(&service->signals[i], i == ON_HUP ? on_reload_signal : on_end_signal, signal_numbers[i]);
    }
    uv_timer_init(&service->loop, &service->drain);
    uv_fs_poll_init(&service->loop, &service->watch);
    service->drain.data = service->watch.data = service;
}

/* The status page, then the proxies. What is wrong was said. */
static int begin(struct service *service, uint16_t status_port)
{
    struct ld_error error;
    struct ld_proxy_page_source source = {.set = service->set, .about = about, .context = service};
    int code = ld_proxy_page_new(&service->page, &service->loop, status_port, &source, &error);
    if (code) {
        ld_say_error(service->invocation->command, &error);
        return code;
    }
    code = take_file(service);
    if (code)
        return code;
    if (ld_option_given(service->invocation, "watch"))
        uv_fs_poll_start(&service->watch, on_changed, service->file, WATCH_EVERY_MS);
    fprintf(stderr, TALK "status is at http://127.0.0.1:%u/; ready\n", ld_proxy_page_port(service->page));
    return 0;
}

static int serve(struct service *service, uint16_t status_port)
{
    struct ld_error error;
    int problem = uv_loop_init(&service->loop);
    if (problem) {
        ld_fail(&error, LD_ESYSTEM, "cannot make a loop: %s", uv_strerror(problem));
        return ld_say_error(service->invocation->command, &error);
    }
    int code = ld_proxy_set_new(&service->set, &service->loop, &error);
    if (code) {
        ld_say_error(service->invocation->command, &error);
    } else {
        begin_handles(service);
        code = begin(service, status_port);
        if (code)
            close_all(service);
    }
    uv_run(&service->loop, UV_RUN_DEFAULT);
    problem = uv_loop_close(&service->loop);
    assert(problem == 0); /* else a handle was forgotten */
    return code ? ld_code_exit(code) : 128 + service->ended_by;
}

static int read_drain(const struct ld_invocation *invocation, int64_t *ret_ns)
{
    const char *text = ld_option_text(invocation, "drain"), *expected;
    *ret_ns = 5 * LD_SECOND;
    if (text && ld_parse_duration(text, ret_ns, &expected) != 0)
        return ld_usage_error(invocation->command, "--drain: \"%s\" is not %s", text, expected);
    return 0;
}

int ld_command_proxy(const struct ld_invocation *invocation)
{
    struct service service = {.invocation = invocation, .began_ns = (int64_t)uv_hrtime()};
    struct ld_proxies *proxies;
    struct ld_errors errors = {0};
    service.file = ld_option_text(invocation, "file");
    if (!service.file)
        return ld_usage_error(invocation->command, "which proxies? -f FILE");
    int exit = read_drain(invocation, &service.drain_ns);
    if (exit)
        return exit;
    int code = ld_proxies_read(&proxies, service.file, &errors);
    ld_say_errors(stderr, &errors);
    ld_errors_done(&errors);
    if (code)
        return ld_code_exit(code);
    uint16_t status_port = proxies->status.port;
    size_t count = proxies->count;
    ld_proxies_free(proxies);
    if (ld_option_given(invocation, "check")) {
        printf("no errors; proxies: %zu\n", count);
        return LD_EXIT_OK;
    }
    signal(SIGPIPE, SIG_IGN);
    raise_open_files();
    return serve(&service, status_port);
}
