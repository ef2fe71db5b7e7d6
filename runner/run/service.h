/* A service of a run: one instance of the target, or the upstream, across its incarnations.
 *
 * It knows the three ways in which a program comes to life: by the fixture contract (listening socket on fd 3, truth
 * on fd 4, setting on fd 5), as any command (told its address, ready when it answers; one that was built with a
 * listener added inherits its socket, too), or attached (already there, never started, never stopped). One struct lives
 * as long as its run; each start begins the next incarnation.
 *
 * Order of events for an incarnation: started, ready, any lines and truth, ended, gone. The lines that the program
 * itself wrote come before its end. `failed` comes instead of what
 * could not happen and is followed by gone. Everything runs on the control loop. */
#ifndef LD_RUN_SERVICE_H
#define LD_RUN_SERVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/buffer.h"
#include "base/error.h"
#include "runner/process/process.h"
#include "runner/sample/fetch.h"

#define LD_SERVICE_LINE_MAX ((size_t)64 * 1024)
#define LD_SERVICE_EVIDENCE_MAX ((size_t)16 * 1024)

enum ld_service_kind { LD_SERVICE_CONTRACT, LD_SERVICE_COMMAND, LD_SERVICE_ATTACHED };

struct ld_service_spec {
    enum ld_service_kind kind;
    const char *name;                /* for messages: "target mailroom", "upstream quotes" */
    const char *program;             /* absolute path; not for ATTACHED */
    const char *folder;              /* working directory */
    const char *const *arguments;    /* ends with NULL; "{listen}" and the other places are replaced for COMMAND */
    const char *const *environment;  /* ends with NULL */
    const char *setting;             /* CONTRACT: the private setting, one line of JSON without newline */
    const char *upstream;            /* COMMAND: what "{upstream}" becomes */
    bool inherits;                   /* COMMAND: pprof is served on the socket that it inherits as fd 3 */
    bool apart;                      /* COMMAND: pprof has an address of its own beside the service's */
    const char *address;             /* ATTACHED: "127.0.0.1:6060" */
    const char *profiles;            /* ATTACHED: likewise, of pprof; NULL: the same */
    const char *ready_path;          /* COMMAND, ATTACHED: answers 200 when it is ready */
    int64_t ready_ns, stop_ns;
    uint64_t open_files;
    const char *disk_folder;         /* a file system of its own, of disk_bytes; NULL: none */
    uint64_t disk_bytes;
};

struct ld_service;

struct ld_service_events {
    void (*started)(struct ld_service *service, int64_t pid);
    void (*ready)(struct ld_service *service);
    void (*line)(struct ld_service *service, const char *line, size_t length);  /* of stderr */
    void (*truth)(struct ld_service *service, const char *line, size_t length); /* of fd 4 */
    void (*ended)(struct ld_service *service, int64_t status);
    void (*failed)(struct ld_service *service, const struct ld_error *error);
    void (*gone)(struct ld_service *service, int64_t swept, int64_t left);
    void (*closed)(struct ld_service *service);
    /* As ld_process_events; may be NULL. */
    void (*strained)(struct ld_service *service, enum ld_strain strain, enum ld_means means, int saved_errno);
};

struct ld_line_reader {
    uv_pipe_t pipe;
    struct ld_service *service;
    struct ld_buffer text;
    bool open, overlong;
    void (*line)(struct ld_service *service, const char *line, size_t length);
};

enum ld_service_state {
    LD_SERVICE_DOWN,     /* nothing runs */
    LD_SERVICE_STARTING, /* asked for, not ready */
    LD_SERVICE_READY,
    LD_SERVICE_STOPPING, /* told to stop */
    LD_SERVICE_ENDING    /* dead; what it left is being swept */
};

struct ld_service {
    unsigned magic;
    uv_loop_t *loop;
    const struct ld_guard *guard;
    struct ld_fetcher *fetcher;
    struct ld_service_spec spec;
    const struct ld_service_events *events;
    void *context;                /* the caller's */
    uint32_t index;               /* instance number */
    uint32_t incarnation;         /* 0 before the first start */
    enum ld_service_state state;
    struct ld_process process;
    bool process_open, process_gone;
    int64_t swept, left;
    struct ld_line_reader error_output, truth;
    int setting;                  /* our end of fd 5; -1 */
    uv_timer_t timer;             /* ready limit, ready probe, stop limit */
    struct ld_fetch *probe;
    int64_t ready_deadline_ns;
    bool service_answered;        /* at ready_path; now pprof is asked */
    char last_answer[320];        /* what the last probe came to, for people */
    int64_t pid;
    uint16_t port;
    char address[64];             /* "127.0.0.1:port" of this incarnation: of the service */
    char profiles[64];            /* likewise: of pprof and metrics, often the same */
    bool said_ready;              /* it said so; READY once it is known to have started, too */
    bool ignored_stop;            /* TERM did not end it in time */
    struct ld_buffer evidence;    /* the last of stderr, kept for failures */
    bool closing;
};

/* The texts of `spec` must outlive the service. */
int ld_service_init(struct ld_service *service, uv_loop_t *loop, const struct ld_guard *guard,
                    struct ld_fetcher *fetcher, const struct ld_service_spec *spec, uint32_t index,
                    const struct ld_service_events *events, void *context);
/* Begin the next incarnation; only when DOWN. On failure (LD_ESYSTEM…) nothing follows. */
int ld_service_start(struct ld_service *service, struct ld_error *error);
/* CONTRACT: the program said `ready` on fd 4. Reading truth is the caller's; so is telling. The event `ready` comes
 * after `started`, whichever of the two was heard first. */
void ld_service_set_ready(struct ld_service *service);
/* A signal to the process: a fault. 0 or LD_ESYSTEM when there is none. */
int ld_service_signal(struct ld_service *service, int number);
/* Lay a strain on its process or take it off: a fault. 0 or LD_ESYSTEM when there is none. */
int ld_service_strain(struct ld_service *service, enum ld_strain strain, int64_t value, int64_t lease_ns);
int ld_service_relieve(struct ld_service *service, enum ld_strain strain);
/* TERM (every strain is taken off, too), then after stop_ns KILL; `gone` follows. An attached service is only let go
 * of. Allowed in any state. */
void ld_service_stop(struct ld_service *service);
/* KILL everything at once; `gone` follows when something was up. */
void ld_service_kill(struct ld_service *service);
/* A control command over fd 5, one line of JSON. 0 or LD_ESYSTEM. */
int ld_service_command(struct ld_service *service, const char *json);
/* Only when DOWN; `closed` follows. */
void ld_service_close(struct ld_service *service);

#endif
