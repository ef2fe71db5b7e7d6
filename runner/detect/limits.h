/* What a detector that is a program may do, in one table; the page protocol.md repeats it, and a test compares them.
 * The time for an answer, the memory and the CPU time are the scenario's to set (harness/detect/exec.c). */
#ifndef LD_RUNNER_DETECT_LIMITS_H
#define LD_RUNNER_DETECT_LIMITS_H

/*    id, value, what it bounds */
#define LD_EXEC_LIMITS(X)                                                                \
    X(LINE_BYTES, 65536, "bytes of one line it writes")                                  \
    X(ANSWER_LINES, 1000, "lines of one answer")                                         \
    X(CLAIMS, 10000, "lines other than done in a run")                                   \
    X(OPEN_ALERTS, 1000, "alerts open at once")                                          \
    X(ID_BYTES, 128, "bytes of an id, a rule or a version")                              \
    X(TEXT_BYTES, 1024, "bytes of a why or a site")                                      \
    X(BEHIND, 512, "observations waiting while it answers")                              \
    X(BEHIND_BYTES, 67108864, "bytes of profiles that wait with them")                   \
    X(START_MS, 10000, "milliseconds until it has answered hello")                       \
    X(BACKLOG_MS, 10000, "milliseconds after the run's end to answer what still waits")  \
    X(END_MS, 2000, "milliseconds to exit after the end of its input")                   \
    X(STDERR_TOTAL_BYTES, 16777216, "bytes of standard error in a run")                   \
    X(STDERR_BYTES, 16384, "bytes of its standard error that are kept, the last ones")

enum ld_exec_limit {
#define X(id, value, doc) LD_EXEC_##id##_MAX = value,
    LD_EXEC_LIMITS(X)
#undef X
};

#endif
