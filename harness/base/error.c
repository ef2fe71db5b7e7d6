#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static const struct {
    int code;
    const char *name;
    const char *text;
    int exit;
} codes[] = {
    {0, "LD_OK", "no error", LD_EXIT_OK},
#define X(name, value, text, exit) {value, "LD_E" #name, text, exit},
    LD_ERRORS(X)
#undef X
};

static size_t code_row(int code)
{
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i].code == code)
            return i;
    return sizeof codes / sizeof codes[0];
}

const char *ld_code_name(int code)
{
    size_t i = code_row(code);
    return i < sizeof codes / sizeof codes[0] ? codes[i].name : "LD_E?";
}

const char *ld_code_text(int code)
{
    size_t i = code_row(code);
    return i < sizeof codes / sizeof codes[0] ? codes[i].text : "unknown error";
}

int ld_code_exit(int code)
{
    size_t i = code_row(code);
    return i < sizeof codes / sizeof codes[0] ? codes[i].exit : LD_EXIT_HARNESS;
}

__attribute__((format(printf, 3, 0))) static void fill(struct ld_error *error, int code, const char *format,
                                                       va_list arguments)
{
    error->code = code;
    error->line = error->column = 0;
    error->file[0] = error->path[0] = '\0';
    vsnprintf(error->message, sizeof error->message, format, arguments);
}

int ld_fail(struct ld_error *error, int code, const char *format, ...)
{
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        fill(error, code, format, arguments);
        va_end(arguments);
    }
    return code;
}

int ld_fail_errno(struct ld_error *error, int code, int saved_errno, const char *format, ...)
{
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        fill(error, code, format, arguments);
        va_end(arguments);
        size_t n = strlen(error->message);
        snprintf(error->message + n, sizeof error->message - n, ": %s", strerror(saved_errno));
    }
    return code;
}

void ld_errors_add(struct ld_errors *errors, const struct ld_error *error)
{
    if (errors->count < LD_ERRORS_MAX) {
        struct ld_error *grown = realloc(errors->items, (errors->count + 1) * sizeof *grown);
        if (grown) {
            errors->items = grown;
            errors->items[errors->count++] = *error;
            return;
        }
    }
    errors->dropped++;
}

void ld_errors_done(struct ld_errors *errors)
{
    free(errors->items);
    memset(errors, 0, sizeof *errors);
}

const char *ld_error_format(const struct ld_error *error, char *buffer, size_t size)
{
    char line[sizeof error->file + sizeof error->path + sizeof error->message + 64];
    int n = 0;
    if (size == 0)
        return buffer;
    if (error->file[0] && error->line)
        n = snprintf(line, sizeof line, "%s:%u:%u: ", error->file, error->line, error->column);
    else if (error->file[0])
        n = snprintf(line, sizeof line, "%s: ", error->file);
    if (error->path[0])
        n += snprintf(line + n, sizeof line - (size_t)n, "%s: ", error->path);
    snprintf(line + n, sizeof line - (size_t)n, "%s", error->message);
    return ld_format_harmless(line, buffer, size);
}
