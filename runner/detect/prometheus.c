/* Prometheus and Alertmanager with a user's rules, and routes, as a detector that the runner hosts for a run.
 *
 * Both are started when the run is prepared: Alertmanager first, then, when its log has told its address, Prometheus.
 * Both choose a port of 127.0.0.1 themselves. It is ready when a rule of our own, "all instances were scraped", has
 * come all the way to the webhook. Then the run's baseline begins. Prometheus looks for whom to scrape every five
 * seconds, so that being ready takes that long.
 *
 * Unknown is what Prometheus says it could not scrape (up is 0), and it ends when it can again. When one of the two
 * programs dies, the detector is broken. */
#include "detect/prometheus.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"
#include "detect/builtin.h"
#include "runner/detect/alert_book.h"
#include "runner/detect/daemon.h"
#include "runner/detect/fault.h"
#include "runner/detect/hosted.h"
#include "runner/detect/prometheus_config.h"
#include "runner/detect/prometheus_remarks.h"
#include "runner/detect/prometheus_tools.h"
#include "runner/detect/routes_file.h"
#include "runner/detect/rule_file.h"
#include "runner/detect/webhook_server.h"
#include "runner/process/sweep.h"
#include "score/score.h"

#define PROMETHEUS_MAGIC 0x6c64706du
#define READY_TIME (30 * LD_SECOND) /* besides two of each of its intervals, after the last instance was ready */
#define CONFIG_MAX ((size_t)1 << 20)
#define FOLDER_MAX (PATH_MAX - 64)
#define ALERTMANAGER_CONFIG "alertmanager.yml"
#define PROMETHEUS_CONFIG "prometheus.yml"

struct prometheus {
    unsigned magic;
    struct ld_hosted_setting setting;
    const struct ld_prometheus_options *options;
    const struct ld_hosted_events *events;
    void *context;
    struct ld_rule_file rules;
    struct ld_routes_file routes;
    struct ld_prometheus_tools tools;
    struct ld_alert_book *book;
    char folder[FOLDER_MAX];
    bool folder_made;
    struct ld_webhook_server *server; /* NULL: closed */
    struct ld_daemon alertmanager, prometheus;
    char alertmanager_address[64];    /* "" before its log told it */
    bool prometheus_told;             /* it has written its log's line of being ready */
    bool target_up;                   /* an instance was ready: there is somebody to scrape */
    uv_timer_t timer;                 /* until it must be ready */
    unsigned open;                    /* of server, programs and timer, those that are not closed */
    bool started, ready, broken, ending;
};

/* ---- its end */

static void on_part_closed(struct prometheus *prometheus)
{
    if (--prometheus->open)
        return;
    if (prometheus->folder_made)
        (void)ld_remove_tree(prometheus->folder);
    if (prometheus->ending)
        prometheus->events->closed(prometheus->context);
}

static void on_server_closed(void *context)
{
    on_part_closed(context);
}

/* From here the server can be closed: this is no call of its own. */
static void on_timer_closed(uv_handle_t *handle)
{
    struct prometheus *prometheus = handle->data;
    if (prometheus->server)
        ld_webhook_server_close(prometheus->server);
    prometheus->server = NULL;
    on_part_closed(prometheus);
}

static void on_daemon_closed(struct ld_daemon *daemon)
{
    on_part_closed(daemon->context);
}

/* Let go of all that is open; the last part to close ends it. A post may be in hand: its server closes after the timer.
 */
static void stop(struct prometheus *prometheus)
{
    if (ld_daemon_open(&prometheus->prometheus))
        ld_daemon_end(&prometheus->prometheus);
    if (ld_daemon_open(&prometheus->alertmanager))
        ld_daemon_end(&prometheus->alertmanager);
    if (!uv_is_closing((uv_handle_t *)&prometheus->timer))
        uv_close((uv_handle_t *)&prometheus->timer, on_timer_closed);
}

