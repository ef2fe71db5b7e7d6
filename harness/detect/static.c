/* Tools on the source. It has no state here: the runner runs them. */
#include "detect/static.h"

#include <string.h>

#include "detect/builtin.h"

#define AT(member) offsetof(struct ld_static_options, member)

const char *const ld_static_tool_names[LD_STATIC_TOOLS + 1] = {"go-vet", "staticcheck", "bodyclose", "command", NULL};

/* What counts unless `checks` says otherwise: the checks about what is held or waited for. A remark on a format string
 * is no claim that something leaks. NULL: every one. */
static const char *const vet_checks[] = {"copylocks", "httpresponse", "loopclosure", "lostcancel", "waitgroup", NULL};
static const char *const staticcheck_checks[] = {"SA1015", "SA2*", "SA5001", "SA5003", "SA9001", NULL};
static const char *const *const default_checks[LD_STATIC_TOOLS] = {
    [LD_STATIC_GO_VET] = vet_checks, [LD_STATIC_STATICCHECK] = staticcheck_checks};

static const struct check_cause {
    const char *code;
    enum ld_cause cause;
} causes[] = {
    {"lostcancel", LD_CAUSE_CONTEXT_WAIT}, /* a context that is never cancelled */
    {"bodyclose", LD_CAUSE_HTTP_CONNECTION},
    {"waitgroup", LD_CAUSE_WAITGROUP},
    {"SA2000", LD_CAUSE_WAITGROUP}, /* Add within the goroutine */
    {"copylocks", LD_CAUSE_LOCK},
    {"SA2001", LD_CAUSE_LOCK}, /* an empty critical section */
    {"SA2003", LD_CAUSE_LOCK}, /* Lock deferred where Unlock was meant */
    {"SA1015", LD_CAUSE_TICKER_WAIT},
};

bool ld_static_claims(const struct ld_static_options *options, const char *code)
{
    const char *const *wanted = default_checks[options->tool];
    const char *const *given = options->checks.items;
    for (size_t i = 0; options->checks.count ? i < options->checks.count : wanted && wanted[i]; i++) {
        const char *check = options->checks.count ? given[i] : wanted[i];
        size_t length = strcspn(check, "*");
        if (check[length] == '*' ? strncmp(code, check, length) == 0 : strcmp(code, check) == 0)
            return true;
    }
    return options->checks.count == 0 && !wanted;
}

enum ld_cause ld_static_cause(const char *code)
{
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++)
        if (strcmp(causes[i].code, code) == 0)
            return causes[i].cause;
    return LD_CAUSE_ANY;
}

static int check_options(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    const struct ld_static_options *options = value;
    bool command = options->tool == LD_STATIC_COMMAND;
    if (command && (options->command.count == 0 || !((const char *const *)options->command.items)[0][0]))
        return ld_schema_error(context, node, LD_ESPEC, "tool: command needs `command`: the program and its arguments");
    if (!command && options->command.count)
        return ld_schema_error(context, ld_node_get(node, "command"), LD_ESPEC, "is for tool: command");
    return 0;
}

static const struct ld_field text_item = {.name = "word", .type = LD_FIELD_TEXT};

static const struct ld_schema options_schema = {
    .name = "static",
    .doc = "Which tool reads the source, and what of its findings counts.",
    .fields =
        (const struct ld_field[]){
            {.name = "tool",
             .type = LD_FIELD_CHOICE,
             .offset = AT(tool),
             .flags = LD_FIELD_REQUIRED,
             .choices = ld_static_tool_names,
             .doc = "go-vet, staticcheck or bodyclose, the latter two built from pinned Go modules when a campaign "
                    "first asks for them; or a command of your own that writes file.go:line:column: message (check)."},
            {.name = "checks",
             .type = LD_FIELD_LIST,
             .offset = AT(checks),
             .item = &text_item,
             .size = sizeof(const char *),
             .count_max = 100,
             .doc = "The checks whose findings are claims, such as lostcancel or SA2*; \"*\" is all of them. Not "
                    "given: of go-vet copylocks, httpresponse, loopclosure, lostcancel and waitgroup, of staticcheck "
                    "SA1015, SA2*, SA5001, SA5003 and SA9001, of the others all."},
            {.name = "command",
             .type = LD_FIELD_LIST,
             .offset = AT(command),
             .item = &text_item,
             .size = sizeof(const char *),
             .count_max = 100,
             .doc = "The program and its arguments, run in the folder of the module's copy."},
            {.name = "wall",
             .type = LD_FIELD_DURATION,
             .offset = AT(wall_ns),
             .minimum = 1e9,
             .maximum = 3600e9,
             .initial = "10m",
             .doc = "Longest time for building and running the tool once; real time."},
            {0}},
    .check = check_options,
};

const struct ld_detector_kind ld_detector_static = {
    .name = "static",
    .type = LD_DETECTOR_STATIC,
    .doc = "A tool that reads source: go vet, staticcheck, bodyclose, or a command. It runs once for each variant, "
           "before the runs, on a copy of that variant's source alone: the program's own packages, without comments. A "
           "finding names the function that encloses it. It has no time to detect and no quiet hours, and its runs are "
           "one and the same result; a replay leaves it out.",
    .options = &options_schema,
    .options_size = sizeof(struct ld_static_options),
    .short_option = "tool",
};
