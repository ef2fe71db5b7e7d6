/* Record a live service: a scenario that only watches is written beside the database, and run. */
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

static bool watches(const void *context, const struct ld_detector_kind *kind)
{
    (void)context;
    return ld_observed_may_watch(kind);
}

static int render(const struct recording *recording, struct ld_buffer *target, struct ld_buffer *out)
{
    char phases[64];
    snprintf(phases, sizeof phases, "{baseline: %s}", recording->lasts);
    int code = ld_buffer_add_text(target, "  attach: ");
    if (!code)
        code = ld_observed_quote(recording->url, target);
    if (!code)
        code = ld_buffer_add_text(target, recording->metrics ? "\n" : "\n  metrics: \"\"\n");
    const struct ld_observed observed = {.name = "recording",
                                         .doc = "A service that ran already, watched by harmless reads alone.",
                                         .target = ld_buffer_text(target),
                                         .phases = phases,
                                         .every = recording->every,
                                         .profiles = "goroutine, heap",
                                         .watches = watches};
    return code ? code : ld_observed_render(&observed, out);
}

static int write_scenario(const struct recording *recording, struct ld_error *error)
{
    struct ld_buffer target, text;
    ld_buffer_init(&target, SCENARIO_MAX);
    ld_buffer_init(&text, SCENARIO_MAX);
    int code = render(recording, &target, &text);
    if (code)
        ld_fail(error, code, "the scenario: %s", ld_code_text(code));
    else
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
        ld_observed_path(recording.database, recording.scenario, sizeof recording.scenario);
        code = write_scenario(&recording, &error);
    }
    return code ? ld_say_error(invocation->command, &error) : run(&recording);
}
