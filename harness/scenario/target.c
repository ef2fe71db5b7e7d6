/* The part `target` of a scenario: its keys, and the checks that need nothing but the target. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "scenario/draft.h"

static const char *const variant_names[] = {[LD_VARIANT_LEAKY] = "leaky", [LD_VARIANT_HEALTHY] = "healthy", NULL};
static const char *const truth_names[] = {
    [LD_TRUTH_FD] = "fd", [LD_TRUTH_DECLARED] = "declared", [LD_TRUTH_NONE] = "none", NULL};

const char *ld_variant_name(enum ld_variant variant)
{
    return (unsigned)variant < LD_VARIANTS ? variant_names[variant] : "unknown";
}

/* ---- keys that are not of a type of the schema layer */

static int bind_variants(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                         void *value)
{
    bool *variants = value;
    int variant, code = 0;
    const struct ld_field choice = {.name = field->name, .type = LD_FIELD_CHOICE, .choices = variant_names};
    if (node->kind != LD_NODE_SEQUENCE || node->count == 0)
        return ld_schema_error(context, node, LD_ESPEC, "must be a list of leaky, healthy or both");
    memset(variants, 0, LD_VARIANTS * sizeof *variants);
    for (size_t i = 0; i < node->count; i++) {
        size_t length = ld_schema_push_index(context, i);
        int failed = ld_field_bind(context, &choice, node->items[i], &variant);
        if (!failed && variants[variant])
            failed = ld_schema_error(context, node->items[i], LD_ESPEC, "%s stands here twice", variant_names[variant]);
        if (!failed)
            variants[variant] = true;
        ld_schema_pop(context, length);
        code = code ? code : failed;
    }
    return code;
}

static int bind_cause(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                      void *value)
{
    (void)field;
    const char *names[LD_CAUSE_COUNT + 1] = {NULL};
    if (node->kind != LD_NODE_SCALAR)
        return ld_schema_error(context, node, LD_ESPEC, "must be the name of a cause");
    int cause = ld_cause_find(node->text);
    if (cause >= 0 && cause != LD_CAUSE_NONE) {
        *(enum ld_cause *)value = (enum ld_cause)cause;
        return 0;
    }
    for (size_t i = 1; i < LD_CAUSE_COUNT; i++)
        names[i - 1] = ld_cause_table[i].name;
    return ld_unknown_name(context, node, "cause", node->text, names);
}

#define ENVIRONMENT_MAX 64

/* Names of the environment are not names in the schema's sense: upper case, and whatever a program reads. */
static int bind_environment(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                            void *value)
{
    struct ld_environment_spec *environment = value;
    const struct ld_field text = {.name = field->name, .type = LD_FIELD_TEXT};
    int code = 0;
    if (node->kind != LD_NODE_MAPPING)
        return ld_schema_error(context, node, LD_ESPEC, "must be a mapping of names to values");
    if (node->count > ENVIRONMENT_MAX)
        return ld_schema_error(context, node, LD_ELIMIT, "more than %d names", ENVIRONMENT_MAX);
    const char **names = ld_arena_array(context->arena, node->count + 1, sizeof *names);
    const char **values = ld_arena_array(context->arena, node->count + 1, sizeof *values);
    if (!names || !values)
        return ld_schema_error(context, node, LD_ENOMEM, "out of memory");
    for (size_t i = 0; i < node->count; i++) {
        const char *name = node->keys[i]->text;
        size_t length = ld_schema_push(context, name);
        int failed = 0;
        if (!*name || strchr(name, '='))
            failed = ld_schema_error(context, node->keys[i], LD_ESPEC,
                                     "a name of the environment is not empty and has no '='");
        else
            failed = ld_field_bind(context, &text, node->items[i], &values[i]);
        names[i] = name;
        ld_schema_pop(context, length);
        code = code ? code : failed;
    }
    if (code)
        return code;
    *environment = (struct ld_environment_spec){{node->count, names}, {node->count, values}};
    return 0;
}

static const char *const death_signals[] = {"ABRT", "BUS", "KILL", "SEGV", NULL};
static const int death_signal_numbers[] = {SIGABRT, SIGBUS, SIGKILL, SIGSEGV};

