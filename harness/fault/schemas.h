/* The attribute schemas of the faults, one file each; the table in fault.c gathers them. This room's own. */
#ifndef LD_FAULT_SCHEMAS_H
#define LD_FAULT_SCHEMAS_H

#include <stddef.h>

#include "base/clock.h"
#include "fault/fault.h"
#include "yaml/schema.h"

extern const struct ld_schema ld_fault_latency_schema; /* latency.c */
extern const struct ld_schema ld_fault_bandwidth_schema; /* bandwidth.c */
extern const struct ld_schema ld_fault_slow_close_schema; /* slow_close.c */
extern const struct ld_schema ld_fault_timeout_schema; /* timeout.c */
extern const struct ld_schema ld_fault_reset_peer_schema; /* reset_peer.c */
extern const struct ld_schema ld_fault_slicer_schema;  /* slicer.c */
extern const struct ld_schema ld_fault_limit_data_schema; /* limit_data.c */
extern const struct ld_schema ld_fault_down_schema;    /* down.c */
extern const struct ld_schema ld_fault_connect_delay_schema; /* connect_delay.c */
extern const struct ld_schema ld_fault_stall_schema;   /* stall.c */
extern const struct ld_schema ld_fault_kill_schema;    /* kill.c */
extern const struct ld_schema ld_fault_crash_schema;   /* crash.c */
extern const struct ld_schema ld_fault_exit_schema;    /* exit.c */
extern const struct ld_schema ld_fault_pause_schema;   /* pause.c */
extern const struct ld_schema ld_fault_open_files_schema; /* open_files.c */
extern const struct ld_schema ld_fault_memory_schema;  /* memory.c */
extern const struct ld_schema ld_fault_cpu_schema;     /* cpu.c */
extern const struct ld_schema ld_fault_disk_schema;    /* disk.c */

/* ---- what the attributes of most faults of the proxy share (toxic.c) */

/* The rows of `reach`, which stands first in the union. A fault of whole connections has only the first; its check
 * sets the stream. */
#define LD_REACH_AT(member) offsetof(union ld_fault_attributes, reach.member)
#define LD_TOXICITY_FIELD                                                                                             \
    {.name = "toxicity", .type = LD_FIELD_NUMBER, .offset = LD_REACH_AT(toxicity), .maximum = 1, .initial = "1",      \
     .doc = "Share of connections touched, from 0 to 1; decided once per connection from the seed."}
#define LD_STREAM_FIELD                                                                                               \
    {.name = "stream", .type = LD_FIELD_CHOICE, .offset = LD_REACH_AT(stream), .choices = ld_stream_names,            \
     .initial = "downstream",                                                                                         \
     .doc = "Direction: downstream is towards the client (the target), upstream towards the upstream."}
extern const char *const ld_stream_names[]; /* by enum ld_stream; ends with NULL */
int ld_fault_check_whole(struct ld_schema_context *context, const struct ld_node *node, void *value);

/* ---- what the attributes of every fault of a process or resource share (victims.c) */

/* The rows of `victims`, which stands first in the union. */
#define LD_VICTIMS_AT(member) offsetof(union ld_fault_attributes, victims.member)
#define LD_VICTIM_WHO_DOC "Who is meant: the target or its upstream."
#define LD_VICTIM_FIELDS                                                                                              \
    {.name = "instance", .type = LD_FIELD_CUSTOM, .offset = LD_VICTIMS_AT(instance), .initial = "all",                \
     .custom = ld_fault_bind_instance, .show = ld_fault_show_instance,                                                \
     .doc = "Which of the target's instances: a number counted from 0, or all."},                                     \
    {.name = "share", .type = LD_FIELD_PERCENT, .offset = LD_VICTIMS_AT(share), .maximum = 1, .initial = "100%",      \
     .doc = "Share of the target's instances, at least one; which ones is drawn from the seed and recorded."}

extern const char *const ld_fault_who_names[];
int ld_fault_bind_instance(struct ld_schema_context *context, const struct ld_field *field, const struct ld_node *node,
                           void *value);
int ld_fault_show_instance(const struct ld_field *field, const void *value, struct ld_buffer *out);
/* Settles what an absent key means and checks across the keys; the first call in a schema's check. */
int ld_fault_check_victims(struct ld_schema_context *context, const struct ld_node *node, void *value);

/* ---- what kill, crash and exit share (again.c) */
#define LD_AGAIN_AT(member) offsetof(union ld_fault_attributes, kill.member)
#define LD_AGAIN_FIELDS                                                                                                \
    {.name = "restart_after",                                                                                          \
     .type = LD_FIELD_DURATION,                                                                                        \
     .offset = LD_AGAIN_AT(restart_after_ns),                                                                          \
     .maximum = LD_HOUR,                                                                                               \
     .doc = "Time from its death to its restart. Not given: it stays dead."},                                          \
        {.name = "times",                                                                                              \
         .type = LD_FIELD_INTEGER,                                                                                     \
         .offset = LD_AGAIN_AT(times),                                                                                 \
         .minimum = 1,                                                                                                 \
         .maximum = 1000,                                                                                              \
         .initial = "1",                                                                                               \
         .doc = "How often; more than once needs restart_after and every."},                                           \
    {                                                                                                                  \
        .name = "every", .type = LD_FIELD_DURATION, .offset = LD_AGAIN_AT(every_ns), .maximum = LD_HOUR,               \
        .initial = "0s", .doc = "Time from one to the next, for times."                                                \
    }
int ld_fault_check_again(struct ld_schema_context *context, const struct ld_node *node, void *value);

extern const char *const ld_fault_kill_signals[], *const ld_fault_crash_signals[]; /* end with NULL */
extern const int ld_fault_kill_numbers[], ld_fault_crash_numbers[];
extern const struct ld_schema ld_fault_sampling_schema;   /* sampling.c */
extern const struct ld_schema ld_fault_load_schema, ld_fault_breaker_schema; /* reaction.c */

#endif
