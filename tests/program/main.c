#include <stdio.h>
#include <string.h>

#include "groups.h"
#include "lab.h"

static const struct {
    const char *name;
    int (*run)(void);
} groups[] = {
#define X(function, name) {name, test_##function},
    LD_PROGRAM_GROUPS(X)
#undef X
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
    if (failed != 0 || ran == 0)
        return 1;
    if (lab_given_up() != 0) /* shown as skipped: what it says of a busy machine is in the log */
        fprintf(stderr, "given up on a machine that is too busy: %u\n", lab_given_up());
    return skipped == ran || lab_given_up() != 0 ? GROUP_SKIPPED : 0;
}