/* {exit: N} or {signal: NAME}: one of them. */
static int bind_death(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                      void *value)
{
    static const struct ld_field code_field = {.name = "exit", .type = LD_FIELD_INTEGER, .minimum = 1, .maximum = 255};
    static const struct ld_field signal_field = {
        .name = "signal", .type = LD_FIELD_CHOICE, .choices = death_signals};
    struct ld_death_spec *death = value;
    (void)field;
    if (node->kind != LD_NODE_MAPPING || node->count != 1)
        return ld_schema_error(context, node, LD_ESPEC, "must be {exit: N} or {signal: NAME}");
    bool is_exit = strcmp(node->keys[0]->text, "exit") == 0;
    if (!is_exit && strcmp(node->keys[0]->text, "signal") != 0)
        return ld_schema_error(context, node->keys[0], LD_ESPEC, "must be {exit: N} or {signal: NAME}");
    int64_t number = 0;
    int choice = 0;
    size_t length = ld_schema_push(context, node->keys[0]->text);
    int code = is_exit ? ld_field_bind(context, &code_field, node->items[0], &number)
                       : ld_field_bind(context, &signal_field, node->items[0], &choice);
    ld_schema_pop(context, length);
    if (!code)
        *death = (struct ld_death_spec){.given = true, .status = is_exit ? number : -death_signal_numbers[choice]};
    return code;
}

/* ---- the tables */

#define AT(member) offsetof(struct ld_target_spec, member)

/* `go` has no struct of its own: its fields lie in the target's. */
static const struct ld_field go_fields[] = {
    {.name = "gomaxprocs",
     .type = LD_FIELD_INTEGER,
     .offset = AT(gomaxprocs),
     .minimum = 0,
     .maximum = 1024,
     .initial = "2",
     .doc = "GOMAXPROCS of the target; pinned, because whether a race shows depends on it. 0: do not set it."},
    {.name = "env",
     .type = LD_FIELD_CUSTOM,
     .offset = AT(environment),
     .custom = bind_environment,
     .doc = "More of the target's environment: a mapping of names to values."},
    {0},
};
static const struct ld_schema go_schema = {
    .name = "go", .doc = "How the Go runtime of the target is set.", .fields = go_fields};

#define LIMIT(member) offsetof(struct ld_limits_spec, member)
static const struct ld_field limits_fields[] = {
    {.name = "memory",
     .type = LD_FIELD_SIZE,
     .offset = LIMIT(memory_bytes),
     .minimum = 16.0 * 1024 * 1024,
     .maximum = 1024.0 * 1024 * 1024 * 1024,
     .doc = "Most memory of one instance, such as 512MiB. Not given: no limit."},
    {.name = "open_files",
     .type = LD_FIELD_INTEGER,
     .offset = LIMIT(open_files),
     .minimum = 16,
     .maximum = 1048576,
     .doc = "Hard limit of open files of one instance. Not given: inherited."},
    {.name = "wall",
     .type = LD_FIELD_DURATION,
     .offset = LIMIT(wall_ns),
     .minimum = 1e9,
     .maximum = 24.0 * 3600e9,
     .initial = "60s",
     .doc = "A run that takes longer is killed and is a harness error. The schedule with all its phases must fit. "
            "Not divided by time_scale."},
    {0},
};
static const struct ld_schema limits_schema = {
    .name = "limits", .doc = "What one run may take.", .fields = limits_fields};

static const struct ld_field site_item = {
    .name = "site", .type = LD_FIELD_TEXT, .doc = "A function as a profile shows it."};
static const struct ld_field rate_item = {
    .name = "rate", .type = LD_FIELD_NUMBER, .minimum = 0.001, .maximum = 1000, .doc = "Leaked units per request."};
static const struct ld_field depth_item = {.name = "depth",
                                           .type = LD_FIELD_INTEGER,
                                           .minimum = 0,
                                           .maximum = 64,
                                           .doc = "Frames between the leak and its caller."};
/* What the words of a command line may hold: one list, for the documentation and the checks. */
#define PLACES                                                                                                         \
    "{listen} becomes the address where it shall serve, {port} that address' port alone, {upstream} the address of "   \
    "the "                                                                                                             \
    "upstream."
static const struct ld_field word_item = {
    .name = "word", .type = LD_FIELD_TEXT, .doc = "One word of the command line."};

static const struct ld_field own_item = {
    .name = "path", .type = LD_FIELD_TEXT, .doc = "A module's or a package's path, such as example.com/shop."};

static int check_declared(struct ld_schema_context *context, const struct ld_node *node, void *value);

