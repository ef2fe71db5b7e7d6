/* Prometheus text (the exposition format 0.0.4): its lines renamed, and what of its series who asks for names cannot
 * find any more. */
#include <stdio.h>

#include "base/random.h"
#include "blind/internal.h"

/* Is it the program's own, by what stands before its first _? The Go client's metrics are not, though a folder of the
 * program's may be called as they begin: /home/me/go/src/shop. */
static bool owns_metric(const struct ld_blind *blind, struct ld_span name)
{
    static const char *const clients[] = {"go", "process", "promhttp", NULL};
    const char *bar = ld_span_length(name) ? memchr(name.at, '_', ld_span_length(name)) : NULL;
    struct ld_span first = {name.at, bar ? bar : name.end};
    for (const char *const *client = clients; *client; client++)
        if (ld_span_is(first, *client))
            return false;
    for (size_t i = 0; i < blind->own_count; i++) {
        struct ld_span module = ld_blind_span(blind->own[i]);
        const char *slash = ld_scan_last(module, '/');
        if (ld_span_is(first, slash ? slash + 1 : blind->own[i]))
            return true;
    }
    return ld_blind_known(blind, LD_BLIND_PATH, first) != NULL;
}

/* "shop_orders_total" of a module shop: the name but for what says its unit. */
static int rename_metric(struct ld_blind *blind, struct ld_span name, struct ld_buffer *out)
{
    static const char *const units[] = {"_total", "_sum", "_count", "_bucket", "_seconds", "_bytes", "_info", NULL};
    struct ld_span stem = name;
    if (!owns_metric(blind, name))
        return ld_blind_copy(name, out);
    for (bool cut = true; cut;) {
        cut = false;
        for (const char *const *unit = units; *unit && !cut; unit++)
            cut = ld_scan_suffix(&stem, *unit);
    }
    int code = ld_blind_token(blind, LD_BLIND_NAME, stem, out);
    return code ? code : ld_blind_copy((struct ld_span){stem.end, name.end}, out);
}

/* ---- what was renamed */

static const char *keep(struct ld_blind *blind, struct ld_span text)
{
    return ld_arena_printf(blind->arena, "%.*s", (int)ld_span_length(text), text.at);
}

/* `label` empty: the metric's own name. NULL: more than is kept. */
static struct ld_blind_hidden_name *remember(struct ld_blind *blind, struct ld_span metric, struct ld_span label)
{
    struct ld_blind_hidden *hidden = &blind->hidden;
    bool named = label.at < label.end;
    for (size_t i = 0; i < hidden->count; i++) {
        struct ld_blind_hidden_name *name = &hidden->names[i];
        if (ld_span_is(metric, name->metric) && (named ? name->label && ld_span_is(label, name->label) : !name->label))
            return name;
    }
    hidden->lost = hidden->lost || hidden->count == LD_BLIND_HIDDEN_MAX;
    if (hidden->count == LD_BLIND_HIDDEN_MAX) /* before anything is copied: this is asked at every read of a run */
        return NULL;
    struct ld_blind_hidden_name kept = {.metric = keep(blind, metric), .label = named ? keep(blind, label) : NULL};
    if (!kept.metric || (named && !kept.label)) {
        hidden->lost = true;
        return NULL;
    }
    hidden->names[hidden->count] = kept;
    return &hidden->names[hidden->count++];
}

static uint64_t digest_of(uint64_t hash, struct ld_span text)
{
    for (const char *at = text.at; at < text.end; at++)
        hash = (hash ^ (unsigned char)*at) * 0x100000001b3u;
    return ld_derive(hash, NULL, 1) | 1;
}

/* Where the digest stands, or would. */
static uint64_t *place_of(struct ld_blind_hidden *hidden, uint64_t digest)
{
    size_t mask = 2 * LD_BLIND_PLAIN_MAX - 1, at = (size_t)(digest >> 1) & mask;
    while (hidden->plain[at] && hidden->plain[at] != digest)
        at = (at + 1) & mask;
    return &hidden->plain[at];
}

/* A label's value was handed out, renamed or as it is: a value that was plain before, or may have been, makes another
 * series of the same one. */
