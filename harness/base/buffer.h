/* A growable byte buffer with a mandatory maximum.
 *
 * The only growable byte container of the project (curl's dynbuf taught us why: one place to bound, one place to
 * free). After a failure the buffer keeps what it held and stays usable. `bytes` is always NUL-terminated once
 * something was written, so text may be read as a C string. */
#ifndef LD_BASE_BUFFER_H
#define LD_BASE_BUFFER_H

#include <stdarg.h>
#include <stddef.h>

struct ld_buffer {
    char *bytes;     /* owned; NULL while nothing was written */
    size_t length;   /* bytes in use, without the final NUL */
    size_t capacity; /* bytes allocated */
    size_t maximum;  /* never longer than this */
};

/* `maximum` in bytes, at least 1. */
void ld_buffer_init(struct ld_buffer *buffer, size_t maximum);
void ld_buffer_done(struct ld_buffer *buffer);
/* Forget the contents, keep the memory. */
void ld_buffer_clear(struct ld_buffer *buffer);

/* 0, LD_ELIMIT (would pass the maximum; nothing is added) or LD_ENOMEM. */
int ld_buffer_add(struct ld_buffer *buffer, const void *bytes, size_t length);
int ld_buffer_add_text(struct ld_buffer *buffer, const char *text);
int ld_buffer_printf(struct ld_buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
int ld_buffer_vprintf(struct ld_buffer *buffer, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

/* The contents as a C string, "" when empty; valid until the next change. */
const char *ld_buffer_text(const struct ld_buffer *buffer);
/* Give the bytes to the caller (free), leaving the buffer empty; NULL when nothing was written. */
char *ld_buffer_take(struct ld_buffer *buffer, size_t *ret_length);
/* Remove the first `length` bytes (at most all of them). */
void ld_buffer_drop(struct ld_buffer *buffer, size_t length);

#endif
