#include "yaml/quote.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* One character of UTF-8, and its length. */
static uint32_t character(const char *text, size_t *ret_length)
{
    unsigned char first = (unsigned char)*text;
    size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t code = length == 1 ? first : first & (0x7fu >> length);
    for (size_t i = 1; i < length; i++)
        code = code << 6 | ((unsigned char)text[i] & 0x3fu);
    *ret_length = length;
    return code;
}

/* What YAML does not take as it is, or a person would not see. */
static bool needs_escape(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 || code == 0xfeff ||
           (code & 0xfffe) == 0xfffe;
}

int ld_yaml_quote(const char *text, struct ld_buffer *out)
{
    int code = ld_buffer_add_text(out, "\"");
    while (*text && !code) {
        size_t length;
        uint32_t unicode = character(text, &length);
        if (unicode == '"' || unicode == '\\')
            code = ld_buffer_printf(out, "\\%c", (char)unicode);
        else if (needs_escape(unicode))
            code = ld_buffer_printf(out, "\\U%08X", (unsigned)unicode);
        else
            code = ld_buffer_add(out, text, length);
        text += length;
    }
    return code ? code : ld_buffer_add_text(out, "\"");
}