static void follow(struct ld_blind *blind, struct ld_span metric, struct ld_span label, struct ld_span value,
                   bool renamed)
{
    struct ld_blind_hidden *hidden = &blind->hidden;
    uint64_t digest = digest_of(digest_of(digest_of(blind->seed, metric), label), value);
    uint64_t *place = place_of(hidden, digest);
    struct ld_blind_hidden_name *name = renamed ? remember(blind, metric, label) : NULL;
    bool full = hidden->plain_count == LD_BLIND_PLAIN_MAX;
    if (name)
        name->late = name->late || *place || full;
    else if (!renamed && !*place && !full) {
        *place = digest;
        hidden->plain_count++;
    }
}

/* Did what was appended from `from` on turn out other than `text`? */
static bool is_changed(const struct ld_buffer *out, size_t from, struct ld_span text)
{
    return out->length - from != ld_span_length(text) || memcmp(out->bytes + from, text.at, ld_span_length(text)) != 0;
}

/* ---- lines */

static struct ld_span take_name(struct ld_span *rest)
{
    struct ld_span name = {rest->at, rest->at};
    while (name.end < rest->end && (ld_blind_is_name_byte(*name.end) || *name.end == ':'))
        name.end++;
    rest->at = name.end;
    return name;
}

/* "key="value"", the value alone renamed; false: it is none, and nothing was taken. */
static bool take_label(struct ld_blind *blind, struct ld_span metric, struct ld_span *rest, struct ld_buffer *out,
                       int *ret_code)
{
    struct ld_span at = *rest, key = take_name(&at);
    if (key.at == key.end || !ld_scan_text(&at, "=\""))
        return false;
    struct ld_span value = {at.at, at.at};
    while (value.end < at.end && *value.end != '"')
        value.end += *value.end == '\\' && value.end + 1 < at.end ? 2 : 1;
    if (value.end >= at.end)
        return false;
    *ret_code = ld_blind_copy((struct ld_span){key.at, value.at}, out);
    size_t from = out->length;
    if (!*ret_code)
        *ret_code = ld_blind_prose(blind, value, out);
    if (!*ret_code)
        follow(blind, metric, key, value, is_changed(out, from, value));
    rest->at = value.end;
    return true;
}

/* What stands in the braces, and whatever else there is. */
static int rename_labels(struct ld_blind *blind, struct ld_span metric, struct ld_span rest, struct ld_buffer *out)
{
    int code = 0;
    for (bool inside = rest.at < rest.end && *rest.at == '{'; inside && !code;) {
        struct ld_span between = {rest.at, rest.at};
        while (between.end < rest.end && strchr("{, \t\"", *between.end) && *between.end)
            between.end++;
        code = ld_blind_copy(between, out);
        rest.at = between.end;
        inside = !code && take_label(blind, metric, &rest, out, &code);
    }
    size_t from = out->length;
    if (!code)
        code = ld_blind_prose(blind, rest, out);
    blind->hidden.lost = blind->hidden.lost || (!code && is_changed(out, from, rest));
    return code;
}

static int rename_sample(struct ld_blind *blind, struct ld_span line, struct ld_buffer *out)
{
    struct ld_span name = take_name(&line);
    size_t from = out->length;
    int code = rename_metric(blind, name, out);
    if (!code && is_changed(out, from, name))
        (void)remember(blind, name, (struct ld_span){0});
    return code ? code : rename_labels(blind, name, line, out);
}

static int rename_line(struct ld_blind *blind, struct ld_span line, struct ld_buffer *out)
{
    struct ld_span rest = line;
    if (!ld_scan_text(&rest, "#"))
        return rename_sample(blind, line, out);
    if (!ld_scan_text(&rest, " HELP ") && !ld_scan_text(&rest, " TYPE "))
        return ld_blind_prose(blind, line, out);
    int code = ld_blind_copy((struct ld_span){line.at, rest.at}, out);
    struct ld_span name = take_name(&rest);
    if (!code)
        code = rename_metric(blind, name, out);
    return code ? code : ld_blind_prose(blind, rest, out);
}

int ld_blind_metrics(struct ld_blind *blind, struct ld_span text, struct ld_buffer *out)
{
    int code = 0;
    blind->hidden.reads++;
    while (text.at < text.end && !code) {
        const char *newline = memchr(text.at, '\n', ld_span_length(text));
        struct ld_span line = {text.at, newline ? newline : text.end};
        code = rename_line(blind, line, out);
        if (!code && newline)
            code = ld_buffer_add(out, "\n", 1);
        text.at = newline ? newline + 1 : text.end;
    }
    return code;
}