#define DECLARED(member) offsetof(struct ld_declared_truth, member)
static const struct ld_field declared_fields[] = {
    {.name = "healthy",
     .type = LD_FIELD_BOOL,
     .offset = DECLARED(healthy),
     .initial = "false",
     .doc = "true: nothing leaks, every alert is a false alarm."},
    {.name = "cause",
     .type = LD_FIELD_CUSTOM,
     .offset = DECLARED(cause),
     .custom = bind_cause,
     .doc = "What leaks, a name of the published partition of causes."},
    {.name = "from",
     .type = LD_FIELD_DURATION,
     .offset = DECLARED(from_ns),
     .maximum = 24.0 * 3600e9,
     .doc = "Onset after the method began."},
    {.name = "amount",
     .type = LD_FIELD_INTEGER,
     .offset = DECLARED(amount),
     .minimum = 1,
     .maximum = 1e9,
     .initial = "1000",
     .doc = "Units outstanding from then on, at least `manifest`."},
    {.name = "seen_at",
     .type = LD_FIELD_LIST,
     .offset = DECLARED(seen_at),
     .item = &site_item,
     .size = sizeof(char *),
     .count_max = LD_TRUTH_SITES_MAX,
     .doc = "Functions at which a profile can show the leak."},
    {0},
};
static const struct ld_schema declared_schema = {
    .name = "declared",
    .doc = "What the scenario's author says about a target that cannot say it itself.",
    .fields = declared_fields,
    .check = check_declared};

static const char *const main_modes[] = {
    [LD_MAIN_NORMAL] = "normal", [LD_MAIN_HELD] = "held", [LD_MAIN_ON_REQUEST] = "on-request", NULL};
static const struct ld_field flag_item = {
    .name = "flag", .type = LD_FIELD_TEXT, .doc = "One word for go build, such as -tags=netgo."};

static int check_instrument(struct ld_schema_context *context, const struct ld_node *node, void *value);

#define INSTRUMENT(member) offsetof(struct ld_instrument_spec, member)
static const struct ld_field instrument_fields[] = {
    {.name = "package",
     .type = LD_FIELD_TEXT,
     .offset = INSTRUMENT(package),
     .initial = ".",
     .doc = "The folder of the main package: within `module` when that is given, else on this machine, seen from where "
            "leakdrill runs. {goroot} in front is the folder of Go itself."},
    {.name = "module",
     .type = LD_FIELD_TEXT,
     .offset = INSTRUMENT(module),
     .initial = "\"\"",
     .doc = "A published module with its version, such as example.org/shop@v1.2.3, which Go fetches and which is built "
            "by its own go.mod. Not given: the package is on this machine."},
    {.name = "arguments",
     .type = LD_FIELD_LIST,
     .offset = INSTRUMENT(arguments),
     .item = &word_item,
     .size = sizeof(char *),
     .count_max = 256,
     .doc = "The program's arguments; " PLACES},
    {.name = "main",
     .type = LD_FIELD_CHOICE,
     .offset = INSTRUMENT(main),
     .choices = main_modes,
     .initial = "normal",
     .doc =
         "When main runs. normal: as it would. held: the program stays when main returns, until it is told to stop. "
         "on-request: not when the program starts, but once for each request of /main, so that load makes a program "
         "that runs once do so again and again. Of the last two, main runs on a goroutine that an init started; that "
         "init does not return, for which C code that calls back into Go waits."},
    {.name = "flags",
     .type = LD_FIELD_LIST,
     .offset = INSTRUMENT(flags),
     .item = &flag_item,
     .size = sizeof(char *),
     .count_max = 64,
     .doc = "More flags of go build, each one word: -tags=netgo, -race."},
    {.name = "env",
     .type = LD_FIELD_CUSTOM,
     .offset = INSTRUMENT(environment),
     .custom = bind_environment,
     .doc = "More of the build's environment, such as GOTOOLCHAIN: go1.27.3. The rest is leakdrill's own."},
    {.name = "wall",
     .type = LD_FIELD_DURATION,
     .offset = INSTRUMENT(wall_ns),
     .minimum = 1e9,
     .maximum = 24.0 * 3600e9,
     .initial = "5m",
     .doc = "Most time of the build, with what Go must fetch for it."},
    {0},
};
static const struct ld_schema instrument_schema = {
    .name = "instrument",
    .doc =
        "A Go program that serves no pprof, and need not know of any. It is built once, before anything starts, with "
        "a listener added to its package main (go build -overlay). Its source stays as it is.",
    .fields = instrument_fields,
    .check = check_instrument};

