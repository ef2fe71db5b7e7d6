#include "fault/fault.h"

#include <string.h>

#include "fault/schemas.h"
#include "fault/toxic_kind.h"

const struct ld_fault_info ld_fault_table[LD_FAULT_TYPES] = {
    {LD_FAULT_LATENCY, "latency", LD_SCOPE_PROXY, &ld_fault_latency_schema,
     "Delay the bytes between target and upstream; their order is kept.", &ld_toxic_latency},
    {LD_FAULT_BANDWIDTH, "bandwidth", LD_SCOPE_PROXY, &ld_fault_bandwidth_schema,
     "Limit the rate at which bytes pass between target and upstream.", &ld_toxic_bandwidth},
    {LD_FAULT_SLOW_CLOSE, "slow_close", LD_SCOPE_PROXY, &ld_fault_slow_close_schema,
     "Delay the close of a connection.", &ld_toxic_slow_close},
    {LD_FAULT_TIMEOUT, "timeout", LD_SCOPE_PROXY, &ld_fault_timeout_schema,
     "Let no byte through, and close the connection after a time.", &ld_toxic_timeout},
    {LD_FAULT_RESET_PEER, "reset_peer", LD_SCOPE_PROXY, &ld_fault_reset_peer_schema,
     "Reset the connection (RST) after a time.", &ld_toxic_reset_peer},
    {LD_FAULT_SLICER, "slicer", LD_SCOPE_PROXY, &ld_fault_slicer_schema,
     "Cut what passes into small pieces, with a pause between them.", &ld_toxic_slicer},
    {LD_FAULT_LIMIT_DATA, "limit_data", LD_SCOPE_PROXY, &ld_fault_limit_data_schema,
     "Close the connection after a number of bytes has passed.", &ld_toxic_limit_data},
    {LD_FAULT_DOWN, "down", LD_SCOPE_PROXY, &ld_fault_down_schema,
     "Refuse new connections and reset the open ones.", &ld_toxic_down},
    {LD_FAULT_CONNECT_DELAY, "connect_delay", LD_SCOPE_PROXY, &ld_fault_connect_delay_schema,
     "Delay the connection to the upstream after the target was accepted.", &ld_toxic_connect_delay},
    {LD_FAULT_STALL, "stall", LD_SCOPE_PROXY, &ld_fault_stall_schema,
     "Stop reading; what was sent waits, and the connection stays open.", &ld_toxic_stall},
    {LD_FAULT_KILL, "kill", LD_SCOPE_PROCESS, &ld_fault_kill_schema,
     "Kill the target or its upstream by a signal, and restart it if asked.", NULL},
    {LD_FAULT_CRASH, "crash", LD_SCOPE_PROCESS, &ld_fault_crash_schema,
     "Let the target or its upstream crash, as by a bad pointer or an abort, and restart it if asked.", NULL},
    {LD_FAULT_EXIT, "exit", LD_SCOPE_PROCESS, &ld_fault_exit_schema,
     "Ask the target or its upstream to end by itself, and restart it if asked.", NULL},
    {LD_FAULT_PAUSE, "pause", LD_SCOPE_PROCESS, &ld_fault_pause_schema,
     "Stop the target or its upstream (SIGSTOP) for a time, then continue it.", NULL},
    {LD_FAULT_OPEN_FILES, "open_files", LD_SCOPE_RESOURCE, &ld_fault_open_files_schema,
     "Lower the limit of open files for a time.", NULL},
    {LD_FAULT_MEMORY, "memory", LD_SCOPE_RESOURCE, &ld_fault_memory_schema, "Limit the memory for a time.",
     NULL},
    {LD_FAULT_CPU, "cpu", LD_SCOPE_RESOURCE, &ld_fault_cpu_schema, "Limit the share of a core for a time.",
     NULL},
    {LD_FAULT_DISK, "disk", LD_SCOPE_RESOURCE, &ld_fault_disk_schema,
     "Fill the folder that the target may write to, for a time.", NULL},
    {LD_FAULT_SAMPLING, "sampling", LD_SCOPE_SAMPLING, &ld_fault_sampling_schema,
     "Make reads of the target slow, truncated, refused, not found or wrong, for every reader alike.", NULL},
    {LD_FAULT_LOAD, "load", LD_SCOPE_REACTION, &ld_fault_load_schema,
     "Shed a part of the load, or send more of it, for a time.", NULL},
    {LD_FAULT_BREAKER, "breaker", LD_SCOPE_REACTION, &ld_fault_breaker_schema,
     "Open the service's circuit breaker for a time: it answers 503 and does no work.", NULL},
};

/* A share of none, of whatever the fault touches a share of. */
static int check_touches(struct ld_schema_context *context, const struct ld_fault_info *info,
                         const struct ld_node *node, const union ld_fault_attributes *attributes)
{
    const struct ld_field *share = ld_schema_find(info->attributes, "toxicity");
    if (!share || *(const double *)((const char *)attributes + share->offset) > 0)
        return 0;
    size_t length = ld_schema_push(context, share->name);
    int code = ld_schema_error(context, ld_node_get(node, share->name), LD_ESPEC,
                               "0 touches no %s: it would do nothing",
                               info->scope == LD_SCOPE_SAMPLING ? "read" : "connection");
    ld_schema_pop(context, length);
    return code;
}

int ld_fault_named(struct ld_schema_context *context, const struct ld_node *node,
                   const struct ld_node *const attributes[LD_FAULT_TYPES], const char *what, const char *such_as,
                   enum ld_fault_type *ret_type)
{
    int found = -1;
    for (int type = 0; type < LD_FAULT_TYPES; type++) {
        if (!attributes[type])
            continue;
        if (found >= 0)
            return ld_schema_error(context, node, LD_ESPEC, "names two %ss, %s and %s: give each its own item", what,
                                   ld_fault_table[found].name, ld_fault_table[type].name);
        found = type;
    }
    if (found < 0)
        return ld_schema_error(context, node, LD_ESPEC, "names no %s, such as %s", what, such_as);
    *ret_type = (enum ld_fault_type)found;
    return 0;
}

int ld_fault_bind(struct ld_schema_context *context, enum ld_fault_type type, const struct ld_node *node,
                  union ld_fault_attributes *ret_attributes)
{
    const struct ld_fault_info *info = &ld_fault_table[type];
    size_t length = ld_schema_push(context, info->name);
    int code = ld_schema_bind(context, info->attributes, node, ret_attributes);
    if (!code)
        code = check_touches(context, info, node, ret_attributes);
    ld_schema_pop(context, length);
    return code;
}

const struct ld_fault_info *ld_fault_find(const char *name)
{
    for (size_t i = 0; i < LD_FAULT_TYPES; i++)
        if (strcmp(ld_fault_table[i].name, name) == 0)
            return &ld_fault_table[i];
    return NULL;
}
