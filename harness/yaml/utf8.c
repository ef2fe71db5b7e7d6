#include "yaml/utf8.h"

/* RFC 3629, section 4: first bytes, the range of the second byte, and the length of the sequence. */
static const struct sequence {
    unsigned char first_low, first_high, second_low, second_high;
    unsigned length;
} sequences[] = {
    {0x01, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
    {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
    {0xf4, 0xf4, 0x80, 0x8f, 4},
};

/* Bytes of the valid character at `bytes`, 0 when there is none. */
static size_t character_length(const unsigned char *bytes, size_t left)
{
    for (size_t i = 0; i < sizeof sequences / sizeof sequences[0]; i++) {
        const struct sequence *sequence = &sequences[i];
        if (bytes[0] < sequence->first_low || bytes[0] > sequence->first_high)
            continue;
        if (sequence->length > left)
            return 0;
        if (sequence->length > 1 && (bytes[1] < sequence->second_low || bytes[1] > sequence->second_high))
            return 0;
        for (unsigned k = 2; k < sequence->length; k++)
            if (bytes[k] < 0x80 || bytes[k] > 0xbf)
                return 0;
        return sequence->length;
    }
    return 0;
}

bool ld_utf8_next_fault(const char *bytes, size_t length, struct ld_utf8_place *place)
{
    if (place->offset == 0) {
        place->next_line = place->line;
        place->next_column = place->column;
    }
    while (place->offset < length) {
        const unsigned char *here = (const unsigned char *)bytes + place->offset;
        size_t step = character_length(here, length - place->offset);
        place->line = place->next_line;
        place->column = place->next_column;
        place->offset += step ? step : 1;
        place->next_column++;
        if (step && *here == '\n') {
            place->next_line++;
            place->next_column = 1;
        }
        if (!step) {
            place->byte = *here;
            return true;
        }
    }
    return false;
}
