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
    {"truth", test_truth},
};

/* test_program [GROUP]: all of them, or one. */
int main(int argc, char **argv)
{
    int failed = 0;
    size_t ran = 0;
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        if (argc > 1 && strcmp(argv[1], groups[i].name) != 0)
            continue;
        failed += groups[i].run();
        ran++;
    }
    if (ran == 0)
        fprintf(stderr, "no group %s\n", argv[1]);
    return failed != 0 || ran == 0;
}
