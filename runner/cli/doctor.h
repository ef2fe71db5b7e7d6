/* What this machine can and cannot do, and what is lost without it: one row a check, one function a row.
 *
 * The table is here so that the subcommand and its test know the same checks. A check looks for itself, leaves
 * nothing behind, and never ends the program: what it cannot find out it says in `found`. */
#ifndef LD_RUNNER_CLI_DOCTOR_H
#define LD_RUNNER_CLI_DOCTOR_H

#include <stdbool.h>

enum ld_health {
    LD_HEALTH_OK,
    LD_HEALTH_DEGRADED, /* runs are possible, with the loss that the row names */
    LD_HEALTH_MISSING   /* it is not there; where the row is needed no run is possible */
};

struct ld_finding {
    enum ld_health health;
    char found[400];  /* one line */
    const char *lost; /* static; NULL: what the row says */
};

/*    id, name, needed for any run, what is lost without it (a check may know better). In this order: the guard before
 * anything makes a thread. */
#define LD_DOCTOR_CHECKS(X)                                                                                            \
    X(guard, "guard", true, "nothing can be started without it")                                                       \
    X(subreaper, "subreaper", true, "processes that a target leaves behind could not be found and ended")              \
    X(pidfd, "pidfd", true, "a kill could hit another process that was given the same number")                         \
    X(cgroup, "cgroup", false,                                                                                         \
      "targets are ended by the guard alone; the fault memory is RLIMIT_DATA, the fault cpu is SIGSTOP and SIGCONT "   \
      "in turns, as their receipts say; target.limits.memory is GOMEMLIMIT in any case")                               \
    X(limits, "fault limits", false,                                                                                   \
      "the faults open_files and memory lower the soft limit only, and the fault disk has nothing to fill")            \
    X(open_files, "open files", true, "runs fail when no further socket can be opened: run fewer at once (--jobs)")    \
    X(cores, "cores", false, "runs disturb each other's times: run fewer at once (--jobs)")                            \
    X(timers, "timers", false, "samples and faults come late, and times to detect are that much coarser")              \
    X(real_time, "real time", false, "while a toxic acts, a busy machine makes the fault proxy late")                  \
    X(loopback, "loopback", true, "targets, upstreams and the fault proxy meet on 127.0.0.1: no run without it")       \
    X(temporary, "temporary folder", true, "programs are put there and started from there: no run without it")         \
    X(clock, "clock", false, "short delays and times to detect cannot be told apart")                                  \
    X(programs, "Go programs", false,                                                                                  \
      "scenarios with a fixture or an upstream cannot run; those with a command or attach and no upstream can")        \
    X(leak_profile, "leak profile", false, "the detector goroutineleak sees nothing: it says unknown")                 \
    X(go, "Go", false, "the Go programs cannot be built again, nor new ones; those that are built run without it")     \
    X(sanitizer, "cgo and ASan", false, "fixtures with C code, and those that AddressSanitizer ends, cannot be built") \
    X(prometheus, "Prometheus", false, "scenarios with the detector prometheus are refused; all others run")           \
    X(libraries, "libraries", false, "what runs is older than what leakdrill was built for")                           \
    X(terminal, "terminal", false, "progress is a line for each ended run instead of a live table")

#define X(id, ...) void ld_doctor_##id(struct ld_finding *finding);
LD_DOCTOR_CHECKS(X)
#undef X

/* Fill a finding. */
void ld_found(struct ld_finding *finding, enum ld_health health, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The first line that a shell command says, without its newline; false when it failed or said nothing. */
bool ld_doctor_ask(const char *command, char *ret_line, unsigned room);

#endif
