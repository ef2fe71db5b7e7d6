#include "base/buffer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

void ld_buffer_init(struct ld_buffer *buffer, size_t maximum)
{
    assert(maximum > 0);
    *buffer = (struct ld_buffer){.maximum = maximum};
}

void ld_buffer_done(struct ld_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct ld_buffer){.maximum = buffer->maximum};
}

void ld_buffer_clear(struct ld_buffer *buffer)
{
    buffer->length = 0;
    if (buffer->bytes)
        buffer->bytes[0] = '\0';
}

static int reserve(struct ld_buffer *buffer, size_t more)
{
    assert(buffer->maximum > 0);
    if (more > buffer->maximum - buffer->length)
        return LD_ELIMIT;
    size_t need = buffer->length + more + 1;
    if (need <= buffer->capacity)
        return 0;
    size_t capacity = buffer->capacity ? buffer->capacity : 64;
    while (capacity < need)
        capacity *= 2;
    char *grown = realloc(buffer->bytes, capacity);
    if (!grown)
        return LD_ENOMEM;
    buffer->bytes = grown;
    buffer->capacity = capacity;
    return 0;
}

int ld_buffer_add(struct ld_buffer *buffer, const void *bytes, size_t length)
{
    int code = reserve(buffer, length);
    if (code)
        return code;
    if (length)
        memcpy(buffer->bytes + buffer->length, bytes, length);
    buffer->length += length;
    buffer->bytes[buffer->length] = '\0';
    return 0;
}

int ld_buffer_add_text(struct ld_buffer *buffer, const char *text)
{
    return ld_buffer_add(buffer, text, strlen(text));
}

int ld_buffer_vprintf(struct ld_buffer *buffer, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (n < 0)
        return LD_ESYSTEM;
    int code = reserve(buffer, (size_t)n);
    if (code)
        return code;
    vsnprintf(buffer->bytes + buffer->length, (size_t)n + 1, format, arguments);
    buffer->length += (size_t)n;
    return 0;
}

int ld_buffer_printf(struct ld_buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int code = ld_buffer_vprintf(buffer, format, arguments);
    va_end(arguments);
    return code;
}

const char *ld_buffer_text(const struct ld_buffer *buffer)
{
    return buffer->bytes ? buffer->bytes : "";
}

char *ld_buffer_take(struct ld_buffer *buffer, size_t *ret_length)
{
    char *bytes = buffer->bytes;
    if (ret_length)
        *ret_length = buffer->length;
    *buffer = (struct ld_buffer){.maximum = buffer->maximum};
    return bytes;
}

void ld_buffer_drop(struct ld_buffer *buffer, size_t length)
{
    if (!buffer->bytes)
        return;
    if (length > buffer->length)
        length = buffer->length;
    memmove(buffer->bytes, buffer->bytes + length, buffer->length - length);
    buffer->length -= length;
    buffer->bytes[buffer->length] = '\0';
}