static int check_target(struct ld_schema_context *context, const struct ld_node *node, void *value);

static const struct ld_field target_fields[] = {
    {.name = "fixture",
     .type = LD_FIELD_NAME,
     .offset = AT(fixture),
     .doc = "A program of this project with one documented leak, such as http/body-not-closed."},
    {.name = "command",
     .type = LD_FIELD_LIST,
     .offset = AT(command),
     .item = &word_item,
     .size = sizeof(char *),
     .count_max = 256,
     .doc = "Any program that serves pprof, as a list of words; a name without '/' is looked for on PATH. " PLACES
            " A program whose pprof has an address of its "
            "own is told that one by {pprof}, or {pprof_port} for the port alone."},
    {.name = "attach",
     .type = LD_FIELD_TEXT,
     .offset = AT(attach),
     .doc =
         "A running program, such as http://127.0.0.1:6060: numeric loopback only. Only harmless reads unless more is "
         "asked for, never killed."},
    {.name = "instrument",
     .type = LD_FIELD_OPTIONAL_OBJECT,
     .offset = AT(instrument),
     .object = &instrument_schema,
     .size = sizeof(struct ld_instrument_spec),
     .doc = "Any Go main package, built here with a listener for pprof and metrics added."},
    {.name = "imported",
     .type = LD_FIELD_TEXT,
     .offset = AT(imported),
     .doc =
         "No program: observations that leakdrill import takes from files, and where they are from, for people. Such a "
         "scenario is not run; with --scenario it says which detectors judge them and, with `declared`, what leaked "
         "(`from` counts from the first observation, in every instance)."},
    {.name = "pprof",
     .type = LD_FIELD_TEXT,
     .offset = AT(profiles),
     .initial = "\"\"",
     .doc = "Attach: where pprof and metrics are when `attach` is the service itself and they have an address of their "
            "own, such as http://127.0.0.1:6060."},
    {.name = "truth",
     .type = LD_FIELD_CHOICE,
     .offset = AT(truth),
     .choices = truth_names,
     .doc = "Who says what leaked: fd, the target itself on descriptor 4; declared, this file; none, nobody: observe "
            "only. "
            "Not given: fd for a fixture; else declared when `declared` is given, else none."},
    {.name = "declared",
     .type = LD_FIELD_OPTIONAL_OBJECT,
     .offset = AT(declared),
     .object = &declared_schema,
     .size = sizeof(struct ld_declared_truth),
     .doc = "For truth: declared."},
    {.name = "variants",
     .type = LD_FIELD_CUSTOM,
     .offset = AT(variants),
     .custom = bind_variants,
     .doc = "Which of leaky and healthy to run. Not given: both of a fixture; any other target is one program and "
            "counts as "
            "leaky unless it is declared healthy."},
    {.name = "instances",
     .type = LD_FIELD_INTEGER,
     .offset = AT(instances),
     .minimum = 1,
     .maximum = 64,
     .initial = "1",
     .doc = "Equal targets side by side."},
    {.name = "rate",
     .type = LD_FIELD_LIST,
     .offset = AT(rates),
     .item = &rate_item,
     .size = sizeof(double),
     .count_max = 16,
     .doc = "The dose axis: leaked units per request, each value its own cells. Not given: [1]."},
    {.name = "depth",
     .type = LD_FIELD_LIST,
     .offset = AT(depths),
     .item = &depth_item,
     .size = sizeof(int64_t),
     .count_max = 16,
     .doc = "The depth axis: frames of a shared helper between handler and leak, each value its own cells. Not given: "
            "[0]."},
    {.name = "go", .type = LD_FIELD_OBJECT, .offset = 0, .object = &go_schema, .doc = "How the Go runtime is set."},
    {.name = "limits",
     .type = LD_FIELD_OBJECT,
     .offset = AT(limits),
     .object = &limits_schema,
     .doc = "What one run may take."},
    {.name = "death",
     .type = LD_FIELD_CUSTOM,
     .offset = AT(death),
     .custom = bind_death,
     .doc =
         "How the leaky variant is meant to die of its leak: {exit: N} or {signal: ABRT, BUS, KILL or SEGV}. Any other "
         "death voids the run. Not given: a death while units are outstanding counts as the leak's, however it came."},
    {.name = "own",
     .type = LD_FIELD_LIST,
     .offset = AT(own),
     .item = &own_item,
     .size = sizeof(char *),
     .count_max = 16,
     .doc =
         "Modules or packages that are the target's own, whose names a blind run (run --blind) hides. Its main module "
         "is known from the program; of an attached one, a script, or a program that only starts another one (env, go "
         "run) nobody knows it, so that --blind is refused until it is named here. Not named, a package counts as a "
         "library's when its path begins with a domain."},
    {.name = "metrics",
     .type = LD_FIELD_TEXT,
     .offset = AT(metrics_path),
     .initial = "/metrics",
     .doc = "Where the target serves Prometheus text; \"\" when it does not."},
    {.name = "ready",
     .type = LD_FIELD_TEXT,
     .offset = AT(ready_path),
     .initial = "/debug/pprof/",
     .doc = "Asked until it answers 200, before anything else: pprof where that is what it begins with, else the "
            "service. Not for a target with truth: fd, which says it itself."},
    {0},
};
const struct ld_schema ld_target_schema = {
    .name = "target",
    .doc = "The program under observation: exactly one of fixture, command, attach, instrument and imported.",
    .fields = target_fields,
    .check = check_target};