static void break_it(struct prometheus *prometheus, enum ld_exec_fault fault, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void break_it(struct prometheus *prometheus, enum ld_exec_fault fault, const char *format, ...)
{
    char why[600], reason[700];
    va_list arguments;
    if (prometheus->broken || prometheus->ending)
        return;
    prometheus->broken = true;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    snprintf(reason, sizeof reason, "%s: %s", ld_exec_fault_name(fault), why);
    prometheus->events->broken(prometheus->context, reason);
    stop(prometheus);
}

/* ---- files */

static int write_file(const struct prometheus *prometheus, const char *name, const struct ld_buffer *bytes,
                      struct ld_error *error)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", prometheus->folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0400);
    bool good = fd >= 0;
    for (size_t done = 0; good && done < bytes->length;) {
        ssize_t n = write(fd, bytes->bytes + done, bytes->length - done);
        good = n > 0 || (n < 0 && errno == EINTR);
        done += n > 0 ? (size_t)n : 0;
    }
    int saved = errno;
    if (fd >= 0)
        close(fd);
    return good ? 0 : ld_fail_errno(error, LD_ESYSTEM, saved, "cannot write %.200s", path);
}

static int write_config(const struct prometheus *prometheus, const char *name,
                        int (*config)(const struct ld_prometheus_setting *setting, struct ld_buffer *out),
                        struct ld_error *error)
{
    const struct ld_scenario *scenario = prometheus->setting.cell->scenario;
    char webhook[LD_WEBHOOK_URL_MAX];
    const struct ld_prometheus_setting setting = {
        .options = prometheus->options,
        .instances = (uint32_t)scenario->target.instances,
        .gateway_urls = prometheus->setting.gateway_urls,
        .metrics_path = scenario->target.metrics_path,
        .webhook_url = ld_webhook_server_url(prometheus->server, webhook),
        .alertmanager = prometheus->alertmanager_address,
        .selectors = prometheus->rules.selectors,
        .selector_count = prometheus->rules.selector_count};
    struct ld_buffer text;
    ld_buffer_init(&text, CONFIG_MAX);
    int code = config(&setting, &text);
    code = code ? ld_fail(error, code, "%s", ld_code_text(code)) : write_file(prometheus, name, &text, error);
    ld_buffer_done(&text);
    return code;
}

/* The user's routes where there are any; else ours. */
static int write_alertmanager_config(const struct prometheus *prometheus, struct ld_error *error)
{
    char webhook[LD_WEBHOOK_URL_MAX];
    struct ld_buffer text;
    if (!prometheus->routes.given)
        return write_config(prometheus, ALERTMANAGER_CONFIG, ld_alertmanager_config, error);
    ld_buffer_init(&text, 2 * LD_DETECTOR_FILE_BYTES_MAX);
    int code = ld_routes_file_hosted(&prometheus->routes, ld_webhook_server_url(prometheus->server, webhook), &text,
                                     error);
    if (!code)
        code = write_file(prometheus, ALERTMANAGER_CONFIG, &text, error);
    ld_buffer_done(&text);
    return code;
}

static int make_folder(struct prometheus *prometheus, struct ld_error *error)
{
    int length = snprintf(prometheus->folder, sizeof prometheus->folder, "%s/%016" PRIx64,
                          prometheus->setting.work_folder, prometheus->setting.folder_token);
    if (length >= (int)sizeof prometheus->folder)
        return ld_fail(error, LD_ELIMIT, "the work folder's path is too long");
    if (mkdir(prometheus->folder, 0700) != 0)
        return ld_fail_errno(error, LD_ESYSTEM, errno, "cannot make %.200s", prometheus->folder);
    prometheus->folder_made = true;
    return 0;
}

/* ---- the two programs */

static int start_prometheus(struct prometheus *prometheus, struct ld_error *error);

static void on_ended(struct ld_daemon *daemon, const char *how)
{
    struct prometheus *prometheus = daemon->context;
    break_it(prometheus, prometheus->ready ? LD_EXEC_FAULT_CRASHED : LD_EXEC_FAULT_NOT_STARTED,
             "%s ended with %s%s%s", daemon->name, how, daemon->said[0] ? "; it said: " : "", daemon->said);
}

