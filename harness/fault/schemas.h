/* The attribute schemas of the implemented faults, one file each; the table in fault.c gathers them. This room's own. */
#ifndef LD_FAULT_SCHEMAS_H
#define LD_FAULT_SCHEMAS_H

#include "yaml/schema.h"

extern const struct ld_schema ld_fault_latency_schema; /* latency.c */
extern const struct ld_schema ld_fault_kill_schema;    /* kill.c */

#endif
