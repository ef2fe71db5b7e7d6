/* The shim: one tiny process between the guard and each target, alive as long as the target.
 *
 * It is the target's parent and the subreaper of all its descendants, so that whatever the target forks, however
 * often, stays attributed to it and can be ended. It sets the limits, hands over the descriptors, starts the target
 * in a session of its own, reports exit and death, and, told END or when leakdrill is gone, kills
 * until none is left. */
#ifndef LD_PROCESS_SHIM_H
#define LD_PROCESS_SHIM_H

#include <stddef.h>

#include "runner/process/message.h"

/* In a process freshly forked by the guard, with SIGCHLD blocked. `fds` by enum ld_spawn_fd, -1 when absent. */
_Noreturn void ld_shim_main(const struct ld_spawn_message *message, size_t length, const int fds[LD_SPAWN_FDS],
                            const char *campaign_group);

#endif
