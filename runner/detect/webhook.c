#include "runner/detect/webhook.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"

/* ---- values */

/* At most room - 1 bytes of it, no character cut in two. */
static void copy(const char *text, char *ret_text, size_t room)
{
    size_t length = text ? strlen(text) : 0;
    if (length >= room)
        for (length = room - 1; length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80; length--)
            ;
    if (text)
        memcpy(ret_text, text, length);
    ret_text[length] = '\0';
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* The label, else the annotation of that name. */
static const char *said(const json_t *labels, const json_t *annotations, const char *key)
{
    const char *label = text_of(labels, key);
    return label ? label : text_of(annotations, key);
}

static enum ld_cause cause_of(const char *name)
{
    int cause = name ? ld_cause_find(name) : -1;
    return cause > LD_CAUSE_NONE ? (enum ld_cause)cause : LD_CAUSE_ANY;
}

static const struct {
    const char *name;
    enum ld_severity severity;
} severities[] = {{"critical", LD_SEVERITY_RED},  {"page", LD_SEVERITY_RED},   {"red", LD_SEVERITY_RED},
                  {"warning", LD_SEVERITY_AMBER}, {"warn", LD_SEVERITY_AMBER}, {"amber", LD_SEVERITY_AMBER},
                  {"info", LD_SEVERITY_GREEN},    {"none", LD_SEVERITY_GREEN}, {"green", LD_SEVERITY_GREEN}};
#define SEVERITIES (sizeof severities / sizeof *severities)

static enum ld_severity severity_of(const char *name)
{
    for (size_t i = 0; name && i < SEVERITIES; i++)
        if (strcmp(severities[i].name, name) == 0)
            return severities[i].severity;
    return LD_SEVERITY_RED;
}

bool ld_webhook_knows_severity(const char *name)
{
    for (size_t i = 0; i < SEVERITIES; i++)
        if (strcmp(severities[i].name, name) == 0)
            return true;
    return false;
}

static double amount_of(const json_t *annotations)
{
    const char *text = text_of(annotations, "value");
    char *end;
    if (!text)
        text = text_of(annotations, "amount");
    double amount = text ? strtod(text, &end) : 0;
    return text && end != text && !*end && isfinite(amount) && amount >= 0 ? amount : 0;
}

/* "2026-11-29T15:22:00.195Z", or with an offset such as +02:00, since the epoch; -1 when it is none. */
static int64_t time_of(const char *text)
{
    struct tm when = {0};
    const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &when) : NULL;
    if (!rest || when.tm_year < 70 || when.tm_year > 300)
        return -1;
    int64_t fraction_ns = 0, digit = LD_SECOND / 10;
    if (*rest == '.')
        for (rest++; *rest >= '0' && *rest <= '9'; rest++, digit /= 10)
            fraction_ns += (*rest - '0') * digit;
    int hours = 0, minutes = 0, used = 0;
    int64_t offset_s = 0;
    if ((*rest == '+' || *rest == '-') && sscanf(rest + 1, "%2d:%2d%n", &hours, &minutes, &used) == 2 && used == 5) {
        offset_s = (*rest == '+' ? 1 : -1) * (int64_t)(hours * 3600 + minutes * 60);
        rest += 1 + used;
    } else if (*rest == 'Z') {
        rest++;
    } else {
        return -1;
    }
    return *rest ? -1 : ((int64_t)timegm(&when) - offset_s) * LD_SECOND + fraction_ns;
}

/* What its labels are, for an alert that says nothing of itself: "job=service instance=0". */
static void list_labels(json_t *labels, char *ret_text, size_t room)
{
    char text[4 * LD_WEBHOOK_TEXT_BYTES_MAX];
    size_t used = 0;
    const char *key;
    json_t *value;
    text[0] = '\0';
    json_object_foreach(labels, key, value) {
        if (strcmp(key, "alertname") == 0)
            continue;
        int length = snprintf(text + used, sizeof text - used, "%s%s=%s", used ? " " : "", key,
                              json_string_value(value) ? json_string_value(value) : "");
        if (length < 0 || (size_t)length >= sizeof text - used)
            break;
        used += (size_t)length;
    }
    copy(text, ret_text, room);
}

/* ---- an alert */

