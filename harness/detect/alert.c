#include "detect/alert.h"

#include <stddef.h>
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
