#include "detect/alertmanager.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/text.h"
#include "yaml/node.h"
#include "yaml/quote.h"

#define NOWHERE "http://leakdrill.invalid/"
#define CONFIGS "_configs" /* slack_configs, webhook_configs, ... */
#define DEFAULT_GROUP_WAIT (30 * LD_SECOND)
#define DEFAULT_GROUP_INTERVAL (300 * LD_SECOND)

struct work {
    const char *file;
    struct ld_arena *arena;
    const struct ld_alertmanager_host *host; /* NULL: it is to be kept */
    struct ld_error *error;
    struct ld_node *root;
    struct ld_node *receivers;   /* as they will be */
    const struct ld_node *intervals[2]; /* time_intervals, mute_time_intervals; NULL: none */
    size_t routes;
    struct ld_alertmanager_times times;
    const char *own_receiver;    /* of the host */
};

static int wrong(struct work *work, const struct ld_node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int wrong(struct work *work, const struct ld_node *node, const char *format, ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    ld_fail(work->error, LD_ESPEC, "%s", text);
    if (work->error) {
        snprintf(work->error->file, sizeof work->error->file, "%.255s", work->file);
        work->error->line = node->line;
        work->error->column = node->column;
    }
    return LD_ESPEC;
}

static int no_memory(struct work *work)
{
    return ld_fail(work->error, LD_ENOMEM, "out of memory");
}

/* ---- making nodes; NULL, and every call with NULL: out of memory */

static struct ld_node *scalar(struct work *work, const char *text, bool quoted)
{
    struct ld_node *node = text ? ld_arena_take(work->arena, sizeof *node) : NULL;
    if (node)
        *node = (struct ld_node){.kind = LD_NODE_SCALAR, .text = text, .quoted = quoted};
    return node;
}

/* With room for so many items. */
static struct ld_node *container(struct work *work, enum ld_node_kind kind, size_t room)
{
    struct ld_node *node = ld_arena_take(work->arena, sizeof *node);
    if (!node)
        return NULL;
    *node = (struct ld_node){.kind = kind, .items = ld_arena_array(work->arena, room + 1, sizeof *node->items)};
    if (kind == LD_NODE_MAPPING)
        node->keys = ld_arena_array(work->arena, room + 1, sizeof *node->keys);
    return node->items && (kind != LD_NODE_MAPPING || node->keys) ? node : NULL;
}

static int add(struct work *work, struct ld_node *list, const struct ld_node *item)
{
    if (!list || !item)
        return no_memory(work);
    list->items[list->count++] = (struct ld_node *)item;
    return 0;
}

static int put(struct work *work, struct ld_node *mapping, const char *key, const struct ld_node *value)
{
    struct ld_node *name = scalar(work, key, false);
    if (!mapping || !name || !value)
        return no_memory(work);
    mapping->keys[mapping->count] = name;
    mapping->items[mapping->count++] = (struct ld_node *)value;
    return 0;
}

static int put_text(struct work *work, struct ld_node *mapping, const char *key, const char *text, bool quoted)
{
    return put(work, mapping, key, scalar(work, text, quoted));
}

/* ---- looking at nodes */

static bool is_null(const struct ld_node *node)
{
    return node->kind == LD_NODE_SCALAR && !node->quoted &&
           (!node->text[0] || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}

/* The value under the key; NULL when there is none, or nothing in it. */
static const struct ld_node *value_of(const struct ld_node *mapping, const char *key)
{
    const struct ld_node *value = ld_node_get(mapping, key);
    return value && !is_null(value) ? value : NULL;
}

static int known_keys(struct work *work, const struct ld_node *mapping, const char *what, const char *const *keys)
{
    if (mapping->kind != LD_NODE_MAPPING)
        return wrong(work, mapping, "%s must be a mapping", what);
    for (size_t i = 0; i < mapping->count; i++) {
        const char *key = mapping->keys[i]->text;
        bool known = false;
        for (const char *const *at = keys; *at && !known; at++)
            known = strcmp(*at, key) == 0;
        const char *nearest = known ? NULL : ld_nearest(key, keys);
        if (!known)
            return wrong(work, mapping->keys[i], "unknown key \"%.60s\" in %s%s%s%s", key, what,
                         nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
    }
    return 0;
}

/* NULL in *ret_list: there is none, or nothing in it. */
static int list_of(struct work *work, const struct ld_node *mapping, const char *key, const struct ld_node **ret_list)
{
    const struct ld_node *list = value_of(mapping, key);
    *ret_list = list;
    return !list || list->kind == LD_NODE_SEQUENCE ? 0 : wrong(work, list, "%s must be a list", key);
}

/* The same of several keys; an item of such a list must be a text. */
static int texts_of(struct work *work, const struct ld_node *mapping, const char *const *keys)
{
    const struct ld_node *list;
    int code = 0;
    for (; *keys && !code; keys++) {
        code = list_of(work, mapping, *keys, &list);
        for (size_t i = 0; !code && list && i < list->count; i++)
            if (list->items[i]->kind != LD_NODE_SCALAR)
                code = wrong(work, list->items[i], "%s must be a list of texts", *keys);
    }
    return code;
}

static int text_of(struct work *work, const struct ld_node *mapping, const char *key, const struct ld_node **ret_text)
{
    const struct ld_node *text = value_of(mapping, key);
    *ret_text = text;
    return !text || text->kind == LD_NODE_SCALAR ? 0 : wrong(work, text, "%s must be a text", key);
}

/* Prometheus' durations: whole numbers with y, w, d, h, m, s, ms, the greater unit first, each once; or 0. */
static bool parse_duration(const char *text, int64_t *ret_ns)
{
    static const struct {
        const char *unit;
        int64_t ns;
    } units[] = {{"y", 365 * 24 * LD_HOUR}, {"w", 7 * 24 * LD_HOUR}, {"d", 24 * LD_HOUR}, {"h", LD_HOUR},
                 {"m", 60 * LD_SECOND},     {"s", LD_SECOND},        {"ms", LD_MS}};
    const size_t unit_count = sizeof units / sizeof *units;
    int64_t total_ns = 0;
    size_t next = 0;
    if (strcmp(text, "0") == 0) {
        *ret_ns = 0;
        return true;
    }
    while (isdigit((unsigned char)*text)) {
        int64_t number = 0, part_ns;
        for (; isdigit((unsigned char)*text); text++)
            if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, *text - '0', &number))
                return false;
        size_t length = strspn(text, "ywdhms");
        while (next < unit_count &&
               (strlen(units[next].unit) != length || strncmp(text, units[next].unit, length) != 0))
            next++;
        if (next == unit_count || __builtin_mul_overflow(number, units[next].ns, &part_ns) ||
            __builtin_add_overflow(total_ns, part_ns, &total_ns))
            return false;
        next++;
        text += length;
    }
    *ret_ns = total_ns;
    return *text == '\0' && next > 0;
}

/* `ns` stays where the mapping has none. */
static int duration_of(struct work *work, const struct ld_node *mapping, const char *key, int64_t *ns)
{
    const struct ld_node *text;
    int code = text_of(work, mapping, key, &text);
    if (!code && text && !parse_duration(text->text, ns))
        code = wrong(work, text, "%s: \"%.60s\" is no duration as Alertmanager has them, such as 30s or 1h30m", key,
                     text->text);
    return code;
}

/* ---- receivers */

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);
    return length > end_length && strcmp(text + length - end_length, end) == 0;
}

