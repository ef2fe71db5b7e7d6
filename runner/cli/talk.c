#include <stdarg.h>
#include <stdio.h>

#include "runner/cli/command.h"
#include "runner/cli/wrap.h"

#define MESSAGE_MAX 1200

int ld_usage_error(const struct ld_command *command, const char *format, ...)
{
    char message[MESSAGE_MAX], text[MESSAGE_MAX + 200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    snprintf(text, sizeof text, "leakdrill %s: %s\nTry: leakdrill %s --help\n", command->name, message,
             command->name);
    ld_put_fitting(stderr, text);
    return LD_EXIT_USAGE;
}

int ld_say_error(const struct ld_command *command, const struct ld_error *error)
{
    char line[MESSAGE_MAX], text[MESSAGE_MAX + 100];
    snprintf(text, sizeof text, "leakdrill %s: %s\n", command->name, ld_error_format(error, line, sizeof line));
    ld_put_fitting(stderr, text);
    return ld_code_exit(error->code);
}

void ld_say_errors(void *stream, const struct ld_errors *errors)
{
    char line[MESSAGE_MAX], text[MESSAGE_MAX + 2];
    for (size_t i = 0; i < errors->count; i++) {
        snprintf(text, sizeof text, "%s\n", ld_error_format(&errors->items[i], line, sizeof line));
        ld_put_fitting(stream, text);
    }
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
