/* What a detector that is a program can do wrong. The name stands first in the reason of its DETECTOR_ERROR. */
#ifndef LD_RUNNER_DETECT_FAULT_H
#define LD_RUNNER_DETECT_FAULT_H

/*    id, name, what it did */
#define LD_EXEC_FAULTS(X)                                                               \
    X(NOT_STARTED, "not-started", "the program could not be started")                   \
    X(CRASHED, "crashed", "it ended, or closed its output, before its input ended")     \
    X(HUNG, "hung", "it did not answer in time")                                        \
    X(FLOODED, "flooded", "it wrote more than the limits allow")                        \
    X(INVALID_UTF8, "invalid-utf8", "it wrote bytes that are no UTF-8")                 \
    X(BROKEN_JSON, "broken-json", "it wrote a line that is no JSON object")             \
    X(OFF_PROTOCOL, "off-protocol", "a JSON object that the protocol does not know")    \
    X(OUT_OF_TURN, "out-of-turn", "it spoke without being asked, or of another observation") \
    X(IMPOSSIBLE_CLAIM, "impossible-claim", "it claimed what it cannot know or what is not so") \
    X(FELL_BEHIND, "fell-behind", "too many observations waited for its answers")       \
    X(MEMORY, "too-much-memory", "it held more memory than allowed")                    \
    X(CPU, "too-much-cpu", "it used more CPU time than allowed")                        \
    X(GAVE_UP, "gave-up", "it said itself that it cannot go on")                        \
    X(HARNESS, "harness", "leakdrill could not serve it; not its fault")

enum ld_exec_fault {
    LD_EXEC_SOUND,
#define X(id, name, doc) LD_EXEC_FAULT_##id,
    LD_EXEC_FAULTS(X)
#undef X
    LD_EXEC_FAULT_COUNT
};
const char *ld_exec_fault_name(enum ld_exec_fault fault); /* "hung"; static */

#endif