/* Does it tell anybody? One without, often called null, is where alerts end that nobody wants. */
static int tells_anybody(struct work *work, const struct ld_node *receiver, bool *ret_tells)
{
    *ret_tells = false;
    for (size_t i = 0; i < receiver->count; i++) {
        const struct ld_node *key = receiver->keys[i], *value = receiver->items[i];
        if (strcmp(key->text, "name") == 0)
            continue;
        if (!ends_with(key->text, CONFIGS))
            return wrong(work, key,
                         "unknown key \"%.60s\" in a receiver: it has a name, and lists such as slack_configs",
                         key->text);
        if (!is_null(value) && value->kind != LD_NODE_SEQUENCE)
            return wrong(work, value, "%.60s must be a list", key->text);
        *ret_tells = *ret_tells || value->count > 0;
    }
    return 0;
}

static bool has_receiver(const struct work *work, const char *name)
{
    for (size_t i = 0; i < work->receivers->count; i++)
        if (strcmp(ld_node_get(work->receivers->items[i], "name")->text, name) == 0)
            return true;
    return false;
}

static int add_receiver(struct work *work, const char *name, bool tells)
{
    struct ld_node *made = container(work, LD_NODE_MAPPING, 2);
    int code = put_text(work, made, "name", name, true);
    if (!code && tells) {
        struct ld_node *configs = container(work, LD_NODE_SEQUENCE, 1), *webhook = container(work, LD_NODE_MAPPING, 2);
        code = put_text(work, webhook, "url", work->host ? work->host->url : NOWHERE, true);
        if (!code)
            code = put_text(work, webhook, "send_resolved", "true", false);
        if (!code)
            code = add(work, configs, webhook);
        if (!code)
            code = put(work, made, "webhook" CONFIGS, configs);
    }
    return code ? code : add(work, work->receivers, made);
}

