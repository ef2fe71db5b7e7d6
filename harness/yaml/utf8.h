/* Finding bytes that are no UTF-8 text, with their place. */
#ifndef LD_YAML_UTF8_H
#define LD_YAML_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Where a search stands, and the fault it found last. Begin with line 1, column 1 and zero elsewhere. */
struct ld_utf8_place {
    size_t offset;         /* bytes read so far */
    unsigned line, column; /* of the fault; columns count characters */
    unsigned char byte;    /* the offending byte */
    unsigned next_line, next_column;
};

/* The next NUL byte or byte that does not belong to valid UTF-8 (RFC 3629); false when there is none. */
bool ld_utf8_next_fault(const char *bytes, size_t length, struct ld_utf8_place *place);

#endif
