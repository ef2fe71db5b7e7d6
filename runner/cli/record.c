/* Record a live service: a scenario that only watches is written beside the database, and run. */
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "runner/cli/command.h"
#include "runner/cli/database.h"
#include "runner/cli/observed.h"

#define SCENARIO_MAX ((size_t)64 << 10)
#define SHORTEST_NS LD_SECOND
#define LONGEST_NS (12 * LD_HOUR)
#define AROUND_NS (2 * LD_MINUTE)
#define LOOK_NS (5 * LD_SECOND) /* of one question beforehand */

struct recording {
    const char *url;
    const char *lasts, *every; /* as the user wrote them, checked */
    int64_t lasts_ns, every_ns;
    bool metrics;              /* it serves /metrics */
    char database[512], scenario[528];
};

static int read_duration(const struct ld_invocation *invocation, const char *option, const char *initial,
                         const char **ret_text, int64_t *ret_ns)
{
    int64_t ns;
    const char *expected;
    const char *text = ld_option_given(invocation, option) ? ld_option_text(invocation, option) : initial;
    if (ld_parse_duration(text, &ns, &expected) != 0)
        return ld_usage_error(invocation->command, "--%s: \"%s\" is not %s", option, text, expected);
    if (ns > LONGEST_NS || (strcmp(option, "for") == 0 && ns < SHORTEST_NS))
        return ld_usage_error(invocation->command, "--%s: %s is out of range: 1s to 12h", option, text);
    *ret_text = text;
    *ret_ns = ns;
    return 0;
}

static bool watches(const void *context, const struct ld_detector_kind *kind)
{
    (void)context;
    return ld_observed_may_watch(kind);
}

static int render(const struct recording *recording, struct ld_buffer *target, struct ld_buffer *out)
{
    char phases[64], wall[32];
    snprintf(phases, sizeof phases, "{baseline: %s}", recording->lasts);
    int code = ld_buffer_add_text(target, "  attach: ");
    if (!code)
        code = ld_observed_quote(recording->url, target);
    if (!code)
        code = ld_buffer_add_text(target, recording->metrics ? "\n" : "\n  metrics: \"\"\n");
    if (!code) /* the phases around it, and a period, have room */
        code = ld_buffer_printf(target, "  limits: {wall: %s}\n",
                                ld_format_duration(recording->lasts_ns + recording->every_ns + AROUND_NS, wall,
                                                   sizeof wall));
    const struct ld_observed observed = {.name = "recording",
                                         .doc = "A service that ran already, watched by harmless reads alone.",
                                         .target = ld_buffer_text(target),
                                         .phases = phases,
                                         .every = recording->every,
                                         .profiles = "goroutine, heap",
                                         .watches = watches};
    return code ? code : ld_observed_render(&observed, out);
}

/* ---- a look beforehand: what would be wrong for the whole recording is told at once */

static size_t drop(char *bytes, size_t size, size_t count, void *context)
{
    (void)bytes;
    (void)context;
    return size * count;
}

#define PAGE_STATUS 1 /* of a web page in place of what was asked for: no status of HTTP */

/* What an answer other than a good one is about: where it sends one to, or that it is a page for people. */
static long judge(CURL *easy, long status, char *why)
{
    const char *text = NULL;
    if (status >= 300 && status < 400 && curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &text) == CURLE_OK && text)
        snprintf(why, CURL_ERROR_SIZE, ", which leads to %.120s", text);
    else if (status == 200 && curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &text) == CURLE_OK && text &&
             strncmp(text, "text/html", strlen("text/html")) == 0)
        return PAGE_STATUS;
    return status;
}

/* The status of an answer, 0 when there was none; `why`: more of it, or why. The address was checked: it is on
 * loopback. */
static long ask(const struct recording *recording, const char *path, char *why)
{
    char url[300];
    long status = 0;
    size_t length = strlen(recording->url);
    bool slash = length && recording->url[length - 1] == '/';
    if (snprintf(url, sizeof url, "%.*s%s", (int)(slash ? length - 1 : length), recording->url, path) >=
        (int)sizeof url) {
        snprintf(why, CURL_ERROR_SIZE, "the address is too long");
        return 0;
    }
    CURL *easy = curl_easy_init();
    snprintf(why, CURL_ERROR_SIZE, "%s", ld_code_text(LD_ENOMEM));
    if (!easy)
        return 0;
    why[0] = '\0';
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(LOOK_NS / LD_MS));
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop);
    if (curl_easy_perform(easy) == CURLE_OK)
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    status = judge(easy, status, why);
    curl_easy_cleanup(easy);
    return status;
}