static int take_receiver(struct work *work, const struct ld_node *receiver)
{
    bool tells;
    const struct ld_node *name;
    if (receiver->kind != LD_NODE_MAPPING)
        return wrong(work, receiver, "a receiver must be a mapping");
    int code = text_of(work, receiver, "name", &name);
    if (!code && (!name || !name->text[0]))
        code = wrong(work, receiver, "a receiver needs a name");
    if (!code && has_receiver(work, name->text))
        code = wrong(work, name, "two receivers are called \"%.60s\"", name->text);
    if (!code)
        code = tells_anybody(work, receiver, &tells);
    return code ? code : add_receiver(work, name->text, tells);
}

/* A name that nobody else has. */
static int add_own_receiver(struct work *work)
{
    work->own_receiver = "leakdrill";
    for (size_t i = 1; work->own_receiver && has_receiver(work, work->own_receiver); i++)
        work->own_receiver = ld_arena_printf(work->arena, "leakdrill-%zu", i);
    return work->own_receiver ? add_receiver(work, work->own_receiver, true) : no_memory(work);
}

static int take_receivers(struct work *work)
{
    const struct ld_node *list;
    int code = list_of(work, work->root, "receivers", &list);
    size_t count = list ? list->count : 0;
    if (!code && count > LD_ALERTMANAGER_RECEIVERS_MAX)
        code = wrong(work, list, "more than %d receivers", LD_ALERTMANAGER_RECEIVERS_MAX);
    if (!code && !(work->receivers = container(work, LD_NODE_SEQUENCE, count + 1)))
        code = no_memory(work);
    for (size_t i = 0; i < count && !code; i++)
        code = take_receiver(work, list->items[i]);
    return code || !work->host ? code : add_own_receiver(work);
}

/* ---- time intervals */

static int check_interval(struct work *work, const struct ld_node *interval)
{
    static const char *const keys[] = {"name", "time_intervals", NULL};
    const struct ld_node *name, *times;
    int code = known_keys(work, interval, "a time interval", keys);
    if (!code)
        code = text_of(work, interval, "name", &name);
    if (!code && (!name || !name->text[0]))
        code = wrong(work, interval, "a time interval needs a name");
    return code ? code : list_of(work, interval, "time_intervals", &times);
}

static int take_intervals(struct work *work)
{
    static const char *const keys[] = {"time_intervals", "mute_time_intervals"};
    int code = 0;
    for (size_t k = 0; k < 2 && !code; k++) {
        code = list_of(work, work->root, keys[k], &work->intervals[k]);
        for (size_t i = 0; !code && work->intervals[k] && i < work->intervals[k]->count; i++)
            code = check_interval(work, work->intervals[k]->items[i]);
    }
    return code;
}

static bool has_interval(const struct work *work, const char *name)
{
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; work->intervals[k] && i < work->intervals[k]->count; i++)
            if (strcmp(ld_node_get(work->intervals[k]->items[i], "name")->text, name) == 0)
                return true;
    return false;
}

/* ---- routes */

