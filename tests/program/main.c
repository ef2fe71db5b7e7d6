#include <stdio.h>
#include <string.h>

#include "groups.h"

static const struct {
    const char *name;
    int (*run)(void);
} groups[] = {
    {"command-line", test_command_line}, {"exit-codes", test_exit_codes}, {"bad-targets", test_bad_targets},
    {"targets", test_targets},           {"campaign", test_campaign},
    {"kill", test_kill},
    {"interrupt", test_interrupt},
    {"replay", test_replay},
    {"together", test_together},
    {"determinism", test_determinism},
    {"threads", test_threads},
    {"truth", test_truth},
    {"validity", test_validity},
    {"doctor", test_doctor},
    {"completion", test_completion},
    {"scaffold", test_scaffold},
    {"proxy", test_proxy},
    {"instrument", test_instrument},
};

/* test_program [GROUP]: all of them, or one. Exits with GROUP_SKIPPED when none could be run. */
int main(int argc, char **argv)
{
    int failed = 0;
    size_t ran = 0, skipped = 0;
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        if (argc > 1 && strcmp(argv[1], groups[i].name) != 0)
            continue;
        int result = groups[i].run();
        failed += result == GROUP_SKIPPED ? 0 : result;
        skipped += result == GROUP_SKIPPED;
        ran++;
    }
    if (ran == 0)
        fprintf(stderr, "no group %s\n", argv[1]);
    if (ran && skipped == ran)
        return GROUP_SKIPPED;
    return failed != 0 || ran == 0;
}