static void on_alertmanager_message(struct ld_daemon *daemon, const char *message, const char *address)
{
    struct prometheus *prometheus = daemon->context;
    struct ld_error error;
    if (prometheus->alertmanager_address[0] || prometheus->broken || strcmp(message, "Listening on") != 0)
        return;
    snprintf(prometheus->alertmanager_address, sizeof prometheus->alertmanager_address, "%s", address);
    if (start_prometheus(prometheus, &error) != 0)
        break_it(prometheus, LD_EXEC_FAULT_HARNESS, "%s", error.message);
}

static void on_prometheus_message(struct ld_daemon *daemon, const char *message, const char *address)
{
    struct prometheus *prometheus = daemon->context;
    (void)address;
    if (strncmp(message, "Server is ready", strlen("Server is ready")) == 0)
        prometheus->prometheus_told = true;
}

static const struct ld_daemon_events alertmanager_events = {on_alertmanager_message, on_ended, on_daemon_closed};
static const struct ld_daemon_events prometheus_events = {on_prometheus_message, on_ended, on_daemon_closed};

static int start_daemon(struct prometheus *prometheus, struct ld_daemon *daemon,
                        const struct ld_daemon_program *program, const struct ld_daemon_events *events,
                        struct ld_error *error)
{
    int code = ld_daemon_start(daemon, prometheus->setting.loop, prometheus->setting.guard, program, events, prometheus,
                               error);
    prometheus->open += code == 0;
    return code;
}

static int start_alertmanager(struct prometheus *prometheus, struct ld_error *error)
{
    static const char *const arguments[] = {"alertmanager",
                                            "--config.file=" ALERTMANAGER_CONFIG,
                                            "--storage.path=alerts",
                                            "--web.listen-address=127.0.0.1:0",
                                            "--cluster.listen-address=", /* it has no peers */
                                            "--log.format=json",
                                            NULL};
    const struct ld_daemon_program program = {"Alertmanager", prometheus->tools.alertmanager, arguments,
                                              prometheus->folder};
    return start_daemon(prometheus, &prometheus->alertmanager, &program, &alertmanager_events, error);
}

static int start_prometheus(struct prometheus *prometheus, struct ld_error *error)
{
    static const char *const arguments[] = {"prometheus",
                                            "--config.file=" PROMETHEUS_CONFIG,
                                            "--storage.tsdb.path=data",
                                            "--web.listen-address=127.0.0.1:0",
                                            "--scrape.discovery-reload-interval=100ms",
                                            "--log.format=json",
                                            NULL};
    const struct ld_daemon_program program = {"Prometheus", prometheus->tools.prometheus, arguments,
                                              prometheus->folder};
    int code = write_config(prometheus, PROMETHEUS_CONFIG, ld_prometheus_config, error);
    return code ? code : start_daemon(prometheus, &prometheus->prometheus, &program, &prometheus_events, error);
}

/* ---- what is posted */

static void on_claim(void *context, const struct ld_alert *alert)
{
    const struct prometheus *prometheus = context;
    prometheus->events->alert(prometheus->context, alert);
}

static void on_note(void *context, const char *text)
{
    const struct prometheus *prometheus = context;
    prometheus->events->note(prometheus->context, text);
}

static void take_alert(void *context, const struct ld_webhook_alert *alert)
{
    struct prometheus *prometheus = context;
    if (prometheus->broken || prometheus->ending) /* an alert before it in the same post may have ended the run */
        return;
    int code = ld_alert_book_post(prometheus->book, alert);
    if (code == LD_ELIMIT)
        break_it(prometheus, LD_EXEC_FAULT_FLOODED, "more than %d alerts fire at once", LD_ALERT_BOOK_MAX);
    else if (code)
        break_it(prometheus, LD_EXEC_FAULT_HARNESS, "%s", ld_code_text(code));
}

