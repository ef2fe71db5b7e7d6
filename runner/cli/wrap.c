#include "runner/cli/wrap.h"

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

static unsigned columns(const char *text, size_t length)
{
    unsigned count = 0;
    for (size_t i = 0; i < length; i++)
        count += !continues(text[i]);
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
        code = ld_buffer_printf(out, "%*s", (int)used, "");
        if (!code)
            code = ld_buffer_add(out, line, piece);
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

int ld_put_wrapped(FILE *stream, const struct ld_buffer *text)
{
    struct ld_buffer wrapped;
    unsigned width = isatty(fileno(stream)) ? ld_terminal_width(fileno(stream)) : WIDTH_NO_TERMINAL;
    ld_buffer_init(&wrapped, WRAPPED_MAX);
    int code = ld_wrap(ld_buffer_text(text), width < WIDTH_MAX ? width : WIDTH_MAX, &wrapped);
    if (!code)
        fputs(ld_buffer_text(&wrapped), stream);
    ld_buffer_done(&wrapped);
    return code;
}