static int check_names_of_intervals(struct work *work, const struct ld_node *route, const char *key, bool root)
{
    const struct ld_node *list;
    int code = list_of(work, route, key, &list);
    if (!code && list && list->count && root)
        code = wrong(work, list, "the root route cannot have %s", key);
    for (size_t i = 0; !code && list && i < list->count; i++) {
        const struct ld_node *name = list->items[i];
        if (name->kind != LD_NODE_SCALAR || !has_interval(work, name->text))
            code = wrong(work, name, "no time interval is called \"%.60s\"",
                         name->kind == LD_NODE_SCALAR ? name->text : "");
    }
    return code;
}

static int check_receiver_of(struct work *work, const struct ld_node *route, bool root)
{
    const struct ld_node *receiver;
    int code = text_of(work, route, "receiver", &receiver);
    if (!code && !receiver && root)
        code = wrong(work, route, "the root route needs a receiver");
    if (!code && receiver && !has_receiver(work, receiver->text))
        code = wrong(work, receiver, "no receiver is called \"%.60s\"", receiver->text);
    return code;
}

/* As Alertmanager's YAML has it. */
static bool is_false(const struct ld_node *node)
{
    static const char *const words[] = {"false", "False", "FALSE", "no", "No", "NO",
                                        "off",   "Off",   "OFF",   "n",  "N",  NULL};
    for (const char *const *word = words; *word; word++)
        if (node->kind == LD_NODE_SCALAR && !node->quoted && strcmp(node->text, *word) == 0)
            return true;
    return false;
}

static int check_root(struct work *work, const struct ld_node *route)
{
    static const char *const keys[] = {"match", "match_re", "matchers", "continue", NULL};
    for (size_t i = 0; keys[i]; i++) {
        const struct ld_node *value = value_of(route, keys[i]);
        bool flag = strcmp(keys[i], "continue") == 0;
        bool nothing = value && (flag ? is_false(value) : value->kind != LD_NODE_SCALAR && !value->count);
        if (value && !nothing)
            return wrong(work, value, "the root route takes every alert: it cannot have %s", keys[i]);
    }
    return 0;
}

static int check_route(struct work *work, const struct ld_node *route, int64_t group_wait_ns,
                       int64_t group_interval_ns, bool root);

static int check_routes(struct work *work, const struct ld_node *route, int64_t group_wait_ns,
                        int64_t group_interval_ns)
{
    const struct ld_node *routes;
    int code = list_of(work, route, "routes", &routes);
    for (size_t i = 0; !code && routes && i < routes->count; i++)
        code = check_route(work, routes->items[i], group_wait_ns, group_interval_ns, false);
    return code;
}

/* What it does not say itself is its parent's. Its depth is the document's. */
static int check_route(struct work *work, const struct ld_node *route, int64_t group_wait_ns,
                       int64_t group_interval_ns, bool root)
{
    static const char *const keys[] = {"receiver", "group_by", "continue", "match", "match_re", "matchers", "routes",
                                       "group_wait", "group_interval", "repeat_interval", "mute_time_intervals",
                                       "active_time_intervals", NULL};
    static const char *const lists[] = {"group_by", "matchers", NULL};
    int64_t repeat_ns;
    int code = known_keys(work, route, "a route", keys);
    if (!code && ++work->routes > LD_ALERTMANAGER_ROUTES_MAX)
        code = wrong(work, route, "more than %d routes", LD_ALERTMANAGER_ROUTES_MAX);
    if (!code && root)
        code = check_root(work, route);
    if (!code)
        code = texts_of(work, route, lists);
    if (!code)
        code = check_receiver_of(work, route, root);
    if (!code)
        code = duration_of(work, route, "group_wait", &group_wait_ns);
    if (!code)
        code = duration_of(work, route, "group_interval", &group_interval_ns);
    if (!code)
        code = duration_of(work, route, "repeat_interval", &repeat_ns);
    if (!code)
        code = check_names_of_intervals(work, route, "mute_time_intervals", root);
    if (!code)
        code = check_names_of_intervals(work, route, "active_time_intervals", root);
    if (work->routes == 1 || group_wait_ns < work->times.group_wait_ns)
        work->times.group_wait_ns = group_wait_ns;
    if (group_interval_ns > work->times.group_interval_ns)
        work->times.group_interval_ns = group_interval_ns;
    return code ? code : check_routes(work, route, group_wait_ns, group_interval_ns);
}

