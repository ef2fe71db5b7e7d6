/* What kill, crash and exit share: the restart, and doing it again. */
#include "fault/schemas.h"

int ld_fault_check_again(struct ld_schema_context *context, const struct ld_node *node, void *value)
{
    struct ld_fault_kill *fault = &((union ld_fault_attributes *)value)->kill;
    const struct ld_node *times = ld_node_get(node, "times"), *every = ld_node_get(node, "every");
    int code = ld_fault_check_victims(context, node, value);
    if (code)
        return code;
    /* What a key's absence means is settled here, where the node still tells whether it was written. */
    bool restarts = ld_node_get(node, "restart_after") != NULL;
    if (!restarts)
        fault->restart_after_ns = -1;
    if (every && fault->times == 1)
        return ld_schema_error(context, every, LD_ESPEC, "every is for more times than one");
    if (fault->times == 1)
        return 0;
    if (!restarts)
        return ld_schema_error(context, times, LD_ESPEC, "needs restart_after: what stays dead cannot die again");
    if (fault->every_ns <= fault->restart_after_ns)
        return ld_schema_error(context, every ? every : times, LD_ESPEC,
                               "needs every, longer than restart_after: it must be back before it dies again");
    return 0;
}

bool ld_fault_is_instant(enum ld_fault_type type)
{
    return type == LD_FAULT_KILL || type == LD_FAULT_CRASH || type == LD_FAULT_EXIT;
}

int64_t ld_fault_lasts_ns(const struct ld_fault_spec *fault)
{
    const struct ld_fault_kill *kill = &fault->attributes.kill;
    if (!ld_fault_is_instant(fault->type))
        return fault->for_ns;
    return (kill->times - 1) * kill->every_ns + (kill->restart_after_ns > 0 ? kill->restart_after_ns : 0);
}

int ld_fault_signal(const struct ld_fault_spec *fault)
{
    const int *numbers = fault->type == LD_FAULT_CRASH ? ld_fault_crash_numbers : ld_fault_kill_numbers;
    return numbers[fault->attributes.kill.signal];
}

const char *ld_fault_signal_name(const struct ld_fault_spec *fault)
{
    const char *const *names = fault->type == LD_FAULT_CRASH ? ld_fault_crash_signals : ld_fault_kill_signals;
    return names[fault->attributes.kill.signal];
}