/* ---- checks */

static int check_declared(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    const struct ld_declared_truth *declared = value;
    static const char *const of_a_leak[] = {"cause", "from", "amount", "seen_at"};
    if (!declared->healthy && declared->cause == LD_CAUSE_NONE)
        return ld_schema_error(context, node, LD_ESPEC, "needs a cause, or healthy: true");
    for (size_t i = 0; declared->healthy && i < sizeof of_a_leak / sizeof of_a_leak[0]; i++)
        if (ld_node_get(node, of_a_leak[i]))
            return ld_schema_error(context, ld_node_get(node, of_a_leak[i]), LD_ESPEC, "a healthy target has no %s",
                                   of_a_leak[i]);
    return 0;
}

/* Report at `key` of `node`, or at the node when the key is not written. */
#define COMPLAIN(context, node, key, ...) complain_at(context, node, key, ld_node_get(node, key), __VA_ARGS__)

static int complain_at(struct ld_schema_context *context, const struct ld_node *node, const char *key,
                       const struct ld_node *child, const char *text)
{
    size_t length = ld_schema_push(context, key);
    int code = ld_schema_error(context, child ? child : node, LD_ESPEC, "%s", text);
    ld_schema_pop(context, length);
    return code;
}

static int first_of(int first, int second)
{
    return first ? first : second;
}

static bool port_is_good(const char *text)
{
    const char *unused;
    int64_t port;
    return ld_parse_integer(text, &port, &unused) == 0 && port >= 1 && port <= 65535;
}

#define NOT_LOOPBACK                                                                                                   \
    "must be http://, a numeric loopback address (127.0.0.0/8 or [::1]) and a port, such as http://127.0.0.1:6060"

/* http://127.0.0.0/8 or [::1], a port, and nothing behind it but a slash. Names are not resolved: what a name means
 * can change between the check and the connection. */
static bool is_loopback(const char *url)
{
    char host[64];
    struct in_addr address;
    if (strncmp(url, "http://", 7) != 0 || strlen(url) >= sizeof host)
        return false;
    strcpy(host, url + 7);
    size_t length = strlen(host);
    if (length && host[length - 1] == '/')
        host[length - 1] = '\0';
    if (strncmp(host, "[::1]:", 6) == 0)
        return port_is_good(host + 6);
    char *colon = strchr(host, ':');
    if (!colon)
        return false;
    *colon = '\0';
    return inet_pton(AF_INET, host, &address) == 1 && (ntohl(address.s_addr) >> 24) == 127 && port_is_good(colon + 1);
}

int ld_check_url_path(struct ld_schema_context *context, const struct ld_node *node, const char *key, const char *path)
{
    if (path[0] != '/')
        return COMPLAIN(context, node, key, "must begin with '/'");
    for (const char *p = path; *p; p++)
        if (*p <= ' ' || *p == 0x7f || *p == '#')
            return COMPLAIN(context, node, key, "a path has no spaces, control characters or '#'");
    return 0;
}

