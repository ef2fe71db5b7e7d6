#include "runner/cli/style.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "runner/cli/progress.h"

#define LOG_WIDTH 120 /* a file or a pipe has no width: wide enough for the whole table, narrow enough to read */

/* The locale's character set, as setlocale would find it: LC_ALL, LC_CTYPE, LANG, the first that is set. */
static bool speaks_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value && value[0])
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
    }
    return false;
}

struct ld_text_style ld_style_of(int fd, bool colour)
{
    return (struct ld_text_style){.width = isatty(fd) ? ld_terminal_width(fd) : LOG_WIDTH,
                                  .colour = colour,
                                  .utf8 = speaks_utf8()};
}

struct ld_text_style ld_style_of_file(void)
{
    return (struct ld_text_style){.width = LOG_WIDTH, .utf8 = true};
}
