/* A detector that is a program: how a scenario declares it. It has no state here: the runner opens it. */
#include "detect/exec.h"

#include <math.h>
#include <string.h>

#include "detect/builtin.h"
#include "detect/watch.h"

#define AT(member) offsetof(struct ld_exec_options, member)

const char *const ld_exec_profile_names[LD_EXEC_PROFILES + 1] = {"goroutine", "goroutine-full", "goroutineleak", "heap",
                                                                 NULL};
static const unsigned profile_reads[LD_EXEC_PROFILES] = {LD_READ_GOROUTINE_PERIOD, LD_READ_GOROUTINE_FULL,
                                                         LD_READ_GOROUTINELEAK, LD_READ_HEAP_PERIOD};

static const struct ld_field text_item = {.name = "word", .type = LD_FIELD_TEXT};
static const struct ld_field profile_item = {
    .name = "profile", .type = LD_FIELD_CHOICE, .choices = ld_exec_profile_names};

static int check_environment(struct ld_schema_context *context, const struct ld_node *node,
                             const struct ld_exec_options *options)
{
    const char *const *items = options->environment.items;
    for (size_t i = 0; i < options->environment.count; i++)
        if (items[i][0] == '=' || !strchr(items[i], '='))
            return ld_schema_error(context, ld_node_get(node, "environment"), LD_ESPEC, "\"%.60s\" is no NAME=value",
                                   items[i]);
    return 0;
}

static int check_options(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    const struct ld_exec_options *options = value;
    const char *const *words = options->command.items;
    if (options->command.count == 0 || !words[0][0])
        return ld_schema_error(context, ld_node_get(node, "command"), LD_ESPEC, "needs a program to start");
    return check_environment(context, node, options);
}

static const struct ld_schema options_schema = {
    .name = "exec",
    .doc = "A detector that is a program: it reads observations as JSON lines and answers with alerts. The protocol is "
           "in runner/detect/protocol.md; `leakdrill detector check` tries a program.",
    .fields =
        (const struct ld_field[]){
            {.name = "command",
             .type = LD_FIELD_LIST,
             .offset = AT(command),
             .flags = LD_FIELD_REQUIRED,
             .item = &text_item,
             .size = sizeof(const char *),
             .count_max = 100,
             .doc = "The program and its arguments. Words that begin with ./ or ../ are files beside the scenario; a "
                    "program without a slash is looked for in PATH."},
            {.name = "profiles",
             .type = LD_FIELD_LIST,
             .offset = AT(profiles),
             .item = &profile_item,
             .size = sizeof(int),
             .count_max = 4,
             .initial = "[goroutine]",
             .doc = "The profiles it is given: goroutine (as pprof's protobuf), goroutine-full (as text, debug=2), "
                    "goroutineleak (makes it an active detector) or heap."},
            {.name = "timeout",
             .type = LD_FIELD_DURATION,
             .offset = AT(timeout_ns),
             .minimum = 1e6,
             .maximum = 60e9,
             .initial = "2s",
             .doc = "Longest time for one answer; real time, whatever time_scale is."},
            {.name = "window",
             .type = LD_FIELD_DURATION,
             .offset = AT(window_ns),
             .minimum = 0,
             .maximum = 86400e9,
             .initial = "0s",
             .doc = "How long it must look before it can speak, for the least deadline. A leak that ended sooner is "
                    "neither hit nor miss. 0s: nobody knows, and the deadline decides which leaks lasted long enough."},
            {.name = "options",
             .type = LD_FIELD_MAP,
             .offset = AT(options),
             .item = &text_item,
             .size = sizeof(const char *),
             .count_max = 100,
             .doc = "The program's own settings, names and texts, handed to it as they are."},
            {.name = "environment",
             .type = LD_FIELD_LIST,
             .offset = AT(environment),
             .item = &text_item,
             .size = sizeof(const char *),
             .count_max = 100,
             .doc = "More of its environment, each NAME=value. By itself it has PATH, HOME, TMPDIR and LANG."},
            {.name = "gateway",
             .type = LD_FIELD_BOOL,
             .offset = AT(gateway),
             .initial = "false",
             .doc = "Tell it where the target can be read. What it reads there is not recorded, so a replay leaves it "
                    "out."},
            {.name = "memory",
             .type = LD_FIELD_SIZE,
             .offset = AT(memory_bytes),
             .minimum = 1 << 20,
             .maximum = INFINITY,
             .initial = "1GiB",
             .doc = "Most memory it may hold (resident)."},
            {.name = "cpu",
             .type = LD_FIELD_DURATION,
             .offset = AT(cpu_ns),
             .minimum = 100e6,
             .maximum = 86400e9,
             .initial = "2m",
             .doc = "Most CPU time it may use in one run."},
            {0}},
    .check = check_options,
};

bool ld_exec_wants(const struct ld_exec_options *options, enum ld_exec_profile profile)
{
    const int *wanted = options->profiles.items;
    for (size_t i = 0; i < options->profiles.count; i++)
        if (wanted[i] == (int)profile)
            return true;
    return false;
}

static unsigned exec_reads(const void *value)
{
    unsigned reads = LD_READ_METRICS_PERIOD;
    for (int i = 0; i < LD_EXEC_PROFILES; i++)
        if (ld_exec_wants(value, (enum ld_exec_profile)i))
            reads |= profile_reads[i];
    return reads;
}

static int64_t exec_window(const struct ld_detector_setting *setting)
{
    const struct ld_exec_options *options = setting->options;
    return options->window_ns ? ld_scaled_ns(options->window_ns, setting->time_scale) : 0;
}

const struct ld_detector_kind ld_detector_exec = {
    .name = "exec",
    .type = LD_DETECTOR_EXEC,
    .doc = "A program of your own, in any language: observations as JSON lines on its standard input, alerts as JSON "
           "lines on its standard output, in lock-step. Bounded, timed, never restarted; it may claim what it likes.",
    .reads = LD_READ_METRICS_PERIOD,
    .reads_of = exec_reads,
    .options = &options_schema,
    .options_size = sizeof(struct ld_exec_options),
    .window_ns = exec_window,
};