static int wrong(struct ld_error *error, size_t index, const char *what)
{
    return ld_fail(error, LD_ESPEC, "alert %zu: %s", index, what);
}

static int read_alert(json_t *root, size_t index, struct ld_webhook_alert *ret_alert, struct ld_error *error)
{
    json_t *labels = json_object_get(root, "labels"), *annotations = json_object_get(root, "annotations");
    const char *status = text_of(root, "status"), *fingerprint = text_of(root, "fingerprint");
    const char *why = text_of(annotations, "summary");
    bool firing = status && strcmp(status, "firing") == 0;
    if (!firing && (!status || strcmp(status, "resolved") != 0))
        return wrong(error, index, "a status that is neither firing nor resolved");
    if (!json_is_object(labels) || !text_of(labels, "alertname"))
        return wrong(error, index, "no label alertname");
    if (!fingerprint || strlen(fingerprint) != 16 || strspn(fingerprint, "0123456789abcdef") != 16)
        return wrong(error, index, "a fingerprint that is no 16 digits");
    int64_t starts_ns = time_of(text_of(root, "startsAt"));
    if (starts_ns < 0)
        return wrong(error, index, "startsAt is no time");
    *ret_alert = (struct ld_webhook_alert){.firing = firing,
                                           .fingerprint = strtoull(fingerprint, NULL, 16),
                                           .starts_ns = starts_ns,
                                           .cause = cause_of(said(labels, annotations, "cause")),
                                           .severity = severity_of(text_of(labels, "severity")),
                                           .amount = amount_of(annotations)};
    copy(text_of(labels, "alertname"), ret_alert->name, sizeof ret_alert->name);
    copy(text_of(labels, "instance"), ret_alert->instance, sizeof ret_alert->instance);
    copy(text_of(labels, "leakdrill"), ret_alert->mark, sizeof ret_alert->mark);
    copy(said(labels, annotations, "site"), ret_alert->site, sizeof ret_alert->site);
    copy(why ? why : text_of(annotations, "description"), ret_alert->why, sizeof ret_alert->why);
    if (!ret_alert->why[0])
        list_labels(labels, ret_alert->why, sizeof ret_alert->why);
    return 0;
}

static int read_post(json_t *root, struct ld_webhook_alert **ret_alerts, size_t *ret_count, struct ld_error *error)
{
    const char *version = text_of(root, "version");
    json_t *items = json_object_get(root, "alerts");
    if (!json_is_object(root) || !version || strcmp(version, "4") != 0)
        return ld_fail(error, LD_ESPEC, "no post of Alertmanager's webhook format 4");
    if (!json_is_array(items))
        return ld_fail(error, LD_ESPEC, "alerts are no list");
    size_t count = json_array_size(items);
    if (count > LD_WEBHOOK_ALERTS_MAX)
        return ld_fail(error, LD_ELIMIT, "%zu alerts in one post; at most %d are read", count, LD_WEBHOOK_ALERTS_MAX);
    struct ld_webhook_alert *alerts = calloc(count ? count : 1, sizeof *alerts);
    int code = alerts ? 0 : ld_fail(error, LD_ENOMEM, "out of memory");
    for (size_t i = 0; i < count && !code; i++)
        code = read_alert(json_array_get(items, i), i, &alerts[i], error);
    if (code)
        free(alerts);
    else
        *ret_alerts = alerts;
    *ret_count = count;
    return code;
}

int ld_webhook_read(const char *bytes, size_t length,
                    void (*take)(void *context, const struct ld_webhook_alert *alert), void *context,
                    struct ld_error *error)
{
    json_error_t problem;
    struct ld_webhook_alert *alerts = NULL;
    size_t count = 0;
    if (length > LD_WEBHOOK_BODY_BYTES_MAX)
        return ld_fail(error, LD_ELIMIT, "a post of more than %d bytes", LD_WEBHOOK_BODY_BYTES_MAX);
    json_t *root = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &problem);
    if (!root)
        return ld_fail(error, LD_ESYNTAX, "at byte %d: %s", problem.position, problem.text);
    int code = read_post(root, &alerts, &count, error);
    json_decref(root);
    for (size_t i = 0; i < count && !code; i++)
        take(context, &alerts[i]);
    free(alerts);
    return code;
}