static int check_kind(struct ld_schema_context *context, const struct ld_node *node, struct ld_target_spec *target)
{
    static const char *const kinds[] = {[LD_TARGET_FIXTURE] = "fixture",
                                        [LD_TARGET_COMMAND] = "command",
                                        [LD_TARGET_ATTACH] = "attach",
                                        [LD_TARGET_INSTRUMENT] = "instrument",
                                        [LD_TARGET_IMPORTED] = "imported"};
    int given = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!ld_node_get(node, kinds[i]))
            continue;
        target->kind = (enum ld_target_kind)i;
        given++;
    }
    if (given != 1)
        return ld_schema_error(context, node, LD_ESPEC,
                               "needs exactly one of fixture, command, attach, instrument and imported, has %s",
                               given ? "several" : "none");
    if (target->kind == LD_TARGET_COMMAND && (target->command.count == 0 || !**(const char **)target->command.items))
        return COMPLAIN(context, node, "command", "must begin with the program's name");
    if (target->kind == LD_TARGET_INSTRUMENT)
        target->command = target->instrument->arguments;
    if (target->kind == LD_TARGET_ATTACH && !is_loopback(target->attach))
        return COMPLAIN(context, node, "attach", NOT_LOOPBACK);
    return 0;
}

static int check_truth(struct ld_schema_context *context, const struct ld_node *node, struct ld_target_spec *target)
{
    if (!ld_node_get(node, "truth"))
        target->truth = target->kind == LD_TARGET_FIXTURE ? LD_TRUTH_FD
                        : target->declared                ? LD_TRUTH_DECLARED
                                                          : LD_TRUTH_NONE;
    if (target->kind == LD_TARGET_FIXTURE && target->truth != LD_TRUTH_FD)
        return COMPLAIN(context, node, "truth", "a fixture tells its own truth: fd");
    if (target->kind == LD_TARGET_ATTACH && target->truth == LD_TRUTH_FD)
        return COMPLAIN(context, node, "truth", "an attached target has no descriptor of ours: declared or none");
    if (target->kind == LD_TARGET_IMPORTED && target->truth == LD_TRUTH_FD)
        return COMPLAIN(context, node, "truth", "what is imported tells no truth: declared or none");
    if (target->kind == LD_TARGET_INSTRUMENT && target->truth == LD_TRUTH_FD)
        return COMPLAIN(context, node, "truth", "an instrumented program tells no truth: declared or none");
    if (target->truth == LD_TRUTH_DECLARED && !target->declared)
        return COMPLAIN(context, node, "truth", "truth: declared needs `declared`");
    if (target->truth != LD_TRUTH_DECLARED && target->declared)
        return COMPLAIN(context, node, "declared", "is for truth: declared alone");
    return 0;
}

static int check_variants(struct ld_schema_context *context, const struct ld_node *node, struct ld_target_spec *target)
{
    bool *variants = target->variants;
    bool healthy = target->declared && target->declared->healthy;
    bool given = ld_node_get(node, "variants") != NULL;
    if (target->kind == LD_TARGET_FIXTURE) {
        if (!given)
            variants[LD_VARIANT_LEAKY] = variants[LD_VARIANT_HEALTHY] = true;
        return 0;
    }
    if (!given)
        variants[healthy ? LD_VARIANT_HEALTHY : LD_VARIANT_LEAKY] = true;
    if (variants[LD_VARIANT_LEAKY] && variants[LD_VARIANT_HEALTHY])
        return COMPLAIN(context, node, "variants",
                        "only a fixture has both: any other target is one program");
    if (target->declared && variants[LD_VARIANT_HEALTHY] != healthy)
        return COMPLAIN(context, node, "variants",
                        healthy ? "the target is declared healthy" : "the target is declared to leak");
    return 0;
}

/* What only the private setting on descriptor 5 can carry. */
static int check_setting(struct ld_schema_context *context, const struct ld_node *node,
                         const struct ld_target_spec *target)
{
    int code = 0;
    if (target->truth != LD_TRUTH_FD && ld_node_get(node, "rate"))
        code = COMPLAIN(context, node, "rate", "only a target with truth: fd can be told its rate");
    if (target->truth != LD_TRUTH_FD && ld_node_get(node, "depth"))
        code = first_of(code, COMPLAIN(context, node, "depth", "only a target with truth: fd can be told its depth"));
    return code;
}

/* Nothing is started: keys of a process would only mislead. */
static int check_imported(struct ld_schema_context *context, const struct ld_node *node,
                          const struct ld_target_spec *target)
{
    static const char *const of_a_process[] = {"go", "limits", "death", "metrics", "ready"};
    int code = 0;
    for (size_t i = 0; target->kind == LD_TARGET_IMPORTED && i < sizeof of_a_process / sizeof *of_a_process; i++)
        if (ld_node_get(node, of_a_process[i]))
            code = first_of(code, COMPLAIN(context, node, of_a_process[i], "is of a process, and none is started"));
    return code;
}

