#include <stdarg.h>
#include <stdio.h>

#include "runner/cli/command.h"

int ld_usage_error(const struct ld_command *command, const char *format, ...)
{
    va_list arguments;
    fprintf(stderr, "leakdrill %s: ", command->name);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\nTry: leakdrill %s --help\n", command->name);
    return LD_EXIT_USAGE;
}

int ld_say_error(const struct ld_command *command, const struct ld_error *error)
{
    char line[1200];
    fprintf(stderr, "leakdrill %s: %s\n", command->name, ld_error_format(error, line, sizeof line));
    return ld_code_exit(error->code);
}

void ld_say_errors(void *stream, const struct ld_errors *errors)
{
    char line[1200];
    for (size_t i = 0; i < errors->count; i++)
        fprintf(stream, "%s\n", ld_error_format(&errors->items[i], line, sizeof line));
    if (errors->dropped)
        fprintf(stream, "… and %zu more\n", errors->dropped);
}

int ld_put(const struct ld_buffer *out)
{
    fwrite(ld_buffer_text(out), 1, out->length, stdout);
    return LD_EXIT_OK;
}

int ld_put_done(struct ld_buffer *out, int code, struct ld_error *error)
{
    if (!code)
        ld_put(out);
    else if (error->code != code)
        ld_fail(error, code, "%s", ld_code_text(code));
    ld_buffer_done(out);
    return code;
}