/* ---- rules */

/* A metric's name may have colons, a label's ends before one. */
static bool goes_on(char c, bool label)
{
    return ld_blind_is_name_byte(c) || (c == ':' && !label);
}

/* The next place where the name, of a label or a metric, stands by itself; NULL: nowhere, as no name at all does (of a
 * line that begins with its labels). */
static const char *find_name(struct ld_span text, const char *name, bool label)
{
    size_t length = strlen(name);
    for (const char *at = text.at; length && (at = memmem(at, (size_t)(text.end - at), name, length)); at++)
        if ((at == text.at || !goes_on(at[-1], label)) && (at + length == text.end || !goes_on(at[length], label)))
            return at;
    return NULL;
}

/* A matcher (key="…", key=~"…", key!="…"), or a key that a function is given as a text. */
static bool asks_for_label(struct ld_span text, const char *key)
{
    for (const char *at; (at = find_name(text, key, true)); text.at = at + 1) {
        struct ld_span after = {at + strlen(key), text.end};
        bool quoted = at > text.at && (at[-1] == '"' || at[-1] == '\'') && after.at < after.end && *after.at == at[-1];
        while (after.at < after.end && (*after.at == ' ' || *after.at == '\t'))
            after.at++;
        if (quoted || (after.at < after.end && (*after.at == '=' || *after.at == '!')))
            return true;
    }
    return false;
}

/* A line that is a comment of YAML, and of PromQL, asks for nothing. */
static bool is_comment(struct ld_span line)
{
    while (line.at < line.end && (*line.at == ' ' || *line.at == '\t'))
        line.at++;
    return line.at < line.end && *line.at == '#';
}

static bool name_is_asked(const struct ld_blind_hidden_name *name, struct ld_span line, char *why, size_t room)
{
    if (!name->label && find_name(line, name->metric, false))
        snprintf(why, room, "a rule asks for %.80s, which was renamed", name->metric);
    else if (!name->label && find_name(line, "__name__", true))
        snprintf(why, room, "a rule selects by __name__, and %.80s was renamed", name->metric);
    else if (name->label && asks_for_label(line, name->label))
        snprintf(why, room, "a rule selects by the label %.60s, whose values were renamed in %.60s", name->label,
                 name->metric);
    else if (name->late && find_name(line, name->metric, false))
        snprintf(why, room, "a rule asks for %.60s, whose label %.60s was renamed in the midst of the run",
                 name->metric, name->label);
    else
        return false;
    return true;
}

static bool line_asks(const struct ld_blind_hidden *hidden, struct ld_span line, char *why, size_t room)
{
    for (size_t i = 0; i < hidden->count && !is_comment(line); i++)
        if (name_is_asked(&hidden->names[i], line, why, room))
            return true;
    return false;
}

bool ld_blind_rules_ask(const struct ld_blind *blind, struct ld_span rules, char *why, size_t room)
{
    const struct ld_blind_hidden *hidden = &blind->hidden;
    struct ld_span line;
    if (hidden->lost) {
        snprintf(why, room, "more was renamed in the metrics than can be followed");
        return true;
    }
    while (ld_scan_line(&rules, &line))
        if (line_asks(hidden, line, why, room))
            return true;
    return line_asks(hidden, rules, why, room);
}

bool ld_blind_routes_ask(const struct ld_blind *blind, struct ld_span routes, char *why, size_t room)
{
    const struct ld_blind_hidden *hidden = &blind->hidden;
    for (struct ld_span line; routes.at < routes.end;) {
        if (!ld_scan_line(&routes, &line)) {
            line = routes; /* the last one, without its newline */
            routes.at = routes.end;
        }
        for (size_t i = 0; i < hidden->count && !is_comment(line); i++)
            if (hidden->names[i].label && find_name(line, hidden->names[i].label, true)) {
                snprintf(why, room, "alerts are routed by the label %.60s, whose values were renamed in %.60s",
                         hidden->names[i].label, hidden->names[i].metric);
                return true;
            }
    }
    return false;
}

size_t ld_blind_metrics_reads(const struct ld_blind *blind)
{
    return blind->hidden.reads;
}

size_t ld_blind_metrics_hidden(const struct ld_blind *blind)
{
    return blind->hidden.count;
}