static int check_attached(struct ld_schema_context *context, const struct ld_node *node,
                          const struct ld_target_spec *target)
{
    const struct ld_node *limits = ld_node_get(node, "limits");
    if (target->kind != LD_TARGET_ATTACH)
        return 0;
    if (target->instances != 1)
        return COMPLAIN(context, node, "instances", "an attached target is one instance");
    if (ld_node_get(node, "go"))
        return COMPLAIN(context, node, "go", "an attached target is already running and cannot be set");
    if (ld_node_get(limits, "memory") || ld_node_get(limits, "open_files"))
        return COMPLAIN(context, node, "limits",
                        "an attached target cannot be limited, only limits.wall is meant for it");
    return 0;
}

static bool has_place(const struct ld_target_spec *target, const char *place)
{
    const char *const *words = target->command.items;
    for (size_t i = 0; i < target->command.count; i++)
        if (strstr(words[i], place))
            return true;
    return false;
}

bool ld_target_listens(const struct ld_target_spec *target)
{
    return has_place(target, "{listen}") || has_place(target, "{port}");
}

bool ld_target_places_pprof(const struct ld_target_spec *target)
{
    return has_place(target, "{pprof}") || has_place(target, "{pprof_port}");
}

/* A command without the inherited socket must be told where to listen. An instrumented program need not listen, for
 * its pprof does; when it does, pprof answers before it and tells nothing of it. */
static int check_listen(struct ld_schema_context *context, const struct ld_node *node,
                        const struct ld_target_spec *target)
{
    bool own_socket = target->truth == LD_TRUTH_FD;
    if (target->kind == LD_TARGET_COMMAND && !own_socket && !ld_target_listens(target) &&
        !ld_target_places_pprof(target))
        return COMPLAIN(context, node, "command",
                        "no word contains {listen} or {port}, the address at which the runner expects the target");
    if (target->kind == LD_TARGET_COMMAND && own_socket && ld_target_places_pprof(target))
        return COMPLAIN(context, node, "command", "a target with truth: fd serves pprof on the socket it is given");
    if (target->kind != LD_TARGET_INSTRUMENT)
        return 0;
    if (ld_target_places_pprof(target))
        return COMPLAIN(context, node, "instrument", "pprof is on the added listener: there is no {pprof} to pass on");
    if (ld_target_listens(target) && target->instrument->main == LD_MAIN_ON_REQUEST)
        return COMPLAIN(context, node, "instrument",
                        "main: on-request may run main several times at once: it cannot listen at one address");
    if (ld_target_listens(target) && !ld_node_get(node, "ready"))
        return COMPLAIN(context, node, "ready",
                        "is needed with {listen} or {port}: a path that the program answers with 200 once it serves");
    if (!ld_target_listens(target) && ld_node_get(node, "ready"))
        return COMPLAIN(context, node, "ready", "no argument contains {listen} or {port}: there is nobody to ask");
    return 0;
}

static int check_pprof(struct ld_schema_context *context, const struct ld_node *node,
                       const struct ld_target_spec *target)
{
    if (!ld_node_get(node, "pprof"))
        return 0;
    if (target->kind == LD_TARGET_COMMAND)
        return COMPLAIN(context, node, "pprof",
                        "runs at the same time would share this address: pass one to the program by {pprof} instead");
    if (target->kind != LD_TARGET_ATTACH)
        return COMPLAIN(context, node, "pprof", "is for an attached target alone");
    return is_loopback(target->profiles) ? 0 : COMPLAIN(context, node, "pprof", NOT_LOOPBACK);
}

/* A path within something: relative and never out of it. */
static bool stays_within(const char *path)
{
    if (path[0] == '/')
        return false;
    for (const char *part = path; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
            return false;
    }
    return true;
}

/* Flags that are ours, or that would touch what is not. */
static bool flag_is_ours(const char *flag)
{
    static const char *const ours[] = {"o", "C", "overlay", "mod=mod", "modfile", "n", "work", "json"};
    flag += flag[0] == '-';
    flag += flag[0] == '-';
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        size_t length = strlen(ours[i]);
        if (strncmp(flag, ours[i], length) == 0 && (flag[length] == '\0' || flag[length] == '='))
            return true;
    }
    return false;
}

