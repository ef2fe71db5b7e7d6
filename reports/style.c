#include "reports/style.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void styled_begin(struct styled *styled, const struct ld_text_style *style, struct ld_buffer *out)
{
    *styled = (struct styled){.style = *style, .out = out};
    if (styled->style.width == 0)
        styled->style.width = 80;
    if (styled->style.width < STYLE_WIDTH_MIN)
        styled->style.width = STYLE_WIDTH_MIN;
    if (styled->style.width > STYLE_WIDTH_MAX)
        styled->style.width = STYLE_WIDTH_MAX;
}

void styled_text(struct styled *styled, const char *text)
{
    if (!styled->code)
        styled->code = ld_buffer_add_text(styled->out, text);
}

void styled_printf(struct styled *styled, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (!styled->code)
        styled->code = ld_buffer_vprintf(styled->out, format, arguments);
    va_end(arguments);
}

void styled_repeat(struct styled *styled, const char *text, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        styled_text(styled, text);
}

size_t style_sequence(const char *text)
{
    const unsigned char *bytes = (const unsigned char *)text;
    if (bytes[0] < 0x80)
        return 1;
    size_t length = bytes[0] >= 0xf0 && bytes[0] < 0xf5 ? 4 : bytes[0] >= 0xe0 && bytes[0] < 0xf0 ? 3
                  : bytes[0] >= 0xc2 && bytes[0] < 0xe0 ? 2 : 0;
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((bytes[0] == 0xe0 && bytes[1] < 0xa0) || (bytes[0] == 0xed && bytes[1] > 0x9f) ||
        (bytes[0] == 0xf0 && bytes[1] < 0x90) || (bytes[0] == 0xf4 && bytes[1] > 0x8f))
        return 0;
    return length;
}

/* U+061C, U+200E and U+200F, U+202A to U+202E, U+2066 to U+2069. */
static bool turns_direction(const char *text, size_t length)
{
    unsigned char last = (unsigned char)text[length - 1];
    return (length == 2 && memcmp(text, "\xd8\x9c", 2) == 0) ||
           (length == 3 && memcmp(text, "\xe2\x80", 2) == 0 &&
            (last == 0x8e || last == 0x8f || (last >= 0xaa && last <= 0xae))) ||
           (length == 3 && memcmp(text, "\xe2\x81", 2) == 0 && last >= 0xa6 && last <= 0xa9);
}

bool style_is_nonsense(const char *text, size_t length)
{
    unsigned char first = (unsigned char)text[0];
    bool c1 = length == 2 && first == 0xc2 && (unsigned char)text[1] < 0xa0;
    return length == 0 || first < 0x20 || first == 0x7f || c1 || turns_direction(text, length);
}

/* One character of foreign text, made harmless; returns the bytes it took. */
static size_t add_character(struct styled *styled, const char *text)
{
    size_t length = style_sequence(text);
    if (style_is_nonsense(text, length) || (length > 1 && !styled->style.utf8))
        styled_text(styled, "?");
    else if (!styled->code)
        styled->code = ld_buffer_add(styled->out, text, length);
    return length ? length : 1;
}

static unsigned columns(const char *text)
{
    unsigned count = 0;
    while (*text) {
        size_t length = style_sequence(text);
        text += length ? length : 1;
        count++;
    }
    return count;
}

void styled_cell(struct styled *styled, const char *text, int width, bool pad)
{
    unsigned room = (unsigned)abs(width), wanted = columns(text);
    unsigned shown = wanted > room ? room - (room > 0) : wanted;
    unsigned filling = pad && wanted < room ? room - wanted : 0;
    if (width < 0)
        styled_repeat(styled, " ", filling);
    for (unsigned i = 0; i < shown; i++)
        text += add_character(styled, text);
    if (wanted > room && room > 0)
        styled_text(styled, styled->style.utf8 ? "…" : "~");
    if (width >= 0)
        styled_repeat(styled, " ", filling);
}

void styled_wrapped(struct styled *styled, unsigned used_before, unsigned indent, const char *text)
{
    bool begun = used_before > 0;
    while (*text == '\n')
        text++;
    if (begun && !*text)
        styled_text(styled, "\n");
    while (*text) {
        unsigned used = 0, break_columns = 0, taken = begun ? used_before : indent;
        unsigned room = styled->style.width > taken ? styled->style.width - taken : 1;
        const char *end = text, *break_at = NULL;
        while (*end && *end != '\n' && used < room) {
            if (*end == ' ') {
                break_at = end;
                break_columns = used;
            }
            size_t length = style_sequence(end);
            end += length ? length : 1;
            used++;
        }
        bool broken = *end && *end != ' ' && *end != '\n';
        if (broken && break_at) {
            end = break_at;
            used = break_columns;
        } else if (broken && begun) {
            end = text; /* the word has more room on a line of its own */
        }
        if (!begun)
            styled_repeat(styled, " ", indent);
        begun = false;
        while (text < end)
            text += add_character(styled, text);
        styled_text(styled, "\n");
        text += strspn(text, " ");
        text += strspn(text, "\n");
    }
}

void styled_colour(struct styled *styled, enum style_colour colour)
{
    static const char *const codes[] = {
        [STYLE_PLAIN] = "\033[0m", [STYLE_BOLD] = "\033[1m",   [STYLE_DIM] = "\033[2m",
        [STYLE_RED] = "\033[31m",  [STYLE_GREEN] = "\033[32m", [STYLE_YELLOW] = "\033[33m"};
    if (styled->style.colour)
        styled_text(styled, codes[colour]);
}

void styled_rule(struct styled *styled)
{
    styled_repeat(styled, styled->style.utf8 ? "─" : "-", styled->style.width);
    styled_text(styled, "\n");
}

json_t *style_json_text(const char *text)
{
    const char *whole = text ? text : "";
    json_t *made = json_string(whole);
    if (made)
        return made;
    struct ld_buffer clean;
    int code = 0;
    ld_buffer_init(&clean, strlen(whole) + 1);
    for (const char *at = whole; *at && !code;) {
        size_t length = style_sequence(at);
        code = ld_buffer_add(&clean, length ? at : "?", length ? length : 1);
        at += length ? length : 1;
    }
    made = code ? NULL : json_string(ld_buffer_text(&clean));
    ld_buffer_done(&clean);
    return made;
}

int style_json(json_t *object, struct ld_buffer *out)
{
    char *text = object ? json_dumps(object, JSON_INDENT(2)) : NULL;
    int code = text ? ld_buffer_printf(out, "%s\n", text) : LD_ENOMEM;
    free(text);
    json_decref(object);
    return code;
}
