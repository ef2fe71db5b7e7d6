/* Which program a scenario's command means, and its words as the program gets them. */
#ifndef LD_RUNNER_DETECT_PROGRAM_H
#define LD_RUNNER_DETECT_PROGRAM_H

#include <stddef.h>

#include "base/error.h"

/* A word that begins with ./ or ../ names a file beside the scenario: its absolute path; any other as it is. `file`:
 * the scenario's; "" is the working folder. LD_ELIMIT, or LD_ENOENT: the scenario's folder is not there. */
int ld_program_word(const char *file, const char *word, char *ret_word, size_t room, struct ld_error *error);
/* The first word as a program that can be executed: beside the scenario, as a path, or in PATH. LD_ENOENT, with why. */
int ld_program_find(const char *file, const char *word, char *ret_path, size_t room, struct ld_error *error);
/* A further word: when it names a file beside the scenario, is that there? LD_ENOENT. */
int ld_program_check_word(const char *file, const char *word, struct ld_error *error);

#endif
