/* Starts the real leakdrill and captures what it says. */
#ifndef LD_TEST_PROGRAM_RUN_PROGRAM_H
#define LD_TEST_PROGRAM_RUN_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

struct program_result {
    int exit_code;  /* -1 when it did not exit by itself */
    int signal;     /* that ended it, 0 when it exited */
    bool timed_out; /* it was killed with its process group */
    char *out, *err; /* owned, NUL-terminated, "" when empty */
};

/* Run leakdrill with `arguments` (without its name, ends with NULL) in the folder `folder` (NULL: here). `environment`
 * holds NAME=VALUE added to ours, or is NULL. Fails the test when it cannot be started. */
void run_program(struct program_result *ret_result, unsigned timeout_s, const char *folder,
                 const char *const *environment, const char *const *arguments);
void program_result_done(struct program_result *result);

/* RUN(&result, "lint", path): ten seconds, our own environment and folder. */
#define RUN(result, ...) run_program(result, 10, NULL, NULL, (const char *const[]){__VA_ARGS__, NULL})

#endif