static int on_post(void *context, const char *bytes, size_t length)
{
    struct prometheus *prometheus = context;
    struct ld_error error;
    if (prometheus->broken || prometheus->ending)
        return 0;
    int code = ld_webhook_read(bytes, length, take_alert, prometheus, &error);
    if (code)
        break_it(prometheus, LD_EXEC_FAULT_OFF_PROTOCOL, "a post of Alertmanager: %s", error.message);
    if (!prometheus->broken && !prometheus->ready && ld_alert_book_seen_all(prometheus->book)) {
        prometheus->ready = true;
        uv_timer_stop(&prometheus->timer);
        prometheus->events->ready(prometheus->context);
    }
    return code;
}

static const struct ld_webhook_server_events server_events = {on_post, on_server_closed};

/* ---- being ready */

static void on_time(uv_timer_t *timer)
{
    struct prometheus *prometheus = timer->data;
    if (prometheus->prometheus_told && !prometheus->target_up)
        return; /* it is not its fault; once an instance is ready it is waited for again */
    const char *said = prometheus->prometheus.said[0] ? prometheus->prometheus.said : prometheus->alertmanager.said;
    char limit[32];
    break_it(prometheus, LD_EXEC_FAULT_HUNG, "%s within %s%s%s",
             !prometheus->alertmanager_address[0] ? "Alertmanager did not listen"
             : !prometheus->prometheus_told       ? "Prometheus was not ready"
                                                  : "Prometheus did not tell that it scraped all instances",
             ld_format_duration(READY_TIME + 2 * (prometheus->options->scrape_interval_ns +
                                                  prometheus->options->evaluation_interval_ns),
                                limit, sizeof limit),
             said[0] ? "; it said: " : "", said);
}

static void set_timer(struct prometheus *prometheus)
{
    int64_t ns = READY_TIME + 2 * (prometheus->options->scrape_interval_ns +
                                   prometheus->options->evaluation_interval_ns);
    uv_update_time(prometheus->setting.loop);
    uv_timer_start(&prometheus->timer, on_time, (uint64_t)(ns / LD_MS), 0);
}

/* ---- as one that is hosted */

static void free_files(struct prometheus *prometheus)
{
    ld_rule_file_done(&prometheus->rules);
    ld_routes_file_done(&prometheus->routes);
}

static int prometheus_open(void **ret_state, const struct ld_hosted_setting *setting,
                           const struct ld_hosted_events *events, void *context, struct ld_error *error)
{
    const struct ld_scenario *scenario = setting->cell->scenario;
    struct prometheus *prometheus = calloc(1, sizeof *prometheus);
    if (!prometheus)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    prometheus->magic = PROMETHEUS_MAGIC;
    prometheus->setting = *setting;
    prometheus->options = setting->spec->options;
    prometheus->events = events;
    prometheus->context = context;
    int code = ld_prometheus_tools_find(&prometheus->tools, error);
    if (!code)
        code = ld_rule_file_read(&prometheus->rules, scenario, setting->spec, error);
    if (!code)
        code = ld_routes_file_read(&prometheus->routes, scenario, setting->spec, error);
    if (code) {
        free_files(prometheus);
        free(prometheus);
        return code;
    }
    const struct ld_alert_book_setting book = {
        .instances = (uint32_t)scenario->target.instances,
        .names = prometheus->rules.alerts,
        .name_count = prometheus->rules.alert_count,
        .selector_count = prometheus->rules.selector_count,
        .version = prometheus->rules.version,
        .grace_ns = prometheus->options->scrape_interval_ns + 2 * prometheus->options->evaluation_interval_ns +
                    (prometheus->routes.given ? prometheus->routes.times.group_interval_ns
                                              : prometheus->options->group_interval_ns),
        .sink = {on_claim, prometheus},
        .note = on_note,
        .context = prometheus};
    prometheus->book = ld_alert_book_new(&book);
    if (!prometheus->book) {
        free_files(prometheus);
        free(prometheus);
        return ld_fail(error, LD_ENOMEM, "out of memory");
    }
    *ret_state = prometheus;
    return 0;
}

