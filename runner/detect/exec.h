/* A detector that is a program, at work on one run: its process, what waits for it, and its answers.
 *
 * All on one libuv loop and never blocking: an observation is queued and told when the one before it was answered, so
 * that a slow detector delays nobody. What it does wrong breaks it alone, once, by name; then its process is killed
 * with all it started, and it is not started again. */
#ifndef LD_RUNNER_DETECT_EXEC_H
#define LD_RUNNER_DETECT_EXEC_H

#include <uv.h>

#include "base/buffer.h"
#include "detect/alert.h"
#include "observe/observation.h"
#include "runner/detect/fault.h"
#include "runner/detect/question.h"
#include "runner/detect/seen.h"
#include "runner/process/guard.h"

struct ld_exec;

/* All on the loop; none before ld_exec_start, none after closed. */
struct ld_exec_events {
    void (*alert)(void *context, const struct ld_alert *alert);
    /* Once at most. `reason`: "hung: observation 41 was not answered within 2s". */
    void (*broken)(void *context, enum ld_exec_fault fault, const char *reason);
    /* What it wrote on standard error (the last of it), or how it ended, when that is worth a word. */
    void (*note)(void *context, const char *text);
    void (*closed)(void *context); /* after ld_exec_end: nothing of it is left but ld_exec_free */
};

struct ld_exec_setting {
    uv_loop_t *loop;
    const struct ld_guard *guard;
    const char *work_folder; /* its own folder is made below it */
    uint64_t folder_token;   /* names that folder; unique below it */
    const char *file;        /* the scenario's: relative commands resolve against its folder */
    struct ld_hello hello;   /* its texts outlive the detector */
    const struct ld_seen *seen;
    bool in_pieces; /* lines come to it in small pieces, as from a slow writer */
};

/* Nothing is started yet. LD_ENOMEM. */
int ld_exec_new(struct ld_exec **ret_exec, const struct ld_exec_setting *setting, const struct ld_exec_events *events,
                void *context);
/* Start the program and say hello. A failure is its fault: `broken`. */
void ld_exec_start(struct ld_exec *exec);
/* Copied and queued. Ignored when it is broken, ended, or did not ask for observations of this kind. */
void ld_exec_observe(struct ld_exec *exec, const struct ld_observation *observation);
/* No more observations: let it answer what waits and end; `hurry`: kill it. True: `closed` follows; false: there was
 * nothing left to wait for, and `closed` does not come. */
bool ld_exec_end(struct ld_exec *exec, bool hurry);
/* Has it answered everything, or is it broken? */
bool ld_exec_idle(const struct ld_exec *exec);
/* It did not end by itself after its input's end; how it ended (exit code, or -signal). */
bool ld_exec_lingered(const struct ld_exec *exec);
int64_t ld_exec_status(const struct ld_exec *exec);
/* What it wrote on standard error, the last of it. */
const char *ld_exec_errors(const struct ld_exec *exec);
/* The offending line of an answer at fault, "" when there is none. */
const char *ld_exec_line(const struct ld_exec *exec);
/* Only after closed, or when ld_exec_end said false, or before ld_exec_start. NULL is allowed. */
void ld_exec_free(struct ld_exec *exec);

#endif
