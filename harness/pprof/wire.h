/* The protobuf wire format: one field at a time, bounded, without recursion. Private to harness/pprof.
 * Source: protobuf.dev/programming-guides/encoding. Groups (wire types 3 and 4) are refused. */
#ifndef LD_PPROF_WIRE_H
#define LD_PPROF_WIRE_H

#include "base/error.h"
#include "pprof/scan.h"

enum ld_wire_type { LD_WIRE_VARINT = 0, LD_WIRE_FIXED64 = 1, LD_WIRE_BYTES = 2, LD_WIRE_FIXED32 = 5 };

struct ld_wire_field {
    uint32_t number;
    enum ld_wire_type type;
    uint64_t value;       /* VARINT */
    struct ld_span bytes; /* BYTES */
};

struct ld_wire_reader {
    struct ld_span whole; /* of which offsets are told, and whose early end is truncation */
    struct ld_error *error;
};

/* The next field of `message`: 1, 0 at its end, LD_ESYNTAX, or LD_ETRUNCATED when the whole ends too early. */
int ld_wire_next(const struct ld_wire_reader *wire, struct ld_span *message, struct ld_wire_field *ret_field);
/* The next number of a repeated field, packed or not: 1, 0 when there is none left, or an error. */
int ld_wire_repeated(const struct ld_wire_reader *wire, struct ld_wire_field *field, uint64_t *ret_value);
/* LD_ESYNTAX, telling where. */
int ld_wire_fail(const struct ld_wire_reader *wire, const char *at, const char *what);

#endif
