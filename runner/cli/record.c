/* Record a live service: a scenario that only watches is written beside the database, and run. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "detect/detector.h"
#include "runner/cli/command.h"
#include "runner/cli/database.h"

#define SCENARIO_MAX ((size_t)64 << 10)
#define SHORTEST_NS LD_SECOND
#define LONGEST_NS (12 * LD_HOUR)

struct recording {
    const char *url;
    const char *lasts, *every; /* as the user wrote them, checked */
    bool metrics;              /* it serves /metrics */
    char database[512], scenario[528];
};

static int read_duration(const struct ld_invocation *invocation, const char *option, const char *initial,
                         const char **ret_text)
{
    int64_t ns;
    const char *expected;
    const char *text = ld_option_given(invocation, option) ? ld_option_text(invocation, option) : initial;
    if (ld_parse_duration(text, &ns, &expected) != 0)
        return ld_usage_error(invocation->command, "--%s: \"%s\" is not %s", option, text, expected);
    if (ns > LONGEST_NS || (strcmp(option, "for") == 0 && ns < SHORTEST_NS))
        return ld_usage_error(invocation->command, "--%s: %s is out of range: 1s to 12h", option, text);
    *ret_text = text;
    return 0;
}

/* What reads nothing that intrudes watches; nothing is expected of it. */
static bool may_watch(const struct ld_detector_kind *kind)
{
    return kind->type == LD_DETECTOR_BUILTIN && !kind->calibration && !kind->active && !kind->sees_truth;
}

static int add_quoted(struct ld_buffer *out, const char *text)
{
    int code = ld_buffer_add_text(out, "\"");
    for (; *text && !code; text++)
        code = ld_buffer_printf(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    return code ? code : ld_buffer_add_text(out, "\"");
}

static int render(const struct recording *recording, struct ld_buffer *out)
{
    size_t count;
    const struct ld_detector_kind *const *kinds = ld_detector_kinds(&count);
    int code = ld_buffer_add_text(out, "leakdrill: 1\nname: recording\n"
                                       "doc: A service that ran already, watched by harmless reads alone.\n"
                                       "target:\n  attach: ");
    if (!code)
        code = add_quoted(out, recording->url);
    if (!code)
        code = ld_buffer_add_text(out, recording->metrics ? "\n" : "\n  metrics: \"\"\n");
    if (!code)
        code = ld_buffer_printf(out, "phases: {baseline: %s}\nsampling: {every: %s, profiles: [goroutine, heap]}\n"
                                     "detectors:\n", recording->lasts, recording->every);
    for (size_t i = 0; i < count && !code; i++)
        if (may_watch(kinds[i]))
            code = ld_buffer_printf(out, "  - %s\n", kinds[i]->name);
    if (!code)
        code = ld_buffer_add_text(out, "repeat: {runs: 1}\nexpect:\n");
    for (size_t i = 0; i < count && !code; i++)
        if (may_watch(kinds[i]))
            code = ld_buffer_printf(out, "  - {detector: %s, report_only: true}\n", kinds[i]->name);
    return code;
}

static int write_scenario(const struct recording *recording, struct ld_error *error)
{
    struct ld_buffer text;
    ld_buffer_init(&text, SCENARIO_MAX);
    int code = render(recording, &text);
    if (code)
        ld_fail(error, code, "the scenario: %s", ld_code_text(code));
    FILE *file = code ? NULL : fopen(recording->scenario, "wxe");
    if (!code && !file)
        code = ld_fail_errno(error, LD_EIO, errno, "cannot write %s", recording->scenario);
    if (file) {
        bool good = fwrite(text.bytes, 1, text.length, file) == text.length;
        if (fclose(file) != 0 || !good)
            code = ld_fail_errno(error, LD_EIO, errno, "cannot write %s", recording->scenario);
    }
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

int ld_command_record(const struct ld_invocation *invocation)
{
    struct recording recording = {0};
    struct ld_error error = {0};
    if (invocation->argument_count != 1)
        return ld_usage_error(invocation->command, "takes one address, such as http://127.0.0.1:6060");
    recording.url = invocation->arguments[0];
    recording.metrics = !ld_option_given(invocation, "no-metrics");
    int exit = read_duration(invocation, "for", "1m", &recording.lasts);
    if (!exit)
        exit = read_duration(invocation, "every", "1s", &recording.every);
    if (exit)
        return exit;
    int code = ld_database_new(ld_option_text(invocation, "db"), recording.database, sizeof recording.database, &error);
    if (!code) {
        size_t length = strlen(recording.database);
        bool suffix = length > 3 && strcmp(recording.database + length - 3, ".db") == 0;
        snprintf(recording.scenario, sizeof recording.scenario, "%.*s.yaml", (int)(suffix ? length - 3 : length),
                 recording.database);
        code = write_scenario(&recording, &error);
    }
    return code ? ld_say_error(invocation->command, &error) : run(&recording);
}
