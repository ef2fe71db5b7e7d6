#include "runner/cli/help.h"

#include "base/text.h"
#include "runner/cli/manual.h"
#include "runner/cli/wrap.h"

#define HELP_MAX ((size_t)1 << 20)

bool ld_command_is_there(const struct ld_command *command)
{
    return command->run != ld_command_not_yet;
}

void ld_help_all(FILE *stream)
{
    struct ld_buffer out;
    ld_buffer_init(&out, HELP_MAX);
    ld_buffer_add_text(&out, "usage: leakdrill COMMAND [OPTIONS] [ARGUMENTS]\n\n"
                             "A proving ground for leak detectors.\n\n");
    for (const struct ld_command *command = ld_commands; command->name; command++)
        if (ld_command_is_there(command))
            ld_buffer_printf(&out, "  %-12s  %s\n", command->name, command->summary);
    ld_buffer_add_text(&out, "\nNot implemented yet: ");
    const char *before = "";
    for (const struct ld_command *command = ld_commands; command->name; command++) {
        if (ld_command_is_there(command))
            continue;
        ld_buffer_printf(&out, "%s%s", before, command->name);
        before = ", ";
    }
    ld_buffer_add_text(&out, ".\n\nleakdrill COMMAND --help explains a command.\n");
    ld_put_wrapped(stream, &out);
    ld_buffer_done(&out);
}

void ld_help_command(FILE *stream, const struct ld_command *command)
{
    struct ld_buffer out;
    ld_buffer_init(&out, HELP_MAX);
    ld_buffer_printf(&out, "usage: leakdrill %s%s%s%s\n\n%s%s\n", command->name, command->options ? " [OPTIONS]" : "",
                     command->synopsis[0] ? " " : "", command->synopsis, command->summary,
                     ld_command_is_there(command) ? "" : "\n\nnot implemented yet");
    if (command->doc)
        ld_buffer_printf(&out, "\n%s\n", command->doc);
    ld_buffer_add_text(&out, "\n");
    for (const struct ld_option *option = command->options; option && option->name; option++) {
        char name[64];
        snprintf(name, sizeof name, "--%s%s%s", option->name, option->value ? " " : "",
                 option->value ? option->value : "");
        ld_buffer_printf(&out, "  %-19s  %s\n", name, option->doc);
    }
    ld_buffer_printf(&out, "  %-19s  %s\n", "--help", "Show this help.");
    ld_put_wrapped(stream, &out);
    ld_buffer_done(&out);
}

int ld_help_unknown(const char *name)
{
    const char *names[LD_COMMANDS_MAX + 1];
    ld_command_names(names);
    const char *nearest = ld_nearest(name, names);
    fprintf(stderr, "leakdrill: unknown command \"%.60s\"", name);
    if (nearest)
        fprintf(stderr, "; did you mean %s?", nearest);
    fprintf(stderr, "\nTry: leakdrill help\n");
    return LD_EXIT_USAGE;
}

int ld_command_help(const struct ld_invocation *invocation)
{
    if (ld_option_given(invocation, "man")) {
        if (invocation->argument_count)
            return ld_usage_error(invocation->command, "--man is one page for all commands");
        return ld_manual_put(invocation->command);
    }
    if (invocation->argument_count == 0) {
        ld_help_all(stdout);
        return LD_EXIT_OK;
    }
    if (invocation->argument_count > 1)
        return ld_usage_error(invocation->command, "one command at a time");
    const struct ld_command *command = ld_command_find(invocation->arguments[0]);
    if (!command)
        return ld_help_unknown(invocation->arguments[0]);
    ld_help_command(stdout, command);
    return LD_EXIT_OK;
}

int ld_command_version(const struct ld_invocation *invocation)
{
    (void)invocation;
    printf("leakdrill %s\n", LEAKDRILL_VERSION);
    return LD_EXIT_OK;
}