static int check_flags(struct ld_schema_context *context, const struct ld_node *node,
                       const struct ld_instrument_spec *instrument)
{
    const char *const *flags = instrument->flags.items;
    for (size_t i = 0; i < instrument->flags.count; i++) {
        if (flags[i][0] != '-')
            return COMPLAIN(context, node, "flags", "each is one word that begins with '-', such as -tags=netgo");
        if (flag_is_ours(flags[i]))
            return COMPLAIN(context, node, "flags",
                            "-o, -C, -overlay, -mod=mod, -modfile, -n, -work and -json are not for you");
    }
    return 0;
}

static int check_instrument(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    const struct ld_instrument_spec *instrument = value;
    const char *version = strchr(instrument->module, '@'), *package = instrument->package;
    bool goroot = strncmp(package, "{goroot}", 8) == 0;
    if (ld_node_get(node, "module") &&
        (!version || version == instrument->module || !version[1] || instrument->module[0] == '-'))
        return COMPLAIN(context, node, "module",
                        "must be a module's path and version, such as example.org/shop@v1.2.3");
    if (!package[0] || package[0] == '-')
        return COMPLAIN(context, node, "package", "must be a folder");
    if (goroot && (*instrument->module || package[8] != '/' || !stays_within(package + 9)))
        return COMPLAIN(context, node, "package", "{goroot} is followed by a path within it, and has no module");
    if (*instrument->module && !stays_within(package))
        return COMPLAIN(context, node, "package", "must be a folder within the module, such as ./cmd/server");
    return check_flags(context, node, instrument);
}

static int check_axes(struct ld_schema_context *context, const struct ld_node *node, struct ld_target_spec *target)
{
    const double *rates = target->rates.items;
    const int64_t *depths = target->depths.items;
    for (size_t i = 0; i < target->rates.count; i++)
        for (size_t j = 0; j < i; j++)
            if (rates[i] > rates[j] * (1 - 1e-6) && rates[i] < rates[j] * (1 + 1e-6))
                return COMPLAIN(context, node, "rate", "a rate stands here twice");
    for (size_t i = 0; i < target->depths.count; i++)
        for (size_t j = 0; j < i; j++)
            if (depths[i] == depths[j])
                return COMPLAIN(context, node, "depth", "a depth stands here twice");
    if (target->rates.count == 0 && ld_node_get(node, "rate"))
        return COMPLAIN(context, node, "rate", "must name at least one rate");
    if (target->depths.count == 0 && ld_node_get(node, "depth"))
        return COMPLAIN(context, node, "depth", "must name at least one depth");
    return 0;
}

static int default_axes(struct ld_schema_context *context, const struct ld_node *node, struct ld_target_spec *target)
{
    if (target->rates.count == 0) {
        double *one = ld_arena_take(context->arena, sizeof *one);
        if (!one)
            return ld_schema_error(context, node, LD_ENOMEM, "out of memory");
        *one = 1;
        target->rates = (struct ld_list){1, one};
    }
    if (target->depths.count == 0) {
        int64_t *none = ld_arena_take(context->arena, sizeof *none);
        if (!none)
            return ld_schema_error(context, node, LD_ENOMEM, "out of memory");
        target->depths = (struct ld_list){1, none};
    }
    return 0;
}

static bool are_package_paths(const struct ld_list *list)
{
    static const char bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./-_~";
    const char *const *paths = list->items;
    for (size_t i = 0; i < list->count; i++)
        if (!*paths[i] || paths[i][strspn(paths[i], bytes)])
            return false;
    return true;
}

static int check_target(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    struct ld_target_spec *target = value;
    int code = check_kind(context, node, target);
    if (code)
        return code; /* the rest depends on the kind */
    code = check_truth(context, node, target);
    if (!code)
        code = check_variants(context, node, target);
    code = first_of(code, check_setting(context, node, target));
    code = first_of(code, check_attached(context, node, target));
    code = first_of(code, check_imported(context, node, target));
    code = first_of(code, check_listen(context, node, target));
    code = first_of(code, check_pprof(context, node, target));
    code = first_of(code, check_axes(context, node, target));
    code = first_of(code, default_axes(context, node, target));
    if (!are_package_paths(&target->own))
        code = first_of(code, COMPLAIN(context, node, "own", "a path has letters, digits and ./-_~, and no space"));
    if (target->metrics_path[0])
        code = first_of(code, ld_check_url_path(context, node, "metrics", target->metrics_path));
    return first_of(code, ld_check_url_path(context, node, "ready", target->ready_path));
}
