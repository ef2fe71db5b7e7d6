#include "runner/detect/rule_file.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "detect/promql.h"
#include "detect/prometheus.h"
#include "runner/detect/alert_book.h"
#include "runner/detect/checker.h"
#include "runner/detect/prometheus_tools.h"
#include "runner/detect/webhook.h"
#include "truth/cause.h"

#define ALERTS_MAX 1000

/* ---- its content */

static int wrong(const struct ld_rule_file *rules, const struct ld_node *node, struct ld_error *error,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

static int wrong(const struct ld_rule_file *rules, const struct ld_node *node, struct ld_error *error,
                 const char *format, ...)
{
    char text[300];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    ld_fail(error, LD_ESPEC, "%s", text);
    snprintf(error->file, sizeof error->file, "%.255s", rules->path);
    error->line = node->line;
    error->column = node->column;
    return LD_ESPEC;
}

/* A cause that is written out must be one; what a template makes is seen when it comes. */
static int check_cause(const struct ld_rule_file *rules, const struct ld_node *cause, struct ld_error *error)
{
    if (!cause || cause->kind != LD_NODE_SCALAR || strstr(cause->text, "{{") || ld_cause_find(cause->text) >= 0)
        return 0;
    const char *names[LD_CAUSE_COUNT + 1] = {NULL};
    for (int i = 0; i < LD_CAUSE_COUNT; i++)
        names[i] = ld_cause_table[i].name;
    const char *nearest = ld_nearest(cause->text, names);
    return wrong(rules, cause, error, "no cause is called \"%.60s\"%s%s%s", cause->text,
                 nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

/* Its other values are those of our own rules. */
static int check_mark(const struct ld_rule_file *rules, const struct ld_node *mark, struct ld_error *error)
{
    if (!mark || (mark->kind == LD_NODE_SCALAR && strcmp(mark->text, LD_ALERT_MARK_IGNORE) == 0))
        return 0;
    return wrong(rules, mark, error, "the label leakdrill can only be " LD_ALERT_MARK_IGNORE);
}

/* Their author's words need not be ours, so that one is no error. */
static void look_at_severity(struct ld_rule_file *rules, const struct ld_node *severity)
{
    if (!severity || severity->kind != LD_NODE_SCALAR || strstr(severity->text, "{{") ||
        ld_webhook_knows_severity(severity->text) || rules->odd_severity_count == LD_RULE_ODD_SEVERITIES_MAX)
        return;
    struct ld_odd_severity *odd = &rules->odd_severities[rules->odd_severity_count++];
    ld_format_harmless(severity->text, odd->text, sizeof odd->text);
    odd->line = severity->line;
    odd->column = severity->column;
}

static int check_labels(struct ld_rule_file *rules, const struct ld_node *rule, struct ld_error *error)
{
    const struct ld_node *labels = ld_node_get(rule, "labels");
    look_at_severity(rules, ld_node_get(labels, "severity"));
    int code = check_mark(rules, ld_node_get(labels, "leakdrill"), error);
    return code ? code : check_cause(rules, ld_node_get(labels, "cause"), error);
}

struct taking {
    struct ld_rule_file *rules;
    const char *rule;
};

/* Prometheus' own series of what fires: that there is none of them says nothing. */
static bool is_of_alerts(const char *text, size_t length)
{
    size_t name = strcspn(text, "{ \t\r\n");
    name = name < length ? name : length;
    return (name == strlen("ALERTS") && strncmp(text, "ALERTS", name) == 0) ||
           (name == strlen("ALERTS_FOR_STATE") && strncmp(text, "ALERTS_FOR_STATE", name) == 0);
}

static bool has_selector(const struct ld_rule_file *rules, const char *text, size_t length)
{
    for (size_t i = 0; i < rules->selector_count; i++)
        if (strlen(rules->selectors[i].text) == length && memcmp(rules->selectors[i].text, text, length) == 0)
            return true;
    return false;
}

static int take_selector(void *context, const char *text, size_t length)
{
    const struct taking *taking = context;
    struct ld_rule_file *rules = taking->rules;
    if (rules->selector_count == LD_RULE_SELECTORS_MAX || length > LD_RULE_SELECTOR_BYTES_MAX ||
        memchr(text, '\n', length) || is_of_alerts(text, length) || has_selector(rules, text, length))
        return 0;
    const char *kept = ld_arena_copy(rules->arena, text, length), *rule = ld_arena_text(rules->arena, taking->rule);
    if (!kept || !rule)
        return LD_ENOMEM;
    rules->selectors[rules->selector_count++] = (struct ld_rule_selector){kept, rule};
    return 0;
}

static const char *text_of(const struct ld_node *node)
{
    return node && node->kind == LD_NODE_SCALAR ? node->text : NULL;
}

static int take_selectors(struct ld_rule_file *rules, const struct ld_node *rule, struct ld_error *error)
{
    const char *name = text_of(ld_node_get(rule, "alert")), *expression = text_of(ld_node_get(rule, "expr"));
    struct taking taking = {rules, name ? name : text_of(ld_node_get(rule, "record"))};
    int code = expression && taking.rule ? ld_promql_selectors(expression, take_selector, &taking) : 0;
    return code ? ld_fail(error, code, "%s", ld_code_text(code)) : 0;
}

static int take_rule(struct ld_rule_file *rules, const struct ld_node *rule, struct ld_error *error)
{
    const struct ld_node *alert = ld_node_get(rule, "alert");
    if (rule->kind != LD_NODE_MAPPING)
        return wrong(rules, rule, error, "a rule must be a mapping");
    int code = take_selectors(rules, rule, error);
    if (code || !alert)
        return code;
    if (alert->kind != LD_NODE_SCALAR || !alert->text[0])
        return wrong(rules, alert, error, "an alert needs a name");
    if (rules->alert_count == ALERTS_MAX)
        return wrong(rules, alert, error, "more than %d alerts", ALERTS_MAX);
    rules->alerts[rules->alert_count] = ld_arena_text(rules->arena, alert->text);
    if (!rules->alerts[rules->alert_count++])
        return ld_fail(error, LD_ENOMEM, "out of memory");
    return check_labels(rules, rule, error);
}

static int take_group(struct ld_rule_file *rules, const struct ld_node *group, struct ld_error *error)
{
    const struct ld_node *items = ld_node_get(group, "rules");
    int code = 0;
    if (!items)
        return group->kind == LD_NODE_MAPPING ? 0 : wrong(rules, group, error, "a group must be a mapping");
    if (items->kind != LD_NODE_SEQUENCE)
        return wrong(rules, items, error, "the rules of a group must be a list");
    for (size_t i = 0; i < items->count && !code; i++)
        code = take_rule(rules, items->items[i], error);
    return code;
}

static int take_groups(struct ld_rule_file *rules, const struct ld_node *root, struct ld_error *error)
{
    const struct ld_node *groups = ld_node_get(root, "groups");
    int code = 0;
    if (!groups || groups->kind != LD_NODE_SEQUENCE)
        return wrong(rules, groups ? groups : root, error, "a rule file has a list of groups under the key groups");
    for (size_t i = 0; i < groups->count && !code; i++)
        code = take_group(rules, groups->items[i], error);
    if (!code && rules->alert_count == 0)
        return wrong(rules, groups, error, "none of its rules is an alert");
    return code;
}

static int read_content(struct ld_rule_file *rules, struct ld_error *error)
{
    struct ld_errors errors = {0};
    struct ld_node *root = NULL;
    struct ld_arena *arena = ld_arena_new(LD_YAML_ARENA_MAX);
    int code = arena ? ld_node_parse(&root, arena, rules->path, rules->bytes.bytes, rules->bytes.length, &errors)
                     : LD_ENOMEM;
    if (code && errors.count)
        *error = errors.items[0];
    else if (code)
        ld_fail(error, code, "%s", ld_code_text(code));
    if (!code)
        code = take_groups(rules, root, error);
    ld_errors_done(&errors);
    ld_arena_free(arena);
    return code;
}

int ld_rule_file_read(struct ld_rule_file *ret_rules, const struct ld_scenario *scenario,
                      const struct ld_detector_spec *spec, struct ld_error *error)
{
    const struct ld_detector_setting setting = {.options = spec->options, .scenario_file = scenario->file};
    struct ld_detector_file_use use;
    *ret_rules = (struct ld_rule_file){.arena = ld_arena_new((size_t)4 << 20)};
    ld_buffer_init(&ret_rules->bytes, LD_DETECTOR_FILE_BYTES_MAX);
    spec->kind->file(&setting, LD_PROMETHEUS_FILE_RULES, &use);
    snprintf(ret_rules->path, sizeof ret_rules->path, "%s", use.path);
    int code = ld_detector_files_take(scenario->files, use.name, use.path, use.take, &ret_rules->bytes, error);
    if (!code) {
        ret_rules->alerts = ret_rules->arena ? ld_arena_array(ret_rules->arena, ALERTS_MAX, sizeof *ret_rules->alerts)
                                             : NULL;
        ret_rules->selectors = ret_rules->alerts ? ld_arena_array(ret_rules->arena, LD_RULE_SELECTORS_MAX,
                                                                  sizeof *ret_rules->selectors)
                                                 : NULL;
        code = ret_rules->selectors ? read_content(ret_rules, error) : ld_fail(error, LD_ENOMEM, "out of memory");
    }
    if (code) {
        ld_rule_file_done(ret_rules);
        return code;
    }
    ld_hash_of(ret_rules->bytes.bytes, ret_rules->bytes.length, ret_rules->hash);
    snprintf(ret_rules->version, sizeof ret_rules->version, "rules-%.12s", ret_rules->hash);
    return 0;
}

void ld_rule_file_done(struct ld_rule_file *rules)
{
    ld_buffer_done(&rules->bytes);
    ld_arena_free(rules->arena);
    *rules = (struct ld_rule_file){0};
}

/* ---- what promtool says */

/* "5:11: …", "yaml: line 7: …" or "line 6: …" at the beginning of its message: the place. */
static const char *take_place(const char *message, struct ld_error *error)
{
    unsigned line = 0, column = 0;
    int used = 0;
    if (sscanf(message, "%u:%u: %n", &line, &column, &used) < 2 || used == 0) {
        column = 1; /* it names a line only */
        used = 0;
        if (sscanf(message, "yaml: line %u: %n", &line, &used) < 1 && sscanf(message, "line %u: %n", &line, &used) < 1)
            line = column = 0;
    }
    error->line = line;
    error->column = column;
    return message + used;
}

/* Past what it writes before the message itself. */
static const char *past(const char *text, const char *prefix)
{
    size_t length = strlen(prefix);
    return strncmp(text, prefix, length) == 0 ? text + length : text;
}

int ld_promtool_error(const char *text, const char *path, struct ld_error *error)
{
    struct ld_error place = {0};
    char line[sizeof error->message];
    const char *at = strstr(text, "FAILED:");
    at = at ? at + strlen("FAILED:") : text;
    at += strspn(at, " \n");
    at = past(at, LD_CHECKER_INPUT);
    at = past(at, ": ");
    at = past(at, "yaml: unmarshal errors:");
    at += strspn(at, " \n");
    at = take_place(at, &place);
    snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
    ld_fail(error, LD_ESPEC, "%s", line[0] ? line : "promtool refuses it");
    snprintf(error->file, sizeof error->file, "%s", path);
    error->line = place.line;
    error->column = place.column;
    return LD_ESPEC;
}

/* Where the file has "key: VALUE" with the last value that the message quotes; promtool names no place of some. */
static void find_place(const struct ld_buffer *bytes, struct ld_error *error)
{
    const char *end = strrchr(error->message, '"'), *begin = end;
    while (begin && begin > error->message && begin[-1] != '"')
        begin--;
    if (!end || begin == error->message || begin == end)
        return;
    size_t length = (size_t)(end - begin);
    unsigned line = 1;
    for (const char *text = ld_buffer_text(bytes); *text; line++) {
        size_t rest = strcspn(text, "\n"), at = strcspn(text, ":\n");
        at += at < rest;
        at += strspn(text + at, " \"'");
        if (rest - at >= length && memcmp(text + at, begin, length) == 0 &&
            strspn(text + at + length, " \"'\r") + at + length == rest) {
            error->line = line;
            error->column = (unsigned)at + 1;
            return;
        }
        text += rest + (text[rest] == '\n');
    }
}

int ld_rule_file_promtool(const struct ld_rule_file *rules, struct ld_error *error)
{
    static const char *const arguments[] = {"promtool", "check", "rules", LD_CHECKER_INPUT, NULL};
    char program[PATH_MAX];
    struct ld_buffer said;
    bool good = false;
    if (!ld_promtool_find(program))
        return 0;
    ld_buffer_init(&said, LD_CHECKER_TEXT_MAX);
    int code = ld_checker_run(program, arguments, rules->bytes.bytes, rules->bytes.length, &said, &good, error);
    if (!code && !good)
        code = ld_promtool_error(ld_buffer_text(&said), rules->path, error);
    if (code == LD_ESPEC && !error->line)
        find_place(&rules->bytes, error);
    ld_buffer_done(&said);
    return code;
}
