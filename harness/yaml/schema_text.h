/* How the schema layer words types, units and ranges, for errors and for explain alike. Only for this room. */
#ifndef LD_YAML_SCHEMA_TEXT_H
#define LD_YAML_SCHEMA_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "yaml/schema.h"

/* A parsed number; the field's type says which member holds it. */
struct ld_quantity {
    int64_t integer; /* INTEGER, DURATION */
    uint64_t size;   /* SIZE */
    double number;   /* NUMBER, RATE, PERCENT */
};

/* For types that need a unit: what to call the quantity, and the unit of an example. */
struct ld_unit_hint {
    const char *quantity; /* "a duration" */
    const char *unit;     /* "ms" */
};
const struct ld_unit_hint *ld_unit_hint(enum ld_field_type type); /* NULL: the type has no unit */

const char *ld_type_phrase(enum ld_field_type type); /* "a whole number"; static */
bool ld_is_name(const char *text);                   /* LD_FIELD_NAME */
/* "10ms to 1h", "at least 1" or "at most 5", in the unit of the field; "" when it has no bounds. */
const char *ld_range_text(const struct ld_field *field, char *buffer, size_t size);
/* "a, b, c", cut off with "…" when there is no room. */
const char *ld_names_text(const char *const *names, char *buffer, size_t size);

#endif
