#include "pprof/wire.h"

#define VARINT_MAX 10 /* bytes of a 64-bit varint */

int ld_wire_fail(const struct ld_wire_reader *wire, const char *at, const char *what)
{
    return ld_fail(wire->error, LD_ESYNTAX, "%s at byte %zu of the profile", what, (size_t)(at - wire->whole.at));
}

/* A message that runs out within the whole's own end was cut; one that runs out earlier contradicts its length. */
static int fail_short(const struct ld_wire_reader *wire, struct ld_span message, const char *at)
{
    if (message.end != wire->whole.end)
        return ld_wire_fail(wire, at, "a field leaves its message");
    return ld_fail(wire->error, LD_ETRUNCATED, "the profile ends early, at byte %zu",
                   (size_t)(wire->whole.end - wire->whole.at));
}

static int read_varint(const struct ld_wire_reader *wire, struct ld_span *message, uint64_t *ret_value)
{
    const char *at = message->at;
    uint64_t value = 0;
    for (int i = 0; i < VARINT_MAX; i++) {
        if (at == message->end)
            return fail_short(wire, *message, message->at);
        unsigned char byte = (unsigned char)*at++;
        if (i == VARINT_MAX - 1 && byte > 1)
            break;
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            message->at = at;
            *ret_value = value;
            return 0;
        }
    }
    return ld_wire_fail(wire, message->at, "a varint longer than 64 bits");
}

static int read_bytes(const struct ld_wire_reader *wire, struct ld_span *message, uint64_t length,
                      struct ld_span *ret_bytes)
{
    if (length > ld_span_length(*message))
        return fail_short(wire, *message, message->at);
    *ret_bytes = (struct ld_span){message->at, message->at + length};
    message->at += length;
    return 0;
}

int ld_wire_next(const struct ld_wire_reader *wire, struct ld_span *message, struct ld_wire_field *ret_field)
{
    struct ld_wire_field field = {0};
    const char *start = message->at;
    uint64_t tag;
    int code;
    if (message->at == message->end)
        return 0;
    if ((code = read_varint(wire, message, &tag)))
        return code;
    if (tag >> 3 == 0 || tag >> 3 > UINT32_MAX)
        return ld_wire_fail(wire, start, "an impossible field number");
    field.number = (uint32_t)(tag >> 3);
    field.type = (enum ld_wire_type)(tag & 7);
    switch (tag & 7) {
    case LD_WIRE_VARINT:
        code = read_varint(wire, message, &field.value);
        break;
    case LD_WIRE_BYTES:
        if (!(code = read_varint(wire, message, &field.value)))
            code = read_bytes(wire, message, field.value, &field.bytes);
        break;
    case LD_WIRE_FIXED64:
        code = read_bytes(wire, message, 8, &field.bytes);
        break;
    case LD_WIRE_FIXED32:
        code = read_bytes(wire, message, 4, &field.bytes);
        break;
    default:
        code = ld_wire_fail(wire, start, "an unknown wire type");
    }
    if (code)
        return code;
    *ret_field = field;
    return 1;
}

int ld_wire_repeated(const struct ld_wire_reader *wire, struct ld_wire_field *field, uint64_t *ret_value)
{
    if (field->type == LD_WIRE_VARINT) {
        *ret_value = field->value;
        field->type = LD_WIRE_BYTES; /* given out: what is left is empty */
        field->bytes = (struct ld_span){wire->whole.at, wire->whole.at};
        return 1;
    }
    if (field->type != LD_WIRE_BYTES)
        return ld_wire_fail(wire, field->bytes.at, "a number of the wrong wire type");
    if (field->bytes.at == field->bytes.end)
        return 0;
    int code = read_varint(wire, &field->bytes, ret_value);
    return code ? code : 1;
}
