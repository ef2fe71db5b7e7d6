/* The fault `cpu` where it is done by stopping and continuing the process. */
#ifndef LD_FAULT_CPU_H
#define LD_FAULT_CPU_H

#include "fault/fault.h"

/* Is the process held back? Of `looks` at it, at instants that have nothing to do with when it is stopped, `stopped`
 * found it so. It should be stopped in 1 - limit of the time; of that share there must be all but 0.15 of the time, and
 * half of it at least, and two looks. */
bool ld_cpu_is_held(const struct ld_fault_cpu *cpu, uint64_t stopped, uint64_t looks);

#endif