/* Posted at once, before any of the user's routes. Not each for itself: there may be hundreds. */
static struct ld_node *own_route(struct work *work)
{
    struct ld_node *route = container(work, LD_NODE_MAPPING, 6), *by = container(work, LD_NODE_SEQUENCE, 2);
    struct ld_node *matchers = container(work, LD_NODE_SEQUENCE, 1);
    const char *matcher = ld_arena_printf(work->arena, "%s=~\"%s\"", work->host->label, work->host->values);
    int code = add(work, matchers, scalar(work, matcher, true));
    if (!code)
        code = add(work, by, scalar(work, work->host->label, true));
    if (!code)
        code = add(work, by, scalar(work, "instance", true));
    if (!code)
        code = put(work, route, "matchers", matchers);
    if (!code)
        code = put_text(work, route, "receiver", work->own_receiver, true);
    if (!code)
        code = put(work, route, "group_by", by);
    if (!code)
        code = put_text(work, route, "group_wait", "0s", false);
    if (!code)
        code = put_text(work, route, "group_interval", LD_ALERTMANAGER_HOST_INTERVAL, false);
    if (!code)
        code = put_text(work, route, "repeat_interval", "1d", false);
    return code ? NULL : route;
}

/* The user's root, with the host's route before its own. */
static struct ld_node *hosted_root(struct work *work, const struct ld_node *root)
{
    const struct ld_node *theirs = value_of(root, "routes");
    struct ld_node *made = container(work, LD_NODE_MAPPING, root->count + 1);
    struct ld_node *routes = container(work, LD_NODE_SEQUENCE, (theirs ? theirs->count : 0) + 1);
    int code = add(work, routes, own_route(work));
    for (size_t i = 0; !code && theirs && i < theirs->count; i++)
        code = add(work, routes, theirs->items[i]);
    for (size_t i = 0; !code && i < root->count; i++)
        if (strcmp(root->keys[i]->text, "routes") != 0)
            code = put(work, made, root->keys[i]->text, root->items[i]);
    if (!code)
        code = put(work, made, "routes", routes);
    return code ? NULL : made;
}

/* ---- inhibition */

static int check_inhibition(struct work *work, const struct ld_node *rule)
{
    static const char *const keys[] = {"name",         "target_match",    "target_match_re", "target_matchers",
                                       "source_match", "source_match_re", "source_matchers", "equal", NULL};
    static const char *const lists[] = {"target_matchers", "source_matchers", "equal", NULL};
    int code = known_keys(work, rule, "an inhibition rule", keys);
    return code ? code : texts_of(work, rule, lists);
}

/* The matchers, and one that the host's alerts do not meet. */
static struct ld_node *other_matchers(struct work *work, const struct ld_node *rule, const char *key)
{
    const struct ld_node *theirs = value_of(rule, key);
    struct ld_node *made = container(work, LD_NODE_SEQUENCE, (theirs ? theirs->count : 0) + 1);
    const char *matcher = ld_arena_printf(work->arena, "%s!~\"%s\"", work->host->label, work->host->values);
    int code = made ? 0 : LD_ENOMEM;
    for (size_t i = 0; !code && theirs && i < theirs->count; i++)
        code = add(work, made, theirs->items[i]);
    return code || add(work, made, scalar(work, matcher, true)) ? NULL : made;
}

static struct ld_node *hosted_inhibition(struct work *work, const struct ld_node *rule)
{
    static const char *const keys[] = {"target_matchers", "source_matchers"};
    struct ld_node *made = container(work, LD_NODE_MAPPING, rule->count + 2);
    int code = made ? 0 : LD_ENOMEM;
    for (size_t i = 0; !code && i < rule->count; i++)
        if (!ends_with(rule->keys[i]->text, "_matchers"))
            code = put(work, made, rule->keys[i]->text, rule->items[i]);
    for (size_t i = 0; !code && i < 2; i++)
        code = put(work, made, keys[i], other_matchers(work, rule, keys[i]));
    return code ? NULL : made;
}