static void prometheus_start(void *state)
{
    struct prometheus *prometheus = state;
    uint64_t token = ld_derive(prometheus->setting.folder_token, "webhook", 0);
    struct ld_error error;
    assert(prometheus->magic == PROMETHEUS_MAGIC && !prometheus->started);
    prometheus->started = true;
    uv_timer_init(prometheus->setting.loop, &prometheus->timer);
    prometheus->timer.data = prometheus;
    prometheus->open++;
    int code = make_folder(prometheus, &error);
    if (!code)
        code = ld_webhook_server_new(&prometheus->server, prometheus->setting.loop, token, &server_events, prometheus,
                                     &error);
    prometheus->open += prometheus->server != NULL;
    if (!code)
        code = write_file(prometheus, LD_PROMETHEUS_RULES, &prometheus->rules.bytes, &error);
    if (!code)
        code = write_config(prometheus, LD_PROMETHEUS_WATCH, ld_prometheus_watch, &error);
    if (!code)
        code = write_alertmanager_config(prometheus, &error);
    if (!code)
        code = start_alertmanager(prometheus, &error);
    if (code)
        break_it(prometheus, LD_EXEC_FAULT_HARNESS, "%s", error.message);
    else
        set_timer(prometheus);
}

static bool prometheus_ready(const void *state)
{
    return ((const struct prometheus *)state)->ready;
}

static int64_t wall_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * LD_SECOND + now.tv_nsec;
}

static void prometheus_observe(void *state, const struct ld_observation *observation)
{
    struct prometheus *prometheus = state;
    if (prometheus->broken || prometheus->ending)
        return;
    bool up = observation->kind == LD_OBSERVATION_LIFE && observation->life == LD_LIFE_READY;
    prometheus->target_up = prometheus->target_up || up;
    if (up && !prometheus->ready)
        set_timer(prometheus); /* before, there was nobody to scrape */
    ld_alert_book_observe(prometheus->book, observation, wall_now());
}

static struct ld_span span_of(const struct ld_buffer *text)
{
    return (struct ld_span){text->bytes, text->bytes + text->length};
}

/* Does anything of the user's look at what was renamed? */
static bool asks_for_names(const struct prometheus *prometheus, const struct ld_blind *blind, char *why, size_t room)
{
    struct ld_span rules = span_of(&prometheus->rules.bytes);
    if (ld_blind_rules_ask(blind, rules, why, room))
        return true;
    return prometheus->routes.given && (ld_blind_routes_ask(blind, rules, why, room) ||
                                        ld_blind_routes_ask(blind, span_of(&prometheus->routes.bytes), why, room));
}

/* Rules are functions of series. Where they ask for nothing that was renamed they were told what they are told with
 * names, and so said the same. */
static void prometheus_sight(const void *state, const struct ld_blind *blind, char *text, size_t room)
{
    const struct prometheus *prometheus = state;
    size_t reads = ld_blind_metrics_reads(blind), hidden = ld_blind_metrics_hidden(blind);
    char why[200];
    if (asks_for_names(prometheus, blind, why, sizeof why))
        snprintf(text, room, LD_BLIND_DIFFERS "%s", why);
    else if (hidden)
        snprintf(text, room, LD_BLIND_AGREES "no rule asks for the %zu names that were renamed in %zu reads", hidden,
                 reads);
    else
        snprintf(text, room, LD_BLIND_AGREES "nothing was renamed in the series of %zu reads", reads);
}

/* In a blind run what was renamed is not there under its name: that is no mistake of the rules'. */
static bool is_hidden(const struct prometheus *prometheus, const struct ld_rule_selector *selector)
{
    const struct ld_blind *blind = prometheus->setting.blind;
    struct ld_span text = {selector->text, selector->text + strlen(selector->text)};
    char why[200];
    return blind && ld_blind_rules_ask(blind, text, why, sizeof why);
}

