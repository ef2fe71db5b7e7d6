/* The two halves of `leakdrill new-detector`: a built-in detector, and a program. */
#ifndef LD_RUNNER_CLI_NEW_DETECTOR_H
#define LD_RUNNER_CLI_NEW_DETECTOR_H

#include "runner/cli/command.h"

/* Ends with NULL. */
const char *const *ld_exec_languages(void);
/* Into the working folder; `language`: one of them. Returns an exit code. */
int ld_new_exec_detector(const struct ld_invocation *invocation, const char *name, const char *language);

#endif