static int take_inhibitions(struct work *work, struct ld_node *config)
{
    const struct ld_node *list;
    int code = list_of(work, work->root, "inhibit_rules", &list);
    if (code || !list)
        return code;
    struct ld_node *made = container(work, LD_NODE_SEQUENCE, list->count);
    for (size_t i = 0; i < list->count && !code; i++) {
        const struct ld_node *rule = list->items[i];
        code = check_inhibition(work, rule);
        if (!code)
            code = add(work, made, work->host ? hosted_inhibition(work, rule) : rule);
    }
    return code ? code : put(work, config, "inhibit_rules", made);
}

/* ---- the whole */

static int take_global(struct work *work, struct ld_node *config)
{
    const struct ld_node *global = value_of(work->root, "global");
    int64_t ns;
    if (global && global->kind != LD_NODE_MAPPING)
        return wrong(work, global, "global must be a mapping");
    int code = global ? duration_of(work, global, "resolve_timeout", &ns) : 0;
    const struct ld_node *timeout = global ? value_of(global, "resolve_timeout") : NULL;
    if (code || !timeout)
        return code;
    struct ld_node *made = container(work, LD_NODE_MAPPING, 1);
    code = put(work, made, "resolve_timeout", timeout);
    return code ? code : put(work, config, "global", made);
}

static int take_root(struct work *work, struct ld_node *config)
{
    const struct ld_node *root = value_of(work->root, "route");
    if (!root)
        return wrong(work, work->root, "there is no route");
    int code = check_route(work, root, DEFAULT_GROUP_WAIT, DEFAULT_GROUP_INTERVAL, true);
    return code ? code : put(work, config, "route", work->host ? hosted_root(work, root) : root);
}

static int take_all(struct work *work, struct ld_node *config)
{
    static const char *const keys[] = {"global",    "templates",      "route",               "inhibit_rules",
                                       "receivers", "time_intervals", "mute_time_intervals", "tracing", NULL};
    int code = known_keys(work, work->root, "an Alertmanager configuration", keys);
    if (!code)
        code = take_global(work, config);
    if (!code)
        code = take_intervals(work);
    if (!code)
        code = take_receivers(work);
    if (!code)
        code = take_root(work, config);
    if (!code)
        code = take_inhibitions(work, config);
    if (!code && work->intervals[0])
        code = put(work, config, "time_intervals", work->intervals[0]);
    if (!code && work->intervals[1])
        code = put(work, config, "mute_time_intervals", work->intervals[1]);
    return code ? code : put(work, config, "receivers", work->receivers);
}

/* ---- writing YAML: blocks, lists of scalars on one line */

/* What is plain here was plain there, and means the same. */
static bool stays_plain(const struct ld_node *node)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-";
    return !node->quoted && isalnum((unsigned char)node->text[0]) && strspn(node->text, safe) == strlen(node->text);
}

static int write_text(const struct ld_node *node, struct ld_buffer *out)
{
    return stays_plain(node) ? ld_buffer_add_text(out, node->text) : ld_yaml_quote(node->text, out);
}

static int write_scalar(const struct ld_node *node, struct ld_buffer *out)
{
    return is_null(node) ? ld_buffer_add_text(out, "null") : write_text(node, out);
}

static bool has_scalars_only(const struct ld_node *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i]->kind != LD_NODE_SCALAR)
            return false;
    return true;
}

static int write_line_list(const struct ld_node *list, struct ld_buffer *out)
{
    int code = ld_buffer_add_text(out, "[");
    for (size_t i = 0; i < list->count && !code; i++) {
        code = i ? ld_buffer_add_text(out, ", ") : 0;
        if (!code)
            code = write_scalar(list->items[i], out);
    }
    return code ? code : ld_buffer_add_text(out, "]");
}

static int write_block(const struct ld_node *node, unsigned indent, struct ld_buffer *out);