static void tell_in_vain(const struct prometheus *prometheus)
{
    char text[LD_RULE_SELECTOR_BYTES_MAX + 200];
    for (size_t i = 0; i < prometheus->rules.selector_count; i++) {
        const struct ld_rule_selector *selector = &prometheus->rules.selectors[i];
        if (!ld_alert_book_in_vain(prometheus->book, i) || is_hidden(prometheus, selector))
            continue;
        snprintf(text, sizeof text, "%s (rule %.100s)", selector->text, selector->rule);
        prometheus->events->in_vain(prometheus->context, text);
    }
}

/* Late alerts are not waited for: what did not come in the run's time did not come in time. */
static bool prometheus_end(void *state, bool hurry)
{
    struct prometheus *prometheus = state;
    if (!hurry && prometheus->ready && !prometheus->broken)
        tell_in_vain(prometheus);
    prometheus->ending = true;
    if (!prometheus->open)
        return false;
    if (!prometheus->broken)
        stop(prometheus);
    return true;
}

static void prometheus_free(void *state)
{
    struct prometheus *prometheus = state;
    if (!prometheus)
        return;
    assert(prometheus->magic == PROMETHEUS_MAGIC && !prometheus->open);
    ld_alert_book_free(prometheus->book);
    free_files(prometheus);
    prometheus->magic = 0;
    free(prometheus);
}

/* An alert that waits longer than its run would be missed whatever the rules are worth. How long a run waits until the
 * target is steady is not known. */
static int check_wait(const struct ld_scenario *scenario, int64_t wait_ns, struct ld_error *error)
{
    char wait[32], watched[32];
    int64_t longest_ns = ld_prometheus_watched_ns(scenario);
    if (wait_ns == 0 || wait_ns < longest_ns || scenario->steady)
        return 0;
    return ld_fail(error, LD_ESPEC,
                   "no alert can come: Alertmanager waits %s (group_wait) at least, and no run lasts longer than %s",
                   ld_format_duration_short(wait_ns, wait, sizeof wait),
                   ld_format_duration_short(longest_ns, watched, sizeof watched));
}

static int check_routes(const struct ld_scenario *scenario, const struct ld_detector_spec *spec,
                        struct ld_error *error)
{
    const struct ld_prometheus_options *options = spec->options;
    struct ld_routes_file routes;
    int code = ld_routes_file_read(&routes, scenario, spec, error);
    if (!code && routes.given)
        code = ld_routes_file_amtool(&routes, error);
    if (!code)
        code = check_wait(scenario, routes.given ? routes.times.group_wait_ns : options->group_wait_ns, error);
    ld_routes_file_done(&routes);
    return code;
}

static int prometheus_check(const char *file, const struct ld_scenario *scenario, const struct ld_detector_spec *spec,
                            struct ld_error *error)
{
    struct ld_rule_file rules;
    (void)file;
    if (!scenario->target.metrics_path[0])
        return ld_fail(error, LD_ESPEC, "Prometheus has nothing to scrape: target.metrics says where");
    if (strchr(scenario->target.metrics_path, '?') || strchr(scenario->target.metrics_path, '\''))
        return ld_fail(error, LD_ESPEC, "target.metrics must be a path without a query, for Prometheus");
    int code = ld_rule_file_read(&rules, scenario, spec, error);
    if (code)
        return code;
    code = ld_rule_file_promtool(&rules, error);
    ld_rule_file_done(&rules);
    return code ? code : check_routes(scenario, spec, error);
}

static int prometheus_available(struct ld_error *error)
{
    struct ld_prometheus_tools tools;
    return ld_prometheus_tools_find(&tools, error);
}

const struct ld_hosted_kind ld_hosted_prometheus = {
    .kind = &ld_detector_prometheus,
    .why_no_replay = "is an alerting system that reads the running target itself",
    .check = prometheus_check,
    .remark = ld_prometheus_remark,
    .available = prometheus_available,
    .ready = prometheus_ready,
    LD_HOSTED_LIFE(prometheus)};
