#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runner/cli/command.h"
#include "runner/cli/help.h"

/* On a terminal: what to do next. Else nobody would read that, and a script has a mistake. */
static int without_arguments(void)
{
    if (!isatty(STDOUT_FILENO)) {
        ld_help_all(stderr);
        return LD_EXIT_USAGE;
    }
    printf("See what there is:     leakdrill list\n"
           "Run all scenarios:     leakdrill run\n"
           "Learn the commands:    leakdrill help\n");
    return LD_EXIT_OK;
}

static bool wants_colour(void)
{
    const char *no_colour = getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) && !(no_colour && *no_colour);
}

static int run_command(const struct ld_command *command, char **words, size_t count)
{
    struct ld_invocation invocation = {.command = command, .colour = wants_colour()};
    bool help = false;
    int exit = 0;
    if (command->run == ld_command_not_yet) { /* its options are not known yet; its help is */
        help = count > 0 && (strcmp(words[0], "--help") == 0 || strcmp(words[0], "-h") == 0);
    } else {
        exit = ld_options_parse(&invocation, words, count, &help);
    }
    if (exit)
        return exit;
    if (help) {
        ld_help_command(stdout, command);
        return LD_EXIT_OK;
    }
    return command->run(&invocation);
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2)
        return without_arguments();
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    else if (strcmp(name, "--version") == 0)
        name = "version";
    const struct ld_command *command = ld_command_find(name);
    return command ? run_command(command, argv + 2, (size_t)argc - 2) : ld_help_unknown(name);
}

/* A standard descriptor that is closed would be taken by the next file opened. Read only: what is written to a closed
 * stdout still fails. */
static void open_standard_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDONLY);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

int main(int argc, char **argv)
{
    open_standard_descriptors();
    int exit = dispatch(argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "leakdrill: cannot write the result: %s\n", strerror(errno));
        return exit ? exit : LD_EXIT_HARNESS;
    }
    return exit;
}