/* Behind a key's colon, or a dash. */
static int write_value(const struct ld_node *node, unsigned indent, bool dash, struct ld_buffer *out)
{
    bool line = node->kind == LD_NODE_SCALAR || node->count == 0 ||
                (node->kind == LD_NODE_SEQUENCE && has_scalars_only(node));
    int code = ld_buffer_add_text(out, line || dash ? " " : "\n");
    if (code || !line)
        return code ? code : write_block(node, indent, out);
    code = node->kind == LD_NODE_SCALAR     ? write_scalar(node, out)
           : node->kind == LD_NODE_SEQUENCE ? write_line_list(node, out)
                                            : ld_buffer_add_text(out, "{}");
    return code ? code : ld_buffer_add_text(out, "\n");
}

/* Lines at `indent`; the first one continues a line that stands there already when the line is not new. */
static int write_block(const struct ld_node *node, unsigned indent, struct ld_buffer *out)
{
    bool begun = out->length && out->bytes[out->length - 1] != '\n';
    int code = 0;
    for (size_t i = 0; i < node->count && !code; i++) {
        if (i || !begun)
            code = ld_buffer_printf(out, "%*s", (int)indent, "");
        if (!code && node->kind == LD_NODE_MAPPING)
            code = write_text(node->keys[i], out);
        if (!code)
            code = ld_buffer_add_text(out, node->kind == LD_NODE_MAPPING ? ":" : "-");
        if (!code)
            code = write_value(node->items[i], indent + 2, node->kind == LD_NODE_SEQUENCE, out);
    }
    return code;
}

/* ---- all together */

static int parse(struct work *work, const char *text, size_t length)
{
    struct ld_errors errors = {0};
    int code = work->arena ? ld_node_parse(&work->root, work->arena, work->file, text, length, &errors) : LD_ENOMEM;
    if (code && errors.count && work->error)
        *work->error = errors.items[0];
    else if (code)
        ld_fail(work->error, code, "%s", ld_code_text(code));
    ld_errors_done(&errors);
    return code;
}

/* Into *ret_config, which lives in work->arena. */
static int take(struct work *work, const char *text, size_t length, struct ld_node **ret_config)
{
    work->arena = ld_arena_new(2 * LD_YAML_ARENA_MAX);
    int code = parse(work, text, length);
    struct ld_node *config = code ? NULL : container(work, LD_NODE_MAPPING, 8);
    if (!code)
        code = config ? take_all(work, config) : no_memory(work);
    *ret_config = config;
    return code;
}

static int make(struct work *work, const char *text, size_t length, struct ld_buffer *out)
{
    struct ld_node *config;
    int code = take(work, text, length, &config);
    int written = code ? 0
                       : ld_buffer_add_text(out, "# Made by leakdrill: every receiver posts to it, and nothing goes "
                                                 "anywhere else.\n");
    if (!code && !written)
        written = write_block(config, 0, out);
    if (written)
        code = written == LD_ELIMIT ? wrong(work, work->root, "what is to be run of it is too long") : no_memory(work);
    ld_arena_free(work->arena);
    return code;
}

int ld_alertmanager_keep(const char *file, struct ld_buffer *bytes, struct ld_error *error)
{
    struct work work = {.file = file, .error = error};
    struct ld_buffer kept;
    ld_buffer_init(&kept, bytes->maximum);
    int code = make(&work, bytes->bytes, bytes->length, &kept);
    if (code) {
        ld_buffer_done(&kept);
        return code;
    }
    ld_buffer_done(bytes);
    *bytes = kept;
    return 0;
}

int ld_alertmanager_hosted(const struct ld_alertmanager_host *host, const char *file, const char *text, size_t length,
                           struct ld_buffer *out, struct ld_error *error)
{
    struct work work = {.file = file, .error = error, .host = host};
    return make(&work, text, length, out);
}

int ld_alertmanager_times(struct ld_alertmanager_times *ret_times, const char *file, const char *text, size_t length,
                          struct ld_error *error)
{
    struct work work = {.file = file, .error = error};
    struct ld_node *config;
    int code = take(&work, text, length, &config);
    ld_arena_free(work.arena);
    if (!code)
        *ret_times = work.times;
    return code;
}