static int look(struct recording *recording, struct ld_error *error)
{
    char why[CURL_ERROR_SIZE];
    long status = ask(recording, "/debug/pprof/goroutine", why);
    if (status == 0)
        return ld_fail(error, LD_ETARGET, "%s does not answer: %s", recording->url, why);
    if (status == PAGE_STATUS)
        return ld_fail(error, LD_ETARGET, "%s serves no pprof: /debug/pprof/goroutine gives a web page (text/html)",
                       recording->url);
    if (status != 200)
        return ld_fail(error, LD_ETARGET, "%s serves no pprof: /debug/pprof/goroutine gives HTTP %ld%s", recording->url,
                       status, why);
    status = recording->metrics ? ask(recording, "/metrics", why) : 0;
    if (!recording->metrics || status == 200)
        return 0;
    recording->metrics = false;
    fprintf(stderr, "leakdrill record: no /metrics there%s: profiles, which count the goroutines, and /proc alone; who "
                    "judges by other numbers of the runtime will say unknown\n", status ? "" : " in time");
    return 0;
}

/* Only what the scenario may be attached to is asked anything. */
static int make_scenario(struct recording *recording, struct ld_buffer *target, struct ld_buffer *text,
                         struct ld_error *error)
{
    const struct ld_catalogue anything = ld_catalogue_of_any();
    struct ld_errors errors = {0};
    struct ld_scenario *scenario = NULL;
    int code = render(recording, target, text);
    if (code)
        return ld_fail(error, code, "the scenario: %s", ld_code_text(code));
    code = ld_scenario_parse(&scenario, recording->scenario, text->bytes, text->length, &anything, &errors);
    if (code) /* all of it is ours but the address */
        ld_fail(error, LD_EUSAGE, "URL: %.400s", errors.count ? errors.items[0].message : ld_code_text(code));
    ld_scenario_free(scenario);
    ld_errors_done(&errors);
    if (code)
        return LD_EUSAGE;
    code = look(recording, error);
    if (code)
        return code;
    ld_buffer_clear(target);
    ld_buffer_clear(text);
    code = render(recording, target, text);
    return code ? ld_fail(error, code, "the scenario: %s", ld_code_text(code)) : 0;
}

static int write_scenario(struct recording *recording, struct ld_error *error)
{
    struct ld_buffer target, text;
    ld_buffer_init(&target, SCENARIO_MAX);
    ld_buffer_init(&text, SCENARIO_MAX);
    int code = make_scenario(recording, &target, &text, error);
    if (!code)
        code = ld_observed_write(recording->scenario, &text, error);
    ld_buffer_done(&target);
    ld_buffer_done(&text);
    return code;
}

static int run(struct recording *recording)
{
    char *scenario = recording->scenario;
    struct ld_invocation invocation = {
        .command = ld_command_find("run"), .arguments = &scenario, .argument_count = 1};
    ld_option_set(&invocation, "db", recording->database);
    fprintf(stderr, "leakdrill record: %s for %s, every %s; the scenario is %s\n", recording->url, recording->lasts,
            recording->every, recording->scenario);
    int exit = ld_command_run(&invocation);
    if (exit == LD_EXIT_SPEC)
        unlink(recording->scenario); /* nothing was started, and its error was told */
    return exit;
}

/* The address as people copy it, without the path of pprof. */
static const char *without_pprof(const char *url, char *shorter, size_t room)
{
    static const char *const ends[] = {"/debug/pprof/", "/debug/pprof"};
    size_t length = strlen(url);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t end = strlen(ends[i]);
        if (length > end && length - end < room && strcmp(url + length - end, ends[i]) == 0) {
            snprintf(shorter, room, "%.*s", (int)(length - end), url);
            return shorter;
        }
    }
    return url;
}

int ld_command_record(const struct ld_invocation *invocation)
{
    struct recording recording = {0};
    struct ld_error error = {0};
    if (invocation->argument_count != 1)
        return ld_usage_error(invocation->command, "takes one address, such as http://127.0.0.1:6060");
    char url[512];
    recording.url = without_pprof(invocation->arguments[0], url, sizeof url);
    recording.metrics = !ld_option_given(invocation, "no-metrics");
    int exit = read_duration(invocation, "for", "1m", &recording.lasts, &recording.lasts_ns);
    if (!exit)
        exit = read_duration(invocation, "every", "1s", &recording.every, &recording.every_ns);
    if (exit)
        return exit;
    if (recording.every_ns > recording.lasts_ns)
        return ld_usage_error(invocation->command, "--every %s is longer than --for %s: nothing would be read",
                              recording.every, recording.lasts);
    int code = ld_database_new(ld_option_text(invocation, "db"), recording.database, sizeof recording.database, &error);
    if (!code) {
        ld_observed_path(recording.database, recording.scenario, sizeof recording.scenario);
        code = write_scenario(&recording, &error);
    }
    return code ? ld_say_error(invocation->command, &error) : run(&recording);
}
