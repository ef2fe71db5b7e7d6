#include "detect/alert.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const char *const action_names[] = {"open", "close", "unknown", "known"};
static const char *const severity_names[] = {"green", "amber", "red"};

static int find(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return (int)i;
    return -1;
}

const char *ld_alert_action_name(enum ld_alert_action action)
{
    return action_names[action];
}

int ld_alert_action_find(const char *name)
{
    return find(action_names, sizeof action_names / sizeof action_names[0], name);
}

const char *ld_severity_name(enum ld_severity severity)
{
    return severity_names[severity];
}

int ld_severity_find(const char *name)
{
    return find(severity_names, sizeof severity_names / sizeof severity_names[0], name);
}

int ld_alert_new_claims(const struct ld_alert *alert)
{
    if (alert->action == LD_ALERT_CLOSE)
        return strcmp(alert->why, LD_ALERT_UPDATED) == 0 ? -1 : 0;
    return alert->action == LD_ALERT_OPEN;
}

bool ld_alert_same(const struct ld_alert *a, const struct ld_alert *b)
{
    return a->id == b->id && ld_alert_same_claim(a, b);
}

bool ld_alert_bring(struct ld_alert *alerts, size_t count, const struct ld_alert *claim)
{
    for (size_t i = 0; i < count && alerts[i].evidence == claim->evidence; i++) {
        if (!ld_alert_same_claim(&alerts[i], claim))
            continue;
        struct ld_alert found = alerts[i];
        memmove(alerts + 1, alerts, i * sizeof *alerts);
        alerts[0] = found;
        return true;
    }
    return false;
}

bool ld_alert_same_claim(const struct ld_alert *a, const struct ld_alert *b)
{
    return a->action == b->action && a->evidence == b->evidence &&
           a->evidence_time_ns == b->evidence_time_ns && a->instance == b->instance &&
           a->incarnation == b->incarnation && a->cause == b->cause && strcmp(a->site, b->site) == 0 &&
           memcmp(&a->amount, &b->amount, sizeof a->amount) == 0 && a->severity == b->severity &&
           strcmp(a->why, b->why) == 0 && strcmp(a->rule, b->rule) == 0 &&
           strcmp(a->rule_version, b->rule_version) == 0;
}

void ld_alert_describe(const struct ld_alert *alert, char *text, size_t room)
{
    snprintf(text, room, "%s at observation %llu (site \"%.120s\")", ld_alert_action_name(alert->action),
             (unsigned long long)alert->evidence, alert->site);
}
