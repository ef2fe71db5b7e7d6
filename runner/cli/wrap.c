#include "runner/cli/wrap.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "runner/cli/progress.h"

#define WIDTH_NO_TERMINAL 80
#define WIDTH_MAX 100 /* longer lines are hard to read */
#define WRAPPED_MAX ((size_t)256 << 20)

static bool continues(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

/* A change of colour, "ESC [ numbers m", takes none. */
static unsigned columns(const char *text, size_t length)
{
    unsigned count = 0;
    bool colour = false;
    for (size_t i = 0; i < length; i++) {
        colour = colour || text[i] == '\033';
        count += !colour && !continues(text[i]);
        colour = colour && text[i] != 'm';
    }
    return count;
}

/* Where the rest of a broken line continues: behind the first two spaces between words, else at its own indentation. */
static unsigned hanging(const char *line, size_t length, unsigned width)
{
    unsigned indent = 0;
    while (indent < length && line[indent] == ' ')
        indent++;
    for (size_t i = indent; i + 2 < length; i++) {
        if (line[i] != ' ' || line[i + 1] != ' ')
            continue;
        while (i < length && line[i] == ' ')
            i++;
        unsigned column = columns(line, i);
        return column <= width / 2 ? column : indent + 4;
    }
    return indent;
}

/* The bytes of `line` that fit into `room` columns, up to a space behind at least one word; all of the first word when
 * that is longer. */
static size_t fitting(const char *line, size_t length, unsigned room)
{
    size_t begin = 0, fits = 0;
    while (begin < length && line[begin] == ' ')
        begin++;
    for (size_t i = begin; i <= length; i++) {
        if (i < length && line[i] != ' ')
            continue;
        if (fits && columns(line, i) > room)
            break;
        fits = i;
    }
    return fits;
}

static int wrap_line(const char *line, size_t length, unsigned width, struct ld_buffer *out)
{
    unsigned hang = hanging(line, length, width), used = 0;
    int code = 0;
    do {
        size_t piece = columns(line, length) + used <= width ? length : fitting(line, length, width - used);
        size_t shown = piece; /* without the blanks at which it is broken */
        while (piece < length && shown && line[shown - 1] == ' ')
            shown--;
        code = ld_buffer_printf(out, "%*s", (int)used, "");
        if (!code)
            code = ld_buffer_add(out, line, shown);
        if (!code)
            code = ld_buffer_add_text(out, "\n");
        line += piece;
        length -= piece;
        while (length && *line == ' ') {
            line++;
            length--;
        }
        used = hang;
    } while (!code && length);
    return code;
}

int ld_wrap(const char *text, unsigned width, struct ld_buffer *out)
{
    int code = 0;
    while (!code && *text) {
        size_t length = strcspn(text, "\n");
        code = wrap_line(text, length, width, out);
        text += length + (text[length] == '\n');
    }
    return code;
}

static int put(FILE *stream, const char *text, unsigned width)
{
    struct ld_buffer wrapped;
    ld_buffer_init(&wrapped, WRAPPED_MAX);
    int code = ld_wrap(text, width, &wrapped);
    if (!code)
        fputs(ld_buffer_text(&wrapped), stream);
    ld_buffer_done(&wrapped);
    return code;
}

int ld_put_wrapped(FILE *stream, const struct ld_buffer *text)
{
    unsigned width = isatty(fileno(stream)) ? ld_terminal_width(fileno(stream)) : WIDTH_NO_TERMINAL;
    return put(stream, ld_buffer_text(text), width < WIDTH_MAX ? width : WIDTH_MAX);
}

void ld_put_fitting(FILE *stream, const char *text)
{
    bool terminal = isatty(fileno(stream));
    if (!terminal || put(stream, text, ld_terminal_width(fileno(stream))) != 0)
        fputs(text, stream);
}
