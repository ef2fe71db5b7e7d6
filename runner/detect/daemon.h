/* A program of somebody else that serves while a run lasts: under the guard, its log read line by line, and killed with
 * all it forked. The caller embeds it and keeps it until `closed` ran. */
#ifndef LD_RUNNER_DETECT_DAEMON_H
#define LD_RUNNER_DETECT_DAEMON_H

#include "base/buffer.h"
#include "runner/process/process.h"

#define LD_DAEMON_LINE_MAX ((size_t)16 << 10) /* of a longer line the rest is passed over */
#define LD_DAEMON_SAID_MAX 300

struct ld_daemon;

struct ld_daemon_events {
    /* A message of its log; `address`: the field of that name, "" without one. */
    void (*message)(struct ld_daemon *daemon, const char *message, const char *address);
    /* It ended, or never started: once; `how` "signal 9". Not when ld_daemon_end came first. */
    void (*ended)(struct ld_daemon *daemon, const char *how);
    void (*closed)(struct ld_daemon *daemon); /* after it ended, or ld_daemon_end: nothing of it is left */
};

struct ld_daemon {
    unsigned magic;
    const char *name;       /* "Prometheus" */
    const struct ld_daemon_events *events;
    void *context;          /* the caller's */
    struct ld_process process;
    uv_pipe_t log;
    bool process_open, log_open, told_end;
    struct ld_buffer line;  /* that has not ended */
    bool too_long;
    char said[LD_DAEMON_SAID_MAX]; /* its last warning or error, else its last line that is no log: why it fails */
};

struct ld_daemon_program {
    const char *name;             /* for people */
    const char *program;          /* absolute path */
    const char *const *arguments; /* argv, ends with NULL; its log is JSON lines on standard error */
    const char *folder;           /* working folder, HOME and TMPDIR */
};

/* On failure nothing needs closing. */
int ld_daemon_start(struct ld_daemon *daemon, uv_loop_t *loop, const struct ld_guard *guard,
                    const struct ld_daemon_program *program, const struct ld_daemon_events *events, void *context,
                    struct ld_error *error);
/* Kill it; `closed` follows. Once, and not after it ended by itself. */
void ld_daemon_end(struct ld_daemon *daemon);
bool ld_daemon_open(const struct ld_daemon *daemon); /* is `closed` still to come? */

#endif
