/* The manual page, made from the table of subcommands. */
#ifndef LD_RUNNER_CLI_MANUAL_H
#define LD_RUNNER_CLI_MANUAL_H

#include "runner/cli/command.h"

/* Write leakdrill(1) as roff (man macros) to stdout; returns an exit code. `asked_by`: who is named in an error. */
int ld_manual_put(const struct ld_command *asked_by);

#endif
