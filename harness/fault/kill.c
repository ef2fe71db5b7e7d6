/* The fault `kill`: its attributes. The guard sends the signal. */
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "fault/fault.h"
#include "fault/schemas.h"

#define INSTANCES_MAX 1000

const char *const ld_fault_signals[] = {"KILL", "TERM", NULL};
const int ld_fault_signal_numbers[] = {SIGKILL, SIGTERM};

static const char *const who_names[] = {[LD_WHO_TARGET] = "target", [LD_WHO_UPSTREAM] = "upstream", NULL};

static int bind_instance(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                         void *value)
{
    static const char expected[] = "must be the number of an instance, counted from 0, or all";
    (void)field;
    int64_t *instance = value;
    const char *unused;
    if (node->kind != LD_NODE_SCALAR)
        return ld_schema_error(context, node, LD_ESPEC, "%s", expected);
    if (strcmp(node->text, "all") == 0) {
        *instance = -1;
        return 0;
    }
    int64_t number;
    if (ld_parse_integer(node->text, &number, &unused) != 0 || number < 0)
        return ld_schema_error(context, node, LD_ESPEC, "%s", expected);
    if (number >= INSTANCES_MAX)
        return ld_schema_error(context, node, LD_ESPEC, "must be below %d", INSTANCES_MAX);
    *instance = number;
    return 0;
}

#define AT(member) offsetof(union ld_fault_attributes, kill.member)

static const struct ld_field fields[] = {
    {.name = "who", .type = LD_FIELD_CHOICE, .offset = AT(who), .flags = LD_FIELD_REQUIRED, .choices = who_names,
     .doc = "Which process dies: the target or its upstream."},
    {.name = "signal", .type = LD_FIELD_CHOICE, .offset = AT(signal), .choices = ld_fault_signals, .initial = "KILL",
     .doc = "The signal sent."},
    {.name = "restart_after", .type = LD_FIELD_DURATION, .offset = AT(restart_after_ns), .maximum = LD_HOUR,
     .doc = "Time from the process being gone to its restart. Not given: it stays dead."},
    {.name = "instance", .type = LD_FIELD_CUSTOM, .offset = AT(instance), .initial = "all", .custom = bind_instance,
     .doc = "Which of the target's instances: a number counted from 0, or all."},
    {0},
};

/* What a key's absence means is settled here, where the node still tells whether it was written. */
static int check(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    struct ld_fault_kill *fault = &((union ld_fault_attributes *)value)->kill;
    const struct ld_node *instance = ld_node_get(node, "instance");
    if (!ld_node_get(node, "restart_after"))
        fault->restart_after_ns = -1;
    if (!instance)
        fault->instance = -1;
    else if (fault->who == LD_WHO_UPSTREAM && fault->instance >= 0)
        return ld_schema_error(context, instance, LD_ESPEC, "instance is for who: target; there is one upstream");
    return 0;
}

const struct ld_schema ld_fault_kill_schema = {
    .name = "kill",
    .doc = "Kill the target or its upstream by a signal, and restart it if asked. A killed target ends its "
           "incarnation; the restart begins the next.",
    .fields = fields,
    .check = check,
};
