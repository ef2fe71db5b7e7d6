/* A process under the guard, as the control loop sees it: started, signalled, awaited, ended with all it forked.
 *
 * The caller embeds struct ld_process and must keep it until `closed` ran. Every callback runs on the loop. The order
 * is: started or failed; exited once if it started; ended once after ld_process_end; closed once after
 * ld_process_close. No waitpid anywhere here: the shim tells. */
#ifndef LD_PROCESS_PROCESS_H
#define LD_PROCESS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "runner/process/guard.h"
#include "runner/process/strain.h"

struct ld_spawn {
    const char *program;                /* absolute path */
    const char *folder;                 /* working directory, "" to inherit */
    const char *const *arguments;       /* argv, ends with NULL */
    const char *const *environment;     /* NAME=value, ends with NULL */
    int stdout_fd, stderr_fd;           /* -1: /dev/null */
    int listen_fd, truth_fd, setting_fd; /* become 3, 4, 5; -1: none. All stay the caller's, to be closed after start */
    uint64_t open_files;                /* hard limit; 0: inherit */
    int stdin_fd;                       /* 0 (our own, which nobody gets): /dev/null; stays the caller's too */
    const char *disk_folder;            /* becomes a file system of its own, of disk_bytes; NULL: none */
    uint64_t disk_bytes;
};

#define LD_PROCESS_UNSWEPT (-1)

struct ld_process;

struct ld_process_events {
    void (*started)(struct ld_process *process, int64_t pid);
    void (*failed)(struct ld_process *process, const struct ld_error *error); /* never started, or the guard died */
    void (*exited)(struct ld_process *process, int64_t status);                /* exit code, or -signal */
    /* Nothing of it is left (left 0). `swept`: how many processes it had left behind, or LD_PROCESS_UNSWEPT when its
     * shim was killed: then the guard, or leakdrill in its place, sweeps what there may be. */
    void (*ended)(struct ld_process *process, int64_t swept, int64_t left);
    void (*closed)(struct ld_process *process);
    /* A strain was laid on or (LD_MEANS_NONE) taken off, or could not be: saved_errno. May be NULL. */
    void (*strained)(struct ld_process *process, enum ld_strain strain, enum ld_means means, int saved_errno);
};

struct ld_process {
    unsigned magic;
    uv_poll_t poll;
    const struct ld_process_events *events;
    void *context;      /* the caller's */
    int channel;
    int pidfd;          /* -1 before started and after closed */
    int64_t pid;        /* as we see it; 0 before started */
    bool started, failed, exited, ending, ended;
    int64_t exit_status;
    const char *campaign_group;    /* the guard's */
    char group[LD_GROUP_PATH_MAX]; /* folder of its own cgroup; "" when it has none */
};

/* Ask the guard for it. On success the events follow; on failure nothing needs closing. */
int ld_process_start(struct ld_process *process, uv_loop_t *loop, const struct ld_guard *guard,
                     const struct ld_spawn *spawn, const struct ld_process_events *events, void *context,
                     struct ld_error *error);
/* To the process itself, at once, by pidfd: cannot hit another. 0 or LD_ESYSTEM (gone). */
int ld_process_signal(struct ld_process *process, int number);
/* To its process group, through the shim. */
int ld_process_signal_group(struct ld_process *process, int number);
/* Lay a strain on it or take it off, through the shim; `strained` follows. 0 or LD_ESYSTEM (gone). The shim takes it
 * off by itself after lease_ns, or when leakdrill is gone. */
int ld_process_strain(struct ld_process *process, enum ld_strain strain, int64_t value, int64_t lease_ns);
int ld_process_relieve(struct ld_process *process, enum ld_strain strain);
/* Kill whatever is left of it; `ended` follows. Allowed in every state but after ended. */
void ld_process_end(struct ld_process *process);
/* After ended or failed (or before, which ends it unseen): free what the loop holds; `closed` follows. */
void ld_process_close(struct ld_process *process);

#endif
