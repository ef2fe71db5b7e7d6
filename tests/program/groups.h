/* The test groups of the whole program: one file each, run by main.c; CMake makes a test of every row. Each function
 * returns how many of its tests failed, or GROUP_SKIPPED when none of them could be run. */
#ifndef LD_TEST_PROGRAM_GROUPS_H
#define LD_TEST_PROGRAM_GROUPS_H

#define GROUP_SKIPPED 77 /* what ctest calls skipped, too; no group has so many tests */

/*    function, name; one row a line */
#define LD_PROGRAM_GROUPS(X) \
    X(command_line, "command-line")  \
    X(exit_codes, "exit-codes")      \
    X(bad_targets, "bad-targets")    \
    X(targets, "targets")            \
    X(campaign, "campaign")          \
    X(kill, "kill")                  \
    X(interrupt, "interrupt")        \
    X(replay, "replay")              \
    X(import, "import")              \
    X(together, "together")          \
    X(determinism, "determinism")    \
    X(threads, "threads")            \
    X(truth, "truth")                \
    X(toxics, "toxics")              \
    X(validity, "validity")          \
    X(doctor, "doctor")              \
    X(completion, "completion")      \
    X(scaffold, "scaffold")          \
    X(proxy, "proxy")                \
    X(faults, "faults")              \
    X(recover, "recover")            \
    X(instrument, "instrument")      \
    X(baseline, "baseline")          \
    X(sequential, "sequential")      \
    X(regression, "regression")      \
    X(exec, "exec")                 \
    X(blind, "blind")                \
    X(own, "own")                    \
    X(compare, "compare")           \
    X(board, "board")               \
    X(prometheus, "prometheus")      \
    X(endpoint, "endpoint")          \
    X(confounders, "confounders")    \
    X(conditions, "conditions")      \
    X(sanitizer, "sanitizer")        \
    X(static, "static")              \
    X(published, "published")

#define X(function, name) int test_##function(void);
LD_PROGRAM_GROUPS(X)
#undef X

#endif
