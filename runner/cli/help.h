/* Help, generated from the tables of commands and options. */
#ifndef LD_RUNNER_CLI_HELP_H
#define LD_RUNNER_CLI_HELP_H

#include <stdio.h>

#include "runner/cli/command.h"

void ld_help_all(FILE *stream);
void ld_help_command(FILE *stream, const struct ld_command *command);
/* An unknown subcommand: says so, with the nearest name; returns LD_EXIT_USAGE. */
int ld_help_unknown(const char *name);

/* Whether the command does more than say that it is not implemented yet. */
bool ld_command_is_there(const struct ld_command *command);

#endif
