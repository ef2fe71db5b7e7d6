/* Starts the real leakdrill and captures what it says. */
#ifndef LD_TEST_PROGRAM_RUN_PROGRAM_H
#define LD_TEST_PROGRAM_RUN_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buffer.h"

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

/* So many seconds end a program that hangs. What takes a second on a machine at rest may take fifty on a busy one, in a
 * build that checks every access. */
#define PROGRAM_HANGS_S 240

/* RUN(&result, "lint", path): our own environment and folder. */
#define RUN(result, ...) run_program(result, PROGRAM_HANGS_S, NULL, NULL, (const char *const[]){__VA_ARGS__, NULL})

/* For the log of a test that failed: what the last programs were asked and said, on stderr, the end of it where it is
 * long. Each is shown once; those of before programs_forget are not. */
void programs_show(void);
/* Does the word stand in what one of them, not shown yet, was asked? */
bool programs_hold(const char *word);
void programs_forget(void);

/* A program that runs while the test goes on. */
struct running_program {
    pid_t pid;               /* leads a process group of its own */
    int out, err;            /* our ends */
    struct ld_buffer out_text, err_text;
    long long deadline_ms;
};

/* `program` NULL: leakdrill. The time limit is for everything until program_finish. */
void program_start(struct running_program *ret_running, unsigned timeout_s, const char *program, const char *folder,
                   const char *const *environment, const char *const *arguments);
/* leakdrill on a terminal so many columns wide: stdout and stderr come as one, in out_text. */
void program_start_on_terminal(struct running_program *ret_running, unsigned timeout_s, unsigned short columns,
                               const char *folder, const char *const *environment, const char *const *arguments);
/* Read until stderr (stdout) holds `text`; fails the test when it ends or the time is up before. */
void program_await_err(struct running_program *running, const char *text);
void program_await_out(struct running_program *running, const char *text);
/* Read what is left and wait for its end; the last thing that is done with it. */
void program_finish(struct running_program *running, struct program_result *ret_result);

#endif
